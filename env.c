/* env.c - where commands and modules are looked for
 *
 * Each search path is made of three parts, in this order:
 *
 *     $NAME_PREPEND : built in : $NAME
 *
 * The built-in part is derived from the place of the running executable, so
 * that a tree can be moved, or used where it was built, without a setting:
 * PREFIX/bin holds the programs, and PREFIX/lib/flux/modules the modules.
 * Where that place cannot be told, the part is left out.
 *
 * PATH is changed as little as possible.  What matters is that `flux` in a
 * script means this one: if the first `flux` found there is this executable,
 * PATH stays as it is; if it is another one, our folder goes right in front
 * of it; if there is none, ours is the last.
 *
 * What always holds:
 * - No folder is twice in a search path, so that a command that runs a command
 *   that runs a command does not see it grow.
 * - Empty elements, which would mean the current folder, are left out, except
 *   in PATH, which is the user's, and MANPATH, where one stands for the
 *   system's own pages and is therefore kept (at the end).
 */
#include "env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys.h"
#include "util.h"

static const char *const names[] = {
    "PATH",    "FLUX_EXEC_PATH", "FLUX_MODULE_PATH",
    "MANPATH", "PYTHONPATH",     "FLUX_URI",
};

const char *env_name(int i)
{
    return i < (int)UTIL_ARRAY_SIZE(names) ? names[i] : NULL;
}

static const char *get(const char *name)
{
    const char *value = getenv(name);

    return value ? value : "";
}

/* Cut the last component of a path; what is left may be empty for "/". */
static char *cut_last(char *path)
{
    char *slash = path ? strrchr(path, '/') : NULL;

    if (slash)
        *slash = '\0';
    return path;
}

char *env_bin(void)
{
    return cut_last(sys_executable());
}

char *env_installed(const char *tail)
{
    char *prefix = cut_last(env_bin());
    char *path = prefix ? util_asprintf("%s/%s", prefix, tail) : NULL;

    free(prefix);
    return path;
}

bool env_next(const char **path, const char **folder, size_t *len)
{
    *path += strspn(*path, ":");
    *folder = *path;
    *len = strcspn(*path, ":");
    *path += *len;
    return *len > 0;
}

static bool has_folder(const char *path, const char *folder, size_t len)
{
    const char *other;
    size_t other_len;

    while (env_next(&path, &other, &other_len))
        if (other_len == len && memcmp(other, folder, len) == 0)
            return true;
    return false;
}

/* Take `path`, return it with one folder more, if that is new in it. */
static char *add_folder(char *path, const char *folder, size_t len)
{
    char *longer;

    if (!path || has_folder(path, folder, len))
        return path;
    longer =
        util_asprintf("%s%s%.*s", path, *path ? ":" : "", (int)len, folder);
    free(path);
    return longer;
}

static char *add_folders(char *path, const char *folders)
{
    const char *folder;
    size_t len;

    while (env_next(&folders, &folder, &len))
        path = add_folder(path, folder, len);
    return path;
}

static char *
search_path(const char *prepend, const char *tail, const char *append)
{
    char *built_in = env_installed(tail);
    char *path = add_folders(util_asprintf("%s", ""), prepend);

    if (built_in)
        path = add_folders(path, built_in);
    free(built_in);
    return add_folders(path, append);
}

char *env_exec_path(void)
{
    return search_path(get("FLUX_EXEC_PATH_PREPEND"), ENV_EXEC_TAIL,
                       get("FLUX_EXEC_PATH"));
}

char *env_module_path(void)
{
    return search_path(get("FLUX_MODULE_PATH_PREPEND"), ENV_MODULE_TAIL,
                       get("FLUX_MODULE_PATH"));
}

static bool has_empty(const char *path)
{
    size_t len = strlen(path);

    return len == 0 || path[0] == ':' || path[len - 1] == ':' ||
           strstr(path, "::");
}

char *env_man_path(void)
{
    const char *old = get("MANPATH");
    char *path = search_path("", ENV_MAN_TAIL, old);
    char *longer;

    if (!path || !has_empty(old))
        return path;
    longer = util_asprintf("%s:", path);
    free(path);
    return longer;
}

char *env_python_path(void)
{
    char *exe = sys_executable();
    char *path = util_asprintf("%s", exe ? exe : "");

    free(exe);
    return add_folders(path, get("PYTHONPATH"));
}

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           access(path, X_OK) == 0;
}

/* Like env_find; *at is where in `path` the folder stands. */
static char *find_at(const char *path, const char *name, const char **at)
{
    const char *folder;
    char *file;
    size_t len;

    while (path && env_next(&path, &folder, &len)) {
        if (!(file = util_asprintf("%.*s/%s", (int)len, folder, name)))
            return NULL;
        *at = folder;
        if (is_program(file))
            return file;
        free(file);
    }
    errno = ENOENT;
    return NULL;
}

char *env_find(const char *path, const char *name)
{
    const char *at;

    return find_at(path, name, &at);
}

bool env_same_file(const char *a, const char *b)
{
    struct stat sa, sb;

    return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev &&
           sa.st_ino == sb.st_ino;
}

static char *insert_folder(const char *path, const char *at, const char *folder)
{
    if (!at)
        return util_asprintf("%s%s%s", path, *path ? ":" : "", folder);
    return util_asprintf("%.*s%s:%s", (int)(at - path), path, folder, at);
}

/* PATH with `bin` where it has to be for `flux` to mean `exe`. */
static char *program_path(const char *path, const char *exe, const char *bin)
{
    const char *at = NULL;
    char *found = find_at(path, "flux", &at);
    bool keep =
        found ? env_same_file(found, exe) : has_folder(path, bin, strlen(bin));
    char *result = keep ? util_asprintf("%s", path)
                        : insert_folder(path, found ? at : NULL, bin);

    free(found);
    return result;
}

char *env_program_path(void)
{
    char *exe = sys_executable();
    char *bin = env_bin();
    char *path = exe && bin ? program_path(get("PATH"), exe, bin)
                            : util_asprintf("%s", get("PATH"));

    free(bin);
    free(exe);
    return path;
}

/* Takes `value`, which may be NULL with errno. */
static int set(const char *name, char *value)
{
    int rc = value ? setenv(name, value, 1) : -1;
    int saved_errno = errno;

    free(value);
    errno = saved_errno;
    return rc;
}

int env_setup(void)
{
    if (set("PATH", env_program_path()) < 0 ||
        set("FLUX_EXEC_PATH", env_exec_path()) < 0 ||
        set("FLUX_MODULE_PATH", env_module_path()) < 0 ||
        set("MANPATH", env_man_path()) < 0 ||
        set("PYTHONPATH", env_python_path()) < 0)
        return -1;
    return 0;
}
