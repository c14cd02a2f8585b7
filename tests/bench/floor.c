/* floor.c - what the machine alone costs: bare relays over UNIX sockets
 *
 * A broker's round trip cannot be shorter than that of a program that does
 * nothing else than to move bytes along the same way: poll, read and write at
 * each hop.  Such programs are here, and stand beside every figure.
 *
 *   direct     client - server               what the broker itself answers
 *   thread     client - relay - server       the server is a thread
 *   process    client - relay - server       the server is a process
 *   fan        sender - relay - receivers    events
 *   accept     client - server               connect, a byte, close
 *
 * What always holds:
 * - They run as children of the benchmark, on the CPUs that it runs on.
 * - They end when the benchmark's end is closed, or by SIGKILL.
 * - Whatever one read brings is written in one write, but for a fan with a
 *   message size, which is how a broker does it that encodes for each.
 */
#include "floor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "wire.h"

enum { BUFFER_SIZE = 256 * 1024 };

/* ---- hops ------------------------------------------------------------------
 */

static void pass(int from, int to, unsigned char *buf)
{
    ssize_t n = read(from, buf, BUFFER_SIZE);

    if (n <= 0 || wire_write(to, buf, (size_t)n) < 0)
        _exit(0);
}

/* What a server needs to know. */
struct service {
    int fd;
    size_t taken; /* bytes for which there is one answer, 0: send all back */
};

static void take(int fd, size_t *left, size_t taken, unsigned char *buf)
{
    ssize_t n = read(fd, buf, *left < BUFFER_SIZE ? *left : BUFFER_SIZE);

    if (n <= 0)
        _exit(0);
    *left -= (size_t)n;
    if (*left > 0)
        return;
    *left = taken;
    if (wire_write(fd, buf, FLOOR_ANSWER) < 0)
        _exit(0);
}

static void serve(const struct service *s)
{
    unsigned char *buf = malloc(BUFFER_SIZE);
    struct pollfd pfd = {s->fd, POLLIN, 0};
    size_t left = s->taken;

    while (buf && poll(&pfd, 1, -1) > 0) {
        if (s->taken > 0)
            take(s->fd, &left, s->taken, buf);
        else
            pass(s->fd, s->fd, buf);
    }
    _exit(0);
}

static void *serve_thread(void *arg)
{
    serve(arg);
    return NULL;
}

static void relay(int a, int b)
{
    unsigned char *buf = malloc(BUFFER_SIZE);
    struct pollfd pfds[2] = {{a, POLLIN, 0}, {b, POLLIN, 0}};

    while (buf && poll(pfds, 2, -1) > 0) {
        if (pfds[0].revents)
            pass(a, b, buf);
        if (pfds[1].revents)
            pass(b, a, buf);
    }
    _exit(0);
}

static void relay_to_thread(int client, size_t taken)
{
    struct service s = {-1, taken};
    int fds[2];
    pthread_t id;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        _exit(1);
    s.fd = fds[1];
    if (pthread_create(&id, NULL, serve_thread, &s) == 0)
        relay(client, fds[0]);
    _exit(1);
}

static void relay_to_process(int client, size_t taken)
{
    struct service s = {-1, taken};
    int fds[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 || (pid = fork()) < 0)
        _exit(1);
    if (pid == 0) {
        close(client);
        close(fds[0]);
        s.fd = fds[1];
        serve(&s);
    }
    close(fds[1]);
    relay(client, fds[0]);
}

/* ---- start and stop
 * ------------------------------------------------------------ */

static void run(enum floor_shape shape, int client, size_t taken)
{
    struct service direct = {client, taken};

    if (shape == FLOOR_DIRECT)
        serve(&direct);
    if (shape == FLOOR_THREAD)
        relay_to_thread(client, taken);
    relay_to_process(client, taken);
}

int floor_start(struct floor *f, enum floor_shape shape, size_t taken)
{
    int fds[2];

    memset(f, 0, sizeof(*f));
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return -1;
    if ((f->pid = fork()) == 0) {
        close(fds[0]);
        run(shape, fds[1], taken);
    }
    close(fds[1]);
    f->fd = fds[0];
    return f->pid < 0 ? -1 : 0;
}

void floor_stop(struct floor *f)
{
    int saved = errno;
    int i;

    if (f->fd >= 0)
        close(f->fd);
    for (i = 0; i < f->count; i++)
        close(f->to[i]);
    free(f->to);
    if (f->pid > 0) {
        kill(f->pid, SIGKILL);
        waitpid(f->pid, NULL, 0);
    }
    errno = saved;
}

/* ---- fan
 * ---------------------------------------------------------------------------
 */

static void spread(const int *to, int count, const void *data, size_t n)
{
    int i;

    for (i = 0; i < count; i++)
        if (wire_write(to[i], data, n) < 0)
            _exit(0);
}

static void fan_out(int from, const int *to, int count, size_t size)
{
    unsigned char *buf = malloc(BUFFER_SIZE);
    struct pollfd pfd = {from, POLLIN, 0};
    ssize_t n;
    size_t at;

    while (buf && poll(&pfd, 1, -1) > 0 &&
           (n = read(from, buf, BUFFER_SIZE)) > 0)
        for (at = 0; at < (size_t)n; at += size ? size : (size_t)n)
            spread(to, count, buf + at, size ? size : (size_t)n);
    _exit(0);
}

static int pairs(int *ours, int *theirs, int count)
{
    int i, fds[2];

    for (i = 0; i < count; i++) {
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
            return -1;
        ours[i] = fds[0];
        theirs[i] = fds[1];
    }
    return 0;
}

static void close_all(const int *fds, int count)
{
    int i;

    for (i = 0; i < count; i++)
        close(fds[i]);
}

/* The sender's pair is the last one. */
int floor_start_fan(struct floor *f, int count, size_t size)
{
    size_t n = (size_t)count + 1;
    int *ours = calloc(2 * n, sizeof(*ours));
    int *theirs = ours + n;

    memset(f, 0, sizeof(*f));
    if (!ours || pairs(ours, theirs, count + 1) < 0)
        return -1;
    if ((f->pid = fork()) == 0) {
        close_all(ours, count + 1);
        fan_out(theirs[count], theirs, count, size);
    }
    close_all(theirs, count + 1);
    f->fd = ours[count];
    f->to = ours;
    f->count = count;
    return f->pid < 0 ? -1 : 0;
}

/* ---- accept
 * ------------------------------------------------------------------------- */

static void accept_all(int listener)
{
    unsigned char byte = 0;
    int fd;

    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        struct pollfd pfd = {fd, POLLIN, 0};

        if (wire_write(fd, &byte, 1) == 0)
            while (poll(&pfd, 1, -1) > 0 && read(fd, &byte, 1) > 0)
                ;
        close(fd);
    }
    _exit(0);
}

int floor_start_accept(struct floor *f, const char *path)
{
    memset(f, 0, sizeof(*f));
    if ((f->fd = wire_listen(path)) < 0)
        return -1;
    if ((f->pid = fork()) == 0) {
        signal(SIGPIPE, SIG_IGN);
        accept_all(f->fd);
    }
    return f->pid < 0 ? -1 : 0;
}
