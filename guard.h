/* guard.h - ends what the broker has started, should the broker be killed */
#ifndef GUARD_H
#define GUARD_H

#include "flux.h"

/* From now on the process group `group` goes with the broker, however that
 * ends.  `h` is the broker's own handle, which keeps the guard.  A guard that
 * cannot be made is none: what is started goes on without.
 */
void guard_add(flux_t *h, pid_t group);
/* That group has ended in order; what is left of it may stay. */
void guard_remove(flux_t *h, pid_t group);

#endif /* GUARD_H */
