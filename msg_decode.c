/* msg_decode.c - from the bytes of a frame to a message (RFC 3)
 *
 * On the wire a message is a row of parts, each behind its length: routes and
 * an empty delimiter, topic, payload, header.  The header comes last, so that
 * reading starts at the end: its flags tell which parts there are.
 *
 * The bytes come from a stranger.  What always holds:
 * - Where the parts lie is found first; nothing is allocated before all of
 *   them are known to be good, and then no more than has arrived.
 * - Each length is checked against the bytes that are there before it is
 *   used.  Parts that do not fill the frame to the last byte are no message.
 * - What decodes, encodes to the same bytes, but for a NUL that the sender
 *   put behind the topic.
 * - Neither topic nor route has a NUL inside, so that both may be handled as
 *   strings.
 * - One allocation for the message, one for its body, which is none where the
 *   frame was read into a body: topic and payload are used where they lie, and
 *   the topic's NUL takes the place of the byte behind it, which has been read.
 */
#include "msg.h"

static const uint32_t frame_magic = MSG_FRAME_MAGIC;

static uint32_t get32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

struct span {
    const unsigned char *data;
    size_t size;
};

/* Where the parts of a frame lie, found before anything is allocated. */
struct layout {
    struct span routes; /* length bytes included, delimiter not */
    int route_count;
    struct span topic; /* without NUL */
    struct span payload;
    const unsigned char *header;
};

int msg_decode_prefix(const unsigned char prefix[MSG_PREFIX_SIZE], size_t *size)
{
    uint32_t n = get32(prefix + sizeof(frame_magic));

    if (memcmp(prefix, &frame_magic, sizeof(frame_magic)) != 0 || n == 0 ||
        n > MSG_SIZE_MAX) {
        errno = EPROTO;
        return -1;
    }
    *size = n;
    return 0;
}

/* Cut the first part off `rest`. */
static bool take_part(struct span *rest, struct span *part)
{
    size_t prefix = 1;
    size_t n;

    if (rest->size < 1)
        return false;
    n = rest->data[0];
    if (n == MSG_PART_LONG) {
        if (rest->size < MSG_PART_LONG_PREFIX)
            return false;
        prefix = MSG_PART_LONG_PREFIX;
        n = get32(rest->data + 1);
        if (n < MSG_PART_LONG)
            return false;
    }
    if (n > rest->size - prefix)
        return false;
    part->data = rest->data + prefix;
    part->size = n;
    rest->data += prefix + n;
    rest->size -= prefix + n;
    return true;
}

static bool has_nul(const struct span *s)
{
    return memchr(s->data, '\0', s->size) != NULL;
}

static bool take_routes(struct span *rest, struct layout *l)
{
    struct span route;

    l->routes.data = rest->data;
    while (take_part(rest, &route)) {
        if (route.size == 0)
            return !has_nul(&l->routes); /* no length is 0 but this one */
        if (route.size > MSG_ROUTE_SIZE_MAX ||
            ++l->route_count > MSG_ROUTES_MAX)
            return false;
        l->routes.size += 1 + route.size;
    }
    return false;
}

static bool take_topic(struct span *rest, struct layout *l)
{
    if (!take_part(rest, &l->topic))
        return false;
    if (l->topic.size > 0 && l->topic.data[l->topic.size - 1] == '\0')
        l->topic.size--;
    return !has_nul(&l->topic);
}

static bool is_type(int type)
{
    return type == FLUX_MSGTYPE_REQUEST || type == FLUX_MSGTYPE_RESPONSE ||
           type == FLUX_MSGTYPE_EVENT || type == FLUX_MSGTYPE_CONTROL;
}

static bool layout_find(struct layout *l, const void *data, size_t size)
{
    struct span rest = {data, size - MSG_TAIL_SIZE};
    const unsigned char *tail = rest.data + rest.size;
    int flags;

    if (tail[0] != MSG_HEADER_SIZE || tail[1] != MSG_HEADER_MAGIC ||
        tail[2] != MSG_HEADER_VERSION || !is_type(tail[3]))
        return false;
    l->header = tail + 1;
    flags = l->header[3];
    if ((flags & FLUX_MSGFLAG_ROUTE) && !take_routes(&rest, l))
        return false;
    if ((flags & FLUX_MSGFLAG_TOPIC) && !take_topic(&rest, l))
        return false;
    if ((flags & FLUX_MSGFLAG_PAYLOAD) && !take_part(&rest, &l->payload))
        return false;
    return rest.size == 0;
}

static void header_read(flux_msg_t *msg, const unsigned char *header)
{
    msg->type = header[2];
    msg->flags = header[3];
    msg->userid = get32(header + 4);
    msg->rolemask = get32(header + 8);
    msg->a = get32(header + 12);
    msg->b = get32(header + 16);
}

static int body_copy(flux_msg_t *msg, const struct layout *l)
{
    size_t topic_size = l->topic.data ? l->topic.size + 1 : 0;
    unsigned char *data;

    if (!l->topic.data && !l->payload.data)
        return 0;
    msg->body = msg_body_create(topic_size + l->payload.size);
    if (!msg->body)
        return -1;
    data = msg->body->data;
    if (topic_size > 0) {
        memcpy(data, l->topic.data, l->topic.size);
        data[l->topic.size] = '\0';
    }
    if (l->payload.size > 0)
        memcpy(data + topic_size, l->payload.data, l->payload.size);
    msg_body_describe(msg, topic_size > 0 ? (const char *)data : NULL,
                      topic_size, l->payload.data ? data + topic_size : NULL,
                      l->payload.size);
    return 0;
}

static void
body_share(flux_msg_t *msg, struct msg_body *body, const struct layout *l)
{
    char *topic = NULL;

    if (l->topic.data) {
        topic = (char *)body->data + (l->topic.data - body->data);
        topic[l->topic.size] = '\0';
    }
    msg->body = msg_body_incref(body);
    msg_body_describe(msg, topic, topic ? l->topic.size + 1 : 0,
                      l->payload.data, l->payload.size);
}

/* `body`: where the data are, or NULL. */
static flux_msg_t *decode(const void *data, size_t size, struct msg_body *body)
{
    struct layout l = {0};
    flux_msg_t *msg;

    if (size < MSG_TAIL_SIZE || size > MSG_SIZE_MAX ||
        !layout_find(&l, data, size)) {
        errno = EPROTO;
        return NULL;
    }
    msg = msg_create();
    if (!msg)
        return NULL;
    header_read(msg, l.header);
    if (msg_route_set(&msg->routes, l.routes.data, l.routes.size,
                      l.route_count) < 0 ||
        (!body && body_copy(msg, &l) < 0)) {
        flux_msg_decref(msg);
        return NULL;
    }
    if (body)
        body_share(msg, body, &l);
    return msg;
}

flux_msg_t *msg_decode(const void *data, size_t size)
{
    return decode(data, size, NULL);
}

flux_msg_t *msg_decode_body(struct msg_body *body, size_t start, size_t size)
{
    return decode(body->data + start, size - start, body);
}

flux_msg_t *flux_msg_decode(const void *buf, size_t size)
{
    if (!buf) {
        errno = EINVAL;
        return NULL;
    }
    return msg_decode(buf, size);
}
