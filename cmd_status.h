/* cmd_status.h - flux module status, a row of flux-module's table */
#ifndef CMD_STATUS_H
#define CMD_STATUS_H

#include "cli.h"

extern const struct cli_option cmd_status_options[];

int cmd_status_run(struct cli *p);

#endif /* CMD_STATUS_H */
