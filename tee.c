/* tee.c - pass a program's stderr on, and keep its last lines
 *
 * The person who asked for a module is seldom the one who reads the broker's
 * stderr.  So what a module's process writes there goes where it went before,
 * and its end is kept to be told to the one who asked when the process dies.
 *
 * The descriptor is a pipe's.  Others than the process may hold its far end
 * (a child that outlives it), so its end is never waited for: tee_drain()
 * takes what is there.
 *
 * What always holds: `used` bytes of `data` are the latest ones; they begin
 * with a whole line if `cut` is false.
 */
#include "tee.h"

#include <unistd.h>

#include "util.h"

enum { READS_MAX = 64 }; /* of TEE_BYTES: more than any pipe holds */

struct tee {
    int from;
    int to;
    flux_watcher_t *w;
    char data[TEE_BYTES];
    size_t used;
    bool cut; /* what the first line began with has been dropped */
};

/* Make room for `size` more bytes, at most TEE_BYTES. */
static void drop_oldest(struct tee *t, size_t size)
{
    size_t excess = t->used + size > TEE_BYTES ? t->used + size - TEE_BYTES : 0;

    if (excess == 0)
        return;
    t->cut = true;
    t->used -= excess;
    memmove(t->data, t->data + excess, t->used);
}

static void keep(struct tee *t, const char *data, size_t size)
{
    drop_oldest(t, size);
    memcpy(t->data + t->used, data, size);
    t->used += size;
}

/* 1: something came, 0: nothing now, -1: there will be no more. */
static int take(struct tee *t)
{
    char data[TEE_BYTES];
    ssize_t n = read(t->from, data, sizeof(data));

    if (n == 0)
        return -1;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    util_write_all(t->to, data, (size_t)n);
    keep(t, data, (size_t)n);
    return 1;
}

static void ready(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)revents;
    if (take(arg) < 0)
        flux_watcher_stop(w);
}

void tee_drain(struct tee *t)
{
    int reads = 0;

    while (reads < READS_MAX && take(t) > 0)
        reads++;
}

/* Where the last TEE_LINES lines of what is kept begin. */
static size_t first_line(const struct tee *t, size_t end)
{
    size_t at = end;
    int lines = 0;

    while (at > 0 && (t->data[at - 1] != '\n' || ++lines < TEE_LINES))
        at--;
    if (at > 0 || !t->cut)
        return at;
    while (at < end && t->data[at++] != '\n')
        ;
    return at < end ? at : 0;
}

char *tee_lines(const struct tee *t)
{
    size_t end = t->used, at;
    char *text;

    while (end > 0 && t->data[end - 1] == '\n')
        end--;
    if (end == 0)
        return NULL;
    at = first_line(t, end);
    if (!(text = malloc(end - at + 1)))
        return NULL;
    for (size_t i = at; i < end; i++)
        text[i - at] = t->data[i] ? t->data[i] : '?';
    text[end - at] = '\0';
    return text;
}

struct tee *tee_create(flux_reactor_t *r, int from, int to)
{
    struct tee *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->from = from;
    t->to = to;
    if (!(t->w = flux_fd_watcher_create(r, from, FLUX_POLLIN, ready, t))) {
        free(t);
        return NULL;
    }
    flux_watcher_unref(t->w);
    flux_watcher_start(t->w);
    return t;
}

void tee_destroy(struct tee *t)
{
    int saved_errno = errno;

    if (!t)
        return;
    flux_watcher_destroy(t->w);
    close(t->from);
    free(t);
    errno = saved_errno;
}
