/* module_thread.c - modules that are shared objects run in threads
 *
 * The thread shares nothing with the broker but one end of a socketpair, on
 * which it opens a flux_t of its own with a reactor of its own, and goes
 * through the same steps as a loader in a process (RFC 5): initialize,
 * register handlers, mod_main, finalize.  All signals are blocked in it, but
 * those of a crash (crash.c).
 *
 * The file is opened, checked and mapped in the broker, so that the text of a
 * failure goes to the one who asked.  It is unmapped when the thread has been
 * joined, so that a rebuilt file is what the next load gets.
 *
 * Cancellation is deferred: it takes effect when the thread waits, logs, calls
 * or answers, never while it reads or writes its channel.  What hangs on its
 * handle is freed even so.
 *
 * The channel closes last of all that the thread does, which is how the broker
 * hears of its end and may join it without waiting.  A channel that ends before
 * that (the module closed it, sent what is no message, or never read) is the
 * module's end for all others; the thread is cancelled, and looked after until
 * it is over.
 */
#include "module.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crash.h"
#include "handle.h"
#include "modlife.h"
#include "module_set.h"
#include "sys.h"
#include "util.h"

/* Between looks at a thread that has lost its channel. */
static const double LOOK_INTERVAL = 0.02;

enum {
    /* Same as a process gets on Linux; only what is touched costs memory. */
    THREAD_STACK_SIZE = 8 << 20,
};

struct thread {
    pthread_t id;
    bool started;
    void *dso;
    modlife_main_f mod_main;
    struct link *link;
    int fd;    /* the module's end, until there is a thread that has it */
    flux_t *h; /* the thread's own */
    char *name;
    int argc;
    char **argv;
    bool cancelled;
    flux_watcher_t *look; /* NULL but while it lives without a channel */
    bool reclaiming;      /* the thread's own */
    int over; /* atomic: nothing but the end of the thread is to come */
};

/* ---- in the thread ----------------------------------------------------- */

static ino_t inode(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* Set on the handle before anything else is, and so destroyed behind all else,
 * before the channel closes.
 */
static void set_over(void *arg)
{
    struct thread *t = arg;

    if (!t->reclaiming)
        __atomic_store_n(&t->over, 1, __ATOMIC_RELEASE);
}

static bool is_over(struct thread *t)
{
    return __atomic_load_n(&t->over, __ATOMIC_ACQUIRE);
}

/* The module may have kept its handle; its channel must not stay open, as it
 * would if close(2) were where the thread is cancelled.
 */
static void leave(struct thread *t)
{
    ino_t channel = inode(t->fd);

    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    flux_close(t->h);
    set_over(t);
    if (inode(t->fd) == channel)
        close(t->fd);
}

/* What its stack held is lost, and nobody is left to be told that it is gone:
 * not the module, whose own memory stays, nor our calls in it.
 */
static void leave_cancelled(void *arg)
{
    struct thread *t = arg;

    t->reclaiming = true; /* destructors of the module's are to come */
    handle_reclaim(t->h);
    t->reclaiming = false;
    set_over(t);
}

static void live(struct thread *t, flux_t *h)
{
    flux_error_t e;

    if (flux_module_initialize(h, NULL, &e) < 0 ||
        modlife_run(h, t->mod_main, t->argc, t->argv, &e) < 0)
        flux_log(h, LOG_ERR, "%s", e.text);
}

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    char stack[CRASH_STACK_SIZE];

    crash_use_stack(stack, sizeof(stack));
    sys_thread_name(t->name);
    t->h = handle_open_fd(t->fd, 0, false, NULL);
    if (!t->h || flux_aux_set(t->h, NULL, t, set_over) < 0) {
        leave(t);
        return NULL;
    }
    handle_shield(t->h);
    flux_log_set_appname(t->h, t->name);
    pthread_cleanup_push(leave_cancelled, t);
    live(t, t->h);
    pthread_cleanup_pop(0);
    leave(t);
    return NULL;
}

/* ---- in the broker ------------------------------------------------------- */

static int open_file(struct module *m, flux_error_t *e)
{
    struct thread *t = m->impl;

    t->dso = modlife_open(m->file, m->name, &t->mod_main, &m->reason);
    if (!t->dso)
        return util_error(e, "%s", m->reason ? m->reason : strerror(errno));
    return digest_of_file(m->set->digests, m->file, m->digest, e);
}

static int copy_arguments(struct module *m, struct thread *t)
{
    size_t i, n = json_array_size(m->args);

    if (!(t->name = strdup(m->name)) ||
        !(t->argv = calloc(n + 1, sizeof(*t->argv))))
        return -1;
    for (i = 0; i < n; i++)
        if (!(t->argv[i] =
                  strdup(json_string_value(json_array_get(m->args, i)))))
            return -1;
    t->argc = (int)n;
    return 0;
}

static const char *thread_cancel(struct module *m)
{
    struct thread *t = m->impl;

    t->cancelled = true;
    pthread_cancel(t->id);
    return "cancel";
}

static void
look_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module *m = arg;
    struct thread *t = m->impl;

    (void)r;
    (void)revents;
    if (!is_over(t))
        return;
    flux_watcher_stop(w);
    module_closed(m);
}

static const char *describe(int errnum)
{
    return errnum == EPROTO    ? "sent what is no message"
           : errnum == ENOBUFS ? "did not read its messages"
                               : "closed its channel";
}

/* Its channel is gone and it is not. */
static void look_after(struct module *m, int errnum)
{
    struct thread *t = m->impl;
    flux_reactor_t *r = flux_get_reactor(module_broker_handle(m));

    router_peer_remove(m->peer);
    if (!m->reason && !m->removing)
        m->reason = util_asprintf("thread %s: cancelled", describe(errnum));
    thread_cancel(m);
    t->look =
        flux_timer_watcher_create(r, LOOK_INTERVAL, LOOK_INTERVAL, look_cb, m);
    flux_watcher_start(t->look);
}

static void channel_closed(struct link *l, int errnum, void *arg)
{
    struct module *m = arg;

    (void)l;
    if (is_over(m->impl))
        module_closed(m);
    else
        look_after(m, errnum);
}

static int open_channel(struct module *m, struct thread *t)
{
    int fds[2];

    if (sys_socketpair(fds) < 0)
        return -1;
    t->link = link_create(module_links(m), fds[0], PEER_MODULE, m->name,
                          channel_closed, m);
    if (!t->link) {
        close(fds[0]);
        close(fds[1]);
        return -1;
    }
    t->fd = fds[1];
    m->peer = link_peer(t->link);
    return 0;
}

/* With all signals blocked but those of a crash, as the thread inherits it. */
static int create_thread(struct thread *t)
{
    pthread_attr_t attr;
    sigset_t all, old;
    int rc;

    if ((rc = pthread_attr_init(&attr)) != 0)
        return rc;
    pthread_attr_setstacksize(&attr, THREAD_STACK_SIZE);
    sigfillset(&all);
    crash_let_through(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&t->id, &attr, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

static int thread_start(struct module *m, flux_error_t *e)
{
    struct thread *t = calloc(1, sizeof(*t));

    if (!(m->impl = t))
        return util_error(e, "out of memory");
    t->fd = -1;
    if (open_file(m, e) < 0)
        return -1;
    if (copy_arguments(m, t) < 0 || open_channel(m, t) < 0)
        return util_error(e, "%s: %s", m->path, strerror(errno));
    return 0;
}

static int thread_run(struct module *m, flux_error_t *e)
{
    struct thread *t = m->impl;
    int rc;

    if ((rc = create_thread(t)) != 0)
        return util_errno(e, rc, "%s: cannot create a thread: %s", m->path,
                          strerror(rc));
    t->started = true;
    return 0;
}

static const char *thread_force(struct module *m, double *again)
{
    struct thread *t = m->impl;

    *again = 0;
    return t->cancelled ? NULL : thread_cancel(m);
}

static void unmap(struct module *m, struct thread *t)
{
    const void *inside;

    if (!t->dso)
        return;
    memcpy(&inside, &t->mod_main, sizeof(inside)); /* C99 has no such cast */
    dlclose(t->dso);
    t->dso = NULL;
    if (sys_dso_has(inside))
        flux_log(module_broker_handle(m), LOG_DEBUG,
                 "%s: %s is still mapped: a changed file will not be seen",
                 m->name, m->path);
}

static int thread_join(struct module *m)
{
    struct thread *t = m->impl;

    pthread_join(t->id, NULL);
    t->started = false;
    t->fd = -1;
    return m->removing ? 0 : ECONNRESET;
}

static void free_strings(char **v)
{
    size_t i;

    for (i = 0; v && v[i]; i++)
        free(v[i]);
    free(v);
}

/* A thread that was never joined goes on using its struct: the process is
 * about to end, and takes it along.
 */
static void thread_destroy(struct module *m)
{
    struct thread *t = m->impl;

    if (!t)
        return;
    link_destroy(t->link);
    flux_watcher_destroy(t->look);
    m->impl = NULL;
    m->peer = NULL;
    if (t->started)
        return;
    if (t->fd >= 0)
        close(t->fd);
    unmap(m, t);
    free_strings(t->argv);
    free(t->name);
    free(t);
}

static size_t thread_send_queue(struct module *m)
{
    struct thread *t = m->impl;

    return conn_out_messages(link_conn(t->link));
}

static size_t thread_send_bytes(struct module *m)
{
    struct thread *t = m->impl;

    return conn_out_bytes(link_conn(t->link));
}

/* Memory is shared with the broker, and cannot be told apart. */
static int thread_usage(struct module *m, struct sys_usage *u)
{
    struct thread *t = m->impl;

    return t->started ? sys_thread_usage(t->id, u) : -1;
}

const struct module_ops module_thread_ops = {
    .kind = "thread",
    .start = thread_start,
    .run = thread_run,
    .cancel = thread_cancel,
    .force = thread_force,
    .join = thread_join,
    .destroy = thread_destroy,
    .send_queue = thread_send_queue,
    .send_bytes = thread_send_bytes,
    .usage = thread_usage,
};
