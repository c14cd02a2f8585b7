/* conn.h - one framed connection over a stream socket
 *
 * No reactor in here: the owner watches the descriptor, calls conn_read()
 * when it is readable, takes what conn_next() returns, and conn_flush()es
 * what it queued; when that leaves something, it watches for POLLOUT.
 *
 * Many messages come in with one read(2), and go out with one writev(2).
 * Small frames are copied into the out queue; the body of a large one is
 * shared.  An idle connection holds no buffer.
 */
#ifndef CONN_H
#define CONN_H

#include "msg.h"

struct conn;

/* Takes the descriptor, which must be non-blocking for conn_read() and
 * conn_flush() not to block.  NULL with ENOMEM (fd stays the caller's).
 */
struct conn *conn_create(int fd);
void conn_destroy(struct conn *c); /* closes; queued output is lost */
int conn_fd(const struct conn *c);

/* From now on conn_read() and conn_flush() are no points where a thread may be
 * cancelled, so that it never is with a message half sent, or in hand.
 */
void conn_shield(struct conn *c);

/* One read(2), or two for a large frame.  1: something came, 0: nothing now,
 * -1: the connection is over, with errno (ECONNRESET at end of file).
 */
int conn_read(struct conn *c);

/* The next whole message, which the caller owns; NULL with EAGAIN when more
 * must be read, EPROTO when the peer sent rubbish (the connection is then of
 * no more use), ENOMEM.
 */
flux_msg_t *conn_next(struct conn *c);

/* Whether conn_next() would return something without a read. */
bool conn_ready(const struct conn *c);

/* Queue one message.  -1 with ENOMEM, or EMSGSIZE for one that routes have
 * made too large.
 */
int conn_queue(struct conn *c, const flux_msg_t *msg);

/* The same of a whole frame as it goes over the wire, which may be shared: for
 * messages of which conn_queue() would make a copy for each connection.
 */
bool conn_copies(const flux_msg_t *msg);
int conn_queue_frame(struct conn *c, struct msg_body *frame);

/* Write what is queued.  0: all gone, 1: some is left, -1: over, errno. */
int conn_flush(struct conn *c);

size_t conn_out_bytes(const struct conn *c);
size_t conn_out_messages(const struct conn *c); /* not yet wholly written */
size_t conn_in_messages(const struct conn *c);  /* whole ones not yet taken */

/* Counters since creation, of whole messages and bytes. */
struct conn_counters {
    uint64_t messages_in, messages_out, bytes_in, bytes_out;
};
void conn_counters(const struct conn *c, struct conn_counters *counters);

#endif /* CONN_H */
