/* runlog.c - what a command writes, line by line in the log
 *
 * The initial program has the broker's stdout and stderr to itself; what rc1
 * and rc3 write is logged, so that the output of a script run by `flux start`
 * is that script's, and what is wrong with an rc file can be read later, and
 * with the rank on which it was.
 *
 * What always holds:
 * - A line is logged when its end is there, or when it is longer than a log
 *   entry should be; then what follows is logged as a line of its own.
 * - The end of the pipe is never waited for: something that the command has
 *   left running may hold it.
 */
#include "runlog.h"

#include <unistd.h>

#include "sys.h"
#include "util.h"

enum {
    LINE_SIZE = 1024, /* RFC 5424 asks receivers to take 2048 with all else */
    READS_MAX = 256,  /* more than any pipe holds */
};

struct runlog {
    flux_t *h;
    const char *name;
    int level;
    int from;
    int far_end; /* -1 once it is closed */
    flux_watcher_t *w;
    char line[LINE_SIZE];
    size_t size; /* of the line so far */
};

static void log_line(struct runlog *l)
{
    flux_log(l->h, l->level, "%s: %.*s", l->name, (int)l->size, l->line);
    l->size = 0;
}

static void add(struct runlog *l, const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (data[i] != '\n')
            l->line[l->size++] = data[i] ? data[i] : '?';
        if (data[i] == '\n' || l->size == sizeof(l->line))
            log_line(l);
    }
}

/* 1: something came, 0: nothing now, -1: there will be no more. */
static int take(struct runlog *l)
{
    char data[LINE_SIZE];
    ssize_t n = read(l->from, data, sizeof(data));

    if (n > 0)
        add(l, data, (size_t)n);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return n > 0 ? 1 : -1;
}

static void ready(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)revents;
    if (take(arg) < 0)
        flux_watcher_stop(w);
}

void runlog_finish(struct runlog *l)
{
    int reads = 0;

    while (reads < READS_MAX && take(l) > 0)
        reads++;
    if (l->size > 0)
        log_line(l);
}

int runlog_far_end(const struct runlog *l)
{
    return l->far_end;
}

void runlog_close_far_end(struct runlog *l)
{
    if (l->far_end >= 0)
        close(l->far_end);
    l->far_end = -1;
}

static int watch(struct runlog *l)
{
    util_set_nonblock(l->from, true);
    l->w = flux_fd_watcher_create(flux_get_reactor(l->h), l->from, FLUX_POLLIN,
                                  ready, l);
    if (!l->w)
        return -1;
    flux_watcher_unref(l->w);
    flux_watcher_start(l->w);
    return 0;
}

struct runlog *runlog_create(flux_t *h, const char *name, int level)
{
    struct runlog *l = calloc(1, sizeof(*l));
    int fds[2];

    if (!l || sys_pipe(fds) < 0) {
        free(l);
        return NULL;
    }
    l->h = h;
    l->name = name;
    l->level = level;
    l->from = fds[0];
    l->far_end = fds[1];
    if (watch(l) < 0) {
        runlog_destroy(l);
        return NULL;
    }
    return l;
}

void runlog_destroy(struct runlog *l)
{
    int saved_errno = errno;

    if (!l)
        return;
    flux_watcher_destroy(l->w);
    runlog_close_far_end(l);
    close(l->from);
    free(l);
    errno = saved_errno;
}
