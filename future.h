/* future.h - the inside of a future, for the files that make one up
 *
 * future.c holds the future itself: its results, its two contexts, its life.
 * composite.c and rpc.c make special ones by way of `struct future_ops`;
 * chain.c links one to the next.
 */
#ifndef FUTURE_H
#define FUTURE_H

#include "auxlist.h"
#include "flux.h"
#include "list.h"

struct chain;
struct future_now;
struct future_queue;
struct future_result;

/* What a special future does its own way.  NULL members are left out. */
struct future_ops {
    /* Wait without a temporary reactor: 0 when the future is fulfilled, -1
     * with ETIMEDOUT or another errno.  `timeout` in seconds, never 0,
     * negative for ever.
     */
    int (*wait_for)(flux_future_t *f, void *impl, double timeout);
    void (*destroy)(void *impl);
};

/* The asynchronous context: set by flux_future_then(). */
struct future_then {
    flux_continuation_f cb;
    void *arg;
    double timeout;             /* negative: none */
    flux_watcher_t *timer;      /* created on first use */
    struct future_queue *queue; /* of the reactor in use */
    struct list ready;          /* link in that queue */
    bool initialized;           /* init callback called for this reactor */
    bool saw_fatal;             /* the continuation ran for the fatal error */
};

struct flux_future {
    int refs;
    bool released; /* destroyed by its user since chain.c cleared this */
    const struct future_ops *ops; /* or NULL */
    void *impl;
    flux_future_init_f init; /* or NULL */
    void *init_arg;
    flux_t *h;                           /* or NULL */
    flux_reactor_t *reactor;             /* NULL: the handle's */
    const struct future_result *current; /* what get returns, or NULL */
    const struct future_result *fatal;   /* wins over all others */
    struct list later;                   /* results behind the current one */
    struct future_then then;
    struct future_now *now;  /* the synchronous context, made on demand */
    flux_future_t *embedded; /* the one this was fulfilled with */
    struct chain *to_next;   /* chain.c: to the one that follows this */
    struct chain *from_prev; /* chain.c: from the one that this follows */
    void (*unlink)(flux_future_t *f); /* of those, as it goes; or NULL */
    struct auxlist aux;
    struct list all; /* of its handle's futures, if it has one */
};

/* As flux_future_create(), with `impl` belonging to the future on success. */
flux_future_t *future_create(const struct future_ops *ops,
                             void *impl,
                             flux_future_init_f init,
                             void *init_arg);

/* The impl of `f`, or of one that it was fulfilled with, that has these ops;
 * NULL with EINVAL if there is none.
 */
void *future_impl(const flux_future_t *f, const struct future_ops *ops);

/* Drop one reference, as flux_future_decref(), but not in the user's name. */
void future_release(flux_future_t *f);

/* Take the continuation off, whose argument is about to go. */
void future_forget(flux_future_t *f);

/* For handle_reclaim(): the continuations under way are gone, and then whoever
 * held these futures.
 */
void future_abandon(flux_t *h);
void future_reclaim(struct list *futures);

/* Have `child` work in the context that `parent` is in at this moment. */
void future_inherit(flux_future_t *child, flux_future_t *parent);

#endif /* FUTURE_H */
