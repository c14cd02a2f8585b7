/* future.c - a container for a result that comes later
 *
 * A future holds one current result (a value or an error), those that came
 * after it, and perhaps one fatal error that wins over all.  Results are
 * counted, so that flux_future_fulfill_with() shares one between two futures,
 * and either may be reset or destroyed first.
 *
 * It can be waited for in two contexts.  In the "then" context its init
 * callback works on the user's reactor.  When the future is fulfilled it is
 * put into the queue of that reactor, and a check watcher runs the
 * continuations that it finds there at the end of the turn; an idle watcher
 * keeps the reactor from sleeping and from ending as long as there are any.
 * All futures of a handle share one queue, kept with the handle; one that was
 * given a reactor of its own has a queue of its own.  A future that nobody
 * fulfils does not keep a reactor running.
 *
 * In the "now" context, flux_future_wait_for(), the init callback works on a
 * temporary reactor and a clone of the handle, so that nothing else runs
 * meanwhile.  A future whose ops can wait by themselves needs neither.
 *
 * A continuation is never called from the function that fulfils, is called
 * once for each result, and may destroy or reset its future.  The future holds
 * a reference on its handle and its reactor, so it may outlive the user's.
 */
#include "future.h"

#include "handle.h"
#include "reactor.h"

#define FUTURE_QUEUE_AUX "flux::future_queue"

struct future_result {
    int refs;   /* 0: static, not counted */
    int errnum; /* 0: a value */
    char *errstr;
    void *value;
    flux_free_f free_value;
};

/* A result that waits behind the current one. */
struct future_later {
    struct list link;
    const struct future_result *result;
};

struct future_queue {
    int refs;
    flux_reactor_t *reactor;
    flux_watcher_t *check;
    flux_watcher_t *idle;
    struct list ready; /* futures whose continuation is due */
    size_t count;
    int running; /* calls of queue_run() under way, each with a reference */
};

struct future_now {
    flux_reactor_t *reactor;
    flux_t *h; /* clone, or NULL */
    bool initialized;
    int running; /* depth of flux_future_wait_for() */
};

static const struct future_result result_no_memory = {0, ENOMEM, NULL, NULL,
                                                      NULL};

/* ---- results ---------------------------------------------------------- */

static const struct future_result *result_incref(const struct future_result *r)
{
    if (r->refs > 0)
        ((struct future_result *)r)->refs++;
    return r;
}

static void result_decref(const struct future_result *shared)
{
    struct future_result *r = (struct future_result *)shared;
    if (!r || r->refs == 0 || --r->refs > 0)
        return;
    if (r->free_value)
        r->free_value(r->value);
    free(r->errstr);
    free(r);
}

static const struct future_result *result_value(void *value,
                                                flux_free_f free_value)
{
    struct future_result *r = calloc(1, sizeof(*r));
    if (!r) {
        if (free_value)
            free_value(value);
        return &result_no_memory;
    }
    r->refs = 1;
    r->value = value;
    r->free_value = free_value;
    return r;
}

static const struct future_result *result_error(int errnum, const char *errstr)
{
    struct future_result *r = calloc(1, sizeof(*r));
    if (!r)
        return &result_no_memory;
    r->refs = 1;
    r->errnum = errnum ? errnum : EINVAL;
    if (errstr)
        r->errstr = strdup(errstr);
    return r;
}

static const struct future_result *future_shown(const flux_future_t *f)
{
    return f->fatal ? f->fatal : f->current;
}

static int future_keep(flux_future_t *f, const struct future_result *r)
{
    struct future_later *later = malloc(sizeof(*later));
    if (!later)
        return -1;
    later->result = r;
    list_append(&f->later, &later->link);
    return 0;
}

static const struct future_result *future_take_later(flux_future_t *f)
{
    struct future_later *later;
    const struct future_result *r;
    if (list_empty(&f->later))
        return NULL;
    later = LIST_ENTRY(f->later.next, struct future_later, link);
    r = later->result;
    list_remove(&later->link);
    free(later);
    return r;
}

static void future_clear_results(flux_future_t *f)
{
    const struct future_result *r;
    while ((r = future_take_later(f)))
        result_decref(r);
    result_decref(f->current);
    result_decref(f->fatal);
    f->current = NULL;
    f->fatal = NULL;
}

/* ---- the queue of continuations of a reactor -------------------------- */

static void queue_decref(struct future_queue *q)
{
    if (!q || --q->refs > 0)
        return;
    flux_watcher_destroy(q->check);
    flux_watcher_destroy(q->idle);
    flux_reactor_decref(q->reactor);
    free(q);
}

static void queue_free_aux(void *arg)
{
    queue_decref(arg);
}

static void queue_remove(struct future_queue *q, flux_future_t *f)
{
    if (!q || list_empty(&f->then.ready))
        return;
    list_remove(&f->then.ready);
    if (--q->count == 0)
        flux_watcher_stop(q->idle);
}

static void queue_add(struct future_queue *q, flux_future_t *f)
{
    if (!list_empty(&f->then.ready))
        return;
    list_append(&q->ready, &f->then.ready);
    if (q->count++ == 0)
        flux_watcher_start(q->idle);
}

static void future_run_continuation(flux_future_t *f)
{
    f->then.saw_fatal = f->fatal != NULL;
    f->refs++;
    f->then.cb(f, f->then.arg);
    future_release(f);
}

/* Those that become due meanwhile wait for the reactor's next turn. */
static void
queue_run(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct future_queue *q = arg;
    size_t n = q->count;
    (void)r, (void)w, (void)revents;
    q->refs++;
    q->running++;
    while (n-- > 0 && q->count > 0) {
        flux_future_t *f = LIST_ENTRY(q->ready.next, flux_future_t, then.ready);
        queue_remove(q, f);
        future_run_continuation(f);
    }
    q->running--;
    queue_decref(q);
}

static void queue_abandon(struct future_queue *q)
{
    if (!q)
        return;
    q->refs -= q->running;
    q->running = 0;
}

/* Last of all in each turn, so that what was fulfilled in it runs in it. */
static int queue_start(struct future_queue *q)
{
    q->check = flux_check_watcher_create(q->reactor, queue_run, q);
    q->idle = flux_idle_watcher_create(q->reactor, NULL, NULL);
    if (!q->check || !q->idle)
        return -1;
    flux_watcher_set_priority(q->check, -1);
    flux_watcher_unref(q->check);
    flux_watcher_start(q->check);
    return 0;
}

static struct future_queue *queue_create(flux_reactor_t *r)
{
    struct future_queue *q = calloc(1, sizeof(*q));
    if (!q)
        return NULL;
    q->refs = 1;
    list_init(&q->ready);
    flux_reactor_incref(r);
    q->reactor = r;
    if (queue_start(q) < 0) {
        queue_decref(q);
        return NULL;
    }
    return q;
}

static struct future_queue *queue_of_handle(flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor(h);
    struct future_queue *q = flux_aux_get(h, FUTURE_QUEUE_AUX);
    if (!r)
        return NULL;
    if (!q) {
        if (!(q = queue_create(r)))
            return NULL;
        if (flux_aux_set(h, FUTURE_QUEUE_AUX, q, queue_free_aux) < 0) {
            queue_decref(q);
            return NULL;
        }
    }
    q->refs++;
    return q;
}

/* ---- the "then" context ------------------------------------------------ */

static void then_unbind(flux_future_t *f)
{
    queue_remove(f->then.queue, f);
    flux_watcher_destroy(f->then.timer);
    f->then.timer = NULL;
    queue_decref(f->then.queue);
    f->then.queue = NULL;
    f->then.initialized = false;
}

/* Join the queue of the reactor that is to be used from now on. */
static int then_bind(flux_future_t *f)
{
    struct future_queue *q;
    flux_reactor_t *r = flux_future_get_reactor(f);
    if (!r)
        return -1;
    if (f->then.queue && f->then.queue->reactor == r)
        return 0;
    q = f->reactor ? queue_create(r) : queue_of_handle(f->h);
    if (!q)
        return -1;
    then_unbind(f);
    f->then.queue = q;
    return 0;
}

static void
then_timed_out(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r, (void)w, (void)revents;
    flux_future_fulfill_error(arg, ETIMEDOUT, NULL);
}

static int then_start_timer(flux_future_t *f)
{
    struct future_then *t = &f->then;
    if (t->timer)
        flux_watcher_stop(t->timer);
    if (t->timeout < 0.)
        return 0;
    if (t->timer)
        flux_timer_watcher_reset(t->timer, t->timeout, 0.);
    else
        t->timer = flux_timer_watcher_create(t->queue->reactor, t->timeout, 0.,
                                             then_timed_out, f);
    if (!t->timer)
        return -1;
    flux_watcher_start(t->timer);
    return 0;
}

static void then_initialize(flux_future_t *f)
{
    if (f->then.initialized || !f->init)
        return;
    f->then.initialized = true;
    f->init(f, f->init_arg);
}

/* A result has come, or the next one has become current. */
static void future_ready(flux_future_t *f)
{
    if (!f->then.cb)
        return;
    if (f->then.timer)
        flux_watcher_stop(f->then.timer);
    queue_add(f->then.queue, f);
}

/* No result is left, and one is to come. */
static void then_wait(flux_future_t *f)
{
    if (then_start_timer(f) < 0)
        flux_future_fatal_error(f, errno, NULL);
    else
        then_initialize(f);
}

int flux_future_then(flux_future_t *f,
                     double timeout,
                     flux_continuation_f cb,
                     void *arg)
{
    if (!f || !cb) {
        errno = EINVAL;
        return -1;
    }
    if (then_bind(f) < 0)
        return -1;
    f->then.timeout = timeout;
    f->then.cb = cb;
    f->then.arg = arg;
    f->then.saw_fatal = false;
    if (flux_future_is_ready(f))
        future_ready(f);
    else
        then_wait(f);
    return 0;
}

void future_forget(flux_future_t *f)
{
    queue_remove(f->then.queue, f);
    if (f->then.timer)
        flux_watcher_stop(f->then.timer);
    f->then.cb = NULL;
}

/* ---- the "now" context ------------------------------------------------- */

static void now_destroy(struct future_now *now)
{
    if (!now)
        return;
    flux_decref(now->h);
    flux_reactor_decref(now->reactor);
    free(now);
}

static struct future_now *now_create(flux_t *h)
{
    struct future_now *now = calloc(1, sizeof(*now));
    if (!now)
        return NULL;
    if (!(now->reactor = flux_reactor_create(0)))
        goto error;
    if (h && !(now->h = flux_clone(h)))
        goto error;
    if (h && flux_set_reactor(now->h, now->reactor) < 0)
        goto error;
    return now;
error:
    now_destroy(now);
    return NULL;
}

static void
now_expired(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    bool *expired = arg;
    (void)r, (void)w, (void)revents;
    *expired = true;
}

/* One turn of the reactor; -1 when there is no point in another. */
static int now_turn(flux_future_t *f, const bool *expired)
{
    int active = flux_reactor_run(f->now->reactor, FLUX_REACTOR_ONCE);
    if (active < 0)
        return -1;
    if (flux_future_is_ready(f))
        return 0;
    if (!*expired && active > 0)
        return 0;
    errno = *expired ? ETIMEDOUT : EDEADLK;
    return -1;
}

static int now_run(flux_future_t *f, double timeout)
{
    bool expired = false;
    flux_watcher_t *timer = NULL;
    int rc = 0;
    if (timeout > 0.) {
        timer = flux_timer_watcher_create(f->now->reactor, timeout, 0.,
                                          now_expired, &expired);
        if (!timer)
            return -1;
        flux_watcher_start(timer);
    }
    while (rc == 0 && !flux_future_is_ready(f))
        rc = now_turn(f, &expired);
    flux_watcher_destroy(timer);
    return rc;
}

static int now_requeue(flux_t *h)
{
    int saved_errno = errno;
    int rc = h ? flux_dispatch_requeue(h) : 0;
    if (rc == 0)
        errno = saved_errno;
    return rc;
}

static int now_wait(flux_future_t *f, double timeout)
{
    struct future_now *now = f->now;
    int rc;
    if (!now && !(now = f->now = now_create(f->h)))
        return -1;
    flux_reactor_now_update(now->reactor);
    now->running++;
    if (!now->initialized && f->init) {
        now->initialized = true;
        f->init(f, f->init_arg);
    }
    rc = now_run(f, timeout);
    now->running--;
    if (now_requeue(now->h) < 0)
        rc = -1;
    return rc;
}

int flux_future_wait_for(flux_future_t *f, double timeout)
{
    int rc;
    if (!f) {
        errno = EINVAL;
        return -1;
    }
    if (flux_future_is_ready(f))
        return 0;
    if (timeout == 0. || (timeout < 0. && !f->init)) {
        errno = timeout == 0. ? ETIMEDOUT : EDEADLK;
        return -1;
    }
    f->refs++;
    if (f->ops && f->ops->wait_for)
        rc = f->ops->wait_for(f, f->impl, timeout);
    else
        rc = now_wait(f, timeout);
    future_release(f);
    return rc;
}

static struct future_now *now_if_running(const flux_future_t *f)
{
    return f->now && f->now->running > 0 ? f->now : NULL;
}

/* ---- fulfilment -------------------------------------------------------- */

static void future_set_fatal(flux_future_t *f, const struct future_result *r)
{
    if (f->fatal) {
        result_decref(r);
        return;
    }
    f->fatal = r;
    future_ready(f);
}

static void future_add(flux_future_t *f, const struct future_result *r)
{
    if (f->fatal) {
        result_decref(r);
    } else if (!f->current) {
        f->current = r;
        future_ready(f);
    } else if (future_keep(f, r) < 0) {
        result_decref(r);
        future_set_fatal(f, &result_no_memory);
    }
}

void flux_future_fulfill(flux_future_t *f, void *result, flux_free_f free_fn)
{
    if (f)
        future_add(f, result_value(result, free_fn));
    else if (free_fn)
        free_fn(result);
}

void flux_future_fulfill_error(flux_future_t *f, int errnum, const char *errstr)
{
    if (f)
        future_add(f, result_error(errnum, errstr));
}

void flux_future_fatal_error(flux_future_t *f, int errnum, const char *errstr)
{
    if (f && !f->fatal)
        future_set_fatal(f, result_error(errnum, errstr));
}

static bool future_embeds(const flux_future_t *f, const flux_future_t *other)
{
    while (f && f != other)
        f = f->embedded;
    return f != NULL;
}

int flux_future_fulfill_with(flux_future_t *f, flux_future_t *p)
{
    if (!f || !p || future_embeds(p, f)) {
        errno = EINVAL;
        return -1;
    }
    if (f->embedded && f->embedded != p) {
        errno = EEXIST;
        return -1;
    }
    if (!flux_future_is_ready(p)) {
        errno = EAGAIN;
        return -1;
    }
    if (!f->embedded) {
        p->refs++;
        f->embedded = p;
    }
    if (p->fatal)
        future_set_fatal(f, result_incref(p->fatal));
    else
        future_add(f, result_incref(p->current));
    return 0;
}

/* ---- access ------------------------------------------------------------ */

bool flux_future_is_ready(flux_future_t *f)
{
    return f && future_shown(f);
}

void flux_future_reset(flux_future_t *f)
{
    if (!f)
        return;
    queue_remove(f->then.queue, f);
    result_decref(f->current);
    f->current = future_take_later(f);
    if (f->fatal ? !f->then.saw_fatal : f->current != NULL)
        future_ready(f);
    else if (f->then.cb && !f->fatal)
        then_wait(f);
}

int flux_future_get(flux_future_t *f, const void **result)
{
    const struct future_result *r;
    if (!flux_future_is_ready(f) && flux_future_wait_for(f, -1.) < 0)
        return -1;
    r = future_shown(f);
    if (r->errnum) {
        errno = r->errnum;
        return -1;
    }
    if (result)
        *result = r->value;
    return 0;
}

bool flux_future_has_error(flux_future_t *f)
{
    return flux_future_is_ready(f) && future_shown(f)->errnum != 0;
}

const char *flux_future_error_string(flux_future_t *f)
{
    const struct future_result *r;
    if (!flux_future_has_error(f))
        return NULL;
    r = future_shown(f);
    return r->errstr ? r->errstr : flux_strerror(r->errnum);
}

void *flux_future_aux_get(flux_future_t *f, const char *name)
{
    if (!f || !name) {
        errno = EINVAL;
        return NULL;
    }
    for (; f; f = f->embedded) {
        void *value = auxlist_get(&f->aux, name);
        if (value)
            return value;
    }
    errno = ENOENT;
    return NULL;
}

int flux_future_aux_set(flux_future_t *f,
                        const char *name,
                        void *aux,
                        flux_free_f destroy)
{
    if (!f || (!name && !destroy)) {
        errno = EINVAL;
        return -1;
    }
    return auxlist_set(&f->aux, name, aux, destroy);
}

/* ---- handle and reactor ------------------------------------------------ */

void flux_future_set_flux(flux_future_t *f, flux_t *h)
{
    if (!f || f->h == h)
        return;
    list_remove(&f->all);
    if (h)
        list_append(handle_futures(flux_incref(h)), &f->all);
    flux_decref(f->h);
    f->h = h;
}

flux_t *flux_future_get_flux(flux_future_t *f)
{
    struct future_now *now = f ? now_if_running(f) : NULL;
    flux_t *h = now ? now->h : f ? f->h : NULL;
    if (!h)
        errno = EINVAL;
    return h;
}

void flux_future_set_reactor(flux_future_t *f, flux_reactor_t *r)
{
    if (!f || f->reactor == r)
        return;
    if (r)
        flux_reactor_incref(r);
    flux_reactor_decref(f->reactor);
    f->reactor = r;
}

flux_reactor_t *flux_future_get_reactor(flux_future_t *f)
{
    struct future_now *now = f ? now_if_running(f) : NULL;
    if (now)
        return now->reactor;
    if (f && f->reactor)
        return f->reactor;
    if (f && f->h)
        return flux_get_reactor(f->h);
    errno = EINVAL;
    return NULL;
}

void future_inherit(flux_future_t *child, flux_future_t *parent)
{
    struct future_now *now = now_if_running(parent);
    flux_t *h = now ? now->h : parent->h;
    flux_reactor_t *r = parent->reactor;
    if (now)
        r = now->h ? NULL : now->reactor;
    if (h)
        flux_future_set_flux(child, h);
    if (h || r)
        flux_future_set_reactor(child, r);
}

/* ---- life -------------------------------------------------------------- */

flux_future_t *future_create(const struct future_ops *ops,
                             void *impl,
                             flux_future_init_f init,
                             void *init_arg)
{
    flux_future_t *f = calloc(1, sizeof(*f));
    if (!f)
        return NULL;
    f->refs = 1;
    f->ops = ops;
    f->impl = impl;
    f->init = init;
    f->init_arg = init_arg;
    list_init(&f->later);
    list_init(&f->then.ready);
    list_init(&f->all);
    return f;
}

flux_future_t *flux_future_create(flux_future_init_f cb, void *arg)
{
    return future_create(NULL, NULL, cb, arg);
}

void *future_impl(const flux_future_t *f, const struct future_ops *ops)
{
    for (; f; f = f->embedded) {
        if (f->ops == ops)
            return f->impl;
    }
    errno = EINVAL;
    return NULL;
}

/* All that others may have a part in, but for the contexts.  Destructors of
 * other futures may still look at it.
 */
static void future_empty(flux_future_t *f)
{
    flux_future_t *embedded = f->embedded;

    auxlist_clear(&f->aux);
    if (f->ops && f->ops->destroy)
        f->ops->destroy(f->impl);
    f->ops = NULL;
    then_unbind(f);
    f->then.cb = NULL;
    if (f->unlink)
        f->unlink(f);
    f->unlink = NULL;
    future_clear_results(f);
    f->embedded = NULL;
    future_release(embedded);
    flux_future_set_reactor(f, NULL);
}

static void future_free(flux_future_t *f)
{
    int saved_errno = errno;
    future_empty(f);
    now_destroy(f->now);
    flux_future_set_flux(f, NULL);
    free(f);
    errno = saved_errno;
}

void future_release(flux_future_t *f)
{
    if (f && --f->refs == 0)
        future_free(f);
}

void flux_future_incref(flux_future_t *f)
{
    if (f)
        f->refs++;
}

void flux_future_decref(flux_future_t *f)
{
    if (f)
        f->released = true;
    future_release(f);
}

void flux_future_destroy(flux_future_t *f)
{
    flux_future_decref(f);
}

/* ---- behind a thread that was cancelled -------------------------------- */

void future_abandon(flux_t *h)
{
    queue_abandon(flux_aux_get(h, FUTURE_QUEUE_AUX));
}

static void now_reclaim(struct future_now *now)
{
    if (!now)
        return;
    if (now->h)
        handle_reclaim(now->h);
    else
        reactor_reclaim(now->reactor);
    if (!now->h)
        flux_reactor_decref(now->reactor);
    free(now);
}

/* They own each other in any order, so none is freed before all are empty, and
 * no context before all have left it.
 */
void future_reclaim(struct list *futures)
{
    struct list *l, *following;
    struct list held;

    list_init(&held);
    LIST_FOREACH(futures, l, following)
    {
        LIST_ENTRY(l, flux_future_t, all)->refs++;
    }
    LIST_FOREACH(futures, l, following)
    {
        flux_future_t *f = LIST_ENTRY(l, flux_future_t, all);
        queue_abandon(f->then.queue);
        future_empty(f);
    }
    LIST_FOREACH(futures, l, following)
    {
        flux_future_t *f = LIST_ENTRY(l, flux_future_t, all);
        flux_future_set_flux(f, NULL);
        list_append(&held, &f->all);
    }
    LIST_FOREACH(&held, l, following)
    {
        flux_future_t *f = LIST_ENTRY(l, flux_future_t, all);
        now_reclaim(f->now);
        free(f);
    }
}
