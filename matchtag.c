/* matchtag.c - the numbers that pair a response with its request (RFC 6)
 *
 * Tags start at 1; 0 is FLUX_MATCHTAG_NONE.  Every tag up to `highest` has
 * been handed out once; those given back form a chain through `next`, whose
 * other entries hold TAKEN.  So taking and giving back touch one entry each,
 * giving back twice is seen and does nothing, and a handle that makes one
 * request at a time uses tag 1 for ever.
 *
 * It is for the caller to keep a tag as long as a response to it may come.
 */
#include "matchtag.h"

static const uint32_t TAKEN = UINT32_MAX;
enum { FIRST_CAPACITY = 64 };

static int grow(struct matchtag_pool *pool)
{
    uint32_t capacity = pool->capacity ? pool->capacity * 2 : FIRST_CAPACITY;
    uint32_t *next;

    if (capacity > MATCHTAG_LIMIT) {
        errno = EBUSY;
        return -1;
    }
    if (!(next = realloc(pool->next, capacity * sizeof(*next))))
        return -1;
    pool->next = next;
    pool->capacity = capacity;
    return 0;
}

uint32_t matchtag_take(struct matchtag_pool *pool)
{
    uint32_t tag = pool->free;

    if (tag) {
        pool->free = pool->next[tag];
    } else {
        if (pool->highest + 1 >= pool->capacity && grow(pool) < 0)
            return FLUX_MATCHTAG_NONE;
        tag = ++pool->highest;
    }
    pool->next[tag] = TAKEN;
    pool->taken++;
    return tag;
}

void matchtag_give(struct matchtag_pool *pool, uint32_t tag)
{
    if (tag == 0 || tag > pool->highest || pool->next[tag] != TAKEN)
        return;
    pool->next[tag] = pool->free;
    pool->free = tag;
    pool->taken--;
}

uint32_t matchtag_left(const struct matchtag_pool *pool)
{
    return MATCHTAG_LIMIT - 1 - pool->taken;
}

void matchtag_release(struct matchtag_pool *pool)
{
    free(pool->next);
    memset(pool, 0, sizeof(*pool));
}
