/* rows.c - what is measured
 *
 * A row is one figure: a function for each kind of thing that it can be had
 * of, and a line in the table at the end.  Each function sets up what it
 * needs, measures and takes it down again, so that a row can be run any
 * number of times in any order, in turn with the same row of others.
 *
 * The first rows are those of the requirement, in its order; `reach` is the
 * figure that it asks for.  Behind them come the curves (how a round trip
 * grows with idle clients, modules, subscriptions, pending requests) and the
 * flood: the 99th percentile of one client's round trips while another sends
 * as fast as its socket takes it.
 *
 * What always holds:
 * - A broker that lacks something, such as modules in processes, gives no
 *   figure for a row, and no wrong one.
 * - `echo` (thread), `pecho` (process) and `pyecho` (Python) stay loaded; all
 *   else that a row loads is removed by it.
 */
#include "rows.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"
#include "session.h"
#include "wire.h"

enum { MOD_THREAD, MOD_PROCESS, MOD_PYTHON };

enum {
    BATCH_EVENTS = 64,
    IDLE_SECONDS = 3,
    IDLE_MODULES = 50, /* and echo */
    TEXT_ROOM = 1024,
    SMALL = 16,        /* bytes of payload */
    FLOOD_SECONDS = 5, /* one who is kept waiting for long waits less often */
};

static const char *const names[] = {"echo", "pecho", "pyecho"};

/* ---- modules ----------------------------------------------------------------
 */

static int load(int fd, const struct target *t, const char *name, int how)
{
    char json[TEXT_ROOM];

    snprintf(json, sizeof(json),
             "{\"path\":\"%s/echo.%s\",\"args\":[],\"name\":\"%s\","
             "\"exec\":%s}",
             t->folder, how == MOD_PYTHON ? "py" : "so", name,
             how == MOD_THREAD ? "false" : "true");
    return wire_call(fd, "module.load", json) < 0 ? -1 : 0;
}

static int unload(int fd, const char *name)
{
    char json[TEXT_ROOM];

    snprintf(json, sizeof(json), "{\"name\":\"%s\"}", name);
    return wire_call(fd, "module.remove", json) < 0 ? -1 : 0;
}

static int load_many(int fd, const struct target *t, int count, int how)
{
    char name[32];
    int i, rc = 0;

    for (i = 0; i < count && rc == 0; i++) {
        snprintf(name, sizeof(name), "many%d", i);
        rc = load(fd, t, name, how);
    }
    return rc;
}

static void unload_many(int fd, int count)
{
    int saved = errno;
    char name[32];
    int i;

    for (i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "many%d", i);
        unload(fd, name);
    }
    errno = saved;
}

/* Load one that stays.  A broker that takes a process module for a thread
 * has no process modules yet.
 */
static int
load_to_stay(int fd, const struct target *t, const char *name, int how)
{
    pid_t broker = proc_peer(fd);
    int before, after;

    proc_child(broker, &before);
    if (load(fd, t, name, how) < 0)
        return -1;
    proc_child(broker, &after);
    if (how == MOD_THREAD || after > before)
        return 0;
    unload(fd, name);
    errno = ENOTSUP;
    return -1;
}

int rows_prepare(const struct target *t)
{
    int fd = wire_open(t->socket);
    int rc = -1;
    int how;

    for (how = MOD_THREAD; fd >= 0 && how <= MOD_PYTHON; how++) {
        if (load_to_stay(fd, t, names[how], how) == 0) {
            rc = 0;
            continue;
        }
        fprintf(stderr, "# %s: %s is not loaded: %s\n", t->name, names[how],
                strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Whether modules of that kind can be loaded, seen from the one that is. */
static int can_load(int fd, int how)
{
    char topic[32];

    snprintf(topic, sizeof(topic), "%s.ping", names[how]);
    return wire_call(fd, topic, "{}") < 0 ? -1 : 0;
}

/* Loads and removals, per second. */
static double
load_rate(const struct target *t, const struct row *row, int count)
{
    int fd = wire_open(t->socket);
    double begin = exchange_clock();
    int rc = fd < 0 ? -1 : can_load(fd, row->shape);
    int i;

    for (i = 0; i < count && rc == 0; i++)
        if ((rc = load(fd, t, "again", row->shape)) == 0)
            rc = unload(fd, "again");
    begin = exchange_clock() - begin;
    if (fd >= 0)
        close(fd);
    return rc < 0 ? -1. : count / begin;
}

/* ---- calls ------------------------------------------------------------------
 */

static double
round_trip(const struct target *t, const struct row *row, int count)
{
    struct session s;
    double us;

    if (session_open(&s, t, row->topic, row->n, row->shape) < 0)
        return -1.;
    exchange_round_trip(&s.x, count / 10 + 1); /* warm up */
    us = exchange_round_trip(&s.x, count);
    session_close(&s);
    return us;
}

static double
pipelined(const struct target *t, const struct row *row, int count)
{
    struct session s;
    double rate;

    if (session_open(&s, t, row->topic, row->n, row->shape) < 0)
        return -1.;
    rate = exchange_rate(&s.x, count);
    session_close(&s);
    return rate;
}

struct calls {
    struct session s;
    int count;
};

static int do_calls(void *arg)
{
    struct calls *c = arg;

    return exchange_round_trip(&c->s.x, c->count) < 0. ? -1 : 0;
}

static double
calls_each(const struct target *t, const struct row *row, int count)
{
    struct calls c;
    double calls;
    pid_t pid;

    if (session_open(&c.s, t, row->topic, row->n, row->shape) < 0)
        return -1.;
    c.count = count;
    pid = t->kind == KIND_FLOOR ? c.s.floor.pid : proc_peer(c.s.x.fd);
    calls = proc_count_calls(pid, do_calls, &c);
    session_close(&c.s);
    return calls < 0. ? -1. : calls / count;
}

static double
connect_rate(const struct target *t, const struct row *row, int count)
{
    double begin = exchange_clock();
    int i, fd;

    (void)row;
    for (i = 0; i < count; i++) {
        if ((fd = wire_open(t->socket)) < 0)
            return -1.;
        close(fd);
    }
    return count / (exchange_clock() - begin);
}

static double
connect_floor(const struct target *t, const struct row *row, int count)
{
    struct target server = *t;
    struct floor f;
    char path[64];
    double rate;

    snprintf(path, sizeof(path), "/tmp/bench-accept.%d", (int)getpid());
    server.socket = path;
    rate = floor_start_accept(&f, path) < 0 ? -1.
                                            : connect_rate(&server, row, count);
    floor_stop(&f);
    unlink(path);
    return rate;
}

/* ---- events
 * ------------------------------------------------------------------ */

static double
deliveries(const struct target *t, const struct row *row, int count)
{
    struct session_fan s;
    double seconds;

    if (session_fan_open(&s, t, row->n) < 0)
        return -1.;
    seconds = fan_run(&s.fan, BATCH_EVENTS, count);
    session_fan_close(&s);
    return seconds < 0. ? -1. : (double)BATCH_EVENTS * count * row->n / seconds;
}

static double
event_time(const struct target *t, const struct row *row, int count)
{
    struct session_fan s;
    double seconds;

    if (session_fan_open(&s, t, row->n) < 0)
        return -1.;
    seconds = fan_run(&s.fan, 1, count);
    session_fan_close(&s);
    return seconds < 0. ? -1. : 1e6 * seconds / count;
}

/* ---- commands
 * ------------------------------------------------------------------ */

static double
average_ms(char *const argv[], const char *uri, int count, int status)
{
    double sum = 0.;
    int i;

    for (i = 0; i < count; i++) {
        double s = proc_time(argv, uri, status);

        if (s < 0.)
            return -1.;
        sum += s;
    }
    return 1e3 * sum / count;
}

static double true_ms(const struct target *t, const struct row *row, int count)
{
    char *argv[] = {"true", NULL};

    (void)t;
    (void)row;
    return average_ms(argv, NULL, count, 0);
}

static double start_ms(const struct target *t, const struct row *row, int count)
{
    char *argv[] = {(char *)t->program,   "start", "-Sbroker.rc1_path=",
                    "-Sbroker.rc3_path=", "true",  NULL};

    (void)row;
    return average_ms(argv, NULL, count, 0);
}

/* With rc scripts.  If `n`, one module is left loaded at the end: a broker
 * says so with exit status 1.
 */
static double
start_rc_ms(const struct target *t, const struct row *row, int count)
{
    char rc1[TEXT_ROOM], rc3[TEXT_ROOM];
    char *argv[] = {(char *)t->program, "start", rc1, rc3, "true", NULL};

    snprintf(rc1, sizeof(rc1), "-Sbroker.rc1_path=%s/%s.rc1", t->folder,
             t->name);
    snprintf(rc3, sizeof(rc3), "-Sbroker.rc3_path=%s/%s.rc3%s", t->folder,
             t->name, row->n ? "-leave" : "");
    return average_ms(argv, NULL, count, row->n ? 1 : 0);
}

/* What `run` gives while `n` modules more are loaded. */
static double with_modules(
    const struct target *t, const struct row *row, int n, row_f run, int count)
{
    int fd = wire_open(t->socket);
    double value = -1.;

    if (fd >= 0 && load_many(fd, t, n, MOD_THREAD) == 0)
        value = run(t, row, count);
    if (fd >= 0) {
        unload_many(fd, n);
        close(fd);
    }
    return value;
}

static double list_ms(const struct target *t, const struct row *row, int count)
{
    char *argv[] = {(char *)t->program, "module", "list", NULL};
    char uri[TEXT_ROOM];

    (void)row;
    snprintf(uri, sizeof(uri), "local://%s", t->socket);
    return average_ms(argv, uri, count, 0);
}

/* ---- memory
 * --------------------------------------------------------------------- */

/* A program that only pauses. */
static double paused(const struct target *t, const struct row *row, int count)
{
    (void)t;
    (void)count;
    (void)row;
    return proc_get_paused(PROC_RSS);
}

static double at_start(const struct target *t, const struct row *row, int count)
{
    int fd = wire_open(t->socket);
    double value = fd < 0 ? -1. : proc_get(proc_peer(fd), row->shape);

    (void)count;
    if (fd >= 0)
        close(fd);
    if (row->shape == PROC_FDS)
        value--; /* this client's */
    return value;
}

/* What each of `count` thread modules adds to the broker, but for the first. */
static double
each_thread(const struct target *t, const struct row *row, int count)
{
    int fd = wire_open(t->socket);
    pid_t pid = fd < 0 ? -1 : proc_peer(fd);
    double before, after = -1.;

    if (fd < 0 || load(fd, t, "first", MOD_THREAD) < 0)
        return -1.;
    before = proc_get(pid, row->shape);
    if (load_many(fd, t, count, MOD_THREAD) == 0)
        after = proc_get(pid, row->shape);
    unload_many(fd, count);
    unload(fd, "first");
    close(fd);
    return after < 0. ? -1. : (after - before) / count;
}

/* The process of a module of its own. */
static double
each_process(const struct target *t, const struct row *row, int count)
{
    int fd = wire_open(t->socket);
    double value = -1.;

    if (fd >= 0 && can_load(fd, row->n) == 0 &&
        load(fd, t, "many0", row->n) == 0)
        value = proc_get(proc_child(proc_peer(fd), &count), row->shape);
    if (fd >= 0) {
        unload_many(fd, value < 0. ? 0 : 1);
        close(fd);
    }
    return value;
}

static void sleep_seconds(int seconds)
{
    struct timespec ts = {seconds, 0};

    nanosleep(&ts, NULL);
}

static double
count_wake_ups(const struct target *t, const struct row *row, int count)
{
    int fd = wire_open(t->socket);
    pid_t pid = fd < 0 ? -1 : proc_peer(fd);
    int seconds = count >= row->count ? IDLE_SECONDS : 1;
    double before;

    sleep_seconds(1); /* what loading left to do */
    before = proc_get(pid, PROC_WAKEUPS);
    sleep_seconds(seconds);
    before = proc_get(pid, PROC_WAKEUPS) - before;
    close(fd);
    return before / seconds;
}

static double wake_ups(const struct target *t, const struct row *row, int count)
{
    return with_modules(t, row, IDLE_MODULES, count_wake_ups, count);
}

/* ---- curves
 * --------------------------------------------------------------------- */

static void close_all(const int *fds, int n)
{
    int i;

    for (i = 0; i < n; i++)
        close(fds[i]);
}

static double
among_clients(const struct target *t, const struct row *row, int count)
{
    int *fds = calloc((size_t)row->n, sizeof(*fds));
    struct row small = *row;
    double us = -1.;
    int n;

    small.n = SMALL;
    for (n = 0; fds && n < row->n; n++)
        if ((fds[n] = wire_open(t->socket)) < 0)
            break;
    if (n == row->n)
        us = round_trip(t, &small, count);
    close_all(fds, n);
    free(fds);
    return us;
}

static double
among_modules(const struct target *t, const struct row *row, int count)
{
    struct row small = *row;

    small.n = SMALL;
    return with_modules(t, &small, row->n - 1, round_trip, count);
}

static double ask_list(const struct target *t, const struct row *row, int count)
{
    int fd = wire_open(t->socket);
    double begin = exchange_clock();
    long size = fd < 0 ? -1 : 0;
    int i;

    (void)row;
    for (i = 0; i < count && size >= 0; i++)
        size = wire_call(fd, "module.list", NULL);
    begin = exchange_clock() - begin;
    close(fd);
    return size < 0 ? -1. : 1e6 * begin / count;
}

static double list_us(const struct target *t, const struct row *row, int count)
{
    return with_modules(t, row, row->n - 1, ask_list, count);
}

static int subscribe_many(int fd, int n)
{
    char json[TEXT_ROOM];
    int i;

    for (i = 0; i < n; i++) {
        snprintf(json, sizeof(json), "{\"topic\":\"other.%d.\"}", i);
        if (wire_call(fd, "event.subscribe", json) < 0)
            return -1;
    }
    return 0;
}

/* An event to one who is subscribed to `n` more topics besides. */
static double
among_subscriptions(const struct target *t, const struct row *row, int count)
{
    struct session_fan s;
    double seconds;

    if (session_fan_open(&s, t, 1) < 0)
        return -1.;
    seconds = subscribe_many(s.fan.to[0], row->n) < 0
                  ? -1.
                  : fan_run(&s.fan, 1, count);
    session_fan_close(&s);
    return seconds < 0. ? -1. : 1e6 * seconds / count;
}

/* `n` requests that stay without an answer until echo.release. */
static int hold_many(int fd, int n)
{
    unsigned char frame[WIRE_ROOM];
    int i;

    for (i = 0; i < n; i++) {
        size_t size =
            wire_request(frame, "echo.hold", NULL, 0, (uint32_t)i + 1);

        if (wire_write(fd, frame, size) < 0)
            return -1;
    }
    return 0;
}

/* Have them answered, and read all answers.  Whoever sent them asks for that
 * too: requests of one sender arrive in order, those of two in any.
 */
static int release_all(int fd, int n)
{
    unsigned char frame[WIRE_ROOM];
    size_t size = wire_request(frame, "echo.release", NULL, 0, (uint32_t)n + 1);
    int rc = wire_write(fd, frame, size);
    int i;

    for (i = 0; i <= n && rc >= 0; i++) {
        unsigned char *data = wire_frame(fd, &size);

        rc = data ? 0 : -1;
        free(data);
    }
    return rc;
}

/* A round trip of one client while another has `n` requests pending. */
static double
among_pending(const struct target *t, const struct row *row, int count)
{
    int fd = wire_open(t->socket);
    struct row small = *row;
    double us = -1.;

    small.n = SMALL;
    if (fd >= 0 && hold_many(fd, row->n) == 0)
        us = round_trip(t, &small, count);
    if (fd < 0 || release_all(fd, row->n) < 0)
        us = -1.;
    close(fd);
    return us;
}

static double
answer_pending(const struct target *t, const struct row *row, int count)
{
    int fd = wire_open(t->socket);
    double begin = exchange_clock();
    int rc = -1;

    (void)count;
    if (fd >= 0 && hold_many(fd, row->n) == 0)
        rc = release_all(fd, row->n);
    close(fd);
    return rc < 0 ? -1. : row->n / (exchange_clock() - begin);
}

static double
last_rank(const struct target *t, const struct row *row, int count)
{
    struct session s;
    double us;

    if (session_open_rank(&s, t, row->topic, SMALL, (uint32_t)row->n - 1) < 0)
        return -1.;
    exchange_round_trip(&s.x, count / 10 + 1);
    us = exchange_round_trip(&s.x, count);
    session_close(&s);
    return us;
}

/* An instance of `n` ranks, and calls of the last. */
static double
over_ranks(const struct target *t, const struct row *row, int count)
{
    static const char local[] = "local://";
    char size[32], uri[TEXT_ROOM];
    char *argv[] = {(char *)t->program,
                    "start",
                    size,
                    "-Sbroker.rc1_path=",
                    "-Sbroker.rc3_path=",
                    "sh",
                    "-c",
                    "echo $FLUX_URI; exec cat",
                    NULL};
    struct target inside = *t;
    struct proc instance;
    double us;

    snprintf(size, sizeof(size), "-s%d", row->n);
    if (proc_start(&instance, argv, uri, sizeof(uri)) < 0)
        return -1.;
    inside.socket = uri + sizeof(local) - 1;
    us = last_rank(&inside, row, count);
    proc_stop(&instance);
    return us;
}

/* ---- flood
 * ---------------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static pid_t start_flood(const struct target *t, const char *topic)
{
    pid_t pid = fork();
    struct session s;

    if (pid != 0)
        return pid;
    if (session_open(&s, t, topic, SMALL, 0) == 0)
        exchange_flood(&s.x);
    _exit(0);
}

static void stop_flood(pid_t pid)
{
    int saved = errno;

    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    errno = saved;
}

/* 99th percentile, in ms, of calls of the row's topic, with a client that
 * floods echo.echo (n 0) or broker.ping (n 1).  One that is not answered when
 * the run is given up counts with the time that it took until then.
 */
static double flooded(const struct target *t, const struct row *row, int count)
{
    double *us = calloc((size_t)count, sizeof(*us));
    pid_t pid = start_flood(t, row->n ? "broker.ping" : "echo.echo");
    struct session s;
    double ms = -1.;

    if (us && pid > 0 && session_open(&s, t, row->topic, SMALL, 0) == 0) {
        int n = exchange_sample(&s.x, us, count, FLOOD_SECONDS);

        if (n > 0) {
            qsort(us, (size_t)n, sizeof(*us), by_value);
            ms = us[n * 99 / 100] / 1e3;
        }
        session_close(&s);
    }
    stop_flood(pid);
    free(us);
    return ms;
}

/* ---- the table
 * ------------------------------------------------------------------- */

/* Of a broker; with the floor beside it; with redis too, or dbus-broker. */
/* clang-format off */
#define BROKER(f) {NULL, f, NULL, NULL}
#define FLOOR(f) {f, f, NULL, NULL}
#define REDIS(f) {f, f, f, NULL}
#define DBUS(f) {f, f, NULL, f}
#define ALL(f) {f, f, f, f}

const struct row rows[] = {
    {"rss", "broker at start, resident", "kB", {paused, at_start, NULL},
     1, ROW_FIRST, 0, PROC_RSS, NULL, 1600},
    {"pss", "broker at start, proportional", "kB", BROKER(at_start),
     1, ROW_FIRST, 0, PROC_PSS, NULL, 700},
    {"threads", "broker at start, threads", "", BROKER(at_start),
     1, ROW_FIRST, 0, PROC_THREADS, NULL, 1},
    {"fds", "broker at start, descriptors", "", BROKER(at_start),
     1, ROW_FIRST, 0, PROC_FDS, NULL, 10},
    {"thread-rss", "each thread module, resident", "kB", BROKER(each_thread),
     40, ROW_FIRST, 0, PROC_RSS, NULL, 20},
    {"thread-fds", "each thread module, descriptors", "", BROKER(each_thread),
     40, ROW_FIRST, 0, PROC_FDS, NULL, 2},

    {"call-broker", "round trip, broker.ping, 16 bytes", "us", REDIS(round_trip),
     10000, 0, SMALL, FLOOR_DIRECT, "broker.ping", 11},
    {"call-thread", "round trip, thread module", "us", DBUS(round_trip),
     10000, 0, SMALL, FLOOR_THREAD, "echo.echo", 25},
    {"call-process", "round trip, process module", "us", DBUS(round_trip),
     10000, 0, SMALL, FLOOR_PROCESS, "pecho.echo", 26},
    {"call-python", "round trip, Python, JSON both ways", "us",
     FLOOR(round_trip), 5000, 0, SMALL, FLOOR_PROCESS, "pyecho.json", 50},
    {"pipe-broker", "pipelined, window 64, broker.ping", "/s", REDIS(pipelined),
     50000, ROW_MORE, SMALL, FLOOR_DIRECT, "broker.ping", 0},
    {"pipe-thread", "pipelined, window 64, thread", "/s", FLOOR(pipelined),
     50000, ROW_MORE, SMALL, FLOOR_THREAD, "echo.echo", 400000},
    {"pipe-process", "pipelined, window 64, process", "/s", FLOOR(pipelined),
     50000, ROW_MORE, SMALL, FLOOR_PROCESS, "pecho.echo", 350000},
    {"pipe-python", "pipelined, window 64, Python", "/s", FLOOR(pipelined),
     10000, ROW_MORE, SMALL, FLOOR_PROCESS, "pyecho.json", 60000},
    {"64k-sink", "64 KiB to a module that does not look", "us",
     FLOOR(round_trip), 1000, 0, 65536, FLOOR_THREAD, "echo.sink", 60},
    {"64k-echo", "the same, and 64 KiB back", "us",
     ALL(round_trip), 1000, 0, 65536, FLOOR_THREAD, "echo.echo", 0},
    {"64k-ping", "64 KiB, ping of a module, which parses", "us",
     FLOOR(round_trip), 1000, 0, 65536, FLOOR_THREAD, "echo.ping", 250},
    {"events-1", "raw events to 1 client, deliveries", "/s", ALL(deliveries),
     1000, ROW_MORE, 1, 0, NULL, 500000},
    {"events-10", "raw events to 10 clients, deliveries", "/s",
     ALL(deliveries), 200, ROW_MORE, 10, 0, NULL, 1500000},
    {"events-100", "raw events to 100 clients, deliveries", "/s",
     ALL(deliveries), 40, ROW_MORE, 100, 0, NULL, 2500000},
    {"event-100", "one event until 100 clients have it", "us", ALL(event_time),
     500, 0, 100, 0, NULL, 210},
    {"calls-thread", "system calls, call of a thread, all threads", "",
     FLOOR(calls_each), 500, ROW_ONCE | ROW_PINNED, SMALL, FLOOR_THREAD,
     "echo.echo", 0},
    {"calls-process", "the broker's system calls for a routed call", "",
     FLOOR(calls_each), 500, ROW_ONCE | ROW_PINNED, SMALL, FLOOR_PROCESS,
     "pecho.echo", 8},
    {"connect", "connect, handshake, close", "/s",
     {connect_floor, connect_rate, NULL, NULL}, 3000, ROW_MORE, 0, 0, NULL, 60000},
    {"load-thread", "load + remove, thread", "/s", BROKER(load_rate),
     500, ROW_MORE, 0, MOD_THREAD, NULL, 6000},
    {"load-process", "load + remove, process", "/s", BROKER(load_rate),
     50, ROW_MORE, 0, MOD_PROCESS, NULL, 900},
    {"load-python", "load + remove, Python", "/s", BROKER(load_rate),
     10, ROW_MORE, 0, MOD_PYTHON, NULL, 45},
    {"start", "flux start true, no rc; floor: true", "ms",
     {true_ms, start_ms, NULL, NULL}, 10, 0, 0, 0, NULL, 5},
    {"start-rc", "the same with rc1, rc3, four modules", "ms",
     BROKER(start_rc_ms), 3, 0, 0, 0, NULL, 25},
    {"start-left", "the same, a module left loaded", "ms", BROKER(start_rc_ms),
     1, ROW_FEW, 1, 0, NULL, 25},
    {"list", "flux module list; floor: true", "ms", {true_ms, list_ms, NULL, NULL},
     10, 0, 0, 0, NULL, 1.5},
    {"process-rss", "a process module's process, resident", "kB",
     {paused, each_process, NULL}, 1, ROW_PINNED, MOD_PROCESS, PROC_RSS, NULL, 1300},
    {"python-rss", "a Python module's process, resident", "kB",
     BROKER(each_process), 1, ROW_PINNED, MOD_PYTHON, PROC_RSS, NULL, 11000},
    {"wakeups", "wake-ups while idle, 51 modules", "/s", BROKER(wake_ups),
     2, ROW_ONCE | ROW_PINNED, 0, 0, NULL, 0},

    {"clients-1", "call of a thread, 1 idle client", "us",
     BROKER(among_clients), 5000, 0, 1, 0, "echo.echo", 0},
    {"clients-10", "call of a thread, 10 idle clients", "us",
     BROKER(among_clients), 5000, 0, 10, 0, "echo.echo", 0},
    {"clients-100", "call of a thread, 100 idle clients", "us",
     BROKER(among_clients), 5000, 0, 100, 0, "echo.echo", 0},
    {"clients-1000", "call of a thread, 1,000 idle clients", "us",
     BROKER(among_clients), 5000, ROW_FEW, 1000, 0, "echo.echo", 0},
    {"modules-1", "call of a thread, 1 module", "us", BROKER(among_modules),
     5000, 0, 1, 0, "echo.echo", 0},
    {"modules-10", "call of a thread, 10 modules", "us",
     BROKER(among_modules), 5000, 0, 10, 0, "echo.echo", 0},
    {"modules-100", "call of a thread, 100 modules", "us",
     BROKER(among_modules), 5000, ROW_FEW, 100, 0, "echo.echo", 0},
    {"modules-500", "call of a thread, 500 modules", "us",
     BROKER(among_modules), 5000, ROW_FEW, 500, 0, "echo.echo", 0},
    {"list-1", "module.list with 1 module", "us", BROKER(list_us),
     1000, 0, 1, 0, NULL, 0},
    {"list-10", "module.list with 10 modules", "us", BROKER(list_us),
     500, 0, 10, 0, NULL, 0},
    {"list-100", "module.list with 100 modules", "us", BROKER(list_us),
     200, ROW_FEW, 100, 0, NULL, 0},
    {"list-500", "module.list with 500 modules", "us", BROKER(list_us),
     50, ROW_FEW, 500, 0, NULL, 0},
    {"subscribed-1", "an event to one with 1 more topic", "us",
     BROKER(among_subscriptions), 3000, 0, 1, 0, NULL, 0},
    {"subscribed-10", "an event to one with 10 more topics", "us",
     BROKER(among_subscriptions), 3000, 0, 10, 0, NULL, 0},
    {"subscribed-100", "an event to one with 100 more topics", "us",
     BROKER(among_subscriptions), 3000, 0, 100, 0, NULL, 0},
    {"subscribed-1000", "an event to one with 1,000 more topics", "us",
     BROKER(among_subscriptions), 3000, ROW_FEW, 1000, 0, NULL, 0},
    {"pending-1", "call of a thread, 1 pending", "us",
     BROKER(among_pending), 5000, 0, 1, 0, "echo.echo", 0},
    {"pending-100", "call of a thread, 100 pending", "us",
     BROKER(among_pending), 5000, 0, 100, 0, "echo.echo", 0},
    {"pending-10000", "call of a thread, 10,000 pending", "us",
     BROKER(among_pending), 5000, ROW_FEW, 10000, 0, "echo.echo", 0},
    {"answer-10000", "10,000 pending sent and answered", "/s",
     BROKER(answer_pending), 1, ROW_MORE | ROW_FEW, 10000, 0, NULL, 0},
    {"ranks-2", "broker.ping of the last of 2 ranks", "us",
     BROKER(over_ranks), 1000, ROW_ONCE | ROW_PINNED, 2, 0, "broker.ping", 0},
    {"ranks-16", "broker.ping of the last of 16 ranks", "us",
     BROKER(over_ranks), 1000, ROW_ONCE | ROW_PINNED, 16, 0, "broker.ping", 0},
    {"ranks-64", "broker.ping of the last of 64 ranks", "us",
     BROKER(over_ranks), 1000, ROW_ONCE | ROW_PINNED, 64, 0, "broker.ping", 0},

    {"flood-ping", "broker.ping, echo flooded, 99 %", "ms", BROKER(flooded),
     2000, ROW_FEW, 0, 0, "broker.ping", 10},
    {"flood-echo", "echo.echo, broker.ping flooded, 99 %", "ms",
     BROKER(flooded), 2000, ROW_FEW, 1, 0, "echo.echo", 10},
    {"flood-same", "echo.echo, echo flooded, 99 %", "ms", BROKER(flooded),
     500, ROW_FEW, 0, 0, "echo.echo", 10},
    {NULL, NULL, NULL, BROKER(NULL), 0, 0, 0, 0, NULL, 0},
};
/* clang-format on */
