/* credopt.h - the options FLUX_OPT_TESTING_USERID and _ROLEMASK
 *
 * Connectors that stamp credentials on what they send keep them in a struct
 * flux_msg_cred, and let tests set and get its fields by these.  `val` is a
 * uint32_t.  0, or -1 with EINVAL for another option or a wrong size.
 */
#ifndef CREDOPT_H
#define CREDOPT_H

#include "flux.h"

int credopt_set(struct flux_msg_cred *cred,
                const char *option,
                const void *val,
                size_t len);
int credopt_get(struct flux_msg_cred *cred,
                const char *option,
                void *val,
                size_t len);

#endif /* CREDOPT_H */
