/* reactor.c - a poll() loop with watchers
 *
 * One iteration of flux_reactor_run() calls the prepare watchers, waits in
 * poll(), looks at the clock, gathers all watchers that are due in one ready
 * list, then calls them in this order: check watchers (high priority first),
 * periodics, timers, file descriptors, idle watchers if nothing else is due,
 * and check watchers of negative priority.
 *
 * What always holds:
 * - The loop survives a callback that does anything to any watcher
 *   (reactor_watcher.c).
 * - While nothing is armed and no one is idle, poll() waits without end, and
 *   one clock reading is made per iteration.
 * - The loop ends when no started watcher is referenced, or when a callback
 *   stops it; those that were ready with it are called all the same.
 * - A reactor belongs to one thread.
 *
 * The kinds of watchers are in files of their own, each a struct reactor_kind
 * of functions: reactor_turn.c, reactor_time.c, reactor_stat.c, reactor_poll.c
 * and reactor_signal.c.
 */
#include "reactor_internal.h"

#include <limits.h>

#include "util.h"

/* ---- the loop ---- */

static bool loop_may_wait(const flux_reactor_t *r, int flags)
{
    return !(flags & FLUX_REACTOR_NOWAIT) && r->active > 0 &&
           list_empty(&r->idles);
}

static void loop_gather(flux_reactor_t *r, int polled)
{
    struct list *last;

    reactor_checks_push(r, REACTOR_PRIORITY_MAX, 0);
    last = r->ready.prev;
    reactor_time_expire(r);
    reactor_poll_push(r, polled);
    if (r->ready.prev == last)
        reactor_ready_push_all(&r->idles);
    reactor_checks_push(r, -1, REACTOR_PRIORITY_MIN);
}

static int loop_iterate(flux_reactor_t *r, int flags)
{
    uint64_t before = r->events;
    int timeout = 0;
    int polled;

    r->turn++;
    reactor_ready_push_all(&r->prepares);
    reactor_ready_dispatch(r);
    if (r->stopping)
        return 0;
    if (r->events == before && loop_may_wait(r, flags))
        timeout = reactor_time_left(r);
    polled = reactor_poll_wait(r, timeout);
    if (polled < 0)
        return -1;
    reactor_time_update(r);
    loop_gather(r, polled);
    reactor_ready_dispatch(r);
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
        reactor_dead_sweep(r);
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

uint64_t reactor_turn(const flux_reactor_t *r)
{
    return r->turn;
}

bool reactor_is_stopping(const flux_reactor_t *r)
{
    return r->stopping;
}

/* ---- the reactor ---- */

static void reactor_init_lists(flux_reactor_t *r)
{
    list_init(&r->all);
    list_init(&r->ready);
    list_init(&r->dead);
    list_init(&r->prepares);
    list_init(&r->idles);
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
    reactor_init_lists(r);
    reactor_signal_init(r);
    reactor_time_init(r);
    return r;
}
