/* proc.h - a child process with streams to and from it
 *
 * Streams 0, 1 and 2 are the child's stdin, stdout and stderr; further ones
 * are its descriptors of that number.
 */
#ifndef PROC_H
#define PROC_H

#include "flux.h"

enum {
    PROC_INPUT = 1,  /* a way to the child */
    PROC_OUTPUT = 2, /* a way from the child */
};

struct proc_stream {
    int ways;     /* none: /dev/null; one: a pipe; both: a socket */
    bool raw;     /* output is told as it comes, not line by line */
    size_t limit; /* bytes kept of each way; a longer line is told in parts */
};

enum { PROC_STDIO = 3, PROC_STREAMS_MAX = 16 }; /* more than anyone has used */

struct proc_spec {
    char *const *argv;        /* argv[0] is looked for on the PATH of env */
    char *const *environment; /* "NAME=VALUE" */
    const char *folder;       /* where it starts, or NULL */
    const struct proc_stream *streams;
    int count; /* of streams, PROC_STDIO or more */
};

/* Called from the loop, or from proc_write().  The proc must not be destroyed
 * by the callee.
 */
struct proc_ops {
    /* `size` bytes came, 0: no more will. */
    void (*output)(int stream, const char *data, size_t size, void *arg);
    /* So many bytes of what was written have left: there is room again. */
    void (*consumed)(int stream, size_t size, void *arg);
    void (*stopped)(void *arg);           /* by a signal such as SIGSTOP */
    void (*ended)(int status, void *arg); /* as waitpid(2); output may follow */
};

struct proc;

/* Start it, in a process group of its own, with nothing else of ours open.  It
 * is killed when the calling thread's process dies.  If `folder` cannot be
 * entered it says so on its stderr and starts in /tmp.  NULL with errno, that
 * of a failed execvp(3) too.
 */
struct proc *proc_create(flux_reactor_t *r,
                         const struct proc_spec *spec,
                         const struct proc_ops *ops,
                         void *arg);
void proc_destroy(struct proc *p); /* kills and reaps what still runs */

pid_t proc_pid(const struct proc *p);
bool proc_ended(const struct proc *p); /* and was reaped */
bool proc_done(const struct proc *p);  /* and all output was told */

/* To be written as the child reads.  ENOSPC if there is no room for all of it,
 * EINVAL if the stream has no such way.  What is written to a stream that the
 * child has closed counts as consumed.
 */
int proc_write(struct proc *p, int stream, const void *data, size_t size);
int proc_close(struct proc *p, int stream); /* once all is written */

/* Signal the whole group; ESRCH once it has ended. */
int proc_kill(struct proc *p, int signum);

/* Leave output where it is, or read on. */
void proc_hold(struct proc *p, bool on);

/* Close all streams: nothing more is told of them. */
void proc_mute(struct proc *p);

#endif /* PROC_H */
