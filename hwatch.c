/* hwatch.c - the watcher that calls back when a handle is ready
 *
 * A descriptor alone does not say when a message can be had: one may be in
 * the handle's queue, or behind another one in what was read already, and
 * some handles have no descriptor at all.  So four watchers work together:
 *
 *   fd       where there is a descriptor, notes what poll(2) says of it
 *   prepare  before the loop sleeps: writes what is queued, waits for room to
 *            write only while something is left, and if the handle is ready
 *            already keeps the loop awake
 *   idle     does that
 *   check    after descriptors were looked at: calls back if the handle is
 *            ready for what was asked
 *
 * What makes a handle ready behind prepare's back, such as another prepare
 * watcher that waited for an RPC, wakes the loop by handle_wake().
 *
 * A handle of a connector that wakes for each message (a broker has a dozen
 * of them for its own services) is not looked at before it does: prepare and
 * check run only until it is no longer ready.  The first message of a turn
 * has the watcher called in that turn; if it wakes again, the next turn does
 * it, so that two that talk to each other keep no one else waiting.
 *
 * The four do not count for the loop, the composite watcher does; so
 * flux_watcher_unref() on it does what one expects.
 */
#include "handle.h"
#include "reactor.h"
#include "util.h"

/* After the descriptors' own watchers, so that what they note is used in the
 * same turn of the loop.
 */
enum { CHECK_PRIORITY = -1 };

struct hwatch {
    flux_reactor_t *r;
    flux_t *h;
    int events; /* what the caller wants to know of */
    int noted;  /* what poll(2) said since the last check */
    flux_watcher_t *w;
    flux_watcher_t *fd; /* or NULL */
    flux_watcher_t *prepare;
    flux_watcher_t *idle;
    flux_watcher_t *check;
    uint64_t turn; /* of the loop, when it was last called out of order */
    struct handle_waker waker; /* in the handle's list while started */
};

static int ready_events(const struct hwatch *hw)
{
    return handle_events(hw->h, hw->noted) & (hw->events | FLUX_POLLERR);
}

static void
note_descriptor(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hwatch *hw = arg;

    (void)r;
    (void)w;
    hw->noted |= revents;
}

static void watch_for_room(struct hwatch *hw, bool on)
{
    if (hw->fd)
        reactor_fd_watcher_set_events(hw->fd,
                                      FLUX_POLLIN | (on ? FLUX_POLLOUT : 0));
}

static void look_each_turn(struct hwatch *hw)
{
    flux_watcher_start(hw->prepare);
    flux_watcher_start(hw->check);
}

static void rest(struct hwatch *hw)
{
    flux_watcher_stop(hw->idle);
    if (!handle_is_waking(hw->h))
        return;
    flux_watcher_stop(hw->prepare);
    flux_watcher_stop(hw->check);
}

/* A write that fails is not told here: the read that follows fails too. */
static void
before_sleep(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hwatch *hw = arg;

    (void)r;
    (void)w;
    (void)revents;
    if (handle_queued(hw->h) > 0)
        handle_flush_nonblock(hw->h);
    watch_for_room(hw, handle_queued(hw->h) > 0);
    if (ready_events(hw))
        flux_watcher_start(hw->idle);
    else
        rest(hw);
}

static void
after_sleep(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hwatch *hw = arg;

    (void)r;
    (void)w;
    if ((hw->noted & FLUX_POLLOUT) && handle_queued(hw->h) > 0)
        handle_flush_nonblock(hw->h);
    revents = ready_events(hw);
    hw->noted = 0;
    flux_watcher_stop(hw->idle);
    if (revents)
        reactor_watcher_call(hw->w, revents);
}

static void call_in_this_turn(struct hwatch *hw)
{
    uint64_t turn = reactor_turn(hw->r);

    if (hw->turn == turn || !ready_events(hw))
        return;
    hw->turn = turn;
    reactor_watcher_push(hw->w, ready_events(hw));
}

static void keep_awake(struct handle_waker *waker)
{
    struct hwatch *hw = UTIL_CONTAINER_OF(waker, struct hwatch, waker);

    look_each_turn(hw);
    if (handle_is_waking(hw->h))
        call_in_this_turn(hw);
    else
        flux_watcher_start(hw->idle);
}

static void start(flux_watcher_t *w, void *impl)
{
    struct hwatch *hw = impl;

    (void)w;
    hw->noted = 0;
    flux_watcher_start(hw->fd);
    look_each_turn(hw);
    handle_watch(hw->h, &hw->waker);
}

static void stop(flux_watcher_t *w, void *impl)
{
    struct hwatch *hw = impl;

    (void)w;
    list_remove(&hw->waker.link);
    flux_watcher_stop(hw->fd);
    flux_watcher_stop(hw->prepare);
    flux_watcher_stop(hw->check);
    flux_watcher_stop(hw->idle);
}

static void destroy(void *impl)
{
    struct hwatch *hw = impl;

    list_remove(&hw->waker.link);
    flux_watcher_destroy(hw->fd);
    flux_watcher_destroy(hw->prepare);
    flux_watcher_destroy(hw->check);
    flux_watcher_destroy(hw->idle);
    free(hw);
}

static const struct reactor_watcher_ops hwatch_ops = {
    .start = start,
    .stop = stop,
    .destroy = destroy,
};

static int create_parts(struct hwatch *hw, flux_reactor_t *r)
{
    int fd = flux_pollfd(hw->h);

    hw->prepare = flux_prepare_watcher_create(r, before_sleep, hw);
    hw->check = flux_check_watcher_create(r, after_sleep, hw);
    hw->idle = flux_idle_watcher_create(r, NULL, NULL);
    if (fd >= 0)
        hw->fd =
            flux_fd_watcher_create(r, fd, FLUX_POLLIN, note_descriptor, hw);
    if (!hw->prepare || !hw->check || !hw->idle || (fd >= 0 && !hw->fd))
        return -1;
    flux_watcher_set_priority(hw->check, CHECK_PRIORITY);
    flux_watcher_unref(hw->prepare);
    flux_watcher_unref(hw->check);
    flux_watcher_unref(hw->idle);
    flux_watcher_unref(hw->fd);
    return 0;
}

static struct hwatch *hwatch_create(flux_reactor_t *r, flux_t *h, int events)
{
    struct hwatch *hw = calloc(1, sizeof(*hw));

    if (!hw)
        return NULL;
    hw->r = r;
    hw->h = h;
    hw->events = events;
    hw->waker.wake = keep_awake;
    list_init(&hw->waker.link);
    if (create_parts(hw, r) < 0) {
        destroy(hw);
        return NULL;
    }
    return hw;
}

flux_watcher_t *flux_handle_watcher_create(
    flux_reactor_t *r, flux_t *h, int events, flux_watcher_f cb, void *arg)
{
    struct hwatch *hw;
    flux_watcher_t *w;

    if (!r || !h) {
        errno = EINVAL;
        return NULL;
    }
    if (!(hw = hwatch_create(r, h, events)))
        return NULL;
    if (!(w = reactor_watcher_create(r, &hwatch_ops, hw, cb, arg)))
        destroy(hw);
    else
        hw->w = w;
    return w;
}

flux_t *flux_handle_watcher_get_flux(flux_watcher_t *w)
{
    struct hwatch *hw = reactor_watcher_impl(w, &hwatch_ops);

    return hw ? hw->h : NULL;
}
