/* msglist.c - lists of messages, with a cursor
 *
 * A module keeps here the requests that it will answer later.  A message may
 * be in any number of lists, and twice in one, so that each place has a node
 * of its own, which holds a reference.
 *
 * What always holds:
 * - The cursor is a node of the list, or its head, which stands for "before
 *   the first and behind the last": flux_msglist_next() goes from there to
 *   the first node, and gets there, with NULL, behind the last.
 * - Deleting at the cursor steps back, so that a loop over first and next
 *   may delete as it goes.  Deleting where there is no node does nothing.
 * - Adding a message puts the cursor to the head.
 */
#include "flux.h"

#include "list.h"

struct node {
    struct list link;
    const flux_msg_t *msg;
};

struct flux_msglist {
    struct list nodes;
    struct list *cursor;
    int count;
};

struct flux_msglist *flux_msglist_create(void)
{
    struct flux_msglist *l = malloc(sizeof(*l));

    if (!l)
        return NULL;
    list_init(&l->nodes);
    l->cursor = &l->nodes;
    l->count = 0;
    return l;
}

static const flux_msg_t *message_at(const struct flux_msglist *l,
                                    struct list *at)
{
    return at == &l->nodes ? NULL : LIST_ENTRY(at, struct node, link)->msg;
}

/* Take the node out; its reference goes to the caller. */
static const flux_msg_t *take(struct flux_msglist *l, struct list *at)
{
    struct node *n = LIST_ENTRY(at, struct node, link);
    const flux_msg_t *msg = n->msg;

    if (l->cursor == at)
        l->cursor = at->prev;
    list_remove(at);
    l->count--;
    free(n);
    return msg;
}

void flux_msglist_destroy(struct flux_msglist *l)
{
    int saved = errno;

    if (!l)
        return;
    while (!list_empty(&l->nodes))
        flux_msg_decref(take(l, l->nodes.next));
    free(l);
    errno = saved;
}

static int
add(struct flux_msglist *l, struct list *after, const flux_msg_t *msg)
{
    struct node *n = malloc(sizeof(*n));

    if (!n)
        return -1;
    n->msg = flux_msg_incref(msg);
    list_insert(after, &n->link);
    l->cursor = &l->nodes;
    l->count++;
    return 0;
}

int flux_msglist_push(struct flux_msglist *l, const flux_msg_t *msg)
{
    if (!l || !msg) {
        errno = EINVAL;
        return -1;
    }
    return add(l, &l->nodes, msg);
}

int flux_msglist_append(struct flux_msglist *l, const flux_msg_t *msg)
{
    if (!l || !msg) {
        errno = EINVAL;
        return -1;
    }
    return add(l, l->nodes.prev, msg);
}

void flux_msglist_delete(struct flux_msglist *l)
{
    int saved = errno;

    if (l && l->cursor != &l->nodes)
        flux_msg_decref(take(l, l->cursor));
    errno = saved;
}

const flux_msg_t *flux_msglist_pop(struct flux_msglist *l)
{
    return l && !list_empty(&l->nodes) ? take(l, l->nodes.next) : NULL;
}

static const flux_msg_t *go_to(struct flux_msglist *l, struct list *at)
{
    l->cursor = at;
    return message_at(l, at);
}

const flux_msg_t *flux_msglist_first(struct flux_msglist *l)
{
    return l ? go_to(l, l->nodes.next) : NULL;
}

const flux_msg_t *flux_msglist_next(struct flux_msglist *l)
{
    return l ? go_to(l, l->cursor->next) : NULL;
}

const flux_msg_t *flux_msglist_last(struct flux_msglist *l)
{
    return l ? go_to(l, l->nodes.prev) : NULL;
}

int flux_msglist_count(struct flux_msglist *l)
{
    return l ? l->count : 0;
}
