/* config.c - the configuration object (the builtin module config)
 *
 *     config.get      the object; a stream of it with each change, if asked
 *     config.load     take this one instead (rank 0 only)
 *     config.reload   read the files of -c again (rank 0 only)
 *
 * A change is proposed to every running module, by NAME.config-reload with
 * the object as payload.  Only if none refuses does the broker keep it; the
 * first refusal is the answer otherwise, and names the module, and so does
 * the deadline if one does not answer.  One change is worked on at a time,
 * others wait.  An object equal to the present one changes nothing, and no
 * one is asked.
 *
 * Brokers other than rank 0 follow their parent: they stream its config.get,
 * propose each object to their own modules and keep it likewise.  A module
 * that refuses there is logged; that rank then stays behind, while its
 * children are told all the same.  The first object is a config-update.
 *
 * What always holds: a broker's children and modules see the objects of rank
 * 0 in the order in which it took them; a follower answers no stream before
 * it has the leader's object itself; a module that was loaded while others
 * were asked is told the outcome.  Any config module may be reloaded: its
 * children ask again until it is back.
 */
#include "config.h"

#include "access.h"
#include "conf.h"
#include "util.h"

#define RETRY 0.05 /* seconds, until a parent serves config again */

struct config {
    flux_t *broker_h;
    flux_t *h; /* of the builtin module */
    struct attr_set *attrs;
    struct module_set *modules;
    uint32_t rank;
    flux_msg_handler_t **handlers;
    struct flux_msglist *waiting;  /* changes asked for */
    struct flux_msglist *watchers; /* streams of config.get */
    flux_future_t *parent;         /* this broker's stream */
    flux_watcher_t *retry;         /* timer: for another one */
    bool synced;                   /* the leader's object is here */
    config_synced_f on_synced;
    void *on_synced_arg;
    flux_conf_t *proposed;     /* being worked on, or NULL */
    const flux_msg_t *request; /* for it; NULL if the parent proposes */
    flux_future_t *answers;    /* of all modules */
};

static void work_on_next(struct config *c);

/* ---- files --------------------------------------------------------------- */

/* "access.roles.x: unknown key" in a file of `path`. */
static int blame(const char *path, const char *fault, flux_error_t *e)
{
    char *key = util_asprintf("%.*s", (int)strcspn(fault, ":"), fault);
    char *file = key ? conf_source(path, key) : NULL;

    util_errno(e, EINVAL, "%s: %s", file ? file : path, fault);
    free(file);
    free(key);
    return -1;
}

flux_conf_t *config_read(const char *path, flux_error_t *e)
{
    flux_conf_t *conf = flux_conf_parse(path, e);
    struct access access;
    flux_error_t fault;

    if (conf && access_read(conf, &access, &fault) < 0) {
        blame(path, fault.text, e);
        flux_conf_decref(conf);
        return NULL;
    }
    return conf;
}

/* ---- objects ------------------------------------------------------------- */

/* Borrowed; NULL if there is none. */
static json_t *object_of(const flux_conf_t *conf)
{
    json_t *o = NULL;

    if (conf)
        flux_conf_unpack(conf, NULL, "o", &o);
    return o;
}

static bool is_change(struct config *c)
{
    json_t *o = object_of(flux_get_conf(c->h));

    return !o || !json_equal(o, object_of(c->proposed));
}

static void
send_conf(struct config *c, const flux_msg_t *msg, const flux_conf_t *conf)
{
    json_t *o = object_of(conf);

    if (o)
        flux_respond_pack(c->h, msg, "O", o);
    else
        flux_respond(c->h, msg, "{}");
}

/* Clients here see what is kept here, children what the leader has. */
static void tell_watchers(struct config *c, const flux_conf_t *conf, bool kept)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first(c->watchers); c->synced && msg;
         msg = flux_msglist_next(c->watchers))
        if (kept || !flux_msg_is_local(msg))
            send_conf(c, msg, conf);
}

/* ---- the end of a change --------------------------------------------------
 */

static void finish(struct config *c)
{
    flux_msg_decref(c->request);
    flux_conf_decref(c->proposed);
    flux_future_destroy(c->answers);
    c->request = NULL;
    c->proposed = NULL;
    c->answers = NULL;
}

/* The first answer for streams that came too early. */
static void set_synced(struct config *c, bool taken)
{
    if (c->synced)
        return;
    c->synced = taken;
    if (taken)
        tell_watchers(c, flux_get_conf(c->h), true);
    c->on_synced(taken, c->on_synced_arg);
}

static void fail(struct config *c, int errnum, const char *text)
{
    if (c->request)
        flux_respond_error(c->h, c->request, errnum, text);
    else {
        flux_log(c->h, LOG_ERR, "parent update: %s",
                 text ? text : flux_strerror(errnum));
        tell_watchers(c, c->proposed, false);
        set_synced(c, false);
        flux_future_reset(c->parent);
    }
    finish(c);
}

static bool was_asked(struct config *c, const struct module *m)
{
    return c->answers && flux_future_get_child(c->answers, m->name);
}

static void inform(struct config *c, const struct module *m, json_t *o)
{
    char *topic = util_asprintf("%s.config-reload", m->name);
    flux_future_t *f = NULL;

    if (topic)
        f = flux_rpc_pack(c->h, topic, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE,
                          "O", o);
    if (!f)
        flux_log_error(c->h, "%s: cannot tell the configuration", m->name);
    flux_future_destroy(f);
    free(topic);
}

/* Those that came while others were asked. */
static void inform_newcomers(struct config *c)
{
    struct module *m = NULL;

    while ((m = module_set_next(c->modules, m)))
        if (m->state <= MODULE_RUNNING && strcmp(m->path, "builtin") != 0 &&
            !was_asked(c, m))
            inform(c, m, object_of(c->proposed));
}

static void adopt(struct config *c)
{
    flux_set_conf_new(c->h, flux_conf_incref(c->proposed));
    flux_set_conf_new(c->broker_h, flux_conf_incref(c->proposed));
    inform_newcomers(c);
    tell_watchers(c, c->proposed, true);
}

static void succeed(struct config *c)
{
    if (c->request)
        flux_respond(c->h, c->request, NULL);
    else {
        set_synced(c, true);
        flux_future_reset(c->parent);
    }
    finish(c);
}

/* ---- asking modules -------------------------------------------------------
 */

/* One that does not care, or that has gone meanwhile, does not refuse. */
static bool refuses(flux_future_t *f)
{
    return flux_future_is_ready(f) && flux_future_get(f, NULL) < 0 &&
           errno != ENOSYS && errno != EHOSTUNREACH;
}

/* The name of the first module that refused, or NULL. */
static const char *first_refusal(struct config *c, flux_future_t **f)
{
    const char *name = flux_future_first_child(c->answers);

    for (; name; name = flux_future_next_child(c->answers)) {
        *f = flux_future_get_child(c->answers, name);
        if (refuses(*f))
            return name;
    }
    return NULL;
}

/* The name of the first that has not answered, or NULL. */
static const char *first_silent(struct config *c)
{
    const char *name = flux_future_first_child(c->answers);

    while (name &&
           flux_future_is_ready(flux_future_get_child(c->answers, name)))
        name = flux_future_next_child(c->answers);
    return name;
}

static void
refused(struct config *c, const char *name, int errnum, const char *why)
{
    flux_error_t e;

    util_error(&e, "error updating %s: %s", name, why);
    fail(c, errnum, e.text);
}

static void answered(flux_future_t *answers, void *arg)
{
    struct config *c = arg;
    flux_future_t *f;
    const char *name = first_refusal(c, &f);
    int errnum = errno;

    (void)answers;
    if (name)
        refused(c, name, errnum, future_strerror(f, errnum));
    else if ((name = first_silent(c)))
        refused(c, name, ETIMEDOUT, "no answer in time");
    else {
        adopt(c);
        succeed(c);
    }
    work_on_next(c);
}

static int ask_module(struct config *c, struct module *m, json_t *o)
{
    bool first = !c->request && !c->synced;
    char *topic =
        util_asprintf("%s.config-%s", m->name, first ? "update" : "reload");
    flux_future_t *f = NULL;

    if (topic)
        f = flux_rpc_pack(c->h, topic, FLUX_NODEID_ANY, 0, "O", o);
    free(topic);
    if (!f || flux_future_push(c->answers, m->name, f) < 0) {
        flux_future_destroy(f);
        return -1;
    }
    return 0;
}

/* Seconds, -1: none. */
static double deadline(struct config *c)
{
    double seconds = attr_limit(c->attrs, "broker.config-timeout");

    return seconds > 0. ? seconds : -1.;
}

static int ask_all(struct config *c)
{
    struct module *m = NULL;
    json_t *o = object_of(c->proposed);

    if (!(c->answers = flux_future_wait_all_create()))
        return -1;
    flux_future_set_flux(c->answers, c->h);
    while ((m = module_set_next(c->modules, m)))
        if (strcmp(m->name, "config") != 0 && m->state == MODULE_RUNNING &&
            ask_module(c, m, o) < 0)
            return -1;
    if (!flux_future_first_child(c->answers)) {
        adopt(c);
        succeed(c);
        return 0;
    }
    return flux_future_then(c->answers, deadline(c), answered, c);
}

static void propose(struct config *c)
{
    if (!is_change(c))
        succeed(c);
    else if (ask_all(c) < 0)
        fail(c, errno, NULL);
}

/* ---- changes asked for here: rank 0 ----------------------------------------
 */

static flux_conf_t *read_again(struct config *c, flux_error_t *e)
{
    const char *path = attr_value(c->attrs, "config.path");
    const flux_conf_t *now = flux_get_conf(c->h);

    if (path)
        return config_read(path, e);
    return now ? (flux_conf_t *)flux_conf_incref(now) : flux_conf_create();
}

static flux_conf_t *
proposed_by(struct config *c, const flux_msg_t *msg, flux_error_t *e)
{
    const char *topic = "";
    flux_conf_t *conf = NULL;

    flux_msg_get_topic(msg, &topic);
    if (strcmp(topic, "config.reload") == 0)
        return read_again(c, e);
    if (flux_module_config_request_decode(msg, &conf) < 0)
        util_errno(e, EPROTO, "error decoding config.load request");
    return conf;
}

static void work_on(struct config *c, const flux_msg_t *msg)
{
    flux_error_t e = {""};

    c->request = msg;
    if (!(c->proposed = proposed_by(c, msg, &e)))
        fail(c, errno ? errno : EINVAL, e.text);
    else
        propose(c);
}

static void work_on_next(struct config *c)
{
    while (!c->proposed && flux_msglist_count(c->waiting) > 0)
        work_on(c, flux_msglist_pop(c->waiting));
}

/* ---- changes of the parent -------------------------------------------------
 */

/* The stream waits, by not being reset, until this object is done with. */
static void parent_cb(flux_future_t *f, void *arg)
{
    struct config *c = arg;
    json_t *o;

    if (flux_rpc_get_unpack(f, "o", &o) < 0)
        flux_watcher_start(c->retry);
    else if (!(c->proposed = flux_conf_pack("O", o)))
        fail(c, errno, NULL);
    else
        propose(c);
}

static int follow(struct config *c)
{
    flux_watcher_stop(c->retry);
    flux_future_destroy(c->parent);
    c->parent = flux_rpc(c->h, "config.get", NULL, FLUX_NODEID_UPSTREAM,
                         FLUX_RPC_STREAMING);
    return c->parent ? flux_future_then(c->parent, -1., parent_cb, c) : -1;
}

static void
retry_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct config *c = arg;

    (void)r;
    (void)w;
    (void)revents;
    if (c->h && follow(c) < 0)
        flux_log_error(c->h, "cannot follow the leader's configuration");
}

int config_follow(struct config *c, config_synced_f synced, void *arg)
{
    c->retry = flux_timer_watcher_create(flux_get_reactor(c->h), RETRY, RETRY,
                                         retry_cb, c);
    if (!c->retry)
        return -1;
    c->on_synced = synced;
    c->on_synced_arg = arg;
    return follow(c);
}

/* ---- service ---------------------------------------------------------------
 */

static void
change_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct config *c = arg;

    (void)mh;
    if (c->rank > 0)
        flux_respond_error(h, msg, EINVAL,
                           "configuration can only be changed on rank 0");
    else if (flux_msglist_append(c->waiting, msg) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else
        work_on_next(c);
}

static void
get_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct config *c = arg;
    bool streaming = flux_msg_is_streaming(msg);

    (void)mh;
    if (streaming && flux_msglist_append(c->watchers, msg) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else if (!streaming || c->synced)
        send_conf(c, msg, flux_get_conf(h));
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct config *c = arg;

    (void)h;
    (void)mh;
    flux_msglist_disconnect(c->watchers, msg);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "config.get", get_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "config.load", change_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "config.reload", change_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "config.disconnect", disconnect_cb, FLUX_ROLE_ALL},
    FLUX_MSGHANDLER_TABLE_END,
};

static void *begin(flux_t *h, void *arg, flux_error_t *e)
{
    struct config *c = arg;

    c->h = h;
    if (flux_msg_handler_addvec(h, handlers, c, &c->handlers) < 0) {
        util_error(e, "config: %s", strerror(errno));
        return NULL;
    }
    if (c->on_synced && follow(c) < 0) /* once more: it was reloaded */
        util_error(e, "config: the parent: %s", strerror(errno));
    return c;
}

static void refuse_all(struct config *c, struct flux_msglist *list)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop(list))) {
        flux_respond_error(c->h, msg, ENOSYS, NULL);
        flux_msg_decref(msg);
    }
}

static void end(void *arg)
{
    struct config *c = arg;

    if (c->request)
        fail(c, ENOSYS, NULL);
    finish(c);
    refuse_all(c, c->waiting);
    refuse_all(c, c->watchers);
    flux_future_destroy(c->parent);
    c->parent = NULL;
    flux_msg_handler_delvec(c->handlers);
    c->handlers = NULL;
    c->h = NULL;
}

struct module_builtin config_builtin(struct config *c)
{
    return (struct module_builtin){"config", begin, end, c};
}

struct config *config_create(flux_t *h,
                             struct attr_set *attrs,
                             struct module_set *modules,
                             uint32_t rank)
{
    struct config *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->broker_h = h;
    c->attrs = attrs;
    c->modules = modules;
    c->rank = rank;
    c->synced = rank == 0;
    c->waiting = flux_msglist_create();
    c->watchers = flux_msglist_create();
    if (c->waiting && c->watchers)
        return c;
    config_destroy(c);
    return NULL;
}

void config_destroy(struct config *c)
{
    int saved_errno = errno;

    if (!c)
        return;
    flux_msglist_destroy(c->waiting);
    flux_msglist_destroy(c->watchers);
    flux_future_destroy(c->parent);
    flux_watcher_destroy(c->retry);
    free(c);
    errno = saved_errno;
}
