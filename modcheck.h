/* modcheck.h - whether a file can be loaded, found out without loading it */
#ifndef MODCHECK_H
#define MODCHECK_H

#include "flux.h"

/* Try the module's file in a process of its own, as one of that name.  0 if
 * nothing speaks against loading it, which may fail all the same; else -1
 * with the reason in `text`, new memory of one or more lines.
 */
int modcheck_file(const char *path, const char *name, char **text);

#endif /* MODCHECK_H */
