/* jsonplain.h - is a text surely a JSON object, told without reading it in */
#ifndef JSONPLAIN_H
#define JSONPLAIN_H

#include <stdbool.h>
#include <stddef.h>

/* True if `text` is one JSON object without line breaks that every reader of
 * JSON takes.  False says nothing: ask json_loadb().
 */
bool jsonplain_object(const char *text, size_t size);

#endif /* JSONPLAIN_H */
