/* plain.h - how much of a text is plain, eight bytes at a time */
#ifndef PLAIN_H
#define PLAIN_H

#include <stddef.h>

/* How many bytes, from the start, need no escape in a JSON string and are
 * ASCII: all up to the first that is a control character, a quote, a backslash
 * or >= 0x80.
 */
size_t plain_length(const char *s, size_t n);

#endif /* PLAIN_H */
