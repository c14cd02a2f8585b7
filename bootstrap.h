/* bootstrap.h - the hosts that a configuration's table bootstrap names */
#ifndef BOOTSTRAP_H
#define BOOTSTRAP_H

#include "flux.h"
#include "topology.h"

struct bootstrap;

/* Read the table (flux-config-bootstrap(5)); one without hosts, or none, has
 * size 0.  NULL with EINVAL and a text that names the entry.
 */
struct bootstrap *bootstrap_create(const flux_conf_t *conf, flux_error_t *e);
void bootstrap_destroy(struct bootstrap *b);

/* How many hosts there are. */
uint32_t bootstrap_size(const struct bootstrap *b);

/* Whether a broker of that rank, of `size` brokers, on `host` is the one that
 * the table means; it means any where it has no hosts.
 */
int bootstrap_check(const struct bootstrap *b,
                    uint32_t rank,
                    uint32_t size,
                    const char *host,
                    flux_error_t *e);

/* Hang each host under its parent in a tree of that size. */
void bootstrap_shape(const struct bootstrap *b, struct topology *t);

#endif /* BOOTSTRAP_H */
