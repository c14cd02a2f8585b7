/* latency.h - how long things took, counted by powers of two of a microsecond
 *
 * Bucket 0 counts what took less than 1 us, bucket i what took at least
 * 2^(i-1) and less than 2^i us, the last one all that is more.
 */
#ifndef LATENCY_H
#define LATENCY_H

#include <stdint.h>

enum { LATENCY_BUCKETS = 32 /* the last begins at 18 minutes */ };

struct latency {
    uint64_t count;
    double sum; /* seconds */
    uint64_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *l, double seconds); /* below 0 counts as 0 */

/* What the buckets of `l` have more than those of `before`, an earlier state
 * of it; all of `l` if it has less, since it must have begun anew.
 */
void latency_since(const struct latency *l,
                   const struct latency *before,
                   struct latency *difference);

/* The seconds that a share `q` (0 to 1) of all did not exceed, by linear
 * interpolation in a bucket; 0 if nothing was counted.
 */
double latency_quantile(const struct latency *l, double q);

/* The upper end of a bucket in seconds. */
double latency_limit(int bucket);

#endif /* LATENCY_H */
