/* sys.c - the few things that POSIX.1-2008 does not offer
 *
 * This is the one file that is compiled with the system's own extensions in
 * sight.  All others keep to C99 and POSIX, so that a port to a new system
 * is a matter of this file.
 *
 * What always holds:
 * - Each function works on Linux with glibc and with musl, and compiles
 *   everywhere: where the system has no such thing, the function does what
 *   its prototype in sys.h calls the fallback.
 * - Nothing is kept between calls, and no function depends on another file
 *   of the project.
 * - A descriptor made here is close-on-exec and non-blocking before anyone
 *   else can see it, where the system can do that; else right after.
 */
#define _GNU_SOURCE
#include "sys.h"

#include <dlfcn.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif
#ifdef __linux__
#include <link.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#endif
#include <sys/wait.h>

enum {
    SYS_PATH_LIMIT = 1 << 16, /* a longer path is no path */
    SYS_OPEN_LIMIT = 1 << 20, /* descriptors that are closed one by one */
};

#if defined(__linux__)
#define SYS_FORK vfork
#else
#define SYS_FORK fork
#endif

pid_t sys_spawn(void (*child)(void *arg), void *arg)
{
    sigset_t all, old;
    pid_t pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid = SYS_FORK();
    if (pid == 0) {
        child(arg);
        _exit(1);
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return pid;
}

#if defined(__linux__)
int sys_poll(struct pollfd *fds, size_t count, double timeout)
{
    struct timespec ts = {.tv_sec = (time_t)timeout};

    ts.tv_nsec = (long)(1e9 * (timeout - (double)ts.tv_sec));
    return ppoll(fds, (nfds_t)count, &ts, NULL);
}
#else
int sys_poll(struct pollfd *fds, size_t count, double timeout)
{
    return poll(fds, (nfds_t)count, (int)(1e3 * timeout + 0.999));
}
#endif

#if defined(__linux__)
int sys_peer_cred(int fd, uid_t *uid, pid_t *pid)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
        return -1;
    *uid = cred.uid;
    *pid = cred.pid;
    return 0;
}
#elif defined(__APPLE__) || defined(__FreeBSD__) || defined(__NetBSD__) || \
    defined(__OpenBSD__)
int sys_peer_cred(int fd, uid_t *uid, pid_t *pid)
{
    gid_t gid;

    *pid = 0;
    return getpeereid(fd, uid, &gid);
}
#else
int sys_peer_cred(int fd, uid_t *uid, pid_t *pid)
{
    (void)fd;
    *uid = (uid_t)-1;
    *pid = 0;
    errno = ENOSYS;
    return -1;
}
#endif

void sys_thread_name(const char *name)
{
#ifdef PR_SET_NAME
    int saved = errno;

    prctl(PR_SET_NAME, (unsigned long)(uintptr_t)name, 0UL, 0UL, 0UL);
    errno = saved;
#else
    (void)name;
#endif
}

void sys_get_thread_name(char name[SYS_THREAD_NAME_SIZE])
{
    memcpy(name, "?", 2);
#ifdef PR_GET_NAME
    prctl(PR_GET_NAME, (unsigned long)(uintptr_t)name, 0UL, 0UL, 0UL);
#endif
}

bool sys_is_main_thread(void)
{
#ifdef SYS_gettid
    return syscall(SYS_gettid) == (long)getpid();
#else
    return false;
#endif
}

int sys_die_with_parent(int signum)
{
#ifdef PR_SET_PDEATHSIG
    int saved = errno;

    prctl(PR_SET_PDEATHSIG, (unsigned long)signum, 0UL, 0UL, 0UL);
    errno = saved;
#else
    (void)signum;
#endif
    return 0;
}

void sys_give_memory_back(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, SYS_MEMORY_BLOCK);
    mallopt(M_TRIM_THRESHOLD, SYS_MEMORY_KEPT);
#endif
}

void sys_trim_memory(void)
{
#ifdef __GLIBC__
    malloc_trim(SYS_MEMORY_KEPT);
#endif
}

#ifdef __linux__
/* A debugger's breakpoints are in this process's own copies of pages, and what
 * is preloaded may have written into code.
 */
static bool is_instrumented(void)
{
    char text[1024];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    const char *tracer;

    if (fd >= 0)
        close(fd);
    text[n < 0 ? 0 : n] = '\0';
    tracer = strstr(text, "TracerPid:\t");
    return getenv("LD_PRELOAD") || !tracer ||
           tracer[strlen("TracerPid:\t")] != '0';
}

static bool has_text_relocations(const ElfW(Dyn) * d)
{
    for (; d->d_tag != DT_NULL; d++)
        if (d->d_tag == DT_TEXTREL ||
            (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL)))
            return true;
    return false;
}

static void forget_segment(uintptr_t start, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = start & ~(page - 1);

    madvise((void *)first, start + size - first, MADV_DONTNEED);
}

/* What the linker has written into code is in no file. */
static int forget_object(struct dl_phdr_info *info, size_t size, void *arg)
{
    const ElfW(Phdr) *p = info->dlpi_phdr;
    const ElfW(Phdr) *end = p + info->dlpi_phnum;

    (void)size;
    (void)arg;
    for (; p < end; p++)
        if (p->p_type == PT_DYNAMIC &&
            has_text_relocations((void *)(info->dlpi_addr + p->p_vaddr)))
            return 0;
    for (p = info->dlpi_phdr; p < end; p++)
        if (p->p_type == PT_LOAD && !(p->p_flags & PF_W))
            forget_segment(info->dlpi_addr + p->p_vaddr, p->p_memsz);
    return 0;
}

void sys_forget_start(void)
{
    int saved = errno;

    if (!is_instrumented())
        dl_iterate_phdr(forget_object, NULL);
    errno = saved;
}
#else
void sys_forget_start(void)
{
}
#endif

void sys_adopt_orphans(void)
{
#ifdef PR_SET_CHILD_SUBREAPER
    int saved = errno;

    prctl(PR_SET_CHILD_SUBREAPER, 1UL, 0UL, 0UL, 0UL);
    errno = saved;
#endif
}

size_t sys_children(pid_t *pids, size_t limit)
{
    char path[64];
    size_t count = 0;
    long pid;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", (long)getpid(),
             (long)getpid());
    if (!(f = fopen(path, "re")))
        return 0;
    while (count < limit && fscanf(f, "%ld", &pid) == 1)
        pids[count++] = (pid_t)pid;
    fclose(f);
    return count;
}

/* NULL if there is no such process. */
static FILE *open_facts(pid_t pid, const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    return fopen(path, "re");
}

/* One that lives has a command line, be its environment empty. */
static bool is_ending(pid_t pid)
{
    FILE *f = open_facts(pid, "cmdline");
    bool empty = f && fgetc(f) == EOF;

    if (f)
        fclose(f);
    return empty;
}

bool sys_process_had(pid_t pid, const char *variable)
{
    FILE *f = open_facts(pid, "environ");
    char *entry = NULL;
    size_t size = 0;
    bool found = false;

    while (f && !found && getdelim(&entry, &size, '\0', f) > 0)
        found = strcmp(entry, variable) == 0;
    free(entry);
    if (f)
        fclose(f);
    return found || is_ending(pid);
}

static int close_range_from(int first)
{
#ifdef SYS_close_range
    return (int)syscall(SYS_close_range, (unsigned)first, ~0U, 0U);
#else
    (void)first;
    return -1;
#endif
}

void sys_close_from(int first)
{
    long limit;

    if (close_range_from(first) == 0)
        return;
    limit = sysconf(_SC_OPEN_MAX);
    if (limit < 0 || limit > SYS_OPEN_LIMIT)
        limit = SYS_OPEN_LIMIT;
    while (first < (int)limit)
        close(first++);
}

bool sys_dumped_core(int status)
{
#ifdef WCOREDUMP
    return WIFSIGNALED(status) && WCOREDUMP(status);
#else
    (void)status;
    return false;
#endif
}

int sys_rusage_thread(struct rusage *ru)
{
#ifdef RUSAGE_THREAD
    return getrusage(RUSAGE_THREAD, ru);
#else
    (void)ru;
    errno = EINVAL;
    return -1;
#endif
}

static size_t random_from_kernel(unsigned char *data, size_t size)
{
    size_t done = 0;

#ifdef GRND_NONBLOCK
    while (done < size) {
        ssize_t n = getrandom(data + done, size - done, 0);

        if (n < 0 && errno != EINTR)
            break;
        if (n > 0)
            done += (size_t)n;
    }
#else
    (void)data;
    (void)size;
#endif
    return done;
}

static void random_from_device(unsigned char *data, size_t size)
{
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);

    while (size > 0) {
        ssize_t n = read(fd, data, size);

        if (n == 0 || (n < 0 && errno != EINTR))
            abort();
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
    close(fd);
}

void sys_random(void *data, size_t size)
{
    int saved = errno;
    size_t done = random_from_kernel(data, size);

    if (done < size)
        random_from_device((unsigned char *)data + done, size - done);
    errno = saved;
}

#if !defined(SOCK_CLOEXEC) || !defined(SOCK_NONBLOCK)
static int dress(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    return fcntl(fd, F_SETFD, FD_CLOEXEC);
}

static void close_keeping_errno(int fd)
{
    int saved = errno;

    close(fd);
    errno = saved;
}

int sys_socketpair(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
        return -1;
    if (dress(fds[0]) == 0 && dress(fds[1]) == 0)
        return 0;
    close_keeping_errno(fds[0]);
    close_keeping_errno(fds[1]);
    return -1;
}

int sys_accept(int fd)
{
    int conn;

    do
        conn = accept(fd, NULL, NULL);
    while (conn < 0 && errno == EINTR);
    if (conn < 0 || dress(conn) == 0)
        return conn;
    close_keeping_errno(conn);
    return -1;
}
#else
int sys_socketpair(int fds[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                      fds);
}

int sys_accept(int fd)
{
    int conn;

    do
        conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    while (conn < 0 && errno == EINTR);
    return conn;
}
#endif

#if defined(SOCK_CLOEXEC)
int sys_pipe(int fds[2])
{
    return pipe2(fds, O_CLOEXEC);
}
#else
int sys_pipe(int fds[2])
{
    if (pipe(fds) < 0)
        return -1;
    fcntl(fds[0], F_SETFD, FD_CLOEXEC);
    fcntl(fds[1], F_SETFD, FD_CLOEXEC);
    return 0;
}
#endif

/* The target of a symbolic link, cut if it does not fit in `size`. */
static char *link_target(const char *path, size_t size)
{
    char *target = malloc(size);
    ssize_t n = target ? readlink(path, target, size - 1) : -1;

    if (n < 0) {
        free(target);
        return NULL;
    }
    target[n] = '\0';
    return target;
}

static char *executable_of_proc(void)
{
    for (size_t size = 256; size <= SYS_PATH_LIMIT; size *= 2) {
        char *target = link_target("/proc/self/exe", size);

        if (!target || strlen(target) < size - 1)
            return target;
        free(target);
    }
    errno = ENAMETOOLONG;
    return NULL;
}

/* As it was given to execve(2), which the kernel leaves in the process. */
static char *executable_as_called(void)
{
#ifdef AT_EXECFN
    const char *name = (const char *)getauxval(AT_EXECFN);

    if (name)
        return realpath(name, NULL);
#endif
    errno = ENOENT;
    return NULL;
}

char *sys_executable(void)
{
    char *path = executable_of_proc();

    return path ? path : executable_as_called();
}

const char *sys_program_name(void)
{
#if defined(__linux__)
    return program_invocation_short_name;
#else
    return "busyflux";
#endif
}

char *sys_realpath(const char *path)
{
    return realpath(path, NULL);
}

#if defined(RTLD_NOLOAD) && !defined(BUSYFLUX_STATIC)
bool sys_dso_is_mapped(const char *path)
{
    void *dso = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);

    if (dso)
        dlclose(dso);
    return dso;
}

bool sys_dso_has(const void *address)
{
    Dl_info info;

    return dladdr(address, &info) != 0;
}
#else
bool sys_dso_is_mapped(const char *path)
{
    (void)path;
    return false;
}

bool sys_dso_has(const void *address)
{
    (void)address;
    return false;
}
#endif

#ifdef MFD_CLOEXEC
int sys_memory_file(const char *name)
{
    return memfd_create(name, MFD_CLOEXEC);
}
#else
int sys_memory_file(const char *name)
{
    (void)name;
    errno = ENOSYS;
    return -1;
}
#endif

/* Read /proc/PID/NAME, as much as fits. */
static int read_proc(pid_t pid, const char *name, char *text, size_t size)
{
    char path[64];
    FILE *f;
    size_t n;

    snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    if (!(f = fopen(path, "re")))
        return -1;
    n = fread(text, 1, size - 1, f);
    text[n] = '\0';
    fclose(f);
    return n > 0 ? 0 : -1;
}

/* /proc/PID/stat has user and system time behind the name in parentheses,
 * which may contain anything, in the 12th and 13th field from there;
 * /proc/PID/statm has the resident pages second (proc(5)).
 */
int sys_process_usage(pid_t pid, struct sys_usage *u)
{
    char text[1024];
    unsigned long user, system, resident;
    const char *at;

    errno = ENOSYS;
    if (read_proc(pid, "stat", text, sizeof(text)) < 0 ||
        !(at = strrchr(text, ')')) ||
        sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
               &user, &system) != 2)
        return -1;
    u->cpu = (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
    u->memory = 0;
    if (read_proc(pid, "statm", text, sizeof(text)) == 0 &&
        sscanf(text, "%*u %lu", &resident) == 1)
        u->memory = (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
    return 0;
}

int sys_thread_usage(pthread_t thread, struct sys_usage *u)
{
    struct timespec t;
    clockid_t clock;
    int errnum = pthread_getcpuclockid(thread, &clock);

    if (errnum) {
        errno = errnum;
        return -1;
    }
    if (clock_gettime(clock, &t) < 0)
        return -1;
    u->cpu = (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
    u->memory = 0;
    return 0;
}

int sys_terminal_size(int fd, int *rows, int *columns)
{
#ifdef TIOCGWINSZ
    struct winsize size;

    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return -1;
    *rows = size.ws_row;
    *columns = size.ws_col;
    return 0;
#else
    errno = ENOTTY;
    return -1;
#endif
}
