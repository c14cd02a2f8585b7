/* dispatch.c - gives each received message to the handler that it is for
 *
 * A handle has one dispatcher, made when first needed.  It watches the handle
 * (hwatch.c) while at least one handler is started or one response waited
 * for, and then takes messages in order:
 *
 *   request   to the newest started handler of exactly its topic, else to the
 *             newest that matches; else it is answered with ENOSYS
 *   response  to the RPC that waits for its matchtag, else to the newest
 *             handler for that matchtag, else to the newest that matches
 *   event     to all that match, newest first
 *
 * A handler sees only messages whose sender has one of its roles.  A request
 * that it may not see is answered with EPERM, anything else is dropped.
 *
 * Handlers of one topic are found in a table, responses in an array by their
 * matchtag; neither takes longer when there are many.
 *
 * Messages that have already been read are dispatched in one go, with what is
 * sent meanwhile kept back to leave in one write (handle.c), up to a limit so
 * that other watchers get their turn, and not beyond the point where a
 * handler stopped the reactor.
 *
 * A handler may stop or destroy any handler, itself too, and close the
 * handle.  What is destroyed while messages are dispatched stays in its list,
 * without being called, and is freed when the outermost dispatch is over.
 * Handlers may outlive their handle; they are never called then.
 */
#include "handle.h"
#include "matchtag.h"
#include "reactor.h"
#include "table.h"
#include "util.h"

enum {
    /* Messages of one go.  At some 5 us each, what else is due waits for less
     * than a millisecond.
     */
    BATCH_MAX = 128,
    WAITERS_MIN = 16, /* first size of the array, grown by doubling */
    NESTING = 4, /* loops run in handlers of loops: few need more than one */
};

struct waiter {
    handle_response_f cb; /* NULL: no one waits for this matchtag */
    void *arg;
    bool counts; /* as one of the users; else merely held */
};

struct dispatch {
    int refs;  /* of the handle, each handler, each dispatch under way */
    flux_t *h; /* NULL once it is closed */
    flux_watcher_t *w;
    int users;            /* handlers started and responses waited for */
    int depth;            /* dispatches under way */
    struct table *topics; /* of struct topic */
    struct list others;   /* handlers without a topic there, newest first */
    struct list dead;     /* handlers to be freed when depth is 0 */
    struct list vectors;  /* of flux_msg_handler_addvec() */
    flux_msg_t *taken[NESTING]; /* by depth: what is dispatched, or NULL */
    struct waiter *waiters;     /* by matchtag */
    uint32_t waiters_size;
    struct flux_msglist *unmatched; /* of a clone, for its original */
};

/* Those who handle requests of one topic. */
struct topic {
    struct list handlers; /* newest first, never empty */
};

struct vector {
    struct list link;
    flux_msg_handler_t *handlers[]; /* and a NULL */
};

struct flux_msg_handler {
    struct list link; /* in its topic's list, or in `others` */
    struct list dead_link;
    struct dispatch *d;
    struct flux_match match; /* topic_glob is a copy */
    uint32_t rolemask;
    flux_msg_handler_f cb;
    void *arg;
    bool exact; /* in d->topics */
    bool started;
};

/* ---- the dispatcher ----------------------------------------------------- */

static void dispatch_decref(struct dispatch *d)
{
    if (--d->refs > 0)
        return;
    list_remove(&d->vectors);
    table_destroy(d->topics);
    flux_msglist_destroy(d->unmatched);
    free(d->waiters);
    free(d);
}

static void dispatch_close(void *arg)
{
    struct dispatch *d = arg;

    flux_watcher_destroy(d->w);
    d->w = NULL;
    d->h = NULL;
    dispatch_decref(d);
}

static void add_user(struct dispatch *d)
{
    if (d->users++ == 0)
        flux_watcher_start(d->w);
}

static void drop_user(struct dispatch *d)
{
    if (--d->users == 0)
        flux_watcher_stop(d->w);
}

static void
dispatch_ready(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg);

static struct dispatch *dispatch_alloc(flux_t *h)
{
    struct dispatch *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->refs = 1;
    d->h = h;
    list_init(&d->others);
    list_init(&d->dead);
    list_init(&d->vectors);
    if (!(d->topics = table_create(free)) ||
        !(d->unmatched = flux_msglist_create())) {
        dispatch_decref(d);
        return NULL;
    }
    return d;
}

static struct dispatch *dispatch_create(flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor(h);
    struct dispatch *d = r ? dispatch_alloc(h) : NULL;

    if (!d)
        return NULL;
    d->w = flux_handle_watcher_create(r, h, FLUX_POLLIN, dispatch_ready, d);
    if (!d->w || flux_aux_set(h, HANDLE_AUX_DISPATCH, d, dispatch_close) < 0) {
        dispatch_close(d);
        return NULL;
    }
    return d;
}

static struct dispatch *dispatch_of(flux_t *h)
{
    struct dispatch *d = flux_aux_get(h, HANDLE_AUX_DISPATCH);

    return d ? d : dispatch_create(h);
}

flux_watcher_t *flux_get_handle_watcher(flux_t *h)
{
    struct dispatch *d;

    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    d = dispatch_of(h);
    return d ? d->w : NULL;
}

/* ---- responses waited for ------------------------------------------------ */

static int grow_waiters(struct dispatch *d, uint32_t matchtag)
{
    uint32_t size = d->waiters_size ? d->waiters_size : WAITERS_MIN;
    struct waiter *waiters;

    while (size <= matchtag)
        size *= 2;
    if (!(waiters = realloc(d->waiters, size * sizeof(*waiters))))
        return -1;
    memset(waiters + d->waiters_size, 0,
           (size - d->waiters_size) * sizeof(*waiters));
    d->waiters = waiters;
    d->waiters_size = size;
    return 0;
}

static int
set_waiter(struct dispatch *d, uint32_t matchtag, struct waiter waiter)
{
    if (matchtag == FLUX_MATCHTAG_NONE || matchtag >= MATCHTAG_LIMIT) {
        errno = EINVAL;
        return -1;
    }
    if (matchtag >= d->waiters_size && grow_waiters(d, matchtag) < 0)
        return -1;
    if (d->waiters[matchtag].counts) {
        errno = EEXIST;
        return -1;
    }
    d->waiters[matchtag] = waiter;
    if (waiter.counts)
        add_user(d);
    return 0;
}

int handle_response_add(flux_t *h,
                        uint32_t matchtag,
                        handle_response_f cb,
                        void *arg)
{
    struct dispatch *d = dispatch_of(h);

    return d ? set_waiter(d, matchtag, (struct waiter){cb, arg, true}) : -1;
}

int handle_response_hold(flux_t *h,
                         uint32_t matchtag,
                         handle_response_f cb,
                         void *arg)
{
    struct dispatch *d = flux_aux_get(h, HANDLE_AUX_DISPATCH);

    return d ? set_waiter(d, matchtag, (struct waiter){cb, arg, false}) : 0;
}

void handle_response_remove(flux_t *h, uint32_t matchtag)
{
    struct dispatch *d = flux_aux_get(h, HANDLE_AUX_DISPATCH);
    bool counts;

    if (!d || matchtag >= d->waiters_size)
        return;
    counts = d->waiters[matchtag].counts;
    d->waiters[matchtag] = (struct waiter){NULL, NULL, false};
    if (counts)
        drop_user(d);
}

/* ---- handlers ------------------------------------------------------------ */

/* Those in the table of topics: for requests, of one topic. */
static bool match_is_exact(const struct flux_match *m)
{
    return m->typemask == FLUX_MSGTYPE_REQUEST && m->topic_glob &&
           m->matchtag == FLUX_MATCHTAG_NONE && !strpbrk(m->topic_glob, "*?[");
}

static struct topic *topic_create(struct dispatch *d, const char *name)
{
    struct topic *t = malloc(sizeof(*t));

    if (!t)
        return NULL;
    list_init(&t->handlers);
    if (table_set(d->topics, name, t) < 0) {
        free(t);
        return NULL;
    }
    return t;
}

static int handler_insert(flux_msg_handler_t *mh)
{
    struct dispatch *d = mh->d;
    struct topic *t;

    mh->exact = match_is_exact(&mh->match);
    if (!mh->exact) {
        list_prepend(&d->others, &mh->link);
        return 0;
    }
    t = table_get(d->topics, mh->match.topic_glob);
    if (!t && !(t = topic_create(d, mh->match.topic_glob)))
        return -1;
    list_prepend(&t->handlers, &mh->link);
    return 0;
}

static void handler_remove(flux_msg_handler_t *mh)
{
    struct dispatch *d = mh->d;
    struct topic *t;

    list_remove(&mh->link);
    if (!mh->exact)
        return;
    t = table_get(d->topics, mh->match.topic_glob);
    if (t && list_empty(&t->handlers))
        table_remove(d->topics, mh->match.topic_glob);
}

static void handler_free(flux_msg_handler_t *mh)
{
    handler_remove(mh);
    list_remove(&mh->dead_link);
    dispatch_decref(mh->d);
    free((char *)mh->match.topic_glob);
    free(mh);
}

static int handler_init(flux_msg_handler_t *mh,
                        struct dispatch *d,
                        struct flux_match match)
{
    mh->d = d;
    d->refs++;
    list_init(&mh->link);
    list_init(&mh->dead_link);
    mh->rolemask = FLUX_ROLE_OWNER;
    mh->match = match;
    if (match.topic_glob && !(mh->match.topic_glob = strdup(match.topic_glob)))
        return -1;
    return handler_insert(mh);
}

flux_msg_handler_t *flux_msg_handler_create(flux_t *h,
                                            const struct flux_match match,
                                            flux_msg_handler_f cb,
                                            void *arg)
{
    struct dispatch *d;
    flux_msg_handler_t *mh;

    if (!h || !cb) {
        errno = EINVAL;
        return NULL;
    }
    if (!(d = dispatch_of(h)) || !(mh = calloc(1, sizeof(*mh))))
        return NULL;
    mh->cb = cb;
    mh->arg = arg;
    if (handler_init(mh, d, match) < 0) {
        handler_free(mh);
        return NULL;
    }
    return mh;
}

void flux_msg_handler_start(flux_msg_handler_t *mh)
{
    if (!mh || mh->started)
        return;
    mh->started = true;
    add_user(mh->d);
}

void flux_msg_handler_stop(flux_msg_handler_t *mh)
{
    if (!mh || !mh->started)
        return;
    mh->started = false;
    drop_user(mh->d);
}

void flux_msg_handler_destroy(flux_msg_handler_t *mh)
{
    int saved = errno;

    if (!mh)
        return;
    flux_msg_handler_stop(mh);
    if (mh->d->depth == 0)
        handler_free(mh);
    else if (list_empty(&mh->dead_link))
        list_append(&mh->d->dead, &mh->dead_link);
    errno = saved;
}

void flux_msg_handler_allow_rolemask(flux_msg_handler_t *mh, uint32_t rolemask)
{
    if (mh)
        mh->rolemask |= rolemask;
}

void flux_msg_handler_deny_rolemask(flux_msg_handler_t *mh, uint32_t rolemask)
{
    if (mh)
        mh->rolemask &= ~rolemask | FLUX_ROLE_OWNER;
}

/* ---- tables of handlers ---------------------------------------------------
 */

static bool spec_is_end(const struct flux_msg_handler_spec *spec)
{
    return !spec->typemask && !spec->topic_glob && !spec->cb;
}

static flux_msg_handler_t *
create_from_spec(flux_t *h,
                 const char *service,
                 const struct flux_msg_handler_spec *spec,
                 void *arg)
{
    struct flux_match match = {spec->typemask, FLUX_MATCHTAG_NONE,
                               spec->topic_glob};
    char *topic = NULL;
    flux_msg_handler_t *mh;

    if (service && spec->topic_glob) {
        if (!(topic = util_asprintf("%s.%s", service, spec->topic_glob)))
            return NULL;
        match.topic_glob = topic;
    }
    if ((mh = flux_msg_handler_create(h, match, spec->cb, arg))) {
        flux_msg_handler_allow_rolemask(mh, spec->rolemask);
        flux_msg_handler_start(mh);
    }
    free(topic);
    return mh;
}

static struct vector *vector_create(flux_t *h, size_t count)
{
    struct dispatch *d = dispatch_of(h);
    struct vector *v =
        d ? calloc(1, sizeof(*v) + (count + 1) * sizeof(*v->handlers)) : NULL;

    if (v)
        list_append(&d->vectors, &v->link);
    return v;
}

static void vector_destroy(struct vector *v)
{
    list_remove(&v->link);
    free(v);
}

int flux_msg_handler_addvec_ex(flux_t *h,
                               const char *service_name,
                               const struct flux_msg_handler_spec tab[],
                               void *arg,
                               flux_msg_handler_t **msg_handlers[])
{
    struct vector *v;
    size_t count = 0;

    if (!h || !tab || !msg_handlers) {
        errno = EINVAL;
        return -1;
    }
    while (!spec_is_end(&tab[count]))
        count++;
    if (!(v = vector_create(h, count)))
        return -1;
    for (size_t i = 0; i < count; i++) {
        v->handlers[i] = create_from_spec(h, service_name, &tab[i], arg);
        if (!v->handlers[i]) {
            flux_msg_handler_delvec(v->handlers);
            return -1;
        }
    }
    *msg_handlers = v->handlers;
    return 0;
}

int flux_msg_handler_addvec(flux_t *h,
                            const struct flux_msg_handler_spec tab[],
                            void *arg,
                            flux_msg_handler_t **msg_handlers[])
{
    return flux_msg_handler_addvec_ex(h, NULL, tab, arg, msg_handlers);
}

void flux_msg_handler_delvec(flux_msg_handler_t *msg_handlers[])
{
    int saved = errno;
    struct vector *v;

    if (!msg_handlers)
        return;
    v = (struct vector *)((char *)msg_handlers -
                          offsetof(struct vector, handlers));
    list_remove(&v->link);
    for (size_t i = 0; msg_handlers[i]; i++)
        flux_msg_handler_destroy(msg_handlers[i]);
    free(v);
    errno = saved;
}

/* ---- who gets a message ----------------------------------------------------
 */

static flux_msg_handler_t *find_exact(struct dispatch *d, const flux_msg_t *msg)
{
    struct topic *t = NULL;
    struct list *l;
    struct list *following;

    if (msg->topic)
        t = table_getn(d->topics, msg->topic, msg->topic_size - 1);
    if (!t)
        return NULL;
    LIST_FOREACH(&t->handlers, l, following)
    {
        flux_msg_handler_t *mh = LIST_ENTRY(l, flux_msg_handler_t, link);

        if (mh->started)
            return mh;
    }
    return NULL;
}

static bool handler_matches(const flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    return mh->started && flux_msg_cmp(msg, mh->match);
}

/* `tagged`: among those for one matchtag, else among all. */
static flux_msg_handler_t *
find_other(struct dispatch *d, const flux_msg_t *msg, bool tagged)
{
    struct list *l;
    struct list *following;

    LIST_FOREACH(&d->others, l, following)
    {
        flux_msg_handler_t *mh = LIST_ENTRY(l, flux_msg_handler_t, link);

        if (tagged && mh->match.matchtag == FLUX_MATCHTAG_NONE)
            continue;
        if (handler_matches(mh, msg))
            return mh;
    }
    return NULL;
}

static bool handler_allows(const flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    return (mh->rolemask & msg->rolemask) != 0;
}

static void
call(struct dispatch *d, flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    mh->cb(d->h, mh, msg, mh->arg);
}

static void
refuse(struct dispatch *d, const flux_msg_handler_t *mh, const flux_msg_t *msg)
{
    if (flux_msg_is_noresponse(msg))
        return;
    flux_respond_error(d->h, msg, EPERM,
                       mh->rolemask == FLUX_ROLE_OWNER
                           ? "Request requires owner credentials"
                           : "Request rejected due to insufficient privilege");
}

static void answer_unknown(struct dispatch *d, const flux_msg_t *msg)
{
    char *text;

    if (flux_msg_is_noresponse(msg))
        return;
    text = util_asprintf("Unknown service method '%s'",
                         msg->topic ? msg->topic : "unknown");
    flux_respond_error(d->h, msg, ENOSYS, text);
    free(text);
}

/* In a clone, for flux_dispatch_requeue(). */
static bool keep_unmatched(struct dispatch *d, const flux_msg_t *msg)
{
    if (!(flux_flags_get(d->h) & FLUX_O_CLONE))
        return false;
    flux_msglist_append(d->unmatched, msg);
    return true;
}

static void dispatch_request(struct dispatch *d, const flux_msg_t *msg)
{
    flux_msg_handler_t *mh = find_exact(d, msg);

    if (!mh)
        mh = find_other(d, msg, false);
    if (mh && handler_allows(mh, msg))
        call(d, mh, msg);
    else if (mh)
        refuse(d, mh, msg);
    else if (!keep_unmatched(d, msg))
        answer_unknown(d, msg);
}

/* Its call was given up; with the last response the matchtag is free (RFC 6).
 */
static void abandon_response(struct dispatch *d, const flux_msg_t *msg)
{
    if (msg->a != 0 || !flux_msg_is_streaming(msg))
        flux_matchtag_free(d->h, msg->b);
}

static void dispatch_one(struct dispatch *d, const flux_msg_t *msg)
{
    flux_msg_handler_t *mh = find_other(d, msg, true);

    if (!mh)
        mh = find_other(d, msg, false);
    if (mh && handler_allows(mh, msg))
        call(d, mh, msg);
    else if (!mh && !keep_unmatched(d, msg) &&
             msg->type == FLUX_MSGTYPE_RESPONSE)
        abandon_response(d, msg);
}

static void dispatch_response(struct dispatch *d, const flux_msg_t *msg)
{
    uint32_t matchtag = msg->b;

    if (matchtag < d->waiters_size && d->waiters[matchtag].cb)
        d->waiters[matchtag].cb(msg, d->waiters[matchtag].arg);
    else
        dispatch_one(d, msg);
}

static void dispatch_event(struct dispatch *d, const flux_msg_t *msg)
{
    bool matched = false;
    struct list *l;
    struct list *following;

    LIST_FOREACH(&d->others, l, following)
    {
        flux_msg_handler_t *mh = LIST_ENTRY(l, flux_msg_handler_t, link);

        if (!d->h || !handler_matches(mh, msg))
            continue;
        matched = true;
        if (handler_allows(mh, msg))
            call(d, mh, msg);
    }
    if (!matched)
        keep_unmatched(d, msg);
}

static void dispatch_message(struct dispatch *d, const flux_msg_t *msg)
{
    switch (msg->type) {
    case FLUX_MSGTYPE_REQUEST:
        dispatch_request(d, msg);
        break;
    case FLUX_MSGTYPE_RESPONSE:
        dispatch_response(d, msg);
        break;
    case FLUX_MSGTYPE_EVENT:
        dispatch_event(d, msg);
        break;
    default:
        dispatch_one(d, msg);
    }
}

/* ---- taking messages -------------------------------------------------------
 */

static bool goes_on(struct dispatch *d, flux_reactor_t *r)
{
    return d->users > 0 && flux_watcher_is_active(d->w) &&
           !reactor_is_stopping(r) && handle_pending(d->h);
}

static void note_taken(struct dispatch *d, flux_msg_t *msg)
{
    if (d->depth <= NESTING)
        d->taken[d->depth - 1] = msg;
}

/* Dispatch `msg`, which is taken, and what else is there without a read. */
static void
dispatch_batch(struct dispatch *d, flux_reactor_t *r, flux_msg_t *msg)
{
    flux_t *h = d->h;
    bool cork = handle_pending(h);

    if (cork)
        handle_cork(h, true);
    for (int count = 1; msg; count++) {
        note_taken(d, msg);
        dispatch_message(d, msg);
        note_taken(d, NULL);
        flux_msg_decref(msg);
        if (count == BATCH_MAX || !goes_on(d, r))
            break;
        if (handle_flush_due(h))
            handle_flush(h);
        msg = flux_recv(h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
    }
    if (cork)
        handle_cork(h, false);
}

static void sweep(struct dispatch *d)
{
    while (d->depth == 0 && !list_empty(&d->dead)) {
        struct list *l = d->dead.next;

        handler_free(LIST_ENTRY(l, flux_msg_handler_t, dead_link));
    }
}

static void
dispatch_ready(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct dispatch *d = arg;
    flux_t *h = flux_incref(d->h);
    flux_msg_t *msg;

    (void)w;
    (void)revents;
    d->refs++;
    d->depth++;
    if ((msg = flux_recv(h, FLUX_MATCH_ANY, FLUX_O_NONBLOCK)))
        dispatch_batch(d, r, msg);
    else if (errno != EAGAIN)
        flux_reactor_stop_error(r);
    d->depth--;
    sweep(d);
    dispatch_decref(d);
    flux_decref(h);
}

int flux_dispatch_requeue(flux_t *h)
{
    struct dispatch *d;
    const flux_msg_t *msg;

    if (!h || !(flux_flags_get(h) & FLUX_O_CLONE)) {
        errno = EINVAL;
        return -1;
    }
    d = flux_aux_get(h, HANDLE_AUX_DISPATCH);
    while (d && (msg = flux_msglist_last(d->unmatched))) {
        if (flux_requeue(h, msg, FLUX_RQ_HEAD) < 0)
            return -1;
        flux_msglist_delete(d->unmatched);
    }
    return 0;
}

/* ---- behind a thread that was cancelled ------------------------------------
 */

struct dispatch *handle_dispatch_abandon(flux_t *h)
{
    struct dispatch *d = flux_aux_get(h, HANDLE_AUX_DISPATCH);

    if (!d)
        return NULL;
    d->refs += 1 - d->depth;
    d->depth = 0;
    for (int i = 0; i < NESTING; i++) {
        flux_msg_decref(d->taken[i]);
        d->taken[i] = NULL;
    }
    sweep(d);
    return d;
}

/* A topic goes with the last one. */
static void free_first(struct list *handlers)
{
    handler_free(LIST_ENTRY(handlers->next, flux_msg_handler_t, link));
}

void handle_dispatch_reclaim(struct dispatch *d)
{
    struct table_entry *e;

    if (!d)
        return;
    while ((e = table_after(d->topics, NULL)))
        free_first(&((struct topic *)e->value)->handlers);
    while (!list_empty(&d->others))
        free_first(&d->others);
    while (!list_empty(&d->vectors))
        vector_destroy(LIST_ENTRY(d->vectors.next, struct vector, link));
    dispatch_decref(d);
}
