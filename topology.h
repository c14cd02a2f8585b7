/* topology.h - the tree in which the brokers of an instance hang */
#ifndef TOPOLOGY_H
#define TOPOLOGY_H

#include "flux.h"

struct topology;

enum { TOPOLOGY_NONE = 0xFFFFFFFF }; /* no such rank */

/* `uri`: "kary:K" (kary:0: all below rank 0), "binomial", "custom" (flat).
 * NULL with EINVAL and a text if it is none of these.
 */
struct topology *
topology_create(const char *uri, uint32_t size, flux_error_t *e);
void topology_destroy(struct topology *t);

/* Hang a rank elsewhere; a parent that is not below the rank is passed over. */
void topology_set_parent(struct topology *t, uint32_t rank, uint32_t parent);

uint32_t topology_size(const struct topology *t);
uint32_t topology_parent(const struct topology *t, uint32_t rank);
uint32_t topology_level(const struct topology *t, uint32_t rank);
uint32_t topology_max_level(const struct topology *t);
uint32_t topology_descendants(const struct topology *t, uint32_t rank);
/* The first child of `rank` above `after` (TOPOLOGY_NONE: the first). */
uint32_t
topology_next_child(const struct topology *t, uint32_t rank, uint32_t after);
/* The neighbour of `from` on the way to `to`; TOPOLOGY_NONE if to == from or
 * there is no such rank.
 */
uint32_t
topology_next_hop(const struct topology *t, uint32_t from, uint32_t to);

#endif /* TOPOLOGY_H */
