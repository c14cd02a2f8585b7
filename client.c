/* client.c - what modules and clients ask of their broker
 *
 * Each function here is one call to a service of the broker: event or
 * service; or a helper for those who serve others: which of their pending
 * requests a disconnect or cancel request is about.
 *
 * An event's payload travels as base64 in event.publish, since it need not be
 * JSON.
 *
 * A sync future is fulfilled by the heartbeat event.  It subscribes when it is
 * made, unsubscribes when it is destroyed, and waits for the answer of neither:
 * what comes first counts, an event or the future's own timeout.
 */
#include "base64.h"
#include "codec.h"
#include "msg.h"
#include "rpc.h"

#define CLIENT_HEARTBEAT "heartbeat.pulse"

static void *client_invalid(void)
{
    errno = EINVAL;
    return NULL;
}

/* ---- events ------------------------------------------------------------ */

static flux_future_t *
event_request(flux_t *h, const char *method, const char *topic, int flags)
{
    if (!h || !topic)
        return client_invalid();
    return flux_rpc_pack(h, method, FLUX_NODEID_ANY, flags, "{s:s}", "topic",
                         topic);
}

flux_future_t *flux_event_subscribe_ex(flux_t *h, const char *topic, int flags)
{
    return event_request(h, "event.subscribe", topic, flags);
}

flux_future_t *
flux_event_unsubscribe_ex(flux_t *h, const char *topic, int flags)
{
    return event_request(h, "event.unsubscribe", topic, flags);
}

static bool event_is_muted(flux_t *h, const char *topic)
{
    return h && topic && (flux_flags_get(h) & FLUX_O_TEST_NOSUB);
}

int flux_event_subscribe(flux_t *h, const char *topic)
{
    if (event_is_muted(h, topic))
        return 0;
    return rpc_finish(flux_event_subscribe_ex(h, topic, 0), NULL);
}

int flux_event_unsubscribe(flux_t *h, const char *topic)
{
    if (event_is_muted(h, topic))
        return 0;
    return rpc_finish(flux_event_unsubscribe_ex(h, topic, 0), NULL);
}

flux_future_t *flux_event_publish_raw(
    flux_t *h, const char *topic, int flags, const void *data, size_t len)
{
    flux_future_t *f;
    char *text = NULL;
    if (!h || !topic || (flags & ~FLUX_MSGFLAG_PRIVATE))
        return client_invalid();
    if (data && len > 0 && !(text = base64_encode(data, len)))
        return NULL;
    f = flux_rpc_pack(h, "event.publish", 0, 0, "{s:s s:i s:s*}", "topic",
                      topic, "flags", flags, "payload", text);
    free(text);
    return f;
}

flux_future_t *
flux_event_publish(flux_t *h, const char *topic, int flags, const char *s)
{
    return flux_event_publish_raw(h, topic, flags, s, s ? strlen(s) + 1 : 0);
}

flux_future_t *flux_event_publish_pack(
    flux_t *h, const char *topic, int flags, const char *fmt, ...)
{
    flux_future_t *f = NULL;
    flux_msg_t *msg;
    const char *s;
    va_list ap;
    va_start(ap, fmt);
    msg = codec_vpack(FLUX_MSGTYPE_EVENT, topic, fmt, ap);
    va_end(ap);
    if (msg && flux_msg_get_string(msg, &s) == 0)
        f = flux_event_publish(h, topic, flags, s);
    flux_msg_destroy(msg);
    return f;
}

int flux_event_publish_get_seq(flux_future_t *f, int *seq)
{
    int value;
    if (flux_rpc_get_unpack(f, "{s:i}", "seq", &value) < 0)
        return -1;
    if (seq)
        *seq = value;
    return 0;
}

/* ---- services ---------------------------------------------------------- */

static flux_future_t *
service_request(flux_t *h, const char *method, const char *name)
{
    if (!h || !name)
        return client_invalid();
    return flux_rpc_pack(h, method, FLUX_NODEID_ANY, 0, "{s:s}", "service",
                         name);
}

flux_future_t *flux_service_register(flux_t *h, const char *name)
{
    return service_request(h, "service.add", name);
}

flux_future_t *flux_service_unregister(flux_t *h, const char *name)
{
    return service_request(h, "service.remove", name);
}

/* ---- heartbeat --------------------------------------------------------- */

struct sync {
    flux_future_t *f; /* owns this */
    double minimum;   /* seconds between fulfilments */
    double last;      /* flux_reactor_now() at the last one */
};

static void sync_destroy(void *arg)
{
    struct sync *s = arg;
    flux_t *h = flux_future_get_flux(s->f);
    if (h)
        flux_future_destroy(flux_event_unsubscribe_ex(h, CLIENT_HEARTBEAT,
                                                      FLUX_RPC_NORESPONSE));
    free(s);
}

static void sync_heartbeat(flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    struct sync *s = arg;
    double now = flux_reactor_now(flux_get_reactor(h));
    (void)mh, (void)msg;
    if (s->minimum > 0. && s->last > 0. && now - s->last < s->minimum)
        return;
    s->last = now;
    flux_future_fulfill(s->f, NULL, NULL);
}

static void sync_free_handler(void *arg)
{
    flux_msg_handler_destroy(arg);
}

/* Called for each context of the future, each with a handler of its own. */
static void sync_init(flux_future_t *f, void *arg)
{
    struct flux_match match = {FLUX_MSGTYPE_EVENT, FLUX_MATCHTAG_NONE,
                               CLIENT_HEARTBEAT};
    flux_msg_handler_t *mh;
    mh = flux_msg_handler_create(flux_future_get_flux(f), match, sync_heartbeat,
                                 arg);
    if (!mh || flux_future_aux_set(f, NULL, mh, sync_free_handler) < 0) {
        flux_msg_handler_destroy(mh);
        flux_future_fulfill_error(f, errno, NULL);
        return;
    }
    flux_msg_handler_start(mh);
}

static struct sync *sync_create(flux_t *h, double minimum)
{
    struct sync *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->minimum = minimum;
    if (!(s->f = flux_future_create(sync_init, s))) {
        free(s);
        return NULL;
    }
    if (flux_future_aux_set(s->f, NULL, s, sync_destroy) < 0) {
        flux_future_destroy(s->f);
        free(s);
        return NULL;
    }
    flux_future_set_flux(s->f, h);
    return s;
}

flux_future_t *flux_sync_create(flux_t *h, double minimum)
{
    struct sync *s;
    flux_future_t *subscription;
    if (!h)
        return client_invalid();
    if (!(s = sync_create(h, minimum)))
        return NULL;
    subscription =
        flux_event_subscribe_ex(h, CLIENT_HEARTBEAT, FLUX_RPC_NORESPONSE);
    if (!subscription) {
        flux_future_destroy(s->f);
        return NULL;
    }
    flux_future_destroy(subscription);
    return s->f;
}

/* ---- requests that end other requests ---------------------------------- */

/* Whether the sender of `msg1` may end the request `msg2`: it has sent that
 * itself, and is the same user or the instance owner.
 */
static bool client_may_end(const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    struct flux_msg_cred cred;
    uint32_t userid;
    return flux_msg_get_cred(msg1, &cred) == 0 &&
           flux_msg_get_userid(msg2, &userid) == 0 &&
           flux_msg_cred_authorize(cred, userid) == 0 &&
           flux_msg_route_match_first(msg1, msg2);
}

bool flux_disconnect_match(const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    return client_may_end(msg1, msg2);
}

bool flux_cancel_match(const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    json_int_t wanted;
    uint32_t matchtag;
    return client_may_end(msg1, msg2) &&
           flux_msg_unpack(msg1, "{s:I}", "matchtag", &wanted) == 0 &&
           flux_msg_get_matchtag(msg2, &matchtag) == 0 &&
           wanted == (json_int_t)matchtag;
}

int flux_msglist_disconnect(struct flux_msglist *l, const flux_msg_t *msg)
{
    const flux_msg_t *item = flux_msglist_first(l);
    int count = 0;
    while (item) {
        if (flux_disconnect_match(msg, item)) {
            flux_msglist_delete(l);
            count++;
        }
        item = flux_msglist_next(l);
    }
    return count;
}

int flux_msglist_cancel(flux_t *h,
                        struct flux_msglist *l,
                        const flux_msg_t *msg)
{
    const flux_msg_t *item = flux_msglist_first(l);
    while (item && !flux_cancel_match(msg, item))
        item = flux_msglist_next(l);
    if (!item)
        return 0;
    if (flux_respond_error(h, item, ECANCELED, NULL) < 0)
        return -1;
    flux_msglist_delete(l);
    return 1;
}
