/* pending.h - the requests that a peer was given and has not answered
 *
 * Found by who asked and by matchtag, walked in the order in which they came.
 * A number stands for who asked, since the asker may be gone; those that it
 * speaks for are told apart by the bottom of the route stack.
 */
#ifndef PENDING_H
#define PENDING_H

#include "list.h"
#include "msg.h"

struct pending_pool; /* of entries not in use, for all sets of one router */

struct pending {
    struct list link;     /* in its set, in order */
    struct pending *next; /* in its bucket */
    uint64_t asker;
    double since;       /* when it was given; < 0: measured already */
    flux_msg_t request; /* copy it, take no reference */
};

/* All zeros but for the pool is an empty set. */
struct pending_set {
    struct pending_pool *pool;
    struct list all;
    struct pending **buckets; /* NULL while it is empty */
    size_t size;              /* of buckets, a power of two */
    size_t count;
};

struct pending_pool *pending_pool_create(void);
void pending_pool_destroy(struct pending_pool *pool);

void pending_init(struct pending_set *s, struct pending_pool *pool);
void pending_release(struct pending_set *s); /* empty and valid after */

/* Keep what an answer to `request` needs, in the place of one with the same
 * asker and matchtag if there is one.  NULL with ENOMEM.
 */
struct pending *
pending_add(struct pending_set *s, uint64_t asker, const flux_msg_t *request);
/* The request that `response` is for, or NULL. */
struct pending *pending_find(const struct pending_set *s,
                             uint64_t asker,
                             const flux_msg_t *response);
void pending_remove(struct pending_set *s, struct pending *p);

#endif /* PENDING_H */
