/* cmd_watch.h - flux module reload --watch */
#ifndef CMD_WATCH_H
#define CMD_WATCH_H

#include "cmd_load.h"

/* Reload the module whenever its file changes, until a signal comes; the exit
 * status.
 */
int cmd_watch_run(struct cmd_load *l);

#endif /* CMD_WATCH_H */
