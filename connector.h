/* connector.h - clients on the local socket (the builtin connector-local) */
#ifndef CONNECTOR_H
#define CONNECTOR_H

#include "link.h"
#include "module.h"

struct connector;

/* `path` of the UNIX socket; nothing is listening before the builtin module
 * is loaded.
 */
struct connector *connector_create(struct link_set *links, const char *path);
void connector_destroy(struct connector *c);

/* The row for module_set_add_builtin(): loading it listens, removing it stops
 * listening; clients that are connected stay, whoever reloads it included.
 */
struct module_builtin connector_builtin(struct connector *c);

#endif /* CONNECTOR_H */
