/* crash.c - the last words of a broker that a module brings down
 *
 * A module in a thread is a part of the broker's process: what kills the one
 * kills the other.  All that can be done is to say which it was.  A module's
 * thread, and those that it makes, bear the module's name (as far as the
 * system has room for it), so the handler of the signal has only to ask for
 * the name of the thread that it runs in.
 *
 * In the handler nothing is called but what is safe there: write(2), raise(3)
 * and one system call for the name.  Then the signal does what it would have
 * done without, so that there is a core file, and the exit status says how it
 * was.  The handler has a stack of its own, since it may be the stack that has
 * run out.
 *
 * exit() called in a module's thread is caught by atexit(3): such an end is no
 * success, whatever the module thinks of it.
 */
#include "crash.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"
#include "util.h"

static const struct {
    int signum;
    const char *what;
} crashes[] = {
    {SIGSEGV, "Segmentation fault"},
    {SIGBUS, "Bus error"},
    {SIGFPE, "Arithmetic error"},
    {SIGILL, "Illegal instruction"},
    {SIGABRT, "Aborted"},
};

static void say(const char *s)
{
    util_write_all(STDERR_FILENO, s, strlen(s));
}

/* "flux-broker: module NAME: WHAT", without the module in the main thread. */
static void tell(const char *what)
{
    char name[SYS_THREAD_NAME_SIZE];

    say("flux-broker: ");
    if (!sys_is_main_thread()) {
        sys_get_thread_name(name);
        say("module ");
        say(name);
        say(": ");
    }
    say(what);
    say("\n");
}

static void crashed(int signum)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(crashes); i++)
        if (crashes[i].signum == signum)
            tell(crashes[i].what);
    raise(signum); /* as by default now, once this has returned */
}

static void exited(void)
{
    if (sys_is_main_thread())
        return;
    tell("called exit(), which ends the broker");
    _exit(1);
}

static void handle(int signum)
{
    struct sigaction sa, old;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = crashed;
    sa.sa_flags = SA_ONSTACK | SA_RESETHAND;
    if (sigaction(signum, NULL, &old) == 0 && old.sa_handler == SIG_DFL)
        sigaction(signum, &sa, NULL);
}

void crash_report(void)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(crashes); i++)
        handle(crashes[i].signum);
    atexit(exited);
}

void crash_use_stack(void *stack, size_t size)
{
    stack_t s;

    if (sigaltstack(NULL, &s) == 0 && !(s.ss_flags & SS_DISABLE))
        return;
    memset(&s, 0, sizeof(s));
    s.ss_sp = stack;
    s.ss_size = size;
    sigaltstack(&s, NULL);
}

void crash_let_through(sigset_t *set)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(crashes); i++)
        sigdelset(set, crashes[i].signum);
}
