/* start.c - flux-start(1): becomes a broker
 *
 * The options are turned into a command line for flux-broker(1), with the
 * initial program's words at its end, in this order:
 *
 *     [WRAP...] flux-broker [-SATTR=VAL...] [BROKER-OPTS...] [-cPATH]
 *               [--conf=VALUE...] [COMMAND...]
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
#include "start.h"

#include <unistd.h>

#include "env.h"
#include "sys.h"
#include "util.h"

enum { SIZE_LIMIT = 4096 }; /* brokers on one machine */

static void line_take(struct cli *p, struct start_line *l, char *word)
{
    char **words = realloc(l->words, (size_t)(l->count + 2) * sizeof(*words));

    if (!word || !words)
        cli_die_errno(p, "command line");
    l->words = words;
    l->words[l->count++] = word;
    l->words[l->count] = NULL;
}

void start_line_add(struct cli *p,
                    struct start_line *l,
                    const char *prefix,
                    const char *word)
{
    line_take(p, l, util_asprintf("%s%s", prefix, word));
}

static void
line_add_list(struct cli *p, struct start_line *l, const char *option)
{
    char **list = cli_list(p, option);

    for (char **word = list; *word; word++)
        start_line_add(p, l, "", *word);
    free(list);
}

/* By its own link beside us, else as an argument of this executable. */
static void line_add_broker(struct cli *p, struct start_line *l)
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
        start_line_add(p, l, "", cmd_broker.name);
    }
    free(bin);
}

static void line_add_options(struct cli *p, struct start_line *l)
{
    const char *value;

    for (int i = 0; (value = cli_nth(p, "setattr", i)); i++)
        start_line_add(p, l, "-S", value);
    line_add_list(p, l, "broker-opts");
    if ((value = cli_get(p, "config-path", NULL)))
        start_line_add(p, l, "-c", value);
    for (int i = 0; (value = cli_nth(p, "conf", i)); i++)
        start_line_add(p, l, "--conf=", value);
}

void start_line_add_command(struct cli *p, struct start_line *l)
{
    for (char **word = cli_argv(p); *word; word++)
        start_line_add(p, l, "", *word);
}

void start_line_release(struct start_line *l)
{
    while (l->count > 0)
        free(l->words[--l->count]);
    free(l->words);
}

void start_line_print(const struct start_line *l)
{
    fprintf(stderr, "%s:", cmd_start.name);
    for (int i = 0; i < l->count; i++)
        fprintf(stderr, " %s", l->words[i]);
    fputc('\n', stderr);
}

int start_line_run(struct cli *p, struct start_line *l)
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

void start_line_begin(struct cli *p, struct start_line *l)
{
    memset(l, 0, sizeof(*l));
    line_add_list(p, l, "wrap");
    line_add_broker(p, l);
    line_add_options(p, l);
}

/* One broker that no such option is about needs no parent. */
static bool is_test(struct cli *p, uint32_t size)
{
    static const char *const test_options[] = {
        "test-hosts",      "test-rundir",    "test-rundir-cleanup",
        "test-start-mode", "test-exit-mode", "test-exit-timeout"};
    bool found = size > 1;

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(test_options); i++) {
        if (cli_count(p, test_options[i]) == 0)
            continue;
        if (cli_count(p, "test-size") == 0)
            cli_die(p, "--%s only works with --test-size", test_options[i]);
        found = true;
    }
    return found;
}

static int64_t test_size(struct cli *p)
{
    int64_t size = cli_int(p, "test-size", 1);

    if (size < 1 || size > SIZE_LIMIT)
        cli_die(p, "--test-size argument must be from 1 to %d", SIZE_LIMIT);
    return size;
}

static int start_one(struct cli *p, bool print)
{
    struct start_line l;
    int status = 0;

    start_line_begin(p, &l);
    start_line_add_command(p, &l);
    if (print)
        start_line_print(&l);
    if (!cli_count(p, "noexec"))
        status = start_line_run(p, &l);
    start_line_release(&l);
    return status;
}

static int run_start(struct cli *p)
{
    bool print = verbosity(p) > 0 || cli_count(p, "noexec");
    uint32_t size = (uint32_t)test_size(p);

    if (env_setup() < 0)
        cli_die_errno(p, "environment");
    if (is_test(p, size))
        return start_test(p, size, print);
    return start_one(p, print);
}

static const struct cli_option options[] = {
    {'S', "setattr", CLI_ARG, "ATTR=VAL", "Set broker attribute"},
    {'c', "config-path", CLI_ARG, "PATH",
     "Set broker config from PATH (default: none)"},
    {0, "conf", CLI_ARG, "VALUE",
     "Update broker config from VALUE: KEY=VAL, inline TOML or JSON, or a "
     "file"},
    {'v', "verbose", CLI_LEVEL_ARG, "[LEVEL]",
     "Print the broker's command line"},
    {'X', "noexec", CLI_NO_ARG, NULL,
     "Print the broker's command line, do not execute it"},
    {'o', "broker-opts", CLI_ARG, "OPTS",
     "Add comma-separated broker options, e.g. \"-o,-v\""},
    {0, "wrap", CLI_ARG, "ARGS,...",
     "Wrap broker execution in comma-separated arguments"},
    {'s', "test-size", CLI_ARG, "N",
     "Start an instance of N brokers on this machine"},
    {0, "test-rundir", CLI_ARG, "DIR",
     "Use DIR, which must exist, as the brokers' rundir"},
    {0, "test-rundir-cleanup", CLI_NO_ARG, NULL,
     "Remove the folder of --test-rundir at the end"},
    {0, "test-hosts", CLI_ARG, "HOSTLIST",
     "Give each broker its own hostname, in rank order"},
    {0, "test-start-mode", CLI_ARG, "all|leader",
     "Start all brokers (the default), or the leader alone"},
    {0, "test-exit-mode", CLI_ARG, "any|leader",
     "Whose exit starts the exit timeout, and whose exit code counts: any "
     "broker's (the default), or the leader's"},
    {0, "test-exit-timeout", CLI_ARG, "FSD",
     "Kill the other brokers that long after the first has exited "
     "(default: 20s)"},
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
