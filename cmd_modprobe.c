/* cmd_modprobe.c - flux modprobe: load and remove modules with their friends
 *
 *     load MODULE...             and all that they require
 *     remove MODULE... | all     and all that nothing requires then
 *     show                       what is known of a module
 *     list-dependencies          what it requires (modprobe_tree.c)
 *     rc1, rc3, run FILE         modprobe_rc.c
 *
 * What always holds:
 * - load takes no condition into account: who names a module wants it.  What
 *   is loaded is left alone, and stands for the services that it provides.
 * - remove refuses to take away what something that stays requires.
 */
#include "modprobe_rc.h"
#include "modprobe_session.h"
#include "modprobe_tree.h"

static int run_load(struct cli *p)
{
    struct modprobe_session s;
    struct modprobe_set set;
    flux_error_t e;
    int status = 0;

    modprobe_session_begin(&s, p);
    modprobe_session_mark_loaded(&s);
    modprobe_session_init_set(&s, &set);
    for (char **name = cli_argv(p); *name; name++)
        modprobe_session_check(
            &s, modprobe_order_require(s.mp, &set, *name, true, &e), &e);
    modprobe_order_drop_loaded(&set);
    if (set.count == 0)
        cli_warn(p, "INFO: All modules and dependencies are already loaded");
    else
        status = modprobe_session_carry_out(&s, &set, false, NULL);
    modprobe_order_release(&set);
    modprobe_session_end(&s);
    return status;
}

static void add_named(struct modprobe_session *s,
                      struct modprobe_set *set,
                      const char *name)
{
    struct modprobe_module *m = modprobe_resolve(s->mp, name, NULL);

    if (!m || !m->loaded)
        cli_die(s->p, "ERROR: module %s is not loaded", name);
    modprobe_order_add(set, m);
}

static int run_remove(struct cli *p)
{
    struct modprobe_session s;
    struct modprobe_set set;
    flux_error_t e;
    int status;

    modprobe_session_begin(&s, p);
    modprobe_session_mark_loaded(&s);
    modprobe_session_init_set(&s, &set);
    for (char **name = cli_argv(p); *name; name++) {
        if (strcmp(*name, "all") == 0)
            modprobe_session_add_loaded(&s, &set);
        else
            add_named(&s, &set, *name);
    }
    modprobe_session_check(&s, modprobe_order_unload(s.mp, &set, &e), &e);
    status = modprobe_session_carry_out(&s, &set, true, NULL);
    modprobe_order_release(&set);
    modprobe_session_end(&s);
    return status;
}

static int run_show(struct cli *p)
{
    struct modprobe_session s;
    struct modprobe_module *m;
    flux_error_t e;
    json_t *o;
    char *text;

    modprobe_session_begin(&s, p);
    if (!(m = modprobe_resolve(s.mp, cli_argv(p)[0], &e)))
        modprobe_session_check(&s, -1, &e);
    if (!(o = modprobe_show(m)) || !(text = json_dumps(o, 0)))
        cli_die(p, "ERROR: out of memory");
    puts(text);
    free(text);
    json_decref(o);
    modprobe_session_end(&s);
    return 0;
}

/* ---- rows ----
 */

#define DRY_RUN                                          \
    {                                                    \
        0, "dry-run", CLI_NO_ARG, NULL,                  \
            "Don't do anything. Print what would be run" \
    }
#define VERBOSE                                                              \
    {                                                                        \
        'v', "verbose", CLI_NO_ARG, NULL, "Print tasks as they are executed" \
    }
#define SHOW_DEPS                                                      \
    {                                                                  \
        0, "show-deps", CLI_NO_ARG, NULL,                              \
            "Display dictionary of tasks to predecessor list and exit" \
    }
#define TIMING                                                \
    {                                                         \
        0, "timing", CLI_NO_ARG, NULL,                        \
            "Print when each task began and how long it took" \
    }
#define CHOICES                                                        \
    {'S', "set-alternative", CLI_ARG, "NAME=MODULE",                   \
     "Set alternative for service NAME to module MODULE"},             \
    {                                                                  \
        'D', "disable", CLI_ARG, "NAME", "Disable module or task NAME" \
    }

static const struct cli_option load_options[] = {DRY_RUN, VERBOSE, TIMING,
                                                 CLI_OPTIONS_END};
static const struct cli_option show_options[] = {CHOICES, CLI_OPTIONS_END};
static const struct cli_option list_options[] = {
    CHOICES,
    {'f', "full", CLI_NO_ARG, NULL, "Full output. Will show duplicates"},
    CLI_OPTIONS_END};
static const struct cli_option rc_options[] = {VERBOSE, TIMING, SHOW_DEPS,
                                               DRY_RUN, CLI_OPTIONS_END};

static const struct cli_command subcommands[] = {
    {.name = "load",
     .arguments = "[OPTIONS] MODULE...",
     .summary = "Load modules and all that they require",
     .options = load_options,
     .run = run_load,
     .min_args = 1,
     .max_args = -1},
    {.name = "remove",
     .arguments = "[OPTIONS] MODULE...",
     .summary = "Remove modules and what nothing uses then",
     .options = load_options,
     .run = run_remove,
     .min_args = 1,
     .max_args = -1},
    {.name = "run",
     .arguments = "[OPTIONS] FILE",
     .summary = "Run the tasks of a Python rc file",
     .options = rc_options,
     .run = modprobe_rc_run_file,
     .min_args = 1,
     .max_args = 1},
    {.name = "rc1",
     .arguments = "[OPTIONS]",
     .summary = "Load all modules, run the tasks of rc1",
     .options = rc_options,
     .run = modprobe_rc_run1},
    {.name = "rc3",
     .arguments = "[OPTIONS]",
     .summary = "Remove all modules, run the tasks of rc3",
     .options = rc_options,
     .run = modprobe_rc_run3},
    {.name = "list-dependencies",
     .arguments = "[OPTIONS] MODULE",
     .summary = "Print what a module requires as a tree",
     .options = list_options,
     .run = modprobe_tree_run,
     .min_args = 1,
     .max_args = 1},
    {.name = "show",
     .arguments = "[OPTIONS] MODULE",
     .summary = "Print what is known of a module as JSON",
     .options = show_options,
     .run = run_show,
     .min_args = 1,
     .max_args = 1},
    {.name = NULL},
};

const struct cli_command cmd_modprobe = {
    .name = "flux-modprobe",
    .arguments = "COMMAND [OPTIONS]",
    .summary = "Load and remove modules with their dependencies",
    .subcommands = subcommands,
};
