/* fuzz_broker.c - sequences of frames from several peers into a real broker
 *
 * The broker's own parts, put together as broker.c does, but for what reaches
 * outside the process: no run folder, no listening socket, no initial program,
 * no commands on behalf of clients (rexec).  While an input runs, fork() and
 * dlopen() fail, and the log does not go to a file.
 *
 * Input: a program.  An instruction is a byte for what to do and one for which
 * of four peers (two owners, a guest, another rank) does it:
 *
 *   frame    two bytes of length and as many bytes, magic and length in front
 *   request  service, method, flags, matchtag, then one byte of length and
 *            a payload: a well-formed message to what is there
 *   raw      two bytes of length and as many bytes, as they are
 *   read     all that waits for the peer
 *   hang up  the peer goes, and another of its kind comes
 *
 * After each the loop turns.  At the end a fresh client's ping is answered and
 * all is taken apart; whatever is lost then is a leak.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "attr.h"
#include "config.h"
#include "inproc.h"
#include "log.h"
#include "module.h"
#include "overlay.h"
#include "sys.h"
#include "util.h"
#include "fuzz.h"

enum {
    PEERS = 4,
    PEER_GUEST = 2,
    PEER_OTHER_RANK = 3,
    TURNS = 8,
    INSTRUCTIONS_MAX = 256,
};

enum { DO_REQUEST, DO_FRAME, DO_RAW, DO_READ, DO_HANG_UP, DO_COUNT };

struct fuzz_peer {
    struct link *link; /* the broker's end, NULL once it is closed */
    struct conn *conn; /* ours */
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
    flux_msg_handler_t **methods;
    struct fuzz_peer peers[PEERS];
};

/* ---- nothing leaves the process -------------------------------------------
 */

static int running;

pid_t fork(void)
{
    pid_t (*real)(void);

    if (running) {
        errno = EAGAIN;
        return -1;
    }
    *(void **)&real = dlsym(RTLD_NEXT, "fork");
    return real();
}

void *dlopen(const char *path, int flags)
{
    (void)path;
    (void)flags;
    return NULL;
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
    struct module_builtin builtins[2];

    b->modules =
        module_set_create(b->h, b->router, b->links, b->attrs, panic, b);
    FUZZ_MUST(b->modules);
    FUZZ_MUST((b->config = config_create(b->h, b->attrs, b->modules, 0)));
    FUZZ_MUST((b->topology = topology_create("kary:2", 2, &e)));
    b->overlay = overlay_create(b->h, b->router, b->links, b->topology,
                                "/nonexistent", "localhost");
    FUZZ_MUST(b->overlay);
    builtins[0] = config_builtin(b->config);
    builtins[1] = overlay_builtin(b->overlay);
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
    "broker.ping",     "broker.stats-get",    "broker.stats-clear",
    "broker.rusage",   "broker.disconnect",   "attr.get",
    "attr.set",        "attr.list",           "attr.rm",
    "log.append",      "log.dmesg",           "log.clear",
    "log.cancel",      "log.disconnect",      "module.list",
    "module.load",     "module.remove",       "module.status",
    "module.trace",    "module.debug",        "module.stats-get",
    "module.cancel",   "module.disconnect",   "module.info",
    "config.load",     "config.get",          "config.reload",
    "config.ping",     "config.shutdown",     "overlay.topology",
    "overlay.lookup",  "overlay.stats-get",   "event.publish",
    "event.subscribe", "event.unsubscribe",   "service.add",
    "service.remove",  "mine.ping",           "mine.disconnect",
    "module.info",     "broker.debug",        "config.debug",
    "module.stats",    "module.trace-cancel", "config.config-reload",
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

static void instruction(struct instance *b, struct fuzz_input *in)
{
    unsigned what = fuzz_byte(in) % DO_COUNT;
    int i = (int)(fuzz_byte(in) % PEERS);
    struct fuzz_peer *p = &b->peers[i];

    if (what == DO_REQUEST)
        send_request(p, in);
    else if (what == DO_FRAME || what == DO_RAW)
        send_raw(p, in, what == DO_FRAME);
    else if (what == DO_READ)
        drain(p);
    turn(b);
    if (what == DO_HANG_UP || !p->link) {
        hang_up(b, p);
        connect_peer(b, p, i);
    }
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
    running = 1;
    create_core(&b);
    create_parts(&b);
    serve(&b);
    for (int i = 0; i < PEERS; i++)
        connect_peer(&b, &b.peers[i], i);
    for (int n = 0; in.size > 0 && n < INSTRUCTIONS_MAX; n++)
        instruction(&b, &in);
    ping(&b);
    for (int i = 0; i < PEERS; i++)
        hang_up(&b, &b.peers[i]);
    destroy(&b);
    running = 0;
    return 0;
}
