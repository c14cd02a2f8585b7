/* module.c - modules as the broker sees them
 *
 * The life of a module (RFC 5).  `welcome` is the first message in its
 * channel.  It is INIT until it says by module.status that it runs; only then
 * is the load answered.  It may be asked to end, by the message
 * NAME.shutdown.  It says FINALIZING (from then on the broker refuses requests
 * for it), then EXITED with an errno; then its channel closes and it is gone,
 * and those who wait for its removal are answered.  At any moment it may die
 * without a word.
 *
 * Each step is an event; what it does in each state stands in the table
 * `transitions`.  A status that does not fit the state is refused and changes
 * nothing.
 *
 * A module that ends with an error after it ran, with no removal asked for,
 * has failed at run time: it is restarted, or the broker is told to panic, or
 * only logs it, as the module's own rule or the attribute
 * broker.module-nopanic says.
 *
 * One that has to end and does not is forced, in steps that its kind knows; a
 * module that says EXITED has EXIT_GRACE to be gone by itself.  One that does
 * not say in time that it runs is forced too, and its load has failed.  No one
 * waits for ever for what no force can end, a thread that is busy: they are
 * told so, and it stays listed until it ends or the broker does.
 *
 * A module is destroyed in the broker's own turn, never in the middle of what
 * it did: when all of it is over, the request module.gone is put into the
 * broker's queue in its name, behind all that it had sent, and the broker
 * buries it when it comes to that.  So what it said last is always heard,
 * however long that queue is.
 */
#include "module.h"

#include <unistd.h>

#include "buf.h"
#include "handle.h"
#include "module_info.h"
#include "module_set.h"
#include "trace.h"
#include "util.h"

/* From EXITED to the end of its process: atexit functions, a core file. */
static const double EXIT_GRACE = 5;
/* From the last step of force to the end: freeing much memory, a core file. */
static const double CANCEL_GRACE = 2;

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

struct module *module_set_find_path(struct module_set *s, const char *path)
{
    struct module *m = NULL;

    while ((m = module_set_next(s, m)))
        if (strcmp(m->path, path) == 0)
            return m;
    errno = ENOENT;
    return NULL;
}

struct module *module_set_find_sender(struct module_set *s,
                                      const flux_msg_t *msg)
{
    struct module *m = NULL;
    const char *id;
    size_t len;

    if (!msg_route_bottom(msg, &id, &len))
        return NULL;
    while ((m = module_set_next(s, m)))
        if (strlen(m->peer->uuid) == len && memcmp(m->peer->uuid, id, len) == 0)
            return m;
    return NULL;
}

/* ---- answers ------------------------------------------------------------- */

static void answer_load(struct module *m, int errnum, const char *text)
{
    flux_t *h = m->set->h;

    if (!m->load_request)
        return;
    if (errnum)
        flux_respond_error(h, m->load_request, errnum, text);
    else
        flux_respond(h, m->load_request, NULL);
    flux_msg_decref(m->load_request);
    m->load_request = NULL;
}

static void answer_removes(struct module *m, int errnum, const char *text)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop(m->remove_requests))) {
        if (errnum)
            flux_respond_error(m->set->h, msg, errnum, text);
        else if (m->took)
            flux_respond_pack(m->set->h, msg, "{s:s}", "took", m->took);
        else
            flux_respond(m->set->h, msg, NULL);
        flux_msg_decref(msg);
    }
}

/* ---- messages to a module -------------------------------------------------
 */

/* As a message of the peer with that UUID, who is the owner's. */
static int sign(flux_msg_t *msg, const char *uuid)
{
    struct flux_msg_cred cred = {.userid = getuid(),
                                 .rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL};

    flux_msg_route_enable(msg);
    if (flux_msg_set_cred(msg, cred) < 0)
        return -1;
    return flux_msg_route_push(msg, uuid);
}

static int send_request(struct module *m, flux_msg_t *msg)
{
    if (!msg)
        return -1;
    if (sign(msg, router_uuid(m->set->router)) < 0) {
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

/* What is of this module alone. */
static char *welcome_own(struct module *m)
{
    json_t *o = json_pack("{s:O s:o s:s s:s}", "args", m->args, "conf",
                          config_object(m->set), "name", m->name, "uuid",
                          m->peer->uuid);
    char *text = json_dumps(o, JSON_COMPACT);

    json_decref(o);
    return text;
}

int module_send_welcome(struct module *m)
{
    const char *attrs = attr_cacheable(m->set->attrs);
    char *own = welcome_own(m);
    struct buf b = {0};
    flux_msg_t *msg = NULL;

    if (attrs && own) {
        buf_add_string(&b, "{\"attrs\":");
        buf_add_string(&b, attrs);
        buf_add_byte(&b, ',');
        buf_add(&b, own + 1, strlen(own)); /* with its NUL */
    }
    if (b.size > 0 && !b.failed)
        msg = flux_request_encode("welcome", (const char *)b.data);
    buf_release(&b);
    free(own);
    return send_request(m, msg);
}

int module_shut_down(struct module *m)
{
    char *topic;
    flux_msg_t *msg;

    m->removing = true;
    if (!m->peer->router) /* its channel is gone, it will follow */
        return 0;
    topic = util_asprintf("%s.shutdown", m->name);
    msg = topic ? flux_request_encode(topic, NULL) : NULL;
    free(topic);
    if (msg)
        flux_msg_set_noresponse(msg);
    if (send_request(m, msg) == 0)
        return 0;
    module_force_after(m, 0);
    return -1;
}

/* ---- force ----------------------------------------------------------------
 */

void module_cancel(struct module *m)
{
    m->removing = true;
    m->took = m->ops->cancel(m);
    module_force_after(m, CANCEL_GRACE);
}

/* It stays, and may end yet; but no one is left to wait for that. */
static void give_up(struct module *m)
{
    char *text = util_asprintf("does not end in spite of %s", m->took);

    flux_log(m->set->h, LOG_ERR, "%s: %s", m->name, text ? text : "");
    answer_load(m, ETIMEDOUT, text);
    answer_removes(m, ETIMEDOUT, text);
    free(text);
}

static void take_step(struct module *m)
{
    double again = 0;
    const char *step = m->ops->force(m, &again);

    if (!step) {
        give_up(m);
        return;
    }
    m->took = step;
    flux_log(m->set->h, LOG_DEBUG, "module %s: %s", m->name, step);
    module_force_after(m, again > 0 ? again : CANCEL_GRACE);
}

static void
force_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module *m = arg;

    (void)r;
    (void)w;
    (void)revents;
    m->force_at = 0;
    take_step(m);
}

void module_force_after(struct module *m, double seconds)
{
    flux_reactor_t *r = flux_get_reactor(m->set->h);
    double at = flux_reactor_now(r) + seconds;

    if (m->over || !m->force_timer || (m->force_at > 0 && m->force_at <= at))
        return;
    m->force_at = at;
    flux_watcher_stop(m->force_timer);
    flux_timer_watcher_reset(m->force_timer, seconds, 0);
    flux_watcher_start(m->force_timer);
}

/* ---- the deadline of a load -------------------------------------------------
 */

static const char *reason(const struct module *m)
{
    return m->reason ? m->reason : flux_strerror(m->errnum);
}

static char *words(struct module *m)
{
    return m->ops->words ? m->ops->words(m) : NULL;
}

/* What is told to those who wait: the reason, then its last lines. */
static char *obituary(const struct module *m)
{
    if (!m->last_words)
        return util_asprintf("%s", reason(m));
    return util_asprintf("%s\n%s", reason(m), m->last_words);
}

/* Those whose requests were held for it. */
static void disappoint(struct module *m, int errnum, const char *why)
{
    if (m->awaited && !m->hold_on)
        module_hold_end(m->set, m->name, errnum, why);
    m->awaited = false;
}

/* The one who asked is told now: the end may take its time, or never come. */
static void
late_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module *m = arg;
    char *text;

    (void)r;
    (void)w;
    (void)revents;
    if (m->state != MODULE_INIT || m->removing)
        return;
    m->late = true;
    m->reason = util_asprintf("does not say that it runs, %gs after its start",
                              m->load_limit);
    m->last_words = words(m);
    flux_log(m->set->h, LOG_ERR, "%s: %s", m->name, reason(m));
    text = obituary(m);
    disappoint(m, ETIMEDOUT, text);
    answer_load(m, ETIMEDOUT, text);
    free(text);
    m->took = m->ops->cancel(m);
}

/* The timer of force is made beforehand, so that it cannot fail to be there. */
int module_watch_load(struct module *m)
{
    flux_reactor_t *r = flux_get_reactor(m->set->h);

    if (m->ops->force &&
        !(m->force_timer = flux_timer_watcher_create(r, 0, 0, force_cb, m)))
        return -1;
    if (m->load_limit <= 0)
        return 0;
    m->load_timer = flux_timer_watcher_create(r, m->load_limit, 0., late_cb, m);
    if (!m->load_timer)
        return -1;
    flux_watcher_start(m->load_timer);
    return 0;
}

/* ---- end of a module ------------------------------------------------------
 */

void module_destroy(struct module *m)
{
    int saved_errno = errno;

    if (!m)
        return;
    list_remove(&m->link);
    flux_watcher_destroy(m->force_timer);
    flux_watcher_destroy(m->load_timer);
    if (m->ops)
        m->ops->destroy(m);
    flux_msg_destroy(m->farewell);
    flux_msg_decref(m->load_request);
    flux_msglist_destroy(m->remove_requests);
    module_restart_destroy(m->restart);
    json_decref(m->args);
    json_decref(m->command);
    json_decref(m->request);
    free(m->loader);
    free(m->reason);
    free(m->last_words);
    free(m->name);
    free(m->path);
    free(m->file);
    free(m);
    errno = saved_errno;
}

void module_tell_change(struct module_set *s)
{
    if (s->changed)
        s->changed(s->changed_arg);
}

static bool shall_panic(struct module *m)
{
    const char *value;

    if (m->on_failure.action != ONFAILURE_DEFAULT)
        return m->on_failure.action == ONFAILURE_PANIC;
    value = attr_value(m->set->attrs, "broker.module-nopanic");
    return !value || strcmp(value, "0") == 0;
}

static void report_failure(struct module *m)
{
    struct module_set *s = m->set;

    flux_log(s->h, LOG_ERR, "%s: %s", m->name, reason(m));
    module_info_failed(m, reason(m));
    if (m->removing || !(m->ran || module_restart_total(m) > 0))
        return;
    flux_log(s->h, LOG_CRIT, "%s module runtime failure", m->name);
    if (!module_restart_plan(m) && shall_panic(m))
        s->panic(m->name, s->panic_arg);
}

static void answer_all(struct module *m, bool told)
{
    char *text = obituary(m);

    disappoint(m, m->errnum ? m->errnum : ENOSYS,
               m->errnum ? text : "it ended before it ran");
    if (m->load_request && m->took && m->removing)
        answer_load(m, ECANCELED, "removed before it ran");
    answer_load(m, m->errnum, text);
    answer_removes(m, told ? 0 : m->errnum, text);
    free(text);
}

void module_bury(struct module *m)
{
    struct module_set *s = m->set;
    int errnum = m->ops->join(m);
    bool told = m->state == MODULE_EXITED;

    if (!told)
        m->errnum = m->late ? ETIMEDOUT : errnum;
    if (m->errnum && !m->last_words)
        m->last_words = words(m);
    flux_log(s->h, LOG_DEBUG, "module %s exited", m->name);
    if (m->errnum)
        report_failure(m);
    m->ops->destroy(m);
    answer_all(m, told);
    module_destroy(m);
    module_tell_change(s);
}

/* Made beforehand, so that it cannot fail to be there. */
int module_make_farewell(struct module *m)
{
    if (!(m->farewell = flux_request_encode("module.gone", NULL)) ||
        flux_msg_set_noresponse(m->farewell) < 0 ||
        sign(m->farewell, m->peer->uuid) < 0)
        return -1;
    return 0;
}

void module_closed(struct module *m)
{
    struct peer *broker = router_service_find(m->set->router, "module");

    m->over = true;
    flux_watcher_stop(m->force_timer);
    flux_watcher_stop(m->load_timer);
    if (broker && m->farewell)
        router_deliver(broker, m->farewell, true);
    m->farewell = NULL;
}

/* ---- states and events ------------------------------------------------------
 */

static void become_running(struct module *m)
{
    m->state = MODULE_RUNNING;
    m->ran = !m->late; /* too late is not at all */
    flux_watcher_stop(m->load_timer);
    answer_load(m, 0, NULL);
    if (m->awaited)
        module_hold_end(m->set, m->name, 0, NULL);
    m->awaited = false;
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
    module_force_after(m, EXIT_GRACE);
}

static void stay(struct module *m)
{
    (void)m;
}

/* What module.status STATUS does in each state; NULL: refused. */
static void (*const transitions[4][4])(struct module *m) = {
    [MODULE_INIT] = {stay, become_running, become_finalizing, become_exited},
    [MODULE_RUNNING] = {NULL, stay, become_finalizing, become_exited},
    [MODULE_FINALIZING] = {NULL, NULL, stay, become_exited},
    [MODULE_EXITED] = {NULL, NULL, NULL, stay},
};

int module_take_status(struct module *m, int status, int errnum)
{
    if (status < MODULE_INIT || status > MODULE_EXITED ||
        !transitions[m->state][status]) {
        errno = EINVAL;
        return -1;
    }
    m->errnum = errnum;
    transitions[m->state][status](m);
    module_tell_change(m->set);
    return 0;
}

/* ---- builtin modules, leftovers
 * ---------------------------------------------- */

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
    for (size_t i = 0; i < s->builtin_count; i++)
        if (strcmp(s->builtins[i].name, name) == 0)
            return &s->builtins[i];
    return NULL;
}

static int load_builtin(struct module_set *s, const char *name, flux_error_t *e)
{
    json_t *request = json_pack("{s:s s:[]}", "path", name, "args");
    struct module *m = request ? module_load(s, request, e, NULL) : NULL;

    json_decref(request);
    return m ? 0 : -1;
}

int module_set_load_builtins(struct module_set *s, flux_error_t *e)
{
    for (size_t i = 0; i < s->builtin_count; i++)
        if (load_builtin(s, s->builtins[i].name, e) < 0)
            return -1;
    return 0;
}

void module_set_give_up(struct module_set *s)
{
    s->given_up = true;
}

void module_set_unload_builtins(struct module_set *s)
{
    struct list *l;

    module_restart_forget_all(s);
    module_hold_end_all(s);
    for (l = s->modules.prev; l != &s->modules; l = l->prev) {
        struct module *m = LIST_ENTRY(l, struct module, link);

        if (m->ops == &module_builtin_ops && !m->removing)
            module_shut_down(m);
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
        if (m->ops != &module_builtin_ops && !m->over) {
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
    list_init(&s->waiting);
    list_init(&s->holds);
    s->digests = digest_cache_create();
    s->trace = trace_create(h, router);
    if (!s->digests || !s->trace) {
        module_set_destroy(s);
        return NULL;
    }
    return s;
}

void module_set_destroy(struct module_set *s)
{
    int saved_errno = errno;

    if (!s)
        return;
    module_restart_forget_all(s);
    module_hold_end_all(s);
    while (!list_empty(&s->modules))
        module_destroy(LIST_ENTRY(s->modules.next, struct module, link));
    trace_destroy(s->trace);
    table_destroy(s->failures);
    digest_cache_destroy(s->digests);
    free(s);
    errno = saved_errno;
}
