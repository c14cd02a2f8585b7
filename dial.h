/* dial.h - a connected descriptor, past the broker's welcome */
#ifndef DIAL_H
#define DIAL_H

#include "flux.h"

/* A new connection to the UNIX socket at `path`: close-on-exec, non-blocking,
 * the welcome read.  -1 with errno, and `e` says what failed on what.
 */
int dial_local(const char *path, flux_error_t *e);

/* Make an inherited or spawned descriptor close-on-exec and non-blocking. */
int dial_prepare(int fd);

/* The server's first byte: 0 or an errno, -1 with errno if there is none. */
int dial_welcome(int fd);

/* The same as a verdict: 0, or -1 with errno and what `name` said. */
int dial_handshake(int fd, const char *name, flux_error_t *e);

#endif /* DIAL_H */
