/* loader_exec.c - flux-module-exec(1): run a shared object as a module
 *
 * Started by the broker it is a loader (RFC 5): FLUX_MODULE_URI names its
 * channel, the welcome on it the module's name and arguments, and the path is
 * the only argument.
 *
 * Started by a person it is the test mode: it connects to FLUX_URI like any
 * client, registers the module's name as a service there, and runs the module
 * in the foreground, with a terminal, a debugger, or under valgrind.  What a
 * module finds in its handle is there in both cases: its name, attributes,
 * the configuration, the default methods.  The broker of FLUX_URI may be any
 * that speaks Flux's protocol.  There is no module of that name for
 * flux-module(1); the message NAME.shutdown ends it.
 *
 * What always holds:
 * - Whatever keeps the module from running is said on stderr, which the
 *   broker passes on to the person who asked, and makes the status 1.  How a
 *   module ended that did run is told on the channel, and the status is 0; in
 *   test mode it is 1 if mod_main failed.
 * - The shared object is never unmapped: the process is about to end anyway,
 *   and tools that name frames after that need it.
 * - What the module starts does not inherit FLUX_MODULE_URI.
 */
#include "cli.h"

#include <unistd.h>

#include "handle.h"
#include "json.h"
#include "modlife.h"
#include "modpath.h"
#include "sys.h"
#include "util.h"

struct loader {
    struct cli *p;
    flux_t *h;
    char *path;
    const char *name;
    modlife_main_f mod_main;
    flux_error_t e;
};

static void open_module(struct loader *l)
{
    char *why;

    if (!modlife_open(l->path, l->name, &l->mod_main, &why))
        cli_die(l->p, "%s", why ? why : flux_strerror(errno));
    sys_thread_name(l->name);
}

/* ---- loader -------------------------------------------------------------- */

/* NULL-terminated; the strings live as long as the handle. */
static char **arguments(struct loader *l, int *argc)
{
    json_t *array = flux_aux_get(l->h, HANDLE_AUX_ARGS);
    size_t n = json_array_size(array);
    char **argv = calloc(n + 1, sizeof(*argv));

    if (!argv)
        cli_die_errno(l->p, "arguments");
    for (size_t i = 0; i < n; i++)
        argv[i] = (char *)json_string_value(json_array_get(array, i));
    *argc = (int)n;
    return argv;
}

static void open_channel(struct loader *l, const char *uri)
{
    if (!(l->h = flux_open_ex(uri, 0, &l->e)))
        cli_die(l->p, "flux_open: %s", l->e.text);
    unsetenv("FLUX_MODULE_URI");
    if (flux_module_initialize(l->h, NULL, &l->e) < 0)
        cli_die(l->p, "%s", l->e.text);
    l->name = flux_aux_get(l->h, HANDLE_AUX_NAME);
}

static void
forget_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)r;
    (void)w;
    (void)revents;
    (void)arg;
    sys_forget_start();
}

/* Once the module runs and waits, if it has a loop. */
static flux_watcher_t *forget_later(struct loader *l)
{
    flux_watcher_t *w =
        flux_timer_watcher_create(flux_get_reactor(l->h), 0., 0., forget_cb, l);

    flux_watcher_unref(w);
    flux_watcher_start(w);
    return w;
}

static int run_loader(struct loader *l, const char *uri)
{
    flux_watcher_t *watcher;
    char **argv;
    int argc;

    if (cli_count(l->p, "name"))
        cli_die(l->p, "FLUX_MODULE_URI and --name are incompatible");
    if (cli_argc(l->p) > 1)
        cli_die(l->p, "FLUX_MODULE_URI and free arguments are incompatible");
    open_channel(l, uri);
    open_module(l);
    argv = arguments(l, &argc);
    watcher = forget_later(l);
    if (modlife_run(l->h, l->mod_main, argc, argv, &l->e) < 0)
        cli_die(l->p, "%s", l->e.text);
    flux_watcher_destroy(watcher);
    free(argv);
    flux_close(l->h);
    return 0;
}

/* ---- test mode ----------------------------------------------------------- */

static char *test_path(struct cli *p)
{
    const char *path = cli_argv(p)[0];
    flux_error_t e;
    char *found;

    if (strchr(path, '/'))
        found = strdup(path);
    else if (access(path, F_OK) == 0)
        found = util_asprintf("./%s", path);
    else if (!(found = modpath_search(path, &e)))
        cli_die(p, "%s: %s", path, e.text);
    if (!found)
        cli_die_errno(p, "%s", path);
    return found;
}

static char *test_name(struct cli *p, const char *path)
{
    const char *given = cli_get(p, "name", NULL);
    char *name = given ? strdup(given) : modpath_name(path);

    if (!name)
        cli_die_errno(p, "%s", path);
    return name;
}

/* To get an attribute is to have it cached, if it may be. */
static void cache_attributes(struct loader *l)
{
    flux_future_t *f = flux_rpc(l->h, "attr.list", NULL, FLUX_NODEID_ANY, 0);
    json_t *names, *name;
    size_t i;

    cli_wait(l->p, f, "attr.list");
    if (flux_rpc_get_unpack(f, "{s:o}", "names", &names) < 0)
        cli_die_errno(l->p, "attr.list");
    json_array_foreach(names, i, name)
    {
        flux_attr_get(l->h, json_string_value(name));
    }
    flux_future_destroy(f);
}

static void cache_config(struct loader *l)
{
    flux_future_t *f = flux_rpc(l->h, "config.get", NULL, FLUX_NODEID_ANY, 0);
    flux_conf_t *conf;
    json_t *object;

    cli_wait(l->p, f, "config.get");
    if (flux_rpc_get_unpack(f, "o", &object) < 0 ||
        !(conf = flux_conf_pack("O", object)) ||
        flux_set_conf_new(l->h, conf) < 0)
        cli_die_errno(l->p, "config.get");
    flux_future_destroy(f);
}

static void set_identity(struct loader *l)
{
    char *uuid = malloc(UTIL_UUID_SIZE);

    if (uuid)
        util_uuid(uuid);
    if (!uuid ||
        flux_aux_set(l->h, HANDLE_AUX_NAME, (char *)l->name, NULL) < 0 ||
        flux_aux_set(l->h, HANDLE_AUX_UUID, uuid, free) < 0)
        cli_die_errno(l->p, "%s", l->name);
    flux_log_set_appname(l->h, l->name);
}

static void register_service(struct loader *l)
{
    flux_future_t *f = flux_service_register(l->h, l->name);

    cli_wait(l->p, f, l->name);
    flux_future_destroy(f);
    if (flux_module_register_handlers(l->h, &l->e) < 0)
        cli_die(l->p, "%s", l->e.text);
}

/* As at the end of a module's life: no request is left without an answer. */
static void unregister_service(struct loader *l)
{
    flux_future_t *f = flux_service_unregister(l->h, l->name);
    flux_msg_t *msg;

    if (f)
        flux_future_get(f, NULL);
    flux_future_destroy(f);
    while ((msg = flux_recv(l->h, FLUX_MATCH_REQUEST, FLUX_O_NONBLOCK))) {
        flux_respond_error(l->h, msg, ENOSYS, NULL);
        flux_msg_decref(msg);
    }
}

static int run_test(struct loader *l)
{
    char *name;
    int errnum;

    l->h = cli_open(l->p);
    cli_warn(l->p, "loading module in test mode");
    l->path = test_path(l->p);
    l->name = name = test_name(l->p, l->path);
    open_module(l);
    set_identity(l);
    cache_config(l);
    cache_attributes(l);
    register_service(l);
    errnum =
        modlife_call(l->h, l->mod_main, cli_argc(l->p) - 1, cli_argv(l->p) + 1);
    unregister_service(l);
    if (errnum)
        cli_die(l->p, "module failed: %s", flux_strerror(errnum));
    flux_close(l->h);
    free(l->path);
    free(name);
    return 0;
}

static int run(struct cli *p)
{
    const char *uri = getenv("FLUX_MODULE_URI");
    struct loader l = {.p = p, .path = cli_argv(p)[0]};

    return uri ? run_loader(&l, uri) : run_test(&l);
}

static const struct cli_option options[] = {
    {0, "name", CLI_ARG, "NAME", "Override module name"},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_module_exec = {
    .name = "flux-module-exec",
    .arguments = "[OPTIONS] PATH [ARGS...]",
    .summary = "Run a shared object as a module, in a process of its own",
    .options = options,
    .run = run,
    .min_args = 1,
    .max_args = -1,
    .stop_at_argument = true,
};
