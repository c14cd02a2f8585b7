/* handle.c - the flux_t: what comes in, what goes out, what hangs on it
 *
 * A handle joins a connector (connect.c, or any flux_handle_ops) to those who
 * use it.  The handle that has the connection is the root; a clone has flags,
 * aux, reactor and config of its own and does everything else through its
 * root, so matchtags, counters and messages not yet taken are common to all.
 *
 * Messages come to the reader in the order in which they were sent.  The
 * queue holds those that are out of the connector and that no one has taken:
 * passed over by a flux_recv() that matched a later one, or given back by
 * flux_requeue().  It is always looked at first.
 *
 * What is sent is written at once, unless the handle is corked: then it is
 * queued in the connector, and goes out when the last cork is taken off, when
 * it is too much or too old (handle_flush_due), when the caller waits for a
 * message, and before the loop sleeps.
 *
 * A failing connector is told to the comms_error callback, never from inside
 * itself; what it returns decides whether the operation is tried again.
 */
#include "handle.h"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "future.h"
#include "matchtag.h"
#include "reactor.h"
#include "util.h"

enum {
    /* Some 500 small responses: beyond, one write more costs little. */
    QUEUE_BYTES_MAX = 64 * 1024,
    OPEN_FLAGS = FLUX_O_TRACE | FLUX_O_CLONE | FLUX_O_NONBLOCK |
                 FLUX_O_MATCHDEBUG | FLUX_O_TEST_NOSUB | FLUX_O_RPCTRACK |
                 FLUX_O_NOREQUEUE,
    /* Only flux_open() may ask for these. */
    FIXED_FLAGS = FLUX_O_RPCTRACK | FLUX_O_NOREQUEUE,
    /* So many that no destructor drops them all. */
    REFS_OF_THE_DYING = 1 << 30,
};

/* A client that waits for the first response of a batch notices a round trip
 * more, 20 us, not ten of them.
 */
static const double QUEUE_SECONDS_MAX = 200e-6;

/* A message waiting in the queue.  Not msg->link: its owner may use that, and
 * one message may be given back twice.
 */
struct entry {
    struct list link;
    const flux_msg_t *msg;
};

struct flux_handle {
    int refs;
    int flags;
    flux_t *root; /* who has the connection: itself, if it is no clone */
    struct auxlist aux;
    flux_reactor_t *reactor; /* NULL until asked for or set */
    const flux_conf_t *conf; /* likewise */

    /* From here on used in the root only. */
    const struct flux_handle_ops *ops;
    const struct handle_batch_ops *batch; /* or NULL */
    void *impl;
    struct list queue;   /* of struct entry */
    struct list wakers;  /* of struct handle_waker */
    struct list futures; /* of future.c */
    struct matchtag_pool matchtags;
    flux_msgcounters_t counters;
    flux_comms_error_f comms_error;
    void *comms_error_arg;
    bool in_comms_error;
    int corks;
    bool shielded;       /* see handle_shield() */
    bool waking;         /* the connector calls handle_wake() */
    double queued_since; /* util_monotime() of the oldest queued message */
    double trace_start;  /* util_monotime() of the first line traced, or 0 */
};

/* ---- life -------------------------------------------------------------- */

flux_t *handle_create(void *impl,
                      const struct flux_handle_ops *ops,
                      const struct handle_batch_ops *batch,
                      int flags)
{
    flux_t *h;

    if (!ops || (flags & ~OPEN_FLAGS)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(h = calloc(1, sizeof(*h))))
        return NULL;
    h->refs = 1;
    h->flags = flags;
    h->root = h;
    h->ops = ops;
    h->batch = batch;
    h->impl = impl;
    list_init(&h->queue);
    list_init(&h->wakers);
    list_init(&h->futures);
    return h;
}

flux_t *
flux_handle_create(void *impl, const struct flux_handle_ops *ops, int flags)
{
    return handle_create(impl, ops, NULL, flags);
}

flux_t *flux_clone(flux_t *orig)
{
    flux_t *h;

    if (!orig) {
        errno = EINVAL;
        return NULL;
    }
    h = handle_create(NULL, orig->root->ops, NULL, orig->flags | FLUX_O_CLONE);
    if (h)
        h->root = flux_incref(orig->root);
    return h;
}

flux_t *flux_incref(flux_t *h)
{
    if (h)
        h->refs++;
    return h;
}

static void entry_destroy(struct entry *e)
{
    list_remove(&e->link);
    flux_msg_decref(e->msg);
    free(e);
}

static void report_matchtags(const flux_t *h)
{
    if ((h->flags & FLUX_O_MATCHDEBUG) && h->matchtags.taken > 0)
        fprintf(stderr, "MATCHDEBUG: handle closed with %u matchtags in use\n",
                (unsigned int)h->matchtags.taken);
}

static void close_connection(flux_t *h)
{
    struct list *l;
    struct list *following;

    handle_flush_nonblock(h);
    LIST_FOREACH(&h->wakers, l, following)
    list_remove(l);
    LIST_FOREACH(&h->queue, l, following)
    entry_destroy(LIST_ENTRY(l, struct entry, link));
    report_matchtags(h);
    matchtag_release(&h->matchtags);
    if (h->ops->impl_destroy)
        h->ops->impl_destroy(h->impl);
}

/* Destructors of aux values may still use the handle, and take and drop
 * references to it.  Some close it, the module's own, which Flux forgives.
 */
static void destroy(flux_t *h)
{
    h->refs = REFS_OF_THE_DYING;
    auxlist_clear(&h->aux);
    flux_conf_decref(h->conf);
    if (h->root == h)
        close_connection(h);
    else
        flux_decref(h->root);
    flux_reactor_decref(h->reactor);
    free(h);
}

void flux_decref(flux_t *h)
{
    int saved = errno;

    if (h && --h->refs == 0)
        destroy(h);
    errno = saved;
}

void flux_close(flux_t *h)
{
    flux_decref(h);
}

void flux_handle_destroy(flux_t *h)
{
    flux_decref(h);
}

void handle_shield(flux_t *h)
{
    h->root->batch->shield(h->root->impl);
    h->root->shielded = true;
}

void handle_cancellation_point(flux_t *h)
{
    if (h && h->root->shielded && h->root->refs < REFS_OF_THE_DYING)
        pthread_testcancel();
}

struct list *handle_futures(flux_t *h)
{
    return &h->root->futures;
}

/* Destructors of aux values come first, since they may free what is in reach of
 * the module.
 */
void handle_reclaim(flux_t *h)
{
    struct dispatch *d = handle_dispatch_abandon(h);

    h->refs = REFS_OF_THE_DYING;
    reactor_abandon(h->reactor);
    future_abandon(h);
    auxlist_clear(&h->aux);
    if (h->root == h)
        future_reclaim(&h->futures);
    handle_dispatch_reclaim(d);
    reactor_reclaim(h->reactor);
    destroy(h);
}

/* ---- what hangs on it -------------------------------------------------- */

const char *flux_core_version_string(void)
{
    return FLUX_CORE_VERSION_STRING;
}

int flux_core_version(int *major, int *minor, int *patch)
{
    if (major)
        *major = FLUX_CORE_VERSION_MAJOR;
    if (minor)
        *minor = FLUX_CORE_VERSION_MINOR;
    if (patch)
        *patch = FLUX_CORE_VERSION_PATCH;
    return FLUX_CORE_VERSION_HEX;
}

flux_reactor_t *flux_get_reactor(flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!h->reactor)
        h->reactor = flux_reactor_create(0);
    return h->reactor;
}

int flux_set_reactor(flux_t *h, flux_reactor_t *r)
{
    if (!h || (!h->reactor && !r)) {
        errno = EINVAL;
        return -1;
    }
    if (h->reactor) {
        errno = EEXIST;
        return -1;
    }
    flux_reactor_incref(r);
    h->reactor = r;
    return 0;
}

const flux_conf_t *flux_get_conf(flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return NULL;
    }
    if (!h->conf)
        h->conf = flux_conf_create();
    return h->conf;
}

int flux_set_conf_new(flux_t *h, const flux_conf_t *conf)
{
    if (!h) {
        errno = EINVAL;
        return -1;
    }
    flux_conf_decref(h->conf);
    h->conf = conf;
    return 0;
}

int flux_opt_set(flux_t *h, const char *option, const void *val, size_t len)
{
    if (!h || !option || !h->root->ops->setopt) {
        errno = EINVAL;
        return -1;
    }
    return h->root->ops->setopt(h->root->impl, option, val, len);
}

static int get_pollfd_events(void *val, size_t len)
{
    const int events = POLLIN;

    if (!val || len != sizeof(events)) {
        errno = EINVAL;
        return -1;
    }
    memcpy(val, &events, sizeof(events));
    return 0;
}

int flux_opt_get(flux_t *h, const char *option, void *val, size_t len)
{
    if (h && option && strcmp(option, FLUX_OPT_POLLFD_EVENTS) == 0)
        return get_pollfd_events(val, len);
    if (!h || !option || !h->root->ops->getopt) {
        errno = EINVAL;
        return -1;
    }
    return h->root->ops->getopt(h->root->impl, option, val, len);
}

void flux_comms_error_set(flux_t *h, flux_comms_error_f fun, void *arg)
{
    if (!h)
        return;
    h->root->comms_error = fun;
    h->root->comms_error_arg = arg;
}

void *flux_aux_get(flux_t *h, const char *name)
{
    if (!h || !name) {
        errno = EINVAL;
        return NULL;
    }
    return auxlist_get(&h->aux, name);
}

int flux_aux_set(flux_t *h, const char *name, void *aux, flux_free_f destroy_f)
{
    if (!h) {
        errno = EINVAL;
        return -1;
    }
    return auxlist_set(&h->aux, name, aux, destroy_f);
}

void flux_flags_set(flux_t *h, int flags)
{
    if (h)
        h->flags |= flags & OPEN_FLAGS & ~FIXED_FLAGS;
}

void flux_flags_unset(flux_t *h, int flags)
{
    if (h)
        h->flags &= ~(flags & ~FIXED_FLAGS);
}

int flux_flags_get(flux_t *h)
{
    return h ? h->flags : 0;
}

uint32_t flux_matchtag_alloc(flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return FLUX_MATCHTAG_NONE;
    }
    return matchtag_take(&h->root->matchtags);
}

void flux_matchtag_free(flux_t *h, uint32_t matchtag)
{
    if (h)
        matchtag_give(&h->root->matchtags, matchtag);
}

uint32_t flux_matchtag_avail(flux_t *h)
{
    return h ? matchtag_left(&h->root->matchtags) : 0;
}

void flux_get_msgcounters(flux_t *h, flux_msgcounters_t *mcs)
{
    if (h && mcs)
        *mcs = h->root->counters;
}

void flux_clr_msgcounters(flux_t *h)
{
    if (h)
        memset(&h->root->counters, 0, sizeof(h->root->counters));
}

/* ---- sending and receiving, common to both ------------------------------ */

static void count(int type, int *req, int *resp, int *event, int *control)
{
    switch (type) {
    case FLUX_MSGTYPE_REQUEST:
        (*req)++;
        break;
    case FLUX_MSGTYPE_RESPONSE:
        (*resp)++;
        break;
    case FLUX_MSGTYPE_EVENT:
        (*event)++;
        break;
    default:
        (*control)++;
    }
}

static void count_sent(flux_msgcounters_t *c, int type)
{
    count(type, &c->request_tx, &c->response_tx, &c->event_tx, &c->control_tx);
}

static void count_received(flux_msgcounters_t *c, int type)
{
    count(type, &c->request_rx, &c->response_rx, &c->event_rx, &c->control_rx);
}

static void trace(flux_t *h, const flux_msg_t *msg, int flags)
{
    double now;

    if (!((h->flags | flags) & FLUX_O_TRACE))
        return;
    now = util_monotime();
    if (h->root->trace_start <= 0)
        h->root->trace_start = now;
    flux_msg_fprint_ts(stderr, msg, now - h->root->trace_start);
}

/* Whether the operation that just failed shall be tried again. */
static bool comms_resolved(flux_t *h)
{
    flux_t *root = h->root;
    int saved = errno;
    int rc;

    if (!root->comms_error || root->in_comms_error || errno == EAGAIN ||
        errno == EINVAL || errno == ENOSYS || errno == ENOMEM)
        return false;
    root->in_comms_error = true;
    rc = root->comms_error(h, root->comms_error_arg);
    root->in_comms_error = false;
    errno = saved;
    return rc == 0;
}

static bool transfer_flags_valid(int flags)
{
    return (flags & ~(FLUX_O_TRACE | FLUX_O_NONBLOCK)) == 0;
}

/* ---- sending ----------------------------------------------------------- */

size_t handle_queued(flux_t *h)
{
    flux_t *root = h->root;

    return root->batch ? root->batch->queued(root->impl) : 0;
}

static int flush(flux_t *root, int flags)
{
    if (handle_queued(root) == 0)
        return 0;
    return root->batch->flush(root->impl, flags);
}

int handle_flush(flux_t *h)
{
    return flush(h->root, 0);
}

int handle_flush_nonblock(flux_t *h)
{
    return flush(h->root, FLUX_O_NONBLOCK);
}

bool handle_flush_due(flux_t *h)
{
    flux_t *root = h->root;
    size_t queued = handle_queued(root);

    if (queued == 0)
        return false;
    return queued > QUEUE_BYTES_MAX ||
           util_monotime() - root->queued_since > QUEUE_SECONDS_MAX;
}

void handle_cork(flux_t *h, bool on)
{
    flux_t *root = h->root;

    root->corks += on ? 1 : -1;
    if (root->corks == 0)
        flush(root, root->flags);
}

void handle_uncork_later(flux_t *h)
{
    h->root->corks--;
}

static int queue(flux_t *root, const flux_msg_t *msg, int flags)
{
    size_t queued = handle_queued(root);

    if (queued == 0)
        root->queued_since = util_monotime();
    if (queued > QUEUE_BYTES_MAX && flush(root, flags) < 0)
        return -1;
    return root->batch->queue(root->impl, msg);
}

static int transmit(flux_t *root, const flux_msg_t *msg, int flags)
{
    if (root->corks > 0 && root->batch)
        return queue(root, msg, flags);
    if (!root->ops->send) {
        errno = ENOSYS;
        return -1;
    }
    return root->ops->send(root->impl, msg, flags);
}

int flux_send(flux_t *h, const flux_msg_t *msg, int flags)
{
    if (!h || !msg || !transfer_flags_valid(flags)) {
        errno = EINVAL;
        return -1;
    }
    trace(h, msg, flags);
    while (transmit(h->root, msg, flags | h->flags) < 0) {
        if (!comms_resolved(h))
            return -1;
    }
    count_sent(&h->root->counters, msg->type);
    return 0;
}

/* For a connector that can take the message instead of copying it. */
static int transmit_new(flux_t *h, flux_msg_t **msg, int flags)
{
    flux_t *root = h->root;
    int type = (*msg)->type;

    trace(h, *msg, flags);
    while (root->ops->send_new(root->impl, msg, flags | h->flags) < 0) {
        if (!comms_resolved(h))
            return -1;
    }
    count_sent(&root->counters, type);
    return 0;
}

int flux_send_new(flux_t *h, flux_msg_t **msg, int flags)
{
    if (!h || !msg || !*msg || (*msg)->refs > 1 ||
        !transfer_flags_valid(flags)) {
        errno = EINVAL;
        return -1;
    }
    if (h->root->ops->send_new)
        return transmit_new(h, msg, flags);
    if (flux_send(h, *msg, flags) < 0)
        return -1;
    flux_msg_decref(*msg);
    *msg = NULL;
    return 0;
}

/* ---- receiving --------------------------------------------------------- */

/* A new entry for `msg`, whose reference becomes the entry's. */
static struct entry *entry_create(const flux_msg_t *msg)
{
    struct entry *e = malloc(sizeof(*e));

    if (!e)
        return NULL;
    list_init(&e->link);
    e->msg = msg;
    return e;
}

static int append(flux_t *root, const flux_msg_t *msg)
{
    struct entry *e = entry_create(msg);

    if (!e)
        return -1;
    list_append(&root->queue, &e->link);
    return 0;
}

int flux_requeue(flux_t *h, const flux_msg_t *msg, int flags)
{
    struct entry *e;

    if (!h || !msg || (flags != FLUX_RQ_HEAD && flags != FLUX_RQ_TAIL)) {
        errno = EINVAL;
        return -1;
    }
    if (!(e = entry_create(msg)))
        return -1;
    flux_msg_incref(msg);
    if (flags == FLUX_RQ_HEAD)
        list_prepend(&h->root->queue, &e->link);
    else
        list_append(&h->root->queue, &e->link);
    handle_wake(h);
    return 0;
}

static flux_msg_t *take(flux_t *root, struct flux_match match)
{
    struct list *l;
    struct list *following;

    LIST_FOREACH(&root->queue, l, following)
    {
        struct entry *e = LIST_ENTRY(l, struct entry, link);

        if (flux_msg_cmp(e->msg, match)) {
            flux_msg_t *msg = (flux_msg_t *)flux_msg_incref(e->msg);

            entry_destroy(e);
            return msg;
        }
    }
    return NULL;
}

static flux_msg_t *receive(flux_t *h, int flags)
{
    flux_t *root = h->root;
    flux_msg_t *msg;

    if (!root->ops->recv) {
        errno = ENOSYS;
        return NULL;
    }
    while (!(msg = root->ops->recv(root->impl, flags))) {
        if (!comms_resolved(h))
            return NULL;
    }
    count_received(&root->counters, msg->type);
    return msg;
}

static bool connector_pending(flux_t *root)
{
    if (root->batch)
        return root->batch->pending(root->impl);
    return root->ops->pollevents &&
           (root->ops->pollevents(root->impl) & FLUX_POLLIN);
}

/* Wait, for `timeout` seconds or for ever, on a descriptor that says no more
 * than that flux_pollevents() is worth a look.
 */
static int wait_foreign(flux_t *root, double timeout)
{
    struct pollfd pfd = {.fd = flux_pollfd(root), .events = POLLIN};
    int n;

    if (pfd.fd < 0) {
        errno = EAGAIN;
        return -1;
    }
    n = poll(&pfd, 1, timeout < 0 ? -1 : (int)(timeout * 1000) + 1);
    if (n == 0)
        errno = ETIMEDOUT;
    return n > 0 || (n < 0 && errno == EINTR) ? 0 : -1;
}

static int wait_input(flux_t *root, double timeout)
{
    if (connector_pending(root))
        return 0;
    return root->batch ? root->batch->wait(root->impl, timeout)
                       : wait_foreign(root, timeout);
}

/* `deadline` by util_monotime(), < 0: none. */
static flux_msg_t *receive_until(flux_t *h, double deadline)
{
    flux_msg_t *msg = NULL;

    do {
        double timeout = -1;

        if (deadline >= 0) {
            timeout = deadline - util_monotime();
            timeout = timeout < 0 ? 0 : timeout;
        }
        if (wait_input(h->root, timeout) < 0)
            return NULL;
    } while (!(msg = receive(h, FLUX_O_NONBLOCK)) && errno == EAGAIN);
    return msg;
}

/* How the next message is had: at once, or until a deadline. */
struct patience {
    bool at_once;
    double deadline;
};

/* Messages passed over go to the queue; what else lies ready in the connector
 * is no longer announced by its descriptor, so that loops must be told.
 */
static flux_msg_t *
receive_match(flux_t *h, struct flux_match match, struct patience p)
{
    flux_msg_t *msg = take(h->root, match);
    int saved;

    while (!msg) {
        flux_msg_t *next = p.at_once ? receive(h, FLUX_O_NONBLOCK)
                                     : receive_until(h, p.deadline);
        if (!next)
            break;
        if (flux_msg_cmp(next, match)) {
            msg = next;
        } else if (append(h->root, next) < 0) {
            flux_msg_decref(next);
            break;
        }
    }
    saved = errno;
    if (!list_empty(&h->root->wakers) && handle_pending(h))
        handle_wake(h);
    errno = saved;
    return msg;
}

flux_msg_t *flux_recv(flux_t *h, struct flux_match match, int flags)
{
    struct patience p = {.deadline = -1};
    flux_msg_t *msg;

    if (!h || !transfer_flags_valid(flags)) {
        errno = EINVAL;
        return NULL;
    }
    p.at_once = ((flags | h->flags) & FLUX_O_NONBLOCK) != 0;
    msg = receive_match(h, match, p);
    if (msg)
        trace(h, msg, flags);
    return msg;
}

flux_msg_t *handle_recv(flux_t *h, struct flux_match match, double timeout)
{
    struct patience p = {.deadline = -1};
    flux_msg_t *msg;

    if (timeout >= 0)
        p.deadline = util_monotime() + timeout;
    msg = receive_match(h, match, p);
    if (msg)
        trace(h, msg, 0);
    return msg;
}

bool handle_pending(flux_t *h)
{
    return !list_empty(&h->root->queue) || connector_pending(h->root);
}

/* ---- readiness --------------------------------------------------------- */

int flux_pollevents(flux_t *h)
{
    int events;

    if (!h) {
        errno = EINVAL;
        return -1;
    }
    if (!h->root->ops->pollevents) {
        errno = ENOSYS;
        return -1;
    }
    events = h->root->ops->pollevents(h->root->impl);
    if (events >= 0 && !list_empty(&h->root->queue))
        events |= FLUX_POLLIN;
    return events;
}

int flux_pollfd(flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return -1;
    }
    if (!h->root->ops->pollfd) {
        errno = ENOSYS;
        return -1;
    }
    return h->root->ops->pollfd(h->root->impl);
}

int handle_events(flux_t *h, int fd_events)
{
    int events = fd_events & (FLUX_POLLIN | FLUX_POLLERR);

    if (!h->root->batch) {
        events = flux_pollevents(h);
        return events < 0 ? FLUX_POLLERR : events;
    }
    if (handle_pending(h))
        events |= FLUX_POLLIN;
    if (handle_queued(h) == 0)
        events |= FLUX_POLLOUT;
    return events;
}

void handle_watch(flux_t *h, struct handle_waker *waker)
{
    list_append(&h->root->wakers, &waker->link);
}

void handle_wake(flux_t *h)
{
    struct list *l;
    struct list *following;

    LIST_FOREACH(&h->root->wakers, l, following)
    {
        struct handle_waker *waker = LIST_ENTRY(l, struct handle_waker, link);

        waker->wake(waker);
    }
}

void handle_set_waking(flux_t *h)
{
    h->root->waking = true;
}

bool handle_is_waking(flux_t *h)
{
    return h->root->waking;
}

int flux_reconnect(flux_t *h)
{
    if (!h) {
        errno = EINVAL;
        return -1;
    }
    if (!h->root->ops->reconnect) {
        errno = ENOSYS;
        return -1;
    }
    return h->root->ops->reconnect(h->root->impl);
}
