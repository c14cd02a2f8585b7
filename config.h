/* config.h - the configuration object (the builtin module config) */
#ifndef CONFIG_H
#define CONFIG_H

#include "attr.h"
#include "module.h"

struct config;

/* The object is kept at `h`, the broker's own handle (flux_get_conf). */
struct config *config_create(flux_t *h,
                             struct attr_set *attrs,
                             struct module_set *modules);
void config_destroy(struct config *c);
struct module_builtin config_builtin(struct config *c);

#endif /* CONFIG_H */
