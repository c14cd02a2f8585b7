/* list.h - an intrusive doubly linked list
 *
 * A `struct list` is both the head of a list and the link inside a member.
 * A link that is in no list points at itself, so that list_remove() may be
 * called any number of times.
 */
#ifndef LIST_H
#define LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_insert(struct list *after, struct list *l)
{
    l->prev = after;
    l->next = after->next;
    after->next->prev = l;
    after->next = l;
}

static inline void list_append(struct list *head, struct list *l)
{
    list_insert(head->prev, l);
}

static inline void list_prepend(struct list *head, struct list *l)
{
    list_insert(head, l);
}

static inline void list_remove(struct list *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    list_init(l);
}

/* Move all members of `from` to the end of `to`; `from` is empty after. */
static inline void list_splice(struct list *to, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/* The member `l` may be removed (or freed) in the body, no other may be. */
#define LIST_FOREACH(head, l, following)                             \
    for ((l) = (head)->next, (following) = (l)->next; (l) != (head); \
         (l) = (following), (following) = (l)->next)

#define LIST_ENTRY(l, type, member) \
    ((type *)(void *)((char *)(l)-offsetof(type, member)))

#endif /* LIST_H */
