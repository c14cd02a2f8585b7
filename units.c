/* units.c - amounts in few characters, for people
 *
 * Two digits count, so that a column of them is six characters wide at most
 * and can be read at a glance: "1.5ms", "12ms", "812us".  What must be exact
 * is printed elsewhere.
 */
#include "units.h"

#include <stdio.h>

struct unit {
    double from; /* used for amounts from here on */
    double one;  /* amount that is 1 in it */
    const char *name;
};

/* 9.95 and more would be rounded to 10.0. */
static const char *format(double n, const char *name, char text[UNITS_SIZE])
{
    snprintf(text, UNITS_SIZE, n < 9.95 ? "%.1f%s" : "%.0f%s", n, name);
    return text;
}

static const char *
by_units(double n, const struct unit *u, char text[UNITS_SIZE])
{
    while (n < u->from)
        u++;
    if (u->one == 0)
        return snprintf(text, UNITS_SIZE, "0"), text;
    return format(n / u->one, u->name, text);
}

const char *units_time(double seconds, char text[UNITS_SIZE])
{
    static const struct unit units[] = {
        {2 * 86400., 86400., "d"}, {2 * 3600., 3600., "h"}, {120., 60., "m"},
        {0.9995, 1., "s"},         {0.0009995, 1e-3, "ms"}, {1e-9, 1e-6, "us"},
        {-1e300, 0, ""},
    };

    return by_units(seconds, units, text);
}

static const char *
scaled(double n, double step, const char *names, char text[UNITS_SIZE])
{
    char name[2] = "";

    while (n >= step * 0.9995 && *names) {
        n /= step;
        name[0] = *names++;
    }
    if (name[0])
        return format(n, name, text);
    snprintf(text, UNITS_SIZE,
             n == (double)(long)n || n >= 9.95 ? "%.0f" : "%.1f", n);
    return text;
}

const char *units_bytes(double bytes, char text[UNITS_SIZE])
{
    return scaled(bytes, 1024, "KMGTP", text);
}

const char *units_count(double n, char text[UNITS_SIZE])
{
    return scaled(n, 1000, "kMGTP", text);
}
