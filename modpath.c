/* modpath.c - from what someone asked to load to a file and a loader
 *
 * A module is a shared object (.so, .so.N) or a Python file (.py); the suffix
 * names the loader that a process of its own would be started with.  A loader
 * is a program that is given the module's path as its only argument and finds
 * its channel in FLUX_MODULE_URI.
 *
 * What always holds:
 * - Only absolute folders of FLUX_MODULE_PATH are looked into.
 * - Our own loaders are applets of this executable.  They are started through
 *   the link beside it that bears their name, so that a process list shows
 *   it, and where there is none by the executable and their name as the first
 *   argument.
 * - A program that does not exist or cannot be run is told of here, before
 *   any process is made.
 * - A static build of this program cannot map a shared object, and so cannot
 *   be the loader of one.  There, a flux-module-exec that is not static is
 *   looked for: on FLUX_EXEC_PATH, on PATH, and where the build leaves it
 *   beside the static one.
 */
#include "modpath.h"

#include <glob.h>
#include <unistd.h>

#include "dso.h"
#include "elf_read.h"
#include "env.h"
#include "sys.h"
#include "util.h"

/* ---- modules ------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

char *modpath_name(const char *path)
{
    const char *base = base_name(path);

    return util_asprintf("%.*s", (int)strcspn(base, "."), base);
}

static char *exact(const char *dir, size_t len, const char *name)
{
    char *path = util_asprintf("%.*s/%s", (int)len, dir, name);

    if (path && access(path, F_OK) == 0)
        return path;
    free(path);
    return NULL;
}

static char *versioned(const char *dir, size_t len, const char *name)
{
    char *pattern = util_asprintf("%.*s/%s.*", (int)len, dir, name);
    char *path = NULL;
    glob_t g;

    if (pattern && glob(pattern, 0, NULL, &g) == 0) {
        path = strdup(g.gl_pathv[0]);
        globfree(&g);
    }
    free(pattern);
    return path;
}

static char *in_folder(const char *dir, size_t len, const char *name)
{
    char *so = util_asprintf("%s.so", name), *py = util_asprintf("%s.py", name);
    char *path = so && py ? exact(dir, len, so) : NULL;

    if (so && py && !path)
        path = versioned(dir, len, so);
    if (so && py && !path)
        path = exact(dir, len, py);
    free(so);
    free(py);
    return path;
}

char *modpath_search(const char *name, flux_error_t *e)
{
    char *dirs = env_module_path(), *found = NULL;
    const char *p = dirs, *dir;
    size_t len;

    while (dirs && !found && env_next(&p, &dir, &len))
        if (*dir == '/')
            found = in_folder(dir, len, name);
    free(dirs);
    if (!found)
        util_errno(e, ENOENT, "module not found in search path");
    return found;
}

const char *modpath_loader(const char *path)
{
    const char *base = base_name(path), *so = strstr(base, ".so");
    size_t len = strlen(base);

    if (so && (so[3] == '\0' || so[3] == '.'))
        return MODPATH_EXEC;
    if (len > 3 && strcmp(base + len - 3, ".py") == 0)
        return MODPATH_PYTHON_EXEC;
    return NULL;
}

/* ---- what a static build needs ------------------------------------------- */

static bool is_static(const char *path)
{
    flux_error_t e;
    struct elf f;
    bool found;

    if (elf_open(&f, path, &e) < 0)
        return false;
    found = !elf_has_interpreter(&f);
    elf_close(&f);
    return found;
}

/* The first program flux-NAME in the folders that can load modules. */
static char *find_able(const char *folders, const char *loader)
{
    const char *dir;
    size_t len;
    char *path;

    while (folders && env_next(&folders, &dir, &len)) {
        if (!(path = util_asprintf("%.*s/flux-%s", (int)len, dir, loader)))
            return NULL;
        if (access(path, X_OK) == 0 && !is_static(path))
            return path;
        free(path);
    }
    return NULL;
}

static char *find_able_anywhere(const char *loader)
{
    char *exec_path = env_exec_path(), *beside = env_installed("../bin");
    char *path = find_able(exec_path, loader);

    if (!path)
        path = find_able(getenv("PATH"), loader);
    if (!path)
        path = find_able(beside, loader);
    free(exec_path);
    free(beside);
    return path;
}

/* ---- loaders ------------------------------------------------------------- */

static json_t *one_word(char *word)
{
    json_t *words = word ? json_pack("[s]", word) : NULL;

    free(word);
    return words;
}

static bool is_ours(const char *loader)
{
    return strcmp(loader, MODPATH_EXEC) == 0 ||
           strcmp(loader, MODPATH_PYTHON_EXEC) == 0;
}

static json_t *own_loader(const char *loader)
{
    char *bin = env_bin(), *exe = sys_executable(), *link = NULL;
    json_t *words = NULL;

    if (bin && exe && (link = util_asprintf("%s/flux-%s", bin, loader))) {
        if (env_same_file(link, exe))
            words = json_pack("[s]", link);
        else
            words = json_pack("[s s]", exe, loader);
    }
    free(link);
    free(exe);
    free(bin);
    return words;
}

static json_t *shared_object_loader(flux_error_t *e)
{
    char *path;

    if (dso_can_open())
        return own_loader(MODPATH_EXEC);
    if (!(path = find_able_anywhere(MODPATH_EXEC))) {
        util_errno(e, ENOENT,
                   "this is a static program, which cannot load shared "
                   "objects itself, and no flux-" MODPATH_EXEC
                   " that is not static was found on FLUX_EXEC_PATH or PATH");
        return NULL;
    }
    return one_word(path);
}

static char *find_named(const char *loader)
{
    char *folders = env_exec_path(), *name, *path = NULL;

    if ((name = util_asprintf("flux-%s", loader)))
        path = env_find(folders, name);
    if (name && !path && !is_ours(loader))
        path = env_find(getenv("PATH"), name);
    free(folders);
    free(name);
    return path;
}

static json_t *named_loader(const char *loader, flux_error_t *e)
{
    char *path = find_named(loader);

    if (path)
        return one_word(path);
    if (strcmp(loader, MODPATH_EXEC) == 0)
        return shared_object_loader(e);
    if (is_ours(loader))
        return own_loader(loader);
    util_errno(e, ENOENT,
               "loader (%s): no flux-%s was found on FLUX_EXEC_PATH or PATH",
               loader, loader);
    return NULL;
}

static json_t *loader_words(const char *loader, flux_error_t *e)
{
    if (!strchr(loader, '/'))
        return named_loader(loader, e);
    if (access(loader, X_OK) < 0) {
        util_error(e, "loader (%s): %s", loader, strerror(errno));
        return NULL;
    }
    return json_pack("[s]", loader);
}

/* ---- the whole command --------------------------------------------------- */

/* The first word with its folder, the others as they are. */
static json_t *wrap_words(json_t *wrap, flux_error_t *e)
{
    json_t *words = json_copy(wrap);
    const char *first = json_string_value(json_array_get(wrap, 0));
    char *path;

    if (!first || strchr(first, '/'))
        return words;
    if (!(path = env_find(getenv("PATH"), first))) {
        util_error(e, "--wrap: %s: %s", first, strerror(errno));
        json_decref(words);
        return NULL;
    }
    json_array_set_new(words, 0, json_string(path));
    free(path);
    return words;
}

json_t *modpath_command(json_t *wrap,
                        const char *loader,
                        const char *path,
                        flux_error_t *e)
{
    json_t *words = wrap ? wrap_words(wrap, e) : json_array();
    json_t *tail = words ? loader_words(loader, e) : NULL;

    if (!tail || json_array_extend(words, tail) < 0 ||
        json_array_append_new(words, json_string(path)) < 0) {
        json_decref(words);
        words = NULL;
    }
    json_decref(tail);
    return words;
}
