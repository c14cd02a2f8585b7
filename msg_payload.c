/* msg_payload.c - payloads as text, and as JSON
 *
 * Most payloads are JSON objects.  They go over the wire as text that ends
 * with a NUL, which counts.  The text is read on the first unpack and the
 * values are kept with the message, since what an unpack hands out points
 * into them.
 *
 * What always holds:
 * - A payload that is no text (its last byte is no NUL) is EPROTO for those
 *   who want text; none at all is NULL to flux_msg_get_string(), and EPROTO
 *   to an unpack.  What follows the first NUL is not looked at.
 * - A payload that is packed or unpacked is a JSON object.
 * - After each pack or unpack flux_msg_last_error() tells why it failed, or
 *   is empty.
 * - A pack that fails leaves the payload as it was.
 */
#include "msg.h"
#include "util.h"

static void last_error_set(flux_msg_t *msg, const char *text)
{
    int saved = errno;

    free(msg->last_error);
    msg->last_error = text ? strdup(text) : NULL;
    errno = saved;
}

const char *flux_msg_last_error(const flux_msg_t *msg)
{
    if (!msg)
        return "msg object is NULL";
    return msg->last_error ? msg->last_error : "";
}

int flux_msg_set_string(flux_msg_t *msg, const char *s)
{
    return flux_msg_set_payload(msg, s, s ? strlen(s) + 1 : 0);
}

int flux_msg_get_string(const flux_msg_t *msg, const char **s)
{
    const char *text;

    if (!msg)
        return util_fail(EINVAL);
    text = msg->payload;
    if (text && (msg->payload_size == 0 || text[msg->payload_size - 1]))
        return util_fail(EPROTO);
    if (s)
        *s = text;
    return 0;
}

static int fail(flux_msg_t *msg, int errnum, const char *text)
{
    last_error_set(msg, text);
    return util_fail(errnum);
}

static int errno_of(const json_error_t *e, int otherwise)
{
    return json_error_code(e) == json_error_out_of_memory ? ENOMEM : otherwise;
}

static int set_object(flux_msg_t *msg, const json_t *o)
{
    char *s;
    int rc;

    if (!json_is_object(o))
        return fail(msg, EINVAL, "payload is not a JSON object");
    s = json_dumps(o, JSON_COMPACT);
    if (!s)
        return fail(msg, ENOMEM, "error encoding JSON payload");
    rc = flux_msg_set_string(msg, s);
    free(s);
    return rc;
}

int flux_msg_vpack(flux_msg_t *msg, const char *fmt, va_list ap)
{
    json_error_t e;
    json_t *o;
    int rc;

    if (!msg)
        return util_fail(EINVAL);
    last_error_set(msg, NULL);
    if (!fmt || !*fmt)
        return util_fail(EINVAL);
    o = json_vpack_ex(&e, 0, fmt, ap);
    if (!o)
        return fail(msg, errno_of(&e, EINVAL), e.text);
    rc = set_object(msg, o);
    json_decref(o);
    return rc;
}

int flux_msg_pack(flux_msg_t *msg, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = flux_msg_vpack(msg, fmt, ap);
    va_end(ap);
    return rc;
}

static int payload_read(flux_msg_t *msg)
{
    const char *s;
    json_error_t e;
    json_t *o;

    if (flux_msg_get_string(msg, &s) < 0 || !s)
        return fail(msg, EPROTO, "message does not have a string payload");
    o = json_loads(s, JSON_ALLOW_NUL, &e);
    if (!o)
        return fail(msg, errno_of(&e, EPROTO), e.text);
    if (!json_is_object(o)) {
        json_decref(o);
        return fail(msg, EPROTO, "payload is not a JSON object");
    }
    msg->json = o;
    return 0;
}

/* What is read and why it failed is kept beside the message's value, which
 * stays the same to all others that hold it.
 */
int flux_msg_vunpack(const flux_msg_t *cmsg, const char *fmt, va_list ap)
{
    flux_msg_t *msg = (flux_msg_t *)cmsg;
    json_error_t e;

    if (!msg)
        return util_fail(EINVAL);
    last_error_set(msg, NULL);
    if (!fmt || !*fmt)
        return util_fail(EINVAL);
    if (!msg->json && payload_read(msg) < 0)
        return -1;
    if (json_vunpack_ex(msg->json, &e, 0, fmt, ap) < 0)
        return fail(msg, errno_of(&e, EPROTO), e.text);
    return 0;
}

int flux_msg_unpack(const flux_msg_t *msg, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = flux_msg_vunpack(msg, fmt, ap);
    va_end(ap);
    return rc;
}
