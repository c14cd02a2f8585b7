/* overlay.h - this broker's links to its parent and its children */
#ifndef OVERLAY_H
#define OVERLAY_H

#include "attr.h"
#include "link.h"
#include "module.h"
#include "router.h"
#include "topology.h"

struct overlay;

struct overlay_callbacks {
    void (*parent_ready)(void *arg);
    void (*parent_lost)(const char *why, void *arg);
    void (*children_changed)(void *arg);
    void *arg;
};

/* `rundir` holds the sockets tbon-RANK, `hosts` the hosts in rank order (RFC
 * 29).  Nothing happens before
 * overlay_start().
 */
struct overlay *overlay_create(flux_t *h,
                               struct router *router,
                               struct link_set *links,
                               struct topology *topology,
                               const char *rundir,
                               const char *hosts);
void overlay_destroy(struct overlay *o);

/* How long to wait for a parent; 0 (as it is first): without an end. */
void overlay_set_connect_timeout(struct overlay *o, double seconds);

/* Listen where there can be children, connect where there is a parent. */
int overlay_start(struct overlay *o,
                  const struct overlay_callbacks *callbacks,
                  flux_error_t *e);
void overlay_leave(struct overlay *o); /* part from the parent, in order */
size_t overlay_children(const struct overlay *o); /* connected now */
bool overlay_has_child(const struct overlay *o, uint32_t rank);

/* The builtin module overlay: overlay.topology, overlay.health and more. */
struct module_builtin overlay_builtin(struct overlay *o);

#endif /* OVERLAY_H */
