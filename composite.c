/* composite.c - a future made of other futures
 *
 * A wait_all is fulfilled when each of its children has been, a wait_any when
 * one of them has.  With an error if a child was: for wait_all the first one
 * that came, for wait_any that of the child that fulfilled it.
 *
 * The children belong to the composite from flux_future_push() on and are
 * destroyed with it, in the order in which they were pushed.  A child that was
 * pushed without a name gets one that is in no other's way.
 *
 * Nothing happens until someone waits for the composite.  Its init callback
 * then makes each child work in the composite's own context and sets the
 * child's continuation, so one that the user set before is lost.  It may be
 * called once for each context, therefore a child that was already counted is
 * marked, and is not counted twice.  A child pushed while the composite is
 * being waited for is started at once.
 */
#include "future.h"

#include "table.h"

struct composite {
    flux_future_t *f;       /* the composite itself, which owns this */
    struct table *children; /* struct child under its name */
    size_t cursor;          /* of first_child, next_child */
    size_t unnamed;         /* names made so far */
    size_t pending;         /* children not yet fulfilled */
    bool any;               /* one child is enough */
    bool started;           /* the init callback has been called */
    int errnum;             /* of the first child that failed, or 0 */
    char *errstr;
};

struct child {
    struct composite *c;
    flux_future_t *f;
    bool done;
};

static void child_destroy(void *arg)
{
    struct child *child = arg;
    future_forget(child->f);
    future_release(child->f);
    free(child);
}

static void composite_destroy(void *arg)
{
    struct composite *c = arg;
    table_destroy(c->children);
    free(c->errstr);
    free(c);
}

static const struct future_ops composite_ops = {NULL, composite_destroy};

static void composite_note_error(struct composite *c, flux_future_t *child)
{
    if (c->errnum || flux_future_get(child, NULL) == 0)
        return;
    c->errnum = errno;
    c->errstr = strdup(flux_future_error_string(child));
}

static void composite_fulfill(struct composite *c)
{
    if (c->errnum)
        flux_future_fulfill_error(c->f, c->errnum, c->errstr);
    else
        flux_future_fulfill(c->f, NULL, NULL);
}

static void child_fulfilled(flux_future_t *f, void *arg)
{
    struct child *child = arg;
    struct composite *c = child->c;
    bool first = c->pending == table_count(c->children);
    if (child->done)
        return;
    child->done = true;
    c->pending--;
    composite_note_error(c, f);
    if (c->any ? first : c->pending == 0)
        composite_fulfill(c);
}

static int child_start(struct child *child)
{
    future_inherit(child->f, child->c->f);
    return flux_future_then(child->f, -1., child_fulfilled, child);
}

static void composite_init(flux_future_t *f, void *arg)
{
    struct composite *c = arg;
    struct child *child;
    size_t pos = 0;
    c->started = true;
    if (c->pending == 0 && !c->any)
        flux_future_fulfill(f, NULL, NULL);
    while ((child = table_next(c->children, &pos, NULL, NULL))) {
        if (!child->done && child_start(child) < 0)
            flux_future_fulfill_error(f, errno, NULL);
    }
}

static flux_future_t *composite_create(bool any)
{
    struct composite *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->any = any;
    if (!(c->children = table_create(child_destroy)) ||
        !(c->f = future_create(&composite_ops, c, composite_init, c))) {
        composite_destroy(c);
        return NULL;
    }
    return c->f;
}

flux_future_t *flux_future_wait_all_create(void)
{
    return composite_create(false);
}

flux_future_t *flux_future_wait_any_create(void)
{
    return composite_create(true);
}

static int
composite_add(struct composite *c, const char *name, flux_future_t *f)
{
    struct child *child = calloc(1, sizeof(*child));
    if (!child)
        return -1;
    child->c = c;
    child->f = f;
    if (table_set(c->children, name, child) < 0) {
        free(child);
        return -1;
    }
    c->pending++;
    if (!c->f->h && !c->f->reactor)
        future_inherit(c->f, f);
    if (c->started && child_start(child) < 0)
        flux_future_fulfill_error(c->f, errno, NULL);
    return 0;
}

/* A name that no one else would choose. */
static void composite_make_name(struct composite *c, char *buf, size_t size)
{
    snprintf(buf, size, "flux::child-%zu", c->unnamed++);
}

int flux_future_push(flux_future_t *cf, const char *name, flux_future_t *f)
{
    struct composite *c = future_impl(cf, &composite_ops);
    char made[sizeof("flux::child-") + 20];
    if (!c || !f || f == c->f) {
        errno = EINVAL;
        return -1;
    }
    if (!name) {
        composite_make_name(c, made, sizeof(made));
        name = made;
    }
    if (table_get(c->children, name)) {
        errno = EEXIST;
        return -1;
    }
    return composite_add(c, name, f);
}

const char *flux_future_next_child(flux_future_t *cf)
{
    struct composite *c = future_impl(cf, &composite_ops);
    const char *name;
    if (!c || !table_next(c->children, &c->cursor, &name, NULL))
        return NULL;
    return name;
}

const char *flux_future_first_child(flux_future_t *cf)
{
    struct composite *c = future_impl(cf, &composite_ops);
    if (c)
        c->cursor = 0;
    return flux_future_next_child(cf);
}

flux_future_t *flux_future_get_child(flux_future_t *cf, const char *name)
{
    struct composite *c = future_impl(cf, &composite_ops);
    struct child *child;
    if (!c || !name) {
        errno = EINVAL;
        return NULL;
    }
    if (!(child = table_get(c->children, name))) {
        errno = ENOENT;
        return NULL;
    }
    return child->f;
}
