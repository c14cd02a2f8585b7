/* cmd_relay.c - flux-relay(1): a broker's socket on stdin and stdout
 *
 * What the ssh connector runs on the broker's host (ssh.c): bytes that come
 * from stdin go to the broker at local://PATH, bytes that the broker sends go
 * to stdout, the broker's welcome first.  Frames are not looked at: the client
 * on the other side of ssh speaks to the broker as if it were here, as a
 * client that belongs to the user whose relay this is.
 *
 * What always holds:
 * - Nothing is written to stdout before the broker has let us in; why it does
 *   not goes to stderr, with the name of the host, since it is read on another.
 * - Each direction has one buffer.  Who does not read is not read for: no more
 *   than a buffer of it is ever here.  Neither direction waits for the other.
 * - At the end of stdin what was read is still delivered, then the relay ends
 *   with status 0.  When the broker goes it says so and ends with 1.
 * - stdin and stdout are left as they were found: blocking.
 */
#include "cli.h"

#include <poll.h>
#include <signal.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "dial.h"
#include "util.h"

enum { FLOW_SIZE = 64 * 1024 };

/* One direction. */
struct flow {
    int from, to;
    size_t begin, end; /* what is left to write */
    bool ended;        /* no more comes from `from` */
    bool broken;       /* no one reads from `to` */
    char data[FLOW_SIZE];
};

static bool is_empty(const struct flow *f)
{
    return f->begin == f->end;
}

static bool is_through(const struct flow *f)
{
    return f->ended && is_empty(f);
}

static bool is_over(const struct flow *f)
{
    return f->broken || is_through(f);
}

static bool is_temporary(int errnum)
{
    return errnum == EAGAIN || errnum == EINTR;
}

static void fill(struct flow *f)
{
    ssize_t n = read(f->from, f->data, sizeof(f->data));

    f->begin = 0;
    f->end = n > 0 ? (size_t)n : 0;
    if (n == 0 || (n < 0 && !is_temporary(errno)))
        f->ended = true;
}

static void drain(struct flow *f)
{
    ssize_t n = write(f->to, f->data + f->begin, f->end - f->begin);

    if (n > 0)
        f->begin += (size_t)n;
    else if (n < 0 && !is_temporary(errno))
        f->broken = true;
}

static struct pollfd wanted(const struct flow *f)
{
    if (is_empty(f))
        return (struct pollfd){.fd = f->from, .events = POLLIN};
    return (struct pollfd){.fd = f->to, .events = POLLOUT};
}

static void move(struct flow *f)
{
    if (is_empty(f))
        fill(f);
    if (!is_empty(f))
        drain(f);
}

static void relay(struct cli *p, struct flow *in, struct flow *out)
{
    while (!is_over(in) && !is_over(out)) {
        struct pollfd pfds[] = {wanted(in), wanted(out)};

        if (poll(pfds, UTIL_ARRAY_SIZE(pfds), -1) < 0 && errno != EINTR)
            cli_die_errno(p, "poll");
        if (pfds[0].revents)
            move(in);
        if (pfds[1].revents)
            move(out);
    }
}

static const char *host_name(struct utsname *name)
{
    return uname(name) == 0 ? name->nodename : "?";
}

static int run(struct cli *p)
{
    struct utsname name;
    flux_error_t e = {""};
    const char *path = cli_argv(p)[0];
    int fd = dial_local(path, &e);
    struct flow in = {.from = STDIN_FILENO, .to = fd};
    struct flow out = {.from = fd, .to = STDOUT_FILENO, .end = 1};

    if (fd < 0)
        cli_die(p, "%s: %s", host_name(&name), e.text);
    signal(SIGPIPE, SIG_IGN);
    util_set_nonblock(STDIN_FILENO, true);
    util_set_nonblock(STDOUT_FILENO, true);
    relay(p, &in, &out);
    util_set_nonblock(STDIN_FILENO, false);
    util_set_nonblock(STDOUT_FILENO, false);
    if (!is_through(&in) && !out.broken)
        cli_die(p, "%s: the broker at %s has closed the connection",
                host_name(&name), path);
    close(fd);
    return 0;
}

const struct cli_command cmd_relay = {
    .name = "flux-relay",
    .arguments = "[OPTIONS] PATH",
    .summary = "Connect stdin and stdout to a broker's socket",
    .run = run,
    .min_args = 1,
    .max_args = 1,
};
