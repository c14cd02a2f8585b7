/* test_latency.c - times go into their buckets and come out as quantiles */
#include "latency.h"

#include <stdbool.h>

#include "tap.h"

static int bucket(double seconds)
{
    struct latency l = {0};
    int i = 0;

    latency_add(&l, seconds);
    while (i < LATENCY_BUCKETS && l.buckets[i] == 0)
        i++;
    return i;
}

static bool near(double got, double want)
{
    double off = got - want;

    return off < 1e-9 && off > -1e-9;
}

static void test_quantiles(void)
{
    struct latency l = {0}, before, since;

    ok(near(latency_quantile(&l, 0.5), 0), "nothing counted: 0");
    for (int i = 0; i < 100; i++)
        latency_add(&l, 3e-6);
    ok(near(latency_quantile(&l, 0.5), 3e-6), "the middle of a bucket");
    ok(near(latency_quantile(&l, 1), 4e-6), "its end");
    before = l;
    for (int i = 0; i < 100; i++)
        latency_add(&l, 1e-3);
    ok(near(latency_quantile(&l, 0.5), 4e-6), "half is in the first bucket");
    ok(latency_quantile(&l, 0.51) > 512e-6, "more is in the other");
    ok(near(latency_quantile(&l, 0.99), (512 + 512 * 0.98) * 1e-6),
       "99 of a hundred");
    latency_since(&l, &before, &since);
    ok(since.count == 100 && near(since.sum, 0.1), "what came since");
    ok(latency_quantile(&since, 0.01) > 512e-6, "is all in the other");
    latency_since(&before, &l, &since);
    ok(since.count == 100 && near(since.sum, 3e-4), "one that began anew");
}

int main(void)
{
    is_int(bucket(-1), 0, "below zero is the first bucket");
    is_int(bucket(0), 0, "zero too");
    is_int(bucket(0.9e-6), 0, "less than a microsecond too");
    is_int(bucket(1e-6), 1, "a microsecond is the second");
    is_int(bucket(1.9e-6), 1, "less than two too");
    is_int(bucket(2.1e-6), 2, "then the third");
    is_int(bucket(1e-3), 10, "a millisecond");
    is_int(bucket(1), 20, "a second");
    is_int(bucket(1e9), LATENCY_BUCKETS - 1, "what is too long is the last");
    ok(near(latency_limit(10), 1024e-6), "a limit is a power of two");
    test_quantiles();
    return done();
}
