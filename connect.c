/* connect.c - flux_open(): from a URI to a handle
 *
 *   local://PATH  a client of the broker whose UNIX socket is PATH
 *   ssh://[USER@]HOST[:PORT]/PATH
 *                 the same on another host (ssh.c)
 *   fd://N        an inherited end of a socketpair, as module loaders get it
 *   loop://       a handle that receives what it sends (loop.c)
 *
 * No URI means FLUX_URI, or without that the socket of the system instance.
 * A path such as "..", "../.." or "/" means the parent instance, its parent,
 * or the outermost one, beginning with the instance of FLUX_URI; beyond the
 * outermost there is only itself.
 *
 * Where something fails the error text says what it was done on.
 */
#include <unistd.h>

#include "dial.h"
#include "loop.h"
#include "ssh.h"
#include "stream.h"
#include "util.h"

static const char *const DEFAULT_URI = "local:///run/flux/local";

flux_t *handle_open_fd(int fd, int flags, bool shake, flux_error_t *e)
{
    char name[32];
    flux_t *h = NULL;

    snprintf(name, sizeof(name), "descriptor %d", fd);
    if (shake && dial_handshake(fd, name, e) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return NULL;
    }
    h = stream_create(fd, flags, NULL);
    if (!h)
        util_error(e, "%s: %s", name, strerror(errno));
    return h;
}

/* ---- schemes ------------------------------------------------------------- */

/* The caller acts as another user, in tests (flux-environment(7)). */
static int set_credential(flux_t *h,
                          const char *variable,
                          const char *option,
                          flux_error_t *e)
{
    const char *text = getenv(variable);
    uint32_t value;

    if (!text)
        return 0;
    if (util_parse_uint32(text, 0, &value) < 0)
        return util_error(e, "%s=%s is not a number", variable, text);
    return flux_opt_set(h, option, &value, sizeof(value));
}

static flux_t *with_credentials(flux_t *h, flux_error_t *e)
{
    if (!h) {
        util_error(e, "%s", strerror(errno));
        return NULL;
    }
    if (set_credential(h, "FLUX_HANDLE_USERID", FLUX_OPT_TESTING_USERID, e) <
            0 ||
        set_credential(h, "FLUX_HANDLE_ROLEMASK", FLUX_OPT_TESTING_ROLEMASK,
                       e) < 0) {
        flux_close(h);
        return NULL;
    }
    return h;
}

static int redial_local(const char *path, pid_t *pid)
{
    (void)pid;
    return dial_local(path, NULL);
}

static flux_t *
open_local(const char *path, int flags, bool quiet, flux_error_t *e)
{
    const struct stream_server server = {path, redial_local, 0};
    int fd;

    (void)quiet;
    if (*path == '\0') {
        util_errno(e, EINVAL, "local:// without the path of a socket");
        return NULL;
    }
    if ((fd = dial_local(path, e)) < 0)
        return NULL;
    return with_credentials(stream_create(fd, flags, &server), e);
}

static int redial_ssh(const char *address, pid_t *pid)
{
    return ssh_dial(address, false, pid, NULL);
}

static flux_t *
open_ssh(const char *address, int flags, bool quiet, flux_error_t *e)
{
    struct stream_server server = {address, redial_ssh, 0};
    int fd = ssh_dial(address, quiet, &server.pid, e);

    return fd < 0 ? NULL
                  : with_credentials(stream_create(fd, flags, &server), e);
}

static flux_t *
open_fd(const char *number, int flags, bool quiet, flux_error_t *e)
{
    uint32_t fd;

    (void)quiet;
    if (util_parse_uint32(number, 10, &fd) < 0 || fd > INT32_MAX) {
        util_errno(e, EINVAL, "fd://%s: not the number of a descriptor",
                   number);
        return NULL;
    }
    if (dial_prepare((int)fd) < 0) {
        util_error(e, "fd://%s: %s", number, strerror(errno));
        return NULL;
    }
    return handle_open_fd((int)fd, flags, true, e);
}

static flux_t *
open_loop(const char *path, int flags, bool quiet, flux_error_t *e)
{
    (void)path;
    (void)quiet;
    return with_credentials(loop_create(flags), e);
}

static const struct scheme {
    const char *prefix;
    flux_t *(*open)(const char *path, int flags, bool quiet, flux_error_t *e);
} schemes[] = {
    {"local://", open_local},
    {"ssh://", open_ssh},
    {"fd://", open_fd},
    {"loop://", open_loop},
};

static int environment_flags(void)
{
    return (getenv("FLUX_HANDLE_TRACE") ? FLUX_O_TRACE : 0) |
           (getenv("FLUX_HANDLE_MATCHDEBUG") ? FLUX_O_MATCHDEBUG : 0);
}

static flux_t *open_uri(const char *uri, int flags, bool quiet, flux_error_t *e)
{
    const char *colon = strstr(uri, "://");

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(schemes); i++) {
        size_t len = strlen(schemes[i].prefix);

        if (strncmp(uri, schemes[i].prefix, len) == 0)
            return schemes[i].open(uri + len, flags | environment_flags(),
                                   quiet, e);
    }
    if (colon)
        util_errno(e, ENOENT, "Unable to find connector name '%.*s'",
                   (int)(colon - uri), uri);
    else
        util_errno(e, ENOENT,
                   "'%s' is no address: local://PATH or ssh://HOST/PATH", uri);
    return NULL;
}

/* ---- ancestors ----------------------------------------------------------- */

/* How many times ".." stands in a path of "." and ".."; -1 for "/", which is
 * as many as there are; ANCESTOR_NONE for what is no such path.
 */
enum { ANCESTOR_OUTERMOST = -1, ANCESTOR_NONE = -2 };

static int ancestor_count(const char *path)
{
    int count = 0;

    if (strcmp(path, "/") == 0)
        return ANCESTOR_OUTERMOST;
    if (*path == '\0')
        return ANCESTOR_NONE;
    while (*path) {
        size_t len = strcspn(path, "/");

        if (len == 2 && strncmp(path, "..", 2) == 0)
            count++;
        else if (len > 1 || (len == 1 && *path != '.'))
            return ANCESTOR_NONE;
        path += len + (path[len] == '/');
    }
    return count;
}

/* Put the parent's handle in the place of `*h`; false if there is none, or
 * if it cannot be opened, when `*h` is NULL.
 */
static bool go_up(flux_t **h, int flags, bool quiet, flux_error_t *e)
{
    const char *uri = flux_attr_get(*h, "parent-uri");
    flux_t *parent;

    if (!uri)
        return false;
    parent = open_uri(uri, flags, quiet, e);
    flux_close(*h);
    *h = parent;
    return parent != NULL;
}

static flux_t *open_ancestor(int count, int flags, bool quiet, flux_error_t *e)
{
    const char *uri = getenv("FLUX_URI");
    flux_t *h = open_uri(uri ? uri : DEFAULT_URI, flags, quiet, e);

    while (h && count != 0 && go_up(&h, flags, quiet, e))
        count -= count > 0;
    return h;
}

/* ---- published ----------------------------------------------------------- */

flux_t *handle_open(const char *uri, int flags, bool quiet, flux_error_t *e)
{
    const int known = FLUX_O_TRACE | FLUX_O_CLONE | FLUX_O_NONBLOCK |
                      FLUX_O_MATCHDEBUG | FLUX_O_TEST_NOSUB | FLUX_O_RPCTRACK |
                      FLUX_O_NOREQUEUE;
    int count = uri ? ancestor_count(uri) : 0;

    if (flags & ~known) {
        util_errno(e, EINVAL, "invalid flags specified");
        return NULL;
    }
    if (count != ANCESTOR_NONE)
        return open_ancestor(count, flags, quiet, e);
    return open_uri(uri, flags, quiet, e);
}

flux_t *flux_open_ex(const char *uri, int flags, flux_error_t *e)
{
    return handle_open(uri, flags, e != NULL, e);
}

flux_t *flux_open(const char *uri, int flags)
{
    return flux_open_ex(uri, flags, NULL);
}
