/* test_client.c - calls to the broker's services, and the log
 *
 * Requests are looked at on a loop:// handle, where they come back to their
 * sender.  Where a function waits for the answer, a thread at the other end of
 * a socket pair plays the broker.
 */
#include <pthread.h>

#include "handle.h"
#include "sys.h"
#include "tap.h"
#include "util.h"

static flux_t *loop;

/* The payload of the request that was sent last, or NULL. */
static const char *sent(const char *topic, flux_msg_t **msg)
{
    const char *got = NULL;
    const char *s = NULL;
    flux_msg_decref(*msg);
    *msg = flux_recv(loop, FLUX_MATCH_REQUEST, FLUX_O_NONBLOCK);
    if (!*msg || flux_request_decode(*msg, &got, &s) < 0 ||
        strcmp(got, topic) != 0)
        return NULL;
    return s;
}

static void drop(flux_future_t *f)
{
    ok(f != NULL, "the request is sent");
    flux_future_destroy(f);
}

/* ---- events and services ------------------------------------------------ */

static void test_publish(void)
{
    flux_msg_t *msg = NULL;
    uint32_t nodeid = 1;
    drop(flux_event_publish(loop, "a.b", 0, "hello"));
    is_str(sent("event.publish", &msg),
           "{\"topic\":\"a.b\",\"flags\":0,\"payload\":\"aGVsbG8A\"}",
           "publish sends the payload with its NUL as base64");
    flux_msg_get_nodeid(msg, &nodeid);
    is_int(nodeid, 0, "to rank 0");
    drop(flux_event_publish(loop, "a.b", FLUX_MSGFLAG_PRIVATE, NULL));
    is_str(sent("event.publish", &msg), "{\"topic\":\"a.b\",\"flags\":32}",
           "without payload, with flags");
    drop(flux_event_publish_pack(loop, "a.b", 0, "{s:i}", "x", 1));
    is_str(sent("event.publish", &msg),
           "{\"topic\":\"a.b\",\"flags\":0,\"payload\":\"eyJ4IjoxfQA=\"}",
           "publish_pack sends JSON");
    drop(flux_event_publish_raw(loop, "a.b", 0, "abc", 3));
    is_str(sent("event.publish", &msg),
           "{\"topic\":\"a.b\",\"flags\":0,\"payload\":\"YWJj\"}",
           "publish_raw sends bytes");
    errno = 0;
    ok(!flux_event_publish(loop, "a.b", 1, NULL) && errno == EINVAL,
       "publish refuses unknown flags");
    errno = 0;
    ok(!flux_event_publish(loop, NULL, 0, NULL) && errno == EINVAL,
       "and no topic");
    errno = 0;
    ok(!flux_event_publish_pack(loop, "a", 0, "[]") && errno == EINVAL,
       "publish_pack refuses a bad format");
    flux_msg_decref(msg);
}

static void test_requests(void)
{
    flux_msg_t *msg = NULL;
    drop(flux_service_register(loop, "svc"));
    is_str(sent("service.add", &msg), "{\"service\":\"svc\"}",
           "service_register");
    drop(flux_service_unregister(loop, "svc"));
    is_str(sent("service.remove", &msg), "{\"service\":\"svc\"}",
           "service_unregister");
    drop(flux_event_subscribe_ex(loop, "t", 0));
    is_str(sent("event.subscribe", &msg), "{\"topic\":\"t\"}",
           "event_subscribe_ex");
    drop(flux_event_unsubscribe_ex(loop, "t", FLUX_RPC_NORESPONSE));
    is_str(sent("event.unsubscribe", &msg), "{\"topic\":\"t\"}",
           "event_unsubscribe_ex");
    ok(flux_msg_is_noresponse(msg), "with flags of the call");
    flux_flags_set(loop, FLUX_O_TEST_NOSUB);
    is_int(flux_event_subscribe(loop, "t"), 0, "TEST_NOSUB mutes subscribe");
    is_int(flux_event_unsubscribe(loop, "t"), 0, "and unsubscribe");
    ok(!sent("", &msg) && !msg, "nothing is sent then");
    flux_flags_unset(loop, FLUX_O_TEST_NOSUB);
    errno = 0;
    ok(flux_event_subscribe(NULL, "t") < 0 && errno == EINVAL,
       "subscribe refuses NULL");
    errno = 0;
    ok(!flux_service_register(loop, NULL) && errno == EINVAL,
       "as register does");
}

/* ---- attributes --------------------------------------------------------- */

static int asked; /* of attr.get, counted by the server */

static void serve_attr_get(flux_t *h, const flux_msg_t *msg)
{
    const char *name = "";
    asked++;
    flux_request_unpack(msg, NULL, "{s:s}", "name", &name);
    if (strcmp(name, "size") == 0)
        flux_respond_pack(h, msg, "{s:s s:i}", "value", "4", "flags", 1);
    else if (strcmp(name, "broker.starttime") == 0)
        flux_respond_pack(h, msg, "{s:s s:i}", "value", "3.25", "flags", 1);
    else if (strcmp(name, "log-level") == 0)
        flux_respond_pack(h, msg, "{s:s s:i}", "value", "7", "flags", 0);
    else
        flux_respond_error(h, msg, ENOENT, NULL);
}

static void serve_attr_set(flux_t *h, const flux_msg_t *msg)
{
    int force = 0;
    flux_request_unpack(msg, NULL, "{s?b}", "force", &force);
    if (force)
        flux_respond(h, msg, NULL);
    else
        flux_respond_error(h, msg, EINVAL, "attribute may not be updated");
}

static void *server_main(void *arg)
{
    flux_t *h = arg;
    flux_msg_t *msg;
    while ((msg = flux_recv(h, FLUX_MATCH_REQUEST, 0))) {
        const char *topic = "";
        flux_msg_get_topic(msg, &topic);
        if (strcmp(topic, "attr.get") == 0)
            serve_attr_get(h, msg);
        else
            serve_attr_set(h, msg);
        flux_msg_decref(msg);
    }
    flux_close(h);
    return NULL;
}

static void test_attr_cache(flux_t *h)
{
    uint32_t n = 0;
    double starttime = 0.;
    ok(!flux_attr_cache_first(h), "the cache is empty at first");
    is_int(flux_get_size(h, &n), 0, "get_size asks for the attribute");
    is_int(n, 4, "and reads the number");
    is_int(flux_get_size(h, &n), 0, "what never changes");
    is_int(asked, 1, "is asked for once");
    is_str(flux_attr_cache_first(h), "size", "and listed in the cache");
    ok(!flux_attr_cache_next(h), "alone");
    is_str(flux_attr_get(h, "log-level"), "7", "another attribute");
    is_str(flux_attr_get(h, "log-level"), "7", "asked for twice");
    is_int(asked, 3, "is asked for each time");
    is_int(flux_get_instance_starttime(h, &starttime), 0, "starttime works");
    ok(starttime == 3.25, "with its fraction");
    is_int(flux_attr_set_cacheonly(h, "rank", "2"), 0, "cacheonly sets");
    ok(flux_get_rank(h, &n) == 0 && n == 2, "what get then finds");
    is_int(asked, 4, "without a call");
    flux_attr_set_cacheonly(h, "rank", NULL);
    errno = 0;
    ok(flux_get_rank(h, &n) < 0 && errno == ENOENT,
       "cacheonly NULL takes it away");
}

static void test_attr_set(flux_t *h)
{
    flux_error_t e = {""};
    is_int(flux_attr_set_ex(h, "rank", "1", true, &e), 0, "force is sent");
    errno = 0;
    ok(flux_attr_set_ex(h, "rank", "1", false, &e) < 0 && errno == EINVAL,
       "a refused set fails");
    is_str(e.text, "attribute may not be updated", "in the broker's words");
    errno = 0;
    ok(flux_attr_set(h, "rank", NULL) < 0 && errno == EINVAL,
       "there is no unset");
    errno = 0;
    ok(flux_attr_set(NULL, "rank", "1") < 0 && errno == EINVAL,
       "set refuses NULL");
    errno = 0;
    ok(!flux_attr_get(h, NULL) && errno == EINVAL, "get, too");
}

static void test_attr(void)
{
    pthread_t server;
    flux_t *h;
    int fds[2];
    if (sys_socketpair(fds) < 0)
        return;
    h = handle_open_fd(fds[0], 0, false, NULL);
    pthread_create(&server, NULL, server_main,
                   handle_open_fd(fds[1], 0, false, NULL));
    test_attr_cache(h);
    test_attr_set(h);
    flux_close(h);
    pthread_join(server, NULL);
}

/* ---- heartbeat ---------------------------------------------------------- */

static void beat(void)
{
    flux_msg_t *msg = flux_event_encode("heartbeat.pulse", NULL);
    flux_send_new(loop, &msg, 0);
}

static void count_beats(flux_future_t *f, void *arg)
{
    if (flux_future_get(f, NULL) == 0 && ++*(int *)arg < 3) {
        beat();
        flux_future_reset(f);
        return;
    }
    flux_reactor_stop(flux_future_get_reactor(f));
}

static void test_sync(void)
{
    flux_future_t *f = flux_sync_create(loop, 0.);
    flux_msg_t *msg = NULL;
    int beats = 0;
    is_str(sent("event.subscribe", &msg), "{\"topic\":\"heartbeat.pulse\"}",
           "sync subscribes");
    errno = 0;
    ok(flux_future_wait_for(f, 0.001) < 0 && errno == ETIMEDOUT,
       "and waits for a heartbeat");
    beat();
    is_int(flux_future_get(f, NULL), 0, "which fulfils it");
    flux_future_reset(f);
    beat();
    flux_future_then(f, -1., count_beats, &beats);
    flux_reactor_run(flux_get_reactor(loop), 0);
    is_int(beats, 3, "again after each reset");
    flux_future_destroy(f);
    is_str(sent("event.unsubscribe", &msg), "{\"topic\":\"heartbeat.pulse\"}",
           "destroy unsubscribes");
    flux_msg_decref(msg);
    f = flux_sync_create(loop, 60.);
    beat();
    beat();
    is_int(flux_future_get(f, NULL), 0, "the first heartbeat counts");
    flux_future_reset(f);
    ok(flux_future_wait_for(f, 0.001) < 0, "one too soon after it does not");
    flux_future_destroy(f);
    while ((msg = flux_recv(loop, FLUX_MATCH_ANY, FLUX_O_NONBLOCK)))
        flux_msg_decref(msg);
}

/* ---- disconnect, cancel ------------------------------------------------- */

static flux_msg_t *request_of(const char *sender,
                              uint32_t rolemask,
                              uint32_t userid,
                              uint32_t matchtag)
{
    flux_msg_t *msg = flux_request_encode("a.b", NULL);
    flux_msg_set_cred(msg, (struct flux_msg_cred){userid, rolemask});
    flux_msg_set_matchtag(msg, matchtag);
    flux_msg_pack(msg, "{s:i}", "matchtag", (int)matchtag);
    flux_msg_route_push(msg, sender);
    return msg;
}

static struct flux_msglist *three_requests(void)
{
    static const char *const senders[] = {"one", "two", "one"};
    struct flux_msglist *l = flux_msglist_create();
    uint32_t i;
    for (i = 0; i < 3; i++) {
        flux_msg_t *msg = request_of(senders[i], FLUX_ROLE_USER, 10, i + 1);
        flux_msglist_append(l, msg);
        flux_msg_decref(msg);
    }
    return l;
}

static int disconnect_as(struct flux_msglist *l,
                         const char *sender,
                         uint32_t rolemask,
                         uint32_t userid)
{
    flux_msg_t *msg = request_of(sender, rolemask, userid, 0);
    int n = flux_msglist_disconnect(l, msg);
    flux_msg_decref(msg);
    return n;
}

static void test_disconnect(void)
{
    struct flux_msglist *l = three_requests();
    is_int(disconnect_as(l, "other", FLUX_ROLE_OWNER, 10), 0,
           "a disconnect is for its sender's requests");
    is_int(disconnect_as(l, "one", FLUX_ROLE_USER, 11), 0, "of the same user");
    is_int(disconnect_as(l, "one", FLUX_ROLE_USER, 10), 2, "all of them");
    is_int(disconnect_as(l, "two", FLUX_ROLE_OWNER, 11), 1,
           "the owner may act for another user");
    is_int(flux_msglist_count(l), 0, "nothing is left");
    flux_msglist_destroy(l);
}

static void test_cancel(void)
{
    struct flux_msglist *l = three_requests();
    flux_msg_t *cancel = request_of("one", FLUX_ROLE_USER, 10, 2);
    flux_msg_t *msg;
    uint32_t tag = 0;
    int errnum = 0;
    is_int(flux_msglist_cancel(loop, l, cancel), 0,
           "cancel does not find another's matchtag");
    flux_msg_decref(cancel);
    cancel = request_of("one", FLUX_ROLE_USER, 10, 3);
    is_int(flux_msglist_cancel(loop, l, cancel), 1, "it finds its own");
    flux_msg_decref(cancel);
    msg = flux_recv(loop, FLUX_MATCH_RESPONSE, FLUX_O_NONBLOCK);
    flux_msg_get_matchtag(msg, &tag);
    flux_msg_get_errnum(msg, &errnum);
    ok(tag == 3 && errnum == ECANCELED, "which is answered with ECANCELED");
    is_int(flux_msglist_count(l), 2, "and taken off the list");
    flux_msg_decref(msg);
    flux_msglist_destroy(l);
}

/* ---- log ---------------------------------------------------------------- */

struct lines {
    int count;
    char last[600];
};

static void collect(const char *buf, int len, void *arg)
{
    struct lines *l = arg;
    l->count++;
    snprintf(l->last, sizeof(l->last), "%.*s", len, buf);
}

/* The line without its timestamp, which is checked to be one. */
static const char *without_time(char *line)
{
    char *start = strchr(line, ' ');
    char *end = start ? strchr(start + 1, ' ') : NULL;
    if (!end || end - start != 28 || end[-1] != 'Z' || start[11] != 'T')
        return "no timestamp";
    memmove(start, end, strlen(end) + 1);
    return line;
}

static void test_log_line(void)
{
    struct lines l = {0, ""};
    flux_attr_set_cacheonly(loop, "rank", "5");
    flux_log_set_redirect(loop, collect, &l);
    flux_log_set_appname(loop, "app name");
    flux_log_set_procid(loop, "42");
    errno = EXDEV;
    is_int(flux_log(loop, LOG_INFO, "hello %d", 1), 0, "flux_log works");
    is_int(errno, EXDEV, "and keeps errno");
    is_str(without_time(l.last), "<48>1 5 app_name 42 - - hello 1",
           "severity, rank, name, id and text");
    flux_log_set_hostname(loop, "host");
    flux_log(loop, LOG_ERR | LOG_LOCAL3, "x");
    is_str(without_time(l.last), "<24>1 host app_name 42 - - x",
           "a host name instead of the rank; no facility");
    flux_log_set_hostname(loop, NULL);
    errno = ENOENT;
    flux_log_error(loop, "path");
    is_int(errno, ENOENT, "flux_log_error keeps errno");
    is_str(without_time(l.last),
           "<24>1 5 app_name 42 - - path: No such file or directory",
           "and says what it means");
}

static void test_log_texts(void)
{
    struct lines l = {0, ""};
    char longer[100001];
    flux_log_set_redirect(loop, collect, &l);
    flux_log(loop, LOG_INFO, "\none\n\ntwo\nthree\n");
    is_int(l.count, 3, "a line each, empty ones left out");
    is_str(without_time(l.last), "<48>1 5 app_name 42 - - three", "in order");
    flux_log(loop, LOG_INFO, "%s", "");
    is_int(l.count, 4, "an empty text is one line");
    memset(longer, 'a', sizeof(longer));
    longer[sizeof(longer) - 1] = '\0';
    is_int(flux_log(loop, LOG_INFO, "%s", longer), 0, "a long one is, too");
    is_int(l.count, 5, "uncut");
    flux_log_set_appname(loop, longer);
    flux_log(loop, LOG_INFO, "x");
    is_int(strlen(without_time(l.last)), strlen("<48>1 5  42 - - x") + 48,
           "a name is cut at 48 characters");
    flux_log_set_redirect(loop, NULL, NULL);
}

static void test_log_request(void)
{
    flux_msg_t *msg;
    const char *topic = NULL;
    const void *data;
    size_t size = 0;
    uint32_t tag = 1;
    flux_log(loop, LOG_INFO, "hi");
    msg = flux_recv(loop, FLUX_MATCH_REQUEST, FLUX_O_NONBLOCK);
    flux_request_decode_raw(msg, &topic, &data, &size);
    is_str(topic, "log.append", "the log goes to the broker");
    ok(size > 2 && memcmp((const char *)data + size - 2, "hi", 2) == 0,
       "without a NUL");
    flux_msg_get_matchtag(msg, &tag);
    ok(tag == FLUX_MATCHTAG_NONE && !flux_msg_is_noresponse(msg),
       "as a request without a matchtag");
    flux_msg_decref(msg);
    is_int(flux_log(NULL, LOG_INFO, "# to stderr"), 0,
           "without a handle it goes to stderr");
}

int main(void)
{
    loop = flux_open("loop://", 0);
    test_publish();
    test_requests();
    test_attr();
    test_sync();
    test_disconnect();
    test_cancel();
    test_log_line();
    test_log_texts();
    test_log_request();
    flux_close(loop);
    return done();
}
