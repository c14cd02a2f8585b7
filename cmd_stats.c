/* cmd_stats.c - flux module stats and debug: counters and flags of a module
 *
 * Every module answers NAME.stats-get with an object (its message counters,
 * unless it has something better), NAME.rusage with what getrusage(2) tells,
 * NAME.stats-clear, and NAME.debug, which changes and returns its debug
 * flags.  What a flag or a counter means is between the module and its users.
 *
 * What always holds:
 * - --parse walks objects by names with dots between; a name that is not
 *   there is an error, so that a script never reads an empty answer.
 * - An integer is printed as an integer, also when it was scaled (what is
 *   behind the point is cut off) or --type=double asked for; a real with six
 *   decimals, unless --type=int.  Other values are printed as JSON, unless a
 *   type was asked for: then they count as 0.
 * - --clear asks one module and waits; --clear-all publishes an event that
 *   the modules of that name on all ranks follow, and waits for none.
 * - --base asks the broker, not the module: that is there also where a module
 *   has counters of its own, or does not answer.
 * - debug prints the flags as they are after the change, in hexadecimal.
 *   Masks are decimal, or octal behind a 0, or hexadecimal behind 0x.  Where
 *   several changes are asked for, the first of clear, set, clearbit, setbit
 *   is made.
 */
#include "cmd_stats.h"

#include "cmd_json.h"
#include "cmd_need.h"
#include "modstats.h"
#include "prometheus.h"
#include "util.h"

enum number_type { NUMBER_ANY, NUMBER_INT, NUMBER_DOUBLE };

static char *make_topic(struct cli *p, const char *method)
{
    char *topic = util_asprintf("%s.%s", cli_argv(p)[0], method);

    if (!topic)
        cli_die_errno(p, "%s", method);
    return topic;
}

/* As cli_wait, in the words of errno. */
static void wait_plainly(struct cli *p, flux_future_t *f, const char *what)
{
    if (!f || flux_future_get(f, NULL) < 0)
        cli_die_errno(p, "%s", what);
}

static void clear_stats(struct cli *p, flux_t *h)
{
    char *topic = make_topic(p, "stats-clear");
    flux_future_t *f = flux_rpc(h, topic, NULL, FLUX_NODEID_ANY, 0);

    wait_plainly(p, f, topic);
    flux_future_destroy(f);
    free(topic);
}

static void clear_all_stats(struct cli *p, flux_t *h)
{
    char *topic = make_topic(p, "stats-clear");
    flux_msg_t *msg = flux_event_encode(topic, NULL);

    if (!msg || flux_send(h, msg, 0) < 0)
        cli_die_errno(p, "%s", topic);
    flux_msg_destroy(msg);
    free(topic);
}

static flux_future_t *
request_rusage(struct cli *p, flux_t *h, const char *topic)
{
    const char *who = cli_get(p, "rusage", "");

    if (*who == '\0')
        return flux_rpc(h, topic, NULL, FLUX_NODEID_ANY, 0);
    return flux_rpc_pack(h, topic, FLUX_NODEID_ANY, 0, "{s:s}", "who", who);
}

static json_t *walk(json_t *value, const char *path)
{
    while (value && path) {
        const char *dot = strchr(path, '.');
        size_t len = dot ? (size_t)(dot - path) : strlen(path);
        char *name = util_asprintf("%.*s", (int)len, path);

        value = name ? json_object_get(value, name) : NULL;
        free(name);
        path = dot ? dot + 1 : NULL;
    }
    return value;
}

static enum number_type parse_type(struct cli *p)
{
    const char *type = cli_get(p, "type", NULL);

    if (!type)
        return NUMBER_ANY;
    if (strcmp(type, "int") == 0)
        return NUMBER_INT;
    if (strcmp(type, "double") != 0)
        cli_usage_die(p, "Invalid argument for option 'type': '%s'", type);
    return NUMBER_DOUBLE;
}

static void print_integer(double number)
{
    const double limit = 9223372036854775808.0; /* 2 to the 63rd */

    if (number >= limit)
        printf("%lld\n", (long long)INT64_MAX);
    else if (number < -limit)
        printf("%lld\n", (long long)INT64_MIN);
    else
        printf("%lld\n", (long long)number);
}

static void
print_value(struct cli *p, json_t *value, double scale, enum number_type type)
{
    if (json_is_integer(value) && scale == 1.0)
        printf("%lld\n", (long long)json_integer_value(value));
    else if (json_is_integer(value) || type == NUMBER_INT)
        print_integer(json_number_value(value) * scale);
    else if (json_is_real(value) || type == NUMBER_DOUBLE)
        printf("%f\n", json_number_value(value) * scale);
    else if (json_dumpf(value, stdout,
                        JSON_ENCODE_ANY |
                            (cli_count(p, "json") > 0 ? JSON_COMPACT
                                                      : JSON_INDENT(1))) == 0)
        putchar('\n');
    else
        cli_die_errno(p, "response");
}

static void print_stats(struct cli *p, flux_t *h)
{
    bool rusage = cli_count(p, "rusage") > 0;
    const char *path = cli_get(p, "parse", NULL);
    double scale = cli_double(p, "scale", 1.0);
    enum number_type type = parse_type(p);
    char *topic = make_topic(p, rusage ? "rusage" : "stats-get");
    json_t *response, *value;
    flux_future_t *f;

    f = rusage ? request_rusage(p, h, topic)
               : flux_rpc(h, topic, NULL, FLUX_NODEID_ANY, 0);
    cli_wait(p, f, topic);
    if (flux_rpc_get_unpack(f, "o", &response) < 0)
        cli_die_errno(p, "%s", topic);
    if (!(value = walk(response, path)))
        cli_die(p, "`%s' not found in response", path);
    print_value(p, value, scale, type);
    flux_future_destroy(f);
    free(topic);
}

/* What the broker has counted, whatever the module answers to stats-get. */
static void print_base(struct cli *p, flux_t *h)
{
    const char *path = cli_get(p, "parse", NULL);
    double scale = cli_double(p, "scale", 1.0);
    enum number_type type = parse_type(p);
    flux_future_t *f;
    json_t *answer, *value;

    cmd_need(p, h, "--base", "counters");
    f = flux_rpc_pack(h, "module.stats", FLUX_NODEID_ANY, 0, "{s:s}", "name",
                      cli_argv(p)[0]);
    answer = cmd_json_get(p, f, cli_argv(p)[0]);
    value = json_array_get(json_object_get(answer, "mods"), 0);
    if (!(value = walk(value, path)))
        cli_die(p, "`%s' not found in response", path ? path : "mods");
    print_value(p, value, scale, type);
    flux_future_destroy(f);
}

static struct modstats *unpack_all(struct cli *p, json_t *answer, size_t *n)
{
    json_t *mods = json_object_get(answer, "mods");
    struct modstats *stats;

    *n = json_array_size(mods);
    if (!(stats = calloc(*n + 1, sizeof(*stats))))
        cli_die_errno(p, "module.stats");
    for (size_t i = 0; i < *n; i++)
        if (modstats_unpack(json_array_get(mods, i), &stats[i]) < 0)
            cli_die_errno(p, "module.stats");
    return stats;
}

static void print_prometheus(struct cli *p, flux_t *h)
{
    flux_future_t *f;
    json_t *answer;
    struct buf b = {0};
    size_t n;
    struct modstats *stats;

    cmd_need(p, h, "--prometheus", "counters");
    f = flux_rpc(h, "module.stats", NULL, FLUX_NODEID_ANY, 0);
    answer = cmd_json_get(p, f, "module.stats");
    stats = unpack_all(p, answer, &n);
    prometheus_add(&b,
                   (long)json_integer_value(json_object_get(answer, "rank")),
                   stats, n);
    fwrite(b.data, 1, b.size, stdout);
    buf_release(&b);
    free(stats);
    flux_future_destroy(f);
}

static void check_options(struct cli *p)
{
    static const char *const other[] = {"clear", "clear-all", "rusage", "parse",
                                        "scale", "type",      "json"};
    bool base = cli_count(p, "base") > 0;
    bool prometheus = cli_count(p, "prometheus") > 0;

    if (cli_argc(p) == 0 && !prometheus)
        cli_usage_die(p, "missing argument");
    if (prometheus && (base || cli_argc(p) > 0))
        cli_usage_die(p, "--prometheus is for all modules and stands alone");
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(other); i++)
        if (cli_count(p, other[i]) > 0 && (prometheus || (base && i < 3)))
            cli_usage_die(p, "--%s does not go with --%s", other[i],
                          base ? "base" : "prometheus");
}

int cmd_stats_run(struct cli *p)
{
    bool clear = cli_count(p, "clear") > 0;
    bool clear_all = cli_count(p, "clear-all") > 0;
    flux_t *h;

    check_options(p);
    h = cli_open(p);
    if (clear)
        clear_stats(p, h);
    if (clear_all)
        clear_all_stats(p, h);
    if (cli_count(p, "base") > 0)
        print_base(p, h);
    else if (cli_count(p, "prometheus") > 0)
        print_prometheus(p, h);
    else if (!clear && !clear_all)
        print_stats(p, h);
    flux_close(h);
    return 0;
}

static int parse_mask(struct cli *p, const char *name)
{
    const char *text = cli_get(p, name, "");
    int64_t mask;

    if (util_parse_int64(text, 0, &mask) < 0 || mask < INT32_MIN ||
        mask > UINT32_MAX)
        cli_usage_die(p, "Invalid argument for option '%s': '%s'", name, text);
    return (int)(int32_t)(uint32_t)mask; /* on the wire a signed 32-bit one */
}

struct change {
    const char *option, *op;
};

static const struct change changes[] = {
    {"clear", "clr"},
    {"set", "set"},
    {"clearbit", "clrbit"},
    {"setbit", "setbit"},
};

/* The change that was asked for, or one that changes nothing. */
static const char *parse_change(struct cli *p, int *mask)
{
    *mask = 0;
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(changes); i++) {
        if (cli_count(p, changes[i].option) == 0)
            continue;
        if (strcmp(changes[i].op, "clr") != 0)
            *mask = parse_mask(p, changes[i].option);
        return changes[i].op;
    }
    return "setbit";
}

int cmd_stats_debug(struct cli *p)
{
    char *topic = make_topic(p, "debug");
    int mask, flags;
    const char *op = parse_change(p, &mask);
    flux_t *h = cli_open(p);
    flux_future_t *f;

    f = flux_rpc_pack(h, topic, FLUX_NODEID_ANY, 0, "{s:s s:i}", "op", op,
                      "flags", mask);
    wait_plainly(p, f, topic);
    if (flux_rpc_get_unpack(f, "{s:i}", "flags", &flags) < 0)
        cli_die_errno(p, "%s", topic);
    if (cli_count(p, "json") > 0)
        cmd_json_print(p, cmd_json_get(p, f, topic));
    else
        printf("0x%x\n", (unsigned)flags);
    flux_future_destroy(f);
    flux_close(h);
    free(topic);
    return 0;
}

const struct cli_option cmd_stats_options[] = {
    {'p', "parse", CLI_ARG, "OBJNAME",
     "Parse object period-delimited object name"},
    {'s', "scale", CLI_ARG, "N", "Scale numeric JSON value by N"},
    {'t', "type", CLI_ARG, "int|double",
     "Convert JSON value to specified type"},
    {'R', "rusage", CLI_OPTIONAL_ARG, "[self|children|thread]",
     "Request rusage data instead of stats (default: self)"},
    {'c', "clear", CLI_NO_ARG, NULL, "Clear stats on target rank"},
    {'C', "clear-all", CLI_NO_ARG, NULL, "Clear stats on all ranks"},
    {0, "json", CLI_NO_ARG, NULL, "Print JSON on one line"},
    {0, "base", CLI_NO_ARG, NULL,
     "Display what the broker has counted for the module"},
    {0, "prometheus", CLI_NO_ARG, NULL,
     "Display that of all modules as Prometheus reads it"},
    CLI_OPTIONS_END,
};

const struct cli_option cmd_stats_debug_options[] = {
    {'C', "clear", CLI_NO_ARG, NULL, "Set debug flags to 0"},
    {'S', "set", CLI_ARG, "MASK", "Set debug flags to MASK"},
    {'s', "setbit", CLI_ARG, "VAL", "Set one debug flag to 1"},
    {'c', "clearbit", CLI_ARG, "VAL", "Set one debug flag to 0"},
    CMD_JSON_OPTION,
    CLI_OPTIONS_END,
};
