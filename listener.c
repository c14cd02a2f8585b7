/* listener.c - a UNIX socket that takes connections
 *
 * Clients come through one of these (connector.c), brokers below through
 * another (overlay.c).  Who may come in is decided there; here is what both
 * have in common:
 *
 * - What a dead broker left at the path is removed, if it is a socket; any
 *   other file stays, and makes the bind fail.
 * - One connection is taken in each turn of the loop, so that those who are
 *   connected are served while a crowd comes.  To try for a second costs more
 *   than to be told by poll(2) that there is one.
 * - Where descriptors or memory are used up, accept(2) fails and the
 *   connection stays in the backlog, so the socket would be readable for ever
 *   and the loop would spin.  It is left alone for ACCEPT_PAUSE, or until the
 *   owner says that a descriptor is free.
 * - A socket removed here is the one that was bound here.
 */
#include "listener.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sys.h"
#include "util.h"

enum { LISTEN_BACKLOG = 1024 };
#define ACCEPT_PAUSE 1.0 /* seconds */

struct listener {
    int fd;
    bool bound;
    struct sockaddr_un address;
    flux_watcher_t *watcher;
    flux_watcher_t *resume;
    listener_f accepted;
    void *arg;
};

/* ---- connections ----------------------------------------------------------
 */

static void pause_accept(struct listener *l)
{
    flux_watcher_stop(l->watcher);
    flux_timer_watcher_reset(l->resume, ACCEPT_PAUSE, 0.);
    flux_watcher_start(l->resume);
}

static void
accept_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct listener *l = arg;
    int fd = sys_accept(l->fd);

    (void)r;
    (void)w;
    (void)revents;
    if (fd >= 0)
        l->accepted(fd, l->arg);
    else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
        pause_accept(l);
}

static void
resume_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)w;
    (void)revents;
    listener_start(arg);
}

void listener_start(struct listener *l)
{
    flux_watcher_stop(l->resume);
    flux_watcher_start(l->watcher);
}

/* ---- the socket -----------------------------------------------------------
 */

static void remove_socket(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
}

static int set_address(struct listener *l, const char *path, flux_error_t *e)
{
    if (strlen(path) >= sizeof(l->address.sun_path))
        return util_errno(e, ENAMETOOLONG,
                          "socket path of %zu bytes, more than the %zu that "
                          "a UNIX socket may have: '%s'",
                          strlen(path), sizeof(l->address.sun_path) - 1, path);
    l->address.sun_family = AF_UNIX;
    memcpy(l->address.sun_path, path, strlen(path) + 1);
    return 0;
}

static int bind_path(struct listener *l, mode_t mode, flux_error_t *e)
{
    const char *path = l->address.sun_path;

    remove_socket(path);
    if (bind(l->fd, (struct sockaddr *)&l->address, sizeof(l->address)) < 0)
        return util_error(e, "cannot bind '%s': %s", path, strerror(errno));
    l->bound = true;
    if (chmod(path, mode) < 0)
        return util_error(e, "cannot set the mode of '%s': %s", path,
                          strerror(errno));
    if (listen(l->fd, LISTEN_BACKLOG) < 0)
        return util_error(e, "cannot listen on '%s': %s", path,
                          strerror(errno));
    return 0;
}

static int open_socket(struct listener *l, flux_error_t *e)
{
    if ((l->fd = socket(AF_UNIX, SOCK_STREAM, 0)) < 0 ||
        util_set_cloexec(l->fd, true) < 0 || util_set_nonblock(l->fd, true) < 0)
        return util_error(e, "cannot create a socket: %s", strerror(errno));
    return 0;
}

static int watch_socket(struct listener *l, flux_reactor_t *r, flux_error_t *e)
{
    l->watcher = flux_fd_watcher_create(r, l->fd, FLUX_POLLIN, accept_cb, l);
    l->resume = flux_timer_watcher_create(r, ACCEPT_PAUSE, 0., resume_cb, l);
    if (!l->watcher || !l->resume)
        return util_error(e, "cannot watch '%s': %s", l->address.sun_path,
                          strerror(errno));
    return 0;
}

struct listener *listener_create(flux_reactor_t *r,
                                 const char *path,
                                 mode_t mode,
                                 listener_f accepted,
                                 void *arg,
                                 flux_error_t *e)
{
    struct listener *l = calloc(1, sizeof(*l));

    if (!l) {
        util_error(e, "cannot listen on '%s': out of memory", path);
        return NULL;
    }
    l->fd = -1;
    l->accepted = accepted;
    l->arg = arg;
    if (set_address(l, path, e) < 0 || open_socket(l, e) < 0 ||
        bind_path(l, mode, e) < 0 || watch_socket(l, r, e) < 0) {
        listener_destroy(l);
        return NULL;
    }
    return l;
}

void listener_destroy(struct listener *l)
{
    int saved_errno = errno;

    if (!l)
        return;
    flux_watcher_destroy(l->watcher);
    flux_watcher_destroy(l->resume);
    if (l->fd >= 0)
        close(l->fd);
    if (l->bound)
        unlink(l->address.sun_path);
    free(l);
    errno = saved_errno;
}
