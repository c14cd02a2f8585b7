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
 * EMFILE.  Where even those are gone, the socket is left alone for a while
 * (listener.c).
 */
#include "connector.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access.h"
#include "listener.h"
#include "sys.h"
#include "util.h"

enum {
    RESERVE = 8,         /* descriptors: two processes may be starting */
    DEBUG_DENY_ONCE = 1, /* debug bits, as Flux's tests set them */
    DEBUG_GUEST_ONCE = 4,
};

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
    struct listener *listener; /* NULL while it is not loaded */
    flux_msg_handler_t **handlers;
    struct list clients;
    uint64_t connects;
    uid_t owner;
    rlim_t descriptors; /* the limit that this process was started with */
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
    if (c->listener)
        listener_start(c->listener);
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

/* 0: come in.  Nothing was sent before, so there is room for a byte; where the
 * system has no memory for it there is no use in waiting.
 */
static int answer(int fd, int errnum)
{
    unsigned char byte = (unsigned char)errnum;
    ssize_t n;

    while ((n = send(fd, &byte, 1, MSG_NOSIGNAL)) < 0 && errno == EINTR)
        ;
    return n < 0 ? -1 : 0;
}

static void refuse(int fd, int errnum)
{
    (void)answer(fd, errnum); /* it may be gone already */
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
    if (answer(fd, 0) < 0)
        client_destroy(client);
    return 0;
}

static rlim_t descriptor_limit(void)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? RLIM_INFINITY
                                                : limit.rlim_cur;
}

static bool is_near(rlim_t limit, int fd)
{
    return limit != RLIM_INFINITY && (rlim_t)fd + RESERVE >= limit;
}

/* The system gives the lowest that is free.  The limit may have been raised. */
static bool is_reserve(struct connector *c, int fd)
{
    if (!is_near(c->descriptors, fd))
        return false;
    c->descriptors = descriptor_limit();
    return is_near(c->descriptors, fd);
}

static void admit(int fd, void *arg)
{
    struct connector *c = arg;
    uid_t uid;
    pid_t pid;

    if (sys_peer_cred(fd, &uid, &pid) < 0)
        refuse(fd, errno);
    else if (is_reserve(c, fd))
        refuse(fd, EMFILE);
    else if (!roles_of(c, uid) || debug_bit(c, DEBUG_DENY_ONCE))
        refuse(fd, EPERM);
    else if (client_create(c, fd, uid, pid) < 0)
        refuse(fd, errno);
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

/* All may connect: who may come in, admit() decides. */
static int start_listening(struct connector *c, flux_error_t *e)
{
    c->listener = listener_create(flux_get_reactor(c->h), c->path,
                                  S_IRWXU | S_IRWXG | S_IRWXO, admit, c, e);
    if (!c->listener)
        return -1;
    listener_start(c->listener);
    return 0;
}

static void stop_listening(void *arg)
{
    struct connector *c = arg;

    flux_msg_handler_delvec(c->handlers);
    listener_destroy(c->listener);
    c->handlers = NULL;
    c->listener = NULL;
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
    c->owner = getuid();
    c->descriptors = descriptor_limit();
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
