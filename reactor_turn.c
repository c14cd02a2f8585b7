/* reactor_turn.c - watchers of the loop's own turns: prepare, check, idle
 *
 * None of them waits for anything outside.  Each turn of the loop calls all
 * prepare watchers before it waits, all check watchers after, by priority, and
 * the idle watchers where nothing else was due.  The loop does not sleep while
 * there is an idle watcher.
 *
 * An active one is in its kind's list in the reactor, check watchers in that
 * of their priority: a priority that is set counts from the next start.
 *
 * Prepare and check watchers are passive: a call of one is no event, and
 * does not end a run that waits for one.
 */
#include "reactor_internal.h"

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
    list_append(&w->r->checks[w->u.priority - REACTOR_PRIORITY_MIN], &w->link);
}

static void idle_start(flux_watcher_t *w)
{
    list_append(&w->r->idles, &w->link);
}

static const struct reactor_kind prepare_kind = {
    .passive = true,
    .start = prepare_start,
    .stop = link_stop,
};
static const struct reactor_kind check_kind = {
    .passive = true,
    .start = check_start,
    .stop = link_stop,
};
static const struct reactor_kind idle_kind = {
    .start = idle_start,
    .stop = link_stop,
};

flux_watcher_t *
flux_prepare_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    return reactor_watcher_new(r, &prepare_kind, cb, arg);
}

flux_watcher_t *
flux_check_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    return reactor_watcher_new(r, &check_kind, cb, arg);
}

flux_watcher_t *
flux_idle_watcher_create(flux_reactor_t *r, flux_watcher_f cb, void *arg)
{
    return reactor_watcher_new(r, &idle_kind, cb, arg);
}

void flux_watcher_set_priority(flux_watcher_t *w, int priority)
{
    if (!w || w->kind != &check_kind)
        return;
    if (priority < REACTOR_PRIORITY_MIN)
        priority = REACTOR_PRIORITY_MIN;
    if (priority > REACTOR_PRIORITY_MAX)
        priority = REACTOR_PRIORITY_MAX;
    w->u.priority = priority;
}

void reactor_checks_push(flux_reactor_t *r, int highest, int lowest)
{
    for (int priority = highest; priority >= lowest; priority--)
        reactor_ready_push_all(&r->checks[priority - REACTOR_PRIORITY_MIN]);
}
