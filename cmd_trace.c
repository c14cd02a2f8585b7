/* cmd_trace.c - flux module trace: show the messages of modules
 *
 * The broker copies a summary of each message that a traced module receives
 * or sends to whoever asked for it with the streaming request module.trace.
 * One summary is one line:
 *
 *     2026-11-23T00:44:38.502 testmod tx < testmod.ping [157] success
 *
 * the time, the module, rx or tx as the module sees it, a character for the
 * message's type, the topic, the payload's size, and what became of a
 * response.  With --full the payload follows, if it is JSON, and the text of
 * an error.
 *
 * What always holds:
 * - The filters (names, types, topic) are applied by the broker; what comes
 *   is shown.  A module may be traced before it is loaded, so that a name
 *   that no module has is no error.
 * - With --human the time is a distance from the minute last shown; with
 *   --delta from the line before.
 * - Each line is written out at once, and a reader that goes away ends the
 *   command by SIGPIPE, without a word.
 */
#include "cmd_trace.h"

#include "json.h"
#include "term.h"

struct trace {
    bool color, human, full;
    struct term_clock clock;
};

struct record {
    double timestamp;
    const char *prefix, *name, *topic, *errstr;
    int type, errnum;
    int64_t size;
    json_t *payload; /* NULL or JSON null where there is none to show */
};

struct type {
    int bit;
    const char *name;
    const char *sign;
    const char *style;
};

static const struct type types[] = {
    {FLUX_MSGTYPE_REQUEST, "request", ">", TERM_BOLD_BLUE},
    {FLUX_MSGTYPE_RESPONSE, "response", "<", TERM_CYAN},
    {FLUX_MSGTYPE_EVENT, "event", "e", TERM_YELLOW},
    {FLUX_MSGTYPE_CONTROL, "control", "c", TERM_PLAIN},
    {0, NULL, NULL, NULL},
};

static const struct type unknown_type = {0, "unknown", "?", TERM_PLAIN};

#define ERROR_NAME(symbol) \
    {                      \
        symbol, #symbol    \
    }
static const struct {
    int errnum;
    const char *name;
} error_names[] = {
    ERROR_NAME(EPERM),
    ERROR_NAME(ENOENT),
    ERROR_NAME(ESRCH),
    ERROR_NAME(EINTR),
    ERROR_NAME(EIO),
    ERROR_NAME(ENXIO),
    ERROR_NAME(E2BIG),
    ERROR_NAME(ENOEXEC),
    ERROR_NAME(EBADF),
    ERROR_NAME(ECHILD),
    ERROR_NAME(EAGAIN),
    ERROR_NAME(ENOMEM),
    ERROR_NAME(EACCES),
    ERROR_NAME(EFAULT),
    ERROR_NAME(EBUSY),
    ERROR_NAME(EEXIST),
    ERROR_NAME(EXDEV),
    ERROR_NAME(ENODEV),
    ERROR_NAME(ENOTDIR),
    ERROR_NAME(EISDIR),
    ERROR_NAME(EINVAL),
    ERROR_NAME(ENFILE),
    ERROR_NAME(EMFILE),
    ERROR_NAME(ENOTTY),
    ERROR_NAME(ETXTBSY),
    ERROR_NAME(EFBIG),
    ERROR_NAME(ENOSPC),
    ERROR_NAME(ESPIPE),
    ERROR_NAME(EROFS),
    ERROR_NAME(EMLINK),
    ERROR_NAME(EPIPE),
    ERROR_NAME(EDOM),
    ERROR_NAME(ERANGE),
    ERROR_NAME(EDEADLK),
    ERROR_NAME(ENAMETOOLONG),
    ERROR_NAME(ENOLCK),
    ERROR_NAME(ENOSYS),
    ERROR_NAME(ENOTEMPTY),
    ERROR_NAME(ELOOP),
    ERROR_NAME(ENOMSG),
    ERROR_NAME(EIDRM),
    ERROR_NAME(ENOSTR),
    ERROR_NAME(ENODATA),
    ERROR_NAME(ETIME),
    ERROR_NAME(ENOSR),
    ERROR_NAME(ENOLINK),
    ERROR_NAME(EPROTO),
    ERROR_NAME(EMULTIHOP),
    ERROR_NAME(EBADMSG),
    ERROR_NAME(EOVERFLOW),
    ERROR_NAME(EILSEQ),
    ERROR_NAME(ENOTSOCK),
    ERROR_NAME(EDESTADDRREQ),
    ERROR_NAME(EMSGSIZE),
    ERROR_NAME(EPROTOTYPE),
    ERROR_NAME(ENOPROTOOPT),
    ERROR_NAME(EOPNOTSUPP),
    ERROR_NAME(EPROTONOSUPPORT),
    ERROR_NAME(EAFNOSUPPORT),
    ERROR_NAME(EADDRINUSE),
    ERROR_NAME(ENETDOWN),
    ERROR_NAME(EADDRNOTAVAIL),
    ERROR_NAME(ENETUNREACH),
    ERROR_NAME(ENETRESET),
    ERROR_NAME(ECONNABORTED),
    ERROR_NAME(ECONNRESET),
    ERROR_NAME(ENOBUFS),
    ERROR_NAME(EISCONN),
    ERROR_NAME(ENOTCONN),
    ERROR_NAME(ETIMEDOUT),
    ERROR_NAME(ECONNREFUSED),
    ERROR_NAME(EHOSTUNREACH),
    ERROR_NAME(EALREADY),
    ERROR_NAME(EINPROGRESS),
    ERROR_NAME(ESTALE),
    ERROR_NAME(EDQUOT),
    ERROR_NAME(ECANCELED),
    ERROR_NAME(EOWNERDEAD),
    ERROR_NAME(ENOTRECOVERABLE),
    {0, NULL},
};

/* NULL where the number has no name here. */
static const char *error_name(int errnum)
{
    int i = 0;

    while (error_names[i].name && error_names[i].errnum != errnum)
        i++;
    return error_names[i].name;
}

static const struct type *find_type(int bit)
{
    int i = 0;

    while (types[i].name && types[i].bit != bit)
        i++;
    return types[i].name ? &types[i] : &unknown_type;
}

static int parse_type(struct cli *p, const char *name)
{
    int i = 0;

    while (types[i].name && strcmp(types[i].name, name) != 0)
        i++;
    if (!types[i].name)
        cli_usage_die(p, "valid types: request, response, event, control");
    return types[i].bit;
}

static int parse_types(struct cli *p)
{
    char **names = cli_list(p, "type");
    int typemask = 0;

    for (int i = 0; names[i]; i++)
        typemask |= parse_type(p, names[i]);
    free(names);
    return typemask ? typemask : FLUX_MSGTYPE_ANY;
}

/* "157", "1.9248047K": as many digits as tell it from its neighbours. */
static void print_size(FILE *f, int64_t size)
{
    static const char units[] = "\0KMG";
    double value = (double)size;
    int unit = 0;

    for (; value >= 1024 && units[unit + 1]; unit++)
        value /= 1024;
    if (unit > 0)
        fprintf(f, "[%.8g%c]", value, units[unit]);
    else
        fprintf(f, "[%.0f]", value);
}

static void print_outcome(FILE *f, const struct record *r)
{
    const char *name = error_name(r->errnum);

    if (r->errnum == 0)
        fputs(" success", f);
    else if (name)
        fprintf(f, " %s", name);
    else
        fprintf(f, " errno %d", r->errnum);
}

static void print_payload(FILE *f, const struct record *r)
{
    if (r->payload && !json_is_null(r->payload)) {
        fputc('\n', f);
        json_dumpf(r->payload, f, JSON_INDENT(2) | JSON_ENCODE_ANY);
    }
    if (r->errnum != 0 && *r->errstr)
        fprintf(f, "\n%s", r->errstr);
}

static void
format_record(FILE *f, const struct trace *t, const struct record *r)
{
    fprintf(f, "%s %s %s %s ", r->name, r->prefix, find_type(r->type)->sign,
            r->topic);
    print_size(f, r->size);
    if (r->type == FLUX_MSGTYPE_RESPONSE)
        print_outcome(f, r);
    if (t->full)
        print_payload(f, r);
}

static void print_time(struct trace *t, double timestamp)
{
    struct timespec ts = {.tv_sec = (time_t)timestamp};
    char stamp[TERM_STAMP_SIZE];
    const char *style = TERM_GREEN;

    ts.tv_nsec = (long)((timestamp - (double)ts.tv_sec) * 1e9);
    if (!t->human)
        term_milli_stamp(ts, stamp);
    else if (term_clock_stamp(&t->clock, ts, stamp))
        style = TERM_BOLD TERM_GREEN;
    term_print(t->color, style, stamp);
    fputs(t->human ? "  " : " ", stdout);
}

static const char *record_style(const struct record *r)
{
    if (r->type == FLUX_MSGTYPE_RESPONSE && r->errnum != 0)
        return TERM_BOLD TERM_RED;
    return find_type(r->type)->style;
}

static int print_record(struct trace *t, const struct record *r)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return -1;
    format_record(f, t, r);
    if (fclose(f) != 0) {
        free(text);
        return -1;
    }
    print_time(t, r->timestamp);
    term_print(t->color, record_style(r), text);
    putchar('\n');
    fflush(stdout);
    free(text);
    return 0;
}

static int decode_record(flux_future_t *f, struct record *r)
{
    json_int_t size = 0;

    memset(r, 0, sizeof(*r));
    r->topic = r->errstr = "";
    if (flux_rpc_get_unpack(
            f, "{s:F s:s s:s s:i s?s s?I s?o s?i s?s}", "timestamp",
            &r->timestamp, "prefix", &r->prefix, "name", &r->name, "type",
            &r->type, "topic", &r->topic, "payload_size", &size, "payload",
            &r->payload, "errnum", &r->errnum, "errstr", &r->errstr) < 0)
        return -1;
    r->size = size;
    return 0;
}

static json_t *names_array(struct cli *p)
{
    json_t *names = json_array();

    for (char **argv = cli_argv(p); names && *argv; argv++)
        if (json_array_append_new(names, json_string(*argv)) < 0)
            cli_die(p, "%s: not UTF-8", *argv);
    if (!names)
        cli_die_errno(p, "module.trace");
    return names;
}

static flux_future_t *request(struct cli *p, flux_t *h, int typemask)
{
    return flux_rpc_pack(h, "module.trace", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                         "{s:i s:s s:o s:b}", "typemask", typemask,
                         "topic_glob", cli_get(p, "topic", "*"), "names",
                         names_array(p), "full", cli_count(p, "full") > 0);
}

static void print_stream(struct cli *p, struct trace *t, flux_future_t *f)
{
    struct record r;

    while (decode_record(f, &r) == 0) {
        if (print_record(t, &r) < 0)
            cli_die_errno(p, "module.trace");
        flux_future_reset(f);
    }
    if (errno != ENODATA)
        cli_die(p, "module.trace: %s", future_strerror(f, errno));
}

static void parse_options(struct cli *p, struct trace *t)
{
    const char *when = cli_get(p, "color", NULL);

    t->human = cli_count(p, "human") > 0;
    t->full = cli_count(p, "full") > 0;
    t->clock.delta = cli_count(p, "delta") > 0;
    t->clock.from_minute = true;
    if (t->clock.delta && !t->human)
        cli_usage_die(p, "--delta can only be used with --human");
    if (term_color(when, &t->color) < 0)
        cli_usage_die(p, "Invalid argument to --color: '%s'", when);
}

int cmd_trace_run(struct cli *p)
{
    struct trace t = {0};
    int typemask = parse_types(p);
    flux_future_t *f;
    flux_t *h;

    parse_options(p, &t);
    h = cli_open(p);
    if (!(f = request(p, h, typemask)))
        cli_die_errno(p, "module.trace");
    print_stream(p, &t, f);
    flux_future_destroy(f);
    flux_close(h);
    return 0;
}

const struct cli_option cmd_trace_options[] = {
    {'f', "full", CLI_NO_ARG, NULL, "Show JSON message payload, if any"},
    {'T', "topic", CLI_ARG, "GLOB", "Filter output by message topic glob"},
    {'t', "type", CLI_ARG, "TYPE,...",
     "Filter output by message type (request, response, event, control)"},
    {'L', "color", CLI_OPTIONAL_ARG, "WHEN",
     "Colorize output when supported; WHEN can be 'always' (default if "
     "omitted), 'never', or 'auto' (default)."},
    {'H', "human", CLI_NO_ARG, NULL, "Human readable output"},
    {'d', "delta", CLI_NO_ARG, NULL,
     "With --human, show timestamp delta between messages"},
    CLI_OPTIONS_END,
};
