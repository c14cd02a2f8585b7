/* reactor_time.c - timers, periodics and the clocks that they run on
 *
 * Timers run on the monotonic clock, periodics on the wall clock; a clock
 * that jumps moves only the latter.  The clocks are looked at once in each
 * turn of the loop.  The monotonic one always; the wall clock is reckoned from
 * it by their distance, which is measured anew when it has become old, or in
 * every turn while a periodic is armed.
 *
 * What always holds:
 * - While nothing is armed, the loop waits without end.
 * - It never wakes before something is due: waits are rounded up.
 * - Periodics are armed anew when the wall clock has jumped; while one is
 *   armed, waits are cut, since a jump is not noticed while waiting.
 * - A repeated timer does not drift, and does not make up for what it missed.
 */
#include "reactor_internal.h"

#include <float.h>
#include <limits.h>
#include <math.h>
#include <time.h>

/* How far the wall clock may be off before it counts as a jump, and how long
 * the distance between the two clocks is taken to be constant.
 */
static const double clock_jump = 1.;
static const double clock_resync = .5;
static const double periodic_wait_max = 60.;

/* ---- what timers and periodics have ---- */

flux_watcher_t *reactor_timing_new(flux_reactor_t *r,
                                   const struct reactor_kind *kind,
                                   double after,
                                   double repeat,
                                   flux_watcher_f cb,
                                   void *arg)
{
    flux_watcher_t *w;

    if (!(after >= 0.) || !(repeat >= 0.)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(w = reactor_watcher_new(r, kind, cb, arg)))
        return NULL;
    w->u.time.after = after;
    w->u.time.repeat = repeat;
    w->u.time.slot = REACTOR_NO_SLOT;
    return w;
}

/* ---- timers ---- */

int reactor_timer_reserve(flux_reactor_t *r)
{
    return reactor_heap_reserve(&r->timers);
}

void reactor_timer_release(flux_watcher_t *w)
{
    w->r->timers.reserved--;
}

static void timer_start(flux_watcher_t *w)
{
    reactor_heap_push(&w->r->timers, w, w->r->mono + w->u.time.after);
}

static void timer_stop(flux_watcher_t *w)
{
    w->u.time.after = w->u.time.at - w->r->mono;
    reactor_heap_remove(&w->r->timers, w);
}

/* The next time is reckoned from the last, so that it does not drift, but
 * what was missed meanwhile is not made up for.
 */
static void timer_expire(flux_watcher_t *w, double now)
{
    struct reactor_timing *t = &w->u.time;

    reactor_ready_push(w, 0);
    if (t->repeat > 0.) {
        double next = t->at + t->repeat;
        reactor_heap_push(&w->r->timers, w, next > now ? next : now);
        return;
    }
    t->after = t->at - now;
    reactor_watcher_deactivate(w);
}

static const struct reactor_kind timer_kind = {
    .reserve = reactor_timer_reserve,
    .release = reactor_timer_release,
    .start = timer_start,
    .stop = timer_stop,
    .expire = timer_expire,
};

flux_watcher_t *flux_timer_watcher_create(flux_reactor_t *r,
                                          double after,
                                          double repeat,
                                          flux_watcher_f cb,
                                          void *arg)
{
    return reactor_timing_new(r, &timer_kind, after, repeat, cb, arg);
}

void flux_timer_watcher_reset(flux_watcher_t *w, double after, double repeat)
{
    if (!reactor_watcher_is(w, &timer_kind))
        return;
    w->u.time.repeat = repeat;
    if (!w->active)
        w->u.time.after = after;
}

void flux_timer_watcher_again(flux_watcher_t *w)
{
    if (!reactor_watcher_is(w, &timer_kind))
        return;
    flux_watcher_stop(w);
    if (w->u.time.repeat > 0.) {
        w->u.time.after = w->u.time.repeat;
        flux_watcher_start(w);
    }
}

/* ---- periodics ---- */

static int periodic_reserve(flux_reactor_t *r)
{
    return reactor_heap_reserve(&r->periodics);
}

static void periodic_release(flux_watcher_t *w)
{
    w->r->periodics.reserved--;
}

static double periodic_reschedule(flux_watcher_t *w, double now)
{
    flux_reactor_t *r = w->r;
    double at;

    r->depth++;
    at = w->u.time.reschedule(w, now, w->arg);
    r->depth--;
    return at;
}

/* floor() without libm; beyond 2^53 a double has no fraction anyway. */
static double whole_part(double v)
{
    double whole;

    if (v < -9e15 || v > 9e15)
        return v;
    whole = (double)(int64_t)v;
    return whole > v ? whole - 1. : whole;
}

static double shorter(double a, double b)
{
    return a < b ? a : b;
}

/* The first of offset + n * interval after `now`; rounding may make it `now`
 * itself.
 */
static double periodic_multiple(const struct reactor_timing *t, double now)
{
    double n = whole_part((now - t->after) / t->repeat) + 1.;
    double at = t->after + n * t->repeat;

    return at > now ? at : at + t->repeat;
}

static void periodic_arm(flux_watcher_t *w, double now)
{
    struct reactor_timing *t = &w->u.time;
    double at = t->after;

    if (t->reschedule)
        at = periodic_reschedule(w, now);
    else if (t->repeat > 0.)
        at = periodic_multiple(t, now);
    if (!w->active || t->slot != REACTOR_NO_SLOT)
        return;
    if (t->reschedule && !(at >= now))
        reactor_watcher_deactivate(w);
    else
        reactor_heap_push(&w->r->periodics, w, at);
}

static void periodic_start(flux_watcher_t *w)
{
    periodic_arm(w, flux_reactor_now(w->r));
}

static void periodic_stop(flux_watcher_t *w)
{
    reactor_heap_remove(&w->r->periodics, w);
}

static void periodic_expire(flux_watcher_t *w, double now)
{
    reactor_ready_push(w, 0);
    if (w->u.time.reschedule || w->u.time.repeat > 0.)
        periodic_arm(w, now);
    else
        reactor_watcher_deactivate(w);
}

/* The wall clock has jumped to `now`. */
static void periodics_rearm(flux_reactor_t *r, double now)
{
    struct list all;

    list_init(&all);
    reactor_heap_take(&r->periodics, DBL_MAX, &all);
    while (!list_empty(&all)) {
        flux_watcher_t *w = LIST_ENTRY(all.next, flux_watcher_t, link);
        list_remove(&w->link);
        periodic_arm(w, now);
    }
}

static const struct reactor_kind periodic_kind = {
    .reserve = periodic_reserve,
    .release = periodic_release,
    .start = periodic_start,
    .stop = periodic_stop,
    .expire = periodic_expire,
};

flux_watcher_t *flux_periodic_watcher_create(flux_reactor_t *r,
                                             double offset,
                                             double interval,
                                             flux_reschedule_f reschedule_cb,
                                             flux_watcher_f cb,
                                             void *arg)
{
    flux_watcher_t *w;

    w = reactor_timing_new(r, &periodic_kind, offset, interval, cb, arg);
    if (w)
        w->u.time.reschedule = reschedule_cb;
    return w;
}

void flux_periodic_watcher_reset(flux_watcher_t *w,
                                 double next_wakeup,
                                 double interval,
                                 flux_reschedule_f reschedule_cb)
{
    if (!reactor_watcher_is(w, &periodic_kind))
        return;
    flux_watcher_stop(w);
    w->u.time.after = next_wakeup;
    w->u.time.repeat = interval;
    w->u.time.reschedule = reschedule_cb;
    flux_watcher_start(w);
}

double flux_watcher_next_wakeup(flux_watcher_t *w)
{
    if (w && w->kind == &periodic_kind)
        return w->u.time.at;
    if (!reactor_watcher_is(w, &timer_kind))
        return -1.;
    if (w->active)
        return w->u.time.at + w->r->offset;
    return flux_reactor_now(w->r) + w->u.time.after;
}

/* ---- clocks ---- */

static double clock_read(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static void clock_sync(flux_reactor_t *r)
{
    double offset = clock_read(CLOCK_REALTIME) - r->mono;
    double jump = fabs(offset - r->offset);

    r->offset = offset;
    r->synced = r->mono;
    if (jump > clock_jump)
        periodics_rearm(r, flux_reactor_now(r));
}

void reactor_time_update(flux_reactor_t *r)
{
    r->mono = clock_read(CLOCK_MONOTONIC);
    if (r->periodics.count > 0 || r->mono - r->synced >= clock_resync)
        clock_sync(r);
}

double flux_reactor_now(flux_reactor_t *r)
{
    return r->mono + r->offset;
}

double reactor_monotime(const flux_reactor_t *r)
{
    return r->mono;
}

void flux_reactor_now_update(flux_reactor_t *r)
{
    reactor_time_update(r);
}

double flux_reactor_time(void)
{
    return clock_read(CLOCK_REALTIME);
}

void reactor_time_init(flux_reactor_t *r)
{
    r->mono = clock_read(CLOCK_MONOTONIC);
    clock_sync(r);
}

/* ---- how long to wait, and what is due then ---- */

/* Rounded up, so that the loop does not wake before something is due. */
static int milliseconds(double seconds)
{
    double ms = seconds * 1e3;

    if (!(ms > 0.))
        return 0;
    if (ms >= (double)INT_MAX)
        return INT_MAX;
    return (int)ms + ((double)(int)ms < ms);
}

int reactor_time_left(flux_reactor_t *r)
{
    double wait, periodic_wait;

    if (r->timers.count == 0 && r->periodics.count == 0)
        return -1;
    reactor_time_update(r);
    wait = reactor_heap_wait(&r->timers, r->mono);
    if (r->periodics.count > 0) {
        periodic_wait = reactor_heap_wait(&r->periodics, flux_reactor_now(r));
        wait = shorter(wait, shorter(periodic_wait, periodic_wait_max));
    }
    return milliseconds(wait);
}

void reactor_time_expire(flux_reactor_t *r)
{
    reactor_heap_expire(&r->periodics, flux_reactor_now(r));
    reactor_heap_expire(&r->timers, r->mono);
}
