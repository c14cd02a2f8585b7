/* tracerec.h - what a tracer is told of one message, as JSON text
 *
 * The keys are those of Flux's module.trace: timestamp, prefix, rank, name,
 * type, topic, payload_size, payload, errnum, errstr.  A tracer that asked
 * for `proto` gets matchtag, nodeid, flags, userid, rolemask, routes (pushed
 * first comes first) and the UUID of the module.
 */
#ifndef TRACEREC_H
#define TRACEREC_H

#include "buf.h"
#include "flux.h"
#include "router.h"

/* One who asked for `batch` gets {"records": [...]} with many of them, each on
 * a line of its own, so that they can be told apart unread.
 */
#define TRACEREC_BATCH_HEAD "{\"records\":[\n"
#define TRACEREC_BATCH_NEXT ",\n"
#define TRACEREC_BATCH_TAIL "\n]}"

struct tracerec {
    double timestamp; /* seconds since the epoch */
    const char *prefix;
    const struct peer *peer; /* the module that sees the message */
    const flux_msg_t *msg;
    bool full; /* payload and errstr too */
    bool proto;
};

/* Append one record; look at b->failed. */
void tracerec_encode(struct buf *b, const struct tracerec *r);

/* One that says how many messages its reader was too slow for.  It has all
 * the keys of the others, and `dropped`.
 */
void tracerec_encode_dropped(struct buf *b, double timestamp, uint32_t dropped);

#endif /* TRACEREC_H */
