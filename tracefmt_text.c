/* tracefmt_text.c - flux module trace, a line for each message
 *
 *     2026-11-23T00:44:38.502 testmod tx < testmod.ping [157] success
 *
 * the time, the module, rx or tx as the module sees it, a character for the
 * message's type, the topic, the payload's size, and what became of a
 * response.  With --match the response's latency follows, with --proto header
 * and routes; with --full the payload, if it is JSON, and the text of an
 * error on lines of their own.
 *
 * What always holds:
 * - Without those options a line is what Flux prints, byte for byte.
 * - With --human the time is a distance from the minute last shown; with
 *   --delta from the line before.
 * - A route is shown by its first eight characters, as flux ping does.
 * - Each line is written out at once.
 */
#include "tracefmt.h"

#include "term.h"

struct text {
    struct tracefmt_options o;
    struct term_clock clock;
};

struct type {
    int bit;
    const char *sign;
    const char *style;
};

static const struct type types[] = {
    {FLUX_MSGTYPE_REQUEST, ">", TERM_BOLD_BLUE},
    {FLUX_MSGTYPE_RESPONSE, "<", TERM_CYAN},
    {FLUX_MSGTYPE_EVENT, "e", TERM_YELLOW},
    {FLUX_MSGTYPE_CONTROL, "c", TERM_PLAIN},
    {0, "?", TERM_PLAIN},
};

struct bit_name {
    int bit;
    const char *name;
};

static const struct bit_name flag_names[] = {
    {FLUX_MSGFLAG_TOPIC, "topic"},
    {FLUX_MSGFLAG_PAYLOAD, "payload"},
    {FLUX_MSGFLAG_NORESPONSE, "noresponse"},
    {FLUX_MSGFLAG_ROUTE, "route"},
    {FLUX_MSGFLAG_UPSTREAM, "upstream"},
    {FLUX_MSGFLAG_PRIVATE, "private"},
    {FLUX_MSGFLAG_STREAMING, "streaming"},
    {FLUX_MSGFLAG_USER1, "user1"},
    {0, NULL},
};

static const struct bit_name role_names[] = {
    {FLUX_ROLE_OWNER, "owner"},
    {FLUX_ROLE_USER, "user"},
    {FLUX_ROLE_LOCAL, "local"},
    {FLUX_ROLE_ADMIN, "admin"},
    {0, NULL},
};

static const struct type *find_type(int bit)
{
    int i = 0;

    while (types[i].bit && types[i].bit != bit)
        i++;
    return &types[i];
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

static void print_outcome(FILE *f, const struct tracefmt_record *r)
{
    char buf[32];

    if (r->errnum == 0)
        fputs(" success", f);
    else
        fprintf(f, " %s", tracefmt_error(r->errnum, buf));
}

static void print_bits(FILE *f,
                       const char *key,
                       const struct bit_name *names,
                       json_int_t bits)
{
    const char *separator = "";

    fprintf(f, " %s=", key);
    for (; names->name; names++)
        if (bits & names->bit) {
            fprintf(f, "%s%s", separator, names->name);
            separator = ",";
        }
    if (!*separator)
        fputs("none", f);
}

static void print_number(FILE *f,
                         const char *key,
                         json_int_t value,
                         const char *if_all_ones)
{
    if (value == UINT32_MAX)
        fprintf(f, " %s=%s", key, if_all_ones);
    else
        fprintf(f, " %s=%lld", key, (long long)value);
}

static void print_routes(FILE *f, const struct tracefmt_record *r)
{
    const char *separator = " routes=", *route;

    for (size_t i = 0; (route = tracefmt_route(r, i)); i++) {
        fprintf(f, "%s%.8s", separator, route);
        separator = ",";
    }
}

static void print_proto(FILE *f, const struct tracefmt_record *r)
{
    if (!r->routes)
        return;
    if (r->type == FLUX_MSGTYPE_REQUEST || r->type == FLUX_MSGTYPE_RESPONSE)
        print_number(f, "matchtag", r->matchtag, "4294967295");
    if (r->nodeid >= 0)
        print_number(f, "nodeid", r->nodeid, "any");
    print_bits(f, "flags", flag_names, r->flags);
    print_number(f, "userid", r->userid, "unknown");
    print_bits(f, "rolemask", role_names, r->rolemask);
    print_routes(f, r);
}

static void print_payload(FILE *f, const struct tracefmt_record *r)
{
    if (r->payload && !json_is_null(r->payload)) {
        fputc('\n', f);
        json_dumpf(r->payload, f, JSON_INDENT(2) | JSON_ENCODE_ANY);
    }
    if (r->errnum != 0 && *r->errstr)
        fprintf(f, "\n%s", r->errstr);
}

static void
format_record(FILE *f, const struct text *t, const struct tracefmt_record *r)
{
    fprintf(f, "%s %s %s %s ", r->name, r->prefix, find_type(r->type)->sign,
            r->topic);
    print_size(f, r->size);
    if (r->type == FLUX_MSGTYPE_RESPONSE)
        print_outcome(f, r);
    if (t->o.match && r->latency >= 0)
        fprintf(f, " %.3fms", r->latency * 1e3);
    if (t->o.proto)
        print_proto(f, r);
    if (t->o.full)
        print_payload(f, r);
}

static void print_time(struct text *t, double timestamp)
{
    int64_t usec = (int64_t)(timestamp * 1e6 + 0.5);
    struct timespec ts = {.tv_sec = (time_t)(usec / 1000000)};
    char stamp[TERM_STAMP_SIZE];
    const char *style = TERM_GREEN;

    ts.tv_nsec = (long)(usec % 1000000) * 1000;
    if (!t->o.human && t->o.proto)
        term_micro_stamp(ts, stamp);
    else if (!t->o.human)
        term_milli_stamp(ts, stamp);
    else if (term_clock_stamp(&t->clock, ts, stamp))
        style = TERM_BOLD TERM_GREEN;
    term_print(t->o.color, style, stamp);
    fputs(t->o.human ? "  " : " ", stdout);
}

static const char *record_style(const struct tracefmt_record *r)
{
    if (r->type == FLUX_MSGTYPE_RESPONSE && r->errnum != 0)
        return TERM_BOLD TERM_RED;
    return find_type(r->type)->style;
}

static int text_record(void *state, const struct tracefmt_record *r)
{
    struct text *t = state;
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
    term_print(t->o.color, record_style(r), text);
    putchar('\n');
    fflush(stdout);
    free(text);
    return 0;
}

static int text_dropped(void *state, const struct tracefmt_record *r)
{
    struct text *t = state;

    print_time(t, r->timestamp);
    printf("%lld messages dropped\n", (long long)r->dropped);
    fflush(stdout);
    return 0;
}

static void *text_open(FILE *out, const struct tracefmt_options *o)
{
    struct text *t = calloc(1, sizeof(*t));

    (void)out;
    if (!t)
        return NULL;
    t->o = *o;
    t->clock.delta = o->delta;
    t->clock.from_minute = true;
    return t;
}

static int text_close(void *state)
{
    free(state);
    return 0;
}

const struct tracefmt tracefmt_text = {
    .name = "text",
    .open = text_open,
    .record = text_record,
    .dropped = text_dropped,
    .close = text_close,
};
