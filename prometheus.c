/* prometheus.c - counters of modules in the text that Prometheus scrapes
 *
 * The text-based exposition format, version 0.0.4: for each metric a HELP and
 * a TYPE line, then a sample a module with labels `rank` and `module`.
 *
 * What always holds (promtool's rules):
 * - Names are lower case with one unit at the end, which is a base unit
 *   (seconds, bytes); what only grows ends with _total, and nothing else does.
 * - The samples of a metric stand together, with one HELP and one TYPE.
 * - A histogram's buckets are cumulative, end with +Inf, which is its count,
 *   and are the same for all modules.
 * - What is not known of a module is not there, rather than 0.
 * - Label values are escaped.
 */
#include "prometheus.h"

#include <string.h>

struct context {
    struct buf *b;
    const struct modstats *mods;
    size_t n;
};

static void add_escaped(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (*s == '\\' || *s == '"')
            buf_add_byte(b, '\\');
        if (*s == '\n')
            buf_add_string(b, "\\n");
        else
            buf_add_byte(b, (unsigned char)*s);
    }
}

static void
head(struct context *c, const char *name, const char *type, const char *help)
{
    buf_printf(c->b, "# HELP flux_module_%s %s\n# TYPE flux_module_%s %s\n",
               name, help, name, type);
}

/* Up to the labels; `more` are further ones, with their comma in front. */
static void add_name(struct context *c,
                     const char *name,
                     const struct modstats *m,
                     const char *more)
{
    buf_printf(c->b, "flux_module_%s{rank=\"%ld\",module=\"", name, m->rank);
    add_escaped(c->b, m->name);
    buf_printf(c->b, "\"%s} ", more);
}

static void add_integer(struct context *c, json_int_t value)
{
    buf_printf(c->b, "%lld\n", (long long)value);
}

/* A number in C's form, whatever the locale. */
static void add_real(struct context *c, double value)
{
    json_t *number = json_real(value);
    char *text = json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));

    buf_printf(c->b, "%s\n", text ? text : "NaN");
    free(text);
    json_decref(number);
}

/* ---- metrics ----------------------------------------------------------------
 */

static void add_messages(struct context *c,
                         const char *name,
                         const struct modstats *m,
                         const struct modstats_flow *f)
{
    char type[32];

    for (int i = 0; i < MODSTATS_TYPES; i++) {
        snprintf(type, sizeof(type), ",type=\"%s\"", modstats_type(i));
        add_name(c, name, m, type);
        add_integer(c, f->messages[i]);
    }
}

static void add_flows(struct context *c)
{
    static const char received[] = "received_messages_total";
    static const char sent[] = "sent_messages_total";

    head(c, received, "counter", "Messages that the module was given.");
    for (size_t i = 0; i < c->n; i++)
        add_messages(c, received, &c->mods[i], &c->mods[i].rx);
    head(c, sent, "counter", "Messages that the module has sent.");
    for (size_t i = 0; i < c->n; i++)
        add_messages(c, sent, &c->mods[i], &c->mods[i].tx);
}

struct metric {
    const char *name, *type, *help;
    size_t offset; /* of a json_int_t in struct modstats */
};

#define METRIC(name, type, member, help)                    \
    {                                                       \
        name, type, help, offsetof(struct modstats, member) \
    }

static const struct metric metrics[] = {
    METRIC("received_bytes_total",
           "counter",
           rx.bytes,
           "Bytes of the messages that the module was given."),
    METRIC("sent_bytes_total",
           "counter",
           tx.bytes,
           "Bytes of the messages that the module has sent."),
    METRIC(
        "queue_messages", "gauge", queue, "Messages that wait for the module."),
    METRIC(
        "queue_bytes", "gauge", queue_bytes, "Bytes that wait for the module."),
    METRIC("queue_high_water_messages",
           "gauge",
           queue_max,
           "Most messages that have waited for the module."),
    METRIC("queue_high_water_bytes",
           "gauge",
           queue_bytes_max,
           "Most bytes that have waited for the module."),
    METRIC("pending_requests",
           "gauge",
           pending,
           "Requests that the module has not answered."),
    METRIC("pending_high_water_requests",
           "gauge",
           pending_max,
           "Most requests that the module had not answered."),
    METRIC("idle_seconds",
           "gauge",
           idle,
           "Time since the module last sent a message."),
    METRIC("restarts_total",
           "counter",
           restarts,
           "How often the module was loaded again after a failure."),
};

static json_int_t value_of(const struct modstats *m, const struct metric *k)
{
    json_int_t value;

    memcpy(&value, (const char *)m + k->offset, sizeof(value));
    return value;
}

static void add_integers(struct context *c)
{
    for (size_t k = 0; k < sizeof(metrics) / sizeof(metrics[0]); k++) {
        head(c, metrics[k].name, metrics[k].type, metrics[k].help);
        for (size_t i = 0; i < c->n; i++) {
            add_name(c, metrics[k].name, &c->mods[i], "");
            add_integer(c, value_of(&c->mods[i], &metrics[k]));
        }
    }
}

static void add_states(struct context *c)
{
    head(c, "running", "gauge", "Whether the module is in state running.");
    for (size_t i = 0; i < c->n; i++) {
        add_name(c, "running", &c->mods[i], "");
        add_integer(c, c->mods[i].status == 1);
    }
    head(c, "age_seconds", "gauge", "Time since the module was loaded.");
    for (size_t i = 0; i < c->n; i++) {
        add_name(c, "age_seconds", &c->mods[i], "");
        add_real(c, c->mods[i].age);
    }
}

static void add_usage(struct context *c)
{
    head(c, "cpu_seconds_total", "counter",
         "Time on a CPU of the module's thread or process.");
    for (size_t i = 0; i < c->n; i++)
        if (c->mods[i].cpu >= 0) {
            add_name(c, "cpu_seconds_total", &c->mods[i], "");
            add_real(c, c->mods[i].cpu);
        }
    head(c, "resident_memory_bytes", "gauge",
         "Memory of the module's own process.");
    for (size_t i = 0; i < c->n; i++)
        if (c->mods[i].memory > 0) {
            add_name(c, "resident_memory_bytes", &c->mods[i], "");
            add_integer(c, c->mods[i].memory);
        }
}

/* The last bucket has no end but infinity. */
static void add_histogram(struct context *c, const struct modstats *m)
{
    const struct latency *l = &m->latency;
    uint64_t sum = 0;
    char limit[48];

    for (int i = 0; i < LATENCY_BUCKETS; i++) {
        bool last = i == LATENCY_BUCKETS - 1;
        long long us = 1LL << i;

        sum += l->buckets[i];
        snprintf(limit, sizeof(limit), ",le=\"%lld.%06lld\"", us / 1000000,
                 us % 1000000);
        add_name(c, "request_duration_seconds_bucket", m,
                 last ? ",le=\"+Inf\"" : limit);
        add_integer(c, (json_int_t)sum);
    }
    add_name(c, "request_duration_seconds_sum", m, "");
    add_real(c, l->sum);
    add_name(c, "request_duration_seconds_count", m, "");
    add_integer(c, (json_int_t)sum);
}

void prometheus_add(struct buf *b, const struct modstats *mods, size_t n)
{
    struct context c = {b, mods, n};

    add_states(&c);
    add_flows(&c);
    add_integers(&c);
    add_usage(&c);
    head(&c, "request_duration_seconds", "histogram",
         "Time from a request to its first response.");
    for (size_t i = 0; i < n; i++)
        add_histogram(&c, &mods[i]);
}
