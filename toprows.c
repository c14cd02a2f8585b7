/* toprows.c - what happened in modules between two answers of module.stats
 *
 * A row is a module's counters now, and what they say of the time since they
 * were last looked at: rates, quantiles, share of a CPU.  A module that was
 * not there before, or has been loaded anew since (it is younger than it was),
 * is compared with nothing: what it did since it was loaded is shown.
 *
 * The table of columns says for each one its title, the key that sorts by it,
 * how it is sorted and how it is shown; nothing else knows of them.
 *
 * What always holds:
 * - Rows that are equal in what is sorted by are in the order of names, so
 *   that they do not dance.
 * - The greatest comes first, and names from a to z, unless it is reversed.
 */
#include "toprows.h"

#include "units.h"
#include "util.h"

enum { NAME_WIDTH = 20 };

/* ---- rows from answers
 * --------------------------------------------------------
 */

static const struct modstats none = {.cpu = 0};

static const struct modstats *find(const struct toprows *t,
                                   const struct modstats *now)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->rows[i].now.name, now->name) == 0 &&
            t->rows[i].now.age < now->age)
            return &t->rows[i].now;
    return &none;
}

static double rate(const struct modstats_flow *now,
                   const struct modstats_flow *before,
                   double seconds)
{
    return (double)(modstats_messages(now) - modstats_messages(before)) /
           seconds;
}

static void compare(struct toprow *r, const struct modstats *before)
{
    double seconds = r->now.age - before->age;
    struct latency times;

    if (seconds <= 0)
        seconds = 1e-9; /* loaded this very moment */
    r->in = rate(&r->now.rx, &before->rx, seconds);
    r->out = rate(&r->now.tx, &before->tx, seconds);
    r->cpu = r->now.cpu < 0 ? -1 : (r->now.cpu - before->cpu) / seconds;
    latency_since(&r->now.latency, &before->latency, &times);
    r->p50 = latency_quantile(&times, 0.5);
    r->p99 = latency_quantile(&times, 0.99);
}

static int fill(const struct toprows *before, struct toprows *t)
{
    json_t *mods = json_object_get(t->answer, "mods"), *entry;
    size_t i;

    if (!json_is_array(mods))
        return util_fail(EPROTO);
    if (!(t->rows = calloc(json_array_size(mods) + 1, sizeof(*t->rows))))
        return -1;
    json_array_foreach(mods, i, entry)
    {
        if (modstats_unpack(entry, &t->rows[i].now) < 0)
            return -1;
        compare(&t->rows[i], find(before, &t->rows[i].now));
        t->count++;
    }
    return 0;
}

void toprows_release(struct toprows *t)
{
    int saved_errno = errno;

    json_decref(t->answer);
    free(t->rows);
    memset(t, 0, sizeof(*t));
    errno = saved_errno;
}

int toprows_update(struct toprows *t, json_t *answer)
{
    struct toprows next = {.answer = json_incref(answer)};

    if (fill(t, &next) < 0) {
        toprows_release(&next);
        return -1;
    }
    toprows_release(t);
    *t = next;
    return 0;
}

/* ---- columns
 * -------------------------------------------------------------------
 */

static double by_name(const struct toprow *r)
{
    (void)r;
    return 0;
}

static double by_status(const struct toprow *r)
{
    return r->now.status == 1 ? -1 : r->now.status;
}

static double by_in(const struct toprow *r)
{
    return r->in;
}

static double by_out(const struct toprow *r)
{
    return r->out;
}

static double by_queue(const struct toprow *r)
{
    return (double)r->now.queue;
}

static double by_pending(const struct toprow *r)
{
    return (double)r->now.pending;
}

static double by_p50(const struct toprow *r)
{
    return r->p50;
}

static double by_p99(const struct toprow *r)
{
    return r->p99;
}

static double by_cpu(const struct toprow *r)
{
    return r->cpu;
}

static double by_memory(const struct toprow *r)
{
    return (double)r->now.memory;
}

static const char *show_name(const struct toprow *r, double n, char *text)
{
    (void)n;
    (void)text;
    return r->now.name;
}

static const char *show_status(const struct toprow *r, double n, char *text)
{
    bool known = r->now.status >= 0 && r->now.status <= 3;

    (void)n;
    text[0] = known ? "IRFE"[r->now.status] : '?';
    text[1] = '\0';
    return text;
}

static const char *show_count(const struct toprow *r, double n, char *text)
{
    (void)r;
    return units_count(n, text);
}

static const char *show_time(const struct toprow *r, double n, char *text)
{
    (void)r;
    return n > 0 ? units_time(n, text) : "-";
}

static const char *show_cpu(const struct toprow *r, double n, char *text)
{
    (void)r;
    if (n < 0)
        return "-";
    snprintf(text, UNITS_SIZE, "%.1f", n * 100);
    return text;
}

static const char *show_memory(const struct toprow *r, double n, char *text)
{
    (void)r;
    return n > 0 ? units_bytes(n, text) : "-";
}

static const struct column {
    const char *title;
    const char *name; /* for --sort */
    char key;
    int width; /* negative: to the left */
    double (*value)(const struct toprow *r);
    const char *(*show)(const struct toprow *r, double n, char *text);
} columns[] = {
    {"Module", "name", 'n', -NAME_WIDTH, by_name, show_name},
    {"S", "state", 's', -1, by_status, show_status},
    {"In/s", "in", 'i', 6, by_in, show_count},
    {"Out/s", "out", 'o', 6, by_out, show_count},
    {"Queue", "queue", 'u', 6, by_queue, show_count},
    {"Unansw", "unanswered", 'a', 6, by_pending, show_count},
    {"p50", "p50", '5', 6, by_p50, show_time},
    {"p99", "p99", '9', 6, by_p99, show_time},
    {"%CPU", "cpu", 'c', 6, by_cpu, show_cpu},
    {"Memory", "memory", 'm', 6, by_memory, show_memory},
};

int toprows_column(char key)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(columns); i++)
        if (columns[i].key == key)
            return (int)i;
    return -1;
}

int toprows_column_named(const char *name)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(columns); i++)
        if (strcmp(columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

const char *toprows_column_name(int column)
{
    return columns[column].name;
}

static int compare_rows(const void *a, const void *b)
{
    const struct toprow *x = a, *y = b;

    if (x->key != y->key)
        return x->direction * (x->key > y->key ? -1 : 1);
    return x->direction * strcmp(x->now.name, y->now.name);
}

void toprows_sort(struct toprows *t, int column, bool reverse)
{
    for (size_t i = 0; i < t->count; i++) {
        t->rows[i].key = columns[column].value(&t->rows[i]);
        t->rows[i].direction = reverse ? -1 : 1;
    }
    qsort(t->rows, t->count, sizeof(*t->rows), compare_rows);
}

/* ---- lines
 * -----------------------------------------------------------------------
 */

static void add_cell(struct buf *b, const struct column *c, const char *text)
{
    int most = c->width < 0 ? -c->width : c->width;

    buf_printf(b, "%s%*.*s", c == columns ? "" : " ", c->width, most, text);
}

void toprows_header(struct buf *b)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(columns); i++)
        add_cell(b, &columns[i], columns[i].title);
}

void toprows_line(const struct toprow *row, struct buf *b)
{
    char text[UNITS_SIZE];

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(columns); i++) {
        const struct column *c = &columns[i];

        add_cell(b, c, c->show(row, c->value(row), text));
    }
}

void toprows_keys(struct buf *b)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(columns); i++)
        buf_printf(b, "%s%c %s", i ? "  " : "", columns[i].key,
                   columns[i].name);
}

/* What is not known is null. */
static json_t *row_json(const struct toprow *r)
{
    json_t *cpu = r->cpu < 0 ? json_null() : json_real(r->cpu);
    json_t *memory =
        r->now.memory > 0 ? json_integer(r->now.memory) : json_null();

    return json_pack("{s:s s:i s:f s:f s:I s:I s:f s:f s:o s:o}", "name",
                     r->now.name, "status", r->now.status, "in", r->in, "out",
                     r->out, "queue", r->now.queue, "pending", r->now.pending,
                     "p50", r->p50, "p99", r->p99, "cpu", cpu, "memory",
                     memory);
}

json_t *toprows_json(const struct toprows *t)
{
    json_t *mods = json_array();

    for (size_t i = 0; mods && i < t->count; i++)
        json_array_append_new(mods, row_json(&t->rows[i]));
    return json_pack("{s:O? s:O? s:o}", "time",
                     json_object_get(t->answer, "time"), "rank",
                     json_object_get(t->answer, "rank"), "mods", mods);
}
