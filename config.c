/* config.c - the configuration object (the builtin module config)
 *
 * config.load brings a new object, config.reload reads the files of -c again.
 * Either way every module is asked, by NAME.config-reload with the object as
 * payload, whether it takes it.  Only if none refuses does the broker keep it
 * and the request succeed; the first refusal is the answer otherwise, and
 * names the module.  One change is worked on at a time, others wait.
 */
#include "config.h"

#include "util.h"

struct config {
    flux_t *broker_h;
    flux_t *h; /* of the builtin module */
    struct attr_set *attrs;
    struct module_set *modules;
    flux_msg_handler_t **handlers;
    struct flux_msglist *waiting;
    const flux_msg_t *request; /* being worked on, or NULL */
    flux_conf_t *proposed;
    flux_future_t *answers; /* of all modules */
};

static void work_on_next(struct config *c);

/* ---- one change ------------------------------------------------------------
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

static void fail(struct config *c, int errnum, const char *text)
{
    flux_respond_error(c->h, c->request, errnum, text);
    finish(c);
}

static void adopt(struct config *c)
{
    flux_set_conf_new(c->h, flux_conf_incref(c->proposed));
    flux_set_conf_new(c->broker_h, flux_conf_incref(c->proposed));
    flux_respond(c->h, c->request, NULL);
    finish(c);
}

/* One that does not care, or that has gone meanwhile, does not refuse. */
static bool refuses(flux_future_t *f)
{
    return flux_future_get(f, NULL) < 0 && errno != ENOSYS &&
           errno != EHOSTUNREACH;
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

static void answered(flux_future_t *answers, void *arg)
{
    struct config *c = arg;
    flux_future_t *f;
    const char *name = first_refusal(c, &f);

    (void)answers;
    if (name) {
        int errnum = errno;
        char *text = util_asprintf("%s: %s", name, future_strerror(f, errnum));

        fail(c, errnum, text);
        free(text);
    } else
        adopt(c);
    work_on_next(c);
}

static int ask_module(struct config *c, struct module *m, json_t *o)
{
    char *topic = util_asprintf("%s.config-reload", m->name);
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

static int ask_all(struct config *c)
{
    struct module *m = NULL;
    json_t *o;

    if (flux_conf_unpack(c->proposed, NULL, "o", &o) < 0 ||
        !(c->answers = flux_future_wait_all_create()))
        return -1;
    flux_future_set_flux(c->answers, c->h);
    while ((m = module_set_next(c->modules, m)))
        if (strcmp(m->name, "config") != 0 && m->state == MODULE_RUNNING &&
            ask_module(c, m, o) < 0)
            return -1;
    if (!flux_future_first_child(c->answers)) {
        adopt(c);
        return 0;
    }
    return flux_future_then(c->answers, -1., answered, c);
}

static flux_conf_t *
proposed_by(struct config *c, const flux_msg_t *msg, flux_error_t *e)
{
    const char *topic, *path = attr_value(c->attrs, "config.path");
    flux_conf_t *conf = NULL;

    flux_msg_get_topic(msg, &topic);
    if (strcmp(topic, "config.reload") == 0)
        return path ? flux_conf_parse(path, e) : flux_conf_create();
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
    else if (ask_all(c) < 0)
        fail(c, errno, NULL);
}

static void work_on_next(struct config *c)
{
    while (!c->request && flux_msglist_count(c->waiting) > 0)
        work_on(c, flux_msglist_pop(c->waiting));
}

/* ---- service ---------------------------------------------------------------
 */

static void
change_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct config *c = arg;

    (void)mh;
    if (flux_msglist_append(c->waiting, msg) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else
        work_on_next(c);
}

static void
get_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const flux_conf_t *conf = flux_get_conf(h);
    json_t *o;

    (void)mh;
    (void)arg;
    if (!conf)
        flux_respond(h, msg, "{}");
    else if (flux_conf_unpack(conf, NULL, "o", &o) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else
        flux_respond_pack(h, msg, "O", o);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "config.get", get_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "config.load", change_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "config.reload", change_cb, 0},
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
    return c;
}

static void end(void *arg)
{
    struct config *c = arg;
    const flux_msg_t *msg;

    if (c->request)
        fail(c, ENOSYS, NULL);
    while ((msg = flux_msglist_pop(c->waiting))) {
        flux_respond_error(c->h, msg, ENOSYS, NULL);
        flux_msg_decref(msg);
    }
    flux_msg_handler_delvec(c->handlers);
    c->handlers = NULL;
    c->h = NULL;
}

struct module_builtin config_builtin(struct config *c)
{
    return (struct module_builtin){"config", begin, end, c};
}

struct config *
config_create(flux_t *h, struct attr_set *attrs, struct module_set *modules)
{
    struct config *c = calloc(1, sizeof(*c));

    if (!c || !(c->waiting = flux_msglist_create())) {
        free(c);
        return NULL;
    }
    c->broker_h = h;
    c->attrs = attrs;
    c->modules = modules;
    return c;
}

void config_destroy(struct config *c)
{
    int saved_errno = errno;

    if (!c)
        return;
    flux_msglist_destroy(c->waiting);
    free(c);
    errno = saved_errno;
}
