/* fuzz_broker.c - sequences of frames from several peers into a real broker
 *
 * The broker's own parts, put together as broker.c does, but for what reaches
 * outside the process: no run folder, no listening socket, no initial program.
 * While an input runs, dlopen() fails, the log does not go to a file, and no
 * process is started: one that the broker starts is a number, which ends when
 * the input or the broker says so.  What would be a module process's end of its
 * channel becomes one of the peers.  The clock is the input's to advance.
 *
 * Input: a program.  An instruction is a byte for what to do and one for which
 * of six peers (two owners, a guest, another rank, two modules) does it:
 *
 *   request  service, method, flags, matchtag, then one byte of length and
 *            a payload: a well-formed message to what is there
 *   frame    two bytes of length and as many bytes, magic and length in front
 *   raw      two bytes of length and as many bytes, as they are
 *   read     all that waits for the peer
 *   hang up  the peer goes, and another of its kind comes, but for a module
 *   load     a byte of options: a module is asked for, as a process
 *   end      a byte for which process ends, and one for its status
 *   wait     a byte for how long: 1/16 s and doubled with each
 *
 * After each the loop turns.  At the end a fresh client's ping is answered and
 * all is taken apart; whatever is lost then is a leak.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "attr.h"
#include "config.h"
#include "groups.h"
#include "inproc.h"
#include "log.h"
#include "module.h"
#include "overlay.h"
#include "rexec.h"
#include "sys.h"
#include "util.h"
#include "fuzz.h"

enum {
    PEER_GUEST = 2,
    PEER_OTHER_RANK = 3,
    PEER_FIRST_MODULE = 4,
    PEERS = 6,
    TURNS = 8,
    INSTRUCTIONS_MAX = 256,
};

enum {
    DO_REQUEST,
    DO_FRAME,
    DO_RAW,
    DO_READ,
    DO_HANG_UP,
    DO_LOAD,
    DO_END,
    DO_WAIT,
    DO_COUNT,
};

struct fuzz_peer {
    struct link *link; /* the broker's end, NULL once it is closed, and for
                          a module, which has its own */
    struct conn *conn; /* ours; NULL for a module that is not there */
};

struct instance {
    flux_reactor_t *reactor;
    struct attr_set *attrs;
    struct router *router;
    struct inproc *self;
    flux_t *h;
    struct log *log;
    struct link_set *links;
    struct module_set *modules;
    struct config *config;
    struct topology *topology;
    struct overlay *overlay;
    struct groups *groups;
    flux_msg_handler_t **methods;
    struct fuzz_peer peers[PEERS];
};

/* ---- nothing leaves the process -------------------------------------------
 */

enum {
    FIRST_PID = 1 << 23, /* beyond what a system gives */
    CHILDREN = 32,
};

/* A process that there is not. */
struct child {
    bool ended;
    int status; /* of waitpid(2), once it has ended */
};

static struct {
    bool running;
    struct child children[CHILDREN];
    int child_count;
    int pair[2];  /* the sockets that were made last */
    int channel;  /* a new module's end of its channel, or -1 */
    double later; /* seconds that the clock is ahead */
} world = {.channel = -1};

static struct child *find_child(pid_t pid)
{
    if (pid < FIRST_PID || pid >= FIRST_PID + world.child_count)
        return NULL;
    return &world.children[pid - FIRST_PID];
}

static void end_child(struct child *child, int status)
{
    if (!child || child->ended)
        return;
    child->ended = true;
    child->status = status;
    raise(SIGCHLD);
}

static pid_t make_child(void)
{
    if (world.child_count == CHILDREN) {
        errno = EAGAIN;
        return -1;
    }
    world.children[world.child_count] = (struct child){false, 0};
    return FIRST_PID + world.child_count++;
}

pid_t fork(void)
{
    pid_t (*real)(void);

    if (world.running)
        return make_child();
    *(void **)&real = dlsym(RTLD_NEXT, "fork");
    return real();
}

/* For a module; the broker has made its channel just before. */
pid_t vfork(void)
{
    if (world.channel >= 0)
        close(world.channel);
    world.channel = fcntl(world.pair[1], F_DUPFD_CLOEXEC, 0);
    return make_child();
}

pid_t waitpid(pid_t pid, int *status, int options)
{
    struct child *child = find_child(pid);
    pid_t (*real)(pid_t, int *, int);

    if (!child) {
        *(void **)&real = dlsym(RTLD_NEXT, "waitpid");
        return real(pid, status, options);
    }
    if (!child->ended && (options & WNOHANG))
        return 0;
    child->ended = true;
    if (status)
        *status = child->status;
    return pid;
}

/* Every other process takes no notice of SIGTERM. */
int kill(pid_t pid, int signum)
{
    pid_t one = pid < 0 ? -pid : pid;

    if (signum == SIGKILL || (signum == SIGTERM && one % 2 == 0))
        end_child(find_child(one), signum);
    return 0;
}

int socketpair(int domain, int type, int protocol, int fds[2])
{
    int (*real)(int, int, int, int *);
    int rc;

    *(void **)&real = dlsym(RTLD_NEXT, "socketpair");
    if ((rc = real(domain, type, protocol, fds)) == 0)
        memcpy(world.pair, fds, sizeof(world.pair));
    return rc;
}

void *dlopen(const char *path, int flags)
{
    (void)path;
    (void)flags;
    return NULL;
}

int clock_gettime(clockid_t clock, struct timespec *ts)
{
    static int (*real)(clockid_t, struct timespec *);
    int rc;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    rc = real(clock, ts);
    if (clock == CLOCK_MONOTONIC)
        ts->tv_sec += (time_t)world.later;
    return rc;
}

static void begin_world(void)
{
    signal(SIGPIPE, SIG_IGN);
    world.running = true;
    world.child_count = 0;
    world.later = 0;
}

static void end_world(void)
{
    if (world.channel >= 0)
        close(world.channel);
    world.channel = -1;
    world.running = false;
    world.later = 0;
}

static int
refuse(const char *name, const char *value, void *arg, flux_error_t *e)
{
    (void)value;
    (void)arg;
    return util_errno(e, EPERM, "%s stays as it is", name);
}

/* ---- the instance ---------------------------------------------------------
 */

static void panic(const char *name, void *arg)
{
    (void)name;
    (void)arg;
}

static void put_attributes(struct attr_set *attrs)
{
    attr_put(attrs, "rank", "0");
    attr_put(attrs, "size", "2");
    attr_put(attrs, "hostlist", "a,b");
    attr_put(attrs, "log-stderr-level", "-1");
    attr_watch(attrs, "log-filename", refuse, NULL);
    attr_watch(attrs, "log-stderr", refuse, NULL);
    attr_watch(attrs, "log-syslog", refuse, NULL);
}

static void create_core(struct instance *b)
{
    flux_error_t e = {""};

    FUZZ_MUST((b->reactor = flux_reactor_create(0)));
    FUZZ_MUST((b->attrs = attr_create()));
    put_attributes(b->attrs);
    b->router =
        router_create(b->reactor, "00000000-0000-0000-0000-000000000000", 0, 2);
    FUZZ_MUST(b->router);
    b->self = inproc_create(b->reactor, b->router, PEER_BROKER, "broker");
    FUZZ_MUST(b->self);
    b->h = inproc_handle(b->self);
    FUZZ_MUST((b->log = log_create(b->h, b->router, b->attrs, &e)));
    FUZZ_MUST(flux_set_conf_new(b->h, flux_conf_create()) == 0);
    FUZZ_MUST((b->links = link_set_create(b->h, b->router)));
}

static void create_parts(struct instance *b)
{
    flux_error_t e = {""};
    struct module_builtin builtins[4];

    b->modules =
        module_set_create(b->h, b->router, b->links, b->attrs, panic, b);
    FUZZ_MUST(b->modules);
    FUZZ_MUST((b->config = config_create(b->h, b->attrs, b->modules, 0)));
    FUZZ_MUST((b->topology = topology_create("kary:2", 2, &e)));
    b->overlay = overlay_create(b->h, b->router, b->links, b->topology,
                                "/nonexistent", "localhost");
    FUZZ_MUST(b->overlay);
    FUZZ_MUST((b->groups = groups_create(b->overlay, b->topology, 0)));
    builtins[0] = config_builtin(b->config);
    builtins[1] = overlay_builtin(b->overlay);
    builtins[2] = groups_builtin(b->groups);
    builtins[3] = rexec_builtin(b->router);
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(builtins); i++)
        FUZZ_MUST(module_set_add_builtin(b->modules, &builtins[i]) == 0);
    FUZZ_MUST(module_set_load_builtins(b->modules, &e) == 0);
}

static void serve(struct instance *b)
{
    static const char *const services[] = {"broker", "module", "attr", "log"};

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(services); i++)
        FUZZ_MUST(router_service_add(b->router, services[i],
                                     inproc_peer(b->self)) == 0);
    flux_aux_set(b->h, "flux::name", (char *)"broker", NULL);
    FUZZ_MUST(attr_serve(b->attrs, b->h) == 0);
    FUZZ_MUST(log_serve(b->log, b->h) == 0);
    FUZZ_MUST(module_serve(b->modules) == 0);
    FUZZ_MUST(flux_register_default_methods(b->h, "broker", &b->methods) == 0);
}

static void turn(struct instance *b)
{
    for (int i = 0; i < TURNS; i++)
        flux_reactor_run(b->reactor, FLUX_REACTOR_NOWAIT);
}

static void destroy(struct instance *b)
{
    flux_msg_handler_delvec(b->methods);
    module_set_destroy(b->modules);
    config_destroy(b->config);
    groups_destroy(b->groups);
    overlay_destroy(b->overlay);
    link_set_flush(b->links);
    link_set_destroy(b->links);
    log_destroy(b->log);
    inproc_destroy(b->self);
    router_destroy(b->router);
    flux_reactor_destroy(b->reactor);
    topology_destroy(b->topology);
    attr_destroy(b->attrs);
}

/* ---- its peers ------------------------------------------------------------
 */

static void closed(struct link *l, int errnum, void *arg)
{
    struct fuzz_peer *p = arg;

    (void)errnum;
    link_destroy(l);
    p->link = NULL;
}

static void give_credentials(struct peer *p, int i)
{
    p->cred.userid = i == PEER_GUEST ? 1234 : (uint32_t)getuid();
    p->cred.rolemask =
        FLUX_ROLE_LOCAL | (i == PEER_GUEST ? FLUX_ROLE_USER : FLUX_ROLE_OWNER);
    p->may_impersonate = i != PEER_GUEST;
}

static void connect_peer(struct instance *b, struct fuzz_peer *p, int i)
{
    enum peer_kind kind = i == PEER_OTHER_RANK ? PEER_RANK : PEER_CLIENT;
    int fds[2];

    FUZZ_MUST(sys_socketpair(fds) == 0);
    p->link = link_create(b->links, fds[0], kind, "fuzz", closed, p);
    FUZZ_MUST(p->link);
    give_credentials(link_peer(p->link), i);
    link_set_owner(p->link, 1234, 1);
    FUZZ_MUST((p->conn = conn_create(fds[1])));
}

static bool is_module(int i)
{
    return i >= PEER_FIRST_MODULE;
}

/* The channel of a module that has been started becomes a peer, which first
 * reads the byte that a loader reads first.
 */
static void meet_module(struct instance *b)
{
    char first;

    for (int i = PEER_FIRST_MODULE; world.channel >= 0 && i < PEERS; i++) {
        if (b->peers[i].conn || read(world.channel, &first, 1) != 1)
            continue;
        util_set_nonblock(world.channel, true);
        FUZZ_MUST((b->peers[i].conn = conn_create(world.channel)));
        world.channel = -1;
    }
}

static void drain(struct fuzz_peer *p)
{
    flux_msg_t *msg;

    while (conn_read(p->conn) > 0)
        ;
    while ((msg = conn_next(p->conn)))
        flux_msg_destroy(msg);
}

static void hang_up(struct instance *b, struct fuzz_peer *p)
{
    if (p->conn)
        conn_destroy(p->conn);
    p->conn = NULL;
    turn(b);
    FUZZ_MUST(!p->link);
}

/* ---- instructions ---------------------------------------------------------
 */

/* What the socket does not take is lost. */
static void send_bytes(struct fuzz_peer *p, const void *data, size_t size)
{
    ssize_t n = 0;

    if (conn_flush(p->conn) == 0)
        n = send(conn_fd(p->conn), data, size, MSG_NOSIGNAL);
    (void)n;
}

static size_t two_bytes(struct fuzz_input *in)
{
    size_t high = fuzz_byte(in);

    return high << 8 | fuzz_byte(in);
}

static void send_raw(struct fuzz_peer *p, struct fuzz_input *in, int framed)
{
    uint32_t magic = MSG_FRAME_MAGIC;
    size_t n;
    const uint8_t *data = fuzz_bytes(in, two_bytes(in), &n);
    struct buf b = {NULL, 0, 0, false};

    if (framed) {
        buf_add(&b, &magic, sizeof(magic));
        buf_add_u32be(&b, (uint32_t)n);
    }
    buf_add(&b, data, n);
    send_bytes(p, b.data, b.size);
    buf_release(&b);
}

static const char *const topics[] = {
    "broker.ping",
    "broker.stats-get",
    "broker.stats-clear",
    "broker.rusage",
    "broker.disconnect",
    "attr.get",
    "attr.set",
    "attr.list",
    "attr.rm",
    "log.append",
    "log.dmesg",
    "log.clear",
    "log.cancel",
    "log.disconnect",
    "module.list",
    "module.load",
    "module.remove",
    "module.status",
    "module.trace",
    "module.debug",
    "module.stats-get",
    "module.cancel",
    "module.disconnect",
    "module.info",
    "config.load",
    "config.get",
    "config.reload",
    "config.ping",
    "config.shutdown",
    "overlay.topology",
    "overlay.lookup",
    "overlay.stats-get",
    "event.publish",
    "event.subscribe",
    "event.unsubscribe",
    "service.add",
    "service.remove",
    "mine.ping",
    "mine.disconnect",
    "module.info",
    "broker.debug",
    "config.debug",
    "module.stats",
    "module.trace-cancel",
    "config.config-reload",
    "rexec.exec",
    "rexec.write",
    "rexec.kill",
    "rexec.list",
    "rexec.disconnect",
    "groups.join",
    "groups.leave",
    "groups.update",
    "groups.get",
    "groups.disconnect",
    "overlay.health",
    "overlay.monitor",
    "overlay.disconnect",
    "overlay.disconnect-subtree",
    "module.gone",
    "m0.ping",
    "m0.disconnect",
    "m1.ping",
    "m1.stats-get",
    "event.disconnect",
    "groups.stats-get",
};

static void send_request(struct fuzz_peer *p, struct fuzz_input *in)
{
    static const uint8_t types[] = {FLUX_MSGTYPE_REQUEST, FLUX_MSGTYPE_REQUEST,
                                    FLUX_MSGTYPE_RESPONSE, FLUX_MSGTYPE_EVENT};
    unsigned flags = fuzz_byte(in);
    flux_msg_t *msg = flux_msg_create(types[flags >> 6]);
    const uint8_t *payload;
    char *text;
    size_t n;

    FUZZ_MUST(msg);
    msg->flags |= flags & (FLUX_MSGFLAG_NORESPONSE | FLUX_MSGFLAG_PRIVATE |
                           FLUX_MSGFLAG_STREAMING | FLUX_MSGFLAG_UPSTREAM);
    flux_msg_route_enable(msg);
    flux_msg_set_topic(msg, topics[fuzz_byte(in) % UTIL_ARRAY_SIZE(topics)]);
    msg->a = flags & 1 ? fuzz_byte(in) % 4 : FLUX_NODEID_ANY;
    msg->b = fuzz_byte(in);
    payload = fuzz_bytes(in, fuzz_byte(in), &n);
    text = malloc(n + 1);
    FUZZ_MUST(text);
    if (n > 0)
        memcpy(text, payload, n);
    text[n] = '\0';
    if (n > 0)
        flux_msg_set_payload(msg, text, n + 1);
    if (conn_queue(p->conn, msg) == 0)
        conn_flush(p->conn);
    free(text);
    flux_msg_destroy(msg);
}

static void load(struct fuzz_peer *p, struct fuzz_input *in)
{
    static const char *const failures[] = {"panic", "log", "restart:2",
                                           "restart:9/1"};
    unsigned how = fuzz_byte(in);
    flux_msg_t *msg = flux_request_encode("module.load", NULL);

    FUZZ_MUST(msg);
    FUZZ_MUST(flux_msg_pack(msg, "{s:s s:s s:s s:[s] s:s s:i s:b}", "path",
                            "/etc/passwd", "name", how & 1 ? "m1" : "m0",
                            "loader", "/bin/sh", "args", "a=1", "on-failure",
                            failures[how >> 1 & 3], "load-timeout",
                            how & 8 ? 4 : 0, "hold", (int)(how >> 4 & 1)) == 0);
    flux_msg_route_enable(msg);
    flux_msg_set_matchtag(msg, 1);
    if (conn_queue(p->conn, msg) == 0)
        conn_flush(p->conn);
    flux_msg_destroy(msg);
}

static void end_process(struct fuzz_input *in)
{
    unsigned which = fuzz_byte(in), status = fuzz_byte(in);

    end_child(find_child(FIRST_PID + (pid_t)(which % CHILDREN)),
              (int)(status & 0x80 ? status & 15 : status << 8));
}

static void wait_longer(struct fuzz_input *in)
{
    world.later += (double)(1 << fuzz_byte(in) % 10) / 16;
}

/* What a peer does that has a connection. */
static void act(struct fuzz_peer *p, unsigned what, struct fuzz_input *in)
{
    if (what == DO_REQUEST)
        send_request(p, in);
    else if (what == DO_FRAME || what == DO_RAW)
        send_raw(p, in, what == DO_FRAME);
    else if (what == DO_READ)
        drain(p);
    else if (what == DO_LOAD)
        load(p, in);
}

static void instruction(struct instance *b, struct fuzz_input *in)
{
    unsigned what = fuzz_byte(in) % DO_COUNT;
    int i = (int)(fuzz_byte(in) % PEERS);
    struct fuzz_peer *p = &b->peers[i];

    if (what == DO_END)
        end_process(in);
    else if (what == DO_WAIT)
        wait_longer(in);
    else if (p->conn)
        act(p, what, in);
    turn(b);
    if (what == DO_HANG_UP || (!is_module(i) && !p->link)) {
        hang_up(b, p);
        if (!is_module(i))
            connect_peer(b, p, i);
    }
    meet_module(b);
}

/* ---- the innocent ---------------------------------------------------------
 */

static int is_answer(const flux_msg_t *msg)
{
    uint32_t matchtag;

    return msg->type == FLUX_MSGTYPE_RESPONSE &&
           flux_msg_get_matchtag(msg, &matchtag) == 0 && matchtag == 77;
}

static void ping(struct instance *b)
{
    struct fuzz_peer p;
    flux_msg_t *msg = flux_request_encode("broker.ping", "{}");
    int answered = 0;

    FUZZ_MUST(msg);
    connect_peer(b, &p, 0);
    flux_msg_route_enable(msg);
    flux_msg_set_matchtag(msg, 77);
    FUZZ_MUST(conn_queue(p.conn, msg) == 0 && conn_flush(p.conn) == 0);
    flux_msg_destroy(msg);
    turn(b);
    while (conn_read(p.conn) > 0)
        ;
    while ((msg = conn_next(p.conn))) {
        answered += is_answer(msg);
        flux_msg_destroy(msg);
    }
    FUZZ_MUST(answered == 1);
    hang_up(b, &p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct instance b;

    memset(&b, 0, sizeof(b));
    begin_world();
    create_core(&b);
    create_parts(&b);
    serve(&b);
    for (int i = 0; i < PEER_FIRST_MODULE; i++)
        connect_peer(&b, &b.peers[i], i);
    for (int n = 0; in.size > 0 && n < INSTRUCTIONS_MAX; n++)
        instruction(&b, &in);
    ping(&b);
    for (int i = 0; i < PEERS; i++)
        hang_up(&b, &b.peers[i]);
    destroy(&b);
    end_world();
    return 0;
}
