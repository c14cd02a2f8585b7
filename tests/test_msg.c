/* test_msg.c - messages in memory and on the wire
 *
 * The recorded frames in tests/wire (or in the folder given as the first
 * argument) must decode and encode back to the same bytes.  Beyond that:
 * fields, flags, routes, payloads, sharing, and bytes that are no message,
 * among them each recorded frame cut at each length and with each byte
 * changed, which must not upset a sanitizer.
 */
#include <unistd.h>

#include "../msg.h"
#include "tap.h"

enum { FRAME_MAX = 1 << 16 };

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

static size_t from_hex(const char *hex, unsigned char *data)
{
    size_t n = 0;

    for (; hex[0] && hex[0] != '"' && n < FRAME_MAX; hex += 2)
        data[n++] = (unsigned char)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
    return n;
}

/* ---- recorded frames ----------------------------------------------------- */

/* The magic in front is in the sender's byte order; the recordings and the
 * frames below are those of a little-endian one.
 */
static void into_own_order(unsigned char *frame)
{
    static const unsigned char little[] = {0x12, 0x00, 0xee, 0xff};
    static const uint32_t own = MSG_FRAME_MAGIC;

    if (memcmp(frame, little, sizeof(little)) == 0)
        memcpy(frame, &own, sizeof(own));
}

static bool same_bytes(const unsigned char *frame, size_t size)
{
    struct buf whole = {0};
    struct buf pieces = {0};
    size_t content;
    flux_msg_t *msg = NULL;
    bool same = false;

    if (msg_decode_prefix(frame, &content) == 0 &&
        content == size - MSG_PREFIX_SIZE)
        msg = msg_decode(frame + MSG_PREFIX_SIZE, content);
    if (msg) {
        msg_encode_to(msg, &whole);
        msg_encode_head(msg, &pieces);
        buf_add(&pieces, msg->payload, msg->payload_size);
        msg_encode_tail(msg, &pieces);
        same = whole.size == size && memcmp(whole.data, frame, size) == 0 &&
               pieces.size == size && memcmp(pieces.data, frame, size) == 0 &&
               msg_encoded_size(msg) == size;
    }
    flux_msg_destroy(msg);
    buf_release(&whole);
    buf_release(&pieces);
    return same;
}

/* In a block of just that size, so that reading beyond it is found. */
static void decode_exact(const unsigned char *data, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    flux_msg_t *msg;

    memcpy(copy, data, size);
    msg = msg_decode(copy, size);
    free(copy);
    if (msg) {
        char *routes = flux_msg_route_string(msg);

        flux_msg_route_first(msg);
        free(routes);
    }
    flux_msg_destroy(msg);
}

static void mutilate(unsigned char *data, size_t size)
{
    static const unsigned char values[] = {0, 1, 0x7f, 0xfe, 0xff};

    if (size > 600)
        return;
    for (size_t n = 0; n < size; n++)
        decode_exact(data, n);
    for (size_t i = 0; i < size; i++) {
        unsigned char kept = data[i];

        for (size_t v = 0; v < sizeof(values); v++) {
            data[i] = values[v];
            decode_exact(data, size);
        }
        data[i] = kept;
    }
}

static void recorded(const char *folder, const char *name, int want)
{
    static char line[4 * FRAME_MAX];
    static unsigned char frame[FRAME_MAX];
    char path[1024];
    int frames = 0;
    int same = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f)) {
        const char *hex = strstr(line, "\"hex\": \"");

        if (hex) {
            size_t size = from_hex(hex + 8, frame);

            into_own_order(frame);
            frames++;
            same += same_bytes(frame, size);
            mutilate(frame + MSG_PREFIX_SIZE, size - MSG_PREFIX_SIZE);
        }
    }
    if (f)
        fclose(f);
    is_int(frames, want, name);
    is_int(same, frames, "all encode to the same bytes");
}

/* ---- bytes that are no message ------------------------------------------- */

#define HEADER "8e01%s%sffffffff00000000ffffffff00000000"

static const struct {
    const char *parts; /* %: the header part of a request with these flags */
    const char *flags;
    bool good;
    const char *name;
} frames[] = {
    {"%", "00", true, "a header alone"},
    {"%", "44", true, "contradictory flags, which are not ours to judge"},
    {"03612e62%", "01", true, "a topic"},
    {"04612e6200%", "01", true, "a topic with a NUL"},
    {"00%", "01", true, "an empty topic"},
    {"0361006200%", "01", false, "a NUL inside a topic"},
    {"%", "01", false, "no topic although flagged"},
    {"0161%", "00", false, "a part that no flag tells of"},
    {"00%", "02", true, "an empty payload"},
    {"%", "02", false, "no payload although flagged"},
    {"05aabb%", "02", false, "a payload longer than what is there"},
    {"03aabb%", "03", false, "a topic that reaches into the header"},
    {"ff000000026162%", "02", false, "a short length written long"},
    {"ffffffffff6162%", "02", false, "a length of 4 GiB"},
    {"fffffffffb6162%", "02", false, "a length that would wrap around"},
    {"ff%", "02", false, "half a length"},
    {"00%", "08", true, "no routes but a delimiter"},
    {"%", "08", false, "no delimiter"},
    {"0161%", "08", false, "a route without delimiter"},
    {"016100%", "08", true, "one route"},
    {"02610000%", "08", false, "a NUL inside a route"},
};

static void no_messages(void)
{
    unsigned char data[1024];
    char hex[1024];

    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        flux_msg_t *msg;

        snprintf(hex, sizeof(hex), "%.*s14" HEADER,
                 (int)strcspn(frames[i].parts, "%"), frames[i].parts, "01",
                 frames[i].flags);
        errno = 0;
        msg = flux_msg_decode(data, from_hex(hex, data));
        ok(frames[i].good ? msg != NULL : !msg && errno == EPROTO,
           frames[i].name);
        flux_msg_destroy(msg);
    }
}

static void no_headers(void)
{
    static const char *const bad[] = {
        "148d010100ffffffff00000000ffffffff00000000",
        "148e020100ffffffff00000000ffffffff00000000",
        "148e010000ffffffff00000000ffffffff00000000",
        "148e010300ffffffff00000000ffffffff00000000",
        "148e011000ffffffff00000000ffffffff00000000",
        "138e010100ffffffff00000000ffffffff00000000",
        "138e010100ffffffff00000000ffffffff000000",
        "",
    };
    unsigned char data[64] = {0};
    size_t size;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        ok(!flux_msg_decode(data, from_hex(bad[i], data)) && errno == EPROTO,
           "a header of wrong magic, version, type or size");
    }
    ok(!flux_msg_decode(NULL, 5) && errno == EINVAL, "NULL");
    from_hex("1200eeff00000001", data);
    into_own_order(data);
    is_int(msg_decode_prefix(data, &size), 0, "the smallest frame");
    from_hex("1200eeff00000000", data);
    into_own_order(data);
    is_int(msg_decode_prefix(data, &size), -1, "a frame of size 0");
    from_hex("1200eeff40000001", data);
    into_own_order(data);
    is_int(msg_decode_prefix(data, &size), -1, "a frame that is too large");
    from_hex("1200eefe00000015", data);
    is_int(msg_decode_prefix(data, &size), -1, "another magic");
}

static void too_many_routes(void)
{
    unsigned char data[2 * (MSG_ROUTES_MAX + 1) + 32];
    flux_msg_t *msg;
    size_t n = 0;

    for (int i = 0; i < MSG_ROUTES_MAX; i++, n += 2)
        memcpy(data + n, "\1a", 2);
    data[n] = 0;
    from_hex("148e010108ffffffff00000000ffffffff00000000", data + n + 1);
    msg = msg_decode(data, n + 1 + MSG_TAIL_SIZE);
    is_int(flux_msg_route_count(msg), MSG_ROUTES_MAX, "as many as may be");
    ok(flux_msg_route_push(msg, "b") < 0 && errno == ELOOP, "one more fails");
    flux_msg_destroy(msg);
    memmove(data + 2, data, n + 1 + MSG_TAIL_SIZE);
    ok(!msg_decode(data, n + 3 + MSG_TAIL_SIZE) && errno == EPROTO,
       "and is no message on the wire");
}

/* ---- fields ---------------------------------------------------------------
 */

static void fields_of_types(void)
{
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);
    uint32_t u = 0;
    int i = 0;
    int j = 0;

    ok(!flux_msg_create(3) && errno == EINVAL, "no such type");
    flux_msg_get_userid(msg, &u);
    ok(u == FLUX_USERID_UNKNOWN, "a new message has no user");
    ok(flux_msg_get_nodeid(msg, &u) == 0 && u == FLUX_NODEID_ANY, "nodeid");
    is_int(flux_msg_set_nodeid(msg, FLUX_NODEID_UPSTREAM), -1, "not upstream");
    ok(flux_msg_get_errnum(msg, &i) < 0 && errno == EPROTO, "no errnum");
    ok(flux_msg_set_errnum(msg, 1) < 0 && errno == EINVAL, "none to set");
    flux_msg_set_matchtag(msg, 7);
    flux_msg_set_type(msg, FLUX_MSGTYPE_RESPONSE);
    ok(flux_msg_get_matchtag(msg, &u) == 0 && u == 7, "matchtag stays");
    ok(flux_msg_set_errnum(msg, 5) == 0 && flux_msg_get_errnum(msg, &i) == 0 &&
           i == 5,
       "errnum");
    flux_msg_set_type(msg, FLUX_MSGTYPE_EVENT);
    ok(flux_msg_get_seq(msg, &u) == 0 && u == 0, "sequence starts at 0");
    ok(flux_msg_get_matchtag(msg, &u) < 0 && errno == EPROTO, "no matchtag");
    flux_msg_set_type(msg, FLUX_MSGTYPE_CONTROL);
    ok(flux_msg_set_control(msg, -1, 2) == 0 &&
           flux_msg_get_control(msg, &i, &j) == 0 && i == -1 && j == 2,
       "control");
    is_int(flux_msg_get_type(msg, NULL), 0, "a getter without a place");
    is_int(flux_msg_get_type(NULL, &i), -1, "and without a message");
    flux_msg_destroy(msg);
}

static void credentials(void)
{
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);
    struct flux_msg_cred cred = {5, FLUX_ROLE_USER};

    ok(flux_msg_authorize(msg, 5) < 0 && errno == EPERM, "a stranger");
    flux_msg_set_cred(msg, cred);
    is_int(flux_msg_authorize(msg, 5), 0, "the user");
    is_int(flux_msg_authorize(msg, 6), -1, "another user");
    ok(!flux_msg_is_local(msg), "not local");
    cred.rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    flux_msg_set_cred(msg, cred);
    is_int(flux_msg_authorize(msg, 6), 0, "the owner");
    ok(flux_msg_is_local(msg), "local");
    cred.userid = FLUX_USERID_UNKNOWN;
    cred.rolemask = FLUX_ROLE_USER;
    is_int(flux_msg_cred_authorize(cred, FLUX_USERID_UNKNOWN), -1,
           "unknown is nobody");
    flux_msg_destroy(msg);
}

static void flags(void)
{
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);

    is_int(flux_msg_set_streaming(msg), 0, "streaming");
    is_int(flux_msg_set_noresponse(msg), 0, "then noresponse");
    ok(!flux_msg_is_streaming(msg) && flux_msg_is_noresponse(msg),
       "replaces it");
    ok(flux_msg_set_flag(msg, FLUX_MSGFLAG_STREAMING |
                                  FLUX_MSGFLAG_NORESPONSE) < 0 &&
           errno == EINVAL,
       "both at once are refused");
    is_int(flux_msg_set_flag(msg, 256), -1, "no such flag");
    is_int(flux_msg_set_flag(msg, FLUX_MSGFLAG_TOPIC), -1, "no topic");
    flux_msg_set_private(msg);
    flux_msg_set_flag(msg, FLUX_MSGFLAG_USER1);
    flux_msg_set_topic(msg, "x");
    ok(flux_msg_has_flag(msg, FLUX_MSGFLAG_TOPIC), "set with the topic");
    flux_msg_clear_flag(msg, FLUX_MSGFLAG_TOPIC | FLUX_MSGFLAG_PRIVATE);
    ok(!msg->topic && !flux_msg_is_private(msg) &&
           flux_msg_has_flag(msg, FLUX_MSGFLAG_USER1),
       "clear");
    flux_msg_destroy(msg);
}

/* ---- topic, payload, JSON --------------------------------------------------
 */

static void payloads(void)
{
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);
    const char *s = "x";
    const void *p;
    size_t n;

    ok(flux_msg_get_topic(msg, &s) < 0 && errno == EPROTO, "no topic");
    ok(flux_msg_get_payload(msg, &p, &n) < 0 && errno == EPROTO, "none");
    ok(flux_msg_get_string(msg, &s) == 0 && !s, "no string is NULL");
    flux_msg_set_topic(msg, "a.b");
    is_int((long long)msg_service_length(msg), 1, "a service");
    flux_msg_set_payload(msg, "abc", 3);
    ok(flux_msg_get_payload(msg, &p, &n) == 0 && n == 3, "a payload");
    ok(flux_msg_get_string(msg, &s) < 0 && errno == EPROTO, "not a string");
    flux_msg_set_payload(msg, (const char *)p + 1, 2);
    flux_msg_get_payload(msg, &p, &n);
    ok(n == 2 && memcmp(p, "bc", 2) == 0, "part of the old one");
    flux_msg_set_string(msg, "hi");
    ok(flux_msg_get_string(msg, &s) == 0 && msg->payload_size == 3, "string");
    is_str(s, "hi", "as it was set");
    flux_msg_set_topic(msg, "c");
    flux_msg_get_topic(msg, &s);
    is_str(s, "c", "another topic");
    flux_msg_get_string(msg, &s);
    is_str(s, "hi", "leaves the payload");
    flux_msg_set_payload(msg, NULL, 5);
    ok(!flux_msg_has_payload(msg) && msg->topic, "removed");
    flux_msg_set_topic(msg, NULL);
    ok(!msg->body && msg_service_length(msg) == 0, "no topic, no body");
    ok(flux_msg_set_payload(msg, "x", SIZE_MAX / 2) < 0 && errno == EMSGSIZE,
       "too large");
    flux_msg_destroy(msg);
}

static void json(void)
{
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);
    const char *s = NULL;
    int i = 0;

    ok(flux_msg_unpack(msg, "{s:i}", "a", &i) < 0 && errno == EPROTO, "none");
    is_str(flux_msg_last_error(msg), "message does not have a string payload",
           "is told");
    is_int(flux_msg_pack(msg, "{s:i s:[s]}", "a", 1, "b", "x"), 0, "pack");
    is_str(flux_msg_last_error(msg), "", "no error now");
    flux_msg_get_string(msg, &s);
    is_str(s, "{\"a\":1,\"b\":[\"x\"]}", "compact");
    ok(flux_msg_unpack(msg, "{s:i s:[s]}", "a", &i, "b", &s) == 0 && i == 1,
       "unpack");
    is_str(s, "x", "a string lives as long as the message");
    ok(flux_msg_pack(msg, "[i]", 1) < 0 && errno == EINVAL, "not an object");
    is_str(flux_msg_last_error(msg), "payload is not a JSON object", "told");
    is_int(flux_msg_unpack(msg, "{s:i}", "a", &i), 0, "the old one stays");
    ok(flux_msg_unpack(msg, "{s:s}", "a", &s) < 0 && errno == EPROTO, "type");
    is_str(flux_msg_last_error(msg), "Expected string, got integer", "told");
    flux_msg_set_string(msg, "[1]");
    is_int(flux_msg_unpack(msg, "[i]", &i), -1, "an array as payload");
    flux_msg_set_string(msg, "{");
    is_int(flux_msg_unpack(msg, "{}"), -1, "broken JSON");
    ok(*flux_msg_last_error(msg), "is told");
    ok(flux_msg_unpack(msg, NULL) < 0 && errno == EINVAL, "no format");
    flux_msg_set_payload(msg, "{}\0rest", 8);
    is_int(flux_msg_unpack(msg, "{}"), 0, "bytes behind the NUL");
    flux_msg_destroy(msg);
}

/* ---- routes ----------------------------------------------------------------
 */

static void routes(void)
{
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);
    const char *first;
    char *s;

    ok(flux_msg_route_push(msg, "a") < 0 && errno == EPROTO, "not enabled");
    ok(flux_msg_route_count(msg) < 0 && !flux_msg_route_first(msg), "none");
    flux_msg_route_enable(msg);
    is_int(flux_msg_route_delete_last(msg), 0, "delete where there is none");
    flux_msg_route_push(msg, "4b95b4a2-1");
    flux_msg_route_push(msg, "9b542065-22-333333333333");
    first = flux_msg_route_first(msg);
    is_str(flux_msg_route_last(msg), "9b542065-22-333333333333", "last");
    is_str(first, "4b95b4a2-1", "first");
    flux_msg_route_push(msg, "0");
    s = flux_msg_route_string(msg);
    is_str(s, "4b95b4a2!9b542065!0", "as a string");
    free(s);
    is_str(flux_msg_route_last(msg), "0", "one more");
    is_str(flux_msg_route_first(msg), "4b95b4a2-1", "the first stays");
    flux_msg_route_delete_last(msg);
    is_int(flux_msg_route_count(msg), 2, "and less");
    ok(flux_msg_route_push(msg, "") < 0 && errno == EINVAL, "an empty one");
    flux_msg_clear_flag(msg, FLUX_MSGFLAG_ROUTE);
    ok(!flux_msg_route_first(msg), "hidden");
    flux_msg_set_flag(msg, FLUX_MSGFLAG_ROUTE);
    is_int(flux_msg_route_count(msg), 2, "and seen again");
    flux_msg_route_disable(msg);
    flux_msg_route_enable(msg);
    is_int(flux_msg_route_count(msg), 0, "disabled and gone");
    flux_msg_destroy(msg);
}

static void many_routes(void)
{
    static const char uuid[] = "b3a4546e-8c47-47ac-97c2-b6abe9968678";
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);
    flux_msg_t *copy;
    char id[64];
    const char *top;
    size_t len;

    flux_msg_route_enable(msg);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof(id), "%s%d", uuid, i);
        flux_msg_route_push(msg, id);
    }
    is_str(flux_msg_route_last(msg), id, "the last of twenty");
    copy = flux_msg_copy(msg, true);
    ok(flux_msg_route_match_first(msg, copy), "the same sender");
    for (int i = 0; i < 19; i++)
        flux_msg_route_delete_last(msg);
    is_str(flux_msg_route_last(msg), "b3a4546e-8c47-47ac-97c2-b6abe99686780",
           "the first of twenty");
    is_int(flux_msg_route_count(copy), 20, "the copy has its own");
    ok(msg_route_top(copy, &top, &len) && len == 38, "top");
    flux_msg_route_clear(copy);
    ok(!msg_route_top(copy, &top, &len), "cleared");
    ok(!flux_msg_route_match_first(msg, copy), "no sender");
    flux_msg_destroy(copy);
    flux_msg_destroy(msg);
}

/* ---- sharing ---------------------------------------------------------------
 */

static void count_up(void *arg)
{
    ++*(int *)arg;
}

static void sharing(void)
{
    flux_msg_t *msg = flux_request_encode("a.b", "{\"x\":1}");
    flux_msg_t *copy = msg_clone(msg);
    flux_msg_t *bare;
    const char *s;
    int freed = 0;

    ok(copy->body == msg->body, "a copy shares the body");
    flux_msg_set_topic(copy, "c");
    flux_msg_get_topic(msg, &s);
    is_str(s, "a.b", "until it is changed");
    bare = flux_msg_copy(msg, false);
    ok(!flux_msg_has_payload(bare) && bare->topic, "without the payload");
    ok(flux_msg_aux_set(msg, "k", &freed, count_up) == 0 &&
           flux_msg_aux_get(msg, "k") == &freed,
       "aux");
    ok(!flux_msg_aux_get(copy, "k") && errno == ENOENT, "is not copied");
    flux_msg_aux_set(msg, "k", &freed, count_up);
    is_int(freed, 1, "a replaced value is freed");
    flux_msg_aux_set(msg, NULL, &freed, count_up);
    flux_msg_incref(msg);
    flux_msg_decref(msg);
    is_int(freed, 1, "a reference is held");
    errno = ERANGE;
    flux_msg_destroy(msg);
    is_int(freed, 3, "the rest is freed with the message");
    is_int(errno, ERANGE, "errno is kept");
    flux_msg_destroy(copy);
    flux_msg_destroy(bare);
    flux_msg_destroy(NULL);
    ok(!flux_msg_incref(NULL) && errno == EINVAL, "NULL");
}

static void published_encoding(void)
{
    flux_msg_t *msg = flux_request_encode("a.b", NULL);
    unsigned char data[100];
    flux_msg_t *copy;

    is_int(flux_msg_encode_size(msg), 26, "without magic and length");
    is_int(flux_msg_encode(msg, data, 25), -1, "too little room");
    is_int(flux_msg_encode(msg, data, 100), 0, "more than enough");
    copy = flux_msg_decode(data, 26);
    ok(copy && strcmp(copy->topic, "a.b") == 0, "and back");
    flux_msg_destroy(copy);
    flux_msg_destroy(msg);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "tests/wire";

    recorded(folder, "client.jsonl", 170);
    recorded(folder, "module.jsonl", 41);
    no_messages();
    no_headers();
    too_many_routes();
    fields_of_types();
    credentials();
    flags();
    payloads();
    json();
    routes();
    many_routes();
    sharing();
    published_encoding();
    return done();
}
