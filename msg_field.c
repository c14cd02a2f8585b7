/* msg_field.c - the fields of a message's header, its topic and its payload
 *
 * The published getters and setters.  A header has two words whose meaning
 * depends on the type of the message: nodeid and matchtag of a request,
 * errnum and matchtag of a response, sequence of an event, type and status of
 * a control message.
 *
 * What always holds:
 * - A getter asked for what such a message does not have fails with EPROTO;
 *   a setter with EINVAL, as does everything that is given no message.
 * - Getters store through a pointer only on success, and not through NULL.
 * - Changing the type gives the words of the new type their first values; a
 *   request that becomes a response keeps its matchtag.
 * - A request does not want a response and a stream at once: setting one of
 *   the two lets the other go, and both at once are refused.  A stranger's
 *   message may well come with both; that is for the one who answers it.
 */
#include "msg.h"
#include "util.h"

enum { ALL_FLAGS = 0xff };

/* ---- type and flags --------------------------------------------------- */

int flux_msg_set_type(flux_msg_t *msg, int type)
{
    if (!msg)
        return util_fail(EINVAL);
    switch (type) {
    case FLUX_MSGTYPE_REQUEST:
        msg->a = FLUX_NODEID_ANY;
        msg->b = FLUX_MATCHTAG_NONE;
        break;
    case FLUX_MSGTYPE_RESPONSE:
        msg->a = 0;
        break;
    case FLUX_MSGTYPE_EVENT:
    case FLUX_MSGTYPE_CONTROL:
        msg->a = 0;
        msg->b = 0;
        break;
    default:
        return util_fail(EINVAL);
    }
    msg->type = (uint8_t)type;
    return 0;
}

flux_msg_t *flux_msg_create(int type)
{
    flux_msg_t *msg = msg_create();

    if (!msg)
        return NULL;
    msg->userid = FLUX_USERID_UNKNOWN;
    if (flux_msg_set_type(msg, type) < 0) {
        flux_msg_destroy(msg);
        return NULL;
    }
    return msg;
}

int flux_msg_get_type(const flux_msg_t *msg, int *type)
{
    if (!msg)
        return util_fail(EINVAL);
    if (type)
        *type = msg->type;
    return 0;
}

static bool flags_agree(int flags)
{
    int both = FLUX_MSGFLAG_NORESPONSE | FLUX_MSGFLAG_STREAMING;

    return (flags & ~ALL_FLAGS) == 0 && (flags & both) != both;
}

bool flux_msg_has_flag(const flux_msg_t *msg, int flag)
{
    if (!msg) {
        errno = EINVAL;
        return false;
    }
    return (msg->flags & flag) != 0;
}

/* The flags that say that there is a topic or a payload can not be set where
 * there is none.
 */
int flux_msg_set_flag(flux_msg_t *msg, int flag)
{
    if (!msg || !flags_agree(flag) ||
        ((flag & FLUX_MSGFLAG_TOPIC) && !msg->topic) ||
        ((flag & FLUX_MSGFLAG_PAYLOAD) && !msg->payload))
        return util_fail(EINVAL);
    msg->flags |= (uint8_t)flag;
    return 0;
}

int flux_msg_clear_flag(flux_msg_t *msg, int flag)
{
    if (!msg || !flags_agree(flag))
        return util_fail(EINVAL);
    if ((flag & FLUX_MSGFLAG_TOPIC) && flux_msg_set_topic(msg, NULL) < 0)
        return -1;
    if ((flag & FLUX_MSGFLAG_PAYLOAD) && flux_msg_set_payload(msg, NULL, 0) < 0)
        return -1;
    msg->flags &= (uint8_t)~flag;
    return 0;
}

int flux_msg_set_private(flux_msg_t *msg)
{
    return flux_msg_set_flag(msg, FLUX_MSGFLAG_PRIVATE);
}

bool flux_msg_is_private(const flux_msg_t *msg)
{
    return flux_msg_has_flag(msg, FLUX_MSGFLAG_PRIVATE);
}

int flux_msg_set_streaming(flux_msg_t *msg)
{
    if (flux_msg_clear_flag(msg, FLUX_MSGFLAG_NORESPONSE) < 0)
        return -1;
    return flux_msg_set_flag(msg, FLUX_MSGFLAG_STREAMING);
}

bool flux_msg_is_streaming(const flux_msg_t *msg)
{
    return flux_msg_has_flag(msg, FLUX_MSGFLAG_STREAMING);
}

int flux_msg_set_noresponse(flux_msg_t *msg)
{
    if (flux_msg_clear_flag(msg, FLUX_MSGFLAG_STREAMING) < 0)
        return -1;
    return flux_msg_set_flag(msg, FLUX_MSGFLAG_NORESPONSE);
}

bool flux_msg_is_noresponse(const flux_msg_t *msg)
{
    return flux_msg_has_flag(msg, FLUX_MSGFLAG_NORESPONSE);
}

/* ---- the words that depend on the type --------------------------------- */

static int check_set(const flux_msg_t *msg, int typemask)
{
    return msg && (msg->type & typemask) ? 0 : util_fail(EINVAL);
}

static int check_get(const flux_msg_t *msg, int typemask)
{
    if (!msg)
        return util_fail(EINVAL);
    return msg->type & typemask ? 0 : util_fail(EPROTO);
}

int flux_msg_set_nodeid(flux_msg_t *msg, uint32_t nodeid)
{
    if (check_set(msg, FLUX_MSGTYPE_REQUEST) < 0)
        return -1;
    if (nodeid == FLUX_NODEID_UPSTREAM)
        return util_fail(EINVAL);
    msg->a = nodeid;
    return 0;
}

int flux_msg_get_nodeid(const flux_msg_t *msg, uint32_t *nodeid)
{
    if (check_get(msg, FLUX_MSGTYPE_REQUEST) < 0)
        return -1;
    if (nodeid)
        *nodeid = msg->a;
    return 0;
}

int flux_msg_set_errnum(flux_msg_t *msg, int errnum)
{
    if (check_set(msg, FLUX_MSGTYPE_RESPONSE) < 0)
        return -1;
    msg->a = (uint32_t)errnum;
    return 0;
}

int flux_msg_get_errnum(const flux_msg_t *msg, int *errnum)
{
    if (check_get(msg, FLUX_MSGTYPE_RESPONSE) < 0)
        return -1;
    if (errnum)
        *errnum = (int)msg->a;
    return 0;
}

int flux_msg_set_seq(flux_msg_t *msg, uint32_t seq)
{
    if (check_set(msg, FLUX_MSGTYPE_EVENT) < 0)
        return -1;
    msg->a = seq;
    return 0;
}

int flux_msg_get_seq(const flux_msg_t *msg, uint32_t *seq)
{
    if (check_get(msg, FLUX_MSGTYPE_EVENT) < 0)
        return -1;
    if (seq)
        *seq = msg->a;
    return 0;
}

int flux_msg_set_control(flux_msg_t *msg, int type, int status)
{
    if (check_set(msg, FLUX_MSGTYPE_CONTROL) < 0)
        return -1;
    msg->a = (uint32_t)type;
    msg->b = (uint32_t)status;
    return 0;
}

int flux_msg_get_control(const flux_msg_t *msg, int *type, int *status)
{
    if (check_get(msg, FLUX_MSGTYPE_CONTROL) < 0)
        return -1;
    if (type)
        *type = (int)msg->a;
    if (status)
        *status = (int)msg->b;
    return 0;
}

int flux_msg_set_matchtag(flux_msg_t *msg, uint32_t matchtag)
{
    if (check_set(msg, FLUX_MSGTYPE_REQUEST | FLUX_MSGTYPE_RESPONSE) < 0)
        return -1;
    msg->b = matchtag;
    return 0;
}

int flux_msg_get_matchtag(const flux_msg_t *msg, uint32_t *matchtag)
{
    if (check_get(msg, FLUX_MSGTYPE_REQUEST | FLUX_MSGTYPE_RESPONSE) < 0)
        return -1;
    if (matchtag)
        *matchtag = msg->b;
    return 0;
}

/* ---- who sent it ------------------------------------------------------- */

int flux_msg_set_userid(flux_msg_t *msg, uint32_t userid)
{
    if (!msg)
        return util_fail(EINVAL);
    msg->userid = userid;
    return 0;
}

int flux_msg_get_userid(const flux_msg_t *msg, uint32_t *userid)
{
    if (!msg)
        return util_fail(EINVAL);
    if (userid)
        *userid = msg->userid;
    return 0;
}

int flux_msg_set_rolemask(flux_msg_t *msg, uint32_t rolemask)
{
    if (!msg)
        return util_fail(EINVAL);
    msg->rolemask = rolemask;
    return 0;
}

int flux_msg_get_rolemask(const flux_msg_t *msg, uint32_t *rolemask)
{
    if (!msg)
        return util_fail(EINVAL);
    if (rolemask)
        *rolemask = msg->rolemask;
    return 0;
}

int flux_msg_set_cred(flux_msg_t *msg, struct flux_msg_cred cred)
{
    if (flux_msg_set_userid(msg, cred.userid) < 0)
        return -1;
    return flux_msg_set_rolemask(msg, cred.rolemask);
}

int flux_msg_get_cred(const flux_msg_t *msg, struct flux_msg_cred *cred)
{
    if (!msg || !cred)
        return util_fail(EINVAL);
    cred->userid = msg->userid;
    cred->rolemask = msg->rolemask;
    return 0;
}

int flux_msg_cred_authorize(struct flux_msg_cred cred, uint32_t userid)
{
    if (cred.rolemask & FLUX_ROLE_OWNER)
        return 0;
    if ((cred.rolemask & FLUX_ROLE_USER) && cred.userid == userid &&
        userid != FLUX_USERID_UNKNOWN)
        return 0;
    return util_fail(EPERM);
}

int flux_msg_authorize(const flux_msg_t *msg, uint32_t userid)
{
    struct flux_msg_cred cred;

    if (flux_msg_get_cred(msg, &cred) < 0)
        return -1;
    return flux_msg_cred_authorize(cred, userid);
}

bool flux_msg_is_local(const flux_msg_t *msg)
{
    uint32_t rolemask;

    return flux_msg_get_rolemask(msg, &rolemask) == 0 &&
           (rolemask & FLUX_ROLE_LOCAL);
}

/* ---- topic and payload -------------------------------------------------- */

int flux_msg_set_topic(flux_msg_t *msg, const char *topic)
{
    if (!msg)
        return util_fail(EINVAL);
    return msg_set_parts(msg, topic, topic ? strlen(topic) + 1 : 0,
                         msg->payload, msg->payload_size);
}

int flux_msg_get_topic(const flux_msg_t *msg, const char **topic)
{
    if (!msg || !topic)
        return util_fail(EINVAL);
    if (!msg->topic)
        return util_fail(EPROTO);
    *topic = msg->topic;
    return 0;
}

int flux_msg_set_payload(flux_msg_t *msg, const void *buf, size_t size)
{
    if (!msg)
        return util_fail(EINVAL);
    if (!buf || size == 0)
        return msg_set_parts(msg, msg->topic, msg->topic_size, NULL, 0);
    return msg_set_parts(msg, msg->topic, msg->topic_size, buf, size);
}

int flux_msg_get_payload(const flux_msg_t *msg, const void **buf, size_t *size)
{
    if (!msg)
        return util_fail(EINVAL);
    if (!msg->payload)
        return util_fail(EPROTO);
    if (buf)
        *buf = msg->payload;
    if (size)
        *size = msg->payload_size;
    return 0;
}

bool flux_msg_has_payload(const flux_msg_t *msg)
{
    return flux_msg_has_flag(msg, FLUX_MSGFLAG_PAYLOAD);
}
