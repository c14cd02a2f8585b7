/* msg.h - a message as it stands in memory
 *
 * The published functions are in flux.h.  This is the inside, for those who
 * move messages without looking into them: conn, handle, router.
 *
 * A message is a header, a stack of routes and a body.  The body holds the
 * topic, with a NUL that does not go over the wire, and somewhere behind it the
 * payload just as it goes over the wire.  It is counted and never changes: what
 * changes a topic or a payload makes a new body.  So a copy, or a hop with one
 * route more, costs a header; and an event for a thousand subscribers has one
 * body.
 *
 * The flags `topic` and `payload` always say what is there.  The flag `route`
 * may be off while there are routes, which then are kept but not seen.
 */
#ifndef MSG_H
#define MSG_H

#include <sys/uio.h>

#include "auxlist.h"
#include "buf.h"
#include "flux.h"
#include "json.h"
#include "list.h"

#define MSG_FRAME_MAGIC 0xffee0012u /* in the sender's byte order */

enum {
    MSG_HEADER_SIZE = 20,
    MSG_HEADER_MAGIC = 0x8e,
    MSG_HEADER_VERSION = 1,
    MSG_TAIL_SIZE = 1 + MSG_HEADER_SIZE, /* the header part */
    MSG_PART_LONG = 255,       /* as a length byte: four more follow */
    MSG_PART_LONG_PREFIX = 5,  /* bytes of such a length */
    MSG_PREFIX_SIZE = 8,       /* magic and length */
    MSG_SIZE_MAX = 1 << 30,    /* one frame: far above any payload in use */
    MSG_ROUTES_MAX = 128,      /* hops: a deep tree has ten */
    MSG_ROUTE_SIZE_MAX = 254,  /* one route: a UUID has 36 characters */
    MSG_ROUTE_INLINE = 3 * 37, /* client, broker, broker: no allocation */
};

/* Counted storage of a topic and a payload. */
struct msg_body {
    int refs;
    size_t size;
    unsigned char data[];
};

/* Route parts in wire order (pushed last comes first), each a length byte
 * and its characters, kept at the end of the buffer so that a push needs no
 * move.  `data` is `inline_data` until that is full.
 */
struct msg_routes {
    unsigned char *data;
    size_t start;    /* first used byte */
    size_t capacity; /* one past the last used byte */
    int count;
    unsigned char inline_data[MSG_ROUTE_INLINE];
};

struct flux_msg {
    int refs;
    uint8_t type;
    uint8_t flags;
    uint32_t userid;
    uint32_t rolemask;
    uint32_t a; /* nodeid | errnum | sequence | control type */
    uint32_t b; /* matchtag | matchtag | 0 | control status */
    struct msg_routes routes;
    struct msg_body *body;
    const char *topic;   /* in body, with its NUL, or NULL */
    size_t topic_size;   /* NUL included */
    const void *payload; /* in body, or NULL */
    size_t payload_size;
    json_t *json;     /* the payload, read on the first unpack */
    char *last_error; /* of pack or unpack */
    struct auxlist aux;
    struct list link; /* for the queue of the one who owns the message */
    double since;     /* for the same: when it came */
    char *route_text; /* the routes as strings, made when they are asked for */
};

/* Read one frame's content: the `size` bytes behind magic and length.
 * NULL with EPROTO if they are no message, ENOMEM.
 */
flux_msg_t *msg_decode(const void *data, size_t size);

/* The same of the first `size` bytes of a body, from `start` on, without a
 * copy: the message gets a reference, and the body's bytes are changed.
 */
flux_msg_t *msg_decode_body(struct msg_body *body, size_t start, size_t size);

/* Check the 8 bytes in front of a frame.  0 with the size of what follows,
 * or -1 with EPROTO (wrong magic, size 0, or above MSG_SIZE_MAX).
 */
int msg_decode_prefix(const unsigned char prefix[MSG_PREFIX_SIZE],
                      size_t *size);

/* Whole size of the frame, prefix included. */
size_t msg_encoded_size(const flux_msg_t *msg);

/* Everything in front of the payload's bytes (prefix, routes, delimiter,
 * topic, the payload's length), and the header part behind them.
 * head + payload + tail is the frame.
 */
void msg_encode_head(const flux_msg_t *msg, struct buf *b);
void msg_encode_tail(const flux_msg_t *msg, struct buf *b);
void msg_encode_to(const flux_msg_t *msg, struct buf *b); /* all three */
struct msg_body *msg_encode_frame(const flux_msg_t *msg); /* NULL: ENOMEM */
struct msg_body *msg_body_incref(struct msg_body *body);
void msg_body_decref(struct msg_body *body);

/* An empty message of no type yet: all zeros but the reference. */
flux_msg_t *msg_create(void);

/* Set topic, payload and flags to what lies in `msg->body`: a topic of that
 * size (with its NUL) and a payload, each of which may be NULL.
 */
void msg_body_describe(flux_msg_t *msg,
                       const char *topic,
                       size_t topic_size,
                       const void *payload,
                       size_t payload_size);
struct msg_body *msg_body_create(size_t size); /* uninitialised */
/* Another size for one that nobody else has; it may move.  NULL with ENOMEM,
 * and `body` is as it was.
 */
struct msg_body *msg_body_resize(struct msg_body *body, size_t size);

/* The routes by themselves.  Setting takes `count` routes in wire form, which
 * were checked, into an empty stack; -1 with ENOMEM.
 */
void msg_route_init(struct msg_routes *r);
void msg_route_release(struct msg_routes *r);      /* empty and valid after */
size_t msg_route_size(const struct msg_routes *r); /* bytes, in wire form */
int msg_route_set(struct msg_routes *r,
                  const unsigned char *parts,
                  size_t size,
                  int count);

/* A copy that shares the body, for one who must change header or routes. */
flux_msg_t *msg_clone(const flux_msg_t *msg);

/* The same into storage of the caller's, who lets go of what it holds with
 * msg_release() and gives no reference to it away.  -1 with ENOMEM.
 */
int msg_clone_into(flux_msg_t *copy, const flux_msg_t *msg);
void msg_release(flux_msg_t *msg);

/* Topmost (pushed last) route, not NUL-terminated; false if there is none. */
bool msg_route_top(const flux_msg_t *msg, const char **id, size_t *len);
/* The same of the one that lies `number` routes below the top. */
bool msg_route_at(const flux_msg_t *msg,
                  int number,
                  const char **id,
                  size_t *len);
/* Bottom (pushed first: the sender of a request). */
bool msg_route_bottom(const flux_msg_t *msg, const char **id, size_t *len);

/* Replace topic (`topic_size` counts its NUL) and payload by copies of these,
 * which may be NULL, and may point into the message.  -1 with ENOMEM, or
 * EMSGSIZE if they would not fit into a frame.
 */
int msg_set_parts(flux_msg_t *msg,
                  const char *topic,
                  size_t topic_size,
                  const void *payload,
                  size_t payload_size);

/* Length of the topic's first word, up to its first '.', 0 without topic. */
size_t msg_service_length(const flux_msg_t *msg);

#endif /* MSG_H */
