/* test_conf.c - configurations from files, folders and updates
 *
 * Each case is looked at through the JSON text of the whole configuration.
 * Files are written to a folder of the test's own, which is removed.
 */
#include <unistd.h>

#include "../flux.h"
#include "../json.h"
#include "tap.h"

static char folder[] = "/tmp/test_conf.XXXXXX";

static char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void file(const char *name, const char *text)
{
    FILE *f = fopen(path_of(name), "w");

    fputs(text, f);
    fclose(f);
}

static void is_conf(const flux_conf_t *conf, const char *want, const char *name)
{
    json_t *json = NULL;
    char *got;

    if (conf)
        flux_conf_unpack(conf, NULL, "o", &json);
    got = json_dumps(json, JSON_COMPACT);
    is_str(got, want, name);
    free(got);
}

static void parse_is(const char *path, const char *want, const char *name)
{
    flux_conf_t *conf = flux_conf_parse(path, NULL);

    is_conf(conf, want, name);
    flux_conf_decref(conf);
}

static void
parse_fails(const char *path, int errnum, const char *words, const char *name)
{
    flux_error_t e = {""};

    errno = 0;
    ok(!flux_conf_parse(path, &e) && errno == errnum, name);
    ok(strstr(e.text, words) != NULL, "and says why");
    if (!strstr(e.text, words))
        printf("# %s\n", e.text);
}

static void test_object(void)
{
    flux_conf_t *conf = flux_conf_pack("{s:i s:{s:s}}", "a", 1, "t", "k", "v");
    flux_conf_t *copy = flux_conf_copy(conf);
    flux_error_t e;
    const char *s;
    int i = 0;

    ok(flux_conf_unpack(conf, NULL, "{s:i}", "a", &i) == 0 && i == 1, "unpack");
    errno = 0;
    ok(flux_conf_unpack(conf, &e, "{s:s}", "noexist", &s) < 0 &&
           errno == EINVAL,
       "a key that is not there");
    ok(strstr(e.text, "noexist") != NULL, "is named");
    ok(flux_conf_unpack(NULL, &e, "{}") < 0 && errno == EINVAL, "no conf");
    is_int(flux_conf_update(copy, "t.k=w", NULL), 0, "update a copy");
    is_conf(conf, "{\"a\":1,\"t\":{\"k\":\"v\"}}", "the original stays");
    is_conf(copy, "{\"a\":1,\"t\":{\"k\":\"w\"}}", "the copy changes");
    flux_conf_decref(copy);
    ok(flux_conf_incref(conf) == conf, "incref");
    flux_conf_decref(conf);
    is_conf(conf, "{\"a\":1,\"t\":{\"k\":\"v\"}}", "one reference is left");
    flux_conf_decref(conf);
    flux_conf_decref(NULL);
    errno = 0;
    ok(!flux_conf_pack(NULL) && errno == EINVAL, "pack nothing");
    ok(!flux_conf_pack("[i]", 1) && errno == EINVAL, "pack an array");
}

static void test_files(void)
{
    file("a.toml", "i = 1\n[tab]\nsub = 42\n");
    file("b.json", "{\"tab\":{\"id\":4}}");
    parse_is(path_of("a.toml"), "{\"i\":1,\"tab\":{\"sub\":42}}", "TOML file");
    parse_is(path_of("b.json"), "{\"tab\":{\"id\":4}}", "JSON file");
    file("no.suffix", "[x]");
    parse_is(path_of("no.suffix"), "{\"x\":{}}", "no suffix is TOML");
    parse_fails("/noexist", ENOENT, "/noexist: No such file", "no file");
    parse_fails(NULL, EINVAL, "Invalid argument", "no path");
    file("bad.txt", "[x]\nkey = \n");
    parse_fails(path_of("bad.txt"), EINVAL,
                "bad.txt: line 2, column 7: ", "bad TOML");
    file("bad.json", "{");
    parse_fails(path_of("bad.json"), EINVAL, "bad.json: line 1", "bad JSON");
    file("bad.json", "[1]");
    parse_fails(path_of("bad.json"), EINVAL, "must be an object", "an array");
    unlink(path_of("bad.json"));
}

static void test_folder(void)
{
    file("c.toml", "j = 2\n[tab]\nsub = 43\n");
    file(".hidden.toml", "bad");
    parse_is(folder, "{\"i\":1,\"tab\":{\"sub\":43,\"id\":4},\"j\":2}",
             "the files of a folder, in order of their names");
    file("d.toml", "bad");
    parse_fails(folder, EINVAL,
                "d.toml: line 1, column 4: ", "a folder with a bad file");
}

static void update_is(flux_conf_t *conf, const char *value, const char *want)
{
    flux_error_t e = {""};

    if (flux_conf_update(conf, value, &e) < 0)
        printf("# %s\n", e.text);
    is_conf(conf, want, value[0] == '\n' ? "leading newline" : want);
}

static void update_fails(flux_conf_t *conf,
                         const char *value,
                         int errnum,
                         const char *words)
{
    flux_error_t e = {""};

    errno = 0;
    ok(flux_conf_update(conf, value, &e) < 0 && errno == errnum, words);
    ok(strstr(e.text, words) != NULL, "is what it says");
    if (!strstr(e.text, words))
        printf("# %s\n", e.text);
}

static void test_update(void)
{
    flux_conf_t *conf = flux_conf_create();

    update_is(conf, "a=1", "{\"a\":1}");
    update_is(conf, "a=hello=2", "{\"a\":\"hello=2\"}");
    update_is(conf, "a=", "{\"a\":\"\"}");
    update_is(conf, "a=true", "{\"a\":true}");
    update_is(conf, "a={\"b\":{\"c\":9}}", "{\"a\":{\"b\":{\"c\":9}}}");
    update_is(conf, "a.b.d=4", "{\"a\":{\"b\":{\"c\":9,\"d\":4}}}");
    update_is(conf, "{\"a\":{\"b\":{\"c\":8}}}",
              "{\"a\":{\"b\":{\"c\":8,\"d\":4}}}");
    update_is(conf, "\n  {\"a\":{\"b\":[]}}", "{\"a\":{\"b\":[]}}");
    update_is(conf, "[a]\nb = 'x'\n", "{\"a\":{\"b\":\"x\"}}");
    update_is(conf, "x.y.z=1", "{\"a\":{\"b\":\"x\"},\"x\":{\"y\":{\"z\":1}}}");
    update_is(conf, path_of("b.json"),
              "{\"a\":{\"b\":\"x\"},\"x\":{\"y\":{\"z\":1}},"
              "\"tab\":{\"id\":4}}");
    flux_conf_decref(conf);
}

static void test_update_errors(void)
{
    flux_conf_t *conf = flux_conf_create();

    update_is(conf, "a=1", "{\"a\":1}");
    update_fails(NULL, "a=1", EINVAL, "Invalid argument");
    update_fails(conf, NULL, EINVAL, "Invalid argument");
    update_fails(conf, "notafile", ENOENT, "notafile: No such file");
    update_fails(conf, "=x", EINVAL, "invalid key");
    update_fails(conf, "q..r=x", EINVAL, "q..r: invalid key");
    update_fails(conf, "q.=x", EINVAL, "q.: invalid key");
    update_fails(conf, "a.b=x", EINVAL, "setting a.b: a part of it is not");
    update_fails(conf, "a.b.c=x", EINVAL, "setting a.b.c: a part of it is not");
    update_fails(conf, "bad = \n", EINVAL, "inline TOML: line 1, column 7: ");
    update_fails(conf, "[1,2,3]\n", EINVAL, "inline TOML: ");
    update_fails(conf, "{bad json}", EINVAL, "inline JSON: line 1");
    update_fails(conf, "{bad=1}", EINVAL, "inline JSON: line 1");
    update_fails(conf, "q=\xff\xfe", EINVAL, "invalid UTF-8");
    is_conf(conf, "{\"a\":1}", "an update that fails changes nothing");
    flux_conf_decref(conf);
}

static void test_builtin(void)
{
    const char *path = flux_conf_builtin_get("module_path", FLUX_CONF_AUTO);

    ok(path && path[0] == '/' && strstr(path, "/lib/flux/modules"), "modules");
    ok(flux_conf_builtin_get("module_path", FLUX_CONF_INTREE) == path,
       "in the tree as installed");
    errno = 0;
    ok(!flux_conf_builtin_get("notarealkey", FLUX_CONF_AUTO) && errno == EINVAL,
       "an unknown key");
    ok(!flux_conf_builtin_get(NULL, FLUX_CONF_AUTO), "no key");
}

static void clean(void)
{
    const char *names[] = {"a.toml",   "b.json", "no.suffix", "bad.txt",
                           "bad.json", "c.toml", "d.toml",    ".hidden.toml"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    rmdir(folder);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    test_object();
    test_files();
    test_folder();
    test_update();
    test_update_errors();
    test_builtin();
    clean();
    return done();
}
