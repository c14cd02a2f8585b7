/* cmd_logger.c - flux logger: write to the broker's log
 *
 * The message is the command's arguments, joined with blanks, or else what
 * comes on stdin, sent line by line as it is read, so that the end of a pipe
 * that stays open is seen in the log as it grows.
 *
 * What always holds:
 * - A log entry is one line.  A message of several lines becomes as many
 *   entries, without their line ends; empty lines are left out, except the
 *   first, so that `flux logger ""` leaves a mark.
 * - A NUL ends a line: what is behind it up to the line's end is not logged.
 * - Bytes are passed on as they are; the log need not be ASCII or UTF-8.
 * - The severity is one of syslog's eight names.  Where none is given it is
 *   "notice", the application's name "logger".
 */
#include "buf.h"
#include "cli.h"
#include "util.h"

struct logger {
    struct cli *p;
    flux_t *h;
    int severity;
    bool started; /* an entry was made */
};

static const char *const severities[] = {
    "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
};

static int parse_severity(struct cli *p, const char *name)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(severities); i++)
        if (strcmp(severities[i], name) == 0)
            return (int)i; /* syslog numbers them in this order */
    cli_usage_die(p, "invalid severity: Use "
                     "emerg|alert|crit|err|warning|notice|info|debug");
}

static void log_line(struct logger *l, const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n'))
        len--;
    if (len == 0 && l->started)
        return;
    if (flux_log(l->h, l->severity, "%.*s", (int)len, line) < 0)
        cli_die_errno(l->p, "log.append");
    l->started = true;
}

static void log_text(struct logger *l, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");

        log_line(l, text, len);
        text += len;
        if (*text)
            text++;
    }
}

/* There is at least one. */
static void log_arguments(struct logger *l, char **argv)
{
    struct buf words = {0};
    char *text;

    buf_add_string(&words, *argv);
    while (*++argv)
        buf_printf(&words, " %s", *argv);
    if (!(text = buf_steal_string(&words)))
        cli_die_errno(l->p, "message");
    log_text(l, text);
    free(text);
}

static void log_stdin(struct logger *l)
{
    char *line = NULL;
    size_t size = 0;

    while (getline(&line, &size, stdin) > 0)
        log_line(l, line, strlen(line));
    if (ferror(stdin))
        cli_die_errno(l->p, "stdin");
    free(line);
}

static int run_logger(struct cli *p)
{
    struct logger l = {.p = p};

    l.severity = parse_severity(p, cli_get(p, "severity", "notice"));
    l.h = cli_open(p);
    flux_log_set_appname(l.h, cli_get(p, "appname", "logger"));
    if (cli_argc(p) > 0)
        log_arguments(&l, cli_argv(p));
    else
        log_stdin(&l);
    if (!l.started)
        log_line(&l, "", 0);
    flux_close(l.h);
    return 0;
}

static const struct cli_option options[] = {
    {'s', "severity", CLI_ARG, "LEVEL",
     "Set the severity: emerg, alert, crit, err, warning, notice, info, "
     "debug (default: notice)"},
    {'n', "appname", CLI_ARG, "NAME", "Set the name (default: logger)"},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_logger = {
    .name = "flux-logger",
    .arguments = "[--severity LEVEL] [--appname NAME] message ...",
    .summary = "Create a log entry",
    .options = options,
    .run = run_logger,
    .max_args = -1,
};
