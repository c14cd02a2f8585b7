/* pending.c - the requests that a peer was given and has not answered
 *
 * Each request that passes the broker is put in here and taken out again by
 * its response, so that both must be cheap: entries are used again instead of
 * freed, and are found by two integers.
 *
 * The hash is multiplication by a random odd number, whose upper bits are as
 * good as any to one who does not know it: who asks cannot choose matchtags
 * so that they all meet in one bucket.
 *
 * What always holds:
 * - An entry is in the list and in one bucket, or in the pool, whose size is
 *   bounded; a peer that has nothing pending holds the smallest row of
 *   buckets at most.
 * - There are at least as many buckets as entries.
 * - Of one asker, one matchtag and one sender that it speaks for there is one
 *   entry at most: the newest request.
 */
#include "pending.h"

#include "sys.h"
#include "util.h"

enum {
    BUCKETS_MIN = 64, /* a window of a busy client */
    SPARE_MAX = 256,  /* entries of some 350 bytes */
    /* bytes: a longer payload is not kept, since they may pile up */
    PAYLOAD_MAX = 512,
};

struct pending_pool {
    uint64_t factor; /* of the hash */
    size_t count;
    struct list spare;
};

/* ---- entries not in use ----------------------------------------------------
 */

struct pending_pool *pending_pool_create(void)
{
    struct pending_pool *pool = calloc(1, sizeof(*pool));

    if (!pool)
        return NULL;
    sys_random(&pool->factor, sizeof(pool->factor));
    pool->factor |= 1;
    list_init(&pool->spare);
    return pool;
}

static struct pending *take_spare(struct pending_pool *pool)
{
    struct pending *p = LIST_ENTRY(pool->spare.next, struct pending, link);

    if (list_empty(&pool->spare))
        return malloc(sizeof(*p));
    list_remove(&p->link);
    pool->count--;
    return p;
}

static void give_spare(struct pending_pool *pool, struct pending *p)
{
    if (pool->count == SPARE_MAX) {
        free(p);
        return;
    }
    list_prepend(&pool->spare, &p->link);
    pool->count++;
}

void pending_pool_destroy(struct pending_pool *pool)
{
    if (!pool)
        return;
    while (pool->count > 0)
        free(take_spare(pool));
    free(pool);
}

/* ---- finding ---------------------------------------------------------------
 */

static struct pending **
bucket_of(const struct pending_set *s, uint64_t asker, uint32_t matchtag)
{
    uint64_t key = (asker << 32 ^ asker >> 32) + matchtag;
    uint64_t hash = (key * s->pool->factor) >> 32;

    return &s->buckets[hash & (s->size - 1)];
}

static bool
is_same(const struct pending *p, uint64_t asker, const flux_msg_t *msg)
{
    return p->asker == asker && p->request.b == msg->b &&
           flux_msg_route_match_first(&p->request, msg);
}

struct pending *pending_find(const struct pending_set *s,
                             uint64_t asker,
                             const flux_msg_t *response)
{
    struct pending *p;

    if (s->count == 0)
        return NULL;
    p = *bucket_of(s, asker, response->b);
    while (p && !is_same(p, asker, response))
        p = p->next;
    return p;
}

/* ---- adding ----------------------------------------------------------------
 */

static void put(struct pending_set *s, struct pending *p)
{
    struct pending **bucket = bucket_of(s, p->asker, p->request.b);

    p->next = *bucket;
    *bucket = p;
}

static int make_room(struct pending_set *s)
{
    size_t size = s->size > 0 ? 2 * s->size : BUCKETS_MIN;
    struct pending **buckets;
    struct list *l, *following;

    if (s->count < s->size)
        return 0;
    if (!(buckets = calloc(size, sizeof(struct pending *))))
        return -1;
    free(s->buckets);
    s->buckets = buckets;
    s->size = size;
    LIST_FOREACH(&s->all, l, following)
    put(s, LIST_ENTRY(l, struct pending, link));
    return 0;
}

static int keep(flux_msg_t *copy, const flux_msg_t *request)
{
    if (msg_clone_into(copy, request) < 0)
        return -1;
    if (request->payload_size <= PAYLOAD_MAX ||
        msg_set_parts(copy, copy->topic, copy->topic_size, NULL, 0) == 0)
        return 0;
    msg_release(copy);
    return -1;
}

struct pending *
pending_add(struct pending_set *s, uint64_t asker, const flux_msg_t *request)
{
    struct pending *p = pending_find(s, asker, request);

    if (p)
        pending_remove(s, p);
    p = make_room(s) < 0 ? NULL : take_spare(s->pool);
    if (!p || keep(&p->request, request) < 0) {
        free(p);
        return NULL;
    }
    p->asker = asker;
    list_append(&s->all, &p->link);
    put(s, p);
    s->count++;
    return p;
}

/* ---- removing --------------------------------------------------------------
 */

static void drop_buckets(struct pending_set *s)
{
    if (s->size == BUCKETS_MIN)
        return;
    free(s->buckets);
    s->buckets = NULL;
    s->size = 0;
}

void pending_remove(struct pending_set *s, struct pending *p)
{
    struct pending **at = bucket_of(s, p->asker, p->request.b);

    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    list_remove(&p->link);
    msg_release(&p->request);
    give_spare(s->pool, p);
    if (--s->count == 0)
        drop_buckets(s);
}

void pending_init(struct pending_set *s, struct pending_pool *pool)
{
    *s = (struct pending_set){.pool = pool};
    list_init(&s->all);
}

void pending_release(struct pending_set *s)
{
    while (s->count > 0)
        pending_remove(s, LIST_ENTRY(s->all.next, struct pending, link));
    free(s->buckets);
    s->buckets = NULL;
    s->size = 0;
}
