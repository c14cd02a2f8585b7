/* test_json.c - json.h: values, reading, writing, packing, unpacking
 *
 * Expectations of texts and errors are those of jansson 2.14.
 */
#include "../json.h"

#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"

#define ROWS(a) (sizeof(a) / sizeof((a)[0]))

/* ---- reading ------------------------------------------------------------ */

struct load_case {
    const char *text;
    size_t flags;
    const char *want; /* the value written again, or the error */
    int line, column, position;
};

static const struct load_case good_texts[] = {
    {"{}", 0, "{}", 0, 0, 2},
    {" [ ] ", 0, "[]", 0, 0, 5},
    {"{\"b\":1,\"a\":[true,false,null]}", 0,
     "{\"b\": 1, \"a\": [true, false, null]}", 0, 0, 29},
    {"{\"a\":1,\"b\":2,\"a\":3}", 0, "{\"a\": 3, \"b\": 2}", 0, 0, 19},
    {"[-0, -1, 9223372036854775807, -9223372036854775808]", 0,
     "[0, -1, 9223372036854775807, -9223372036854775808]", 0, 0, 51},
    {"[1.1,1e3,-0.0,0.1e-6,1E+2,1e-400]", 0,
     "[1.1000000000000001, 1000.0, -0.0, 9.9999999999999995e-8, 100.0, 0.0]", 0,
     0, 33},
    {"[5e-324,1.7976931348623157e308,123456789012345678901.5]", 0,
     "[4.9406564584124654e-324, 1.7976931348623157e308, "
     "1.2345678901234568e20]",
     0, 0, 55},
    {"[\"\\u00e9\\ud83d\\ude00\\n\\/\\\"\\\\\\b\\f\\r\\t\\u001f\"]", 0,
     "[\"\xc3\xa9\xf0\x9f\x98\x80\\n/\\\"\\\\\\b\\f\\r\\t\\u001F\"]", 0, 0, 44},
    {"12", JSON_DECODE_ANY, "12", 0, 0, 2},
    {"\"x\" ", JSON_DECODE_ANY, "\"x\"", 0, 0, 4},
    {"[1] rest", JSON_DISABLE_EOF_CHECK, "[1]", 0, 0, 3},
    {"[1]", JSON_DECODE_INT_AS_REAL, "[1.0]", 0, 0, 3},
    {"[\"a\\u0000b\"]", JSON_ALLOW_NUL, "[\"a\\u0000b\"]", 0, 0, 12},
};

static const struct load_case bad_texts[] = {
    {"", 0, "'[' or '{' expected near end of file", 1, 0, 0},
    {"1", 0, "'[' or '{' expected near '1'", 1, 1, 1},
    {"x", JSON_DECODE_ANY, "invalid token near 'x'", 1, 1, 1},
    {"[1", 0, "']' expected near end of file", 1, 2, 2},
    {"[1,]", 0, "unexpected token near ']'", 1, 4, 4},
    {"[1 2]", 0, "']' expected near '2'", 1, 4, 4},
    {"{\"a\" 1}", 0, "':' expected near '1'", 1, 6, 6},
    {"{\"a\":1,}", 0, "string or '}' expected near '}'", 1, 8, 8},
    {"{\"a\":1", 0, "'}' expected near end of file", 1, 6, 6},
    {"{\"a\":", 0, "unexpected token near end of file", 1, 5, 5},
    {"[\n\n  \"\xc3\xa9\", x]", 0, "invalid token near 'x'", 3, 8, 12},
    {"[\"abc", 0, "premature end of input near '\"abc'", 1, 5, 5},
    {"[\"abc\n\"]", 0, "unexpected newline near '\"abc'", 1, 5, 5},
    {"[\"a\tb\"]", 0, "control character 0x9 near '\"a'", 1, 3, 3},
    {"[\"\\x\"]", 0, "invalid escape near '\"\\x'", 1, 4, 4},
    {"[\"\\u12g4\"]", 0, "invalid escape near '\"\\u12g'", 1, 7, 7},
    {"[\"\\ud800\"]", 0, "invalid Unicode '\\uD800' near '\"\\ud800\"'", 1, 9,
     9},
    {"[\"\\ud800\\u0041\"]", 0,
     "invalid Unicode '\\uD800\\u0041' near '\"\\ud800\\u0041\"'", 1, 15, 15},
    {"[\"\\u0000\"]", 0,
     "\\u0000 is not allowed without JSON_ALLOW_NUL near '\"\\u0000\"'", 1, 9,
     9},
    {"{\"\\u0000\":1}", JSON_ALLOW_NUL,
     "NUL byte in object key not supported near '\"\\u0000\"'", 1, 9, 9},
    {"[\"\xc0\x80\"]", 0, "unable to decode byte 0xc0 near '\"'", 1, 2, 2},
    {"[\"\xed\xa0\x80\"]", 0, "unable to decode byte 0xed near '\"'", 1, 2, 2},
    {"[\"\xf4\x90\x80\x80\"]", 0, "unable to decode byte 0xf4 near '\"'", 1, 2,
     2},
    {"[\xff]", 0, "unable to decode byte 0xff", 1, 1, 1},
    {"[01]", 0, "invalid token near '0'", 1, 2, 2},
    {"[1.]", 0, "invalid token near '1.'", 1, 3, 3},
    {"[-]", 0, "invalid token near '-'", 1, 2, 2},
    {"[1e+]", 0, "invalid token near '1e+'", 1, 4, 4},
    {"[1E400]", 0, "real number overflow near '1E400'", 1, 6, 6},
    {"[9223372036854775808]", 0, "too big integer near '9223372036854775808'",
     1, 20, 20},
    {"[-9223372036854775809]", 0,
     "too big negative integer near '-9223372036854775809'", 1, 21, 21},
    {"[truex]", 0, "invalid token near 'truex'", 1, 6, 6},
    {"{} {}", 0, "end of file expected near '{'", 1, 4, 4},
    {"{\"a\":1,\"a\":2}", JSON_REJECT_DUPLICATES,
     "duplicate object key near '\"a\"'", 1, 10, 10},
    {"[\"0123456789012345678901234567\\x\"]", 0, "invalid escape", 1, 32, 32},
};

static void test_load_good(void)
{
    for (size_t i = 0; i < ROWS(good_texts); i++) {
        const struct load_case *c = &good_texts[i];
        json_error_t e;
        json_t *json = json_loads(c->text, c->flags, &e);
        char *text = json_dumps(json, JSON_ENCODE_ANY);

        is_str(text, c->want, c->text);
        is_int(e.position, c->position, "... and its end");
        free(text);
        json_decref(json);
    }
}

static void test_load_bad(void)
{
    for (size_t i = 0; i < ROWS(bad_texts); i++) {
        const struct load_case *c = &bad_texts[i];
        json_error_t e;
        json_t *json = json_loads(c->text, c->flags, &e);

        ok(json == NULL, "a bad text is refused");
        is_str(e.text, c->want, "... with the reason");
        ok(e.line == c->line && e.column == c->column &&
               e.position == c->position,
           "... at the right place");
        json_decref(json);
    }
}

static void test_load_arguments(void)
{
    json_error_t e;
    char nul[] = "[1]";

    ok(json_loads(NULL, 0, &e) == NULL, "no string");
    is_str(e.text, "wrong arguments", "... is said");
    is_int(json_error_code(&e), json_error_invalid_argument, "... with code");
    is_str(e.source, "<string>", "... and source");
    is_int(e.line, -1, "... and no line");
    ok(json_loadb(NULL, 3, 0, NULL) == NULL, "no buffer, no error wanted");
    ok(json_loadb(nul, 4, 0, &e) == NULL, "a NUL behind is refused");
    ok(json_loadb("[\"\0\"]", 5, JSON_ALLOW_NUL, &e) == NULL,
       "a raw NUL in a string is refused");
    ok(json_load_file("/nonexistent/x", 0, &e) == NULL, "no such file");
    is_str(e.text, "unable to open /nonexistent/x: No such file or directory",
           "... is said");
    is_str(e.source, "/nonexistent/x", "... of which file");
}

static char *brackets(size_t depth)
{
    char *text = malloc(2 * depth + 1);

    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
    return text;
}

static json_t *load_nested(size_t depth, json_error_t *e)
{
    char *text = brackets(depth);
    json_t *json = json_loads(text, 0, e);

    free(text);
    return json;
}

/* All of it in a thread with the smallest stack that is sensible. */
static void *test_depth(void *arg)
{
    json_error_t e;
    json_t *deep = load_nested(2048, &e);
    json_t *copy = json_deep_copy(deep);
    char *text = json_dumps(deep, 0);
    int *good = arg;

    *good = deep && json_equal(deep, copy) && text && strlen(text) == 4096;
    free(text);
    json_decref(copy);
    json_decref(deep);
    *good = *good && !load_nested(2049, &e);
    *good = *good && !strcmp(e.text, "maximum parsing depth reached near '['");
    deep = json_array();
    for (int i = 0; i < 200000; i++) {
        json_t *outer = json_object();

        json_object_set_new(outer, "x", deep);
        deep = outer;
    }
    json_decref(deep);
    return NULL;
}

static void run_test_depth(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    int good = 0;

    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 64 * 1024);
    if (pthread_create(&thread, &attr, test_depth, &good) == 0)
        pthread_join(thread, NULL);
    pthread_attr_destroy(&attr);
    ok(good, "2048 levels and no more, in 64 KiB of stack");
}

static size_t drip(void *buffer, size_t size, void *arg)
{
    const char **s = arg;

    (void)size;
    if (!**s)
        return 0;
    *(char *)buffer = *(*s)++;
    return 1;
}

static void test_load_streams(void)
{
    static const char text[] =
        "{\"k\\u00e9y\": \"v\xc3\xa9l\", \"n\": 12} [1]\n\"x\" 5 x";
    const char *s = "{\"key\":\"long enough to make the window move more than "
                    "once while its key is needed\",\"k\":[1]}";
    int fds[2];
    json_t *json;
    json_error_t e;
    FILE *f = tmpfile();
    size_t flags = JSON_DISABLE_EOF_CHECK | JSON_DECODE_ANY;

    json = json_load_callback(drip, &s, 0, NULL);
    is_int((long long)json_string_length(json_object_get(json, "key")), 74,
           "from a callback, byte by byte");
    json_decref(json);
    fputs(text, f);
    rewind(f);
    json = json_loadf(f, flags, NULL);
    is_str(json_string_value(json_object_get(json, "k\xc3\xa9y")), "v\xc3\xa9l",
           "from a file");
    json_decref(json);
    json = json_loadf(f, flags, NULL);
    is_int((long long)json_array_size(json), 1, "the next one");
    json_decref(json);
    json = json_loadf(f, flags, NULL);
    is_str(json_string_value(json), "x", "a string");
    json_decref(json);
    json = json_loadf(f, flags, NULL);
    is_int(json_integer_value(json), 5, "a number");
    is_int(getc(f), ' ', "nothing was lost behind it");
    json_decref(json);
    ok(json_loadf(f, flags, &e) == NULL, "no more");
    is_str(e.text, "invalid token near 'x'", "... is said");
    fclose(f);
    if (pipe(fds) == 0 && write(fds[1], text, sizeof(text) - 1) > 0) {
        json = json_loadfd(fds[0], flags, NULL);
        is_int((long long)json_object_size(json), 2,
               "from a pipe that stays open");
        json_decref(json);
        close(fds[0]);
        close(fds[1]);
    }
}

/* ---- writing ------------------------------------------------------------ */

struct dump_case {
    size_t flags;
    const char *want;
};

static const char dump_text[] =
    "{\"b\":[1,{\"x\":[],\"y\":{}},\"/\\u0001\\u00e9\xf0\x9f\x98\x80\"],"
    "\"a\":null,\"aa\":1.5}";

static const struct dump_case dumps[] = {
    {0, "{\"b\": [1, {\"x\": [], \"y\": {}}, \"/\\u0001\xc3\xa9"
        "\xf0\x9f\x98\x80\"], \"a\": null, \"aa\": 1.5}"},
    {JSON_COMPACT, "{\"b\":[1,{\"x\":[],\"y\":{}},\"/\\u0001\xc3\xa9"
                   "\xf0\x9f\x98\x80\"],\"a\":null,\"aa\":1.5}"},
    {JSON_INDENT(2) | JSON_ENSURE_ASCII,
     "{\n  \"b\": [\n    1,\n    {\n      \"x\": [],\n      \"y\": {}\n    },\n"
     "    \"/\\u0001\\u00E9\\uD83D\\uDE00\"\n  ],\n  \"a\": null,\n"
     "  \"aa\": 1.5\n}"},
    {JSON_SORT_KEYS | JSON_ESCAPE_SLASH | JSON_COMPACT,
     "{\"a\":null,\"aa\":1.5,\"b\":[1,{\"x\":[],\"y\":{}},\"\\/\\u0001\xc3\xa9"
     "\xf0\x9f\x98\x80\"]}"},
    {JSON_EMBED | JSON_SORT_KEYS | JSON_INDENT(1) | JSON_COMPACT |
         JSON_ENSURE_ASCII,
     "\n \"a\":null,\n \"aa\":1.5,\n \"b\":[\n  1,\n  {\n   \"x\":[],\n"
     "   \"y\":{}\n  },\n  \"/\\u0001\\u00E9\\uD83D\\uDE00\"\n ]\n"},
};

static void test_dump(void)
{
    json_t *json = json_loads(dump_text, 0, NULL);

    for (size_t i = 0; i < ROWS(dumps); i++) {
        char *text = json_dumps(json, dumps[i].flags);

        is_str(text, dumps[i].want, "written as its flags say");
        free(text);
    }
    json_decref(json);
}

static void is_real(double value, size_t flags, const char *want)
{
    json_t *json = json_real(value);
    char *text = json_dumps(json, flags | JSON_ENCODE_ANY);

    is_str(text, want, want);
    free(text);
    json_decref(json);
}

static void test_reals(void)
{
    is_real(1.1, 0, "1.1000000000000001");
    is_real(1, 0, "1.0");
    is_real(-0.0, 0, "-0.0");
    is_real(1e16, 0, "10000000000000000.0");
    is_real(1e17, 0, "1e17");
    is_real(1e-7, 0, "9.9999999999999995e-8");
    is_real(0.0001, 0, "0.0001");
    is_real(1e100, JSON_REAL_PRECISION(3), "1e100");
    is_real(3.14159, JSON_REAL_PRECISION(3), "3.14");
    ok(json_real(NAN) == NULL && json_real(INFINITY) == NULL,
       "only finite numbers");
}

static void test_locale(void)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8",
                                        "fr_FR"};
    json_t *json;

    for (size_t i = 0; i < ROWS(names); i++) {
        if (setlocale(LC_NUMERIC, names[i]))
            break;
    }
    json = json_loads("[0.5]", 0, NULL);
    ok(json_real_value(json_array_get(json, 0)) == 0.5, "read in any locale");
    json_decref(json);
    is_real(-2.5e-9, 0, "-2.5000000000000001e-9");
    setlocale(LC_NUMERIC, "C");
}

static void test_dump_ways(void)
{
    json_t *json = json_pack("[i]", 5);
    char buf[4] = {'x', 'x', 'x', 'x'};
    char line[8] = "";
    FILE *f = tmpfile();
    json_t *bad = json_stringn_nocheck("a\xff", 2);

    is_int((long long)json_dumpb(json, buf, 4, 0), 3, "into a block");
    ok(memcmp(buf, "[5]x", 4) == 0, "... and not behind it");
    is_int((long long)json_dumpb(json, buf, 1, 0), 3, "too small a block");
    is_int(json_dumpf(json, f, 0), 0, "to a file");
    fflush(f);
    is_int(json_dumpfd(json, fileno(f), 0), 0, "to a descriptor");
    rewind(f);
    ok(fgets(line, sizeof(line), f) && !strcmp(line, "[5][5]"), "... both");
    fclose(f);
    ok(json_dumps(json_true(), 0) == NULL, "a scalar needs a flag");
    ok(json_dumps(NULL, JSON_ENCODE_ANY) == NULL, "no value");
    ok(json_dumps(bad, JSON_ENCODE_ANY) == NULL, "no UTF-8");
    is_int(json_dump_file(json, "/nonexistent/x", 0), -1, "no such folder");
    json_decref(bad);
    json_decref(json);
}

static void test_cycle(void)
{
    json_t *a = json_array();
    json_t *o = json_object();

    ok(json_array_append(a, a) < 0 && json_object_set(o, "x", o) < 0,
       "no container directly in itself");
    json_array_append(a, o);
    json_array_append(a, o);
    json_object_set_new(o, "n", json_array());
    ok(json_dumpb(a, NULL, 0, 0) == 22, "twice the same is no cycle");
    json_object_set(o, "a", a);
    ok(json_dumps(a, 0) == NULL, "a cycle is not written");
    ok(json_deep_copy(a) == NULL, "nor copied");
    json_object_del(o, "a");
    json_decref(o);
    json_decref(a);
}

/* ---- values ------------------------------------------------------------- */

static void test_objects(void)
{
    json_t *o = json_object();
    const char *key;
    json_t *value;
    void *n;
    char all[32] = "";

    json_object_set_new(o, "one", json_integer(1));
    json_object_set_new(o, "two", json_integer(2));
    json_object_set_new(o, "three", json_integer(3));
    json_object_set_new(o, "one", json_integer(11));
    is_int((long long)json_object_size(o), 3, "size");
    is_int(json_integer_value(json_object_get(o, "one")), 11, "replaced");
    ok(json_object_get(o, "on") == NULL, "no such key");
    is_int(json_object_set_new(o, "x", NULL), -1, "no NULL value");
    is_int(json_object_set_new(o, "\xff", json_null()), -1, "no bad key");
    is_int(json_object_set_new(json_true(), "x", json_integer(1)), -1,
           "only in an object");
    is_int(json_object_setn_new(o, "twoX", 3, json_integer(22)), 0, "setn");
    is_int(json_integer_value(json_object_getn(o, "twoY", 3)), 22, "getn");
    json_object_foreach(o, key, value) strcat(all, key);
    is_str(all, "onetwothree", "in order of insertion");
    json_object_foreach_safe(o, n, key, value)
    {
        if (json_integer_value(value) == 22)
            json_object_del(o, key);
    }
    is_int((long long)json_object_size(o), 2, "deleted while walking");
    is_int(json_object_del(o, "two"), -1, "gone");
    n = json_object_iter_at(o, "three");
    is_int(json_object_iter_set_new(o, n, json_string("x")), 0, "by iterator");
    is_str(json_string_value(json_object_get(o, "three")), "x", "... set");
    ok(json_object_iter_next(o, n) == NULL, "... the last");
    json_object_clear(o);
    ok(json_object_iter(o) == NULL && json_object_size(o) == 0, "cleared");
    json_decref(o);
}

static void is_json(json_t *json, const char *want)
{
    char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);

    is_str(text, want, want);
    free(text);
    json_decref(json);
}

typedef int (*update_f)(json_t *object, json_t *other);

static void is_update(update_f update, const char *want)
{
    json_t *a = json_loads("{\"a\":1,\"o\":{\"x\":1,\"y\":1}}", 0, NULL);
    json_t *b = json_loads("{\"o\":{\"y\":2,\"z\":2},\"b\":2}", 0, NULL);

    ok(update(a, b) == 0, "update");
    is_json(a, want);
    json_decref(b);
}

static void test_update(void)
{
    is_update(json_object_update, "{\"a\":1,\"o\":{\"y\":2,\"z\":2},\"b\":2}");
    is_update(json_object_update_existing, "{\"a\":1,\"o\":{\"y\":2,\"z\":2}}");
    is_update(json_object_update_missing,
              "{\"a\":1,\"o\":{\"x\":1,\"y\":1},\"b\":2}");
    is_update(json_object_update_recursive,
              "{\"a\":1,\"o\":{\"x\":1,\"y\":2,\"z\":2},\"b\":2}");
}

static void test_arrays(void)
{
    json_t *a = json_array();

    for (int i = 0; i < 5; i++)
        json_array_append_new(a, json_integer(i));
    is_int(json_array_insert_new(a, 5, json_integer(5)), 0, "insert at end");
    is_int(json_array_insert_new(a, 7, json_integer(7)), -1, "not beyond");
    json_array_insert_new(a, 0, json_integer(-1));
    json_array_remove(a, 1);
    json_array_set_new(a, 1, json_true());
    is_int(json_array_set_new(a, 6, json_true()), -1, "no such index");
    json_array_extend(a, a);
    is_int((long long)json_array_size(a), 12, "extended by itself");
    ok(json_array_get(a, 12) == NULL, "nothing behind");
    is_json(json_copy(a), "[-1,true,2,3,4,5,-1,true,2,3,4,5]");
    json_array_clear(a);
    is_json(a, "[]");
}

static void test_scalars(void)
{
    json_t *s = json_string("abc");
    json_t *n = json_integer(5);
    json_t *r = json_real(1.5);

    json_string_setn(s, "x\0y", 3);
    is_int((long long)json_string_length(s), 3, "strings may hold NULs");
    is_int(json_string_set(s, "\xff"), -1, "but only UTF-8");
    is_int(json_string_set(s, "defg"), 0, "set again");
    is_str(json_string_value(s), "defg", "... is there");
    ok(json_string("\xc3") == NULL && json_string(NULL) == NULL, "no string");
    ok(json_string_value(n) == NULL && json_integer_value(r) == 0,
       "other types give nothing");
    json_integer_set(n, -7);
    json_real_set(r, 2.5);
    is_int(json_real_set(r, NAN), -1, "not a number");
    ok(json_number_value(n) == -7 && json_number_value(r) == 2.5, "numbers");
    ok(json_true() == json_incref(json_true()), "there is one true");
    json_decref(json_true());
    json_decref(s);
    json_decref(n);
    json_decref(r);
    is_json(json_sprintf("%s-%d", "a", 5), "\"a-5\"");
    ok(json_sprintf("%s", "\xff") == NULL, "sprintf checks");
}

static void test_equal(void)
{
    json_t *a = json_loads("{\"a\":[1,{\"b\":2.5}],\"c\":\"x\"}", 0, NULL);
    json_t *b = json_loads("{\"c\":\"x\",\"a\":[1,{\"b\":2.5}]}", 0, NULL);
    json_t *c = json_loads("{\"c\":\"x\",\"a\":[1,{\"b\":2}]}", 0, NULL);
    json_t *d = json_deep_copy(a);
    json_t *e = json_copy(a);

    ok(json_equal(a, b), "order does not matter");
    ok(!json_equal(a, c), "2 is not 2.5");
    ok(!json_equal(a, NULL), "nor is nothing");
    ok(json_equal(a, d), "a deep copy is equal");
    ok(json_object_get(a, "a") != json_object_get(d, "a"), "... and apart");
    ok(json_object_get(a, "a") == json_object_get(e, "a"), "a copy is not");
    json_array_append_new(json_object_get(d, "a"), json_null());
    ok(!json_equal(a, d), "one member more");
    json_decref(a);
    json_decref(b);
    json_decref(c);
    json_decref(d);
    json_decref(e);
}

/* ---- packing ------------------------------------------------------------ */

static void test_pack(void)
{
    is_json(json_pack("{s:i, s:s}", "a", 1, "b", "x"), "{\"a\":1,\"b\":\"x\"}");
    is_json(json_pack("{s[bb]s{s:n}}", "a", 1, 0, "b", "c"),
            "{\"a\":[true,false],\"b\":{\"c\":null}}");
    is_json(json_pack("[Ifs#s%]", (json_int_t)1 << 40, 1.5, "abc", 2, "def",
                      (size_t)1),
            "[1099511627776,1.5,\"ab\",\"d\"]");
    is_json(json_pack("{s++:s+#}", "a", "b", "c", "d", "efg", 2),
            "{\"abc\":\"def\"}");
    is_json(json_pack("[s?o?O?]", NULL, NULL, NULL), "[null,null,null]");
    is_json(json_pack("{s:s*,s:o*,s:i}", "a", NULL, "b", NULL, "c", 1),
            "{\"c\":1}");
    is_json(json_pack("o", json_string("x")), "\"x\"");
}

static void is_pack_error(json_t *json, const json_error_t *e, const char *text)
{
    ok(json == NULL, "not packed:");
    is_str(e->text, text, text);
    json_decref(json);
}

static void test_pack_errors(void)
{
    json_error_t e;
    json_t *kept = json_integer(1);

    is_pack_error(json_pack_ex(&e, 0, "{s:s}", "a", NULL), &e, "NULL string");
    ok(e.line == 1 && e.column == 4 && e.position == 4, "... where");
    is_str(e.source, "<args>", "... from what");
    is_pack_error(json_pack_ex(&e, 0, "{s:i}", NULL, 1), &e, "NULL object key");
    is_pack_error(json_pack_ex(&e, 0, "o", NULL), &e, "NULL object");
    is_pack_error(json_pack_ex(&e, 0, "[f]", NAN), &e,
                  "Invalid floating point value");
    is_pack_error(json_pack_ex(&e, 0, "s", "\xff"), &e, "Invalid UTF-8 string");
    is_pack_error(json_pack_ex(&e, 0, "[i", 1), &e,
                  "Unexpected end of format string");
    is_pack_error(json_pack_ex(&e, 0, "[\n x]"), &e,
                  "Unexpected format character 'x'");
    ok(e.line == 2 && e.column == 2 && e.position == 4, "... where");
    is_pack_error(json_pack_ex(&e, 0, "ii", 1, 2), &e,
                  "Garbage after format string");
    is_pack_error(json_pack_ex(&e, 0, "{i:i}", 1, 2), &e,
                  "Expected format 's', got 'i'");
    is_pack_error(json_pack_ex(&e, 0, ""), &e, "NULL or empty format string");
    json_incref(kept);
    json_incref(kept);
    ok(json_pack("[o,s,{s:o}]", kept, NULL, "x", kept) == NULL, "failed");
    is_int((long long)kept->refcount, 1, "and took its references");
    json_decref(kept);
}

static void test_unpack(void)
{
    json_t *json = json_loads("{\"i\":-5,\"I\":1099511627776,\"f\":1.5,"
                              "\"s\":\"text\",\"b\":true,\"n\":null,"
                              "\"a\":[1,2],\"o\":{\"x\":{\"y\":3}}}",
                              0, NULL);
    int i, b, one, two, y = 0, z = 77;
    json_int_t big;
    double f, g;
    const char *s;
    size_t len;
    json_t *lent, *held;

    is_int(json_unpack(json, "{s:i,s:I,s:f,s:F,s:s%,s:b,s:n}", "i", &i, "I",
                       &big, "f", &f, "i", &g, "s", &s, &len, "b", &b, "n"),
           0, "scalars");
    ok(i == -5 && big == (json_int_t)1 << 40 && f == 1.5 && g == -5 && b == 1,
       "... are right");
    ok(!strcmp(s, "text") && len == 4, "... the string too");
    is_int(json_unpack(json, "{s:[ii],s:{s:{s:i}},s?{s:[iii!]}}", "a", &one,
                       &two, "o", "x", "y", &y, "no", "x", &z, &z, &z),
           0, "nested");
    ok(one == 1 && two == 2 && y == 3 && z == 77, "... are right");
    is_int(json_unpack(json, "{s:o,s:O,s?i,s?s}", "a", &lent, "o", &held, "no",
                       &z, "s", &s),
           0, "values, optional keys");
    is_int((long long)lent->refcount, 1, "o lends");
    is_int((long long)held->refcount, 2, "O holds");
    is_int(json_unpack_ex(json, NULL, JSON_VALIDATE_ONLY,
                          "{s:i,s:s,s:[ii!],s:{s:o}}", "i", "s", "a", "o", "x"),
           0, "only validated");
    json_decref(held);
    json_decref(json);
}

static void is_unpack_error(const char *text,
                            size_t flags,
                            const char *fmt,
                            const char *want)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);
    json_error_t e;

    ok(json_unpack_ex(json, &e, flags | JSON_VALIDATE_ONLY, fmt, "a", "b") ==
           -1,
       "not unpacked:");
    is_str(e.text, want, want);
    json_decref(json);
}

static void test_unpack_errors(void)
{
    json_error_t e;
    json_t *json = json_loads("{\"a\":1}", 0, NULL);
    const char *s;

    is_unpack_error("1", 0, "s", "Expected string, got integer");
    is_unpack_error("1.5", 0, "i", "Expected integer, got real");
    is_unpack_error("1", 0, "f", "Expected real, got integer");
    is_unpack_error("{}", 0, "F", "Expected real or integer, got object");
    is_unpack_error("null", 0, "b", "Expected true or false, got null");
    is_unpack_error("true", 0, "n", "Expected null, got true");
    is_unpack_error("[]", 0, "{s:i}", "Expected object, got array");
    is_unpack_error("false", 0, "[i]", "Expected array, got false");
    is_unpack_error("{\"a\":1}", 0, "{s:i,s:i}", "Object item not found: b");
    is_unpack_error("{\"a\":1,\"c\":2,\"d\":3}", 0, "{s:i!}",
                    "2 object item(s) left unpacked: c, d");
    is_unpack_error("{\"a\":1,\"c\":2}", JSON_STRICT, "{s:i}",
                    "1 object item(s) left unpacked: c");
    is_unpack_error("[1,2,3]", 0, "[i!]", "2 array item(s) left unpacked");
    is_unpack_error("[1]", JSON_STRICT, "[]", "1 array item(s) left unpacked");
    is_unpack_error("[1]", 0, "[ii]", "Array index 1 out of range");
    is_unpack_error("{\"a\":1}", 0, "{s:i!s:i}",
                    "Expected '}' after '!', got 's'");
    is_unpack_error("[1]", 0, "[i*i]", "Expected ']' after '*', got 'i'");
    is_unpack_error("[1]", 0, "[i", "Unexpected end of format string");
    is_unpack_error("1", 0, "x", "Unexpected format character 'x'");
    is_unpack_error("1", 0, "ii", "Garbage after format string");
    is_int(json_unpack_ex(json, &e, 0, "{s:\n s}", "a", &s), -1, "a place");
    ok(e.line == 2 && e.column == 2 && e.position == 6, "... is told");
    is_str(e.source, "<validation>", "... and a source");
    is_int(json_unpack_ex(json, &e, JSON_STRICT, "{s:i*}", "a", &e.line), 0,
           "* allows more where ! is the rule");
    is_int(json_unpack_ex(NULL, &e, 0, "i", &e.line), -1, "no value");
    is_str(e.text, "NULL root value", "... is said");
    json_decref(json);
}

/* ---- random documents --------------------------------------------------- */

static unsigned rnd(unsigned n)
{
    static unsigned long long state = 88172645463325252ull;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 20) % n;
}

static json_t *random_value(int depth);

static json_t *random_container(int depth)
{
    json_t *json = rnd(2) ? json_object() : json_array();
    char key[16];

    for (unsigned n = rnd(rnd(8) ? 5 : 40); n > 0; n--) {
        snprintf(key, sizeof(key), "k%u", rnd(100));
        if (json_is_object(json))
            json_object_set_new(json, key, random_value(depth + 1));
        else
            json_array_append_new(json, random_value(depth + 1));
    }
    return json;
}

static double random_real(void)
{
    uint64_t bits = (uint64_t)rnd(1u << 31) << 33 ^ (uint64_t)rnd(1u << 31)
                                                        << 7;
    double d;

    memcpy(&d, &bits, sizeof(d));
    return isfinite(d) ? d : 0.5;
}

static json_t *random_value(int depth)
{
    static const char *const strings[] = {"", "plain text that is longer",
                                          "\xf0\x9f\x98\x80\n\"\\", "\x7f/"};

    switch (rnd(depth > 5 ? 5 : 8)) {
    case 0:
        return json_boolean(rnd(2));
    case 1:
        return json_null();
    case 2:
        return json_integer((json_int_t)rnd(1u << 31) << rnd(33));
    case 3:
        return json_real(random_real());
    case 4:
        return json_string(strings[rnd(4)]);
    default:
        return random_container(depth);
    }
}

static void test_random(void)
{
    int good = 1;

    for (int i = 0; i < 2000 && good; i++) {
        json_t *json = random_container(0);
        char *text = json_dumps(json, rnd(2) ? rnd(JSON_PRESERVE_ORDER) : 0);
        json_t *back = json_loads(text, 0, NULL);

        good = json_equal(json, back);
        free(text);
        json_decref(back);
        json_decref(json);
    }
    ok(good, "what is written reads back the same");
}

/* Any cut and any changed byte gives a value or an error, never a crash. */
static void test_mangled(void)
{
    json_error_t e;
    char text[sizeof(dump_text)];
    int good = 1;

    for (size_t i = 0; i < sizeof(dump_text) - 1; i++) {
        json_t *json = json_loadb(dump_text, i, 0, &e);

        good = good && !json && e.position <= (int)i && e.text[0];
        for (int c = 0; c < 256; c++) {
            memcpy(text, dump_text, sizeof(text));
            text[i] = (char)c;
            json_decref(json_loadb(text, sizeof(text) - 1, 0, &e));
        }
    }
    ok(good, "no part of a text is a text");
}

/* ---- memory functions ---------------------------------------------------- */

static long blocks;

static void *counted_malloc(size_t size)
{
    blocks++;
    return malloc(size);
}

static void counted_free(void *data)
{
    blocks -= data != NULL;
    free(data);
}

static void test_alloc_funcs(void)
{
    json_malloc_t alloc;
    json_free_t release;
    json_t *json;
    char *text;

    json_get_alloc_funcs(&alloc, &release);
    ok(alloc == malloc && release == free, "malloc and free by default");
    json_set_alloc_funcs(counted_malloc, counted_free);
    json = json_loads(dump_text, 0, NULL);
    text = json_dumps(json, 0);
    ok(blocks > 8, "others are used");
    counted_free(text);
    json_decref(json);
    is_int(blocks, 0, "for all that is freed");
    json_set_alloc_funcs(alloc, release);
}

int main(void)
{
    test_load_good();
    test_load_bad();
    test_load_arguments();
    test_load_streams();
    run_test_depth();
    test_dump();
    test_reals();
    test_locale();
    test_dump_ways();
    test_cycle();
    test_objects();
    test_update();
    test_arrays();
    test_scalars();
    test_equal();
    test_pack();
    test_pack_errors();
    test_unpack();
    test_unpack_errors();
    test_random();
    test_mangled();
    test_alloc_funcs();
    is_str(jansson_version_str(), "2.14", "version");
    ok(jansson_version_cmp(2, 13, 9) > 0 &&
           jansson_version_cmp(2, 14, 0) == 0 &&
           jansson_version_cmp(3, 0, 0) < 0,
       "versions compared");
    return done();
}
