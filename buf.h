/* buf.h - a growable byte buffer with sticky failure
 *
 * When memory runs out (or a size would pass SIZE_MAX) the buffer is marked
 * and all later additions do nothing, so that a writer may add many pieces
 * and look once at the end.  A zero-initialised buf is empty and valid.
 */
#ifndef BUF_H
#define BUF_H

#include <stdbool.h>
#include <stddef.h>
#include "flux.h"

struct buf {
    unsigned char *data;
    size_t size;     /* bytes used */
    size_t capacity; /* bytes allocated */
    bool failed;     /* sticky: some addition was lost */
};

void buf_release(struct buf *b); /* free the memory; valid and empty after */
void buf_reset(struct buf *b);   /* empty, memory kept, failure forgotten */

/* Room for `n` more bytes: where they go, or NULL.  `size` is not changed. */
void *buf_reserve(struct buf *b, size_t n);

void buf_add(struct buf *b, const void *data, size_t n);
void buf_add_byte(struct buf *b, unsigned char c);
void buf_add_string(struct buf *b, const char *s); /* without its NUL */
void buf_add_u32be(struct buf *b, uint32_t v);
void buf_add_decimal(struct buf *b, uint32_t v);
void buf_printf(struct buf *b, const char *fmt, ...) FLUX_PRINTF(2, 3);
void buf_consume(struct buf *b, size_t n); /* drop the first n bytes */

/* End with a NUL and hand the memory to the caller, who frees it; the buf is
 * empty after.  NULL with ENOMEM if it had failed.
 */
char *buf_steal_string(struct buf *b);

#endif /* BUF_H */
