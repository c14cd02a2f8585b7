/* test_term.c - colours are decided, stamps read and written, as promised
 *
 * The time zone is set here, so that the results are the same everywhere;
 * stdout is no terminal while the colour rules are tried.
 */
#include "../term.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "tap.h"

static void set_zone(const char *zone)
{
    setenv("TZ", zone, 1);
    tzset();
}

/* What --color=`when` decides: 1, 0, or -1 if it is refused. */
static int decide(const char *when)
{
    bool on = false;

    return term_color(when, &on) < 0 ? -1 : on;
}

static void test_color(void)
{
    int saved = dup(STDOUT_FILENO), on, off, by_default, automatic, wrong;
    FILE *f = tmpfile();

    dup2(fileno(f), STDOUT_FILENO);
    unsetenv("NO_COLOR");
    on = decide("") + decide("always");
    off = decide("never");
    by_default = decide(NULL);
    automatic = decide("auto");
    errno = 0;
    wrong = decide("foo") == -1 && errno == EINVAL;
    dup2(saved, STDOUT_FILENO);
    fclose(f);
    is_int(on, 2, "always, and no word, turn colours on");
    is_int(off, 0, "never turns them off");
    is_int(by_default + automatic, 0, "a file gets none by default");
    ok(wrong, "another word is refused");
    setenv("NO_COLOR", "1", 1);
    is_int(decide(NULL), 0, "NO_COLOR turns them off");
    is_int(decide("always"), 1, "unless they are asked for");
}

static long long seconds(const char *text)
{
    struct timespec t;

    return term_parse_stamp(text, &t) < 0 ? -1 : (long long)t.tv_sec;
}

static long nanoseconds(const char *text)
{
    struct timespec t;

    return term_parse_stamp(text, &t) < 0 ? -1 : t.tv_nsec;
}

static void test_parse(void)
{
    is_int(seconds("1970-01-01T00:00:00Z"), 0, "the epoch");
    is_int(seconds("2000-02-29T12:00:00Z"), 951825600, "a leap day");
    is_int(seconds("2026-11-23T00:44:33.785550Z"), 1795394673, "a log's");
    is_int(seconds("2100-03-01T00:00:00Z"), 4107542400, "no leap year");
    is_int(nanoseconds("2026-11-23T00:44:33.785550Z"), 785550000, "fraction");
    is_int(nanoseconds("2026-11-23T00:44:33.5Z"), 500000000, "a short one");
    is_int(nanoseconds("2026-11-23T00:44:33.1234567899Z"), 123456789,
           "a long one is cut");
    is_int(nanoseconds("2026-11-23T00:44:33Z"), 0, "none");
}

static void test_refusals(void)
{
    static const char *const wrong[] = {
        "",
        "-",
        "notatime",
        "2026-11-23",
        "2026-11-23T00:44:33",
        "2026-11-23T00:44:33+02:00",
        "2026-11-23 00:44:33Z",
        "2026-13-23T00:44:33Z",
        "2026-00-23T00:44:33Z",
        "2026-11-32T00:44:33Z",
        "2026-11-23T24:44:33Z",
        "2026-11-23T00:44:33.5Zx",
    };
    char stamp[TERM_STAMP_SIZE];

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        errno = 0;
        ok(seconds(wrong[i]) == -1 && errno == EINVAL &&
               term_local_stamp(wrong[i], stamp) == -1,
           wrong[i]);
    }
}

static void is_local(const char *zone, const char *want, const char *name)
{
    char stamp[TERM_STAMP_SIZE] = "";

    set_zone(zone);
    term_local_stamp("2026-11-23T02:43:26.0231750Z", stamp);
    is_str(stamp, want, name);
}

static void test_local(void)
{
    struct timespec t = {1795401806, 659999999};
    char stamp[TERM_STAMP_SIZE];

    is_local("UTC0", "2026-11-23T02:43:26.0231750Z", "UTC");
    is_local("PST8", "2026-11-22T18:43:26.0231750-08:00", "west");
    is_local("IST-5:30", "2026-11-23T08:13:26.0231750+05:30", "east");
    term_milli_stamp(t, stamp);
    is_str(stamp, "2026-11-23T08:13:26.659", "milliseconds");
}

static const char *
clock_text(struct term_clock *c, int minute, int second, int msec)
{
    static char stamp[TERM_STAMP_SIZE + 1];
    struct timespec t = {1795400460, msec * 1000000L};

    t.tv_sec += minute * 60 + second;
    stamp[0] = term_clock_stamp(c, t, stamp + 1) ? '!' : ' ';
    return stamp;
}

static void test_clock(void)
{
    struct term_clock c = {0}, delta = {.delta = true},
                      minute = {.from_minute = true},
                      both = {.delta = true, .from_minute = true};

    set_zone("UTC0");
    is_str(clock_text(&c, 0, 5, 500), "![Nov23 02:21]", "the first line");
    is_str(clock_text(&c, 0, 30, 250), " [ +24.750000]", "a distance");
    is_str(clock_text(&c, 0, 31, 0), " [ +25.500000]", "from the same");
    is_str(clock_text(&c, 0, 5, 0), " [  -0.500000]", "backwards");
    is_str(clock_text(&c, 1, 4, 0), "![Nov23 02:22]", "a new minute");
    is_str(clock_text(&c, 1, 5, 0), " [  +1.000000]", "from that");
    is_str(clock_text(&c, 0, 59, 0), "![Nov23 02:21]", "an older minute");
    is_str(clock_text(&c, 60, 59, 0), "![Nov23 03:21]", "same minute, later");
    clock_text(&delta, 0, 5, 0);
    clock_text(&delta, 0, 6, 0);
    is_str(clock_text(&delta, 0, 8, 500), " [  +2.500000]", "delta");
    clock_text(&minute, 0, 5, 500);
    is_str(clock_text(&minute, 0, 6, 0), " [  +6.000000]", "from the minute");
    clock_text(&both, 0, 5, 500);
    is_str(clock_text(&both, 0, 6, 0), " [  +0.500000]", "delta goes first");
}

int main(void)
{
    test_color();
    test_parse();
    test_refusals();
    test_local();
    test_clock();
    return done();
}
