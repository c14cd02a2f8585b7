/* cmd_trace.h - flux module trace, a row of flux-module's table */
#ifndef CMD_TRACE_H
#define CMD_TRACE_H

#include "cli.h"

extern const struct cli_option cmd_trace_options[];

int cmd_trace_run(struct cli *p);

#endif /* CMD_TRACE_H */
