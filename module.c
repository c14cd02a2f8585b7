/* module.c - modules as the broker sees them
 *
 * The life of a module (RFC 5).  `welcome` is the first message in its
 * channel.  It is INIT until it says by module.status that it runs; only then
 * is the load answered.  It may be asked to end, by the message
 * NAME.shutdown.  It says FINALIZING (from then on the broker refuses requests
 * for it), then EXITED with an errno; then its channel closes and it is gone,
 * and those who wait for its removal are answered.  At any moment the channel
 * may close without a word: that is its death.
 *
 * Each step is an event; what it does in each state stands in the table
 * `transitions`.  A status that does not fit the state is refused and changes
 * nothing.
 *
 * A module that ends with an error after it ran, with no removal asked for,
 * has failed at run time: the broker is told to panic, or only logs it, as
 * the attribute broker.module-nopanic says.
 *
 * A module is destroyed from the set's list of the dead, by an idle watcher,
 * never in the middle of what it did.
 */
#include "module.h"

#include <glob.h>
#include <unistd.h>

#include "env.h"
#include "handle.h"
#include "trace.h"
#include "util.h"

struct module_set {
    flux_t *h;
    struct router *router;
    struct link_set *links;
    struct attr_set *attrs;
    struct list modules; /* in order of loading */
    struct list dead;    /* their channel has closed */
    flux_watcher_t *idle;
    struct module_builtin builtins[8];
    size_t builtin_count;
    struct trace *trace;
    module_panic_f panic;
    void *panic_arg;
    void (*changed)(void *arg);
    void *changed_arg;
};

/* ---- access ----------------------------------------------------------- */

flux_t *module_broker_handle(struct module *m)
{
    return m->set->h;
}

struct router *module_router(struct module *m)
{
    return m->set->router;
}

struct link_set *module_links(struct module *m)
{
    return m->set->links;
}

struct module *module_set_next(struct module_set *s, struct module *m)
{
    struct list *l = m ? m->link.next : s->modules.next;

    return l == &s->modules ? NULL : LIST_ENTRY(l, struct module, link);
}

struct module *module_set_find(struct module_set *s, const char *name)
{
    struct module *m = NULL;

    while ((m = module_set_next(s, m)))
        if (strcmp(m->name, name) == 0)
            return m;
    errno = ENOENT;
    return NULL;
}

static struct module *find_by_name_or_path(struct module_set *s,
                                           const char *name)
{
    struct module *m = module_set_find(s, name), *it = NULL;

    while (!m && (it = module_set_next(s, it)))
        if (strcmp(it->path, name) == 0)
            m = it;
    if (!m)
        errno = ENOENT;
    return m;
}

static struct module *find_sender(struct module_set *s, const flux_msg_t *msg)
{
    struct peer *p = router_sender(s->router, msg);
    struct module *m = NULL;

    while (p && (m = module_set_next(s, m)))
        if (m->peer == p)
            return m;
    return NULL;
}

/* ---- answers ------------------------------------------------------------- */

static void answer_load(struct module *m, int errnum)
{
    flux_t *h = m->set->h;

    if (!m->load_request)
        return;
    if (errnum)
        flux_respond_error(h, m->load_request, errnum, NULL);
    else
        flux_respond(h, m->load_request, NULL);
    flux_msg_decref(m->load_request);
    m->load_request = NULL;
}

static void answer_removes(struct module *m)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop(m->remove_requests))) {
        flux_respond(m->set->h, msg, NULL);
        flux_msg_decref(msg);
    }
}

/* ---- end of a module ------------------------------------------------------ */

static void destroy(struct module *m)
{
    int saved_errno = errno;

    if (!m)
        return;
    list_remove(&m->link);
    if (m->ops)
        m->ops->destroy(m);
    flux_msg_decref(m->load_request);
    flux_msglist_destroy(m->remove_requests);
    json_decref(m->args);
    free(m->name);
    free(m->path);
    free(m);
    errno = saved_errno;
}

static void tell_change(struct module_set *s)
{
    if (s->changed)
        s->changed(s->changed_arg);
}

static bool panic_is_off(struct module_set *s)
{
    const char *value = attr_value(s->attrs, "broker.module-nopanic");

    return value && strcmp(value, "0") != 0;
}

static void report_failure(struct module *m)
{
    struct module_set *s = m->set;

    flux_log(s->h, LOG_ERR, "%s: %s", m->name, flux_strerror(m->errnum));
    if (!m->ran || m->removing)
        return;
    flux_log(s->h, LOG_CRIT, "%s module runtime failure", m->name);
    if (!panic_is_off(s))
        s->panic(m->name, s->panic_arg);
}

static void bury(struct module *m)
{
    struct module_set *s = m->set;
    int errnum = m->ops->join(m);

    if (m->state != MODULE_EXITED)
        m->errnum = m->removing ? 0 : errnum;
    flux_log(s->h, LOG_DEBUG, "module %s exited", m->name);
    if (m->errnum)
        report_failure(m);
    m->ops->destroy(m);
    answer_load(m, m->errnum);
    answer_removes(m);
    destroy(m);
    tell_change(s);
}

static void idle_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module_set *s = arg;

    (void)r;
    (void)revents;
    flux_watcher_stop(w);
    while (!list_empty(&s->dead))
        bury(LIST_ENTRY(s->dead.next, struct module, link));
}

void module_closed(struct module *m)
{
    list_remove(&m->link);
    list_append(&m->set->dead, &m->link);
    flux_watcher_start(m->set->idle);
}

/* ---- states and events ------------------------------------------------------ */

static void become_running(struct module *m)
{
    m->state = MODULE_RUNNING;
    m->ran = true;
    answer_load(m, 0);
}

static void become_finalizing(struct module *m)
{
    m->state = MODULE_FINALIZING;
    m->peer->refusing = true;
}

static void become_exited(struct module *m)
{
    m->state = MODULE_EXITED;
    m->peer->refusing = true;
}

static void stay(struct module *m)
{
    (void)m;
}

/* What module.status STATUS does in each state; NULL: refused. */
static void (*const transitions[4][4])(struct module *m) = {
    [MODULE_INIT] = { stay, become_running, become_finalizing, become_exited },
    [MODULE_RUNNING] = { NULL, stay, become_finalizing, become_exited },
    [MODULE_FINALIZING] = { NULL, NULL, stay, become_exited },
    [MODULE_EXITED] = { NULL, NULL, NULL, stay },
};

static void status_cb(flux_t *h,
                      flux_msg_handler_t *mh,
                      const flux_msg_t *msg,
                      void *arg)
{
    struct module_set *s = arg;
    struct module *m = find_sender(s, msg);
    int status, errnum = 0;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:i s?i}", "status", &status, "errnum",
                            &errnum) < 0) {
        flux_respond_error(h, msg, EPROTO,
                           "error decoding module.status request");
        return;
    }
    if (m && (status < 0 || status > 3 || !transitions[m->state][status])) {
        flux_respond_error(h, msg, EINVAL, "status does not fit the state");
        return;
    }
    if (m) {
        m->errnum = errnum;
        transitions[m->state][status](m);
        tell_change(s);
    }
    if (!flux_msg_is_noresponse(msg))
        flux_respond(h, msg, NULL);
}

/* ---- messages to a module ------------------------------------------------- */

static int send_request(struct module *m, flux_msg_t *msg)
{
    struct flux_msg_cred cred = { .userid = getuid(),
                                  .rolemask = FLUX_ROLE_OWNER
                                            | FLUX_ROLE_LOCAL };

    if (!msg)
        return -1;
    flux_msg_route_enable(msg);
    if (flux_msg_set_cred(msg, cred) < 0
        || flux_msg_route_push(msg, router_uuid(m->set->router)) < 0) {
        flux_msg_destroy(msg);
        return -1;
    }
    router_deliver(m->peer, msg, true);
    return 0;
}

static json_t *config_object(struct module_set *s)
{
    const flux_conf_t *conf = flux_get_conf(s->h);
    json_t *o = NULL;

    if (conf && flux_conf_unpack(conf, NULL, "o", &o) == 0)
        return json_incref(o);
    return json_object();
}

static int send_welcome(struct module *m)
{
    flux_msg_t *msg = flux_request_encode("welcome", NULL);

    if (msg
        && flux_msg_pack(msg, "{s:O s:o s:o s:s s:s}", "args", m->args, "attrs",
                         attr_cacheable(m->set->attrs), "conf",
                         config_object(m->set), "name", m->name, "uuid",
                         m->peer->uuid) < 0) {
        flux_msg_destroy(msg);
        return -1;
    }
    return send_request(m, msg);
}

static int send_shutdown(struct module *m)
{
    char *topic = util_asprintf("%s.shutdown", m->name);
    flux_msg_t *msg = topic ? flux_request_encode(topic, NULL) : NULL;

    free(topic);
    if (msg)
        flux_msg_set_noresponse(msg);
    return send_request(m, msg);
}

/* ---- load -------------------------------------------------------------------- */

/* "/a/b/name.so.0.0" is `name`. */
static char *name_of_path(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;

    return util_asprintf("%.*s", (int)strcspn(base, "."), base);
}

/* DIR/NAME.so, else the first of DIR/NAME.so.*; new memory or NULL. */
static char *find_in_folder(const char *dir, size_t len, const char *name)
{
    char *path = util_asprintf("%.*s/%s.so", (int)len, dir, name);
    char *pattern = util_asprintf("%.*s/%s.so.*", (int)len, dir, name);
    glob_t g;

    if (path && access(path, F_OK) == 0) {
        free(pattern);
        return path;
    }
    free(path);
    path = NULL;
    if (pattern && glob(pattern, 0, NULL, &g) == 0) {
        path = strdup(g.gl_pathv[0]);
        globfree(&g);
    }
    free(pattern);
    return path;
}

static char *search(const char *name, flux_error_t *e)
{
    char *dirs = env_module_path(), *found = NULL;
    const char *p = dirs, *dir;
    size_t len;

    while (!found && env_next(&p, &dir, &len))
        if (*dir == '/') /* never a relative folder */
            found = find_in_folder(dir, len, name);
    free(dirs);
    if (!found)
        util_errno(e, ENOENT, "module not found in search path");
    return found;
}

static bool is_shared_object(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *so = strstr(slash ? slash : path, ".so");

    return so && (so[3] == '\0' || so[3] == '.');
}

/* What of a load request says how to load. */
struct load_spec {
    const char *path; /* or name */
    const char *name; /* NULL: from the path */
    const char *loader;
    int exec;
    json_t *args;
};

static int resolve_builtin(struct module *m,
                           const struct load_spec *spec,
                           flux_error_t *e)
{
    if (spec->exec)
        return util_errno(e, EINVAL,
                          "built-in modules cannot execute in a separate "
                          "process");
    m->ops = &module_builtin_ops;
    m->path = strdup("builtin");
    m->name = strdup(spec->path);
    return m->path && m->name ? 0 : -1;
}

static int resolve_file(struct module *m,
                        const struct load_spec *spec,
                        flux_error_t *e)
{
    bool is_path = strchr(spec->path, '/');

    if (spec->loader && !is_path)
        return util_errno(e, EINVAL,
                          "module loader may only be specified with module "
                          "path");
    m->path = is_path ? strdup(spec->path) : search(spec->path, e);
    if (!m->path)
        return -1;
    if (!is_shared_object(m->path))
        return util_errno(e, EINVAL,
                          "could not determine loader from path suffix");
    m->ops = &module_thread_ops;
    m->name = spec->name ? strdup(spec->name) : name_of_path(m->path);
    return m->name ? 0 : -1;
}

static int resolve(struct module *m,
                   const struct load_spec *spec,
                   flux_error_t *e)
{
    struct module *other;

    if (module_builtin_find(m->set, spec->path)) {
        if (resolve_builtin(m, spec, e) < 0)
            return -1;
    } else if (resolve_file(m, spec, e) < 0)
        return -1;
    if ((other = module_set_find(m->set, m->name)))
        return util_errno(e, EEXIST, "module %s is already loaded from %s",
                          m->name, other->path);
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
    if (send_welcome(m) < 0)
        return util_error(e, "cannot send welcome: %s", strerror(errno));
    return 0;
}

static struct module *load(struct module_set *s,
                           const struct load_spec *spec,
                           flux_error_t *e)
{
    struct module *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->set = s;
    list_init(&m->link);
    m->args = spec->args ? json_incref(spec->args) : json_array();
    m->remove_requests = flux_msglist_create();
    if (!m->args || !m->remove_requests || resolve(m, spec, e) < 0
        || start(m, e) < 0) {
        destroy(m);
        return NULL;
    }
    m->peer->traced = true;
    list_append(&s->modules, &m->link);
    flux_log(s->h, LOG_DEBUG, "insmod %s", m->name);
    return m;
}

static bool all_strings(json_t *array)
{
    size_t i;
    json_t *value;

    if (!json_is_array(array))
        return false;
    json_array_foreach(array, i, value)
        if (!json_is_string(value))
            return false;
    return true;
}

static void load_cb(flux_t *h,
                    flux_msg_handler_t *mh,
                    const flux_msg_t *msg,
                    void *arg)
{
    struct load_spec spec = { NULL, NULL, NULL, 0, NULL };
    flux_error_t e = { "" };
    struct module *m;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s s:o s?b s?s s?s}", "path",
                            &spec.path, "args", &spec.args, "exec", &spec.exec,
                            "name", &spec.name, "loader", &spec.loader) < 0
        || !all_strings(spec.args)) {
        flux_respond_error(h, msg, EPROTO, NULL);
        return;
    }
    if (!(m = load(arg, &spec, &e))) {
        flux_respond_error(h, msg, errno, e.text[0] ? e.text : NULL);
        return;
    }
    if (m->state == MODULE_RUNNING)
        flux_respond(h, msg, NULL);
    else
        m->load_request = flux_msg_incref(msg);
}

/* ---- remove --------------------------------------------------------------------- */

static void remove_cb(flux_t *h,
                      flux_msg_handler_t *mh,
                      const flux_msg_t *msg,
                      void *arg)
{
    const char *name;
    int cancel = 0;
    struct module *m;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s s?b}", "name", &name, "cancel",
                            &cancel) < 0
        || !(m = find_by_name_or_path(arg, name))
        || flux_msglist_append(m->remove_requests, msg) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    if (cancel)
        m->ops->cancel(m);
    else if (!m->removing)
        send_shutdown(m);
    m->removing = true;
}

/* ---- list, debug ------------------------------------------------------------------ */

static json_t *services_of(struct module *m)
{
    json_t *a = json_array();
    size_t pos = 0;
    const char *name;

    while (a && (name = router_service_next(m->set->router, m->peer, &pos)))
        json_array_append_new(a, json_string(name));
    return a;
}

static json_t *describe(struct module *m, double now)
{
    return json_pack("{s:s s:s s:i s:i s:o s:i s:i s:s? s:O}", "name", m->name,
                     "path", m->path, "idle", (int)(now - m->peer->last_sent),
                     "status", (int)m->state, "services", services_of(m),
                     "sendqueue", (int)m->ops->send_queue(m), "recvqueue", 0,
                     "digest", m->digest[0] ? m->digest : NULL, "args",
                     m->args);
}

static void list_cb(flux_t *h,
                    flux_msg_handler_t *mh,
                    const flux_msg_t *msg,
                    void *arg)
{
    struct module_set *s = arg;
    double now = flux_reactor_now(flux_get_reactor(h));
    json_t *mods = json_array();
    struct module *m = NULL;

    (void)mh;
    while (mods && (m = module_set_next(s, m)))
        json_array_append_new(mods, describe(m, now));
    if (!mods)
        flux_respond_error(h, msg, ENOMEM, NULL);
    else
        flux_respond_pack(h, msg, "{s:o}", "mods", mods);
}

static void debug_cb(flux_t *h,
                     flux_msg_handler_t *mh,
                     const flux_msg_t *msg,
                     void *arg)
{
    const char *name;
    int defer = -1;
    struct module *m;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s s?b}", "name", &name, "defer",
                            &defer) < 0
        || !(m = module_set_find(arg, name))) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    if (defer >= 0)
        router_defer(m->peer, defer);
    flux_respond(h, msg, NULL);
}

static const struct flux_msg_handler_spec handlers[] = {
    { FLUX_MSGTYPE_REQUEST, "module.load", load_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.remove", remove_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.list", list_cb, FLUX_ROLE_ALL },
    { FLUX_MSGTYPE_REQUEST, "module.status", status_cb, 0 },
    { FLUX_MSGTYPE_REQUEST, "module.debug", debug_cb, 0 },
    FLUX_MSGHANDLER_TABLE_END,
};

static void free_handlers(void *arg)
{
    flux_msg_handler_delvec(arg);
}

int module_serve(struct module_set *s)
{
    flux_msg_handler_t **mh;

    if (flux_msg_handler_addvec(s->h, handlers, s, &mh) < 0
        || flux_aux_set(s->h, NULL, mh, free_handlers) < 0)
        return -1;
    return trace_serve(s->trace);
}

/* ---- builtin modules, leftovers ------------------------------------------------------ */

int module_set_add_builtin(struct module_set *s, const struct module_builtin *b)
{
    if (s->builtin_count == UTIL_ARRAY_SIZE(s->builtins)) {
        errno = ENOSPC;
        return -1;
    }
    s->builtins[s->builtin_count++] = *b;
    return 0;
}

const struct module_builtin *module_builtin_find(struct module_set *s,
                                                 const char *name)
{
    size_t i;

    for (i = 0; i < s->builtin_count; i++)
        if (strcmp(s->builtins[i].name, name) == 0)
            return &s->builtins[i];
    return NULL;
}

int module_set_load_builtins(struct module_set *s, flux_error_t *e)
{
    size_t i;

    for (i = 0; i < s->builtin_count; i++) {
        struct load_spec spec = { s->builtins[i].name, NULL, NULL, 0, NULL };

        if (!load(s, &spec, e))
            return -1;
    }
    return 0;
}

void module_set_unload_builtins(struct module_set *s)
{
    struct list *l;

    for (l = s->modules.prev; l != &s->modules; l = l->prev) {
        struct module *m = LIST_ENTRY(l, struct module, link);

        if (m->ops == &module_builtin_ops && !m->removing) {
            m->removing = true;
            send_shutdown(m);
        }
    }
}

void module_set_on_change(struct module_set *s, void (*cb)(void *), void *arg)
{
    s->changed = cb;
    s->changed_arg = arg;
}

void module_set_count_builtins(struct module_set *s, int *there, int *running)
{
    struct module *m = NULL;

    *there = *running = 0;
    while ((m = module_set_next(s, m)))
        if (m->ops == &module_builtin_ops) {
            ++*there;
            *running += m->state == MODULE_RUNNING;
        }
}

int module_set_report_leftover(struct module_set *s)
{
    struct module *m = NULL;
    int count = 0;

    while ((m = module_set_next(s, m)))
        if (m->ops != &module_builtin_ops) {
            flux_log(s->h, LOG_ERR,
                     "broker module '%s' was not properly shut down", m->name);
            count++;
        }
    return count;
}

struct module_set *module_set_create(flux_t *h,
                                     struct router *router,
                                     struct link_set *links,
                                     struct attr_set *attrs,
                                     module_panic_f panic,
                                     void *arg)
{
    struct module_set *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->h = h;
    s->router = router;
    s->links = links;
    s->attrs = attrs;
    s->panic = panic;
    s->panic_arg = arg;
    list_init(&s->modules);
    list_init(&s->dead);
    s->idle = flux_idle_watcher_create(flux_get_reactor(h), idle_cb, s);
    s->trace = trace_create(h, router);
    if (!s->idle || !s->trace) {
        module_set_destroy(s);
        return NULL;
    }
    return s;
}

static void destroy_all(struct list *modules)
{
    while (!list_empty(modules))
        destroy(LIST_ENTRY(modules->next, struct module, link));
}

void module_set_destroy(struct module_set *s)
{
    int saved_errno = errno;

    if (!s)
        return;
    destroy_all(&s->dead);
    destroy_all(&s->modules);
    flux_watcher_destroy(s->idle);
    trace_destroy(s->trace);
    free(s);
    errno = saved_errno;
}
