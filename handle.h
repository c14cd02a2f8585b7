/* handle.h - the inside of a flux_t, for the files that make one up
 *
 * handle.c holds the flux_t itself, connect.c the connectors (local://,
 * ssh://, fd://, loop://) behind flux_open(), dispatch.c the message handlers,
 * future.c, rpc.c and client.c what is made of those.  None of them knows of
 * the broker.
 */
#ifndef HANDLE_H
#define HANDLE_H

#include "conn.h"
#include "flux.h"

/* A handle over a connected, non-blocking stream socket, which it takes.
 * `handshake`: read and check the server's welcome byte first (wire.md), with
 * -1 and that errno if it is refused.  Where a handle has FLUX_O_NONBLOCK or
 * the call does, send and recv fail with EAGAIN instead of waiting.  The
 * socket is closed with the handle, or when this fails.
 */
flux_t *handle_open_fd(int fd, int flags, bool handshake, flux_error_t *e);

/* As flux_open_ex(3).  If `quiet`, what a helper such as ssh(1) says of why it
 * failed is in `e` alone; else the user sees it on stderr as it is said.
 */
flux_t *handle_open(const char *uri, int flags, bool quiet, flux_error_t *e);

/* What a connector may offer beyond the published flux_handle_ops. */
struct handle_batch_ops {
    /* As `send`, but nothing need be written yet. */
    int (*queue)(void *impl, const flux_msg_t *msg);
    /* Write what is queued.  -1 with EAGAIN if some is left and `flags` has
     * FLUX_O_NONBLOCK; without, wait.
     */
    int (*flush)(void *impl, int flags);
    size_t (*queued)(void *impl); /* bytes not written yet */
    bool (*pending)(void *impl);  /* recv would succeed without a read */
    /* Wait for input; `timeout` in seconds, < 0: for ever.  -1, ETIMEDOUT. */
    int (*wait)(void *impl, double timeout);
    void (*shield)(void *impl); /* as conn_shield(); of a stream only */
};

/* For a thread that may be cancelled, with `h` over a stream: it is then not
 * cancelled where it reads or writes, only where it waits.
 */
void handle_shield(flux_t *h);

/* Where a thread with such a handle may be cancelled though it never waits: a
 * call begins or has ended, and holds nothing.
 */
void handle_cancellation_point(flux_t *h);

/* That thread has been cancelled: whoever in it held references has gone, from
 * under calls of ours and of callbacks.  Frees `h` and all that hangs on it:
 * handlers, futures, watchers, the reactor.  What a clone of someone else's or
 * a reactor of their own holds stays, as does their own memory.
 */
void handle_reclaim(flux_t *h);
struct list *handle_futures(flux_t *h); /* those of `h` and its clones */

/* Parts of that, in this order.  The first is given to the second. */
struct dispatch *handle_dispatch_abandon(flux_t *h); /* or NULL */
void handle_dispatch_reclaim(struct dispatch *d);

/* As flux_handle_create(3); `batch` may be NULL.  A connector that has it
 * gives a descriptor whose readiness is the connection's own (pollfd).
 */
flux_t *handle_create(void *impl,
                      const struct flux_handle_ops *ops,
                      const struct handle_batch_ops *batch,
                      int flags);

/* Write what is queued, waiting if it must.  flux_send() writes at once but
 * while a batch of received messages is being dispatched, where it queues and
 * the dispatcher flushes (dispatch.c).
 */
int handle_flush(flux_t *h);
void handle_cork(flux_t *h, bool on); /* on: send only queues; may nest */
/* Take a cork off and write nothing: what is queued leaves with the next. */
void handle_uncork_later(flux_t *h);
/* The same without waiting: -1 with EAGAIN if some is left. */
int handle_flush_nonblock(flux_t *h);
/* Whether what is queued is too much or too old to wait any longer. */
bool handle_flush_due(flux_t *h);
size_t handle_queued(flux_t *h); /* bytes */

/* Whether a message can be had without reading from the connection. */
bool handle_pending(flux_t *h);

/* flux_recv(3) with a limit: `timeout` in seconds, 0: what is there already,
 * < 0: for ever.  NULL with ETIMEDOUT, or EAGAIN where no message can come
 * while the caller waits (loop://, a peer inside the broker).
 */
flux_msg_t *handle_recv(flux_t *h, struct flux_match match, double timeout);

/* What is ready (FLUX_POLLIN …), without asking the system where `fd_events`,
 * what poll(2) just said of flux_pollfd(), is enough to know.
 */
int handle_events(flux_t *h, int fd_events);

/* Messages became pending outside of the handle's own receiving: have the
 * loops that watch the handle look at it before they sleep.  A watcher joins
 * with handle_watch() and leaves by list_remove() of its link.
 */
struct handle_waker {
    struct list link;
    void (*wake)(struct handle_waker *waker);
};
void handle_watch(flux_t *h, struct handle_waker *waker);
void handle_wake(flux_t *h);

/* Said by a connector that calls handle_wake() for each message that comes:
 * loops need not ask it in every turn.
 */
void handle_set_waking(flux_t *h);
bool handle_is_waking(flux_t *h);

/* The dispatcher of a handle, kept under this aux key by dispatch.c. */
#define HANDLE_AUX_DISPATCH "flux::dispatch"
/* Set by the loader before mod_main (RFC 5). */
#define HANDLE_AUX_UUID "flux::uuid"
#define HANDLE_AUX_NAME "flux::name"
#define HANDLE_AUX_ARGS "flux::args" /* json_t, an array of strings */
#define HANDLE_AUX_DEBUG_FLAGS "flux::debug_flags"

/* Keep an object of strings, of which a reference is taken, as the attributes
 * that never change, in place of those kept so far.  -1 with EPROTO if it is
 * something else.  The object must not be changed any more by the caller.
 */
int handle_attrs_adopt(flux_t *h, json_t *attrs);

/* Hook for flux_reactor_run(): dispatch a response to the RPC that waits for
 * it.  rpc.c registers a waiter under a matchtag; dispatch.c finds it there
 * before it looks at handlers.  The waiter is called with each response.
 */
typedef void (*handle_response_f)(const flux_msg_t *msg, void *arg);
int handle_response_add(flux_t *h,
                        uint32_t matchtag,
                        handle_response_f cb,
                        void *arg);
/* The same for a call that no one waits for in the loop yet: the loop runs no
 * longer for it, but a response that comes is not lost.  Nothing is done where
 * the handle has no dispatcher, as in a client without a loop.
 */
int handle_response_hold(flux_t *h,
                         uint32_t matchtag,
                         handle_response_f cb,
                         void *arg);
void handle_response_remove(flux_t *h, uint32_t matchtag);

#endif /* HANDLE_H */
