/* overlay.c - this broker's links to its parent and its children
 *
 * Each broker that can have children listens on RUNDIR/tbon-RANK; each but
 * rank 0 connects to its parent's socket, and tries again until it is there.
 * Both ends first say who they are, in a greeting of fixed size:
 *
 *   child:   "busyflux tbon 1", its rank and the size it believes in (four
 *            bytes each, big endian), its UUID, its subtree's status
 *   parent:  an errno byte, 0 for welcome, and its UUID
 *
 * and the kernel says whose process is there: another user's is refused.
 * After that come frames both ways, and the neighbour is a peer of the router
 * under its UUID.  A child is subscribed to every event.  It is not greeted
 * before its parent has been: a broker that has joined can reach rank 0.  A
 * connection whose greeting is not whole after HELLO_TIMEOUT is closed; the
 * child's end waits for as long as its parent waits for its own.
 *
 * A child tells its parent in control messages how its subtree is, last of all
 * that it leaves (overlay_health.c).  One that goes without is lost: that is
 * logged, and the router answers what was pending in it.  A parent that is
 * lost ends this broker, and so the subtree, in order.
 */
#include "overlay.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hostlist.h"
#include "listener.h"
#include "overlay_health.h"
#include "sys.h"
#include "util.h"

#define GREETING "busyflux tbon 1"
#define RETRY_FIRST 0.001 /* seconds; doubles up to */
#define RETRY_LAST 0.05
/* Seconds: a child sends its greeting with one call, once it is connected. */
#define HELLO_TIMEOUT 2.0

enum {
    UUID_LENGTH = UTIL_UUID_SIZE - 1,
    HELLO_SIZE = sizeof(GREETING) + 8 + UUID_LENGTH + 1,
    REPLY_SIZE = 1 + UUID_LENGTH,
    NAME_SIZE = 300, /* of a host and its rank */
};

/* Control messages between neighbours. */
enum {
    CONTROL_STATUS = 1,     /* from a child: an enum overlay_status */
    CONTROL_DISCONNECT = 2, /* from the parent: go, you are not wanted */
};

/* A connection that has not been greeted yet, at either end. */
struct hello {
    struct list link;
    struct overlay *overlay;
    int fd;
    flux_watcher_t *watcher;
    flux_watcher_t *deadline; /* of a child's, else NULL */
    unsigned char data[HELLO_SIZE];
    size_t size; /* received so far */
};

struct neighbour {
    struct list link;
    struct overlay *overlay;
    uint32_t rank;
    struct link *peer;
};

struct overlay {
    flux_t *h;
    struct router *router;
    struct link_set *links;
    struct topology *topology;
    const char *rundir;
    char *hosts; /* in rank order */
    uint32_t rank;
    struct overlay_health *health;
    struct overlay_callbacks callbacks;
    struct listener *listener; /* NULL: there can be no child */
    flux_watcher_t *retry;
    double retry_delay;
    double connect_timeout; /* seconds until a parent must be there, 0: none */
    double connect_until;   /* monotonic */
    struct list hellos;
    struct neighbour *parent;
    struct list children;
    size_t child_count;
    flux_t *module_h; /* of the builtin module */
    flux_msg_handler_t **handlers;
};

/* ---- sockets --------------------------------------------------------------
 */

static int socket_address(const struct overlay *o,
                          uint32_t rank,
                          struct sockaddr_un *sun,
                          flux_error_t *e)
{
    int n;

    memset(sun, 0, sizeof(*sun));
    sun->sun_family = AF_UNIX;
    n = snprintf(sun->sun_path, sizeof(sun->sun_path), "%s/tbon-%u", o->rundir,
                 (unsigned)rank);
    if (n < 0 || (size_t)n >= sizeof(sun->sun_path))
        return util_errno(e, ENAMETOOLONG,
                          "'%s/tbon-%u' is longer than a UNIX socket's name "
                          "may be",
                          o->rundir, (unsigned)rank);
    return 0;
}

static int open_socket(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd >= 0 &&
        (util_set_cloexec(fd, true) < 0 || util_set_nonblock(fd, true) < 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

static void put_u32(unsigned char *p, uint32_t v)
{
    p[0] = (unsigned char)(v >> 24);
    p[1] = (unsigned char)(v >> 16);
    p[2] = (unsigned char)(v >> 8);
    p[3] = (unsigned char)v;
}

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static int check_peer_user(int fd)
{
    uid_t uid;
    pid_t pid;

    if (sys_peer_cred(fd, &uid, &pid) < 0)
        return -1;
    if (uid == getuid())
        return 0;
    errno = EPERM;
    return -1;
}

/* ---- greetings -------------------------------------------------------------
 */

static void hello_destroy(struct hello *hello)
{
    list_remove(&hello->link);
    flux_watcher_destroy(hello->watcher);
    flux_watcher_destroy(hello->deadline);
    if (hello->fd >= 0)
        close(hello->fd);
    free(hello);
}

/* Takes `fd`, also on failure. */
static struct hello *hello_create(struct overlay *o, int fd, flux_watcher_f cb)
{
    struct hello *hello = calloc(1, sizeof(*hello));

    if (!hello) {
        close(fd);
        return NULL;
    }
    hello->overlay = o;
    hello->fd = fd;
    list_init(&hello->link);
    hello->watcher = flux_fd_watcher_create(flux_get_reactor(o->h), fd,
                                            FLUX_POLLIN, cb, hello);
    if (!hello->watcher) {
        hello_destroy(hello);
        return NULL;
    }
    list_append(&o->hellos, &hello->link);
    flux_watcher_start(hello->watcher);
    return hello;
}

/* 1: all of `size` bytes are there, 0: not yet, -1: the connection is over. */
static int hello_read(struct hello *hello, size_t size)
{
    ssize_t n =
        recv(hello->fd, hello->data + hello->size, size - hello->size, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        if (n == 0)
            errno = ECONNRESET;
        return -1;
    }
    hello->size += (size_t)n;
    return hello->size == size;
}

/* Small enough for any socket's buffer: it goes whole or not at all. */
static int send_small(int fd, const void *data, size_t size)
{
    ssize_t n;

    do
        n = send(fd, data, size, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)size ? 0 : -1;
}

static int send_hello(const struct overlay *o, int fd)
{
    unsigned char hello[HELLO_SIZE];
    unsigned char *p = hello + sizeof(GREETING);

    memcpy(hello, GREETING, sizeof(GREETING));
    put_u32(p, o->rank);
    put_u32(p + 4, topology_size(o->topology));
    memcpy(p + 8, router_uuid(o->router), UUID_LENGTH);
    p[8 + UUID_LENGTH] = (unsigned char)overlay_health_own(o->health);
    return send_small(fd, hello, sizeof(hello));
}

static int send_reply(const struct overlay *o, int fd, int errnum)
{
    unsigned char reply[REPLY_SIZE];

    reply[0] = (unsigned char)errnum;
    memcpy(reply + 1, router_uuid(o->router), UUID_LENGTH);
    return send_small(fd, reply, sizeof(reply));
}

/* ---- neighbours
 * -------------------------------------------------------------- */

static void neighbour_destroy(struct neighbour *n)
{
    if (!n)
        return;
    list_remove(&n->link);
    link_destroy(n->peer);
    free(n);
}

/* Takes the descriptor out of `hello`, which the caller destroys. */
static struct neighbour *neighbour_create(struct hello *hello,
                                          uint32_t rank,
                                          const unsigned char *uuid,
                                          link_closed_f closed)
{
    struct overlay *o = hello->overlay;
    struct neighbour *n = calloc(1, sizeof(*n));
    char name[24], id[UTIL_UUID_SIZE];

    if (!n)
        return NULL;
    list_init(&n->link);
    n->overlay = o;
    n->rank = rank;
    snprintf(name, sizeof(name), "rank %u", (unsigned)rank);
    memcpy(id, uuid, UUID_LENGTH);
    id[UUID_LENGTH] = '\0';
    flux_watcher_stop(hello->watcher);
    n->peer =
        link_create_as(o->links, hello->fd, PEER_RANK, name, id, closed, n);
    if (!n->peer) {
        free(n);
        return NULL;
    }
    hello->fd = -1;
    return n;
}

static struct neighbour *child_find(const struct overlay *o, uint32_t rank)
{
    struct list *l;

    for (l = o->children.next; l != &o->children; l = l->next) {
        struct neighbour *n = LIST_ENTRY(l, struct neighbour, link);

        if (n->rank == rank)
            return n;
    }
    return NULL;
}

static struct peer *next_hop(uint32_t nodeid, void *arg)
{
    struct overlay *o = arg;
    uint32_t hop = topology_next_hop(o->topology, o->rank, nodeid);
    struct neighbour *n;

    if (hop == TOPOLOGY_NONE)
        return NULL;
    n = hop < o->rank ? o->parent : child_find(o, hop);
    return n ? link_peer(n->peer) : NULL;
}

/* ---- children
 * ------------------------------------------------------------------ */

/* "fake3 (rank 3)", for the log; cut where it is longer. */
static const char *
describe_rank(const struct overlay *o, uint32_t rank, char text[NAME_SIZE])
{
    char *host = hostlist_nth(o->hosts, rank);

    snprintf(text, NAME_SIZE, "%s (rank %u)", host ? host : "(unknown)",
             (unsigned)rank);
    free(host);
    return text;
}

static flux_t *log_handle(const struct overlay *o)
{
    return o->module_h ? o->module_h : o->h;
}

static void report_child_lost(struct overlay *o, uint32_t rank)
{
    uint32_t below = topology_descendants(o->topology, rank);
    char text[NAME_SIZE];

    describe_rank(o, rank, text);
    if (below == 0)
        flux_log(log_handle(o), LOG_ERR, "%s failed", text);
    else
        flux_log(log_handle(o), LOG_ERR,
                 "%s failed and severed contact with %u other nodes", text,
                 (unsigned)below);
}

/* `error` is what there is to say of it from now on; NULL: it has left. */
static void drop_child(struct neighbour *n, const char *error)
{
    struct overlay *o = n->overlay;
    uint32_t rank = n->rank;

    neighbour_destroy(n);
    o->child_count--;
    if (error)
        overlay_health_set(o->health, rank, OVERLAY_LOST, error);
    o->callbacks.children_changed(o->callbacks.arg);
}

static void child_lost(struct link *l, int errnum, void *arg)
{
    struct neighbour *n = arg;
    struct overlay *o = n->overlay;
    bool has_left = overlay_health_child(o->health, n->rank) == OVERLAY_OFFLINE;

    (void)l;
    flux_log(log_handle(o), LOG_DEBUG, "rank %u has disconnected: %s",
             (unsigned)n->rank, strerror(errnum));
    if (!has_left)
        report_child_lost(o, n->rank);
    drop_child(n, has_left ? NULL : "lost connection");
}

static void child_control(struct peer *p, const flux_msg_t *msg)
{
    struct neighbour *n = p->control_arg;
    const char *why;
    int type, status;

    if (flux_control_decode(msg, &type, &status) < 0 ||
        type != CONTROL_STATUS || status < 0 || status >= OVERLAY_LOST)
        return;
    why = status == OVERLAY_OFFLINE ? "administrative shutdown" : NULL;
    overlay_health_set(n->overlay->health, n->rank, (enum overlay_status)status,
                       why);
}

static void set_control(struct neighbour *n,
                        void (*control)(struct peer *, const flux_msg_t *))
{
    link_peer(n->peer)->control = control;
    link_peer(n->peer)->control_arg = n;
}

static void send_control(struct neighbour *n, int type, int status)
{
    flux_msg_t *msg = flux_control_encode(type, status);

    if (msg)
        router_deliver(link_peer(n->peer), msg, true);
}

static int check_hello(const struct overlay *o, const unsigned char *data)
{
    const unsigned char *p = data + sizeof(GREETING);
    uint32_t rank = get_u32(p);

    if (memcmp(data, GREETING, sizeof(GREETING)) != 0)
        return EPROTO;
    if (get_u32(p + 4) != topology_size(o->topology) ||
        topology_parent(o->topology, rank) != o->rank ||
        p[8 + UUID_LENGTH] >= OVERLAY_LOST)
        return EINVAL;
    return child_find(o, rank) ? EEXIST : 0;
}

static void admit_child(struct hello *hello)
{
    struct overlay *o = hello->overlay;
    const unsigned char *p = hello->data + sizeof(GREETING);
    int errnum = check_hello(o, hello->data);
    struct neighbour *n;
    char text[NAME_SIZE];

    if (send_reply(o, hello->fd, errnum) < 0 || errnum) {
        flux_log(o->h, LOG_ERR, "a child was refused: %s",
                 strerror(errnum ? errnum : errno));
        return;
    }
    n = neighbour_create(hello, get_u32(p), p + 8, child_lost);
    if (!n || router_subscribe(link_peer(n->peer), "") < 0) {
        flux_log_error(o->h, "rank %u", (unsigned)get_u32(p));
        neighbour_destroy(n);
        return;
    }
    set_control(n, child_control);
    list_append(&o->children, &n->link);
    o->child_count++;
    flux_log(log_handle(o), LOG_DEBUG, "accepting connection from %s",
             describe_rank(o, n->rank, text));
    overlay_health_set(o->health, n->rank,
                       (enum overlay_status)p[8 + UUID_LENGTH], NULL);
    o->callbacks.children_changed(o->callbacks.arg);
}

static void
hello_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hello *hello = arg;
    int rc = hello_read(hello, HELLO_SIZE);

    (void)r;
    (void)w;
    (void)revents;
    if (rc > 0)
        admit_child(hello);
    if (rc != 0)
        hello_destroy(hello);
}

/* It may have come while this broker could not look. */
static void
late_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hello *hello = arg;

    (void)r;
    (void)w;
    (void)revents;
    if (hello_read(hello, HELLO_SIZE) > 0)
        admit_child(hello);
    else
        flux_log(log_handle(hello->overlay), LOG_ERR,
                 "a child was refused: %zu of the %d bytes of its greeting "
                 "after %gs",
                 hello->size, (int)HELLO_SIZE, HELLO_TIMEOUT);
    hello_destroy(hello);
}

static void expect_hello(struct overlay *o, int fd)
{
    struct hello *hello = hello_create(o, fd, hello_cb);

    if (!hello)
        return;
    hello->deadline = flux_timer_watcher_create(
        flux_get_reactor(o->h), HELLO_TIMEOUT, 0., late_cb, hello);
    if (hello->deadline)
        flux_watcher_start(hello->deadline);
    else
        hello_destroy(hello);
}

static void accepted(int fd, void *arg)
{
    struct overlay *o = arg;

    if (check_peer_user(fd) < 0) {
        send_reply(o, fd, errno);
        close(fd);
    } else
        expect_hello(o, fd);
}

static int start_listening(struct overlay *o, flux_error_t *e)
{
    struct sockaddr_un sun;

    if (topology_next_child(o->topology, o->rank, TOPOLOGY_NONE) ==
        TOPOLOGY_NONE)
        return 0;
    if (socket_address(o, o->rank, &sun, e) < 0)
        return -1;
    o->listener = listener_create(flux_get_reactor(o->h), sun.sun_path,
                                  S_IRUSR | S_IWUSR, accepted, o, e);
    return o->listener ? 0 : -1;
}

/* Children wait in the socket's backlog until then: what a child asks of the
 * ranks above must find a way there.
 */
static void admit_children(struct overlay *o)
{
    if (o->listener)
        listener_start(o->listener);
}

/* ---- parent
 * ---------------------------------------------------------------------- */

static void report_lost(struct overlay *o, const char *what, int errnum)
{
    char *why = util_asprintf("%s: %s", what, strerror(errnum));

    o->callbacks.parent_lost(why ? why : what, o->callbacks.arg);
    free(why);
}

static void parent_lost(struct link *l, int errnum, void *arg)
{
    struct neighbour *n = arg;
    struct overlay *o = n->overlay;

    (void)l;
    router_set_parent(o->router, NULL);
    o->parent = NULL;
    neighbour_destroy(n);
    report_lost(o, "lost the connection to the parent", errnum);
}

static void parent_control(struct peer *p, const flux_msg_t *msg)
{
    struct neighbour *n = p->control_arg;
    char text[NAME_SIZE];
    int type, status;

    if (flux_control_decode(msg, &type, &status) == 0 &&
        type == CONTROL_DISCONNECT)
        flux_log(log_handle(n->overlay), LOG_CRIT,
                 "%s sent disconnect control message",
                 describe_rank(n->overlay, n->rank, text));
}

static void meet_parent(struct hello *hello)
{
    struct overlay *o = hello->overlay;
    uint32_t rank = topology_parent(o->topology, o->rank);

    if (hello->data[0]) {
        report_lost(o, "the parent refuses", hello->data[0]);
        return;
    }
    o->parent = neighbour_create(hello, rank, hello->data + 1, parent_lost);
    if (!o->parent) {
        report_lost(o, "the parent", errno);
        return;
    }
    flux_log(o->h, LOG_DEBUG, "hello parent %u %.36s", (unsigned)rank,
             (const char *)hello->data + 1);
    set_control(o->parent, parent_control);
    router_set_parent(o->router, link_peer(o->parent->peer));
    admit_children(o);
    o->callbacks.parent_ready(o->callbacks.arg);
}

static void
reply_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct hello *hello = arg;
    int rc = hello_read(hello, REPLY_SIZE);

    (void)r;
    (void)w;
    (void)revents;
    if (rc > 0)
        meet_parent(hello);
    else if (rc < 0)
        report_lost(hello->overlay, "the parent", errno);
    if (rc != 0)
        hello_destroy(hello);
}

static int connect_parent(struct overlay *o)
{
    struct sockaddr_un sun;
    int fd;

    if (socket_address(o, topology_parent(o->topology, o->rank), &sun, NULL) <
            0 ||
        (fd = open_socket()) < 0)
        return -1;
    if (util_connect(fd, &sun) < 0 || check_peer_user(fd) < 0 ||
        send_hello(o, fd) < 0) {
        int saved_errno = errno;

        close(fd);
        errno = saved_errno;
        return -1;
    }
    return hello_create(o, fd, reply_cb) ? 0 : -1;
}

static bool is_worth_a_retry(const struct overlay *o, int errnum)
{
    return (errnum == ENOENT || errnum == ECONNREFUSED || errnum == EAGAIN) &&
           (o->connect_timeout == 0. || util_monotime() < o->connect_until);
}

static void try_parent(struct overlay *o)
{
    if (connect_parent(o) == 0)
        return;
    if (!is_worth_a_retry(o, errno)) {
        report_lost(o, "cannot connect to the parent", errno);
        return;
    }
    flux_timer_watcher_reset(o->retry, o->retry_delay, 0.);
    flux_watcher_start(o->retry);
    if (o->retry_delay < RETRY_LAST)
        o->retry_delay *= 2;
}

static void
retry_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)w;
    (void)revents;
    try_parent(arg);
}

static void tell_parent(enum overlay_status own, void *arg)
{
    struct overlay *o = arg;

    if (o->parent)
        send_control(o->parent, CONTROL_STATUS, own);
}

int overlay_start(struct overlay *o,
                  const struct overlay_callbacks *callbacks,
                  flux_error_t *e)
{
    o->callbacks = *callbacks;
    if (start_listening(o, e) < 0)
        return -1;
    if (o->rank == 0) {
        admit_children(o);
        return 0;
    }
    o->retry_delay = RETRY_FIRST;
    o->connect_until = util_monotime() + o->connect_timeout;
    o->retry = flux_timer_watcher_create(flux_get_reactor(o->h), RETRY_FIRST,
                                         0., retry_cb, o);
    if (!o->retry)
        return util_error(e, "out of memory");
    try_parent(o);
    return 0;
}

void overlay_leave(struct overlay *o)
{
    router_set_parent(o->router, NULL);
    if (o->parent)
        send_control(o->parent, CONTROL_STATUS, OVERLAY_OFFLINE);
    link_set_flush(o->links);
    neighbour_destroy(o->parent);
    o->parent = NULL;
}

size_t overlay_children(const struct overlay *o)
{
    return o->child_count;
}

void overlay_set_connect_timeout(struct overlay *o, double seconds)
{
    o->connect_timeout = seconds;
}

bool overlay_has_child(const struct overlay *o, uint32_t rank)
{
    return child_find(o, rank) != NULL;
}

/* ---- the builtin module
 * ------------------------------------------------------------- */

static json_t *describe_subtree(const struct overlay *o, uint32_t rank)
{
    json_t *children = json_array();
    uint32_t child = TOPOLOGY_NONE;

    while ((child = topology_next_child(o->topology, rank, child)) !=
           TOPOLOGY_NONE)
        json_array_append_new(children, describe_subtree(o, child));
    return json_pack("{s:i s:i s:o}", "rank", (int)rank, "size",
                     (int)topology_descendants(o->topology, rank) + 1,
                     "children", children);
}

static bool is_here_or_child(const struct overlay *o, int rank)
{
    return rank >= 0 &&
           ((uint32_t)rank == o->rank ||
            topology_parent(o->topology, (uint32_t)rank) == o->rank);
}

static void
topology_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *o = arg;
    json_t *tree;
    int rank;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:i}", "rank", &rank) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else if (!is_here_or_child(o, rank))
        flux_respond_error(h, msg, ENOENT,
                           "requested rank is not this broker or its direct "
                           "child");
    else if (!(tree = describe_subtree(o, (uint32_t)rank)))
        flux_respond_error(h, msg, ENOMEM, NULL);
    else
        flux_respond_pack(h, msg, "o", tree);
}

static void
health_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *o = arg;

    (void)mh;
    overlay_health_get(o->health, h, msg);
}

static void
monitor_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *o = arg;

    (void)mh;
    overlay_health_monitor(o->health, h, msg);
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct overlay *o = arg;

    (void)h;
    (void)mh;
    overlay_health_disconnect(o->health, msg);
}

/* Cut a child off: it is told, and its end of the link closes. */
static void cut_off(struct overlay *o, struct neighbour *n)
{
    char text[NAME_SIZE];

    flux_log(log_handle(o), LOG_ERR, "%s disconnected by request",
             describe_rank(o, n->rank, text));
    send_control(n, CONTROL_DISCONNECT, 0);
    link_set_flush(o->links);
    drop_child(n, "administrative disconnect");
}

static void disconnect_subtree_cb(flux_t *h,
                                  flux_msg_handler_t *mh,
                                  const flux_msg_t *msg,
                                  void *arg)
{
    struct overlay *o = arg;
    struct neighbour *n;
    int rank;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:i}", "rank", &rank) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else if (rank < 0 || !(n = child_find(o, (uint32_t)rank)))
        flux_respond_error(h, msg, ENOENT,
                           "requested rank is not a connected child");
    else {
        cut_off(o, n);
        flux_respond(h, msg, NULL);
    }
}

static int pending_in_children(const struct overlay *o)
{
    struct list *l;
    size_t count = 0;

    for (l = o->children.next; l != &o->children; l = l->next)
        count += router_pending(
            link_peer(LIST_ENTRY(l, struct neighbour, link)->peer));
    return (int)count;
}

static int expected_children(const struct overlay *o)
{
    uint32_t child = TOPOLOGY_NONE;
    int count = 0;

    while ((child = topology_next_child(o->topology, o->rank, child)) !=
           TOPOLOGY_NONE)
        count++;
    return count;
}

static void
stats_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct overlay *o = arg;

    (void)mh;
    flux_respond_pack(
        h, msg, "{s:i s:i s:i s:i s:i}", "child-count", expected_children(o),
        "child-connected", (int)o->child_count, "parent-count",
        o->parent ? 1 : 0, "parent-rpc",
        o->parent ? (int)router_pending(link_peer(o->parent->peer)) : 0,
        "child-rpc", pending_in_children(o));
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "overlay.topology", topology_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "overlay.health", health_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "overlay.monitor", monitor_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "overlay.disconnect-subtree", disconnect_subtree_cb,
     0},
    {FLUX_MSGTYPE_REQUEST, "overlay.disconnect", disconnect_cb, FLUX_ROLE_ALL},
    {FLUX_MSGTYPE_REQUEST, "overlay.stats-get", stats_cb, FLUX_ROLE_USER},
    FLUX_MSGHANDLER_TABLE_END,
};

static void *begin(flux_t *h, void *arg, flux_error_t *e)
{
    struct overlay *o = arg;

    if (flux_msg_handler_addvec(h, handlers, o, &o->handlers) < 0) {
        util_error(e, "overlay: %s", strerror(errno));
        return NULL;
    }
    o->module_h = h;
    return o;
}

static void end(void *arg)
{
    struct overlay *o = arg;

    overlay_health_disconnect(o->health, NULL);
    flux_msg_handler_delvec(o->handlers);
    o->handlers = NULL;
    o->module_h = NULL;
}

struct module_builtin overlay_builtin(struct overlay *o)
{
    return (struct module_builtin){"overlay", begin, end, o};
}

struct overlay *overlay_create(flux_t *h,
                               struct router *router,
                               struct link_set *links,
                               struct topology *topology,
                               const char *rundir,
                               const char *hosts)
{
    struct overlay *o = calloc(1, sizeof(*o));

    if (!o)
        return NULL;
    o->h = h;
    o->router = router;
    o->links = links;
    o->topology = topology;
    o->rundir = rundir;
    o->rank = router_rank(router);
    list_init(&o->hellos);
    list_init(&o->children);
    o->hosts = strdup(hosts);
    o->health = overlay_health_create(topology, o->rank, tell_parent, o);
    if (!o->hosts || !o->health) {
        overlay_destroy(o);
        return NULL;
    }
    router_set_next_hop(router, next_hop, o);
    return o;
}

void overlay_destroy(struct overlay *o)
{
    int saved_errno = errno;

    if (!o)
        return;
    router_set_next_hop(o->router, NULL, NULL);
    overlay_leave(o);
    while (!list_empty(&o->hellos))
        hello_destroy(LIST_ENTRY(o->hellos.next, struct hello, link));
    while (!list_empty(&o->children))
        neighbour_destroy(LIST_ENTRY(o->children.next, struct neighbour, link));
    listener_destroy(o->listener);
    flux_watcher_destroy(o->retry);
    overlay_health_destroy(o->health);
    free(o->hosts);
    free(o);
    errno = saved_errno;
}
