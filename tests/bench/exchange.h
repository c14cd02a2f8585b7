/* exchange.h - requests that are sent and answers that are counted
 *
 * Measuring functions return a negative number if the connection broke.
 */
#ifndef EXCHANGE_H
#define EXCHANGE_H

#include <stddef.h>

enum { EXCHANGE_WINDOW = 64 };

/* A connection, and a request of fixed size whose answer has a fixed size. */
struct exchange {
    int fd;
    unsigned char *out; /* EXCHANGE_WINDOW requests, and the same again */
    size_t out_size;    /* of one */
    size_t in_size;     /* of one answer */
};

/* Takes the descriptor, copies the request.  If `tagged`, its last four bytes
 * are made a number of its own for each of a window.  0, or -1.
 */
int exchange_init(struct exchange *x,
                  int fd,
                  const void *request,
                  size_t size,
                  size_t answer_size,
                  int tagged);
void exchange_release(struct exchange *x);

double exchange_round_trip(struct exchange *x, int count); /* us each */
double exchange_rate(struct exchange *x, int count); /* per second, windowed */

/* How long each of at most `count` round trips took, in us, into `us`, for so
 * many seconds or until one is interrupted, which counts too.  How many, or -1.
 */
int exchange_sample(struct exchange *x, double *us, int count, int seconds);

/* Send as fast as the socket takes it and read what comes, until killed. */
void exchange_flood(struct exchange *x);

/* One who sends, and some who each get what was sent. */
struct fan {
    int from;
    int count;
    int *to;
    unsigned char *out; /* EXCHANGE_WINDOW messages */
    size_t out_size;
    size_t in_size;
};

/* Send `batch` messages at once and wait until all have all, so many times.
 * Seconds in all.
 */
double fan_run(struct fan *f, int batch, int times);

double exchange_clock(void); /* seconds */

#endif /* EXCHANGE_H */
