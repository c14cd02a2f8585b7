/* cmd_watch.c - flux module reload --watch: a module follows its file
 *
 * Whenever the file has changed, has been left alone for QUIET seconds and has
 * another digest than what was tried last, it is checked (modcheck.c), and the
 * module is reloaded.  Each reload is a line on stdout, each failure one on
 * stderr, and the watch goes on.
 *
 * What always holds:
 * - A file that does not pass the check changes nothing: the old module stays.
 * - One that passes, but does not come to run, is replaced by what ran before,
 *   of which a copy is kept in a folder of our own, below the broker's, which
 *   goes at the latest when that does.  Requests wait all the time, as in any
 *   reload.
 * - With --rank each cycle begins with all of these ranks.
 * - SIGINT and SIGTERM end it with status 0, and the folder goes; in the middle
 *   of a reload with status 1.  A reader of stdout who goes away ends it by
 *   SIGPIPE, as any command, but once the folder is gone.
 */
#include "cmd_watch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "modcheck.h"
#include "digest.h"
#include "modpath.h"
#include "util.h"

static const double LOOK = 0.1;  /* seconds between looks at the file */
static const double QUIET = 0.2; /* a compiler that writes pauses for less */

struct watch {
    struct cmd_load *l;
    struct cli *p;
    struct idset *ranks; /* all of them, or NULL */
    char *file;
    char *name;   /* the module's */
    char *folder; /* our own */
    char *kept;   /* in it: what ran last */
    char *next;   /* in it: what is about to run */
    bool has_kept;
    char digest[SHA1_HEX_SIZE]; /* what was tried last */
    flux_watcher_t *stat, *quiet, *interrupt, *terminate;
    bool busy;    /* in a reload: a signal ends it at once */
    bool ended;   /* by a signal, or since */
    bool unheard; /* no one reads what is told */
};

/* ---- files -----------------------------------------------------------------
 */

static void remove_folder(struct watch *w)
{
    unlink(w->kept);
    unlink(w->next);
    rmdir(w->folder);
}

static void make_folder(struct watch *w)
{
    const char *rundir = flux_attr_get(w->l->h, "rundir");
    const char *base = strrchr(w->file, '/');

    if (!rundir)
        cli_die_errno(w->p, "rundir");
    w->folder = util_asprintf("%s/watch-XXXXXX", rundir);
    if (!w->folder || !mkdtemp(w->folder))
        cli_die_errno(w->p, "%s", w->folder ? w->folder : rundir);
    base = base ? base + 1 : w->file;
    w->kept = util_asprintf("%s/kept-%s", w->folder, base);
    w->next = util_asprintf("%s/%s", w->folder, base);
    if (!w->kept || !w->next)
        cli_die_errno(w->p, "%s", w->file);
}

static int copy_bytes(int from, int to)
{
    char bytes[64 << 10];
    ssize_t n;

    while ((n = read(from, bytes, sizeof(bytes))) > 0)
        if (util_write_all(to, bytes, (size_t)n) < 0)
            return -1;
    return (int)n;
}

static int copy_file(const char *from, const char *to)
{
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);
    int rc = in >= 0 && out >= 0 ? copy_bytes(in, out) : -1;

    if (in >= 0)
        close(in);
    if (out >= 0 && close(out) < 0)
        rc = -1;
    return rc;
}

/* ---- one reload ------------------------------------------------------------
 */

static struct idset *copy_ranks(struct watch *w, const struct idset *ranks)
{
    char *text = ranks ? idset_encode(ranks, false) : NULL;
    struct idset *copy = text ? idset_decode(text) : NULL;

    if (ranks && !copy)
        cli_die_errno(w->p, "ranks");
    free(text);
    return copy;
}

static void drop_ranks(struct idset *from, const struct idset *ranks)
{
    uint32_t rank = ranks ? idset_next(ranks, 0) : IDSET_NONE;

    for (; rank != IDSET_NONE; rank = idset_next(ranks, rank + 1))
        idset_remove(from, rank);
}

/* Where it has failed, what ran before is loaded again.  `ranks` are those
 * where it was tried, and are taken.
 */
static void go_back(struct watch *w, struct idset *ranks)
{
    struct cmd_load *l = w->l;

    drop_ranks(ranks, l->ranks);
    idset_destroy(l->ranks);
    l->ranks = ranks;
    l->from = w->kept;
    if (cmd_load_load(l) == 0)
        cli_warn(w->p, "reload %s: what ran before is loaded again", l->module);
    l->from = NULL;
}

static void say(struct watch *w, const char *what, const char *detail)
{
    if (printf("%s: %s%s\n", w->name, what, detail) < 0 ||
        fflush(stdout) == EOF)
        w->ended = w->unheard = true;
}

static void load(struct watch *w)
{
    struct cmd_load *l = w->l;
    struct idset *tried = copy_ranks(w, l->ranks);
    int failed;

    l->hold_on = w->has_kept;
    failed = cmd_load_load(l);
    l->hold_on = false;
    if (cmd_load_goes_on(l, failed))
        say(w, "reloaded, ", w->digest);
    if (failed && w->has_kept)
        go_back(w, copy_ranks(w, tried));
    if (!failed && rename(w->next, w->kept) == 0)
        w->has_kept = true;
    idset_destroy(tried);
}

static void reload(struct watch *w)
{
    struct cmd_load *l = w->l;
    int failed;

    idset_destroy(l->ranks);
    l->ranks = copy_ranks(w, w->ranks);
    w->busy = true;
    failed = cmd_load_find(l);
    if (cmd_load_goes_on(l, failed))
        failed += cmd_load_remove(l);
    if (cmd_load_goes_on(l, failed))
        load(w);
    w->busy = false;
    l->force = true; /* it may be gone since the last time */
}

/* ---- when ------------------------------------------------------------------
 */

static bool is_same(const char *path, const char *digest)
{
    char now[SHA1_HEX_SIZE];
    flux_error_t e;

    return digest_of_file(NULL, path, now, &e) == 0 && strcmp(now, digest) == 0;
}

static void check_and_reload(struct watch *w)
{
    char *text;

    if (modcheck_file(w->file, w->name, &text) == 0)
        reload(w);
    else
        cli_warn(w->p, "reload %s: %s; nothing is changed", w->l->module,
                 text ? text : flux_strerror(ENOMEM));
    free(text);
}

/* The file has been left alone for a while.  One that changes even so is
 * looked at again.
 */
static void look(struct watch *w)
{
    char digest[SHA1_HEX_SIZE];
    flux_error_t e;

    if (digest_of_file(NULL, w->file, digest, &e) < 0 ||
        strcmp(digest, w->digest) == 0)
        return;
    memcpy(w->digest, digest, sizeof(digest));
    if (copy_file(w->file, w->next) == 0 && is_same(w->next, digest))
        check_and_reload(w);
    else
        w->digest[0] = '\0';
    flux_timer_watcher_reset(w->quiet, QUIET, 0);
    flux_watcher_start(w->quiet);
}

static void
file_changed(flux_reactor_t *r, flux_watcher_t *stat, int revents, void *arg)
{
    struct watch *w = arg;

    (void)r;
    (void)stat;
    (void)revents;
    flux_watcher_stop(w->quiet);
    flux_timer_watcher_reset(w->quiet, QUIET, 0);
    flux_watcher_start(w->quiet);
}

static void
is_quiet(flux_reactor_t *r, flux_watcher_t *timer, int revents, void *arg)
{
    (void)timer;
    (void)revents;
    (void)arg;
    flux_reactor_stop(r);
}

static void
signal_came(flux_reactor_t *r, flux_watcher_t *signal, int revents, void *arg)
{
    struct watch *w = arg;

    (void)signal;
    (void)revents;
    w->ended = true;
    if (w->busy) {
        remove_folder(w);
        exit(1);
    }
    flux_reactor_stop(r);
}

static void start(struct watch *w)
{
    flux_reactor_t *r = flux_get_reactor(w->l->h);

    w->stat = flux_stat_watcher_create(r, w->file, LOOK, file_changed, w);
    w->quiet = flux_timer_watcher_create(r, QUIET, 0, is_quiet, w);
    w->interrupt = flux_signal_watcher_create(r, SIGINT, signal_came, w);
    w->terminate = flux_signal_watcher_create(r, SIGTERM, signal_came, w);
    if (!w->stat || !w->quiet || !w->interrupt || !w->terminate)
        cli_die_errno(w->p, "reload --watch");
    flux_watcher_start(w->interrupt);
    flux_watcher_start(w->terminate);
    signal(SIGPIPE, SIG_IGN);
}

/* Its own watchers rest while it waits for the broker. */
static void follow(struct watch *w)
{
    flux_reactor_t *r = flux_get_reactor(w->l->h);

    while (!w->ended) {
        flux_watcher_start(w->stat);
        if (flux_reactor_run(r, 0) < 0)
            cli_die_errno(w->p, "reload --watch");
        flux_watcher_stop(w->stat);
        flux_watcher_stop(w->quiet);
        if (!w->ended)
            look(w);
    }
}

static void stop(struct watch *w)
{
    flux_watcher_destroy(w->stat);
    flux_watcher_destroy(w->quiet);
    flux_watcher_destroy(w->interrupt);
    flux_watcher_destroy(w->terminate);
    remove_folder(w);
    idset_destroy(w->ranks);
    free(w->folder);
    free(w->file);
    free(w->name);
    free(w->kept);
    free(w->next);
    if (w->unheard) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
}

/* ---- beginning -------------------------------------------------------------
 */

/* What is loaded, on the first rank where it is; or NULL. */
static json_t *find_loaded(struct watch *w)
{
    void *i;

    cmd_load_find(w->l);
    i = json_object_iter(w->l->loaded);
    return i ? json_object_iter_value(i) : NULL;
}

static void choose_file(struct watch *w, json_t *entry)
{
    const char *path = *w->l->path == '/'
                           ? w->l->path
                           : json_string_value(json_object_get(entry, "path"));

    if (!entry && !w->l->force)
        cli_die(w->p, "reload %s: it is not loaded%s", w->l->module,
                path ? "; --force loads it" : "");
    if (!path || *path != '/')
        cli_die(w->p, "reload %s: there is no file to watch", w->l->module);
    w->file = strdup(path);
    w->name = cli_get(w->p, "name", NULL) ? strdup(cli_get(w->p, "name", NULL))
                                          : modpath_name(path);
    if (!w->file || !w->name)
        cli_die_errno(w->p, "%s", path);
}

/* What runs already need not be loaded, unless it is to have other arguments.
 */
static void begin(struct watch *w, json_t *entry)
{
    const char *digest = json_string_value(json_object_get(entry, "digest"));

    say(w, "watching ", w->file);
    if (cli_argc(w->p) > 1 || !digest || !is_same(w->file, digest)) {
        look(w);
        return;
    }
    memcpy(w->digest, digest, sizeof(w->digest));
    w->has_kept = copy_file(w->file, w->kept) == 0;
}

int cmd_watch_run(struct cmd_load *l)
{
    struct watch w = {.l = l, .p = l->p};
    json_t *entry;

    w.ranks = copy_ranks(&w, l->ranks);
    entry = find_loaded(&w);
    choose_file(&w, entry);
    make_folder(&w);
    start(&w);
    begin(&w, entry);
    follow(&w);
    stop(&w);
    return 0;
}
