/* test_units.c - amounts in few characters */
#include "units.h"

#include "tap.h"

static void
test(const char *(*format)(double, char *), double n, const char *want)
{
    char text[UNITS_SIZE];

    is_str(format(n, text), want, want);
}

int main(void)
{
    test(units_time, 0, "0");
    test(units_time, -1, "0");
    test(units_time, 1e-6, "1.0us");
    test(units_time, 12.4e-6, "12us");
    test(units_time, 999.4e-6, "999us");
    test(units_time, 999.9e-6, "1.0ms");
    test(units_time, 1.5e-3, "1.5ms");
    test(units_time, 9.96e-3, "10ms");
    test(units_time, 3.2, "3.2s");
    test(units_time, 119, "119s");
    test(units_time, 150, "2.5m");
    test(units_time, 7200, "2.0h");
    test(units_time, 864000, "10d");
    test(units_bytes, 0, "0");
    test(units_bytes, 812, "812");
    test(units_bytes, 1024, "1.0K");
    test(units_bytes, 1536, "1.5K");
    test(units_bytes, 12 * 1048576., "12M");
    test(units_count, 0.5, "0.5");
    test(units_count, 12, "12");
    test(units_count, 999.9, "1.0k");
    test(units_count, 123456, "123k");
    return done();
}
