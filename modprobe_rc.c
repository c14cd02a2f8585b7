/* modprobe_rc.c - flux modprobe rc1, rc3, run: how an instance begins and ends
 *
 * rc1 loads modules, runs the tasks of Python rc files, and then the programs
 * of FLUX_RC_EXTRA; rc3 runs the programs, then its tasks, and removes what is
 * loaded.  Which modules: what rc1.py says if there is one, else all that are
 * described, less those that lose against another alternative.
 *
 * What always holds:
 * - Modules and programs alone are a matter of this program.  Python is
 *   started only where there is an rc file in it; it is then handed the whole
 *   model as one JSON object (make_order) and does the loading, too, since
 *   tasks and modules wait for each other.
 * - Where no module is described and no rc file is found, rc1 ends without a
 *   word to the broker; rc3 removes all that is loaded, described or not.
 * - rc3 goes on to remove modules when a program has failed; rc1 ends there.
 */
#include "modprobe_rc.h"

#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "modprobe_path.h"
#include "modprobe_session.h"
#include "sys.h"
#include "util.h"

/* ---- rc files in Python ----
 */

/* The word behind it is the descriptor that hand_over() wrote. */
static const char START[] =
    "import sys; sys.path[:] = [p for p in sys.path if p]; "
    "from flux.modprobe import main; main()";

static json_t *show_all(struct modprobe_session *s)
{
    json_t *modules = json_array();

    for (size_t i = 0; i < s->mp->count; i++)
        if (json_array_append_new(modules, modprobe_show(s->mp->modules[i])) <
            0)
            cli_die(s->p, "ERROR: out of memory");
    return modules;
}

/* What python/flux/modprobe.py is told. */
static json_t *
make_order(struct modprobe_session *s, const char *command, json_t *files)
{
    json_t *o =
        json_pack("{s:s s:o s:O s:O s:b s:b s:b s:b}", "command", command,
                  "modules", show_all(s), "disable", s->unknown, "files", files,
                  "verbose", cli_count(s->p, "verbose") > 0, "dry_run",
                  cli_count(s->p, "dry-run") > 0, "show_deps",
                  cli_count(s->p, "show-deps") > 0, "timing",
                  cli_count(s->p, "timing") > 0);

    if (!o)
        cli_die(s->p, "ERROR: out of memory");
    return o;
}

/* A file without a name that only Python will read. */
static int write_order(struct modprobe_session *s, json_t *order)
{
    FILE *file = tmpfile();

    if (!file || json_dumpf(order, file, JSON_COMPACT) < 0 ||
        fflush(file) != 0 || fseek(file, 0, SEEK_SET) < 0 ||
        util_set_cloexec(fileno(file), false) < 0)
        cli_die_errno(s->p, "ERROR: cannot hand over to Python");
    return fileno(file);
}

static int hand_over(struct modprobe_session *s, json_t *order)
{
    char fd[16];
    char *argv[] = {(char *)cmd_python.name, (char *)"-B", (char *)"-c",
                    (char *)START,           fd,           NULL};

    snprintf(fd, sizeof(fd), "%d", write_order(s, order));
    fflush(stdout);
    flux_close(s->h);
    return cli_run(&cmd_python, 5, argv);
}

int modprobe_rc_run_file(struct cli *p)
{
    const char *file = cli_argv(p)[0];
    char *path = sys_realpath(file);
    json_t *files;
    struct modprobe_session s;

    if (!path)
        cli_die(p, "ERROR: %s: '%s'", flux_strerror(errno), file);
    modprobe_session_read(&s, p);
    modprobe_session_meet(&s, true);
    if (!(files = json_pack("[s]", path)))
        cli_die(p, "ERROR: the file's name is not UTF-8");
    return hand_over(&s, make_order(&s, "run", files));
}

/* ---- FLUX_RC_EXTRA ----
 */

static int wait_for(pid_t pid, const char *path)
{
    int status;

    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status))
        fprintf(stderr, "%s: exited with exit status %d\n", path,
                WEXITSTATUS(status));
    else
        fprintf(stderr, "%s: died by signal %d\n", path, WTERMSIG(status));
    return -1;
}

static int run_script(const char *path)
{
    char *const argv[] = {(char *)path, NULL};
    pid_t pid = fork();

    if (pid == 0) {
        execv(path, argv);
        perror(path);
        _exit(126);
    }
    return pid < 0 ? -1 : wait_for(pid, path);
}

/* One after the other, up to the first that fails. */
static int run_scripts(struct cli *p, json_t *scripts)
{
    bool dry_run = cli_count(p, "dry-run") > 0;
    const char *path;

    for (size_t i = 0; (path = modprobe_nth(scripts, i)); i++) {
        if (dry_run || cli_count(p, "verbose") > 0)
            printf("run %s\n", path);
        fflush(stdout);
        if (!dry_run && run_script(path) < 0)
            return 1;
    }
    return 0;
}

/* ---- rc1, rc3 ----
 */

static void print_deps(const struct modprobe_plan *plan)
{
    json_t *o = json_object();
    char *text;

    for (size_t i = 0; i < plan->count; i++) {
        json_t *names = json_array();

        for (size_t j = 0; j < plan->count; j++)
            if (plan->waits[i * plan->count + j])
                json_array_append_new(names, json_string(plan->items[j]->name));
        json_object_set_new(o, plan->items[i]->name, names);
    }
    if ((text = json_dumps(o, 0)))
        puts(text);
    free(text);
    json_decref(o);
}

/* What an rc is made of. */
struct rc {
    const char *name;
    bool removing; /* rc3 */
    json_t *files; /* in Python */
    bool replaced; /* one of them says what is loaded or removed */
    json_t *scripts;
};

/* Half of the time that there is for all of it, so that those which depend on
 * a module that hangs have the other half.  0 where there is no limit, or the
 * broker is one that has none.
 */
static double force_after(flux_t *h)
{
    const char *limit = flux_attr_get(h, "broker.rc3-timeout");
    double seconds;

    if (!limit || util_parse_duration(limit, &seconds) < 0 || isinf(seconds))
        return 0;
    return seconds / 2;
}

static int run_modules(struct modprobe_session *s, const struct rc *rc)
{
    bool show_deps = cli_count(s->p, "show-deps") > 0;
    struct modprobe_set set;
    flux_error_t e;
    int status;

    modprobe_session_meet(s, false);
    if (rc->removing) {
        modprobe_session_mark_loaded(s);
        s->force_after = force_after(s->h);
    }
    modprobe_session_init_set(s, &set);
    if (rc->removing)
        modprobe_session_add_loaded(s, &set);
    else
        modprobe_session_check(s, modprobe_order_default(s->mp, &set, &e), &e);
    status = modprobe_session_carry_out(s, &set, rc->removing,
                                        show_deps ? print_deps : NULL);
    modprobe_order_release(&set);
    return status;
}

static int run_python(struct modprobe_session *s, const struct rc *rc)
{
    json_t *order;

    modprobe_session_meet(s, true);
    order = make_order(s, rc->name, rc->files);
    json_object_set(order, "scripts", rc->scripts);
    if (!rc->replaced)
        json_object_set_new(order, rc->removing ? "remove" : "load",
                            json_true());
    return hand_over(s, order);
}

/* Scripts come when all modules are there: last in rc1, first in rc3. */
static int run_parts(struct modprobe_session *s, const struct rc *rc)
{
    bool only_show = cli_count(s->p, "show-deps") > 0;
    int status = 0;

    if (rc->removing && !only_show)
        status = run_scripts(s->p, rc->scripts);
    if ((rc->removing || s->mp->count > 0) && run_modules(s, rc) != 0)
        status = 1;
    if (status == 0 && !rc->removing && !only_show)
        status = run_scripts(s->p, rc->scripts);
    return status;
}

static int run_rc(struct cli *p, const char *name)
{
    struct rc rc = {.name = name, .removing = strcmp(name, "rc3") == 0};
    bool verbose = cli_count(p, "verbose") > 0;
    struct modprobe_session s;
    flux_error_t e;
    int status;

    modprobe_session_read(&s, p);
    rc.files = modprobe_path_rc(name, verbose, &rc.replaced, &e);
    modprobe_session_check(&s, rc.files ? 0 : -1, &e);
    rc.scripts = modprobe_path_scripts(name, verbose, &e);
    modprobe_session_check(&s, rc.scripts ? 0 : -1, &e);
    status = json_array_size(rc.files) > 0 ? run_python(&s, &rc)
                                           : run_parts(&s, &rc);
    json_decref(rc.files);
    json_decref(rc.scripts);
    modprobe_session_end(&s);
    return status;
}

int modprobe_rc_run1(struct cli *p)
{
    return run_rc(p, "rc1");
}

int modprobe_rc_run3(struct cli *p)
{
    return run_rc(p, "rc3");
}
