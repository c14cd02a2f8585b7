/* test_cmdline.c - a command to be run: its words, variables and folder */
#include <errno.h>
#include <stdlib.h>

#include "../cmdline.h"
#include "tap.h"

static void test_create(void)
{
    char *argv[] = {(char *)"a", (char *)"b c"};
    char *env[] = {(char *)"X=1", (char *)"=none", (char *)"none",
                   (char *)"Y=a=b", NULL};
    flux_cmd_t *cmd = flux_cmd_create(2, argv, env);
    char *text = json_dumps(cmdline_object(cmd), JSON_COMPACT | JSON_SORT_KEYS);

    is_str(text,
           "{\"channels\":[],\"cmdline\":[\"a\",\"b c\"],"
           "\"env\":{\"X\":\"1\",\"Y\":\"a=b\"},\"opts\":{}}",
           "words, and of the variables those that are some");
    is_int(cmdline_words(cmd), 2, "which are counted");
    free(text);
    flux_cmd_destroy(cmd);
    ok(!flux_cmd_create(-1, NULL, NULL) && errno == EINVAL, "no such count");
    ok(!flux_cmd_create(1, NULL, NULL) && errno == EINVAL, "no words to count");
}

static void test_change(void)
{
    flux_cmd_t *cmd = flux_cmd_create(0, NULL, NULL);
    json_t *env = json_object_get(cmdline_object(cmd), "env");

    is_int(flux_cmd_argv_append(cmd, "a"), 0, "a word more");
    is_int(cmdline_words(cmd), 1, "makes one");
    is_int(flux_cmd_setenvf(cmd, 0, "X", "%d", 1), 0, "a variable");
    ok(flux_cmd_setenvf(cmd, 0, "X", "2") < 0 && errno == EEXIST,
       "is not set anew");
    is_str(json_string_value(json_object_get(env, "X")), "1", "and stays");
    is_int(flux_cmd_setenvf(cmd, 1, "X", "2"), 0, "unless that is meant");
    is_str(json_string_value(json_object_get(env, "X")), "2", "and changes");
    is_int(flux_cmd_setcwd(cmd, "/"), 0, "a folder");
    is_str(json_string_value(json_object_get(cmdline_object(cmd), "cwd")), "/",
           "is kept");
    ok(flux_cmd_argv_append(cmd, NULL) < 0 && errno == EINVAL, "no word");
    ok(flux_cmd_setenvf(cmd, 1, "", "x") < 0 && errno == EINVAL, "no name");
    ok(flux_cmd_setcwd(NULL, "/") < 0 && errno == EINVAL, "no command");
    flux_cmd_destroy(cmd);
    flux_cmd_destroy(NULL);
}

int main(void)
{
    test_create();
    test_change();
    return done();
}
