/* matchtag.h - the numbers that pair a response with its request (RFC 6)
 *
 * A pool hands out small numbers, so that what waits for them can be kept in
 * an array.  The number freed last is the next one out.
 */
#ifndef MATCHTAG_H
#define MATCHTAG_H

#include "flux.h"

enum {
    /* 20 bits, as RFC 6 has it: a million requests outstanding at once. */
    MATCHTAG_LIMIT = 1 << 20,
};

/* Zero-initialised is a pool with nothing taken. */
struct matchtag_pool {
    uint32_t *next;    /* of a free tag: the free one behind it; or TAKEN */
    uint32_t capacity; /* entries of `next` */
    uint32_t free;     /* first of the chain of tags given back, or 0 */
    uint32_t highest;  /* tags above were never handed out */
    uint32_t taken;
};

/* A tag that is not in use, or FLUX_MATCHTAG_NONE with EBUSY or ENOMEM. */
uint32_t matchtag_take(struct matchtag_pool *pool);
/* What is not in use is not touched. */
void matchtag_give(struct matchtag_pool *pool, uint32_t tag);
uint32_t matchtag_left(const struct matchtag_pool *pool);
void matchtag_release(struct matchtag_pool *pool); /* its memory */

#endif /* MATCHTAG_H */
