/* dying.c - a module that ends in every way that a process can
 *
 * Arguments, looked at in mod_main before it runs:
 *     exit0       exit(0)
 *     lines       thirty lines on stderr, exit(1)
 *     fail        return -1 with EIO, after a line on stderr
 *     hang        wait for ever
 *
 * Methods:
 *     wait        never answers
 *     ask         sends a request to {topic}, answers at once
 *     fds         the descriptors that are open, as a list
 *     die         {how}, never answers:
 *                 exit, exit3, segv, kill, abort; garbage and close on the
 *                 channel and go on living; fork, exit and leave a child that
 *                 holds the channel; spin for ever; deaf: spin, SIGTERM ignored
 */
#include <errno.h>
#include <fcntl.h>
#include <flux/core.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHANNEL = 3, DESCRIPTORS = 64 };

static void be_garbage(void)
{
    char junk[64];

    memset(junk, 'x', sizeof(junk));
    if (write(CHANNEL, junk, sizeof(junk)) < 0)
        exit(9);
    for (;;)
        pause();
}

static void be_closed(void)
{
    close(CHANNEL);
    for (;;)
        pause();
}

static void be_forked(void)
{
    if (fork() == 0)
        for (;;)
            pause();
    _exit(4);
}

static void be_busy(void)
{
    for (;;)
        poll(NULL, 0, 0);
}

static void be_deaf(void)
{
    signal(SIGTERM, SIG_IGN);
    be_busy();
}

static void be_ended(void)
{
    exit(0);
}

static void be_ended3(void)
{
    exit(3);
}

static void be_segv(void)
{
    raise(SIGSEGV);
}

static void be_killed(void)
{
    raise(SIGKILL);
}

static const struct {
    const char *how;
    void (*run)(void);
} ways[] = {
    {"exit", be_ended},   {"exit3", be_ended3}, {"segv", be_segv},
    {"kill", be_killed},  {"abort", abort},     {"garbage", be_garbage},
    {"close", be_closed}, {"fork", be_forked},  {"spin", be_busy},
    {"deaf", be_deaf},
};

static void
die(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *how;

    (void)h;
    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:s}", "how", &how) < 0)
        return;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (strcmp(ways[i].how, how) == 0)
            ways[i].run();
}

static void
ask(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *topic;
    flux_future_t *f = NULL;

    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:s}", "topic", &topic) == 0)
        f = flux_rpc(h, topic, NULL, FLUX_NODEID_ANY, 0);
    if (!f || flux_respond(h, msg, NULL) < 0)
        flux_respond_error(h, msg, errno, NULL);
}

static void wait_for_ever(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    (void)h;
    (void)mh;
    (void)msg;
    (void)arg;
}

static void
fds(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *list = json_array();

    (void)mh;
    (void)arg;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            json_array_append_new(list, json_integer(fd));
    flux_respond_pack(h, msg, "{s:o}", "fds", list);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "die", die, 0},
    {FLUX_MSGTYPE_REQUEST, "ask", ask, 0},
    {FLUX_MSGTYPE_REQUEST, "wait", wait_for_ever, 0},
    {FLUX_MSGTYPE_REQUEST, "fds", fds, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

static int begin(const char *how)
{
    if (strcmp(how, "exit0") == 0)
        exit(0);
    if (strcmp(how, "lines") == 0) {
        for (int i = 1; i <= 30; i++)
            fprintf(stderr, "line %d\n", i);
        exit(1);
    }
    if (strcmp(how, "hang") == 0)
        for (;;)
            pause();
    if (strcmp(how, "fail") != 0)
        return 0;
    fprintf(stderr, "the disk is on fire\n");
    errno = EIO;
    return -1;
}

int mod_main(flux_t *h, int argc, char **argv)
{
    const char *name = flux_aux_get(h, "flux::name");
    flux_msg_handler_t **mh;
    int rc;

    if (argc > 0 && begin(argv[0]) < 0)
        return -1;
    if (flux_msg_handler_addvec_ex(h, name, handlers, NULL, &mh) < 0)
        return -1;
    rc = flux_reactor_run(flux_get_reactor(h), 0);
    flux_msg_handler_delvec(mh);
    return rc;
}
