/* msg.c - the storage of messages
 *
 * A message consists of its header, its routes (msg_route.c) and a body that
 * holds topic and payload.  How it goes over the wire is in msg_decode.c and
 * msg_encode.c, the fields in msg_field.c, payloads as text and as JSON in
 * msg_payload.c.
 *
 * What always holds:
 * - A body never changes, so that it may be shared by any number of messages.
 *   A new topic or payload makes a new body; the old one may be where they
 *   are copied from, and goes last.
 * - Where a small body's payload is removed, the body stays, for its topic:
 *   a response is derived from a request without a copy.
 * - Topic and payload are bounded, and so are the routes: each message that
 *   exists fits into a frame.
 * - A message belongs to one thread, and so do those that share its body.
 */
#include "msg.h"

enum {
    FRAME_ROOM = 1024, /* for lengths, delimiter and header */
    BODY_MAX =
        MSG_SIZE_MAX - FRAME_ROOM - MSG_ROUTES_MAX * (1 + MSG_ROUTE_SIZE_MAX),
    KEEP_BODY = 4096, /* a payload of that size may outlive its removal */
};

static void msg_init(flux_msg_t *msg)
{
    memset(msg, 0, offsetof(flux_msg_t, routes));
    memset(&msg->body, 0, sizeof(*msg) - offsetof(flux_msg_t, body));
    msg->refs = 1;
    msg_route_init(&msg->routes);
    list_init(&msg->link);
}

flux_msg_t *msg_create(void)
{
    flux_msg_t *msg = malloc(sizeof(*msg));

    if (msg)
        msg_init(msg);
    return msg;
}

void msg_release(flux_msg_t *msg)
{
    auxlist_clear(&msg->aux);
    json_decref(msg->json);
    free(msg->last_error);
    free(msg->route_text);
    msg_route_release(&msg->routes);
    msg_body_decref(msg->body);
}

static void msg_free(flux_msg_t *msg)
{
    int saved = errno;

    msg_release(msg);
    free(msg);
    errno = saved;
}

const flux_msg_t *flux_msg_incref(const flux_msg_t *msg)
{
    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    ((flux_msg_t *)msg)->refs++;
    return msg;
}

void flux_msg_decref(const flux_msg_t *msg)
{
    if (msg && --((flux_msg_t *)msg)->refs == 0)
        msg_free((flux_msg_t *)msg);
}

void flux_msg_destroy(flux_msg_t *msg)
{
    flux_msg_decref(msg);
}

int flux_msg_aux_set(const flux_msg_t *msg,
                     const char *name,
                     void *aux,
                     flux_free_f destroy)
{
    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    return auxlist_set(&((flux_msg_t *)msg)->aux, name, aux, destroy);
}

void *flux_msg_aux_get(const flux_msg_t *msg, const char *name)
{
    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    return auxlist_get(&msg->aux, name);
}

int msg_clone_into(flux_msg_t *copy, const flux_msg_t *msg)
{
    const struct msg_routes *r = &msg->routes;

    msg_init(copy);
    if (msg_route_set(&copy->routes, r->data + r->start, msg_route_size(r),
                      r->count) < 0)
        return -1;
    copy->type = msg->type;
    copy->flags = msg->flags;
    copy->userid = msg->userid;
    copy->rolemask = msg->rolemask;
    copy->a = msg->a;
    copy->b = msg->b;
    copy->body = msg_body_incref(msg->body);
    copy->topic = msg->topic;
    copy->topic_size = msg->topic_size;
    copy->payload = msg->payload;
    copy->payload_size = msg->payload_size;
    return 0;
}

flux_msg_t *msg_clone(const flux_msg_t *msg)
{
    flux_msg_t *copy = malloc(sizeof(*copy));

    if (copy && msg_clone_into(copy, msg) == 0)
        return copy;
    free(copy);
    return NULL;
}

flux_msg_t *flux_msg_copy(const flux_msg_t *msg, bool payload)
{
    flux_msg_t *copy;

    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    copy = msg_clone(msg);
    if (copy && !payload &&
        msg_set_parts(copy, copy->topic, copy->topic_size, NULL, 0) < 0) {
        flux_msg_decref(copy);
        return NULL;
    }
    return copy;
}

struct msg_body *msg_body_incref(struct msg_body *body)
{
    if (body)
        body->refs++;
    return body;
}

void msg_body_decref(struct msg_body *body)
{
    if (body && --body->refs == 0) {
        int saved = errno;

        free(body);
        errno = saved;
    }
}

struct msg_body *msg_body_create(size_t size)
{
    return msg_body_resize(NULL, size);
}

struct msg_body *msg_body_resize(struct msg_body *body, size_t size)
{
    struct msg_body *resized = realloc(body, sizeof(*body) + size);

    if (!resized)
        return NULL;
    resized->refs = 1;
    resized->size = size;
    return resized;
}

/* Let the fields say what is in the body, and forget what the old one was. */
void msg_body_describe(flux_msg_t *msg,
                       const char *topic,
                       size_t topic_size,
                       const void *payload,
                       size_t payload_size)
{
    msg->topic = topic;
    msg->topic_size = topic_size;
    msg->payload = payload;
    msg->payload_size = payload_size;
    msg->flags &= (uint8_t) ~(FLUX_MSGFLAG_TOPIC | FLUX_MSGFLAG_PAYLOAD);
    msg->flags |= (uint8_t)((topic ? FLUX_MSGFLAG_TOPIC : 0) |
                            (payload ? FLUX_MSGFLAG_PAYLOAD : 0));
    json_decref(msg->json);
    msg->json = NULL;
}

static struct msg_body *body_fill(const char *topic,
                                  size_t topic_size,
                                  const void *payload,
                                  size_t payload_size)
{
    struct msg_body *body = msg_body_create(topic_size + payload_size);

    if (body && topic)
        memcpy(body->data, topic, topic_size);
    if (body && payload)
        memcpy(body->data + topic_size, payload, payload_size);
    return body;
}

/* A payload is going while the topic stays, and the body is small enough to
 * be kept for the topic alone.
 */
static bool only_drops_payload(const flux_msg_t *msg,
                               const char *topic,
                               const void *payload)
{
    return topic && topic == msg->topic && !payload &&
           msg->body->size <= KEEP_BODY;
}

int msg_set_parts(flux_msg_t *msg,
                  const char *topic,
                  size_t topic_size,
                  const void *payload,
                  size_t payload_size)
{
    struct msg_body *body = NULL;

    if (topic_size > BODY_MAX || payload_size > BODY_MAX - topic_size) {
        errno = EMSGSIZE;
        return -1;
    }
    if (only_drops_payload(msg, topic, payload)) {
        msg_body_describe(msg, topic, topic_size, NULL, 0);
        return 0;
    }
    if (topic || payload) {
        body = body_fill(topic, topic_size, payload, payload_size);
        if (!body)
            return -1;
    }
    msg_body_decref(msg->body);
    msg->body = body;
    msg_body_describe(msg, topic ? (const char *)body->data : NULL, topic_size,
                      payload ? body->data + topic_size : NULL, payload_size);
    return 0;
}

size_t msg_service_length(const flux_msg_t *msg)
{
    const char *dot;

    if (!msg->topic)
        return 0;
    dot = memchr(msg->topic, '.', msg->topic_size);
    return dot ? (size_t)(dot - msg->topic) : msg->topic_size - 1;
}
