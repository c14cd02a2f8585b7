/* cmd_module.c - flux module: load, reload, remove and list modules
 *
 * A module is named by a path or by a name.  A path (anything with a slash,
 * or that ends with .so or .py) is made absolute here, since the broker has
 * another working directory; a name is left to the broker, which looks for it
 * on FLUX_MODULE_PATH to load it, and among what is loaded to remove it.
 * List, status, stats, debug and trace have files of their own.
 *
 * What always holds:
 * - A complaint names the module as the person named it, and ends with the
 *   broker's reason.
 * - reload checks the path before it removes anything.  It is a remove, in
 *   which the broker is asked to hold requests, and a load; a module that is
 *   gone already is an error unless --force says otherwise.  With no arguments
 *   given it uses those of the loaded module, if the broker's list has them
 *   ("args"); a bare name that is loaded stands for the path that it was
 *   loaded from.
 * - Arguments behind the module belong to the module, also those with dashes.
 * - Options that Flux's broker does not know are sent only if they are given.
 * - Whoever waits at a terminal for longer than PATIENCE is told for what.
 */
#include "cli.h"
#include "cmd_list.h"
#include "cmd_need.h"
#include "cmd_stats.h"
#include "cmd_trace.h"
#include "json.h"
#include "modlife.h"
#include "cmd_status.h"
#include "cmd_top.h"
#include "sys.h"
#include "util.h"

#include <math.h>
#include <strings.h>
#include <unistd.h>

static const double PATIENCE = 1; /* seconds */

/* Seconds that requests wait for a module that is reloaded: as long as many a
 * caller waits for an RPC.
 */
static const double HOLD = 30;

static bool ends_with(const char *s, const char *end)
{
    size_t len = strlen(s), end_len = strlen(end);

    return len >= end_len && strcmp(s + len - end_len, end) == 0;
}

static bool is_path(const char *module)
{
    return strchr(module, '/') || ends_with(module, ".so") ||
           ends_with(module, ".py");
}

/* The module as the broker can understand it, in new memory. */
static char *resolve(struct cli *p, const char *module)
{
    char *path;

    if (!is_path(module))
        path = util_asprintf("%s", module);
    else if (!(path = sys_realpath(module)))
        cli_die_errno(p, "could not canonicalize module path '%s'", module);
    if (!path)
        cli_die_errno(p, "%s", module);
    return path;
}

static json_t *make_args(struct cli *p, char **argv)
{
    json_t *args = json_array();

    if (!args)
        cli_die_errno(p, "module.load");
    for (; *argv; argv++)
        if (json_array_append_new(args, json_string(*argv)) < 0)
            cli_die(p, "module argument is not UTF-8: %s", *argv);
    return args;
}

static void set_option(struct cli *p, json_t *request, const char *option)
{
    const char *value = cli_get(p, option, NULL);

    if (value && json_object_set_new(request, option, json_string(value)) < 0)
        cli_die(p, "--%s is not UTF-8: %s", option, value);
}

/* The broker has another working directory; links have names that matter. */
static void set_loader(struct cli *p, json_t *request)
{
    const char *loader = cli_get(p, "loader", NULL);
    char *cwd, *path;

    set_option(p, request, "loader");
    if (!loader || *loader == '/' || !strchr(loader, '/'))
        return;
    if (!(cwd = sys_realpath(".")) ||
        !(path = util_asprintf("%s/%s", cwd, loader)) ||
        json_object_set_new(request, "loader", json_string(path)) < 0)
        cli_die_errno(p, "--loader=%s", loader);
    free(path);
    free(cwd);
}

static void set_wrap(struct cli *p, json_t *request)
{
    char **words;

    if (cli_count(p, "wrap") == 0)
        return;
    words = cli_list(p, "wrap");
    json_object_set_new(request, "wrap", make_args(p, words));
    free(words);
}

static void set_load_timeout(struct cli *p, json_t *request)
{
    double seconds = cli_duration(p, "load-timeout", -1);

    if (seconds >= 0)
        json_object_set_new(request, "load-timeout",
                            json_real(isinf(seconds) ? 0 : seconds));
}

static void tell_waiter(struct cli *p, flux_future_t *f, const char *what)
{
    if (!f || !isatty(STDERR_FILENO))
        return;
    if (flux_future_wait_for(f, PATIENCE) < 0 && errno == ETIMEDOUT)
        cli_warn(p, "%s: waiting for the module to %s", cli_argv(p)[0], what);
}

static bool is_hex_digest(const char *s)
{
    return strlen(s) == SHA1_HEX_SIZE - 1 &&
           strspn(s, "0123456789abcdefABCDEF") == SHA1_HEX_SIZE - 1;
}

/* The broker looks too; Flux's does not, but the command can read a path. */
static void check_sha1(struct cli *p, json_t *request, const char *path)
{
    const char *wanted = cli_get(p, "sha1", NULL);
    char digest[SHA1_HEX_SIZE];
    flux_error_t e;

    if (!wanted)
        return;
    if (!is_hex_digest(wanted))
        cli_usage_die(p, "--sha1: not 40 hexadecimal digits: '%s'", wanted);
    set_option(p, request, "sha1");
    if (*path != '/')
        return;
    if (modlife_digest(path, digest, &e) < 0)
        cli_die(p, "load %s", e.text);
    if (strcasecmp(digest, wanted) != 0)
        cli_die(p, "load %s: refused, its SHA-1 is %s", path, digest);
}

static void load(struct cli *p, flux_t *h, const char *path, json_t *args)
{
    const char *module = cli_argv(p)[0];
    json_t *request = json_pack("{s:s s:O s:b}", "path", path, "args", args,
                                "exec", cli_count(p, "exec") > 0);
    flux_future_t *f;
    char *what;

    if (!request)
        cli_die(p, "load %s: path is not UTF-8", module);
    set_option(p, request, "name");
    set_loader(p, request);
    set_option(p, request, "on-failure");
    set_load_timeout(p, request);
    check_sha1(p, request, path);
    set_wrap(p, request);
    f = flux_rpc_pack(h, "module.load", FLUX_NODEID_ANY, 0, "O", request);
    if (!(what = util_asprintf("load %s", module)))
        cli_die_errno(p, "load");
    tell_waiter(p, f, "run");
    cli_wait(p, f, what);
    flux_future_destroy(f);
    json_decref(request);
    free(what);
}

/* What a broker that is not busyflux's would pass over. */
static flux_t *open_for(struct cli *p, const char *path)
{
    static const char *const options[] = {"--on-failure", "--wrap", "--timeout",
                                          "--sha1"};
    flux_t *h = cli_open(p);

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(options); i++)
        if (cli_count(p, options[i] + 2) > 0 &&
            (strcmp(options[i], "--sha1") != 0 || *path != '/'))
            cmd_need(p, h, options[i], "such option");
    return h;
}

static int run_load(struct cli *p)
{
    char *path = resolve(p, cli_argv(p)[0]);
    json_t *args = make_args(p, cli_argv(p) + 1);
    flux_t *h = open_for(p, path);

    load(p, h, path, args);
    flux_close(h);
    json_decref(args);
    free(path);
    return 0;
}

static json_t *removal(struct cli *p, const char *name, bool reload)
{
    double timeout = cli_duration(p, "timeout", 0);
    bool force = cli_count(p, "force") > 0 || cli_count(p, "cancel") > 0;
    json_t *request = json_pack("{s:s s:b}", "name", name, "cancel",
                                cli_count(p, "cancel") > 0);

    if (request && timeout > 0)
        json_object_set_new(request, "timeout", json_real(timeout));
    if (request && reload && cli_count(p, "no-hold") == 0)
        json_object_set_new(request, "hold", json_real(HOLD));
    if (request && !reload && !force)
        json_object_set_new(request, "unless-used", json_true());
    return request;
}

/* How it was made to end, where it had to be made to. */
static void tell_force(struct cli *p, flux_future_t *f)
{
    const char *took;

    if (!cli_count(p, "cancel") &&
        flux_rpc_get_unpack(f, "{s:s}", "took", &took) == 0)
        cli_warn(p, "remove %s: it was ended by %s", cli_argv(p)[0], took);
}

static void refuse_removal(struct cli *p, flux_future_t *f)
{
    bool used = f && errno == EBUSY;

    cli_die(p, "remove %s: %s%s", cli_argv(p)[0],
            f ? future_strerror(f, errno) : flux_strerror(errno),
            used ? "; --force removes it all the same" : "");
}

/* For good, or to load another, for which requests wait meanwhile. */
static void
remove_module(struct cli *p, flux_t *h, const char *name, bool reload)
{
    bool force = cli_count(p, "force") > 0;
    json_t *request = removal(p, name, reload);
    flux_future_t *f =
        flux_rpc_pack(h, "module.remove", FLUX_NODEID_ANY, 0, "o", request);

    tell_waiter(p, f, "end; --timeout or --cancel would force it");
    if (!f || (flux_future_get(f, NULL) < 0 && !(force && errno == ENOENT)))
        refuse_removal(p, f);
    tell_force(p, f);
    flux_future_destroy(f);
}

static int run_remove(struct cli *p)
{
    char *name = resolve(p, cli_argv(p)[0]);
    flux_t *h = open_for(p, name);

    remove_module(p, h, name, false);
    flux_close(h);
    free(name);
    return 0;
}

/* The array of what is loaded; it lives as long as *f. */
static json_t *list_modules(struct cli *p, flux_t *h, flux_future_t **f)
{
    json_t *mods;

    *f = flux_rpc(h, "module.list", NULL, FLUX_NODEID_ANY, 0);
    cli_wait(p, *f, "module.list");
    if (flux_rpc_get_unpack(*f, "{s:o}", "mods", &mods) < 0)
        cli_die_errno(p, "module.list");
    return mods;
}

static bool has_string(json_t *object, const char *key, const char *wanted)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value && strcmp(value, wanted) == 0;
}

/* By its name, else by its path; NULL if it is not loaded. */
static json_t *find_module(json_t *mods, const char *module)
{
    size_t count = json_array_size(mods);

    for (size_t i = 0; i < count; i++)
        if (has_string(json_array_get(mods, i), "name", module))
            return json_array_get(mods, i);
    for (size_t i = 0; i < count; i++)
        if (has_string(json_array_get(mods, i), "path", module))
            return json_array_get(mods, i);
    return NULL;
}

static char *loaded_path(struct cli *p, json_t *entry, char *path)
{
    const char *from = json_string_value(json_object_get(entry, "path"));
    char *copy;

    if (is_path(cli_argv(p)[0]) || !has_string(entry, "name", path) || !from ||
        strcmp(from, "builtin") == 0)
        return path;
    if (!(copy = util_asprintf("%s", from)))
        cli_die_errno(p, "%s", path);
    free(path);
    return copy;
}

static json_t *loaded_args(struct cli *p, json_t *entry, json_t *args)
{
    json_t *from = json_object_get(entry, "args");

    if (cli_argc(p) > 1 || !json_is_array(from))
        return args;
    json_decref(args);
    return json_incref(from);
}

static int run_reload(struct cli *p)
{
    char *path = resolve(p, cli_argv(p)[0]);
    json_t *args = make_args(p, cli_argv(p) + 1), *entry = NULL;
    char *name = util_asprintf("%s", cli_get(p, "name", path));
    flux_t *h = open_for(p, path);
    flux_future_t *f = NULL;

    if (!name)
        cli_die_errno(p, "reload");
    if (cli_argc(p) == 1 || !is_path(cli_argv(p)[0]))
        entry = find_module(list_modules(p, h, &f), name);
    args = loaded_args(p, entry, args);
    path = loaded_path(p, entry, path);
    remove_module(p, h, name, true);
    load(p, h, path, args);
    flux_future_destroy(f);
    flux_close(h);
    json_decref(args);
    free(name);
    free(path);
    return 0;
}

#define NAME_OPTION                                                  \
    {                                                                \
        'n', "name", CLI_ARG, "NAME", "Override default module name" \
    }
#define EXEC_OPTIONS                                                        \
    {0, "exec", CLI_NO_ARG, NULL, "Load module as a separate process"},     \
        {0, "loader", CLI_ARG, "PATH", "Use the specified loader program"}, \
        {0, "wrap", CLI_ARG, "ARG,...",                                     \
         "Put words before the loader, e.g. valgrind (implies --exec)"},    \
    {                                                                       \
        0, "on-failure", CLI_ARG, "panic|log|restart[:N[/SECONDS]]",        \
            "What to do when the module fails; restart loads it again, at " \
            "most N times in SECONDS (default 5/60)"                        \
    }
#define LOAD_TIMEOUT_OPTION                                                \
    {                                                                      \
        0, "load-timeout", CLI_ARG, "FSD",                                 \
            "Give up if the module does not say that it runs by then (0: " \
            "never; default: broker.module-load-timeout)"                  \
    }
#define FORCE_OPTION                                                 \
    {                                                                \
        'f', "force", CLI_NO_ARG, NULL, "Ignore nonexistent modules" \
    }
#define CANCEL_OPTIONS                                                     \
    {0, "cancel", CLI_NO_ARG, NULL,                                        \
     "Forcibly stop an unresponsive module: a thread when it reaches "     \
     "the next pthread(7) cancellation point, a process by SIGKILL"},      \
    {                                                                      \
        0, "timeout", CLI_ARG, "FSD",                                      \
            "Force the module to end if it has not by then: a process by " \
            "SIGTERM, then SIGKILL, a thread as with --cancel"             \
    }

static const struct cli_option load_options[] = {
    NAME_OPTION,
    {0, "sha1", CLI_ARG, "HEX", "Load the file only if this is its SHA-1"},
    EXEC_OPTIONS,
    LOAD_TIMEOUT_OPTION,
    CLI_OPTIONS_END,
};

static const struct cli_option reload_options[] = {
    FORCE_OPTION,
    NAME_OPTION,
    CANCEL_OPTIONS,
    EXEC_OPTIONS,
    LOAD_TIMEOUT_OPTION,
    {0, "no-hold", CLI_NO_ARG, NULL,
     "Refuse requests while there is no module, as Flux does, instead of "
     "holding them for the new one"},
    CLI_OPTIONS_END,
};

static const struct cli_option remove_options[] = {
    {'f', "force", CLI_NO_ARG, NULL,
     "Ignore nonexistent modules; remove one that others wait for"},
    CANCEL_OPTIONS,
    CLI_OPTIONS_END,
};

#define REMOVE_ROW(word, text)                                          \
    {                                                                   \
        .name = word, .arguments = "[OPTIONS] module", .summary = text, \
        .options = remove_options, .run = run_remove, .min_args = 1,    \
        .max_args = 1,                                                  \
    }

static const struct cli_command subcommands[] = {
    {
        .name = "list",
        .arguments = "[OPTIONS]",
        .summary = "List loaded modules",
        .options = cmd_list_options,
        .run = cmd_list_run,
    },
    REMOVE_ROW("remove", "Unload module"),
    REMOVE_ROW("unload", NULL),
    {
        .name = "load",
        .arguments = "[OPTIONS] module [args...]",
        .summary = "Load module",
        .options = load_options,
        .run = run_load,
        .min_args = 1,
        .max_args = -1,
        .stop_at_argument = true,
    },
    {
        .name = "reload",
        .arguments = "[OPTIONS] module [args...]",
        .summary = "Reload module",
        .options = reload_options,
        .run = run_reload,
        .min_args = 1,
        .max_args = -1,
        .stop_at_argument = true,
    },
    {
        .name = "status",
        .arguments = "[OPTIONS] [module module...]",
        .summary = "Tell all that is known of modules",
        .options = cmd_status_options,
        .run = cmd_status_run,
        .max_args = -1,
    },
    {
        .name = "stats",
        .arguments = "[OPTIONS] module",
        .summary = "Display stats on module",
        .options = cmd_stats_options,
        .run = cmd_stats_run,
        .max_args = 1,
    },
    {
        .name = "top",
        .arguments = "[OPTIONS]",
        .summary = "Show what modules are doing",
        .options = cmd_top_options,
        .run = cmd_top_run,
    },
    {
        .name = "debug",
        .arguments = "[OPTIONS] module",
        .summary = "Get/set module debug flags",
        .options = cmd_stats_debug_options,
        .run = cmd_stats_debug,
        .min_args = 1,
        .max_args = 1,
    },
    {
        .name = "trace",
        .arguments = "[OPTIONS] [module module...]",
        .summary = "Trace module messages",
        .options = cmd_trace_options,
        .run = cmd_trace_run,
        .max_args = -1,
    },
    {.name = NULL},
};

const struct cli_command cmd_module = {
    .name = "flux-module",
    .arguments = "COMMAND [OPTIONS]",
    .summary = "Load, list, trace and remove broker modules",
    .subcommands = subcommands,
};
