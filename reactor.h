/* reactor.h - what the broker needs of the reactor beyond flux.h
 *
 * The reactor itself is published in flux.h.  See the head of reactor.c for
 * the order in which watchers run and what holds while they do.
 */
#ifndef REACTOR_H
#define REACTOR_H

#include "flux.h"

/* Call `cb` once when the child `pid` ends; the watcher reaps it and is
 * stopped by then.  Children without a watcher are not touched.  What is no
 * child, or was reaped by someone else, counts as ended with exit code 255.
 */
flux_watcher_t *reactor_child_watcher_create(flux_reactor_t *r,
                                             pid_t pid,
                                             flux_watcher_f cb,
                                             void *arg);
pid_t reactor_child_watcher_pid(flux_watcher_t *w);
int reactor_child_watcher_status(flux_watcher_t *w); /* as waitpid(2) */

/* Change what an fd watcher waits for (FLUX_POLLIN, FLUX_POLLOUT); cheap,
 * started or not.
 */
void reactor_fd_watcher_set_events(flux_watcher_t *w, int events);

/* A watcher whose behaviour is the caller's own (flux_handle_watcher_create
 * is made of this): the reactor calls start and stop; the rest is in `impl`,
 * which is destroyed with the watcher, but not before callbacks under way
 * have returned.  A started one counts once as active; watchers inside it
 * are best unreferenced (or follow `ref`), or they hold the loop as well.
 */
struct reactor_watcher_ops {
    void (*start)(flux_watcher_t *w, void *impl);
    void (*stop)(flux_watcher_t *w, void *impl);
    void (*ref)(flux_watcher_t *w, void *impl, bool on); /* may be NULL */
    void (*destroy)(void *impl);
};
flux_watcher_t *reactor_watcher_create(flux_reactor_t *r,
                                       const struct reactor_watcher_ops *ops,
                                       void *impl,
                                       flux_watcher_f cb,
                                       void *arg);
void *reactor_watcher_impl(flux_watcher_t *w,
                           const struct reactor_watcher_ops *ops); /* or NULL */
void reactor_watcher_call(flux_watcher_t *w, int revents);
/* Have it called in this turn of the loop, behind what is due already. */
void reactor_watcher_push(flux_watcher_t *w, int revents);

uint64_t reactor_turn(const flux_reactor_t *r); /* counts the loop's turns */

/* The monotonic clock in seconds, as it was when the loop last looked. */
double reactor_monotime(const flux_reactor_t *r);

/* Whether the loop ends after the callback under way: one that handles many
 * events in one call (dispatch.c) must then leave the rest.
 */
bool reactor_is_stopping(const flux_reactor_t *r);

/* Its thread was cancelled: the callbacks under way, and who ran it, are gone
 * from its stack, and so is whoever held watchers.  Abandoned, it may be used
 * again; reclaimed, it has no watchers any more and one reference, the
 * caller's. Both accept NULL.
 */
void reactor_abandon(flux_reactor_t *r);
void reactor_reclaim(flux_reactor_t *r);

/* Have `cb` called when poll(2) begins to fail for want of memory, and when it
 * works again.  In between timers are told, and no descriptors.
 */
typedef void (*reactor_starving_f)(bool starving, void *arg);
void reactor_on_starving(flux_reactor_t *r, reactor_starving_f cb, void *arg);

#endif /* REACTOR_H */
