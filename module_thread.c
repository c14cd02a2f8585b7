/* module_thread.c - modules that are shared objects run in threads
 *
 * The thread shares nothing with the broker but one end of a socketpair, on
 * which it opens a flux_t of its own with a reactor of its own, and goes
 * through the same steps as a loader in a process (RFC 5): initialize,
 * register handlers, mod_main, finalize.  All signals are blocked in it.
 *
 * The file is opened, checked and mapped in the broker, so that the text of a
 * failure goes to the one who asked.  It is unmapped when the thread has been
 * joined, so that a rebuilt file is what the next load gets.  Its symbols
 * stay local; RTLD_DEEPBIND is not used, since it breaks sanitizers and
 * preloaded libraries.
 *
 * Cancellation is deferred: it takes effect when the thread waits.  The
 * cleanup closes the channel, which is how the broker hears of it.
 */
#include "module.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "handle.h"
#include "sys.h"
#include "util.h"

typedef int (*mod_main_f)(flux_t *h, int argc, char **argv);

enum {
    /* Same as a process gets on Linux; only what is touched costs memory. */
    THREAD_STACK_SIZE = 8 << 20,
};

struct thread {
    pthread_t id;
    bool started;
    void *dso;
    mod_main_f mod_main;
    struct link *link;
    int fd; /* the module's end, until there is a thread that has it */
    char *name;
    int argc;
    char **argv;
};

/* ---- in the thread ----------------------------------------------------- */

static void close_handle(void *arg)
{
    flux_close(arg);
}

static int run_mod_main(struct thread *t, flux_t *h)
{
    int errnum;

    errno = 0;
    if (t->mod_main(h, t->argc, t->argv) >= 0)
        return 0;
    errnum = errno ? errno : ECONNRESET;
    flux_log(h, LOG_CRIT, "module exiting abnormally");
    return errnum;
}

static void live(struct thread *t, flux_t *h)
{
    flux_error_t e;
    int errnum;

    if (flux_module_initialize(h, NULL, &e) < 0
        || flux_module_register_handlers(h, &e) < 0) {
        flux_log(h, LOG_ERR, "%s", e.text);
        return;
    }
    errnum = run_mod_main(t, h);
    if (flux_module_finalize(h, errnum, &e) < 0)
        flux_log(h, LOG_ERR, "%s", e.text);
}

static void *thread_main(void *arg)
{
    struct thread *t = arg;
    flux_t *h;

    sys_thread_name(t->name);
    if (!(h = handle_open_fd(t->fd, 0, false, NULL))) {
        close(t->fd);
        return NULL;
    }
    flux_log_set_appname(h, t->name);
    pthread_cleanup_push(close_handle, h);
    live(t, h);
    pthread_cleanup_pop(1);
    return NULL;
}

/* ---- in the broker ------------------------------------------------------- */

static int check_digest(struct module *m, flux_error_t *e)
{
    int fd = open(m->path, O_RDONLY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : sha1_fd(fd, m->digest);

    if (fd >= 0)
        close(fd);
    if (rc < 0)
        return util_error(e, "%s: %s", m->path, strerror(errno));
    return 0;
}

static int check_legacy_name(struct module *m, struct thread *t, flux_error_t *e)
{
    const char **name = dlsym(t->dso, "mod_name");

    if (name && *name && strcmp(*name, m->name) != 0)
        return util_errno(e, EINVAL, "mod_name %s != name %s", *name, m->name);
    return 0;
}

static int find_mod_main(struct thread *t, flux_error_t *e)
{
    void *symbol = dlsym(t->dso, "mod_main");

    if (!symbol)
        return util_errno(e, EINVAL, "module does not define mod_main()");
    memcpy(&t->mod_main, &symbol, sizeof(symbol)); /* C99 has no such cast */
    return 0;
}

#ifdef BUSYFLUX_STATIC
static void *open_dso(const char *path, flux_error_t *e)
{
    util_errno(e, ENOTSUP,
               "%s: this is a static program, which cannot load shared "
               "objects; use a dynamic build of busyflux",
               path);
    return NULL;
}
#else
static void *open_dso(const char *path, flux_error_t *e)
{
    void *dso = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    if (!dso)
        util_errno(e, ENOEXEC, "%s", dlerror());
    return dso;
}
#endif

static int open_file(struct module *m, flux_error_t *e)
{
    struct thread *t = m->impl;

    if (!(t->dso = open_dso(m->path, e)))
        return -1;
    if (check_legacy_name(m, t, e) < 0 || find_mod_main(t, e) < 0)
        return -1;
    return check_digest(m, e);
}

static int copy_arguments(struct module *m, struct thread *t)
{
    size_t i, n = json_array_size(m->args);

    if (!(t->name = strdup(m->name))
        || !(t->argv = calloc(n + 1, sizeof(*t->argv))))
        return -1;
    for (i = 0; i < n; i++)
        if (!(t->argv[i] =
                  strdup(json_string_value(json_array_get(m->args, i)))))
            return -1;
    t->argc = (int)n;
    return 0;
}

static void channel_closed(struct link *l, int errnum, void *arg)
{
    (void)l;
    (void)errnum;
    module_closed(arg);
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

/* With every signal blocked, which the new thread inherits. */
static int create_thread(struct thread *t)
{
    pthread_attr_t attr;
    sigset_t all, old;
    int rc;

    if ((rc = pthread_attr_init(&attr)) != 0)
        return rc;
    pthread_attr_setstacksize(&attr, THREAD_STACK_SIZE);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&t->id, &attr, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attr);
    return rc;
}

static int thread_start(struct module *m, flux_error_t *e)
{
    struct thread *t = calloc(1, sizeof(*t));
    int rc;

    if (!(m->impl = t))
        return util_error(e, "out of memory");
    t->fd = -1;
    if (open_file(m, e) < 0)
        return -1;
    if (copy_arguments(m, t) < 0 || open_channel(m, t) < 0)
        return util_error(e, "%s: %s", m->path, strerror(errno));
    if ((rc = create_thread(t)) != 0)
        return util_errno(e, rc, "%s: cannot create a thread: %s", m->path,
                          strerror(rc));
    t->started = true;
    return 0;
}

static void thread_cancel(struct module *m)
{
    struct thread *t = m->impl;

    pthread_cancel(t->id);
}

static void unmap(struct module *m, struct thread *t)
{
    if (!t->dso)
        return;
    dlclose(t->dso);
    t->dso = NULL;
    if (sys_dso_is_mapped(m->path))
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
    return ECONNRESET;
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

const struct module_ops module_thread_ops = {
    .kind = "thread",
    .start = thread_start,
    .cancel = thread_cancel,
    .join = thread_join,
    .destroy = thread_destroy,
    .send_queue = thread_send_queue,
};
