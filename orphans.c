/* orphans.c - what a broker leaves when it is killed
 *
 * A broker's children ask the system to be killed when it dies, but theirs do
 * not: the processes that a command had started go on, as children of whoever
 * has declared himself the parent of orphans.  flux start does, for its test
 * instances, and ends them here.
 *
 * Whose they were is told by the FLUX_URI that a broker puts into the
 * environment of what it runs: the orphans of one broker have nothing to do
 * with what a user has put into the background on another.
 *
 * What always holds:
 * - Only own children are killed, and each is waited for, so no process id is
 *   used that may have passed to another.
 * - One that is ending is waited for: its children turn up once it has ended,
 *   so the list is read again until nothing in it fits.
 * - Whatever else has ended among the adopted is waited for on this occasion.
 */
#include "orphans.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>

#include "sys.h"

enum { AT_ONCE = 1024 }; /* children in one list; the rest come after them */

void orphans_adopt(void)
{
    sys_adopt_orphans();
}

static bool is_own(pid_t pid, const pid_t *own, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        if (own[i] == pid)
            return true;
    return false;
}

static void wait_for(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* True if it was one, and has ended now. */
static bool end_one(pid_t pid, const char *variable)
{
    if (waitpid(pid, NULL, WNOHANG) != 0)
        return true;
    if (!sys_process_had(pid, variable))
        return false;
    kill(pid, SIGKILL);
    wait_for(pid);
    return true;
}

static bool end_some(const char *variable, const pid_t *own, size_t count)
{
    pid_t pids[AT_ONCE];
    size_t i, n = sys_children(pids, AT_ONCE);
    bool found = false;

    for (i = 0; i < n; i++)
        if (!is_own(pids[i], own, count))
            found |= end_one(pids[i], variable);
    return found;
}

void orphans_end(const char *variable, const pid_t *own, size_t count)
{
    while (end_some(variable, own, count))
        ;
}
