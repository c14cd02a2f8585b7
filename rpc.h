/* rpc.h - calls for those who know the rank that they call
 *
 * The published calls (call.c) are made of these: they may have to ask which
 * rank this is, which itself takes a call (attribute.c).
 */
#ifndef RPC_H
#define RPC_H

#include "flux.h"

/* Send `msg`, which is taken and has its nodeid already, and return the future
 * of its response.  `msg` may be NULL: then the errno is that of its making.
 * `nodeid` is what flux_rpc_get_nodeid() is to tell.
 */
flux_future_t *
rpc_start(flux_t *h, flux_msg_t *msg, uint32_t nodeid, int flags);

/* Wait for the response and destroy `f`.  0, or -1 with errno and the error's
 * text.
 */
int rpc_finish(flux_future_t *f, flux_error_t *errp);

#endif /* RPC_H */
