/* module_info.h - what can be told of modules, as JSON
 *
 * For module.list, module.info and module.stats (module_serve.c).
 */
#ifndef MODULE_INFO_H
#define MODULE_INFO_H

#include "module_set.h"

enum { MODULE_FAILURES_MAX = 64 /* names whose last failure is remembered */ };

/* An entry of module.list; NULL without memory. */
json_t *module_info_entry(struct module *m);

/* All there is: an entry, and more. */
json_t *module_info_all(struct module *m);

/* Who has requests in it that it has not answered, an array of objects: name,
 * uuid, requests; userid and pid of a client.
 */
json_t *module_info_users(struct module *m);

/* Counters and use: the answer to module.stats has one for each module. */
json_t *module_info_stats(struct module *m);

/* `m` has failed: remember why, under its name. */
void module_info_failed(struct module *m, const char *reason);
/* {time, reason, lines?} of the last failure of that name; NULL if there was
 * none.  Not owned.
 */
json_t *module_info_failure(struct module_set *s, const char *name);

#endif /* MODULE_INFO_H */
