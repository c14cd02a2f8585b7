/* codec.c - requests, responses, events, control messages (RFC 6)
 *
 * The published shorthands: make a message of a type with a topic and a
 * payload, or take topic and payload out of one.
 *
 * What always holds:
 * - Decoding a message of another type, or one without a topic, is EPROTO.
 * - Decoding a response that carries an error fails with that error.
 * - A decoder sets all of what it was asked for, or nothing.
 * - What is encoded here, but for control messages, may be routed: its route
 *   stack is enabled and empty.
 * - A response is derived from its request: topic, routes, matchtag and flags
 *   are the same; payload and the sender's credentials are not taken over.
 */
#include "codec.h"

#include "msg.h"
#include "util.h"

/* ---- decode, whatever the type ------------------------------------------ */

static int check(const flux_msg_t *msg, int type)
{
    if (!msg)
        return util_fail(EINVAL);
    return msg->type == type && msg->topic ? 0 : util_fail(EPROTO);
}

static void give_topic(const flux_msg_t *msg, const char **topic)
{
    if (topic)
        *topic = msg->topic;
}

static int
give_string(const flux_msg_t *msg, const char **topic, const char **s)
{
    if (flux_msg_get_string(msg, s) < 0)
        return -1;
    give_topic(msg, topic);
    return 0;
}

static void give_raw(const flux_msg_t *msg,
                     const char **topic,
                     const void **data,
                     size_t *len)
{
    give_topic(msg, topic);
    if (data)
        *data = msg->payload;
    if (len)
        *len = msg->payload_size;
}

static int decode_string(const flux_msg_t *msg,
                         int type,
                         const char **topic,
                         const char **s)
{
    return check(msg, type) < 0 ? -1 : give_string(msg, topic, s);
}

static int decode_raw(const flux_msg_t *msg,
                      int type,
                      const char **topic,
                      const void **data,
                      size_t *len)
{
    if (!data || !len)
        return util_fail(EINVAL);
    if (check(msg, type) < 0)
        return -1;
    give_raw(msg, topic, data, len);
    return 0;
}

static int vunpack(const flux_msg_t *msg,
                   int type,
                   const char **topic,
                   const char *fmt,
                   va_list ap)
{
    if (check(msg, type) < 0 || flux_msg_vunpack(msg, fmt, ap) < 0)
        return -1;
    give_topic(msg, topic);
    return 0;
}

/* ---- encode, whatever the type ------------------------------------------ */

static flux_msg_t *message_create(int type, const char *topic)
{
    flux_msg_t *msg;

    if (!topic) {
        errno = EINVAL;
        return NULL;
    }
    msg = flux_msg_create(type);
    if (!msg)
        return NULL;
    flux_msg_route_enable(msg);
    if (flux_msg_set_topic(msg, topic) < 0) {
        flux_msg_destroy(msg);
        return NULL;
    }
    return msg;
}

/* The message, or NULL with the message destroyed if `rc` is a failure. */
static flux_msg_t *keep_if(flux_msg_t *msg, int rc)
{
    if (rc == 0)
        return msg;
    flux_msg_destroy(msg);
    return NULL;
}

static flux_msg_t *encode_string(int type, const char *topic, const char *s)
{
    flux_msg_t *msg = message_create(type, topic);

    if (!msg || !s)
        return msg;
    return keep_if(msg, flux_msg_set_string(msg, s));
}

static flux_msg_t *
encode_raw(int type, const char *topic, const void *data, size_t len)
{
    flux_msg_t *msg = message_create(type, topic);

    if (!msg || !data)
        return msg;
    return keep_if(msg, flux_msg_set_payload(msg, data, len));
}

flux_msg_t *
codec_vpack(int type, const char *topic, const char *fmt, va_list ap)
{
    flux_msg_t *msg = message_create(type, topic);

    return msg ? keep_if(msg, flux_msg_vpack(msg, fmt, ap)) : NULL;
}

/* ---- requests ----------------------------------------------------------- */

int flux_request_decode(const flux_msg_t *msg,
                        const char **topic,
                        const char **s)
{
    return decode_string(msg, FLUX_MSGTYPE_REQUEST, topic, s);
}

int flux_request_decode_raw(const flux_msg_t *msg,
                            const char **topic,
                            const void **data,
                            size_t *len)
{
    return decode_raw(msg, FLUX_MSGTYPE_REQUEST, topic, data, len);
}

int flux_request_unpack(const flux_msg_t *msg,
                        const char **topic,
                        const char *fmt,
                        ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = vunpack(msg, FLUX_MSGTYPE_REQUEST, topic, fmt, ap);
    va_end(ap);
    return rc;
}

flux_msg_t *flux_request_encode(const char *topic, const char *s)
{
    return encode_string(FLUX_MSGTYPE_REQUEST, topic, s);
}

flux_msg_t *
flux_request_encode_raw(const char *topic, const void *data, size_t len)
{
    return encode_raw(FLUX_MSGTYPE_REQUEST, topic, data, len);
}

/* ---- responses ---------------------------------------------------------- */

static int check_response(const flux_msg_t *msg)
{
    if (check(msg, FLUX_MSGTYPE_RESPONSE) < 0)
        return -1;
    return msg->a == 0 ? 0 : util_fail((int)msg->a);
}

int flux_response_decode(const flux_msg_t *msg,
                         const char **topic,
                         const char **s)
{
    if (check_response(msg) < 0)
        return -1;
    return give_string(msg, topic, s);
}

int flux_response_decode_raw(const flux_msg_t *msg,
                             const char **topic,
                             const void **data,
                             size_t *len)
{
    if (check_response(msg) < 0)
        return -1;
    give_raw(msg, topic, data, len);
    return 0;
}

int flux_response_decode_error(const flux_msg_t *msg, const char **errstr)
{
    int errnum;

    if (!errstr)
        return util_fail(EINVAL);
    if (flux_msg_get_errnum(msg, &errnum) < 0)
        return -1;
    if (errnum == 0 || !msg->payload)
        return util_fail(ENOENT);
    return flux_msg_get_string(msg, errstr);
}

flux_msg_t *flux_response_encode(const char *topic, const char *s)
{
    return encode_string(FLUX_MSGTYPE_RESPONSE, topic, s);
}

flux_msg_t *
flux_response_encode_raw(const char *topic, const void *data, size_t len)
{
    return encode_raw(FLUX_MSGTYPE_RESPONSE, topic, data, len);
}

flux_msg_t *
flux_response_encode_error(const char *topic, int errnum, const char *errstr)
{
    flux_msg_t *msg;

    if (errnum == 0) {
        errno = EINVAL;
        return NULL;
    }
    msg = encode_string(FLUX_MSGTYPE_RESPONSE, topic, errstr);
    if (!msg)
        return NULL;
    return keep_if(msg, flux_msg_set_errnum(msg, errnum));
}

static int check_derivable(const flux_msg_t *request)
{
    if (!request || (request->flags & FLUX_MSGFLAG_NORESPONSE))
        return util_fail(EINVAL);
    if (request->type != FLUX_MSGTYPE_REQUEST &&
        request->type != FLUX_MSGTYPE_RESPONSE)
        return util_fail(EPROTO);
    return 0;
}

flux_msg_t *flux_response_derive(const flux_msg_t *request, int errnum)
{
    flux_msg_t *msg;

    if (check_derivable(request) < 0)
        return NULL;
    msg = flux_msg_copy(request, false);
    if (!msg)
        return NULL;
    msg->type = FLUX_MSGTYPE_RESPONSE;
    msg->a = (uint32_t)errnum;
    msg->userid = FLUX_USERID_UNKNOWN;
    msg->rolemask = FLUX_ROLE_NONE;
    return msg;
}

/* ---- events ------------------------------------------------------------- */

int flux_event_decode(const flux_msg_t *msg, const char **topic, const char **s)
{
    return decode_string(msg, FLUX_MSGTYPE_EVENT, topic, s);
}

int flux_event_decode_raw(const flux_msg_t *msg,
                          const char **topic,
                          const void **data,
                          size_t *len)
{
    return decode_raw(msg, FLUX_MSGTYPE_EVENT, topic, data, len);
}

int flux_event_unpack(const flux_msg_t *msg,
                      const char **topic,
                      const char *fmt,
                      ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = vunpack(msg, FLUX_MSGTYPE_EVENT, topic, fmt, ap);
    va_end(ap);
    return rc;
}

flux_msg_t *flux_event_encode(const char *topic, const char *s)
{
    return encode_string(FLUX_MSGTYPE_EVENT, topic, s);
}

flux_msg_t *
flux_event_encode_raw(const char *topic, const void *data, size_t len)
{
    return encode_raw(FLUX_MSGTYPE_EVENT, topic, data, len);
}

flux_msg_t *flux_event_pack(const char *topic, const char *fmt, ...)
{
    flux_msg_t *msg;
    va_list ap;

    va_start(ap, fmt);
    msg = codec_vpack(FLUX_MSGTYPE_EVENT, topic, fmt, ap);
    va_end(ap);
    return msg;
}

/* ---- control messages --------------------------------------------------- */

flux_msg_t *flux_control_encode(int type, int status)
{
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_CONTROL);

    if (!msg)
        return NULL;
    return keep_if(msg, flux_msg_set_control(msg, type, status));
}

int flux_control_decode(const flux_msg_t *msg, int *type, int *status)
{
    return flux_msg_get_control(msg, type, status);
}
