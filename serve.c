/* serve.c - message handlers that live as long as their handle
 *
 * What the broker itself offers (attr, log, module, state-machine, ...) is
 * registered once on the broker's own handle and never taken back.
 */
#include "serve.h"

static void remove_handlers(void *arg)
{
    flux_msg_handler_delvec(arg);
}

int serve_handlers(flux_t *h,
                   const struct flux_msg_handler_spec tab[],
                   void *arg)
{
    flux_msg_handler_t **handlers;

    if (flux_msg_handler_addvec(h, tab, arg, &handlers) < 0)
        return -1;
    if (flux_aux_set(h, NULL, handlers, remove_handlers) < 0) {
        flux_msg_handler_delvec(handlers);
        return -1;
    }
    return 0;
}
