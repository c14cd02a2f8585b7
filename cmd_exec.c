/* cmd_exec.c - flux exec: run a command on many ranks
 *
 * One streaming request to the service rexec of each rank (RFC 42); all that
 * comes back is put together here: output, which is asked for as it is written,
 * by whole lines, so that those of two ranks never mix, and at the end who
 * failed, one line for all that failed alike.  The status is the highest of
 * all; 127 stands for a command that was not found, 126 for one that could not
 * be run, 68 for a rank that is not there, 128 + N for one that signal N has
 * ended.
 *
 * stdin goes to every rank.  It is read no faster than the slowest of them
 * takes it, and no more is on its way to all of them together than a socket
 * holds, so that a write from here never waits for a broker that waits for us
 * to read.
 *
 * With --bg the request is no stream: the answer is the process id, which is
 * printed, and what the command writes goes to the broker's log.
 *
 * What always holds:
 * - A target is running until its stream of responses has ended, with ENODATA
 *   or another error; the loop runs as long as one is.
 * - A signal goes to those that run, and as soon as it is there to one that
 *   has been asked to start and has not said its process id yet.
 * - SIGINT again, and within a second again, ends this command alone; the
 *   brokers then kill what it has left behind.
 */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base64.h"
#include "buf.h"
#include "cli.h"
#include "idset.h"
#include "json.h"
#include "util.h"

extern char **environ;

enum {
    FLAG_STDOUT = 1, /* of rexec.exec */
    FLAG_STDERR = 2,
    FLAG_CREDIT = 8,
};

enum {
    NO_HOST = 68, /* EX_NOHOST of sysexits.h */
    CANNOT_EXECUTE = 126,
    NOT_FOUND = 127,
    SIGNALLED = 128,
};

enum {
    LINE_LIMIT = 4 << 20, /* a longer line is printed in parts */
    WINDOW = 64 << 10,    /* bytes of stdin that are on their way at once */
};

static const double INTERRUPT_AGAIN = 1.0; /* seconds */

struct exec;

struct target {
    struct exec *x;
    uint32_t rank;
    flux_future_t *f;  /* NULL: not running */
    int pid;           /* 0: not started yet */
    int signum;        /* to be sent once it is, or 0 */
    bool failed;       /* it was not run at all, which was said already */
    bool ended;        /* the command is over, its output may not be */
    int code;          /* as a shell counts it */
    int64_t room;      /* bytes of stdin that it takes at once */
    int64_t credit;    /* how much of that is free */
    struct buf out[2]; /* stdout, stderr: lines that are not complete */
};

struct exec {
    struct cli *p;
    flux_t *h;
    flux_reactor_t *r;
    struct target *targets;
    size_t count, running;
    struct idset *ranks;
    const char *name; /* of the command */
    flux_watcher_t *input, *sigint, *sigterm;
    bool input_ended;
    double started;     /* monotonic */
    double interrupted; /* when the last warning was given */
    int interrupts;
    bool label, verbose, quiet, background;
};

static void __attribute__((format(printf, 2, 3)))
tell(struct exec *x, const char *fmt, ...)
{
    va_list ap;

    if (!x->verbose)
        return;
    va_start(ap, fmt);
    fprintf(stderr, "%fms: ", (util_monotime() - x->started) * 1e3);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
}

/* ---- output -------------------------------------------------------------- */

static void print(const struct target *t, int i, const void *data, size_t size)
{
    FILE *f = i == 0 ? stdout : stderr;

    if (t->x->label)
        fprintf(f, "%u: ", (unsigned)t->rank);
    fwrite(data, 1, size, f);
}

/* How much can be printed at once: a line, or all lines where none is
 * labelled; 0 if there is none.
 */
static size_t printable(const struct target *t, int i, size_t at)
{
    const unsigned char *data = t->out[i].data + at, *newline;
    size_t size = t->out[i].size - at;

    if (t->x->label) {
        newline = size ? memchr(data, '\n', size) : NULL;
        return newline ? (size_t)(newline - data) + 1 : 0;
    }
    while (size > 0 && data[size - 1] != '\n')
        size--;
    return size;
}

static void print_lines(struct target *t, int i)
{
    size_t at = 0, size;

    while ((size = printable(t, i, at)) > 0) {
        print(t, i, t->out[i].data + at, size);
        at += size;
    }
    buf_consume(&t->out[i], at);
}

static void print_rest(struct target *t, int i)
{
    if (t->out[i].size > 0)
        print(t, i, t->out[i].data, t->out[i].size);
    buf_reset(&t->out[i]);
}

static void add_base64(struct buf *b, const char *text)
{
    size_t size;
    void *data = base64_decode(text, &size);

    if (data)
        buf_add(b, data, size);
    free(data);
}

static void take_output(struct target *t, flux_future_t *f)
{
    const char *stream, *encoding = "UTF-8";
    json_t *data = NULL;
    int i, eof = 0;

    if (flux_rpc_get_unpack(f, "{s:{s:s s?o s?s s?b}}", "io", "stream", &stream,
                            "data", &data, "encoding", &encoding, "eof",
                            &eof) < 0)
        cli_die_errno(t->x->p, "rank %u", (unsigned)t->rank);
    i = strcmp(stream, "stderr") == 0;
    if (strcmp(encoding, "base64") == 0)
        add_base64(&t->out[i], json_string_value(data));
    else
        buf_add(&t->out[i], json_string_value(data), json_string_length(data));
    print_lines(t, i);
    if (eof || t->out[i].size > LINE_LIMIT)
        print_rest(t, i);
    fflush(i == 0 ? stdout : stderr);
}

/* ---- signals ------------------------------------------------------------- */

static void kill_failed(flux_future_t *f, void *arg)
{
    struct target *t = arg;

    if (flux_future_get(f, NULL) < 0 && errno != ESRCH)
        cli_warn(t->x->p, "rank %u: kill: %s", (unsigned)t->rank,
                 future_strerror(f, errno));
    flux_future_destroy(f);
}

static void send_signal(struct target *t, int signum)
{
    flux_future_t *f;

    if (t->pid == 0) {
        t->signum = signum;
        return;
    }
    f = flux_rpc_pack(t->x->h, "rexec.kill", t->rank, 0, "{s:i s:i}", "pid",
                      t->pid, "signum", signum);
    if (!f || flux_future_then(f, -1, kill_failed, t) < 0)
        cli_die_errno(t->x->p, "rexec.kill");
}

static void forward(struct exec *x, int signum)
{
    if (x->verbose)
        fprintf(stderr, "sending signal %d to %zu running processes\n", signum,
                x->running);
    for (size_t i = 0; i < x->count; i++)
        if (x->targets[i].f && !x->targets[i].ended)
            send_signal(&x->targets[i], signum);
}

static char *running_ranks(const struct exec *x)
{
    struct idset *ranks = idset_create();
    char *text;

    for (size_t i = 0; ranks && i < x->count; i++)
        if (x->targets[i].f)
            idset_add(ranks, x->targets[i].rank);
    text = ranks ? idset_encode(ranks, true) : NULL;
    idset_destroy(ranks);
    return text;
}

/* The first SIGINT is the commands' only. */
static void count_interrupt(struct exec *x)
{
    double now = util_monotime();
    char *ranks;

    if (x->interrupts++ == 0)
        return;
    if (x->interrupts > 2 && now - x->interrupted < INTERRUPT_AGAIN) {
        ranks = running_ranks(x);
        fprintf(stderr, "%s: command still running at exit\n",
                ranks ? ranks : "?");
        exit(1);
    }
    x->interrupted = now;
    fprintf(stderr,
            "interrupt (Ctrl+C) one more time within %.2f sec to exit\n",
            INTERRUPT_AGAIN);
}

static void
signal_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    int signum = flux_signal_watcher_get_signum(w);
    struct exec *x = arg;

    (void)r;
    (void)revents;
    if (signum == SIGINT)
        count_interrupt(x);
    forward(x, signum);
}

static flux_watcher_t *watch_signal(struct exec *x, int signum)
{
    flux_watcher_t *w = flux_signal_watcher_create(x->r, signum, signal_cb, x);

    if (!w)
        cli_die_errno(x->p, "signals");
    flux_watcher_start(w);
    return w;
}

/* ---- stdin --------------------------------------------------------------- */

static json_t *io_create(const struct target *t, const char *data, size_t size)
{
    json_t *io = json_pack("{s:s s:o}", "stream", "stdin", "rank",
                           json_sprintf("%u", (unsigned)t->rank));
    json_t *text = json_stringn(data, size);
    char *base64;

    if (size == 0)
        json_object_set_new(io, "eof", json_true());
    if (size > 0 && !text && (base64 = base64_encode(data, size))) {
        json_object_set_new(io, "encoding", json_string("base64"));
        text = json_string(base64);
        free(base64);
    }
    if (size > 0)
        json_object_set_new(io, "data", text);
    else
        json_decref(text);
    return io;
}

/* Size 0: there is no more. */
static void write_to(struct target *t, const char *data, size_t size)
{
    uint32_t matchtag = flux_rpc_get_matchtag(t->f);
    flux_future_t *f;

    f = flux_rpc_pack(t->x->h, "rexec.write", t->rank, FLUX_RPC_NORESPONSE,
                      "{s:i s:o}", "matchtag", (int)matchtag, "io",
                      io_create(t, data, size));
    if (!f)
        cli_die_errno(t->x->p, "rexec.write");
    flux_future_destroy(f);
    t->credit -= (int64_t)size;
}

static void broadcast(struct exec *x, const char *data, size_t size)
{
    for (size_t i = 0; i < x->count; i++)
        if (x->targets[i].f && !x->targets[i].ended)
            write_to(&x->targets[i], data, size);
}

static void end_input(struct exec *x)
{
    flux_watcher_stop(x->input);
    x->input_ended = true;
    broadcast(x, NULL, 0);
}

/* So that all of them together have no more than WINDOW on its way. */
static int64_t acceptable(const struct target *t)
{
    int64_t window = WINDOW / (int64_t)t->x->running + 1;
    int64_t free_now = window - (t->room - t->credit);

    return free_now < t->credit ? free_now : t->credit;
}

static int64_t acceptable_to_all(const struct exec *x)
{
    int64_t least = WINDOW;

    for (size_t i = 0; i < x->count; i++) {
        const struct target *t = &x->targets[i];

        if (t->f && !t->ended && acceptable(t) < least)
            least = acceptable(t);
    }
    return least;
}

static void pace_input(struct exec *x)
{
    if (x->input_ended || x->running == 0)
        return;
    if (acceptable_to_all(x) > 0)
        flux_watcher_start(x->input);
    else
        flux_watcher_stop(x->input);
}

static void
input_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct exec *x = arg;
    char data[WINDOW];
    ssize_t n;

    (void)r;
    (void)w;
    (void)revents;
    n = read(STDIN_FILENO, data, (size_t)acceptable_to_all(x));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0)
        end_input(x);
    else
        broadcast(x, data, (size_t)n);
    pace_input(x);
}

/* ---- responses ----------------------------------------------------------- */

static void take_started(struct target *t, flux_future_t *f)
{
    if (flux_rpc_get_unpack(f, "{s:i}", "pid", &t->pid) == 0 && t->signum)
        send_signal(t, t->signum);
    t->signum = 0;
}

static void take_credit(struct target *t, flux_future_t *f)
{
    json_int_t size = 0;

    flux_rpc_get_unpack(f, "{s:{s?I}}", "channels", "stdin", &size);
    if (t->room == 0)
        t->room = size;
    t->credit += size;
    pace_input(t->x);
}

static void take_finished(struct target *t, flux_future_t *f)
{
    int status = 0;

    flux_rpc_get_unpack(f, "{s:i}", "status", &status);
    t->code = WIFSIGNALED(status) ? SIGNALLED + WTERMSIG(status)
                                  : WEXITSTATUS(status);
    t->ended = true;
    pace_input(t->x);
}

static int code_of(int errnum)
{
    switch (errnum) {
    case ENOENT:
        return NOT_FOUND;
    case EACCES:
    case EPERM:
        return CANNOT_EXECUTE;
    case EHOSTUNREACH:
        return NO_HOST;
    default:
        return 1;
    }
}

static void complain(struct target *t, flux_future_t *f, int errnum)
{
    cli_warn(t->x->p, "Error: rank %u: %s: %s", (unsigned)t->rank, t->x->name,
             future_strerror(f, errnum));
    t->failed = true;
}

static void target_ended(struct target *t, flux_future_t *f)
{
    struct exec *x = t->x;

    flux_future_destroy(f);
    t->f = NULL;
    if (--x->running == 0)
        flux_reactor_stop(x->r);
}

static void stream_ended(struct target *t, flux_future_t *f, int errnum)
{
    if (errnum != ENODATA) {
        complain(t, f, errnum);
        t->code = code_of(errnum);
    }
    print_rest(t, 0);
    print_rest(t, 1);
    target_ended(t, f);
    pace_input(t->x);
}

/* The one answer of --bg.  That it runs is all that can be known. */
static void left_running(flux_future_t *f, void *arg)
{
    struct target *t = arg;

    if (flux_rpc_get_unpack(f, "{s:i}", "pid", &t->pid) == 0) {
        printf("%u: %d\n", (unsigned)t->rank, t->pid);
    } else {
        complain(t, f, errno);
        t->code = 1;
    }
    target_ended(t, f);
}

static void response(flux_future_t *f, void *arg)
{
    struct target *t = arg;
    const char *type;

    if (flux_rpc_get_unpack(f, "{s:s}", "type", &type) < 0) {
        stream_ended(t, f, errno);
        return;
    }
    if (strcmp(type, "output") == 0)
        take_output(t, f);
    else if (strcmp(type, "add-credit") == 0)
        take_credit(t, f);
    else if (strcmp(type, "started") == 0)
        take_started(t, f);
    else if (strcmp(type, "finished") == 0)
        take_finished(t, f);
    flux_future_reset(f);
}

/* ---- start --------------------------------------------------------------- */

/* A value that is no text cannot be sent. */
static json_t *environment(void)
{
    json_t *env = json_object();

    for (char **variable = environ; *variable; variable++) {
        const char *value = strchr(*variable, '=');
        char *name;

        if (!value || value == *variable)
            continue;
        name = util_asprintf("%.*s", (int)(value - *variable), *variable);
        if (name)
            json_object_set_new(env, name, json_string(value + 1));
        free(name);
    }
    return env;
}

static json_t *words(char **argv)
{
    json_t *array = json_array();

    for (; *argv; argv++)
        if (json_array_append_new(array, json_string(*argv)) < 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static int set_folder(struct cli *p, json_t *command)
{
    const char *given = cli_get(p, "dir", NULL);
    char folder[4096];

    if (given && strcmp(given, "none") == 0)
        return 0;
    if (!given)
        given = getcwd(folder, sizeof(folder));
    return given ? json_object_set_new(command, "cwd", json_string(given)) : -1;
}

static int set_label(struct cli *p, json_t *command)
{
    const char *label = cli_get(p, "label", NULL);

    return label ? json_object_set_new(command, "label", json_string(label))
                 : 0;
}

static json_t *command(struct cli *p)
{
    json_t *o =
        json_pack("{s:o s:o s:{s:s s:s} s:[]}", "cmdline", words(cli_argv(p)),
                  "env", environment(), "opts", "stdout_LINE_BUFFER", "false",
                  "stderr_LINE_BUFFER", "false", "channels");

    if (!o || set_folder(p, o) < 0 || set_label(p, o) < 0)
        cli_die(p, "cannot describe the command: %s", strerror(errno));
    return o;
}

static void start_target(struct target *t, json_t *cmd)
{
    bool background = t->x->background;
    int flags = FLAG_STDOUT | FLAG_STDERR | (background ? 0 : FLAG_CREDIT);

    t->f = flux_rpc_pack(t->x->h, "rexec.exec", t->rank,
                         background ? 0 : FLUX_RPC_STREAMING, "{s:O s:i s:i}",
                         "cmd", cmd, "flags", flags, "local_flags", 0);
    if (!t->f ||
        flux_future_then(t->f, -1, background ? left_running : response, t) < 0)
        cli_die_errno(t->x->p, "rexec.exec");
}

static void start_all(struct exec *x)
{
    json_t *cmd = command(x->p);
    uint32_t rank = idset_next(x->ranks, 0);

    for (size_t i = 0; i < x->count; i++) {
        x->targets[i].x = x;
        x->targets[i].rank = rank;
        start_target(&x->targets[i], cmd);
        rank = idset_next(x->ranks, rank + 1);
    }
    json_decref(cmd);
    x->running = x->count;
}

static struct idset *all_ranks(struct cli *p, uint32_t size)
{
    struct idset *all = idset_create();

    for (uint32_t rank = 0; all && rank < size; rank++)
        idset_add(all, rank);
    if (!all)
        cli_die_errno(p, "ranks");
    return all;
}

static struct idset *chosen(struct cli *p, uint32_t size)
{
    const char *text = cli_get(p, "rank", "all");
    struct idset *ranks;
    uint32_t last = 0;

    if (strcmp(text, "all") == 0)
        return all_ranks(p, size);
    if (!(ranks = idset_decode(text)))
        cli_die_errno(p, "failed to decode idset '%s'", text);
    for (uint32_t r = idset_next(ranks, 0); r != IDSET_NONE;
         r = idset_next(ranks, r + 1))
        last = r;
    if (last >= size || idset_count(ranks) == 0)
        cli_die(p, "One or more invalid --ranks specified: %s", text);
    return ranks;
}

static void exclude(struct cli *p, struct idset *ranks)
{
    const char *text = cli_get(p, "exclude", NULL);
    struct idset *others;

    if (!text)
        return;
    if (!(others = idset_decode(text)))
        cli_die_errno(p, "error decoding --exclude idset");
    for (uint32_t r = idset_next(others, 0); r != IDSET_NONE;
         r = idset_next(others, r + 1))
        idset_remove(ranks, r);
    idset_destroy(others);
}

static void choose_targets(struct exec *x)
{
    uint32_t size;

    if (flux_get_size(x->h, &size) < 0)
        cli_die_errno(x->p, "size");
    x->ranks = chosen(x->p, size);
    exclude(x->p, x->ranks);
    x->count = idset_count(x->ranks);
    if (x->count == 0)
        cli_die(x->p, "No targets specified");
    if (!(x->targets = calloc(x->count, sizeof(*x->targets))))
        cli_die_errno(x->p, "targets");
}

static void tell_targets(struct exec *x)
{
    char *ranks = idset_encode(x->ranks, true);

    tell(x, "Starting %s on %s", x->name, ranks ? ranks : "?");
    free(ranks);
}

static void open_input(struct exec *x)
{
    x->input =
        flux_fd_watcher_create(x->r, STDIN_FILENO, FLUX_POLLIN, input_cb, x);
    if (!x->input)
        cli_die_errno(x->p, "stdin");
    if (cli_count(x->p, "noinput"))
        end_input(x);
}

/* ---- end ----------------------------------------------------------------- */

/* Who failed in the same way as `first`, and those are done with. */
static void report_alike(struct exec *x, struct target *first)
{
    struct idset *ranks = idset_create();
    int code = first->code;
    char *text;

    for (struct target *t = first; t < x->targets + x->count; t++)
        if (ranks && t->code == code && !t->failed) {
            idset_add(ranks, t->rank);
            t->failed = true;
        }
    text = ranks ? idset_encode(ranks, true) : NULL;
    if (code > SIGNALLED)
        fprintf(stderr, "%s: %s\n", text ? text : "?",
                strsignal(code - SIGNALLED));
    else
        fprintf(stderr, "%s: Exit %d\n", text ? text : "?", code);
    free(text);
    idset_destroy(ranks);
}

static int report(struct exec *x)
{
    int status = 0;

    for (size_t i = 0; i < x->count; i++)
        if (x->targets[i].code > status)
            status = x->targets[i].code;
    tell(x, "%zu tasks complete with code %d", x->count, status);
    for (size_t i = 0; i < x->count && !x->quiet; i++)
        if (x->targets[i].code && !x->targets[i].failed)
            report_alike(x, &x->targets[i]);
    return status;
}

static void release(struct exec *x)
{
    flux_watcher_destroy(x->input);
    flux_watcher_destroy(x->sigint);
    flux_watcher_destroy(x->sigterm);
    for (size_t i = 0; i < x->count; i++) {
        buf_release(&x->targets[i].out[0]);
        buf_release(&x->targets[i].out[1]);
    }
    free(x->targets);
    idset_destroy(x->ranks);
    flux_close(x->h);
}

static int run(struct cli *p)
{
    struct exec x = {
        .p = p,
        .name = cli_argv(p)[0],
        .label = cli_count(p, "label-io") > 0,
        .verbose = cli_count(p, "verbose") > 0,
        .quiet = cli_count(p, "quiet") > 0,
        .background = cli_count(p, "bg") > 0,
        .started = util_monotime(),
    };
    int status;

    x.h = cli_open(p);
    x.r = flux_get_reactor(x.h);
    choose_targets(&x);
    tell_targets(&x);
    x.sigint = watch_signal(&x, SIGINT);
    x.sigterm = watch_signal(&x, SIGTERM);
    start_all(&x);
    if (!x.background)
        open_input(&x);
    tell(&x, "Sent all requests");
    if (flux_reactor_run(x.r, 0) < 0)
        cli_die_errno(p, "flux_reactor_run");
    status = report(&x);
    release(&x);
    return status;
}

static const struct cli_option options[] = {
    {'r', "rank", CLI_ARG, "IDSET", "Target these ranks (default: all)"},
    {'x', "exclude", CLI_ARG, "IDSET", "Exclude ranks from the target"},
    {0, "bg", CLI_NO_ARG, NULL,
     "Leave it running, print its rank and process id"},
    {0, "label", CLI_ARG, "LABEL", "Give it a name, beside its process id"},
    {'d', "dir", CLI_ARG, "PATH",
     "Set the working directory to PATH (none: the broker's)"},
    {'l', "label-io", CLI_NO_ARG, NULL,
     "Label lines of output with the source rank"},
    {'n', "noinput", CLI_NO_ARG, NULL, "Redirect stdin from /dev/null"},
    {'v', "verbose", CLI_NO_ARG, NULL, "Say what is done, and when"},
    {'q', "quiet", CLI_NO_ARG, NULL, "Do not say which ranks failed"},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_exec = {
    .name = "flux-exec",
    .arguments = "[OPTIONS] COMMAND...",
    .summary = "Run a command on many ranks",
    .options = options,
    .run = run,
    .min_args = 1,
    .max_args = -1,
    .stop_at_argument = true,
};
