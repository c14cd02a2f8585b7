/* reactor_watcher.c - what all watchers have
 *
 * A watcher's life, its being started and referenced, and the ready list, in
 * which those wait whose callback is due.
 *
 * What always holds:
 * - A callback may start, stop, create or destroy any watcher, itself too,
 *   and may run the reactor again.  Stopping takes a watcher off the ready
 *   list; a destroyed one is freed when no callback is under way.
 * - Starting cannot fail: the room that an active watcher takes in the poll
 *   set or in a heap is reserved when it is created.
 * - A watcher counts in the reactor's `active` while it is started and
 *   referenced.
 * - Watchers keep their reactor alive, never the other way round.  That is
 *   why the count of its references is kept here.
 *
 * Here too are the watchers whose behaviour is the caller's own: all that they
 * add is to pass on what a kind is asked for.
 */
#include "reactor_internal.h"

#include "selfpipe.h"

/* ---- the reactor's references ---- */

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
    selfpipe_release(r->pipe);
    free(r->polls.fds);
    free(r->polls.owners);
    free(r->timers.slots);
    free(r->periodics.slots);
    free(r);
    errno = saved_errno;
}

void flux_reactor_destroy(flux_reactor_t *r)
{
    flux_reactor_decref(r);
}

/* ---- the ready list ---- */

void reactor_ready_push(flux_watcher_t *w, int revents)
{
    w->revents |= revents;
    if (list_empty(&w->ready))
        list_append(&w->r->ready, &w->ready);
}

void reactor_ready_push_all(struct list *watchers)
{
    struct list *l, *following;

    LIST_FOREACH(watchers, l, following)
    {
        reactor_ready_push(LIST_ENTRY(l, flux_watcher_t, link), 0);
    }
}

void reactor_ready_remove(flux_watcher_t *w)
{
    list_remove(&w->ready);
    w->revents = 0;
}

/* ---- the dead, and calls ---- */

static void watcher_free(flux_watcher_t *w)
{
    flux_reactor_t *r = w->r;

    if (w->kind->release)
        w->kind->release(w);
    list_remove(&w->all);
    free(w);
    flux_reactor_decref(r);
}

void reactor_dead_sweep(flux_reactor_t *r)
{
    while (!list_empty(&r->dead)) {
        struct list *l = r->dead.next;
        list_remove(l);
        watcher_free(LIST_ENTRY(l, flux_watcher_t, link));
    }
}

void reactor_abandon(flux_reactor_t *r)
{
    if (!r)
        return;
    r->depth = 0;
    reactor_dead_sweep(r);
}

/* A watcher that holds others is newer than they are. */
void reactor_reclaim(flux_reactor_t *r)
{
    if (!r)
        return;
    flux_reactor_incref(r);
    reactor_abandon(r);
    while (!list_empty(&r->all))
        flux_watcher_destroy(LIST_ENTRY(r->all.next, flux_watcher_t, all));
    r->refcount = 1;
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
        reactor_dead_sweep(r);
    flux_reactor_decref(r);
}

static void watcher_run(flux_watcher_t *w, int revents)
{
    flux_reactor_t *r = w->r;

    if (!w->cb)
        return;
    callback_enter(r);
    w->cb(r, w, revents, w->arg);
    callback_leave(r);
}

void reactor_ready_dispatch(flux_reactor_t *r)
{
    while (!list_empty(&r->ready)) {
        flux_watcher_t *w = LIST_ENTRY(r->ready.next, flux_watcher_t, ready);
        int revents = w->revents;
        reactor_ready_remove(w);
        r->events += !w->kind->passive;
        watcher_run(w, revents);
    }
}

/* ---- what all watchers have ---- */

void reactor_watcher_init(flux_watcher_t *w,
                          flux_reactor_t *r,
                          const struct reactor_kind *kind)
{
    list_init(&w->ready);
    list_init(&w->link);
    list_init(&w->all);
    w->r = r;
    w->kind = kind;
}

flux_watcher_t *reactor_watcher_new(flux_reactor_t *r,
                                    const struct reactor_kind *kind,
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
    reactor_watcher_init(w, r, kind);
    w->cb = cb;
    w->arg = arg;
    list_prepend(&r->all, &w->all);
    flux_reactor_incref(r);
    return w;
}

bool reactor_watcher_is(const flux_watcher_t *w,
                        const struct reactor_kind *kind)
{
    if (w && w->kind == kind)
        return true;
    errno = EINVAL;
    return false;
}

/* Of a watcher that its kind has already taken out of its place. */
void reactor_watcher_deactivate(flux_watcher_t *w)
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
    reactor_ready_remove(w);
    if (!w->active)
        return;
    reactor_watcher_deactivate(w);
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

static const struct reactor_kind custom_kind = {
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

    if (!(w = reactor_watcher_new(r, &custom_kind, cb, arg)))
        return NULL;
    w->u.custom.ops = ops;
    w->u.custom.impl = impl;
    return w;
}

void *reactor_watcher_impl(flux_watcher_t *w,
                           const struct reactor_watcher_ops *ops)
{
    if (!reactor_watcher_is(w, &custom_kind))
        return NULL;
    if (w->u.custom.ops != ops) {
        errno = EINVAL;
        return NULL;
    }
    return w->u.custom.impl;
}

void reactor_watcher_push(flux_watcher_t *w, int revents)
{
    if (w->active)
        reactor_ready_push(w, revents);
}

void reactor_watcher_call(flux_watcher_t *w, int revents)
{
    if (w->dead)
        return;
    w->r->events++;
    watcher_run(w, revents);
}
