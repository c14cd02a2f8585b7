/* config.h - the configuration object (the builtin module config) */
#ifndef CONFIG_H
#define CONFIG_H

#include "attr.h"
#include "module.h"

struct config;

/* Read and check a file or a folder; NULL as flux_conf_parse() has it, or with
 * the file and the key of a fault in a table that the broker itself reads.
 */
flux_conf_t *config_read(const char *path, flux_error_t *e);

/* Whether this broker has taken the configuration of the leader, rank 0. */
typedef void (*config_synced_f)(bool taken, void *arg);

/* The object is kept at `h`, the broker's own handle (flux_get_conf). */
struct config *config_create(flux_t *h,
                             struct attr_set *attrs,
                             struct module_set *modules,
                             uint32_t rank);
void config_destroy(struct config *c);
struct module_builtin config_builtin(struct config *c);

/* Follow the parent's configuration from now on; `synced` is called once. */
int config_follow(struct config *c, config_synced_f synced, void *arg);

#endif /* CONFIG_H */
