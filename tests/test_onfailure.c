/* test_onfailure.c - rules for failing modules, and when they are restarted */
#include "onfailure.h"

#include "tap.h"

static const char *round_trip(const char *text)
{
    static char out[ONFAILURE_TEXT_SIZE];
    struct onfailure o;
    flux_error_t e;

    if (onfailure_parse(text, &o, &e) < 0)
        return "error";
    onfailure_format(&o, out);
    return out;
}

static void test_rules(void)
{
    static const char *const wrong[] = {"",
                                        "Panic",
                                        "restart:",
                                        "restart:0",
                                        "restart:-1",
                                        "restart:1x",
                                        "restart:101",
                                        "restart:5/",
                                        "restart:/5",
                                        "restart:5/0",
                                        "restart:5/-1",
                                        "restart:5/x",
                                        "restarts",
                                        "panic:1",
                                        "restart:99999999999999999999"};

    is_str(round_trip(NULL), "", "none is the default");
    is_str(round_trip("panic"), "panic", "panic");
    is_str(round_trip("log"), "log", "log");
    is_str(round_trip("restart"), "restart:5/60", "restart has defaults");
    is_str(round_trip("restart:3"), "restart:3/60", "N");
    is_str(round_trip("restart:100/1.5m"), "restart:100/90", "N/SECONDS");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        is_str(round_trip(wrong[i]), "error", wrong[i]);
}

static struct onfailure rule(const char *text)
{
    struct onfailure o;

    onfailure_parse(text, &o, NULL);
    return o;
}

static void test_delays(void)
{
    struct onfailure o = rule("restart:4/10");
    struct onfailure_history h = {{0}, 0, 0};

    ok(onfailure_delay(&o, &h, 100) == 0, "the first comes at once");
    ok(onfailure_delay(&o, &h, 101) == 0.25, "the second later");
    ok(onfailure_delay(&o, &h, 102) == 0.5, "each waits twice as long");
    ok(onfailure_delay(&o, &h, 103) == 1, "as the one before");
    ok(onfailure_delay(&o, &h, 104) < 0, "then the window is full");
    ok(h.total == 4, "what is refused is not counted");
    ok(onfailure_delay(&o, &h, 110.5) >= 0, "it moves on");
    ok(onfailure_delay(&o, &h, 200) == 0, "and in the end it is empty");
    is_int(h.total, 6, "all are counted");
}

static void test_bounds(void)
{
    struct onfailure o = rule("restart:100/10d");
    struct onfailure_history h = {{0}, 0, 0};
    double longest = 0, delay;
    int count = 0;

    while ((delay = onfailure_delay(&o, &h, 1000)) >= 0) {
        longest = delay > longest ? delay : longest;
        count++;
    }
    is_int(count, 100, "as many as the rule says");
    ok(longest == 30, "no delay is longer than half a minute");
    o = rule("panic");
    ok(onfailure_delay(&o, &h, 1e9) < 0, "another rule restarts nothing");
}

int main(void)
{
    test_rules();
    test_delays();
    test_bounds();
    return done();
}
