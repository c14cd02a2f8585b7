/* router_hold.h - services whose requests wait for their next owner */
#ifndef ROUTER_HOLD_H
#define ROUTER_HOLD_H

#include "router.h"

enum {
    HOLD_FULL = 1 << 20,   /* bytes: from here on clients are not read from */
    HOLD_LIMIT = 64 << 20, /* bytes: from here on requests are refused */
};

struct router_hold;

/* Hold back all requests for the services that `owner` has now, but its own.
 * It keeps them in name until it leaves.  NULL with errno, and nothing is
 * held.
 */
struct router_hold *router_hold_begin(struct peer *owner);

/* Give the services to whoever has them now, and the requests with them, in
 * the order in which they came; if `errnum`, answer the requests with that
 * and `text` (may be NULL) instead.  A service that no one has is gone.
 * How many requests that were.
 */
size_t router_hold_end(struct router_hold *h, int errnum, const char *text);

size_t router_hold_count(const struct router_hold *h);

#endif /* ROUTER_HOLD_H */
