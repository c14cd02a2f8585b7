/* sink.c - where lines of the log are written, which may be stuck or full
 *
 * A broker's stderr is often a pipe, and its log file may be one: a reader
 * that stops must not stop the broker.  The descriptor may be shared with
 * other processes, so it stays as blocking as it is; instead poll(2) says
 * whether there is room, and no more is written at once than a pipe that has
 * room takes whole.
 *
 * What always holds:
 * - A reader that is slow is waited for, for SINK_PATIENCE at a time.  One that
 *   has not read for so long is not waited for again until it has.
 * - A line that cannot be written (no room, a full disk, a closed pipe) is
 *   counted, and the count is written before the next one that can.
 * - What is written next to a line that was cut begins on a line of its own.
 */
#include "sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

enum {
    SINK_PATIENCE = 100, /* milliseconds */
    PIECE = PIPE_BUF < 4096 ? PIPE_BUF : 4096,
};

static bool has_room(struct sink *s)
{
    struct pollfd p = {.fd = s->fd, .events = POLLOUT};

    s->stuck = poll(&p, 1, s->stuck ? 0 : SINK_PATIENCE) <= 0;
    return !s->stuck;
}

static ssize_t write_piece(struct sink *s, const char *data, size_t size)
{
    ssize_t n;

    if (!has_room(s))
        return -1;
    do
        n = write(s->fd, data, size < PIECE ? size : PIECE);
    while (n < 0 && errno == EINTR);
    return n;
}

/* -1 where not all of it went. */
static int write_all(struct sink *s, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write_piece(s, data, size);

        if (n < 0)
            return -1;
        data += n;
        size -= (size_t)n;
        s->cut = size > 0;
    }
    return 0;
}

static int write_lost(struct sink *s)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "%s%llu log lines were lost\n",
                     s->cut ? "\n" : "", (unsigned long long)s->lost);

    if (write_all(s, text, (size_t)n) < 0)
        return -1;
    s->lost = 0;
    return 0;
}

void sink_write(struct sink *s, const char *line, size_t size)
{
    int saved_errno = errno;

    if (s->fd >= 0 &&
        ((s->lost && write_lost(s) < 0) || write_all(s, line, size) < 0))
        s->lost++;
    errno = saved_errno;
}
