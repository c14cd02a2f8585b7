/* ending.c - what a program has run is counted, however it ends
 *
 * `make coverage` links this into each program.  The compiler's own counting
 * writes the counts down when a program ends by exit(); here they are also
 * written before it becomes another one by exec(), and when it ends by _exit(),
 * by raise(), and by a signal whose action is the default one and which can be
 * caught.  What SIGKILL ends is lost.
 *
 * The counts are set to zero when they have been written: a child of vfork()
 * has its parent's, which goes on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

void __gcov_dump(void);
void __gcov_reset(void);

static void write_down(void)
{
    __gcov_dump();
    __gcov_reset();
}

static void end(int signum)
{
    write_down();
    signal(signum, SIG_DFL);
    kill(getpid(), signum);
}

void _exit(int status)
{
    write_down();
    _Exit(status);
}

/* Found before main(): there is no looking up in a child of vfork(). */
static struct {
    int (*execve)(const char *, char *const *, char *const *);
    int (*execvp)(const char *, char *const *);
} libc;

static void __attribute__((constructor)) find_libc(void)
{
    *(void **)&libc.execve = dlsym(RTLD_NEXT, "execve");
    *(void **)&libc.execvp = dlsym(RTLD_NEXT, "execvp");
}

int execve(const char *path, char *const *argv, char *const *environment)
{
    write_down();
    return libc.execve(path, argv, environment);
}

int execv(const char *path, char *const *argv)
{
    return execve(path, argv, environ);
}

int execl(const char *path, const char *word, ...)
{
    enum { WORDS_MAX = 15 };
    char *argv[WORDS_MAX + 1] = {(char *)word};
    va_list more;

    va_start(more, word);
    for (int n = 1; n < WORDS_MAX && argv[n - 1]; n++)
        argv[n] = va_arg(more, char *);
    va_end(more);
    return execv(path, argv);
}

int execvp(const char *file, char *const *argv)
{
    write_down();
    return libc.execvp(file, argv);
}

int raise(int signum)
{
    write_down();
    return pthread_kill(pthread_self(), signum);
}

static void __attribute__((constructor)) catch_signals(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGALRM};
    struct sigaction sa;

    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        if (sigaction(signals[i], NULL, &sa) == 0 && sa.sa_handler == SIG_DFL)
            signal(signals[i], end);
}
