/* conf.h - what conf.c offers beside the published interface */
#ifndef CONF_H
#define CONF_H

#include "flux.h"
#include "json.h"

/* What starts and ends an instance unless it is told otherwise. */
#define CONF_RC1 "flux modprobe rc1"
#define CONF_RC3 "flux modprobe rc3"

/* The value at the end of a path through tables, "access.roles"; `object`
 * itself for "".  Borrowed, or NULL.
 */
json_t *conf_find(json_t *object, const char *path);

/* The table in a file of at most `limit` bytes: JSON if its name ends in
 * .json, else TOML.  The caller owns it.  NULL with errno, and `error` (may be
 * NULL) names the file and says why.
 */
json_t *conf_read_file(const char *path, size_t limit, flux_error_t *error);

/* The file, of those that flux_conf_parse(path) reads, that gives `key` (a
 * path through tables, "access.roles") its value.  New memory; NULL with
 * ENOENT if none does.
 */
char *conf_source(const char *path, const char *key);

/* The names that flux_conf_builtin_get() knows, by number; NULL past them. */
const char *conf_builtin_name(size_t i);

#endif /* CONF_H */
