/* tracepair.c - which response answers which request in a trace
 *
 * The broker shows each message where it passes a module.  A call between two
 * modules is seen twice, as request and response of the one who asks and of
 * the one who answers; each has a call of its own here, which begins and ends
 * at that place.
 *
 * What always holds:
 * - A request that wants no response, or has no matchtag, is no call.
 * - The key of a call is the module's UUID, whether it asked, matchtag, topic
 *   and routes.  A second request with the same key takes the place of the
 *   first: matchtags are used again.
 * - A streaming call ends with its error response, any other with its first.
 * - There are CALLS_MAX calls at most, since some are never answered: the
 *   oldest goes first.
 * - Each call that ends, however it does, is told of once.
 */
#include "tracepair.h"

#include "buf.h"
#include "table.h"
#include "tracefmt.h"

enum { CALLS_MAX = 65536 }; /* some 15 MB; no module has as many waiting */

struct tracepair {
    struct table *calls; /* by key; owned by the list */
    struct list order;
    tracepair_forget_f forget;
    void *arg;
};

struct tracepair *tracepair_create(tracepair_forget_f forget, void *arg)
{
    struct tracepair *t = calloc(1, sizeof(*t));

    if (!t || !(t->calls = table_create(NULL))) {
        free(t);
        return NULL;
    }
    list_init(&t->order);
    t->forget = forget;
    t->arg = arg;
    return t;
}

static void end_call(struct tracepair *t, struct tracepair_call *c)
{
    table_removen(t->calls, c->key, c->key_size);
    list_remove(&c->link);
    t->forget(c, t->arg);
    free(c);
}

static struct tracepair_call *oldest(struct tracepair *t)
{
    return LIST_ENTRY(t->order.next, struct tracepair_call, link);
}

void tracepair_clear(struct tracepair *t)
{
    while (!list_empty(&t->order))
        end_call(t, oldest(t));
}

void tracepair_destroy(struct tracepair *t)
{
    int saved_errno = errno;

    if (!t)
        return;
    tracepair_clear(t);
    table_destroy(t->calls);
    free(t);
    errno = saved_errno;
}

static void make_key(const struct tracefmt_record *r, struct buf *b)
{
    bool asked = tracefmt_is_rx(r) == (r->type == FLUX_MSGTYPE_REQUEST);
    uint32_t matchtag = (uint32_t)r->matchtag;
    const char *route;

    buf_reset(b);
    buf_add_byte(b, asked ? '<' : '>');
    buf_add(b, &matchtag, sizeof(matchtag));
    buf_add_string(b, r->uuid);
    buf_add(b, r->topic, strlen(r->topic) + 1);
    for (size_t i = 0; (route = tracefmt_route(r, i)); i++)
        buf_add(b, route, strlen(route) + 1);
}

static bool is_call(const struct tracefmt_record *r)
{
    return r->uuid && r->matchtag != FLUX_MATCHTAG_NONE &&
           !(r->flags & FLUX_MSGFLAG_NORESPONSE) &&
           (r->type == FLUX_MSGTYPE_REQUEST ||
            r->type == FLUX_MSGTYPE_RESPONSE);
}

static struct tracepair_call *
add_call(struct tracepair *t, const struct buf *key, double start)
{
    struct tracepair_call *c = calloc(1, sizeof(*c) + key->size);

    if (!c)
        return NULL;
    c->start = start;
    c->key_size = key->size;
    memcpy(c->key, key->data, key->size);
    if (table_setn(t->calls, c->key, c->key_size, c) < 0) {
        free(c);
        return NULL;
    }
    list_append(&t->order, &c->link);
    return c;
}

static int
look(struct tracepair *t, struct tracefmt_record *r, const struct buf *key)
{
    struct tracepair_call *c =
        table_getn(t->calls, (char *)key->data, key->size);

    if (r->type == FLUX_MSGTYPE_REQUEST) {
        if (c)
            end_call(t, c);
        else if (table_count(t->calls) == CALLS_MAX)
            end_call(t, oldest(t));
        r->call = add_call(t, key, r->timestamp);
        return r->call ? 0 : -1;
    }
    if (c)
        r->latency = r->timestamp - c->start;
    r->call = c;
    r->last = r->errnum != 0 || !(r->flags & FLUX_MSGFLAG_STREAMING);
    return 0;
}

int tracepair_look(struct tracepair *t, struct tracefmt_record *r)
{
    struct buf key = {0};
    int rc;

    r->call = NULL;
    r->latency = -1.;
    r->last = false;
    if (!is_call(r))
        return 0;
    make_key(r, &key);
    rc = key.failed ? -1 : look(t, r, &key);
    buf_release(&key);
    return rc;
}

void tracepair_settle(struct tracepair *t, struct tracefmt_record *r)
{
    if (r->call && r->last)
        end_call(t, r->call);
    r->call = NULL;
}
