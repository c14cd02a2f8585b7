/* stream.h - a flux_t over a connected socket */
#ifndef STREAM_H
#define STREAM_H

#include "handle.h"

/* A new connection to the socket at `path`, non-blocking, the server's
 * welcome read.  -1 with errno, and `e` says what failed on what.
 */
typedef int (*stream_connect_f)(const char *path, flux_error_t *e);

/* Takes `fd`, non-blocking and past its handshake; closes it if this fails.
 * `path` and `connect` serve flux_reconnect() and mark a client of a server
 * that tells owners from guests, whose handle may set the FLUX_OPT_TESTING_
 * options; both NULL for an inherited descriptor.
 */
flux_t *
stream_create(int fd, int flags, const char *path, stream_connect_f connect);

/* Poll `fd`, through EINTR.  Bits of FLUX_POLLIN, FLUX_POLLOUT, FLUX_POLLERR,
 * or -1 with errno, which is ETIMEDOUT after `timeout` seconds (< 0: never).
 */
int stream_poll(int fd, int events, double timeout);

#endif /* STREAM_H */
