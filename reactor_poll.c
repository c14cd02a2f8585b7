/* reactor_poll.c - the poll set, and fd watchers
 *
 * The poll set changes only when a watcher does: an entry is added when one
 * is started, and the last entry takes the place of one that is stopped.  The
 * functions here are the only ones that know how descriptors are waited for.
 *
 * Not only fd watchers are in it: what has a `polled` among the functions of
 * its kind may be (reactor_signal.c).  Room for an entry is reserved when the
 * watcher is created, so that starting cannot fail.
 *
 * poll(2) looks at each descriptor, which takes a tenth of a microsecond or
 * more.  So where there are many, those that have had something lately stand
 * in front and are waited for alone, for as long as it would take to look at
 * all of them some times; then all are.  Most of the time goes to the busy
 * few.  One that wakes up is kept waiting for a microsecond for each descriptor
 * that there is; where looking at all was in vain, for twice as long the next
 * time, up to PATIENCE_GROWTH times; and for PATIENCE_MAX at most.  A loop that
 * has nothing to do waits for all; one that has only looks at them, since to
 * wait means that the kernel puts the process into each one's queue and takes
 * it out again.
 *
 * Where the kernel has no memory for the set, nothing is told of descriptors
 * for a moment, then it is tried again: all else that is due goes on, and the
 * loop does not end for what is over soon (reactor_on_starving()).
 *
 * Entries are told one by one while the set may change: a watcher that is
 * told may take itself out, and then the entry that came into its place is
 * looked at next.
 */
#include "reactor_internal.h"

#include "sys.h"

enum {
    MANY = 24,   /* below, to look at all costs no more than a timer */
    WARMTH = 16, /* so many may be busy in turn */
    PATIENCE_GROWTH = 8,
    /* Milliseconds: a hundred tries a second cost nothing. */
    STARVED_WAIT = 10,
};

static const double PATIENCE_EACH = 1e-6; /* seconds: ten times its cost */
static const double PATIENCE_MAX = 2e-3;

static int pollset_grow(struct reactor_pollset *p)
{
    size_t capacity = p->capacity ? 2 * p->capacity : REACTOR_ROOM_MIN;
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

int reactor_poll_reserve(flux_reactor_t *r)
{
    struct reactor_pollset *p = &r->polls;

    if (p->reserved == p->capacity && pollset_grow(p) < 0)
        return -1;
    p->reserved++;
    return 0;
}

void reactor_poll_release(flux_reactor_t *r)
{
    r->polls.reserved--;
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

/* Put the entry at `from` into the place `to`, which is free. */
static void pollset_move(struct reactor_pollset *p, size_t from, size_t to)
{
    p->fds[to] = p->fds[from];
    p->owners[to] = p->owners[from];
    p->owners[to]->u.io.slot = to;
}

static void pollset_swap(struct reactor_pollset *p, size_t a, size_t b)
{
    struct pollfd fd = p->fds[a];
    flux_watcher_t *w = p->owners[a];

    pollset_move(p, b, a);
    p->fds[b] = fd;
    p->owners[b] = w;
    w->u.io.slot = b;
}

/* In front where some are: what is new is most likely used at once. */
void reactor_poll_add(flux_watcher_t *w)
{
    struct reactor_pollset *p = &w->r->polls;

    w->u.io.slot = p->count++;
    w->u.io.warmth = WARMTH;
    p->owners[w->u.io.slot] = w;
    p->fds[w->u.io.slot].revents = 0;
    pollset_update(w);
    if (p->hot > 0)
        pollset_swap(p, w->u.io.slot, p->hot++);
}

void reactor_poll_remove(flux_watcher_t *w)
{
    struct reactor_pollset *p = &w->r->polls;
    size_t hole = w->u.io.slot;

    if (hole < p->hot) {
        pollset_move(p, --p->hot, hole);
        hole = p->hot;
    }
    pollset_move(p, --p->count, hole);
}

/* ---- waiting ---- */

static void warm(struct reactor_pollset *p)
{
    for (size_t i = 0; i < p->hot; i++)
        if (p->fds[i].revents != 0)
            p->owners[i]->u.io.warmth = WARMTH;
}

/* Those in front that have had nothing for long go behind. */
static void cool(struct reactor_pollset *p)
{
    for (size_t i = p->hot; i-- > 0;)
        if (p->owners[i]->u.io.warmth == 0)
            pollset_swap(p, i, --p->hot);
        else
            p->owners[i]->u.io.warmth--;
}

/* After all were looked at; whether one that was not in front has something. */
static bool choose_hot(struct reactor_pollset *p)
{
    size_t before = p->hot;
    bool others;

    for (size_t i = p->hot; i < p->count; i++)
        if (p->fds[i].revents != 0)
            pollset_swap(p, i, p->hot++);
    others = p->hot > before;
    warm(p);
    cool(p);
    return others;
}

/* How long those behind may be left alone. */
static void set_patience(struct reactor_pollset *p, bool others)
{
    double least = (double)p->count * PATIENCE_EACH;

    p->patience = others ? 0 : 2 * p->patience;
    if (p->patience < least)
        p->patience = least;
    if (p->patience > PATIENCE_GROWTH * least)
        p->patience = PATIENCE_GROWTH * least;
    if (p->patience > PATIENCE_MAX)
        p->patience = PATIENCE_MAX;
}

static int wait_for_all(struct reactor_pollset *p, int timeout)
{
    int n = poll(p->fds, (nfds_t)p->count, timeout);

    p->looked = -1;
    if (p->count >= MANY && n >= 0)
        set_patience(p, choose_hot(p));
    else
        p->hot = 0;
    return n;
}

static int wait_for_hot(struct reactor_pollset *p, double seconds)
{
    int n = sys_poll(p->fds, p->hot, seconds);

    if (n > 0)
        warm(p);
    return n;
}

/* For those in front, until it is time to look at all. */
static int wait_for_few(struct reactor_pollset *p, double now, int timeout)
{
    double seconds;
    int n = 0;

    if (p->looked < 0)
        p->looked = now;
    seconds = p->patience - (now - p->looked);
    if (seconds <= 0) {
        n = wait_for_all(p, 0);
        seconds = p->patience;
    }
    if (timeout >= 0 && seconds > timeout * 1e-3)
        seconds = timeout * 1e-3;
    if (n == 0 && p->hot > 0)
        n = wait_for_hot(p, seconds);
    return n;
}

/* What is left of it; too early rather than too late. */
static int behind_patience(int timeout)
{
    int most = (int)(PATIENCE_MAX * 1e3);

    if (timeout < 0)
        return timeout;
    return timeout > most ? timeout - most : 0;
}

static int wait_for_some(flux_reactor_t *r, int timeout)
{
    struct reactor_pollset *p = &r->polls;
    int n;

    if (p->hot == 0)
        return wait_for_all(p, timeout);
    n = wait_for_few(p, r->mono, timeout);
    if (n != 0 || timeout == 0)
        return n;
    return wait_for_all(p, behind_patience(timeout));
}

static void set_starving(flux_reactor_t *r, bool starving)
{
    if (r->starving == starving)
        return;
    r->starving = starving;
    if (r->starving_cb)
        r->starving_cb(starving, r->starving_arg);
}

static int starve(flux_reactor_t *r, int timeout)
{
    set_starving(r, true);
    poll(NULL, 0,
         timeout >= 0 && timeout < STARVED_WAIT ? timeout : STARVED_WAIT);
    return 0;
}

int reactor_poll_wait(flux_reactor_t *r, int timeout)
{
    int n = wait_for_some(r, timeout);

    if (n >= 0)
        set_starving(r, false);
    else if (errno == ENOMEM)
        n = starve(r, timeout);
    else if (errno == EINTR)
        n = 0;
    return n;
}

void reactor_on_starving(flux_reactor_t *r, reactor_starving_f cb, void *arg)
{
    r->starving_cb = cb;
    r->starving_arg = arg;
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
    reactor_ready_push(w, revents_of(polled, w->u.io.events));
}

void reactor_poll_push(flux_reactor_t *r, int n)
{
    struct reactor_pollset *p = &r->polls;
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

static void io_release(flux_watcher_t *w)
{
    reactor_poll_release(w->r);
}

static const struct reactor_kind io_kind = {
    .reserve = reactor_poll_reserve,
    .release = io_release,
    .start = reactor_poll_add,
    .stop = reactor_poll_remove,
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
    if (!(w = reactor_watcher_new(r, &io_kind, cb, arg)))
        return NULL;
    w->u.io.fd = fd;
    w->u.io.events = poll_events_of(events);
    return w;
}

int flux_fd_watcher_get_fd(flux_watcher_t *w)
{
    return reactor_watcher_is(w, &io_kind) ? w->u.io.fd : -1;
}

void reactor_fd_watcher_set_events(flux_watcher_t *w, int events)
{
    if (!reactor_watcher_is(w, &io_kind))
        return;
    w->u.io.events = poll_events_of(events);
    if (w->active)
        pollset_update(w);
    if (!(w->revents &= events | FLUX_POLLERR))
        reactor_ready_remove(w);
}
