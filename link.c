/* link.c - a peer at the other end of a socket
 *
 * A link is in the set's `dirty` list from the moment that something is
 * queued until all of it is written, or until the socket takes no more; then
 * its watcher waits for room.  The set's prepare watcher flushes the dirty
 * ones before the loop polls, so what one turn of the loop produced for a
 * peer leaves with one system call.  An event, which goes to many in one turn,
 * is encoded once for all but the first of them.
 *
 * A link that fails is closed at once for the socket and for the loop, but
 * its owner hears of it later, from the set's list of the dead, behind that
 * flush: no peer ever vanishes under the router's feet.
 *
 * Bounds: a client that lets its answers pile up beyond its bound, LINK_PAUSE
 * at first, is not read from until half has gone; beyond LINK_LIMIT any peer is
 * cut off.  A client that asks a peer whose queue is full (router.h) is not
 * read from until there is room; a module's is full with LINK_CROWD messages,
 * so that what one client floods it with keeps another waiting for some
 * milliseconds and no longer.  Modules are always read from: what they send is
 * what makes room.
 *
 * A client may be one that reads nothing until all that it sends is taken, as
 * those of Flux's own library are that send with blocking calls.  So one that
 * is not read from and has taken nothing for LINK_PATIENCE gets twice the
 * bound, up to LINK_LIMIT: it stands still for a moment, not for ever, and one
 * that never reads is cut off in the end.
 */
#include "link.h"

#include "reactor.h"
#include "sys.h"

/* How often one that has ended is read from, since others may hold its end of
 * the socket and write to it: more than any socket's buffer holds.
 */
enum { LAST_READS = 64 };

/* How many that have ended are buried in one turn of the loop, at some 10 us
 * each: when a crowd leaves, those who stay are served meanwhile.
 */
enum { BURY_BURST = 64 };

struct link_set {
    flux_t *h; /* for the log */
    flux_reactor_t *reactor;
    struct router *router;
    flux_watcher_t *prepare;
    flux_watcher_t *hurry; /* idle: runs while some dead are left to bury */
    struct list dirty;
    struct list dead;
    struct list waiting;      /* clients, for room in another's queue */
    struct list slow;         /* clients whose queues are beyond LINK_PAUSE */
    flux_watcher_t *patience; /* periodic: runs while there are slow ones */
    flux_msg_t *event;        /* the last one queued in this turn, or NULL */
    struct msg_body *frame;   /* of that event, once two have got it */
};

struct link {
    struct peer peer;
    struct link_set *set;
    struct conn *conn;
    flux_watcher_t *watcher;
    struct list dirty;          /* in set->dirty, or in set->dead once failed */
    struct list waiting;        /* in set->waiting */
    struct list slow;           /* in set->slow */
    size_t bound;               /* bytes queued for it that make it wait */
    uint64_t taken;             /* bytes that it had when last looked at */
    char asked[UTIL_UUID_SIZE]; /* the peer that it waits for */
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
    l->peer.full = false;
    wait_for(l, 0);
    list_remove(&l->waiting);
    list_remove(&l->slow);
    list_remove(&l->dirty);
    list_append(&l->set->dead, &l->dirty);
}

static void link_cut(struct peer *p, int errnum)
{
    fail(UTIL_CONTAINER_OF(p, struct link, peer), errnum);
}

static void note_queue(struct link *l)
{
    struct peer_stats *s = &l->peer.stats;
    size_t messages = conn_out_messages(l->conn);
    size_t bytes = conn_out_bytes(l->conn);

    if (messages > s->queue_max)
        s->queue_max = messages;
    if (bytes > s->queue_bytes_max)
        s->queue_bytes_max = bytes;
}

static uint64_t bytes_taken(const struct link *l)
{
    struct conn_counters c;

    conn_counters(l->conn, &c);
    return c.bytes_out;
}

static void note_full(struct link *l)
{
    l->peer.full = true;
    if (l->peer.kind != PEER_CLIENT || !list_empty(&l->slow))
        return;
    if (list_empty(&l->set->slow))
        flux_watcher_start(l->set->patience);
    list_append(&l->set->slow, &l->slow);
    l->taken = bytes_taken(l);
}

/* More than that; messages count for one that handles them in turn. */
static bool has_queued(const struct link *l, size_t bytes, size_t messages)
{
    return conn_out_bytes(l->conn) > bytes ||
           (l->peer.kind == PEER_MODULE &&
            conn_out_messages(l->conn) > messages);
}

static void forget_event(struct link_set *s)
{
    flux_msg_decref(s->event);
    msg_body_decref(s->frame);
    s->event = NULL;
    s->frame = NULL;
}

static void note_event(struct link_set *s, flux_msg_t *event)
{
    forget_event(s);
    flux_msg_incref(event);
    s->event = event;
}

static int queue(struct link *l, flux_msg_t *msg)
{
    struct link_set *s = l->set;

    if (msg->type == FLUX_MSGTYPE_EVENT && msg != s->event)
        note_event(s, msg);
    else if (msg == s->event && !s->frame && conn_copies(msg))
        s->frame = msg_encode_frame(msg);
    if (msg == s->event && s->frame)
        return conn_queue_frame(l->conn, s->frame);
    return conn_queue(l->conn, msg);
}

static void link_send(struct peer *p, flux_msg_t *msg)
{
    struct link *l = UTIL_CONTAINER_OF(p, struct link, peer);
    int rc = l->errnum ? 0 : queue(l, msg);

    flux_msg_decref(msg);
    if (l->errnum)
        return;
    note_queue(l);
    if (has_queued(l, l->bound, LINK_CROWD))
        note_full(l);
    if (rc < 0)
        fail(l, errno);
    else if (conn_out_bytes(l->conn) > LINK_LIMIT)
        fail(l, ENOBUFS);
    else if (list_empty(&l->dirty) && !(l->events & FLUX_POLLOUT))
        list_append(&l->set->dirty, &l->dirty);
}

static size_t link_backlog(struct peer *p)
{
    return conn_out_bytes(UTIL_CONTAINER_OF(p, struct link, peer)->conn);
}

static bool may_read(const struct link *l)
{
    return l->peer.kind != PEER_CLIENT ||
           (list_empty(&l->waiting) && !l->peer.full);
}

static int wanted_events(struct link *l, bool blocked)
{
    return (may_read(l) ? FLUX_POLLIN : 0) | (blocked ? FLUX_POLLOUT : 0);
}

static void flush(struct link *l)
{
    int rc = conn_flush(l->conn);

    if (!has_queued(l, l->bound / 2, LINK_CROWD / 2))
        l->peer.full = false;
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
    forget_event(s);
}

static void widen(struct link *l)
{
    while (l->bound < LINK_LIMIT && conn_out_bytes(l->conn) > l->bound)
        l->bound *= 2;
    l->peer.full = false;
    if (list_empty(&l->waiting))
        wait_for(l, l->events | FLUX_POLLIN);
}

static void look_at_slow(struct link *l)
{
    uint64_t taken = bytes_taken(l);

    if (conn_out_bytes(l->conn) <= LINK_PAUSE / 2) {
        l->bound = LINK_PAUSE;
        list_remove(&l->slow);
    } else if (taken == l->taken && l->peer.full)
        widen(l);
    l->taken = taken;
}

static void
patience_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct link_set *s = arg;
    struct list *l, *following;

    (void)r;
    (void)revents;
    LIST_FOREACH(&s->slow, l, following)
    look_at_slow(LIST_ENTRY(l, struct link, slow));
    if (list_empty(&s->slow))
        flux_watcher_stop(w);
}

/* Which peer is kept by its name, since it may go meanwhile. */
static void wait_for_room(struct link *l, struct peer *asked)
{
    memcpy(l->asked, asked->uuid, sizeof(l->asked));
    if (list_empty(&l->waiting))
        list_append(&l->set->waiting, &l->waiting);
    wait_for(l, l->events & ~FLUX_POLLIN);
}

static void resume_waiting(struct link_set *s)
{
    struct list *l, *following;

    LIST_FOREACH(&s->waiting, l, following)
    {
        struct link *link = LIST_ENTRY(l, struct link, waiting);
        struct peer *asked = router_peer_find(s->router, link->asked);

        if (asked && asked->full)
            continue;
        list_remove(l);
        wait_for(link, wanted_events(link, link->events & FLUX_POLLOUT));
    }
}

static void receive_all(struct link *l)
{
    flux_msg_t *msg;
    struct peer *full;

    while (!l->errnum && (msg = conn_next(l->conn))) {
        full = router_receive(&l->peer, msg);
        if (full && l->peer.kind == PEER_CLIENT && !l->errnum)
            wait_for_room(l, full);
    }
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

void link_end(struct link *l)
{
    int reads = 0;

    while (!l->errnum && reads++ < LAST_READS && conn_read(l->conn) > 0)
        receive_all(l);
    fail(l, ECONNRESET);
}

/* Only now: the log has followers, and one of them may be the culprit. */
static void report_cut_off(struct link *l)
{
    flux_log(l->set->h, LOG_ERR,
             "%s (uid %u, pid %d) does not read: cut off with %zu bytes queued",
             l->peer.name, (unsigned)l->uid, (int)l->pid,
             conn_out_bytes(l->conn));
}

static void bury(struct link_set *s, int *most)
{
    bool any_large = false;

    for (; !list_empty(&s->dead) && *most > 0; --*most) {
        struct link *l = LIST_ENTRY(s->dead.next, struct link, dirty);
        bool large = l->errnum == ENOBUFS;

        list_remove(&l->dirty);
        if (large)
            report_cut_off(l);
        l->closed(l, l->errnum, l->arg);
        any_large = any_large || large;
    }
    if (any_large)
        sys_trim_memory();
}

/* To tell that one has gone may give others something to send.  Whoever waits
 * for room is looked at last: a flush that made room may be followed by nothing
 * that would wake the loop.
 */
static void
prepare_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct link_set *s = arg;
    int burials = BURY_BURST;

    (void)r;
    (void)w;
    (void)revents;
    do {
        link_set_flush(s);
        bury(s, &burials);
    } while (!list_empty(&s->dirty) || (!list_empty(&s->dead) && burials > 0));
    if (list_empty(&s->dead))
        flux_watcher_stop(s->hurry);
    else
        flux_watcher_start(s->hurry);
    resume_waiting(s);
}

struct link *link_create(struct link_set *s,
                         int fd,
                         enum peer_kind kind,
                         const char *name,
                         link_closed_f closed,
                         void *arg)
{
    return link_create_as(s, fd, kind, name, NULL, closed, arg);
}

struct link *link_create_as(struct link_set *s,
                            int fd,
                            enum peer_kind kind,
                            const char *name,
                            const char *uuid,
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
    l->peer.backlog = link_backlog;
    l->peer.cut = link_cut;
    list_init(&l->dirty);
    list_init(&l->waiting);
    list_init(&l->slow);
    l->bound = LINK_PAUSE;
    snprintf(l->peer.name, sizeof(l->peer.name), "%s", name);
    snprintf(l->peer.uuid, sizeof(l->peer.uuid), "%s", uuid ? uuid : "");
    l->watcher = flux_fd_watcher_create(s->reactor, fd, 0, ready, l);
    if (!l->watcher || router_peer_add(s->router, &l->peer, kind) < 0 ||
        !(l->conn = conn_create(fd))) {
        link_destroy(l);
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
    list_remove(&l->waiting);
    list_remove(&l->slow);
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

bool link_peer_owner(const struct peer *p, uid_t *uid, pid_t *pid)
{
    const struct link *l;

    if (p->send != link_send)
        return false;
    l = UTIL_CONTAINER_OF(p, const struct link, peer);
    *uid = l->uid;
    *pid = l->pid;
    return l->pid > 0;
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
    list_init(&s->waiting);
    list_init(&s->slow);
    s->patience = flux_timer_watcher_create(r, LINK_PATIENCE, LINK_PATIENCE,
                                            patience_cb, s);
    s->prepare = flux_prepare_watcher_create(r, prepare_cb, s);
    s->hurry = flux_idle_watcher_create(r, NULL, NULL);
    if (!s->prepare || !s->patience || !s->hurry) {
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
    forget_event(s);
    flux_watcher_destroy(s->prepare);
    flux_watcher_destroy(s->patience);
    flux_watcher_destroy(s->hurry);
    free(s);
    errno = saved_errno;
}
