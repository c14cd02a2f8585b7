/* rexec.c - run commands for clients (the builtin module rexec, RFC 42)
 *
 *     rexec.exec   start a command; streaming: told of its start, output, stops
 *                  and end, up to ENODATA; else: told of its start, and its
 *                  output and end go to the log
 *     rexec.write  input for one that was started by the same client
 *     rexec.kill   signal one, by its process id or its label
 *     rexec.list   what runs
 *
 * Only the owner may use it.  Where guests may connect, rank 0 takes requests
 * of its own clients alone, so that a broker that is lost to someone does not
 * hand over the one that rules them all.
 *
 * What always holds:
 * - A client that goes takes its commands with it; so does removing the
 *   module, and so does the end of the broker.
 * - Nothing is sent for a run after its ENODATA or another error.
 * - A run is destroyed from the loop (`sweeper`), never from what proc.c calls.
 * - The room for input is told to those who ask for credit.  A client that
 *   writes more loses its command, with ENOSPC.
 * - Output is not read while its client is slow: it is the command that waits,
 *   and no queue grows.  `drain` looks whether it still is, before the loop
 *   sleeps and after the links have written what they could, since their
 *   watcher was started before.
 */
#include "rexec.h"

#include <signal.h>
#include <sys/wait.h>

#include "base64.h"
#include "command.h"
#include "list.h"
#include "util.h"

struct rexec {
    flux_t *h;
    struct router *router;
    flux_msg_handler_t **handlers;
    flux_watcher_t *sweeper; /* due at once while `dead` is not empty */
    flux_watcher_t *drain;   /* prepare: runs while a proc may be held */
    struct list runs;
    struct list dead;
};

/* A command that runs, or whose output has not all been told. */
struct run {
    struct list link;
    struct rexec *x;
    struct command command;
    struct proc *proc;
    const flux_msg_t *request; /* of a client that waits, or NULL */
    int status;                /* once it has ended, as waitpid(2) */
};

/* ---- the end of a run ---------------------------------------------------- */

static void run_destroy(struct run *run)
{
    if (!run)
        return;
    list_remove(&run->link);
    proc_destroy(run->proc);
    flux_msg_decref(run->request);
    command_release(&run->command);
    free(run);
}

static void sweep(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct rexec *x = arg;

    (void)r;
    (void)revents;
    flux_watcher_stop(w);
    while (!list_empty(&x->dead))
        run_destroy(LIST_ENTRY(x->dead.next, struct run, link));
}

static void bury(struct run *run)
{
    list_remove(&run->link);
    list_append(&run->x->dead, &run->link);
    flux_watcher_start(run->x->sweeper);
}

/* No one waits for it any more: kill it, and forget it once it is reaped. */
static void abandon(struct run *run)
{
    flux_msg_decref(run->request);
    run->request = NULL;
    proc_kill(run->proc, SIGKILL);
    proc_mute(run->proc);
    if (proc_ended(run->proc))
        bury(run);
}

static void finish(struct run *run, int errnum)
{
    if (run->request)
        flux_respond_error(run->x->h, run->request, errnum, NULL);
    abandon(run);
}

static void log_end(const struct run *run)
{
    bool killed = WIFSIGNALED(run->status);
    const char *name = run->command.label;

    flux_log(run->x->h, LOG_INFO, "%s%s%s[%d]: %s %d", name ? name : "",
             name ? ": " : "", run->command.name, (int)proc_pid(run->proc),
             killed ? "Killed by signal" : "Exit",
             killed ? WTERMSIG(run->status) : WEXITSTATUS(run->status));
}

static void finish_if_done(struct run *run)
{
    if (!proc_done(run->proc))
        return;
    if (run->command.background)
        log_end(run);
    finish(run, ENODATA);
}

/* ---- output -------------------------------------------------------------- */

static int set_base64(json_t *io, const char *data, size_t size)
{
    char *text = base64_encode(data, size);
    int rc = -1;

    if (text && json_object_set_new(io, "encoding", json_string("base64")) == 0)
        rc = json_object_set_new(io, "data", json_string(text));
    free(text);
    return rc;
}

/* As text if it is that: UTF-8, and no NUL, which would take six bytes. */
static int set_data(json_t *io, const char *data, size_t size)
{
    json_t *text = memchr(data, 0, size) ? NULL : json_stringn(data, size);

    if (!text)
        return set_base64(io, data, size);
    return json_object_set_new(io, "data", text);
}

static json_t *
io_create(const struct run *run, int stream, const char *data, size_t size)
{
    char rank[16];
    json_t *io;
    int rc;

    snprintf(rank, sizeof(rank), "%u", (unsigned)router_rank(run->x->router));
    io = json_pack("{s:s s:s}", "stream",
                   command_channel(&run->command, stream), "rank", rank);
    rc = size > 0 ? set_data(io, data, size)
                  : json_object_set_new(io, "eof", json_true());
    if (rc < 0) {
        json_decref(io);
        return NULL;
    }
    return io;
}

static bool client_is_slow(const struct run *run)
{
    return router_sender_is_slow(run->x->router, run->request);
}

static void
respond_output(struct run *run, int stream, const char *data, size_t size)
{
    json_t *io = io_create(run, stream, data, size);

    if (!io || flux_respond_pack(run->x->h, run->request, "{s:s s:i s:o}",
                                 "type", "output", "pid",
                                 (int)proc_pid(run->proc), "io", io) < 0)
        flux_log_error(run->x->h, "%s: output", run->command.name);
    if (!client_is_slow(run))
        return;
    proc_hold(run->proc, true);
    flux_watcher_start(run->x->drain);
}

static void drain(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct rexec *x = arg;
    struct list *l, *following;
    bool slow = false;

    (void)r;
    (void)revents;
    LIST_FOREACH(&x->runs, l, following)
    {
        struct run *run = LIST_ENTRY(l, struct run, link);
        bool hold = run->request && client_is_slow(run);

        proc_hold(run->proc, hold);
        slow = slow || hold;
    }
    if (!slow)
        flux_watcher_stop(w);
}

static const char *label(const struct run *run)
{
    return run->command.label ? run->command.label : run->command.name;
}

static void
log_output(const struct run *run, int stream, const char *data, size_t size)
{
    int level = stream == 2 ? LOG_ERR : LOG_INFO;

    while (size > 0) {
        const char *newline = memchr(data, '\n', size);
        size_t len = newline ? (size_t)(newline - data) : size;

        flux_log(run->x->h, level, "%s[%d]: %.*s", label(run),
                 (int)proc_pid(run->proc), (int)len, data);
        len += newline != NULL;
        data += len;
        size -= len;
    }
}

static void output(int stream, const char *data, size_t size, void *arg)
{
    struct run *run = arg;

    if (run->request)
        respond_output(run, stream, data, size);
    else if (run->command.background)
        log_output(run, stream, data, size);
    if (size == 0)
        finish_if_done(run);
}

/* ---- what else there is to tell ------------------------------------------ */

static void consumed(int stream, size_t size, void *arg)
{
    struct run *run = arg;

    if (run->request && run->command.flags & COMMAND_CREDIT)
        flux_respond_pack(run->x->h, run->request, "{s:s s:{s:I}}", "type",
                          "add-credit", "channels",
                          command_channel(&run->command, stream),
                          (json_int_t)size);
}

static void stopped(void *arg)
{
    struct run *run = arg;

    if (run->request)
        flux_respond_pack(run->x->h, run->request, "{s:s}", "type", "stopped");
}

static void ended(int status, void *arg)
{
    struct run *run = arg;

    run->status = status;
    if (run->request)
        flux_respond_pack(run->x->h, run->request, "{s:s s:i}", "type",
                          "finished", "status", status);
    finish_if_done(run);
}

static const struct proc_ops ops = {output, consumed, stopped, ended};

/* ---- who may, and what --------------------------------------------------- */

static bool guests_may_connect(flux_t *h)
{
    const flux_conf_t *conf = flux_get_conf(h);
    int allow = 0;

    return conf &&
           flux_conf_unpack(conf, NULL, "{s?{s?b}}", "access",
                            "allow-guest-user", &allow) == 0 &&
           allow;
}

static int authorize(struct rexec *x, const flux_msg_t *msg, flux_error_t *e)
{
    if (router_rank(x->router) == 0 && !flux_msg_is_local(msg) &&
        guests_may_connect(x->h))
        return util_errno(e, EPERM,
                          "Remote rexec requests are not allowed on rank 0");
    return 0;
}

/* By its label, or if that is NULL by its process id. */
static struct run *find(struct rexec *x, int pid, const char *name)
{
    struct list *l, *following;

    LIST_FOREACH(&x->runs, l, following)
    {
        struct run *run = LIST_ENTRY(l, struct run, link);
        const char *its = run->command.label;

        if (name ? its && strcmp(its, name) == 0 : proc_pid(run->proc) == pid)
            return run;
    }
    return NULL;
}

/* That of the same client with the matchtag. */
static struct run *
find_request(struct rexec *x, const flux_msg_t *msg, uint32_t matchtag)
{
    struct list *l, *following;
    uint32_t tag;

    LIST_FOREACH(&x->runs, l, following)
    {
        struct run *run = LIST_ENTRY(l, struct run, link);

        if (run->request && flux_msg_get_matchtag(run->request, &tag) == 0 &&
            tag == matchtag && flux_msg_route_match_first(run->request, msg))
            return run;
    }
    return NULL;
}

/* ---- rexec.exec ---------------------------------------------------------- */

static int start(struct run *run, flux_error_t *e)
{
    const char *name = run->command.label;

    if (name && find(run->x, 0, name))
        return util_errno(e, EINVAL, "command label is not unique");
    run->proc = command_start(&run->command, flux_get_reactor(run->x->h),
                              getenv("FLUX_URI"), &ops, run);
    return run->proc
               ? 0
               : util_error(e, "error launching process: %s", strerror(errno));
}

static struct run *
run_create(struct rexec *x, const flux_msg_t *msg, flux_error_t *e)
{
    struct run *run = calloc(1, sizeof(*run));

    if (!run) {
        util_error(e, "out of memory");
        return NULL;
    }
    list_init(&run->link);
    run->x = x;
    if (command_decode(&run->command, msg, e) < 0 || start(run, e) < 0) {
        int errnum = errno;

        run_destroy(run);
        errno = errnum;
        return NULL;
    }
    list_append(&x->runs, &run->link);
    return run;
}

static void announce(struct run *run, const flux_msg_t *msg)
{
    flux_respond_pack(run->x->h, msg, "{s:s s:i}", "type", "started", "pid",
                      (int)proc_pid(run->proc));
    if (run->command.background)
        return;
    run->request = flux_msg_incref(msg);
    for (int i = 0; i < command_channels(&run->command); i++)
        if (command_ways(&run->command, i) & PROC_INPUT)
            consumed(i, command_limit(&run->command, i), run);
}

static void
exec_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct run *run = NULL;
    flux_error_t e;

    (void)mh;
    if (authorize(arg, msg, &e) == 0)
        run = run_create(arg, msg, &e);
    if (run)
        announce(run, msg);
    else
        flux_respond_error(h, msg, errno, e.text);
}

/* ---- rexec.write --------------------------------------------------------- */

/* New memory, of `size` bytes. */
static void *data_of(const json_t *data, const char *encoding, size_t *size)
{
    const char *text = json_string_value(data);
    char *copy;

    if (text && encoding && strcmp(encoding, "base64") == 0)
        return base64_decode(text, size);
    *size = json_string_length(data);
    if ((copy = malloc(*size + 1)) && text)
        memcpy(copy, text, *size);
    return copy;
}

static int
feed(struct run *run, int stream, const json_t *data, const char *encoding)
{
    size_t size;
    void *bytes = data_of(data, encoding, &size);
    int rc = bytes ? proc_write(run->proc, stream, bytes, size) : -1;
    int errnum = errno;

    free(bytes);
    if (rc == 0)
        return 0;
    flux_log(run->x->h, LOG_ERR, "%s[%d]: cannot write to %s: %s", label(run),
             (int)proc_pid(run->proc), command_channel(&run->command, stream),
             strerror(errnum));
    return util_fail(errnum);
}

static int write_io(struct rexec *x, const flux_msg_t *msg, flux_error_t *e)
{
    const char *channel, *encoding = NULL;
    int matchtag, stream, eof = 0;
    json_t *data = NULL;
    struct run *run;

    if (flux_request_unpack(msg, NULL, "{s:i s:{s:s s?o s?s s?b}}", "matchtag",
                            &matchtag, "io", "stream", &channel, "data", &data,
                            "encoding", &encoding, "eof", &eof) < 0)
        return util_error(e, "%s", flux_msg_last_error(msg));
    run = find_request(x, msg, (uint32_t)matchtag);
    stream = run ? command_find_channel(&run->command, channel) : -1;
    if (stream < 0)
        return 0;
    if (data && feed(run, stream, data, encoding) < 0)
        finish(run, errno);
    else if (eof)
        proc_close(run->proc, stream);
    return 0;
}

/* It has no response (RFC 42). */
static void
write_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_error_t e;

    (void)mh;
    if (authorize(arg, msg, &e) < 0 || write_io(arg, msg, &e) < 0)
        flux_log(h, LOG_ERR, "rexec.write: %s", e.text);
}

/* ---- the others ---------------------------------------------------------- */

static int send_signal(struct rexec *x, const flux_msg_t *msg, flux_error_t *e)
{
    const char *name = NULL;
    struct run *run;
    int pid, signum;

    if (flux_request_unpack(msg, NULL, "{s:i s:i s?s}", "pid", &pid, "signum",
                            &signum, "label", &name) < 0)
        return util_errno(e, EPROTO, "invalid request payload: %s",
                          flux_msg_last_error(msg));
    run = find(x, pid, name);
    if (!run && name)
        return util_errno(e, ESRCH,
                          "label %s does not belong to any subprocess", name);
    if (!run)
        return util_errno(e, ESRCH, "pid %d does not belong to any subprocess",
                          pid);
    if (proc_kill(run->proc, signum) < 0)
        return util_error(e, "%s", strerror(errno));
    return 0;
}

static void
kill_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_error_t e;

    (void)mh;
    if (authorize(arg, msg, &e) < 0 || send_signal(arg, msg, &e) < 0)
        flux_respond_error(h, msg, errno, e.text);
    else
        flux_respond(h, msg, NULL);
}

static json_t *entry(const struct run *run)
{
    const char *name = run->command.label;

    return json_pack("{s:i s:s s:s s:s}", "pid", (int)proc_pid(run->proc),
                     "cmd", run->command.name, "label", name ? name : "",
                     "state", proc_ended(run->proc) ? "Z" : "R");
}

static json_t *entries(struct rexec *x)
{
    json_t *procs = json_array();
    struct list *l, *following;

    LIST_FOREACH(&x->runs, l, following)
    {
        json_array_append_new(procs, entry(LIST_ENTRY(l, struct run, link)));
    }
    return procs;
}

static void
list_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct rexec *x = arg;
    flux_error_t e;

    (void)mh;
    if (authorize(x, msg, &e) < 0)
        flux_respond_error(h, msg, errno, e.text);
    else
        flux_respond_pack(h, msg, "{s:i s:o}", "rank",
                          (int)router_rank(x->router), "procs", entries(x));
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct rexec *x = arg;
    struct list *l, *following;

    (void)h;
    (void)mh;
    LIST_FOREACH(&x->runs, l, following)
    {
        struct run *run = LIST_ENTRY(l, struct run, link);

        if (run->request && flux_disconnect_match(msg, run->request))
            abandon(run);
    }
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "rexec.exec", exec_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "rexec.write", write_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "rexec.kill", kill_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "rexec.list", list_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "rexec.disconnect", disconnect_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

/* ---- module -------------------------------------------------------------- */

static void end(void *arg)
{
    struct rexec *x = arg;
    struct list *l, *following;

    LIST_FOREACH(&x->runs, l, following)
    {
        struct run *run = LIST_ENTRY(l, struct run, link);

        finish(run, ENOSYS);
        run_destroy(run);
    }
    while (!list_empty(&x->dead))
        run_destroy(LIST_ENTRY(x->dead.next, struct run, link));
    flux_watcher_destroy(x->sweeper);
    flux_watcher_destroy(x->drain);
    flux_msg_handler_delvec(x->handlers);
    free(x);
}

static void *begin(flux_t *h, void *arg, flux_error_t *e)
{
    struct rexec *x = calloc(1, sizeof(*x));

    if (!x) {
        util_error(e, "rexec: out of memory");
        return NULL;
    }
    x->h = h;
    x->router = arg;
    list_init(&x->runs);
    list_init(&x->dead);
    x->sweeper =
        flux_timer_watcher_create(flux_get_reactor(h), 0., 0., sweep, x);
    x->drain = flux_prepare_watcher_create(flux_get_reactor(h), drain, x);
    if (!x->sweeper || !x->drain ||
        flux_msg_handler_addvec(h, handlers, x, &x->handlers) < 0) {
        util_error(e, "rexec: %s", strerror(errno));
        end(x);
        return NULL;
    }
    return x;
}

struct module_builtin rexec_builtin(struct router *router)
{
    return (struct module_builtin){"rexec", begin, end, router};
}
