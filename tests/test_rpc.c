/* test_rpc.c - calls and answers over a socket pair, with a server in a thread
 *
 * The server takes one request after the other and answers by topic; those
 * that it keeps it answers, in reverse, when asked to release them.  With
 * `bench` as its argument the program measures calls a second instead.
 */
#include <pthread.h>
#include <unistd.h>

#include "handle.h"
#include "sys.h"
#include "tap.h"
#include "util.h"

static flux_t *client;

/* ---- server ------------------------------------------------------------- */

static void serve_incr(flux_t *h, const flux_msg_t *msg)
{
    int n;
    if (flux_request_unpack(msg, NULL, "{s:i}", "n", &n) < 0)
        flux_respond_error(h, msg, EPROTO, NULL);
    else
        flux_respond_pack(h, msg, "{s:i}", "n", n + 1);
}

static void serve_error(flux_t *h, const flux_msg_t *msg)
{
    const char *text = NULL;
    int errnum = 0;
    flux_request_unpack(msg, NULL, "{s:i s?s}", "errnum", &errnum, "text",
                        &text);
    flux_respond_error(h, msg, errnum, text);
}

static void serve_multi(flux_t *h, const flux_msg_t *msg)
{
    int count = 0;
    int i;
    if (!flux_msg_is_streaming(msg)) {
        flux_respond_error(h, msg, EPROTO, "not streaming");
        return;
    }
    flux_request_unpack(msg, NULL, "{s:i}", "count", &count);
    for (i = 0; i < count; i++)
        flux_respond_pack(h, msg, "{s:i}", "seq", i);
    flux_respond_error(h, msg, ENODATA, NULL);
}

/* Events before and after the response. */
static void serve_events(flux_t *h, const flux_msg_t *msg)
{
    static const char *const topics[] = {"e.1", "e.2", "e.3", "e.4"};
    size_t i;
    for (i = 0; i < UTIL_ARRAY_SIZE(topics); i++) {
        flux_msg_t *event = flux_event_encode(topics[i], NULL);
        if (i == 2)
            flux_respond(h, msg, NULL);
        flux_send_new(h, &event, 0);
    }
}

static void serve_raw(flux_t *h, const flux_msg_t *msg)
{
    const void *data;
    size_t size;
    flux_request_decode_raw(msg, NULL, &data, &size);
    flux_respond_raw(h, msg, data, (int)size);
}

static void serve_echo(flux_t *h, const flux_msg_t *msg)
{
    const char *s = NULL;
    flux_request_decode(msg, NULL, &s);
    flux_respond(h, msg, s);
}

struct method {
    const char *topic;
    void (*serve)(flux_t *h, const flux_msg_t *msg);
};

static const struct method methods[] = {
    {"t.incr", serve_incr},   {"t.error", serve_error},
    {"t.multi", serve_multi}, {"t.events", serve_events},
    {"t.rawecho", serve_raw}, {"t.echo", serve_echo},
};

static void serve(flux_t *h, const char *topic, const flux_msg_t *msg)
{
    size_t i;
    for (i = 0; i < UTIL_ARRAY_SIZE(methods); i++) {
        if (strcmp(topic, methods[i].topic) == 0) {
            methods[i].serve(h, msg);
            return;
        }
    }
    flux_respond_error(h, msg, ENOSYS, "unknown");
}

static void serve_kept(flux_t *h, struct flux_msglist *kept)
{
    const flux_msg_t *msg;
    while ((msg = flux_msglist_last(kept))) {
        flux_respond(h, msg, "{\"n\":1}");
        flux_msglist_delete(kept);
    }
}

static void *server_main(void *arg)
{
    flux_t *h = arg;
    struct flux_msglist *kept = flux_msglist_create();
    flux_msg_t *msg;
    while ((msg = flux_recv(h, FLUX_MATCH_REQUEST, 0))) {
        const char *topic = "";
        flux_msg_get_topic(msg, &topic);
        if (strcmp(topic, "t.keep") == 0) {
            flux_msglist_append(kept, msg);
        } else if (strcmp(topic, "t.release") == 0) {
            serve_kept(h, kept);
            flux_respond(h, msg, NULL);
        } else {
            serve(h, topic, msg);
        }
        flux_msg_decref(msg);
    }
    flux_msglist_destroy(kept);
    flux_close(h);
    return NULL;
}

/* ---- helpers ------------------------------------------------------------ */

static flux_future_t *call(const char *topic)
{
    return flux_rpc(client, topic, NULL, FLUX_NODEID_ANY, 0);
}

static flux_future_t *call_incr(int n)
{
    return flux_rpc_pack(client, "t.incr", FLUX_NODEID_ANY, 0, "{s:i}", "n", n);
}

static int result_of(flux_future_t *f)
{
    int n;
    return flux_rpc_get_unpack(f, "{s:i}", "n", &n) < 0 ? -errno : n;
}

/* What was kept is answered, and the answers have arrived after this. */
static void release_kept(void)
{
    flux_future_t *f = call("t.release");
    flux_future_get(f, NULL);
    flux_future_destroy(f);
}

static int run(void)
{
    return flux_reactor_run(flux_get_reactor(client), 0);
}

/* ---- one answer --------------------------------------------------------- */

static void test_bad_arguments(void)
{
    flux_msg_t *msg = flux_event_encode("a", NULL);
    errno = 0;
    ok(!flux_rpc(NULL, "a", NULL, 0, 0) && errno == EINVAL,
       "rpc refuses a NULL handle");
    errno = 0;
    ok(!flux_rpc(client, NULL, NULL, 0, 0) && errno == EINVAL, "a NULL topic");
    errno = 0;
    ok(!flux_rpc_raw(client, "a", "x", 1, 0, 0xff) && errno == EINVAL,
       "unknown flags");
    errno = 0;
    ok(!flux_rpc_message(client, NULL, 0, 0) && errno == EINVAL,
       "rpc_message refuses NULL");
    errno = 0;
    ok(!flux_rpc_message(client, msg, 0, 0) && errno == EINVAL,
       "and what is no request");
    errno = 0;
    ok(flux_respond(client, msg, NULL) < 0 && errno == EINVAL,
       "respond does so, too");
    errno = 0;
    ok(flux_respond(NULL, msg, NULL) < 0 && errno == EINVAL,
       "and refuses a NULL handle");
    flux_msg_destroy(msg);
}

static void test_get(void)
{
    const char *s = "";
    const void *data;
    size_t size;
    flux_future_t *f = flux_rpc(client, "t.echo", "{}", FLUX_NODEID_ANY, 0);
    ok(flux_rpc_get_matchtag(f) != FLUX_MATCHTAG_NONE, "a call has a matchtag");
    is_int(flux_rpc_get_nodeid(f), FLUX_NODEID_ANY, "and a nodeid");
    errno = 0;
    ok(flux_future_wait_for(f, 0.) < 0 && errno == ETIMEDOUT,
       "wait_for 0 times out");
    is_int(flux_rpc_get(f, &s), 0, "get waits");
    is_str(s, "{}", "and returns the payload");
    errno = 0;
    ok(flux_rpc_get_unpack(f, NULL) < 0 && errno == EINVAL,
       "get_unpack refuses a NULL format");
    flux_future_destroy(f);
    f = call("t.echo");
    ok(flux_rpc_get(f, &s) == 0 && !s, "no payload is NULL");
    flux_future_destroy(f);
    f = flux_rpc_raw(client, "t.rawecho", "a\0b", 3, FLUX_NODEID_ANY, 0);
    ok(flux_rpc_get_raw(f, &data, &size) == 0 && size == 3 &&
           memcmp(data, "a\0b", 3) == 0,
       "raw payloads come through");
    flux_future_destroy(f);
    f = call_incr(41);
    is_int(result_of(f), 42, "so does JSON");
    flux_future_destroy(f);
}

static void test_message(void)
{
    flux_msg_t *msg = flux_request_encode("t.incr", "{\"n\":1}");
    flux_future_t *f = flux_rpc_message(client, msg, 3, 0);
    uint32_t tag;
    is_int(result_of(f), 2, "rpc_message sends a request made before");
    is_int(flux_rpc_get_nodeid(f), 3, "to the given rank");
    flux_msg_get_matchtag(msg, &tag);
    is_int(tag, FLUX_MATCHTAG_NONE, "and leaves it as it was");
    flux_msg_destroy(msg);
    flux_future_destroy(f);
}

static void test_error(void)
{
    char text[400];
    flux_future_t *f;
    memset(text, 'e', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    f = flux_rpc_pack(client, "t.error", FLUX_NODEID_ANY, 0, "{s:i s:s}",
                      "errnum", 69, "text", text);
    errno = 0;
    ok(flux_rpc_get(f, NULL) < 0 && errno == 69, "an error response fails get");
    is_str(flux_future_error_string(f), text, "with its whole text");
    flux_future_destroy(f);
    f = flux_rpc_pack(client, "t.error", FLUX_NODEID_ANY, 0, "{s:i}", "errnum",
                      ENOTDIR);
    flux_future_get(f, NULL);
    is_str(flux_future_error_string(f), flux_strerror(ENOTDIR),
           "or that of its number");
    flux_future_destroy(f);
    f = call("t.error");
    errno = 0;
    ok(flux_future_get(f, NULL) < 0 && errno == EINVAL,
       "respond_error 0 is EINVAL");
    flux_future_destroy(f);
    f = call("t.multi");
    errno = 0;
    ok(flux_future_get(f, NULL) < 0 && errno == EPROTO,
       "a call that should stream is refused");
    flux_future_destroy(f);
}

static void test_noresponse(void)
{
    flux_future_t *f =
        flux_rpc(client, "t.echo", NULL, FLUX_NODEID_ANY, FLUX_RPC_NORESPONSE);
    ok(flux_future_is_ready(f), "a call without response is fulfilled");
    is_int(flux_rpc_get_matchtag(f), FLUX_MATCHTAG_NONE, "has no matchtag");
    errno = 0;
    ok(flux_rpc_get(f, NULL) < 0 && errno == EINVAL, "and no result");
    flux_future_destroy(f);
    release_kept();
    ok(!flux_recv(client, FLUX_MATCH_ANY, FLUX_O_NONBLOCK),
       "the server sends none");
}

static void test_timeout(void)
{
    flux_future_t *f = call("t.keep");
    errno = 0;
    ok(flux_future_wait_for(f, 0.001) < 0 && errno == ETIMEDOUT,
       "a wait that is too long ends");
    release_kept();
    is_int(result_of(f), 1, "the call is still good");
    flux_future_destroy(f);
}

static void test_order(void)
{
    flux_future_t *f = call("t.events");
    const char *want[] = {"e.1", "e.2", "e.3", "e.4"};
    size_t i;
    is_int(flux_future_get(f, NULL), 0, "a response among events is found");
    for (i = 0; i < UTIL_ARRAY_SIZE(want); i++) {
        flux_msg_t *msg = flux_recv(client, FLUX_MATCH_EVENT, 0);
        const char *topic = NULL;
        flux_msg_get_topic(msg, &topic);
        is_str(topic, want[i], "which stay in order");
        flux_msg_decref(msg);
    }
    flux_future_destroy(f);
}

static void test_any_order(void)
{
    flux_future_t *f1 = call("t.keep");
    flux_future_t *f2 = call("t.keep");
    flux_future_t *f3 = call_incr(1);
    release_kept();
    is_int(result_of(f1), 1, "calls may be waited for");
    is_int(result_of(f3), 2, "in another order");
    is_int(result_of(f2), 1, "than they were answered in");
    flux_future_destroy(f1);
    flux_future_destroy(f2);
    flux_future_destroy(f3);
}

/* ---- in a reactor ------------------------------------------------------- */

static void add_result(flux_future_t *f, void *arg)
{
    *(int *)arg += result_of(f);
    flux_future_destroy(f);
}

static void test_then(void)
{
    int sum = 0;
    int i;
    flux_future_t *f;
    for (i = 0; i < 100; i++)
        flux_future_then(call_incr(0), -1., add_result, &sum);
    is_int(run(), 0, "the reactor ends with the last response");
    is_int(sum, 100, "each continuation ran");
    f = call_incr(0);
    flux_future_get(f, NULL);
    flux_future_then(f, -1., add_result, &sum);
    is_int(run(), 0, "then after get");
    is_int(sum, 101, "runs the continuation as well");
    f = call_incr(0);
    flux_future_then(f, -1., add_result, &sum);
    flux_future_get(f, NULL);
    is_int(run(), 0, "and so does get after then");
    is_int(sum, 102, "once");
}

static void keep_errno(flux_future_t *f, void *arg)
{
    *(int *)arg = flux_future_get(f, NULL) < 0 ? errno : 0;
}

static void test_then_timeout(void)
{
    flux_future_t *f = call("t.keep");
    int errnum = 0;
    flux_future_then(f, 0.001, keep_errno, &errnum);
    flux_watcher_unref(flux_get_handle_watcher(client));
    run();
    flux_watcher_ref(flux_get_handle_watcher(client));
    is_int(errnum, ETIMEDOUT, "a late response makes the timeout fulfil");
    flux_future_destroy(f);
    release_kept();
}

static void
ignore(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)h, (void)mh, (void)msg, (void)arg;
}

/* Let the dispatcher see what is in the handle's queue. */
static void dispatch_pending(void)
{
    flux_msg_handler_t *mh =
        flux_msg_handler_create(client, FLUX_MATCH_EVENT, ignore, NULL);
    flux_msg_handler_start(mh);
    while (handle_pending(client))
        flux_reactor_run(flux_get_reactor(client), FLUX_REACTOR_NOWAIT);
    flux_msg_handler_destroy(mh);
}

static void test_destroy_early(void)
{
    uint32_t before;
    flux_future_t *f;
    dispatch_pending();
    before = flux_matchtag_avail(client);
    f = call("t.keep");
    flux_future_destroy(f);
    is_int(flux_matchtag_avail(client), before - 1,
           "the matchtag of an open call stays in use");
    f = call_incr(1);
    is_int(result_of(f), 2, "other calls go on");
    flux_future_destroy(f);
    release_kept();
    dispatch_pending();
    is_int(flux_matchtag_avail(client), before,
           "until the response comes and is dropped");
    f = call("t.keep");
    flux_future_then(f, -1., keep_errno, NULL);
    flux_future_destroy(f);
    release_kept();
    is_int(run(), 0, "also where one waited for it in a reactor");
    dispatch_pending();
    is_int(flux_matchtag_avail(client), before, "the matchtag comes back");
}

static void test_loop_receives_first(void)
{
    flux_future_t *f;
    flux_get_handle_watcher(client);
    f = call("t.keep");
    release_kept();
    dispatch_pending();
    is_int(result_of(f), 1,
           "a response that the loop receives is kept for its call");
    flux_future_destroy(f);
}

/* ---- streams ------------------------------------------------------------ */

static flux_future_t *call_multi(int count)
{
    return flux_rpc_pack(client, "t.multi", FLUX_NODEID_ANY, FLUX_RPC_STREAMING,
                         "{s:i}", "count", count);
}

static void test_stream_now(void)
{
    uint32_t before = flux_matchtag_avail(client);
    flux_future_t *f = call_multi(3);
    int count = 0;
    int seq = -1;
    while (flux_rpc_get_unpack(f, "{s:i}", "seq", &seq) == 0 && seq == count) {
        count++;
        flux_future_reset(f);
    }
    ok(count == 3 && errno == ENODATA, "three responses, then the end");
    flux_future_reset(f);
    errno = 0;
    ok(flux_future_get(f, NULL) < 0 && errno == EDEADLK,
       "nothing comes behind it");
    is_int(flux_matchtag_avail(client), before - 1, "the matchtag is kept");
    flux_future_destroy(f);
    is_int(flux_matchtag_avail(client), before, "and freed with the future");
}

static void stream_cb(flux_future_t *f, void *arg)
{
    int *count = arg;
    int seq;
    if (flux_rpc_get_unpack(f, "{s:i}", "seq", &seq) == 0 && seq == *count) {
        ++*count;
        flux_future_reset(f);
        return;
    }
    if (errno == ENODATA)
        *count += 1000;
    flux_future_destroy(f);
}

static void test_stream_then(void)
{
    int count = 0;
    flux_future_t *f = call_multi(300);
    flux_future_then(f, -1., stream_cb, &count);
    is_int(run(), 0, "the reactor ends with the stream");
    is_int(count, 1300, "each response and the end were seen, in order");
    count = 1;
    f = call_multi(5);
    is_int(flux_future_get(f, NULL), 0, "a stream may begin with get");
    flux_future_reset(f);
    flux_future_then(f, -1., stream_cb, &count);
    is_int(run(), 0, "and go on in a reactor");
    is_int(count, 1005, "nothing is lost between");
}

static void test_stream_destroy_early(void)
{
    uint32_t before = flux_matchtag_avail(client);
    flux_future_t *f = call_multi(3);
    is_int(flux_future_get(f, NULL), 0, "one response is taken");
    flux_future_destroy(f);
    is_int(flux_matchtag_avail(client), before - 1, "the others are to come");
    release_kept();
    dispatch_pending();
    is_int(flux_matchtag_avail(client), before,
           "the matchtag is freed by the last");
}

/* ---- composites and chains ---------------------------------------------- */

static flux_future_t *call_all(void)
{
    flux_future_t *all = flux_future_wait_all_create();
    int i;
    flux_future_set_flux(all, client);
    for (i = 0; i < 10; i++)
        flux_future_push(all, NULL, call_incr(i));
    return all;
}

static int sum_of_children(flux_future_t *all)
{
    const char *name = flux_future_first_child(all);
    int sum = 0;
    for (; name; name = flux_future_next_child(all))
        sum += result_of(flux_future_get_child(all, name));
    return sum;
}

static void sum_children(flux_future_t *f, void *arg)
{
    *(int *)arg = sum_of_children(f);
    flux_future_destroy(f);
}

static void test_wait_all(void)
{
    flux_future_t *kept = call("t.keep");
    flux_future_t *all = call_all();
    int sum = 0;
    is_int(flux_future_get(all, NULL), 0, "wait_all gets many calls");
    is_int(sum_of_children(all), 55, "each with its own answer");
    flux_future_destroy(all);
    release_kept();
    is_int(result_of(kept), 1, "a response to another is left alone");
    flux_future_destroy(kept);
    flux_future_then(call_all(), -1., sum_children, &sum);
    is_int(run(), 0, "the same in the reactor");
    is_int(sum, 55, "with the same answers");
}

static void incr_again(flux_future_t *prev, void *arg)
{
    (void)arg;
    flux_future_continue(prev, call_incr(result_of(prev)));
    flux_future_destroy(prev);
}

static flux_future_t *call_thrice(void)
{
    flux_future_t *f = flux_future_and_then(call_incr(0), incr_again, NULL);
    return flux_future_and_then(f, incr_again, NULL);
}

static void test_chain(void)
{
    flux_future_t *f = call_thrice();
    int sum = 0;
    is_int(result_of(f), 3, "a chain of three calls");
    ok(flux_rpc_get_matchtag(f) != FLUX_MATCHTAG_NONE,
       "has the matchtag of the last");
    flux_future_destroy(f);
    flux_future_then(call_thrice(), -1., add_result, &sum);
    is_int(run(), 0, "the same in the reactor");
    is_int(sum, 3, "with the same result");
}

/* A call made and waited for by a handler, whose own replies are held back. */
static void call_inside(flux_future_t *f, void *arg)
{
    flux_future_t *inner = call_incr(result_of(f));
    *(int *)arg = result_of(inner);
    flux_future_destroy(inner);
    flux_future_destroy(f);
}

static void test_call_inside(void)
{
    int n = 0;
    flux_future_then(call_incr(1), -1., call_inside, &n);
    is_int(run(), 0, "a continuation may wait for a call");
    is_int(n, 3, "which is answered");
}

/* ---- what goes out ------------------------------------------------------ */

static void test_upstream(void)
{
    flux_t *h = flux_open("loop://", 0);
    flux_future_t *f;
    flux_msg_t *msg;
    uint32_t nodeid = 0;
    flux_attr_set_cacheonly(h, "rank", "7");
    f = flux_rpc(h, "a.b", NULL, FLUX_NODEID_UPSTREAM, 0);
    is_int(flux_rpc_get_nodeid(f), FLUX_NODEID_UPSTREAM,
           "the nodeid is the one given");
    msg = flux_recv(h, FLUX_MATCH_REQUEST, 0);
    flux_msg_get_nodeid(msg, &nodeid);
    is_int(nodeid, 7, "upstream of this rank");
    ok(flux_msg_has_flag(msg, FLUX_MSGFLAG_UPSTREAM), "says the flag");
    flux_msg_decref(msg);
    errno = 0;
    ok(flux_future_get(f, NULL) < 0 && errno == EDEADLK,
       "no one answers on loop://");
    flux_future_destroy(f);
    flux_close(h);
}

static void test_handle_goes_first(void)
{
    flux_t *h = flux_open("loop://", 0);
    flux_future_t *f = flux_rpc(h, "a.b", NULL, FLUX_NODEID_ANY, 0);
    flux_future_then(f, 60., keep_errno, NULL);
    flux_close(h);
    flux_future_destroy(f);
    ok(1, "a call may outlive the user's reference on its handle");
}

/* ---- speed -------------------------------------------------------------- */

static void bench_again(flux_future_t *f, void *arg)
{
    int *left = arg;
    flux_future_destroy(f);
    if (*left > 0) {
        --*left;
        flux_future_then(call("t.echo"), -1., bench_again, left);
    }
}

static void bench(void)
{
    enum { CALLS = 200000, WINDOW = 64 };
    int left = CALLS - WINDOW;
    int i;
    double start = util_monotime();
    for (i = 0; i < WINDOW; i++)
        flux_future_then(call("t.echo"), -1., bench_again, &left);
    run();
    printf("then: %.0f calls/s\n", CALLS / (util_monotime() - start));
    start = util_monotime();
    for (i = 0; i < CALLS / 10; i++) {
        flux_future_t *f = call("t.echo");
        flux_future_get(f, NULL);
        flux_future_destroy(f);
    }
    printf("get: %.0f calls/s\n", CALLS / 10 / (util_monotime() - start));
}

static void test_all(void)
{
    test_bad_arguments();
    test_get();
    test_message();
    test_error();
    test_noresponse();
    test_timeout();
    test_order();
    test_any_order();
    test_then();
    test_then_timeout();
    test_destroy_early();
    test_loop_receives_first();
    test_stream_now();
    test_stream_then();
    test_stream_destroy_early();
    test_wait_all();
    test_chain();
    test_call_inside();
    test_upstream();
    test_handle_goes_first();
}

int main(int argc, char **argv)
{
    pthread_t server;
    int fds[2];
    (void)argv;
    if (sys_socketpair(fds) < 0)
        return 1;
    client = handle_open_fd(fds[0], 0, false, NULL);
    if (pthread_create(&server, NULL, server_main,
                       handle_open_fd(fds[1], 0, false, NULL)) != 0)
        return 1;
    if (argc > 1)
        bench();
    else
        test_all();
    flux_close(client);
    pthread_join(server, NULL);
    return argc > 1 ? 0 : done();
}
