/* dial.c - a connected descriptor, past the broker's welcome
 *
 * What connect.c makes a handle of, and what flux-relay(1) copies from and to
 * without one.  The server's first byte is 0, or the errno for which it will
 * not have us (wire.md).  It is read alone, since a module's first message may
 * follow at once, and a relay has to hand on every byte behind it.
 *
 * What always holds:
 * - The connect itself may wait, for a server whose backlog is full; from then
 *   on the descriptor does not block, and who has to wait polls.
 * - A descriptor that is returned is close-on-exec; where something fails it
 *   is closed, errno kept, and the text says what was done on what.
 */
#include "dial.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "stream.h"
#include "util.h"

int dial_welcome(int fd)
{
    unsigned char answer;
    ssize_t n;

    while ((n = read(fd, &answer, 1)) < 0) {
        if (errno != EAGAIN && errno != EINTR)
            return -1;
        if (stream_poll(fd, FLUX_POLLIN, -1) < 0)
            return -1;
    }
    return n == 1 ? answer : util_fail(ECONNRESET);
}

int dial_handshake(int fd, const char *name, flux_error_t *e)
{
    int answer = dial_welcome(fd);

    if (answer < 0)
        return util_error(e, "no welcome from the broker on %s: %s", name,
                          strerror(errno));
    if (answer > 0)
        return util_errno(e, answer, "the broker on %s refused us: %s", name,
                          strerror(answer));
    return 0;
}

int dial_prepare(int fd)
{
    return util_set_cloexec(fd, true) < 0 ? -1 : util_set_nonblock(fd, true);
}

static int connect_socket(int fd, const char *path, flux_error_t *e)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(addr.sun_path))
        return util_errno(e, ENAMETOOLONG,
                          "broker socket with a name of more than %zu bytes: "
                          "%s",
                          sizeof(addr.sun_path) - 1, path);
    memcpy(addr.sun_path, path, strlen(path) + 1);
    if (util_connect(fd, &addr) == 0)
        return 0;
    if (errno == ENOENT)
        return util_error(e, "broker socket %s was not found", path);
    return util_error(e, "cannot connect to broker socket %s: %s", path,
                      strerror(errno));
}

int dial_local(const char *path, flux_error_t *e)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0)
        return util_error(e, "no socket for %s: %s", path, strerror(errno));
    if (connect_socket(fd, path, e) < 0 || dial_prepare(fd) < 0 ||
        dial_handshake(fd, path, e) < 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}
