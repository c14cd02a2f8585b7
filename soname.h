/* soname.h - a shared object that is nothing but a name */
#ifndef SONAME_H
#define SONAME_H

#include "buf.h"

/* Append to `b` a shared object for this machine with that SONAME, and with
 * that symbol version, unless it is NULL, but with no symbols.  -1 with errno
 * if this program's own file cannot be read, or a name is too long.
 */
int soname_write(struct buf *b, const char *name, const char *version);

#endif /* SONAME_H */
