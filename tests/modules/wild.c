/* wild.c - a module, in a thread or in a process, that does what none should
 *
 * Arguments, looked at in mod_main before it runs:
 *     silent       waits for ever, in a call that may be cancelled
 *     spin         is busy for ever, in none
 *     load=PATH    loads PATH, waits for the answer, and goes on
 *
 * Method `do` {how, n?}, which is not answered but where that is said:
 *     segv, abort, exit        as the names say
 *     overflow                 calls itself until the stack is full
 *     spin                     is busy for ever
 *     close, garbage, cut      the end of its channel: closed, rubbish on it,
 *                              half a message on it; then it waits
 *     twice                    answers, and answers again, with an error
 *     stray                    answers n requests that no one has sent
 *     remove                   asks for its own removal, answers first
 *     flood                    publishes n events, then answers
 *     deaf                     waits until file {path} is there
 */
#include <errno.h>
#include <flux/core.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct wish {
    flux_t *h;
    const flux_msg_t *msg;
    const char *path;
    int n;
};

static void be_busy(struct wish *w)
{
    volatile int on = 1;

    (void)w;
    while (on)
        ;
}

static void be_silent(void)
{
    for (;;)
        pause();
}

static void be_segv(struct wish *w)
{
    volatile int *nowhere = NULL;

    (void)w;
    *nowhere = 1;
}

static int fall(volatile char *above, int depth)
{
    volatile char here[4096];

    here[0] = *above;
    return depth == 0 ? here[0] : fall(here, depth - 1) + here[0];
}

static void be_overflown(struct wish *w)
{
    volatile char top = 0;

    (void)w;
    fall(&top, 1 << 30);
}

static void be_aborted(struct wish *w)
{
    (void)w;
    abort();
}

static void be_ended(struct wish *w)
{
    (void)w;
    exit(3);
}

static void be_closed(struct wish *w)
{
    close(flux_pollfd(w->h));
    be_silent();
}

static void write_channel(struct wish *w, const char *data, size_t size)
{
    if (write(flux_pollfd(w->h), data, size) < 0)
        exit(9);
    be_silent();
}

static void be_garbage(struct wish *w)
{
    char junk[64];

    memset(junk, 'x', sizeof(junk));
    write_channel(w, junk, sizeof(junk));
}

/* The magic in this machine's byte order, and a length of 1 GiB. */
static void be_cut(struct wish *w)
{
    const unsigned magic = 0xffee0012;
    char head[8] = {0, 0, 0, 0, 0x40, 0, 0, 0};

    memcpy(head, &magic, 4);
    if (write(flux_pollfd(w->h), head, sizeof(head)) < 0)
        exit(9);
    close(flux_pollfd(w->h));
    be_silent();
}

static void be_twice(struct wish *w)
{
    flux_respond(w->h, w->msg, NULL);
    flux_respond_error(w->h, w->msg, EBUSY, "again");
}

static void be_stray(struct wish *w)
{
    flux_msg_t *copy = flux_msg_copy(w->msg, true);

    for (int i = 0; copy && i < w->n; i++) {
        flux_msg_set_matchtag(copy, (uint32_t)(1000 + i));
        flux_respond(w->h, copy, NULL);
    }
    flux_msg_destroy(copy);
    flux_respond(w->h, w->msg, NULL);
}

static void be_removed(struct wish *w)
{
    flux_future_t *f;

    flux_respond(w->h, w->msg, NULL);
    f = flux_rpc_pack(w->h, "module.remove", FLUX_NODEID_ANY,
                      FLUX_RPC_NORESPONSE, "{s:s}", "name",
                      (const char *)flux_aux_get(w->h, "flux::name"));
    flux_future_destroy(f);
}

static void be_flood(struct wish *w)
{
    for (int i = 0; i < w->n; i++)
        flux_future_destroy(flux_event_publish(w->h, "wild.flood", 0, "{}"));
    flux_respond(w->h, w->msg, NULL);
}

static void be_deaf(struct wish *w)
{
    while (access(w->path, F_OK) < 0)
        poll(NULL, 0, 1);
}

static const struct {
    const char *how;
    void (*run)(struct wish *w);
} ways[] = {
    {"segv", be_segv},       {"overflow", be_overflown},
    {"abort", be_aborted},   {"exit", be_ended},
    {"spin", be_busy},       {"close", be_closed},
    {"garbage", be_garbage}, {"cut", be_cut},
    {"twice", be_twice},     {"stray", be_stray},
    {"remove", be_removed},  {"flood", be_flood},
    {"deaf", be_deaf},
};

static void
wish_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct wish w = {h, msg, "/", 1};
    const char *how;

    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:s s?i s?s}", "how", &how, "n", &w.n,
                            "path", &w.path) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(ways[i].how, how) == 0)
            ways[i].run(&w);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "do", wish_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

static int load(flux_t *h, const char *path)
{
    flux_future_t *f = flux_rpc_pack(h, "module.load", FLUX_NODEID_ANY, 0,
                                     "{s:s s:[]}", "path", path, "args");
    int rc = f ? flux_rpc_get(f, NULL) : -1;

    flux_future_destroy(f);
    return rc;
}

static int begin(flux_t *h, const char *how)
{
    if (strcmp(how, "silent") == 0)
        be_silent();
    if (strcmp(how, "spin") == 0)
        be_busy(NULL);
    return strncmp(how, "load=", 5) == 0 ? load(h, how + 5) : 0;
}

int mod_main(flux_t *h, int argc, char **argv)
{
    flux_msg_handler_t **mh;
    int rc;

    if (argc > 0 && begin(h, argv[0]) < 0)
        return -1;
    if (flux_msg_handler_addvec_ex(h, flux_aux_get(h, "flux::name"), handlers,
                                   NULL, &mh) < 0)
        return -1;
    rc = flux_reactor_run(flux_get_reactor(h), 0);
    flux_msg_handler_delvec(mh);
    return rc;
}
