/* cli.h - applets, their options and their usage texts
 *
 * An applet is a `struct cli_command` that names its options, usage and
 * function in one place; applet.c lists them.  The function gets the options
 * already parsed; a usage error never reaches it.  Only applets exit.
 */
#ifndef CLI_H
#define CLI_H

#include "flux.h"

struct cli;

enum cli_argument {
    CLI_NO_ARG,
    CLI_ARG,
    CLI_OPTIONAL_ARG, /* -L, -Lnever, -L=never, --color, --color=never */
    CLI_LEVEL_ARG,    /* -v, -vv, -v=2, --verbose=2, but -vX is -v -X */
};

struct cli_option {
    char key;         /* short form, or 0 */
    const char *name; /* long form, also how the value is asked for */
    enum cli_argument argument;
    const char *argname; /* for the usage text, brackets included */
    const char *help;    /* NULL: works, but is not shown */
};
#define CLI_OPTIONS_END                 \
    {                                   \
        0, NULL, CLI_NO_ARG, NULL, NULL \
    }

struct cli_command {
    const char *name;      /* "flux-ping", or "load" below flux-module */
    const char *arguments; /* usage tail, e.g. "[OPTIONS] TARGET" */
    const char *summary;   /* one line; NULL: works, but is not listed */
    const struct cli_option *options;      /* or NULL */
    int (*run)(struct cli *p);             /* exit status */
    const struct cli_command *subcommands; /* ends with a NULL name, or NULL */
    int min_args, max_args; /* free arguments; max -1: any number */
    bool stop_at_argument;  /* options end at the first free argument */
    bool raw;               /* there are none: every word is an argument */
};

/* Parse, complain (reason and usage line on stderr, exit status 1), or run.
 * argv[0] is skipped, argv[argc] is NULL.  `-h|--help` prints the usage on
 * stderr; where a subcommand is missing that is status 1 too.  A command
 * with an option row "help" of its own sees to it itself.
 */
int cli_run(const struct cli_command *cmd, int argc, char **argv);
void cli_help(struct cli *p); /* usage, summary, options, subcommands */

/* For `run`: options by long name.  cli_get returns `fallback` where the
 * option was not given, "" where it was given without its optional argument.
 */
int cli_count(struct cli *p, const char *name);
const char *cli_get(struct cli *p, const char *name, const char *fallback);
/* i-th value of an option that may be given many times, NULL past the last. */
const char *cli_nth(struct cli *p, const char *name, int i);
/* These tell of a value that is none and exit with status 1.  A rank may be
 * "any" or "upstream".
 */
int64_t cli_int(struct cli *p, const char *name, int64_t fallback);
double cli_double(struct cli *p, const char *name, double fallback);
double cli_duration(struct cli *p, const char *name, double fallback);
uint32_t cli_rank(struct cli *p, const char *name, uint32_t fallback);
/* Options that carry lists: "a,b,c" given any number of times.  New memory,
 * NULL-terminated, one free() for all.
 */
char **cli_list(struct cli *p, const char *name);
int cli_argc(struct cli *p);
char **cli_argv(struct cli *p); /* NULL-terminated free arguments */

/* "PROG: text" (and ": strerror(errno)" with _errno) on stderr; exit 1.
 * PROG is the applet's name, below a subcommand too.
 */
void cli_die(struct cli *p, const char *fmt, ...) FLUX_PRINTF(2, 3)
    __attribute__((noreturn));
void cli_die_errno(struct cli *p, const char *fmt, ...) FLUX_PRINTF(2, 3)
    __attribute__((noreturn));
void cli_warn(struct cli *p, const char *fmt, ...) FLUX_PRINTF(2, 3);
/* The reason, then the usage line, on stderr; exit 1. */
void cli_usage_die(struct cli *p, const char *fmt, ...) FLUX_PRINTF(2, 3)
    __attribute__((noreturn));

/* flux_open() to FLUX_URI, or die saying why. */
flux_t *cli_open(struct cli *p);
/* Wait for an RPC's answer, or die with "PROG: what: the broker's reason". */
void cli_wait(struct cli *p, flux_future_t *f, const char *what);

/* One for each applet; applet.c has their table. */
extern const struct cli_command cmd_flux, cmd_module, cmd_overlay, cmd_ping,
    cmd_event, cmd_exec, cmd_getattr, cmd_setattr, cmd_lsattr, cmd_dmesg,
    cmd_logger, cmd_config, cmd_uptime, cmd_rpc, cmd_version, cmd_help, cmd_env,
    cmd_start, cmd_broker, cmd_module_exec, cmd_module_python_exec,
    cmd_modprobe, cmd_python, cmd_relay;

#endif /* CLI_H */
