/* conf.c - the configuration object that flux_get_conf() returns
 *
 * A configuration is a JSON object with a count.  It is read from files in
 * TOML, or in JSON where the name ends in .json; a folder stands for all such
 * files in it, merged in the order of their names.  Merging goes into objects
 * that both sides have; anything else of the later side replaces the earlier.
 *
 * What always holds: an update that fails leaves the configuration as it was
 * (unless memory runs out half-way), and the error says what is wrong, in
 * which file, and where in it.
 *
 * The `builtin` values are places in the install tree, found from where the
 * running program lies (PREFIX/bin/...), so that a tree can be moved.  They
 * are composed once for each process, since the caller does not free them.
 */
#include "conf.h"

#include <dirent.h>
#include <pthread.h>

#include "env.h"
#include "sys.h"
#include "toml.h"
#include "util.h"

/* A site's whole configuration is some ten KiB; its host list is the most. */
enum { FILE_SIZE_MAX = 16 * 1024 * 1024 };
enum { KEY_PARTS_MAX = 100 }; /* a.b.c has 3; as deep as a TOML file may be */

struct flux_conf {
    json_t *json; /* an object */
    int refcount;
};

/* ---- the object ---- */

/* Takes `json`, also when it fails. */
static flux_conf_t *conf_create(json_t *json)
{
    flux_conf_t *conf = NULL;

    if (!json)
        errno = ENOMEM;
    else if (!json_is_object(json))
        errno = EINVAL;
    else if ((conf = calloc(1, sizeof(*conf)))) {
        conf->json = json;
        conf->refcount = 1;
        return conf;
    }
    json_decref(json);
    return NULL;
}

flux_conf_t *flux_conf_create(void)
{
    return conf_create(json_object());
}

flux_conf_t *flux_conf_copy(const flux_conf_t *conf)
{
    if (!conf) {
        errno = EINVAL;
        return NULL;
    }
    return conf_create(json_deep_copy(conf->json));
}

const flux_conf_t *flux_conf_incref(const flux_conf_t *conf)
{
    if (conf)
        ((flux_conf_t *)conf)->refcount++;
    return conf;
}

void flux_conf_decref(const flux_conf_t *conf)
{
    flux_conf_t *c = (flux_conf_t *)conf;
    int saved_errno = errno;

    if (!c || --c->refcount > 0)
        return;
    json_decref(c->json);
    free(c);
    errno = saved_errno;
}

int flux_conf_vunpack(const flux_conf_t *conf,
                      flux_error_t *error,
                      const char *fmt,
                      va_list ap)
{
    json_error_t e;

    if (!conf || !fmt)
        return util_errno(error, EINVAL, "Invalid argument");
    if (json_vunpack_ex(conf->json, &e, 0, fmt, ap) < 0)
        return util_errno(error, EINVAL, "%s", e.text);
    return 0;
}

int flux_conf_unpack(const flux_conf_t *conf,
                     flux_error_t *error,
                     const char *fmt,
                     ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = flux_conf_vunpack(conf, error, fmt, ap);
    va_end(ap);
    return rc;
}

flux_conf_t *flux_conf_vpack(const char *fmt, va_list ap)
{
    json_error_t e;
    json_t *json;

    if (!fmt) {
        errno = EINVAL;
        return NULL;
    }
    if ((json = json_vpack_ex(&e, 0, fmt, ap)))
        return conf_create(json);
    errno = json_error_code(&e) == json_error_out_of_memory ? ENOMEM : EINVAL;
    return NULL;
}

flux_conf_t *flux_conf_pack(const char *fmt, ...)
{
    flux_conf_t *conf;
    va_list ap;

    va_start(ap, fmt);
    conf = flux_conf_vpack(fmt, ap);
    va_end(ap);
    return conf;
}

/* ---- texts and files ---- */

static bool ends_in(const char *s, const char *suffix)
{
    size_t n = strlen(s), k = strlen(suffix);

    return n > k && strcmp(s + n - k, suffix) == 0;
}

static json_t *read_json(const char *text, size_t size, flux_error_t *error)
{
    json_error_t e;
    json_t *json = json_loadb(text, size, 0, &e);

    if (json && json_is_object(json))
        return json;
    if (json)
        util_errno(error, EINVAL, "JSON must be an object");
    else
        util_errno(error, EINVAL, "line %d, column %d: %s", e.line, e.column,
                   e.text);
    json_decref(json);
    return NULL;
}

json_t *conf_read_file(const char *path, size_t limit, flux_error_t *error)
{
    flux_error_t why;
    json_t *json;
    size_t size;
    char *text = util_read_file(path, limit, &size);

    if (!text) {
        util_error(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    if (ends_in(path, ".json"))
        json = read_json(text, size, &why);
    else
        json = toml_parse(text, size, &why);
    free(text);
    if (!json)
        util_error(error, "%s: %s", path, why.text);
    return json;
}

static json_t *read_file(const char *path, flux_error_t *error)
{
    return conf_read_file(path, FILE_SIZE_MAX, error);
}

/* Merge `from`, which is taken, into `json`. */
static int merge(json_t *json, json_t *from, flux_error_t *error)
{
    int rc = from ? json_object_update_recursive(json, from) : -1;

    if (from && rc < 0)
        util_errno(error, ENOMEM, "out of memory");
    json_decref(from);
    return rc;
}

/* ---- folders ---- */

static bool is_config_name(const char *name)
{
    return name[0] != '.' && (ends_in(name, ".toml") || ends_in(name, ".json"));
}

struct names {
    char **names;
    size_t count;
};

static void names_release(struct names *n)
{
    while (n->count > 0)
        free(n->names[--n->count]);
    free(n->names);
}

static int names_add(struct names *n, const char *folder, const char *name)
{
    char **names = realloc(n->names, (n->count + 1) * sizeof(*names));
    char *path;

    if (!names)
        return -1;
    n->names = names;
    path = util_asprintf("%s%s%s", folder, *folder ? "/" : "", name);
    if (!path)
        return -1;
    n->names[n->count++] = path;
    return 0;
}

static int names_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int names_read(struct names *n, const char *folder, DIR *dir)
{
    struct dirent *entry;

    while ((errno = 0, entry = readdir(dir))) {
        if (is_config_name(entry->d_name) &&
            names_add(n, folder, entry->d_name) < 0)
            return -1;
    }
    if (errno != 0)
        return -1;
    if (n->count > 0)
        qsort(n->names, n->count, sizeof(n->names[0]), names_compare);
    return 0;
}

static int list_folder(struct names *n, const char *folder, flux_error_t *error)
{
    DIR *dir = opendir(folder);
    int rc = -1;
    int saved_errno;

    if (dir)
        rc = names_read(n, folder, dir);
    if (rc < 0)
        util_error(error, "%s: %s", folder, strerror(errno));
    saved_errno = errno;
    if (dir)
        closedir(dir);
    errno = saved_errno;
    return rc;
}

static json_t *read_folder(const char *folder, flux_error_t *error)
{
    struct names n = {NULL, 0};
    json_t *json = json_object();
    int rc = list_folder(&n, folder, error);

    for (size_t i = 0; rc == 0 && i < n.count; i++)
        rc = merge(json, read_file(n.names[i], error), error);
    names_release(&n);
    if (rc == 0)
        return json;
    json_decref(json);
    return NULL;
}

flux_conf_t *flux_conf_parse(const char *path, flux_error_t *error)
{
    struct stat st;
    json_t *json;

    if (!path) {
        util_errno(error, EINVAL, "Invalid argument");
        return NULL;
    }
    if (stat(path, &st) < 0) {
        util_error(error, "%s: %s", path, strerror(errno));
        return NULL;
    }
    json =
        S_ISDIR(st.st_mode) ? read_folder(path, error) : read_file(path, error);
    return json ? conf_create(json) : NULL;
}

/* ---- where a key comes from ---- */

json_t *conf_find(json_t *object, const char *path)
{
    while (object && *path) {
        size_t n = strcspn(path, ".");

        object = json_object_getn(object, path, n);
        path += n + (path[n] == '.');
    }
    return object;
}

static bool gives_key(const char *path, const char *key)
{
    json_t *json = read_file(path, NULL);
    bool found = conf_find(json, key) != NULL;

    json_decref(json);
    return found;
}

static int list_files(struct names *n, const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -1;
    return S_ISDIR(st.st_mode) ? list_folder(n, path, NULL)
                               : names_add(n, "", path);
}

static char *last_with_key(const struct names *n, const char *key)
{
    for (size_t i = n->count; i > 0; i--)
        if (gives_key(n->names[i - 1], key))
            return strdup(n->names[i - 1]);
    errno = ENOENT;
    return NULL;
}

char *conf_source(const char *path, const char *key)
{
    struct names n = {NULL, 0};
    char *source = NULL;

    if (list_files(&n, path) == 0)
        source = last_with_key(&n, key);
    names_release(&n);
    return source;
}

/* ---- updates ---- */

/* What is no JSON is a plain string. */
static json_t *read_value(const char *text)
{
    json_t *json = json_loads(text, JSON_DECODE_ANY, NULL);

    return json ? json : json_string(text);
}

static bool is_path_of_keys(const char *key, size_t size)
{
    size_t parts = 1;

    if (size == 0 || key[0] == '.' || key[size - 1] == '.')
        return false;
    for (size_t i = 1; i < size; i++) {
        if (key[i] == '.' && key[i - 1] == '.')
            return false;
        parts += key[i] == '.';
    }
    return parts <= KEY_PARTS_MAX;
}

/* { first: { second: ... value } } for the dotted path that `key` begins
 * with.  Takes `value`; NULL if memory ran out.
 */
static json_t *nest(const char *key, size_t size, json_t *value)
{
    size_t from = size;
    json_t *outer;

    while (from > 0 && key[from - 1] != '.')
        from--;
    outer = json_object();
    if (json_object_setn_new(outer, key + from, size - from, value) < 0) {
        json_decref(outer);
        return NULL;
    }
    return from > 0 ? nest(key, from - 1, outer) : outer;
}

/* Set the value at a dotted path, which is taken, below `json`. */
static int set_at(json_t *json, const char *key, size_t size, json_t *value)
{
    const char *dot;

    while ((dot = memchr(key, '.', size))) {
        size_t n = (size_t)(dot - key);
        json_t *member = json_object_getn(json, key, n);
        if (!member)
            return json_object_setn_new(json, key, n,
                                        nest(dot + 1, size - n - 1, value));
        if (!json_is_object(member)) {
            json_decref(value);
            errno = EINVAL;
            return -1;
        }
        json = member;
        key = dot + 1;
        size -= n + 1;
    }
    return json_object_setn_new(json, key, size, value);
}

static int update_key(json_t *json, const char *pair, flux_error_t *error)
{
    size_t size = (size_t)(strchr(pair, '=') - pair);
    int shown = size < sizeof(error->text) ? (int)size : 0;

    if (!is_path_of_keys(pair, size))
        return util_errno(error, EINVAL, "%.*s: invalid key", shown, pair);
    errno = ENOMEM;
    if (set_at(json, pair, size, read_value(pair + size + 1)) < 0)
        return util_error(error, "setting %.*s: %s", shown, pair,
                          errno == EINVAL ? "a part of it is not a table"
                                          : strerror(errno));
    return 0;
}

static bool is_utf8(const char *s)
{
    json_t *probe = json_string(s);

    json_decref(probe);
    return probe != NULL;
}

static json_t *read_update(const char *value, flux_error_t *error)
{
    flux_error_t why;
    json_t *json;

    if (!strchr(value, '\n') && value[0] != '{')
        return read_file(value, error);
    if (value[strspn(value, " \t\r\n")] == '{') {
        if (!(json = read_json(value, strlen(value), &why)))
            util_error(error, "inline JSON: %s", why.text);
    } else if (!(json = toml_parse(value, strlen(value), &why))) {
        util_error(error, "inline TOML: %s", why.text);
    }
    return json;
}

int flux_conf_update(flux_conf_t *conf, const char *value, flux_error_t *error)
{
    if (!conf || !value)
        return util_errno(error, EINVAL, "Invalid argument");
    if (!is_utf8(value))
        return util_errno(error, EINVAL, "invalid UTF-8");
    if (value[0] != '{' && strchr(value, '=') && !strchr(value, '\n'))
        return update_key(conf->json, value, error);
    return merge(conf->json, read_update(value, error), error);
}

/* ---- builtin values ---- */

static const struct {
    const char *key;
    const char *tail; /* below the prefix, or else */
    const char *text; /* as it is, or else: this program */
} builtins[] = {
    {"confdir", ENV_CONF_TAIL, NULL},
    {"connector_path", "lib/flux/connectors", NULL},
    {"datadir", ENV_DATA_TAIL, NULL},
    {"exec_path", ENV_EXEC_TAIL, NULL},
    {"libexecdir", ENV_LIBEXEC_TAIL, NULL},
    {"man_path", ENV_MAN_TAIL, NULL},
    {"module_path", ENV_MODULE_TAIL, NULL},
    {"python_path", NULL, NULL}, /* an archive, too */
    {"rc1_path", NULL, CONF_RC1},
    {"rc3_path", NULL, CONF_RC3},
    {"rundir", NULL, "/run/flux"},
};

static pthread_once_t builtin_once = PTHREAD_ONCE_INIT;
static char *builtin_values[UTIL_ARRAY_SIZE(builtins)];

static char *builtin_value(size_t i)
{
    if (builtins[i].tail)
        return env_installed(builtins[i].tail);
    return builtins[i].text ? strdup(builtins[i].text) : sys_executable();
}

static void builtin_init(void)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(builtins); i++)
        builtin_values[i] = builtin_value(i);
}

const char *conf_builtin_name(size_t i)
{
    return i < UTIL_ARRAY_SIZE(builtins) ? builtins[i].key : NULL;
}

const char *flux_conf_builtin_get(const char *key,
                                  enum flux_conf_builtin_hint hint)
{
    (void)hint; /* a build tree is laid out as an install tree */
    pthread_once(&builtin_once, builtin_init);
    for (size_t i = 0; key && i < UTIL_ARRAY_SIZE(builtins); i++) {
        if (strcmp(key, builtins[i].key) == 0)
            return builtin_values[i];
    }
    errno = EINVAL;
    return NULL;
}
