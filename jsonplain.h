/* jsonplain.h - plain JSON objects, without values being built */
#ifndef JSONPLAIN_H
#define JSONPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* True if `text` is one JSON object without line breaks that every reader of
 * JSON takes.  False says nothing: ask json_loadb().
 */
bool jsonplain_object(const char *text, size_t size);

/* Add to `out` what json_dumps() would write of that object, so that it may be
 * continued: without its last brace, and with a comma if it has members.
 * False, with rubbish in `out`, if it is not that plain or has one of the
 * members `others` (names in double quotes, NULL at the end).
 */
bool jsonplain_begin(const char *text,
                     size_t size,
                     const char *const *others,
                     struct buf *out);

/* Whether json_dumps() would write these characters as they are. */
bool jsonplain_string(const char *s);

#endif /* JSONPLAIN_H */
