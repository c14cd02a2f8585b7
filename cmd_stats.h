/* cmd_stats.h - flux module stats and debug, rows of flux-module's table */
#ifndef CMD_STATS_H
#define CMD_STATS_H

#include "cli.h"

extern const struct cli_option cmd_stats_options[], cmd_stats_debug_options[];

int cmd_stats_run(struct cli *p);
int cmd_stats_debug(struct cli *p);

#endif /* CMD_STATS_H */
