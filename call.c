/* call.c - remote procedure calls, as they are published
 *
 * Make a request, give it the rank that it is for, send it (rpc.c).
 *
 * A request goes to a rank, to any that has the service, or upstream: to the
 * service's next instance on the way to rank 0.  The last has a flag, and its
 * nodeid is that of the sender (RFC 6), so that one may have to be asked for
 * first (attribute.c).
 *
 * What always holds:
 * - A call that could not be made, addressed or sent leaves nothing behind.
 * - The message of flux_rpc_message() stays as it is: a copy is sent.
 */
#include "codec.h"
#include "msg.h"
#include "rpc.h"

enum { RPC_FLAGS = FLUX_RPC_NORESPONSE | FLUX_RPC_STREAMING };

static int set_nodeid(flux_t *h, flux_msg_t *msg, uint32_t nodeid)
{
    if (nodeid == FLUX_NODEID_UPSTREAM) {
        if (flux_msg_set_flag(msg, FLUX_MSGFLAG_UPSTREAM) < 0 ||
            flux_get_rank(h, &nodeid) < 0)
            return -1;
    }
    return flux_msg_set_nodeid(msg, nodeid);
}

/* Takes `msg`, which may be NULL. */
static flux_future_t *
call(flux_t *h, flux_msg_t *msg, uint32_t nodeid, int flags)
{
    if (msg && set_nodeid(h, msg, nodeid) < 0) {
        flux_msg_destroy(msg);
        return NULL;
    }
    return rpc_start(h, msg, nodeid, flags);
}

static int check_call(flux_t *h, int flags)
{
    if (h && (flags & ~RPC_FLAGS) == 0)
        return 0;
    errno = EINVAL;
    return -1;
}

flux_future_t *
flux_rpc_message(flux_t *h, const flux_msg_t *msg, uint32_t nodeid, int flags)
{
    int type;
    if (check_call(h, flags) < 0 || flux_msg_get_type(msg, &type) < 0)
        return NULL;
    if (type != FLUX_MSGTYPE_REQUEST) {
        errno = EINVAL;
        return NULL;
    }
    return call(h, msg_clone(msg), nodeid, flags);
}

flux_future_t *flux_rpc(
    flux_t *h, const char *topic, const char *s, uint32_t nodeid, int flags)
{
    if (check_call(h, flags) < 0)
        return NULL;
    return call(h, flux_request_encode(topic, s), nodeid, flags);
}

flux_future_t *flux_rpc_raw(flux_t *h,
                            const char *topic,
                            const void *data,
                            size_t len,
                            uint32_t nodeid,
                            int flags)
{
    if (check_call(h, flags) < 0)
        return NULL;
    return call(h, flux_request_encode_raw(topic, data, len), nodeid, flags);
}

flux_future_t *flux_rpc_vpack(flux_t *h,
                              const char *topic,
                              uint32_t nodeid,
                              int flags,
                              const char *fmt,
                              va_list ap)
{
    if (check_call(h, flags) < 0)
        return NULL;
    return call(h, codec_vpack(FLUX_MSGTYPE_REQUEST, topic, fmt, ap), nodeid,
                flags);
}

flux_future_t *flux_rpc_pack(flux_t *h,
                             const char *topic,
                             uint32_t nodeid,
                             int flags,
                             const char *fmt,
                             ...)
{
    flux_future_t *f;
    va_list ap;
    va_start(ap, fmt);
    f = flux_rpc_vpack(h, topic, nodeid, flags, fmt, ap);
    va_end(ap);
    return f;
}
