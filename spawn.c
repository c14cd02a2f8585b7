/* spawn.c - start a program as the loader of a module
 *
 * Between fork and exec only what is safe there is called, since the broker
 * has threads: all memory is made by the caller, before.  The broker's own
 * memory is not copied for the child (sys_spawn), which takes as long as all
 * else that the broker does for a load.
 *
 * The child may be killed by its own group, which is made on both sides of
 * the fork so that neither has to wait for the other.  It also asks to be
 * killed when the broker dies; a broker that died before it could ask is
 * noticed by the change of parent.
 *
 * Nothing but the standard descriptors is below SPAWN_CHANNEL in the broker
 * (applet.c), so that stderr gets its number first and the channel after it;
 * no third one is needed, and what fails then can be told on stderr.
 */
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"
#include "util.h"

enum {
    CANNOT_EXECUTE = 126, /* as a shell has it */
    BROKER_IS_GONE = 1,
};

void spawn_reset_signals(void)
{
    static const int signals[] = {SIGINT,  SIGTERM, SIGHUP,  SIGQUIT,
                                  SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2};
    struct sigaction sa;
    sigset_t none;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = SIG_DFL;
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(signals); i++)
        sigaction(signals[i], &sa, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int place_descriptors(int channel, int err)
{
    if (dup2(err, STDERR_FILENO) < 0)
        return -1;
    if (channel == SPAWN_CHANNEL ? fcntl(channel, F_SETFD, 0) < 0
                                 : dup2(channel, SPAWN_CHANNEL) < 0)
        return -1;
    sys_close_from(SPAWN_CHANNEL + 1);
    return 0;
}

static void complain(const char *what, const char *reason)
{
    util_write_all(STDERR_FILENO, what, strlen(what));
    util_write_all(STDERR_FILENO, ": ", 2);
    util_write_all(STDERR_FILENO, reason, strlen(reason));
    util_write_all(STDERR_FILENO, "\n", 1);
}

struct start {
    char *const *argv;
    char *const *environment;
    int channel;
    int err;
    pid_t parent;
};

static void run(void *arg)
{
    const struct start *s = arg;

    spawn_reset_signals();
    setpgid(0, 0);
    sys_die_with_parent(SIGKILL);
    if (getppid() != s->parent)
        _exit(BROKER_IS_GONE);
    if (place_descriptors(s->channel, s->err) == 0)
        execve(s->argv[0], s->argv, s->environment);
    complain(s->argv[0], strerror(errno));
    _exit(CANNOT_EXECUTE);
}

pid_t spawn_start(char *const argv[],
                  char *const environment[],
                  int channel,
                  int err)
{
    struct start s = {argv, environment, channel, err, getpid()};
    pid_t pid = sys_spawn(run, &s);

    if (pid > 0)
        setpgid(pid, pid);
    return pid;
}
