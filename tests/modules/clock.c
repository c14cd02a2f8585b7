/* clock.c - no module: for LD_PRELOAD, a wall clock that jumps by an hour
 *
 * Each second look at the time is an hour late.  The monotonic clock, which
 * cannot jump, is left alone.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* RTLD_NEXT */
#endif
#include <dlfcn.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

enum { HOUR = 3600 };

static unsigned looks;

static time_t jump(void)
{
    return __sync_fetch_and_add(&looks, 1) % 2 ? HOUR : 0;
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
    void *symbol = dlsym(RTLD_NEXT, "clock_gettime");
    int (*next)(clockid_t, struct timespec *);
    int rc;

    memcpy(&next, &symbol, sizeof(next));
    rc = next(id, ts);
    if (rc == 0 && id == CLOCK_REALTIME)
        ts->tv_sec -= jump();
    return rc;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
        return -1;
    tv->tv_sec = ts.tv_sec;
    tv->tv_usec = ts.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *t)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    if (t)
        *t = ts.tv_sec;
    return ts.tv_sec;
}
