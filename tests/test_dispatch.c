/* test_dispatch.c - message handlers, the handle watcher, default methods */
#include <stdlib.h>
#include <unistd.h>

#include "../handle.h"
#include "../json.h"
#include "../sys.h"
#include "tap.h"

/* What happened, in order: one word a call. */
static char journal[512];

static void note(const char *word)
{
    size_t len = strlen(journal);

    snprintf(journal + len, sizeof(journal) - len, "%s%s", len ? " " : "",
             word);
}

static const char *journal_take(void)
{
    static char copy[sizeof(journal)];

    memcpy(copy, journal, sizeof(copy));
    journal[0] = '\0';
    return copy;
}

static void
note_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)h;
    (void)mh;
    (void)msg;
    note(arg);
}

static void
response_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    char line[400];
    const char *s = NULL;
    int errnum = 0;

    (void)h;
    (void)mh;
    (void)arg;
    flux_msg_get_errnum(msg, &errnum);
    if (errnum == 0)
        flux_response_decode(msg, NULL, &s);
    else
        flux_response_decode_error(msg, &s);
    snprintf(line, sizeof(line), "%d:%s", errnum, s ? s : "");
    note(line);
}

/* A started handler, for the caller to destroy. */
static flux_msg_handler_t *
add_own(flux_t *h, int type, const char *glob, flux_msg_handler_f cb, void *arg)
{
    struct flux_match match = {type, FLUX_MATCHTAG_NONE, glob};
    flux_msg_handler_t *mh = flux_msg_handler_create(h, match, cb, arg);

    flux_msg_handler_start(mh);
    return mh;
}

static void destroy_handler(void *arg)
{
    flux_msg_handler_destroy(arg);
}

/* The same, destroyed with the handle. */
static flux_msg_handler_t *
add(flux_t *h, int type, const char *glob, flux_msg_handler_f cb, void *arg)
{
    flux_msg_handler_t *mh = add_own(h, type, glob, cb, arg);

    flux_aux_set(h, NULL, mh, destroy_handler);
    return mh;
}

static void turn(flux_t *h)
{
    flux_reactor_run(flux_get_reactor(h), FLUX_REACTOR_NOWAIT);
    flux_reactor_run(flux_get_reactor(h), FLUX_REACTOR_NOWAIT);
}

static void send_message(flux_t *h, flux_msg_t *msg)
{
    if (flux_send_new(h, &msg, 0) < 0)
        flux_msg_destroy(msg);
}

/* Send through a loop:// handle, run, and tell what happened. */
static const char *ask(flux_t *h, const char *topic, const char *payload)
{
    send_message(h, flux_request_encode(topic, payload));
    turn(h);
    return journal_take();
}

static const char *
ask_as(flux_t *h, uint32_t rolemask, const char *topic, const char *payload)
{
    uint32_t owner = FLUX_ROLE_OWNER;
    const char *result;

    flux_opt_set(h, FLUX_OPT_TESTING_ROLEMASK, &rolemask, sizeof(rolemask));
    send_message(h, flux_request_encode(topic, payload));
    flux_opt_set(h, FLUX_OPT_TESTING_ROLEMASK, &owner, sizeof(owner));
    turn(h);
    result = journal_take();
    return result;
}

static const char *publish(flux_t *h, const char *topic)
{
    send_message(h, flux_event_encode(topic, NULL));
    turn(h);
    return journal_take();
}

static flux_t *open_loop(void)
{
    flux_t *h = flux_open("loop://", 0);

    add(h, FLUX_MSGTYPE_RESPONSE, NULL, response_cb, NULL);
    return h;
}

static void test_precedence(void)
{
    flux_t *h = open_loop();
    flux_msg_handler_t *old = add_own(h, 1, "x.y", note_cb, "old");
    flux_msg_handler_t *new = add_own(h, 1, "x.y", note_cb, "new");
    flux_msg_handler_t *glob = add_own(h, 1, "x.*", note_cb, "glob");
    flux_msg_handler_t *any = add_own(h, 1, NULL, note_cb, "any");

    is_str(ask(h, "x.y", NULL), "new", "the newest handler of the topic");
    flux_msg_handler_stop(new);
    is_str(ask(h, "x.y", NULL), "old", "the one before, if it is stopped");
    flux_msg_handler_start(new);
    is_str(ask(h, "x.y", NULL), "new", "and again the newest");
    is_str(ask(h, "x.z", NULL), "any", "else the newest that matches");
    flux_msg_handler_destroy(any);
    is_str(ask(h, "x.z", NULL), "glob", "or the one before");
    flux_msg_handler_destroy(new);
    flux_msg_handler_destroy(old);
    is_str(ask(h, "x.y", NULL), "glob", "no handler of the topic left");
    flux_msg_handler_destroy(glob);
    is_str(ask(h, "x.y", NULL), "38:Unknown service method 'x.y'", "nor any");
    flux_close(h);
}

static void test_unhandled(void)
{
    flux_t *h = open_loop();
    flux_msg_t *msg = flux_request_encode("x", NULL);

    flux_msg_set_noresponse(msg);
    send_message(h, msg);
    turn(h);
    is_str(journal_take(), "", "no answer to who wants none");
    send_message(h, flux_msg_create(FLUX_MSGTYPE_REQUEST));
    turn(h);
    is_str(journal_take(), "38:Unknown service method 'unknown'", "no topic");
    is_str(publish(h, "x"), "", "an event without a handler");
    flux_close(h);
}

static void test_roles(void)
{
    flux_t *h = open_loop();
    flux_msg_handler_t *mh =
        add(h, FLUX_MSGTYPE_REQUEST | FLUX_MSGTYPE_EVENT, "x", note_cb, "x");
    uint32_t guest = FLUX_ROLE_USER;

    is_str(ask_as(h, FLUX_ROLE_USER, "x", NULL),
           "1:Request requires owner credentials", "only for the owner");
    flux_msg_handler_allow_rolemask(mh, FLUX_ROLE_LOCAL);
    is_str(ask_as(h, FLUX_ROLE_USER, "x", NULL),
           "1:Request rejected due to insufficient privilege", "only for some");
    flux_msg_handler_allow_rolemask(mh, FLUX_ROLE_USER);
    is_str(ask_as(h, FLUX_ROLE_USER, "x", NULL), "x", "allowed");
    is_str(ask_as(h, 0, "x", NULL),
           "1:Request rejected due to insufficient privilege", "no role");
    flux_msg_handler_deny_rolemask(mh, FLUX_ROLE_ALL);
    is_str(ask(h, "x", NULL), "x", "the owner cannot be denied");
    flux_opt_set(h, FLUX_OPT_TESTING_ROLEMASK, &guest, sizeof(guest));
    is_str(publish(h, "x"), "", "a guest's event is dropped");
    flux_close(h);
}

static flux_msg_handler_t *victim;

static void
stop_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)h;
    (void)mh;
    (void)msg;
    (void)arg;
    note("stop");
    flux_msg_handler_stop(victim);
}

static void
destroy_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)h;
    (void)msg;
    (void)arg;
    note("destroy");
    flux_msg_handler_destroy(victim);
    flux_msg_handler_destroy(mh);
    victim = NULL;
}

static void test_events(void)
{
    flux_t *h = open_loop();
    flux_msg_handler_t *last =
        add_own(h, FLUX_MSGTYPE_EVENT, "e", note_cb, "1");

    add(h, FLUX_MSGTYPE_EVENT, "e*", note_cb, "2");
    is_str(publish(h, "e"), "2 1", "an event goes to all, newest first");
    victim = last;
    add(h, FLUX_MSGTYPE_EVENT, "e", stop_cb, NULL);
    is_str(publish(h, "e"), "stop 2", "one stopped meanwhile is left out");
    flux_msg_handler_start(last);
    victim = last;
    add_own(h, FLUX_MSGTYPE_EVENT, "e", destroy_cb, NULL);
    is_str(publish(h, "e"), "destroy stop 2", "so is one destroyed");
    is_str(publish(h, "e"), "stop 2", "the destroyer has gone, too");
    victim = add_own(h, FLUX_MSGTYPE_EVENT, "e", note_cb, "next");
    add_own(h, FLUX_MSGTYPE_EVENT, "e", destroy_cb, NULL);
    is_str(publish(h, "e"), "destroy stop 2", "it may be the very next");
    flux_close(h);
}

static void
close_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)msg;
    (void)arg;
    note("close");
    flux_msg_handler_destroy(mh);
    flux_close(h);
}

static void test_close_inside(void)
{
    flux_t *h = open_loop();
    flux_reactor_t *r = flux_reactor_create(0);
    flux_t *other = flux_open("loop://", 0);

    flux_set_reactor(other, r);
    add_own(other, 1, "c", close_cb, NULL);
    send_message(other, flux_request_encode("c", NULL));
    is_int(flux_reactor_run(r, 0), 0, "a handle closed by its handler");
    is_str(journal_take(), "close", "ends the loop");
    flux_reactor_destroy(r);
    flux_close(h);
}

static void test_outlives(void)
{
    flux_t *h = flux_open("loop://", 0);
    flux_msg_handler_t *mh = add_own(h, 1, "x", note_cb, "x");

    flux_close(h);
    flux_msg_handler_stop(mh);
    flux_msg_handler_start(mh);
    flux_msg_handler_destroy(mh);
    ok(true, "a handler may be destroyed after its handle");
}

static void test_tables(void)
{
    static const struct flux_msg_handler_spec table[] = {
        {FLUX_MSGTYPE_REQUEST, "m1", note_cb, 0},
        {FLUX_MSGTYPE_REQUEST, "*", note_cb, FLUX_ROLE_USER},
        {FLUX_MSGTYPE_EVENT, "ev", note_cb, 0},
        FLUX_MSGHANDLER_TABLE_END,
    };
    static const struct flux_msg_handler_spec broken[] = {
        {FLUX_MSGTYPE_REQUEST, "m3", note_cb, 0},
        {FLUX_MSGTYPE_REQUEST, "m4", NULL, 0},
        FLUX_MSGHANDLER_TABLE_END,
    };
    flux_t *h = open_loop();
    flux_msg_handler_t **handlers;

    is_int(flux_msg_handler_addvec_ex(h, "svc", table, "t", &handlers), 0,
           "a table of handlers");
    ok(handlers[2] && !handlers[3], "makes a NULL-terminated array");
    is_str(ask(h, "svc.m1", NULL), "t", "the service is part of the topic");
    is_str(ask_as(h, FLUX_ROLE_USER, "svc.m2", NULL), "t", "roles are set");
    is_str(publish(h, "svc.ev"), "t", "events too");
    is_str(publish(h, "ev"), "", "not without the service");
    flux_msg_handler_delvec(handlers);
    is_str(ask(h, "svc.m1", NULL), "38:Unknown service method 'svc.m1'",
           "delvec takes them away");
    ok(flux_msg_handler_addvec(h, broken, NULL, &handlers) < 0 &&
           errno == EINVAL,
       "a table with a hole is refused");
    is_str(ask(h, "m3", NULL), "38:Unknown service method 'm3'", "as a whole");
    ok(flux_msg_handler_addvec(h, table, NULL, NULL) < 0 && errno == EINVAL,
       "as is no place for the result");
    flux_close(h);
}

static void test_many(void)
{
    enum { MANY = 200 };
    flux_t *h = open_loop();
    char topics[MANY][16];

    for (int i = 0; i < MANY; i++) {
        snprintf(topics[i], sizeof(topics[i]), "m.%d", i);
        add(h, 1, topics[i], note_cb, topics[i]);
    }
    is_str(ask(h, "m.0", NULL), "m.0", "the first of 200 handlers");
    is_str(ask(h, "m.199", NULL), "m.199", "and the last");
    flux_close(h);
}

static void waiter_cb(const flux_msg_t *msg, void *arg)
{
    (void)msg;
    note(arg);
}

static void respond(flux_t *h, uint32_t matchtag)
{
    flux_msg_t *msg = flux_response_encode("r", NULL);

    flux_msg_set_matchtag(msg, matchtag);
    send_message(h, msg);
}

static void test_waiters(void)
{
    flux_t *h = open_loop();
    struct flux_match match = {FLUX_MSGTYPE_RESPONSE, 9, NULL};
    flux_msg_handler_t *mh = flux_msg_handler_create(h, match, note_cb, "nine");

    flux_msg_handler_start(mh);
    is_int(handle_response_add(h, 1000, waiter_cb, "thousand"), 0, "a waiter");
    ok(handle_response_add(h, 1000, waiter_cb, "") < 0 && errno == EEXIST,
       "one for each matchtag");
    ok(handle_response_add(h, 0, waiter_cb, "") < 0 && errno == EINVAL,
       "none for none");
    respond(h, 1000);
    respond(h, 9);
    respond(h, 10);
    turn(h);
    is_str(journal_take(), "thousand nine 0:", "each response to its own");
    handle_response_remove(h, 1000);
    handle_response_remove(h, 1000);
    handle_response_remove(h, 50000);
    respond(h, 1000);
    turn(h);
    is_str(journal_take(), "0:", "gone when removed");
    flux_msg_handler_destroy(mh);
    flux_close(h);
}

static void test_clone(void)
{
    flux_t *h = open_loop();
    flux_t *c = flux_clone(h);

    add(c, 1, "mine", note_cb, "clone");
    send_message(h, flux_request_encode("a", NULL));
    send_message(h, flux_request_encode("mine", NULL));
    send_message(h, flux_request_encode("b", NULL));
    turn(c);
    is_str(journal_take(), "clone", "a clone takes what it handles");
    is_int(flux_dispatch_requeue(c), 0, "and gives back");
    add(h, 1, NULL, note_cb, "any");
    add(h, 1, "a", note_cb, "a");
    turn(h);
    is_str(journal_take(), "a any", "the rest in order");
    ok(flux_dispatch_requeue(h) < 0 && errno == EINVAL, "for clones only");
    flux_close(c);
    flux_close(h);
}

/* ---- over a socketpair ------------------------------------------------------
 */

struct pair {
    flux_t *near; /* with the reactor and the handlers */
    flux_t *far;
};

static struct pair pair_open(void)
{
    struct pair p;
    int fds[2];

    sys_socketpair(fds);
    p.near = handle_open_fd(fds[0], 0, false, NULL);
    p.far = handle_open_fd(fds[1], 0, false, NULL);
    return p;
}

static void pair_close(struct pair p)
{
    flux_close(p.near);
    flux_close(p.far);
}

static void ask_far(struct pair p, const char *topic, uint32_t matchtag)
{
    flux_msg_t *msg = flux_request_encode(topic, NULL);

    flux_msg_set_matchtag(msg, matchtag);
    flux_msg_set_rolemask(msg, FLUX_ROLE_OWNER);
    send_message(p.far, msg);
}

/* Matchtag of the next message at the far end, 0 if there is none. */
static uint32_t far_tag(struct pair p)
{
    flux_msg_t *msg = flux_recv(p.far, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
    uint32_t tag = 0;

    if (msg)
        flux_msg_get_matchtag(msg, &tag);
    flux_msg_destroy(msg);
    return tag;
}

struct batch {
    int calls;
    int kept_back;  /* calls that found earlier responses not sent yet */
    int stop_after; /* calls; then stop the reactor */
};

static void
batch_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct batch *b = arg;

    (void)mh;
    b->kept_back += handle_queued(h) > 0;
    flux_respond(h, msg, NULL);
    if (++b->calls == b->stop_after)
        flux_reactor_stop(flux_get_reactor(h));
}

static void test_batch(void)
{
    enum { MANY = 200 };
    struct pair p = pair_open();
    struct batch b = {0, 0, MANY};
    bool in_order = true;

    add(p.near, 1, "b", batch_cb, &b);
    for (uint32_t i = 1; i <= MANY; i++)
        ask_far(p, "b", i);
    flux_reactor_run(flux_get_reactor(p.near), 0);
    is_int(b.calls, MANY, "200 requests");
    ok(b.kept_back > MANY / 2, "most responses leave together");
    is_int(handle_queued(p.near), 0, "all have left");
    for (uint32_t i = 1; i <= MANY; i++)
        in_order = in_order && far_tag(p) == i;
    ok(in_order, "in order");
    b = (struct batch){0, 0, 3};
    for (uint32_t i = 1; i <= 5; i++)
        ask_far(p, "b", i);
    flux_reactor_run(flux_get_reactor(p.near), 0);
    is_int(b.calls, 3, "a stopped reactor ends the batch");
    b.stop_after = 5;
    flux_reactor_run(flux_get_reactor(p.near), 0);
    is_int(b.calls, 5, "and another run takes the rest");
    pair_close(p);
}

static void answer_far(struct pair p, uint32_t matchtag)
{
    flux_msg_t *msg = flux_response_encode("far.away", NULL);

    flux_msg_set_matchtag(msg, matchtag);
    flux_msg_set_rolemask(msg, FLUX_ROLE_OWNER);
    send_message(p.far, msg);
}

/* The second request of a batch makes an RPC. */
static void
rpc_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct pair *p = arg;
    flux_future_t *f = flux_rpc(h, "far.away", NULL, FLUX_NODEID_ANY, 0);

    (void)mh;
    ok(handle_queued(h) > 0, "a response is kept back");
    answer_far(*p, flux_rpc_get_matchtag(f));
    is_int(flux_rpc_get(f, NULL), 0, "an RPC inside of a handler");
    is_int(far_tag(*p), 77, "has what was queued before it sent first");
    flux_future_destroy(f);
    flux_respond(h, msg, NULL);
    flux_reactor_stop(flux_get_reactor(h));
}

static void test_reentry(void)
{
    struct pair p = pair_open();
    struct batch b = {0, 0, 0};

    add(p.near, 1, "b", batch_cb, &b);
    add(p.near, 1, "rpc", rpc_cb, &p);
    ask_far(p, "b", 77);
    ask_far(p, "rpc", 78);
    ask_far(p, "b", 79);
    flux_reactor_run(flux_get_reactor(p.near), 0);
    is_int(b.calls, 1, "what came meanwhile waits");
    b.stop_after = 2;
    flux_reactor_run(flux_get_reactor(p.near), 0);
    is_int(b.calls, 2, "for its turn");
    pair_close(p);
}

static void
prepare_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct pair *p = arg;
    struct flux_match match = FLUX_MATCH_ANY;

    (void)r;
    (void)revents;
    match.topic_glob = "wanted";
    flux_msg_destroy(flux_recv(p->near, match, 0));
    flux_watcher_stop(w);
}

/* All is read by a prepare watcher that runs after the handle's own. */
static void test_wake(void)
{
    struct pair p = pair_open();
    flux_reactor_t *r = flux_get_reactor(p.near);
    struct batch b = {0, 0, 2};
    flux_watcher_t *w;

    add(p.near, 1, "b", batch_cb, &b);
    w = flux_prepare_watcher_create(r, prepare_cb, &p);
    flux_watcher_start(w);
    ask_far(p, "b", 1);
    ask_far(p, "wanted", 2);
    ask_far(p, "b", 3);
    flux_reactor_run(r, 0);
    is_int(b.calls, 2,
           "messages read behind the loop's back are not forgotten");
    flux_watcher_destroy(w);
    pair_close(p);
}

static void test_hangup(void)
{
    struct pair p = pair_open();

    add(p.near, 1, "b", note_cb, "b");
    flux_close(p.far);
    ok(flux_reactor_run(flux_get_reactor(p.near), 0) < 0 && errno == ECONNRESET,
       "the loop ends when the other end is gone");
    flux_close(p.near);
}

static void
watch_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    char word[16];

    (void)arg;
    snprintf(word, sizeof(word), "%d", revents);
    note(word);
    if (revents & FLUX_POLLIN)
        flux_msg_destroy(
            flux_recv(flux_handle_watcher_get_flux(w), FLUX_MATCH_ANY, 0));
    flux_reactor_stop(r);
}

static void test_watcher(void)
{
    struct pair p = pair_open();
    flux_reactor_t *r = flux_get_reactor(p.near);
    flux_watcher_t *w =
        flux_handle_watcher_create(r, p.near, FLUX_POLLIN, watch_cb, NULL);

    is_int(flux_reactor_run(r, 0), 0, "a stopped watcher holds no loop");
    flux_watcher_start(w);
    is_int(flux_reactor_run(r, FLUX_REACTOR_NOWAIT), 1, "a started one does");
    flux_watcher_unref(w);
    is_int(flux_reactor_run(r, 0), 0, "but not when unreferenced");
    flux_watcher_ref(w);
    ask_far(p, "a", 1);
    ask_far(p, "b", 2);
    flux_reactor_run(r, 0);
    is_str(journal_take(), "1", "called when readable");
    flux_reactor_run(r, 0);
    is_str(journal_take(), "1", "again for what was read along");
    flux_watcher_destroy(w);
    w = flux_handle_watcher_create(r, p.near, FLUX_POLLOUT, watch_cb, NULL);
    flux_watcher_start(w);
    flux_reactor_run(r, 0);
    is_str(journal_take(), "2", "called when writable");
    flux_watcher_destroy(w);
    pair_close(p);
}

/* ---- default methods
 * --------------------------------------------------------- */

static void test_ping(flux_t *h)
{
    char want[200];

    snprintf(want, sizeof(want),
             "0:{\"seq\": 1, \"pad\": \"x\", \"route\": \"!01234567\", "
             "\"userid\": %u, \"rolemask\": 1, \"rank\": 3}",
             (unsigned int)getuid());
    is_str(ask(h, "foo.ping", "{\"seq\":1,\"pad\":\"x\"}"), want, "ping");
    ok(strstr(ask_as(h, FLUX_ROLE_USER, "foo.ping", "{}"), "\"rolemask\": 2"),
       "ping by a guest");
    is_str(ask(h, "foo.ping", NULL), "71:", "ping without a payload");
    is_str(ask(h, "foo.ping", "{"), "71:", "ping with no JSON");
}

static void test_stats(flux_t *h)
{
    flux_clr_msgcounters(h);
    is_str(ask(h, "foo.stats-get", NULL),
           "0:{\"tx\":{\"request\":1,\"response\":0,\"event\":0,\"control\":0},"
           "\"rx\":{\"request\":1,\"response\":0,\"event\":0,\"control\":0}}",
           "stats-get");
    is_str(ask_as(h, FLUX_ROLE_USER, "foo.stats-clear", NULL),
           "1:Request requires owner credentials", "stats-clear by a guest");
    is_str(ask(h, "foo.stats-clear", NULL), "0:", "stats-clear");
    publish(h, "foo.stats-clear");
    is_str(ask(h, "foo.stats-get", NULL),
           "0:{\"tx\":{\"request\":1,\"response\":0,\"event\":0,\"control\":0},"
           "\"rx\":{\"request\":1,\"response\":0,\"event\":0,\"control\":0}}",
           "the event stats-clear");
}

static void test_rusage(flux_t *h)
{
    ok(strncmp(ask(h, "foo.rusage", NULL), "0:{\"utime\":", 11) == 0, "rusage");
    ok(strncmp(ask(h, "foo.rusage", "{\"who\":\"self\"}"),
               "0:{\"utime\":", 11) == 0,
       "rusage of self");
    ok(strncmp(ask(h, "foo.rusage", "{\"who\":\"children\"}"),
               "0:{\"utime\":0.0,\"stime\":0.0,\"maxrss\":0,", 38) == 0,
       "rusage of children");
    is_str(ask(h, "foo.rusage", "{\"who\":\"badopt\"}"),
           "22:badopt is unsupported", "rusage of whom it cannot tell");
}

static void test_debug(flux_t *h)
{
    is_str(ask(h, "foo.debug", "{\"op\":\"setbit\",\"flags\":4}"),
           "0:{\"flags\":4}", "debug setbit");
    is_str(ask(h, "foo.debug", "{\"op\":\"set\",\"flags\":255}"),
           "0:{\"flags\":255}", "debug set");
    is_str(ask(h, "foo.debug", "{\"op\":\"clrbit\",\"flags\":15}"),
           "0:{\"flags\":240}", "debug clrbit");
    ok(flux_module_debug_test(h, 0x10, true) &&
           !flux_module_debug_test(h, 0x10, false),
       "tested and cleared");
    is_str(ask(h, "foo.debug", "{\"op\":\"clr\",\"flags\":0}"),
           "0:{\"flags\":0}", "debug clr");
    is_str(ask(h, "foo.debug", "{\"op\":\"odd\",\"flags\":0}"),
           "71:", "debug with an unknown op");
    is_str(ask(h, "foo.debug", NULL), "71:", "debug without payload");
}

static void test_config(flux_t *h)
{
    int value = 0;

    is_str(ask(h, "foo.config-reload", "{\"a\":{\"b\":7}}"),
           "0:", "config-reload");
    is_int(
        flux_conf_unpack(flux_get_conf(h), NULL, "{s:{s:i}}", "a", "b", &value),
        0, "the new config is there");
    is_int(value, 7, "with its value");
    is_str(ask(h, "foo.config-reload", NULL),
           "71:Failed to parse foo.config-reload request",
           "config-reload without payload");
    is_str(ask(h, "foo.config-update", "{}"), "0:", "config-update");
}

static void test_methods(void)
{
    flux_t *h = open_loop();
    flux_msg_handler_t **handlers;

    flux_attr_set_cacheonly(h, "rank", "3");
    flux_aux_set(h, HANDLE_AUX_UUID, "01234567-89ab-cdef", NULL);
    is_int(flux_register_default_methods(h, "foo", &handlers), 0, "methods");
    test_ping(h);
    test_stats(h);
    test_rusage(h);
    test_debug(h);
    test_config(h);
    add(h, 1, "foo.ping", note_cb, "own");
    is_str(ask(h, "foo.ping", "{}"), "own", "a handler of one's own wins");
    flux_msg_handler_delvec(handlers);
    flux_close(h);
}

int main(void)
{
    test_precedence();
    test_unhandled();
    test_roles();
    test_events();
    test_close_inside();
    test_outlives();
    test_tables();
    test_many();
    test_waiters();
    test_clone();
    test_batch();
    test_reentry();
    test_wake();
    test_hangup();
    test_watcher();
    test_methods();
    return done();
}
