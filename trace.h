/* trace.h - module.trace: who watches which messages of which modules */
#ifndef TRACE_H
#define TRACE_H

#include "flux.h"
#include "router.h"

struct trace;

struct trace *trace_create(flux_t *h, struct router *router);
void trace_destroy(struct trace *t);

/* Serve module.trace and module.trace-cancel on the broker's handle. */
int trace_serve(struct trace *t);
/* module.disconnect: who watches no more. */
void trace_disconnect(struct trace *t, const flux_msg_t *msg);

#endif /* TRACE_H */
