/* test_toml.c - the TOML reader
 *
 * Two tables of cases from the specification: a document and the JSON that
 * comes of it, and a document and the place where it is wrong.
 */
#include <locale.h>

#include "../toml.h"
#include "tap.h"

static const struct {
    const char *toml;
    const char *json;
} good[] = {
    {"", "{}"},
    {"# only a comment", "{}"},
    {"\xef\xbb\xbf# a byte order mark\r\na = 1 # end\r\n", "{'a':1}"},
    /* keys */
    {"bare-key_1 = 1\n1234 = 2", "{'bare-key_1':1,'1234':2}"},
    {"\"a b\" = 1\n'c\"d' = 2\n\"\" = 3", "{'a b':1,'c\\\"d':2,'':3}"},
    {"a . b.'c.d' = 1\na.e = 2", "{'a':{'b':{'c.d':1},'e':2}}"},
    {"3.14 = 1", "{'3':{'14':1}}"},
    {"\"\\u0061\" = 1", "{'a':1}"},
    /* strings */
    {"s = \"\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\"",
     "{'s':'\\b\\t\\n\\f\\r\\\"\\\\\xc3\xa9\xf0\x9f\x98\x80'}"},
    {"s = 'C:\\no\\escapes'", "{'s':'C:\\\\no\\\\escapes'}"},
    {"s = \"\"\"\nfirst\nsecond\"\"\"", "{'s':'first\\nsecond'}"},
    {"s = \"\"\"one \\\n\n   two \\  \n\"\"\"", "{'s':'one two '}"},
    {"s = \"\"\"\"\"quoted\"\"\"\"\"", "{'s':'\\\"\\\"quoted\\\"\\\"'}"},
    {"s = '''\n\\raw\n'quote''''", "{'s':'\\\\raw\\n\\u0027quote\\u0027'}"},
    {"s = ''\nt = \"\"\nu = \"\"\"\"\"\"", "{'s':'','t':'','u':''}"},
    {"s = \"tab\there\"", "{'s':'tab\\there'}"},
    /* numbers */
    {"i = [0, +1, -17, 1_000, 9223372036854775807, -9223372036854775808]",
     "{'i':[0,1,-17,1000,9223372036854775807,-9223372036854775808]}"},
    {"i = [0xDEAD_beef, 0o755, 0b1101, 0x00]", "{'i':[3735928559,493,13,0]}"},
    {"f = [1.5, -0.25, 5e3, 1E+2, 2.5e-1, 9_0.0_5, 1e06]",
     "{'f':[1.5,-0.25,5000.0,100.0,0.25,90.05,1000000.0]}"},
    {"b = [true, false]", "{'b':[true,false]}"},
    /* dates and times */
    {"d = 1979-05-27T07:32:00Z", "{'d':'1979-05-27T07:32:00Z'}"},
    {"d = 1979-05-27 07:32:00.999-07:00",
     "{'d':'1979-05-27T07:32:00.999-07:00'}"},
    {"d = 1979-05-27t07:32:00z", "{'d':'1979-05-27T07:32:00Z'}"},
    {"d = 1979-05-27 # day\nt = 07:32:00.5",
     "{'d':'1979-05-27','t':'07:32:00.5'}"},
    {"d = 2000-02-29", "{'d':'2000-02-29'}"},
    /* arrays and inline tables */
    {"a = [ ]\nb = [1,[2,'x'],]", "{'a':[],'b':[1,[2,'x']]}"},
    {"a = [ # one\n 1, # two\n\n 2\n]", "{'a':[1,2]}"},
    {"t = { x = 1, y.z = 2, y.w = { } }", "{'t':{'x':1,'y':{'z':2,'w':{}}}}"},
    {"t = [{a.b = 1}, {a.b = 2}]", "{'t':[{'a':{'b':1}},{'a':{'b':2}}]}"},
    /* tables */
    {"[a]\n[a.b]\nc = 1\n[ d . \"e\" ]", "{'a':{'b':{'c':1}},'d':{'e':{}}}"},
    {"[a.b]\nx = 1\n[a]\ny = 2", "{'a':{'b':{'x':1},'y':2}}"},
    {"[f]\napple.color = 1\n[f.apple.texture]\ns = 2",
     "{'f':{'apple':{'color':1,'texture':{'s':2}}}}"},
    {"[[p]]\nn = 1\n[[p]]\n[[p]]\nn = 3", "{'p':[{'n':1},{},{'n':3}]}"},
    {"[[f]]\n[f.p]\nc = 1\n[[f.v]]\nn = 1\n[[f.v]]\nn = 2\n[[f]]\n[[f.v]]",
     "{'f':[{'p':{'c':1},'v':[{'n':1},{'n':2}]},{'v':[{}]}]}"},
};

static const struct {
    const char *toml;
    int line, column;
} bad[] = {
    {"a", 1, 2},
    {"= 1", 1, 1},
    {"a = ", 1, 5},
    {"a = 1 b = 2", 1, 7},
    {"a = word", 1, 5},
    {"x = 1\n\xc3\xa9 = 1", 2, 1},
    {"a = \"\xc3\xa9\" b", 1, 9},
    {"a = \"\xff\"", 1, 6},
    {"a = \"\xed\xa0\x80\"", 1, 6},
    {"a = \"\xc0\x80\"", 1, 6},
    {"a = \"\xf4\x90\x80\x80\"", 1, 6},
    {"# \x01", 1, 3},
    {"a = 1\rb = 2", 1, 6},
    /* strings */
    {"a = \"open", 1, 10},
    {"a = \"open\nb", 1, 10},
    {"a = 'open", 1, 10},
    {"a = \"\"\"open\n", 2, 1},
    {"a = \"\\x41\"", 1, 6},
    {"a = \"\\ud800\"", 1, 6},
    {"a = \"\\U00110000\"", 1, 6},
    {"a = \"\\u12\"", 1, 6},
    {"a = \"\x7f\"", 1, 6},
    {"a = '''''''''", 1, 13},
    /* numbers */
    {"a = 01", 1, 5},
    {"a = 1__0", 1, 5},
    {"a = 1_", 1, 5},
    {"a = _1", 1, 5},
    {"a = .5", 1, 5},
    {"a = 5.", 1, 5},
    {"a = 1.e3", 1, 5},
    {"a = 1e", 1, 5},
    {"a = 0x", 1, 5},
    {"a = +0x1", 1, 7},
    {"a = 0b2", 1, 5},
    {"a = 9223372036854775808", 1, 5},
    {"a = 1e999", 1, 5},
    {"a = inf", 1, 5},
    {"a = -nan", 1, 5},
    {"a = True", 1, 5},
    {"a = truer", 1, 5},
    /* dates and times */
    {"a = 1979-13-01", 1, 5},
    {"a = 1979-00-01", 1, 5},
    {"a = 1979-02-29", 1, 5},
    {"a = 1979-5-27", 1, 5},
    {"a = 24:00:00", 1, 5},
    {"a = 07:60:00", 1, 5},
    {"a = 07:32", 1, 5},
    {"a = 07:32:00.", 1, 5},
    {"a = 1979-05-27T", 1, 5},
    {"a = 1979-05-27T07:32:00+25:00", 1, 5},
    /* arrays and inline tables */
    {"a = [1 2]", 1, 8},
    {"a = [,1]", 1, 6},
    {"a = [1", 1, 7},
    {"a = { b = 1, }", 1, 14},
    {"a = { b = 1\n}", 1, 12},
    {"a = { b = 1, b = 2 }", 1, 14},
    {"a = { b = 1 }\na.c = 2", 2, 1},
    {"a = { b = {} }\n[a.b]", 2, 2},
    {"a = [{}]\n[[a]]", 2, 3},
    {"a = [{}]\n[a.b]", 2, 2},
    /* tables */
    {"[]", 1, 2},
    {"[a", 1, 3},
    {"[a]]", 1, 4},
    {"[[a]", 1, 4},
    {"[a] b = 1", 1, 5},
    {"[a.]", 1, 4},
    {"[ [a]]", 1, 3},
    {"a = 1\na = 2", 2, 1},
    {"a = 1\n'a' = 2", 2, 1},
    {"[a]\n[a]", 2, 2},
    {"[a.b]\n[a]\n[a]", 3, 2},
    {"[a]\nb = 1\n[a.b]", 3, 4},
    {"a = 1\na.b = 2", 2, 1},
    {"[f]\napple.color = 1\n[f.apple]", 3, 4},
    {"[a.b.c]\nz = 9\n[a]\nb.c.t = 1", 4, 3},
    {"[a.b]\n[a]\nb = 1", 3, 1},
    {"[[a]]\n[a]", 2, 2},
    {"[a]\n[[a]]", 2, 3},
    {"[[a.b]]\n[a]\nb.c = 1", 3, 1},
    {"[a.b]\n[[a]]", 2, 3},
};

static void quote(char *s)
{
    for (; *s; s++) {
        if (*s == '\'')
            *s = '"';
    }
}

static void is_good(const char *toml, const char *want)
{
    flux_error_t e = {""};
    json_t *got = toml_parse(toml, strlen(toml), &e);
    char text[512];
    json_t *json;

    snprintf(text, sizeof(text), "%s", want);
    quote(text);
    json = json_loads(text, 0, NULL);
    ok(json && json_equal(got, json), want);
    if (!json_equal(got, json))
        printf("# of: %s\n# error: %s\n", toml, e.text);
    json_decref(json);
    json_decref(got);
}

static void is_bad(const char *toml, int line, int column)
{
    char want[64];
    flux_error_t e = {""};
    json_t *got;

    errno = 0;
    got = toml_parse(toml, strlen(toml), &e);
    snprintf(want, sizeof(want), "line %d, column %d: ", line, column);
    ok(!got && errno == EINVAL && strncmp(e.text, want, strlen(want)) == 0,
       want);
    if (got || strncmp(e.text, want, strlen(want)) != 0)
        printf("# of: %s\n# got: %s\n", toml, got ? "no error" : e.text);
    json_decref(got);
}

/* `times` of `s` are refused, but do no harm. */
static void is_refused(const char *before, const char *s, int times)
{
    size_t n = strlen(s), size = strlen(before);
    char *text = malloc(size + (size_t)times * n);
    json_t *json;

    memcpy(text, before, size);
    for (int i = 0; i < times; i++, size += n)
        memcpy(text + size, s, n);
    json = toml_parse(text, size, NULL);
    ok(!json, "too deep");
    json_decref(json);
    free(text);
}

static void test_limits(void)
{
    json_t *json;

    is_refused("a = ", "[", 100000);
    is_refused("a = ", "{a=", 100000);
    is_refused("a", ".a", 100000);
    is_refused("[a", ".a", 100000);
    is_refused("a = ", "{a.a.a.a.a.a.a.a.a.a=", 1000);
    json = toml_parse("a = 1\0b = 2", 11, NULL);
    ok(!json, "a NUL in the text");
    json = toml_parse("a = 12345", 6, NULL);
    is_int(json_integer_value(json_object_get(json, "a")), 12,
           "nothing behind the size is read");
    json_decref(json);
    json = toml_parse(NULL, 0, NULL);
    ok(json_is_object(json), "no text at all");
    json_decref(json);
    json = toml_parse("a = \"x\\u0000y\"", 14, NULL);
    is_int((long long)json_string_length(json_object_get(json, "a")), 3,
           "a NUL that is escaped");
    json_decref(json);
}

int main(void)
{
    setlocale(LC_ALL, "de_DE.UTF-8");
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        is_good(good[i].toml, good[i].json);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        is_bad(bad[i].toml, bad[i].line, bad[i].column);
    test_limits();
    return done();
}
