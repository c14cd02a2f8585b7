/* loop.c - loop://, a flux_t that receives what it sends
 *
 * For tests: a program with both ends of a conversation in one handle.  A
 * message is copied on its way in, as if it had gone over a wire, and gets
 * credentials as from a broker that knows the sender as its owner.
 *
 * There is no descriptor, so the loop finds what is queued by asking
 * flux_pollevents() (hwatch.c); and no one else to wait for, so that
 * receiving from an empty queue fails with EAGAIN even where one would wait.
 */
#include "loop.h"

#include <unistd.h>

#include "credopt.h"
#include "msg.h"

struct loop {
    struct list queue; /* of flux_msg_t, by their link */
    struct flux_msg_cred cred;
};

static int op_send_new(void *impl, flux_msg_t **msg, int flags)
{
    struct loop *l = impl;

    (void)flags;
    flux_msg_set_cred(*msg, l->cred);
    list_append(&l->queue, &(*msg)->link);
    *msg = NULL;
    return 0;
}

static int op_send(void *impl, const flux_msg_t *msg, int flags)
{
    flux_msg_t *copy = msg_clone(msg);

    return copy ? op_send_new(impl, &copy, flags) : -1;
}

static flux_msg_t *op_recv(void *impl, int flags)
{
    struct loop *l = impl;
    struct list *first = l->queue.next;

    (void)flags;
    if (list_empty(&l->queue)) {
        errno = EAGAIN;
        return NULL;
    }
    list_remove(first);
    return LIST_ENTRY(first, flux_msg_t, link);
}

static int op_pollevents(void *impl)
{
    struct loop *l = impl;

    return FLUX_POLLOUT | (list_empty(&l->queue) ? 0 : FLUX_POLLIN);
}

static int
op_setopt(void *impl, const char *option, const void *val, size_t len)
{
    struct loop *l = impl;

    return credopt_set(&l->cred, option, val, len);
}

static int op_getopt(void *impl, const char *option, void *val, size_t len)
{
    struct loop *l = impl;

    return credopt_get(&l->cred, option, val, len);
}

static void op_destroy(void *impl)
{
    struct loop *l = impl;

    while (!list_empty(&l->queue))
        flux_msg_decref(op_recv(l, 0));
    free(l);
}

static const struct flux_handle_ops loop_ops = {
    .setopt = op_setopt,
    .getopt = op_getopt,
    .pollevents = op_pollevents,
    .send = op_send,
    .send_new = op_send_new,
    .recv = op_recv,
    .impl_destroy = op_destroy,
};

flux_t *loop_create(int flags)
{
    struct loop *l = calloc(1, sizeof(*l));
    flux_t *h;

    if (!l)
        return NULL;
    list_init(&l->queue);
    l->cred.userid = (uint32_t)getuid();
    l->cred.rolemask = FLUX_ROLE_OWNER;
    if (!(h = flux_handle_create(l, &loop_ops, flags)))
        free(l);
    return h;
}
