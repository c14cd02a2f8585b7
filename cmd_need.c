/* cmd_need.c - what not every broker has
 *
 * The same commands serve Flux's own broker.  Most of what is new here is asked
 * for by a method that one does not have, and fails with its words for that;
 * but an option of a request it knows it would pass over, and a module that
 * was to be restarted would never be.  So a command that has such an option
 * asks first, and says by name what cannot be had.
 *
 * What always holds:
 * - Only ENOSYS means that the broker is another's.  Any other answer, an
 *   error included, leaves it to the request itself to say what is wrong.
 * - Nothing is changed by asking: module.stats counts, and no module has the
 *   empty name.
 */
#include "cmd_need.h"

void cmd_need(struct cli *p, flux_t *h, const char *option, const char *thing)
{
    flux_future_t *f = flux_rpc_pack(h, "module.stats", FLUX_NODEID_ANY, 0,
                                     "{s:s}", "name", "");

    if (!f)
        cli_die_errno(p, "%s", option);
    if (flux_future_get(f, NULL) < 0 && errno == ENOSYS)
        cli_die(p, "%s: this broker has no %s", option, thing);
    flux_future_destroy(f);
}
