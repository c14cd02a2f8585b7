/* broker.c - the applet flux-broker: one broker of an instance
 *
 * Puts the parts together: attributes, configuration, log, run folder,
 * router, modules, states; runs the loop; takes all apart in reverse order.
 * There is one thread here, and one loop.  Whatever is offered to clients by
 * the broker itself is a message handler on one flux_t, `h`, whose other end
 * is an inproc peer of the router.
 */
#include <signal.h>
#include <unistd.h>

#include "access.h"
#include "attr.h"
#include "bootstrap.h"
#include "buf.h"
#include "cli.h"
#include "conf.h"
#include "config.h"
#include "connector.h"
#include "crash.h"
#include "env.h"
#include "environ.h"
#include "groups.h"
#include "inproc.h"
#include "log.h"
#include "modprobe_path.h"
#include "module.h"
#include "overlay.h"
#include "reactor.h"
#include "rexec.h"
#include "router.h"
#include "rundir.h"
#include "serve.h"
#include "state.h"
#include "sys.h"
#include "tbon.h"
#include "util.h"

struct broker {
    char uuid[UTIL_UUID_SIZE];
    uint32_t rank;
    uint32_t size;
    struct topology *topology;
    flux_reactor_t *reactor;
    struct attr_set *attrs;
    flux_conf_t *conf; /* as read at the start */
    struct rundir *rundir;
    struct router *router;
    struct inproc *self;
    flux_t *h; /* of self */
    struct log *log;
    struct link_set *links;
    struct module_set *modules;
    struct connector *connector;
    struct config *config;
    struct overlay *overlay;
    struct groups *groups;
    struct state_machine *state;
    flux_msg_handler_t **methods; /* broker.ping and its like */
};

/* ---- attributes -------------------------------------------------------- */

static int put_identity(struct broker *b)
{
    char host[256] = "localhost";

    gethostname(host, sizeof(host) - 1);
    if (attr_default(b->attrs, "hostname", host) < 0 ||
        attr_putf(b->attrs, "rank", "%u", (unsigned)b->rank) < 0 ||
        attr_putf(b->attrs, "size", "%u", (unsigned)b->size) < 0 ||
        attr_putf(b->attrs, "broker.pid", "%d", (int)getpid()) < 0 ||
        attr_putf(b->attrs, "broker.starttime", "%.2f", flux_reactor_time()) <
            0 ||
        attr_putf(b->attrs, "security.owner", "%u", (unsigned)getuid()) < 0)
        return -1;
    return attr_put(b->attrs, "broker.uuid", b->uuid);
}

/* "vm,vm,vm": all brokers are on this host. */
static char *repeat_host(struct broker *b)
{
    const char *host = attr_value(b->attrs, "hostname");
    struct buf list = {NULL, 0, 0, false};
    uint32_t i;

    for (i = 0; i < b->size; i++)
        buf_printf(&list, i ? ",%s" : "%s", host);
    return buf_steal_string(&list);
}

static int put_hostlist(struct broker *b)
{
    char *list = repeat_host(b);
    int rc = list ? attr_default(b->attrs, "hostlist", list) : -1;

    free(list);
    return rc;
}

static int put_topology(struct broker *b)
{
    struct topology *t = b->topology;

    if (attr_putf(b->attrs, "tbon.level", "%u", topology_level(t, b->rank)) <
            0 ||
        attr_putf(b->attrs, "tbon.maxlevel", "%u", topology_max_level(t)) < 0 ||
        attr_putf(b->attrs, "tbon.descendants", "%u",
                  topology_descendants(t, b->rank)) < 0 ||
        attr_putf(b->attrs, "broker.mapping", "[[0,1,%u,1]]",
                  (unsigned)b->size) < 0)
        return -1;
    return attr_put(b->attrs, "broker.critical-ranks", "0");
}

/* How a broker learns its rank and size: from nothing, or its command line. */
static int put_boot_method(struct broker *b, flux_error_t *e)
{
    const char *method = b->size == 1 ? "single" : "simple";
    const char *given = attr_value(b->attrs, "broker.boot-method");

    if (given && strcmp(given, method) != 0)
        return util_errno(e, EINVAL,
                          "broker.boot-method: '%s' is not possible here, only "
                          "'%s'",
                          given, method);
    return attr_put(b->attrs, "broker.boot-method", method);
}

static int make_topology(struct broker *b, flux_error_t *e)
{
    const char *uri;
    flux_error_t why;

    if (tbon_take(b->attrs, b->conf, b->rank, e) < 0)
        return -1;
    uri = attr_value(b->attrs, "tbon.topo");
    b->topology = topology_create(uri, b->size, &why);
    return b->topology ? 0 : util_error(e, "tbon.topo: %s", why.text);
}

/* What the configuration says of hosts has to be about these brokers. */
static int take_hosts(struct broker *b, flux_error_t *e)
{
    struct bootstrap *hosts = bootstrap_create(b->conf, e);
    int rc;

    if (!hosts)
        return -1;
    rc = bootstrap_check(hosts, b->rank, b->size,
                         attr_value(b->attrs, "hostname"), e);
    if (rc == 0 && strcmp(attr_value(b->attrs, "tbon.topo"), "custom") == 0)
        bootstrap_shape(hosts, b->topology);
    bootstrap_destroy(hosts);
    return rc;
}

/* Where this instance stands among those that started each other. */
static int put_nesting(struct broker *b)
{
    const char *parent = getenv("FLUX_URI");
    const char *level = getenv("FLUX_INSTANCE_LEVEL");
    uint32_t n = 0;

    if (level)
        util_parse_uint32(level, 10, &n);
    if ((parent && attr_put(b->attrs, "parent-uri", parent) < 0) ||
        attr_putf(b->attrs, "instance-level", "%u", (unsigned)n) < 0)
        return -1;
    return attr_put(b->attrs, "jobid-path", "/");
}

/* More than there will be is never reached. */
static int put_quorum(struct broker *b, flux_error_t *e)
{
    const char *given = attr_value(b->attrs, "broker.quorum");
    uint32_t n;

    if (!given)
        return attr_putf(b->attrs, "broker.quorum", "%u", (unsigned)b->size);
    if (util_parse_uint32(given, 10, &n) == 0 && n > 0 && n <= b->size)
        return 0;
    return util_errno(e, EINVAL,
                      "Error parsing broker.quorum attribute: '%s' is not a "
                      "number from 1 to %u",
                      given, (unsigned)b->size);
}

static int put_attributes(struct broker *b, flux_error_t *e)
{
    if (put_identity(b) < 0)
        return util_error(e, "cannot set attributes: %s", strerror(errno));
    if (make_topology(b, e) < 0 || take_hosts(b, e) < 0 ||
        put_boot_method(b, e) < 0 || put_quorum(b, e) < 0)
        return -1;
    if (put_hostlist(b) < 0 || put_topology(b) < 0 || put_nesting(b) < 0 ||
        attr_put(b->attrs, "version", flux_core_version_string()) < 0 ||
        attr_default(b->attrs, "broker.rc1_path", CONF_RC1) < 0 ||
        attr_default(b->attrs, "broker.rc3_path", CONF_RC3) < 0)
        return util_error(e, "cannot set attributes: %s", strerror(errno));
    return 0;
}

static int take_options(struct broker *b, struct cli *p, flux_error_t *e)
{
    const char *value;
    int i;

    for (i = 0; (value = cli_nth(p, "setattr", i)); i++)
        if (attr_command_line(b->attrs, value, e) < 0)
            return -1;
    value = cli_get(p, "config-path", getenv("FLUX_CONF_DIR"));
    if ((cli_count(p, "verbose") &&
         attr_default(b->attrs, "log-stderr-level", "7") < 0) ||
        (value && attr_default(b->attrs, "config.path", value) < 0))
        return util_error(e, "cannot set attributes: %s", strerror(errno));
    return 0;
}

/* ---- configuration, environment --------------------------------------------
 */

static flux_conf_t *first_config(const char *path, flux_error_t *e)
{
    flux_conf_t *conf = path ? config_read(path, e) : flux_conf_create();

    if (!conf && !path)
        util_error(e, "%s", strerror(errno));
    return conf;
}

/* Each --conf is put over what was there before. */
static int load_config(struct broker *b, struct cli *p, flux_error_t *e)
{
    struct access access;
    flux_error_t why;
    const char *value;

    b->conf = first_config(attr_value(b->attrs, "config.path"), &why);
    if (!b->conf)
        return util_error(e, "config: %s", why.text);
    for (int i = 0; (value = cli_nth(p, "conf", i)); i++)
        if (flux_conf_update(b->conf, value, &why) < 0)
            return util_error(e, "config: --conf: %s", why.text);
    if (access_read(b->conf, &access, &why) < 0)
        return util_error(e, "config: --conf: %s", why.text);
    return 0;
}

static int set_environment(struct broker *b, flux_error_t *e)
{
    const char *given = attr_value(b->attrs, "local-uri");

    if (given && strncmp(given, "local:///", 9) != 0)
        return util_errno(
            e, EINVAL, "local-uri: '%s' does not begin with local:///", given);
    if (!given && attr_putf(b->attrs, "local-uri", "local://%s/local-%u",
                            rundir_path(b->rundir), (unsigned)b->rank) < 0)
        return util_error(e, "local-uri: %s", strerror(errno));
    if (env_setup() < 0 ||
        setenv("FLUX_URI", attr_value(b->attrs, "local-uri"), 1) < 0)
        return util_error(e, "cannot set the environment: %s", strerror(errno));
    return 0;
}

/* ---- parts
 * -------------------------------------------------------------------- */

static void panic(const char *name, void *arg)
{
    struct broker *b = arg;

    (void)name;
    state_panic(b->state);
}

static int create_core(struct broker *b, flux_error_t *e)
{
    if (!(b->router = router_create(b->reactor, b->uuid, b->rank, b->size)) ||
        !(b->self =
              inproc_create(b->reactor, b->router, PEER_BROKER, "broker")))
        return util_error(e, "cannot create the router: %s", strerror(errno));
    b->h = inproc_handle(b->self);
    if (!(b->log = log_create(b->h, b->router, b->attrs, e)))
        return -1;
    flux_conf_incref(b->conf);
    return flux_set_conf_new(b->h, b->conf);
}

static int create_parts(struct broker *b, flux_error_t *e)
{
    const char *uri = attr_value(b->attrs, "local-uri");

    if (!(b->links = link_set_create(b->h, b->router)) ||
        !(b->modules = module_set_create(b->h, b->router, b->links, b->attrs,
                                         panic, b)) ||
        !(b->connector =
              connector_create(b->links, uri + strlen("local://"))) ||
        !(b->config = config_create(b->h, b->attrs, b->modules, b->rank)) ||
        !(b->overlay = overlay_create(b->h, b->router, b->links, b->topology,
                                      rundir_path(b->rundir),
                                      attr_value(b->attrs, "hostlist"))) ||
        !(b->groups = groups_create(b->overlay, b->topology, b->rank)))
        return util_error(e, "cannot create the broker: %s", strerror(errno));
    overlay_set_connect_timeout(b->overlay,
                                attr_limit(b->attrs, "tbon.connect_timeout"));
    return 0;
}

/* The last one is loaded when all others are there to be called. */
static int add_builtins(struct broker *b, flux_error_t *e)
{
    const struct module_builtin builtins[] = {
        config_builtin(b->config),       overlay_builtin(b->overlay),
        groups_builtin(b->groups),       rexec_builtin(b->router),
        connector_builtin(b->connector),
    };
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(builtins); i++)
        if (module_set_add_builtin(b->modules, &builtins[i]) < 0)
            return util_error(e, "builtin modules: %s", strerror(errno));
    return 0;
}

static void starving_cb(bool starving, void *arg)
{
    struct broker *b = arg;

    flux_log(b->h, LOG_ERR, "poll: %s",
             starving ? "no memory: all connections wait" : "works again");
}

/* No method of the broker's own is a stream that would have to end. */
static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    (void)h;
    (void)mh;
    (void)msg;
    (void)arg;
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "broker.disconnect", disconnect_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

static int serve(struct broker *b, flux_error_t *e)
{
    static const char *const services[] = {"broker", "module", "attr", "log",
                                           "state-machine"};
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(services); i++)
        if (router_service_add(b->router, services[i], inproc_peer(b->self)) <
            0)
            return util_error(e, "service %s: %s", services[i],
                              strerror(errno));
    reactor_on_starving(b->reactor, starving_cb, b);
    flux_aux_set(b->h, "flux::uuid", b->uuid, NULL);
    flux_aux_set(b->h, "flux::name", (char *)"broker", NULL);
    flux_attr_set_cacheonly(b->h, "rank", attr_value(b->attrs, "rank"));
    if (attr_serve(b->attrs, b->h) < 0 || log_serve(b->log, b->h) < 0 ||
        module_serve(b->modules) < 0 || environ_serve(b->h) < 0 ||
        state_serve(b->state) < 0 || serve_handlers(b->h, handlers, NULL) < 0 ||
        flux_register_default_methods(b->h, "broker", &b->methods) < 0)
        return util_error(e, "broker services: %s", strerror(errno));
    return 0;
}

static int create_states(struct broker *b, char *const command[])
{
    const struct state_parts parts = {
        .h = b->h,
        .attrs = b->attrs,
        .modules = b->modules,
        .config = b->config,
        .groups = b->groups,
        .overlay = b->overlay,
        .topology = b->topology,
        .rank = b->rank,
        .command = command,
        .has_rc = modprobe_path_any,
    };

    b->state = state_create(&parts);
    return b->state ? 0 : -1;
}

static int broker_create(struct broker *b, struct cli *p, flux_error_t *e)
{
    b->rank = cli_rank(p, "rank", 0);
    b->size = cli_rank(p, "size", 1);
    if (b->rank >= b->size)
        return util_errno(e, EINVAL, "rank %u is not below size %u",
                          (unsigned)b->rank, (unsigned)b->size);
    util_uuid(b->uuid);
    if (!(b->attrs = attr_create()) || !(b->reactor = flux_reactor_create(0)))
        return util_error(e, "cannot create the reactor: %s", strerror(errno));
    if (take_options(b, p, e) < 0 || load_config(b, p, e) < 0 ||
        put_attributes(b, e) < 0)
        return -1;
    if (!(b->rundir = rundir_create(b->attrs, b->rank, e)))
        return -1;
    if (set_environment(b, e) < 0 || create_core(b, e) < 0 ||
        create_parts(b, e) < 0 || add_builtins(b, e) < 0)
        return -1;
    if (create_states(b, cli_argv(p)) < 0)
        return util_error(e, "cannot watch signals: %s", strerror(errno));
    return serve(b, e);
}

static void broker_destroy(struct broker *b)
{
    flux_msg_handler_delvec(b->methods);
    state_destroy(b->state);
    module_set_destroy(b->modules); /* ends builtins still loaded, if any */
    config_destroy(b->config);
    if (b->connector)
        link_set_flush(b->links);
    connector_destroy(b->connector);
    groups_destroy(b->groups);
    overlay_destroy(b->overlay);
    link_set_destroy(b->links);
    log_destroy(b->log);
    inproc_destroy(b->self);
    router_destroy(b->router);
    rundir_destroy(b->rundir);
    flux_reactor_destroy(b->reactor);
    topology_destroy(b->topology);
    flux_conf_decref(b->conf);
    attr_destroy(b->attrs);
}

/* ---- applet
 * ----------------------------------------------------------------------- */

static void ignore_sigpipe(void)
{
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &sa, NULL);
}

/* Whoever is impatient sends a third signal: it must not come in the middle of
 * what is cleaned up, where it would no longer be watched for.
 */
static void block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int run_broker(struct cli *p)
{
    struct broker b;
    flux_error_t e = {""};
    int rc = 1;

    memset(&b, 0, sizeof(b));
    ignore_sigpipe();
    crash_report();
    sys_give_memory_back();
    if (broker_create(&b, p, &e) < 0)
        cli_warn(p, "%s", e.text);
    else {
        if (state_start(b.state, &e) < 0)
            cli_warn(p, "%s", e.text);
        else if (flux_reactor_run(b.reactor, 0) < 0)
            cli_warn(p, "the loop has failed: %s", strerror(errno));
        else
            rc = state_exit_code(b.state);
    }
    block_signals();
    broker_destroy(&b);
    return rc;
}

static const struct cli_option options[] = {
    {'S', "setattr", CLI_ARG, "ATTR=VAL", "Set broker attribute"},
    {'c', "config-path", CLI_ARG, "PATH",
     "Set broker config from PATH, a file or a folder (default: none)"},
    {0, "conf", CLI_ARG, "VALUE",
     "Update broker config from VALUE: KEY=VAL, inline TOML or JSON, or a "
     "file"},
    {'v', "verbose", CLI_LEVEL_ARG, "[LEVEL]",
     "Be annoyingly verbose: log all to stderr"},
    {0, "rank", CLI_ARG, "N", NULL}, /* from flux start --test-size */
    {0, "size", CLI_ARG, "N", NULL},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_broker = {
    .name = "flux-broker",
    .arguments = "[OPTIONS] [COMMAND...]",
    .summary = "Run one broker of an instance",
    .options = options,
    .run = run_broker,
    .max_args = -1,
    .stop_at_argument = true,
};
