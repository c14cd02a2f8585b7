/* cmd_need.h - what not every broker has */
#ifndef CMD_NEED_H
#define CMD_NEED_H

#include "cli.h"

/* Die with "PROG: OPTION: this broker has no THING" unless the broker that is
 * asked has what busyflux's has beyond Flux's.
 */
void cmd_need(struct cli *p, flux_t *h, const char *option, const char *thing);

#endif /* CMD_NEED_H */
