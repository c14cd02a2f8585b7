/* exchange.c - requests that are sent and answers that are counted
 *
 * The hot loops of the benchmark, the same for every server: the floor's
 * relay, a broker, redis.  What is sent was made before; what comes back is
 * read and counted, since a server's answers to one request all have one
 * size.  So the client's part in every figure is a write, a poll and a read,
 * the same on all sides.
 *
 * A pipelined run keeps a window of requests on their way: all the answers
 * that one read brings are replaced by as many requests in one write.  They
 * lie one behind the other in `out`, twice, so that any number of them up to
 * a window is one piece, wherever it begins.
 *
 * A fan sends a batch and then waits until each receiver has had all of it,
 * so that no queue can overflow and no receiver is measured ahead of another.
 */
#include "exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

enum { READ_SIZE = 256 * 1024 };

double exchange_clock(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void set_tag(unsigned char *end, int tag)
{
    end[-1] = (unsigned char)tag;
    end[-2] = end[-3] = end[-4] = 0;
}

int exchange_init(struct exchange *x,
                  int fd,
                  const void *request,
                  size_t size,
                  size_t answer_size,
                  int tagged)
{
    int i;

    x->fd = fd;
    x->out_size = size;
    x->in_size = answer_size;
    if (!(x->out = malloc(2 * EXCHANGE_WINDOW * size)))
        return -1;
    for (i = 0; i < 2 * EXCHANGE_WINDOW; i++) {
        unsigned char *p = x->out + (size_t)i * size;

        memcpy(p, request, size);
        if (tagged)
            set_tag(p + size, 1 + i % EXCHANGE_WINDOW);
    }
    return 0;
}

void exchange_release(struct exchange *x)
{
    free(x->out);
    close(x->fd);
}

/* ---- one at a time
 * ----------------------------------------------------------- */

/* One read of whatever is there, after a poll. */
static ssize_t read_some(int fd, unsigned char *in)
{
    struct pollfd pfd = {fd, POLLIN, 0};
    ssize_t n;

    if (poll(&pfd, 1, -1) < 0)
        return -1;
    n = read(fd, in, READ_SIZE);
    return n == 0 ? -1 : n;
}

static int round_trip(struct exchange *x, unsigned char *in)
{
    size_t left = x->in_size;

    if (wire_write(x->fd, x->out, x->out_size) < 0)
        return -1;
    while (left > 0) {
        ssize_t n = read_some(x->fd, in);

        if (n < 0 || (size_t)n > left)
            return -1;
        left -= (size_t)n;
    }
    return 0;
}

int exchange_sample(struct exchange *x, double *us, int count, int seconds)
{
    unsigned char *in = malloc(READ_SIZE);
    double begin = exchange_clock();
    double end = begin + seconds;
    int rc = in ? 0 : -1;
    int n = 0;

    while (n < count && rc == 0 && begin < end) {
        double now;

        rc = round_trip(x, in);
        now = exchange_clock();
        us[n++] = 1e6 * (now - begin);
        begin = now;
    }
    free(in);
    return rc == 0 || errno == EINTR ? n : -1;
}

double exchange_round_trip(struct exchange *x, int count)
{
    unsigned char *in = malloc(READ_SIZE);
    double begin = exchange_clock();
    int rc = in ? 0 : -1;
    int i;

    for (i = 0; i < count && rc == 0; i++)
        rc = round_trip(x, in);
    free(in);
    return rc < 0 ? -1. : 1e6 * (exchange_clock() - begin) / count;
}

/* ---- a window of them
 * ----------------------------------------------------------- */

static int send_more(struct exchange *x, long sent, long upto)
{
    size_t first = (size_t)(sent % EXCHANGE_WINDOW);

    if (upto == sent)
        return 0;
    return wire_write(x->fd, x->out + first * x->out_size,
                      (size_t)(upto - sent) * x->out_size);
}

static int pipelined(struct exchange *x, long count, unsigned char *in)
{
    long sent = 0;
    size_t got = 0;

    while (got < (size_t)count * x->in_size) {
        long upto = (long)(got / x->in_size) + EXCHANGE_WINDOW;
        ssize_t n;

        if (upto > count)
            upto = count;
        if (send_more(x, sent, upto) < 0 || (n = read_some(x->fd, in)) < 0)
            return -1;
        sent = upto;
        got += (size_t)n;
    }
    return 0;
}

double exchange_rate(struct exchange *x, int count)
{
    unsigned char *in = malloc(READ_SIZE);
    double begin = exchange_clock();
    int rc = in ? pipelined(x, count, in) : -1;

    free(in);
    return rc < 0 ? -1. : count / (exchange_clock() - begin);
}

/* ---- as many as go
 * -------------------------------------------------------------- */

void exchange_flood(struct exchange *x)
{
    unsigned char *in = malloc(READ_SIZE);
    struct pollfd pfd = {x->fd, POLLIN | POLLOUT, 0};
    size_t size = EXCHANGE_WINDOW * x->out_size;
    size_t at = 0;
    ssize_t n;

    fcntl(x->fd, F_SETFL, O_NONBLOCK);
    while (in && poll(&pfd, 1, -1) > 0) {
        if ((pfd.revents & (POLLIN | POLLHUP)) &&
            read(x->fd, in, READ_SIZE) == 0)
            break;
        n = write(x->fd, x->out + at, size - at);
        if (n > 0)
            at = (at + (size_t)n) % size;
        else if (n < 0 && errno != EAGAIN)
            break;
    }
    free(in);
}

/* ---- from one to many
 * ------------------------------------------------------------- */

static void watch(struct fan *f, struct pollfd *pfds, size_t *left, size_t each)
{
    int i;

    for (i = 0; i < f->count; i++) {
        pfds[i].fd = f->to[i];
        pfds[i].events = POLLIN;
        left[i] = each;
    }
}

/* Read once from each that has something; how many of them have all now. */
static int
collect(struct fan *f, struct pollfd *pfds, size_t *left, unsigned char *in)
{
    int done = 0;
    int i;

    if (poll(pfds, (nfds_t)f->count, -1) < 0)
        return -1;
    for (i = 0; i < f->count; i++) {
        ssize_t n;

        if (!pfds[i].revents)
            continue;
        n = read(f->to[i], in, READ_SIZE);
        if (n <= 0 || (size_t)n > left[i])
            return -1;
        left[i] -= (size_t)n;
        if (left[i] > 0)
            continue;
        pfds[i].fd = -1;
        done++;
    }
    return done;
}

/* redis tells the publisher to how many it went. */
static void discard(int fd, unsigned char *in)
{
    struct pollfd pfd = {fd, POLLIN, 0};

    while (poll(&pfd, 1, 0) > 0 && read(fd, in, READ_SIZE) > 0)
        ;
}

static int
one_batch(struct fan *f, int batch, struct pollfd *pfds, size_t *left)
{
    static unsigned char in[READ_SIZE];
    int waiting = f->count;

    watch(f, pfds, left, (size_t)batch * f->in_size);
    if (wire_write(f->from, f->out, (size_t)batch * f->out_size) < 0)
        return -1;
    while (waiting > 0) {
        int done = collect(f, pfds, left, in);

        if (done < 0)
            return -1;
        waiting -= done;
    }
    discard(f->from, in);
    return 0;
}

double fan_run(struct fan *f, int batch, int times)
{
    struct pollfd *pfds = calloc((size_t)f->count, sizeof(*pfds));
    size_t *left = calloc((size_t)f->count, sizeof(*left));
    double begin = exchange_clock();
    int rc = pfds && left ? 0 : -1;
    int i;

    for (i = 0; i < times && rc == 0; i++)
        rc = one_batch(f, batch, pfds, left);
    free(pfds);
    free(left);
    return rc < 0 ? -1. : exchange_clock() - begin;
}
