/* cmd_top.c - flux module top: what modules are doing, again and again
 *
 * The broker is asked for its counters every few seconds; toprows.c makes
 * rows of the differences, screen.c shows them.  With --batch, or --json, each
 * table goes to stdout below the one before, for scripts.
 *
 * The first table tells what happened since each module was loaded, the others
 * what happened since the table before.
 *
 * What always holds:
 * - Nothing is asked while an answer is still out: a slow broker is not made
 *   slower.
 * - However it ends (q, a count, a signal, a broker that goes away), the
 *   terminal is given back first; a signal then does what it always does.
 * - A stop (Ctrl-Z) gives the terminal back, too, and takes it again after.
 * - A new size of the terminal shows the same numbers anew.
 */
#include "cmd_top.h"

#include <signal.h>
#include <unistd.h>

#include "cmd_json.h"
#include "cmd_need.h"
#include "screen.h"
#include "term.h"
#include "toprows.h"
#include "util.h"

static const int signals[] = {SIGINT,  SIGTERM,  SIGHUP,
                              SIGQUIT, SIGWINCH, SIGTSTP};

enum {
    LINES_ABOVE = 3, /* title, keys, header */
    HEADER_LINE = LINES_ABOVE - 1,
};

struct top {
    struct cli *p;
    flux_t *h;
    flux_reactor_t *reactor;
    uint32_t rank;
    double delay;
    int64_t left; /* tables to come, -1: no end */
    bool live;
    bool json;
    int column;
    bool reverse;
    struct toprows rows;
    struct screen screen;
    flux_future_t *f; /* the request that is out, or NULL */
    flux_watcher_t *timer;
    flux_watcher_t *keys;
    flux_watcher_t *signals[UTIL_ARRAY_SIZE(signals)];
    int signum; /* that ended it, or 0 */
};

/* ---- tables
 * ------------------------------------------------------------------
 */

static void add_title(struct top *t, struct buf *b)
{
    struct timespec now;
    char stamp[TERM_STAMP_SIZE];
    char *clock;

    clock_gettime(CLOCK_REALTIME, &now);
    term_milli_stamp(now, stamp);
    clock = strchr(stamp, 'T');
    buf_printf(b, "%.8s  %zu modules, by %s%s, every %gs\n",
               clock ? clock + 1 : stamp, t->rows.count,
               toprows_column_name(t->column), t->reverse ? " reversed" : "",
               t->delay);
}

static void add_rows(struct top *t, struct buf *b)
{
    toprows_header(b);
    buf_add_byte(b, '\n');
    for (size_t i = 0; i < t->rows.count; i++) {
        toprows_line(&t->rows.rows[i], b);
        buf_add_byte(b, '\n');
    }
}

static void show_live(struct top *t)
{
    struct buf b = {0};

    add_title(t, &b);
    buf_add_string(&b, "q quit  r reverse  ");
    toprows_keys(&b);
    buf_add_byte(&b, '\n');
    add_rows(t, &b);
    if (!b.failed)
        screen_show(&b, HEADER_LINE);
    buf_release(&b);
}

static void show_batch(struct top *t)
{
    struct buf b = {0};

    add_title(t, &b);
    add_rows(t, &b);
    buf_add_byte(&b, '\n');
    if (!b.failed)
        fwrite(b.data, 1, b.size, stdout);
    fflush(stdout);
    buf_release(&b);
}

static void show(struct top *t)
{
    json_t *value;

    toprows_sort(&t->rows, t->column, t->reverse);
    if (t->json) {
        value = toprows_json(&t->rows);
        cmd_json_print(t->p, value);
        json_decref(value);
    } else if (t->live) {
        show_live(t);
    } else {
        show_batch(t);
    }
}

/* ---- asking
 * --------------------------------------------------------------------
 */

static void __attribute__((noreturn)) die(struct top *t, const char *reason)
{
    screen_leave(&t->screen);
    cli_die(t->p, "module.stats: %s", reason);
}

static void answered(flux_future_t *f, void *arg)
{
    struct top *t = arg;
    json_t *answer;

    if (flux_rpc_get_unpack(f, "o", &answer) < 0)
        die(t, future_strerror(f, errno));
    if (toprows_update(&t->rows, answer) < 0)
        die(t, flux_strerror(errno));
    flux_future_destroy(f);
    t->f = NULL;
    show(t);
    if (t->left > 0 && --t->left == 0)
        flux_reactor_stop(t->reactor);
    if (ferror(stdout))
        flux_reactor_stop(t->reactor);
}

static void ask(struct top *t)
{
    if (t->f)
        return;
    t->f = flux_rpc(t->h, "module.stats", NULL, t->rank, 0);
    if (!t->f || flux_future_then(t->f, -1, answered, t) < 0)
        die(t, flux_strerror(errno));
}

static void tick(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)w;
    (void)revents;
    ask(arg);
}

/* ---- keys and signals
 * ------------------------------------------------------------
 */

static void press(struct top *t, char key)
{
    int column = toprows_column(key);

    if (key == 'q')
        flux_reactor_stop(t->reactor);
    else if (key == ' ' || key == '\n')
        ask(t);
    else if (key == 'r')
        t->reverse = !t->reverse;
    if (column >= 0)
        t->column = column;
    if (key != 'q' && t->rows.answer)
        show(t);
}

static void key_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct top *t = arg;
    char keys[16];
    ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

    (void)w;
    (void)revents;
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) {
        flux_reactor_stop(r); /* the terminal is gone */
        return;
    }
    for (ssize_t i = 0; i < n; i++)
        press(t, keys[i]);
}

static void stop_self(struct top *t)
{
    screen_leave(&t->screen);
    kill(getpid(), SIGSTOP);
    if (screen_enter(&t->screen) < 0)
        die(t, flux_strerror(errno));
}

static void
signal_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct top *t = arg;
    int signum = flux_signal_watcher_get_signum(w);

    (void)revents;
    if (signum == SIGTSTP && t->live)
        stop_self(t);
    if (signum == SIGTSTP || signum == SIGWINCH) {
        if (t->rows.answer && t->live)
            show(t);
        return;
    }
    t->signum = signum;
    flux_reactor_stop(r);
}

/* ---- the whole
 * -------------------------------------------------------------------
 */

static void watch(struct top *t)
{
    t->timer =
        flux_timer_watcher_create(t->reactor, t->delay, t->delay, tick, t);
    t->keys = flux_fd_watcher_create(t->reactor, STDIN_FILENO, FLUX_POLLIN,
                                     key_cb, t);
    if (!t->timer || !t->keys)
        die(t, flux_strerror(errno));
    flux_watcher_start(t->timer);
    if (!t->live)
        return;
    flux_watcher_start(t->keys);
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(signals); i++) {
        t->signals[i] =
            flux_signal_watcher_create(t->reactor, signals[i], signal_cb, t);
        if (!t->signals[i])
            die(t, flux_strerror(errno));
        flux_watcher_start(t->signals[i]);
    }
}

static void finish(struct top *t)
{
    screen_leave(&t->screen);
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(signals); i++)
        flux_watcher_destroy(t->signals[i]);
    flux_watcher_destroy(t->timer);
    flux_watcher_destroy(t->keys);
    flux_future_destroy(t->f);
    toprows_release(&t->rows);
    flux_close(t->h);
    if (t->signum) {
        signal(t->signum, SIG_DFL);
        raise(t->signum);
    }
}

static void parse_options(struct cli *p, struct top *t)
{
    const char *sort = cli_get(p, "sort", "in");

    t->p = p;
    t->rank = cli_rank(p, "rank", FLUX_NODEID_ANY);
    t->delay = cli_duration(p, "delay", 1);
    t->left = cli_int(p, "count", -1);
    t->json = cli_count(p, "json") > 0;
    t->live = !t->json && cli_count(p, "batch") == 0;
    t->column = toprows_column_named(sort);
    if (t->delay <= 0)
        cli_usage_die(p, "--delay: must be greater than 0");
    if (t->left == 0 || t->left < -1)
        cli_usage_die(p, "--count: must be greater than 0");
    if (t->column < 0)
        cli_usage_die(p, "--sort: there is no column '%s'", sort);
}

int cmd_top_run(struct cli *p)
{
    struct top t = {.left = -1};

    parse_options(p, &t);
    if (t.live && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
        cli_usage_die(p, "not on a terminal: --batch is needed");
    t.h = cli_open(p);
    cmd_need(p, t.h, "top", "counters");
    t.reactor = flux_get_reactor(t.h);
    if (t.live && screen_enter(&t.screen) < 0)
        cli_die_errno(p, "terminal");
    watch(&t);
    ask(&t);
    if (flux_reactor_run(t.reactor, 0) < 0)
        die(&t, flux_strerror(errno));
    finish(&t);
    return 0;
}

const struct cli_option cmd_top_options[] = {
    {'d', "delay", CLI_ARG, "FSD", "Time between two tables (default 1s)"},
    {'n', "count", CLI_ARG, "N", "End after N tables"},
    {'b', "batch", CLI_NO_ARG, NULL, "Print tables below one another"},
    {'s', "sort", CLI_ARG, "COLUMN",
     "Sort by name, state, in (default), out, queue, unanswered, p50, p99, "
     "cpu or memory"},
    {'r', "rank", CLI_ARG, "RANK", "Ask this broker rank"},
    {0, "json", CLI_NO_ARG, NULL, "Print each table as a line of JSON"},
    CLI_OPTIONS_END,
};
