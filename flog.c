/* flog.c - log messages from a module or client to its broker
 *
 * Each line of the text becomes one log.append request, whose payload is an
 * RFC 5424 line without a NUL behind it:
 *
 *     <PRI>1 TIMESTAMP HOSTNAME APPNAME PROCID - - TEXT
 *
 * PRI is eight times the severity, as the broker expects it (wire.md).  The
 * host name is the broker's rank unless another was set.  Nobody waits for an
 * answer, and there is none: the request has no matchtag.  Empty lines are
 * left out, but a text that has no other kind is logged as one.
 *
 * Without a handle the text goes to stderr as it is, behind its severity.
 *
 * Logging never changes errno where it succeeds, so that it may stand between
 * a failure and its report, and flux_log_error() never does at all.  Names are
 * cut at what RFC 5424 allows, and what would break the line is replaced.
 */
#include <limits.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "flux.h"
#include "handle.h"
#include "sys.h"
#include "util.h"

#define FLOG_AUX "flux::log"

enum { /* RFC 5424, section 6 */
       FLOG_APPNAME_MAX = 48,
       FLOG_PROCID_MAX = 128,
       FLOG_HOSTNAME_MAX = 255,
       FLOG_SEVERITIES = 8,
};

enum {
    FLOG_TIME_SIZE = 40,
    FLOG_PID_SIZE = 24,
    FLOG_USUAL_SIZE = 256, /* of a line, so that it is written once */
};

/* Names are empty until set; then the default is used. */
struct flog {
    char appname[FLOG_APPNAME_MAX + 1];
    char procid[FLOG_PROCID_MAX + 1];
    char hostname[FLOG_HOSTNAME_MAX + 1];
    flux_log_f redirect; /* or NULL: to the broker */
    void *redirect_arg;
};

static const char *const severity_names[FLOG_SEVERITIES] = {
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"};

static struct flog *flog_get(flux_t *h)
{
    struct flog *l;
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if ((l = flux_aux_get(h, FLOG_AUX)))
        return l;
    if (!(l = calloc(1, sizeof(*l))))
        return NULL;
    if (flux_aux_set(h, FLOG_AUX, l, free) < 0) {
        free(l);
        return NULL;
    }
    return l;
}

/* ---- settings ---------------------------------------------------------- */

static void flog_set_name(char *name, size_t size, const char *s)
{
    size_t n = 0;
    for (; s && s[n] && n + 1 < size; n++)
        name[n] = s[n] > ' ' && s[n] <= '~' ? s[n] : '_';
    name[n] = '\0';
}

void flux_log_set_appname(flux_t *h, const char *s)
{
    struct flog *l = flog_get(h);
    if (l)
        flog_set_name(l->appname, sizeof(l->appname), s);
}

void flux_log_set_procid(flux_t *h, const char *s)
{
    struct flog *l = flog_get(h);
    if (l)
        flog_set_name(l->procid, sizeof(l->procid), s);
}

void flux_log_set_hostname(flux_t *h, const char *s)
{
    struct flog *l = flog_get(h);
    if (l)
        flog_set_name(l->hostname, sizeof(l->hostname), s);
}

void flux_log_set_redirect(flux_t *h, flux_log_f fun, void *arg)
{
    struct flog *l = flog_get(h);
    if (!l)
        return;
    l->redirect = fun;
    l->redirect_arg = arg;
}

/* ---- the line ---------------------------------------------------------- */

/* "2026-11-23T08:51:36.123456Z", or "-". */
static void flog_time(char text[FLOG_TIME_SIZE])
{
    struct timespec ts;
    struct tm tm;
    size_t n = 0;
    if (clock_gettime(CLOCK_REALTIME, &ts) == 0 && gmtime_r(&ts.tv_sec, &tm))
        n = strftime(text, FLOG_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    if (n > 0)
        snprintf(text + n, FLOG_TIME_SIZE - n, ".%06ldZ", ts.tv_nsec / 1000);
    else
        snprintf(text, FLOG_TIME_SIZE, "-");
}

static const char *flog_hostname(flux_t *h, const struct flog *l)
{
    const char *rank = l->hostname[0] ? NULL : flux_attr_get(h, "rank");
    return l->hostname[0] ? l->hostname : rank ? rank : "-";
}

static void flog_add_head(struct buf *b, flux_t *h, struct flog *l, int level)
{
    char name[FLOG_APPNAME_MAX + 1];
    char time[FLOG_TIME_SIZE];
    char pid[FLOG_PID_SIZE];
    if (!l->appname[0])
        flog_set_name(name, sizeof(name), sys_program_name());
    flog_time(time);
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    buf_reserve(b, FLOG_USUAL_SIZE);
    buf_printf(b, "<%d>1 %s %s %s %s - - ",
               level % FLOG_SEVERITIES * FLOG_SEVERITIES, time,
               flog_hostname(h, l), l->appname[0] ? l->appname : name,
               l->procid[0] ? l->procid : pid);
}

/* ---- sending it -------------------------------------------------------- */

static int flog_send(flux_t *h, const struct buf *line)
{
    flux_msg_t *msg;
    int rc;
    msg = flux_request_encode_raw("log.append", line->data, line->size);
    if (!msg)
        return -1;
    rc = flux_send_new(h, &msg, 0);
    flux_msg_destroy(msg);
    return rc;
}

static int flog_emit(flux_t *h, struct flog *l, struct buf *line)
{
    size_t size = line->size;
    buf_add_byte(line, '\0');
    if (line->failed || size > INT_MAX) {
        errno = line->failed ? ENOMEM : EMSGSIZE;
        return -1;
    }
    line->size = size;
    if (!l->redirect)
        return flog_send(h, line);
    l->redirect((const char *)line->data, (int)size, l->redirect_arg);
    return 0;
}

static int flog_lines(flux_t *h, struct flog *l, int level, const char *text)
{
    struct buf b = {0};
    size_t head;
    int rc;
    flog_add_head(&b, h, l, level);
    head = b.size;
    text += strspn(text, "\r\n");
    do {
        size_t n = strcspn(text, "\r\n");
        b.size = head;
        buf_add(&b, text, n);
        rc = flog_emit(h, l, &b);
        text += n + strspn(text + n, "\r\n");
    } while (rc == 0 && *text);
    buf_release(&b);
    return rc;
}

static int flog_to_stderr(int level, const char *text)
{
    return fprintf(stderr, "%s: %s\n", severity_names[level], text) < 0 ? -1
                                                                        : 0;
}

static int flog_text(flux_t *h, int level, const char *text)
{
    struct flog *l;
    level &= FLOG_SEVERITIES - 1;
    if (!h)
        return flog_to_stderr(level, text);
    if (!(l = flog_get(h)))
        return -1;
    return flog_lines(h, l, level, text);
}

int flux_vlog(flux_t *h, int level, const char *fmt, va_list ap)
{
    int saved_errno = errno;
    char *text;
    int rc;
    handle_cancellation_point(h);
    text = util_vasprintf(fmt ? fmt : "", ap);
    rc = text ? flog_text(h, level, text) : -1;
    free(text);
    if (rc == 0)
        errno = saved_errno;
    return rc;
}

int flux_log(flux_t *h, int level, const char *fmt, ...)
{
    va_list ap;
    int rc;
    va_start(ap, fmt);
    rc = flux_vlog(h, level, fmt, ap);
    va_end(ap);
    return rc;
}

void flux_log_verror(flux_t *h, const char *fmt, va_list ap)
{
    int saved_errno = errno;
    char *text = util_vasprintf(fmt ? fmt : "", ap);
    if (text)
        flux_log(h, LOG_ERR, "%s: %s", text, flux_strerror(saved_errno));
    free(text);
    errno = saved_errno;
}

void flux_log_error(flux_t *h, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    flux_log_verror(h, fmt, ap);
    va_end(ap);
}

void flux_llog(void *arg,
               const char *file,
               int line,
               const char *func,
               const char *subsys,
               int level,
               const char *fmt,
               va_list ap)
{
    int saved_errno = errno;
    (void)file, (void)line, (void)func, (void)subsys;
    flux_vlog(arg, level, fmt, ap);
    errno = saved_errno;
}
