/* reactor_internal.h - the inside of a reactor, for the files that make one up
 *
 * From the bottom to the top, each using only those before it:
 * reactor_watcher.c what all watchers have, the ready list and the lists of
 * those that need no more; reactor_heap.c what is due in order of time;
 * reactor_time.c timers, periodics and the clocks; reactor_stat.c,
 * reactor_poll.c, reactor_signal.c the other kinds; reactor.c the loop.
 */
#ifndef REACTOR_INTERNAL_H
#define REACTOR_INTERNAL_H

#include "reactor.h"

#include <poll.h>
#include <stdint.h>

#include "list.h"

#define REACTOR_NO_SLOT SIZE_MAX

enum {
    REACTOR_PRIORITY_MIN = -2,
    REACTOR_PRIORITY_MAX = 2,
    REACTOR_PRIORITIES = REACTOR_PRIORITY_MAX - REACTOR_PRIORITY_MIN + 1,
    REACTOR_ROOM_MIN = 8, /* first size of a heap or poll set */
};

/* What distinguishes the kinds of watchers. */
struct reactor_kind {
    bool passive; /* a call is no event: prepare and check */
    int (*reserve)(flux_reactor_t *r);  /* room for one more active watcher */
    void (*release)(flux_watcher_t *w); /* gives it back as `w` is freed */
    void (*start)(flux_watcher_t *w);
    void (*stop)(flux_watcher_t *w);
    void (*ref)(flux_watcher_t *w, bool on);
    void (*polled)(flux_watcher_t *w, short revents); /* poll set's members */
    void (*expire)(flux_watcher_t *w, double now);    /* heaps' members */
};

/* Of timer, periodic and stat watchers. */
struct reactor_timing {
    double at;      /* when it is due, on its heap's clock */
    double after;   /* timer: seconds left while stopped; periodic: offset */
    double repeat;  /* 0: once */
    uint64_t order; /* equal times are due in the order of arming */
    size_t slot;    /* place in the heap, or REACTOR_NO_SLOT */
    flux_reschedule_f reschedule;
    struct reactor_file *file; /* of a stat watcher */
};

struct flux_watcher {
    struct list ready; /* in the reactor's ready list while a call is due */
    struct list link;  /* in the list of its active kind, or of the dead */
    struct list all;   /* in its reactor's, newest first */
    flux_reactor_t *r;
    const struct reactor_kind *kind;
    flux_watcher_f cb;
    void *arg;
    int revents; /* for the call that is due */
    bool active;
    bool unreferenced;
    bool dead;
    union {
        struct reactor_timing time;
        struct {
            int fd;
            short events;
            unsigned char warmth; /* looks at all until it is cold again */
            size_t slot;          /* place in the poll set while active */
        } io;
        struct {
            int signum;
            unsigned int seen; /* of selfpipe_count(signum) already told */
        } sig;
        struct {
            pid_t pid;
            int status;
            bool reaped;
        } child;
        struct {
            const struct reactor_watcher_ops *ops;
            void *impl;
        } custom;
        int priority;
    } u;
};

struct reactor_heap {
    flux_watcher_t **slots;
    size_t count;
    size_t capacity;
    size_t reserved; /* watchers created that may be in it at one time */
};

/* fds[i] belongs to owners[i]. */
struct reactor_pollset {
    struct pollfd *fds;
    flux_watcher_t **owners;
    size_t count;
    size_t hot;      /* the first ones, which have had something lately */
    double looked;   /* when all were looked at; < 0: in the last wait */
    double patience; /* seconds until all are looked at again */
    size_t capacity;
    size_t reserved;
};

struct flux_reactor {
    int refcount;
    int depth;      /* callbacks under way */
    size_t active;  /* watchers that keep the loop running */
    uint64_t order; /* next timing's order */
    uint64_t turn;
    uint64_t events; /* calls made so far, passive kinds left out */
    bool stopping;
    bool failed; /* by flux_reactor_stop_error, with `errnum` */
    int errnum;
    double mono;   /* monotonic time of this iteration */
    double offset; /* add to mono for wall clock time */
    double synced; /* mono when offset was measured */
    struct reactor_heap timers;
    struct reactor_heap periodics;
    struct reactor_pollset polls;
    bool starving; /* the last poll(2) found no memory */
    reactor_starving_f starving_cb;
    void *starving_arg;
    struct list all;
    struct list ready;
    struct list dead;
    struct list prepares;
    struct list checks[REACTOR_PRIORITIES];
    struct list idles;
    struct list signals;
    struct list children;
    int pipe;          /* of selfpipe.h, or -1 */
    size_t pipe_users; /* active signal and child watchers */
    unsigned int sigchld_seen;
    struct flux_watcher wake; /* on the pipe; internal, holds no reference */
};

/* ---- reactor_watcher.c ---- */

/* A stopped watcher of that kind, with room reserved; NULL with EINVAL if `r`
 * is NULL, or ENOMEM.
 */
flux_watcher_t *reactor_watcher_new(flux_reactor_t *r,
                                    const struct reactor_kind *kind,
                                    flux_watcher_f cb,
                                    void *arg);
/* The same of one that is part of the reactor: all zeros before. */
void reactor_watcher_init(flux_watcher_t *w,
                          flux_reactor_t *r,
                          const struct reactor_kind *kind);

/* Whether `w` is of that kind; false with EINVAL. */
bool reactor_watcher_is(const flux_watcher_t *w,
                        const struct reactor_kind *kind);

/* Of a watcher that its kind has already taken out of its place. */
void reactor_watcher_deactivate(flux_watcher_t *w);

/* Have the callback called in this iteration. */
void reactor_ready_push(flux_watcher_t *w, int revents);
void reactor_ready_push_all(struct list *watchers);
void reactor_ready_remove(flux_watcher_t *w);
void reactor_ready_dispatch(flux_reactor_t *r); /* until none is ready */

/* Check watchers, from the highest priority to the lowest. */
void reactor_checks_push(flux_reactor_t *r, int highest, int lowest);

/* Free destroyed watchers; only while no callback is under way. */
void reactor_dead_sweep(flux_reactor_t *r);

/* ---- reactor_heap.c ---- */

int reactor_heap_reserve(struct reactor_heap *h);
void reactor_heap_push(struct reactor_heap *h, flux_watcher_t *w, double at);
/* Out of the heap, or of what reactor_heap_take() has put it into. */
void reactor_heap_remove(struct reactor_heap *h, flux_watcher_t *w);
/* Move what is due by `now` to the end of `due`, first the earliest. */
void reactor_heap_take(struct reactor_heap *h, double now, struct list *due);
/* Call the kind's `expire` for all that is due by `now`. */
void reactor_heap_expire(struct reactor_heap *h, double now);
/* Seconds until the first is due, DBL_MAX if there is none. */
double reactor_heap_wait(const struct reactor_heap *h, double now);

/* ---- reactor_time.c ---- */

void reactor_time_init(flux_reactor_t *r);
void reactor_time_update(flux_reactor_t *r); /* look at the clocks */
int reactor_time_left(flux_reactor_t *r); /* milliseconds, -1: nothing armed */
void reactor_time_expire(flux_reactor_t *r);

/* A watcher with a timing; EINVAL for seconds below 0. */
flux_watcher_t *reactor_timing_new(flux_reactor_t *r,
                                   const struct reactor_kind *kind,
                                   double after,
                                   double repeat,
                                   flux_watcher_f cb,
                                   void *arg);
/* `reserve` and `release` of kinds that wait in the heap of timers. */
int reactor_timer_reserve(flux_reactor_t *r);
void reactor_timer_release(flux_watcher_t *w);

/* ---- reactor_poll.c ---- */

int reactor_poll_reserve(flux_reactor_t *r);
void reactor_poll_release(flux_reactor_t *r);
/* `start` and `stop` of kinds that have a `polled`. */
void reactor_poll_add(flux_watcher_t *w);
void reactor_poll_remove(flux_watcher_t *w);
/* The number of entries with something to tell, or -1.  `timeout` as for
 * poll(2).
 */
int reactor_poll_wait(flux_reactor_t *r, int timeout);
/* Call the kind's `polled` for those `n` entries. */
void reactor_poll_push(flux_reactor_t *r, int n);

/* ---- reactor_signal.c ---- */

void reactor_signal_init(flux_reactor_t *r);

#endif /* REACTOR_INTERNAL_H */
