/* trace.c - module.trace: who watches which messages of which modules
 *
 * Each watcher is a streaming request that stays open until its sender
 * cancels or goes away.  The router calls trace_message() for every message
 * of a module, but only while there is a watcher: with none, a message costs
 * one comparison.  What is shown is the message as the module sees it: "rx"
 * as it is handed to it, "tx" as it came from it.  A module may be a watcher
 * too: what the trace itself sends it is not shown, or it would never end.
 *
 * Payloads are read only for a watcher who asked for them, and then only if
 * they are JSON objects.
 */
#include "trace.h"

#include "json.h"
#include "serve.h"
#include "util.h"

struct watch {
    struct list link;
    const flux_msg_t *request;
    struct flux_match match;
    json_t *names; /* array; empty: all */
    int full;
};

struct trace {
    flux_t *h;
    struct router *router;
    struct list watches;
    bool showing; /* what is sent meanwhile is the trace's own */
};

static bool is_named(struct watch *w, const char *name)
{
    size_t i;
    json_t *value;

    if (json_array_size(w->names) == 0)
        return true;
    json_array_foreach(w->names, i, value) if (strcmp(json_string_value(value),
                                                      name) == 0) return true;
    return false;
}

static json_t *payload_object(const flux_msg_t *msg)
{
    json_t *o;

    if (msg->payload_size > 0 && flux_msg_unpack(msg, "o", &o) == 0)
        return json_incref(o);
    return json_null();
}

static int errnum_of(const flux_msg_t *msg)
{
    return msg->type == FLUX_MSGTYPE_RESPONSE ? (int)msg->a : 0;
}

static const char *errstr_of(const flux_msg_t *msg)
{
    const char *s;

    if (errnum_of(msg) && flux_msg_get_string(msg, &s) == 0 && s)
        return s;
    return "";
}

static void show(struct trace *t,
                 struct watch *w,
                 struct peer *p,
                 const char *prefix,
                 const flux_msg_t *msg)
{
    flux_respond_pack(
        t->h, w->request, "{s:f s:s s:i s:s s:i s:s s:i s:o s:i s:s}",
        "timestamp", flux_reactor_time(), "prefix", prefix, "rank", -1, "name",
        p->name, "type", (int)msg->type, "topic", msg->topic ? msg->topic : "",
        "payload_size", (int)msg->payload_size, "payload",
        w->full ? payload_object(msg) : json_null(), "errnum", errnum_of(msg),
        "errstr", w->full ? errstr_of(msg) : "");
}

static void trace_message(struct peer *p,
                          const char *prefix,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct trace *t = arg;
    struct list *l, *following;

    if (t->showing)
        return;
    t->showing = true;
    LIST_FOREACH(&t->watches, l, following)
    {
        struct watch *w = LIST_ENTRY(l, struct watch, link);

        if (is_named(w, p->name) && flux_msg_cmp(msg, w->match))
            show(t, w, p, prefix, msg);
    }
    t->showing = false;
}

static void update_hook(struct trace *t)
{
    router_trace_set(t->router, list_empty(&t->watches) ? NULL : trace_message,
                     t);
}

static void watch_destroy(struct watch *w)
{
    list_remove(&w->link);
    flux_msg_decref(w->request);
    flux_match_free(w->match);
    json_decref(w->names);
    free(w);
}

static bool good_names(json_t *names)
{
    size_t i;
    json_t *value;

    json_array_foreach(names, i,
                       value) if (!json_is_string(value)) return false;
    return json_is_array(names);
}

static struct watch *watch_create(const flux_msg_t *msg)
{
    struct watch *w = calloc(1, sizeof(*w));
    const char *glob;
    json_t *names;

    if (!w)
        return NULL;
    list_init(&w->link);
    if (flux_request_unpack(msg, NULL, "{s:i s:s s:o s?b}", "typemask",
                            &w->match.typemask, "topic_glob", &glob, "names",
                            &names, "full", &w->full) < 0 ||
        !flux_msg_is_streaming(msg) || !good_names(names)) {
        free(w);
        errno = EPROTO;
        return NULL;
    }
    w->names = json_incref(names);
    w->request = flux_msg_incref(msg);
    if (!(w->match.topic_glob = strdup(glob))) {
        watch_destroy(w);
        return NULL;
    }
    return w;
}

static void
trace_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct trace *t = arg;
    struct watch *w = watch_create(msg);

    (void)mh;
    if (!w) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    list_append(&t->watches, &w->link);
    update_hook(t);
}

static void
cancel_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct trace *t = arg;
    struct list *l, *following;

    (void)mh;
    LIST_FOREACH(&t->watches, l, following)
    {
        struct watch *w = LIST_ENTRY(l, struct watch, link);

        if (flux_cancel_match(msg, w->request)) {
            flux_respond_error(h, w->request, ENODATA, NULL);
            watch_destroy(w);
        }
    }
    update_hook(t);
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct trace *t = arg;
    struct list *l, *following;

    (void)h;
    (void)mh;
    LIST_FOREACH(&t->watches, l, following)
    {
        struct watch *w = LIST_ENTRY(l, struct watch, link);

        if (flux_disconnect_match(msg, w->request))
            watch_destroy(w);
    }
    update_hook(t);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "module.trace", trace_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "module.trace-cancel", cancel_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "module.disconnect", disconnect_cb, FLUX_ROLE_ALL},
    FLUX_MSGHANDLER_TABLE_END,
};

int trace_serve(struct trace *t)
{
    return serve_handlers(t->h, handlers, t);
}

struct trace *trace_create(flux_t *h, struct router *router)
{
    struct trace *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->h = h;
    t->router = router;
    list_init(&t->watches);
    return t;
}

void trace_destroy(struct trace *t)
{
    struct list *l, *following;
    int saved_errno = errno;

    if (!t)
        return;
    LIST_FOREACH(&t->watches, l, following)
    watch_destroy(LIST_ENTRY(l, struct watch, link));
    router_trace_set(t->router, NULL, NULL);
    free(t);
    errno = saved_errno;
}
