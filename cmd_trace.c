/* cmd_trace.c - flux module trace: show the messages of modules
 *
 * The broker copies a summary of each message that a traced module receives
 * or sends to whoever asked for it with the streaming request module.trace.
 * This file asks, decides which of them are shown, pairs responses with their
 * requests if that is wanted, and knows when it is enough; how a message is
 * written is up to the form (tracefmt.h).
 *
 * What always holds:
 * - The broker applies the filters that it knows: names, types, topic.  It is
 *   asked for more types than are shown where a response needs its request.
 *   A module may be traced before it is loaded, so that a name that no module
 *   has is no error.
 * - Headers and routes are asked for only where they are shown or needed.  A
 *   broker that does not know of them leaves them out: then it is said what
 *   is missing, and nothing is made up.
 * - Records come one by one or, from a broker that can, many in a response.
 * - With many ranks each record tells its own: in JSON as "rank", elsewhere
 *   as a part of the module's name.  A rank that cannot be traced is named,
 *   and makes the status 1; the others go on.
 * - Messages that are missing because this reader was too slow are told of,
 *   whatever the filters are; no call is paired across such a gap.
 * - What has been written leaves before the command waits.  A reader that goes
 *   away ends it by SIGPIPE, without a word.
 * - A form that has an end gets it also on SIGINT and SIGTERM, with status 0.
 */
#include "cmd_trace.h"

#include <math.h>
#include <signal.h>

#include "json.h"
#include "ranks.h"
#include "term.h"
#include "tracefmt.h"
#include "util.h"

/* How an answer begins that has many records, each on a line of its own. */
#define BATCH_HEAD "{\"records\":[\n"

enum {
    OUTPUT_SIZE = 64 * 1024, /* written at once, if there is so much */
    WATCHERS_MAX = 4,        /* before sleep, the end of time, two signals */
};

/* What one rank tells. */
struct stream {
    struct trace *t;
    uint32_t rank;
    flux_future_t *f;
    bool ended; /* by the broker */
};

struct trace {
    struct cli *p;
    struct stream *streams;
    size_t count;
    size_t live; /* streams that have not ended */
    int failed;  /* streams that have ended with an error */
    flux_reactor_t *reactor;
    flux_watcher_t *watchers[WATCHERS_MAX];
    int watcher_count;
    const struct tracefmt *fmt;
    void *out;
    struct tracefmt_options o;
    struct tracepair *pairs; /* or NULL: nothing is paired */
    int typemask;            /* of what is shown */
    bool errors;             /* failed responses only */
    bool checked;            /* that the broker tells what is needed */
    bool plain;              /* all that comes is shown as it is */
    json_int_t left;         /* messages still to be shown; < 0: any number */
};

static const struct {
    const char *name;
    int bit;
} types[] = {
    {"request", FLUX_MSGTYPE_REQUEST},
    {"response", FLUX_MSGTYPE_RESPONSE},
    {"event", FLUX_MSGTYPE_EVENT},
    {"control", FLUX_MSGTYPE_CONTROL},
    {NULL, 0},
};

/* What a broker tells that knows of `proto`. */
static const char *const proto_keys[] = {
    "matchtag", "nodeid", "flags", "userid", "rolemask", "routes", "uuid", NULL,
};

/* ---- one record -------------------------------------------------------- */

static int decode_fields(json_t *o, struct tracefmt_record *r)
{
    json_t *matchtag = NULL, *nodeid = NULL;
    json_int_t size = 0;

    if (json_unpack(
            o,
            "{s:F s:s s:s s:i s?s s?I s?o s?i s?s s?I s?s s?o s?o s?I s?I s?I "
            "s?o}",
            "timestamp", &r->timestamp, "prefix", &r->prefix, "name", &r->name,
            "type", &r->type, "topic", &r->topic, "payload_size", &size,
            "payload", &r->payload, "errnum", &r->errnum, "errstr", &r->errstr,
            "dropped", &r->dropped, "uuid", &r->uuid, "matchtag", &matchtag,
            "nodeid", &nodeid, "flags", &r->flags, "userid", &r->userid,
            "rolemask", &r->rolemask, "routes", &r->routes) < 0)
        return util_fail(EPROTO);
    r->size = size;
    r->matchtag = json_integer_value(matchtag);
    r->nodeid = json_is_integer(nodeid) ? json_integer_value(nodeid) : -1;
    return 0;
}

/* The names of those that are missing, in new memory, or NULL. */
static char *missing_keys(const json_t *o)
{
    char *list = NULL, *longer;

    for (int i = 0; proto_keys[i]; i++) {
        if (json_object_get(o, proto_keys[i]))
            continue;
        longer = util_asprintf("%s%s%s", list ? list : "", list ? ", " : "",
                               proto_keys[i]);
        free(list);
        list = longer;
    }
    return list;
}

/* Once, at the first message. */
static void check_broker(struct trace *t, const json_t *o)
{
    char *missing;

    if (t->checked || !(t->o.proto || t->fmt->wants_proto || t->o.match))
        return;
    t->checked = true;
    if (!(missing = missing_keys(o)))
        return;
    if (t->o.match || t->fmt->needs_calls)
        cli_die(t->p, "%s%s: this broker does not tell %s",
                t->fmt->needs_calls ? "--format=" : "--match",
                t->fmt->needs_calls ? t->fmt->name : "", missing);
    cli_warn(t->p, "this broker does not tell %s", missing);
    free(missing);
}

static bool is_shown(const struct trace *t, const struct tracefmt_record *r)
{
    if (t->errors)
        return r->type == FLUX_MSGTYPE_RESPONSE && r->errnum != 0;
    return (r->type & t->typemask) != 0;
}

static int show(struct trace *t, const struct tracefmt_record *r)
{
    if (t->left > 0)
        t->left--;
    return t->fmt->record(t->out, r);
}

static int handle_message(struct trace *t, struct tracefmt_record *r)
{
    int rc = 0;

    if (t->pairs && tracepair_look(t->pairs, r) < 0)
        return -1;
    if (r->call && r->type == FLUX_MSGTYPE_REQUEST && t->fmt->begin)
        rc = t->fmt->begin(t->out, r);
    if (rc == 0 && is_shown(t, r))
        rc = show(t, r);
    if (r->call && r->last)
        r->call->answered = true;
    if (t->pairs)
        tracepair_settle(t->pairs, r);
    return rc;
}

static int handle_dropped(struct trace *t, const struct tracefmt_record *r)
{
    if (t->pairs)
        tracepair_clear(t->pairs);
    return t->fmt->dropped(t->out, r);
}

static void forget_call(struct tracepair_call *c, void *arg)
{
    struct trace *t = arg;

    if (t->fmt->forget)
        t->fmt->forget(t->out, c, !c->answered && !t->errors);
}

/* ---- the stream ---------------------------------------------------------- */

static void finish(struct trace *t)
{
    tracepair_destroy(t->pairs);
    t->pairs = NULL;
    if (t->fmt->close(t->out) < 0 || fflush(stdout) == EOF || ferror(stdout))
        cli_die_errno(t->p, "stdout");
}

static void stream_ended(struct stream *s, int errnum)
{
    struct trace *t = s->t;
    char rank[32] = "";

    s->ended = true;
    if (s->rank != FLUX_NODEID_ANY)
        snprintf(rank, sizeof(rank), "rank %lu: ", (unsigned long)s->rank);
    if (errnum != ENODATA) {
        cli_warn(t->p, "module.trace: %s%s", rank,
                 future_strerror(s->f, errnum));
        t->failed++;
    }
    if (--t->live == 0)
        flux_reactor_stop(t->reactor);
}

/* Where a message was seen: told in the text of a record that is passed on,
 * else by the module's name.  New memory, for as long as the record.
 */
static char *mark(struct stream *s, json_t *o, struct tracefmt_record *r)
{
    char *text;

    if (!s->t->fmt->passes_on) {
        r->name = text =
            util_asprintf("%s@%lu", r->name, (unsigned long)s->rank);
        return text;
    }
    json_object_set_new(o, "rank", json_integer(s->rank));
    r->text = text = json_dumps(o, JSON_COMPACT);
    r->text_size = text ? strlen(text) : 0;
    return text;
}

static int show_value(struct trace *t, json_t *o, struct tracefmt_record *r)
{
    if (r->dropped > 0)
        return handle_dropped(t, r);
    check_broker(t, o);
    return handle_message(t, r);
}

static int handle_value(struct stream *s, json_t *o, struct tracefmt_record *r)
{
    char *marked = NULL;
    int rc;

    if (!o || decode_fields(o, r) < 0)
        return util_fail(EPROTO);
    if (s->t->count > 1 && !(marked = mark(s, o, r)))
        return -1;
    rc = show_value(s->t, o, r);
    free(marked);
    return rc;
}

/* One record, unread if nothing of it has to be known. */
static int handle_record(struct stream *s, const char *text, size_t size)
{
    struct trace *t = s->t;
    struct tracefmt_record r = {.text = text, .text_size = size};
    json_t *o;
    int rc;

    r.topic = r.errstr = "";
    r.latency = -1.;
    if (t->plain && t->checked)
        return t->fmt->record(t->out, &r);
    o = json_loadb(text, size, 0, NULL);
    rc = handle_value(s, o, &r);
    json_decref(o);
    return rc;
}

/* Lines up to the one that closes the array, commas between them. */
static int handle_batch(struct stream *s, const char *line)
{
    const char *end;
    int rc = 0;

    for (; rc == 0 && s->t->left != 0 && *line == '{'; line = end + 1) {
        if (!(end = strchr(line, '\n')))
            return util_fail(EPROTO);
        rc = handle_record(s, line, (size_t)(end - line) - (end[-1] == ','));
    }
    return rc;
}

static int handle_response(struct stream *s)
{
    const char *text;

    if (flux_rpc_get(s->f, &text) < 0) {
        stream_ended(s, errno);
        return 0;
    }
    if (!text)
        return util_fail(EPROTO);
    if (strncmp(text, BATCH_HEAD, strlen(BATCH_HEAD)) == 0)
        return handle_batch(s, text + strlen(BATCH_HEAD));
    return handle_record(s, text, strlen(text));
}

/* All that has come, so that nothing piles up here. */
static void on_response(flux_future_t *f, void *arg)
{
    struct stream *s = arg;
    struct trace *t = s->t;

    do {
        if (handle_response(s) < 0)
            cli_die_errno(t->p, "module.trace");
        if (t->left == 0)
            flux_reactor_stop(t->reactor);
        if (t->left == 0 || s->ended)
            return;
        flux_future_reset(f);
    } while (flux_future_is_ready(f));
}

static void
before_sleep(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct trace *t = arg;

    (void)r;
    (void)w;
    (void)revents;
    if (fflush(stdout) == EOF)
        cli_die_errno(t->p, "stdout");
}

static void enough(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)w;
    (void)revents;
    (void)arg;
    flux_reactor_stop(r);
}

static void add_watcher(struct trace *t, flux_watcher_t *w)
{
    if (!w)
        cli_die_errno(t->p, "module.trace");
    flux_watcher_start(w);
    flux_watcher_unref(w);
    t->watchers[t->watcher_count++] = w;
}

static void watch(struct trace *t)
{
    flux_reactor_t *r = t->reactor;
    double duration = cli_duration(t->p, "for", -1.);

    add_watcher(t, flux_prepare_watcher_create(r, before_sleep, t));
    if (duration >= 0. && duration < INFINITY)
        add_watcher(t, flux_timer_watcher_create(r, duration, 0., enough, t));
    if (!t->fmt->whole)
        return;
    add_watcher(t, flux_signal_watcher_create(r, SIGINT, enough, t));
    add_watcher(t, flux_signal_watcher_create(r, SIGTERM, enough, t));
}

static void unwatch(struct trace *t)
{
    while (t->watcher_count > 0)
        flux_watcher_destroy(t->watchers[--t->watcher_count]);
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

/* Spans and latencies need requests beside the responses. */
static int wanted_types(const struct trace *t)
{
    int wanted = t->errors ? FLUX_MSGTYPE_RESPONSE : t->typemask;

    if (t->pairs && (wanted & FLUX_MSGTYPE_RESPONSE))
        wanted |= FLUX_MSGTYPE_REQUEST;
    return wanted;
}

static void request(struct stream *s, flux_t *h)
{
    struct trace *t = s->t;
    struct cli *p = t->p;
    bool proto = t->o.proto || t->o.match || t->fmt->wants_proto;
    json_t *o = json_pack("{s:i s:s s:o s:b}", "typemask", wanted_types(t),
                          "topic_glob", cli_get(p, "topic", "*"), "names",
                          names_array(p), "full", t->o.full);

    if (!o || (proto && (json_object_set_new(o, "proto", json_true()) < 0 ||
                         json_object_set_new(o, "batch", json_true()) < 0)))
        cli_die(p, "--topic is not UTF-8");
    s->f =
        flux_rpc_pack(h, "module.trace", s->rank, FLUX_RPC_STREAMING, "o", o);
    if (!s->f || flux_future_then(s->f, -1., on_response, s) < 0)
        cli_die_errno(p, "module.trace");
}

static void request_all(struct trace *t, flux_t *h)
{
    struct idset *ranks = ranks_parse(t->p, h);
    uint32_t rank = ranks ? idset_next(ranks, 0) : FLUX_NODEID_ANY;

    t->count = t->live = ranks_count(ranks);
    if (!(t->streams = calloc(t->count, sizeof(*t->streams))))
        cli_die_errno(t->p, "module.trace");
    if (t->count > 1)
        t->plain = false;
    for (size_t i = 0; i < t->count; i++) {
        t->streams[i] = (struct stream){.t = t, .rank = rank};
        request(&t->streams[i], h);
        rank = ranks ? idset_next(ranks, rank + 1) : rank;
    }
    idset_destroy(ranks);
}

static void destroy_streams(struct trace *t)
{
    for (size_t i = 0; i < t->count; i++)
        flux_future_destroy(t->streams[i].f);
    free(t->streams);
}

/* ---- options ----------------------------------------------------------------
 */

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

static const struct tracefmt *parse_format(struct cli *p)
{
    const char *name = cli_get(p, "format", NULL);
    bool json = cli_count(p, "json") > 0;
    const struct tracefmt *fmt;

    if (json && name && strcmp(name, "json") != 0)
        cli_usage_die(p, "--json and --format=%s exclude each other", name);
    fmt = tracefmt_find(json ? "json" : name ? name : "text");
    if (!fmt)
        cli_usage_die(p, "valid formats: " TRACEFMT_NAMES);
    return fmt;
}

static json_int_t parse_count(struct cli *p)
{
    json_int_t count = cli_int(p, "count", -1);

    if (cli_count(p, "count") > 0 && count <= 0)
        cli_usage_die(p, "--count must be at least 1");
    return count;
}

static void refuse_with_format(struct trace *t, const char *option)
{
    if (cli_count(t->p, option) > 0)
        cli_usage_die(t->p, "--%s cannot be used with --format=%s", option,
                      t->fmt->name);
}

static void parse_options(struct trace *t)
{
    struct cli *p = t->p;
    const char *when = cli_get(p, "color", NULL);

    t->o.human = cli_count(p, "human") > 0;
    t->o.delta = cli_count(p, "delta") > 0;
    t->o.proto = cli_count(p, "proto") > 0;
    t->o.match = cli_count(p, "match") > 0;
    t->o.full = cli_count(p, "full") > 0 || t->fmt == &tracefmt_json;
    t->errors = cli_count(p, "errors") > 0;
    t->typemask = parse_types(p);
    t->left = parse_count(p);
    if (t->o.delta && !t->o.human)
        cli_usage_die(p, "--delta can only be used with --human");
    if (term_color(when, &t->o.color) < 0)
        cli_usage_die(p, "Invalid argument to --color: '%s'", when);
    if (t->fmt != &tracefmt_text)
        refuse_with_format(t, "human");
    if (t->fmt == &tracefmt_mermaid)
        refuse_with_format(t, "full");
}

int cmd_trace_run(struct cli *p)
{
    struct trace t = {.p = p, .fmt = parse_format(p)};
    flux_t *h;

    parse_options(&t);
    h = cli_open(p);
    t.reactor = flux_get_reactor(h);
    if (t.o.match || t.fmt->needs_calls)
        t.pairs = tracepair_create(forget_call, &t);
    if (!t.reactor || (!t.pairs && (t.o.match || t.fmt->needs_calls)) ||
        !(t.out = t.fmt->open(stdout, &t.o)))
        cli_die_errno(p, "module.trace");
    t.plain = t.fmt->passes_on && !t.pairs && !t.errors && t.left < 0;
    setvbuf(stdout, NULL, _IOFBF, OUTPUT_SIZE);
    watch(&t);
    request_all(&t, h);
    if (flux_reactor_run(t.reactor, 0) < 0)
        cli_die_errno(p, "module.trace");
    finish(&t);
    unwatch(&t);
    destroy_streams(&t);
    flux_close(h);
    return t.failed ? 1 : 0;
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
    {0, "proto", CLI_NO_ARG, NULL, "Show message headers and routes"},
    {0, "match", CLI_NO_ARG, NULL,
     "Show the time from each request to its response"},
    {0, "errors", CLI_NO_ARG, NULL, "Show failed responses only"},
    {0, "count", CLI_ARG, "N", "Stop after N messages"},
    {0, "for", CLI_ARG, "FSD", "Stop after this time"},
    RANKS_OPTION("Trace the modules of these broker ranks"),
    {0, "json", CLI_NO_ARG, NULL, "Print a JSON object for each message"},
    {0, "format", CLI_ARG, "FORMAT",
     "Output as text, json, perfetto (Chrome trace-event file) or mermaid "
     "(sequence diagram)"},
    CLI_OPTIONS_END,
};
