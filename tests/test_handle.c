/* test_handle.c - flux_t: queueing, matching, clones, sockets, flux_open() */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../handle.h"
#include "../stream.h"
#include "../sys.h"
#include "../util.h"
#include "tap.h"

static void send_request(flux_t *h, const char *topic)
{
    flux_msg_t *msg = flux_request_encode(topic, NULL);

    if (flux_send_new(h, &msg, 0) < 0)
        flux_msg_destroy(msg);
}

/* Topic of the next message that is there, to be compared at once. */
static const char *next_topic(flux_t *h, const char *glob)
{
    static char topic[64];
    struct flux_match match = FLUX_MATCH_ANY;
    flux_msg_t *msg;
    const char *s;

    match.topic_glob = glob;
    if (!(msg = flux_recv(h, match, FLUX_O_NONBLOCK)))
        return NULL;
    flux_msg_get_topic(msg, &s);
    snprintf(topic, sizeof(topic), "%s", s);
    flux_msg_destroy(msg);
    return topic;
}

static void test_queue(void)
{
    flux_t *h = flux_open("loop://", 0);
    flux_msg_t *msg;

    ok(h, "loop:// opens");
    ok(!next_topic(h, NULL) && errno == EAGAIN, "an empty loop has nothing");
    is_int(flux_pollevents(h), FLUX_POLLOUT, "and is writable");
    send_request(h, "a");
    send_request(h, "b");
    send_request(h, "c");
    send_request(h, "d");
    is_int(flux_pollevents(h), FLUX_POLLOUT | FLUX_POLLIN, "now readable too");
    is_str(next_topic(h, "c"), "c", "a match passes over others");
    ok(!next_topic(h, "x"), "what is not there is not found");
    is_str(next_topic(h, NULL), "a", "those passed over keep their order (1)");
    send_request(h, "e");
    is_str(next_topic(h, NULL), "b", "those passed over keep their order (2)");
    msg = flux_request_encode("first", NULL);
    is_int(flux_requeue(h, msg, FLUX_RQ_HEAD), 0, "requeue at the head");
    is_int(flux_requeue(h, msg, FLUX_RQ_TAIL), 0, "and again at the tail");
    flux_msg_destroy(msg);
    is_str(next_topic(h, NULL), "first", "the head comes first");
    is_str(next_topic(h, NULL), "d", "then what was there");
    is_str(next_topic(h, NULL), "first", "the tail comes before the unread");
    is_str(next_topic(h, NULL), "e", "the unread comes last");
    send_request(h, "left");
    flux_close(h);
}

static void test_arguments(void)
{
    flux_t *h = flux_open("loop://", 0);
    flux_msg_t *msg = flux_request_encode("a", NULL);
    uint32_t value = 7;

    ok(flux_send(h, NULL, 0) < 0 && errno == EINVAL, "send NULL");
    ok(flux_send(h, msg, 0x1000) < 0 && errno == EINVAL, "send, odd flags");
    ok(!flux_recv(h, FLUX_MATCH_ANY, 0x1000) && errno == EINVAL, "recv, too");
    ok(flux_requeue(h, msg, 0) < 0 && errno == EINVAL, "requeue nowhere");
    flux_msg_incref(msg);
    ok(flux_send_new(h, &msg, 0) < 0 && errno == EINVAL,
       "send_new of what others hold");
    flux_msg_decref(msg);
    flux_msg_decref(msg);
    ok(flux_opt_set(h, "nosuch", &value, 4) < 0 && errno == EINVAL,
       "unknown option");
    ok(flux_opt_set(h, FLUX_OPT_TESTING_USERID, &value, 1) < 0, "odd size");
    ok(flux_reconnect(h) < 0 && errno == ENOSYS, "loop:// cannot reconnect");
    ok(!flux_aux_get(h, "nosuch") && errno == ENOENT, "aux: ENOENT");
    ok(!flux_open("loop://", 0x1000) && errno == EINVAL, "open, odd flags");
    flux_flags_set(h, FLUX_O_NONBLOCK | FLUX_O_RPCTRACK);
    is_int(flux_flags_get(h), FLUX_O_NONBLOCK, "RPCTRACK only when opening");
    flux_flags_unset(h, FLUX_O_NONBLOCK);
    is_int(flux_flags_get(h), 0, "flags unset");
    flux_close(h);
}

static void test_credentials(void)
{
    flux_t *h = flux_open("loop://", 0);
    struct flux_msg_cred cred = {0, 0};
    uint32_t userid = 42, rolemask = FLUX_ROLE_USER;
    flux_msg_t *msg;

    send_request(h, "a");
    msg = flux_recv(h, FLUX_MATCH_ANY, 0);
    flux_msg_get_cred(msg, &cred);
    ok(cred.userid == getuid() && cred.rolemask == FLUX_ROLE_OWNER,
       "loop:// makes the sender the owner");
    flux_msg_destroy(msg);
    flux_opt_set(h, FLUX_OPT_TESTING_USERID, &userid, sizeof(userid));
    flux_opt_set(h, FLUX_OPT_TESTING_ROLEMASK, &rolemask, sizeof(rolemask));
    send_request(h, "a");
    msg = flux_recv(h, FLUX_MATCH_ANY, 0);
    flux_msg_get_cred(msg, &cred);
    ok(cred.userid == 42 && cred.rolemask == FLUX_ROLE_USER,
       "or who the options say");
    flux_msg_destroy(msg);
    flux_close(h);
}

static void test_options(void)
{
    flux_t *h = flux_open("loop://", 0);
    uint32_t userid = 42, told = 0;
    int events = 0, major = -1, minor = -1, patch = -1;

    flux_opt_set(h, FLUX_OPT_TESTING_USERID, &userid, sizeof(userid));
    ok(flux_opt_get(h, FLUX_OPT_TESTING_USERID, &told, sizeof(told)) == 0 &&
           told == 42,
       "an option is as it was set");
    ok(flux_opt_get(h, FLUX_OPT_TESTING_USERID, &told, 1) < 0 &&
           errno == EINVAL,
       "its size is known");
    ok(flux_opt_get(h, "nosuch", &told, sizeof(told)) < 0 && errno == EINVAL,
       "so is what there is");
    ok(flux_opt_get(h, FLUX_OPT_POLLFD_EVENTS, &events, sizeof(events)) == 0 &&
           events == POLLIN,
       "the descriptor is polled for input");
    ok(flux_opt_get(h, FLUX_OPT_POLLFD_EVENTS, &events, 1) < 0 &&
           errno == EINVAL,
       "an int, no other size");
    ok(flux_opt_get(NULL, FLUX_OPT_TESTING_USERID, &told, sizeof(told)) < 0 &&
           errno == EINVAL,
       "no handle, no option");
    is_int(flux_core_version(&major, &minor, &patch), FLUX_CORE_VERSION_HEX,
           "the library's version is the header's");
    ok(((major << 16) | (minor << 8) | patch) == FLUX_CORE_VERSION_HEX,
       "in three numbers as in one");
    is_int(flux_core_version(NULL, NULL, NULL), FLUX_CORE_VERSION_HEX,
           "who wants them");
    flux_close(h);
}

static void count_call(void *arg)
{
    ++*(int *)arg;
}

static void close_it(void *arg)
{
    flux_close(arg);
}

static void test_closed_twice(void)
{
    flux_t *h = flux_open("loop://", 0);
    int destroyed = 0;

    flux_aux_set(h, "first", &destroyed, count_call);
    flux_aux_set(h, "second", h, close_it);
    flux_close(h);
    is_int(destroyed, 1, "a destructor may close its handle");
}

static void test_clone(void)
{
    flux_t *h = flux_open("loop://", 0);
    flux_t *c = flux_clone(h);
    flux_msgcounters_t counters;
    int destroyed = 0;
    uint32_t tag;

    is_int(flux_flags_get(c), FLUX_O_CLONE, "a clone says that it is one");
    flux_aux_set(h, "key", &destroyed, count_call);
    ok(!flux_aux_get(c, "key"), "a clone has its own aux");
    ok(flux_get_reactor(h) != flux_get_reactor(c), "and its own reactor");
    ok(flux_set_reactor(c, flux_get_reactor(h)) < 0 && errno == EEXIST,
       "which is not set twice");
    ok(flux_get_conf(h) && flux_get_conf(h) == flux_get_conf(h),
       "a config is there on demand");
    tag = flux_matchtag_alloc(h);
    ok(tag != FLUX_MATCHTAG_NONE && tag != flux_matchtag_alloc(c),
       "matchtags are common");
    send_request(c, "a");
    flux_get_msgcounters(h, &counters);
    is_int(counters.request_tx, 1, "counters too");
    is_str(next_topic(h, NULL), "a", "and the messages");
    flux_get_msgcounters(c, &counters);
    is_int(counters.request_rx, 1, "received ones are counted");
    flux_clr_msgcounters(h);
    flux_get_msgcounters(c, &counters);
    is_int(counters.request_rx, 0, "until cleared");
    flux_close(h);
    is_int(destroyed, 0, "the original lives as long as its clone");
    flux_close(c);
    is_int(destroyed, 1, "and no longer");
}

static void test_matchtags(void)
{
    enum { MANY = 3000 };
    flux_t *h = flux_open("loop://", 0);
    uint32_t before = flux_matchtag_avail(h);
    uint32_t first = flux_matchtag_alloc(h);
    static bool seen[MANY * 2];
    bool twice = false;

    is_int(first, 1, "tags start at 1");
    flux_matchtag_free(h, first);
    flux_matchtag_free(h, first);
    flux_matchtag_free(h, 99);
    is_int(flux_matchtag_avail(h), before, "freeing twice counts once");
    for (int i = 0; i < MANY; i++) {
        uint32_t tag = flux_matchtag_alloc(h);

        twice = twice || tag == 0 || tag >= MANY * 2 || seen[tag];
        seen[tag % (MANY * 2)] = true;
    }
    ok(!twice, "3000 outstanding tags differ, and are small");
    is_int(flux_matchtag_avail(h), before - MANY, "as many fewer are left");
    flux_matchtag_free(h, 1234);
    is_int(flux_matchtag_alloc(h), 1234, "a freed one is used again");
    flux_close(h);
}

/* ---- sockets ---------------------------------------------------------------
 */

static void open_pair(flux_t **a, flux_t **b, int flags)
{
    int fds[2];

    sys_socketpair(fds);
    *a = handle_open_fd(fds[0], flags, false, NULL);
    *b = handle_open_fd(fds[1], flags, false, NULL);
}

static void test_pair(void)
{
    flux_t *a, *b;
    flux_msg_t *msg;

    open_pair(&a, &b, 0);
    ok(a && b, "two handles over a socketpair");
    is_int(flux_pollevents(b), FLUX_POLLOUT, "nothing to read yet");
    send_request(a, "x");
    send_request(a, "y");
    ok(flux_pollevents(b) & FLUX_POLLIN, "now there is");
    is_str(next_topic(b, "y"), "y", "the second is taken first");
    ok(handle_pending(b), "the first is pending without a read");
    ok(flux_pollevents(b) & FLUX_POLLIN, "and shown by pollevents");
    is_str(next_topic(b, NULL), "x", "and still there");
    msg = handle_recv(b, FLUX_MATCH_ANY, 0.01);
    ok(!msg && errno == ETIMEDOUT, "handle_recv() gives up in time");
    send_request(a, "z");
    msg = handle_recv(b, FLUX_MATCH_ANY, 10);
    ok(msg, "or gets the message");
    flux_msg_destroy(msg);
    flux_close(a);
    ok(!flux_recv(b, FLUX_MATCH_ANY, 0) && errno == ECONNRESET,
       "ECONNRESET when the other end is gone");
    msg = flux_request_encode("x", NULL);
    ok(flux_send(b, msg, 0) < 0 && errno == EPIPE, "EPIPE for a send");
    ok(flux_pollevents(b) & FLUX_POLLERR, "POLLERR shows it");
    flux_msg_destroy(msg);
    flux_close(b);
}

static void test_cork(void)
{
    flux_t *a, *b;

    open_pair(&a, &b, 0);
    handle_cork(a, true);
    send_request(a, "one");
    send_request(a, "two");
    ok(handle_queued(a) > 0, "a corked handle queues");
    ok(!next_topic(b, NULL), "and sends nothing");
    handle_cork(a, false);
    is_int(handle_queued(a), 0, "until the cork is off");
    is_str(next_topic(b, NULL), "one", "then all comes, in order (1)");
    is_str(next_topic(b, NULL), "two", "then all comes, in order (2)");
    handle_cork(a, true);
    send_request(a, "three");
    ok(!handle_recv(a, FLUX_MATCH_ANY, 0) && errno == ETIMEDOUT,
       "who waits for an answer");
    is_str(next_topic(b, NULL), "three", "has its question sent");
    handle_cork(a, false);
    flux_close(a);
    flux_close(b);
}

enum { FLOOD = 2000, FLOOD_SIZE = 5000 };

/* Send all before reading any: with both ends doing so, neither may block for
 * good.
 */
static void *send_flood(void *arg)
{
    static const char data[FLOOD_SIZE];
    flux_t *h = arg;

    for (uint32_t i = 0; i < FLOOD; i++) {
        flux_msg_t *msg = flux_request_encode_raw("f", data, sizeof(data));

        flux_msg_set_matchtag(msg, i);
        flux_send_new(h, &msg, 0);
    }
    return NULL;
}

static intptr_t receive_flood(flux_t *h)
{
    intptr_t in_order = 0;

    for (uint32_t i = 0; i < FLOOD; i++) {
        flux_msg_t *msg = flux_recv(h, FLUX_MATCH_ANY, 0);
        uint32_t tag;

        if (msg && flux_msg_get_matchtag(msg, &tag) == 0 && tag == i)
            in_order++;
        flux_msg_destroy(msg);
    }
    return in_order;
}

static void *flood(void *arg)
{
    send_flood(arg);
    return (void *)receive_flood(arg);
}

static void test_flood(void)
{
    const struct stream_server client = {.address = "a client's"};
    flux_t *a, *b;
    pthread_t thread;
    void *result;
    int fds[2];

    sys_socketpair(fds);
    a = stream_create(fds[0], 0, &client);
    b = stream_create(fds[1], 0, &client);
    pthread_create(&thread, NULL, flood, b);
    is_int((intptr_t)flood(a), FLOOD, "10 MB both ways at once, this end");
    pthread_join(thread, &result);
    is_int((intptr_t)result, FLOOD, "and the other");
    flux_close(a);
    flux_close(b);
}

/* The broker, `a`, reads always: no need for a module to make room. */
static void test_module_flood(void)
{
    flux_t *a, *b;
    pthread_t thread;

    open_pair(&a, &b, 0);
    send_request(a, "x");
    pthread_create(&thread, NULL, send_flood, b);
    is_int(receive_flood(a), FLOOD, "10 MB from a module");
    pthread_join(thread, NULL);
    ok(!handle_pending(b), "which reads nothing while it waits for room");
    is_str(next_topic(b, NULL), "x", "but later");
    flux_close(a);
    flux_close(b);
}

static void test_nonblock(void)
{
    flux_t *a, *b;
    int sent = 0, received = 0;
    flux_msg_t *msg = flux_request_encode("n", NULL);

    open_pair(&a, &b, FLUX_O_NONBLOCK);
    while (sent < 1000000 && flux_send(a, msg, 0) == 0)
        sent++;
    ok(sent > 0 && sent < 1000000 && errno == EAGAIN,
       "a full socket refuses with EAGAIN");
    while (next_topic(b, NULL))
        received++;
    handle_flush_nonblock(a);
    while (next_topic(b, NULL))
        received++;
    is_int(received, sent, "what was accepted arrives, no more");
    flux_msg_destroy(msg);
    flux_close(a);
    flux_close(b);
}

static int on_comms_error(flux_t *h, void *arg)
{
    (void)h;
    ++*(int *)arg;
    return -1;
}

static void test_handshake(void)
{
    flux_error_t e = {""};
    int fds[2], calls = 0;
    char uri[32];
    flux_t *h = NULL;

    sys_socketpair(fds);
    snprintf(uri, sizeof(uri), "fd://%d", fds[1]);
    ok(write(fds[0], "", 1) == 1 && (h = flux_open_ex(uri, 0, &e)),
       "fd:// with a welcome byte");
    flux_comms_error_set(h, on_comms_error, &calls);
    ok(write(fds[0], "rubbishrubbish", 14) == 14 &&
           !flux_recv(h, FLUX_MATCH_ANY, 0) && errno == EPROTO,
       "rubbish is EPROTO");
    is_int(calls, 1, "and told to the comms_error callback");
    flux_close(h);
    close(fds[0]);

    sys_socketpair(fds);
    snprintf(uri, sizeof(uri), "fd://%d", fds[1]);
    ok(write(fds[0], "\1", 1) == 1 && !flux_open_ex(uri, 0, &e) &&
           errno == EPERM,
       "a byte that is not 0 is the errno");
    ok(strstr(e.text, "Operation not permitted"), "the text says so");
    close(fds[0]);
    ok(!flux_open_ex("fd://999", 0, &e) && errno == EBADF, "fd://999: EBADF");
    ok(!flux_open_ex("fd://x", 0, &e) && errno == EINVAL, "fd://x: EINVAL");
}

static void test_uris(void)
{
    flux_error_t e;
    char path[200];

    unsetenv("FLUX_URI");
    ok(!flux_open_ex(NULL, 0, &e) && errno == ENOENT, "no URI");
    is_str(e.text, "broker socket /run/flux/local was not found",
           "means the system instance");
    ok(!flux_open_ex("foo://x", 0, &e) && errno == ENOENT, "unknown scheme");
    is_str(e.text, "Unable to find connector name 'foo'", "is named");
    ok(!flux_open_ex("local://", 0, &e) && errno == EINVAL, "no path");
    memset(path, 'x', sizeof(path));
    memcpy(path, "local:///", 9);
    path[sizeof(path) - 1] = '\0';
    ok(!flux_open_ex(path, 0, &e) && errno == ENAMETOOLONG, "a long path");
    setenv("FLUX_HANDLE_USERID", "x", 1);
    ok(!flux_open_ex("loop://", 0, &e) && strstr(e.text, "FLUX_HANDLE_USERID"),
       "a bad FLUX_HANDLE_USERID is named");
    unsetenv("FLUX_HANDLE_USERID");
}

/* A shell takes the host's name for a script's, and says that it is none. */
static void test_ssh(void)
{
    flux_error_t e;

    setenv("FLUX_SSH", "sh", 1);
    ok(!flux_open_ex("ssh://no-such-script/x", 0, &e) && errno == ECONNRESET,
       "ssh:// without a connection");
    ok(strstr(e.text, "no-such-script") && !strstr(e.text, "welcome"),
       "what ssh said is the error's text");
    unsetenv("FLUX_SSH");
}

/* Accept one client and give it `answer` before it asks. */
static void *serve(void *arg)
{
    int *fds = arg;
    int fd = accept(fds[0], NULL, NULL);
    char answer = (char)fds[1];

    if (write(fd, &answer, 1) != 1)
        close(fd);
    fds[2] = fd;
    return NULL;
}

static flux_t *connect_with(int fds[3], const char *uri, flux_error_t *e)
{
    pthread_t thread;
    flux_t *h;

    pthread_create(&thread, NULL, serve, fds);
    h = flux_open_ex(uri, 0, e);
    pthread_join(thread, NULL);
    return h;
}

static int reconnect_with(int fds[3], flux_t *h)
{
    pthread_t thread;
    int rc;

    pthread_create(&thread, NULL, serve, fds);
    rc = flux_reconnect(h);
    pthread_join(thread, NULL);
    return rc;
}

static void test_reconnect(int fds[3], flux_t *client)
{
    flux_t *server;

    is_int(reconnect_with(fds, client), 0, "what is lost is connected anew");
    util_set_nonblock(fds[2], true);
    server = handle_open_fd(fds[2], 0, false, NULL);
    send_request(client, "again");
    is_str(next_topic(server, NULL), "again", "and used as before");
    flux_close(server);
    fds[1] = EPERM;
    ok(reconnect_with(fds, client) < 0 && errno == EPERM, "or refused");
    close(fds[2]);
    fds[1] = 0;
}

static void test_local(void)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char dir[] = "/tmp/test_handle.XXXXXX";
    char uri[sizeof(addr.sun_path) + 16];
    uint32_t userid = 42;
    flux_error_t e;
    int fds[3] = {socket(AF_UNIX, SOCK_STREAM, 0), 0, -1};
    flux_t *client, *server;
    flux_msg_t *msg;

    ok(mkdtemp(dir), "a folder for the socket");
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/s", dir);
    snprintf(uri, sizeof(uri), "local://%s", addr.sun_path);
    if (bind(fds[0], (struct sockaddr *)&addr, sizeof(addr)) < 0)
        perror("bind");
    ok(!flux_open_ex(uri, 0, &e) && errno == ECONNREFUSED &&
           strstr(e.text, addr.sun_path),
       "a socket on which no one listens");
    listen(fds[0], 5);
    ok((client = connect_with(fds, uri, &e)), "local:// connects");
    util_set_nonblock(fds[2], true);
    server = handle_open_fd(fds[2], 0, false, NULL);
    flux_opt_set(client, FLUX_OPT_TESTING_USERID, &userid, sizeof(userid));
    send_request(client, "as42");
    msg = flux_recv(server, FLUX_MATCH_ANY, 0);
    userid = 0;
    flux_msg_get_userid(msg, &userid);
    is_int(userid, 42, "FLUX_OPT_TESTING_USERID goes out in the frame");
    flux_msg_destroy(msg);
    flux_close(server);
    test_reconnect(fds, client);
    flux_close(client);
    fds[1] = EPERM;
    ok(!connect_with(fds, uri, &e) && errno == EPERM, "a client refused");
    close(fds[2]);
    close(fds[0]);
    unlink(addr.sun_path);
    rmdir(dir);
}

int main(void)
{
    test_queue();
    test_arguments();
    test_credentials();
    test_options();
    test_closed_twice();
    test_clone();
    test_matchtags();
    test_pair();
    test_cork();
    test_flood();
    test_module_flood();
    test_nonblock();
    test_handshake();
    test_uris();
    test_ssh();
    test_local();
    return done();
}
