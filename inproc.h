/* inproc.h - a peer inside the broker: its own services, builtin modules
 *
 * The peer's queue is the inbox of a flux_t, so that what is compiled into
 * the broker is written like any module, without a socket in between.
 */
#ifndef INPROC_H
#define INPROC_H

#include "router.h"

struct inproc;

struct inproc *inproc_create(flux_reactor_t *r,
                             struct router *router,
                             enum peer_kind kind,
                             const char *name);
void inproc_destroy(struct inproc *p); /* leaves the router, closes h */
flux_t *inproc_handle(struct inproc *p);
struct peer *inproc_peer(struct inproc *p);
size_t inproc_queued(struct inproc *p);

#endif /* INPROC_H */
