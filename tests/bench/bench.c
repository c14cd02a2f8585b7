/* bench.c - runs the rows and prints the table
 *
 *   bench [OPTIONS] FOLDER NAME=SOCKET[,PROGRAM]...
 *   bench --pin CPU COMMAND...
 *   bench --dbus SOCKET
 *   bench --pause
 *
 * FOLDER holds the modules and the rc scripts.  A target named `redis` is
 * redis, one named `dbus-broker` that, any other a broker of the Flux protocol;
 * the floor is always there.  --dbus runs dbus-broker, which does not listen
 * by itself; --pause is the least program there is.
 *
 *   --runs=N       of each row (7)
 *   --divide=N     the number of calls in a run, for a quick look
 *   --limit=N      seconds that one run may take (30)
 *   --unpinned     without the rows that make sense on one CPU only
 *   --rows=GLOB    only these
 *   --json=FILE    the same figures there, and each run's
 *
 * A row's runs are done in turn: the floor, the first broker, the second, and
 * again, so that whatever else the machine does meets all of them alike.  The
 * table gives the median, the spread (the middle half's width as a part of
 * the median) and the median divided by the floor's, or the other way round
 * where more is better: twice the floor's time and half its rate are both
 * 2.0.
 *
 * What always holds: one line for each row, whatever could be measured; a
 * figure that could not be had is a `-`, and stderr says why.
 */
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dbus.h"
#include "proc.h"
#include "rows.h"

enum {
    LIMIT = 30, /* seconds; one run takes one or two: something has hung */
    FEW = 3,    /* runs of a row that takes seconds */
    TARGETS_MAX = 5,
    RUNS_MAX = 64,
};

struct options {
    int runs;
    int divide;
    int limit;
    bool unpinned;
    const char *glob;
    FILE *json;
    int count; /* of targets */
    struct target targets[TARGETS_MAX];
};

/* One row's figures of one target, sorted once they are all there. */
struct figures {
    int count;
    double values[RUNS_MAX];
};

/* ---- figures ------------------------------------------------------------- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const struct figures *f)
{
    int half = f->count / 2;

    if (f->count % 2)
        return f->values[half];
    return (f->values[half - 1] + f->values[half]) / 2.;
}

static double spread(const struct figures *f)
{
    double middle = median(f);
    int quarter = f->count / 4;

    if (f->count < 3 || middle == 0.)
        return 0.;
    return (f->values[f->count - 1 - quarter] - f->values[quarter]) / middle;
}

static double ratio(const struct row *row, double value, double floor)
{
    return (row->flags & ROW_MORE) ? floor / value : value / floor;
}

static void print_value(double value)
{
    if (value >= 100.)
        printf(" %10.0f", value);
    else if (value >= 1.)
        printf(" %10.1f", value);
    else
        printf(" %10.2f", value);
}

/* ---- one row ---------------------------------------------------------------
 */

static void measure_once(const struct options *o,
                         const struct row *row,
                         const struct target *t,
                         struct figures *f)
{
    int count = row->count / o->divide > 0 ? row->count / o->divide : 1;
    double value = -1.;

    errno = 0;
    alarm((unsigned)o->limit);
    if (row->run[t->kind])
        value = row->run[t->kind](t, row, count);
    alarm(0);
    if (value >= 0.)
        f->values[f->count++] = value;
    else if (row->run[t->kind])
        fprintf(stderr, "# %s, %s: %s\n", row->id, t->name,
                errno ? strerror(errno) : "not to be had");
}

static int runs_of(const struct options *o, const struct row *row)
{
    if (row->flags & ROW_ONCE)
        return 1;
    return (row->flags & ROW_FEW) && o->runs > FEW ? FEW : o->runs;
}

static void
measure(const struct options *o, const struct row *row, struct figures *f)
{
    int runs = runs_of(o, row);
    int run, i;

    memset(f, 0, sizeof(*f) * TARGETS_MAX);
    for (run = 0; run < runs; run++)
        for (i = 0; i < o->count; i++)
            if (f[i].count == run)
                measure_once(o, row, &o->targets[i], &f[i]);
    for (i = 0; i < o->count; i++)
        qsort(f[i].values, (size_t)f[i].count, sizeof(double), by_value);
}

/* ---- text -------------------------------------------------------------------
 */

static void print_head(const struct options *o)
{
    int i;

    printf("%-16s %-44s %-3s %10s", "row", "", "", "to reach");
    for (i = 0; i < o->count; i++)
        printf(" %10s %4s%s", o->targets[i].name, "+-%",
               i > 0 ? " /floor" : "");
    putchar('\n');
}

static void print_target(const struct row *row,
                         const struct figures *f,
                         const struct figures *floor)
{
    if (f->count == 0) {
        printf(" %10s %4s", "-", "");
    } else {
        print_value(median(f));
        printf(" %4.0f", 100. * spread(f));
    }
    if (f == floor)
        return;
    if (f->count > 0 && floor->count > 0)
        printf(" %6.1f", ratio(row, median(f), median(floor)));
    else
        printf(" %6s", "");
}

static void print_row(const struct options *o,
                      const struct row *row,
                      const struct figures *f)
{
    int i;

    printf("%-16s %-44s %-3s", row->id, row->title, row->unit);
    if (row->reach > 0.)
        print_value(row->reach);
    else
        printf(" %10s", "");
    for (i = 0; i < o->count; i++)
        print_target(row, &f[i], &f[0]);
    putchar('\n');
    fflush(stdout);
}

/* ---- JSON: one object a line ------------------------------------------------
 */

static void json_figures(FILE *out, const char *name, const struct figures *f)
{
    int i;

    fprintf(out, ",\"%s\":{\"median\":%.6g,\"spread\":%.3g,\"runs\":[", name,
            median(f), spread(f));
    for (i = 0; i < f->count; i++)
        fprintf(out, "%s%.6g", i ? "," : "", f->values[i]);
    fputs("]}", out);
}

static void json_row(const struct options *o,
                     const struct row *row,
                     const struct figures *f)
{
    int i;

    if (!o->json)
        return;
    fprintf(o->json, "{\"row\":\"%s\",\"unit\":\"%s\",\"pinned\":%s", row->id,
            row->unit, o->unpinned ? "false" : "true");
    fprintf(o->json, ",\"title\":\"%s\"", row->title);
    if (row->reach > 0.)
        fprintf(o->json, ",\"reach\":%g", row->reach);
    for (i = 0; i < o->count; i++)
        if (f[i].count > 0)
            json_figures(o->json, o->targets[i].name, &f[i]);
    fputs("}\n", o->json);
    fflush(o->json);
}

/* ---- all of them
 * -------------------------------------------------------------- */

static void prepare(const struct options *o)
{
    int i;

    for (i = 0; i < o->count; i++)
        if (o->targets[i].kind == KIND_BROKER)
            rows_prepare(&o->targets[i]);
}

static bool is_wanted(const struct options *o, const struct row *row)
{
    return fnmatch(o->glob, row->id, 0) == 0 &&
           !(o->unpinned && (row->flags & ROW_PINNED));
}

static void run_rows(const struct options *o)
{
    struct figures f[TARGETS_MAX];
    const struct row *row;
    bool prepared = false;

    print_head(o);
    for (row = rows; row->id; row++) {
        if (!prepared && (row->flags & ROW_FIRST) != ROW_FIRST) {
            prepare(o);
            prepared = true;
        }
        if (!is_wanted(o, row))
            continue;
        measure(o, row, f);
        print_row(o, row, f);
        json_row(o, row, f);
    }
}

/* ---- arguments
 * ------------------------------------------------------------------ */

static int usage(void)
{
    fputs("usage: bench [--runs=N] [--divide=N] [--limit=N] [--unpinned]\n"
          "             [--rows=GLOB] [--json=FILE] FOLDER "
          "NAME=SOCKET[,PROGRAM]...\n"
          "       bench --pin CPU COMMAND...\n"
          "       bench --dbus SOCKET\n",
          stderr);
    return 2;
}

static const char *value_of(const char *arg, const char *option)
{
    size_t n = strlen(option);

    return strncmp(arg, option, n) == 0 && arg[n] == '=' ? arg + n + 1 : NULL;
}

static int read_option(struct options *o, const char *arg)
{
    const char *v;

    if ((v = value_of(arg, "--runs")))
        o->runs = atoi(v);
    else if ((v = value_of(arg, "--divide")))
        o->divide = atoi(v);
    else if ((v = value_of(arg, "--limit")))
        o->limit = atoi(v);
    else if ((v = value_of(arg, "--rows")))
        o->glob = v;
    else if ((v = value_of(arg, "--json")))
        o->json = fopen(v, "a");
    else if (strcmp(arg, "--unpinned") == 0)
        o->unpinned = true;
    else
        return -1;
    return 0;
}

static enum kind kind_of(const char *name)
{
    if (strcmp(name, "redis") == 0)
        return KIND_REDIS;
    return strcmp(name, "dbus-broker") == 0 ? KIND_DBUS : KIND_BROKER;
}

/* Takes the text apart in place. */
static int read_target(struct options *o, char *arg, const char *folder)
{
    struct target *t = &o->targets[o->count];
    char *socket = strchr(arg, '=');
    char *program = strchr(arg, ',');

    if (!socket || o->count == TARGETS_MAX)
        return -1;
    *socket++ = '\0';
    if (program)
        *program++ = '\0';
    t->kind = kind_of(arg);
    t->name = arg;
    t->socket = socket;
    t->program = program;
    t->folder = folder;
    o->count++;
    return 0;
}

/* No restart: what waits fails with EINTR. */
static void on_alarm(int signum)
{
    (void)signum;
}

static void set_signals(void)
{
    struct sigaction sa = {.sa_handler = on_alarm};

    sigaction(SIGALRM, &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static int run_pinned(int argc, char *argv[])
{
    if (argc < 4 || proc_pin(atoi(argv[2])) < 0)
        return usage();
    execvp(argv[3], argv + 3);
    perror(argv[3]);
    return 127;
}

static int run_dbus(const char *socket)
{
    int rc = dbus_run(socket);

    if (rc < 0)
        perror("dbus-broker");
    return rc < 0 ? 1 : 0;
}

int main(int argc, char *argv[])
{
    struct options o = {
        .runs = 7, .divide = 1, .limit = LIMIT, .glob = "*", .count = 1};
    const char *folder;
    int i = 1;

    if (argc > 1 && strcmp(argv[1], "--pin") == 0)
        return run_pinned(argc, argv);
    if (argc == 3 && strcmp(argv[1], "--dbus") == 0)
        return run_dbus(argv[2]);
    if (argc > 1 && strcmp(argv[1], "--pause") == 0)
        return proc_pause();
    o.targets[0].name = "floor";
    for (; i < argc && argv[i][0] == '-'; i++)
        if (read_option(&o, argv[i]) < 0)
            return usage();
    if (i >= argc || o.runs < 1 || o.runs > RUNS_MAX || o.divide < 1)
        return usage();
    folder = argv[i++];
    for (; i < argc; i++)
        if (read_target(&o, argv[i], folder) < 0)
            return usage();
    set_signals();
    run_rows(&o);
    return 0;
}
