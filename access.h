/* access.h - the configuration table access: who may connect */
#ifndef ACCESS_H
#define ACCESS_H

#include "flux.h"

struct access {
    bool allow_guest_user; /* others than the owner come in as guests */
    bool allow_root_owner; /* root is taken for the owner */
};

/* Both false where there is no such table, or no configuration.  -1 with
 * EINVAL where the table has a fault; `e` then begins with the key, as a path
 * through tables, and a colon.
 */
int access_read(const flux_conf_t *conf,
                struct access *access,
                flux_error_t *e);

#endif /* ACCESS_H */
