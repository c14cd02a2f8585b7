/* modlife.h - a shared object's life as a module, in a thread or a process */
#ifndef MODLIFE_H
#define MODLIFE_H

#include "flux.h"

typedef int (*modlife_main_f)(flux_t *h, int argc, char **argv);

/* Map a shared object, check it, and find its mod_main.  `name` is that which
 * it is loaded under.  The result is for dlclose(3).  NULL with errno and, in
 * new memory, a text of any length, or NULL if there was no memory for one.
 */
void *modlife_open(const char *path,
                   const char *name,
                   modlife_main_f *mod_main,
                   char **why);

/* Call mod_main; return 0 or the errno that it ended with. */
int modlife_call(flux_t *h, modlife_main_f mod_main, int argc, char **argv);

/* All of it on a module's channel after flux_module_initialize(): register
 * handlers, call mod_main, finalize.  -1, with a text, if the channel fails.
 */
int modlife_run(
    flux_t *h, modlife_main_f mod_main, int argc, char **argv, flux_error_t *e);

#endif /* MODLIFE_H */
