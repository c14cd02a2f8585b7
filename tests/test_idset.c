/* test_idset.c - sets of ids and their text form */
#include "idset.h"
#include "tap.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void same(const char *text, bool brackets, const char *want)
{
    struct idset *s = idset_decode(text);
    char *got = s ? idset_encode(s, brackets) : NULL;
    char name[64];

    snprintf(name, sizeof(name), "'%s' is '%s'", text, want);
    is_str(got, want, name);
    free(got);
    idset_destroy(s);
}

static void test_text(void)
{
    same("", false, "");
    same("[]", true, "");
    same("0", false, "0");
    same("0", true, "0");
    same("[0]", true, "0");
    same("0,1,2,3,7", false, "0-3,7");
    same("0-3,7", true, "[0-3,7]");
    same("[1,3]", true, "[1,3]");
    same("0-1,2-3", false, "0-3");
    same("1048575", false, "1048575");
}

static void test_errors(void)
{
    static const char *const bad[] = {
        "x",  "0,0",   "1,0", "00", "01",  "1-1", "2-1",     "0 1",
        "0,", ",0",    "-1",  "0-", "+1",  "[0",  "0]",      "[0]]",
        "[[", "0-1,1", "0--", " ",  "0\t", ",",   "1048576", "99999999999",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char name[64];

        errno = 0;
        snprintf(name, sizeof(name), "'%s' is no idset", bad[i]);
        ok(!idset_decode(bad[i]) && errno == EINVAL, name);
    }
}

static void test_members(void)
{
    struct idset *s = idset_decode("2,5-6");

    ok(!idset_has(s, 0) && idset_has(s, 2), "members are told");
    ok(!idset_has(s, 4000000000U), "what is too large is no member");
    is_int(idset_count(s), 3, "and counted");
    is_int(idset_next(s, 3), 5, "the next one is found");
    ok(idset_next(s, 7) == IDSET_NONE, "but there is none after the last");
    ok(idset_add(s, 100) == 0 && idset_has(s, 100), "one is added");
    ok(idset_add(s, IDSET_MAX) < 0 && errno == EINVAL, "too large, it is not");
    idset_remove(s, 5);
    idset_remove(s, 5);
    idset_remove(s, 70000);
    ok(!idset_has(s, 5) && idset_count(s) == 3, "one is removed");
    idset_destroy(s);
    errno = 7;
    idset_destroy(NULL);
    is_int(errno, 7, "destroying none keeps errno");
}

int main(void)
{
    test_text();
    test_errors();
    test_members();
    return done();
}
