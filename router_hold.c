/* router_hold.c - services whose requests wait for their next owner
 *
 * While a module is reloaded there is no one for its services.  A hold stands
 * in for it: a peer that has these services in the router's table and puts
 * into a queue what it is given.  Routing does not know the difference, and
 * costs no more than without.
 *
 * Whose the services are meanwhile stands in the peer's table `heirs`: first
 * the old owner, which loses them when it leaves, then whoever adds them.
 * When the hold ends they are the heirs', and the requests are routed as if
 * they had just come, in the order in which they came, so that those of one
 * sender stay in order across all of the services.
 *
 * What always holds:
 * - What the old owner was given before is its own to answer.
 * - What it asks of its own services is refused, since it would wait for its
 *   own end.
 * - A hold of more than HOLD_FULL bytes is full, as any peer with a long queue
 *   is: clients that ask for these services are not read from (link.c).
 *   Modules and other ranks always are; beyond HOLD_LIMIT requests are refused
 *   with an error that says so.
 * - Each request that can be answered is answered, or delivered, once.
 */
#include "router_hold.h"

enum { MESSAGE_COST = 512 }; /* bytes of memory beside the frame's, at most */

struct router_hold {
    struct peer peer;
    char owner[UTIL_UUID_SIZE];
    struct table *services; /* names; the values say nothing */
    struct list queue;
    size_t count;
    size_t bytes;
};

static void
refuse(struct router_hold *h, flux_msg_t *msg, int errnum, const char *text)
{
    router_respond_error(h->peer.router, msg, errnum, text);
    flux_msg_destroy(msg);
}

static bool is_from_owner(struct router_hold *h, const flux_msg_t *msg)
{
    struct peer *sender = router_sender(h->peer.router, msg);

    return sender && strcmp(sender->uuid, h->owner) == 0;
}

static void hold_send(struct peer *p, flux_msg_t *msg)
{
    struct router_hold *h = UTIL_CONTAINER_OF(p, struct router_hold, peer);
    size_t cost = msg_encoded_size(msg) + MESSAGE_COST;

    if (is_from_owner(h, msg)) {
        refuse(h, msg, ENOSYS, NULL);
        return;
    }
    if (h->bytes + cost > HOLD_LIMIT) {
        refuse(h, msg, ENOBUFS, "too many requests wait for a reload");
        return;
    }
    h->count++;
    h->bytes += cost;
    p->full = h->bytes > HOLD_FULL;
    list_append(&h->queue, &msg->link);
}

static void hold_destroy(struct router_hold *h)
{
    router_peer_remove(&h->peer);
    table_destroy(h->peer.heirs);
    table_destroy(h->services);
    free(h);
}

static struct router_hold *hold_create(struct peer *owner)
{
    struct router_hold *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    list_init(&h->queue);
    h->peer.send = hold_send;
    snprintf(h->peer.name, sizeof(h->peer.name), "hold");
    memcpy(h->owner, owner->uuid, sizeof(h->owner));
    h->services = table_create(NULL);
    h->peer.heirs = table_create(NULL);
    if (!h->services || !h->peer.heirs ||
        router_peer_add(owner->router, &h->peer, PEER_BROKER) < 0) {
        hold_destroy(h);
        errno = ENOMEM;
        return NULL;
    }
    return h;
}

struct router_hold *router_hold_begin(struct peer *owner)
{
    struct router_hold *h = hold_create(owner);
    size_t pos = 0;
    const char *name;

    if (!h)
        return NULL;
    while ((name = router_service_next(owner, &pos)))
        if (table_set(h->services, name, owner) < 0 ||
            table_set(h->peer.heirs, name, owner) < 0) {
            hold_destroy(h);
            return NULL;
        }
    for (pos = 0; table_next(h->services, &pos, &name, NULL);)
        router_service_give(owner->router, name, &h->peer);
    return h;
}

static void give_services(struct router_hold *h)
{
    size_t pos = 0;
    const char *name;

    while (table_next(h->services, &pos, &name, NULL))
        router_service_give(h->peer.router, name,
                            table_get(h->peer.heirs, name));
}

size_t router_hold_end(struct router_hold *h, int errnum, const char *text)
{
    struct list *l, *following;
    size_t count = h->count;

    give_services(h);
    LIST_FOREACH(&h->queue, l, following)
    {
        flux_msg_t *msg = LIST_ENTRY(l, flux_msg_t, link);

        list_remove(l);
        if (errnum)
            refuse(h, msg, errnum, text);
        else
            router_reroute(h->peer.router, msg);
    }
    hold_destroy(h);
    return count;
}

size_t router_hold_count(const struct router_hold *h)
{
    return h->count;
}
