/* dso.h - shared objects that are mapped as modules */
#ifndef DSO_H
#define DSO_H

#include "flux.h"

/* Whether this program can map shared objects: not if it is static. */
bool dso_can_open(void);

/* Map the module's file, after a look at it.  The result is for dlclose(3).
 * NULL with
 * errno as Flux has it (EINVAL if it has no mod_main, ENOENT for all else)
 * and, in new memory, a text that names the file, what it
 * needs and what is there, or NULL if there was no memory for one.
 */
void *dso_open(const char *path, char **why);

#endif /* DSO_H */
