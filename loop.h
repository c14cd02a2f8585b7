/* loop.h - loop://, a flux_t that receives what it sends */
#ifndef LOOP_H
#define LOOP_H

#include "flux.h"

/* What is sent through it carries the caller's user id and the owner role,
 * or what the FLUX_OPT_TESTING_ options say.
 */
flux_t *loop_create(int flags);

#endif /* LOOP_H */
