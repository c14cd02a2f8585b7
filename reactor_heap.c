/* reactor_heap.c - watchers in the order in which they are due
 *
 * A binary heap whose members know their place in it, so that one can be
 * taken out wherever it stands.  Those due at the same time come in the order
 * in which they were put in.
 *
 * Room is reserved when a watcher is created: putting one in cannot fail.
 *
 * What has become due is taken out as a whole before any of it is looked at,
 * so that a timer that is armed anew, even for a time that has passed, waits
 * for the next turn.  Between the two a watcher has no slot, but its link is
 * in the list of those that are due; reactor_heap_remove() knows both.
 */
#include "reactor_internal.h"

#include <float.h>

int reactor_heap_reserve(struct reactor_heap *h)
{
    if (h->reserved == h->capacity) {
        size_t capacity = h->capacity ? 2 * h->capacity : REACTOR_ROOM_MIN;
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

static void heap_place(struct reactor_heap *h, size_t slot, flux_watcher_t *w)
{
    h->slots[slot] = w;
    w->u.time.slot = slot;
}

/* Put `w` at `slot` or above it, moving those down that are due later. */
static void heap_rise(struct reactor_heap *h, size_t slot, flux_watcher_t *w)
{
    while (slot > 0 && heap_before(w, h->slots[(slot - 1) / 2])) {
        heap_place(h, slot, h->slots[(slot - 1) / 2]);
        slot = (slot - 1) / 2;
    }
    heap_place(h, slot, w);
}

/* Put `w` at `slot` or below it, moving those up that are due earlier. */
static void heap_sink(struct reactor_heap *h, size_t slot, flux_watcher_t *w)
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

void reactor_heap_push(struct reactor_heap *h, flux_watcher_t *w, double at)
{
    w->u.time.at = at;
    w->u.time.order = w->r->order++;
    heap_rise(h, h->count++, w);
}

void reactor_heap_remove(struct reactor_heap *h, flux_watcher_t *w)
{
    size_t slot = w->u.time.slot;
    flux_watcher_t *last;

    list_remove(&w->link);
    if (slot == REACTOR_NO_SLOT)
        return;
    w->u.time.slot = REACTOR_NO_SLOT;
    last = h->slots[--h->count];
    if (last == w)
        return;
    if (heap_before(last, w))
        heap_rise(h, slot, last);
    else
        heap_sink(h, slot, last);
}

void reactor_heap_take(struct reactor_heap *h, double now, struct list *due)
{
    while (h->count > 0 && h->slots[0]->u.time.at <= now) {
        flux_watcher_t *w = h->slots[0];
        reactor_heap_remove(h, w);
        list_append(due, &w->link);
    }
}

void reactor_heap_expire(struct reactor_heap *h, double now)
{
    struct list due;

    list_init(&due);
    reactor_heap_take(h, now, &due);
    while (!list_empty(&due)) {
        flux_watcher_t *w = LIST_ENTRY(due.next, flux_watcher_t, link);
        list_remove(&w->link);
        w->kind->expire(w, now);
    }
}

double reactor_heap_wait(const struct reactor_heap *h, double now)
{
    return h->count > 0 ? h->slots[0]->u.time.at - now : DBL_MAX;
}
