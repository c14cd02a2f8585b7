/* sys.h - the few things that POSIX.1-2008 does not offer
 *
 * Each has a fallback for systems that lack it, said at its prototype.
 */
#ifndef SYS_H
#define SYS_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Who is at the other end of a UNIX socket.  pid is 0 where it cannot be
 * told.  Fallback: -1 with ENOSYS, and the connection must be refused.
 */
int sys_peer_cred(int fd, uid_t *uid, pid_t *pid);

/* Name the calling thread (cut at what the system takes).  Fallback: none. */
void sys_thread_name(const char *name);

/* The name of the calling thread, and whether it is the process's first.  Both
 * may be called in a signal handler.  Fallback: "?", false.
 */
enum { SYS_THREAD_NAME_SIZE = 16 };
void sys_get_thread_name(char name[SYS_THREAD_NAME_SIZE]);
bool sys_is_main_thread(void);

/* Have the calling process get `signum` when its parent dies.  Fallback:
 * nothing is done.  Return 0 always.
 */
int sys_die_with_parent(int signum);

/* Have freed memory go back to the system: blocks of SYS_MEMORY_BLOCK bytes
 * each by itself, and of what is free at the end of the heap all but
 * SYS_MEMORY_KEPT.  Otherwise glibc keeps twice as much as the largest block
 * that was ever freed.  Fallback: left to the C library.
 */
enum { SYS_MEMORY_BLOCK = 1 << 20, SYS_MEMORY_KEPT = 2 << 20 };
void sys_give_memory_back(void);

/* The same now, for what lies between blocks that are in use: some
 * milliseconds for 64 MiB.  Fallback: nothing is done.
 */
void sys_trim_memory(void);

/* Have the code and constants that were needed to start leave this process's
 * memory: what is used again comes back from the files, at some 20 us in all.
 * Not under a debugger or with anything preloaded, whose changes to the code
 * would go with it, as those of probes that the kernel has set do.  Fallback:
 * nothing is done.
 */
void sys_forget_start(void);

/* Make the calling process the parent of those below it that lose theirs.
 * Fallback: nothing is done.
 */
void sys_adopt_orphans(void);

/* The process ids of the calling (single) thread's children, zombies too; how
 * many, at most `limit`.  Fallback: none.
 */
size_t sys_children(pid_t *pids, size_t limit);

/* Whether a process was started with `variable` ("NAME=VALUE") in its
 * environment, or whether it is ending and shows nothing of it any more.
 * Fallback: false.
 */
bool sys_process_had(pid_t pid, const char *variable);

/* A process in which `child` is called, which must end in exec or _exit and
 * may do only what is safe after a fork.  It may run in the caller's memory,
 * with the caller stopped meanwhile: what it writes there, but for its own
 * variables, the caller sees.  All signals are blocked in it, so that no
 * handler of the caller's runs there.  Fallback: fork.
 */
pid_t sys_spawn(void (*child)(void *arg), void *arg);

/* Close all descriptors from `first` on.  Safe between fork and exec.
 * Fallback: those below the limit of open files, which takes longer.
 */
void sys_close_from(int first);

/* Whether a process that a signal ended has left a core file (wait(2)).
 * Fallback: false.
 */
bool sys_dumped_core(int status);

/* getrusage(RUSAGE_THREAD); -1 with EINVAL where there is none. */
int sys_rusage_thread(struct rusage *ru);

/* What a process or a thread has used.  Fallback: -1 with ENOSYS. */
struct sys_usage {
    double cpu;    /* seconds, -1: not known */
    size_t memory; /* resident bytes, 0: not known */
};
int sys_process_usage(pid_t pid, struct sys_usage *u);
int sys_thread_usage(pthread_t thread, struct sys_usage *u);

/* Size of the terminal in characters.  Fallback: -1 with ENOTTY. */
int sys_terminal_size(int fd, int *rows, int *columns);

/* Unpredictable bytes; never fails (aborts if the system has none). */
void sys_random(void *data, size_t size);

/* poll(2) with a timeout in seconds.  Fallback: whole milliseconds, rounded
 * up.
 */
int sys_poll(struct pollfd *fds, size_t count, double timeout);

/* A pipe, close-on-exec from birth (fallback: set after). */
int sys_pipe(int fds[2]);

/* A connected pair of UNIX stream sockets, and an accepted socket, all
 * close-on-exec and non-blocking from birth (fallback: set after).
 */
int sys_socketpair(int fds[2]);
int sys_accept(int fd);

/* Whether a shared object is (still) mapped.  Fallback: false. */
bool sys_dso_is_mapped(const char *path);
bool sys_dso_has(const void *address); /* in any */

/* A file that lies in memory alone, close-on-exec.  Fallback: -1 with ENOSYS.
 * /proc/self/fd has a path to it.
 */
int sys_memory_file(const char *name);

/* Path of the running executable in new memory, or NULL with errno.  Where
 * there is no /proc, a relative path by which it was called must still lead
 * there.
 */
char *sys_executable(void);

/* What the program was called as, without folders.  Fallback: "busyflux". */
const char *sys_program_name(void);

/* The absolute path without links of something that exists, in new memory,
 * or NULL with errno.  (realpath of POSIX.1-2008's XSI option.)
 */
char *sys_realpath(const char *path);

#endif /* SYS_H */
