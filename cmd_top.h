/* cmd_top.h - flux module top, a row of flux-module's table */
#ifndef CMD_TOP_H
#define CMD_TOP_H

#include "cli.h"

extern const struct cli_option cmd_top_options[];

int cmd_top_run(struct cli *p);

#endif /* CMD_TOP_H */
