/* trace.c - module.trace: who watches which messages of which modules
 *
 * Each watcher is a streaming request that stays open until its sender
 * cancels or goes away.  The router calls trace_message() for every message
 * of a module, but only while there is a watcher: with none, a message costs
 * one comparison.  What is shown is the message as the module sees it: "rx"
 * as it is handed to it, "tx" as it came from it.  A module may be a watcher
 * too: what the trace itself sends it is not shown, or it would never end.
 *
 * A watcher that does not read as fast as modules talk costs the broker no
 * more than BACKLOG_MAX bytes.  What comes beyond is not shown to it, but
 * counted; once half of its backlog is gone, a record tells how many messages
 * it has missed.  No module and no other watcher notices.
 *
 * Payloads are read only for a watcher who asked for them, and then only if
 * they are JSON objects (tracerec.c).
 */
#include "trace.h"

#include "json.h"
#include "link.h"
#include "serve.h"
#include "tracerec.h"
#include "util.h"

enum {
    /* Bytes queued for one watcher: less than LINK_PAUSE, so that the broker
     * still hears it cancel.
     */
    BACKLOG_MAX = LINK_PAUSE / 2,
    HELD_MAX = 64 * 1024, /* bytes of records that leave together */
};

/* Seconds that records are held for, and between looks at who missed some:
 * nobody sees it, and a busy broker writes to its watchers less often.
 */
static const double TICK = 0.005;

struct watch {
    struct list link;
    const flux_msg_t *request;
    struct flux_match match;
    json_t *names; /* array; empty: all */
    int full;
    int proto;       /* headers and routes too */
    int batch;       /* many records in one response */
    struct buf held; /* records to be sent, each with its NUL unless `batch` */
    uint32_t held_count;
    uint32_t dropped; /* messages that it has not been told of */
};

struct trace {
    flux_t *h;
    struct router *router;
    struct list watches;
    flux_watcher_t *timer; /* runs while someone has `held` or `dropped` */
    bool showing;          /* what is sent meanwhile is the trace's own */
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

/* ---- what a watcher is sent ---------------------------------------------- */

static bool keeps_up(struct trace *t, struct watch *w)
{
    struct peer *p = router_sender(t->router, w->request);
    size_t most = w->dropped ? BACKLOG_MAX / 2 : BACKLOG_MAX;

    return !p || !p->backlog || p->backlog(p) <= most;
}

static void send_batch(struct trace *t, struct watch *w)
{
    struct buf *b = &w->held;

    buf_add(b, TRACEREC_BATCH_TAIL, sizeof(TRACEREC_BATCH_TAIL));
    if (b->failed ||
        flux_respond_raw(t->h, w->request, b->data, (int)b->size) < 0)
        w->dropped += w->held_count;
}

static void send_each(struct trace *t, struct watch *w)
{
    const char *s = (const char *)w->held.data;

    for (; w->held_count > 0; w->held_count--) {
        size_t size = strlen(s) + 1;

        if (flux_respond_raw(t->h, w->request, s, (int)size) < 0)
            w->dropped++;
        s += size;
    }
}

static void send_held(struct trace *t, struct watch *w)
{
    bool outer = t->showing;

    if (w->held_count == 0)
        return;
    t->showing = true;
    if (w->batch)
        send_batch(t, w);
    else
        send_each(t, w);
    t->showing = outer;
    w->held_count = 0;
    if (w->held.capacity > 2 * HELD_MAX)
        buf_release(&w->held);
    buf_reset(&w->held);
}

/* `r`, or NULL to tell of those that were dropped.  -1 without memory. */
static int hold(struct watch *w, const struct tracerec *r)
{
    struct buf *b = &w->held;
    size_t size = b->size;

    if (w->batch)
        buf_add_string(b, size ? TRACEREC_BATCH_NEXT : TRACEREC_BATCH_HEAD);
    if (r)
        tracerec_encode(b, r);
    else
        tracerec_encode_dropped(b, flux_reactor_time(), w->dropped);
    if (!w->batch)
        buf_add_byte(b, '\0');
    if (b->failed) {
        b->size = size;
        b->failed = false;
        return -1;
    }
    w->held_count++;
    return 0;
}

static void tell_dropped(struct watch *w)
{
    if (hold(w, NULL) == 0)
        w->dropped = 0;
}

static void show(struct trace *t,
                 struct watch *w,
                 struct peer *p,
                 const char *prefix,
                 const flux_msg_t *msg)
{
    struct tracerec record = {
        flux_reactor_time(), prefix, p, msg, w->full, w->proto};

    flux_watcher_start(t->timer);
    if (w->held_count == 0 && !keeps_up(t, w)) {
        w->dropped++;
        return;
    }
    if (w->dropped > 0)
        tell_dropped(w);
    if (hold(w, &record) < 0)
        w->dropped++;
    if (w->held.size > HELD_MAX)
        send_held(t, w);
}

static void
tick(flux_reactor_t *r, flux_watcher_t *timer, int revents, void *arg)
{
    struct trace *t = arg;
    struct list *l, *following;
    bool missing = false;

    (void)r;
    (void)revents;
    LIST_FOREACH(&t->watches, l, following)
    {
        struct watch *w = LIST_ENTRY(l, struct watch, link);

        if (w->dropped > 0 && keeps_up(t, w))
            tell_dropped(w);
        send_held(t, w);
        missing = missing || w->dropped > 0;
    }
    if (!missing)
        flux_watcher_stop(timer);
}

/* ---- messages -------------------------------------------------------------
 */

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
    buf_release(&w->held);
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
    if (flux_request_unpack(msg, NULL, "{s:i s:s s:o s?b s?b s?b}", "typemask",
                            &w->match.typemask, "topic_glob", &glob, "names",
                            &names, "full", &w->full, "proto", &w->proto,
                            "batch", &w->batch) < 0 ||
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
            send_held(t, w);
            flux_respond_error(h, w->request, ENODATA, NULL);
            watch_destroy(w);
        }
    }
    update_hook(t);
}

void trace_disconnect(struct trace *t, const flux_msg_t *msg)
{
    struct list *l, *following;

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
    t->timer =
        flux_timer_watcher_create(flux_get_reactor(h), TICK, TICK, tick, t);
    if (!t->timer) {
        free(t);
        return NULL;
    }
    flux_watcher_unref(t->timer);
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
    flux_watcher_destroy(t->timer);
    free(t);
    errno = saved_errno;
}
