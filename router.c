/* router.c - who is there, and where a message goes
 *
 * Ingress.  A message gets its sender's credentials: always a guest's own;
 * the owner's where the sender left them unset, so that tests can act as a
 * guest and a module can speak for someone.  A request gets the sender's UUID
 * pushed on its route stack, and for a client that of the local connector
 * too, as a real Flux has it there.
 *
 * Egress.  Before a request leaves the broker for a module or a client's
 * service, the broker's own UUID is pushed.  The response must come back with
 * it on top, else it was not asked for.  It is popped, then the connector's,
 * then the next names the peer to go to.
 *
 * A client may send requests that have routes already, as a proxy does for
 * its own clients.  Nothing is believed of those but that they came through
 * that client: who asked is the route that the router itself pushed.
 *
 * A request that went to a peer is remembered (pending.h) under its sender and
 * matchtag until it is answered, so that it gets an answer if the peer dies.
 * Only a response to such a request is let through, one to a streaming request
 * until an error ends it.  What a peer says again to the request that a sender
 * had answered last is let through too (Flux allows it), as long as the sender
 * has not used the matchtag again: so it is never taken for the answer to
 * something else.  Matchtag 0 means that the sender waits for no certain
 * response; those requests are not tracked, only who sent them.
 *
 * For each peer the router notes which services it has asked.  When the peer
 * leaves, each gets SERVICE.disconnect (RFC 6).
 *
 * Most messages are like the one before: from the same client, to the same
 * service.  Who was found or noted last is kept, and is looked at first.
 *
 * The services `event` and `service` are the router's own and act at once, so
 * that a subscription holds for the event that its sender publishes next.
 */
#include "router.h"

#include <assert.h>
#include <ctype.h>
#include <unistd.h>

#include "base64.h"
#include "reactor.h"

enum {
    SERVICE_NAME_MAX = 255, /* a topic's first word; bounds the notify key */
    SERIAL_BROKER = 0,      /* of the one who asks where there is no route */
    NOTIFY_MAX = 65536, /* services, each on each rank, that one peer asks */
    SUBSCRIPTIONS_MAX = 4096, /* of one peer: each event is compared to all */
    /* not answered yet, of one peer, at some 900 bytes of memory each; other
     * ranks speak for many
     */
    ASKING_MAX = 32768,
    DEFERRED_MAX = 16 << 20, /* bytes, of one module: a debugging aid */
    READER_PAUSE = 1 << 18,  /* bytes: a fourth of what makes a link full */
};

#define SERIAL_NOBODY UINT64_MAX /* of one that has gone */

struct subscription {
    struct list link;
    int count; /* the same topic may be subscribed many times */
    size_t length;
    char topic[];
};

struct router {
    flux_reactor_t *reactor;
    uint32_t rank;
    uint32_t size;
    uid_t owner;
    char uuid[UTIL_UUID_SIZE];
    char connector_uuid[UTIL_UUID_SIZE];
    struct util_uuids uuids; /* for the peers to come */
    struct table *peers;     /* by UUID: struct peer, not owned */
    struct peer *last_found; /* in `peers`, or NULL */
    uint64_t last_serial;
    struct pending_pool *pool;
    struct table *services; /* by name: struct peer, not owned */
    struct list subscribers;
    struct peer *parent; /* NULL on rank 0 */
    router_next_hop_f next_hop;
    void *next_hop_arg;
    uint32_t event_seq;
    struct peer *asked_full; /* what router_receive() returns */
    router_trace_f trace;
    void *trace_arg;
    struct peer self; /* the services `event` and `service` */
};

static void self_send(struct peer *p, flux_msg_t *msg);
static void route_request(struct router *r, flux_msg_t *msg);
static void route_response(struct router *r, flux_msg_t *msg);
static void forget_one(struct peer *p, struct pending *pending);

/* ---- peers --------------------------------------------------------- */

static bool is_id(const char *id, size_t len, const char *uuid)
{
    return len == UTIL_UUID_SIZE - 1 && memcmp(id, uuid, len) == 0;
}

static struct peer *find_peer(struct router *r, const char *id, size_t len)
{
    if (!r->last_found || !is_id(id, len, r->last_found->uuid))
        r->last_found = table_getn(r->peers, id, len);
    return r->last_found;
}

static void drop_tables(struct peer *p)
{
    table_release(&p->services);
    table_release(&p->notify);
    table_release(&p->askers);
    pending_release(&p->pending);
    p->last_noted = NULL;
    free(p->stats.latency);
    p->stats.latency = NULL;
}

int router_peer_add(struct router *r, struct peer *p, enum peer_kind kind)
{
    p->router = r;
    p->kind = kind;
    p->cred.userid = r->owner;
    p->cred.rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    p->may_impersonate = true;
    p->last_sent = flux_reactor_now(r->reactor);
    list_init(&p->deferred);
    list_init(&p->subscriptions);
    list_init(&p->subscriber);
    if (!p->uuid[0])
        util_uuids_next(&r->uuids, p->uuid);
    p->serial = ++r->last_serial;
    p->last_asker = SERIAL_NOBODY;
    table_init(&p->services, NULL);
    table_init(&p->notify, NULL);
    table_init(&p->askers, NULL);
    pending_init(&p->pending, r->pool);
    if (table_set(r->peers, p->uuid, p) == 0)
        return 0;
    drop_tables(p);
    p->router = NULL;
    errno = ENOMEM;
    return -1;
}

static void drop_subscriptions(struct peer *p)
{
    struct list *l, *following;

    LIST_FOREACH(&p->subscriptions, l, following)
    free(LIST_ENTRY(l, struct subscription, link));
    list_init(&p->subscriptions);
    list_remove(&p->subscriber);
}

static void drop_deferred(struct peer *p)
{
    struct list *l, *following;

    LIST_FOREACH(&p->deferred, l, following)
    {
        list_remove(l);
        flux_msg_destroy(LIST_ENTRY(l, flux_msg_t, link));
    }
}

static void drop_services(struct peer *p)
{
    size_t pos = 0;
    const char *name;

    while ((name = router_service_next(p, &pos)))
        router_service_remove(p->router, name, p);
}

static void answer_pending(struct peer *p)
{
    const char *text = p->kind == PEER_RANK ? NULL : "module disconnect";
    struct list *l, *following;

    LIST_FOREACH(&p->pending.all, l, following)
    {
        struct pending *pending = LIST_ENTRY(l, struct pending, link);

        router_respond_error(p->router, &pending->request, EHOSTUNREACH, text);
        forget_one(p, pending);
    }
    pending_release(&p->pending);
}

static int push_sender(struct peer *p, flux_msg_t *msg)
{
    flux_msg_route_enable(msg);
    if (p->kind != PEER_CLIENT && p->kind != PEER_MODULE)
        return 0;
    if (flux_msg_route_push(msg, p->uuid) < 0)
        return -1;
    if (p->kind == PEER_CLIENT)
        return flux_msg_route_push(msg, p->router->connector_uuid);
    return 0;
}

static void send_disconnect(struct peer *p, const char *key, size_t len)
{
    char topic[SERVICE_NAME_MAX + sizeof(".disconnect")];
    uint32_t nodeid;
    flux_msg_t *msg;

    snprintf(topic, sizeof(topic), "%.*s.disconnect",
             (int)(len - sizeof(nodeid)), key);
    memcpy(&nodeid, key + len - sizeof(nodeid), sizeof(nodeid));
    msg = flux_request_encode(topic, NULL);
    if (!msg || flux_msg_set_noresponse(msg) < 0 ||
        flux_msg_set_nodeid(msg, nodeid) < 0 ||
        flux_msg_set_cred(msg, p->cred) < 0 || push_sender(p, msg) < 0)
        flux_msg_destroy(msg);
    else
        route_request(p->router, msg);
}

static void notify_disconnect(struct peer *p)
{
    size_t pos = 0, len;
    const char *key;

    while (table_next(&p->notify, &pos, &key, &len))
        send_disconnect(p, key, len);
}

void router_peer_remove(struct peer *p)
{
    if (!p || !p->router)
        return;
    drop_services(p);
    drop_subscriptions(p);
    drop_deferred(p);
    notify_disconnect(p);
    table_remove(p->router->peers, p->uuid);
    p->router->last_found = NULL;
    answer_pending(p);
    drop_tables(p);
    p->router = NULL;
}

struct peer *router_peer_find(struct router *r, const char *uuid)
{
    return table_get(r->peers, uuid);
}

const char *router_connector_uuid(struct router *r)
{
    return r->connector_uuid;
}

const char *router_uuid(struct router *r)
{
    return r->uuid;
}

uint32_t router_rank(struct router *r)
{
    return r->rank;
}

void router_set_parent(struct router *r, struct peer *parent)
{
    r->parent = parent;
}

void router_set_next_hop(struct router *r, router_next_hop_f cb, void *arg)
{
    r->next_hop = cb;
    r->next_hop_arg = arg;
}

size_t router_pending(const struct peer *p)
{
    return p->pending.count;
}

const flux_msg_t *router_pending_next(const struct peer *p,
                                      const flux_msg_t *request)
{
    const struct list *l = p->pending.all.next;

    if (request)
        l = UTIL_CONTAINER_OF(request, struct pending, request)->link.next;
    if (l == &p->pending.all)
        return NULL;
    return &LIST_ENTRY(l, struct pending, link)->request;
}

void router_trace_set(struct router *r, router_trace_f cb, void *arg)
{
    r->trace = cb;
    r->trace_arg = arg;
}

/* ---- services ------------------------------------------------------ */

static bool good_service_name(const char *name)
{
    size_t i;

    for (i = 0; name[i]; i++)
        if (!isgraph((unsigned char)name[i]) || name[i] == '.')
            return false;
    return i > 0 && i <= SERVICE_NAME_MAX;
}

/* Whose a service is that has this entry in the table: NULL if it is held,
 * and no one has asked for it.
 */
static struct peer *owner_of(const char *name, struct peer *entry)
{
    return entry->heirs ? table_get(entry->heirs, name) : entry;
}

int router_service_add(struct router *r, const char *name, struct peer *p)
{
    struct peer *entry = table_get(r->services, name);

    if (!good_service_name(name)) {
        errno = EINVAL;
        return -1;
    }
    if (entry && owner_of(name, entry)) {
        errno = EEXIST;
        return -1;
    }
    if (table_set(&p->services, name, p) < 0)
        return -1;
    if (table_set(entry ? entry->heirs : r->services, name, p) == 0)
        return 0;
    table_remove(&p->services, name);
    errno = ENOMEM;
    return -1;
}

/* `name` may be the key in the peer's own table. */
int router_service_remove(struct router *r, const char *name, struct peer *p)
{
    struct peer *entry = table_get(r->services, name);

    if (!entry || owner_of(name, entry) != p) {
        errno = ENOENT;
        return -1;
    }
    table_remove(entry->heirs ? entry->heirs : r->services, name);
    return table_remove(&p->services, name);
}

void router_service_give(struct router *r, const char *name, struct peer *to)
{
    if (to)
        table_set(r->services, name, to);
    else
        table_remove(r->services, name);
}

struct peer *router_service_find(struct router *r, const char *name)
{
    return table_get(r->services, name);
}

const char *router_service_next(const struct peer *p, size_t *pos)
{
    const char *name;

    return table_next(&p->services, pos, &name, NULL) ? name : NULL;
}

/* ---- pending requests ------------------------------------------------ */

/* Who handed the request to this broker, as its routes say: the one that the
 * router itself pushed.
 */
static bool
asker_id(struct router *r, const flux_msg_t *msg, const char **id, size_t *len)
{
    if (!msg_route_top(msg, id, len))
        return false;
    if (is_id(*id, *len, r->connector_uuid))
        msg_route_at(msg, 1, id, len);
    return true;
}

struct peer *router_sender(struct router *r, const flux_msg_t *request)
{
    const char *id;
    size_t len;

    return asker_id(r, request, &id, &len) ? find_peer(r, id, len) : NULL;
}

/* What is served here as a module has our own UUID on top of its requests. */
bool router_sender_is_slow(struct router *r, const flux_msg_t *request)
{
    struct peer *p = NULL;
    const char *id;
    size_t len;
    int at = 0;

    while (msg_route_at(request, at, &id, &len) &&
           (is_id(id, len, r->uuid) || is_id(id, len, r->connector_uuid)))
        at++;
    if (msg_route_at(request, at, &id, &len))
        p = find_peer(r, id, len);
    return p && p->backlog && p->backlog(p) > READER_PAUSE;
}

/* There is no memory for an answer: better no connection than a sender that
 * waits for ever.
 */
static void leave_unanswered(struct router *r, const flux_msg_t *request)
{
    struct peer *sender = router_sender(r, request);

    if (sender && sender->cut)
        sender->cut(sender, ENOMEM);
}

static uint64_t asker_of(struct router *r, const flux_msg_t *msg)
{
    const char *id;
    size_t len;
    struct peer *p;

    if (!asker_id(r, msg, &id, &len))
        return SERIAL_BROKER;
    p = find_peer(r, id, len);
    return p ? p->serial : SERIAL_NOBODY;
}

/* Whether the one who asked is the one whose request it is. */
static bool speaks_for_itself(struct router *r, const flux_msg_t *msg)
{
    const char *id, *bottom;
    size_t len, bottom_len;

    return !asker_id(r, msg, &id, &len) ||
           !msg_route_bottom(msg, &bottom, &bottom_len) || bottom == id;
}

static bool has_asked(const struct peer *p, uint64_t asker)
{
    return table_getn(&p->askers, (const char *)&asker, sizeof(asker)) != NULL;
}

static void note_asker(struct peer *p, uint64_t asker)
{
    if (p->last_asker == asker)
        return;
    if (has_asked(p, asker) ||
        table_setn(&p->askers, (const char *)&asker, sizeof(asker), p) == 0)
        p->last_asker = asker;
}

static void forget_asker(struct peer *p, uint64_t asker)
{
    table_removen(&p->askers, (const char *)&asker, sizeof(asker));
    p->last_asker = SERIAL_NOBODY;
}

static int remember(struct peer *p, const flux_msg_t *request)
{
    uint64_t asker = asker_of(p->router, request);
    struct peer *from = router_sender(p->router, request);
    size_t before = p->pending.count;
    struct pending *pending;

    if (request->b == FLUX_MATCHTAG_NONE) {
        note_asker(p, asker);
        return 0;
    }
    if (from && from->kind != PEER_RANK && from->asking >= ASKING_MAX) {
        errno = ENOBUFS;
        return -1;
    }
    if (!(pending = pending_add(&p->pending, asker, request)))
        return -1;
    if (from)
        from->asking += p->pending.count - before;
    pending->since = reactor_monotime(p->router->reactor);
    if (p->pending.count > p->stats.pending_max)
        p->stats.pending_max = p->pending.count;
    return 0;
}

static void forget_one(struct peer *p, struct pending *pending)
{
    struct peer *from = router_sender(p->router, &pending->request);

    if (from)
        from->asking--;
    pending_remove(&p->pending, pending);
}

/* The first response is what its sender has waited for. */
static void measure(struct peer *p, struct pending *pending)
{
    struct peer_stats *s = &p->stats;

    if (pending->since < 0)
        return;
    if (!s->latency)
        s->latency = calloc(1, sizeof(*s->latency));
    if (s->latency)
        latency_add(s->latency,
                    reactor_monotime(p->router->reactor) - pending->since);
    pending->since = -1;
}

static void note_answered(struct peer *p, const flux_msg_t *response)
{
    struct peer *from = router_sender(p->router, response);

    if (!from)
        return;
    from->answered_tag = response->b;
    from->answered_by = p->serial;
}

static bool was_answered_last(struct peer *p, const flux_msg_t *response)
{
    const struct peer *from = router_sender(p->router, response);

    return from && from->answered_tag == response->b &&
           from->answered_by == p->serial;
}

/* Whether `p` may send this response; the last of a request settles it. */
static bool settle(struct peer *p, const flux_msg_t *response)
{
    uint64_t asker = asker_of(p->router, response);
    struct pending *pending = pending_find(&p->pending, asker, response);

    if (response->b == FLUX_MATCHTAG_NONE)
        return has_asked(p, asker);
    if (!pending)
        return was_answered_last(p, response);
    measure(p, pending);
    if ((pending->request.flags & FLUX_MSGFLAG_STREAMING) && response->a == 0)
        return true;
    forget_one(p, pending);
    if (response->a == 0)
        note_answered(p, response);
    return true;
}

/* The sender of a disconnect waits for nothing any more; if that is the peer
 * itself, neither do those it spoke for.
 */
static void forget(struct peer *p, const flux_msg_t *disconnect)
{
    uint64_t asker = asker_of(p->router, disconnect);
    bool itself = speaks_for_itself(p->router, disconnect);
    struct list *l, *following;

    if (itself)
        forget_asker(p, asker);
    LIST_FOREACH(&p->pending.all, l, following)
    {
        struct pending *pending = LIST_ENTRY(l, struct pending, link);

        if (pending->asker == asker &&
            (itself ||
             flux_msg_route_match_first(&pending->request, disconnect)))
            forget_one(p, pending);
    }
}

static bool is_disconnect(const flux_msg_t *msg)
{
    static const char suffix[] = ".disconnect";

    return (msg->flags & FLUX_MSGFLAG_NORESPONSE) &&
           msg->topic_size > sizeof(suffix) &&
           strcmp(msg->topic + msg->topic_size - sizeof(suffix), suffix) == 0;
}

/* ---- handing a message to a peer ------------------------------------- */

static void trace(struct peer *p, const char *prefix, const flux_msg_t *msg)
{
    if (p->router->trace && p->traced)
        p->router->trace(p, prefix, msg, p->router->trace_arg);
}

static void count(struct peer *p, const flux_msg_t *msg, bool sent)
{
    flux_msgcounters_t *c = &p->counters;

    *(sent ? &p->stats.bytes_tx : &p->stats.bytes_rx) += msg_encoded_size(msg);
    switch (msg->type) {
    case FLUX_MSGTYPE_REQUEST:
        ++*(sent ? &c->request_tx : &c->request_rx);
        break;
    case FLUX_MSGTYPE_RESPONSE:
        ++*(sent ? &c->response_tx : &c->response_rx);
        break;
    case FLUX_MSGTYPE_EVENT:
        ++*(sent ? &c->event_tx : &c->event_rx);
        break;
    default:
        ++*(sent ? &c->control_tx : &c->control_rx);
    }
}

/* A deferral that grows without end ends by itself. */
static void defer(struct peer *p, flux_msg_t *msg)
{
    list_append(&p->deferred, &msg->link);
    p->deferred_bytes += msg_encoded_size(msg);
    if (p->deferred_bytes > DEFERRED_MAX)
        router_defer(p, false);
}

void router_deliver(struct peer *p, flux_msg_t *msg, bool now)
{
    if (p->deferring && !now) {
        defer(p, msg);
        return;
    }
    count(p, msg, false);
    trace(p, "rx", msg);
    p->send(p, msg);
}

void router_defer(struct peer *p, bool on)
{
    struct list *l, *following;

    p->deferring = on;
    if (on)
        return;
    p->deferred_bytes = 0;
    LIST_FOREACH(&p->deferred, l, following)
    {
        list_remove(l);
        router_deliver(p, LIST_ENTRY(l, flux_msg_t, link), true);
    }
}

/* Note that a request leaves the broker for `p`. */
static int hand_out(struct peer *p, flux_msg_t *msg)
{
    if (is_disconnect(msg))
        forget(p, msg);
    else if (!(msg->flags & FLUX_MSGFLAG_NORESPONSE) && remember(p, msg) < 0)
        return -1;
    return flux_msg_route_push(msg, p->router->uuid);
}

static void deliver_request(struct peer *p, flux_msg_t *msg)
{
    struct router *r = p->router;

    if (p->refusing) {
        router_respond_error(r, msg, ENOSYS, NULL);
        flux_msg_destroy(msg);
        return;
    }
    if (p->kind != PEER_BROKER && hand_out(p, msg) < 0) {
        router_respond_error(r, msg, errno,
                             errno == ENOBUFS ? "too many requests that are "
                                                "not answered yet"
                                              : NULL);
        flux_msg_destroy(msg);
        return;
    }
    router_deliver(p, msg, false);
    if (p->full)
        r->asked_full = p;
}

/* ---- requests ----------------------------------------------------------- */

static void refuse(struct router *r, flux_msg_t *msg, int errnum, const char *s)
{
    router_respond_error(r, msg, errnum, s);
    flux_msg_destroy(msg);
}

static void refuse_unmatched(struct router *r, flux_msg_t *msg)
{
    char *s = util_asprintf("No service matching %s is registered", msg->topic);

    refuse(r, msg, ENOSYS, s);
    free(s);
}

static void request_here(struct router *r, flux_msg_t *msg)
{
    struct peer *p =
        table_getn(r->services, msg->topic, msg_service_length(msg));

    if (p)
        deliver_request(p, msg);
    else
        refuse_unmatched(r, msg);
}

/* With flag `upstream` the nodeid is the sender's, and any service above it
 * will do.
 */
static bool is_for_any(struct router *r, const flux_msg_t *msg)
{
    if (msg->flags & FLUX_MSGFLAG_UPSTREAM)
        return msg->a != r->rank;
    return msg->a == FLUX_NODEID_ANY;
}

static bool is_here(struct router *r, const flux_msg_t *msg)
{
    return table_getn(r->services, msg->topic, msg_service_length(msg));
}

/* The neighbour that must have this request, NULL if there is none; only for
 * one that is not served here.
 */
static struct peer *neighbour_for(struct router *r, const flux_msg_t *msg)
{
    if (is_for_any(r, msg) || (msg->flags & FLUX_MSGFLAG_UPSTREAM))
        return r->parent;
    return r->next_hop ? r->next_hop(msg->a, r->next_hop_arg) : NULL;
}

static bool is_served_here(struct router *r, const flux_msg_t *msg)
{
    if (is_for_any(r, msg))
        return r->rank == 0 || is_here(r, msg);
    return !(msg->flags & FLUX_MSGFLAG_UPSTREAM) && msg->a == r->rank;
}

static void route_request(struct router *r, flux_msg_t *msg)
{
    struct peer *p;

    if (!msg->topic)
        refuse(r, msg, EPROTO, "request has no topic");
    else if (is_served_here(r, msg))
        request_here(r, msg);
    else if ((p = neighbour_for(r, msg)))
        deliver_request(p, msg);
    else
        refuse(r, msg, EHOSTUNREACH, NULL);
}

void router_reroute(struct router *r, flux_msg_t *msg)
{
    route_request(r, msg);
}

static bool is_noted(const struct peer *p, const char *key, size_t len)
{
    const struct table_entry *e = p->last_noted;

    return e && e->len == len && memcmp(e->key, key, len) == 0;
}

/* Remember that `p` asked this service, for when it leaves.  One that is not
 * there is not worth the memory, of which a client could take any amount.
 */
static void note_asked(struct peer *p, const flux_msg_t *msg)
{
    char key[SERVICE_NAME_MAX + sizeof(msg->a)];
    size_t len = msg_service_length(msg);

    if (len == 0 || len > SERVICE_NAME_MAX || is_disconnect(msg))
        return;
    memcpy(key, msg->topic, len);
    memcpy(key + len, &msg->a, sizeof(msg->a));
    len += sizeof(msg->a);
    if (is_noted(p, key, len) || table_count(&p->notify) >= NOTIFY_MAX ||
        (is_served_here(p->router, msg) && !is_here(p->router, msg)))
        return;
    if (!table_getn(&p->notify, key, len))
        table_setn(&p->notify, key, len, p);
    p->last_noted = table_find(&p->notify, key, len);
}

/* Another rank has pushed its own UUID, and can speak for no one else. */
static bool has_honest_route(struct peer *from, const flux_msg_t *msg)
{
    const char *id;
    size_t len;

    return from->kind != PEER_RANK ||
           (msg_route_top(msg, &id, &len) && is_id(id, len, from->uuid));
}

static void receive_request(struct peer *from, flux_msg_t *msg)
{
    if (from->kind == PEER_CLIENT || from->kind == PEER_MODULE)
        note_asked(from, msg);
    if (from->answered_tag == msg->b)
        from->answered_tag = FLUX_MATCHTAG_NONE;
    if (!has_honest_route(from, msg) || push_sender(from, msg) < 0)
        flux_msg_destroy(msg);
    else
        route_request(from->router, msg);
}

/* ---- responses --------------------------------------------------- */

static bool pop_if_top(flux_msg_t *msg, const char *uuid)
{
    const char *id;
    size_t len;

    if (!msg_route_top(msg, &id, &len) || !is_id(id, len, uuid))
        return false;
    flux_msg_route_delete_last(msg);
    return true;
}

static void route_response(struct router *r, flux_msg_t *msg)
{
    const char *id;
    size_t len;
    struct peer *p = NULL;

    pop_if_top(msg, r->connector_uuid);
    if (!msg_route_top(msg, &id, &len))
        p = table_get(r->peers, r->uuid); /* the broker itself asked */
    else if ((p = find_peer(r, id, len)))
        flux_msg_route_delete_last(msg);
    if (!p) {
        flux_msg_destroy(msg); /* its sender has gone */
        return;
    }
    router_deliver(p, msg, false);
}

/* A module or a client's service keeps our UUID on top; another rank has
 * taken it off to find us by it.
 */
static bool was_asked_for(struct peer *from, flux_msg_t *msg)
{
    if (from->kind == PEER_BROKER)
        return true;
    if (from->kind != PEER_RANK && !pop_if_top(msg, from->router->uuid))
        return false;
    return settle(from, msg);
}

static void receive_response(struct peer *from, flux_msg_t *msg)
{
    if (!was_asked_for(from, msg))
        flux_msg_destroy(msg);
    else
        route_response(from->router, msg);
}

void router_respond_error(struct router *r,
                          const flux_msg_t *request,
                          int errnum,
                          const char *text)
{
    flux_msg_t *msg;

    if (request->flags & FLUX_MSGFLAG_NORESPONSE)
        return;
    msg = flux_response_derive(request, errnum);
    if (!msg) {
        leave_unanswered(r, request);
        return;
    }
    if (text)
        flux_msg_set_string(msg, text); /* without, if memory has run out */
    flux_msg_set_cred(msg, r->self.cred);
    route_response(r, msg);
}

/* ---- events ------------------------------------------------------ */

static bool has_subscribed(struct peer *p, const flux_msg_t *msg)
{
    struct list *l, *following;

    LIST_FOREACH(&p->subscriptions, l, following)
    {
        struct subscription *s = LIST_ENTRY(l, struct subscription, link);

        if (s->length < msg->topic_size &&
            memcmp(s->topic, msg->topic, s->length) == 0)
            return true;
    }
    return false;
}

static bool may_see(struct peer *p, const flux_msg_t *msg)
{
    return !(msg->flags & FLUX_MSGFLAG_PRIVATE) ||
           (p->cred.rolemask & FLUX_ROLE_OWNER) ||
           p->cred.userid == msg->userid;
}

static void deliver_event(struct peer *p, flux_msg_t *msg)
{
    flux_msg_t *mine;

    if (!p->deferring) {
        flux_msg_incref(msg);
        router_deliver(p, msg, false);
    } else if ((mine = msg_clone(msg)))
        router_deliver(p, mine, false);
}

static void distribute(struct router *r, flux_msg_t *msg)
{
    struct list *l, *following;

    LIST_FOREACH(&r->subscribers, l, following)
    {
        struct peer *p = LIST_ENTRY(l, struct peer, subscriber);

        if (has_subscribed(p, msg) && may_see(p, msg))
            deliver_event(p, msg);
    }
    flux_msg_decref(msg);
}

uint32_t router_publish(struct router *r, flux_msg_t *msg)
{
    uint32_t seq = ++r->event_seq;

    flux_msg_route_clear(msg);
    flux_msg_set_seq(msg, seq);
    distribute(r, msg);
    return seq;
}

/* Rank 0 numbers events; from the parent they come numbered. */
static void receive_event(struct peer *from, flux_msg_t *msg)
{
    struct router *r = from->router;

    flux_msg_route_clear(msg);
    if (from == r->parent)
        distribute(r, msg);
    else if (r->parent)
        router_deliver(r->parent, msg, false);
    else if (r->rank == 0)
        router_publish(r, msg);
    else
        flux_msg_destroy(msg); /* cut off from rank 0: the end is near */
}

/* ---- ingress ----------------------------------------------------- */

static void assign_cred(struct peer *p, flux_msg_t *msg)
{
    if (p->kind == PEER_RANK) {
        msg->rolemask &= ~(uint32_t)FLUX_ROLE_LOCAL;
        return;
    }
    if (!p->may_impersonate || msg->userid == FLUX_USERID_UNKNOWN)
        msg->userid = p->cred.userid;
    if (!p->may_impersonate || msg->rolemask == FLUX_ROLE_NONE)
        msg->rolemask = p->cred.rolemask;
}

static void receive_control(struct peer *from, flux_msg_t *msg)
{
    if (msg->type == FLUX_MSGTYPE_CONTROL && from->control)
        from->control(from, msg);
    flux_msg_destroy(msg);
}

struct peer *router_receive(struct peer *from, flux_msg_t *msg)
{
    from->router->asked_full = NULL;
    count(from, msg, true);
    assign_cred(from, msg);
    trace(from, "tx", msg);
    if (msg->type == FLUX_MSGTYPE_REQUEST || msg->type == FLUX_MSGTYPE_RESPONSE)
        from->last_sent = flux_reactor_now(from->router->reactor);
    if (msg->type == FLUX_MSGTYPE_REQUEST)
        receive_request(from, msg);
    else if (msg->type == FLUX_MSGTYPE_RESPONSE)
        receive_response(from, msg);
    else if (msg->type == FLUX_MSGTYPE_EVENT && msg->topic)
        receive_event(from, msg);
    else
        receive_control(from, msg);
    return from->router->asked_full;
}

/* ---- the router's own services ----------------------------------- */

static void
self_respond(struct router *r, const flux_msg_t *request, flux_msg_t *response)
{
    struct peer *sender = router_sender(r, request);

    if (request->flags & FLUX_MSGFLAG_NORESPONSE) {
        flux_msg_destroy(response);
        return;
    }
    if (!response) {
        leave_unanswered(r, request);
        return;
    }
    flux_msg_set_cred(response, r->self.cred);
    if (sender && sender->kind == PEER_CLIENT) {
        /* as the local connector answers for itself (client.jsonl) */
        response->userid = FLUX_USERID_UNKNOWN;
        response->rolemask = FLUX_ROLE_OWNER;
    }
    route_response(r, response);
}

static struct subscription *subscription_find(struct peer *p, const char *topic)
{
    struct list *l, *following;

    LIST_FOREACH(&p->subscriptions, l, following)
    {
        struct subscription *s = LIST_ENTRY(l, struct subscription, link);

        if (strcmp(s->topic, topic) == 0)
            return s;
    }
    errno = ENOENT;
    return NULL;
}

int router_subscribe(struct peer *p, const char *topic)
{
    struct subscription *s = subscription_find(p, topic);
    size_t len = strlen(topic);

    if (s) {
        s->count++;
        return 0;
    }
    if (p->subscription_count == SUBSCRIPTIONS_MAX) {
        errno = ENOSPC;
        return -1;
    }
    if (!(s = malloc(sizeof(*s) + len + 1)))
        return -1;
    s->count = 1;
    s->length = len;
    memcpy(s->topic, topic, len + 1);
    list_append(&p->subscriptions, &s->link);
    p->subscription_count++;
    if (list_empty(&p->subscriber))
        list_append(&p->router->subscribers, &p->subscriber);
    return 0;
}

static int unsubscribe(struct peer *p, const char *topic)
{
    struct subscription *s = subscription_find(p, topic);

    if (!s)
        return -1;
    if (--s->count == 0) {
        list_remove(&s->link);
        free(s);
        p->subscription_count--;
    }
    if (list_empty(&p->subscriptions))
        list_remove(&p->subscriber);
    return 0;
}

const char *router_subscription_next(struct peer *p, const char *topic)
{
    struct subscription *s = topic ? subscription_find(p, topic) : NULL;
    struct list *l = s ? s->link.next : p->subscriptions.next;

    if (l == &p->subscriptions)
        return NULL;
    return LIST_ENTRY(l, struct subscription, link)->topic;
}

static int service_add(struct peer *p, const char *name)
{
    return router_service_add(p->router, name, p);
}

static int service_remove(struct peer *p, const char *name)
{
    return router_service_remove(p->router, name, p);
}

static int event_encode(const flux_msg_t *request, flux_msg_t **event)
{
    const char *topic, *payload = NULL;
    int flags;
    size_t size = 0;
    void *data = NULL;

    *event = NULL;
    if (flux_request_unpack(request, NULL, "{s:s s:i s?s}", "topic", &topic,
                            "flags", &flags, "payload", &payload) < 0 ||
        (flags & ~FLUX_MSGFLAG_PRIVATE) ||
        (payload && !(data = base64_decode(payload, &size)))) {
        errno = EPROTO;
        return -1;
    }
    *event = flux_event_encode_raw(topic, size ? data : NULL, size);
    free(data);
    if (*event && (flags & FLUX_MSGFLAG_PRIVATE))
        flux_msg_set_private(*event);
    return *event ? 0 : -1;
}

static void
answer_published(struct router *r, const flux_msg_t *request, uint32_t seq)
{
    flux_msg_t *response = flux_response_derive(request, 0);

    if (!response ||
        flux_msg_pack(response, "{s:I}", "seq", (json_int_t)seq) < 0) {
        router_respond_error(r, request, errno, NULL);
        flux_msg_destroy(response);
        return;
    }
    flux_msg_set_cred(response, r->self.cred);
    if (request->flags & FLUX_MSGFLAG_NORESPONSE)
        flux_msg_destroy(response);
    else
        route_response(r, response);
}

static void event_publish(struct router *r, const flux_msg_t *request)
{
    flux_msg_t *event;

    if (!(request->rolemask & (FLUX_ROLE_OWNER | FLUX_ROLE_USER))) {
        router_respond_error(r, request, EPERM,
                             "Request rejected due to insufficient privilege");
        return;
    }
    if (event_encode(request, &event) < 0) {
        char *s = util_asprintf("error decoding %s request", request->topic);

        router_respond_error(r, request, errno, s);
        free(s);
        return;
    }
    event->userid = request->userid;
    event->rolemask = request->rolemask;
    answer_published(r, request, router_publish(r, event));
}

/* How one of the router's own methods is served; `serve` takes `msg`. */
struct self_method {
    const char *topic;
    void (*serve)(struct router *r,
                  const struct self_method *m,
                  flux_msg_t *msg);
    const char *key; /* of the one string in the request, for `apply` */
    int (*apply)(struct peer *sender, const char *value);
    bool for_owner;
};

/* Rank 0 will do, through any hop. */
static void
serve_publish(struct router *r, const struct self_method *m, flux_msg_t *msg)
{
    (void)m;
    if (r->parent) {
        msg->a = FLUX_NODEID_ANY;
        deliver_request(r->parent, msg);
        return;
    }
    event_publish(r, msg);
    flux_msg_destroy(msg);
}

static int apply(struct router *r,
                 const struct self_method *m,
                 const flux_msg_t *msg,
                 flux_error_t *e)
{
    struct peer *sender = router_sender(r, msg);
    const char *value;

    if (!sender || sender->kind == PEER_RANK)
        return util_errno(e, ENOENT, "%s: sender is not on this rank",
                          msg->topic);
    if (flux_request_unpack(msg, NULL, "{s:s}", m->key, &value) < 0)
        return util_errno(e, EPROTO, "error decoding %s request", msg->topic);
    if (m->for_owner && !(msg->rolemask & FLUX_ROLE_OWNER))
        return util_errno(e, EPERM, "Request requires owner credentials");
    return m->apply(sender, value);
}

/* What a peer of this rank wants for itself. */
static void
serve_peer(struct router *r, const struct self_method *m, flux_msg_t *msg)
{
    flux_error_t e = {""};
    int errnum = apply(r, m, msg, &e) < 0 ? errno : 0;
    flux_msg_t *response = flux_response_derive(msg, errnum);

    if (response && e.text[0])
        flux_msg_set_string(response, e.text);
    self_respond(r, msg, response);
    flux_msg_destroy(msg);
}

static const struct self_method self_methods[] = {
    {"event.publish", serve_publish, NULL, NULL, false},
    {"event.subscribe", serve_peer, "topic", router_subscribe, false},
    {"event.unsubscribe", serve_peer, "topic", unsubscribe, false},
    {"service.add", serve_peer, "service", service_add, true},
    {"service.remove", serve_peer, "service", service_remove, false},
};

static const struct self_method *self_method_find(const char *topic)
{
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(self_methods); i++)
        if (strcmp(self_methods[i].topic, topic) == 0)
            return &self_methods[i];
    return NULL;
}

static void refuse_unknown(struct router *r, flux_msg_t *msg)
{
    char *s = util_asprintf("Unknown service method '%s'", msg->topic);

    refuse(r, msg, ENOSYS, s);
    free(s);
}

static void self_send(struct peer *p, flux_msg_t *msg)
{
    const struct self_method *m;

    if (msg->type != FLUX_MSGTYPE_REQUEST || is_disconnect(msg))
        flux_msg_destroy(msg);
    else if ((m = self_method_find(msg->topic)))
        m->serve(p->router, m, msg);
    else
        refuse_unknown(p->router, msg);
}

/* ---- router ------------------------------------------------------ */

static int add_own_services(struct router *r)
{
    r->self.send = self_send;
    snprintf(r->self.name, sizeof(r->self.name), "router");
    if (router_peer_add(r, &r->self, PEER_BROKER) < 0)
        return -1;
    if (router_service_add(r, "event", &r->self) < 0 ||
        router_service_add(r, "service", &r->self) < 0)
        return -1;
    return 0;
}

struct router *router_create(flux_reactor_t *reactor,
                             const char *uuid,
                             uint32_t rank,
                             uint32_t size)
{
    struct router *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->reactor = reactor;
    r->owner = getuid();
    r->rank = rank;
    r->size = size;
    snprintf(r->uuid, sizeof(r->uuid), "%s", uuid);
    util_uuid(r->connector_uuid);
    list_init(&r->subscribers);
    r->peers = table_create(NULL);
    r->services = table_create(NULL);
    r->pool = pending_pool_create();
    if (!r->peers || !r->services || !r->pool || add_own_services(r) < 0) {
        router_destroy(r);
        return NULL;
    }
    return r;
}

void router_destroy(struct router *r)
{
    int saved_errno = errno;

    if (!r)
        return;
    router_peer_remove(&r->self);
    assert(!r->peers || table_count(r->peers) == 0);
    table_destroy(r->peers);
    table_destroy(r->services);
    pending_pool_destroy(r->pool);
    free(r);
    errno = saved_errno;
}
