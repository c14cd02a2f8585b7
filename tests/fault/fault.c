/* fault.c - a library, preloaded, in which calls of the system fail on demand
 *
 * FAULT_PROGRAM names the programs it is for (words, each the last part of an
 * argv[0]); in others, started by them, it does nothing.  There are two ways to
 * use it:
 *
 *   FAULT_CONTROL=FILE   FILE holds a struct control, which all processes map
 *                        and the test writes to: the call of `function` that
 *                        brings `countdown` to 0 fails, and then none.
 *   FAULT_EINTR=N        one call in N, in a pseudo-random order, of what a
 *                        signal may interrupt (signal(7): not open(2), and
 *                        no file on a disk) returns EINTR and does nothing.
 *                        FAULT_SEED=S begins each process's order, which is
 *                        another in each without.
 *
 * What always holds: a call that fails has done nothing, and has set errno to
 * something that its manual page lists.  Allocation fails in the C library as
 * well, as far as that calls malloc() by its name.  No lock is taken and
 * nothing is allocated in here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Their numbers are in fault.py, too. */
enum function {
    NOTHING,
    MALLOC,
    FORK,
    SOCKETPAIR,
    PIPE,
    OPEN,
    WRITE,
    THREAD,
    DLOPEN,
    SOCKET,
    ACCEPT,
    READ,
    POLL,
};

struct control {
    int32_t function;
    int32_t countdown;
    int32_t fired; /* how many calls have failed */
};

static struct control *control;
static unsigned eintr; /* one of so many; 0: none */
static uint32_t seed = 1;
static __thread bool dlopen_failed;

/* ---- when -----------------------------------------------------------------
 */

static bool fails(enum function f, int errnum)
{
    struct control *c = control;

    if (!c || __atomic_load_n(&c->function, __ATOMIC_RELAXED) != (int32_t)f)
        return false;
    if (__atomic_sub_fetch(&c->countdown, 1, __ATOMIC_RELAXED) != 0)
        return false;
    __atomic_add_fetch(&c->fired, 1, __ATOMIC_RELAXED);
    errno = errnum;
    return true;
}

static bool is_interrupted(void)
{
    uint32_t x;

    if (eintr == 0)
        return false;
    x = __atomic_add_fetch(&seed, 0x9e3779b9, __ATOMIC_RELAXED);
    x = (x ^ x >> 16) * 0x85ebca6b;
    x = (x ^ x >> 13) * 0xc2b2ae35;
    if ((x ^ x >> 16) % eintr != 0)
        return false;
    errno = EINTR;
    return true;
}

static bool breaks(enum function f, int errnum)
{
    return fails(f, errnum) || is_interrupted();
}

/* A file on a disk is not waited for, so no signal comes between. */
static bool breaks_on(int fd, enum function f, int errnum)
{
    struct stat st;

    if (fails(f, errnum))
        return true;
    if (eintr == 0 || fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
        return false;
    return is_interrupted();
}

/* ---- the beginning --------------------------------------------------------
 */

static bool is_meant(void)
{
    const char *program = getenv("FAULT_PROGRAM");
    char line[4096];
    ssize_t n = -1;
    const char *base, *at;
    int fd = open("/proc/self/cmdline", O_RDONLY);

    if (fd >= 0) {
        n = read(fd, line, sizeof(line) - 1);
        close(fd);
    }
    if (n <= 0 || !program)
        return false;
    line[n] = '\0';
    base = strrchr(line, '/') ? strrchr(line, '/') + 1 : line;
    n = (ssize_t)strlen(base);
    for (at = program; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strncmp(at, base, (size_t)n) == 0 && (!at[n] || at[n] == ' '))
            return true;
    return false;
}

static void map_control(const char *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    void *map;

    if (fd < 0)
        return;
    map =
        mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        control = map;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULT_CONTROL");
    const char *rate = getenv("FAULT_EINTR");
    const char *begun;

    if (!is_meant())
        return;
    if (rate)
        eintr = (unsigned)strtoul(rate, NULL, 10);
    begun = getenv("FAULT_SEED");
    seed = begun ? (uint32_t)strtoul(begun, NULL, 10) : (uint32_t)getpid();
    if (path)
        map_control(path);
}

/* ---- memory ---------------------------------------------------------------
 */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
    return fails(MALLOC, ENOMEM) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails(MALLOC, ENOMEM) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *p, size_t size)
{
    return fails(MALLOC, ENOMEM) ? NULL : __libc_realloc(p, size);
}

/* ---- the rest -------------------------------------------------------------
 */

/* Declares `next`, the function that this one stands in front of. */
#define NEXT(result, name, ...)         \
    static result (*next)(__VA_ARGS__); \
    if (!next)                          \
    *(void **)&next = dlsym(RTLD_NEXT, name)

pid_t fork(void)
{
    NEXT(pid_t, "fork", void);
    return fails(FORK, EAGAIN) ? -1 : next();
}

int posix_spawnp(pid_t *pid,
                 const char *file,
                 const posix_spawn_file_actions_t *actions,
                 const posix_spawnattr_t *attr,
                 char *const argv[],
                 char *const envp[])
{
    NEXT(int, "posix_spawnp", pid_t *, const char *,
         const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
         char *const[], char *const[]);
    return fails(FORK, EAGAIN) ? EAGAIN
                               : next(pid, file, actions, attr, argv, envp);
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    NEXT(int, "socketpair", int, int, int, int *);
    return fails(SOCKETPAIR, EMFILE) ? -1 : next(domain, type, protocol, fds);
}

int socket(int domain, int type, int protocol)
{
    NEXT(int, "socket", int, int, int);
    return fails(SOCKET, EMFILE) ? -1 : next(domain, type, protocol);
}

int pipe2(int fds[2], int flags)
{
    NEXT(int, "pipe2", int *, int);
    return fails(PIPE, EMFILE) ? -1 : next(fds, flags);
}

int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
    NEXT(int, "accept4", int, struct sockaddr *, socklen_t *, int);
    return breaks(ACCEPT, EMFILE) ? -1 : next(fd, address, size, flags);
}

int open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;
    NEXT(int, "open", const char *, int, ...);

    va_start(ap, flags);
    if (flags & O_CREAT)
        mode = va_arg(ap, mode_t);
    va_end(ap);
    return fails(OPEN, EMFILE) ? -1 : next(path, flags, mode);
}

int openat(int folder, const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list ap;
    NEXT(int, "openat", int, const char *, int, ...);

    va_start(ap, flags);
    if (flags & O_CREAT)
        mode = va_arg(ap, mode_t);
    va_end(ap);
    return fails(OPEN, EMFILE) ? -1 : next(folder, path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    NEXT(FILE *, "fopen", const char *, const char *);
    return fails(OPEN, EMFILE) ? NULL : next(path, mode);
}

ssize_t read(int fd, void *data, size_t size)
{
    NEXT(ssize_t, "read", int, void *, size_t);
    return breaks_on(fd, READ, EIO) ? -1 : next(fd, data, size);
}

ssize_t readv(int fd, const struct iovec *iov, int count)
{
    NEXT(ssize_t, "readv", int, const struct iovec *, int);
    return breaks_on(fd, READ, EIO) ? -1 : next(fd, iov, count);
}

ssize_t recv(int fd, void *data, size_t size, int flags)
{
    NEXT(ssize_t, "recv", int, void *, size_t, int);
    return breaks_on(fd, READ, ENOMEM) ? -1 : next(fd, data, size, flags);
}

ssize_t write(int fd, const void *data, size_t size)
{
    NEXT(ssize_t, "write", int, const void *, size_t);
    /* one byte of a signal's handler: there is no one to be told of a failure,
     * and none but EAGAIN, which does no harm
     */
    if (size == 1)
        return is_interrupted() ? -1 : next(fd, data, size);
    return breaks_on(fd, WRITE, ENOSPC) ? -1 : next(fd, data, size);
}

ssize_t writev(int fd, const struct iovec *iov, int count)
{
    NEXT(ssize_t, "writev", int, const struct iovec *, int);
    return breaks_on(fd, WRITE, ENOSPC) ? -1 : next(fd, iov, count);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    NEXT(ssize_t, "send", int, const void *, size_t, int);
    return breaks_on(fd, WRITE, ENOMEM) ? -1 : next(fd, data, size, flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    NEXT(ssize_t, "sendmsg", int, const struct msghdr *, int);
    return breaks_on(fd, WRITE, ENOMEM) ? -1 : next(fd, message, flags);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
    NEXT(int, "connect", int, const struct sockaddr *, socklen_t);
    return is_interrupted() ? -1 : next(fd, address, size);
}

int poll(struct pollfd *fds, nfds_t count, int timeout)
{
    NEXT(int, "poll", struct pollfd *, nfds_t, int);
    return count > 0 && breaks(POLL, ENOMEM) ? -1 : next(fds, count, timeout);
}

int ppoll(struct pollfd *fds,
          nfds_t count,
          const struct timespec *timeout,
          const sigset_t *mask)
{
    NEXT(int, "ppoll", struct pollfd *, nfds_t, const struct timespec *,
         const sigset_t *);
    return breaks(POLL, ENOMEM) ? -1 : next(fds, count, timeout, mask);
}

pid_t waitpid(pid_t pid, int *status, int options)
{
    NEXT(pid_t, "waitpid", pid_t, int *, int);
    return is_interrupted() ? -1 : next(pid, status, options);
}

int waitid(idtype_t type, id_t id, siginfo_t *info, int options)
{
    NEXT(int, "waitid", idtype_t, id_t, siginfo_t *, int);
    return is_interrupted() ? -1 : next(type, id, info, options);
}

int pthread_create(pthread_t *thread,
                   const pthread_attr_t *attr,
                   void *(*run)(void *),
                   void *arg)
{
    NEXT(int, "pthread_create", pthread_t *, const pthread_attr_t *,
         void *(*)(void *), void *);
    return fails(THREAD, EAGAIN) ? EAGAIN : next(thread, attr, run, arg);
}

void *dlopen(const char *path, int flags)
{
    NEXT(void *, "dlopen", const char *, int);
    dlopen_failed = fails(DLOPEN, ENOMEM);
    return dlopen_failed ? NULL : next(path, flags);
}

char *dlerror(void)
{
    static char injected[] = "injected failure";
    NEXT(char *, "dlerror", void);

    if (!dlopen_failed)
        return next();
    dlopen_failed = false;
    return injected;
}
