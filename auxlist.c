/* auxlist.c - what callers attach to a handle, a message, a future
 *
 * A module hangs its own state on an object of ours under a name and gets it
 * back later, or hangs it there without a name only to have it freed in time.
 * Lists are short (a few names), so that a walk is the right search.
 *
 * What always holds:
 * - Newest first: clearing the list destroys in reverse order of setting, so
 *   that a value may refer to those that were set before it.
 * - An item is out of the list before its destructor is called; a destructor
 *   may therefore use the list that it is being removed from.
 * - Setting first allocates and then lets go of the old value: on ENOMEM the
 *   list is as it was.
 * - A replaced value counts as set anew: it moves to the front.
 */
#include "auxlist.h"

struct auxlist_item {
    struct auxlist_item *next;
    void *value;
    flux_free_f destroy; /* may be NULL */
    bool named;
    char name[];
};

static void item_destroy(struct auxlist_item *item)
{
    int saved = errno;

    if (!item)
        return;
    if (item->destroy)
        item->destroy(item->value);
    free(item);
    errno = saved;
}

static struct auxlist_item *
item_create(const char *name, void *value, flux_free_f destroy)
{
    size_t size = name ? strlen(name) + 1 : 0;
    struct auxlist_item *item = malloc(sizeof(*item) + size);

    if (!item)
        return NULL;
    item->value = value;
    item->destroy = destroy;
    item->named = name != NULL;
    if (name)
        memcpy(item->name, name, size);
    return item;
}

/* The pointer that points at the item of that name, or at the end's NULL. */
static struct auxlist_item **find(struct auxlist_item **p, const char *name)
{
    while (*p && !((*p)->named && strcmp((*p)->name, name) == 0))
        p = &(*p)->next;
    return p;
}

static struct auxlist_item *detach(struct auxlist *l, const char *name)
{
    struct auxlist_item **p = find(&l->head, name);
    struct auxlist_item *item = *p;

    if (item)
        *p = item->next;
    return item;
}

int auxlist_set(struct auxlist *l,
                const char *name,
                void *value,
                flux_free_f destroy)
{
    struct auxlist_item *item = NULL;
    struct auxlist_item *old;

    if ((!name && !value) || (!value && destroy)) {
        errno = EINVAL;
        return -1;
    }
    if (value && !(item = item_create(name, value, destroy)))
        return -1;
    old = name ? detach(l, name) : NULL;
    if (item) {
        item->next = l->head;
        l->head = item;
    }
    item_destroy(old);
    return 0;
}

void *auxlist_get(const struct auxlist *l, const char *name)
{
    struct auxlist_item *head = l->head;
    struct auxlist_item *item;

    if (!name) {
        errno = EINVAL;
        return NULL;
    }
    item = *find(&head, name);
    if (!item) {
        errno = ENOENT;
        return NULL;
    }
    return item->value;
}

void auxlist_clear(struct auxlist *l)
{
    struct auxlist_item *item;

    while ((item = l->head)) {
        l->head = item->next;
        item_destroy(item);
    }
}
