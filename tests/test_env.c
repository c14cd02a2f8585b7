/* test_env.c - search paths: order, no doubles, what is done to PATH */
#include "../env.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util.h"
#include "tap.h"

/* `got` is to be the built-in folder with this before and after it. */
static void is_path(char *got,
                    const char *before,
                    const char *tail,
                    const char *after,
                    const char *name)
{
    char *built_in = env_installed(tail);
    char *want = util_asprintf("%s%s%s", before, built_in, after);

    is_str(got, want, name);
    free(want);
    free(built_in);
    free(got);
}

static void test_search_paths(void)
{
    unsetenv("FLUX_MODULE_PATH");
    unsetenv("FLUX_MODULE_PATH_PREPEND");
    is_path(env_module_path(), "", ENV_MODULE_TAIL, "", "built in alone");
    setenv("FLUX_MODULE_PATH", "/a:/b", 1);
    setenv("FLUX_MODULE_PATH_PREPEND", "/p:/q", 1);
    is_path(env_module_path(), "/p:/q:", ENV_MODULE_TAIL, ":/a:/b",
            "prepended, built in, given");
    setenv("FLUX_MODULE_PATH", ":/a::/b:/a:/p:", 1);
    is_path(env_module_path(), "/p:/q:", ENV_MODULE_TAIL, ":/a:/b",
            "neither empty nor double elements");
    setenv("FLUX_EXEC_PATH", "/x", 1);
    unsetenv("FLUX_EXEC_PATH_PREPEND");
    is_path(env_exec_path(), "", ENV_EXEC_TAIL, ":/x", "FLUX_EXEC_PATH");
}

static void test_man_path(void)
{
    unsetenv("MANPATH");
    is_path(env_man_path(), "", ENV_MAN_TAIL, ":", "MANPATH unset");
    setenv("MANPATH", "/m", 1);
    is_path(env_man_path(), "", ENV_MAN_TAIL, ":/m", "MANPATH set");
    setenv("MANPATH", ":/m", 1);
    is_path(env_man_path(), "", ENV_MAN_TAIL,
            ":/m:", "the system's own pages stay");
}

static void test_setup_twice(void)
{
    char *first, *second;

    setenv("PATH", "/bin:/usr/bin", 1);
    unsetenv("MANPATH");
    env_setup();
    first = util_asprintf("%s|%s|%s", getenv("PATH"),
                          getenv("FLUX_MODULE_PATH"), getenv("MANPATH"));
    env_setup();
    second = util_asprintf("%s|%s|%s", getenv("PATH"),
                           getenv("FLUX_MODULE_PATH"), getenv("MANPATH"));
    is_str(second, first, "a second setup changes nothing");
    free(first);
    free(second);
}

static void make_program(const char *folder, const char *name, int mode)
{
    char *path = util_asprintf("%s/%s", folder, name);
    FILE *f = fopen(path, "w");

    fclose(f);
    chmod(path, (mode_t)mode);
    free(path);
}

static void remove_program(const char *folder, const char *name)
{
    char *path = util_asprintf("%s/%s", folder, name);

    unlink(path);
    free(path);
}

static void test_find(const char *folder)
{
    char *path = util_asprintf("/nosuch::%s", folder);
    char *want = util_asprintf("%s/tool", folder);
    char *found;

    make_program(folder, "tool", 0755);
    make_program(folder, "text", 0644);
    found = env_find(path, "tool");
    is_str(found, want, "a program is found");
    free(found);
    ok(!env_find(path, "other") && errno == ENOENT, "another is not");
    ok(!env_find(folder, "text"), "nor a plain file");
    ok(!env_find("/", "tmp"), "nor a folder");
    ok(!env_find(NULL, "tool") && errno == ENOENT, "nowhere to look");
    remove_program(folder, "tool");
    remove_program(folder, "text");
    free(want);
    free(path);
}

static void test_program_path(const char *folder)
{
    char *bin = env_bin();
    char *old = util_asprintf("/foo:%s:/bin", folder);
    char *want = util_asprintf("/foo:%s:%s:/bin", bin, folder);
    char *got;

    make_program(folder, "flux", 0755);
    setenv("PATH", old, 1);
    got = env_program_path();
    is_str(got, want, "ours goes in front of another flux");
    free(got);
    remove_program(folder, "flux");
    free(want);
    want = util_asprintf("%s:%s", old, bin);
    got = env_program_path();
    is_str(got, want, "ours is the last where there is none");
    free(got);
    setenv("PATH", "", 1);
    got = env_program_path();
    is_str(got, bin, "ours alone");
    free(got);
    free(want);
    free(old);
    free(bin);
}

int main(void)
{
    char folder[] = "/tmp/test_env.XXXXXX";

    test_search_paths();
    test_man_path();
    test_setup_twice();
    ok(mkdtemp(folder) != NULL, "a folder to try in");
    test_find(folder);
    test_program_path(folder);
    rmdir(folder);
    return done();
}
