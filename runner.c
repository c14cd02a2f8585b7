/* runner.c - a command that the broker runs: rc1, the initial program, rc3
 *
 * The child gets the signals as a fresh process has them: default actions,
 * nothing blocked.  It asks the system to be killed when the broker dies, and
 * what it starts goes the same way (guard.c).
 * rc1 and rc3 write into the log (runlog.c).
 * A failed exec is told through a socket that the exec closes, so that its
 * reason is known and it counts as a shell would count it: 127 where there is
 * no such program, 126 where it cannot be run.
 */
#include "runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "guard.h"
#include "reactor.h"
#include "runlog.h"
#include "spawn.h"
#include "sys.h"
#include "util.h"

struct runner {
    flux_t *h;
    char *name;
    char *command; /* the words joined by blanks, for the log */
    pid_t pid;     /* 0 once it has been reaped */
    int flags;
    pid_t group;    /* that the guard was told of, or 0 */
    bool aborted;   /* it was sent a signal */
    double started; /* monotonic */
    flux_watcher_t *child;
    struct runlog *out, *err; /* NULL where they are the broker's */
    runner_done_f done;
    void *arg;
};

static void close_input(void)
{
    int fd = open("/dev/null", O_RDONLY);

    if (fd > STDIN_FILENO) {
        dup2(fd, STDIN_FILENO);
        close(fd);
    }
}

struct start {
    struct runner *runner;
    char *const *argv;
    pid_t parent;
    int fd; /* takes the errno of a failed exec */
};

/* In the broker's memory (sys_spawn). */
static void child(void *arg)
{
    const struct start *s = arg;
    const struct runner *r = s->runner;
    ssize_t n;

    spawn_reset_signals();
    if (r->flags & RUNNER_OWN_GROUP)
        setpgid(0, 0);
    if (r->flags & RUNNER_NO_INPUT)
        close_input();
    if (r->flags & RUNNER_LOG) {
        dup2(runlog_far_end(r->out), STDOUT_FILENO);
        dup2(runlog_far_end(r->err), STDERR_FILENO);
    }
    sys_die_with_parent(SIGKILL);
    if (getppid() != s->parent)
        _exit(1); /* the broker died before we could ask */
    execvp(s->argv[0], s->argv);
    n = write(s->fd, &errno, sizeof(errno));
    (void)n;
    _exit(errno == ENOENT ? 127 : 126);
}

static void report_exec_failure(struct runner *r, int fd, const char *program)
{
    int errnum;
    ssize_t n;

    do
        n = read(fd, &errnum, sizeof(errnum));
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)sizeof(errnum))
        flux_log(r->h, LOG_ERR, "%s: %s: %s", r->name, program,
                 strerror(errnum));
}

static int start(struct runner *r, char *const argv[])
{
    struct start s = {r, argv, getpid(), -1};
    int fds[2];

    if (sys_socketpair(fds) < 0)
        return -1;
    util_set_nonblock(fds[0], false);
    fflush(NULL);
    s.fd = fds[1];
    r->pid = sys_spawn(child, &s);
    close(fds[1]);
    if (r->pid > 0)
        report_exec_failure(r, fds[0], argv[0]);
    close(fds[0]);
    return r->pid < 0 ? -1 : 0;
}

static int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* It goes with the broker if it has a group of its own, or the broker leads
 * one; a group of others is not ours to end.
 */
static void put_under_guard(struct runner *r)
{
    if (r->flags & RUNNER_OWN_GROUP)
        r->group = r->pid;
    else if (getpgrp() == getpid())
        r->group = getpid();
    if (r->group)
        guard_add(r->h, r->group);
}

static void release_from_guard(struct runner *r)
{
    if (r->group)
        guard_remove(r->h, r->group);
    r->group = 0;
}

static const char *describe_end(struct runner *r, int status)
{
    if (WIFSIGNALED(status))
        return strsignal(WTERMSIG(status));
    return r->aborted && status == 0 ? "aborted after exit with rc=0"
                                     : "Exited";
}

static int open_logs(struct runner *r)
{
    if (!(r->flags & RUNNER_LOG))
        return 0;
    r->out = runlog_create(r->h, r->name, LOG_INFO);
    r->err = runlog_create(r->h, r->name, LOG_ERR);
    return r->out && r->err ? 0 : -1;
}

static void close_far_ends(struct runner *r)
{
    if (!(r->flags & RUNNER_LOG))
        return;
    runlog_close_far_end(r->out);
    runlog_close_far_end(r->err);
}

static void finish_logs(struct runner *r)
{
    if (!(r->flags & RUNNER_LOG))
        return;
    runlog_finish(r->out);
    runlog_finish(r->err);
}

static void
ended(flux_reactor_t *reactor, flux_watcher_t *w, int revents, void *arg)
{
    struct runner *r = arg;
    int status = reactor_child_watcher_status(w);
    int rc = r->aborted && status == 0 ? 1 : exit_code(status);

    (void)reactor;
    (void)revents;
    r->pid = 0;
    release_from_guard(r);
    finish_logs(r);
    flux_log(r->h, rc ? LOG_ERR : LOG_INFO, "%s: %s %s (rc=%d) %.1fs", r->name,
             r->command, describe_end(r, status), rc,
             util_monotime() - r->started);
    r->done(r, rc, r->arg);
}

static char *join_words(char *const argv[])
{
    struct buf b = {NULL, 0, 0, false};
    size_t i;

    for (i = 0; argv[i]; i++) {
        if (i > 0)
            buf_add_byte(&b, ' ');
        buf_add_string(&b, argv[i]);
    }
    return buf_steal_string(&b);
}

struct runner *runner_create(flux_t *h,
                             const char *name,
                             char *const argv[],
                             int flags,
                             runner_done_f done,
                             void *arg)
{
    struct runner *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->h = h;
    r->flags = flags;
    r->done = done;
    r->arg = arg;
    r->started = util_monotime();
    r->name = strdup(name);
    r->command = join_words(argv);
    if (!r->name || !r->command || open_logs(r) < 0 || start(r, argv) < 0 ||
        !(r->child = reactor_child_watcher_create(flux_get_reactor(h), r->pid,
                                                  ended, r))) {
        runner_destroy(r);
        return NULL;
    }
    close_far_ends(r);
    put_under_guard(r);
    flux_watcher_start(r->child);
    return r;
}

int runner_kill(struct runner *r, int signum)
{
    pid_t whom = r->flags & RUNNER_OWN_GROUP ? -r->pid : r->pid;

    if (r->pid == 0) {
        errno = ESRCH;
        return -1;
    }
    r->aborted = true;
    kill(whom, SIGCONT);
    return kill(whom, signum);
}

void runner_destroy(struct runner *r)
{
    int saved_errno = errno;

    if (!r)
        return;
    if (r->pid > 0) {
        runner_kill(r, SIGKILL);
        while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        release_from_guard(r);
    }
    flux_watcher_destroy(r->child);
    runlog_destroy(r->out);
    runlog_destroy(r->err);
    free(r->name);
    free(r->command);
    free(r);
    errno = saved_errno;
}
