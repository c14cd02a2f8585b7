/* modstats.h - an entry of module.stats' answer, as numbers
 *
 * The client's side of module_info.c.
 */
#ifndef MODSTATS_H
#define MODSTATS_H

#include "flux.h"
#include "json.h"
#include "latency.h"

enum { MODSTATS_TYPES = 4 /* request, response, event, control */ };

struct modstats_flow {
    json_int_t messages[MODSTATS_TYPES];
    json_int_t bytes;
};

struct modstats {
    const char *name; /* of the JSON value */
    long rank;        /* for the caller */
    int status;
    double age; /* seconds since it was loaded */
    json_int_t idle, restarts;
    struct modstats_flow rx, tx;
    json_int_t queue, queue_bytes, queue_max, queue_bytes_max;
    json_int_t pending, pending_max;
    struct latency latency;
    double cpu;        /* seconds, -1: not known */
    json_int_t memory; /* bytes, 0: not known */
};

/* -1 with EPROTO if it is none. */
int modstats_unpack(json_t *entry, struct modstats *s);
json_int_t modstats_messages(const struct modstats_flow *f);
const char *modstats_type(int type); /* "request", ... */

#endif /* MODSTATS_H */
