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
 * Entries are told one by one while the set may change: a watcher that is
 * told may take itself out, and then the entry that came into its place is
 * looked at next.
 */
#include "reactor_internal.h"

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

void reactor_poll_add(flux_watcher_t *w)
{
    struct reactor_pollset *p = &w->r->polls;

    w->u.io.slot = p->count++;
    p->owners[w->u.io.slot] = w;
    p->fds[w->u.io.slot].revents = 0;
    pollset_update(w);
}

void reactor_poll_remove(flux_watcher_t *w)
{
    struct reactor_pollset *p = &w->r->polls;
    size_t last = --p->count;

    p->fds[w->u.io.slot] = p->fds[last];
    p->owners[w->u.io.slot] = p->owners[last];
    p->owners[last]->u.io.slot = w->u.io.slot;
}

int reactor_poll_wait(flux_reactor_t *r, int timeout)
{
    int n = poll(r->polls.fds, (nfds_t)r->polls.count, timeout);

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
