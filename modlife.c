/* modlife.c - a shared object's life as a module, in a thread or a process
 *
 * What module_thread.c and flux-module-exec have in common: mapping the file
 * (dso.c) and finding mod_main in it, and the steps of RFC 5 that begin when
 * the welcome has been read: handlers, mod_main, the end.
 *
 * mod_main returns -1 and an errno, or anything else for success.  One that
 * leaves errno 0 ends with ECONNRESET.
 */
#include "modlife.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dso.h"
#include "util.h"

/* ---- the file ------------------------------------------------------------ */

static char *check_legacy_name(void *dso, const char *path, const char *name)
{
    const char **legacy = dlsym(dso, "mod_name");

    if (legacy && *legacy && strcmp(*legacy, name) != 0)
        return util_asprintf("%s: mod_name %s != name %s", path, *legacy, name);
    return NULL;
}

static char *find_main(void *dso, const char *path, modlife_main_f *mod_main)
{
    void *symbol = dlsym(dso, "mod_main");

    if (!symbol)
        return util_asprintf("%s: module does not define mod_main()", path);
    memcpy(mod_main, &symbol, sizeof(symbol)); /* C99 has no such cast */
    return NULL;
}

void *modlife_open(const char *path,
                   const char *name,
                   modlife_main_f *mod_main,
                   char **why)
{
    void *dso = dso_open(path, why);

    if (!dso)
        return NULL;
    if ((*why = check_legacy_name(dso, path, name)) ||
        (*why = find_main(dso, path, mod_main))) {
        dlclose(dso);
        errno = EINVAL;
        return NULL;
    }
    return dso;
}

/* ---- its life ------------------------------------------------------------ */

int modlife_call(flux_t *h, modlife_main_f mod_main, int argc, char **argv)
{
    int errnum;

    errno = 0;
    if (mod_main(h, argc, argv) >= 0)
        return 0;
    errnum = errno ? errno : ECONNRESET;
    flux_log(h, LOG_CRIT, "module exiting abnormally");
    return errnum;
}

int modlife_run(
    flux_t *h, modlife_main_f mod_main, int argc, char **argv, flux_error_t *e)
{
    int errnum;

    if (flux_module_register_handlers(h, e) < 0)
        return -1;
    errnum = modlife_call(h, mod_main, argc, argv);
    return flux_module_finalize(h, errnum, e);
}
