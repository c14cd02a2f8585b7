/* chain.c - one future that follows another
 *
 * flux_future_and_then() and _or_then() put a link between a future, "prev",
 * and a new one, "next".  Waiting for next makes prev work in the same
 * context.  When prev is fulfilled, the callback that was registered for its
 * outcome runs, and tells by flux_future_continue(), _continue_error() or
 * _fulfill_next() what next is to be fulfilled with.  If it says nothing, or
 * there is no callback, next is fulfilled with prev's own result.
 *
 * Who owns prev: the link does until a callback runs, so that next destroyed
 * early takes prev along.  Then the user does, and the callback may destroy
 * prev.  Where the callback neither continued nor destroyed prev, or none ran,
 * the user's reference is dropped here, and prev lives as long as next, which
 * was fulfilled with it.  What prev is continued with belongs to next.
 *
 * The link is shared by both and freed with the last of them.  Each end is
 * NULL once that future is gone.  A prev that is fulfilled many times runs its
 * callback each time.
 */
#include "future.h"

struct chain_callback {
    flux_continuation_f cb; /* or NULL */
    void *arg;
};

struct chain {
    flux_future_t *prev;
    flux_future_t *next;
    bool owns_prev; /* until a callback has run */
    bool continued; /* the callback that runs has said what comes next */
    struct chain_callback and_then, or_then;
};

static void chain_free_if_unused(struct chain *c)
{
    if (!c->prev && !c->next)
        free(c);
}

static void chain_unlink_prev(struct chain *c)
{
    c->prev = NULL;
    chain_free_if_unused(c);
}

static void chain_unlink_next(struct chain *c)
{
    flux_future_t *prev = c->owns_prev ? c->prev : NULL;
    c->next = NULL;
    c->owns_prev = false;
    chain_free_if_unused(c);
    future_release(prev);
}

static void chain_unlink(flux_future_t *f)
{
    if (f->to_next)
        chain_unlink_prev(f->to_next);
    if (f->from_prev)
        chain_unlink_next(f->from_prev);
}

static void chain_propagate(struct chain *c)
{
    if (c->next && flux_future_fulfill_with(c->next, c->prev) < 0)
        flux_future_fulfill_error(c->next, errno, NULL);
}

static void chain_call(struct chain *c)
{
    flux_future_t *prev = c->prev;
    struct chain_callback outcome =
        flux_future_has_error(prev) ? c->or_then : c->and_then;
    if (outcome.cb)
        outcome.cb(prev, outcome.arg);
}

/* prev is kept by its caller, so the link is there all along. */
static void chain_run(flux_future_t *prev, void *arg)
{
    struct chain *c = arg;
    bool released = prev->released;
    prev->released = false;
    c->owns_prev = false;
    c->continued = false;
    chain_call(c);
    if (!c->continued) {
        chain_propagate(c);
        if (!prev->released)
            future_release(prev);
    }
    prev->released = prev->released || released;
}

static void chain_init(flux_future_t *next, void *arg)
{
    struct chain *c = next->from_prev;
    (void)arg;
    if (!c->prev) {
        flux_future_fulfill_error(next, EINVAL, NULL);
        return;
    }
    future_inherit(c->prev, next);
    if (flux_future_then(c->prev, -1., chain_run, c) < 0)
        flux_future_fulfill_error(next, errno, NULL);
}

static struct chain *chain_create(flux_future_t *prev)
{
    struct chain *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    if (!(c->next = flux_future_create(chain_init, NULL))) {
        free(c);
        return NULL;
    }
    c->prev = prev;
    c->owns_prev = true;
    c->next->from_prev = c;
    prev->to_next = c;
    c->next->unlink = prev->unlink = chain_unlink;
    future_inherit(c->next, prev);
    return c;
}

static struct chain *chain_of(flux_future_t *prev)
{
    if (!prev) {
        errno = EINVAL;
        return NULL;
    }
    if (prev->to_next)
        return prev->to_next;
    return chain_create(prev);
}

flux_future_t *
flux_future_and_then(flux_future_t *f, flux_continuation_f cb, void *arg)
{
    struct chain *c = chain_of(f);
    if (!c)
        return NULL;
    c->and_then = (struct chain_callback){cb, arg};
    return c->next;
}

flux_future_t *
flux_future_or_then(flux_future_t *f, flux_continuation_f cb, void *arg)
{
    struct chain *c = chain_of(f);
    if (!c)
        return NULL;
    c->or_then = (struct chain_callback){cb, arg};
    return c->next;
}

static struct chain *chain_to_continue(flux_future_t *prev)
{
    struct chain *c = prev ? prev->to_next : NULL;
    if (!c || !c->next) {
        errno = EINVAL;
        return NULL;
    }
    return c;
}

/* `f` goes on to fulfil `next` as long as it is itself fulfilled. */
static void chain_forward(flux_future_t *f, void *arg)
{
    flux_future_t *next = arg;
    if (flux_future_fulfill_with(next, f) < 0)
        flux_future_fulfill_error(next, errno, NULL);
    flux_future_reset(f);
}

static void chain_free_continued(void *arg)
{
    future_forget(arg);
    future_release(arg);
}

/* On success `f` belongs to next. */
static int
chain_continue_with(struct chain *c, flux_future_t *prev, flux_future_t *f)
{
    future_inherit(f, prev);
    if (flux_future_is_ready(f)) {
        if (flux_future_fulfill_with(c->next, f) < 0)
            return -1;
    } else if (flux_future_then(f, -1., chain_forward, c->next) < 0) {
        return -1;
    }
    return flux_future_aux_set(c->next, NULL, f, chain_free_continued);
}

int flux_future_continue(flux_future_t *prev, flux_future_t *f)
{
    struct chain *c = chain_to_continue(prev);
    if (!c)
        return -1;
    c->continued = true;
    if (!f)
        return 0;
    if (f == prev)
        return flux_future_fulfill_with(c->next, f);
    return chain_continue_with(c, prev, f);
}

void flux_future_continue_error(flux_future_t *prev,
                                int errnum,
                                const char *errstr)
{
    struct chain *c = chain_to_continue(prev);
    if (!c)
        return;
    c->continued = true;
    flux_future_fulfill_error(c->next, errnum, errstr);
}

int flux_future_fulfill_next(flux_future_t *prev,
                             void *result,
                             flux_free_f free_fn)
{
    struct chain *c = chain_to_continue(prev);
    if (!c)
        return -1;
    c->continued = true;
    flux_future_fulfill(c->next, result, free_fn);
    return 0;
}
