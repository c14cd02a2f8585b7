/* onfailure.c - what to do when a module fails at run time
 *
 * The rule that --on-failure gives, and the arithmetic of restarts: the first
 * comes at once, since most failures are single ones; each further one in the
 * window waits twice as long as the one before, up to DELAY_MAX, so that a
 * module that fails at once does not keep the broker busy; when the window is
 * full there is none.
 *
 * No clock is read and nothing is loaded here: the caller says what time it
 * is and gets a number of seconds.
 */
#include "onfailure.h"

#include "util.h"

enum { TIMES_DEFAULT = 5, SECONDS_DEFAULT = 60 };

static const double DELAY_FIRST = 0.25, DELAY_MAX = 30;

static int parse_times(const char *text, size_t len, int *times)
{
    char number[8] = "";
    int64_t n;

    if (len == 0 || len >= sizeof(number))
        return -1;
    memcpy(number, text, len);
    if (util_parse_int64(number, 10, &n) < 0 || n < 1 ||
        n > ONFAILURE_TIMES_MAX)
        return -1;
    *times = (int)n;
    return 0;
}

/* "N" or "N/SECONDS". */
static int parse_limit(const char *text, struct onfailure *o)
{
    size_t len = strcspn(text, "/");

    if (parse_times(text, len, &o->times) < 0)
        return -1;
    if (text[len] == '\0')
        return 0;
    return util_parse_duration(text + len + 1, &o->seconds) < 0 ||
                   o->seconds <= 0
               ? -1
               : 0;
}

static int parse(const char *text, struct onfailure *o)
{
    if (strcmp(text, "panic") == 0)
        o->action = ONFAILURE_PANIC;
    else if (strcmp(text, "log") == 0)
        o->action = ONFAILURE_LOG;
    else if (strcmp(text, "restart") == 0)
        o->action = ONFAILURE_RESTART;
    else if (strncmp(text, "restart:", 8) == 0) {
        o->action = ONFAILURE_RESTART;
        return parse_limit(text + 8, o);
    } else
        return -1;
    return 0;
}

int onfailure_parse(const char *text, struct onfailure *o, flux_error_t *e)
{
    o->action = ONFAILURE_DEFAULT;
    o->times = TIMES_DEFAULT;
    o->seconds = SECONDS_DEFAULT;
    if (text && parse(text, o) < 0)
        return util_errno(e, EINVAL,
                          "on-failure: '%s' is none of panic, log, "
                          "restart[:N[/SECONDS]] with N from 1 to %d",
                          text, ONFAILURE_TIMES_MAX);
    return 0;
}

void onfailure_format(const struct onfailure *o, char text[ONFAILURE_TEXT_SIZE])
{
    static const char *const words[] = {"", "panic", "log", "restart"};
    const char *word = words[o->action];

    if (o->action == ONFAILURE_RESTART)
        snprintf(text, ONFAILURE_TEXT_SIZE, "%s:%d/%g", word, o->times,
                 o->seconds);
    else
        snprintf(text, ONFAILURE_TEXT_SIZE, "%s", word);
}

/* Forget what lies before the window. */
static void forget(struct onfailure_history *history, double since)
{
    int old = 0;

    while (old < history->count && history->when[old] <= since)
        old++;
    history->count -= old;
    memmove(history->when, history->when + old,
            (size_t)history->count * sizeof(history->when[0]));
}

/* Before the one that comes after `count` others. */
static double delay_after(int count)
{
    double delay = count > 0 ? DELAY_FIRST : 0;

    while (--count > 0 && delay < DELAY_MAX)
        delay *= 2;
    return delay < DELAY_MAX ? delay : DELAY_MAX;
}

double onfailure_delay(const struct onfailure *o,
                       struct onfailure_history *history,
                       double now)
{
    double delay;

    forget(history, now - o->seconds);
    if (o->action != ONFAILURE_RESTART || history->count >= o->times)
        return -1;
    delay = delay_after(history->count);
    history->when[history->count++] = now + delay;
    history->total++;
    return delay;
}
