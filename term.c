/* term.c - what people read: colours and time stamps on their terminal
 *
 * The commands that show messages and log lines share two habits, which are
 * kept here so that they cannot drift apart.
 *
 * Colours are escape sequences around a piece of text.  They go to terminals
 * only, unless --color asks for them; NO_COLOR (no-color.org) turns them off
 * for those who gave no --color.  A coloured piece always ends with a reset,
 * even where its style is empty, so that a line never leaks its colour into
 * the next one.
 *
 * Time stamps travel as UTC text (RFC 5424) in log lines and as seconds since
 * the epoch in traces.  People get local time.  A log line's fraction keeps
 * the digits that it came with, because two stamps should be equal here
 * exactly if they were equal there.  The human form shows the date and minute
 * once, then distances in microseconds; a line of another minute, earlier or
 * later, shows its date and minute again.
 *
 * A stamp that is not in the expected form is refused as a whole; the caller
 * prints it as it came.  The calendar is computed here, since POSIX.1-2008
 * offers no way from UTC fields to seconds; the local offset is asked of the
 * system (strftime's %z).
 */
#include "term.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    NSEC_DIGITS = 9,
    NSEC_PER_SEC = 1000000000,
    NSEC_PER_MSEC = 1000000,
    SEC_PER_DAY = 86400,
};

static bool color_by_default(void)
{
    const char *no_color = getenv("NO_COLOR");

    return !(no_color && *no_color) && isatty(STDOUT_FILENO);
}

int term_color(const char *when, bool *on)
{
    if (!when)
        *on = color_by_default();
    else if (*when == '\0' || strcmp(when, "always") == 0)
        *on = true;
    else if (strcmp(when, "never") == 0)
        *on = false;
    else if (strcmp(when, "auto") == 0)
        *on = isatty(STDOUT_FILENO);
    else {
        errno = EINVAL;
        return -1;
    }
    return 0;
}

void term_print(bool color, const char *style, const char *text)
{
    if (color)
        printf("%s%s%s", style, text, TERM_RESET);
    else
        fputs(text, stdout);
}

/* Days from 1970-01-01 to a date of the Gregorian calendar, by eras of 400
 * years that begin in March, so that a leap day is the last of its year.
 */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Does `text` begin like `shape`, where '0' stands for any digit? */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; text++, shape++)
        if (*shape == '0' ? !is_digit(*text) : *text != *shape)
            return false;
    return true;
}

/* Read ".5" or nothing, and return where it ends. */
static const char *parse_fraction(const char *text, long *nsec)
{
    int digits = 0;

    *nsec = 0;
    if (*text != '.')
        return text;
    for (text++; is_digit(*text); text++)
        if (digits < NSEC_DIGITS) {
            *nsec = *nsec * 10 + (*text - '0');
            digits++;
        }
    for (; digits < NSEC_DIGITS; digits++)
        *nsec *= 10;
    return text;
}

static bool is_calendar(int month, int day, int hour, int minute, int second)
{
    return month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour <= 23 &&
           minute <= 59 && second <= 60;
}

/* As term_parse_stamp; *fraction, of `len` characters, is in `text`. */
static int parse_stamp(const char *text,
                       struct timespec *t,
                       const char **fraction,
                       size_t *len)
{
    int year, month, day, hour, minute, second;
    const char *end;

    if (!has_shape(text, "0000-00-00T00:00:00"))
        goto invalid;
    sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d", &year, &month, &day, &hour, &minute,
           &second);
    *fraction = text + strlen("0000-00-00T00:00:00");
    end = parse_fraction(*fraction, &t->tv_nsec);
    *len = (size_t)(end - *fraction);
    if (strcmp(end, "Z") != 0 || !is_calendar(month, day, hour, minute, second))
        goto invalid;
    t->tv_sec = (time_t)(days_since_epoch(year, month, day) * SEC_PER_DAY +
                         hour * 3600 + minute * 60 + second);
    return 0;
invalid:
    errno = EINVAL;
    return -1;
}

int term_parse_stamp(const char *text, struct timespec *t)
{
    const char *fraction;
    size_t len;

    return parse_stamp(text, t, &fraction, &len);
}

static struct tm local_time(time_t t)
{
    struct tm tm;

    if (!localtime_r(&t, &tm))
        memset(&tm, 0, sizeof(tm));
    return tm;
}

/* "+05:30", or "Z" for no offset. */
static void format_offset(const struct tm *tm, char offset[8])
{
    char z[8] = "";

    strftime(z, sizeof(z), "%z", tm);
    if (has_shape(z + 1, "0000") && strcmp(z + 1, "0000") != 0)
        snprintf(offset, 8, "%.3s:%.2s", z, z + 3);
    else
        strcpy(offset, "Z");
}

int term_local_stamp(const char *text, char stamp[TERM_STAMP_SIZE])
{
    char date[24], offset[8];
    const char *fraction;
    struct timespec t;
    struct tm tm;
    size_t len;

    if (parse_stamp(text, &t, &fraction, &len) < 0)
        return -1;
    tm = local_time(t.tv_sec);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
    format_offset(&tm, offset);
    snprintf(stamp, TERM_STAMP_SIZE, "%s%.*s%s", date, (int)len, fraction,
             offset);
    return 0;
}

static size_t second_stamp(struct timespec t, char stamp[TERM_STAMP_SIZE])
{
    struct tm tm = local_time(t.tv_sec);

    return strftime(stamp, TERM_STAMP_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
}

void term_milli_stamp(struct timespec t, char stamp[TERM_STAMP_SIZE])
{
    size_t len = second_stamp(t, stamp);

    snprintf(stamp + len, TERM_STAMP_SIZE - len, ".%03d",
             (int)(t.tv_nsec / NSEC_PER_MSEC));
}

void term_micro_stamp(struct timespec t, char stamp[TERM_STAMP_SIZE])
{
    size_t len = second_stamp(t, stamp);

    snprintf(stamp + len, TERM_STAMP_SIZE - len, ".%06d",
             (int)(t.tv_nsec / 1000));
}

static bool same_minute(const struct tm *a, const struct tm *b)
{
    return a->tm_min == b->tm_min && a->tm_hour == b->tm_hour &&
           a->tm_yday == b->tm_yday && a->tm_year == b->tm_year;
}

static double distance(struct timespec from, struct timespec to)
{
    return (double)(to.tv_sec - from.tv_sec) +
           (double)(to.tv_nsec - from.tv_nsec) / NSEC_PER_SEC;
}

static void show_minute(struct term_clock *c, struct timespec t)
{
    c->started = true;
    c->base = t;
    if (!c->from_minute || c->delta)
        return;
    c->base.tv_sec -= c->shown.tm_sec;
    c->base.tv_nsec = 0;
}

bool term_clock_stamp(struct term_clock *c,
                      struct timespec t,
                      char stamp[TERM_STAMP_SIZE])
{
    struct tm tm = local_time(t.tv_sec);

    if (!c->started || !same_minute(&tm, &c->shown)) {
        c->shown = tm;
        show_minute(c, t);
        strftime(stamp, TERM_STAMP_SIZE, "[%b%d %H:%M]", &tm);
        return true;
    }
    snprintf(stamp, TERM_STAMP_SIZE, "[%+11.6f]", distance(c->base, t));
    if (c->delta)
        c->base = t;
    return false;
}
