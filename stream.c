/* stream.c - a flux_t over a connected socket
 *
 * The operations behind local://, ssh:// and fd://, made of a conn (conn.h) and
 * poll(2).  The descriptor never blocks; a call that is to wait polls.
 *
 * A client that waits for room to write reads at the same time, because the
 * broker stops reading from one that does not take its answers (link.h): two
 * that wait for each other would wait for ever.  What is read meanwhile stays
 * in the conn.  Modules are always read from, so that one of them only waits;
 * if it read on, all that one client asks would queue up inside it, in front
 * of what another asks.
 *
 * Without waiting, one message is accepted even if the socket is full, and
 * the next is refused with EAGAIN until it is out.
 *
 * The descriptor is also what flux_pollfd() gives: one is enough.  Unlike
 * Flux's it is level-triggered, readable while there is something to read;
 * messages already read make it no more so, which is why an event loop asks
 * flux_pollevents() before it sleeps.
 */
#include "stream.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "credopt.h"
#include "util.h"

/* poll(2) counts milliseconds in an int: longer waits are taken in turns. */
static const double POLL_SECONDS_MAX = 1e6;

struct stream {
    struct conn *conn;
    struct stream_server server;
    char *address;             /* the server's, NULL without one */
    struct flux_msg_cred cred; /* stamped on what is sent, where not unset */
};

static const struct flux_msg_cred UNSET = {
    .userid = FLUX_USERID_UNKNOWN,
    .rolemask = FLUX_ROLE_NONE,
};

/* ---- waiting ------------------------------------------------------------ */

static int poll_milliseconds(double timeout)
{
    if (timeout < 0)
        return -1;
    if (timeout > POLL_SECONDS_MAX)
        timeout = POLL_SECONDS_MAX;
    return (int)(timeout * 1000 + 0.999);
}

static int to_poll(int events)
{
    return (events & FLUX_POLLIN ? POLLIN : 0) |
           (events & FLUX_POLLOUT ? POLLOUT : 0);
}

static int from_poll(int revents)
{
    return (revents & POLLIN ? FLUX_POLLIN : 0) |
           (revents & POLLOUT ? FLUX_POLLOUT : 0) |
           (revents & (POLLERR | POLLHUP | POLLNVAL) ? FLUX_POLLERR : 0);
}

/* Times on util_monotime()'s clock; NEVER does not come. */
static const double NEVER = -1;

static double deadline_after(double timeout)
{
    return timeout < 0 ? NEVER : timeout + util_monotime();
}

static double time_left(double deadline)
{
    double left;

    if (deadline < 0)
        return NEVER;
    left = deadline - util_monotime();
    return left < 0 ? 0 : left;
}

int stream_poll(int fd, int events, double timeout)
{
    struct pollfd pfd = {.fd = fd, .events = (short)to_poll(events)};
    double deadline = timeout > 0 ? deadline_after(timeout) : timeout;
    int n;

    while ((n = poll(&pfd, 1, poll_milliseconds(timeout))) <= 0) {
        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0 && (timeout = time_left(deadline)) <= 0) {
            errno = ETIMEDOUT;
            return -1;
        }
    }
    return from_poll(pfd.revents);
}

/* One step of writing what is queued, and of reading what is in its way. */
static int wait_writable(struct stream *s, int *events)
{
    int revents = stream_poll(conn_fd(s->conn), *events, -1);

    if (revents < 0)
        return -1;
    if ((revents & FLUX_POLLIN) && conn_read(s->conn) < 0)
        *events &= ~FLUX_POLLIN; /* the write will say what is wrong */
    return 0;
}

static int op_flush(void *impl, int flags)
{
    struct stream *s = impl;
    int events = FLUX_POLLOUT | (s->address ? FLUX_POLLIN : 0);
    int rc;

    while ((rc = conn_flush(s->conn)) > 0) {
        if (flags & FLUX_O_NONBLOCK) {
            errno = EAGAIN;
            return -1;
        }
        if (wait_writable(s, &events) < 0)
            return -1;
    }
    return rc;
}

static int op_wait(void *impl, double timeout)
{
    struct stream *s = impl;
    double deadline = deadline_after(timeout);
    int left;

    while ((left = conn_flush(s->conn)) >= 0) {
        int events = FLUX_POLLIN | (left ? FLUX_POLLOUT : 0);
        int revents = stream_poll(conn_fd(s->conn), events, timeout);

        if (revents < 0)
            return -1;
        if (revents & (FLUX_POLLIN | FLUX_POLLERR))
            return 0;
        timeout = time_left(deadline);
    }
    return 0; /* the write failed: the read says why */
}

/* ---- messages ----------------------------------------------------------- */

static bool cred_is_set(const struct flux_msg_cred *cred)
{
    return cred->userid != UNSET.userid || cred->rolemask != UNSET.rolemask;
}

static int queue_stamped(struct stream *s, const flux_msg_t *msg)
{
    flux_msg_t *copy = msg_clone(msg);
    int rc;

    if (!copy)
        return -1;
    copy->userid = s->cred.userid;
    copy->rolemask = s->cred.rolemask;
    rc = conn_queue(s->conn, copy);
    flux_msg_decref(copy);
    return rc;
}

static int op_queue(void *impl, const flux_msg_t *msg)
{
    struct stream *s = impl;

    return cred_is_set(&s->cred) ? queue_stamped(s, msg)
                                 : conn_queue(s->conn, msg);
}

static int op_send(void *impl, const flux_msg_t *msg, int flags)
{
    struct stream *s = impl;

    if (conn_out_bytes(s->conn) > 0 && op_flush(s, flags) < 0)
        return -1;
    if (op_queue(s, msg) < 0)
        return -1;
    if (op_flush(s, flags) == 0)
        return 0;
    return errno == EAGAIN ? 0 : -1; /* accepted, to be written later */
}

static flux_msg_t *op_recv(void *impl, int flags)
{
    struct stream *s = impl;
    flux_msg_t *msg;

    while (!(msg = conn_next(s->conn)) && errno == EAGAIN) {
        int n;

        if (!(flags & FLUX_O_NONBLOCK) && op_wait(s, -1) < 0)
            return NULL;
        n = conn_read(s->conn);
        if (n < 0)
            return NULL;
        if (n == 0 && (flags & FLUX_O_NONBLOCK)) {
            errno = EAGAIN;
            return NULL;
        }
    }
    return msg;
}

static size_t op_queued(void *impl)
{
    struct stream *s = impl;

    return conn_out_bytes(s->conn);
}

static bool op_pending(void *impl)
{
    struct stream *s = impl;

    return conn_ready(s->conn);
}

static int op_pollfd(void *impl)
{
    struct stream *s = impl;

    return conn_fd(s->conn);
}

static int op_pollevents(void *impl)
{
    struct stream *s = impl;
    int events = stream_poll(conn_fd(s->conn), FLUX_POLLIN | FLUX_POLLOUT, 0);

    if (events < 0 && errno != ETIMEDOUT)
        return -1;
    if (events < 0)
        events = 0;
    if (conn_ready(s->conn))
        events |= FLUX_POLLIN;
    return events;
}

/* ---- options, life ------------------------------------------------------ */

static int
op_setopt(void *impl, const char *option, const void *val, size_t len)
{
    struct stream *s = impl;

    return s->address ? credopt_set(&s->cred, option, val, len)
                      : util_fail(EINVAL);
}

static int op_getopt(void *impl, const char *option, void *val, size_t len)
{
    struct stream *s = impl;

    return s->address ? credopt_get(&s->cred, option, val, len)
                      : util_fail(EINVAL);
}

/* The process sees the end of its input, and ends when all of it is sent. */
static void hang_up(struct stream *s)
{
    conn_destroy(s->conn);
    while (s->server.pid > 0 && waitpid(s->server.pid, NULL, 0) < 0 &&
           errno == EINTR)
        ;
}

static int op_reconnect(void *impl)
{
    struct stream *s = impl;
    struct conn *conn;
    pid_t pid = 0;
    int fd;

    if (!s->address)
        return util_fail(ENOSYS);
    if ((fd = s->server.redial(s->address, &pid)) < 0)
        return -1;
    if (!(conn = conn_create(fd))) {
        close(fd);
        return -1;
    }
    hang_up(s);
    s->conn = conn;
    s->server.pid = pid;
    return 0;
}

static void op_destroy(void *impl)
{
    struct stream *s = impl;

    hang_up(s);
    free(s->address);
    free(s);
}

static void op_shield(void *impl)
{
    struct stream *s = impl;

    conn_shield(s->conn);
}

static const struct flux_handle_ops stream_ops = {
    .setopt = op_setopt,
    .getopt = op_getopt,
    .pollfd = op_pollfd,
    .pollevents = op_pollevents,
    .send = op_send,
    .recv = op_recv,
    .reconnect = op_reconnect,
    .impl_destroy = op_destroy,
};

static const struct handle_batch_ops stream_batch_ops = {
    .queue = op_queue,
    .flush = op_flush,
    .queued = op_queued,
    .pending = op_pending,
    .wait = op_wait,
    .shield = op_shield,
};

static int set_server(struct stream *s, const struct stream_server *server)
{
    if (!server)
        return 0;
    s->server = *server;
    s->address = strdup(server->address);
    return s->address ? 0 : -1;
}

flux_t *stream_create(int fd, int flags, const struct stream_server *server)
{
    struct conn *conn = conn_create(fd);
    struct stream *s = conn ? calloc(1, sizeof(*s)) : NULL;
    flux_t *h = NULL;

    if (!conn)
        close(fd);
    if (!s) {
        conn_destroy(conn);
        return NULL;
    }
    *s = (struct stream){.conn = conn, .cred = UNSET};
    if (set_server(s, server) == 0)
        h = handle_create(s, &stream_ops, &stream_batch_ops, flags);
    if (!h)
        op_destroy(s);
    return h;
}
