/* rundir.h - the folder of a broker's sockets, and that of its state */
#ifndef RUNDIR_H
#define RUNDIR_H

#include "attr.h"

struct rundir;

/* Make or take the folder that the attribute `rundir` names (none: a fresh
 * one under TMPDIR), lock it for this rank, and set the attributes rundir and
 * rundir-cleanup; on rank 0 likewise for statedir.  EBUSY where a live broker
 * has it; the text names its pid.
 */
struct rundir *
rundir_create(struct attr_set *attrs, uint32_t rank, flux_error_t *e);
const char *rundir_path(struct rundir *d);
/* Unlock, and remove with all that is in it if the attribute says so. */
void rundir_destroy(struct rundir *d);

#endif /* RUNDIR_H */
