/* subprocess.c - a command that a broker runs, as its client sees it (RFC 42)
 *
 * flux_rexec() sends one streaming request; the answers tell of the start, of
 * output, of the end, and the last one, ENODATA, that no more comes.  Output is
 * kept until it is read, and told line by line:
 *
 *     Init -> Running <-> Stopped -> Exited, then on_completion
 *     any -> Failed
 *
 * What always holds:
 * - A callback may destroy the subprocess.  It is freed when the callback is
 *   over (`refs`), and nothing more is told of it.
 * - A line is told once.  Who does not read it is told again when more comes,
 *   but never in a loop.
 * - At the end of a stream what is left without a newline is told, then the
 *   end, when there is nothing to read.
 * - A signal that is sent before the start is known goes out then.
 * - An answer that is not as RFC 42 has it makes it Failed, with EPROTO.
 *
 * Output of a stream that has no callback is not asked for.  There are no
 * further channels and no input, which no module needs that starts commands.
 */
#include <sys/wait.h>

#include "auxlist.h"
#include "base64.h"
#include "buf.h"
#include "cmdline.h"
#include "flux.h"
#include "util.h"

enum { STDOUT, STDERR, STREAMS };

enum { /* of an exec request, RFC 42 */
       EXEC_STDOUT = 1,
       EXEC_STDERR = 2,
};

enum {
    FLAGS_FOR_SERVER = FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH |
                       FLUX_SUBPROCESS_FLAGS_NO_SETPGRP |
                       FLUX_SUBPROCESS_FLAGS_FORK_EXEC,
    FLAGS = FLAGS_FOR_SERVER | FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF,
};

struct stream {
    struct buf data; /* not read yet */
    struct buf lent; /* what was read last, with a NUL */
    bool eof;
};

struct flux_subprocess {
    flux_t *h;
    char *service;
    int rank;
    int flags;
    flux_subprocess_ops_t ops;
    flux_future_t *f; /* the exec request */
    flux_subprocess_state_t state;
    pid_t pid;    /* -1: not started */
    int status;   /* -1: not ended */
    int errnum;   /* why it failed */
    char *reason; /* or NULL: what errnum says */
    struct stream streams[STREAMS];
    flux_future_t *early; /* of a signal that waits for the start, or NULL */
    int early_signum;
    struct auxlist aux;
    int refs;  /* the user's, and that of a callback that is running */
    bool lost; /* the user's is gone */
};

static const char *const stream_names[] = {"stdout", "stderr"};

static struct stream *find_stream(flux_subprocess_t *p, const char *name)
{
    for (int i = 0; p && name && i < STREAMS; i++)
        if (strcmp(name, stream_names[i]) == 0)
            return &p->streams[i];
    errno = EINVAL;
    return NULL;
}

/* ---- life ---------------------------------------------------------------- */

static void release(flux_subprocess_t *p)
{
    int saved_errno = errno;

    if (--p->refs > 0)
        return;
    auxlist_clear(&p->aux);
    flux_future_decref(p->early);
    flux_future_destroy(p->f);
    for (int i = 0; i < STREAMS; i++) {
        buf_release(&p->streams[i].data);
        buf_release(&p->streams[i].lent);
    }
    free(p->reason);
    free(p->service);
    free(p);
    errno = saved_errno;
}

void flux_subprocess_destroy(flux_subprocess_t *p)
{
    if (!p || p->lost)
        return;
    p->lost = true;
    release(p);
}

/* ---- signals ------------------------------------------------------------- */

static flux_future_t *send_signal(flux_subprocess_t *p, int signum)
{
    char *topic = util_asprintf("%s.kill", p->service);
    flux_future_t *f;

    if (!topic)
        return NULL;
    f = flux_rpc_pack(p->h, topic, (uint32_t)p->rank, 0, "{s:i s:i}", "pid",
                      (int)p->pid, "signum", signum);
    free(topic);
    return f;
}

static void answer_early(flux_future_t *f, void *arg)
{
    flux_future_t *early = arg;

    flux_future_fulfill_with(early, f);
    flux_future_destroy(f);
    flux_future_decref(early);
}

static void send_early(flux_subprocess_t *p)
{
    flux_future_t *early = p->early;
    flux_future_t *f = send_signal(p, p->early_signum);

    p->early = NULL;
    if (f && flux_future_then(f, -1, answer_early, early) == 0)
        return;
    flux_future_fulfill_error(early, errno, NULL);
    flux_future_destroy(f);
    flux_future_decref(early);
}

static void refuse_early(flux_subprocess_t *p)
{
    flux_future_fulfill_error(p->early, ESRCH, NULL);
    flux_future_decref(p->early);
    p->early = NULL;
}

/* One such signal at a time: the last that was asked for. */
static flux_future_t *defer_signal(flux_subprocess_t *p, int signum)
{
    flux_future_t *f = flux_future_create(NULL, NULL);

    if (!f)
        return NULL;
    flux_future_set_flux(f, p->h);
    if (p->early)
        refuse_early(p);
    p->early = f;
    p->early_signum = signum;
    flux_future_incref(f);
    return f;
}

flux_future_t *flux_subprocess_kill(flux_subprocess_t *p, int signum)
{
    if (!p || signum <= 0) {
        errno = EINVAL;
        return NULL;
    }
    switch (p->state) {
    case FLUX_SUBPROCESS_INIT:
        return defer_signal(p, signum);
    case FLUX_SUBPROCESS_RUNNING:
    case FLUX_SUBPROCESS_STOPPED:
        return send_signal(p, signum);
    default:
        errno = ESRCH;
        return NULL;
    }
}

/* ---- what is told -------------------------------------------------------- */

static void enter(flux_subprocess_t *p, flux_subprocess_state_t state)
{
    p->state = state;
    if (p->ops.on_state_change && !p->lost)
        p->ops.on_state_change(p, state);
}

static void fail(flux_subprocess_t *p, int errnum, const char *reason)
{
    p->errnum = errnum;
    p->reason = reason ? strdup(reason) : NULL;
    if (p->early)
        refuse_early(p);
    enter(p, FLUX_SUBPROCESS_FAILED);
}

static void tell(flux_subprocess_t *p, int i)
{
    flux_subprocess_output_f cb =
        i == STDOUT ? p->ops.on_stdout : p->ops.on_stderr;

    if (cb && !p->lost)
        cb(p, stream_names[i]);
}

static bool has_line(const struct stream *s)
{
    return s->data.size > 0 && memchr(s->data.data, '\n', s->data.size);
}

/* As long as it takes them. */
static void tell_lines(flux_subprocess_t *p, int i)
{
    struct stream *s = &p->streams[i];
    size_t before = s->data.size + 1;

    while (!p->lost && has_line(s) && s->data.size < before) {
        before = s->data.size;
        tell(p, i);
    }
}

static void tell_output(flux_subprocess_t *p, int i)
{
    struct stream *s = &p->streams[i];

    if (p->flags & FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF) {
        tell(p, i);
        buf_reset(&s->data);
        return;
    }
    tell_lines(p, i);
    if (s->eof && s->data.size > 0)
        tell(p, i);
    if (s->eof && s->data.size == 0)
        tell(p, i);
}

/* ---- what comes ---------------------------------------------------------- */

static int add_data(struct buf *b, const json_t *data, const char *encoding)
{
    const char *text = json_string_value(data);
    size_t size;
    void *bytes;

    if (!encoding || strcmp(encoding, "base64") != 0) {
        buf_add(b, text, json_string_length(data));
        return 0;
    }
    if (!(bytes = base64_decode(text, &size)))
        return -1;
    buf_add(b, bytes, size);
    free(bytes);
    return 0;
}

static int take_output(flux_subprocess_t *p, flux_future_t *f)
{
    const char *name, *encoding = NULL;
    json_t *data = NULL;
    struct stream *s;
    int eof = 0;

    if (flux_rpc_get_unpack(f, "{s:{s:s s?o s?s s?b}}", "io", "stream", &name,
                            "data", &data, "encoding", &encoding, "eof",
                            &eof) < 0 ||
        !(s = find_stream(p, name)) || s->eof ||
        (json_is_string(data) && add_data(&s->data, data, encoding) < 0) ||
        s->data.failed)
        return -1;
    s->eof = eof;
    tell_output(p, (int)(s - p->streams));
    return 0;
}

static int take_start(flux_subprocess_t *p, flux_future_t *f)
{
    int pid;

    if (flux_rpc_get_unpack(f, "{s:i}", "pid", &pid) < 0)
        return -1;
    p->pid = pid;
    if (p->early)
        send_early(p);
    enter(p, FLUX_SUBPROCESS_RUNNING);
    return 0;
}

static int take_end(flux_subprocess_t *p, flux_future_t *f)
{
    int status;

    if (flux_rpc_get_unpack(f, "{s:i}", "status", &status) < 0)
        return -1;
    p->status = status;
    enter(p, FLUX_SUBPROCESS_EXITED);
    return 0;
}

static int take_stop(flux_subprocess_t *p, flux_future_t *f)
{
    (void)f;
    enter(p, FLUX_SUBPROCESS_STOPPED);
    return 0;
}

static int take(flux_subprocess_t *p, flux_future_t *f, const char *type)
{
    static const struct {
        const char *type;
        int (*take)(flux_subprocess_t *p, flux_future_t *f);
    } table[] = {
        {"started", take_start},
        {"output", take_output},
        {"stopped", take_stop},
        {"finished", take_end},
    };

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(table); i++)
        if (strcmp(type, table[i].type) == 0)
            return table[i].take(p, f);
    return 0; /* a later protocol's */
}

static void take_error(flux_subprocess_t *p, flux_future_t *f, int errnum)
{
    const char *text =
        flux_future_has_error(f) ? flux_future_error_string(f) : NULL;

    if (errnum != ENODATA)
        fail(p, errnum, text);
    else if (p->state != FLUX_SUBPROCESS_EXITED)
        fail(p, EPROTO, "the command's end was not told");
    else if (p->ops.on_completion && !p->lost)
        p->ops.on_completion(p);
}

static void told(flux_future_t *f, void *arg)
{
    flux_subprocess_t *p = arg;
    const char *type;

    p->refs++;
    if (flux_rpc_get_unpack(f, "{s:s}", "type", &type) < 0)
        take_error(p, f, errno);
    else if (take(p, f, type) < 0)
        fail(p, EPROTO, "the answer is not as RFC 42 has it");
    else if (!p->lost)
        flux_future_reset(f);
    release(p);
}

/* ---- starting ------------------------------------------------------------ */

static flux_future_t *
request(flux_subprocess_t *p, const flux_cmd_t *cmd, char *topic)
{
    int flags = (p->ops.on_stdout ? EXEC_STDOUT : 0) |
                (p->ops.on_stderr ? EXEC_STDERR : 0);
    flux_future_t *f;

    if (!topic)
        return NULL;
    f = flux_rpc_pack(p->h, topic, (uint32_t)p->rank, FLUX_RPC_STREAMING,
                      "{s:O s:i s:i}", "cmd", cmdline_object(cmd), "flags",
                      flags, "local_flags", p->flags & FLAGS_FOR_SERVER);
    free(topic);
    return f;
}

static bool is_rank(int rank)
{
    return rank >= 0 || (uint32_t)rank == FLUX_NODEID_ANY ||
           (uint32_t)rank == FLUX_NODEID_UPSTREAM;
}

flux_subprocess_t *flux_rexec_ex(flux_t *h,
                                 const char *service_name,
                                 int rank,
                                 int flags,
                                 const flux_cmd_t *cmd,
                                 const flux_subprocess_ops_t *ops,
                                 subprocess_log_f log_fn,
                                 void *log_data)
{
    flux_subprocess_t *p;

    (void)log_fn; /* what goes wrong is told by the state */
    (void)log_data;
    if (!h || !service_name || !is_rank(rank) || (flags & ~FLAGS) || !cmd ||
        cmdline_words(cmd) == 0) {
        errno = EINVAL;
        return NULL;
    }
    if (!(p = calloc(1, sizeof(*p))))
        return NULL;
    p->refs = 1;
    p->h = h;
    p->rank = rank;
    p->flags = flags;
    p->pid = -1;
    p->status = -1;
    if (ops)
        p->ops = *ops;
    if (!(p->service = strdup(service_name)) ||
        !(p->f = request(p, cmd, util_asprintf("%s.exec", service_name))) ||
        flux_future_then(p->f, -1, told, p) < 0) {
        flux_subprocess_destroy(p);
        return NULL;
    }
    return p;
}

flux_subprocess_t *flux_rexec(flux_t *h,
                              int rank,
                              int flags,
                              const flux_cmd_t *cmd,
                              const flux_subprocess_ops_t *ops)
{
    return flux_rexec_ex(h, "rexec", rank, flags, cmd, ops, NULL, NULL);
}

/* ---- reading ------------------------------------------------------------- */

/* Move `size` bytes to `lent`, of which `cut` at the end are not shown. */
static int lend(struct stream *s, size_t size, size_t cut, const char **bufp)
{
    buf_reset(&s->lent);
    buf_add(&s->lent, s->data.data, size - cut);
    buf_add_byte(&s->lent, '\0');
    if (s->lent.failed) {
        errno = ENOMEM;
        return -1;
    }
    buf_consume(&s->data, size);
    *bufp = (const char *)s->lent.data;
    return (int)(size - cut);
}

int flux_subprocess_read(flux_subprocess_t *p,
                         const char *stream,
                         const char **bufp)
{
    struct stream *s = find_stream(p, stream);

    return s && bufp ? lend(s, s->data.size, 0, bufp) : -1;
}

static int read_line(flux_subprocess_t *p,
                     const char *stream,
                     size_t cut,
                     const char **bufp)
{
    struct stream *s = find_stream(p, stream);
    const unsigned char *newline;

    if (!s || !bufp)
        return -1;
    if (!has_line(s))
        return lend(s, 0, 0, bufp);
    newline = memchr(s->data.data, '\n', s->data.size);
    return lend(s, (size_t)(newline - s->data.data) + 1, cut, bufp);
}

int flux_subprocess_read_line(flux_subprocess_t *p,
                              const char *stream,
                              const char **bufp)
{
    return read_line(p, stream, 0, bufp);
}

int flux_subprocess_read_trimmed_line(flux_subprocess_t *p,
                                      const char *stream,
                                      const char **bufp)
{
    return read_line(p, stream, 1, bufp);
}

bool flux_subprocess_read_stream_closed(flux_subprocess_t *p,
                                        const char *stream)
{
    struct stream *s = find_stream(p, stream);

    return s && s->eof;
}

/* ---- what is known ------------------------------------------------------- */

static int inval(void)
{
    errno = EINVAL;
    return -1;
}

flux_subprocess_state_t flux_subprocess_state(flux_subprocess_t *p)
{
    return p ? p->state : (flux_subprocess_state_t)inval();
}

const char *flux_subprocess_state_string(flux_subprocess_state_t state)
{
    static const char *const names[] = {"Init", "Running", "Exited", "Failed",
                                        "Stopped"};

    return (size_t)state < UTIL_ARRAY_SIZE(names) ? names[state] : NULL;
}

int flux_subprocess_rank(flux_subprocess_t *p)
{
    return p ? p->rank : inval();
}

pid_t flux_subprocess_pid(flux_subprocess_t *p)
{
    return p ? p->pid : inval();
}

int flux_subprocess_status(flux_subprocess_t *p)
{
    return p && p->state == FLUX_SUBPROCESS_EXITED ? p->status : inval();
}

int flux_subprocess_exit_code(flux_subprocess_t *p)
{
    int status = flux_subprocess_status(p);

    return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : inval();
}

int flux_subprocess_signaled(flux_subprocess_t *p)
{
    int status = flux_subprocess_status(p);

    return status >= 0 && WIFSIGNALED(status) ? WTERMSIG(status) : inval();
}

int flux_subprocess_fail_errno(flux_subprocess_t *p)
{
    return p && p->state == FLUX_SUBPROCESS_FAILED ? p->errnum : inval();
}

const char *flux_subprocess_fail_error(flux_subprocess_t *p)
{
    if (!p || p->state != FLUX_SUBPROCESS_FAILED)
        return "internal error: it has not failed";
    return p->reason ? p->reason : flux_strerror(p->errnum);
}

int flux_subprocess_aux_set(flux_subprocess_t *p,
                            const char *name,
                            void *ctx,
                            flux_free_f destroy)
{
    return p ? auxlist_set(&p->aux, name, ctx, destroy) : inval();
}

void *flux_subprocess_aux_get(flux_subprocess_t *p, const char *name)
{
    if (!p) {
        errno = EINVAL;
        return NULL;
    }
    return auxlist_get(&p->aux, name);
}
