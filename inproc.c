/* inproc.c - a peer inside the broker: its own services, builtin modules
 *
 * Both ends are in the broker's loop.  The router's end puts messages into a
 * queue; the flux_t's end takes them from there, and hands what it sends to
 * the router at once.  There is no descriptor: a message that comes has the
 * handle's watcher called in the same turn of the loop (hwatch.c).
 *
 * A turn of the loop takes a limited number of messages from a queue; one that
 * grows beyond that says that it is full, and clients are not read from until
 * it has shrunk (link.c).
 *
 * A message that the sender still holds is copied on its way in, since the
 * router writes into header and routes; the body is shared.
 */
#include "inproc.h"

#include "handle.h"

enum { QUEUE_FULL = 256, QUEUE_LOW = 64 }; /* messages, of 5 us each */

struct inproc {
    struct peer peer;
    struct list queue;
    size_t queued;
    size_t queued_bytes; /* of topics and payloads */
    flux_t *h;
};

static size_t inproc_backlog(struct peer *p)
{
    return UTIL_CONTAINER_OF(p, struct inproc, peer)->queued_bytes;
}

static void inproc_send(struct peer *p, flux_msg_t *msg)
{
    struct inproc *in = UTIL_CONTAINER_OF(p, struct inproc, peer);
    flux_msg_t *mine = msg;

    if (msg->refs > 1) {
        mine = msg_clone(msg);
        flux_msg_decref(msg);
    }
    if (!mine)
        return;
    list_append(&in->queue, &mine->link);
    in->queued_bytes += mine->topic_size + mine->payload_size;
    if (++in->queued > p->stats.queue_max)
        p->stats.queue_max = in->queued;
    if (in->queued >= QUEUE_FULL)
        p->full = true;
    if (in->h)
        handle_wake(in->h);
}

static int op_pollevents(void *impl)
{
    struct inproc *in = impl;

    return FLUX_POLLOUT | (list_empty(&in->queue) ? 0 : FLUX_POLLIN);
}

static int op_send(void *impl, const flux_msg_t *msg, int flags)
{
    struct inproc *in = impl;
    flux_msg_t *copy = msg_clone(msg);

    (void)flags;
    if (!copy)
        return -1;
    router_receive(&in->peer, copy);
    return 0;
}

static int op_send_new(void *impl, flux_msg_t **msg, int flags)
{
    struct inproc *in = impl;

    (void)flags;
    router_receive(&in->peer, *msg);
    *msg = NULL;
    return 0;
}

static flux_msg_t *op_recv(void *impl, int flags)
{
    struct inproc *in = impl;
    struct list *l = in->queue.next;
    flux_msg_t *msg = LIST_ENTRY(l, flux_msg_t, link);

    (void)flags;
    if (list_empty(&in->queue)) {
        errno = EAGAIN; /* to wait would be to wait for oneself */
        return NULL;
    }
    list_remove(l);
    if (--in->queued <= QUEUE_LOW)
        in->peer.full = false;
    in->queued_bytes -= msg->topic_size + msg->payload_size;
    return msg;
}

static int op_getopt(void *impl, const char *option, void *val, size_t len)
{
    struct inproc *in = impl;

    if (strcmp(option, FLUX_OPT_RECV_QUEUE_COUNT) == 0 &&
        len == sizeof(in->queued)) {
        memcpy(val, &in->queued, len);
        return 0;
    }
    errno = EINVAL;
    return -1;
}

static const struct flux_handle_ops inproc_ops = {
    .getopt = op_getopt,
    .pollevents = op_pollevents,
    .send = op_send,
    .send_new = op_send_new,
    .recv = op_recv,
};

struct inproc *inproc_create(flux_reactor_t *r,
                             struct router *router,
                             enum peer_kind kind,
                             const char *name)
{
    struct inproc *in = calloc(1, sizeof(*in));

    if (!in)
        return NULL;
    list_init(&in->queue);
    in->peer.send = inproc_send;
    in->peer.backlog = inproc_backlog;
    snprintf(in->peer.name, sizeof(in->peer.name), "%s", name);
    if (kind == PEER_BROKER)
        snprintf(in->peer.uuid, sizeof(in->peer.uuid), "%s",
                 router_uuid(router));
    in->h = flux_handle_create(in, &inproc_ops, 0);
    if (in->h)
        handle_set_waking(in->h);
    if (!in->h || router_peer_add(router, &in->peer, kind) < 0) {
        inproc_destroy(in);
        return NULL;
    }
    if (flux_set_reactor(in->h, r) < 0) {
        inproc_destroy(in);
        return NULL;
    }
    return in;
}

static void drop_queue(struct inproc *in)
{
    struct list *l, *following;

    LIST_FOREACH(&in->queue, l, following)
    {
        list_remove(l);
        flux_msg_destroy(LIST_ENTRY(l, flux_msg_t, link));
    }
}

void inproc_destroy(struct inproc *in)
{
    int saved_errno = errno;
    flux_t *h;

    if (!in)
        return;
    h = in->h;
    in->h = NULL; /* what is sent from now on wakes no one */
    flux_close(h);
    router_peer_remove(&in->peer);
    drop_queue(in);
    free(in);
    errno = saved_errno;
}

flux_t *inproc_handle(struct inproc *in)
{
    return in->h;
}

struct peer *inproc_peer(struct inproc *in)
{
    return &in->peer;
}

size_t inproc_queued(struct inproc *in)
{
    return in->queued;
}
