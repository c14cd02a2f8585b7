/* tracepair.h - which response answers which request in a trace
 *
 * Knows calls by where they were seen (a module, and whether it asked or was
 * asked), the routes, the matchtag and the topic, all of which a response has
 * in common with its request at that place.
 */
#ifndef TRACEPAIR_H
#define TRACEPAIR_H

#include <stdbool.h>

#include "list.h"

struct tracepair;
struct tracefmt_record;

struct tracepair_call {
    struct list link; /* oldest first */
    double start;     /* the request's timestamp */
    bool answered;    /* by a response at least */
    void *data;       /* of whoever shows calls */
    size_t key_size;
    char key[];
};

/* `forget` is called for each call that ends, before it is freed. */
typedef void (*tracepair_forget_f)(struct tracepair_call *c, void *arg);
struct tracepair *tracepair_create(tracepair_forget_f forget, void *arg);
void tracepair_destroy(struct tracepair *t);

/* Look at one message.  Sets r->call, r->latency and r->last.  -1, ENOMEM. */
int tracepair_look(struct tracepair *t, struct tracefmt_record *r);

/* The record has been dealt with: if it was a call's last, the call ends. */
void tracepair_settle(struct tracepair *t, struct tracefmt_record *r);

/* Messages are missing: no call that is open can be told from a later one. */
void tracepair_clear(struct tracepair *t);

#endif /* TRACEPAIR_H */
