/* test_tracerec.c - a message as JSON text, whatever is in it */
#include "json.h"
#include "jsonplain.h"
#include "tap.h"
#include "tracerec.h"

static const char *const good[] = {
    "{}",
    "{ } ",
    "{\"a\":1,\"b\":[1,-2.5,0,0.5],\"c\":{\"d\":[]}}",
    "{\"a\" : true , \"b\":\tfalse, \"c\":null}",
    "{\"a\":\"x\\n\\\"\\\\\\/\"}",
    "{\"time\":123456789012345678}",
    NULL,
};

/* Not JSON, or for the parser to judge. */
static const char *const unsure[] = {
    "",
    "[]",
    "1",
    "{",
    "{}}",
    "{} x",
    "{\"a\"}",
    "{\"a\":}",
    "{a:1}",
    "{\"a\":1,}",
    "{\"a\":01}",
    "{\"a\":-}",
    "{\"a\":1.}",
    "{\"a\":.5}",
    "{\"a\":1e5}",
    "{\"a\":1234567890123456789}",
    "{\"a\":[1,]}",
    "{\"a\":[1 2]}",
    "{\"a\":\"x}",
    "{\"a\":\"\\u0041\"}",
    "{\"a\":\"\\x\"}",
    "{\"a\":\"\\",
    "{\"a\":tru}",
    "{\"a\":\n1}",
    "{\"a\":\"\x80\"}",
    "{\"a\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}",
    "{\"a\":nulll}",
    NULL,
};

/* What jsonplain_begin() writes is what json_dumps() would. */
static void check_begun(void)
{
    static const char *const others[] = {"\"rank\"", NULL};
    static const char *const copied[] = {
        "{}",
        "{ }",
        "{\"a\":1}",
        "{ \"a\" : [ 1,-2 , {\"b\":null} ],\"c\":\"x, y: z\"\t}",
        "{\"a\":{\"rank\":1},\"b\":true,\"c\":[],\"d\":{}}",
    };
    static const char *const refused[] = {
        "[]",
        "{\"rank\":1}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":1.50}",
        "{\"a\":-0}",
        "{\"a\":\"\\/\"}",
        "{\"a\":1} x",
        "{\"a\":{\"b\":1,\"b\":1}}",
    };

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(copied); i++) {
        struct buf b = {0};
        json_t *o = json_loads(copied[i], 0, NULL);
        char *want = json_dumps(o, 0);

        jsonplain_begin(copied[i], strlen(copied[i]), others, &b);
        buf_add(&b, "}", 2);
        if (json_object_size(o) > 0)
            memmove(b.data + b.size - 4, "}", 2);
        is_str((const char *)b.data, want, copied[i]);
        buf_release(&b);
        free(want);
        json_decref(o);
    }
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(refused); i++) {
        struct buf b = {0};

        ok(!jsonplain_begin(refused[i], strlen(refused[i]), others, &b),
           refused[i]);
        buf_release(&b);
    }
}

static void check_plain(void)
{
    for (int i = 0; good[i]; i++) {
        json_t *o = json_loads(good[i], 0, NULL);

        ok(jsonplain_object(good[i], strlen(good[i])), good[i]);
        ok(o != NULL, "the parser agrees");
        json_decref(o);
    }
    for (int i = 0; unsure[i]; i++)
        ok(!jsonplain_object(unsure[i], strlen(unsure[i])), unsure[i]);
}

/* All beginnings and all single changed bytes of a text: what is accepted
 * without a parser is accepted by it.
 */
static void check_against_parser(void)
{
    char text[] = "{\"a\":[1,-2.5,{\"b\\n\":null}],\"c\":true,\"d\":\"e\"}";
    size_t size = sizeof(text) - 1;
    int wrong = 0;

    for (size_t i = 0; i < size * 256; i++) {
        size_t at = i / 256;
        char was = text[at];
        json_t *o;

        text[at] = (char)(i % 256);
        o = json_loadb(text, size, 0, NULL);
        wrong += jsonplain_object(text, size) && !o;
        json_decref(o);
        wrong += jsonplain_object(text, at);
        text[at] = was;
    }
    is_int(wrong, 0, "nothing is accepted that the parser refuses");
}

static struct peer peer = {.uuid = "11111111-2222-3333-4444-555555555555",
                           .name = "mod"};

static json_t *encoded(const flux_msg_t *msg, bool full, bool proto)
{
    struct tracerec r = {1795393478.5022578, "rx", &peer, msg, full, proto};
    struct buf b = {0};
    json_t *o;

    tracerec_encode(&b, &r);
    ok(!b.failed && !memchr(b.data, '\n', b.size), "one line");
    o = json_loadb((char *)b.data, b.size, JSON_REJECT_DUPLICATES, NULL);
    ok(o != NULL, "that is JSON");
    buf_release(&b);
    return o;
}

static const char *text_of(json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));

    return s ? s : "(none)";
}

static void check_payload(const char *payload, const char *shown)
{
    flux_msg_t *msg = flux_request_encode("a.b", payload);
    json_t *o = encoded(msg, true, false);
    char *text = json_dumps(json_object_get(o, "payload"),
                            JSON_COMPACT | JSON_ENCODE_ANY);

    is_str(text, shown, shown);
    free(text);
    json_decref(o);
    flux_msg_destroy(msg);
}

static void check_request(void)
{
    flux_msg_t *msg = flux_request_encode("a.b", NULL);
    json_t *o, *routes;

    flux_msg_route_enable(msg);
    flux_msg_route_push(msg, "first");
    flux_msg_route_push(msg, "last \"quoted\"");
    flux_msg_set_matchtag(msg, 7);
    o = encoded(msg, false, true);
    routes = json_object_get(o, "routes");
    is_int(json_integer_value(json_object_get(o, "matchtag")), 7, "matchtag");
    is_int(json_integer_value(json_object_get(o, "nodeid")), FLUX_NODEID_ANY,
           "nodeid");
    is_int((long)json_array_size(routes), 2, "routes");
    is_str(json_string_value(json_array_get(routes, 0)), "first",
           "pushed first");
    is_str(json_string_value(json_array_get(routes, 1)), "last \"quoted\"",
           "pushed last");
    is_str(text_of(o, "uuid"), peer.uuid, "uuid");
    ok(json_real_value(json_object_get(o, "timestamp")) == 1795393478.502258,
       "microseconds");
    json_decref(o);
    flux_msg_destroy(msg);
}

static void check_response(void)
{
    flux_msg_t *msg = flux_response_encode_error("t\"\x01\xff", 2, "no \xfe!");
    json_t *o = encoded(msg, true, true);

    is_str(text_of(o, "topic"), "t\"??", "a topic that is not UTF-8");
    is_str(text_of(o, "errstr"), "no ?!", "an error text that is not");
    is_int(json_integer_value(json_object_get(o, "errnum")), 2, "errnum");
    ok(json_is_null(json_object_get(o, "nodeid")), "a response has no nodeid");
    json_decref(o);
    flux_msg_destroy(msg);
}

static void check_dropped(void)
{
    struct buf b = {0};
    json_t *o;

    tracerec_encode_dropped(&b, 1.5, 42);
    o = json_loadb((char *)b.data, b.size, 0, NULL);
    is_int(json_integer_value(json_object_get(o, "dropped")), 42, "dropped");
    is_str(text_of(o, "topic"), "42 messages dropped", "in words");
    json_decref(o);
    buf_release(&b);
}

int main(void)
{
    check_plain();
    check_against_parser();
    check_begun();
    check_payload("{\"a\":1.50}", "{\"a\":1.5}");
    check_payload("{\"a\":\n1}", "{\"a\":1}");
    check_payload("{\"a\":\"\xc3\xa9\"}", "{\"a\":\"\xc3\xa9\"}");
    check_payload("[1]", "null");
    check_payload("{\"a\":1", "null");
    check_payload("{\"a\":1} x", "null");
    check_request();
    check_response();
    check_dropped();
    return done();
}
