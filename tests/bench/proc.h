/* proc.h - processes: on which CPU, how long, how large, how busy */
#ifndef PROC_H
#define PROC_H

#include <sys/types.h>

int proc_pin(int cpu); /* this process and what it starts */

/* Seconds until `argv`, started without output and with FLUX_URI set to `uri`
 * or unset, has ended with that exit status; -1 if it did not.
 */
double proc_time(char *const argv[], const char *uri, int status);

/* Start `argv`, which writes a line to its stdout once it is ready and ends
 * when its stdin does; the line without its end into `line`, which has `size`
 * bytes.  Its stdin, to be closed by proc_stop(), or -1.
 */
struct proc {
    pid_t pid;
    int in;
};
int proc_start(struct proc *p, char *const argv[], char *line, int size);
void proc_stop(struct proc *p);

/* The process that listens on the other end of a UNIX socket. */
pid_t proc_peer(int fd);

enum proc_figure {
    PROC_RSS, /* kB */
    PROC_PSS, /* kB */
    PROC_THREADS,
    PROC_FDS,
    PROC_WAKEUPS, /* voluntary context switches so far, of all threads */
};
double proc_get(pid_t pid, enum proc_figure figure); /* -1: cannot say */

/* The same of this very program, started to do nothing but proc_pause(). */
double proc_get_paused(enum proc_figure figure);
int proc_pause(void); /* says on stdout that it is there, and waits */

/* The child of `pid` that was started last, or -1, and how many it has. */
pid_t proc_child(pid_t pid, int *count);

/* System calls of `pid` while `work` ran, counted by strace; -1 without. */
double proc_count_calls(pid_t pid, int (*work)(void *arg), void *arg);

#endif /* PROC_H */
