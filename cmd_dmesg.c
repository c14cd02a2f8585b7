/* cmd_dmesg.c - flux dmesg: print or clear the broker's log
 *
 * The broker keeps the last lines of its log in a ring and streams them on
 * request, one RFC 5424 line a response, the oldest first; the stream ends
 * with ENODATA, or with --follow never.
 *
 * A line `<PRI>1 TIME RANK APP PROCID MSGID SD MESSAGE` is shown as
 * `TIME APP.SEVERITY[RANK]: MESSAGE`, the time as local time.
 *
 * What always holds:
 * - PRI carries the severity in its upper bits and the facility in the lower
 *   three, the other way round than RFC 5424 says; this is what brokers send.
 * - A line that is not in this form is printed as it came, and a time that is
 *   none is too; nothing is hidden because it is odd.
 * - --json makes an array of objects whose keys are RFC 5424's names; with
 *   --follow, which has no end, an object a line.
 * - Each line is written out at once, so that --follow can be read through a
 *   pipe.
 * - With --rank the logs of the ranks come one after the other; a rank that
 *   cannot be asked is named, and the rest is printed.
 * - With --read-clear the ring is cleared only after all of it was printed.
 */
#include "cli.h"
#include "cmd_json.h"
#include "ranks.h"
#include "term.h"
#include "util.h"

struct dmesg {
    json_t *lines; /* with --json but not --follow: all that came */
    bool json;
    bool follow;
    bool color;
    bool human;
    struct term_clock clock;
};

/* The parts of a line; they point into it. */
struct entry {
    int severity; /* 0 to 7 */
    char *time, *rank, *app, *message;
};

struct severity {
    const char *name, *style;
};

static const struct severity severities[] = {
    {"emerg", TERM_REVERSE TERM_RED},
    {"alert", TERM_REVERSE TERM_RED},
    {"crit", TERM_BOLD TERM_RED},
    {"err", TERM_RED},
    {"warning", TERM_BOLD},
    {"notice", TERM_PLAIN},
    {"info", TERM_PLAIN},
    {"debug", TERM_BLUE},
};

static int parse_priority(char *text, int *severity)
{
    char *end;
    unsigned long pri;

    if (*text != '<')
        return -1;
    pri = strtoul(text + 1, &end, 10);
    if (*end != '>' || pri / 8 >= UTIL_ARRAY_SIZE(severities))
        return -1;
    *severity = (int)(pri / 8);
    return 0;
}

/* Cut the word at *at off and step over the blank behind it; NULL if there
 * is none.
 */
static char *next_word(char **at)
{
    char *word = *at, *blank = strchr(word, ' ');

    if (!blank)
        return NULL;
    *blank = '\0';
    *at = blank + 1;
    return word;
}

static int parse_entry(char *line, struct entry *e)
{
    char *priority = next_word(&line);

    e->time = priority ? next_word(&line) : NULL;
    e->rank = e->time ? next_word(&line) : NULL;
    e->app = e->rank ? next_word(&line) : NULL;
    if (!e->app || !next_word(&line) || !next_word(&line) || !next_word(&line))
        return -1;
    e->message = line;
    return parse_priority(priority, &e->severity);
}

static void print_time(struct dmesg *d, const char *text)
{
    char stamp[TERM_STAMP_SIZE];
    const char *style = TERM_GREEN;
    struct timespec t;

    if (term_parse_stamp(text, &t) < 0) {
        term_print(d->color, style, text);
        return;
    }
    if (!d->human)
        term_local_stamp(text, stamp);
    else if (term_clock_stamp(&d->clock, t, stamp))
        style = TERM_BOLD TERM_GREEN;
    term_print(d->color, style, stamp);
}

static void print_source(struct dmesg *d, const struct entry *e)
{
    char *source = util_asprintf("%s.%s[%s]", e->app,
                                 severities[e->severity].name, e->rank);

    if (source)
        term_print(d->color, TERM_YELLOW, source);
    free(source);
}

static void print_entry(struct dmesg *d, const struct entry *e)
{
    print_time(d, e->time);
    fputs(" ", stdout);
    print_source(d, e);
    fputs(": ", stdout);
    term_print(d->color, severities[e->severity].style, e->message);
    fputs("\n", stdout);
}

/* JSON is UTF-8, and a line may be anything. */
static json_t *make_string(char *text)
{
    json_t *value = json_string(text);

    for (char *c = text; !value && *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    return value ? value : json_string(text);
}

static json_t *make_object(char *line, char *copy)
{
    struct entry e;

    if (parse_entry(copy, &e) < 0)
        return json_pack("{s:o}", "message", make_string(line));
    return json_pack("{s:o s:s s:o s:o s:o}", "timestamp", make_string(e.time),
                     "severity", severities[e.severity].name, "hostname",
                     make_string(e.rank), "appname", make_string(e.app),
                     "message", make_string(e.message));
}

static void show_json(struct dmesg *d, char *line, char *copy)
{
    json_t *object = make_object(line, copy);

    if (!d->follow) {
        json_array_append_new(d->lines, object);
        return;
    }
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static void show_text(struct dmesg *d, const char *line, char *copy)
{
    struct entry e;

    if (parse_entry(copy, &e) == 0)
        print_entry(d, &e);
    else
        puts(line);
}

static int print_line(struct dmesg *d, const char *data, size_t len)
{
    char *line = malloc(len + 1), *copy = malloc(len + 1);

    if (line && copy) {
        memcpy(line, data, len);
        line[len] = '\0';
        strcpy(copy, line);
        if (d->json)
            show_json(d, line, copy);
        else
            show_text(d, line, copy);
        fflush(stdout);
    }
    free(line);
    free(copy);
    return line && copy ? 0 : -1;
}

/* How a stream of lines has ended, but for its regular end. */
static int report_end(struct cli *p, uint32_t rank, flux_future_t *f)
{
    if (errno == ENODATA)
        return 0;
    if (rank == FLUX_NODEID_ANY)
        cli_warn(p, "log.dmesg: %s", future_strerror(f, errno));
    else
        cli_warn(p, "log.dmesg: rank %u: %s", (unsigned)rank,
                 future_strerror(f, errno));
    return -1;
}

static int print_log(struct cli *p, flux_t *h, struct dmesg *d, uint32_t rank)
{
    flux_future_t *f;
    const void *data;
    size_t len;
    int rc;

    f = flux_rpc_pack(h, "log.dmesg", rank, FLUX_RPC_STREAMING, "{s:b s:b}",
                      "follow", d->follow, "nobacklog",
                      cli_count(p, "new") > 0);
    if (!f)
        cli_die_errno(p, "log.dmesg");
    while (flux_rpc_get_raw(f, &data, &len) == 0) {
        if (print_line(d, data ? data : "", len) < 0)
            cli_die_errno(p, "log.dmesg");
        flux_future_reset(f);
    }
    rc = report_end(p, rank, f);
    flux_future_destroy(f);
    return rc;
}

static int clear_log(struct cli *p, flux_t *h, uint32_t rank)
{
    flux_future_t *f = flux_rpc(h, "log.clear", NULL, rank, 0);
    int rc = f ? flux_future_get(f, NULL) : -1;

    if (rc < 0)
        cli_warn(p, "log.clear: %s",
                 f ? future_strerror(f, errno) : strerror(errno));
    flux_future_destroy(f);
    return rc;
}

static int do_rank(struct cli *p, flux_t *h, struct dmesg *d, uint32_t rank)
{
    bool clear = cli_count(p, "clear") > 0;

    if (!clear && print_log(p, h, d, rank) < 0)
        return -1;
    if (clear || cli_count(p, "read-clear") > 0)
        return clear_log(p, h, rank);
    return 0;
}

static int do_ranks(struct cli *p, flux_t *h, struct dmesg *d)
{
    struct idset *ranks = ranks_parse(p, h);
    int failed = 0;
    uint32_t rank;

    if (!ranks)
        return do_rank(p, h, d, FLUX_NODEID_ANY) < 0;
    if (d->follow && idset_count(ranks) > 1)
        cli_usage_die(p, "--follow takes one rank only");
    for (rank = idset_next(ranks, 0); rank != IDSET_NONE;
         rank = idset_next(ranks, rank + 1))
        failed += do_rank(p, h, d, rank) < 0;
    idset_destroy(ranks);
    return failed;
}

static void read_options(struct cli *p, struct dmesg *d)
{
    const char *when = cli_get(p, "color", NULL);

    d->human = cli_count(p, "human") > 0;
    d->clock.delta = cli_count(p, "delta") > 0;
    d->json = cli_count(p, "json") > 0;
    d->follow = cli_count(p, "follow") > 0;
    if (d->clock.delta && !d->human)
        cli_usage_die(p, "--delta can only be used with --human");
    if (term_color(when, &d->color) < 0)
        cli_usage_die(p, "Invalid argument to --color: '%s'", when);
}

static int run_dmesg(struct cli *p)
{
    struct dmesg d = {0};
    flux_t *h;
    int failed;

    read_options(p, &d);
    h = cli_open(p);
    if (d.json && !d.follow && cli_count(p, "clear") == 0)
        d.lines = json_array();
    failed = do_ranks(p, h, &d);
    if (d.lines)
        cmd_json_print(p, d.lines);
    json_decref(d.lines);
    flux_close(h);
    return failed > 0;
}

static const struct cli_option options[] = {
    RANKS_OPTION("Use the ring buffers of these broker ranks"),
    {'C', "clear", CLI_NO_ARG, NULL, "Clear the ring buffer"},
    {'c', "read-clear", CLI_NO_ARG, NULL,
     "Clear the ring buffer contents after printing"},
    {'f', "follow", CLI_NO_ARG, NULL, "Track new entries as are logged"},
    {'n', "new", CLI_NO_ARG, NULL, "Show only new log messages"},
    {'H', "human", CLI_NO_ARG, NULL, "Human readable output"},
    {'d', "delta", CLI_NO_ARG, NULL,
     "With --human, show timestamp delta between messages"},
    {'L', "color", CLI_OPTIONAL_ARG, "WHEN",
     "Colorize output when supported; WHEN can be 'always' (default if "
     "omitted), 'never', or 'auto' (default)."},
    CMD_JSON_OPTION,
    CLI_OPTIONS_END,
};

const struct cli_command cmd_dmesg = {
    .name = "flux-dmesg",
    .arguments = "[OPTIONS...]",
    .summary = "Print or control log ring buffer",
    .options = options,
    .run = run_dmesg,
};
