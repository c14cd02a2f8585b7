/* guard.c - ends what the broker has started, should the broker be killed
 *
 * The system kills a broker's children when it dies (sys_die_with_parent()),
 * but not their children: of a killed broker's `sh -c 'sleep 1000 & wait'` the
 * sleep would stay.  The guard is a process that does nothing but read a pipe,
 * through which it is told which process groups there are.  The broker holds
 * the only other end.  When that closes, for whatever reason, the guard kills
 * the groups that are left, and ends.
 *
 * A guard that cannot be told something, since it is stopped and the pipe full,
 * is killed: better none than one that ends what it should not.  The next group
 * gets a new one.
 *
 * It is made when there is something to guard, as a fork of the broker without
 * its descriptors, in a session of its own so that no signal of a terminal
 * reaches it.  Since the broker may have threads then, the guard calls only
 * what is safe after a fork, and has its memory on the stack.  It shares all
 * of the broker's pages but a few.
 *
 * What a process takes out of its group, by a session of its own, it takes out
 * of the guard's reach: a daemon means to stay.
 */
#include "guard.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys.h"
#include "util.h"

enum { GROUPS_MAX = 4096 }; /* loaders and commands at once; 16 KiB of stack */

#define AUX_GUARD "busyflux::guard"

struct guard {
    pid_t pid;
    int fd;    /* to write groups to: to be added, or negative, to be removed */
    bool deaf; /* it has missed something */
};

/* ---- in the guard ------------------------------------------------------- */

static size_t take(pid_t groups[GROUPS_MAX], size_t count, pid_t group)
{
    size_t i = 0;

    if (group > 0 && count < GROUPS_MAX) {
        groups[count] = group;
        return count + 1;
    }
    while (i < count && groups[i] != -group)
        i++;
    if (i == count)
        return count;
    groups[i] = groups[count - 1];
    return count - 1;
}

static void ignore_signals(void)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
}

/* 1: of a group, 0: that the broker is gone, -1: nothing that can be heard. */
static int hear(pid_t *group)
{
    ssize_t n;

    do
        n = read(STDIN_FILENO, group, sizeof(*group));
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(*group) ? 1 : n == 0 ? 0 : -1;
}

static void watch_over(int fd)
{
    pid_t groups[GROUPS_MAX], group;
    size_t count = 0;
    int heard;

    setsid();
    ignore_signals();
    sys_thread_name("flux-guard");
    dup2(fd, STDIN_FILENO);
    sys_close_from(STDIN_FILENO + 1);
    while ((heard = hear(&group)) > 0)
        count = take(groups, count, group);
    while (heard == 0 && count > 0)
        kill(-groups[--count], SIGKILL);
    _exit(0);
}

/* ---- in the broker ------------------------------------------------------ */

static void guard_destroy(void *arg)
{
    struct guard *g = arg;

    close(g->fd);
    if (g->pid > 0)
        kill(g->pid, g->deaf ? SIGKILL : SIGCONT);
    if (g->pid > 0)
        while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    free(g);
}

static int start(struct guard *g)
{
    int fds[2];

    if (sys_pipe(fds) < 0)
        return -1;
    g->fd = fds[1];
    util_set_nonblock(g->fd,
                      true); /* a guard that is stopped holds no one up */
    if ((g->pid = fork()) == 0)
        watch_over(fds[0]);
    close(fds[0]);
    return g->pid < 0 ? -1 : 0;
}

static struct guard *guard_create(flux_t *h)
{
    struct guard *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->fd = -1;
    if (start(g) < 0 || flux_aux_set(h, AUX_GUARD, g, guard_destroy) < 0) {
        guard_destroy(g);
        return NULL;
    }
    return g;
}

/* One that has missed the end of a group would kill whoever has its number by
 * then, or the broker's own.
 */
static void tell(flux_t *h, struct guard *g, pid_t group)
{
    if (!g || util_write_all(g->fd, &group, sizeof(group)) == 0)
        return;
    g->deaf = true;
    flux_aux_set(h, AUX_GUARD, NULL, NULL);
}

void guard_add(flux_t *h, pid_t group)
{
    struct guard *g = flux_aux_get(h, AUX_GUARD);

    tell(h, g ? g : guard_create(h), group);
}

void guard_remove(flux_t *h, pid_t group)
{
    tell(h, flux_aux_get(h, AUX_GUARD), -group);
}
