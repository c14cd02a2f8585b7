/* test_reactor.c - the loop and each kind of watcher
 *
 * Every test makes a reactor of its own and runs it until what it waits for
 * has happened.  The traps are callbacks that stop, destroy or create what
 * is due in the same iteration, and the ends that a descriptor may come to.
 * Nothing sleeps; the longest timer is 20 ms, and a loop that would not end
 * is ended by alarm().
 */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../reactor.h"
#include "tap.h"
#include "../util.h"

enum { RUN_SECONDS_MAX = 20 };

struct seen {
    int calls;
    int revents;
    int stop_at; /* stop the watcher at this call, 0: never */
};

static void count_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct seen *s = arg;

    (void)r;
    s->revents = ev;
    if (++s->calls == s->stop_at)
        flux_watcher_stop(w);
}

static void stop_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    (void)w, (void)ev, (void)arg;
    flux_reactor_stop(r);
}

static void fail_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    (void)w, (void)ev, (void)arg;
    errno = ESRCH;
    flux_reactor_stop_error(r);
    errno = 0;
}

/* ---- start, stop, ref ---- */

static bool is_state(flux_watcher_t *w, bool active, bool referenced)
{
    return flux_watcher_is_active(w) == active &&
           flux_watcher_is_referenced(w) == referenced;
}

static bool states_right(flux_watcher_t *w)
{
    bool right = is_state(w, false, true);

    flux_watcher_unref(w);
    flux_watcher_unref(w);
    right = right && is_state(w, false, false);
    flux_watcher_start(w);
    flux_watcher_start(w);
    right = right && is_state(w, true, false);
    flux_watcher_ref(w);
    right = right && is_state(w, true, true);
    flux_watcher_unref(w);
    flux_watcher_stop(w);
    flux_watcher_stop(w);
    right = right && is_state(w, false, false);
    flux_watcher_ref(w);
    return right && is_state(w, false, true);
}

static void test_states(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    flux_watcher_t *w[] = {
        flux_fd_watcher_create(r, 0, FLUX_POLLIN, NULL, NULL),
        flux_timer_watcher_create(r, 1., 0., NULL, NULL),
        flux_periodic_watcher_create(r, 0., 1., NULL, NULL, NULL),
        flux_prepare_watcher_create(r, NULL, NULL),
        flux_check_watcher_create(r, NULL, NULL),
        flux_idle_watcher_create(r, NULL, NULL),
        flux_signal_watcher_create(r, SIGUSR1, NULL, NULL),
        flux_stat_watcher_create(r, "/", 1., NULL, NULL),
    };

    for (size_t i = 0; i < sizeof(w) / sizeof(w[0]); i++) {
        ok(states_right(w[i]), "start, stop, ref and unref keep their states");
        flux_watcher_destroy(w[i]);
    }
    is_int(flux_reactor_run(r, 0), 0, "none of them is counted any more");
    ok(!flux_watcher_is_active(NULL), "NULL is not active");
    flux_reactor_destroy(r);
}

static void test_arguments(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    flux_watcher_t *w = flux_idle_watcher_create(r, NULL, NULL);

    errno = 0;
    ok(!flux_reactor_create(0xffff) && errno == EINVAL, "create: bad flags");
    errno = 0;
    ok(flux_reactor_run(r, 0xffff) < 0 && errno == EINVAL, "run: bad flags");
    ok(!flux_timer_watcher_create(r, -1., 0., NULL, NULL), "timer: after < 0");
    ok(!flux_timer_watcher_create(r, NAN, 0., NULL, NULL), "timer: NaN");
    ok(!flux_timer_watcher_create(r, 0., -1., NULL, NULL), "timer: repeat < 0");
    ok(!flux_periodic_watcher_create(r, -1., 0., NULL, NULL, NULL),
       "periodic: offset < 0");
    ok(!flux_signal_watcher_create(r, SIGKILL, NULL, NULL), "SIGKILL");
    ok(!flux_signal_watcher_create(r, 9999, NULL, NULL), "signal 9999");
    ok(!flux_fd_watcher_create(NULL, 0, FLUX_POLLIN, NULL, NULL), "no reactor");
    ok(!flux_stat_watcher_create(r, NULL, 0., NULL, NULL), "no path");
    errno = 0;
    ok(flux_fd_watcher_get_fd(w) == -1 && errno == EINVAL, "fd of an idle");
    is_int(flux_signal_watcher_get_signum(w), -1, "signal of an idle");
    is_int(flux_stat_watcher_get_rstat(w, NULL, NULL), -1, "stat of an idle");
    ok(flux_watcher_next_wakeup(w) < 0., "wake-up of an idle");
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
}

/* ---- running and ending ---- */

static void test_run_result(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    flux_watcher_t *later = flux_timer_watcher_create(r, 100., 0., NULL, NULL);
    flux_watcher_t *stop = flux_timer_watcher_create(r, 0., 1., stop_cb, NULL);
    flux_watcher_t *fail = flux_timer_watcher_create(r, 0., 0., fail_cb, NULL);

    is_int(flux_reactor_run(r, 0), 0, "run ends at once without watchers");
    flux_watcher_start(later);
    flux_watcher_start(stop);
    is_int(flux_reactor_run(r, 0), 2, "stopped: the count of active watchers");
    is_int(flux_reactor_run(r, FLUX_REACTOR_NOWAIT), 2, "NOWAIT returns");
    flux_watcher_stop(stop);
    flux_watcher_start(fail);
    errno = 0;
    is_int(flux_reactor_run(r, 0), -1, "stop_error: -1");
    is_int(errno, ESRCH, "stop_error keeps errno");
    flux_watcher_unref(later);
    is_int(flux_reactor_run(r, 0), 0, "an unreferenced watcher does not hold");
    flux_watcher_destroy(later);
    flux_watcher_destroy(stop);
    flux_watcher_destroy(fail);
    flux_reactor_destroy(r);
}

static void toggle_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    (void)r, (void)ev;
    ++*(int *)arg;
    if (flux_watcher_is_referenced(w))
        flux_watcher_unref(w);
    else
        flux_watcher_ref(w);
}

static void test_unref_in_callback(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    int count = 0;
    flux_watcher_t *w = flux_idle_watcher_create(r, toggle_cb, &count);

    flux_watcher_start(w);
    ok(flux_reactor_run(r, 0) == 0 && count == 1, "unref ends the loop");
    count = 0;
    ok(flux_reactor_run(r, 0) == 0 && count == 2, "ref holds it once more");
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
}

struct mark {
    char name;
    char **out; /* where the next name goes */
};

static void mark_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct mark *m = arg;

    (void)r, (void)w, (void)ev;
    *(*m->out)++ = m->name;
}

static void test_order(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    char order[32] = "";
    char *out = order;
    struct mark m[] = {
        {'p', &out}, {'B', &out}, {'D', &out}, {'A', &out}, {'E', &out},
        {'C', &out}, {'t', &out}, {'u', &out}, {'i', &out}, {'w', &out},
    };
    int prios[] = {-2, 99, 0, -1, 1};
    flux_watcher_t *w[10];
    int fds[2];

    ok(pipe(fds) == 0, "a pipe");
    w[0] = flux_prepare_watcher_create(r, mark_cb, &m[0]);
    for (int i = 0; i < 5; i++) {
        w[1 + i] = flux_check_watcher_create(r, mark_cb, &m[1 + i]);
        flux_watcher_set_priority(w[1 + i], prios[i]);
    }
    w[6] = flux_timer_watcher_create(r, 0., 0., mark_cb, &m[6]);
    w[7] = flux_timer_watcher_create(r, 0., 0., mark_cb, &m[7]);
    w[8] = flux_idle_watcher_create(r, mark_cb, &m[8]);
    w[9] = flux_fd_watcher_create(r, fds[1], FLUX_POLLOUT, mark_cb, &m[9]);
    for (int i = 9; i >= 0; i--)
        flux_watcher_start(w[i]);
    flux_reactor_run(r, FLUX_REACTOR_NOWAIT);
    is_str(order, "pDCAutwEB", "checks by priority, timers, fds; idle waits");
    memset(order, 0, sizeof(order));
    out = order;
    flux_watcher_stop(w[9]);
    flux_reactor_run(r, FLUX_REACTOR_ONCE);
    is_str(order, "pDCAiEB", "idle runs when nothing else is due");
    for (int i = 0; i < 10; i++)
        flux_watcher_destroy(w[i]);
    flux_reactor_destroy(r);
    close(fds[0]);
    close(fds[1]);
}

static void nested_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct seen *s = arg;

    (void)w, (void)ev;
    if (s->calls++ == 0)
        s->revents = flux_reactor_run(r, FLUX_REACTOR_NOWAIT);
}

static void test_nested(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen outer = {0}, other = {.stop_at = 3};
    flux_watcher_t *a = flux_timer_watcher_create(r, 0., 0., nested_cb, &outer);
    flux_watcher_t *b =
        flux_timer_watcher_create(r, 0., .001, count_cb, &other);

    flux_watcher_start(a);
    flux_watcher_start(b);
    is_int(flux_reactor_run(r, 0), 0, "a run within a run");
    ok(outer.calls == 1 && outer.revents == 1, "the inner one returned");
    is_int(other.calls, 3, "no call was lost or doubled");
    flux_watcher_destroy(a);
    flux_watcher_destroy(b);
    flux_reactor_destroy(r);
}

/* ---- callbacks that change what is due ---- */

struct pair {
    flux_watcher_t *w[2];
    int calls;
};

static void
destroy_both(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct pair *p = arg;

    (void)r, (void)w, (void)ev;
    p->calls++;
    flux_watcher_destroy(p->w[0]);
    flux_watcher_destroy(p->w[1]);
}

static void stop_both(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct pair *p = arg;

    (void)r, (void)w, (void)ev;
    p->calls++;
    flux_watcher_stop(p->w[0]);
    flux_watcher_stop(p->w[1]);
}

static void test_destroy_in_callback(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct pair p = {.calls = 0};
    int fds[2];

    for (int i = 0; i < 2; i++) {
        p.w[i] = flux_timer_watcher_create(r, 0., 0., destroy_both, &p);
        flux_watcher_start(p.w[i]);
    }
    flux_reactor_run(r, 0);
    is_int(p.calls, 1, "a due timer that is destroyed is not called");
    ok(pipe(fds) == 0, "a pipe");
    for (int i = 0; i < 2; i++) {
        p.w[i] =
            flux_fd_watcher_create(r, fds[1], FLUX_POLLOUT, destroy_both, &p);
        flux_watcher_start(p.w[i]);
    }
    is_int(flux_reactor_run(r, 0), 0, "the loop ends without them");
    is_int(p.calls, 2, "a ready descriptor that is destroyed is not called");
    flux_reactor_destroy(r);
    close(fds[0]);
    close(fds[1]);
}

static void test_stop_in_callback(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct pair p = {.calls = 0};
    int fds[2];

    ok(pipe(fds) == 0, "a pipe");
    for (int i = 0; i < 2; i++) {
        p.w[i] = flux_fd_watcher_create(r, fds[1], FLUX_POLLOUT, stop_both, &p);
        flux_watcher_start(p.w[i]);
    }
    flux_reactor_run(r, 0);
    is_int(p.calls, 1, "a ready descriptor that is stopped is not called");
    flux_watcher_destroy(p.w[0]);
    flux_watcher_destroy(p.w[1]);
    flux_reactor_destroy(r);
    close(fds[0]);
    close(fds[1]);
}

enum { MANY = 100 };

struct many {
    flux_watcher_t *w[MANY];
    int calls;
    int fd;
};

static void grow_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct many *m = arg;

    (void)ev;
    flux_watcher_stop(w);
    if (++m->calls >= MANY)
        return;
    m->w[m->calls] = flux_fd_watcher_create(r, m->fd, FLUX_POLLOUT, grow_cb, m);
    flux_watcher_start(m->w[m->calls]);
}

static void test_create_in_callback(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct many m = {.calls = 0};
    int fds[2];

    ok(pipe(fds) == 0, "a pipe");
    m.fd = fds[1];
    m.w[0] = flux_fd_watcher_create(r, m.fd, FLUX_POLLOUT, grow_cb, &m);
    flux_watcher_start(m.w[0]);
    is_int(flux_reactor_run(r, 0), 0, "each callback starts another watcher");
    is_int(m.calls, MANY, "all were called");
    for (int i = 0; i < MANY; i++)
        flux_watcher_destroy(m.w[i]);
    flux_reactor_destroy(r);
    close(fds[0]);
    close(fds[1]);
}

static void last_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    (void)ev;
    flux_reactor_destroy(r);
    flux_watcher_destroy(w);
    ++*(int *)arg;
}

static void test_reactor_goes_first(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    flux_watcher_t *w = flux_timer_watcher_create(r, 0., 0., NULL, NULL);
    int calls = 0;

    flux_watcher_start(w);
    flux_reactor_destroy(r);
    flux_watcher_destroy(w);
    ok(1, "a watcher may be destroyed after its reactor");
    r = flux_reactor_create(0);
    w = flux_timer_watcher_create(r, 0., 0., last_cb, &calls);
    flux_watcher_start(w);
    is_int(flux_reactor_run(r, 0), 0, "a reactor destroyed in a callback");
    is_int(calls, 1, "was called");
}

/* ---- descriptors ---- */

static int revents_once(int fd, int events)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen s = {.stop_at = 1, .revents = 0};
    flux_watcher_t *w = flux_fd_watcher_create(r, fd, events, count_cb, &s);

    flux_watcher_start(w);
    flux_reactor_run(r, FLUX_REACTOR_NOWAIT);
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
    return s.revents;
}

static void test_fd_revents(void)
{
    int p[2], s[2];
    char c;

    ok(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "fds");
    is_int(revents_once(p[0], FLUX_POLLIN), 0, "an empty pipe");
    is_int(revents_once(s[0], FLUX_POLLIN | FLUX_POLLOUT), FLUX_POLLOUT,
           "a socket that can be written");
    ok(write(p[1], "x", 1) == 1 && close(p[1]) == 0, "write and hang up");
    is_int(revents_once(p[0], FLUX_POLLIN), FLUX_POLLIN, "data, then the end");
    is_int(revents_once(p[0], 0), 0, "waiting for nothing is told nothing");
    ok(read(p[0], &c, 1) == 1, "read the data");
    is_int(revents_once(p[0], FLUX_POLLIN), FLUX_POLLIN, "the end alone");
    close(p[0]);
    is_int(revents_once(p[0], FLUX_POLLIN), FLUX_POLLIN | FLUX_POLLERR,
           "a closed descriptor");
    close(s[1]);
    is_int(revents_once(s[0], FLUX_POLLOUT), FLUX_POLLOUT | FLUX_POLLERR,
           "writing to a closed socket");
    is_int(revents_once(s[0], FLUX_POLLIN | FLUX_POLLOUT),
           FLUX_POLLIN | FLUX_POLLOUT, "its reader gets the end");
    close(s[0]);
}

/* One of many descriptors; each is told of once for each byte. */
struct end {
    int fds[2];
    flux_watcher_t *w;
    int seen;
};

static void end_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct end *e = arg;
    char c;

    (void)r, (void)w, (void)ev;
    if (read(e->fds[0], &c, 1) == 1)
        e->seen++;
}

static int turns_until_seen(flux_reactor_t *r, struct end *e)
{
    int before = e->seen;
    int turns = 0;

    util_write_all(e->fds[1], "x", 1);
    while (e->seen == before && turns++ < 1000)
        flux_reactor_run(r, FLUX_REACTOR_ONCE);
    return turns;
}

/* Those in front are waited for alone while they are busy. */
static void test_many_fds(void)
{
    enum { COUNT = 64 };
    flux_reactor_t *r = flux_reactor_create(0);
    struct end ends[COUNT];
    int turns = 0;

    for (int i = 0; i < COUNT; i++) {
        struct end *e = &ends[i];

        ok(pipe(e->fds) == 0, "a pipe");
        e->seen = 0;
        e->w = flux_fd_watcher_create(r, e->fds[0], FLUX_POLLIN, end_cb, e);
        flux_watcher_start(e->w);
    }
    for (int i = 0; i < 100; i++)
        turns += turns_until_seen(r, &ends[i % 2 ? 5 : 60]);
    is_int(turns, 100, "two that are busy are told at once");
    util_write_all(ends[30].fds[1], "x", 1);
    for (turns = 0; !ends[30].seen && turns < 10000; turns++)
        turns_until_seen(r, &ends[5]);
    ok(ends[30].seen == 1, "another is told while they go on");
    flux_watcher_stop(ends[40].w);
    flux_watcher_start(ends[40].w);
    util_write_all(ends[40].fds[1], "x", 1);
    turns_until_seen(r, &ends[5]);
    ok(ends[40].seen == 1, "one that was just started at once");
    for (int i = 0; i < COUNT; i += 2)
        flux_watcher_destroy(ends[i].w);
    turns = 0;
    for (int i = 1; i < COUNT; i += 2)
        turns += turns_until_seen(r, &ends[i]);
    is_int(turns, COUNT / 2, "the others after half of them went");
    for (int i = 0; i < COUNT; i++) {
        if (i % 2)
            flux_watcher_destroy(ends[i].w);
        close(ends[i].fds[0]);
        close(ends[i].fds[1]);
    }
    flux_reactor_destroy(r);
}

static void test_fd_set_events(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen seen = {.calls = 0};
    int s[2];
    flux_watcher_t *w;

    ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "a socketpair");
    w = flux_fd_watcher_create(r, s[0], FLUX_POLLIN, count_cb, &seen);
    is_int(flux_fd_watcher_get_fd(w), s[0], "the watcher knows its fd");
    flux_watcher_start(w);
    flux_reactor_run(r, FLUX_REACTOR_NOWAIT);
    is_int(seen.calls, 0, "nothing to read");
    reactor_fd_watcher_set_events(w, FLUX_POLLIN | FLUX_POLLOUT);
    flux_reactor_run(r, FLUX_REACTOR_ONCE);
    is_int(seen.revents, FLUX_POLLOUT, "waiting to write as well");
    reactor_fd_watcher_set_events(w, 0);
    flux_reactor_run(r, FLUX_REACTOR_NOWAIT);
    is_int(seen.calls, 1, "waiting for nothing");
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
    close(s[0]);
    close(s[1]);
}

/* ---- clocks ---- */

static void test_timer_order(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    char order[32] = "";
    char *out = order;
    struct mark m[] = {{'d', &out}, {'b', &out}, {'a', &out},
                       {'x', &out}, {'c', &out}, {'e', &out}};
    double after[] = {.004, .002, .001, .0025, .003, .004};
    flux_watcher_t *w[6];

    for (int i = 0; i < 6; i++) {
        w[i] = flux_timer_watcher_create(r, after[i], 0., mark_cb, &m[i]);
        flux_watcher_start(w[i]);
    }
    flux_watcher_stop(w[3]);
    is_int(flux_reactor_run(r, 0), 0, "timers run out");
    is_str(order, "abcde", "in order of time, then of start");
    for (int i = 0; i < 6; i++)
        flux_watcher_destroy(w[i]);
    flux_reactor_destroy(r);
}

static void test_timer_repeat(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen s = {.stop_at = 10};
    flux_watcher_t *w = flux_timer_watcher_create(r, .001, .001, count_cb, &s);
    double t0 = flux_reactor_now(r);

    flux_watcher_start(w);
    is_int(flux_reactor_run(r, 0), 0, "a repeating timer stops itself");
    is_int(s.calls, 10, "after ten times");
    ok(flux_reactor_now(r) - t0 >= .0099, "not before its time");
    ok(fabs(flux_reactor_now(r) - flux_reactor_time()) < 1.,
       "reactor time is the wall clock's");
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
}

static void test_timer_again(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen s = {.calls = 0};
    flux_watcher_t *w = flux_timer_watcher_create(r, .0, 0., count_cb, &s);
    double now = flux_reactor_now(r);

    flux_watcher_start(w);
    flux_reactor_run(r, 0);
    flux_watcher_start(w);
    flux_reactor_run(r, 0);
    is_int(s.calls, 2, "one that ran out and is started is due at once");
    flux_timer_watcher_reset(w, 30., 60.);
    flux_watcher_start(w);
    now = flux_reactor_now(r);
    ok(fabs(flux_watcher_next_wakeup(w) - now - 30.) < .001, "reset: after");
    flux_timer_watcher_again(w);
    ok(fabs(flux_watcher_next_wakeup(w) - now - 60.) < .001, "again: repeat");
    flux_timer_watcher_reset(w, 0., 0.);
    flux_timer_watcher_again(w);
    ok(!flux_watcher_is_active(w), "again without repeat stops");
    flux_timer_watcher_again(w);
    ok(!flux_watcher_is_active(w), "and does not start");
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
}

static void test_many_timers(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen s = {.calls = 0};
    flux_watcher_t *w[MANY];

    for (int i = 0; i < MANY; i++) {
        double after = (double)(i * 37 % MANY) * 1e-5;
        w[i] = flux_timer_watcher_create(r, after, 0., count_cb, &s);
        flux_watcher_start(w[i]);
    }
    for (int i = 0; i < MANY; i += 3)
        flux_watcher_stop(w[i * 7 % MANY]);
    for (int i = 0; i < MANY; i++)
        flux_watcher_start(w[i]);
    is_int(flux_reactor_run(r, 0), 0, "many timers stopped and restarted");
    is_int(s.calls, MANY, "each ran once");
    for (int i = 0; i < MANY; i++)
        flux_watcher_destroy(w[i]);
    flux_reactor_destroy(r);
}

static double soon(flux_watcher_t *w, double now, void *arg)
{
    (void)w, (void)arg;
    return now + .002;
}

static double before(flux_watcher_t *w, double now, void *arg)
{
    (void)w, (void)arg;
    return now - 100.;
}

static double suicide(flux_watcher_t *w, double now, void *arg)
{
    (void)arg;
    flux_watcher_stop(w);
    return now + 1.;
}

static int periodic_calls(double offset, double interval, flux_reschedule_f f)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen s = {.stop_at = 3};
    flux_watcher_t *w =
        flux_periodic_watcher_create(r, offset, interval, f, count_cb, &s);

    flux_watcher_start(w);
    flux_reactor_run(r, 0);
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
    return s.calls;
}

static void test_periodic(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    flux_watcher_t *w;
    double now, next;

    is_int(periodic_calls(0., 0., NULL), 1, "a time that is past: once");
    is_int(periodic_calls(.001, .002, NULL), 3, "an interval");
    is_int(periodic_calls(0., 0., soon), 3, "rescheduled by a function");
    is_int(periodic_calls(0., 0., before), 0, "to the past: stopped");
    is_int(periodic_calls(0., 0., suicide), 0, "stopped by its function");
    w = flux_periodic_watcher_create(r, 0.25, 10., NULL, NULL, NULL);
    flux_watcher_start(w);
    next = flux_watcher_next_wakeup(w);
    now = flux_reactor_now(r);
    ok(next > now && next <= now + 10., "the next multiple is to come");
    ok(fabs(fmod(next, 10.) - .25) < .001, "it is offset + n * interval");
    flux_periodic_watcher_reset(w, now + 123., 0., NULL);
    ok(fabs(flux_watcher_next_wakeup(w) - now - 123.) < .001, "reset");
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
}

/* ---- files ---- */

struct file_test {
    char path[64];
    struct stat now, prev;
    int changes;
};

static void file_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct file_test *t = arg;

    (void)r, (void)ev;
    flux_stat_watcher_get_rstat(w, &t->now, &t->prev);
    if (t->changes++ == 0)
        unlink(t->path);
    else
        flux_watcher_stop(w);
}

static void test_stat(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct file_test t = {.path = "/tmp/test_reactor.XXXXXX"};
    int fd = mkstemp(t.path);
    flux_watcher_t *w = flux_stat_watcher_create(r, t.path, .001, file_cb, &t);

    flux_watcher_start(w);
    ok(write(fd, "hello\n", 6) == 6 && close(fd) == 0, "the file grows");
    flux_reactor_run(r, FLUX_REACTOR_ONCE);
    ok(t.prev.st_size == 0 && t.now.st_size == 6, "the change is told");
    is_int(flux_reactor_run(r, 0), 0, "and its end");
    ok(t.now.st_nlink == 0 && t.prev.st_nlink == 1, "no links are left");
    is_int(t.changes, 2, "each once");
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
}

/* ---- signals and children ---- */

static void raise_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    (void)r, (void)w, (void)ev, (void)arg;
    kill(getpid(), SIGUSR1);
}

static int foreign_caught;

static void foreign_handler(int signum)
{
    (void)signum;
    foreign_caught++;
}

static void test_signal(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen s = {.stop_at = 8}, twin = {.calls = 0};
    flux_watcher_t *w = flux_signal_watcher_create(r, SIGUSR1, count_cb, &s);
    flux_watcher_t *v = flux_signal_watcher_create(r, SIGUSR1, count_cb, &twin);
    flux_watcher_t *idle = flux_idle_watcher_create(r, raise_cb, NULL);

    signal(SIGUSR1, foreign_handler);
    flux_watcher_unref(v);
    flux_watcher_unref(idle);
    flux_watcher_start(v);
    flux_watcher_start(w);
    flux_watcher_start(idle);
    is_int(flux_signal_watcher_get_signum(w), SIGUSR1, "its number");
    is_int(flux_reactor_run(r, 0), 0, "signals are received");
    is_int(s.calls, 8, "each raised one is told");
    ok(twin.calls >= 7, "to both watchers");
    flux_watcher_destroy(idle);
    flux_watcher_destroy(v);
    flux_watcher_destroy(w);
    raise(SIGUSR1);
    is_int(foreign_caught, 1, "the former handler is back");
    flux_reactor_destroy(r);
}

struct peer {
    pthread_barrier_t *ready;
    int result;
};

static void *peer_main(void *arg)
{
    struct peer *p = arg;
    flux_reactor_t *r = flux_reactor_create(0);
    struct seen s = {.stop_at = 1};
    flux_watcher_t *w = flux_signal_watcher_create(r, SIGUSR2, count_cb, &s);

    flux_watcher_start(w);
    pthread_barrier_wait(p->ready);
    p->result = flux_reactor_run(r, 0);
    flux_watcher_destroy(w);
    flux_reactor_destroy(r);
    return NULL;
}

static void test_signal_threads(void)
{
    enum { THREADS = 4 };
    pthread_t id[THREADS];
    struct peer p[THREADS];
    pthread_barrier_t ready;
    bool right = true;

    pthread_barrier_init(&ready, NULL, THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        p[i] = (struct peer){.ready = &ready, .result = -1};
        pthread_create(&id[i], NULL, peer_main, &p[i]);
    }
    pthread_barrier_wait(&ready);
    kill(getpid(), SIGUSR2);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(id[i], NULL);
        right = right && p[i].result == 0;
    }
    ok(right, "one signal reaches the reactors of all threads");
    pthread_barrier_destroy(&ready);
}

static pid_t child_exit(int code)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(code);
    return pid;
}

static void test_child(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    flux_watcher_t *w[3];
    struct seen s = {.calls = 0};
    siginfo_t info;
    pid_t early = child_exit(3);
    pid_t stopped = fork();

    if (stopped == 0)
        pause();
    ok(waitid(P_PID, (id_t)early, &info, WEXITED | WNOWAIT) == 0, "one ended");
    w[0] = reactor_child_watcher_create(r, early, count_cb, &s);
    w[1] = reactor_child_watcher_create(r, stopped, count_cb, &s);
    w[2] = reactor_child_watcher_create(r, getpid(), count_cb, &s);
    flux_watcher_start(w[1]);
    flux_watcher_start(w[0]);
    is_int(flux_reactor_run(r, FLUX_REACTOR_ONCE), 1, "one that ended before");
    is_int(reactor_child_watcher_status(w[0]), 3 << 8, "its exit code");
    ok(!flux_watcher_is_active(w[0]), "its watcher is stopped");
    kill(stopped, SIGKILL);
    is_int(flux_reactor_run(r, 0), 0, "one that is killed now");
    ok(WTERMSIG(reactor_child_watcher_status(w[1])) == SIGKILL, "its signal");
    is_int(s.calls, 2, "each told once");
    flux_watcher_start(w[2]);
    flux_reactor_run(r, 0);
    is_int(s.calls, 3, "what is no child counts as ended");
    is_int(reactor_child_watcher_pid(w[1]), stopped, "its pid");
    for (int i = 0; i < 3; i++)
        flux_watcher_destroy(w[i]);
    flux_reactor_destroy(r);
}

/* ---- made by others ---- */

struct custom {
    flux_watcher_t *inner;
    flux_watcher_t *outer;
    int destroyed;
};

static void custom_start(flux_watcher_t *w, void *impl)
{
    (void)w;
    flux_watcher_start(((struct custom *)impl)->inner);
}

static void custom_stop(flux_watcher_t *w, void *impl)
{
    (void)w;
    flux_watcher_stop(((struct custom *)impl)->inner);
}

static void custom_destroy(void *impl)
{
    struct custom *c = impl;

    flux_watcher_destroy(c->inner);
    c->destroyed++;
}

static const struct reactor_watcher_ops custom_ops = {
    .start = custom_start,
    .stop = custom_stop,
    .destroy = custom_destroy,
};
static const struct reactor_watcher_ops other_ops;

static void inner_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct custom *c = arg;

    (void)r, (void)w;
    reactor_watcher_call(c->outer, ev);
    if (c->destroyed)
        c->inner = NULL;
}

static void outer_cb(flux_reactor_t *r, flux_watcher_t *w, int ev, void *arg)
{
    struct custom *c = arg;

    (void)r, (void)ev;
    flux_watcher_destroy(w);
    ok(!c->destroyed, "what is in use is not yet destroyed");
}

static void test_custom(void)
{
    flux_reactor_t *r = flux_reactor_create(0);
    struct custom c = {.destroyed = 0};

    c.inner = flux_timer_watcher_create(r, 0., 0., inner_cb, &c);
    flux_watcher_unref(c.inner);
    c.outer = reactor_watcher_create(r, &custom_ops, &c, outer_cb, &c);
    ok(reactor_watcher_impl(c.outer, &custom_ops) == &c, "impl by its ops");
    ok(!reactor_watcher_impl(c.outer, &other_ops), "other ops");
    ok(!reactor_watcher_impl(c.inner, &custom_ops), "other kind");
    flux_watcher_start(c.outer);
    is_int(flux_reactor_run(r, 0), 0, "destroyed by its own callback");
    is_int(c.destroyed, 1, "its inside was destroyed once");
    flux_reactor_destroy(r);
}

int main(void)
{
    alarm(RUN_SECONDS_MAX);
    test_states();
    test_arguments();
    test_run_result();
    test_unref_in_callback();
    test_order();
    test_nested();
    test_destroy_in_callback();
    test_stop_in_callback();
    test_create_in_callback();
    test_reactor_goes_first();
    test_fd_revents();
    test_fd_set_events();
    test_many_fds();
    test_timer_order();
    test_timer_repeat();
    test_timer_again();
    test_many_timers();
    test_periodic();
    test_stat();
    test_signal();
    test_signal_threads();
    test_child();
    test_custom();
    return done();
}
