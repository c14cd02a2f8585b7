/* stuck.c - a module that is in the middle of something, and stays there
 *
 * The argument says in what: `main`, mod_main itself; `handler`; `rpc`, a call
 * that it waits for in a handler; `all`, many of them; `then`, a continuation;
 * `timer`, a watcher; `nested`, a handler of a loop that a handler runs; `log`
 * and `send`, messages without end.  When it is there it publishes the event
 * `stuck`.  Of all that hangs on a handle it has made some, and frees none of
 * it unless mod_main comes to its end.
 */
#include <errno.h>
#include <flux/core.h>
#include <poll.h>
#include <string.h>

static void say(flux_t *h)
{
    flux_future_t *f = flux_event_publish(h, "stuck", 0, NULL);

    flux_future_get(f, NULL); /* what a handler sends may wait for its end */
    flux_future_destroy(f);
}

static void stay(flux_t *h)
{
    say(h);
    for (;;)
        poll(NULL, 0, -1);
}

/* Of what is never answered. */
static flux_future_t *ask(flux_t *h, const char *method)
{
    char topic[64] = "";

    strcat(topic, flux_aux_get(h, "flux::name"));
    strcat(topic, method);
    return flux_rpc(h, topic, NULL, FLUX_NODEID_ANY, 0);
}

static void
timer_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)w;
    (void)revents;
    if (arg)
        stay(arg);
}

static void continuation(flux_future_t *f, void *arg)
{
    (void)arg;
    stay(flux_future_get_flux(f));
}

static void be_in_rpc(flux_t *h)
{
    say(h);
    flux_rpc_get(ask(h, ".never"), NULL);
}

static void be_in_all(flux_t *h)
{
    flux_future_t *all = flux_future_wait_all_create();

    flux_future_set_flux(all, h);
    flux_future_push(all, "one", ask(h, ".never"));
    flux_future_push(all, "two", ask(h, ".never"));
    say(h);
    flux_future_get(all, NULL);
}

static void be_in_then(flux_t *h)
{
    flux_future_then(ask(h, ".nowhere"), -1., continuation, NULL);
}

static void be_in_timer(flux_t *h)
{
    flux_watcher_start(
        flux_timer_watcher_create(flux_get_reactor(h), 0.001, 0, timer_cb, h));
}

static void be_nested(flux_t *h)
{
    be_in_timer(h);
    flux_reactor_run(flux_get_reactor(h), 0);
}

/* These two never wait. */
static void be_logging(flux_t *h)
{
    say(h);
    for (;;)
        flux_log(h, LOG_DEBUG, "again");
}

static void be_sending(flux_t *h)
{
    say(h);
    for (;;)
        flux_future_destroy(flux_rpc(h, "log.none", NULL, FLUX_NODEID_ANY,
                                     FLUX_RPC_NORESPONSE));
}

static const struct {
    const char *where;
    void (*go)(flux_t *h);
} places[] = {
    {"handler", stay},    {"rpc", be_in_rpc},     {"all", be_in_all},
    {"then", be_in_then}, {"timer", be_in_timer}, {"nested", be_nested},
    {"log", be_logging},  {"send", be_sending},
};

static void
go_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    (void)msg;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (strcmp(places[i].where, arg) == 0)
            places[i].go(h);
}

static void
never_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)h;
    (void)mh;
    (void)msg;
    (void)arg;
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "go", go_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "never", never_cb, 0},
    {FLUX_MSGTYPE_EVENT, "stuck.none", never_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

static void make_some(flux_t *h)
{
    flux_reactor_t *r = flux_get_reactor(h);
    flux_future_t *f = ask(h, ".never");

    flux_watcher_start(
        flux_periodic_watcher_create(r, 0, 60, NULL, timer_cb, NULL));
    flux_watcher_start(flux_stat_watcher_create(r, "/", 60, timer_cb, NULL));
    flux_watcher_start(
        flux_handle_watcher_create(r, h, FLUX_POLLERR, timer_cb, NULL));
    flux_future_then(flux_future_and_then(f, continuation, NULL), 60.,
                     continuation, NULL);
}

int mod_main(flux_t *h, int argc, char **argv)
{
    flux_msg_handler_t **mh;

    if (argc != 1 ||
        flux_msg_handler_addvec_ex(h, flux_aux_get(h, "flux::name"), handlers,
                                   argv[0], &mh) < 0)
        return -1;
    make_some(h);
    if (strcmp(argv[0], "main") == 0)
        stay(h);
    flux_future_destroy(ask(h, ".go"));
    return flux_reactor_run(flux_get_reactor(h), 0);
}
