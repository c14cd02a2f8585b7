/* tee.h - pass a program's stderr on, and keep its last lines */
#ifndef TEE_H
#define TEE_H

#include "flux.h"

enum {
    TEE_LINES = 20,   /* a traceback, or what a library says before it dies */
    TEE_BYTES = 8192, /* of which only this much is kept */
};

struct tee;

/* Takes `from`, which must be non-blocking, and reads it in the loop until
 * it ends; what comes is written to `to` at once.  It does not keep the loop
 * running.  NULL with errno, `from` still the caller's.
 */
struct tee *tee_create(flux_reactor_t *r, int from, int to);
void tee_destroy(struct tee *t);

/* Read what is there now. */
void tee_drain(struct tee *t);

/* The last lines, without the last one's newline, as text without NULs, in
 * new memory; NULL if there was none.
 */
char *tee_lines(const struct tee *t);

#endif /* TEE_H */
