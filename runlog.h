/* runlog.h - what a command writes, line by line in the log */
#ifndef RUNLOG_H
#define RUNLOG_H

#include "flux.h"

struct runlog;

/* A pipe, whose far end is for the command; its lines are logged on `h` as
 * "NAME: LINE" at `level`.  `name` is the caller's, and stays.
 */
struct runlog *runlog_create(flux_t *h, const char *name, int level);
void runlog_destroy(struct runlog *l);

int runlog_far_end(const struct runlog *l);
/* The command has it: close our copy. */
void runlog_close_far_end(struct runlog *l);

/* The command has ended: log what is there now, a line without end, too. */
void runlog_finish(struct runlog *l);

#endif /* RUNLOG_H */
