/* log.c - the broker's log
 *
 * A line arrives in the form of RFC 5424 and is kept so: in a ring of
 * log-ring-size lines for flux-dmesg(1), if it is at least as severe as
 * log-level.  From there it is copied to whoever follows, to stderr
 * (log-stderr-level, and log-critical-level always), to log-filename, to
 * syslog.  Other ranks send theirs to rank 0 as well (log-forward-level),
 * which prints for all unless log-stderr-mode is local.  Flux puts the severity
 * in the upper bits of the line's priority; so do we, since both read it there.
 *
 * A line that cannot be written (a full disk, a closed pipe) is counted, and
 * the count is written with the next one that can.
 */
#include "log.h"

#include "serve.h"
#include "util.h"

enum {
    RING_SIZE_MAX = 1000000, /* lines: 200 MB at usual lengths */
    LINE_SIZE_MAX = 1 << 16, /* bytes: a line beyond is cut */
};

struct log {
    flux_t *h;
    uint32_t rank;
    struct attr_set *attrs;
    char **ring;
    size_t ring_size;
    size_t ring_used;
    size_t ring_first; /* index of the oldest */
    uint64_t count;
    uint64_t remote; /* of these, from other ranks */
    int level;
    int stderr_level;
    int critical_level;
    int forward_level;
    int syslog_level;
    bool syslog_enable;
    bool stderr_local;
    FILE *file;
    uint64_t lost; /* lines that could not be written to `file` */
    struct flux_msglist *followers;
};

/* What a line says, pointing into it. */
struct line {
    int severity;
    const char *timestamp, *host, *name, *text;
    size_t timestamp_size, host_size, name_size, text_size;
};

static const char *const severities[] = {"emerg",   "alert",  "crit", "err",
                                         "warning", "notice", "info", "debug"};

/* ---- reading a line --------------------------------------------------- */

static const char *word(const char *p, const char **start, size_t *size)
{
    const char *end = strchr(p, ' ');

    *start = p;
    *size = end ? (size_t)(end - p) : strlen(p);
    return end ? end + 1 : p + *size;
}

static int parse_line(const char *s, struct line *line)
{
    const char *skipped, *p;
    size_t size;
    long pri;
    char *end;

    if (*s != '<')
        return -1;
    pri = strtol(s + 1, &end, 10);
    if (*end != '>' || pri < 0 || pri >> 3 > LOG_DEBUG)
        return -1;
    line->severity = (int)(pri >> 3);
    p = word(end + 1, &skipped, &size); /* version */
    p = word(p, &line->timestamp, &line->timestamp_size);
    p = word(p, &line->host, &line->host_size);
    p = word(p, &line->name, &line->name_size);
    p = word(p, &skipped, &size); /* process id */
    p = word(p, &skipped, &size); /* message id */
    p = word(p, &skipped, &size); /* structured data */
    line->text = p;
    line->text_size = strlen(p);
    return line->name_size && line->timestamp_size ? 0 : -1;
}

/* "2026-11-23T00:44:37.594989Z" as "Nov 23 00:44:37.594989 UTC 2026". */
static void human_time(const struct line *line, char *s, size_t size)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int year, month, day, length = 0;
    char text[40], clock[24];

    snprintf(text, sizeof(text), "%.*s", (int)line->timestamp_size,
             line->timestamp);
    if (sscanf(text, "%4d-%2d-%2dT%23[0-9:.]Z%n", &year, &month, &day, clock,
               &length) == 4 &&
        length > 0 && month >= 1 && month <= 12)
        snprintf(s, size, "%.3s %02d %s UTC %d", months + 3 * (month - 1), day,
                 clock, year);
    else
        snprintf(s, size, "%s", text);
}

/* ---- where lines go ------------------------------------------------------ */

static int print_line(FILE *f, const struct line *line, bool as_journal)
{
    char when[64];

    if (as_journal)
        fprintf(f, "<%d>%.*s[%.*s]: ", line->severity, (int)line->name_size,
                line->name, (int)line->host_size, line->host);
    else {
        human_time(line, when, sizeof(when));
        fprintf(f, "%s %.*s.%s[%.*s]: ", when, (int)line->name_size, line->name,
                severities[line->severity], (int)line->host_size, line->host);
    }
    fprintf(f, "%s\n", line->text);
    return fflush(f) == EOF || ferror(f) ? -1 : 0;
}

static void print_to_file(struct log *l, const struct line *line)
{
    clearerr(l->file);
    if (l->lost) {
        fprintf(l->file, "%llu log lines were lost\n",
                (unsigned long long)l->lost);
        if (fflush(l->file) == EOF) {
            l->lost++;
            return;
        }
        l->lost = 0;
    }
    if (print_line(l->file, line, false) < 0)
        l->lost++;
}

static bool is_local(const struct log *l, const struct line *line)
{
    char rank[16];
    int n = snprintf(rank, sizeof(rank), "%u", (unsigned)l->rank);

    return line->host_size == (size_t)n &&
           memcmp(line->host, rank, line->host_size) == 0;
}

/* Each rank prints its own lines, or the leader those of all; what is
 * critical is printed where it happens, whatever becomes of the leader.
 */
static bool belongs_on_stderr(const struct log *l, const struct line *line)
{
    if (is_local(l, line) && line->severity <= l->critical_level)
        return true;
    return line->severity <= l->stderr_level &&
           (l->rank == 0 || l->stderr_local);
}

static void forward(struct log *l, const struct line *line, const char *s)
{
    flux_future_t *f;

    if (l->rank == 0 || line->severity > l->forward_level)
        return;
    f = flux_rpc_raw(l->h, "log.append", s, strlen(s), 0, FLUX_RPC_NORESPONSE);
    flux_future_destroy(f);
}

static void print_copies(struct log *l, const struct line *line)
{
    if (belongs_on_stderr(l, line))
        print_line(stderr, line, l->stderr_local);
    if (l->file)
        print_to_file(l, line);
    if (l->syslog_enable && line->severity <= l->syslog_level)
        syslog(line->severity, "%.*s[%.*s]: %s", (int)line->name_size,
               line->name, (int)line->host_size, line->host, line->text);
}

static void clear_ring(struct log *l)
{
    while (l->ring_used > 0) {
        free(l->ring[l->ring_first]);
        l->ring[l->ring_first] = NULL;
        l->ring_first = (l->ring_first + 1) % l->ring_size;
        l->ring_used--;
    }
}

/* Takes `s`. */
static void put_in_ring(struct log *l, char *s)
{
    if (l->ring_used == l->ring_size) {
        free(l->ring[l->ring_first]);
        l->ring[l->ring_first] = s;
        l->ring_first = (l->ring_first + 1) % l->ring_size;
    } else
        l->ring[(l->ring_first + l->ring_used++) % l->ring_size] = s;
}

static void send_to_followers(struct log *l, const char *s)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first(l->followers); msg;
         msg = flux_msglist_next(l->followers))
        flux_respond(l->h, msg, s);
}

static char *copy_line(const char *line, size_t size)
{
    char *s;
    size_t i, n = size < LINE_SIZE_MAX ? size : LINE_SIZE_MAX;

    while (n > 0 &&
           (line[n - 1] == '\0' || line[n - 1] == '\n' || line[n - 1] == '\r'))
        n--;
    if (!(s = malloc(n + 1)))
        return NULL;
    memcpy(s, line, n);
    s[n] = '\0';
    for (i = 0; i < n; i++)
        if (s[i] == '\0')
            s[i] = ' ';
    return s;
}

void log_append(struct log *l, const char *text, size_t size)
{
    struct line line;
    char *s = copy_line(text, size);

    if (!s || parse_line(s, &line) < 0) {
        free(s);
        return;
    }
    l->count++;
    l->remote += !is_local(l, &line);
    print_copies(l, &line);
    forward(l, &line, s);
    if (line.severity > l->level) {
        free(s);
        return;
    }
    put_in_ring(l, s);
    send_to_followers(l, s);
}

static void redirect(const char *buf, int len, void *arg)
{
    if (len > 0)
        log_append(arg, buf, (size_t)len);
}

/* ---- attributes --------------------------------------------------------- */

static int parse_level(const char *value, int *level, flux_error_t *e)
{
    int64_t v;

    if (util_parse_int64(value, 10, &v) < 0 || v < -1 || v > LOG_DEBUG)
        return util_errno(e, EINVAL, "invalid level");
    *level = (int)v;
    return 0;
}

static int set_ring_size(struct log *l, const char *value, flux_error_t *e)
{
    int64_t v;

    if (util_parse_int64(value, 10, &v) < 0 || v < 1 || v > RING_SIZE_MAX)
        return util_errno(e, EINVAL, "invalid number of lines: '%s'", value);
    if (!(l->ring = calloc((size_t)v, sizeof(*l->ring))))
        return util_error(e, "out of memory");
    l->ring_size = (size_t)v;
    return 0;
}

static int set_stderr_mode(struct log *l, const char *value, flux_error_t *e)
{
    if (strcmp(value, "leader") != 0 && strcmp(value, "local") != 0)
        return util_errno(e, EINVAL, "must be 'leader' or 'local', not '%s'",
                          value);
    l->stderr_local = strcmp(value, "local") == 0;
    return 0;
}

static int set_syslog_enable(struct log *l, const char *value, flux_error_t *e)
{
    if (strcmp(value, "0") != 0 && strcmp(value, "1") != 0)
        return util_errno(e, EINVAL, "must be 0 or 1, not '%s'", value);
    l->syslog_enable = *value == '1';
    return 0;
}

static int set_filename(struct log *l, const char *value, flux_error_t *e)
{
    if (!(l->file = fopen(value, "a")))
        return util_error(e, "cannot open '%s': %s", value, strerror(errno));
    util_set_cloexec(fileno(l->file), true);
    return 0;
}

static int
set_level(struct log *l, const char *name, const char *value, flux_error_t *e)
{
    const struct {
        const char *name;
        int *level;
    } levels[] = {
        {"log-level", &l->level},
        {"log-stderr-level", &l->stderr_level},
        {"log-critical-level", &l->critical_level},
        {"log-forward-level", &l->forward_level},
        {"log-syslog-level", &l->syslog_level},
    };
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(levels); i++)
        if (strcmp(name, levels[i].name) == 0)
            return parse_level(value, levels[i].level, e);
    return 0;
}

static int
change(const char *name, const char *value, void *arg, flux_error_t *e)
{
    return set_level(arg, name, value, e);
}

static int
start_value(struct log *l, const char *name, const char *value, flux_error_t *e)
{
    if (strcmp(name, "log-ring-size") == 0)
        return set_ring_size(l, value, e);
    if (strcmp(name, "log-stderr-mode") == 0)
        return set_stderr_mode(l, value, e);
    if (strcmp(name, "log-syslog-enable") == 0)
        return set_syslog_enable(l, value, e);
    return set_level(l, name, value, e);
}

static int read_attributes(struct log *l, flux_error_t *e)
{
    static const struct {
        const char *name, *value;
    } defaults[] = {
        {"log-ring-size", "1024"},  {"log-level", "7"},
        {"log-stderr-level", "3"},  {"log-critical-level", "2"},
        {"log-forward-level", "3"}, {"log-syslog-level", "3"},
        {"log-syslog-enable", "0"}, {"log-stderr-mode", "leader"},
    };
    const char *filename = attr_value(l->attrs, "log-filename");
    flux_error_t why = {""};
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(defaults); i++) {
        const char *name = defaults[i].name;

        if (!attr_value(l->attrs, name) &&
            attr_put(l->attrs, name, defaults[i].value) < 0)
            return util_error(e, "out of memory");
        if (start_value(l, name, attr_value(l->attrs, name), &why) < 0)
            return util_error(e, "%s: %s", name, why.text);
    }
    if (filename && l->rank == 0 && set_filename(l, filename, &why) < 0)
        return util_error(e, "log-filename: %s", why.text);
    return 0;
}

/* ---- service ------------------------------------------------------------ */

static void
append_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const void *data;
    size_t size;
    uint32_t matchtag = FLUX_MATCHTAG_NONE;

    (void)mh;
    if (flux_request_decode_raw(msg, NULL, &data, &size) == 0 && data)
        log_append(arg, data, size);
    /* flux_log(3) waits for none, and says so by having no matchtag. */
    flux_msg_get_matchtag(msg, &matchtag);
    if (!flux_msg_is_noresponse(msg) && matchtag != FLUX_MATCHTAG_NONE)
        flux_respond(h, msg, NULL);
}

static void
clear_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    clear_ring(arg);
    flux_respond(h, msg, NULL);
}

static void send_backlog(struct log *l, const flux_msg_t *msg)
{
    size_t i;

    for (i = 0; i < l->ring_used; i++)
        flux_respond(l->h, msg, l->ring[(l->ring_first + i) % l->ring_size]);
}

static void
dmesg_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct log *l = arg;
    int follow, nobacklog = 0;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:b s?b}", "follow", &follow,
                            "nobacklog", &nobacklog) < 0 ||
        !flux_msg_is_streaming(msg)) {
        flux_respond_error(h, msg, EPROTO, NULL);
        return;
    }
    if (!nobacklog)
        send_backlog(l, msg);
    if (!follow)
        flux_respond_error(h, msg, ENODATA, NULL);
    else if (flux_msglist_append(l->followers, msg) < 0)
        flux_respond_error(h, msg, errno, NULL);
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct log *l = arg;

    (void)h;
    (void)mh;
    flux_msglist_disconnect(l->followers, msg);
}

static void
cancel_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct log *l = arg;

    (void)mh;
    flux_msglist_cancel(h, l->followers, msg);
}

static void
stats_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct log *l = arg;

    (void)mh;
    flux_respond_pack(h, msg, "{s:i s:I s:I s:I}", "ring-used",
                      (int)l->ring_used, "count", (json_int_t)l->count, "local",
                      (json_int_t)(l->count - l->remote), "remote",
                      (json_int_t)l->remote);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "log.append", append_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "log.clear", clear_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "log.dmesg", dmesg_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "log.cancel", cancel_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "log.disconnect", disconnect_cb, FLUX_ROLE_ALL},
    {FLUX_MSGTYPE_REQUEST, "log.stats-get", stats_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

int log_serve(struct log *l, flux_t *h)
{
    return serve_handlers(h, handlers, l);
}

struct log *
log_create(flux_t *h, struct attr_set *attrs, uint32_t rank, flux_error_t *e)
{
    struct log *l = calloc(1, sizeof(*l));
    char text[16];

    if (!l || !(l->followers = flux_msglist_create())) {
        free(l);
        util_error(e, "out of memory");
        return NULL;
    }
    l->h = h;
    l->rank = rank;
    l->attrs = attrs;
    if (read_attributes(l, e) < 0) {
        log_destroy(l);
        return NULL;
    }
    attr_watch(attrs, "log-", change, l);
    snprintf(text, sizeof(text), "%u", (unsigned)rank);
    flux_log_set_hostname(h, text);
    flux_log_set_appname(h, "broker");
    flux_log_set_redirect(h, redirect, l);
    return l;
}

void log_destroy(struct log *l)
{
    int saved_errno = errno;

    if (!l)
        return;
    flux_log_set_redirect(l->h, NULL, NULL);
    if (l->ring)
        clear_ring(l);
    free(l->ring);
    if (l->file)
        fclose(l->file);
    flux_msglist_destroy(l->followers);
    free(l);
    errno = saved_errno;
}
