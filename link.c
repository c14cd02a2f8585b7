/* link.c - a peer at the other end of a socket
 *
 * A link is in the set's `dirty` list from the moment that something is
 * queued until all of it is written, or until the socket takes no more; then
 * its watcher waits for room.  The set's prepare watcher flushes the dirty
 * ones before the loop polls, so what one turn of the loop produced for a
 * peer leaves with one system call.
 *
 * A link that fails is closed at once for the socket and for the loop, but
 * its owner hears of it later, from the set's list of the dead: no peer ever
 * vanishes under the router's feet.
 *
 * Bounds: a peer that lets its answers pile up beyond LINK_PAUSE is not read
 * from until half has gone; beyond LINK_LIMIT it is cut off.
 */
#include "link.h"

#include "reactor.h"

struct link_set {
    flux_t *h; /* for the log */
    flux_reactor_t *reactor;
    struct router *router;
    flux_watcher_t *prepare;
    flux_watcher_t *idle; /* runs while there are dead to tell of */
    struct list dirty;
    struct list dead;
};

struct link {
    struct peer peer;
    struct link_set *set;
    struct conn *conn;
    flux_watcher_t *watcher;
    struct list dirty; /* in set->dirty, or in set->dead once failed */
    link_closed_f closed;
    void *arg;
    int errnum; /* why it failed, 0 while it lives */
    int events; /* what the watcher waits for */
    uid_t uid;
    pid_t pid;
};

static void wait_for(struct link *l, int events)
{
    if (l->events == events)
        return;
    l->events = events;
    flux_watcher_stop(l->watcher);
    reactor_fd_watcher_set_events(l->watcher, events);
    if (events)
        flux_watcher_start(l->watcher);
}

static void fail(struct link *l, int errnum)
{
    if (l->errnum)
        return;
    l->errnum = errnum ? errnum : ECONNRESET;
    wait_for(l, 0);
    list_remove(&l->dirty);
    list_append(&l->set->dead, &l->dirty);
    flux_watcher_start(l->set->idle);
}

static void cut_off(struct link *l)
{
    flux_log(l->set->h, LOG_ERR,
             "%s (uid %u, pid %d) does not read: cut off with %zu bytes queued",
             l->peer.name, (unsigned)l->uid, (int)l->pid,
             conn_out_bytes(l->conn));
    fail(l, ENOBUFS);
}

static void link_send(struct peer *p, flux_msg_t *msg)
{
    struct link *l = UTIL_CONTAINER_OF(p, struct link, peer);
    int rc = l->errnum ? 0 : conn_queue(l->conn, msg);

    flux_msg_decref(msg);
    if (l->errnum)
        return;
    if (rc < 0)
        fail(l, errno);
    else if (conn_out_bytes(l->conn) > LINK_LIMIT)
        cut_off(l);
    else if (list_empty(&l->dirty) && !(l->events & FLUX_POLLOUT))
        list_append(&l->set->dirty, &l->dirty);
}

int link_send_raw(struct link *l, const void *data, size_t size)
{
    if (conn_queue_raw(l->conn, data, size) < 0)
        return -1;
    if (list_empty(&l->dirty))
        list_append(&l->set->dirty, &l->dirty);
    return 0;
}

/* What to wait for follows from how much is queued. */
static int wanted_events(struct link *l, bool blocked)
{
    size_t queued = conn_out_bytes(l->conn);
    bool paused = !(l->events & FLUX_POLLIN);
    bool read = queued <= (paused ? LINK_PAUSE / 2 : LINK_PAUSE);

    return (read ? FLUX_POLLIN : 0) | (blocked ? FLUX_POLLOUT : 0);
}

static void flush(struct link *l)
{
    int rc = conn_flush(l->conn);

    if (rc < 0)
        fail(l, errno);
    else
        wait_for(l, wanted_events(l, rc > 0));
}

void link_set_flush(struct link_set *s)
{
    while (!list_empty(&s->dirty)) {
        struct link *l = LIST_ENTRY(s->dirty.next, struct link, dirty);

        list_remove(&l->dirty);
        flush(l);
    }
}

static void receive_all(struct link *l)
{
    flux_msg_t *msg;

    while (!l->errnum && (msg = conn_next(l->conn)))
        router_receive(&l->peer, msg);
    if (!l->errnum && errno != EAGAIN)
        fail(l, errno);
}

static void ready(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct link *l = arg;
    int rc;

    (void)r;
    (void)w;
    if (revents & FLUX_POLLOUT)
        flush(l);
    if (l->errnum || !(revents & (FLUX_POLLIN | FLUX_POLLERR)))
        return;
    rc = conn_read(l->conn);
    if (rc < 0)
        fail(l, errno);
    else if (rc > 0)
        receive_all(l);
}

static void prepare_cb(flux_reactor_t *r,
                       flux_watcher_t *w,
                       int revents,
                       void *arg)
{
    (void)r;
    (void)w;
    (void)revents;
    link_set_flush(arg);
}

static void bury(struct link_set *s)
{
    while (!list_empty(&s->dead)) {
        struct link *l = LIST_ENTRY(s->dead.next, struct link, dirty);

        list_remove(&l->dirty);
        l->closed(l, l->errnum, l->arg);
    }
}

static void idle_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)revents;
    flux_watcher_stop(w);
    bury(arg);
}

struct link *link_create(struct link_set *s,
                         int fd,
                         enum peer_kind kind,
                         const char *name,
                         link_closed_f closed,
                         void *arg)
{
    struct link *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->set = s;
    l->closed = closed;
    l->arg = arg;
    l->peer.send = link_send;
    list_init(&l->dirty);
    snprintf(l->peer.name, sizeof(l->peer.name), "%s", name);
    l->watcher = flux_fd_watcher_create(s->reactor, fd, 0, ready, l);
    if (!l->watcher || router_peer_add(s->router, &l->peer, kind) < 0) {
        flux_watcher_destroy(l->watcher);
        free(l);
        return NULL;
    }
    if (!(l->conn = conn_create(fd))) {
        router_peer_remove(&l->peer);
        flux_watcher_destroy(l->watcher);
        free(l);
        errno = ENOMEM;
        return NULL;
    }
    wait_for(l, FLUX_POLLIN);
    return l;
}

void link_destroy(struct link *l)
{
    int saved_errno = errno;

    if (!l)
        return;
    router_peer_remove(&l->peer);
    list_remove(&l->dirty);
    flux_watcher_destroy(l->watcher);
    conn_destroy(l->conn);
    free(l);
    errno = saved_errno;
}

struct peer *link_peer(struct link *l)
{
    return &l->peer;
}

struct conn *link_conn(struct link *l)
{
    return l->conn;
}

void link_set_owner(struct link *l, uid_t uid, pid_t pid)
{
    l->uid = uid;
    l->pid = pid;
}

struct link_set *link_set_create(flux_t *h, struct router *router)
{
    flux_reactor_t *r = flux_get_reactor(h);
    struct link_set *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->h = h;
    s->reactor = r;
    s->router = router;
    list_init(&s->dirty);
    list_init(&s->dead);
    s->prepare = flux_prepare_watcher_create(r, prepare_cb, s);
    s->idle = flux_idle_watcher_create(r, idle_cb, s);
    if (!s->prepare || !s->idle) {
        link_set_destroy(s);
        return NULL;
    }
    flux_watcher_start(s->prepare);
    flux_watcher_unref(s->prepare);
    return s;
}

void link_set_destroy(struct link_set *s)
{
    int saved_errno = errno;

    if (!s)
        return;
    flux_watcher_destroy(s->prepare);
    flux_watcher_destroy(s->idle);
    free(s);
    errno = saved_errno;
}
