/* respond.c - the answers to requests
 *
 * A response is derived from its request, whose routes, matchtag and topic it
 * echoes; payload and credentials are its own.
 *
 * What always holds:
 * - A request that wants no response gets none, and that is no failure.
 * - What is no request cannot be responded to: EINVAL.
 * - An error response has an error: where the caller gave none, EINVAL.
 * - A response is sent whole or not at all; one that could not be filled is
 *   not sent, and the request is still to be answered.
 */
#include "flux.h"
#include "handle.h"
#include "json.h"
#include "util.h"

static bool is_request(const flux_msg_t *msg)
{
    int type;

    return flux_msg_get_type(msg, &type) == 0 && type == FLUX_MSGTYPE_REQUEST;
}

/* 1 with a response to be filled, 0 if none is wanted, -1 with errno. */
static int
begin(flux_t *h, const flux_msg_t *request, int errnum, flux_msg_t **response)
{
    if (!h || !is_request(request))
        return util_fail(EINVAL);
    if (flux_msg_is_noresponse(request))
        return 0;
    *response = flux_response_derive(request, errnum);
    return *response ? 1 : -1;
}

/* Takes `response`.  `rc` tells whether filling it worked. */
static int finish(flux_t *h, flux_msg_t *response, int rc)
{
    if (rc == 0)
        rc = flux_send_new(h, &response, 0);
    flux_msg_destroy(response);
    handle_cancellation_point(h);
    return rc;
}

static int
respond_string(flux_t *h, const flux_msg_t *request, int errnum, const char *s)
{
    flux_msg_t *msg;
    int rc = begin(h, request, errnum, &msg);

    if (rc <= 0)
        return rc;
    return finish(h, msg, s ? flux_msg_set_string(msg, s) : 0);
}

/* Where memory has run out for an answer there may be some for its failure,
 * so that the sender does not wait for ever.
 */
static int or_say_why(flux_t *h, const flux_msg_t *request, int rc)
{
    if (rc < 0 && errno == ENOMEM) {
        respond_string(h, request, ENOMEM, NULL);
        errno = ENOMEM;
    }
    return rc;
}

int flux_respond(flux_t *h, const flux_msg_t *request, const char *s)
{
    return or_say_why(h, request, respond_string(h, request, 0, s));
}

int flux_respond_error(flux_t *h,
                       const flux_msg_t *request,
                       int errnum,
                       const char *errstr)
{
    return or_say_why(
        h, request,
        respond_string(h, request, errnum ? errnum : EINVAL, errstr));
}

int flux_respond_raw(flux_t *h,
                     const flux_msg_t *request,
                     const void *data,
                     int len)
{
    flux_msg_t *msg;
    int rc = len < 0 ? util_fail(EINVAL) : begin(h, request, 0, &msg);

    if (rc > 0)
        rc = finish(h, msg,
                    data ? flux_msg_set_payload(msg, data, (size_t)len) : 0);
    return or_say_why(h, request, rc);
}

/* What is passed for "o" in a format belongs to the callee, used or not. */
static int refuse_pack(int rc, const char *fmt, va_list ap)
{
    int saved_errno = errno;

    json_decref(json_vpack_ex(NULL, 0, fmt, ap));
    errno = saved_errno;
    return rc;
}

int flux_respond_vpack(flux_t *h,
                       const flux_msg_t *request,
                       const char *fmt,
                       va_list ap)
{
    flux_msg_t *msg;
    int rc = begin(h, request, 0, &msg);

    if (rc > 0)
        rc = finish(h, msg, flux_msg_vpack(msg, fmt, ap));
    else
        rc = refuse_pack(rc, fmt, ap);
    return or_say_why(h, request, rc);
}

int flux_respond_pack(flux_t *h,
                      const flux_msg_t *request,
                      const char *fmt,
                      ...)
{
    va_list ap;
    int rc;
    va_start(ap, fmt);
    rc = flux_respond_vpack(h, request, fmt, ap);
    va_end(ap);
    return rc;
}
