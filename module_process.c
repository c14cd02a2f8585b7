/* module_process.c - modules that run in processes of their own
 *
 * A loader (RFC 5) is started with the module's path as its only argument,
 * and FLUX_MODULE_URI=fd://3: its end of a socketpair, on which the byte 0 of
 * a welcome and the request `welcome` already wait.  It has the broker's
 * environment, which is the instance's, its stdin and stdout, a process group
 * of its own, and no other descriptor.  Its stderr goes through the broker,
 * which keeps the last lines (tee.c).
 *
 * Such a module is over when its process has ended and its channel too, in
 * whichever order that comes:
 *
 *   process first    what it had sent is read, then the channel is closed;
 *                    others may still hold the far end, no one waits for it
 *   channel first    its services go and requests that wait in it are
 *                    answered at once; the process has a moment to end by
 *                    itself, if the channel closed as it should, and is
 *                    killed then
 *
 * Force is SIGTERM, then SIGKILL, for the whole process group; SIGCONT goes
 * with them, since a stopped process does not hear of SIGTERM.  No process
 * outlives the broker: the system kills it when the broker dies, however that
 * comes about, and the guard what it has started (guard.c).
 *
 * What is said of a death names the loader, by the name it was asked for.
 */
#include "module.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guard.h"
#include "module_set.h"
#include "reactor.h"
#include "spawn.h"
#include "sys.h"
#include "tee.h"
#include "util.h"

/* The environment(7) of this process; no header has it. */
extern char **environ;

/* A loader that has closed its channel is on its way out. */
static const double LEAVE_GRACE = 0.5;
/* From SIGTERM to SIGKILL: to write down what must not be lost. */
static const double TERM_GRACE = 2;

#define URI_VARIABLE "FLUX_MODULE_URI"

struct process {
    struct link *link;
    pid_t pid;  /* 0: never started, or reaped */
    int status; /* of waitpid(2), once it was reaped */
    int sent;   /* the last signal that it was sent, or 0 */
    int broken; /* errno of its channel's end, once that has come */
    flux_watcher_t *child;
    struct tee *err;
};

/* ---- death --------------------------------------------------------------- */

static void over(struct module *m)
{
    struct process *p = m->impl;

    if (p->pid == 0 && p->broken)
        module_closed(m);
}

static void channel_closed(struct link *l, int errnum, void *arg)
{
    struct module *m = arg;
    struct process *p = m->impl;

    (void)l;
    p->broken = errnum;
    router_peer_remove(m->peer);
    if (p->pid > 0)
        module_force_after(m, errnum == ECONNRESET ? LEAVE_GRACE : 0);
    over(m);
}

static void
child_ended(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module *m = arg;
    struct process *p = m->impl;

    (void)r;
    (void)revents;
    p->status = reactor_child_watcher_status(w);
    guard_remove(module_broker_handle(m), p->pid);
    p->pid = 0;
    tee_drain(p->err);
    link_end(p->link);
    over(m);
}

static bool is_bad_end(const struct process *p)
{
    return p->status != 0 && p->sent == 0;
}

/* How a process ended that has not told itself. */
static char *describe_end(const struct process *p, const char *loader)
{
    if (WIFSIGNALED(p->status))
        return util_asprintf("loader (%s) killed by %s%s", loader,
                             strsignal(WTERMSIG(p->status)),
                             sys_dumped_core(p->status) ? " (core dumped)"
                                                        : "");
    if (WEXITSTATUS(p->status) != 0)
        return util_asprintf("loader (%s) exited with exit code %d", loader,
                             WEXITSTATUS(p->status));
    return util_asprintf("loader (%s) exited without reporting its status",
                         loader);
}

/* Why it was killed, where that is not what someone asked for. */
static char *describe_kill(const struct process *p, const char *loader)
{
    if (p->broken == EPROTO)
        return util_asprintf("loader (%s) sent what is no message", loader);
    if (p->broken == ENOBUFS)
        return util_asprintf("loader (%s) did not read its messages", loader);
    return util_asprintf("loader (%s) closed its channel: killed by %s", loader,
                         strsignal(p->sent));
}

static void report_bad_end(struct module *m)
{
    struct process *p = m->impl;
    char *text = is_bad_end(p) ? describe_end(p, m->loader) : NULL;

    if (text)
        flux_log(module_broker_handle(m), LOG_WARNING,
                 "%s: %s, after the module had ended", m->name, text);
    free(text);
}

static int process_join(struct module *m)
{
    struct process *p = m->impl;

    if (m->state == MODULE_EXITED) {
        report_bad_end(m);
        return m->errnum;
    }
    if (m->removing && p->sent)
        return 0;
    if (!m->reason)
        m->reason =
            p->sent ? describe_kill(p, m->loader) : describe_end(p, m->loader);
    return EINVAL; /* as Flux has it */
}

/* ---- force --------------------------------------------------------------- */

static void send_signal(struct process *p, int signum)
{
    if (p->pid == 0)
        return;
    p->sent = signum;
    kill(-p->pid, signum);
    kill(-p->pid, SIGCONT);
}

static const char *process_cancel(struct module *m)
{
    send_signal(m->impl, SIGKILL);
    return "SIGKILL";
}

static const char *process_force(struct module *m, double *again)
{
    struct process *p = m->impl;

    *again = 0;
    if (p->sent == SIGKILL)
        return NULL;
    if (p->sent)
        return process_cancel(m);
    *again = TERM_GRACE;
    send_signal(p, SIGTERM);
    return "SIGTERM";
}

/* ---- start --------------------------------------------------------------- */

/* NULL-terminated; the words stay the array's. */
static char **make_argv(json_t *words)
{
    size_t n = json_array_size(words);
    char **argv = calloc(n + 1, sizeof(*argv));

    for (size_t i = 0; argv && i < n; i++)
        argv[i] = (char *)json_string_value(json_array_get(words, i));
    return argv;
}

/* Ours with FLUX_MODULE_URI set to `uri`, a whole assignment. */
static char **make_environment(char *uri)
{
    size_t n = 0, used = 0, len = strlen(URI_VARIABLE "=");
    char **result;

    while (environ[n])
        n++;
    if (!(result = calloc(n + 2, sizeof(*result))))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (strncmp(environ[i], URI_VARIABLE "=", len) != 0)
            result[used++] = environ[i];
    result[used] = uri;
    return result;
}

static int start_process(struct module *m, int channel, int err)
{
    struct process *p = m->impl;
    char uri[sizeof(URI_VARIABLE "=fd://") + 3 * sizeof(int)];
    char **argv = make_argv(m->command), **environment;

    snprintf(uri, sizeof(uri), URI_VARIABLE "=fd://%d", SPAWN_CHANNEL);
    environment = make_environment(uri);
    p->pid =
        argv && environment ? spawn_start(argv, environment, channel, err) : -1;
    free(environment);
    free(argv);
    if (p->pid > 0)
        return 0;
    p->pid = 0;
    return -1;
}

static int watch_process(struct module *m)
{
    struct process *p = m->impl;
    flux_reactor_t *r = flux_get_reactor(module_broker_handle(m));

    p->child = reactor_child_watcher_create(r, p->pid, child_ended, m);
    if (!p->child)
        return -1;
    guard_add(module_broker_handle(m), p->pid);
    flux_watcher_start(p->child);
    return 0;
}

/* A pipe whose write end is the process's stderr. */
static int open_stderr(struct module *m, int *err)
{
    struct process *p = m->impl;
    int fds[2];

    if (sys_pipe(fds) < 0)
        return -1;
    p->err = tee_create(flux_get_reactor(module_broker_handle(m)), fds[0],
                        STDERR_FILENO);
    if (p->err && util_set_nonblock(fds[0], true) == 0) {
        *err = fds[1];
        return 0;
    }
    if (!p->err)
        close(fds[0]);
    close(fds[1]);
    return -1;
}

/* The far end blocks, for loaders that know nothing of poll(2). */
static int open_channel(struct module *m, int *channel)
{
    struct process *p = m->impl;
    int fds[2];

    if (sys_socketpair(fds) < 0)
        return -1;
    *channel = fds[1];
    if (util_set_nonblock(fds[1], false) == 0)
        p->link = link_create(module_links(m), fds[0], PEER_MODULE, m->name,
                              channel_closed, m);
    if (!p->link) {
        close(fds[0]);
        return -1;
    }
    m->peer = link_peer(p->link);
    return util_write_all(fds[0], "", 1);
}

static int start(struct module *m)
{
    struct process *p = m->impl;
    int channel = -1, err = -1, rc = -1;

    if (open_channel(m, &channel) == 0 && open_stderr(m, &err) == 0 &&
        start_process(m, channel, err) == 0)
        rc = watch_process(m);
    if (channel >= 0)
        close(channel);
    if (err >= 0)
        close(err);
    if (rc == 0)
        link_set_owner(p->link, getuid(), p->pid);
    return rc;
}

static int process_start(struct module *m, flux_error_t *e)
{
    struct process *p = calloc(1, sizeof(*p));

    if (!(m->impl = p))
        return util_error(e, "out of memory");
    if (digest_of_file(m->set->digests, m->file, m->digest, e) < 0)
        return -1;
    if (start(m) < 0)
        return util_error(e, "%s: cannot start loader (%s): %s", m->path,
                          m->loader, strerror(errno));
    flux_log(module_broker_handle(m), LOG_DEBUG, "%s %s pid=%d", m->loader,
             m->name, (int)p->pid);
    return 0;
}

/* ---- the rest ------------------------------------------------------------ */

static void process_destroy(struct module *m)
{
    struct process *p = m->impl;

    if (!p)
        return;
    flux_watcher_destroy(p->child);
    if (p->pid > 0) {
        send_signal(p, SIGKILL);
        while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
        guard_remove(module_broker_handle(m), p->pid);
    }
    tee_destroy(p->err);
    link_destroy(p->link);
    free(p);
    m->impl = NULL;
    m->peer = NULL;
}

static size_t process_send_queue(struct module *m)
{
    struct process *p = m->impl;

    return conn_out_messages(link_conn(p->link));
}

static size_t process_send_bytes(struct module *m)
{
    struct process *p = m->impl;

    return conn_out_bytes(link_conn(p->link));
}

static int process_usage(struct module *m, struct sys_usage *u)
{
    struct process *p = m->impl;

    return p->pid > 0 ? sys_process_usage(p->pid, u) : -1;
}

static pid_t process_pid(struct module *m)
{
    struct process *p = m->impl;

    return p->pid;
}

static char *process_words(struct module *m)
{
    struct process *p = m->impl;

    return tee_lines(p->err);
}

const struct module_ops module_process_ops = {
    .kind = "process",
    .start = process_start,
    .cancel = process_cancel,
    .force = process_force,
    .join = process_join,
    .destroy = process_destroy,
    .send_queue = process_send_queue,
    .send_bytes = process_send_bytes,
    .usage = process_usage,
    .pid = process_pid,
    .words = process_words,
};
