/* module_load.c - from a request of module.load to a module that starts
 *
 * What is asked for is a path or a name, and how: in the broker (a thread) or
 * in a process of its own.  A process it becomes if the request says exec,
 * names a loader, or words to put before the loader (wrap); if the file is
 * one that needs a loader (.py); and in a static build of the broker, which
 * cannot map shared objects.
 *
 * A builtin module is known by its name alone and runs nowhere but in the
 * broker's own loop.
 *
 * The request is kept with the module, path and name resolved, so that the
 * same can be loaded again (module_restart.c).  A load by someone else takes
 * the place of a restart of the same name that was to come.
 */
#include "module_set.h"

#include <strings.h>

#include "dso.h"
#include "modlife.h"
#include "modpath.h"
#include "util.h"

struct spec {
    const char *path; /* or name */
    const char *name; /* NULL: from the path */
    const char *loader;
    const char *on_failure;
    const char *sha1;    /* what the file must have, or NULL */
    double load_timeout; /* seconds, 0: none, < 0: as the attribute has it */
    const char *from;    /* the file to load, if not `path` */
    int exec;
    int hold; /* what is held, if this one fails */
    json_t *args;
    json_t *wrap; /* array of strings, or NULL */
};

static bool all_strings(json_t *array)
{
    size_t i;
    json_t *value;

    if (!json_is_array(array))
        return false;
    json_array_foreach(array, i, value)
    {
        if (!json_is_string(value))
            return false;
    }
    return true;
}

static int decode(json_t *request, struct spec *spec)
{
    memset(spec, 0, sizeof(*spec));
    spec->load_timeout = -1;
    if (json_unpack(request, "{s:s s:o s?b s?s s?s s?o s?s s?s s?F s?s s?b}",
                    "path", &spec->path, "args", &spec->args, "exec",
                    &spec->exec, "name", &spec->name, "loader", &spec->loader,
                    "wrap", &spec->wrap, "on-failure", &spec->on_failure,
                    "sha1", &spec->sha1, "load-timeout", &spec->load_timeout,
                    "from", &spec->from, "hold", &spec->hold) < 0 ||
        !all_strings(spec->args) || (spec->wrap && !all_strings(spec->wrap))) {
        errno = EPROTO;
        return -1;
    }
    if (spec->wrap && json_array_size(spec->wrap) == 0)
        spec->wrap = NULL;
    return 0;
}

static int
resolve_builtin(struct module *m, const struct spec *spec, flux_error_t *e)
{
    if (spec->sha1)
        return util_errno(e, EINVAL, "built-in modules have no digest");
    if (spec->exec || spec->loader || spec->wrap)
        return util_errno(e, EINVAL,
                          "built-in modules cannot execute in a separate "
                          "process");
    m->ops = &module_builtin_ops;
    m->path = strdup("builtin");
    m->name = strdup(spec->path);
    return m->path && m->name ? 0 : -1;
}

static int choose_process(struct module *m,
                          const struct spec *spec,
                          const char *loader,
                          flux_error_t *e)
{
    m->ops = &module_process_ops;
    m->loader = strdup(loader);
    m->command = modpath_command(spec->wrap, loader, m->file, e);
    return m->loader && m->command ? 0 : -1;
}

static int
choose_kind(struct module *m, const struct spec *spec, flux_error_t *e)
{
    const char *loader = spec->loader ? spec->loader : modpath_loader(m->path);

    if (!loader)
        return util_errno(e, ENOENT,
                          "could not determine loader from path suffix");
    if (spec->loader || spec->exec || spec->wrap || !dso_can_open() ||
        strcmp(loader, MODPATH_EXEC) != 0)
        return choose_process(m, spec, loader, e);
    m->ops = &module_thread_ops;
    return 0;
}

static int
check_digest(struct module *m, const struct spec *spec, flux_error_t *e)
{
    char digest[SHA1_HEX_SIZE];

    if (!spec->sha1)
        return 0;
    if (digest_of_file(m->set->digests, m->file, digest, e) < 0)
        return -1;
    if (strcasecmp(digest, spec->sha1) == 0)
        return 0;
    return util_errno(e, EPERM, "%s: refused, its SHA-1 is %s", m->path,
                      digest);
}

static int
resolve_file(struct module *m, const struct spec *spec, flux_error_t *e)
{
    bool is_path = strchr(spec->path, '/');

    m->name = spec->name ? strdup(spec->name) : modpath_name(spec->path);
    if (spec->loader && !is_path)
        return util_errno(e, EINVAL,
                          "module loader may only be specified with module "
                          "path");
    m->path = is_path ? strdup(spec->path) : modpath_search(spec->path, e);
    if (!m->path || !m->name ||
        !(m->file = strdup(spec->from ? spec->from : m->path)) ||
        check_digest(m, spec, e) < 0)
        return -1;
    return choose_kind(m, spec, e);
}

static int check_is_new(struct module *m, flux_error_t *e)
{
    struct module *other = module_set_find(m->set, m->name);

    if (other)
        return util_errno(e, EEXIST, "module %s is already loaded from %s",
                          m->name, other->path);
    return 0;
}

/* Where a builtin is late the broker's own loop is, and no one else. */
static double limit_of(const struct module *m, const struct spec *spec)
{
    if (m->ops == &module_builtin_ops)
        return 0;
    return spec->load_timeout >= 0
               ? spec->load_timeout
               : attr_limit(m->set->attrs, "broker.module-load-timeout");
}

static int resolve(struct module *m, const struct spec *spec, flux_error_t *e)
{
    int rc = module_builtin_find(m->set, spec->path)
                 ? resolve_builtin(m, spec, e)
                 : resolve_file(m, spec, e);

    if (rc < 0 || check_is_new(m, e) < 0)
        return -1;
    m->load_limit = limit_of(m, spec);
    return onfailure_parse(spec->on_failure, &m->on_failure, e);
}

/* What module_load() needs to do the same again. */
static int keep_request(struct module *m, json_t *request)
{
    const char *path = m->ops == &module_builtin_ops ? m->name : m->path;

    if (!(m->request = json_copy(request)))
        return -1;
    json_object_del(m->request, "from");
    json_object_del(m->request, "hold");
    if (json_object_set_new(m->request, "path", json_string(path)) < 0 ||
        json_object_set_new(m->request, "name", json_string(m->name)) < 0)
        return -1;
    return 0;
}

static int start(struct module *m, flux_error_t *e)
{
    struct module_set *s = m->set;

    if (m->ops->start(m, e) < 0)
        return -1;
    if (router_service_add(s->router, m->name, m->peer) < 0)
        return util_error(e, "cannot register service %s: %s", m->name,
                          strerror(errno));
    if (module_make_farewell(m) < 0 || module_send_welcome(m) < 0 ||
        module_watch_load(m) < 0)
        return util_error(e, "cannot send welcome: %s", strerror(errno));
    if (!m->ops->run)
        return 0;
    link_set_flush(s->links);
    return m->ops->run(m, e);
}

static struct module *create(struct module_set *s, json_t *args)
{
    struct module *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->set = s;
    m->since = flux_reactor_time();
    list_init(&m->link);
    m->args = json_incref(args);
    if (!(m->remove_requests = flux_msglist_create())) {
        module_destroy(m);
        return NULL;
    }
    return m;
}

/* Those who have waited for it; not for who loads a name that is taken. */
static void disappoint(struct module *m, flux_error_t *e)
{
    const char *text = e->text[0] ? e->text : strerror(errno);
    int saved_errno = errno;

    if (m->name && errno != EEXIST && !m->hold_on)
        module_hold_end(m->set, m->name, errno, m->reason ? m->reason : text);
    errno = saved_errno;
}

static void give_up(struct module *m, char **reason)
{
    int saved_errno = errno;

    if (reason) {
        *reason = m->reason;
        m->reason = NULL;
    }
    module_destroy(m);
    errno = saved_errno;
}

struct module *module_load(struct module_set *s,
                           json_t *request,
                           flux_error_t *e,
                           char **reason)
{
    struct spec spec;
    struct module *m;

    if (reason)
        *reason = NULL;
    if (decode(request, &spec) < 0 || !(m = create(s, spec.args)))
        return NULL;
    m->hold_on = spec.hold;
    if (resolve(m, &spec, e) < 0 || keep_request(m, request) < 0 ||
        start(m, e) < 0) {
        disappoint(m, e);
        give_up(m, reason);
        return NULL;
    }
    m->awaited = module_hold_count(s, m->name) >= 0;
    module_restart_forget(s, m->name);
    m->peer->traced = true;
    list_append(&s->modules, &m->link);
    flux_log(s->h, LOG_DEBUG, "insmod %s", m->name);
    return m;
}
