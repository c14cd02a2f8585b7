/* trace.h - module.trace: who watches which messages of which modules */
#ifndef TRACE_H
#define TRACE_H

#include "flux.h"
#include "router.h"

struct trace;

struct trace *trace_create(flux_t *h, struct router *router);
void trace_destroy(struct trace *t);

/* Serve module.trace, module.trace-cancel and module.disconnect on the
 * broker's handle.
 */
int trace_serve(struct trace *t);

#endif /* TRACE_H */
