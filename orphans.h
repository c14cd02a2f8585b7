/* orphans.h - what a broker leaves when it is killed */
#ifndef ORPHANS_H
#define ORPHANS_H

#include <sys/types.h>

/* From now on, processes below this one that lose their parent are its own
 * children.  Does nothing where the system has no such thing.
 */
void orphans_adopt(void);

/* Kill those that were started with `variable` ("NAME=VALUE") in their
 * environment, wait for them, and for what has ended of the others.  The
 * `count` children in `own`, of which some may be 0, are left alone.
 */
void orphans_end(const char *variable, const pid_t *own, size_t count);

#endif /* ORPHANS_H */
