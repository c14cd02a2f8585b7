/* environ.h - broker.getenv and broker.setenv: the broker's environment */
#ifndef ENVIRON_H
#define ENVIRON_H

#include "flux.h"

/* Serve on `h`, as long as that is there.  For the owner alone. */
int environ_serve(flux_t *h);

#endif /* ENVIRON_H */
