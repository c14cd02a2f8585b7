/* state.c - the broker's states, from load-builtins to exit
 *
 * The names of states and events are Flux's.  `transitions` says what follows
 * an event in a state; an event that is not there for a state is ignored.
 * `states` names what a state does on entry; each such function posts, now or
 * later, the event that ends it.
 *
 *   load-builtins  the builtin modules are loaded
 *   join           a follower waits until its parent has run rc1
 *   config-sync    a follower gets the configuration
 *   init           rc1 runs
 *   quorum         waits for enough brokers
 *   run            the initial program runs (rc2)
 *   cleanup        what the initial program left is cleaned up
 *   shutdown       waits for children to leave
 *   finalize       rc3 runs
 *   goodbye        modules that are still loaded are named
 *   unload-builtins, exit
 *
 * SIGINT, SIGTERM and SIGHUP hang up on what runs and so lead to the end in
 * order; a second one ends at once.  Waiting for children and rc3 are bounded
 * by attributes, so that nothing that hangs keeps the broker from its end; what
 * is left then is named and goes with it.  The exit code is that of the initial
 * program, or of rc1 or rc3 if one of those failed, or 1 if the broker itself
 * did.
 */
#include "state.h"

#include <signal.h>
#include <unistd.h>

#include "conf.h"
#include "muster.h"
#include "runner.h"
#include "serve.h"
#include "sys.h"
#include "util.h"

enum state {
    STATE_LOAD_BUILTINS,
    STATE_JOIN,
    STATE_CONFIG_SYNC,
    STATE_INIT,
    STATE_QUORUM,
    STATE_RUN,
    STATE_CLEANUP,
    STATE_SHUTDOWN,
    STATE_FINALIZE,
    STATE_GOODBYE,
    STATE_UNLOAD_BUILTINS,
    STATE_EXIT,
    STATE_COUNT,
};

struct state_machine {
    flux_t *h;
    struct attr_set *attrs;
    struct module_set *modules;
    struct config *config;
    struct groups *groups;
    struct overlay *overlay;
    struct muster *muster;
    uint32_t rank;
    bool has_quorum;  /* rank 0: enough brokers are online */
    int parent_state; /* as state-machine.monitor tells */
    char *const *command;
    bool (*has_rc)(const char *rc);
    enum state state;
    double entered; /* monotonic */
    int builtins;   /* how many were loaded */
    int exit_code;
    bool dying;            /* a signal or a panic has asked for the end */
    flux_watcher_t *limit; /* when the state has lasted too long */
    struct runner *runner;
    flux_watcher_t *signals[3];
    flux_watcher_t *next; /* due at once: posts `event` from the loop */
    const char *event;
};

static void enter_load_builtins(struct state_machine *s);
static void enter_join(struct state_machine *s);
static void enter_config_sync(struct state_machine *s);
static void enter_init(struct state_machine *s);
static void enter_quorum(struct state_machine *s);
static void enter_run(struct state_machine *s);
static void enter_cleanup(struct state_machine *s);
static void enter_shutdown(struct state_machine *s);
static void enter_finalize(struct state_machine *s);
static void enter_goodbye(struct state_machine *s);
static void enter_unload_builtins(struct state_machine *s);
static void enter_exit(struct state_machine *s);

static void leave_children(struct state_machine *s);
static void kill_runner(struct state_machine *s);

static const struct {
    const char *name;
    void (*enter)(struct state_machine *s);
    const char *limit; /* the attribute that bounds it, or NULL */
    void (*cut)(struct state_machine *s); /* when that has passed */
} states[STATE_COUNT] = {
    [STATE_LOAD_BUILTINS] = {"load-builtins", enter_load_builtins, NULL, NULL},
    [STATE_JOIN] = {"join", enter_join, NULL, NULL},
    [STATE_CONFIG_SYNC] = {"config-sync", enter_config_sync, NULL, NULL},
    [STATE_INIT] = {"init", enter_init, NULL, NULL},
    [STATE_QUORUM] = {"quorum", enter_quorum, NULL, NULL},
    [STATE_RUN] = {"run", enter_run, NULL, NULL},
    [STATE_CLEANUP] = {"cleanup", enter_cleanup, NULL, NULL},
    [STATE_SHUTDOWN] = {"shutdown", enter_shutdown, "broker.shutdown-timeout",
                        leave_children},
    [STATE_FINALIZE] = {"finalize", enter_finalize, "broker.rc3-timeout",
                        kill_runner},
    [STATE_GOODBYE] = {"goodbye", enter_goodbye, NULL, NULL},
    [STATE_UNLOAD_BUILTINS] = {"unload-builtins", enter_unload_builtins, NULL,
                               NULL},
    [STATE_EXIT] = {"exit", enter_exit, NULL, NULL},
};

static const struct {
    enum state from;
    const char *event;
    enum state to;
} transitions[] = {
    {STATE_LOAD_BUILTINS, "builtins-success", STATE_JOIN},
    {STATE_LOAD_BUILTINS, "builtins-fail", STATE_UNLOAD_BUILTINS},
    {STATE_JOIN, "parent-none", STATE_CONFIG_SYNC},
    {STATE_JOIN, "parent-ready", STATE_CONFIG_SYNC},
    {STATE_JOIN, "parent-fail", STATE_SHUTDOWN},
    {STATE_CONFIG_SYNC, "sync-none", STATE_INIT},
    {STATE_CONFIG_SYNC, "sync-success", STATE_INIT},
    {STATE_CONFIG_SYNC, "sync-fail", STATE_SHUTDOWN},
    {STATE_INIT, "rc1-none", STATE_QUORUM},
    {STATE_INIT, "rc1-success", STATE_QUORUM},
    {STATE_INIT, "rc1-fail", STATE_SHUTDOWN},
    {STATE_QUORUM, "quorum-full", STATE_RUN},
    {STATE_QUORUM, "shutdown", STATE_SHUTDOWN},
    {STATE_RUN, "rc2-none", STATE_CLEANUP},
    {STATE_RUN, "rc2-success", STATE_CLEANUP},
    {STATE_RUN, "rc2-fail", STATE_CLEANUP},
    {STATE_RUN, "shutdown", STATE_CLEANUP},
    {STATE_CLEANUP, "cleanup-none", STATE_SHUTDOWN},
    {STATE_SHUTDOWN, "children-none", STATE_FINALIZE},
    {STATE_SHUTDOWN, "children-complete", STATE_FINALIZE},
    {STATE_SHUTDOWN, "children-timeout", STATE_FINALIZE},
    {STATE_FINALIZE, "rc3-none", STATE_GOODBYE},
    {STATE_FINALIZE, "rc3-success", STATE_GOODBYE},
    {STATE_FINALIZE, "rc3-fail", STATE_GOODBYE},
    {STATE_GOODBYE, "goodbye", STATE_UNLOAD_BUILTINS},
    {STATE_UNLOAD_BUILTINS, "builtins-done", STATE_EXIT},
};

enum { RC_FLAGS = RUNNER_OWN_GROUP | RUNNER_NO_INPUT | RUNNER_LOG };

static const struct rc {
    const char *name; /* for the log */
    const char *command;
    const char *attr;
    const char *preset;
} rc1 = {"rc1.0", "rc1", "broker.rc1_path", CONF_RC1},
  rc3 = {"rc3.0", "rc3", "broker.rc3_path", CONF_RC3};

/* ---- events ----------------------------------------------------------------
 */

static void
log_transition(struct state_machine *s, const char *event, enum state to)
{
    double duration = util_monotime() - s->entered;
    bool is_short = duration < 0.1;

    flux_log(s->h, LOG_INFO, "%s: %s->%s %g%s", event, states[s->state].name,
             states[to].name, is_short ? duration * 1000. : duration,
             is_short ? "ms" : "s");
}

static void start_limit(struct state_machine *s)
{
    const char *name = states[s->state].limit;
    double seconds = name ? attr_limit(s->attrs, name) : 0;

    flux_watcher_stop(s->limit);
    if (seconds <= 0)
        return;
    flux_timer_watcher_reset(s->limit, seconds, 0.);
    flux_watcher_start(s->limit);
}

static void handle_event(struct state_machine *s, const char *event)
{
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(transitions); i++)
        if (transitions[i].from == s->state &&
            strcmp(transitions[i].event, event) == 0) {
            log_transition(s, event, transitions[i].to);
            s->state = transitions[i].to;
            s->entered = util_monotime();
            muster_tell(s->muster, (int)s->state);
            start_limit(s);
            states[s->state].enter(s);
            return;
        }
}

static void
next_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct state_machine *s = arg;
    const char *event = s->event;

    (void)r;
    (void)revents;
    flux_watcher_stop(w);
    s->event = NULL;
    handle_event(s, event);
}

/* From the loop, so that no state nests in another. */
static void post(struct state_machine *s, const char *event)
{
    if (s->event)
        return; /* the first decides; each state looks at `dying` itself */
    s->event = event;
    flux_watcher_start(s->next);
}

static void fail(struct state_machine *s, int rc)
{
    if (s->exit_code == 0)
        s->exit_code = rc;
}

static void
limit_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct state_machine *s = arg;

    (void)r;
    (void)w;
    (void)revents;
    flux_log(s->h, LOG_CRIT, "state %s has lasted longer than %s=%s",
             states[s->state].name, states[s->state].limit,
             attr_value(s->attrs, states[s->state].limit));
    fail(s, 1);
    states[s->state].cut(s);
}

/* ---- commands
 * ----------------------------------------------------------------- */

static void rc_done(struct runner *r, int rc, void *arg)
{
    struct state_machine *s = arg;
    const char *failed = s->state == STATE_INIT       ? "rc1-fail"
                         : s->state == STATE_FINALIZE ? "rc3-fail"
                                                      : "rc2-fail";
    const char *succeeded = s->state == STATE_INIT       ? "rc1-success"
                            : s->state == STATE_FINALIZE ? "rc3-success"
                                                         : "rc2-success";

    (void)r;
    if (rc)
        fail(s, rc);
    post(s, rc ? failed : succeeded);
}

static void
run(struct state_machine *s, const char *name, char *const argv[], int flags)
{
    runner_destroy(s->runner);
    s->runner = runner_create(s->h, name, argv, flags, rc_done, s);
    if (!s->runner) {
        flux_log_error(s->h, "%s: cannot start %s", name, argv[0]);
        rc_done(NULL, 1, s);
    }
}

/* One word with blanks is a shell's business, one without is a program. */
static void
run_line(struct state_machine *s, const char *name, const char *line)
{
    char *const shell[] = {"/bin/sh", "-c", (char *)line, NULL};
    char *const program[] = {(char *)line, NULL};

    run(s, name, strpbrk(line, " \t\n") ? shell : program, RC_FLAGS);
}

static bool has_modules(struct state_machine *s)
{
    struct module *m = NULL;

    while ((m = module_set_next(s->modules, m)))
        if (strcmp(m->path, "builtin") != 0)
            return true;
    return false;
}

/* Without a shell; and without a process where that had nothing to do. */
static void
run_modprobe(struct state_machine *s, const struct rc *rc, const char *none)
{
    char *const words[] = {"flux", "modprobe", (char *)rc->command, NULL};

    if (s->has_rc(rc->command) || has_modules(s))
        run(s, rc->name, words, RC_FLAGS);
    else
        post(s, none);
}

static void
run_rc(struct state_machine *s, const struct rc *rc, const char *none)
{
    const char *line = attr_value(s->attrs, rc->attr);

    if (!line || !*line)
        post(s, none);
    else if (strcmp(line, rc->preset) == 0)
        run_modprobe(s, rc, none);
    else
        run_line(s, rc->name, line);
}

/* In the broker's process group where it leads one or has the terminal, so
 * that job control and ^C work as without a broker in between.
 */
static int group_flag(struct state_machine *s)
{
    bool shares = getpgrp() == getpid() || isatty(STDIN_FILENO);

    if (shares && !attr_value(s->attrs, "broker.rc2_pgrp"))
        return 0;
    return RUNNER_OWN_GROUP;
}

static void run_shell(struct state_machine *s)
{
    char *shell = getenv("SHELL");
    char *argv[] = {shell && *shell ? shell : "/bin/sh", NULL};

    run(s, "rc2.0", argv, group_flag(s));
}

static void run_command(struct state_machine *s)
{
    char *const *c = s->command;

    if (!c || !c[0])
        run_shell(s);
    else if (!c[1] && strpbrk(c[0], " \t\n")) {
        char *argv[] = {"/bin/sh", "-c", c[0], NULL};

        run(s, "rc2.0", argv, group_flag(s));
    } else
        run(s, "rc2.0", c, group_flag(s));
}

/* ---- states
 * ----------------------------------------------------------------------- */

static void enter_load_builtins(struct state_machine *s)
{
    flux_error_t e;

    int running;

    if (module_set_load_builtins(s->modules, &e) < 0) {
        flux_log(s->h, LOG_CRIT, "%s", e.text);
        fail(s, 1);
        post(s, "builtins-fail");
    }
    module_set_count_builtins(s->modules, &s->builtins, &running);
}

/* What rc1 starts may need what it started on the parent. */
static void leave_join(struct state_machine *s)
{
    if (s->state != STATE_JOIN)
        return;
    if (s->dying || s->parent_state >= STATE_SHUTDOWN)
        post(s, "parent-fail");
    else if (s->parent_state >= STATE_QUORUM)
        post(s, "parent-ready");
}

static void enter_join(struct state_machine *s)
{
    if (s->rank == 0)
        post(s, "parent-none");
    else
        leave_join(s);
}

static void synced(bool taken, void *arg)
{
    struct state_machine *s = arg;

    if (s->state != STATE_CONFIG_SYNC)
        return;
    if (!taken)
        fail(s, 1);
    post(s, taken && !s->dying ? "sync-success" : "sync-fail");
}

static void enter_config_sync(struct state_machine *s)
{
    if (s->rank == 0)
        post(s, "sync-none");
    else if (s->dying)
        post(s, "sync-fail");
    else if (config_follow(s->config, synced, s) < 0) {
        flux_log_error(s->h, "cannot follow the leader's configuration");
        synced(false, s);
    }
}

static void enter_init(struct state_machine *s)
{
    run_rc(s, &rc1, "rc1-none");
}

static void log_online(struct state_machine *s)
{
    flux_log(s->h, LOG_INFO, "online: %s (ranks %s)",
             attr_value(s->attrs, "hostlist"), muster_online(s->muster));
}

/* Rank 0 runs when enough brokers are online, another when its parent does. */
static void leave_quorum(struct state_machine *s)
{
    bool ready = s->rank == 0 ? s->has_quorum : s->parent_state >= STATE_RUN;

    if (s->state != STATE_QUORUM)
        return;
    if (s->dying)
        post(s, "shutdown");
    else if (ready) {
        if (s->rank == 0)
            log_online(s);
        post(s, "quorum-full");
    }
}

static void enter_quorum(struct state_machine *s)
{
    if (muster_report(s->muster) < 0)
        flux_log_error(s->h, "cannot tell rank 0 that this rank is online");
    leave_quorum(s);
}

static void enter_run(struct state_machine *s)
{
    if (s->dying)
        post(s, "shutdown");
    else if (s->rank == 0 && !attr_value(s->attrs, "broker.rc2_none"))
        run_command(s);
    sys_forget_start();
}

static void enter_cleanup(struct state_machine *s)
{
    post(s, "cleanup-none");
}

static void enter_shutdown(struct state_machine *s)
{
    module_set_give_up(s->modules);
    if (overlay_children(s->overlay) == 0)
        post(s, "children-none");
}

static void leave_children(struct state_machine *s)
{
    post(s, "children-timeout");
}

static void enter_finalize(struct state_machine *s)
{
    run_rc(s, &rc3, "rc3-none");
}

static void kill_runner(struct state_machine *s)
{
    runner_kill(s->runner, SIGKILL);
}

static void enter_goodbye(struct state_machine *s)
{
    if (module_set_report_leftover(s->modules) > 0)
        fail(s, 1);
    post(s, "goodbye");
}

static void enter_unload_builtins(struct state_machine *s)
{
    int there, running;

    module_set_unload_builtins(s->modules);
    module_set_count_builtins(s->modules, &there, &running);
    if (there == 0)
        post(s, "builtins-done");
}

static void enter_exit(struct state_machine *s)
{
    overlay_leave(s->overlay);
    flux_reactor_stop(flux_get_reactor(s->h));
}

static void builtins_changed(struct state_machine *s)
{
    int there, running;

    module_set_count_builtins(s->modules, &there, &running);
    if (s->state == STATE_LOAD_BUILTINS && there < s->builtins) {
        fail(s, 1); /* one is gone before all were there */
        post(s, "builtins-fail");
    } else if (s->state == STATE_LOAD_BUILTINS && running == there)
        post(s, "builtins-success");
    else if (s->state == STATE_UNLOAD_BUILTINS && there == 0)
        post(s, "builtins-done");
}

static void changed_cb(void *arg)
{
    builtins_changed(arg);
}

/* ---- signals, panic
 * ---------------------------------------------------------------- */

static void hang_up(struct state_machine *s)
{
    bool idle = s->rank > 0 || attr_value(s->attrs, "broker.rc2_none");

    s->dying = true;
    if (s->state == STATE_JOIN)
        post(s, "parent-fail");
    else if (s->state == STATE_CONFIG_SYNC)
        post(s, "sync-fail");
    else if (s->state == STATE_QUORUM || (s->state == STATE_RUN && idle))
        post(s, "shutdown");
    else if (s->runner)
        runner_kill(s->runner, SIGHUP);
}

static void
signal_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct state_machine *s = arg;

    (void)revents;
    flux_log(s->h, LOG_INFO, "signal %d", flux_signal_watcher_get_signum(w));
    if (s->dying) {
        fail(s, 1);
        flux_reactor_stop(r);
        return;
    }
    hang_up(s);
}

void state_panic(struct state_machine *s)
{
    fail(s, 1);
    if (!s->dying)
        hang_up(s);
}

/* ---- other ranks ------------------------------------------------------- */

static void parent_ready(void *arg)
{
    struct state_machine *s = arg;

    if (muster_follow(s->muster) < 0)
        flux_log_error(s->h, "cannot follow the parent");
}

static void parent_lost(const char *why, void *arg)
{
    struct state_machine *s = arg;

    if (s->parent_state >= STATE_SHUTDOWN || s->state >= STATE_GOODBYE)
        return;
    flux_log(s->h, LOG_CRIT, "%s", why);
    fail(s, 1);
    if (!s->dying)
        hang_up(s);
}

static void parent_state(int state, void *arg)
{
    struct state_machine *s = arg;

    s->parent_state = state;
    leave_join(s);
    leave_quorum(s);
    if (state >= STATE_SHUTDOWN && !s->dying)
        hang_up(s);
}

static void quorum(void *arg)
{
    struct state_machine *s = arg;

    s->has_quorum = true;
    leave_quorum(s);
}

static void children_changed(void *arg)
{
    struct state_machine *s = arg;

    groups_drop_lost(s->groups);
    if (s->state == STATE_SHUTDOWN && overlay_children(s->overlay) == 0)
        post(s, "children-complete");
}

static int start_overlay(struct state_machine *s, flux_error_t *e)
{
    const struct overlay_callbacks callbacks = {parent_ready, parent_lost,
                                                children_changed, s};

    return overlay_start(s->overlay, &callbacks, e);
}

static struct muster *create_muster(struct state_machine *s,
                                    const struct topology *topology)
{
    const struct muster_callbacks callbacks = {quorum, parent_state, s};
    uint32_t enough = topology_size(topology);
    const char *value = attr_value(s->attrs, "broker.quorum");

    if (value)
        util_parse_uint32(value, 10, &enough);
    return muster_create(s->h, s->rank, enough, &callbacks);
}

static int watch_signals(struct state_machine *s)
{
    static const int signums[] = {SIGINT, SIGTERM, SIGHUP};
    flux_reactor_t *r = flux_get_reactor(s->h);
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(signums); i++) {
        s->signals[i] = flux_signal_watcher_create(r, signums[i], signal_cb, s);
        if (!s->signals[i])
            return -1;
        flux_watcher_start(s->signals[i]);
    }
    return 0;
}

/* ---- service
 * -----------------------------------------------------------------------------
 */

static void
get_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct state_machine *s = arg;

    (void)mh;
    flux_respond_pack(h, msg, "{s:s s:f}", "state", states[s->state].name,
                      "duration", util_monotime() - s->entered);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "state-machine.get", get_cb, FLUX_ROLE_USER},
    FLUX_MSGHANDLER_TABLE_END,
};

int state_serve(struct state_machine *s)
{
    return serve_handlers(s->h, handlers, s);
}

int state_start(struct state_machine *s, flux_error_t *e)
{
    s->entered = util_monotime();
    if (start_overlay(s, e) < 0)
        return -1;
    module_set_on_change(s->modules, changed_cb, s);
    enter_load_builtins(s);
    return 0;
}

int state_exit_code(struct state_machine *s)
{
    return s->exit_code;
}

struct state_machine *state_create(const struct state_parts *parts)
{
    struct state_machine *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->h = parts->h;
    s->attrs = parts->attrs;
    s->modules = parts->modules;
    s->config = parts->config;
    s->groups = parts->groups;
    s->overlay = parts->overlay;
    s->rank = parts->rank;
    s->command = parts->command;
    s->has_rc = parts->has_rc;
    s->muster = create_muster(s, parts->topology);
    s->next = flux_idle_watcher_create(flux_get_reactor(s->h), next_cb, s);
    s->limit =
        flux_timer_watcher_create(flux_get_reactor(s->h), 0., 0., limit_cb, s);
    if (!s->muster || !s->next || !s->limit || watch_signals(s) < 0) {
        state_destroy(s);
        return NULL;
    }
    return s;
}

void state_destroy(struct state_machine *s)
{
    size_t i;
    int saved_errno = errno;

    if (!s)
        return;
    for (i = 0; i < UTIL_ARRAY_SIZE(s->signals); i++)
        flux_watcher_destroy(s->signals[i]);
    module_set_on_change(s->modules, NULL, NULL);
    flux_watcher_destroy(s->next);
    flux_watcher_destroy(s->limit);
    muster_destroy(s->muster);
    runner_destroy(s->runner);
    free(s);
    errno = saved_errno;
}
