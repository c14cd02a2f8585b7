/* reactor_stat.c - stat watchers: a file looked at from time to time
 *
 * The watcher waits in the heap of timers, and calls back when what stat(2)
 * says has changed since it looked last.  A path that is not there is all
 * zeros, which is a change like any other: st_nlink 0 tells that there is no
 * file, and a file there always has at least 1.
 *
 * Looking starts with the watcher, so that a change before that is not told.
 */
#include "reactor_internal.h"

/* Once a second at most ten times; 5 s when the caller has no wish. */
static const double stat_interval_default = 5.;
static const double stat_interval_min = .1;

struct reactor_file {
    struct stat now;
    struct stat prev;
    char path[];
};

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_mode == b->st_mode && a->st_nlink == b->st_nlink &&
           a->st_uid == b->st_uid && a->st_gid == b->st_gid &&
           a->st_rdev == b->st_rdev && a->st_size == b->st_size &&
           same_time(&a->st_atim, &b->st_atim) &&
           same_time(&a->st_mtim, &b->st_mtim) &&
           same_time(&a->st_ctim, &b->st_ctim);
}

static void file_read(const struct reactor_file *f, struct stat *st)
{
    if (stat(f->path, st) < 0)
        memset(st, 0, sizeof(*st));
    else if (st->st_nlink == 0)
        st->st_nlink = 1;
}

static void stat_start(flux_watcher_t *w)
{
    struct reactor_file *f = w->u.time.file;

    file_read(f, &f->now);
    f->prev = f->now;
    reactor_heap_push(&w->r->timers, w, w->r->mono + w->u.time.repeat);
}

static void stat_stop(flux_watcher_t *w)
{
    reactor_heap_remove(&w->r->timers, w);
}

static void stat_expire(flux_watcher_t *w, double now)
{
    struct reactor_file *f = w->u.time.file;
    struct stat st;

    file_read(f, &st);
    if (!same_stat(&st, &f->now)) {
        f->prev = f->now;
        f->now = st;
        reactor_ready_push(w, 0);
    }
    reactor_heap_push(&w->r->timers, w, now + w->u.time.repeat);
}

static void stat_release(flux_watcher_t *w)
{
    free(w->u.time.file);
    reactor_timer_release(w);
}

static const struct reactor_kind stat_kind = {
    .reserve = reactor_timer_reserve,
    .release = stat_release,
    .start = stat_start,
    .stop = stat_stop,
    .expire = stat_expire,
};

static double stat_interval(double interval)
{
    if (!(interval > 0.))
        return stat_interval_default;
    return interval < stat_interval_min ? stat_interval_min : interval;
}

flux_watcher_t *flux_stat_watcher_create(flux_reactor_t *r,
                                         const char *path,
                                         double interval,
                                         flux_watcher_f cb,
                                         void *arg)
{
    struct reactor_file *f;
    flux_watcher_t *w;
    size_t size;

    if (!path) {
        errno = EINVAL;
        return NULL;
    }
    size = strlen(path) + 1;
    if (!(f = calloc(1, sizeof(*f) + size)))
        return NULL;
    memcpy(f->path, path, size);
    w = reactor_timing_new(r, &stat_kind, 0., stat_interval(interval), cb, arg);
    if (w)
        w->u.time.file = f;
    else
        free(f);
    return w;
}

int flux_stat_watcher_get_rstat(flux_watcher_t *w,
                                struct stat *stat,
                                struct stat *prev)
{
    if (!reactor_watcher_is(w, &stat_kind))
        return -1;
    if (stat)
        *stat = w->u.time.file->now;
    if (prev)
        *prev = w->u.time.file->prev;
    return 0;
}
