/* module_builtin.c - modules compiled into the broker
 *
 * They live in the broker's loop, behind an inproc peer, with a flux_t like
 * any other module; so they are listed, traced, pinged and debugged in the
 * same way.  They differ in two things: they run as soon as they are created,
 * and they end when their create's counterpart returns, since the loop is not
 * theirs to stop.
 */
#include "module.h"

#include "handle.h"
#include "inproc.h"
#include "util.h"

struct builtin {
    struct module *module;
    const struct module_builtin *spec;
    struct inproc *inproc;
    flux_watcher_t
        *begin; /* due at once: runs once, when welcome is in the queue */
    flux_msg_handler_t **methods;
    flux_msg_handler_t *shutdown;
    void *ctx; /* what spec->create returned */
};

static void finish(struct builtin *b, int errnum)
{
    struct module *m = b->module;

    if (b->ctx)
        b->spec->destroy(b->ctx);
    b->ctx = NULL;
    m->state = MODULE_EXITED;
    m->peer->refusing = true;
    m->errnum = errnum;
    module_closed(m);
}

static void
shutdown_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)h;
    (void)mh;
    (void)msg;
    finish(arg, 0);
}

static int register_shutdown(struct builtin *b, flux_t *h)
{
    struct flux_match match = FLUX_MATCH_REQUEST;
    char *topic = util_asprintf("%s.shutdown", b->module->name);

    if (!topic)
        return -1;
    match.topic_glob = topic;
    b->shutdown = flux_msg_handler_create(h, match, shutdown_cb, b);
    free(topic);
    if (!b->shutdown)
        return -1;
    flux_msg_handler_start(b->shutdown);
    return 0;
}

static int subscribe_stats_clear(struct builtin *b, flux_t *h)
{
    char *topic = util_asprintf("%s.stats-clear", b->module->name);
    int rc = topic ? flux_event_subscribe(h, topic) : -1;

    free(topic);
    return rc;
}

static int initialize(struct builtin *b, flux_error_t *e)
{
    flux_t *h = inproc_handle(b->inproc);

    if (flux_module_initialize(h, NULL, e) < 0)
        return -1;
    flux_log_set_appname(h, b->module->name);
    if (flux_register_default_methods(h, b->module->name, &b->methods) < 0 ||
        register_shutdown(b, h) < 0 || subscribe_stats_clear(b, h) < 0)
        return util_error(e, "%s: %s", b->module->name, strerror(errno));
    b->ctx = b->spec->create(h, b->spec->arg, e);
    return b->ctx ? 0 : -1;
}

static int begin(struct builtin *b, flux_error_t *e)
{
    if (initialize(b, e) < 0)
        return -1;
    if (flux_module_set_running(inproc_handle(b->inproc)) < 0)
        return util_error(e, "cannot say that it runs: %s", strerror(errno));
    return 0;
}

static void
begin_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct builtin *b = arg;
    flux_error_t e = {""};
    int errnum;

    (void)r;
    (void)revents;
    flux_watcher_stop(w);
    if (begin(b, &e) == 0)
        return;
    errnum = errno ? errno : EINVAL;
    flux_log(module_broker_handle(b->module), LOG_ERR, "%s: %s",
             b->module->name, e.text[0] ? e.text : strerror(errnum));
    finish(b, errnum);
}

static int builtin_start(struct module *m, flux_error_t *e)
{
    flux_reactor_t *r = flux_get_reactor(module_broker_handle(m));
    struct builtin *b = calloc(1, sizeof(*b));

    if (!(m->impl = b))
        return util_error(e, "out of memory");
    b->module = m;
    b->spec = module_builtin_find(m->set, m->name);
    b->inproc = inproc_create(r, module_router(m), PEER_MODULE, m->name);
    b->begin = flux_timer_watcher_create(r, 0., 0., begin_cb, b);
    if (!b->inproc || !b->begin)
        return util_error(e, "%s: %s", m->name, strerror(errno));
    m->peer = inproc_peer(b->inproc);
    flux_watcher_start(b->begin);
    return 0;
}

static const char *builtin_cancel(struct module *m)
{
    struct builtin *b = m->impl;

    if (m->state != MODULE_EXITED)
        finish(b, 0);
    return "cancel";
}

static int builtin_join(struct module *m)
{
    return m->errnum;
}

static void builtin_destroy(struct module *m)
{
    struct builtin *b = m->impl;

    if (!b)
        return;
    if (b->ctx)
        b->spec->destroy(b->ctx);
    flux_watcher_destroy(b->begin);
    flux_msg_handler_destroy(b->shutdown);
    flux_msg_handler_delvec(b->methods);
    inproc_destroy(b->inproc);
    free(b);
    m->impl = NULL;
    m->peer = NULL;
}

static size_t builtin_send_queue(struct module *m)
{
    struct builtin *b = m->impl;

    return inproc_queued(b->inproc);
}

const struct module_ops module_builtin_ops = {
    .kind = "builtin",
    .start = builtin_start,
    .cancel = builtin_cancel,
    .join = builtin_join,
    .destroy = builtin_destroy,
    .send_queue = builtin_send_queue,
};
