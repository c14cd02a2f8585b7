/* toml.h - a reader of TOML 1.0 */
#ifndef TOML_H
#define TOML_H

#include "flux.h"
#include "json.h"

/* Read a document of `size` bytes into a new JSON object, which the caller
 * owns.  Tables are objects; dates and times become strings in RFC 3339 form;
 * inf and nan, which JSON cannot hold, are errors.  On failure NULL with
 * EINVAL, and `e` says "line L, column C: what is wrong".
 */
json_t *toml_parse(const char *text, size_t size, flux_error_t *e);

#endif /* TOML_H */
