/* stream.h - a flux_t over a connected socket */
#ifndef STREAM_H
#define STREAM_H

#include "handle.h"

/* The server of a client that connects by an address. */
struct stream_server {
    const char *address;
    /* A new connection, non-blocking, the welcome read; `pid` as below. */
    int (*redial)(const char *address, pid_t *pid);
    pid_t pid; /* process behind the descriptor that is to be reaped, or 0 */
};

/* Takes `fd`, non-blocking and past its handshake; closes it if this fails.
 * `server` (copied) serves flux_reconnect() and marks a client of a server
 * that tells owners from guests, whose handle may set the FLUX_OPT_TESTING_
 * options; NULL for an inherited descriptor.
 */
flux_t *stream_create(int fd, int flags, const struct stream_server *server);

/* Poll `fd`, through EINTR.  Bits of FLUX_POLLIN, FLUX_POLLOUT, FLUX_POLLERR,
 * or -1 with errno, which is ETIMEDOUT after `timeout` seconds (< 0: never).
 */
int stream_poll(int fd, int events, double timeout);

#endif /* STREAM_H */
