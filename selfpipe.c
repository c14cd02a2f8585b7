/* selfpipe.c - signals, told by bytes in pipes
 *
 * A handler counts its signal and writes a byte to each pipe in use (mostly
 * there is one); those who read them compare the counts with what they have
 * seen.  A signal that comes again before it was told is told once.
 *
 * What always holds:
 * - Pipes are reused but never closed, so that a handler that runs in another
 *   thread can never write to a descriptor that has become another's.
 * - The handler reads only what is atomic; the rest is under the lock.
 * - A signal is caught while someone holds it, and no longer.
 *
 * This is state of the process, like the dispositions of the signals
 * themselves: a mutable global that cannot be otherwise.
 */
#include "selfpipe.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"

enum {
    SIGNAL_LIMIT = 128, /* more than any system's highest signal number */
    SIGNAL_PIPES = 64,  /* reactors of one process that watch signals */
};

static struct {
    pthread_mutex_t lock;
    struct {
        int fds[2]; /* set before `count` says so, constant from then on */
        int used;   /* atomic */
    } pipes[SIGNAL_PIPES];
    int pipe_count;                   /* atomic */
    unsigned int count[SIGNAL_LIMIT]; /* atomic */
    size_t holders[SIGNAL_LIMIT];     /* for whom it is caught */
    struct sigaction replaced[SIGNAL_LIMIT];
} signals = {.lock = PTHREAD_MUTEX_INITIALIZER};

unsigned int selfpipe_count(int signum)
{
    return __atomic_load_n(&signals.count[signum], __ATOMIC_ACQUIRE);
}

/* ---- pipes ---- */

int selfpipe_fd(int index)
{
    return signals.pipes[index].fds[0];
}

void selfpipe_drain(int index)
{
    char bytes[64];
    ssize_t n;

    do
        n = read(selfpipe_fd(index), bytes, sizeof(bytes));
    while (n == (ssize_t)sizeof(bytes) || (n < 0 && errno == EINTR));
}

static bool pipe_is_used(int index)
{
    return __atomic_load_n(&signals.pipes[index].used, __ATOMIC_ACQUIRE);
}

/* An unused pipe's index, made if there is none; -1 with errno. */
static int pipe_find(void)
{
    int n = signals.pipe_count;

    for (int i = 0; i < n; i++) {
        if (!pipe_is_used(i))
            return i;
    }
    if (n == SIGNAL_PIPES) {
        errno = EMFILE;
        return -1;
    }
    if (sys_socketpair(signals.pipes[n].fds) < 0)
        return -1;
    __atomic_store_n(&signals.pipe_count, n + 1, __ATOMIC_RELEASE);
    return n;
}

int selfpipe_acquire(void)
{
    int index;

    pthread_mutex_lock(&signals.lock);
    if ((index = pipe_find()) >= 0) {
        selfpipe_drain(index);
        __atomic_store_n(&signals.pipes[index].used, 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&signals.lock);
    return index;
}

void selfpipe_release(int index)
{
    if (index >= 0)
        __atomic_store_n(&signals.pipes[index].used, 0, __ATOMIC_RELEASE);
}

/* ---- signals ---- */

/* A full pipe wakes its reader as well. */
static void pipe_wake(int index)
{
    ssize_t n;

    do
        n = write(signals.pipes[index].fds[1], "", 1);
    while (n < 0 && errno == EINTR);
}

static void signal_caught(int signum)
{
    int saved_errno = errno;
    int n = __atomic_load_n(&signals.pipe_count, __ATOMIC_ACQUIRE);

    __atomic_add_fetch(&signals.count[signum], 1, __ATOMIC_RELEASE);
    for (int i = 0; i < n; i++)
        if (pipe_is_used(i))
            pipe_wake(i);
    errno = saved_errno;
}

static void signal_catch(int signum)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = signal_caught;
    sa.sa_flags = SA_RESTART;
    sigfillset(&sa.sa_mask);
    sigaction(signum, &sa, &signals.replaced[signum]);
}

static void signal_unblock(int signum)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signum);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void selfpipe_hold(int signum)
{
    pthread_mutex_lock(&signals.lock);
    if (signals.holders[signum]++ == 0)
        signal_catch(signum);
    pthread_mutex_unlock(&signals.lock);
    signal_unblock(signum);
}

void selfpipe_drop(int signum)
{
    pthread_mutex_lock(&signals.lock);
    if (--signals.holders[signum] == 0)
        sigaction(signum, &signals.replaced[signum], NULL);
    pthread_mutex_unlock(&signals.lock);
}

bool selfpipe_is_watchable(int signum)
{
    sigset_t set;

    sigemptyset(&set);
    return signum > 0 && signum < SIGNAL_LIMIT && signum != SIGKILL &&
           signum != SIGSTOP && sigaddset(&set, signum) == 0;
}
