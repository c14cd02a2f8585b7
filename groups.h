/* groups.h - named sets of ranks (the builtin module groups) */
#ifndef GROUPS_H
#define GROUPS_H

#include "module.h"
#include "overlay.h"
#include "topology.h"

#define GROUPS_ONLINE "broker.online" /* ranks that are ready to run */

struct groups;

struct groups *groups_create(const struct overlay *overlay,
                             const struct topology *topology,
                             uint32_t rank);
void groups_destroy(struct groups *g);
struct module_builtin groups_builtin(struct groups *g);

/* Those below a child that is not connected any more are members of nothing.
 */
void groups_drop_lost(struct groups *g);

#endif /* GROUPS_H */
