/* modside.c - a module's side of its life (RFC 5)
 *
 * The broker speaks first: `welcome`, with the module's name, uuid and
 * arguments, the attributes that never change and the configuration.  The
 * loader calls flux_module_initialize() for that, then
 * flux_module_register_handlers(), then mod_main(), and when that has
 * returned flux_module_finalize() with its outcome.
 *
 * In between the module tells that it runs, at the latest when it first
 * enters its reactor, and stops the reactor when NAME.shutdown comes.
 *
 * At the end it tells that it is FINALIZING and waits for the answer.  What
 * the broker had sent until then is in our queue, and gets ENOSYS; what comes
 * later the broker answers itself.  So no request is left without an answer.
 * Last it tells that it has EXITED, and with which errno.
 *
 * Every step that fails says in its error text which one it was.
 */
#include "handle.h"
#include "json.h"
#include "util.h"

/* RFC 5, "Status Request". */
enum {
    STATUS_RUNNING = 1,
    STATUS_FINALIZING = 2,
    STATUS_EXITED = 3,
};

#define AUX_REGISTERED "flux::modside"

/* What flux_module_register_handlers() sets up; goes with the handle. */
struct registered {
    flux_watcher_t *prepare;
    flux_msg_handler_t *shutdown;
    flux_msg_handler_t **methods;
};

/* ---- welcome ---------------------------------------------------------------
 */

static int cache_config(flux_t *h, json_t *object)
{
    flux_conf_t *conf = flux_conf_pack("O", object);

    if (!conf)
        return -1;
    return flux_set_conf_new(h, conf);
}

static int set_aux_string(flux_t *h, const char *key, const char *value)
{
    char *copy = strdup(value);

    if (!copy)
        return -1;
    if (flux_aux_set(h, key, copy, free) < 0) {
        free(copy);
        return -1;
    }
    return 0;
}

static void release_json(void *arg)
{
    json_decref(arg);
}

/* One string of all, blanks between them; NULL is stored if there is none. */
static int join_arguments(json_t *array, char **args)
{
    struct buf b = {0};

    for (size_t i = 0; i < json_array_size(array); i++) {
        const char *s = json_string_value(json_array_get(array, i));

        if (!s) {
            buf_release(&b);
            errno = EPROTO;
            return -1;
        }
        if (i > 0)
            buf_add_byte(&b, ' ');
        buf_add_string(&b, s);
    }
    *args = NULL;
    if (json_array_size(array) == 0)
        return 0;
    return (*args = buf_steal_string(&b)) ? 0 : -1;
}

static int keep_arguments(flux_t *h, json_t *array)
{
    json_incref(array);
    if (flux_aux_set(h, HANDLE_AUX_ARGS, array, release_json) < 0) {
        json_decref(array);
        return -1;
    }
    return 0;
}

static int
take_welcome(flux_t *h, const flux_msg_t *msg, char **args, flux_error_t *e)
{
    const char *topic, *name, *uuid;
    json_t *array, *attrs, *conf;

    if (flux_request_unpack(msg, &topic, "{s:o s:o s:o s:s s:s}", "args",
                            &array, "attrs", &attrs, "conf", &conf, "name",
                            &name, "uuid", &uuid) < 0 ||
        strcmp(topic, "welcome") != 0 || !json_is_array(array) ||
        !json_is_object(attrs) || !json_is_object(conf))
        return util_errno(e, EPROTO, "error decoding welcome message");
    if (handle_attrs_adopt(h, attrs) < 0)
        return util_error(e, "error caching broker attributes: %s",
                          strerror(errno));
    if (cache_config(h, conf) < 0)
        return util_error(e, "error caching config: %s", strerror(errno));
    if (set_aux_string(h, HANDLE_AUX_NAME, name) < 0 ||
        set_aux_string(h, HANDLE_AUX_UUID, uuid) < 0)
        return util_error(e, "error storing the module's name: %s",
                          strerror(errno));
    flux_log_set_appname(h, name);
    if (keep_arguments(h, array) < 0 ||
        (args && join_arguments(array, args) < 0))
        return util_error(e, "error decoding module arguments: %s",
                          strerror(errno));
    return 0;
}

int flux_module_initialize(flux_t *h, char **args, flux_error_t *error)
{
    flux_msg_t *msg;
    int rc;

    if (!h)
        return util_errno(error, EINVAL, "invalid argument");
    if (!(msg = flux_recv(h, FLUX_MATCH_REQUEST, 0)))
        return util_error(error, "error receiving welcome message: %s",
                          strerror(errno));
    rc = take_welcome(h, msg, args, error);
    flux_msg_decref(msg);
    return rc;
}

/* ---- status ----------------------------------------------------------------
 */

int flux_module_set_running(flux_t *h)
{
    flux_future_t *f;

    handle_cork(h, true);
    f = flux_rpc_pack(h, "module.status", FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE,
                      "{s:i}", "status", STATUS_RUNNING);
    handle_cork(h, false);
    flux_future_destroy(f);
    return f ? handle_flush(h) : -1;
}

static int set_finalizing(flux_t *h)
{
    flux_future_t *f = flux_rpc_pack(h, "module.status", FLUX_NODEID_ANY, 0,
                                     "{s:i}", "status", STATUS_FINALIZING);
    int rc = f ? flux_rpc_get(f, NULL) : -1;

    flux_future_destroy(f);
    return rc;
}

static int set_exited(flux_t *h, int errnum)
{
    flux_future_t *f =
        flux_rpc_pack(h, "module.status", FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE,
                      "{s:i s:i}", "status", STATUS_EXITED, "errnum", errnum);

    flux_future_destroy(f);
    return f ? 0 : -1;
}

static int refuse_waiting_requests(flux_t *h)
{
    flux_msg_t *msg;

    while (handle_pending(h) &&
           (msg = flux_recv(h, FLUX_MATCH_REQUEST, FLUX_O_NONBLOCK))) {
        int rc = 0;

        if (!flux_msg_is_noresponse(msg))
            rc = flux_respond_error(h, msg, ENOSYS, NULL);
        flux_msg_decref(msg);
        if (rc < 0)
            return -1;
    }
    return 0;
}

int flux_module_finalize(flux_t *h, int errnum, flux_error_t *error)
{
    if (!h)
        return util_errno(error, EINVAL, "invalid argument");
    if (set_finalizing(h) < 0)
        return util_error(error,
                          "error setting module status to FINALIZING: %s",
                          strerror(errno));
    if (refuse_waiting_requests(h) < 0)
        return util_error(error, "error answering requests at exit: %s",
                          strerror(errno));
    if (set_exited(h, errnum) < 0 || handle_flush(h) < 0)
        return util_error(error, "error setting module status to EXITED: %s",
                          strerror(errno));
    return 0;
}

/* ---- handlers --------------------------------------------------------------
 */

static void
first_prepare(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)revents;
    flux_watcher_stop(w);
    if (flux_module_set_running(arg) < 0)
        flux_reactor_stop_error(r);
}

static void
shutdown_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    (void)msg;
    (void)arg;
    flux_reactor_stop(flux_get_reactor(h));
}

static void registered_destroy(void *arg)
{
    struct registered *reg = arg;

    flux_watcher_destroy(reg->prepare);
    flux_msg_handler_destroy(reg->shutdown);
    flux_msg_handler_delvec(reg->methods);
    free(reg);
}

static struct registered *registered_create(flux_t *h)
{
    struct registered *reg = calloc(1, sizeof(*reg));

    if (!reg)
        return NULL;
    if (flux_aux_set(h, AUX_REGISTERED, reg, registered_destroy) < 0) {
        free(reg);
        return NULL;
    }
    return reg;
}

static int watch_for_reactor(flux_t *h, struct registered *reg)
{
    flux_reactor_t *r = flux_get_reactor(h);

    if (r)
        reg->prepare = flux_prepare_watcher_create(r, first_prepare, h);
    if (!reg->prepare)
        return -1;
    flux_watcher_start(reg->prepare);
    return 0;
}

static int handle_shutdown(flux_t *h, struct registered *reg, const char *name)
{
    struct flux_match match = FLUX_MATCH_REQUEST;

    if (flux_match_asprintf(&match, "%s.shutdown", name) < 0)
        return -1;
    reg->shutdown = flux_msg_handler_create(h, match, shutdown_cb, NULL);
    flux_match_free(match);
    flux_msg_handler_start(reg->shutdown);
    return reg->shutdown ? 0 : -1;
}

/* Leaves with RUNNING in one write, or in front of what is sent before. */
static int subscribe_stats_clear(flux_t *h, const char *name)
{
    char *topic = util_asprintf("%s.stats-clear", name);
    flux_future_t *f;

    handle_cork(h, true);
    f = topic ? flux_event_subscribe_ex(h, topic, FLUX_RPC_NORESPONSE) : NULL;
    handle_uncork_later(h);
    free(topic);
    flux_future_destroy(f);
    return f ? 0 : -1;
}

int flux_module_register_handlers(flux_t *h, flux_error_t *error)
{
    const char *name = h ? flux_aux_get(h, HANDLE_AUX_NAME) : NULL;
    struct registered *reg;

    if (!name)
        return util_errno(error, EINVAL, "invalid argument");
    if (!(reg = registered_create(h)))
        return util_error(error, "out of memory");
    if (subscribe_stats_clear(h, name) < 0)
        return util_error(error, "error subscribing to %s.stats-clear: %s",
                          name, strerror(errno));
    if (watch_for_reactor(h, reg) < 0)
        return util_error(error, "error creating prepare watcher: %s",
                          strerror(errno));
    if (handle_shutdown(h, reg, name) < 0 ||
        flux_register_default_methods(h, name, &reg->methods) < 0)
        return util_error(error, "error registering message handlers: %s",
                          strerror(errno));
    return 0;
}

/* ---- for mod_main ----------------------------------------------------------
 */

bool flux_module_debug_test(flux_t *h, int flag, bool clear)
{
    int *flags = flux_aux_get(h, HANDLE_AUX_DEBUG_FLAGS);

    if (!flags || !(*flags & flag))
        return false;
    if (clear)
        *flags &= ~flag;
    return true;
}
