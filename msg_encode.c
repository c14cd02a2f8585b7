/* msg_encode.c - from a message to the bytes of a frame (RFC 3)
 *
 * A frame is written in three pieces: what is in front of the payload's
 * bytes, these, and the header behind them.  Who sends a large payload writes
 * the first and the last and lets writev(2) take the payload from where it
 * is; for a small one, all go into one buffer.
 *
 * What always holds:
 * - The size of a piece is known before it is written, so that a piece costs
 *   one check for room and no branch for each byte.
 * - No message is too large (msg.c), so that the length in front of the
 *   frame, which has 32 bits, is always right.
 * - flux_msg_encode() gives what is behind the magic and the length, since
 *   that is what Flux's function of that name gives.
 */
#include "msg.h"

static const uint32_t frame_magic = MSG_FRAME_MAGIC;

static unsigned char *put32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
    return p + 4;
}

static bool shows_routes(const flux_msg_t *msg)
{
    return (msg->flags & FLUX_MSGFLAG_ROUTE) != 0;
}

static size_t part_prefix_size(size_t n)
{
    return n < MSG_PART_LONG ? 1 : MSG_PART_LONG_PREFIX;
}

/* Without the 8 bytes in front of a frame. */
static size_t head_size(const flux_msg_t *msg)
{
    size_t size = shows_routes(msg) ? msg_route_size(&msg->routes) + 1 : 0;

    if (msg->topic)
        size += part_prefix_size(msg->topic_size - 1) + msg->topic_size - 1;
    if (msg->payload)
        size += part_prefix_size(msg->payload_size);
    return size;
}

size_t msg_encoded_size(const flux_msg_t *msg)
{
    return MSG_PREFIX_SIZE + head_size(msg) + msg->payload_size + MSG_TAIL_SIZE;
}

static unsigned char *put_bytes(unsigned char *p, const void *data, size_t n)
{
    memcpy(p, data, n);
    return p + n;
}

static unsigned char *put_part_size(unsigned char *p, size_t n)
{
    if (n >= MSG_PART_LONG) {
        *p++ = MSG_PART_LONG;
        return put32(p, (uint32_t)n);
    }
    *p++ = (unsigned char)n;
    return p;
}

static unsigned char *put_prefix(unsigned char *p, size_t frame_size)
{
    p = put_bytes(p, &frame_magic, sizeof(frame_magic));
    return put32(p, (uint32_t)(frame_size - MSG_PREFIX_SIZE));
}

static unsigned char *put_head(unsigned char *p, const flux_msg_t *msg)
{
    const struct msg_routes *r = &msg->routes;

    if (shows_routes(msg)) {
        p = put_bytes(p, r->data + r->start, msg_route_size(r));
        *p++ = 0;
    }
    if (msg->topic) {
        p = put_part_size(p, msg->topic_size - 1);
        p = put_bytes(p, msg->topic, msg->topic_size - 1);
    }
    if (msg->payload)
        p = put_part_size(p, msg->payload_size);
    return p;
}

static unsigned char *put_tail(unsigned char *p, const flux_msg_t *msg)
{
    *p++ = MSG_HEADER_SIZE;
    *p++ = MSG_HEADER_MAGIC;
    *p++ = MSG_HEADER_VERSION;
    *p++ = msg->type;
    *p++ = msg->flags;
    p = put32(p, msg->userid);
    p = put32(p, msg->rolemask);
    p = put32(p, msg->a);
    return put32(p, msg->b);
}

static unsigned char *put_all(unsigned char *p, const flux_msg_t *msg)
{
    p = put_head(p, msg);
    if (msg->payload_size > 0)
        p = put_bytes(p, msg->payload, msg->payload_size);
    return put_tail(p, msg);
}

void msg_encode_head(const flux_msg_t *msg, struct buf *b)
{
    size_t size = MSG_PREFIX_SIZE + head_size(msg);
    unsigned char *p = buf_reserve(b, size);

    if (!p)
        return;
    put_head(put_prefix(p, msg_encoded_size(msg)), msg);
    b->size += size;
}

void msg_encode_tail(const flux_msg_t *msg, struct buf *b)
{
    unsigned char *p = buf_reserve(b, MSG_TAIL_SIZE);

    if (!p)
        return;
    put_tail(p, msg);
    b->size += MSG_TAIL_SIZE;
}

void msg_encode_to(const flux_msg_t *msg, struct buf *b)
{
    size_t size = msg_encoded_size(msg);
    unsigned char *p = buf_reserve(b, size);

    if (!p)
        return;
    put_all(put_prefix(p, size), msg);
    b->size += size;
}

struct msg_body *msg_encode_frame(const flux_msg_t *msg)
{
    size_t size = msg_encoded_size(msg);
    struct msg_body *frame = msg_body_create(size);

    if (frame)
        put_all(put_prefix(frame->data, size), msg);
    return frame;
}

ssize_t flux_msg_encode_size(const flux_msg_t *msg)
{
    if (!msg) {
        errno = EINVAL;
        return -1;
    }
    return (ssize_t)(msg_encoded_size(msg) - MSG_PREFIX_SIZE);
}

int flux_msg_encode(const flux_msg_t *msg, void *buf, size_t size)
{
    if (!msg || !buf || size < msg_encoded_size(msg) - MSG_PREFIX_SIZE) {
        errno = EINVAL;
        return -1;
    }
    put_all(buf, msg);
    return 0;
}
