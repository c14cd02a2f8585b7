/* reactor.c - a poll() loop with watchers
 *
 * One iteration of flux_reactor_run() calls the prepare watchers, waits in
 * poll(), looks at the clock, gathers all watchers that are due in one ready
 * list, then calls them in this order: check watchers (high priority first),
 * periodics, timers, file descriptors, idle watchers if nothing else is due,
 * and check watchers of negative priority.
 *
 * What always holds:
 * - A callback may start, stop, create or destroy any watcher, itself too,
 *   and may run the reactor again.  Stopping takes a watcher off the ready
 *   list; a destroyed one is freed when no callback is under way.
 * - Starting cannot fail: the room that an active watcher takes in the poll
 *   set or in a heap is reserved when it is created.
 * - The poll set changes only when a watcher does.  Its functions (pollset_)
 *   are the only ones that know how descriptors are waited for.
 * - Timers run on the monotonic clock, periodics on the wall clock; a clock
 *   that jumps moves only the latter.  While nothing is armed, poll() waits
 *   without end and one clock reading is made per iteration.
 * - A watcher counts in `active` while it is started and referenced; the
 *   loop ends when that is 0.
 * - Watchers keep their reactor alive, never the other way round.
 * - A reactor belongs to one thread.  Signals are the one thing shared by
 *   all: see `signals` below, the only mutable global here.
 */
#include "reactor.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "list.h"
#include "sys.h"
#include "util.h"

enum {
    PRIORITY_MIN = -2,
    PRIORITY_MAX = 2,
    PRIORITIES = PRIORITY_MAX - PRIORITY_MIN + 1,
    ROOM_MIN = 8,           /* first size of a heap or poll set */
    SIGNAL_LIMIT = 128,     /* more than any system's highest signal number */
    SIGNAL_PIPES = 64,      /* reactors of one process that watch signals */
    STATUS_LOST = 255 << 8, /* exit code 255, for a child reaped elsewhere */
};

/* How far the wall clock may be off before it counts as a jump, and how long
 * the distance between the two clocks is taken to be constant.
 */
static const double clock_jump = 1.;
static const double clock_resync = .5;
/* A jump is not noticed while waiting, so with periodics waits are cut. */
static const double periodic_wait_max = 60.;
/* stat() once a second at most ten times; 5 s when the caller has no wish. */
static const double stat_interval_default = 5.;
static const double stat_interval_min = .1;

static const size_t no_slot = SIZE_MAX;

/* What distinguishes the kinds of watchers. */
struct kind {
    bool passive; /* a call is no event: prepare and check */
    int (*reserve)(flux_reactor_t *r);  /* room for one more active watcher */
    void (*release)(flux_watcher_t *w); /* gives it back as `w` is freed */
    void (*start)(flux_watcher_t *w);
    void (*stop)(flux_watcher_t *w);
    void (*ref)(flux_watcher_t *w, bool on);
    void (*polled)(flux_watcher_t *w, short revents); /* poll set's members */
    void (*expire)(flux_watcher_t *w, double now);    /* heaps' members */
};

struct watched_file {
    struct stat now;
    struct stat prev;
    char path[];
};

/* Of timer, periodic and stat watchers. */
struct timing {
    double at;      /* when it is due, on its heap's clock */
    double after;   /* timer: seconds left while stopped; periodic: offset */
    double repeat;  /* 0: once */
    uint64_t order; /* equal times are due in the order of arming */
    size_t slot;    /* place in the heap, or no_slot */
    flux_reschedule_f reschedule;
    struct watched_file *file;
};

struct flux_watcher {
    struct list ready; /* in the reactor's ready list while a call is due */
    struct list link;  /* in the list of its active kind, or of the dead */
    flux_reactor_t *r;
    const struct kind *kind;
    flux_watcher_f cb;
    void *arg;
    int revents; /* for the call that is due */
    bool active;
    bool unreferenced;
    bool dead;
    union {
        struct timing time;
        struct {
            int fd;
            short events;
            size_t slot; /* place in the poll set while active */
        } io;
        struct {
            int signum;
            unsigned int seen; /* signals.count[signum] already told */
        } sig;
        struct {
            pid_t pid;
            int status;
            bool reaped;
        } child;
        struct {
            const struct reactor_watcher_ops *ops;
            void *impl;
        } custom;
        int priority;
    } u;
};

struct heap {
    flux_watcher_t **slots;
    size_t count;
    size_t capacity;
    size_t reserved; /* watchers created that may be in it at one time */
};

/* fds[i] belongs to owners[i]. */
struct pollset {
    struct pollfd *fds;
    flux_watcher_t **owners;
    size_t count;
    size_t capacity;
    size_t reserved;
};

struct flux_reactor {
    int refcount;
    int depth;       /* callbacks under way */
    size_t active;   /* watchers that keep the loop running */
    uint64_t order;  /* next timing.order */
    uint64_t events; /* calls made so far, passive kinds left out */
    bool stopping;
    bool failed; /* by flux_reactor_stop_error, with `errnum` */
    int errnum;
    double mono;   /* monotonic time of this iteration */
    double offset; /* add to mono for wall clock time */
    double synced; /* mono when offset was measured */
    struct heap timers;
    struct heap periodics;
    struct pollset polls;
    struct list ready;
    struct list dead;
    struct list prepares;
    struct list checks[PRIORITIES];
    struct list idles;
    struct list signals;
    struct list children;
    int pipe;          /* index in signals.pipes, or -1 */
    size_t pipe_users; /* active signal and child watchers */
    unsigned int sigchld_seen;
    struct flux_watcher wake; /* on the pipe; internal, holds no reference */
};

/* ---- the ready list ---- */

static void ready_push(flux_watcher_t *w, int revents)
{
    w->revents |= revents;
    if (list_empty(&w->ready))
        list_append(&w->r->ready, &w->ready);
}

static void ready_push_all(struct list *watchers)
{
    struct list *l, *following;

    LIST_FOREACH(watchers, l, following)
    {
        ready_push(LIST_ENTRY(l, flux_watcher_t, link), 0);
    }
}

static void ready_remove(flux_watcher_t *w)
{
    list_remove(&w->ready);
    w->revents = 0;
}

static void watcher_free(flux_watcher_t *w)
{
    flux_reactor_t *r = w->r;

    if (w->kind->release)
        w->kind->release(w);
    free(w);
    flux_reactor_decref(r);
}

static void dead_sweep(flux_reactor_t *r)
{
    while (!list_empty(&r->dead)) {
        struct list *l = r->dead.next;
        list_remove(l);
        watcher_free(LIST_ENTRY(l, flux_watcher_t, link));
    }
}

/* What is done between callback_enter and callback_leave may destroy any
 * watcher and the reactor, and they stay valid until then.
 */
static void callback_enter(flux_reactor_t *r)
{
    flux_reactor_incref(r);
    r->depth++;
}

static void callback_leave(flux_reactor_t *r)
{
    if (--r->depth == 0)
        dead_sweep(r);
    flux_reactor_decref(r);
}

static void watcher_call(flux_watcher_t *w, int revents)
{
    flux_reactor_t *r = w->r;

    if (!w->cb)
        return;
    callback_enter(r);
    w->cb(r, w, revents, w->arg);
    callback_leave(r);
}

static void ready_dispatch(flux_reactor_t *r)
{
    while (!list_empty(&r->ready)) {
        flux_watcher_t *w = LIST_ENTRY(r->ready.next, flux_watcher_t, ready);
        int revents = w->revents;
        ready_remove(w);
        r->events += !w->kind->passive;
        watcher_call(w, revents);
    }
}

/* ---- what all watchers have ---- */

static void
watcher_init(flux_watcher_t *w, flux_reactor_t *r, const struct kind *kind)
{
    list_init(&w->ready);
    list_init(&w->link);
    w->r = r;
    w->kind = kind;
}

static flux_watcher_t *watcher_create(flux_reactor_t *r,
                                      const struct kind *kind,
                                      flux_watcher_f cb,
                                      void *arg)
{
    flux_watcher_t *w;

    if (!r) {
        errno = EINVAL;
        return NULL;
    }
    if (!(w = calloc(1, sizeof(*w))))
        return NULL;
    if (kind->reserve && kind->reserve(r) < 0) {
        free(w);
        return NULL;
    }
    watcher_init(w, r, kind);
    w->cb = cb;
    w->arg = arg;
    flux_reactor_incref(r);
    return w;
}

static bool watcher_is(const flux_watcher_t *w, const struct kind *kind)
{
    if (w && w->kind == kind)
        return true;
    errno = EINVAL;
    return false;
}

/* Of a watcher that its kind has already taken out of its place. */
static void watcher_deactivate(flux_watcher_t *w)
{
    w->active = false;
    if (!w->unreferenced)
        w->r->active--;
}

void flux_watcher_start(flux_watcher_t *w)
{
    if (!w || w->active || w->dead)
        return;
    w->active = true;
    if (!w->unreferenced)
        w->r->active++;
    w->kind->start(w);
}

void flux_watcher_stop(flux_watcher_t *w)
{
    if (!w)
        return;
    ready_remove(w);
    if (!w->active)
        return;
    watcher_deactivate(w);
    w->kind->stop(w);
}

static void watcher_reference(flux_watcher_t *w, bool on)
{
    if (!w || w->unreferenced == !on)
        return;
    w->unreferenced = !on;
    if (w->active && on)
        w->r->active++;
    else if (w->active)
        w->r->active--;
    if (w->kind->ref)
        w->kind->ref(w, on);
}

void flux_watcher_ref(flux_watcher_t *w)
{
    watcher_reference(w, true);
}

void flux_watcher_unref(flux_watcher_t *w)
{
    watcher_reference(w, false);
}

bool flux_watcher_is_active(flux_watcher_t *w)
{
    return w && w->active;
}

bool flux_watcher_is_referenced(flux_watcher_t *w)
{
    return w && !w->unreferenced;
}

void flux_watcher_destroy(flux_watcher_t *w)
{
    int saved_errno = errno;

    if (!w || w->dead)
        return;
    flux_watcher_stop(w);
    w->dead = true;
    if (w->r->depth > 0)
        list_append(&w->r->dead, &w->link);
    else
        watcher_free(w);
    errno = saved_errno;
}

/* ---- prepare, check and idle ---- */

static void link_stop(flux_watcher_t *w)
{
    list_remove(&w->link);
}

static void prepare_start(flux_watcher_t *w)
{
    list_append(&w->r->prepares, &w->link);
}

static void check_start(flux_watcher_t *w)
{
    list_append(&w->r->checks[w->u.priority - PRIORITY_MIN], &w->link);
}

static void idle_start(flux_watcher_t *w)
{
    list_append(&w->r->idles, &w->link);
}

static const struct kind prepare_kind = {
    .passive = true,
    .start = prepare_start,
    .stop = link_stop,
};
static const struct kind check_kind = {
    .passive = true,
    .start = check_start,
    .stop = link_stop,
};
static const struct kind idle_kind = {
    .start = idle_start,
    .stop = link_stop,
};

flux_watcher_t *
flux_prepare_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    return watcher_create(r, &prepare_kind, cb, arg);
}

flux_watcher_t *
flux_check_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    return watcher_create(r, &check_kind, cb, arg);
}

flux_watcher_t *
flux_idle_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    return watcher_create(r, &idle_kind, cb, arg);
}

void flux_watcher_set_priority(flux_watcher_t *w, int priority)
{
    if (!w || w->kind != &check_kind)
        return;
    if (priority < PRIORITY_MIN)
        priority = PRIORITY_MIN;
    if (priority > PRIORITY_MAX)
        priority = PRIORITY_MAX;
    w->u.priority = priority;
}

static void checks_push(flux_reactor_t *r, int highest, int lowest)
{
    for (int priority = highest; priority >= lowest; priority--)
        ready_push_all(&r->checks[priority - PRIORITY_MIN]);
}

/* ---- file descriptors ---- */

static int pollset_grow(struct pollset *p)
{
    size_t capacity = p->capacity ? 2 * p->capacity : ROOM_MIN;
    struct pollfd *fds;
    flux_watcher_t **owners;

    if (!(fds = realloc(p->fds, capacity * sizeof(*fds))))
        return -1;
    p->fds = fds;
    if (!(owners = realloc(p->owners, capacity * sizeof(*owners))))
        return -1;
    p->owners = owners;
    p->capacity = capacity;
    return 0;
}

static int pollset_reserve(flux_reactor_t *r)
{
    struct pollset *p = &r->polls;

    if (p->reserved == p->capacity && pollset_grow(p) < 0)
        return -1;
    p->reserved++;
    return 0;
}

/* poll() passes over an entry whose descriptor is negative, and would report
 * a hang-up for one that waits for nothing.
 */
static void pollset_update(flux_watcher_t *w)
{
    struct pollfd *p = &w->r->polls.fds[w->u.io.slot];

    p->fd = w->u.io.events ? w->u.io.fd : -1;
    p->events = w->u.io.events;
}

static void pollset_add(flux_watcher_t *w)
{
    struct pollset *p = &w->r->polls;

    w->u.io.slot = p->count++;
    p->owners[w->u.io.slot] = w;
    p->fds[w->u.io.slot].revents = 0;
    pollset_update(w);
}

static void pollset_remove(flux_watcher_t *w)
{
    struct pollset *p = &w->r->polls;
    size_t last = --p->count;

    p->fds[w->u.io.slot] = p->fds[last];
    p->owners[w->u.io.slot] = p->owners[last];
    p->owners[last]->u.io.slot = w->u.io.slot;
}

/* The number of entries with something to tell, or -1. */
static int pollset_wait(struct pollset *p, int timeout)
{
    int n = poll(p->fds, (nfds_t)p->count, timeout);

    return n < 0 && errno == EINTR ? 0 : n;
}

/* The end of a stream is told as readable to those who read, so that they
 * get what is left in it; to others it is an error.
 */
static int revents_of(short polled, short wanted)
{
    int revents = 0;

    if ((wanted & POLLIN) && (polled & ~POLLOUT))
        revents |= FLUX_POLLIN;
    if ((wanted & POLLOUT) && (polled & ~POLLIN))
        revents |= FLUX_POLLOUT;
    if ((polled & (POLLERR | POLLNVAL)) ||
        ((polled & POLLHUP) && !(wanted & POLLIN)))
        revents |= FLUX_POLLERR;
    return revents;
}

/* A descriptor that is closed would be reported for ever. */
static void io_polled(flux_watcher_t *w, short polled)
{
    if (polled & POLLNVAL)
        flux_watcher_stop(w);
    ready_push(w, revents_of(polled, w->u.io.events));
}

static void pollset_push(struct pollset *p, int n)
{
    size_t i = 0;

    while (n > 0 && i < p->count) {
        flux_watcher_t *w = p->owners[i];
        short polled = p->fds[i].revents;
        if (polled) {
            n--;
            p->fds[i].revents = 0;
            w->kind->polled(w, polled);
        }
        if (i < p->count && p->owners[i] == w)
            i++;
    }
}

static void pollset_destroy(struct pollset *p)
{
    free(p->fds);
    free(p->owners);
}

static void io_release(flux_watcher_t *w)
{
    w->r->polls.reserved--;
}

static const struct kind io_kind = {
    .reserve = pollset_reserve,
    .release = io_release,
    .start = pollset_add,
    .stop = pollset_remove,
    .polled = io_polled,
};

static short poll_events_of(int events)
{
    return (events & FLUX_POLLIN ? POLLIN : 0) |
           (events & FLUX_POLLOUT ? POLLOUT : 0);
}

flux_watcher_t *flux_fd_watcher_create(
    flux_reactor_t *r, int fd, int events, flux_watcher_f cb, void *arg)
{
    flux_watcher_t *w;

    if (fd < 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(w = watcher_create(r, &io_kind, cb, arg)))
        return NULL;
    w->u.io.fd = fd;
    w->u.io.events = poll_events_of(events);
    return w;
}

int flux_fd_watcher_get_fd(flux_watcher_t *w)
{
    return watcher_is(w, &io_kind) ? w->u.io.fd : -1;
}

void reactor_fd_watcher_set_events(flux_watcher_t *w, int events)
{
    if (!watcher_is(w, &io_kind))
        return;
    w->u.io.events = poll_events_of(events);
    if (w->active)
        pollset_update(w);
    if (!(w->revents &= events | FLUX_POLLERR))
        ready_remove(w);
}

/* ---- heaps of timings ---- */

static int heap_reserve(struct heap *h)
{
    if (h->reserved == h->capacity) {
        size_t capacity = h->capacity ? 2 * h->capacity : ROOM_MIN;
        flux_watcher_t **slots;
        if (!(slots = realloc(h->slots, capacity * sizeof(*slots))))
            return -1;
        h->slots = slots;
        h->capacity = capacity;
    }
    h->reserved++;
    return 0;
}

static bool heap_before(const flux_watcher_t *a, const flux_watcher_t *b)
{
    if (a->u.time.at < b->u.time.at || a->u.time.at > b->u.time.at)
        return a->u.time.at < b->u.time.at;
    return a->u.time.order < b->u.time.order;
}

static void heap_place(struct heap *h, size_t slot, flux_watcher_t *w)
{
    h->slots[slot] = w;
    w->u.time.slot = slot;
}

/* Put `w` at `slot` or above it, moving those down that are due later. */
static void heap_rise(struct heap *h, size_t slot, flux_watcher_t *w)
{
    while (slot > 0 && heap_before(w, h->slots[(slot - 1) / 2])) {
        heap_place(h, slot, h->slots[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    heap_place(h, slot, w);
}

/* Put `w` at `slot` or below it, moving those up that are due earlier. */
static void heap_sink(struct heap *h, size_t slot, flux_watcher_t *w)
{
    size_t child;

    while ((child = 2 * slot + 1) < h->count) {
        if (child + 1 < h->count &&
            heap_before(h->slots[child + 1], h->slots[child]))
            child++;
        if (!heap_before(h->slots[child], w))
            break;
        heap_place(h, slot, h->slots[child]);
        slot = child;
    }
    heap_place(h, slot, w);
}

static void heap_push(struct heap *h, flux_watcher_t *w, double at)
{
    w->u.time.at = at;
    w->u.time.order = w->r->order++;
    heap_rise(h, h->count++, w);
}

static void heap_remove(struct heap *h, flux_watcher_t *w)
{
    size_t slot = w->u.time.slot;
    flux_watcher_t *last;

    list_remove(&w->link);
    if (slot == no_slot)
        return;
    w->u.time.slot = no_slot;
    last = h->slots[--h->count];
    if (last == w)
        return;
    if (heap_before(last, w))
        heap_rise(h, slot, last);
    else
        heap_sink(h, slot, last);
}

/* Move what is due by `now` to the end of `due`, first the earliest. */
static void heap_take(struct heap *h, double now, struct list *due)
{
    while (h->count > 0 && h->slots[0]->u.time.at <= now) {
        flux_watcher_t *w = h->slots[0];
        heap_remove(h, w);
        list_append(due, &w->link);
    }
}

static void heap_expire(struct heap *h, double now)
{
    struct list due;

    list_init(&due);
    heap_take(h, now, &due);
    while (!list_empty(&due)) {
        flux_watcher_t *w = LIST_ENTRY(due.next, flux_watcher_t, link);
        list_remove(&w->link);
        w->kind->expire(w, now);
    }
}

/* Seconds until the first is due. */
static double heap_wait(const struct heap *h, double now)
{
    return h->count > 0 ? h->slots[0]->u.time.at - now : DBL_MAX;
}

static flux_watcher_t *timing_create(flux_reactor_t *r,
                                     const struct kind *kind,
                                     double after,
                                     double repeat,
                                     flux_watcher_f cb,
                                     void *arg)
{
    flux_watcher_t *w;

    if (!(after >= 0.) || !(repeat >= 0.)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(w = watcher_create(r, kind, cb, arg)))
        return NULL;
    w->u.time.after = after;
    w->u.time.repeat = repeat;
    w->u.time.slot = no_slot;
    return w;
}

/* ---- timers ---- */

static int timer_reserve(flux_reactor_t *r)
{
    return heap_reserve(&r->timers);
}

static void timer_release(flux_watcher_t *w)
{
    w->r->timers.reserved--;
}

static void timer_start(flux_watcher_t *w)
{
    heap_push(&w->r->timers, w, w->r->mono + w->u.time.after);
}

static void timer_stop(flux_watcher_t *w)
{
    w->u.time.after = w->u.time.at - w->r->mono;
    heap_remove(&w->r->timers, w);
}

/* The next time is reckoned from the last, so that it does not drift, but
 * what was missed meanwhile is not made up for.
 */
static void timer_expire(flux_watcher_t *w, double now)
{
    struct timing *t = &w->u.time;

    ready_push(w, 0);
    if (t->repeat > 0.) {
        double next = t->at + t->repeat;
        heap_push(&w->r->timers, w, next > now ? next : now);
        return;
    }
    t->after = t->at - now;
    watcher_deactivate(w);
}

static const struct kind timer_kind = {
    .reserve = timer_reserve,
    .release = timer_release,
    .start = timer_start,
    .stop = timer_stop,
    .expire = timer_expire,
};

flux_watcher_t *flux_timer_watcher_create(flux_reactor_t *r,
                                          double after,
                                          double repeat,
                                          flux_watcher_f cb,
                                          void *arg)
{
    return timing_create(r, &timer_kind, after, repeat, cb, arg);
}

void flux_timer_watcher_reset(flux_watcher_t *w, double after, double repeat)
{
    if (!watcher_is(w, &timer_kind))
        return;
    w->u.time.repeat = repeat;
    if (!w->active)
        w->u.time.after = after;
}

void flux_timer_watcher_again(flux_watcher_t *w)
{
    if (!watcher_is(w, &timer_kind))
        return;
    flux_watcher_stop(w);
    if (w->u.time.repeat > 0.) {
        w->u.time.after = w->u.time.repeat;
        flux_watcher_start(w);
    }
}

/* ---- periodics ---- */

static int periodic_reserve(flux_reactor_t *r)
{
    return heap_reserve(&r->periodics);
}

static void periodic_release(flux_watcher_t *w)
{
    w->r->periodics.reserved--;
}

static double periodic_reschedule(flux_watcher_t *w, double now)
{
    flux_reactor_t *r = w->r;
    double at;

    r->depth++;
    at = w->u.time.reschedule(w, now, w->arg);
    r->depth--;
    return at;
}

/* floor() without libm; beyond 2^53 a double has no fraction anyway. */
static double whole_part(double v)
{
    double whole;

    if (v < -9e15 || v > 9e15)
        return v;
    whole = (double)(int64_t)v;
    return whole > v ? whole - 1. : whole;
}

static double shorter(double a, double b)
{
    return a < b ? a : b;
}

/* The first of offset + n * interval after `now`; rounding may make it `now`
 * itself.
 */
static double periodic_multiple(const struct timing *t, double now)
{
    double n = whole_part((now - t->after) / t->repeat) + 1.;
    double at = t->after + n * t->repeat;

    return at > now ? at : at + t->repeat;
}

static void periodic_arm(flux_watcher_t *w, double now)
{
    struct timing *t = &w->u.time;
    double at = t->after;

    if (t->reschedule)
        at = periodic_reschedule(w, now);
    else if (t->repeat > 0.)
        at = periodic_multiple(t, now);
    if (!w->active || t->slot != no_slot)
        return;
    if (t->reschedule && !(at >= now))
        watcher_deactivate(w);
    else
        heap_push(&w->r->periodics, w, at);
}

static void periodic_start(flux_watcher_t *w)
{
    periodic_arm(w, flux_reactor_now(w->r));
}

static void periodic_stop(flux_watcher_t *w)
{
    heap_remove(&w->r->periodics, w);
}

static void periodic_expire(flux_watcher_t *w, double now)
{
    ready_push(w, 0);
    if (w->u.time.reschedule || w->u.time.repeat > 0.)
        periodic_arm(w, now);
    else
        watcher_deactivate(w);
}

/* The wall clock has jumped to `now`. */
static void periodics_rearm(flux_reactor_t *r, double now)
{
    struct list all;

    list_init(&all);
    heap_take(&r->periodics, DBL_MAX, &all);
    while (!list_empty(&all)) {
        flux_watcher_t *w = LIST_ENTRY(all.next, flux_watcher_t, link);
        list_remove(&w->link);
        periodic_arm(w, now);
    }
}

static const struct kind periodic_kind = {
    .reserve = periodic_reserve,
    .release = periodic_release,
    .start = periodic_start,
    .stop = periodic_stop,
    .expire = periodic_expire,
};

flux_watcher_t *flux_periodic_watcher_create(flux_reactor_t *r,
                                             double offset,
                                             double interval,
                                             flux_reschedule_f reschedule_cb,
                                             flux_watcher_f cb,
                                             void *arg)
{
    flux_watcher_t *w;

    w = timing_create(r, &periodic_kind, offset, interval, cb, arg);
    if (w)
        w->u.time.reschedule = reschedule_cb;
    return w;
}

void flux_periodic_watcher_reset(flux_watcher_t *w,
                                 double next_wakeup,
                                 double interval,
                                 flux_reschedule_f reschedule_cb)
{
    if (!watcher_is(w, &periodic_kind))
        return;
    flux_watcher_stop(w);
    w->u.time.after = next_wakeup;
    w->u.time.repeat = interval;
    w->u.time.reschedule = reschedule_cb;
    flux_watcher_start(w);
}

double flux_watcher_next_wakeup(flux_watcher_t *w)
{
    if (w && w->kind == &periodic_kind)
        return w->u.time.at;
    if (!watcher_is(w, &timer_kind))
        return -1.;
    if (w->active)
        return w->u.time.at + w->r->offset;
    return flux_reactor_now(w->r) + w->u.time.after;
}

/* ---- stat ---- */

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

static void file_read(const struct watched_file *f, struct stat *st)
{
    if (stat(f->path, st) < 0)
        memset(st, 0, sizeof(*st));
    else if (st->st_nlink == 0)
        st->st_nlink = 1;
}

static void stat_start(flux_watcher_t *w)
{
    struct watched_file *f = w->u.time.file;

    file_read(f, &f->now);
    f->prev = f->now;
    heap_push(&w->r->timers, w, w->r->mono + w->u.time.repeat);
}

static void stat_stop(flux_watcher_t *w)
{
    heap_remove(&w->r->timers, w);
}

static void stat_expire(flux_watcher_t *w, double now)
{
    struct watched_file *f = w->u.time.file;
    struct stat st;

    file_read(f, &st);
    if (!same_stat(&st, &f->now)) {
        f->prev = f->now;
        f->now = st;
        ready_push(w, 0);
    }
    heap_push(&w->r->timers, w, now + w->u.time.repeat);
}

static void stat_release(flux_watcher_t *w)
{
    free(w->u.time.file);
    timer_release(w);
}

static const struct kind stat_kind = {
    .reserve = timer_reserve,
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
    struct watched_file *f;
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
    w = timing_create(r, &stat_kind, 0., stat_interval(interval), cb, arg);
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
    if (!watcher_is(w, &stat_kind))
        return -1;
    if (stat)
        *stat = w->u.time.file->now;
    if (prev)
        *prev = w->u.time.file->prev;
    return 0;
}

/* ---- signals ----
 *
 * A handler counts its signal and writes a byte to the pipe of each reactor
 * that watches signals (mostly there is one); those compare the counts with
 * what they have seen.  A signal that comes again before it was told is told
 * once.  Pipes are reused but never closed, so that a handler that runs in
 * another thread can never write to a descriptor that has become another's.
 * The handler reads only what is atomic; the rest is under the lock.
 */
static struct {
    pthread_mutex_t lock;
    struct {
        int fds[2]; /* set before `count` says so, constant from then on */
        int used;   /* atomic */
    } pipes[SIGNAL_PIPES];
    int pipe_count;                   /* atomic */
    unsigned int count[SIGNAL_LIMIT]; /* atomic */
    size_t holders[SIGNAL_LIMIT];     /* watchers for which it is caught */
    struct sigaction replaced[SIGNAL_LIMIT];
} signals = {.lock = PTHREAD_MUTEX_INITIALIZER};

static unsigned int signal_count(int signum)
{
    return __atomic_load_n(&signals.count[signum], __ATOMIC_ACQUIRE);
}

static void signal_caught(int signum)
{
    int saved_errno = errno;
    int n = __atomic_load_n(&signals.pipe_count, __ATOMIC_ACQUIRE);

    __atomic_add_fetch(&signals.count[signum], 1, __ATOMIC_RELEASE);
    for (int i = 0; i < n; i++) {
        if (!__atomic_load_n(&signals.pipes[i].used, __ATOMIC_ACQUIRE))
            continue;
        ssize_t written = write(signals.pipes[i].fds[1], "", 1);
        (void)written; /* a full pipe wakes its reader as well */
    }
    errno = saved_errno;
}

static void pipe_drain(int index)
{
    char bytes[64];

    while (read(signals.pipes[index].fds[0], bytes, sizeof(bytes)) ==
           (ssize_t)sizeof(bytes))
        continue;
}

/* An unused pipe's index, made if there is none; -1 with errno. */
static int pipe_find(void)
{
    int n = signals.pipe_count;

    for (int i = 0; i < n; i++) {
        if (!__atomic_load_n(&signals.pipes[i].used, __ATOMIC_ACQUIRE))
            return i;
    }
    if (n == SIGNAL_PIPES) {
        errno = EMFILE;
        return -1;
    }
    if (sys_socketpair(signals.pipes[n].fds) < 0)
        return -1;
    __atomic_store_n(&signals.pipe_count, n + 1, __ATOMIC_RELEASE);
    return n;
}

static int pipe_acquire(void)
{
    int index;

    pthread_mutex_lock(&signals.lock);
    if ((index = pipe_find()) >= 0) {
        pipe_drain(index);
        __atomic_store_n(&signals.pipes[index].used, 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&signals.lock);
    return index;
}

static void pipe_release(int index)
{
    if (index >= 0)
        __atomic_store_n(&signals.pipes[index].used, 0, __ATOMIC_RELEASE);
}

static void signal_catch(int signum)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = signal_caught;
    sa.sa_flags = SA_RESTART;
    sigfillset(&sa.sa_mask);
    sigaction(signum, &sa, &signals.replaced[signum]);
}

/* A thread that watches a signal must let it through. */
static void signal_unblock(int signum)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signum);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void signal_hold(flux_reactor_t *r, int signum)
{
    pthread_mutex_lock(&signals.lock);
    if (signals.holders[signum]++ == 0)
        signal_catch(signum);
    pthread_mutex_unlock(&signals.lock);
    signal_unblock(signum);
    if (r->pipe_users++ == 0)
        flux_watcher_start(&r->wake);
}

static void signal_drop(flux_reactor_t *r, int signum)
{
    if (--r->pipe_users == 0)
        flux_watcher_stop(&r->wake);
    pthread_mutex_lock(&signals.lock);
    if (--signals.holders[signum] == 0)
        sigaction(signum, &signals.replaced[signum], NULL);
    pthread_mutex_unlock(&signals.lock);
}

static void signal_start(flux_watcher_t *w)
{
    w->u.sig.seen = signal_count(w->u.sig.signum);
    list_append(&w->r->signals, &w->link);
    signal_hold(w->r, w->u.sig.signum);
}

static void signal_stop(flux_watcher_t *w)
{
    list_remove(&w->link);
    signal_drop(w->r, w->u.sig.signum);
}

static void signals_push(flux_reactor_t *r)
{
    struct list *l, *following;

    LIST_FOREACH(&r->signals, l, following)
    {
        flux_watcher_t *w = LIST_ENTRY(l, flux_watcher_t, link);
        unsigned int count = signal_count(w->u.sig.signum);
        if (w->u.sig.seen == count)
            continue;
        w->u.sig.seen = count;
        ready_push(w, 0);
    }
}

/* The first watcher that needs the pipe takes one, and room to wait on it;
 * both stay until the reactor is freed.
 */
static int signal_reserve(flux_reactor_t *r)
{
    if (r->pipe >= 0)
        return 0;
    if (pollset_reserve(r) < 0)
        return -1;
    if ((r->pipe = pipe_acquire()) < 0) {
        r->polls.reserved--;
        return -1;
    }
    r->wake.u.io.fd = signals.pipes[r->pipe].fds[0];
    r->wake.u.io.events = POLLIN;
    return 0;
}

static const struct kind signal_kind = {
    .reserve = signal_reserve,
    .start = signal_start,
    .stop = signal_stop,
};

static bool signal_is_watchable(int signum)
{
    sigset_t set;

    sigemptyset(&set);
    return signum > 0 && signum < SIGNAL_LIMIT && signum != SIGKILL &&
           signum != SIGSTOP && sigaddset(&set, signum) == 0;
}

flux_watcher_t *flux_signal_watcher_create(flux_reactor_t *r,
                                           int signum,
                                           flux_watcher_f cb,
                                           void *arg)
{
    flux_watcher_t *w;

    if (!signal_is_watchable(signum)) {
        errno = EINVAL;
        return NULL;
    }
    if ((w = watcher_create(r, &signal_kind, cb, arg)))
        w->u.sig.signum = signum;
    return w;
}

int flux_signal_watcher_get_signum(flux_watcher_t *w)
{
    return watcher_is(w, &signal_kind) ? w->u.sig.signum : -1;
}

/* ---- children ---- */

static bool child_reap(flux_watcher_t *w)
{
    pid_t pid;

    if (w->u.child.reaped)
        return true;
    do {
        pid = waitpid(w->u.child.pid, &w->u.child.status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    if (pid < 0)
        w->u.child.status = STATUS_LOST;
    w->u.child.reaped = pid != 0;
    return w->u.child.reaped;
}

static void child_stop(flux_watcher_t *w)
{
    list_remove(&w->link);
    signal_drop(w->r, SIGCHLD);
}

static void child_check(flux_watcher_t *w)
{
    if (!child_reap(w))
        return;
    watcher_deactivate(w);
    child_stop(w);
    ready_push(w, 0);
}

/* SIGCHLD is caught before the first look, so that none is missed. */
static void child_start(flux_watcher_t *w)
{
    list_append(&w->r->children, &w->link);
    signal_hold(w->r, SIGCHLD);
    child_check(w);
}

static void children_push(flux_reactor_t *r)
{
    unsigned int count = signal_count(SIGCHLD);
    struct list *l, *following;

    if (r->sigchld_seen == count)
        return;
    r->sigchld_seen = count;
    LIST_FOREACH(&r->children, l, following)
    {
        child_check(LIST_ENTRY(l, flux_watcher_t, link));
    }
}

static const struct kind child_kind = {
    .reserve = signal_reserve,
    .start = child_start,
    .stop = child_stop,
};

flux_watcher_t *reactor_child_watcher_create(flux_reactor_t *r,
                                             pid_t pid,
                                             flux_watcher_f cb,
                                             void *arg)
{
    flux_watcher_t *w;

    if (pid <= 0) {
        errno = EINVAL;
        return NULL;
    }
    if ((w = watcher_create(r, &child_kind, cb, arg)))
        w->u.child.pid = pid;
    return w;
}

pid_t reactor_child_watcher_pid(flux_watcher_t *w)
{
    return watcher_is(w, &child_kind) ? w->u.child.pid : -1;
}

int reactor_child_watcher_status(flux_watcher_t *w)
{
    return watcher_is(w, &child_kind) ? w->u.child.status : -1;
}

static void wake_polled(flux_watcher_t *w, short polled)
{
    (void)polled;
    pipe_drain(w->r->pipe);
    signals_push(w->r);
    children_push(w->r);
}

static const struct kind wake_kind = {
    .start = pollset_add,
    .stop = pollset_remove,
    .polled = wake_polled,
};

/* ---- watchers of others' making ---- */

static void custom_start(flux_watcher_t *w)
{
    w->u.custom.ops->start(w, w->u.custom.impl);
}

static void custom_stop(flux_watcher_t *w)
{
    w->u.custom.ops->stop(w, w->u.custom.impl);
}

static void custom_ref(flux_watcher_t *w, bool on)
{
    if (w->u.custom.ops->ref)
        w->u.custom.ops->ref(w, w->u.custom.impl, on);
}

static void custom_release(flux_watcher_t *w)
{
    if (w->u.custom.ops->destroy)
        w->u.custom.ops->destroy(w->u.custom.impl);
}

static const struct kind custom_kind = {
    .release = custom_release,
    .start = custom_start,
    .stop = custom_stop,
    .ref = custom_ref,
};

flux_watcher_t *reactor_watcher_create(flux_reactor_t *r,
                                       const struct reactor_watcher_ops *ops,
                                       void *impl,
                                       flux_watcher_f cb,
                                       void *arg)
{
    flux_watcher_t *w;

    if (!(w = watcher_create(r, &custom_kind, cb, arg)))
        return NULL;
    w->u.custom.ops = ops;
    w->u.custom.impl = impl;
    return w;
}

void *reactor_watcher_impl(flux_watcher_t *w,
                           const struct reactor_watcher_ops *ops)
{
    if (!watcher_is(w, &custom_kind))
        return NULL;
    if (w->u.custom.ops != ops) {
        errno = EINVAL;
        return NULL;
    }
    return w->u.custom.impl;
}

void reactor_watcher_call(flux_watcher_t *w, int revents)
{
    if (w->dead)
        return;
    w->r->events++;
    watcher_call(w, revents);
}

/* ---- clocks ---- */

static double clock_read(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void clock_sync(flux_reactor_t *r)
{
    double offset = clock_read(CLOCK_REALTIME) - r->mono;
    double jump = fabs(offset - r->offset);

    r->offset = offset;
    r->synced = r->mono;
    if (jump > clock_jump)
        periodics_rearm(r, flux_reactor_now(r));
}

static void clock_update(flux_reactor_t *r)
{
    r->mono = clock_read(CLOCK_MONOTONIC);
    if (r->periodics.count > 0 || r->mono - r->synced >= clock_resync)
        clock_sync(r);
}

double flux_reactor_now(flux_reactor_t *r)
{
    return r->mono + r->offset;
}

void flux_reactor_now_update(flux_reactor_t *r)
{
    clock_update(r);
}

double flux_reactor_time(void)
{
    return clock_read(CLOCK_REALTIME);
}

/* ---- the loop ---- */

/* Rounded up, so that the loop does not wake before something is due. */
static int milliseconds(double seconds)
{
    double ms = seconds * 1e3;

    if (!(ms > 0.))
        return 0;
    if (ms >= (double)INT_MAX)
        return INT_MAX;
    return (int)ms + ((double)(int)ms < ms);
}

static int loop_timeout(flux_reactor_t *r)
{
    double wait, periodic_wait;

    if (r->timers.count == 0 && r->periodics.count == 0)
        return -1;
    clock_update(r);
    wait = heap_wait(&r->timers, r->mono);
    if (r->periodics.count > 0) {
        periodic_wait = heap_wait(&r->periodics, flux_reactor_now(r));
        wait = shorter(wait, shorter(periodic_wait, periodic_wait_max));
    }
    return milliseconds(wait);
}

static bool loop_may_wait(const flux_reactor_t *r, int flags)
{
    return !(flags & FLUX_REACTOR_NOWAIT) && r->active > 0 &&
           list_empty(&r->idles);
}

static void loop_gather(flux_reactor_t *r, int polled)
{
    struct list *last;

    checks_push(r, PRIORITY_MAX, 0);
    last = r->ready.prev;
    heap_expire(&r->periodics, flux_reactor_now(r));
    heap_expire(&r->timers, r->mono);
    pollset_push(&r->polls, polled);
    if (r->ready.prev == last)
        ready_push_all(&r->idles);
    checks_push(r, -1, PRIORITY_MIN);
}

static int loop_iterate(flux_reactor_t *r, int flags)
{
    uint64_t before = r->events;
    int timeout = 0;
    int polled;

    ready_push_all(&r->prepares);
    ready_dispatch(r);
    if (r->stopping)
        return 0;
    if (r->events == before && loop_may_wait(r, flags))
        timeout = loop_timeout(r);
    polled = pollset_wait(&r->polls, timeout);
    if (polled < 0)
        return -1;
    clock_update(r);
    loop_gather(r, polled);
    ready_dispatch(r);
    return 0;
}

static bool loop_goes_on(const flux_reactor_t *r, int flags, uint64_t before)
{
    if (r->stopping || r->active == 0 || (flags & FLUX_REACTOR_NOWAIT))
        return false;
    return !(flags & FLUX_REACTOR_ONCE) || r->events == before;
}

static int loop_result(flux_reactor_t *r, int rc)
{
    bool failed = r->failed;

    if (r->depth == 0)
        dead_sweep(r);
    r->stopping = r->failed = false;
    if (failed)
        errno = r->errnum;
    if (failed || rc < 0)
        return -1;
    return r->active > INT_MAX ? INT_MAX : (int)r->active;
}

int flux_reactor_run(flux_reactor_t *r, int flags)
{
    uint64_t before;
    int rc;

    if (!r || (flags & ~(FLUX_REACTOR_NOWAIT | FLUX_REACTOR_ONCE))) {
        errno = EINVAL;
        return -1;
    }
    flux_reactor_incref(r);
    r->stopping = r->failed = false;
    before = r->events;
    do {
        rc = loop_iterate(r, flags);
    } while (rc == 0 && loop_goes_on(r, flags, before));
    rc = loop_result(r, rc);
    flux_reactor_decref(r);
    return rc;
}

void flux_reactor_stop(flux_reactor_t *r)
{
    r->stopping = true;
}

void flux_reactor_stop_error(flux_reactor_t *r)
{
    r->stopping = r->failed = true;
    r->errnum = errno;
}

bool reactor_is_stopping(const flux_reactor_t *r)
{
    return r->stopping;
}

/* ---- the reactor ---- */

static void reactor_init_lists(flux_reactor_t *r)
{
    list_init(&r->ready);
    list_init(&r->dead);
    list_init(&r->prepares);
    list_init(&r->idles);
    list_init(&r->signals);
    list_init(&r->children);
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(r->checks); i++)
        list_init(&r->checks[i]);
}

flux_reactor_t *flux_reactor_create(int flags)
{
    flux_reactor_t *r;

    if (flags != 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(r = calloc(1, sizeof(*r))))
        return NULL;
    r->refcount = 1;
    r->pipe = -1;
    reactor_init_lists(r);
    watcher_init(&r->wake, r, &wake_kind);
    r->wake.unreferenced = true;
    r->mono = clock_read(CLOCK_MONOTONIC);
    clock_sync(r);
    return r;
}

void flux_reactor_incref(flux_reactor_t *r)
{
    if (r)
        r->refcount++;
}

void flux_reactor_decref(flux_reactor_t *r)
{
    int saved_errno = errno;

    if (!r || --r->refcount > 0)
        return;
    pipe_release(r->pipe);
    pollset_destroy(&r->polls);
    free(r->timers.slots);
    free(r->periodics.slots);
    free(r);
    errno = saved_errno;
}

void flux_reactor_destroy(flux_reactor_t *r)
{
    flux_reactor_decref(r);
}
