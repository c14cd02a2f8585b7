/* tbon.h - the settings of the tree of brokers, attributes tbon.* */
#ifndef TBON_H
#define TBON_H

#include "attr.h"
#include "flux.h"

/* Give each attribute tbon.* that can be configured its value: that of the
 * command line, which `attrs` has by then, else of the table tbon of `conf`,
 * else the default.  -1 with EINVAL and a text that names the setting.
 */
int tbon_take(struct attr_set *attrs,
              const flux_conf_t *conf,
              uint32_t rank,
              flux_error_t *e);

#endif /* TBON_H */
