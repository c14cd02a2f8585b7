/* cmd_flux.c - flux(1): the front end, and the commands about commands
 *
 * `flux [OPTIONS] COMMAND ARGS...` sets up the environment (env.c) and runs
 * the applet flux-COMMAND, here in this process, else the first program of
 * that name on FLUX_EXEC_PATH, then on PATH; flux-COMMAND.py is run by our
 * flux-python.  A COMMAND with a slash is a program's path and is run as it
 * is.  What is none of these is said to be a command of Flux that is not here,
 * with what it would need, or to be unknown, with the nearest names.
 *
 * The commands in this file need no instance:
 *     help       a manual page, or the usage text where there is none
 *     version    versions of what takes part, also `flux -V`
 *     env        the environment as shell commands, or a command run in it
 *
 * What always holds:
 * - The environment is that of the commands whatever way one is run, so
 *   `flux env printenv X` tells what `flux COMMAND` will see.
 * - An applet wins over a program of the same name: a stray flux-start on
 *   PATH cannot take its place.
 * - The lines of `flux env` may be given to a shell's eval, whatever the
 *   values hold.
 */
#include <dirent.h>
#include <unistd.h>

#include "applet.h"
#include "env.h"
#include "near.h"
#include "util.h"

enum { PARENTS_MAX = 64 }; /* instances inside instances; a loop ends */

/* ---- help ---- */

static int is_front_end(const struct cli_command *applet)
{
    return strchr(applet->name, '-') == NULL;
}

static const char *short_name(const struct cli_command *applet)
{
    return applet->name + strlen("flux-");
}

static void print_commands(void)
{
    const struct cli_command *applet;

    fprintf(stderr, "\ncommands:\n");
    for (int i = 0; (applet = applet_nth(i)); i++)
        if (!is_front_end(applet))
            fprintf(stderr, "   %-18s %s\n", short_name(applet),
                    applet->summary);
    fprintf(stderr, "\nSee 'flux help COMMAND' for more information about a "
                    "specific command.\n");
}

static int print_overview(struct cli *p, int status)
{
    cli_help(p);
    print_commands();
    return status;
}

static int overview_of_flux(void)
{
    char *argv[] = {(char *)cmd_flux.name, (char *)"--help", NULL};

    return cli_run(&cmd_flux, 2, argv);
}

static int usage_of(const struct cli_command *applet)
{
    char *argv[] = {(char *)applet->name, (char *)"--help", NULL};

    cli_run(applet, 2, argv);
    return 0;
}

/* "flux-ping" for "ping"; what already has the name's form stays. */
static char *page_name(const char *topic)
{
    bool whole = strncmp(topic, "flux-", 5) == 0 ||
                 strncmp(topic, "flux_", 5) == 0 || strcmp(topic, "flux") == 0;

    return util_asprintf("%s%s", whole ? "" : "flux-", topic);
}

static bool is_page(const char *folder, char section, const char *name)
{
    char *path = util_asprintf("%s/man%c/%s.%c", folder ? folder : "", section,
                               name, section);
    bool is = path && access(path, R_OK) == 0;

    free(path);
    return is;
}

/* Whether it is one of our own, of whatever section. */
static bool have_page(const char *name)
{
    char *folder = env_installed(ENV_MAN_TAIL);
    bool have = false;

    for (const char *section = "157"; !have && *section; section++)
        have = is_page(folder, *section, name);
    free(folder);
    return have;
}

/* Not every page is of a command: writing-modules is none. */
static char *choose_page(const char *topic)
{
    char *name = page_name(topic);

    if (!name || have_page(name) || !have_page(topic))
        return name;
    free(name);
    return strdup(topic);
}

static int help_about(struct cli *p, const char *name)
{
    const struct cli_command *applet = applet_find(name);
    char *man = env_find(getenv("PATH"), "man");

    if (man && (!applet || have_page(name)))
        execl(man, "man", name, (char *)NULL);
    free(man);
    if (!applet && have_page(name))
        cli_die(p, "there is no man(1) to show the page %s", name);
    if (!applet)
        cli_die(p, "no manual page for %s", name);
    return usage_of(applet);
}

static int run_help(struct cli *p)
{
    const char *topic = cli_argv(p)[0];
    char *name;
    int status;

    if (!topic)
        return overview_of_flux();
    if (env_setup() < 0 || !(name = choose_page(topic)))
        cli_die_errno(p, "help");
    status = help_about(p, name);
    free(name);
    return status;
}

const struct cli_command cmd_help = {
    .name = "flux-help",
    .arguments = "[OPTIONS] [COMMAND]",
    .summary = "Display help information for flux commands",
    .run = run_help,
    .max_args = 1,
};

/* ---- version ---- */

static void print_instance_version(void)
{
    const char *uri = getenv("FLUX_URI");
    flux_t *h = uri ? flux_open(NULL, 0) : NULL;
    const char *version = h ? flux_attr_get(h, "version") : NULL;

    if (version)
        printf("broker:  \t\t%s\nFLUX_URI:\t\t%s\n", version, uri);
    flux_close(h);
}

static int run_version(struct cli *p)
{
    (void)p;
    printf("commands:    \t\tbusyflux %s\n", BUSYFLUX_VERSION);
    printf("libflux-core:\t\t%s\n", flux_core_version_string());
    print_instance_version();
    return 0;
}

const struct cli_command cmd_version = {
    .name = "flux-version",
    .arguments = "[OPTIONS]",
    .summary = "Display flux version information",
    .run = run_version,
};

/* ---- env ---- */

static void print_quoted(const char *value)
{
    putchar('"');
    for (; *value; value++) {
        if (strchr("\"\\$`", *value))
            putchar('\\');
        putchar(*value);
    }
    putchar('"');
}

static int print_exports(void)
{
    const char *name, *value;

    for (int i = 0; (name = env_name(i)); i++) {
        if (!(value = getenv(name)))
            continue;
        printf("export %s=", name);
        print_quoted(value);
        putchar('\n');
    }
    return 0;
}

static int run_env(struct cli *p)
{
    char **argv = cli_argv(p);

    if (env_setup() < 0)
        cli_die_errno(p, "environment");
    if (!argv[0])
        return print_exports();
    execvp(argv[0], argv);
    cli_die_errno(p, "%s", argv[0]);
}

const struct cli_command cmd_env = {
    .name = "flux-env",
    .arguments = "[OPTIONS] [COMMAND...]",
    .summary = "Print the flux environment or execute COMMAND inside it",
    .run = run_env,
    .max_args = -1,
    .stop_at_argument = true,
};

/* ---- flux ---- */

/* Point FLUX_URI at the parent of the instance it names; false at the top. */
static bool go_to_parent(struct cli *p)
{
    flux_t *h = cli_open(p);
    const char *parent = flux_attr_get(h, "parent-uri");
    bool found = parent != NULL;

    if (found && setenv("FLUX_URI", parent, 1) < 0)
        cli_die_errno(p, "FLUX_URI");
    flux_close(h);
    return found;
}

static void go_up(struct cli *p)
{
    int levels = cli_count(p, "root") ? PARENTS_MAX : cli_count(p, "parent");

    while (levels-- > 0 && go_to_parent(p))
        continue;
}

static void offer_program(struct near *n, const char *name)
{
    size_t len = strlen(name);
    bool is_python = len > 3 && strcmp(name + len - 3, ".py") == 0;
    char *command =
        util_asprintf("%.*s", (int)(is_python ? len - 3 : len), name);

    if (command)
        near_offer(n, command);
    free(command);
}

static void offer_programs(struct near *n, const char *folder)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (strncmp(entry->d_name, "flux-", 5) == 0)
            offer_program(n, entry->d_name + 5);
    if (dir)
        closedir(dir);
}

static void offer_path(struct near *n, const char *path)
{
    const char *at;
    char *folder;
    size_t len;

    while (path && env_next(&path, &at, &len)) {
        if ((folder = util_asprintf("%.*s", (int)len, at)))
            offer_programs(n, folder);
        free(folder);
    }
}

static void offer_applets(struct near *n)
{
    const struct cli_command *applet;

    for (int i = 0; (applet = applet_nth(i)); i++)
        if (!is_front_end(applet))
            near_offer(n, short_name(applet));
}

static void suggest(struct cli *p, const char *name)
{
    struct near n;

    near_init(&n, name);
    offer_applets(&n);
    offer_path(&n, getenv("FLUX_EXEC_PATH"));
    offer_path(&n, getenv("PATH"));
    if (n.count > 0)
        cli_warn(p, "The most similar command%s",
                 n.count == 1 ? " is" : "s are");
    for (int i = 0; i < n.count; i++)
        cli_warn(p, "\t%s", n.names[i]);
    near_release(&n);
}

/* Commands of Flux that need what is not here. */
static const struct {
    const char *names; /* each with a blank before and behind it */
    const char *need;
} elsewhere[] = {
    {" R alloc batch bulksubmit cancel housekeeping job jobs jobtap "
     "multi-prog pgrep pkill pstree queue resource run shell submit top "
     "update watch ",
     "jobs"},
    {" archive content dump fsck gc kvs restore ", "the key-value store"},
    {" admin cron fortune hostlist imp keygen pmi proxy shutdown sproc "
     "startlog uri ",
     "more of Flux than modules do"},
};

static const char *need_of(const char *name)
{
    char *word = util_asprintf(" %s ", name);
    const char *need = NULL;

    for (size_t i = 0; word && !need && i < UTIL_ARRAY_SIZE(elsewhere); i++)
        if (strstr(elsewhere[i].names, word))
            need = elsewhere[i].need;
    free(word);
    return need;
}

static int not_found(struct cli *p, const char *name)
{
    const char *need = need_of(name);

    if (need) {
        cli_warn(p,
                 "`%s' is a command of Flux that busyflux does not have: "
                 "it needs %s",
                 name, need);
        return 1;
    }
    cli_warn(p, "`%s' is not a flux command.  See 'flux --help'", name);
    suggest(p, name);
    return 1;
}

static char *find_program(const char *name)
{
    char *file = env_find(getenv("FLUX_EXEC_PATH"), name);

    return file ? file : env_find(getenv("PATH"), name);
}

static int run_program(struct cli *p, const char *file, char **argv)
{
    if (cli_count(p, "verbose"))
        cli_warn(p, "trying to exec %s", file);
    execv(file, argv);
    cli_die_errno(p, "%s", file);
}

/* It gets the package `flux` that belongs to this program. */
static int run_python_file(struct cli *p, char *file, char **argv)
{
    int argc = cli_argc(p);
    char **words = calloc((size_t)argc + 2, sizeof(*words));

    if (!words)
        cli_die_errno(p, "%s", file);
    if (cli_count(p, "verbose"))
        cli_warn(p, "trying to run %s", file);
    words[0] = (char *)cmd_python.name;
    words[1] = file;
    memcpy(words + 2, argv + 1, ((size_t)argc - 1) * sizeof(*words));
    return cli_run(&cmd_python, argc + 1, words);
}

static int run_found(struct cli *p, const char *name, char **argv)
{
    const struct cli_command *applet = applet_find(name);
    char *file, *python;

    if (applet)
        return cli_run(applet, cli_argc(p), argv);
    if ((file = find_program(name)))
        return run_program(p, file, argv);
    if (!(python = util_asprintf("%s.py", name)))
        cli_die_errno(p, "%s", name);
    if ((file = find_program(python)))
        return run_python_file(p, file, argv);
    free(python);
    return not_found(p, argv[0]);
}

static int run_command(struct cli *p)
{
    char **argv = cli_argv(p);
    char *name;
    int status;

    if (strchr(argv[0], '/'))
        return run_program(p, argv[0], argv);
    if (!(name = util_asprintf("flux-%s", argv[0])))
        cli_die_errno(p, "%s", argv[0]);
    status = run_found(p, name, argv);
    free(name);
    return status;
}

static void print_environment(void)
{
    const char *name, *value;

    for (int i = 0; (name = env_name(i)); i++)
        if ((value = getenv(name)))
            printf("%s=%s\n", name, value);
    printf("sub-command search path: %s:%s\n", getenv("FLUX_EXEC_PATH"),
           getenv("PATH"));
    fflush(stdout);
}

static int run_flux(struct cli *p)
{
    if (cli_count(p, "help"))
        return print_overview(p, 0);
    if (env_setup() < 0)
        cli_die_errno(p, "environment");
    go_up(p);
    if (cli_count(p, "verbose"))
        print_environment();
    if (cli_count(p, "version"))
        return run_version(p);
    if (cli_argc(p) == 0)
        return print_overview(p, 1);
    return run_command(p);
}

static const struct cli_option flux_options[] = {
    {'h', "help", CLI_NO_ARG, NULL, "Display this message."},
    {'v', "verbose", CLI_NO_ARG, NULL,
     "Be verbose about environment and command search"},
    {'V', "version", CLI_NO_ARG, NULL,
     "Display command and component versions"},
    {'p', "parent", CLI_NO_ARG, NULL,
     "Set environment of parent instead of current instance"},
    {'r', "root", CLI_NO_ARG, NULL,
     "Set environment of root instead of current instance"},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_flux = {
    .name = "flux",
    .arguments = "[OPTIONS] COMMAND ARGS",
    .summary = "Run a command of the Flux environment",
    .options = flux_options,
    .run = run_flux,
    .max_args = -1,
    .stop_at_argument = true,
};
