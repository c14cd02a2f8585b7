/* proc.c - a child process with streams to and from it
 *
 * A child is started by fork and exec.  A pipe that the exec closes brings
 * back the errno of one that failed, so that its reason is known before
 * proc_create() returns; that is the only thing that is waited for here.
 *
 * Between fork and exec only what is safe there is done, since there may be
 * other threads: all memory is made before.  Descriptors first move above the
 * numbers that are given, since any may stand where another has to go.
 *
 * What always holds:
 * - A stream's descriptor is open while one of its `ways` is; the bits are the
 *   only record of that.  Its watcher runs while there is something to wait
 *   for, which keeps a closed pipe from waking the loop for nothing.
 * - No more than `limit` bytes are kept each way.  Output past the last newline
 *   waits for the next one, for the limit, or for the end.
 * - One read a turn of the loop: a child that writes without pause gets its
 *   share of the loop and no more.
 * - The end of the child and the ends of its streams come in any order, since
 *   its own children may hold them.
 */
#include "proc.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "reactor.h"
#include "spawn.h"
#include "sys.h"
#include "util.h"

extern char **environ;

/* Bytes that are read at once, of 64 KiB that a pipe holds: so many that some
 * hundred lines come of it, which is a millisecond's work.
 */
enum { READ_MOST = 16384, READ_LEAST = 1024, LINES_MANY = 256 };

struct stream {
    struct proc *proc;
    int fd;
    int ways; /* that are open */
    bool raw;
    bool ending; /* to be closed to the child when `input` is empty */
    size_t limit;
    size_t ahead; /* bytes to read at once */
    flux_watcher_t *w;
    struct buf output; /* not told yet */
    struct buf input;  /* `written` of it is with the child already */
    size_t written;
};

struct proc {
    const struct proc_ops *ops;
    void *arg;
    pid_t pid;
    bool reaped;
    bool held; /* output is not read */
    flux_watcher_t *child;
    flux_watcher_t *sigchld; /* for the stops, which no child watcher tells */
    struct stream *streams;
    int count;
};

/* ---- between fork and exec ---------------------------------------------- */

static void complain(const char *folder, const char *reason)
{
    const char *const words[] = {"Could not change dir to ", folder, ": ",
                                 reason, ". Going to /tmp instead\n"};

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(words); i++)
        util_write_all(STDERR_FILENO, words[i], strlen(words[i]));
}

static void enter(const char *folder)
{
    if (!folder || chdir(folder) == 0)
        return;
    complain(folder, strerror(errno));
    if (chdir("/tmp") < 0)
        _exit(1);
}

/* fds[i] becomes descriptor i; the last one is closed by the exec. */
static int place(int *fds, int count)
{
    for (int i = 0; i < count; i++)
        if ((fds[i] = fcntl(fds[i], F_DUPFD, count)) < 0)
            return -1;
    for (int i = 0; i < count; i++)
        if (dup2(fds[i], i) < 0)
            return -1;
    sys_close_from(count);
    return util_set_cloexec(count - 1, true);
}

static void run(const struct proc_spec *spec, int *fds, pid_t parent)
{
    int report = fds[spec->count];
    ssize_t n;

    spawn_reset_signals();
    setpgid(0, 0);
    sys_die_with_parent(SIGKILL);
    if (getppid() != parent)
        _exit(1);
    if (place(fds, spec->count + 1) == 0) {
        report = spec->count;
        enter(spec->folder);
        environ = (char **)spec->environment;
        execvp(spec->argv[0], spec->argv);
    }
    n = write(report, &errno, sizeof(errno));
    (void)n;
    _exit(1);
}

/* ---- start -------------------------------------------------------------- */

static void close_all(const int *fds, int count)
{
    int saved_errno = errno;

    for (int i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    errno = saved_errno;
}

/* Our end and the child's. */
static int open_ends(int ways, int *ours, int *its)
{
    int fds[2] = {-1, -1}, input = ways == PROC_INPUT;

    if (ways == 0)
        return (*its = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0 ? -1 : 0;
    if ((ways == (PROC_INPUT | PROC_OUTPUT) ? sys_socketpair(fds)
                                            : sys_pipe(fds)) < 0)
        return -1;
    *ours = fds[input];
    *its = fds[!input];
    util_set_nonblock(*its, false);
    return util_set_nonblock(*ours, true);
}

static int open_streams(struct proc *p, int *its)
{
    for (int i = 0; i < p->count; i++)
        if (open_ends(p->streams[i].ways, &p->streams[i].fd, &its[i]) < 0)
            return -1;
    return 0;
}

/* 0, or -1 with the errno that the child reports. */
static int read_report(int fd)
{
    int errnum;
    ssize_t n;

    do
        n = read(fd, &errnum, sizeof(errnum));
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(errnum) ? util_fail(errnum) : 0;
}

static int reap(struct proc *p)
{
    int saved_errno = errno, status = 0;

    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
        ;
    p->reaped = true;
    errno = saved_errno;
    return status;
}

/* fds: the child's ends of the streams, and room for one more. */
static int start(struct proc *p, const struct proc_spec *spec, int *fds)
{
    pid_t parent = getpid();
    int report[2], rc;

    if (sys_pipe(report) < 0)
        return -1;
    fds[p->count] = report[1];
    p->pid = fork();
    if (p->pid == 0)
        run(spec, fds, parent);
    close(report[1]);
    if (p->pid > 0)
        setpgid(p->pid, p->pid);
    rc = p->pid < 0 ? -1 : read_report(report[0]);
    close_all(report, 1);
    if (p->pid > 0 && rc < 0)
        reap(p);
    return rc;
}

/* ---- streams ------------------------------------------------------------ */

static void watch(struct stream *s)
{
    int events = 0;

    if (s->ways & PROC_OUTPUT && !s->proc->held)
        events |= FLUX_POLLIN;
    if (s->ways & PROC_INPUT && s->input.size > 0)
        events |= FLUX_POLLOUT;
    if (events == 0) {
        flux_watcher_stop(s->w);
        return;
    }
    reactor_fd_watcher_set_events(s->w, events);
    flux_watcher_start(s->w);
}

static void close_ways(struct stream *s, int ways)
{
    if ((ways &= s->ways) == 0)
        return;
    s->ways &= ~ways;
    if (ways & PROC_INPUT)
        buf_release(&s->input);
    if (ways & PROC_OUTPUT)
        buf_release(&s->output);
    watch(s);
    if (!s->ways)
        close(s->fd);
    else if (ways & PROC_INPUT)
        shutdown(s->fd, SHUT_WR);
}

static int index_of(const struct stream *s)
{
    return (int)(s - s->proc->streams);
}

/* How much of what is there from `at` on is told at once; 0 if it waits. */
static size_t tellable(const struct stream *s, size_t at)
{
    const unsigned char *data = s->output.data + at, *newline;
    size_t size = s->output.size - at;

    if (size == 0 || s->raw)
        return size;
    if ((newline = memchr(data, '\n', size)))
        return (size_t)(newline - data) + 1;
    return size < s->limit ? 0 : size;
}

/* The callee may mute the stream, which leaves it empty. */
static size_t tell(struct stream *s, size_t at, size_t size)
{
    struct proc *p = s->proc;

    if (size > 0)
        p->ops->output(index_of(s), (char *)s->output.data + at, size, p->arg);
    return at + size < s->output.size ? at + size : s->output.size;
}

/* How many there were. */
static int tell_lines(struct stream *s)
{
    size_t at = 0, size;
    int count = 0;

    for (; (size = tellable(s, at)) > 0; count++)
        at = tell(s, at, size);
    buf_consume(&s->output, at);
    return count;
}

static void adapt_ahead(struct stream *s, int lines)
{
    if (lines > LINES_MANY && s->ahead > READ_LEAST)
        s->ahead /= 2;
    else if (lines < LINES_MANY / 2 && s->ahead < READ_MOST)
        s->ahead *= 2;
}

static void tell_end(struct stream *s)
{
    struct proc *p = s->proc;

    tell(s, 0, s->output.size);
    close_ways(s, PROC_OUTPUT);
    p->ops->output(index_of(s), NULL, 0, p->arg);
}

static void read_output(struct stream *s)
{
    size_t room = s->limit - s->output.size;
    size_t size = room < s->ahead ? room : s->ahead;
    void *data = buf_reserve(&s->output, size);
    ssize_t n = data ? read(s->fd, data, size) : 0;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        tell_end(s);
        return;
    }
    s->output.size += (size_t)n;
    adapt_ahead(s, tell_lines(s));
}

static void consumed(struct stream *s, size_t size)
{
    s->proc->ops->consumed(index_of(s), size, s->proc->arg);
}

/* What is written leaves the buffer when it is half of it: each byte moves
 * once at most.
 */
static void input_advance(struct stream *s, size_t size)
{
    s->written += size;
    if (s->written * 2 >= s->input.size) {
        buf_consume(&s->input, s->written);
        s->written = 0;
    }
    if (s->ending && s->input.size == 0)
        close_ways(s, PROC_INPUT);
}

static void write_input(struct stream *s)
{
    size_t size = s->input.size - s->written;
    ssize_t n = write(s->fd, s->input.data + s->written, size);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0)
        close_ways(s, PROC_INPUT);
    else
        input_advance(s, size = (size_t)n);
    consumed(s, size);
}

static void ready(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct stream *s = arg;

    (void)r;
    (void)w;
    if (s->ways & PROC_INPUT && s->input.size > 0 &&
        revents & (FLUX_POLLOUT | FLUX_POLLERR))
        write_input(s);
    if (s->ways & PROC_OUTPUT && !s->proc->held &&
        revents & (FLUX_POLLIN | FLUX_POLLERR))
        read_output(s);
    watch(s);
}

/* ---- the child ---------------------------------------------------------- */

static void ended(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct proc *p = arg;

    (void)r;
    (void)revents;
    p->reaped = true;
    flux_watcher_stop(p->sigchld);
    p->ops->ended(reactor_child_watcher_status(w), p->arg);
}

static void
signalled(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct proc *p = arg;
    siginfo_t info;

    (void)r;
    (void)w;
    (void)revents;
    memset(&info, 0, sizeof(info));
    if (!p->reaped &&
        waitid(P_PID, (id_t)p->pid, &info, WSTOPPED | WNOHANG) == 0 &&
        info.si_pid == p->pid)
        p->ops->stopped(p->arg);
}

/* Before there is a child, so that no stop of it is missed. */
static int watch_stops(struct proc *p, flux_reactor_t *r)
{
    p->sigchld = flux_signal_watcher_create(r, SIGCHLD, signalled, p);
    if (!p->sigchld)
        return -1;
    flux_watcher_start(p->sigchld);
    return 0;
}

static int watch_end(struct proc *p, flux_reactor_t *r)
{
    p->child = reactor_child_watcher_create(r, p->pid, ended, p);
    if (!p->child)
        return -1;
    flux_watcher_start(p->child);
    return 0;
}

static int watch_streams(struct proc *p, flux_reactor_t *r)
{
    for (int i = 0; i < p->count; i++) {
        struct stream *s = &p->streams[i];

        if (s->ways == 0)
            continue;
        if (!(s->w = flux_fd_watcher_create(r, s->fd, 0, ready, s)))
            return -1;
        watch(s);
    }
    return 0;
}

static int make_streams(struct proc *p, const struct proc_spec *spec)
{
    if (spec->count < PROC_STDIO || spec->count > PROC_STREAMS_MAX)
        return util_fail(EINVAL);
    p->streams = calloc((size_t)spec->count, sizeof(*p->streams));
    if (!p->streams)
        return -1;
    p->count = spec->count;
    for (int i = 0; i < p->count; i++) {
        p->streams[i].proc = p;
        p->streams[i].fd = -1;
        p->streams[i].ways = spec->streams[i].ways;
        p->streams[i].raw = spec->streams[i].raw;
        p->streams[i].limit = spec->streams[i].limit;
        p->streams[i].ahead = READ_LEAST;
    }
    return 0;
}

static int launch(struct proc *p, const struct proc_spec *spec)
{
    int fds[PROC_STREAMS_MAX + 1], rc;

    for (int i = 0; i < p->count; i++)
        fds[i] = -1;
    rc = open_streams(p, fds);
    if (rc == 0)
        rc = start(p, spec, fds);
    close_all(fds, p->count);
    return rc;
}

struct proc *proc_create(flux_reactor_t *r,
                         const struct proc_spec *spec,
                         const struct proc_ops *ops,
                         void *arg)
{
    struct proc *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->ops = ops;
    p->arg = arg;
    if (make_streams(p, spec) < 0 || watch_stops(p, r) < 0 ||
        launch(p, spec) < 0 || watch_streams(p, r) < 0 || watch_end(p, r) < 0) {
        proc_destroy(p);
        return NULL;
    }
    return p;
}

pid_t proc_pid(const struct proc *p)
{
    return p->pid;
}

bool proc_ended(const struct proc *p)
{
    return p->reaped;
}

bool proc_done(const struct proc *p)
{
    int ways = 0;

    for (int i = 0; i < p->count; i++)
        ways |= p->streams[i].ways;
    return p->reaped && !(ways & PROC_OUTPUT);
}

static struct stream *find(struct proc *p, int stream)
{
    return stream >= 0 && stream < p->count ? &p->streams[stream] : NULL;
}

int proc_write(struct proc *p, int stream, const void *data, size_t size)
{
    struct stream *s = find(p, stream);

    if (!s || s->ending)
        return util_fail(EINVAL);
    if (size > s->limit - (s->input.size - s->written))
        return util_fail(ENOSPC);
    if (size == 0)
        return 0;
    if (!(s->ways & PROC_INPUT)) {
        consumed(s, size);
        return 0;
    }
    buf_add(&s->input, data, size);
    if (s->input.failed)
        return util_fail(ENOMEM);
    watch(s);
    return 0;
}

int proc_close(struct proc *p, int stream)
{
    struct stream *s = find(p, stream);

    if (!s)
        return util_fail(EINVAL);
    s->ending = true;
    if (s->input.size == 0)
        close_ways(s, PROC_INPUT);
    return 0;
}

int proc_kill(struct proc *p, int signum)
{
    return p->reaped ? util_fail(ESRCH) : kill(-p->pid, signum);
}

void proc_hold(struct proc *p, bool on)
{
    if (p->held == on)
        return;
    p->held = on;
    for (int i = 0; i < p->count; i++)
        if (p->streams[i].ways)
            watch(&p->streams[i]);
}

void proc_mute(struct proc *p)
{
    for (int i = 0; i < p->count; i++)
        close_ways(&p->streams[i], PROC_INPUT | PROC_OUTPUT);
}

static void release_stream(struct stream *s)
{
    flux_watcher_destroy(s->w);
    if (s->ways && s->fd >= 0)
        close(s->fd);
    buf_release(&s->input);
    buf_release(&s->output);
}

void proc_destroy(struct proc *p)
{
    int saved_errno = errno;

    if (!p)
        return;
    if (p->pid > 0 && !p->reaped) {
        kill(-p->pid, SIGKILL);
        reap(p);
    }
    flux_watcher_destroy(p->child);
    flux_watcher_destroy(p->sigchld);
    for (int i = 0; i < p->count; i++)
        release_stream(&p->streams[i]);
    free(p->streams);
    free(p);
    errno = saved_errno;
}
