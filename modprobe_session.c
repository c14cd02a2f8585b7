/* modprobe_session.c - a model of the modules, and the broker it is meant for
 *
 * What all subcommands of flux modprobe begin with.  The model is what the
 * files of modprobe_path.c say, changed in this order by
 *
 *     the broker configuration's table `modules`
 *     FLUX_MODPROBE_DISABLE
 *     the alternatives that files and configuration name
 *     --disable, --set-alternative
 *
 * and then judged: which modules may be loaded on this rank.
 *
 * What always holds:
 * - Whatever is wrong ends the command, with "ERROR: " and the reason.
 * - The broker is asked for what is needed and no more: attributes and
 *   variables only if a module names them, the list of what is loaded only by
 *   who calls modprobe_session_mark_loaded().
 * - Modules that the broker itself consists of count as loaded only if they
 *   are described; all others do, described or not.
 */
#include "modprobe_session.h"

#include "modprobe_path.h"
#include "util.h"

void modprobe_session_check(struct modprobe_session *s,
                            int rc,
                            const flux_error_t *e)
{
    if (rc < 0)
        cli_die(s->p, "ERROR: %s", e->text);
}

/* ---- the model ----
 */

void modprobe_session_read(struct modprobe_session *s, struct cli *p)
{
    flux_error_t e;

    memset(s, 0, sizeof(*s));
    s->p = p;
    if (!(s->mp = modprobe_create()) || !(s->unknown = json_array()))
        cli_die_errno(p, "modprobe");
    modprobe_session_check(
        s, modprobe_path_load(s->mp, cli_count(p, "verbose") > 0, &e), &e);
}

void modprobe_session_end(struct modprobe_session *s)
{
    modprobe_destroy(s->mp);
    flux_close(s->h);
    json_decref(s->config);
    json_decref(s->unknown);
}

static json_t *get_config(struct modprobe_session *s)
{
    flux_future_t *f = flux_rpc(s->h, "config.get", NULL, FLUX_NODEID_ANY, 0);
    json_t *config;

    cli_wait(s->p, f, "config.get");
    if (flux_rpc_get_unpack(f, "o", &config) < 0)
        cli_die_errno(s->p, "config.get");
    json_incref(config);
    flux_future_destroy(f);
    return config;
}

static bool has_attr(const char *name, void *arg)
{
    struct modprobe_session *s = arg;

    return flux_attr_get(s->h, name) != NULL;
}

/* Here, or else in the broker, which may keep some to itself. */
static bool has_env(const char *name, void *arg)
{
    struct modprobe_session *s = arg;
    flux_future_t *f;
    json_t *env;
    bool found;

    if (getenv(name))
        return true;
    f = flux_rpc_pack(s->h, "broker.getenv", FLUX_NODEID_ANY, 0, "{s:[s]}",
                      "names", name);
    found = f && flux_rpc_get_unpack(f, "{s:o}", "env", &env) == 0 &&
            json_object_get(env, name);
    flux_future_destroy(f);
    return found;
}

static void judge(struct modprobe_session *s)
{
    struct modprobe_world world = {.config = s->config,
                                   .has_attr = has_attr,
                                   .has_env = has_env,
                                   .arg = s};

    if (flux_get_rank(s->h, &world.rank) < 0)
        cli_die_errno(s->p, "rank");
    modprobe_judge(s->mp, &world);
}

/* With rc files a name may be a task's, which only they tell. */
static void
disable(struct modprobe_session *s, const char *name, bool with_tasks)
{
    flux_error_t e;

    if (modprobe_disable(s->mp, name, &e) == 0)
        return;
    if (!with_tasks)
        modprobe_session_check(s, -1, &e);
    if (json_array_append_new(s->unknown, json_string(name)) < 0)
        cli_die(s->p, "not UTF-8: %s", name);
}

static void disable_in_environment(struct modprobe_session *s, bool with_tasks)
{
    const char *names = getenv("FLUX_MODPROBE_DISABLE");
    char *copy = util_asprintf("%s", names ? names : ""), *rest = NULL;

    if (!copy)
        cli_die_errno(s->p, "FLUX_MODPROBE_DISABLE");
    for (char *name = strtok_r(copy, ",", &rest); name;
         name = strtok_r(NULL, ",", &rest))
        disable(s, name, with_tasks);
    free(copy);
}

static void set_alternative(struct modprobe_session *s, const char *value)
{
    const char *equals = strchr(value, '=');
    flux_error_t e;
    char *service;

    if (!equals)
        cli_die(s->p, "ERROR: --set-alternative: invalid value '%s'", value);
    if (!(service = util_asprintf("%.*s", (int)(equals - value), value)))
        cli_die_errno(s->p, "--set-alternative");
    modprobe_session_check(
        s, modprobe_set_alternative(s->mp, service, equals + 1, &e), &e);
    free(service);
}

static void take_options(struct modprobe_session *s)
{
    char **names = cli_list(s->p, "disable");
    const char *value;

    for (char **name = names; *name; name++)
        disable(s, *name, false);
    free(names);
    for (int i = 0; (value = cli_nth(s->p, "set-alternative", i)); i++)
        set_alternative(s, value);
}

/* All that changes the model and judges it. */
void modprobe_session_meet(struct modprobe_session *s, bool with_tasks)
{
    json_t *updates;
    flux_error_t e, why;

    s->h = cli_open(s->p);
    s->config = get_config(s);
    updates = json_object_get(s->config, "modules");
    if (updates && modprobe_update(s->mp, updates, &why) < 0)
        modprobe_session_check(
            s, util_error(&e, "config: modules: %s", why.text), &e);
    disable_in_environment(s, with_tasks);
    modprobe_session_check(s, modprobe_apply_alternatives(s->mp, &e), &e);
    take_options(s);
    judge(s);
}

void modprobe_session_begin(struct modprobe_session *s, struct cli *p)
{
    modprobe_session_read(s, p);
    modprobe_session_meet(s, false);
}

/* ---- what is loaded ----
 */

static void mark_one(struct modprobe_session *s, json_t *entry)
{
    const char *name, *path;
    struct modprobe_module *m;
    flux_error_t e;

    if (json_unpack(entry, "{s:s s:s}", "name", &name, "path", &path) < 0)
        cli_die(s->p, "module.list: unexpected answer");
    if ((m = modprobe_named(s->mp, name)))
        m->loaded = true;
    else if (strcmp(path, "builtin") != 0 &&
             !modprobe_add_loaded(s->mp, name, &e))
        modprobe_session_check(s, -1, &e);
}

void modprobe_session_mark_loaded(struct modprobe_session *s)
{
    flux_future_t *f = flux_rpc(s->h, "module.list", NULL, FLUX_NODEID_ANY, 0);
    json_t *mods, *entry;
    size_t i;

    cli_wait(s->p, f, "module.list");
    if (flux_rpc_get_unpack(f, "{s:o}", "mods", &mods) < 0)
        cli_die_errno(s->p, "module.list");
    json_array_foreach(mods, i, entry)
    {
        mark_one(s, entry);
    }
    flux_future_destroy(f);
}

void modprobe_session_init_set(struct modprobe_session *s,
                               struct modprobe_set *set)
{
    if (modprobe_order_init(set, s->mp) < 0)
        cli_die_errno(s->p, "modules");
}

void modprobe_session_add_loaded(struct modprobe_session *s,
                                 struct modprobe_set *set)
{
    for (size_t i = 0; i < s->mp->count; i++)
        if (s->mp->modules[i]->loaded)
            modprobe_order_add(set, s->mp->modules[i]);
}

int modprobe_session_carry_out(
    struct modprobe_session *s,
    const struct modprobe_set *set,
    bool removing,
    void (*instead)(const struct modprobe_plan *plan))
{
    struct modprobe_how how = {
        .removing = removing,
        .force_after = s->force_after,
        .dry_run = cli_count(s->p, "dry-run") > 0,
        .verbose = cli_count(s->p, "verbose") > 0,
        .timing = cli_count(s->p, "timing") > 0,
        .out = stdout,
    };
    struct modprobe_plan plan;
    flux_error_t e;
    int rc = 0;

    modprobe_session_check(
        s, modprobe_order_plan(s->mp, set, removing, &plan, &e), &e);
    if (instead)
        instead(&plan);
    else
        rc = modprobe_run(s->h, &plan, &how);
    modprobe_order_release_plan(&plan);
    return rc < 0;
}
