/* cli.c - what all applets share: options, usage texts, ends
 *
 * cli_run() takes a command's row through the same steps each time: read the
 * options (opt.c), print the usage if it was asked for, go down to the
 * subcommand or check the number of arguments, run.  An applet's function
 * therefore begins with what it is for.
 *
 * What always holds:
 * - Usage texts and complaints go to stderr, so that a script that reads
 *   stdout never takes them for an answer.  A usage error is the reason, the
 *   usage line and where to read more; status 1.
 * - Complaints about options carry the command as it was called ("flux-module
 *   load: unrecognized option '--x'"), those of a running applet only the
 *   applet's name ("flux-module: load x: module not found").
 * - Only the functions here whose name or contract says so exit.  What they
 *   leave behind is the process's to free.
 * - A broker's own words win over those of errno wherever it sent any.
 */
#include "cli.h"

#include "handle.h"
#include "opt.h"
#include "util.h"

struct cli {
    const struct cli_command *command;
    const char *prog;  /* "flux-module" */
    const char *title; /* "flux-module load" */
    struct opt opt;
};

static void print_usage_line(const struct cli *p)
{
    const char *arguments = p->command->arguments;

    fprintf(stderr, "Usage: %s%s%s\n", p->title,
            arguments && *arguments ? " " : "", arguments ? arguments : "");
}

static void print_subcommands(const struct cli *p)
{
    const struct cli_command *sub = p->command->subcommands;

    fprintf(stderr, "\n%s subcommands:\n", p->title);
    for (; sub->name; sub++)
        if (sub->summary)
            fprintf(stderr, "   %-15s %s\n", sub->name, sub->summary);
}

void cli_help(struct cli *p)
{
    print_usage_line(p);
    if (p->command->summary)
        fprintf(stderr, "%s\n", p->command->summary);
    opt_usage(stderr, p->command->options);
    if (p->command->subcommands)
        print_subcommands(p);
}

static int complain(const struct cli *p, const char *reason)
{
    fprintf(stderr, "%s: %s\n", p->title, reason);
    print_usage_line(p);
    fprintf(stderr, "Try `%s --help' for more information.\n", p->title);
    return 1;
}

static int
complain_about(const struct cli *p, const char *reason, const char *word)
{
    flux_error_t e;

    util_error(&e, "%s%s", reason, word);
    return complain(p, e.text);
}

static const struct cli_command *find_subcommand(const struct cli *p,
                                                 const char *name)
{
    const struct cli_command *sub = p->command->subcommands;

    while (sub->name && strcmp(sub->name, name) != 0)
        sub++;
    return sub->name ? sub : NULL;
}

static int run_titled(const struct cli_command *cmd,
                      const char *prog,
                      const char *title,
                      char **argv);

static int run_subcommand(struct cli *p)
{
    const struct cli_command *sub;
    char *title;
    int status;

    if (p->opt.nargs == 0)
        return complain(p, "missing subcommand");
    if (!(sub = find_subcommand(p, p->opt.args[0])))
        return complain_about(p, "Unknown subcommand: ", p->opt.args[0]);
    if (!(title = util_asprintf("%s %s", p->title, sub->name)))
        return complain(p, "out of memory");
    status = run_titled(sub, p->prog, title, p->opt.args);
    free(title);
    return status;
}

static int run_checked(struct cli *p)
{
    const struct cli_command *cmd = p->command;

    if (p->opt.nargs < cmd->min_args)
        return complain(p, "missing argument");
    if (cmd->max_args >= 0 && p->opt.nargs > cmd->max_args)
        return complain_about(
            p, "unexpected argument: ", p->opt.args[cmd->max_args]);
    return cmd->run(p);
}

static int run_parsed(struct cli *p)
{
    if (p->opt.help) {
        cli_help(p);
        return p->command->subcommands ? 1 : 0;
    }
    return p->command->subcommands ? run_subcommand(p) : run_checked(p);
}

/* As if a "--" stood in front. */
static int parse_raw(struct cli *p, char **argv, flux_error_t *e)
{
    char **words;
    size_t n = 1;
    int rc;

    while (argv[n])
        n++;
    if (!(words = calloc(n + 2, sizeof(*words))))
        return util_error(e, "out of memory");
    words[0] = argv[0];
    words[1] = (char *)"--";
    memcpy(words + 2, argv + 1, (n - 1) * sizeof(*words));
    rc = opt_parse(&p->opt, NULL, true, words, e);
    free(words);
    return rc;
}

static int parse_words(struct cli *p, char **argv, flux_error_t *e)
{
    const struct cli_command *cmd = p->command;
    bool stop = cmd->stop_at_argument || cmd->subcommands;

    if (cmd->raw)
        return parse_raw(p, argv, e);
    return opt_parse(&p->opt, cmd->options, stop, argv, e);
}

static int run_titled(const struct cli_command *cmd,
                      const char *prog,
                      const char *title,
                      char **argv)
{
    struct cli p = {.command = cmd, .prog = prog, .title = title};
    flux_error_t e;
    int status;

    if (parse_words(&p, argv, &e) < 0)
        return complain(&p, e.text);
    status = run_parsed(&p);
    opt_release(&p.opt);
    return status;
}

int cli_run(const struct cli_command *cmd, int argc, char **argv)
{
    (void)argc;
    return run_titled(cmd, cmd->name, cmd->name, argv);
}

int cli_count(struct cli *p, const char *name)
{
    return opt_count(&p->opt, name);
}

const char *cli_get(struct cli *p, const char *name, const char *fallback)
{
    int count = opt_count(&p->opt, name);

    return count > 0 ? opt_value(&p->opt, name, count - 1) : fallback;
}

const char *cli_nth(struct cli *p, const char *name, int i)
{
    return opt_value(&p->opt, name, i);
}

int64_t cli_int(struct cli *p, const char *name, int64_t fallback)
{
    const char *text = cli_get(p, name, NULL);
    int64_t value;

    if (!text)
        return fallback;
    if (util_parse_int64(text, 10, &value) < 0)
        cli_usage_die(p, "Option '%s' requires an integer argument", name);
    return value;
}

static void __attribute__((noreturn))
invalid_value(struct cli *p, const char *name, const char *text)
{
    cli_usage_die(p, "Invalid argument for option '%s': '%s'", name, text);
}

static double parsed(struct cli *p,
                     const char *name,
                     double fallback,
                     int (*parse)(const char *text, double *value))
{
    const char *text = cli_get(p, name, NULL);
    double value;

    if (!text)
        return fallback;
    if (parse(text, &value) < 0)
        invalid_value(p, name, text);
    return value;
}

double cli_double(struct cli *p, const char *name, double fallback)
{
    return parsed(p, name, fallback, util_parse_double);
}

double cli_duration(struct cli *p, const char *name, double fallback)
{
    return parsed(p, name, fallback, util_parse_duration);
}

uint32_t cli_rank(struct cli *p, const char *name, uint32_t fallback)
{
    const char *text = cli_get(p, name, NULL);
    uint32_t value;

    if (!text)
        return fallback;
    if (strcmp(text, "any") == 0)
        return FLUX_NODEID_ANY;
    if (strcmp(text, "upstream") == 0)
        return FLUX_NODEID_UPSTREAM;
    if (util_parse_uint32(text, 10, &value) < 0)
        invalid_value(p, name, text);
    return value;
}

char **cli_list(struct cli *p, const char *name)
{
    char **list = opt_list(&p->opt, name);

    if (!list)
        cli_die_errno(p, "--%s", name);
    return list;
}

int cli_argc(struct cli *p)
{
    return p->opt.nargs;
}

char **cli_argv(struct cli *p)
{
    return p->opt.args;
}

static void FLUX_PRINTF(2, 0)
    vwarn(const char *prog, const char *fmt, va_list ap, const char *reason)
{
    fprintf(stderr, "%s: ", prog);
    vfprintf(stderr, fmt, ap);
    fprintf(stderr, "%s%s\n", reason ? ": " : "", reason ? reason : "");
}

void cli_warn(struct cli *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vwarn(p->prog, fmt, ap, NULL);
    va_end(ap);
}

void cli_die(struct cli *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vwarn(p->prog, fmt, ap, NULL);
    va_end(ap);
    exit(1);
}

void cli_die_errno(struct cli *p, const char *fmt, ...)
{
    const char *reason = flux_strerror(errno);
    va_list ap;

    va_start(ap, fmt);
    vwarn(p->prog, fmt, ap, reason);
    va_end(ap);
    exit(1);
}

void cli_usage_die(struct cli *p, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vwarn(p->title, fmt, ap, NULL);
    va_end(ap);
    print_usage_line(p);
    exit(1);
}

flux_t *cli_open(struct cli *p)
{
    flux_error_t e = {""};
    flux_t *h = handle_open(NULL, 0, false, &e);

    if (!h)
        cli_die(p, "flux_open: %s", *e.text ? e.text : flux_strerror(errno));
    return h;
}

void cli_wait(struct cli *p, flux_future_t *f, const char *what)
{
    if (!f)
        cli_die_errno(p, "%s", what);
    if (flux_future_get(f, NULL) < 0)
        cli_die(p, "%s: %s", what, future_strerror(f, errno));
}
