/* proc.c - processes: on which CPU, how long, how large, how busy
 *
 * What there is to know of a process from outside of it: the time that a
 * command takes from fork to its end, what /proc tells of a broker, and how
 * many system calls strace counts in it.  Linux only, by nature.
 *
 * Resident memory counts every page that is mapped and present, shared ones
 * too; proportional memory divides those by the number of processes that
 * share them.  The voluntary context switches of an idle process are its
 * wake-ups.
 *
 * What always holds: a figure that cannot be had is negative, and is shown as
 * missing, never as 0.
 */
#define _GNU_SOURCE /* sched_setaffinity, SO_PEERCRED */
#include "proc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exchange.h"

enum { PATH_ROOM = 320 };

int proc_pin(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return sched_setaffinity(0, sizeof(set), &set);
}

/* ---- commands --------------------------------------------------------------
 */

static void run(char *const argv[], const char *uri)
{
    int fd = open("/dev/null", O_RDWR);

    dup2(fd, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    unsetenv("FLUX_URI");
    if (uri)
        setenv("FLUX_URI", uri, 1);
    execvp(argv[0], argv);
    _exit(127);
}

double proc_time(char *const argv[], const char *uri, int status)
{
    double begin = exchange_clock();
    pid_t pid = fork();
    int end = -1;

    if (pid == 0)
        run(argv, uri);
    if (pid > 0 && waitpid(pid, &end, 0) < 0) {
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
    if (!WIFEXITED(end) || WEXITSTATUS(end) != status)
        return -1.;
    return exchange_clock() - begin;
}

static void run_piped(char *const argv[], const int *in, const int *out)
{
    dup2(in[0], 0);
    dup2(out[1], 1);
    close(in[0]);
    close(in[1]);
    close(out[0]);
    close(out[1]);
    unsetenv("FLUX_URI");
    execvp(argv[0], argv);
    _exit(127);
}

static int read_line(int fd, char *line, int size)
{
    int n = 0;

    while (n < size && read(fd, line + n, 1) == 1) {
        if (line[n] == '\n') {
            line[n] = '\0';
            return 0;
        }
        n++;
    }
    return -1;
}

int proc_start(struct proc *p, char *const argv[], char *line, int size)
{
    int in[2], out[2];
    int rc;

    if (pipe(in) < 0 || pipe(out) < 0)
        return -1;
    if ((p->pid = fork()) == 0)
        run_piped(argv, in, out);
    p->in = in[1];
    close(in[0]);
    close(out[1]);
    rc = p->pid < 0 ? -1 : read_line(out[0], line, size);
    close(out[0]);
    if (rc < 0)
        proc_stop(p);
    return rc;
}

/* What is interrupted by the limit of a run is not waited for. */
void proc_stop(struct proc *p)
{
    int saved = errno;

    close(p->in);
    if (p->pid > 0 && waitpid(p->pid, NULL, 0) < 0) {
        kill(p->pid, SIGTERM);
        waitpid(p->pid, NULL, 0);
    }
    errno = saved;
}

/* ---- /proc
 * ------------------------------------------------------------------- */

pid_t proc_peer(int fd)
{
    struct ucred cred;
    socklen_t size = sizeof(cred);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) < 0)
        return -1;
    return cred.pid;
}

/* The number behind `key` at the beginning of a line of a file. */
static double number_in(const char *path, const char *key)
{
    FILE *f = fopen(path, "r");
    char line[256];
    double value = -1.;

    while (f && value < 0. && fgets(line, sizeof(line), f))
        if (strncmp(line, key, strlen(key)) == 0)
            value = atof(line + strlen(key));
    if (f)
        fclose(f);
    return value;
}

static double number_of(pid_t pid, const char *file, const char *key)
{
    char path[PATH_ROOM];

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    return number_in(path, key);
}

static double count_entries(pid_t pid, const char *folder)
{
    char path[PATH_ROOM];
    struct dirent *e;
    double n = 0.;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, folder);
    if (!(d = opendir(path)))
        return -1.;
    while ((e = readdir(d)))
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static double switches(pid_t pid)
{
    char path[PATH_ROOM];
    struct dirent *e;
    double n = 0.;
    DIR *d;

    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    if (!(d = opendir(path)))
        return -1.;
    while ((e = readdir(d))) {
        snprintf(path, sizeof(path), "/proc/%d/task/%.64s/status", (int)pid,
                 e->d_name);
        if (e->d_name[0] != '.')
            n += number_in(path, "voluntary_ctxt_switches:");
    }
    closedir(d);
    return n;
}

double proc_get(pid_t pid, enum proc_figure figure)
{
    if (figure == PROC_RSS)
        return number_of(pid, "status", "VmRSS:");
    if (figure == PROC_PSS)
        return number_of(pid, "smaps_rollup", "Pss:");
    if (figure == PROC_THREADS)
        return number_of(pid, "status", "Threads:");
    if (figure == PROC_FDS)
        return count_entries(pid, "fd");
    return switches(pid);
}

/* Parent and start time: the second and the twentieth field behind the name,
 * which is in parentheses and may hold anything.
 */
static int read_stat(pid_t pid, int *parent, unsigned long long *started)
{
    char path[PATH_ROOM], line[1024];
    FILE *f;
    char *p;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    if (!(f = fopen(path, "r")))
        return -1;
    p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
    fclose(f);
    if (!p || sscanf(p + 1,
                     " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d "
                     "%*d %*d %*d %*d %*d %llu",
                     parent, started) != 2)
        return -1;
    return 0;
}

double proc_get_paused(enum proc_figure figure)
{
    double value = -1.;
    int fds[2];
    char byte;
    pid_t pid;

    if (pipe(fds) < 0)
        return -1.;
    if ((pid = fork()) == 0) {
        dup2(fds[1], STDOUT_FILENO);
        execl("/proc/self/exe", "bench", "--pause", (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    if (pid > 0 && read(fds[0], &byte, 1) == 1)
        value = proc_get(pid, figure);
    close(fds[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return value;
}

int proc_pause(void)
{
    if (write(STDOUT_FILENO, "", 1) == 1)
        pause();
    return 1;
}

pid_t proc_child(pid_t pid, int *count)
{
    DIR *d = opendir("/proc");
    unsigned long long latest = 0, started;
    struct dirent *e;
    pid_t newest = -1;
    int parent;

    *count = 0;
    while (d && (e = readdir(d))) {
        pid_t each = (pid_t)atoi(e->d_name);

        if (each <= 0 || read_stat(each, &parent, &started) < 0 ||
            parent != pid)
            continue;
        ++*count;
        if (started >= latest) {
            latest = started;
            newest = each;
        }
    }
    if (d)
        closedir(d);
    return newest;
}

/* ---- strace
 * --------------------------------------------------------------------- */

static pid_t start_strace(pid_t pid, const char *out, int *err)
{
    char number[16];
    pid_t tracer;
    int fds[2];

    if (pipe(fds) < 0)
        return -1;
    snprintf(number, sizeof(number), "%d", (int)pid);
    if ((tracer = fork()) == 0) {
        dup2(fds[1], 2);
        execlp("strace", "strace", "-f", "-c", "-o", out, "-p", number,
               (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    *err = fds[0];
    return tracer;
}

/* strace says so on its stderr once it is there. */
static int wait_attached(int fd)
{
    char text[256];

    return read(fd, text, sizeof(text) - 1) > 0 ? 0 : -1;
}

/* The fourth column of the last line: "100.00 0.1 13 1234 5 total". */
static double total_calls(const char *path)
{
    FILE *f = fopen(path, "r");
    char line[256];
    double calls = -1.;

    while (f && fgets(line, sizeof(line), f))
        if (strstr(line, " total"))
            sscanf(line, "%*s %*s %*s %lf", &calls);
    if (f)
        fclose(f);
    return calls;
}

double proc_count_calls(pid_t pid, int (*work)(void *arg), void *arg)
{
    char out[] = "/tmp/bench-strace.XXXXXX";
    double calls = -1.;
    int fd = mkstemp(out);
    int err = -1;
    pid_t tracer = fd < 0 ? -1 : start_strace(pid, out, &err);

    if (tracer > 0) {
        int ok = wait_attached(err) == 0 && work(arg) == 0;

        kill(tracer, SIGINT);
        waitpid(tracer, NULL, 0);
        calls = ok ? total_calls(out) : -1.;
    }
    if (err >= 0)
        close(err);
    if (fd >= 0)
        close(fd);
    unlink(out);
    return calls;
}
