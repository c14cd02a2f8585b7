/* test_proc.c - a child process and its streams */
#include "proc.h"
#include "buf.h"
#include "reactor.h"
#include "tap.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct seen {
    flux_reactor_t *r;
    struct proc *p;
    struct buf out[4];
    int parts[4], ends[4];
    size_t consumed;
    int stops, status;
    bool over;
};

static void output(int stream, const char *data, size_t size, void *arg)
{
    struct seen *s = arg;

    buf_add(&s->out[stream], data, size);
    if (size > 0)
        s->parts[stream]++;
    else
        s->ends[stream]++;
    if (proc_done(s->p))
        flux_reactor_stop(s->r);
}

static void consumed(int stream, size_t size, void *arg)
{
    struct seen *s = arg;

    (void)stream;
    s->consumed += size;
}

static void stopped(void *arg)
{
    struct seen *s = arg;

    s->stops++;
    proc_kill(s->p, SIGCONT);
}

static void ended(int status, void *arg)
{
    struct seen *s = arg;

    s->status = status;
    s->over = true;
    if (proc_done(s->p))
        flux_reactor_stop(s->r);
}

static const struct proc_ops ops = {output, consumed, stopped, ended};
static char *const environment[] = {(char *)"PATH=/bin:/usr/bin",
                                    (char *)"NAME=value", NULL};
static struct proc_stream streams[4] = {
    {PROC_INPUT, false, 100000},
    {PROC_OUTPUT, false, 100},
    {PROC_OUTPUT, true, 100},
    {PROC_INPUT | PROC_OUTPUT, false, 1000},
};

static struct proc *start_in(struct seen *s, const char *folder, const char *sh)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)sh, NULL};
    struct proc_spec spec = {argv, environment, folder, streams, 4};

    memset(s, 0, sizeof(*s));
    s->r = flux_reactor_create(0);
    return s->p = proc_create(s->r, &spec, &ops, s);
}

static void finish(struct seen *s)
{
    proc_destroy(s->p);
    for (int i = 0; i < 4; i++)
        buf_release(&s->out[i]);
    flux_reactor_destroy(s->r);
}

static const char *text(struct seen *s, int stream)
{
    buf_add_byte(&s->out[stream], '\0');
    return (char *)s->out[stream].data;
}

static void test_output(void)
{
    struct seen s;

    start_in(&s, NULL, "echo $NAME; printf part; echo err >&2; exit 3");
    flux_reactor_run(s.r, 0);
    is_int(WEXITSTATUS(s.status), 3, "the status is told");
    is_str(text(&s, 1), "value\npart", "stdout, with the environment given");
    is_str(text(&s, 2), "err\n", "and stderr");
    ok(s.ends[1] == 1 && s.ends[2] == 1, "each ends once");
    ok(proc_kill(s.p, SIGTERM) < 0 && errno == ESRCH, "it is gone");
    finish(&s);

    start_in(&s, NULL, "printf '%0250d\\nab\\ncd' 0; echo ef");
    flux_reactor_run(s.r, 0);
    is_int(s.out[1].size, 250 + 1 + 3 + 5, "a long line comes whole");
    ok(s.parts[1] >= 3, "but in parts");
    finish(&s);
}

static void test_input(void)
{
    static char big[100001];
    struct seen s;

    start_in(&s, NULL, "tr a b; cat <&3 >&3");
    memset(big, 'a', sizeof(big));
    ok(proc_write(s.p, 0, big, sizeof(big)) < 0 && errno == ENOSPC,
       "more than there is room for is refused");
    ok(proc_write(s.p, 1, big, 1) == 0 && s.consumed == 1,
       "what cannot be read counts as read");
    ok(proc_write(s.p, 9, big, 1) < 0 && errno == EINVAL, "no such stream");
    s.consumed = 0;
    ok(proc_write(s.p, 0, big, 100000) == 0, "all that there is room for");
    ok(proc_close(s.p, 0) == 0, "closed behind it");
    ok(proc_write(s.p, 0, big, 1) < 0 && errno == EINVAL, "and closed it is");
    ok(proc_write(s.p, 3, "line\n", 5) == 0 && proc_close(s.p, 3) == 0,
       "a socket, too");
    flux_reactor_run(s.r, 0);
    is_int(s.out[1].size, 100000, "all of it arrives");
    is_int(s.consumed, 100005, "and is told as consumed");
    is_str(text(&s, 3), "line\n", "a socket goes both ways");
    finish(&s);

    start_in(&s, NULL, "exec <&-; read x <&3");
    proc_write(s.p, 0, big, 100000);
    while (s.consumed < 100000)
        flux_reactor_run(s.r, FLUX_REACTOR_ONCE);
    ok(!s.over, "what is written to a closed stdin counts as consumed");
    proc_kill(s.p, SIGKILL);
    flux_reactor_run(s.r, 0);
    is_int(WTERMSIG(s.status), SIGKILL, "a signal ends it");
    finish(&s);
}

static void test_control(void)
{
    struct seen s;
    pid_t pid;

    start_in(&s, NULL, "kill -STOP $$; exit 4");
    flux_reactor_run(s.r, 0);
    ok(s.stops == 1 && WEXITSTATUS(s.status) == 4, "a stop is told");
    finish(&s);

    start_in(&s, NULL, "echo out; read x");
    proc_hold(s.p, true);
    proc_close(s.p, 0);
    while (!s.over)
        flux_reactor_run(s.r, FLUX_REACTOR_ONCE);
    ok(!proc_done(s.p) && s.parts[1] == 0, "held output stays where it is");
    proc_hold(s.p, false);
    flux_reactor_run(s.r, 0);
    is_str(text(&s, 1), "out\n", "and comes later");
    finish(&s);

    start_in(&s, NULL, "sleep 1000 & wait");
    pid = proc_pid(s.p);
    proc_mute(s.p);
    finish(&s);
    ok(waitpid(pid, NULL, 0) < 0 && errno == ECHILD,
       "destroying it kills and reaps");
}

static void test_errors(void)
{
    char *argv[] = {(char *)"/dev/null", NULL};
    struct proc_spec spec = {argv, environment, NULL, streams, 4};
    struct seen s;

    start_in(&s, "/no/such/folder", "pwd");
    flux_reactor_run(s.r, 0);
    is_str(text(&s, 1), "/tmp\n", "a folder that is not there: /tmp");
    is_str(text(&s, 2),
           "Could not change dir to /no/such/folder: No such file or "
           "directory. Going to /tmp instead\n",
           "and it is said");
    errno = 0;
    ok(!proc_create(s.r, &spec, &ops, &s) && errno == EACCES,
       "what cannot be executed fails with exec's errno");
    argv[0] = (char *)"no-such-command";
    ok(!proc_create(s.r, &spec, &ops, &s) && errno == ENOENT,
       "what is not there, too");
    spec.count = PROC_STREAMS_MAX + 1;
    ok(!proc_create(s.r, &spec, &ops, &s) && errno == EINVAL,
       "too many streams");
    finish(&s);
    proc_destroy(NULL);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_output();
    test_input();
    test_control();
    test_errors();
    return done();
}
