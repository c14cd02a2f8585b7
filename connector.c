/* connector.c - clients on the local socket (the builtin connector-local)
 *
 * A client connects to the UNIX socket and is told by one byte whether it may
 * come in: 0, or an errno, and then the connection ends (wire.md).  Who it is
 * the kernel says, not the client.  The owner of the instance comes in with
 * the roles owner and local, and may put other credentials into a message;
 * another user comes in only with `access.allow-guest-user`, as user and
 * local, with its own id on all it sends; root is taken for the owner with
 * `access.allow-root-owner`.  The `access` table is checked whenever a
 * configuration is loaded, and a table with unknown keys is refused whole.
 *
 * The last RESERVE descriptors are not for clients, so that modules can still
 * be loaded and those who are connected be served: whoever comes then is told
 * EMFILE.  Where even those are gone, the socket is left alone until a client
 * leaves or a second has passed.
 */
#include "connector.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "access.h"
#include "sys.h"
#include "util.h"

enum {
    LISTEN_BACKLOG = 1024,
    ACCEPT_BURST = 64,   /* connections taken in one turn of the loop */
    RESERVE = 8,         /* descriptors: two processes may be starting */
    DEBUG_DENY_ONCE = 1, /* debug bits, as Flux's tests set them */
    DEBUG_GUEST_ONCE = 4,
};
#define ACCEPT_PAUSE 1.0 /* seconds */

struct client {
    struct list link;
    struct connector *connector;
    struct link *peer;
    uid_t uid;
    pid_t pid;
};

struct connector {
    struct link_set *links;
    flux_t *h; /* of the builtin module, NULL while it is not loaded */
    char *path;
    int fd; /* listening, or -1 */
    flux_watcher_t *watcher;
    flux_watcher_t *resume;
    flux_msg_handler_t **handlers;
    struct list clients;
    uint64_t connects;
    uid_t owner;
    struct access access;
};

/* ---- clients ------------------------------------------------------------ */

static void client_destroy(struct client *c)
{
    list_remove(&c->link);
    link_destroy(c->peer);
    free(c);
}

static void client_closed(struct link *l, int errnum, void *arg)
{
    struct client *client = arg;
    struct connector *c = client->connector;

    (void)l;
    (void)errnum;
    client_destroy(client);
    if (c->fd >= 0 && c->watcher)
        flux_watcher_start(c->watcher);
}

/* The roles of user `uid`; 0 if it may not come in. */
static uint32_t roles_of(struct connector *c, uid_t uid)
{
    if (uid == c->owner || (uid == 0 && c->access.allow_root_owner))
        return FLUX_ROLE_OWNER | FLUX_ROLE_LOCAL;
    if (c->access.allow_guest_user)
        return FLUX_ROLE_USER | FLUX_ROLE_LOCAL;
    return FLUX_ROLE_NONE;
}

static bool debug_bit(struct connector *c, int bit)
{
    return c->h && flux_module_debug_test(c->h, bit, true);
}

static void refuse(int fd, int errnum)
{
    unsigned char byte = (unsigned char)errnum;
    ssize_t n = send(fd, &byte, 1, MSG_NOSIGNAL);

    (void)n; /* it may be gone already */
    close(fd);
}

static void set_credentials(struct connector *c, struct client *client)
{
    struct peer *p = link_peer(client->peer);

    p->cred.userid = client->uid;
    p->cred.rolemask = roles_of(c, client->uid);
    p->may_impersonate = p->cred.rolemask & FLUX_ROLE_OWNER;
    if (debug_bit(c, DEBUG_GUEST_ONCE)) {
        p->cred.userid = FLUX_USERID_UNKNOWN;
        p->cred.rolemask = FLUX_ROLE_USER;
    }
    link_set_owner(client->peer, client->uid, client->pid);
}

static int client_create(struct connector *c, int fd, uid_t uid, pid_t pid)
{
    static const unsigned char welcome = 0;
    struct client *client = calloc(1, sizeof(*client));

    if (!client)
        return -1;
    client->connector = c;
    client->uid = uid;
    client->pid = pid;
    client->peer =
        link_create(c->links, fd, PEER_CLIENT, "client", client_closed, client);
    if (!client->peer) {
        free(client);
        return -1;
    }
    list_append(&c->clients, &client->link);
    set_credentials(c, client);
    c->connects++;
    if (link_send_raw(client->peer, &welcome, 1) < 0)
        client_destroy(client);
    return 0;
}

/* The system gives the lowest that is free. */
static bool is_reserve(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
           limit.rlim_cur != RLIM_INFINITY &&
           (rlim_t)fd + RESERVE >= limit.rlim_cur;
}

static void admit(struct connector *c, int fd)
{
    uid_t uid;
    pid_t pid;

    if (sys_peer_cred(fd, &uid, &pid) < 0)
        refuse(fd, errno);
    else if (is_reserve(fd))
        refuse(fd, EMFILE);
    else if (!roles_of(c, uid) || debug_bit(c, DEBUG_DENY_ONCE))
        refuse(fd, EPERM);
    else if (client_create(c, fd, uid, pid) < 0)
        refuse(fd, errno);
}

static void pause_accept(struct connector *c)
{
    flux_watcher_stop(c->watcher);
    flux_timer_watcher_reset(c->resume, ACCEPT_PAUSE, 0.);
    flux_watcher_start(c->resume);
}

static void
accept_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct connector *c = arg;
    int fd, n;

    (void)r;
    (void)w;
    (void)revents;
    for (n = 0; n < ACCEPT_BURST; n++) {
        if ((fd = sys_accept(c->fd)) >= 0)
            admit(c, fd);
        else {
            if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
                pause_accept(c);
            return;
        }
    }
}

static void
resume_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct connector *c = arg;

    (void)r;
    (void)w;
    (void)revents;
    flux_watcher_start(c->watcher);
}

/* ---- the socket ------------------------------------------------------------
 */

/* What a dead broker left behind, and nothing else. */
static void remove_socket(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
}

static int bind_path(int fd, const char *path, flux_error_t *e)
{
    struct sockaddr_un sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(sun.sun_path))
        return util_errno(e, ENAMETOOLONG,
                          "socket path of %zu bytes, more than the %zu that "
                          "a UNIX socket may have: '%s'",
                          strlen(path), sizeof(sun.sun_path) - 1, path);
    memcpy(sun.sun_path, path, strlen(path) + 1);
    remove_socket(path); /* the rundir is locked: whoever had it is dead */
    if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0)
        return util_error(e, "cannot bind '%s': %s", path, strerror(errno));
    /* all may connect: who may come in, admit() decides */
    if (chmod(path, S_IRWXU | S_IRWXG | S_IRWXO) < 0)
        return util_error(e, "cannot open '%s' to others: %s", path,
                          strerror(errno));
    return 0;
}

static int open_socket(const char *path, flux_error_t *e)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd < 0)
        return util_error(e, "cannot create a socket: %s", strerror(errno));
    if (util_set_cloexec(fd, true) == 0 && util_set_nonblock(fd, true) == 0 &&
        bind_path(fd, path, e) == 0) {
        if (listen(fd, LISTEN_BACKLOG) == 0)
            return fd;
        util_error(e, "cannot listen on '%s': %s", path, strerror(errno));
    }
    close(fd);
    return -1;
}

/* ---- configuration
 * ------------------------------------------------------------- */

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

static int
configure(struct connector *c, const flux_conf_t *conf, flux_error_t *e)
{
    struct access access;

    if (access_read(conf, &access, e) < 0)
        return -1;
    c->access = access;
    flux_log(c->h, LOG_DEBUG, "allow-guest-user=%s",
             truth(access.allow_guest_user));
    flux_log(c->h, LOG_DEBUG, "allow-root-owner=%s",
             truth(access.allow_root_owner));
    return 0;
}

/* ---- service
 * -------------------------------------------------------------------- */

static void
reload_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_conf_t *conf;
    flux_error_t e = {""};

    (void)mh;
    if (flux_module_config_request_decode(msg, &conf) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    if (configure(arg, conf, &e) < 0) {
        flux_respond_error(h, msg, errno, e.text);
        flux_conf_decref(conf);
        return;
    }
    flux_set_conf_new(h, conf);
    flux_respond(h, msg, NULL);
}

static json_t *describe(struct client *client)
{
    struct peer *p = link_peer(client->peer);
    struct conn_counters n;

    conn_counters(link_conn(client->peer), &n);
    return json_pack("{s:s s:i s:i s:I s:I s:i}", "uuid", p->uuid, "userid",
                     (int)client->uid, "pid", (int)client->pid, "txcount",
                     (json_int_t)n.messages_out, "rxcount",
                     (json_int_t)n.messages_in, "rxbacklog",
                     (int)conn_in_messages(link_conn(client->peer)));
}

static void
stats_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct connector *c = arg;
    struct list *l, *following;
    json_t *clients = json_array();

    (void)mh;
    LIST_FOREACH(&c->clients, l, following)
    json_array_append_new(clients,
                          describe(LIST_ENTRY(l, struct client, link)));
    flux_respond_pack(h, msg, "{s:{s:o s:I} s:b s:b}", "server", "clients",
                      clients, "connects", (json_int_t)c->connects,
                      "allow_guest_user", c->access.allow_guest_user,
                      "allow_root_owner", c->access.allow_root_owner);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "connector-local.config-reload", reload_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "connector-local.stats-get", stats_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

static int start_listening(struct connector *c, flux_error_t *e)
{
    flux_reactor_t *r = flux_get_reactor(c->h);

    if ((c->fd = open_socket(c->path, e)) < 0)
        return -1;
    c->watcher = flux_fd_watcher_create(r, c->fd, FLUX_POLLIN, accept_cb, c);
    c->resume = flux_timer_watcher_create(r, ACCEPT_PAUSE, 0., resume_cb, c);
    if (!c->watcher || !c->resume)
        return util_error(e, "connector-local: %s", strerror(errno));
    flux_watcher_start(c->watcher);
    return 0;
}

static void stop_listening(void *arg)
{
    struct connector *c = arg;

    flux_msg_handler_delvec(c->handlers);
    flux_watcher_destroy(c->watcher);
    flux_watcher_destroy(c->resume);
    if (c->fd >= 0) {
        close(c->fd);
        unlink(c->path);
    }
    c->handlers = NULL;
    c->watcher = c->resume = NULL;
    c->fd = -1;
    c->h = NULL;
}

static void *begin(flux_t *h, void *arg, flux_error_t *e)
{
    struct connector *c = arg;

    c->h = h;
    if (configure(c, flux_get_conf(h), e) < 0 || start_listening(c, e) < 0) {
        stop_listening(c);
        return NULL;
    }
    if (flux_msg_handler_addvec(h, handlers, c, &c->handlers) < 0) {
        util_error(e, "connector-local: %s", strerror(errno));
        stop_listening(c);
        return NULL;
    }
    return c;
}

struct module_builtin connector_builtin(struct connector *c)
{
    return (struct module_builtin){"connector-local", begin, stop_listening, c};
}

struct connector *connector_create(struct link_set *links, const char *path)
{
    struct connector *c = calloc(1, sizeof(*c));

    if (!c || !(c->path = strdup(path))) {
        free(c);
        return NULL;
    }
    c->links = links;
    c->fd = -1;
    c->owner = getuid();
    list_init(&c->clients);
    return c;
}

void connector_destroy(struct connector *c)
{
    int saved_errno = errno;

    if (!c)
        return;
    while (!list_empty(&c->clients))
        client_destroy(LIST_ENTRY(c->clients.next, struct client, link));
    stop_listening(c);
    free(c->path);
    free(c);
    errno = saved_errno;
}
