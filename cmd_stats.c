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
 * - With --rank many ranks are asked at once.  One answer is printed as it
 *   would be without; more are lines that begin with the rank, or one object
 *   with the ranks as keys where they are more than a word each.
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
#include "ranks.h"
#include "util.h"

enum number_type { NUMBER_ANY, NUMBER_INT, NUMBER_DOUBLE };

static char *make_topic(struct cli *p, const char *method)
{
    char *topic = util_asprintf("%s.%s", cli_argv(p)[0], method);

    if (!topic)
        cli_die_errno(p, "%s", method);
    return topic;
}

/* ---- one question to one or many ranks ------------------------------------
 */

struct question {
    json_t *payload; /* or NULL */
    json_t *answers; /* by rank */
    bool many;       /* ranks were asked */
    int failed;      /* so many of them */
};

static json_t *payload_of(uint32_t rank, void *arg)
{
    struct question *q = arg;

    (void)rank;
    return json_incref(q->payload);
}

static int take_answer(uint32_t rank, flux_future_t *f, void *arg)
{
    struct question *q = arg;
    json_t *answer = NULL;
    const char *text;
    char key[16];

    if (flux_rpc_get(f, &text) < 0 ||
        (text && flux_rpc_get_unpack(f, "o", &answer) < 0))
        return -1;
    snprintf(key, sizeof(key), "%lu", (unsigned long)rank);
    if (answer && json_object_set(q->answers, key, answer) < 0)
        return -1;
    return 0;
}

/* What goes wrong is told, and ends the command unless --rank was given.
 * `call` has the topic and what differs.
 */
static void
ask(struct cli *p, flux_t *h, struct ranks_call call, struct question *q)
{
    struct idset *ranks = ranks_parse(p, h);

    if (!(q->answers = json_object()))
        cli_die_errno(p, "%s", call.topic);
    call.timeout = ranks ? RANKS_PATIENCE : -1;
    call.payload = payload_of;
    call.answer = take_answer;
    call.arg = q;
    if (!call.what)
        call.what = call.topic;
    q->many = ranks_count(ranks) > 1;
    q->failed = ranks_call(p, h, ranks, &call);
    if (q->failed && !ranks)
        exit(1);
    idset_destroy(ranks);
}

/* On how many ranks it has failed. */
static int question_end(struct question *q)
{
    json_decref(q->payload);
    json_decref(q->answers);
    return q->failed;
}

static int clear_stats(struct cli *p, flux_t *h)
{
    char *topic = make_topic(p, "stats-clear");
    struct ranks_call call = {.topic = topic, .plain = true};
    struct question q = {.payload = NULL};

    ask(p, h, call, &q);
    free(topic);
    return question_end(&q);
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

static json_t *rusage_payload(struct cli *p)
{
    const char *who = cli_get(p, "rusage", "");

    return *who ? json_pack("{s:s}", "who", who) : NULL;
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

static bool is_scalar(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

/* Of each answer only what --parse asks for; whether all are one word. */
static bool reduce(struct cli *p, json_t *answers)
{
    const char *path = cli_get(p, "parse", NULL), *rank;
    bool scalar = true;
    json_t *answer, *value;

    json_object_foreach(answers, rank, answer)
    {
        if (!(value = walk(answer, path)))
            cli_die(p, "`%s' not found in response", path ? path : "");
        scalar = scalar && is_scalar(value);
        json_object_set(answers, rank, value);
    }
    return scalar;
}

/* One alone as it is; many with their ranks. */
static void print_answers(struct cli *p, struct question *q)
{
    double scale = cli_double(p, "scale", 1.0);
    enum number_type type = parse_type(p);
    bool scalar = reduce(p, q->answers);
    const char *rank;
    json_t *value;

    if (q->many && (!scalar || cli_count(p, "json") > 0)) {
        print_value(p, q->answers, scale, type);
        return;
    }
    json_object_foreach(q->answers, rank, value)
    {
        if (q->many)
            printf("%s: ", rank);
        print_value(p, value, scale, type);
    }
}

static int print_stats(struct cli *p, flux_t *h)
{
    bool rusage = cli_count(p, "rusage") > 0;
    char *topic = make_topic(p, rusage ? "rusage" : "stats-get");
    struct ranks_call call = {.topic = topic};
    struct question q = {.payload = rusage ? rusage_payload(p) : NULL};

    parse_type(p);
    ask(p, h, call, &q);
    print_answers(p, &q);
    free(topic);
    return question_end(&q);
}

/* What the broker has counted, whatever the module answers to stats-get. */
static int print_base(struct cli *p, flux_t *h)
{
    const char *name = cli_argv(p)[0], *rank;
    struct ranks_call call = {.topic = "module.stats", .what = name};
    struct question q = {.payload = json_pack("{s:s}", "name", name)};
    json_t *answer;

    cmd_need(p, h, "--base", "counters");
    ask(p, h, call, &q);
    json_object_foreach(q.answers, rank, answer)
    {
        json_t *mods = json_object_get(answer, "mods");

        json_object_set(q.answers, rank, json_array_get(mods, 0));
    }
    print_answers(p, &q);
    return question_end(&q);
}

static size_t count_modules(json_t *answers)
{
    const char *rank;
    json_t *answer;
    size_t n = 0;

    json_object_foreach(answers, rank, answer)
    {
        n += json_array_size(json_object_get(answer, "mods"));
    }
    return n;
}

static size_t unpack(struct cli *p, json_t *answer, struct modstats *stats)
{
    json_t *mods = json_object_get(answer, "mods"), *mod;
    json_int_t rank = json_integer_value(json_object_get(answer, "rank"));
    size_t i;

    json_array_foreach(mods, i, mod)
    {
        if (modstats_unpack(mod, &stats[i]) < 0)
            cli_die_errno(p, "module.stats");
        stats[i].rank = (long)rank;
    }
    return i;
}

/* Of all ranks together. */
static struct modstats *unpack_all(struct cli *p, json_t *answers, size_t *n)
{
    struct modstats *all = calloc(count_modules(answers) + 1, sizeof(*all));
    const char *rank;
    json_t *answer;

    if (!all)
        cli_die_errno(p, "module.stats");
    *n = 0;
    json_object_foreach(answers, rank, answer)
    {
        *n += unpack(p, answer, &all[*n]);
    }
    return all;
}

static int print_prometheus(struct cli *p, flux_t *h)
{
    struct ranks_call call = {.topic = "module.stats"};
    struct question q = {.payload = NULL};
    struct buf b = {0};
    struct modstats *stats;
    size_t n;

    cmd_need(p, h, "--prometheus", "counters");
    ask(p, h, call, &q);
    stats = unpack_all(p, q.answers, &n);
    prometheus_add(&b, stats, n);
    fwrite(b.data, 1, b.size, stdout);
    buf_release(&b);
    free(stats);
    return question_end(&q);
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
    int failed = 0;
    flux_t *h;

    check_options(p);
    h = cli_open(p);
    if (clear)
        failed += clear_stats(p, h);
    if (clear_all)
        clear_all_stats(p, h);
    if (cli_count(p, "base") > 0)
        failed += print_base(p, h);
    else if (cli_count(p, "prometheus") > 0)
        failed += print_prometheus(p, h);
    else if (!clear && !clear_all)
        failed += print_stats(p, h);
    flux_close(h);
    return failed ? 1 : 0;
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

static void print_flags(struct cli *p, struct question *q)
{
    const char *rank;
    json_t *answer;
    int flags;

    json_object_foreach(q->answers, rank, answer)
    {
        if (json_unpack(answer, "{s:i}", "flags", &flags) < 0)
            cli_die(p, "rank %s: %s", rank, flux_strerror(EPROTO));
        if (q->many)
            printf("%s: ", rank);
        printf("0x%x\n", (unsigned)flags);
    }
}

static void print_flags_json(struct cli *p, struct question *q)
{
    void *first = json_object_iter(q->answers);

    if (q->many)
        cmd_json_print(p, q->answers);
    else if (first)
        cmd_json_print(p, json_object_iter_value(first));
}

int cmd_stats_debug(struct cli *p)
{
    char *topic = make_topic(p, "debug");
    struct ranks_call call = {.topic = topic, .plain = true};
    int mask;
    const char *op = parse_change(p, &mask);
    struct question q = {.payload =
                             json_pack("{s:s s:i}", "op", op, "flags", mask)};
    flux_t *h = cli_open(p);

    ask(p, h, call, &q);
    if (cli_count(p, "json") > 0)
        print_flags_json(p, &q);
    else
        print_flags(p, &q);
    flux_close(h);
    free(topic);
    return question_end(&q) ? 1 : 0;
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
    RANKS_OPTION("Ask these broker ranks"),
    CLI_OPTIONS_END,
};

const struct cli_option cmd_stats_debug_options[] = {
    {'C', "clear", CLI_NO_ARG, NULL, "Set debug flags to 0"},
    {'S', "set", CLI_ARG, "MASK", "Set debug flags to MASK"},
    {'s', "setbit", CLI_ARG, "VAL", "Set one debug flag to 1"},
    {'c', "clearbit", CLI_ARG, "VAL", "Set one debug flag to 0"},
    RANKS_OPTION("Ask these broker ranks"),
    CMD_JSON_OPTION,
    CLI_OPTIONS_END,
};
