/* modlife.c - a shared object's life as a module, in a thread or a process
 *
 * What module_thread.c and flux-module-exec have in common: mapping the file
 * and finding mod_main in it, and the steps of RFC 5 that begin when the
 * welcome has been read: handlers, mod_main, the end.
 *
 * The symbols of a module stay local to it, and all of them are bound when it
 * is mapped, so that one that is missing is told to the one who loads and
 * does not kill at the first call.  RTLD_DEEPBIND is not used, since it breaks
 * sanitizers and preloaded libraries.
 *
 * mod_main returns -1 and an errno, or anything else for success.  One that
 * leaves errno 0 ends with ECONNRESET.
 */
#include "modlife.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

/* ---- the file ------------------------------------------------------------ */

#ifdef BUSYFLUX_STATIC
bool modlife_can_open(void)
{
    return false;
}

static void *map(const char *path, flux_error_t *e)
{
    util_errno(e, ENOTSUP,
               "%s: this is a static program, which cannot load shared "
               "objects; use a dynamic build of busyflux",
               path);
    return NULL;
}
#else
bool modlife_can_open(void)
{
    return true;
}

static void *map(const char *path, flux_error_t *e)
{
    void *dso = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!dso)
        util_errno(e, ENOEXEC, "%s", dlerror());
    return dso;
}
#endif

static int check_legacy_name(void *dso, const char *name, flux_error_t *e)
{
    const char **legacy = dlsym(dso, "mod_name");

    if (legacy && *legacy && strcmp(*legacy, name) != 0)
        return util_errno(e, EINVAL, "mod_name %s != name %s", *legacy, name);
    return 0;
}

static int find_main(void *dso, modlife_main_f *mod_main, flux_error_t *e)
{
    void *symbol = dlsym(dso, "mod_main");

    if (!symbol)
        return util_errno(e, EINVAL, "module does not define mod_main()");
    memcpy(mod_main, &symbol, sizeof(symbol)); /* C99 has no such cast */
    return 0;
}

void *modlife_open(const char *path,
                   const char *name,
                   modlife_main_f *mod_main,
                   flux_error_t *e)
{
    void *dso = map(path, e);

    if (!dso)
        return NULL;
    if (check_legacy_name(dso, name, e) < 0 ||
        find_main(dso, mod_main, e) < 0) {
        int saved_errno = errno;

        dlclose(dso);
        errno = saved_errno;
        return NULL;
    }
    return dso;
}

static int digest_of(int fd, char digest[SHA1_HEX_SIZE])
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    return sha1_fd(fd, digest);
}

int modlife_digest(const char *path,
                   char digest[SHA1_HEX_SIZE],
                   flux_error_t *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int rc = fd < 0 ? -1 : digest_of(fd, digest);
    int saved_errno = errno;

    if (fd >= 0)
        close(fd);
    errno = saved_errno;
    if (rc < 0)
        return util_error(e, "%s: %s", path, strerror(errno));
    return 0;
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
