/* runs.c - a module that has its broker run a command
 *
 * runs.sh {script, ...} runs `sh -c script` and answers, when all is told,
 * with what was: {told, status}, one word a callback.  A signal is sent before
 * the start is known.
 */
#include <flux/core.h>
#include <jansson.h>

#define KEY "run"

struct run {
    flux_t *h;
    const flux_msg_t *request;
    char told[4096];
};

static void __attribute__((format(printf, 2, 3)))
tell(struct run *run, const char *fmt, ...)
{
    size_t n = strlen(run->told);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(run->told + n, sizeof(run->told) - n, fmt, ap);
    va_end(ap);
    for (; run->told[n]; n++)
        if (run->told[n] & 0x80)
            run->told[n] = '?'; /* JSON would not take it */
}

static void answer(flux_subprocess_t *p, struct run *run, int status)
{
    flux_respond_pack(run->h, run->request, "{s:s s:i}", "told", run->told,
                      "status", status);
    flux_subprocess_destroy(p);
}

static void state(flux_subprocess_t *p, flux_subprocess_state_t s)
{
    struct run *run = flux_subprocess_aux_get(p, KEY);

    tell(run, "%s ", flux_subprocess_state_string(s));
    if (s == FLUX_SUBPROCESS_FAILED) {
        tell(run, "%s", flux_subprocess_fail_error(p));
        answer(p, run, flux_subprocess_fail_errno(p));
    }
}

static void output(flux_subprocess_t *p, const char *stream)
{
    struct run *run = flux_subprocess_aux_get(p, KEY);
    const char *text;
    int n = flux_subprocess_read_trimmed_line(p, stream, &text);

    if (n == 0 && flux_subprocess_read_stream_closed(p, stream))
        n = flux_subprocess_read(p, stream, &text);
    tell(run, "%s=%d'%s' ", stream, n, text);
}

static void done(flux_subprocess_t *p)
{
    struct run *run = flux_subprocess_aux_get(p, KEY);

    tell(run, "done(%d,%d)", flux_subprocess_exit_code(p),
         flux_subprocess_signaled(p));
    answer(p, run, flux_subprocess_status(p));
}

static void release(void *arg)
{
    struct run *run = arg;

    flux_msg_decref(run->request);
    free(run);
}

static int set_variables(flux_cmd_t *cmd)
{
    if (flux_cmd_setenvf(cmd, 1, "PATH", "%s", getenv("PATH")) < 0 ||
        flux_cmd_setenvf(cmd, 0, "X", "%d", 42) < 0)
        return -1;
    return flux_cmd_setenvf(cmd, 0, "X", "7") < 0 && errno == EEXIST ? 0 : -1;
}

static flux_subprocess_t *
start(struct run *run, const char *service, const char *script, int bare)
{
    static const flux_subprocess_ops_t ops = {
        .on_completion = done,
        .on_state_change = state,
        .on_stdout = output,
        .on_stderr = output,
    };
    char *argv[] = {(char *)"sh", (char *)"-c"};
    flux_cmd_t *cmd = flux_cmd_create(2, argv, NULL);
    flux_subprocess_t *p = NULL;

    if (cmd && flux_cmd_argv_append(cmd, script) == 0 &&
        flux_cmd_setcwd(cmd, "/") == 0 && (bare || set_variables(cmd) == 0))
        p = flux_rexec_ex(run->h, service, 0, 0, cmd, &ops, NULL, NULL);
    flux_cmd_destroy(cmd);
    return p;
}

static void kill_early(flux_subprocess_t *p, int signum)
{
    if (signum)
        flux_future_destroy(flux_subprocess_kill(p, signum));
}

static void
sh(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *script, *service = "rexec";
    struct run *run = calloc(1, sizeof(*run));
    flux_subprocess_t *p;
    int signum = 0, bare = 0;

    (void)mh;
    (void)arg;
    run->h = h;
    if (flux_request_unpack(msg, NULL, "{s:s s?i s?s s?b}", "script", &script,
                            "signal", &signum, "service", &service, "bare",
                            &bare) < 0 ||
        !(p = start(run, service, script, bare))) {
        flux_respond_error(h, msg, errno, NULL);
        free(run);
        return;
    }
    run->request = flux_msg_incref(msg);
    flux_subprocess_aux_set(p, KEY, run, release);
    kill_early(p, signum);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "runs.sh", sh, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

int mod_main(flux_t *h, int argc, char **argv)
{
    flux_msg_handler_t **mh;
    int rc;

    (void)argc;
    (void)argv;
    if (flux_msg_handler_addvec(h, handlers, NULL, &mh) < 0)
        return -1;
    rc = flux_reactor_run(flux_get_reactor(h), 0);
    flux_msg_handler_delvec(mh);
    return rc;
}
