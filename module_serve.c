/* module_serve.c - the requests of module.*
 *
 * module.load is answered when the module runs, module.remove when it is
 * gone (module.c); the others at once.  What Flux's requests do not have is
 * optional here: load takes `wrap` (array), `on-failure`, `load-timeout` in
 * seconds, within which the module must say that it runs, `from`, a file to
 * load in the place of that at the path, and `hold`, which keeps what waits
 * for the module waiting if it fails; remove takes
 * `timeout` in seconds, and says in its answer which step of force it `took`,
 * if it came to that, and `hold`, the seconds for which requests may wait for
 * the next module of its name (module_hold.c), and `unless-used`, which
 * refuses it with EBUSY if there are requests that the module has not
 * answered; list adds the keys from `kind` on.
 * module.info tells all of one module, module.stats what is counted of all of
 * them, or of the one that is named (module_info.c); Flux has neither.
 *
 * module.debug, .load and .remove are for the owner, who may do anything.
 * module.status is for modules; from anyone else it is answered and changes
 * nothing.  A module whose status cannot be read for want of memory is made to
 * end, since no one would know what it does.
 */
#include "module_info.h"

#include "serve.h"
#include "trace.h"
#include "util.h"

enum { USERS_NAMED = 5 /* in the text of an error */ };

/* ---- load, remove -------------------------------------------------------- */

/* Takes `reason`, which says more than `e` if there is one. */
static void
refuse(flux_t *h, const flux_msg_t *msg, const flux_error_t *e, char *reason)
{
    const char *text = reason ? reason : e->text;

    flux_respond_error(h, msg, errno, *text ? text : NULL);
    free(reason);
}

static void
load_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_error_t e = {""};
    struct module *m = NULL;
    char *reason = NULL;
    json_t *request;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "o", &request) < 0 ||
        !(m = module_load(arg, request, &e, &reason))) {
        refuse(h, msg, &e, reason);
        return;
    }
    if (m->state == MODULE_RUNNING)
        flux_respond(h, msg, NULL);
    else
        m->load_request = flux_msg_incref(msg);
}

struct removal {
    const char *name; /* or path */
    int cancel;
    double timeout; /* 0: none */
    double hold;    /* requests so long for a module of its name; 0: not */
    int unless_used;
};

static int decode_removal(const flux_msg_t *msg, struct removal *r)
{
    memset(r, 0, sizeof(*r));
    if (flux_request_unpack(msg, NULL, "{s:s s?b s?F s?F s?b}", "name",
                            &r->name, "cancel", &r->cancel, "timeout",
                            &r->timeout, "hold", &r->hold, "unless-used",
                            &r->unless_used) < 0)
        return -1;
    if (r->timeout < 0 || r->hold < 0) {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

static void add_user(struct buf *b, json_t *user)
{
    const char *name = json_string_value(json_object_get(user, "name"));
    json_t *pid = json_object_get(user, "pid");
    json_t *uid = json_object_get(user, "userid");
    int requests = json_integer_value(json_object_get(user, "requests"));

    buf_printf(b, "%s%s", b->size ? ", " : "", name);
    if (pid)
        buf_printf(b, " (pid %d, uid %d)", (int)json_integer_value(pid),
                   (int)json_integer_value(uid));
    buf_printf(b, " waits for %d answer%s", requests, requests == 1 ? "" : "s");
}

/* Who waits for it, in words, new memory; NULL if it is no one. */
static char *name_users(struct module *m)
{
    json_t *users = module_info_users(m);
    size_t n = json_array_size(users);
    struct buf b = {0};

    for (size_t i = 0; i < n && i < USERS_NAMED; i++)
        add_user(&b, json_array_get(users, i));
    if (n > USERS_NAMED)
        buf_printf(&b, " and %zu more", n - USERS_NAMED);
    json_decref(users);
    return n > 0 ? buf_steal_string(&b) : NULL;
}

/* Whether someone waits for it, who has been told then. */
static bool
refuse_used(struct module *m, const struct removal *r, const flux_msg_t *msg)
{
    char *users;

    if (!r->unless_used || m->removing || m->set->given_up ||
        !(users = name_users(m)))
        return false;
    flux_respond_error(m->set->h, msg, EBUSY, users);
    free(users);
    return true;
}

static void
end_module(struct module *m, const struct removal *r, const flux_msg_t *msg)
{
    if (refuse_used(m, r, msg))
        return;
    if ((r->hold > 0 && module_hold_begin(m, r->hold, msg) < 0) ||
        flux_msglist_append(m->remove_requests, msg) < 0) {
        flux_respond_error(m->set->h, msg, errno, NULL);
        return;
    }
    if (r->cancel)
        module_cancel(m);
    else if (!m->removing)
        module_shut_down(m);
    if (r->timeout > 0)
        module_force_after(m, r->timeout);
}

static void
remove_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct removal r;
    struct module *m;

    (void)mh;
    if (decode_removal(msg, &r) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else if ((m = module_set_find(arg, r.name)) ||
             (m = module_set_find_path(arg, r.name)))
        end_module(m, &r, msg);
    else if (module_restart_forget(arg, r.name))
        flux_respond(h, msg, NULL);
    else
        flux_respond_error(h, msg, ENOENT, NULL);
}

/* ---- list, debug, status ---------------------------------------------------
 */

static void
list_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct module_set *s = arg;
    json_t *mods = json_array();
    struct module *m = NULL;

    (void)mh;
    while (mods && (m = module_set_next(s, m)))
        json_array_append_new(mods, module_info_entry(m));
    if (mods)
        module_restart_list(s, mods);
    if (!mods)
        flux_respond_error(h, msg, ENOMEM, NULL);
    else
        flux_respond_pack(h, msg, "{s:o}", "mods", mods);
}

/* Whose failure is all that is left of it. */
static void
refuse_info(struct module_set *s, const flux_msg_t *msg, const char *name)
{
    json_t *failure = module_info_failure(s, name);
    const char *reason = NULL, *lines = "";
    char *text;

    json_unpack(failure, "{s:s s?s}", "reason", &reason, "lines", &lines);
    text = reason ? util_asprintf("%s is not loaded; it failed: %s%s%s", name,
                                  reason, *lines ? "\n" : "", lines)
                  : util_asprintf("%s is not loaded", name);
    flux_respond_error(s->h, msg, ENOENT, text);
    free(text);
}

static json_t *all_of(struct module_set *s, const char *name)
{
    struct module *m = module_set_find(s, name);

    if (!m)
        m = module_set_find_path(s, name);
    return m ? module_info_all(m) : module_restart_find(s, name);
}

static void
info_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name;
    json_t *all;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s}", "name", &name) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else if ((all = all_of(arg, name)))
        flux_respond_pack(h, msg, "o", all);
    else
        refuse_info(arg, msg, name);
}

static json_t *stats_of(struct module_set *s, const char *name)
{
    json_t *mods = json_array();
    struct module *m = NULL;

    while (mods && (m = module_set_next(s, m)))
        if (!name || strcmp(m->name, name) == 0)
            json_array_append_new(mods, module_info_stats(m));
    return mods;
}

static void
stats_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct module_set *s = arg;
    const char *name = NULL;
    json_t *mods;

    (void)mh;
    if (flux_msg_has_payload(msg) &&
        flux_request_unpack(msg, NULL, "{s?s}", "name", &name) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    mods = stats_of(s, name);
    if (name && json_array_size(mods) == 0) {
        json_decref(mods);
        flux_respond_error(h, msg, ENOENT, "module is not loaded");
        return;
    }
    flux_respond_pack(h, msg, "{s:i s:f s:o}", "rank",
                      (int)router_rank(s->router), "time", flux_reactor_time(),
                      "mods", mods);
}

static void
debug_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name;
    int defer = -1;
    struct module *m;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s s?b}", "name", &name, "defer",
                            &defer) < 0 ||
        !(m = module_set_find(arg, name))) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    if (defer >= 0)
        router_defer(m->peer, defer);
    flux_respond(h, msg, NULL);
}

static void end_unread(struct module *m)
{
    flux_log(module_broker_handle(m), LOG_ERR, "%s: no memory for its status",
             m->name);
    module_cancel(m);
}

static void
status_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct module *m = module_set_find_sender(arg, msg);
    int status, errnum = 0;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:i s?i}", "status", &status, "errnum",
                            &errnum) < 0) {
        if (m && errno == ENOMEM)
            end_unread(m);
        flux_respond_error(h, msg, EPROTO,
                           "error decoding module.status request");
        return;
    }
    if (m && module_take_status(m, status, errnum) < 0)
        flux_respond_error(h, msg, errno, "status does not fit the state");
    else if (!flux_msg_is_noresponse(msg))
        flux_respond(h, msg, NULL);
}

/* Said in a module's name by the broker itself; from others it is nothing. */
static void
gone_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct module *m = module_set_find_sender(arg, msg);

    (void)mh;
    if (m && m->over)
        module_bury(m);
    else
        flux_respond_error(h, msg, EPROTO, NULL);
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct module_set *s = arg;

    (void)h;
    (void)mh;
    trace_disconnect(s->trace, msg);
    module_hold_disconnect(s, msg);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "module.load", load_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "module.remove", remove_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "module.list", list_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "module.info", info_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "module.stats", stats_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "module.status", status_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "module.debug", debug_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "module.gone", gone_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "module.disconnect", disconnect_cb, FLUX_ROLE_ALL},
    FLUX_MSGHANDLER_TABLE_END,
};

int module_serve(struct module_set *s)
{
    if (serve_handlers(s->h, handlers, s) < 0)
        return -1;
    return trace_serve(s->trace);
}
