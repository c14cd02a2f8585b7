/* tracerec.c - what a tracer is told of one message, as JSON text
 *
 * A module at full rate makes some hundred thousand records a second, and
 * each is written once and read by someone else.  So no JSON values are built
 * here: the text is put together from pieces.  Payloads, for a tracer who asked
 * for them, are looked at (jsonplain.c) and parsed only if that does not tell,
 * since what is no JSON object must not get into the middle of one.
 *
 * What always holds:
 * - A record is one JSON object on one line.
 * - The order of the keys is Flux's, those that are added come behind.
 * - What is not UTF-8 in a topic or an error text becomes question marks; a
 *   record is never lost for it.
 * - A payload is shown as its sender wrote it, number by number; only one
 *   that has line breaks is written anew, and one beyond PAYLOAD_MAX is not.
 * - Where a message type has no such field, nodeid and matchtag are null.
 */
#include "tracerec.h"

#include "plain.h"
#include "jsonplain.h"
#include "link.h"

enum {
    DIGITS_MAX = 20,         /* of a 64-bit integer */
    FRACTION_DIGITS = 6,     /* microseconds */
    FRACTION_UNIT = 1000000, /* of them, in a second */
    /* Bytes of a payload that is shown: a quarter of what a link may hold, so
     * that no record has its reader cut off.
     */
    PAYLOAD_MAX = LINK_LIMIT / 4,
};

#define ADD_LITERAL(b, text) add(b, text, sizeof(text) - 1)

/* As buf_add(), for the many pieces that are a few bytes each. */
static inline void add(struct buf *b, const void *data, size_t n)
{
    if (b->failed || b->capacity - b->size < n || !b->data) {
        buf_add(b, data, n);
        return;
    }
    memcpy(b->data + b->size, data, n);
    b->size += n;
}

static inline void add_byte(struct buf *b, char c)
{
    add(b, &c, 1);
}

static void add_number(struct buf *b, uint64_t value)
{
    char text[DIGITS_MAX], *p = text + sizeof(text);

    if (value < 10) { /* most of them */
        add_byte(b, (char)('0' + value));
        return;
    }
    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    add(b, p, (size_t)(text + sizeof(text) - p));
}

static void add_timestamp(struct buf *b, double timestamp)
{
    uint64_t usec = (uint64_t)(timestamp * FRACTION_UNIT + 0.5);
    uint64_t rest = usec % FRACTION_UNIT;
    char text[FRACTION_DIGITS];

    add_number(b, usec / FRACTION_UNIT);
    add_byte(b, '.');
    for (int i = FRACTION_DIGITS - 1; i >= 0; i--, rest /= 10)
        text[i] = (char)('0' + rest % 10);
    add(b, text, sizeof(text));
}

static json_t *readable(const char *s, size_t len)
{
    json_t *value = json_stringn(s, len);
    char *copy = value ? NULL : malloc(len + 1);

    if (!copy)
        return value;
    for (size_t i = 0; i < len; i++)
        copy[i] = s[i] >= ' ' && s[i] <= '~' ? s[i] : '?';
    value = json_stringn(copy, len);
    free(copy);
    return value;
}

static void add_value(struct buf *b, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (text)
        buf_add_string(b, text);
    else
        b->failed = true;
    free(text);
}

static void add_unusual_string(struct buf *b, const char *s, size_t len)
{
    json_t *value = readable(s, len);

    add_value(b, value);
    json_decref(value);
}

/* What is known to be plain. */
static void add_word(struct buf *b, const char *s, size_t len)
{
    add_byte(b, '"');
    add(b, s, len);
    add_byte(b, '"');
}

static void add_string(struct buf *b, const char *s, size_t len)
{
    if (plain_length(s, len) < len)
        add_unusual_string(b, s, len);
    else
        add_word(b, s, len);
}

static void add_parsed(struct buf *b, const flux_msg_t *msg, const char *text)
{
    json_t *o;

    if (flux_msg_unpack(msg, "o", &o) < 0)
        ADD_LITERAL(b, "null");
    else if (strpbrk(text, "\r\n"))
        add_value(b, o);
    else
        buf_add_string(b, text);
}

static void add_payload(struct buf *b, const flux_msg_t *msg)
{
    const char *text;

    if (msg->payload_size == 0 || msg->payload_size > PAYLOAD_MAX ||
        flux_msg_get_string(msg, &text) < 0 || !text)
        ADD_LITERAL(b, "null");
    else if (jsonplain_object(text, msg->payload_size - 1))
        add(b, text, msg->payload_size - 1);
    else
        add_parsed(b, msg, text);
}

static uint32_t errnum_of(const flux_msg_t *msg)
{
    return msg->type == FLUX_MSGTYPE_RESPONSE ? msg->a : 0;
}

static const char *errstr_of(const flux_msg_t *msg)
{
    const char *s;

    if (errnum_of(msg) && flux_msg_get_string(msg, &s) == 0 && s)
        return s;
    return "";
}

static void add_wire_fields(struct buf *b, const struct tracerec *r)
{
    const flux_msg_t *msg = r->msg;
    const char *errstr = r->full ? errstr_of(msg) : "";

    ADD_LITERAL(b, ",\"type\":");
    add_number(b, msg->type);
    ADD_LITERAL(b, ",\"topic\":");
    add_string(b, msg->topic ? msg->topic : "",
               msg->topic ? msg->topic_size - 1 : 0);
    ADD_LITERAL(b, ",\"payload_size\":");
    add_number(b, msg->payload_size);
    ADD_LITERAL(b, ",\"payload\":");
    if (r->full)
        add_payload(b, msg);
    else
        ADD_LITERAL(b, "null");
    ADD_LITERAL(b, ",\"errnum\":");
    add_number(b, errnum_of(msg));
    ADD_LITERAL(b, ",\"errstr\":");
    add_string(b, errstr, strlen(errstr));
}

static void add_field(struct buf *b, bool there, uint32_t value)
{
    if (there)
        add_number(b, value);
    else
        ADD_LITERAL(b, "null");
}

static void add_routes(struct buf *b, const flux_msg_t *msg)
{
    const char *id;
    size_t len;

    add_byte(b, '[');
    for (int i = flux_msg_route_count(msg) - 1; i >= 0; i--) {
        if (!msg_route_at(msg, i, &id, &len))
            break;
        add_string(b, id, len);
        if (i > 0)
            add_byte(b, ',');
    }
    add_byte(b, ']');
}

static void add_proto_fields(struct buf *b, const struct tracerec *r)
{
    const flux_msg_t *msg = r->msg;
    bool request = msg->type == FLUX_MSGTYPE_REQUEST;

    ADD_LITERAL(b, ",\"matchtag\":");
    add_field(b, request || msg->type == FLUX_MSGTYPE_RESPONSE, msg->b);
    ADD_LITERAL(b, ",\"nodeid\":");
    add_field(b, request, msg->a);
    ADD_LITERAL(b, ",\"flags\":");
    add_number(b, msg->flags);
    ADD_LITERAL(b, ",\"userid\":");
    add_number(b, msg->userid);
    ADD_LITERAL(b, ",\"rolemask\":");
    add_number(b, msg->rolemask);
    ADD_LITERAL(b, ",\"routes\":");
    add_routes(b, msg);
    ADD_LITERAL(b, ",\"uuid\":");
    add_word(b, r->peer->uuid, strlen(r->peer->uuid));
}

void tracerec_encode(struct buf *b, const struct tracerec *r)
{
    ADD_LITERAL(b, "{\"timestamp\":");
    add_timestamp(b, r->timestamp);
    ADD_LITERAL(b, ",\"prefix\":");
    add_word(b, r->prefix, strlen(r->prefix));
    ADD_LITERAL(b, ",\"rank\":-1,\"name\":");
    add_string(b, r->peer->name, strlen(r->peer->name));
    add_wire_fields(b, r);
    if (r->proto)
        add_proto_fields(b, r);
    add_byte(b, '}');
}

void tracerec_encode_dropped(struct buf *b, double timestamp, uint32_t dropped)
{
    ADD_LITERAL(b, "{\"timestamp\":");
    add_timestamp(b, timestamp);
    ADD_LITERAL(b, ",\"prefix\":\"-\",\"rank\":-1,\"name\":\"-\",\"type\":");
    add_number(b, FLUX_MSGTYPE_CONTROL);
    ADD_LITERAL(b, ",\"topic\":\"");
    add_number(b, dropped);
    ADD_LITERAL(b, " messages dropped\",\"payload_size\":0,\"payload\":null,"
                   "\"errnum\":0,\"errstr\":\"\",\"dropped\":");
    add_number(b, dropped);
    add_byte(b, '}');
}
