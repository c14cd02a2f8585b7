/* testmod.c - a module that does on request whatever a test wants to see
 *
 * Arguments:
 *     --init-failure   mod_main fails with EIO before the module runs
 *     --exit           mod_main succeeds before the module runs
 *     --set-running    tells that it runs before it enters its reactor, which
 *                      it does when the file named next appears
 *     --late=FILE      waits for the file before it tells anything
 *     --service=NAME   registers NAME as a service of its own too
 *     anything else    is kept and shown by NAME.args
 *
 * Methods, all but the first three for the owner only:
 *     echo        answers with the request's payload
 *     args        {args: [...]}
 *     about       {thread, signals, rank, conf}: thread name, count of blocked
 *                 signals, attribute rank, configuration object
 *     wait        keeps the request, without an answer
 *     departed    {count}: disconnect messages that came
 *     stop        leaves the reactor and succeeds; does not answer
 *     die         leaves the reactor and fails with {errnum}; does not answer
 *     hang        never comes back, in a call that may be cancelled
 *     report      sends module.status {status} and answers as the broker did
 *     config-reload   a configuration with {"refuse": {NAME: TEXT}} is refused
 *                 with TEXT, one with {"ignore": {NAME: any}} is not answered
 *
 * Nothing is kept in globals, so that one file may be loaded many times.
 */
#include <flux/core.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct state {
    int argc;
    char **argv;
    int departed;
    int errnum; /* with which mod_main is to fail, or 0 */
};

static void
echo(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *payload;

    (void)mh;
    (void)arg;
    if (flux_request_decode(msg, NULL, &payload) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else
        flux_respond(h, msg, payload);
}

static void
args(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct state *s = arg;
    json_t *list = json_array();

    (void)mh;
    for (int i = 0; i < s->argc; i++)
        json_array_append_new(list, json_string(s->argv[i]));
    flux_respond_pack(h, msg, "{s:o}", "args", list);
}

static int count_blocked(void)
{
    sigset_t set;
    int count = 0;

    pthread_sigmask(SIG_SETMASK, NULL, &set);
    for (int i = 1; i < 32; i++)
        count += sigismember(&set, i) == 1;
    return count;
}

/* Under Linux the kernel's own word for it. */
static void thread_name(char *name, size_t size)
{
    FILE *f = fopen("/proc/thread-self/comm", "r");

    snprintf(name, size, "?");
    if (f && fgets(name, (int)size, f))
        name[strcspn(name, "\n")] = '\0';
    if (f)
        fclose(f);
}

static void
about(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    char thread[32];
    json_t *conf = NULL;

    (void)mh;
    (void)arg;
    thread_name(thread, sizeof(thread));
    flux_conf_unpack(flux_get_conf(h), NULL, "o", &conf);
    flux_respond_pack(h, msg, "{s:s s:i s:s? s:O?}", "thread", thread,
                      "signals", count_blocked(), "rank",
                      flux_attr_get(h, "rank"), "conf", conf);
}

static void
keep(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    (void)arg;
    flux_aux_set(h, NULL, (void *)flux_msg_incref(msg),
                 (flux_free_f)flux_msg_decref);
}

static void
disconnect(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct state *s = arg;

    (void)h;
    (void)mh;
    (void)msg;
    s->departed++;
}

static void
departed(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct state *s = arg;

    (void)mh;
    flux_respond_pack(h, msg, "{s:i}", "count", s->departed);
}

static void
stop(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    (void)msg;
    (void)arg;
    flux_reactor_stop(flux_get_reactor(h));
}

static void
die(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct state *s = arg;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:i}", "errnum", &s->errnum) == 0)
        flux_reactor_stop(flux_get_reactor(h));
}

static void
hang(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)h;
    (void)mh;
    (void)msg;
    (void)arg;
    for (;;)
        pause();
}

static void
report(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    int status;
    flux_future_t *f = NULL;

    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:i}", "status", &status) < 0 ||
        !(f = flux_rpc_pack(h, "module.status", FLUX_NODEID_ANY, 0, "{s:i}",
                            "status", status)) ||
        flux_rpc_get(f, NULL) < 0)
        flux_respond_error(h, msg, errno,
                           f ? flux_future_error_string(f) : NULL);
    else
        flux_respond(h, msg, NULL);
    flux_future_destroy(f);
}

static void
reload(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name = flux_aux_get(h, "flux::name"), *text = NULL;
    json_t *ignore = NULL;
    flux_conf_t *conf;

    (void)mh;
    (void)arg;
    if (flux_module_config_request_decode(msg, &conf) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    flux_conf_unpack(conf, NULL, "{s?{s?s} s?{s?o}}", "refuse", name, &text,
                     "ignore", name, &ignore);
    if (text || ignore) {
        if (text)
            flux_respond_error(h, msg, EPERM, text);
        flux_conf_decref(conf);
        return;
    }
    flux_set_conf_new(h, conf);
    flux_respond(h, msg, NULL);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "echo", echo, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "args", args, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "about", about, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "wait", keep, 0},
    {FLUX_MSGTYPE_REQUEST, "disconnect", disconnect, FLUX_ROLE_ALL},
    {FLUX_MSGTYPE_REQUEST, "departed", departed, 0},
    {FLUX_MSGTYPE_REQUEST, "stop", stop, 0},
    {FLUX_MSGTYPE_REQUEST, "die", die, 0},
    {FLUX_MSGTYPE_REQUEST, "hang", hang, 0},
    {FLUX_MSGTYPE_REQUEST, "report", report, 0},
    {FLUX_MSGTYPE_REQUEST, "config-reload", reload, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

static int wait_for_file(flux_t *h, const char *path)
{
    if (!path || (h && flux_module_set_running(h) < 0))
        return -1;
    while (access(path, F_OK) < 0)
        poll(NULL, 0, 1);
    return 0;
}

static int register_service(flux_t *h, const char *name)
{
    flux_future_t *f = flux_service_register(h, name);
    int rc = f ? flux_future_get(f, NULL) : -1;

    flux_future_destroy(f);
    return rc;
}

/* 1: go on; 0 or -1: the end of mod_main. */
static int take_argument(flux_t *h, char **argv)
{
    if (strcmp(*argv, "--exit") == 0)
        return 0;
    if (strcmp(*argv, "--init-failure") == 0) {
        errno = EIO;
        return -1;
    }
    if (strcmp(*argv, "--set-running") == 0)
        return wait_for_file(h, argv[1]) < 0 ? -1 : 1;
    if (strncmp(*argv, "--late=", 7) == 0)
        return wait_for_file(NULL, *argv + 7) < 0 ? -1 : 1;
    if (strncmp(*argv, "--service=", 10) == 0)
        return register_service(h, *argv + 10) < 0 ? -1 : 1;
    return 1;
}

static int run(flux_t *h, struct state *s)
{
    flux_msg_handler_t **mh;
    int rc;

    if (flux_msg_handler_addvec_ex(h, flux_aux_get(h, "flux::name"), handlers,
                                   s, &mh) < 0)
        return -1;
    rc = flux_reactor_run(flux_get_reactor(h), 0);
    flux_msg_handler_delvec(mh);
    errno = s->errnum;
    return rc < 0 || s->errnum ? -1 : 0;
}

int mod_main(flux_t *h, int argc, char **argv)
{
    struct state s = {argc, argv, 0, 0};

    for (int i = 0; i < argc; i++) {
        int rc = take_argument(h, argv + i);

        if (rc <= 0)
            return rc;
    }
    return run(h, &s);
}
