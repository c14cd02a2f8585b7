/* cmd_list.h - flux module list, a row of flux-module's table */
#ifndef CMD_LIST_H
#define CMD_LIST_H

#include "cli.h"

extern const struct cli_option cmd_list_options[];

int cmd_list_run(struct cli *p);

#endif /* CMD_LIST_H */
