/* oldname.c - a module as Flux had them once: it says its own name
 *
 * The name in mod_name wins nothing: a loader that finds it must refuse to
 * load the file under any other name, since such a module builds its topics
 * from it.  tests/module.t loads it as "oldname", then as something else.
 */
#include <flux/core.h>

const char *mod_name = "oldname";

int mod_main(flux_t *h, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return flux_reactor_run(flux_get_reactor(h), 0);
}
