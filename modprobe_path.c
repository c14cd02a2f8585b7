/* modprobe_path.c - where modprobe's TOML and rc files are looked for
 *
 * For modules, in this order, D being each folder of the search path:
 *
 *     PREFIX/share/flux/modprobe/modprobe.toml
 *     D/modprobe.toml  D/modprobe.d/(all, by name).toml
 *
 * and for rc1 (rc3 likewise)
 *
 *     PREFIX/libexec/flux/modprobe/rc1.py
 *     D/rc1.py  D/rc1.d/(all, by name).py
 *
 * and then E/rc1.d/(all programs, by name) of each folder E in FLUX_RC_EXTRA.
 *
 * The search path is FLUX_MODPROBE_PATH; where that is not set, PREFIX/share
 * (for rc files PREFIX/libexec) and PREFIX/etc with flux/modprobe behind it.
 * FLUX_MODPROBE_PATH_APPEND goes behind either.
 *
 * What always holds:
 * - A folder that is not there is an empty one; a file that is there and
 *   cannot be read is an error, with its name.
 * - No folder and no file is met twice, empty elements are none.
 * - Sorting is by bytes, so that the order is the same in every locale.
 */
#include "modprobe_path.h"

#include <dirent.h>
#include <unistd.h>

#include "conf.h"
#include "env.h"
#include "util.h"

enum { FILE_MAX = 1 << 20 }; /* of TOML: far above any list of modules */

/* What is looked for, and what was found. */
struct search {
    const char *name;   /* "modprobe", "rc1" */
    const char *suffix; /* ".toml", ".py" */
    const char *base;   /* of the built-in path, below PREFIX */
    bool verbose;
    json_t *folders;
    json_t *files;
    bool has_main; /* NAME SUFFIX itself is among the files */
};

static int add_once(json_t *array, const char *text)
{
    if (modprobe_contains(array, text))
        return 0;
    return json_array_append_new(array, json_string(text));
}

static int add_folders(struct search *s, const char *path)
{
    const char *folder;
    size_t len;
    char *copy;
    int rc = 0;

    while (rc == 0 && path && env_next(&path, &folder, &len)) {
        copy = util_asprintf("%.*s", (int)len, folder);
        rc = copy ? add_once(s->folders, copy) : -1;
        free(copy);
    }
    return rc;
}

static int add_installed(struct search *s, const char *tail)
{
    char *folder = env_installed(tail);
    int rc = folder ? add_once(s->folders, folder) : -1;

    free(folder);
    return rc;
}

static int find_folders(struct search *s)
{
    const char *path = getenv("FLUX_MODPROBE_PATH");
    int rc = path ? add_folders(s, path) : add_installed(s, s->base);

    if (rc == 0 && !path)
        rc = add_installed(s, ENV_CONF_TAIL "/modprobe");
    return rc < 0 ? -1 : add_folders(s, getenv("FLUX_MODPROBE_PATH_APPEND"));
}

static void tell(const struct search *s, const char *what, const char *path)
{
    if (s->verbose)
        printf("%s %s\n", what, path);
}

static int add_main(struct search *s, const char *folder)
{
    char *path = util_asprintf("%s/%s%s", folder, s->name, s->suffix);
    int rc = path ? 0 : -1;

    if (path)
        tell(s, "checking", path);
    if (path && access(path, F_OK) == 0) {
        s->has_main = true;
        rc = add_once(s->files, path);
    }
    free(path);
    return rc;
}

static bool is_wanted(const struct search *s, const char *name)
{
    size_t len = strlen(name), suffix_len = strlen(s->suffix);

    return *name != '.' && len > suffix_len &&
           strcmp(name + len - suffix_len, s->suffix) == 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int grow(char ***names, size_t count, char *name)
{
    char **more = realloc(*names, (count + 1) * sizeof(*more));

    if (more)
        *names = more;
    if (!more || !name) {
        free(name);
        return -1;
    }
    more[count] = name;
    return 0;
}

/* The wanted files of a folder, sorted; the count, or -1. */
static int list(const struct search *s, const char *folder, char ***names)
{
    DIR *dir = opendir(folder);
    struct dirent *d;
    size_t count = 0;
    int rc = 0;

    *names = NULL;
    while (dir && rc == 0 && (d = readdir(dir))) {
        if (!is_wanted(s, d->d_name))
            continue;
        rc = grow(names, count, util_asprintf("%s/%s", folder, d->d_name));
        count += rc == 0;
    }
    if (dir)
        closedir(dir);
    if (count > 0)
        qsort(*names, count, sizeof(**names), compare);
    return rc < 0 ? -1 : (int)count;
}

static int add_dropped_in(struct search *s, const char *folder)
{
    char *path = util_asprintf("%s/%s.d", folder, s->name), **names;
    int count, rc;

    if (!path)
        return -1;
    if (s->verbose)
        printf("checking %s/*%s\n", path, s->suffix);
    count = list(s, path, &names);
    rc = count < 0 ? -1 : 0;
    for (int i = 0; i < count; i++) {
        if (rc == 0)
            rc = add_once(s->files, names[i]);
        free(names[i]);
    }
    free(names);
    free(path);
    return rc;
}

static int add_folder(struct search *s, const char *folder, const char *base)
{
    if (strcmp(folder, base) != 0 && add_main(s, folder) < 0)
        return -1;
    return add_dropped_in(s, folder);
}

static int find_files(struct search *s)
{
    char *base = env_installed(s->base);
    int rc = base && find_folders(s) == 0 ? add_main(s, base) : -1;
    size_t i;
    json_t *folder;

    json_array_foreach(s->folders, i, folder)
    {
        if (rc == 0)
            rc = add_folder(s, json_string_value(folder), base);
    }
    free(base);
    return rc;
}

/* A new array of paths by `find`, or NULL with errno. */
static json_t *search(struct search *s, int (*find)(struct search *s))
{
    s->folders = json_array();
    s->files = json_array();
    errno = ENOMEM;
    if (!s->folders || !s->files || find(s) < 0) {
        json_decref(s->files);
        s->files = NULL;
    }
    json_decref(s->folders);
    return s->files;
}

/* ---- modules ---------------------------------------------------------------
 */

static int load_file(struct modprobe *mp, const char *path, flux_error_t *e)
{
    flux_error_t why;
    json_t *document = conf_read_file(path, FILE_MAX, e);
    int rc;

    if (!document)
        return -1;
    if ((rc = modprobe_add(mp, document, &why)) < 0)
        util_error(e, "%s: %s", path, why.text);
    json_decref(document);
    return rc;
}

static struct search search_modules(bool verbose)
{
    return (struct search){.name = "modprobe",
                           .suffix = ".toml",
                           .base = ENV_DATA_TAIL "/modprobe",
                           .verbose = verbose};
}

int modprobe_path_load(struct modprobe *mp, bool verbose, flux_error_t *e)
{
    struct search s = search_modules(verbose);
    json_t *files = search(&s, find_files);
    const char *path;
    int rc = 0;

    if (!files)
        return util_error(e, "modprobe.toml: %s", flux_strerror(errno));
    for (size_t i = 0; rc == 0 && (path = modprobe_nth(files, i)); i++) {
        tell(&s, "loading", path);
        rc = load_file(mp, path, e);
    }
    json_decref(files);
    return rc;
}

json_t *
modprobe_path_rc(const char *rc, bool verbose, bool *replaced, flux_error_t *e)
{
    struct search s = {.name = rc,
                       .suffix = ".py",
                       .base = ENV_LIBEXEC_TAIL "/modprobe",
                       .verbose = verbose};
    json_t *files = search(&s, find_files);

    if (!files)
        util_error(e, "%s.py: %s", rc, flux_strerror(errno));
    *replaced = s.has_main;
    return files;
}

static int find_scripts(struct search *s)
{
    size_t i;
    json_t *folder;

    if (add_folders(s, getenv("FLUX_RC_EXTRA")) < 0)
        return -1;
    json_array_foreach(s->folders, i, folder)
    {
        if (add_dropped_in(s, json_string_value(folder)) < 0)
            return -1;
    }
    return 0;
}

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           access(path, X_OK) == 0;
}

static void keep_programs(json_t *files)
{
    for (size_t i = json_array_size(files); i-- > 0;)
        if (!is_program(modprobe_nth(files, i)))
            json_array_remove(files, i);
}

json_t *modprobe_path_scripts(const char *rc, bool verbose, flux_error_t *e)
{
    struct search s = {.name = rc, .suffix = "", .verbose = verbose};

    if (!search(&s, find_scripts))
        util_error(e, "%s.d: %s", rc, flux_strerror(errno));
    keep_programs(s.files);
    return s.files;
}

/* Not knowing is something to be told of, by who does the work. */
static bool is_any(json_t *files)
{
    bool any = !files || json_array_size(files) > 0;

    json_decref(files);
    return any;
}

bool modprobe_path_any(const char *rc)
{
    struct search modules = search_modules(false);
    bool replaced;

    return is_any(search(&modules, find_files)) ||
           is_any(modprobe_path_rc(rc, false, &replaced, NULL)) ||
           is_any(modprobe_path_scripts(rc, false, NULL));
}
