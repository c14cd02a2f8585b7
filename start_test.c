/* start_test.c - flux start --test-size=N: an instance on one machine
 *
 * Starts N brokers with one run folder, waits for them, and removes the
 * folder.  A broker is a fork of this process that goes straight on as
 * flux-broker, so that 64 of them share what they have in common; with --wrap
 * it is executed.  Rank 0 has the terminal and the initial program; the others
 * have no input and a process group of their own, so that ^C is the leader's
 * business.  They all end when this process does.
 *
 * A broker that a signal has ended cannot end what its children had started;
 * that is done here (orphans.c).
 *
 * With --test-start-mode=leader only rank 0 is started; whoever tests what an
 * instance does whose brokers come late starts the others by hand.
 *
 * When a broker exits (--test-exit-mode=any) or the leader does (=leader),
 * the others have --test-exit-timeout to follow; then they are killed.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostlist.h"
#include "orphans.h"
#include "reactor.h"
#include "folder.h"
#include "start.h"
#include "sys.h"
#include "util.h"

struct test {
    struct cli *p;
    uint32_t size;
    uint32_t count; /* of those that are started: all, or the leader */
    char *rundir;
    bool remove_rundir;
    bool leader_only; /* --test-exit-mode=leader */
    double exit_timeout;
    flux_reactor_t *r;
    struct broker_process {
        struct test *test;
        uint32_t rank;
        pid_t pid; /* 0 once it has exited */
        flux_watcher_t *watcher;
    } * brokers;
    uint32_t running;
    flux_watcher_t *timer;
    flux_watcher_t *signals[3];
    int leader_code;
    int highest_code;
};

/* ---- one broker ------------------------------------------------------------
 */

/* New memory; NULL where there is no --test-hosts.  Dies if that is short. */
static char *host_of(struct test *t, uint32_t rank)
{
    const char *hosts = cli_get(t->p, "test-hosts", NULL);
    char *host = hosts ? hostlist_nth(hosts, rank) : NULL;

    if (hosts && !host)
        cli_die(t->p, "--test-hosts=%s names no host for rank %u", hosts,
                (unsigned)rank);
    return host;
}

static void add_host(struct test *t, struct start_line *l, uint32_t rank)
{
    char *host = host_of(t, rank);

    if (!host)
        return;
    start_line_add(t->p, l, "-Shostname=", host);
    start_line_add(t->p, l, "-Shostlist=", cli_get(t->p, "test-hosts", ""));
    free(host);
}

static void build_line(struct test *t, struct start_line *l, uint32_t rank)
{
    char number[16];

    start_line_begin(t->p, l);
    snprintf(number, sizeof(number), "%u", (unsigned)rank);
    start_line_add(t->p, l, "--rank=", number);
    snprintf(number, sizeof(number), "%u", (unsigned)t->size);
    start_line_add(t->p, l, "--size=", number);
    start_line_add(t->p, l, "-Srundir=", t->rundir);
    start_line_add(t->p, l, "", "-Srundir-cleanup=0");
    add_host(t, l, rank);
    if (rank == 0)
        start_line_add_command(t->p, l);
}

static void become_follower(void)
{
    int fd = open("/dev/null", O_RDONLY);

    setpgid(0, 0);
    if (fd > 0) {
        dup2(fd, STDIN_FILENO);
        close(fd);
    }
}

static void run_broker(struct test *t, uint32_t rank, pid_t parent)
{
    struct start_line l;

    if (rank > 0)
        become_follower();
    sys_die_with_parent(SIGKILL);
    if (getppid() != parent)
        exit(1);
    build_line(t, &l, rank);
    exit(start_line_run(t->p, &l));
}

static void start_broker(struct test *t, uint32_t rank)
{
    struct broker_process *b = &t->brokers[rank];
    pid_t parent = getpid();

    b->test = t;
    b->rank = rank;
    fflush(NULL);
    if ((b->pid = fork()) == 0)
        run_broker(t, rank, parent);
    if (b->pid > 0)
        t->running++;
}

static void kill_all(struct test *t, int signum)
{
    uint32_t i;

    for (i = 0; i < t->size; i++)
        if (t->brokers[i].pid > 0)
            kill(t->brokers[i].pid, signum);
}

static void start_brokers(struct test *t)
{
    uint32_t i;

    for (i = 0; i < t->count; i++) {
        start_broker(t, i);
        if (t->brokers[i].pid < 0) {
            int saved_errno = errno;

            kill_all(t, SIGKILL);
            if (t->remove_rundir)
                folder_remove(t->rundir);
            errno = saved_errno;
            cli_die_errno(t->p, "cannot start broker %u", (unsigned)i);
        }
    }
}

/* ---- their ends
 * --------------------------------------------------------------- */

static int exit_code(int status)
{
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void report(struct broker_process *b, int status)
{
    if (WIFSIGNALED(status))
        cli_warn(b->test->p, "%u (pid %d) %s", (unsigned)b->rank, (int)b->pid,
                 strsignal(WTERMSIG(status)));
    else if (b->rank > 0 && WEXITSTATUS(status) != 0)
        cli_warn(b->test->p, "%u (pid %d) exited with rc=%d", (unsigned)b->rank,
                 (int)b->pid, WEXITSTATUS(status));
}

static void end_orphans(struct broker_process *b)
{
    struct test *t = b->test;
    pid_t *own = calloc(t->size, sizeof(*own));
    char *uri = util_asprintf("FLUX_URI=local://%s/local-%u", t->rundir,
                              (unsigned)b->rank);
    uint32_t i;

    for (i = 0; own && i < t->size; i++)
        own[i] = t->brokers[i].pid;
    if (own && uri)
        orphans_end(uri, own, t->size);
    free(uri);
    free(own);
}

static void
exited_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct broker_process *b = arg;
    struct test *t = b->test;
    int status = reactor_child_watcher_status(w);
    int code = exit_code(status);

    (void)revents;
    report(b, status);
    b->pid = 0;
    if (WIFSIGNALED(status))
        end_orphans(b);
    if (b->rank == 0)
        t->leader_code = code;
    if (code > t->highest_code)
        t->highest_code = code;
    if (--t->running == 0)
        flux_reactor_stop(r);
    else if (b->rank == 0 || !t->leader_only)
        flux_watcher_start(t->timer);
}

static void
timeout_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct test *t = arg;

    (void)r;
    (void)w;
    (void)revents;
    cli_warn(t->p, "%u brokers have not exited in time: killed",
             (unsigned)t->running);
    kill_all(t, SIGKILL);
}

/* ^C reaches the leader from the terminal; what is sent to us alone, we pass
 * on to it.
 */
static void
signal_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct test *t = arg;
    int signum = flux_signal_watcher_get_signum(w);

    (void)r;
    (void)revents;
    if (t->brokers[0].pid > 0 && !(signum == SIGINT && isatty(STDIN_FILENO)))
        kill(t->brokers[0].pid, signum);
}

static int watch(struct test *t)
{
    static const int signums[] = {SIGINT, SIGTERM, SIGHUP};
    uint32_t i;

    if (!(t->r = flux_reactor_create(0)) ||
        !(t->timer = flux_timer_watcher_create(t->r, t->exit_timeout, 0.,
                                               timeout_cb, t)))
        return -1;
    for (i = 0; i < t->count; i++) {
        struct broker_process *b = &t->brokers[i];

        b->watcher = reactor_child_watcher_create(t->r, b->pid, exited_cb, b);
        if (!b->watcher)
            return -1;
        flux_watcher_start(b->watcher);
    }
    for (i = 0; i < UTIL_ARRAY_SIZE(signums); i++) {
        t->signals[i] =
            flux_signal_watcher_create(t->r, signums[i], signal_cb, t);
        if (!t->signals[i])
            return -1;
        flux_watcher_start(t->signals[i]);
        flux_watcher_unref(t->signals[i]);
    }
    return 0;
}

/* ---- the instance
 * ---------------------------------------------------------------- */

static void take_rundir(struct test *t)
{
    const char *given = cli_get(t->p, "test-rundir", NULL);
    const char *tmpdir = getenv("TMPDIR");

    t->remove_rundir = !given || cli_count(t->p, "test-rundir-cleanup");
    if (given) {
        if (!(t->rundir = sys_realpath(given)))
            cli_die_errno(t->p, "--test-rundir=%s", given);
        return;
    }
    t->rundir =
        util_asprintf("%s/flux-XXXXXX", tmpdir && *tmpdir ? tmpdir : "/tmp");
    if (!t->rundir || !mkdtemp(t->rundir))
        cli_die_errno(t->p, "cannot make a rundir '%s'",
                      t->rundir ? t->rundir : "");
}

/* Whether it is "leader", and not `all`. */
static bool is_leader(struct test *t, const char *option, const char *all)
{
    const char *mode = cli_get(t->p, option, all);

    if (strcmp(mode, all) != 0 && strcmp(mode, "leader") != 0)
        cli_die(t->p, "--%s must be '%s' or 'leader', not '%s'", option, all,
                mode);
    return strcmp(mode, "leader") == 0;
}

static void take_options(struct test *t)
{
    t->leader_only = is_leader(t, "test-exit-mode", "any");
    t->count = is_leader(t, "test-start-mode", "all") ? 1 : t->size;
    t->exit_timeout = cli_duration(t->p, "test-exit-timeout", 20.);
    free(host_of(t, t->size - 1)); /* all are named, or nothing is started */
}

static void print_lines(struct test *t)
{
    uint32_t i;

    for (i = 0; i < t->count; i++) {
        struct start_line l;

        build_line(t, &l, i);
        start_line_print(&l);
        start_line_release(&l);
    }
}

static void release(struct test *t)
{
    uint32_t i;

    for (i = 0; i < t->size; i++)
        flux_watcher_destroy(t->brokers[i].watcher);
    for (i = 0; i < UTIL_ARRAY_SIZE(t->signals); i++)
        flux_watcher_destroy(t->signals[i]);
    flux_watcher_destroy(t->timer);
    flux_reactor_destroy(t->r);
    free(t->brokers);
    free(t->rundir);
}

int start_test(struct cli *p, uint32_t size, bool print)
{
    struct test t = {.p = p, .size = size};
    int code;

    take_options(&t);
    take_rundir(&t);
    if (!(t.brokers = calloc(size, sizeof(*t.brokers))))
        cli_die_errno(p, "%u brokers", (unsigned)size);
    if (print)
        print_lines(&t);
    if (!cli_count(p, "noexec")) {
        orphans_adopt();
        start_brokers(&t);
        if (watch(&t) < 0 || flux_reactor_run(t.r, 0) < 0) {
            kill_all(&t, SIGKILL);
            cli_die_errno(p, "cannot wait for the brokers");
        }
    }
    if (t.remove_rundir)
        folder_remove(t.rundir);
    code = t.leader_only ? t.leader_code : t.highest_code;
    release(&t);
    return code;
}
