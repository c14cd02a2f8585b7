/* badsym.c - a module that needs a function which nobody has
 *
 * Compiles and links, since a shared object may leave names to its host; the
 * loader finds out, and its own words, with the name, must reach the one who
 * asked for the load.
 */
#include <flux/core.h>

int flux_function_that_nobody_has(flux_t *h);

int mod_main(flux_t *h, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return flux_function_that_nobody_has(h);
}
