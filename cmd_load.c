/* cmd_load.c - flux module load, remove and reload
 *
 * A module is named by a path or by a name.  A path (anything with a slash,
 * or that ends with .so or .py) is made absolute here, since the broker has
 * another working directory; a name is left to the broker, which looks for it
 * on FLUX_MODULE_PATH to load it, and among what is loaded to remove it.
 *
 * What always holds:
 * - A complaint names the module as the person named it, and ends with the
 *   broker's reason.
 * - With --rank all is done on each of these ranks, at the same time; a rank
 *   that fails at a step is named and left out of the next, and makes the
 *   status 1.
 * - reload checks the path before it removes anything.  It is a remove, in
 *   which the broker is asked to hold requests, and a load; a module that is
 *   gone already is an error unless --force says otherwise.  What is not said
 *   stays as it is, as far as the broker's list tells: arguments, whether it is
 *   a process and of what loader, and so on.  A bare name that is loaded stands
 *   for the path that it was loaded from.
 * - Arguments behind the module belong to the module, also those with dashes.
 * - Options that Flux's broker does not know are sent only if they are given.
 */
#include "cmd_load.h"

#include <math.h>
#include <strings.h>

#include "cmd_need.h"
#include "cmd_watch.h"
#include "digest.h"
#include "ranks.h"
#include "sys.h"
#include "util.h"

/* Seconds that requests wait for a module that is reloaded: as long as many a
 * caller waits for an RPC.
 */
static const double HOLD = 30;

/* ---- what is asked for -----------------------------------------------------
 */

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
    if (digest_of_file(NULL, path, digest, &e) < 0)
        cli_die(p, "load %s", e.text);
    if (strcasecmp(digest, wanted) != 0)
        cli_die(p, "load %s: refused, its SHA-1 is %s", path, digest);
}

static bool has_string(json_t *object, const char *key, const char *wanted)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value && strcmp(value, wanted) == 0;
}

static json_t *make_request(struct cli *p, const char *path)
{
    json_t *request = json_pack("{s:b}", "exec", cli_count(p, "exec") > 0);

    if (!request)
        cli_die_errno(p, "module.load");
    set_option(p, request, "name");
    set_loader(p, request);
    set_option(p, request, "on-failure");
    set_load_timeout(p, request);
    check_sha1(p, request, path);
    set_wrap(p, request);
    return request;
}

static void begin(struct cmd_load *l, struct cli *p)
{
    memset(l, 0, sizeof(*l));
    l->p = p;
    l->module = cli_argv(p)[0];
    l->force = cli_count(p, "force") > 0;
    l->path = resolve(p, l->module);
    l->args = make_args(p, cli_argv(p) + 1);
    if (!(l->loaded = json_object()))
        cli_die_errno(p, "%s", l->module);
}

/* What a broker that is not busyflux's would pass over. */
static void check_options(struct cmd_load *l)
{
    static const char *const options[] = {"--on-failure", "--wrap", "--timeout",
                                          "--sha1"};

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(options); i++)
        if (cli_count(l->p, options[i] + 2) > 0 &&
            (strcmp(options[i], "--sha1") != 0 || *l->path != '/'))
            cmd_need(l->p, l->h, options[i], "such option");
}

static void connect(struct cmd_load *l)
{
    l->h = cli_open(l->p);
    check_options(l);
    l->ranks = ranks_parse(l->p, l->h);
}

static void end(struct cmd_load *l)
{
    flux_close(l->h);
    idset_destroy(l->ranks);
    json_decref(l->loaded);
    json_decref(l->request);
    json_decref(l->args);
    free(l->path);
}

/* ---- steps -----------------------------------------------------------------
 */

static int call(struct cmd_load *l, const char *verb, struct ranks_call *c)
{
    char *what = util_asprintf("%s %s", verb, l->module);
    int failed;

    if (!what)
        cli_die_errno(l->p, "%s", verb);
    c->what = what;
    c->timeout = -1;
    c->arg = l;
    failed = ranks_call(l->p, l->h, l->ranks, c);
    free(what);
    return failed;
}

/* What is loaded there under that name already, is what it stands for. */
static const char *path_for(struct cmd_load *l, json_t *entry)
{
    const char *from = json_string_value(json_object_get(entry, "path"));

    if (is_path(l->module) || !has_string(entry, "name", l->path) || !from ||
        strcmp(from, "builtin") == 0)
        return l->path;
    return from;
}

static json_t *args_for(struct cmd_load *l, json_t *entry)
{
    json_t *from = json_object_get(entry, "args");

    return cli_argc(l->p) > 1 || !json_is_array(from) ? l->args : from;
}

static void keep(json_t *request, json_t *entry, const char *key)
{
    json_t *value = json_object_get(entry, key);

    if (value && !json_object_get(request, key))
        json_object_set(request, key, value);
}

/* A process stays one, and is run by the same words, unless other ones are
 * given.  What Python files are run by goes without saying.
 */
static void keep_process(struct cmd_load *l, json_t *request, json_t *entry)
{
    if (cli_count(l->p, "exec") + cli_count(l->p, "loader") +
            cli_count(l->p, "wrap") >
        0)
        return;
    keep(request, entry, "wrap");
    if (has_string(entry, "loader", "module-exec"))
        json_object_set_new(request, "exec", json_true());
    else if (!has_string(entry, "loader", "module-python-exec"))
        keep(request, entry, "loader");
}

static void keep_options(struct cmd_load *l, json_t *request, json_t *entry)
{
    keep_process(l, request, entry);
    keep(request, entry, "on-failure");
    keep(request, entry, "load-timeout");
}

static json_t *load_payload(uint32_t rank, void *arg)
{
    struct cmd_load *l = arg;
    json_t *entry = cmd_load_found(l, rank), *request = json_copy(l->request);

    if (!request || json_object_set_new(request, "path",
                                        json_string(path_for(l, entry))) < 0)
        cli_die(l->p, "load %s: path is not UTF-8", l->module);
    json_object_set(request, "args", args_for(l, entry));
    if (entry)
        keep_options(l, request, entry);
    if (path_for(l, entry) != l->path && !json_object_get(request, "name"))
        json_object_set_new(request, "name", json_string(l->path));
    if (l->from)
        json_object_set_new(request, "from", json_string(l->from));
    if (l->hold_on)
        json_object_set_new(request, "hold", json_true());
    return request;
}

int cmd_load_load(struct cmd_load *l)
{
    struct ranks_call c = {
        .topic = "module.load",
        .waiting = "run",
        .payload = load_payload,
    };

    return call(l, "load", &c);
}

static json_t *removal(struct cmd_load *l, const char *name)
{
    double timeout = cli_duration(l->p, "timeout", 0);
    json_t *request = json_pack("{s:s s:b}", "name", name, "cancel",
                                cli_count(l->p, "cancel") > 0);

    if (!request)
        cli_die(l->p, "remove %s: name is not UTF-8", l->module);
    if (timeout > 0)
        json_object_set_new(request, "timeout", json_real(timeout));
    return request;
}

/* For good. */
static json_t *remove_payload(uint32_t rank, void *arg)
{
    struct cmd_load *l = arg;
    json_t *request = removal(l, l->path);

    (void)rank;
    if (!l->force && cli_count(l->p, "cancel") == 0)
        json_object_set_new(request, "unless-used", json_true());
    return request;
}

/* To load another, for which requests wait meanwhile. */
static json_t *replace_payload(uint32_t rank, void *arg)
{
    struct cmd_load *l = arg;
    json_t *request = removal(l, cli_get(l->p, "name", l->path));

    (void)rank;
    if (cli_count(l->p, "no-hold") == 0)
        json_object_set_new(request, "hold", json_real(HOLD));
    return request;
}

/* How it was made to end, where it had to be made to. */
static void tell_force(struct cmd_load *l, uint32_t rank, const char *took)
{
    char where[32] = "";

    if (rank != FLUX_NODEID_ANY)
        snprintf(where, sizeof(where), "rank %lu: ", (unsigned long)rank);
    cli_warn(l->p, "remove %s: %sit was ended by %s", l->module, where, took);
}

static int removed(uint32_t rank, flux_future_t *f, void *arg)
{
    struct cmd_load *l = arg;
    const char *took;

    if (flux_future_get(f, NULL) < 0)
        return l->force && errno == ENOENT ? 0 : -1;
    if (cli_count(l->p, "cancel") == 0 &&
        flux_rpc_get_unpack(f, "{s:s}", "took", &took) == 0)
        tell_force(l, rank, took);
    return 0;
}

static const char *advise(int errnum)
{
    switch (errnum) {
    case EBUSY:
        return "; --force removes it all the same";
    case ENOENT:
        return "; it is not loaded";
    default:
        return NULL;
    }
}

static int remove_with(struct cmd_load *l,
                       json_t *(*payload)(uint32_t rank, void *arg))
{
    struct ranks_call c = {
        .topic = "module.remove",
        .waiting = "end; --timeout or --cancel would force it",
        .payload = payload,
        .answer = removed,
        .advice = advise,
    };

    return call(l, "remove", &c);
}

int cmd_load_remove(struct cmd_load *l)
{
    return remove_with(l, replace_payload);
}

/* ---- what is loaded ---------------------------------------------------------
 */

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

static void rank_key(uint32_t rank, char key[16])
{
    snprintf(key, 16, "%lu", (unsigned long)rank);
}

static int note_loaded(uint32_t rank, flux_future_t *f, void *arg)
{
    struct cmd_load *l = arg;
    char key[16];
    json_t *mods, *entry;

    if (flux_rpc_get_unpack(f, "{s:o}", "mods", &mods) < 0)
        return -1;
    rank_key(rank, key);
    if ((entry = find_module(mods, cli_get(l->p, "name", l->path))))
        json_object_set(l->loaded, key, entry);
    return 0;
}

json_t *cmd_load_found(const struct cmd_load *l, uint32_t rank)
{
    char key[16];

    rank_key(rank, key);
    return json_object_get(l->loaded, key);
}

int cmd_load_find(struct cmd_load *l)
{
    struct ranks_call c = {.topic = "module.list", .answer = note_loaded};

    return call(l, "reload", &c);
}

/* ---- commands ---------------------------------------------------------------
 */

int cmd_load_run(struct cli *p)
{
    struct cmd_load l;
    int failed;

    begin(&l, p);
    l.request = make_request(p, l.path);
    connect(&l);
    failed = cmd_load_load(&l);
    end(&l);
    return failed ? 1 : 0;
}

int cmd_load_remove_run(struct cli *p)
{
    struct cmd_load l;
    int failed;

    begin(&l, p);
    connect(&l);
    failed = remove_with(&l, remove_payload);
    end(&l);
    return failed ? 1 : 0;
}

bool cmd_load_goes_on(const struct cmd_load *l, int failed)
{
    return l->ranks ? idset_count(l->ranks) > 0 : failed == 0;
}

static int reload(struct cmd_load *l)
{
    int failed = cmd_load_find(l);

    if (cmd_load_goes_on(l, failed))
        failed += cmd_load_remove(l);
    if (cmd_load_goes_on(l, failed))
        failed += cmd_load_load(l);
    return failed;
}

int cmd_load_reload_run(struct cli *p)
{
    struct cmd_load l;
    int failed;

    begin(&l, p);
    l.request = make_request(p, l.path);
    connect(&l);
    failed = cli_count(p, "watch") > 0 ? cmd_watch_run(&l) : reload(&l);
    end(&l);
    return failed ? 1 : 0;
}

/* ---- options ----------------------------------------------------------------
 */

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

const struct cli_option cmd_load_options[] = {
    NAME_OPTION,
    {0, "sha1", CLI_ARG, "HEX", "Load the file only if this is its SHA-1"},
    EXEC_OPTIONS,
    LOAD_TIMEOUT_OPTION,
    RANKS_OPTION("Load it on these broker ranks"),
    CLI_OPTIONS_END,
};

const struct cli_option cmd_load_reload_options[] = {
    FORCE_OPTION,
    NAME_OPTION,
    CANCEL_OPTIONS,
    EXEC_OPTIONS,
    LOAD_TIMEOUT_OPTION,
    {0, "no-hold", CLI_NO_ARG, NULL,
     "Refuse requests while there is no module, as Flux does, instead of "
     "holding them for the new one"},
    RANKS_OPTION("Reload it on these broker ranks"),
    {0, "watch", CLI_NO_ARG, NULL,
     "Stay, and reload the module whenever its file has changed"},
    CLI_OPTIONS_END,
};

const struct cli_option cmd_load_remove_options[] = {
    {'f', "force", CLI_NO_ARG, NULL,
     "Ignore nonexistent modules; remove one that others wait for"},
    CANCEL_OPTIONS,
    RANKS_OPTION("Remove it from these broker ranks"),
    CLI_OPTIONS_END,
};
