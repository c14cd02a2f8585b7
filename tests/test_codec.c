/* test_codec.c - requests, responses, events, matches, lists, printing
 *
 * What is printed is compared with what Flux prints for the same messages.
 */
#include "../msg.h"
#include "tap.h"

static void requests(void)
{
    flux_msg_t *msg = flux_request_encode("a.b", "{\"x\":1}");
    flux_msg_t *bare = flux_request_encode("a.b", NULL);
    flux_msg_t *event = flux_event_encode("a.b", NULL);
    const char *topic = NULL;
    const char *s = "x";
    const void *data = "x";
    size_t len = 5;
    int x = 0;

    ok(!flux_request_encode(NULL, "x") && errno == EINVAL, "no topic");
    is_int(flux_msg_route_count(msg), 0, "routes are enabled");
    is_int(flux_request_decode(msg, &topic, &s), 0, "decode");
    is_str(topic, "a.b", "topic");
    is_str(s, "{\"x\":1}", "payload");
    is_int(flux_request_decode(msg, NULL, NULL), 0, "just to check");
    ok(flux_request_decode(bare, &topic, &s) == 0 && !s, "no payload");
    ok(flux_request_decode(event, &topic, &s) < 0 && errno == EPROTO, "event");
    ok(flux_request_decode(NULL, &topic, &s) < 0 && errno == EINVAL, "NULL");
    ok(flux_request_decode_raw(bare, &topic, &data, &len) == 0 && !data &&
           len == 0,
       "no raw payload");
    is_int(flux_request_decode_raw(bare, &topic, NULL, &len), -1, "no place");
    ok(flux_request_unpack(msg, &topic, "{s:i}", "x", &x) == 0 && x == 1,
       "unpack");
    ok(flux_request_unpack(bare, NULL, "{s:i}", "x", &x) < 0 && errno == EPROTO,
       "nothing to unpack");
    flux_msg_set_topic(bare, NULL);
    ok(flux_request_decode(bare, NULL, NULL) < 0 && errno == EPROTO,
       "no topic");
    flux_msg_destroy(msg);
    flux_msg_destroy(bare);
    flux_msg_destroy(event);
}

static void responses(void)
{
    flux_msg_t *good = flux_response_encode("a.b", "{}");
    flux_msg_t *bad = flux_response_encode_error("a.b", ENOENT, "oops");
    flux_msg_t *mute = flux_response_encode_error("a.b", ENOENT, NULL);
    const char *s = NULL;
    const void *data;
    size_t len;

    is_int(flux_response_decode(good, NULL, &s), 0, "decode");
    is_str(s, "{}", "payload");
    ok(flux_response_decode(bad, NULL, &s) < 0 && errno == ENOENT, "error");
    ok(flux_response_decode_raw(bad, NULL, &data, &len) < 0 && errno == ENOENT,
       "raw too");
    is_int(flux_response_decode_error(bad, &s), 0, "with a text");
    is_str(s, "oops", "which is");
    ok(flux_response_decode_error(mute, &s) < 0 && errno == ENOENT, "none");
    ok(flux_response_decode_error(good, &s) < 0 && errno == ENOENT, "no err");
    ok(!flux_response_encode_error("a", 0, "x") && errno == EINVAL, "zero");
    flux_msg_destroy(good);
    flux_msg_destroy(bad);
    flux_msg_destroy(mute);
}

static void derived(void)
{
    flux_msg_t *request = flux_request_encode("a.b", "{}");
    flux_msg_t *msg;
    struct flux_msg_cred cred = {7, 3};
    int errnum = 0;

    flux_msg_set_matchtag(request, 9);
    flux_msg_set_cred(request, cred);
    flux_msg_route_push(request, "r1");
    flux_msg_set_streaming(request);
    msg = flux_response_derive(request, 5);
    ok(flux_msg_get_errnum(msg, &errnum) == 0 && errnum == 5, "errnum");
    ok(!msg->payload && strcmp(msg->topic, "a.b") == 0, "topic, no payload");
    flux_msg_get_cred(msg, &cred);
    ok(cred.userid == FLUX_USERID_UNKNOWN && cred.rolemask == 0, "no user");
    ok(flux_msg_is_streaming(msg) && msg->b == 9, "flags and matchtag");
    is_str(flux_msg_route_last(msg), "r1", "routes");
    flux_msg_destroy(msg);
    flux_msg_set_noresponse(request);
    ok(!flux_response_derive(request, 0) && errno == EINVAL, "noresponse");
    flux_msg_set_type(request, FLUX_MSGTYPE_EVENT);
    flux_msg_clear_flag(request, FLUX_MSGFLAG_NORESPONSE);
    ok(!flux_response_derive(request, 0) && errno == EPROTO, "an event");
    flux_msg_destroy(request);
}

static void events_and_control(void)
{
    flux_msg_t *event = flux_event_pack("e", "{s:i}", "x", 3);
    flux_msg_t *raw = flux_event_encode_raw("e", "\1\2", 2);
    flux_msg_t *control = flux_control_encode(3, 4);
    const char *s = NULL;
    const void *data;
    size_t len;
    int x = 0;
    int y = 0;

    is_int(flux_event_decode(event, NULL, &s), 0, "decode");
    is_str(s, "{\"x\":3}", "payload");
    ok(flux_event_unpack(event, NULL, "{s:i}", "x", &x) == 0 && x == 3, "x");
    ok(flux_event_decode_raw(raw, NULL, &data, &len) == 0 && len == 2, "raw");
    ok(!flux_event_pack("e", "[]") && errno == EINVAL, "not an object");
    ok(flux_control_decode(control, &x, &y) == 0 && x == 3 && y == 4,
       "control");
    ok(flux_control_decode(event, &x, &y) < 0 && errno == EPROTO, "not one");
    flux_msg_destroy(event);
    flux_msg_destroy(raw);
    flux_msg_destroy(control);
}

static const struct {
    const char *glob;
    const char *topic;
    bool match;
} globs[] = {
    {"a.*", "a.b", true},    {"a.b", "a.b", true},    {"*", "a.b", true},
    {"a.?", "a.b", true},    {"a.[bc]", "a.b", true}, {"", "a.b", true},
    {"a", "a.b", false},     {"a*", "a.b", true},     {"*.b", "a.b", true},
    {"\\a.b", "a.b", false}, {"[", "a.b", false},     {"a.*", "a./x", true},
    {"a.*", "a", false},     {"a.*", "ab", false},    {"a.*", "a.", true},
    {"*", ".a", true},       {"*", NULL, true},       {"?", NULL, false},
    {"a.\\*", "a.*", true},  {"a.\\*", "a.b", false}, {"**", "x", true},
};

static void matches(void)
{
    flux_msg_t *msg = flux_request_encode("a.b", NULL);
    struct flux_match m = FLUX_MATCH_REQUEST;

    for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++) {
        flux_msg_set_topic(msg, globs[i].topic);
        m.topic_glob = globs[i].glob;
        is_int(flux_msg_cmp(msg, m), globs[i].match, globs[i].glob);
    }
    m = FLUX_MATCH_EVENT;
    ok(!flux_msg_cmp(msg, m), "another type");
    m.typemask = 0;
    ok(flux_msg_cmp(msg, m), "no type is any");
    flux_msg_set_matchtag(msg, 5);
    m.matchtag = 5;
    ok(flux_msg_cmp(msg, m), "the matchtag");
    m.matchtag = 6;
    ok(!flux_msg_cmp(msg, m), "another");
    flux_msg_route_push(msg, "x");
    ok(!flux_msg_cmp_matchtag(msg, 5), "not while it has routes");
    is_int(flux_match_asprintf(&m, "%s.x", "y"), 0, "a glob in new memory");
    is_str(m.topic_glob, "y.x", "which is");
    flux_match_free(m);
    flux_msg_destroy(msg);
}

static uint32_t tag(const flux_msg_t *msg)
{
    uint32_t matchtag = 99;

    if (msg)
        flux_msg_get_matchtag(msg, &matchtag);
    return matchtag;
}

static void lists(void)
{
    struct flux_msglist *l = flux_msglist_create();
    flux_msg_t *m[5];
    const flux_msg_t *p;

    for (uint32_t i = 0; i < 5; i++) {
        m[i] = flux_msg_create(FLUX_MSGTYPE_REQUEST);
        flux_msg_set_matchtag(m[i], i);
        if (i < 4)
            flux_msglist_append(l, m[i]);
    }
    flux_msglist_push(l, m[4]);
    flux_msglist_append(l, m[4]);
    is_int(flux_msglist_count(l), 6, "4 0 1 2 3 4");
    is_int(tag(flux_msglist_next(l)), 4, "next is the first");
    is_int(tag(flux_msglist_first(l)), 4, "so is first");
    is_int(tag(flux_msglist_next(l)), 0, "and behind it");
    flux_msglist_delete(l);
    is_int(tag(flux_msglist_next(l)), 1, "delete, and go on");
    is_int(tag(flux_msglist_last(l)), 4, "last");
    ok(!flux_msglist_next(l), "nothing behind it");
    is_int(tag(flux_msglist_next(l)), 4, "around");
    flux_msglist_delete(l);
    flux_msglist_delete(l);
    is_int(flux_msglist_count(l), 4, "delete in front of the first: nothing");
    p = flux_msglist_pop(l);
    is_int(tag(p), 1, "pop");
    flux_msg_decref(p);
    for (int i = 0; i < 5; i++)
        flux_msg_destroy(m[i]);
    is_int(tag(flux_msglist_first(l)), 2, "the list holds references");
    ok(flux_msglist_append(l, NULL) < 0 && errno == EINVAL, "NULL");
    flux_msglist_destroy(l);
    flux_msglist_destroy(NULL);
}

static void check_print(const flux_msg_t *msg, double ts, const char *want)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    flux_msg_fprint_ts(f, msg, ts);
    fclose(f);
    is_str(text, want, "printed");
    free(text);
}

#define RULE "--------------------------------------\n"

static void prints(void)
{
    flux_msg_t *msg = flux_request_encode("a.b", "{\"x\":1}");
    unsigned char many[40];

    memset(many, 0xAB, sizeof(many));
    check_print(msg, -1,
                RULE "> a.b\n> flags=topic,payload,route userid=unknown "
                     "rolemask=none nodeid=any matchtag=0\n> {\"x\":1}\n");
    flux_msg_set_cred(msg, (struct flux_msg_cred){100, 0x15});
    flux_msg_set_nodeid(msg, 7);
    flux_msg_route_push(msg, "abcdefghijk");
    flux_msg_set_payload(msg, "\1\2\xff", 3);
    check_print(msg, 17.5,
                RULE "> 17.50000\n> a.b\n> flags=topic,payload,route "
                     "userid=100 rolemask=owner,local,0x10 nodeid=7 "
                     "matchtag=0\n> |abcdefgh|\n> 0102FF\n");
    flux_msg_destroy(msg);
    msg = flux_event_encode_raw("e", many, sizeof(many));
    check_print(msg, -1,
                RULE "e e\ne flags=topic,payload,route userid=unknown "
                     "rolemask=none sequence=0\ne "
                     "ABABABABABABABABABABABABABABABABABABABAB"
                     "ABABABABABABABABABABABABABABABABAB..."
                     "\n");
    flux_msg_destroy(msg);
    msg = flux_control_encode(-1, 4);
    check_print(msg, -1,
                RULE "c flags= userid=unknown rolemask=none "
                     "type=4294967295 status=4\n");
    flux_msg_destroy(msg);
    is_str(flux_msg_typestr(FLUX_MSGTYPE_EVENT), "event", "typestr");
    is_str(flux_msg_typestr(16), "unknown", "of none");
}

int main(void)
{
    requests();
    responses();
    derived();
    events_and_control();
    matches();
    lists();
    prints();
    return done();
}
