/* client_innocent.c - how long an innocent client waits, while others do harm
 *
 *     client_innocent TOPIC
 *
 * asks TOPIC, which answers, every PACE milliseconds until its standard input
 * ends.  In turn with that it sends a byte round a ring of HOPS processes
 * that do nothing else, as many as are woken for a call to a module: what the
 * machine alone makes one wait, which on a busy one may be long.
 *
 * Then one line of JSON: how many calls were answered, and the median, the
 * 99th percentile and the worst time of both in milliseconds.  "answered" is
 * there when the first call has been answered, as an empty line.
 *
 * What always holds: a call waits for the one before it, so that one delay of
 * the broker is one long time, not many; no time but that of a whole call is
 * counted; an error answer ends it with status 1.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flux.h"
#include "util.h"

enum {
    PACE = 2,       /* milliseconds between calls */
    HOPS = 3,       /* broker, module, broker */
    ROOM = 1 << 20, /* calls: half an hour */
};

struct series {
    size_t count;
    double *times; /* milliseconds */
};

static void die(const char *what)
{
    fprintf(stderr, "client_innocent: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the ring ------------------------------------------------------------ */

struct ring {
    int in, out;
};

static void forward(int from, int to)
{
    char c;

    while (read(from, &c, 1) == 1 && write(to, &c, 1) == 1)
        continue;
    _exit(0);
}

/* What ends the first ends them all: each holds only its own two ends. */
static void add_hop(struct ring *r)
{
    int fd[2];
    pid_t pid = -1;

    if (pipe(fd) < 0 || (pid = fork()) < 0)
        die("ring");
    if (pid == 0) {
        close(fd[0]);
        if (r->out >= 0)
            close(r->out);
        forward(r->in, fd[1]);
    }
    close(fd[1]);
    close(r->in);
    r->in = fd[0];
}

static void ring_start(struct ring *r)
{
    int fd[2];

    if (pipe(fd) < 0)
        die("ring");
    r->in = fd[0];
    r->out = fd[1];
    for (int i = 0; i < HOPS; i++)
        add_hop(r);
}

static void go_round(struct ring *r)
{
    char c = 0;

    if (write(r->out, &c, 1) != 1 || read(r->in, &c, 1) != 1)
        die("ring");
}

/* ---- times --------------------------------------------------------------- */

static void note(struct series *s, double begin)
{
    if (s->count < ROOM)
        s->times[s->count++] = 1e3 * (util_monotime() - begin);
}

static void call(flux_t *h, const char *topic)
{
    flux_future_t *f = flux_rpc(h, topic, "{}", FLUX_NODEID_ANY, 0);

    if (!f || flux_rpc_get(f, NULL) < 0)
        die(topic);
    flux_future_destroy(f);
}

static bool goes_on(void)
{
    struct pollfd pfd = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&pfd, 1, PACE) == 0;
}

static void measure(flux_t *h,
                    const char *topic,
                    struct ring *r,
                    struct series *calls,
                    struct series *rounds)
{
    do {
        double begin = util_monotime();

        call(h, topic);
        note(calls, begin);
        if (calls->count == 1)
            puts("");
        fflush(stdout);
        begin = util_monotime();
        go_round(r);
        note(rounds, begin);
    } while (goes_on());
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void print_series(const char *name, struct series *s)
{
    qsort(s->times, s->count, sizeof(*s->times), by_size);
    printf("\"%s\": {\"median\": %.3f, \"p99\": %.3f, \"worst\": %.3f}", name,
           s->times[s->count / 2], s->times[s->count * 99 / 100],
           s->times[s->count - 1]);
}

int main(int argc, char **argv)
{
    struct series calls = {0, malloc(ROOM * sizeof(double))};
    struct series rounds = {0, malloc(ROOM * sizeof(double))};
    struct ring ring;
    flux_t *h = NULL;

    if (argc != 2) {
        fprintf(stderr, "Usage: client_innocent TOPIC\n");
        return 1;
    }
    ring_start(&ring);
    if (!calls.times || !rounds.times || !(h = flux_open(NULL, 0)))
        die("open");
    measure(h, argv[1], &ring, &calls, &rounds);
    printf("{\"count\": %zu, ", calls.count);
    print_series("calls", &calls);
    printf(", ");
    print_series("machine", &rounds);
    puts("}");
    flux_close(h);
    free(calls.times);
    free(rounds.times);
    return 0;
}
