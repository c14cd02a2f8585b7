/* reactor_signal.c - watchers of signals, and of children
 *
 * A reactor that watches signals has a pipe (selfpipe.h), and an internal
 * watcher of that which is in the poll set while any signal or child is
 * watched.  When the pipe wakes the loop, each signal watcher compares the
 * count of its signal with what it has told; SIGCHLD makes each child watcher
 * look for its child.
 *
 * What always holds:
 * - A watcher tells only of what came after it was started.
 * - SIGCHLD is caught before a child watcher looks for the first time, so that
 *   the end of no child is missed.
 * - A child is reaped by its watcher and by no one else here; others' children
 *   are not touched.
 * - The reactor keeps its pipe, and room to wait on it, until it is freed.
 */
#include "reactor_internal.h"

#include <signal.h>
#include <sys/wait.h>

#include "selfpipe.h"

enum { STATUS_LOST = 255 << 8 }; /* exit code 255: reaped elsewhere */

/* ---- the pipe ---- */

/* The first watcher that needs the pipe takes one, and room to wait on it;
 * both stay until the reactor is freed.
 */
static int pipe_reserve(flux_reactor_t *r)
{
    if (r->pipe >= 0)
        return 0;
    if (reactor_poll_reserve(r) < 0)
        return -1;
    if ((r->pipe = selfpipe_acquire()) < 0) {
        reactor_poll_release(r);
        return -1;
    }
    r->wake.u.io.fd = selfpipe_fd(r->pipe);
    r->wake.u.io.events = POLLIN;
    return 0;
}

/* The pipe is watched while any signal is. */
static void hold(flux_reactor_t *r, int signum)
{
    selfpipe_hold(signum);
    if (r->pipe_users++ == 0)
        flux_watcher_start(&r->wake);
}

static void drop(flux_reactor_t *r, int signum)
{
    if (--r->pipe_users == 0)
        flux_watcher_stop(&r->wake);
    selfpipe_drop(signum);
}

/* ---- signals ---- */

static void signal_start(flux_watcher_t *w)
{
    w->u.sig.seen = selfpipe_count(w->u.sig.signum);
    list_append(&w->r->signals, &w->link);
    hold(w->r, w->u.sig.signum);
}

static void signal_stop(flux_watcher_t *w)
{
    list_remove(&w->link);
    drop(w->r, w->u.sig.signum);
}

static void signals_push(flux_reactor_t *r)
{
    struct list *l, *following;

    LIST_FOREACH(&r->signals, l, following)
    {
        flux_watcher_t *w = LIST_ENTRY(l, flux_watcher_t, link);
        unsigned int count = selfpipe_count(w->u.sig.signum);
        if (w->u.sig.seen == count)
            continue;
        w->u.sig.seen = count;
        reactor_ready_push(w, 0);
    }
}

static const struct reactor_kind signal_kind = {
    .reserve = pipe_reserve,
    .start = signal_start,
    .stop = signal_stop,
};

flux_watcher_t *flux_signal_watcher_create(flux_reactor_t *r,
                                           int signum,
                                           flux_watcher_f cb,
                                           void *arg)
{
    flux_watcher_t *w;

    if (!selfpipe_is_watchable(signum)) {
        errno = EINVAL;
        return NULL;
    }
    if ((w = reactor_watcher_new(r, &signal_kind, cb, arg)))
        w->u.sig.signum = signum;
    return w;
}

int flux_signal_watcher_get_signum(flux_watcher_t *w)
{
    return reactor_watcher_is(w, &signal_kind) ? w->u.sig.signum : -1;
}

/* ---- children ---- */

static bool child_reap(flux_watcher_t *w)
{
    pid_t pid;

    if (w->u.child.reaped)
        return true;
    do {
        pid = waitpid(w->u.child.pid, &w->u.child.status, WNOHANG);
    } while (pid < 0 && errno == EINTR);
    if (pid < 0)
        w->u.child.status = STATUS_LOST;
    w->u.child.reaped = pid != 0;
    return w->u.child.reaped;
}

static void child_stop(flux_watcher_t *w)
{
    list_remove(&w->link);
    drop(w->r, SIGCHLD);
}

static void child_check(flux_watcher_t *w)
{
    if (!child_reap(w))
        return;
    reactor_watcher_deactivate(w);
    child_stop(w);
    reactor_ready_push(w, 0);
}

/* SIGCHLD is caught before the first look, so that none is missed. */
static void child_start(flux_watcher_t *w)
{
    list_append(&w->r->children, &w->link);
    hold(w->r, SIGCHLD);
    child_check(w);
}

static void children_push(flux_reactor_t *r)
{
    unsigned int count = selfpipe_count(SIGCHLD);
    struct list *l, *following;

    if (r->sigchld_seen == count)
        return;
    r->sigchld_seen = count;
    LIST_FOREACH(&r->children, l, following)
    {
        child_check(LIST_ENTRY(l, flux_watcher_t, link));
    }
}

static const struct reactor_kind child_kind = {
    .reserve = pipe_reserve,
    .start = child_start,
    .stop = child_stop,
};

flux_watcher_t *reactor_child_watcher_create(flux_reactor_t *r,
                                             pid_t pid,
                                             flux_watcher_f cb,
                                             void *arg)
{
    flux_watcher_t *w;

    if (pid <= 0) {
        errno = EINVAL;
        return NULL;
    }
    if ((w = reactor_watcher_new(r, &child_kind, cb, arg)))
        w->u.child.pid = pid;
    return w;
}

pid_t reactor_child_watcher_pid(flux_watcher_t *w)
{
    return reactor_watcher_is(w, &child_kind) ? w->u.child.pid : -1;
}

int reactor_child_watcher_status(flux_watcher_t *w)
{
    return reactor_watcher_is(w, &child_kind) ? w->u.child.status : -1;
}

/* ---- waking up ---- */

static void wake_polled(flux_watcher_t *w, short polled)
{
    (void)polled;
    selfpipe_drain(w->r->pipe);
    signals_push(w->r);
    children_push(w->r);
}

static const struct reactor_kind wake_kind = {
    .start = reactor_poll_add,
    .stop = reactor_poll_remove,
    .polled = wake_polled,
};

void reactor_signal_init(flux_reactor_t *r)
{
    list_init(&r->signals);
    list_init(&r->children);
    r->pipe = -1;
    reactor_watcher_init(&r->wake, r, &wake_kind);
    r->wake.unreferenced = true;
}
