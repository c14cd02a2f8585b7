/* listener.h - a UNIX socket that takes connections */
#ifndef LISTENER_H
#define LISTENER_H

#include <sys/types.h>

#include "flux.h"

struct listener;

/* A connection has come: `fd` is the callee's, close-on-exec, non-blocking. */
typedef void (*listener_f)(int fd, void *arg);

/* Bind `path` with the permissions `mode`; a socket that is there is taken
 * away first: the caller holds the run folder's lock, so whose it was is dead.
 * Connections wait in the socket's backlog until listener_start().
 */
struct listener *listener_create(flux_reactor_t *r,
                                 const char *path,
                                 mode_t mode,
                                 listener_f accepted,
                                 void *arg,
                                 flux_error_t *e);
void listener_destroy(struct listener *l); /* removes the socket, too */

/* Take connections.  Again: a descriptor is free, so pause no longer. */
void listener_start(struct listener *l);

#endif /* LISTENER_H */
