/* router.h - who is there, and where a message goes
 *
 * A peer is anyone that messages come from or go to: a client, a module, a
 * broker of another rank, the broker itself.  The router knows peers by
 * UUID, services by name and subscriptions by prefix; it looks at headers,
 * topics and routes, never at a payload, and it calls no one back: giving a
 * message to a peer means putting it into that peer's queue.  So it may be
 * used from anywhere in the broker's loop.
 */
#ifndef ROUTER_H
#define ROUTER_H

#include "flux.h"
#include "latency.h"
#include "list.h"
#include "msg.h"
#include "pending.h"
#include "table.h"
#include "util.h"

struct router;
struct peer;

enum peer_kind { PEER_CLIENT, PEER_MODULE, PEER_RANK, PEER_BROKER };

/* How a peer takes a message; `msg` is the peer's from then on. */
typedef void (*peer_send_f)(struct peer *p, flux_msg_t *msg);

/* What is counted for each peer, beside its messages; as the peer sees it. */
struct peer_stats {
    uint64_t bytes_rx, bytes_tx; /* of whole frames */
    size_t queue_max;            /* messages that waited for it, at most */
    size_t queue_bytes_max;
    size_t pending_max;      /* requests without an answer, at most */
    struct latency *latency; /* from request to response; NULL: none yet */
};

struct peer {
    struct router *router;
    struct list link; /* in the router's list */
    enum peer_kind kind;
    peer_send_f send;
    size_t (*backlog)(struct peer *p); /* bytes it has not taken; or NULL */
    /* Takes a control message from it, which stays the router's; or NULL. */
    void (*control)(struct peer *p, const flux_msg_t *msg);
    void *control_arg;
    void (*cut)(struct peer *p, int errnum); /* end it; NULL: it stays */
    char uuid[UTIL_UUID_SIZE];
    char name[64];             /* for people: module name, "client", "rank 3" */
    struct flux_msg_cred cred; /* put on what comes from this peer */
    bool may_impersonate;      /* owner: cred only where the sender set none */
    bool full;      /* its queue is long: clients that ask it must wait */
    bool refusing;  /* a module that is finalizing: ENOSYS for requests */
    bool traced;    /* a module: shown by module.trace */
    bool deferring; /* module.debug defer: messages wait in `deferred` */
    struct list deferred;
    size_t deferred_bytes;
    struct list subscriptions;
    size_t subscription_count;
    struct list subscriber; /* in the router's list, if it has subscribed */
    struct table services;  /* names of its own */
    uint64_t serial;        /* never used again, unlike its address */
    struct table notify;    /* services that must hear of its disconnect */
    const struct table_entry *last_noted; /* the last one asked, or NULL */
    struct table askers;        /* serials of who has sent it matchtag 0 */
    uint64_t last_asker;        /* one of these */
    struct pending_set pending; /* requests given to it, not answered yet */
    struct table *heirs;        /* of a hold: see router_hold.c; else NULL */
    size_t asking;         /* of its own requests, those not answered yet */
    uint32_t answered_tag; /* of that which was answered last, with success */
    uint64_t answered_by;  /* serial of the peer that did */
    double last_sent;      /* reactor time of its last request or response */
    flux_msgcounters_t counters; /* as the peer sees them */
    struct peer_stats stats;
};

/* `uuid` names this broker in routes. */
struct router *router_create(flux_reactor_t *r,
                             const char *uuid,
                             uint32_t rank,
                             uint32_t size);
void router_destroy(struct router *r);

/* Other ranks (overlay.c).  The parent takes what finds no service here, and
 * events to be numbered; NULL: there is none.  `next_hop` names the neighbour
 * on the way to a rank, or NULL.
 */
typedef struct peer *(*router_next_hop_f)(uint32_t rank, void *arg);
void router_set_parent(struct router *r, struct peer *parent);
void router_set_next_hop(struct router *r, router_next_hop_f cb, void *arg);
/* Give `p` all events whose topic begins with `topic`. */
int router_subscribe(struct peer *p, const char *topic);
size_t router_pending(const struct peer *p); /* requests not answered yet */
/* Walk them in order: NULL starts, NULL ends.  A copy may be kept, but not a
 * reference; a long payload is not there any more.
 */
const flux_msg_t *router_pending_next(const struct peer *p,
                                      const flux_msg_t *request);
/* Walk the topics that `p` has subscribed to: NULL starts, NULL ends. */
const char *router_subscription_next(struct peer *p, const char *topic);

/* Join and leave.  Leaving takes the peer's services away, answers requests
 * pending in it with EHOSTUNREACH and `module disconnect`, and sends
 * SERVICE.disconnect to each service it had asked.  `p` is the caller's.
 */
int router_peer_add(struct router *r, struct peer *p, enum peer_kind kind);
void router_peer_remove(struct peer *p);
struct peer *router_peer_find(struct router *r, const char *uuid);
/* The peer that a request came from (a client, a module, another rank), or
 * NULL if it is the broker.
 */
struct peer *router_sender(struct router *r, const flux_msg_t *request);

/* Whether so much is on its way to whoever sent a streaming request that the
 * rest had better wait.  Who is on another rank is as slow as the way there.
 */
bool router_sender_is_slow(struct router *r, const flux_msg_t *request);

/* The UUID that stands for the local connector in clients' routes. */
const char *router_connector_uuid(struct router *r);
const char *router_uuid(struct router *r);
uint32_t router_rank(struct router *r);

/* EEXIST, EINVAL (no good name). */
int router_service_add(struct router *r, const char *name, struct peer *p);
int router_service_remove(struct router *r, const char *name, struct peer *p);
struct peer *router_service_find(struct router *r, const char *name);
/* Hand a service that is there to `to`, or take it away (NULL). */
void router_service_give(struct router *r, const char *name, struct peer *to);
/* Walk the services of one peer: start with *pos 0; NULL at the end. */
const char *router_service_next(const struct peer *p, size_t *pos);

/* A message came from `from`.  Takes `msg`.  The peer that it was a request
 * for, if that one's queue is full now; else NULL.
 */
struct peer *router_receive(struct peer *from, flux_msg_t *msg);

/* A request, as it came from router_receive(), has to find its way again.
 * Takes `msg`.
 */
void router_reroute(struct router *r, flux_msg_t *msg);

/* Hand `msg` to `p`, past its deferral if `now`.  Takes `msg`. */
void router_deliver(struct peer *p, flux_msg_t *msg, bool now);
void router_defer(struct peer *p, bool on);

/* Publish an event that was numbered nowhere yet; its number. Takes `msg`. */
uint32_t router_publish(struct router *r, flux_msg_t *msg);

/* Answer a request that a peer sent, in the broker's name. */
void router_respond_error(struct router *r,
                          const flux_msg_t *request,
                          int errnum,
                          const char *text);

/* Called for each message of a traced peer while it is set (trace.c). */
typedef void (*router_trace_f)(struct peer *p,
                               const char *prefix,
                               const flux_msg_t *msg,
                               void *arg);
void router_trace_set(struct router *r, router_trace_f cb, void *arg);

#endif /* ROUTER_H */
