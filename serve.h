/* serve.h - message handlers that live as long as their handle */
#ifndef SERVE_H
#define SERVE_H

#include "flux.h"

/* Register and start the handlers of `tab`; flux_close() removes them. */
int serve_handlers(flux_t *h,
                   const struct flux_msg_handler_spec tab[],
                   void *arg);

#endif /* SERVE_H */
