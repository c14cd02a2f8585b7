/* cmd_config.c - flux-config(1): read and replace the configuration
 *
 *     get [NAME]      the instance's configuration, or one value of it
 *     load [PATH]     replace it by what PATH or stdin holds
 *     reload          read again what the broker was started with
 *     set, unset      change one value of it (cmd_config_set.c)
 *     builtin [NAME]  what this program was built to use
 *
 * A NAME is a path through tables, "access.allow-guest-user".  Strings are
 * printed bare, for shell scripts, everything else as compact JSON.
 *
 * What always holds:
 * - Files are read here, by the one who asks, and with that one's rights; the
 *   broker is sent an object.  Only reload makes the broker read.
 * - TOML and JSON are told apart by their first character: only a JSON object
 *   begins with a brace.
 * - A value of another type than the one asked for is an error, a value that
 *   is not set is one unless there is a default, which is printed as it is.
 */
#include "cmd_config.h"

#include <unistd.h>

#include "buf.h"
#include "conf.h"
#include "toml.h"
#include "util.h"

enum {
    CONFIG_INPUT_MAX = 1 << 24, /* of stdin: far above any configuration */
    CONFIG_CHUNK = 1 << 14,
};

/* ---- where a configuration comes from ---- */

json_t *cmd_config_live(struct cli *p, flux_t *h)
{
    flux_future_t *f = flux_rpc(h, "config.get", NULL, FLUX_NODEID_ANY, 0);
    const char *text = NULL;
    json_t *config;

    cli_wait(p, f, "config.get");
    if (flux_rpc_get(f, &text) < 0 || !text ||
        !(config = json_loads(text, 0, NULL)))
        cli_die(p, "config.get: the answer is no object");
    flux_future_destroy(f);
    return config;
}

static json_t *get_live(struct cli *p)
{
    flux_t *h = cli_open(p);
    json_t *config = cmd_config_live(p, h);

    flux_close(h);
    return config;
}

/* "system" and its like stand for a folder; any other is the path itself. */
static char *expand_path(struct cli *p, const char *path)
{
    static const char *const names[] = {"system", "security", "imp"};
    const char *confdir = flux_conf_builtin_get("confdir", FLUX_CONF_AUTO);
    char *result = NULL;

    for (size_t i = 0; confdir && i < UTIL_ARRAY_SIZE(names); i++)
        if (strcmp(path, names[i]) == 0)
            result = util_asprintf("%s/%s/conf.d", confdir, path);
    if (!result && !(result = strdup(path)))
        cli_die_errno(p, "%s", path);
    return result;
}

static json_t *read_path(struct cli *p, const char *path)
{
    flux_error_t e;
    flux_conf_t *conf = flux_conf_parse(path, &e);
    json_t *config;

    if (!conf || flux_conf_unpack(conf, &e, "O", &config) < 0)
        cli_die(p, "%s", e.text);
    flux_conf_decref(conf);
    return config;
}

static json_t *read_named(struct cli *p, const char *name)
{
    char *path = expand_path(p, name);
    json_t *config = read_path(p, path);

    free(path);
    return config;
}

static void read_stdin(struct cli *p, struct buf *b)
{
    void *room;
    ssize_t n;

    while ((room = buf_reserve(b, CONFIG_CHUNK)) &&
           (n = read(STDIN_FILENO, room, CONFIG_CHUNK)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            cli_die_errno(p, "stdin");
        b->size += (size_t)n;
        if (b->size > CONFIG_INPUT_MAX)
            cli_die(p, "stdin: more than %d bytes", CONFIG_INPUT_MAX);
    }
    if (!room)
        cli_die_errno(p, "stdin");
}

static json_t *parse(const struct buf *b, flux_error_t *e)
{
    const char *text = b->data ? (const char *)b->data : "";
    size_t blanks = 0;
    json_error_t error;
    json_t *config;

    while (blanks < b->size && strchr(" \t\r\n", text[blanks]))
        blanks++;
    if (blanks == b->size || text[blanks] != '{')
        return toml_parse(text, b->size, e);
    if (!(config = json_loadb(text, b->size, 0, &error)))
        util_errno(e, EINVAL, "line %d, column %d: %s", error.line,
                   error.column, error.text);
    return config;
}

static json_t *parse_stdin(struct cli *p)
{
    struct buf b = {.data = NULL};
    flux_error_t e = {""};
    json_t *config;

    read_stdin(p, &b);
    if (!(config = parse(&b, &e)))
        cli_die(p, "stdin: %s", e.text);
    buf_release(&b);
    return config;
}

/* ---- get ---- */

static bool is_duration(const json_t *value)
{
    double seconds;

    return json_is_string(value) &&
           util_parse_duration(json_string_value(value), &seconds) == 0;
}

static bool has_type(struct cli *p, const json_t *value, const char *type)
{
    const struct {
        const char *name;
        bool fits;
    } types[] = {
        {"any", true},
        {"string", json_is_string(value)},
        {"integer", json_is_integer(value)},
        {"real", json_is_real(value)},
        {"boolean", json_is_boolean(value)},
        {"object", json_is_object(value)},
        {"array", json_is_array(value)},
        {"fsd", is_duration(value)},
        {"fsd-integer", is_duration(value)},
        {"fsd-real", is_duration(value)},
    };

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(types); i++)
        if (strcmp(types[i].name, type) == 0)
            return types[i].fits;
    cli_die(p, "Unknown type: %s", type);
}

static void print_json(struct cli *p, const json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    if (!text)
        cli_die_errno(p, "get");
    puts(text);
    free(text);
}

static void print_value(struct cli *p, const json_t *value, const char *type)
{
    double seconds = 0;

    if (strncmp(type, "fsd-", 4) == 0)
        util_parse_duration(json_string_value(value), &seconds);
    if (strcmp(type, "fsd-integer") == 0)
        printf("%lld\n", (long long)seconds);
    else if (strcmp(type, "fsd-real") == 0)
        printf("%f\n", seconds);
    else if (json_is_string(value))
        puts(json_string_value(value));
    else
        print_json(p, value);
}

static int get_unset(struct cli *p, const char *path)
{
    const char *fallback = cli_get(p, "default", NULL);

    if (fallback)
        puts(fallback);
    else if (!cli_count(p, "quiet"))
        cli_warn(p, "%s is not set", path);
    return fallback ? 0 : 1;
}

static int get_from(struct cli *p, json_t *config, const char *path)
{
    const char *type = cli_get(p, "type", "any");
    json_t *value = conf_find(config, path);

    if (!value)
        return get_unset(p, path);
    if (!has_type(p, value, type))
        cli_die(p, "%s does not have the requested type", path);
    print_value(p, value, type);
    return 0;
}

static int run_get(struct cli *p)
{
    const char *file = cli_get(p, "config-path", NULL);
    const char *path = cli_argc(p) > 0 ? cli_argv(p)[0] : "";
    json_t *config = file ? read_named(p, file) : get_live(p);
    int status = get_from(p, config, path);

    json_decref(config);
    return status;
}

/* ---- load, reload, builtin ---- */

void cmd_config_load(struct cli *p, flux_t *h, json_t *config)
{
    flux_future_t *f =
        flux_rpc_pack(h, "config.load", FLUX_NODEID_ANY, 0, "o", config);

    cli_wait(p, f, "load");
    flux_future_destroy(f);
}

static int run_load(struct cli *p)
{
    const char *path = cli_argv(p)[0];
    json_t *config = path ? read_path(p, path) : parse_stdin(p);
    flux_t *h = cli_open(p);

    cmd_config_load(p, h, config);
    flux_close(h);
    return 0;
}

static bool is_follower(struct cli *p, flux_t *h)
{
    uint32_t rank;

    if (flux_get_rank(h, &rank) < 0)
        cli_die_errno(p, "Error fetching rank");
    return rank > 0;
}

static void reload(struct cli *p, flux_t *h)
{
    flux_future_t *f = flux_rpc(h, "config.reload", NULL, FLUX_NODEID_ANY, 0);

    cli_wait(p, f, "reload");
    flux_future_destroy(f);
}

static int run_reload(struct cli *p)
{
    flux_t *h = cli_open(p);

    if (!cli_count(p, "follower-noop") || !is_follower(p, h))
        reload(p, h);
    flux_close(h);
    return 0;
}

static void list_builtins(void)
{
    const char *name;

    for (size_t i = 0; (name = conf_builtin_name(i)); i++)
        printf("%s=%s\n", name, flux_conf_builtin_get(name, FLUX_CONF_AUTO));
}

static int run_builtin(struct cli *p)
{
    const char *name = cli_argv(p)[0], *value;

    if (!name) {
        list_builtins();
        return 0;
    }
    if (!(value = flux_conf_builtin_get(name, FLUX_CONF_AUTO)))
        cli_die(p, "%s is invalid", name);
    puts(value);
    return 0;
}

/* ---- rows ---- */

static const struct cli_option get_options[] = {
    {'c', "config-path", CLI_ARG, "PATH",
     "Get config from PATH (default: use live config)"},
    {'t', "type", CLI_ARG, "TYPE",
     "Set expected type (any, string, integer, real, boolean, object, array, "
     "fsd, fsd-integer, fsd-real)"},
    {'q', "quiet", CLI_NO_ARG, NULL,
     "Suppress printing of \"[key] is not set\" errors."},
    {'d', "default", CLI_ARG, "VAL", "Use this value if config key is unset"},
    CLI_OPTIONS_END,
};

static const struct cli_option set_options[] = {
    {'t', "type", CLI_ARG, "TYPE",
     "Specify type (string, integer, real, boolean, object, array, fsd)"},
    CLI_OPTIONS_END,
};

/* A build tree is laid out as an install tree: they change nothing. */
static const struct cli_option builtin_options[] = {
    {0, "intree", CLI_NO_ARG, NULL, "Force in-tree paths to be used"},
    {0, "installed", CLI_NO_ARG, NULL, "Force installed paths to be used"},
    CLI_OPTIONS_END,
};

static const struct cli_option reload_options[] = {
    {0, "follower-noop", CLI_NO_ARG, NULL,
     "Do nothing on a broker that is not rank 0"},
    CLI_OPTIONS_END,
};

static const struct cli_command subcommands[] = {
    {.name = "get",
     .arguments = "[OPTIONS] [NAME]",
     .summary = "Query broker configuration values",
     .options = get_options,
     .run = run_get,
     .max_args = 1},
    {.name = "load",
     .arguments = "[OPTIONS] [PATH]",
     .summary = "Load broker configuration from stdin or PATH",
     .run = run_load,
     .max_args = 1},
    {.name = "reload",
     .arguments = "[OPTIONS]",
     .summary = "Reload broker configuration from files",
     .options = reload_options,
     .run = run_reload},
    {.name = "set",
     .arguments = "[OPTIONS] NAME VALUE",
     .summary = "Set broker configuration value",
     .options = set_options,
     .run = cmd_config_set,
     .min_args = 2,
     .max_args = 2},
    {.name = "unset",
     .arguments = "NAME",
     .summary = "Unset broker configuration value",
     .run = cmd_config_unset,
     .min_args = 1,
     .max_args = 1},
    {.name = "builtin",
     .arguments = "[OPTIONS] [NAME]",
     .summary = "Print compiled-in configuration values",
     .options = builtin_options,
     .run = run_builtin,
     .max_args = 1},
    {.name = NULL},
};

const struct cli_command cmd_config = {
    .name = "flux-config",
    .arguments = "COMMAND [OPTIONS]",
    .summary = "Manage configuration",
    .subcommands = subcommands,
};
