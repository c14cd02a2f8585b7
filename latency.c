/* latency.c - how long things took, counted by powers of two of a microsecond
 *
 * One addition to a counter for each thing that is measured, a fixed 272
 * bytes for all of them, and histograms of different times or places can be
 * added and subtracted.  The price is that a quantile is known up to its
 * bucket only: within a factor of two, and interpolated inside, as
 * Prometheus does with the same buckets.
 *
 * What always holds:
 * - The buckets' counts add up to `count`.
 * - Nothing that was measured is lost: what is too long is in the last bucket,
 *   and a time below zero (clocks do that) in the first.
 */
#include "latency.h"

static const double MICROSECONDS = 1e6; /* in a second */

static int bucket_of(double seconds)
{
    double us = seconds * MICROSECONDS;
    int bucket = 0;

    for (double limit = 1; bucket < LATENCY_BUCKETS - 1 && us >= limit;
         limit *= 2)
        bucket++;
    return bucket;
}

void latency_add(struct latency *l, double seconds)
{
    l->count++;
    l->sum += seconds > 0 ? seconds : 0;
    l->buckets[bucket_of(seconds)]++;
}

void latency_since(const struct latency *l,
                   const struct latency *before,
                   struct latency *difference)
{
    *difference = *l;
    if (before->count > l->count)
        return;
    difference->count -= before->count;
    difference->sum -= before->sum;
    for (int i = 0; i < LATENCY_BUCKETS; i++)
        difference->buckets[i] -= before->buckets[i];
}

double latency_limit(int bucket)
{
    return (double)(UINT64_C(1) << bucket) / MICROSECONDS;
}

double latency_quantile(const struct latency *l, double q)
{
    double wanted = q * (double)l->count, passed = 0;
    int i = 0;

    if (l->count == 0)
        return 0;
    while (i < LATENCY_BUCKETS - 1 &&
           (l->buckets[i] == 0 || passed + (double)l->buckets[i] < wanted))
        passed += (double)l->buckets[i++];
    if (l->buckets[i] == 0)
        return latency_limit(i - 1);
    return (i > 0 ? latency_limit(i - 1) : 0) +
           (wanted - passed) / (double)l->buckets[i] *
               (latency_limit(i) - (i > 0 ? latency_limit(i - 1) : 0));
}
