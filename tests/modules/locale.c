/* locale.c - a module that sets the locale of the process that it runs in */
#include <flux/core.h>
#include <locale.h>

int mod_main(flux_t *h, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    setlocale(LC_ALL, "");
    return flux_reactor_run(flux_get_reactor(h), 0);
}
