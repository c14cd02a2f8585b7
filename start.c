/* start.c - flux-start(1): becomes a broker
 *
 * The options are turned into a command line for flux-broker(1), with the
 * initial program's words at its end, in this order:
 *
 *     [WRAP...] flux-broker [-SATTR=VAL...] [BROKER-OPTS...] [-cPATH]
 *               [COMMAND...]
 *
 * Without --wrap the broker applet is then called right here: it is the same
 * program, so a start costs no second exec.  With --wrap the words are
 * executed, the broker by its path, so that a debugger or tracer has a program
 * to run.
 *
 * What always holds:
 * - COMMAND's words stay as they are, each one word, options of its own
 *   included: start's options end at the first of them.
 * - What -X or -v print is the command line that runs, or would.
 * - The exit status is the broker's, which is COMMAND's.
 */
#include <unistd.h>

#include "cli.h"
#include "env.h"
#include "sys.h"
#include "util.h"

/* The command line as it grows: words in memory of their own. */
struct line {
    char **words; /* NULL-terminated */
    int count;
    int broker; /* where flux-broker's own argv begins */
};

static void line_take(struct cli *p, struct line *l, char *word)
{
    char **words = realloc(l->words, (size_t)(l->count + 2) * sizeof(*words));

    if (!word || !words)
        cli_die_errno(p, "command line");
    l->words = words;
    l->words[l->count++] = word;
    l->words[l->count] = NULL;
}

static void
line_add(struct cli *p, struct line *l, const char *prefix, const char *word)
{
    line_take(p, l, util_asprintf("%s%s", prefix, word));
}

static void line_add_list(struct cli *p, struct line *l, const char *option)
{
    char **list = cli_list(p, option);

    for (char **word = list; *word; word++)
        line_add(p, l, "", *word);
    free(list);
}

/* By its own link beside us, else as an argument of this executable. */
static void line_add_broker(struct cli *p, struct line *l)
{
    char *bin = env_bin();
    char *link = bin ? util_asprintf("%s/%s", bin, cmd_broker.name) : NULL;

    l->broker = l->count;
    if (link && access(link, X_OK) == 0) {
        line_take(p, l, link);
    } else {
        free(link);
        line_take(p, l, sys_executable());
        l->broker = l->count;
        line_add(p, l, "", cmd_broker.name);
    }
    free(bin);
}

static void line_add_options(struct cli *p, struct line *l)
{
    const char *value;

    for (int i = 0; (value = cli_nth(p, "setattr", i)); i++)
        line_add(p, l, "-S", value);
    line_add_list(p, l, "broker-opts");
    if ((value = cli_get(p, "config-path", NULL)))
        line_add(p, l, "-c", value);
}

static void line_add_command(struct cli *p, struct line *l)
{
    for (char **word = cli_argv(p); *word; word++)
        line_add(p, l, "", *word);
}

static void line_release(struct line *l)
{
    while (l->count > 0)
        free(l->words[--l->count]);
    free(l->words);
}

static void line_print(const struct line *l)
{
    fprintf(stderr, "%s:", cmd_start.name);
    for (int i = 0; i < l->count; i++)
        fprintf(stderr, " %s", l->words[i]);
    fputc('\n', stderr);
}

static int run_line(struct cli *p, struct line *l)
{
    if (cli_count(p, "wrap") == 0)
        return cli_run(&cmd_broker, l->count - l->broker, l->words + l->broker);
    execvp(l->words[0], l->words);
    cli_die_errno(p, "%s", l->words[0]);
}

/* -v counts, -v=N and --verbose=N say it. */
static int64_t verbosity(struct cli *p)
{
    if (*cli_get(p, "verbose", "") == '\0')
        return cli_count(p, "verbose");
    return cli_int(p, "verbose", 0);
}

static void check_size(struct cli *p)
{
    int64_t size = cli_int(p, "test-size", 1);

    if (size < 1)
        cli_die(p, "--test-size argument must be > 0");
    if (size > 1)
        cli_die(p, "--test-size: an instance has one broker");
}

static int run_start(struct cli *p)
{
    struct line l = {NULL, 0, 0};
    bool print = verbosity(p) > 0 || cli_count(p, "noexec");
    int status = 0;

    check_size(p);
    if (env_setup() < 0)
        cli_die_errno(p, "environment");
    line_add_list(p, &l, "wrap");
    line_add_broker(p, &l);
    line_add_options(p, &l);
    line_add_command(p, &l);
    if (print)
        line_print(&l);
    if (!cli_count(p, "noexec"))
        status = run_line(p, &l);
    line_release(&l);
    return status;
}

static const struct cli_option options[] = {
    {'S', "setattr", CLI_ARG, "ATTR=VAL", "Set broker attribute"},
    {'c', "config-path", CLI_ARG, "PATH",
     "Set broker config from PATH (default: none)"},
    {'v', "verbose", CLI_LEVEL_ARG, "[LEVEL]",
     "Print the broker's command line"},
    {'X', "noexec", CLI_NO_ARG, NULL,
     "Print the broker's command line, do not execute it"},
    {'o', "broker-opts", CLI_ARG, "OPTS",
     "Add comma-separated broker options, e.g. \"-o,-v\""},
    {0, "wrap", CLI_ARG, "ARGS,...",
     "Wrap broker execution in comma-separated arguments"},
    {'s', "test-size", CLI_ARG, "N", "Start a test instance of N brokers (1)"},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_start = {
    .name = "flux-start",
    .arguments = "[OPTIONS] command ...",
    .summary = "Start an instance and run a command in it",
    .options = options,
    .run = run_start,
    .max_args = -1,
    .stop_at_argument = true,
};
