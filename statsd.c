/* statsd.c - numbers that a module measures, sent to a statsd server
 *
 * FLUX_FRIPP_STATSD=HOST:PORT in a module's environment names the server; with
 * none, all of this does nothing.  A metric is a count, a gauge or a time, and
 * goes out as a line of a UDP datagram, behind a prefix:
 *
 *     flux.RANK.NAME:VALUE|C    count: the server finds the difference
 *     flux.RANK.NAME:VALUE|g    gauge; +N and -N add to what the server has
 *     flux.RANK.NAME:VALUE|ms   milliseconds
 *
 * What is set within a period is sent together at its end, each metric once,
 * with its last value, and only if that is not the one sent before.  With a
 * period of 0 each is sent at once.
 *
 * What always holds:
 * - Nothing waits and nothing fails: a datagram that cannot be sent is lost.
 *   A server that cannot be found is logged, once.
 * - The timer does not keep a reactor running.
 * - errno stays as it was, so that a caller may measure between a failure and
 *   its report.
 */
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "flux.h"
#include "table.h"
#include "util.h"

#define STATSD_AUX "flux::stats"

enum {
    STATSD_PREFIX_MAX = 127,
    STATSD_DATAGRAM_MAX = 1432, /* what an Ethernet frame holds of IPv4 or 6 */
    STATSD_METRICS_MAX = 4096,  /* names made of data must not fill memory */
};

enum kind { COUNT, GAUGE, TIME };

struct metric {
    enum kind kind;
    long long value;
    double ms;    /* a TIME's */
    bool changed; /* not sent yet */
};

struct statsd {
    flux_t *h;
    int fd; /* connected; -1: nothing is sent */
    char prefix[STATSD_PREFIX_MAX + 1];
    double period;
    flux_watcher_t *timer; /* runs while anything has changed */
    struct table metrics;
};

/* ---- sending ------------------------------------------------------------- */

static void add_line(const struct statsd *s,
                     struct buf *b,
                     const char *name,
                     const struct metric *m)
{
    buf_printf(b, "%s%s%s:", b->size > 0 ? "\n" : "", s->prefix, name);
    if (m->kind == TIME)
        buf_printf(b, "%f|ms", m->ms);
    else
        buf_printf(b, "%lld|%s", m->value, m->kind == COUNT ? "C" : "g");
}

static void send_datagram(const struct statsd *s, struct buf *b)
{
    if (b->size > 0 && !b->failed)
        (void)!send(s->fd, b->data, b->size, MSG_NOSIGNAL);
    buf_reset(b);
}

/* Add a line, or send what there is if that would make it too long. */
static void collect(const struct statsd *s,
                    struct buf *b,
                    const char *name,
                    const struct metric *m)
{
    size_t before = b->size;

    add_line(s, b, name, m);
    if (b->size <= STATSD_DATAGRAM_MAX || before == 0)
        return;
    b->size = before;
    send_datagram(s, b);
    add_line(s, b, name, m);
}

static void flush(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct statsd *s = arg;
    struct buf b = {NULL, 0, 0, false};
    struct metric *m;
    const char *name;
    size_t pos = 0;

    (void)r;
    (void)w;
    (void)revents;
    while ((m = table_next(&s->metrics, &pos, &name, NULL))) {
        if (m->changed)
            collect(s, &b, name, m);
        m->changed = false;
    }
    send_datagram(s, &b);
    buf_release(&b);
}

static void
send_now(const struct statsd *s, const char *name, const struct metric *m)
{
    struct buf b = {NULL, 0, 0, false};

    add_line(s, &b, name, m);
    send_datagram(s, &b);
    buf_release(&b);
}

/* A server adds what has a sign, so that less than 0 is always added. */
static void send_step(const struct statsd *s, const char *name, ssize_t step)
{
    struct buf b = {NULL, 0, 0, false};

    buf_printf(&b, "%s%s:%+lld|g", s->prefix, name, (long long)step);
    send_datagram(s, &b);
    buf_release(&b);
}

/* ---- where to ------------------------------------------------------------ */

static int connect_first(const struct addrinfo *list)
{
    int fd = -1;

    for (; list && fd < 0; list = list->ai_next) {
        fd = socket(list->ai_family, list->ai_socktype, list->ai_protocol);
        if (fd >= 0 && connect(fd, list->ai_addr, list->ai_addrlen) < 0) {
            close(fd);
            fd = -1;
        }
    }
    if (fd >= 0) {
        util_set_cloexec(fd, true);
        util_set_nonblock(fd, true);
    }
    return fd;
}

static int find_server(const char *host, const char *port, flux_error_t *e)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct addrinfo *list;
    int rc = getaddrinfo(host, port, &hints, &list), fd;

    if (rc != 0)
        return util_error(e, "%s", gai_strerror(rc));
    fd = connect_first(list);
    freeaddrinfo(list);
    return fd < 0 ? util_error(e, "%s", strerror(errno)) : fd;
}

static int open_server(const char *where, flux_error_t *e)
{
    const char *colon = strrchr(where, ':');
    char *host;
    int fd;

    if (!colon)
        return util_error(e, "missing colon delimiter");
    if (!(host = util_asprintf("%.*s", (int)(colon - where), where)))
        return util_error(e, "out of memory");
    fd = find_server(host, colon + 1, e);
    free(host);
    return fd;
}

static void log_failure(flux_t *h, const char *where, const flux_error_t *e)
{
    flux_log(h, LOG_ERR, "FLUX_FRIPP_STATSD parse error: %s: %s", where,
             e->text);
}

/* ---- the handle's own ---------------------------------------------------- */

static void statsd_destroy(void *arg)
{
    struct statsd *s = arg;

    flux_watcher_destroy(s->timer);
    table_release(&s->metrics);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

static void name_prefix(struct statsd *s)
{
    uint32_t rank;

    if (flux_get_rank(s->h, &rank) == 0)
        snprintf(s->prefix, sizeof(s->prefix), "flux.%u.", (unsigned)rank);
    else
        snprintf(s->prefix, sizeof(s->prefix), "flux.");
}

static struct statsd *statsd_create(flux_t *h)
{
    const char *where = getenv("FLUX_FRIPP_STATSD");
    struct statsd *s = calloc(1, sizeof(*s));
    flux_error_t e;

    if (!s)
        return NULL;
    s->h = h;
    s->period = 1;
    s->fd = -1;
    table_init(&s->metrics, free);
    if (where && (s->fd = open_server(where, &e)) < 0)
        log_failure(h, where, &e);
    if (s->fd >= 0)
        name_prefix(s);
    return s;
}

static struct statsd *find(flux_t *h)
{
    struct statsd *s = flux_aux_get(h, STATSD_AUX);

    if (s || !(s = statsd_create(h)))
        return s;
    if (flux_aux_set(h, STATSD_AUX, s, statsd_destroy) < 0) {
        statsd_destroy(s);
        return NULL;
    }
    return s;
}

/* NULL if nothing is sent. */
static struct statsd *enabled(flux_t *h)
{
    int saved_errno = errno;
    struct statsd *s = h ? find(h) : NULL;

    errno = saved_errno;
    return s && s->fd >= 0 ? s : NULL;
}

/* ---- keeping until the period's end -------------------------------------- */

static int start_timer(struct statsd *s)
{
    flux_reactor_t *r = flux_get_reactor(s->h);

    if (!s->timer) {
        s->timer = flux_timer_watcher_create(r, s->period, 0, flush, s);
        if (!s->timer)
            return -1;
        flux_watcher_unref(s->timer);
    }
    if (!flux_watcher_is_active(s->timer)) {
        flux_timer_watcher_reset(s->timer, s->period, 0);
        flux_watcher_start(s->timer);
    }
    return 0;
}

/* The one of that name, new ones with a value that none has been sent for. */
static struct metric *get(struct statsd *s, const char *name, bool *fresh)
{
    struct metric *m = table_get(&s->metrics, name);

    *fresh = !m;
    if (m || table_count(&s->metrics) >= STATSD_METRICS_MAX ||
        !(m = calloc(1, sizeof(*m))))
        return m;
    if (table_set(&s->metrics, name, m) == 0)
        return m;
    free(m);
    return NULL;
}

static bool same(const struct metric *a, const struct metric *b)
{
    return a->kind == b->kind && a->value == b->value && a->ms == b->ms;
}

static void keep(struct statsd *s, const char *name, const struct metric *value)
{
    bool fresh;
    struct metric *m = get(s, name, &fresh);
    bool changed;

    if (!m)
        return;
    changed = m->changed || fresh || !same(m, value);
    *m = *value;
    m->changed = changed;
    if (changed)
        start_timer(s);
}

static void update(flux_t *h, const char *name, const struct metric *value)
{
    struct statsd *s = enabled(h);
    int saved_errno = errno;

    if (s && name && s->period > 0)
        keep(s, name, value);
    else if (s && name)
        send_now(s, name, value);
    errno = saved_errno;
}

/* ---- published ----------------------------------------------------------- */

void flux_stats_count(flux_t *h, const char *name, ssize_t count)
{
    struct metric m = {.kind = COUNT, .value = count};

    update(h, name, &m);
}

void flux_stats_gauge_set(flux_t *h, const char *name, ssize_t value)
{
    struct metric m = {.kind = GAUGE, .value = value};

    update(h, name, &m);
}

void flux_stats_gauge_inc(flux_t *h, const char *name, ssize_t inc)
{
    struct statsd *s = enabled(h);
    const struct metric *old;

    if (!s || !name)
        return;
    if (s->period <= 0) {
        send_step(s, name, inc);
        return;
    }
    old = table_get(&s->metrics, name);
    flux_stats_gauge_set(h, name, (old ? (ssize_t)old->value : 0) + inc);
}

void flux_stats_timing(flux_t *h, const char *name, double ms)
{
    struct metric m = {.kind = TIME, .ms = ms};

    update(h, name, &m);
}

void flux_stats_set_period(flux_t *h, double period)
{
    struct statsd *s = enabled(h);

    if (s)
        s->period = period;
}

void flux_stats_set_prefix(flux_t *h, const char *fmt, ...)
{
    struct statsd *s = enabled(h);
    va_list ap;

    if (!s)
        return;
    va_start(ap, fmt);
    vsnprintf(s->prefix, sizeof(s->prefix) - 1, fmt, ap);
    va_end(ap);
    strcat(s->prefix, ".");
}

/* All metrics are of interest where any is. */
bool flux_stats_enabled(flux_t *h, const char *metric)
{
    (void)metric;
    return enabled(h);
}
