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
 * Whoever reads the log (log.dmesg) is given lines for as long as it takes
 * them: while it is slow (router.h) the rest stays in the ring.
 * `drain` looks whether there is room again, before the loop sleeps and behind
 * the links' flush, since it is started later; then `resume` goes on, which is
 * a timer, so that the flush of the next turn finds what it sends.  Lines that
 * leave the ring before that are lost to that reader, which is told how many.
 * What becomes of one that stderr or the file does not take: sink.c.
 */
#include "log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "serve.h"
#include "sink.h"
#include "util.h"

#define READER_AUX "log::reader"

enum {
    RING_SIZE_MAX = 1000000, /* lines: 200 MB at usual lengths */
    LINE_SIZE_MAX = 1 << 16, /* bytes: a line beyond is cut */
};

/* How far a request for the log has come; lines are numbered from 0. */
struct reader {
    uint64_t next;
    uint64_t end; /* UINT64_MAX: it follows */
};

struct log {
    flux_t *h;
    struct router *router;
    uint32_t rank;
    struct attr_set *attrs;
    char **ring;
    size_t ring_size;
    size_t ring_used;
    size_t ring_first; /* index of the oldest */
    uint64_t stored;   /* lines that ever were in the ring */
    uint64_t count;
    uint64_t remote; /* of these, from other ranks */
    int level;
    int stderr_level;
    int critical_level;
    int forward_level;
    int syslog_level;
    bool syslog_enable;
    bool stderr_local;
    struct sink err;
    struct sink file;
    struct flux_msglist *readers; /* requests, each with a struct reader */
    flux_watcher_t *drain;        /* prepare: runs while a reader is slow */
    flux_watcher_t *resume;       /* due at once */
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

static void print_line(struct sink *sink, const struct line *line, bool journal)
{
    struct buf b = {0};
    char when[64];

    if (journal)
        buf_printf(&b, "<%d>%.*s[%.*s]: ", line->severity, (int)line->name_size,
                   line->name, (int)line->host_size, line->host);
    else {
        human_time(line, when, sizeof(when));
        buf_printf(&b, "%s %.*s.%s[%.*s]: ", when, (int)line->name_size,
                   line->name, severities[line->severity], (int)line->host_size,
                   line->host);
    }
    buf_add(&b, line->text, line->text_size);
    buf_add_byte(&b, '\n');
    if (b.failed)
        sink->lost++;
    else
        sink_write(sink, (const char *)b.data, b.size);
    buf_release(&b);
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
        print_line(&l->err, line, l->stderr_local);
    if (l->file.fd >= 0)
        print_line(&l->file, line, false);
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
    l->stored++;
}

/* ---- readers ------------------------------------------------------------- */

static uint64_t oldest(const struct log *l)
{
    return l->stored - l->ring_used;
}

static void send_lost(struct log *l, const flux_msg_t *request, uint64_t count)
{
    char text[128];

    snprintf(text, sizeof(text),
             "<%d>1 - %u broker - - - %llu log lines were lost to this reader",
             LOG_WARNING << 3, (unsigned)l->rank, (unsigned long long)count);
    flux_respond(l->h, request, text);
}

static void
send_next(struct log *l, const flux_msg_t *request, struct reader *r)
{
    uint64_t first = oldest(l) < r->end ? oldest(l) : r->end;
    size_t i = l->ring_first + (size_t)(r->next - oldest(l));

    if (r->next < first) {
        send_lost(l, request, first - r->next);
        r->next = first;
    } else {
        flux_respond(l->h, request, l->ring[i % l->ring_size]);
        r->next++;
    }
}

static bool is_behind(const struct log *l, const struct reader *r)
{
    return r->next < l->stored && r->next < r->end;
}

static void serve_reader(struct log *l, const flux_msg_t *request)
{
    struct reader *r = flux_msg_aux_get(request, READER_AUX);

    while (is_behind(l, r) && !router_sender_is_slow(l->router, request))
        send_next(l, request, r);
    if (is_behind(l, r))
        flux_watcher_start(l->drain);
    else if (r->next == r->end) {
        flux_respond_error(l->h, request, ENODATA, NULL);
        flux_msglist_delete(l->readers);
    }
}

static void serve_readers(struct log *l)
{
    const flux_msg_t *request;

    for (request = flux_msglist_first(l->readers); request;
         request = flux_msglist_next(l->readers))
        serve_reader(l, request);
}

static void
resume_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)w;
    (void)revents;
    serve_readers(arg);
}

static bool may_go_on(const struct log *l)
{
    const flux_msg_t *request;

    for (request = flux_msglist_first(l->readers); request;
         request = flux_msglist_next(l->readers))
        if (is_behind(l, flux_msg_aux_get(request, READER_AUX)) &&
            !router_sender_is_slow(l->router, request))
            return true;
    return false;
}

static void
drain_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct log *l = arg;

    (void)r;
    (void)revents;
    if (!may_go_on(l))
        return;
    flux_watcher_stop(w);
    flux_timer_watcher_reset(l->resume, 0., 0.);
    flux_watcher_start(l->resume);
}

static int
add_reader(struct log *l, const flux_msg_t *request, bool follow, bool backlog)
{
    struct reader *r = malloc(sizeof(*r));

    if (!r || flux_msg_aux_set(request, READER_AUX, r, free) < 0) {
        free(r);
        return -1;
    }
    r->next = backlog ? oldest(l) : l->stored;
    r->end = follow ? UINT64_MAX : l->stored;
    return flux_msglist_append(l->readers, request);
}

/* ---- taking a line ------------------------------------------------------- */

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
    serve_readers(l);
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
    l->file.fd =
        open(value, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC,
             S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
    if (l->file.fd < 0)
        return util_error(e, "cannot open '%s': %s", value, strerror(errno));
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
    if (add_reader(l, msg, follow, !nobacklog) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else
        serve_readers(l);
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct log *l = arg;

    (void)h;
    (void)mh;
    flux_msglist_disconnect(l->readers, msg);
}

static void
cancel_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct log *l = arg;

    (void)mh;
    flux_msglist_cancel(h, l->readers, msg);
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

static int prepare(struct log *l, flux_t *h, struct router *router)
{
    l->h = h;
    l->router = router;
    l->rank = router_rank(router);
    l->err.fd = STDERR_FILENO;
    l->file.fd = -1;
    l->readers = flux_msglist_create();
    l->drain = flux_prepare_watcher_create(flux_get_reactor(h), drain_cb, l);
    l->resume =
        flux_timer_watcher_create(flux_get_reactor(h), 0., 0., resume_cb, l);
    if (!l->readers || !l->drain || !l->resume)
        return -1;
    flux_watcher_unref(l->drain);
    flux_watcher_unref(l->resume);
    return 0;
}

struct log *log_create(flux_t *h,
                       struct router *router,
                       struct attr_set *attrs,
                       flux_error_t *e)
{
    struct log *l = calloc(1, sizeof(*l));
    char text[16];

    if (!l || prepare(l, h, router) < 0) {
        log_destroy(l);
        util_error(e, "out of memory");
        return NULL;
    }
    l->attrs = attrs;
    if (read_attributes(l, e) < 0) {
        log_destroy(l);
        return NULL;
    }
    attr_watch(attrs, "log-", change, l);
    snprintf(text, sizeof(text), "%u", (unsigned)l->rank);
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
    if (l->file.fd >= 0)
        close(l->file.fd);
    flux_msglist_destroy(l->readers);
    flux_watcher_destroy(l->drain);
    flux_watcher_destroy(l->resume);
    free(l);
    errno = saved_errno;
}
