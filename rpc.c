/* rpc.c - the future behind a remote procedure call
 *
 * A call is a request with a matchtag, sent at once, and a future that the
 * response with that matchtag fulfils: with the response itself, or with its
 * error number and text.  A streaming call is fulfilled by each of its
 * responses; an error response ends it, ENODATA being the good end.
 *
 * A future that someone waits for in a reactor is registered with the handle's
 * dispatcher, which brings the responses here; one that no one waits for yet
 * is known to it, so that its response is kept.  flux_future_wait_for() takes a
 * shorter way: it receives the response on the handle, where all else stays in
 * order for those who come later.  Whichever way the last response comes, the
 * registration ends with it, so that a finished call does not keep a reactor
 * running.
 *
 * A matchtag is freed with its future, if the last response has come (RFC 6:
 * one without the streaming flag, or one with an error).  If not, the matchtag
 * stays in use: the dispatcher frees it when the response does come, and drops
 * that.
 */
#include "rpc.h"

#include "future.h"
#include "handle.h"
#include "util.h"

struct rpc {
    flux_future_t *f; /* owns this */
    flux_t *h;        /* where the matchtag came from; a reference */
    uint32_t nodeid;  /* as the caller gave it */
    uint32_t matchtag;
    bool done;          /* the last response has come, or none will */
    flux_t *registered; /* with the dispatcher of this one, or NULL */
};

/* ---- the response comes ------------------------------------------------ */

static void rpc_unregister(struct rpc *rpc)
{
    if (!rpc->registered)
        return;
    handle_response_remove(rpc->registered, rpc->matchtag);
    flux_decref(rpc->registered);
    rpc->registered = NULL;
}

static void rpc_free_response(void *arg)
{
    flux_msg_decref(arg);
}

static void rpc_fulfill(struct rpc *rpc, const flux_msg_t *msg, int errnum)
{
    const char *errstr = NULL;
    if (errnum == 0) {
        flux_future_fulfill(rpc->f, (void *)flux_msg_incref(msg),
                            rpc_free_response);
        return;
    }
    if (flux_response_decode_error(msg, &errstr) < 0)
        errstr = NULL;
    flux_future_fulfill_error(rpc->f, errnum, errstr);
}

static void rpc_response(const flux_msg_t *msg, void *arg)
{
    struct rpc *rpc = arg;
    int errnum;
    if (flux_msg_get_errnum(msg, &errnum) < 0)
        errnum = EPROTO;
    rpc->done = errnum != 0 || !flux_msg_is_streaming(msg);
    if (rpc->done)
        rpc_unregister(rpc);
    rpc_fulfill(rpc, msg, errnum);
}

static void rpc_register(flux_future_t *f, void *arg)
{
    struct rpc *rpc = arg;
    flux_t *h = flux_future_get_flux(f);
    rpc_unregister(rpc);
    if (rpc->done)
        return;
    if (handle_response_add(h, rpc->matchtag, rpc_response, rpc) < 0)
        flux_future_fulfill_error(f, errno, NULL);
    else
        rpc->registered = flux_incref(h);
}

/* Be told of the response, should the handle's loop receive it. */
static int rpc_hold(struct rpc *rpc)
{
    if (handle_response_hold(rpc->h, rpc->matchtag, rpc_response, rpc) < 0)
        return -1;
    rpc->registered = flux_incref(rpc->h);
    return 0;
}

/* ---- waiting for it on the handle -------------------------------------- */

static int rpc_wait_for(flux_future_t *f, void *impl, double timeout)
{
    struct rpc *rpc = impl;
    struct flux_match mine = {FLUX_MSGTYPE_RESPONSE, rpc->matchtag, NULL};
    flux_msg_t *msg = NULL;
    if (rpc->done)
        errno = EAGAIN;
    else
        msg = handle_recv(flux_future_get_flux(f), mine, timeout);
    if (!msg) {
        if (errno == EAGAIN)
            errno = timeout < 0. ? EDEADLK : ETIMEDOUT;
        return -1;
    }
    rpc_response(msg, rpc);
    flux_msg_decref(msg);
    return 0;
}

static void rpc_destroy(void *impl)
{
    struct rpc *rpc = impl;
    rpc_unregister(rpc);
    if (rpc->done && rpc->matchtag != FLUX_MATCHTAG_NONE)
        flux_matchtag_free(rpc->h, rpc->matchtag);
    flux_decref(rpc->h);
    free(rpc);
}

static const struct future_ops rpc_ops = {rpc_wait_for, rpc_destroy};

/* ---- the call ---------------------------------------------------------- */

static struct rpc *rpc_create(flux_t *h, uint32_t nodeid)
{
    struct rpc *rpc = calloc(1, sizeof(*rpc));
    if (!rpc)
        return NULL;
    rpc->nodeid = nodeid;
    rpc->done = true;
    if (!(rpc->f = future_create(&rpc_ops, rpc, rpc_register, rpc))) {
        free(rpc);
        return NULL;
    }
    rpc->h = flux_incref(h);
    flux_future_set_flux(rpc->f, h);
    return rpc;
}

static int rpc_prepare(struct rpc *rpc, flux_msg_t *msg, int flags)
{
    if ((flags & FLUX_RPC_STREAMING) &&
        flux_msg_set_flag(msg, FLUX_MSGFLAG_STREAMING) < 0)
        return -1;
    if (flags & FLUX_RPC_NORESPONSE)
        return flux_msg_set_flag(msg, FLUX_MSGFLAG_NORESPONSE);
    rpc->matchtag = flux_matchtag_alloc(rpc->h);
    if (rpc->matchtag == FLUX_MATCHTAG_NONE)
        return -1;
    return flux_msg_set_matchtag(msg, rpc->matchtag);
}

static int rpc_send(struct rpc *rpc, flux_msg_t **msg, int flags)
{
    if (rpc_prepare(rpc, *msg, flags) < 0 || flux_send_new(rpc->h, msg, 0) < 0)
        return -1;
    if (flags & FLUX_RPC_NORESPONSE) {
        flux_future_fulfill(rpc->f, NULL, NULL);
        return 0;
    }
    rpc->done = false;
    return rpc_hold(rpc);
}

flux_future_t *rpc_start(flux_t *h, flux_msg_t *msg, uint32_t nodeid, int flags)
{
    struct rpc *rpc;
    flux_future_t *f = NULL;
    if (!msg)
        return NULL;
    if (!(rpc = rpc_create(h, nodeid))) {
        flux_msg_destroy(msg);
        return NULL;
    }
    if (rpc_send(rpc, &msg, flags) == 0) {
        f = rpc->f;
    } else {
        flux_msg_destroy(msg);
        future_release(rpc->f);
    }
    handle_cancellation_point(h);
    return f;
}

/* ---- what came --------------------------------------------------------- */

int flux_rpc_get(flux_future_t *f, const char **s)
{
    const void *msg;
    if (flux_future_get(f, &msg) < 0)
        return -1;
    return flux_response_decode(msg, NULL, s);
}

int flux_rpc_get_raw(flux_future_t *f, const void **data, size_t *len)
{
    const void *msg;
    if (flux_future_get(f, &msg) < 0)
        return -1;
    return flux_response_decode_raw(msg, NULL, data, len);
}

int flux_rpc_get_unpack(flux_future_t *f, const char *fmt, ...)
{
    const void *msg;
    va_list ap;
    int rc;
    if (flux_future_get(f, &msg) < 0)
        return -1;
    va_start(ap, fmt);
    rc = flux_msg_vunpack(msg, fmt, ap);
    va_end(ap);
    return rc;
}

int rpc_finish(flux_future_t *f, flux_error_t *errp)
{
    int rc = flux_rpc_get(f, NULL);
    if (rc < 0)
        util_error(errp, "%s", future_strerror(f, errno));
    flux_future_destroy(f);
    return rc;
}

uint32_t flux_rpc_get_matchtag(flux_future_t *f)
{
    const struct rpc *rpc = future_impl(f, &rpc_ops);
    return rpc ? rpc->matchtag : FLUX_MATCHTAG_NONE;
}

uint32_t flux_rpc_get_nodeid(flux_future_t *f)
{
    const struct rpc *rpc = future_impl(f, &rpc_ops);
    return rpc ? rpc->nodeid : FLUX_NODEID_ANY;
}
