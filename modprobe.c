/* modprobe.c - which modules there are, and what each asks for
 *
 * A model of modprobe.toml(5): modules in the order of their definition, and
 * which of them stands for a service that several provide.  It knows neither
 * files nor brokers; conditions are measured against a struct
 * modprobe_world.
 *
 * What always holds:
 * - A module's fields are a view of its JSON entry, made by one table, `keys`.
 *   A key that is not in it is an error, and so is a value of another type,
 *   named with its key.
 * - An update makes a new entry and a new view of it; one that is refused
 *   leaves the module as it was.
 * - Names are unique.  A definition that comes later takes the place of an
 *   earlier one of its name, and counts as later for ties.
 * - An alternative wins by priority alone: it gets one more than the best of
 *   all that share a service with it, so the choice holds for all that it
 *   provides.  A disabled module still loses against an enabled one.
 */
#include "modprobe.h"

#include "conf.h"
#include "idset.h"
#include "util.h"

enum { DEFAULT_PRIORITY = 100 };

enum kind { TEXT, FLAG, NUMBER, TEXTS, RANKS };

static const struct key {
    const char *name;
    enum kind kind;
    size_t offset;
} keys[] = {
    {"name", TEXT, offsetof(struct modprobe_module, name)},
    {"module", TEXT, offsetof(struct modprobe_module, path)},
    {"args", TEXTS, offsetof(struct modprobe_module, args)},
    {"ranks", RANKS, offsetof(struct modprobe_module, ranks)},
    {"provides", TEXTS, offsetof(struct modprobe_module, provides)},
    {"requires", TEXTS, offsetof(struct modprobe_module, requires)},
    {"needs", TEXTS, offsetof(struct modprobe_module, needs)},
    {"before", TEXTS, offsetof(struct modprobe_module, before)},
    {"after", TEXTS, offsetof(struct modprobe_module, after)},
    {"priority", NUMBER, offsetof(struct modprobe_module, priority)},
    {"disabled", FLAG, offsetof(struct modprobe_module, disabled)},
    {"exec", FLAG, offsetof(struct modprobe_module, exec)},
    {"needs-config", TEXTS, offsetof(struct modprobe_module, needs_config)},
    {"needs-attrs", TEXTS, offsetof(struct modprobe_module, needs_attrs)},
    {"needs-env", TEXTS, offsetof(struct modprobe_module, needs_env)},
    {"on-failure", TEXT, offsetof(struct modprobe_module, on_failure)},
    {"wrap", TEXTS, offsetof(struct modprobe_module, wrap)},
};

enum { SHOWN_ALWAYS = 12 }; /* of the keys above; the others if given */

/* ---- one entry -----------------------------------------------------------
 */

const char *modprobe_nth(json_t *array, size_t i)
{
    return json_string_value(json_array_get(array, i));
}

bool modprobe_contains(json_t *array, const char *s)
{
    const char *other;

    for (size_t i = 0; (other = modprobe_nth(array, i)); i++)
        if (strcmp(other, s) == 0)
            return true;
    return false;
}

static bool are_strings(json_t *array)
{
    size_t count = json_array_size(array), i = 0;

    while (i < count && modprobe_nth(array, i))
        i++;
    return json_is_array(array) && i == count;
}

/* 1: in, 0: not in, -1 with errno: `ranks` is no set of ranks. */
static int in_idset(const char *ranks, uint32_t rank)
{
    struct idset *set = idset_decode(ranks);
    int rc = set ? idset_has(set, rank) : -1;

    idset_destroy(set);
    return rc;
}

static int has_rank(const char *ranks, uint32_t rank)
{
    uint32_t limit;

    if (strcmp(ranks, "all") == 0)
        return 1;
    if (*ranks != '<' && *ranks != '>')
        return in_idset(ranks, rank);
    if (util_parse_uint32(ranks + 1, 10, &limit) < 0)
        return -1;
    return *ranks == '<' ? rank < limit : rank > limit;
}

static int wrong_type(const struct key *key, flux_error_t *e)
{
    static const char *const wanted[] = {
        "a string", "true or false", "an integer", "an array of strings",
        "a string",
    };

    return util_errno(e, EINVAL, "%s: expected %s", key->name,
                      wanted[key->kind]);
}

static bool fits(const struct key *key, json_t *value)
{
    switch (key->kind) {
    case FLAG:
        return json_is_boolean(value);
    case NUMBER:
        return json_is_integer(value);
    case TEXTS:
        return are_strings(value);
    default:
        return json_is_string(value);
    }
}

static void
put_field(struct modprobe_module *m, const struct key *key, json_t *value)
{
    void *field = (char *)m + key->offset;

    if (key->kind == FLAG)
        *(int *)field = json_is_true(value);
    else if (key->kind == NUMBER)
        *(json_int_t *)field = json_integer_value(value);
    else if (key->kind == TEXTS)
        *(json_t **)field = value;
    else
        *(const char **)field = json_string_value(value);
}

static int set_field(struct modprobe_module *m,
                     const char *name,
                     json_t *value,
                     flux_error_t *e)
{
    size_t i = 0;

    while (i < UTIL_ARRAY_SIZE(keys) && strcmp(keys[i].name, name) != 0)
        i++;
    if (i == UTIL_ARRAY_SIZE(keys))
        return util_errno(e, EINVAL, "invalid config key %s", name);
    if (!fits(&keys[i], value))
        return wrong_type(&keys[i], e);
    if (keys[i].kind == RANKS && has_rank(json_string_value(value), 0) < 0)
        return util_errno(e, EINVAL, "ranks: invalid idset: %s",
                          json_string_value(value));
    put_field(m, &keys[i], value);
    return 0;
}

/* Make *m a view of `entry`, of which it takes a reference if all is well. */
static int view(struct modprobe_module *m, json_t *entry, flux_error_t *e)
{
    const char *key;
    json_t *value;

    memset(m, 0, sizeof(*m));
    m->ranks = "all";
    m->priority = DEFAULT_PRIORITY;
    json_object_foreach(entry, key, value)
    {
        if (set_field(m, key, value, e) < 0)
            return -1;
    }
    if (!m->name)
        return util_errno(e, EINVAL, "Missing required config key 'name'");
    if (!m->path)
        m->path = m->name;
    m->entry = json_incref(entry);
    return 0;
}

static void module_destroy(struct modprobe_module *m)
{
    if (m)
        json_decref(m->entry);
    free(m);
}

static json_t *shown(const struct modprobe_module *m, const struct key *key)
{
    const void *field = (const char *)m + key->offset;
    const char *text;

    if (key->kind == FLAG)
        return json_boolean(*(const int *)field);
    if (key->kind == NUMBER)
        return json_integer(*(const json_int_t *)field);
    if (key->kind == TEXTS)
        return *(json_t *const *)field ? json_incref(*(json_t *const *)field)
                                       : json_array();
    text = *(const char *const *)field;
    return json_string(text);
}

json_t *modprobe_show(const struct modprobe_module *m)
{
    json_t *o = json_object();

    for (size_t i = 0; o && i < UTIL_ARRAY_SIZE(keys); i++) {
        if (i >= SHOWN_ALWAYS && !json_object_get(m->entry, keys[i].name))
            continue;
        if (json_object_set_new(o, keys[i].name, shown(m, &keys[i])) < 0) {
            json_decref(o);
            return NULL;
        }
    }
    return o;
}

/* ---- all of them -----------------------------------------------------------
 */

struct modprobe *modprobe_create(void)
{
    struct modprobe *mp = calloc(1, sizeof(*mp));

    if (mp && !(mp->alternatives = json_object())) {
        free(mp);
        errno = ENOMEM;
        return NULL;
    }
    return mp;
}

void modprobe_destroy(struct modprobe *mp)
{
    int saved_errno = errno;

    if (!mp)
        return;
    for (size_t i = 0; i < mp->count; i++)
        module_destroy(mp->modules[i]);
    free(mp->modules);
    json_decref(mp->alternatives);
    free(mp);
    errno = saved_errno;
}

struct modprobe_module *modprobe_named(const struct modprobe *mp,
                                       const char *name)
{
    for (size_t i = 0; i < mp->count; i++)
        if (strcmp(mp->modules[i]->name, name) == 0)
            return mp->modules[i];
    return NULL;
}

static void forget(struct modprobe *mp, const char *name)
{
    size_t i = 0;

    while (i < mp->count && strcmp(mp->modules[i]->name, name) != 0)
        i++;
    if (i == mp->count)
        return;
    module_destroy(mp->modules[i]);
    mp->count--;
    memmove(mp->modules + i, mp->modules + i + 1,
            (mp->count - i) * sizeof(*mp->modules));
}

static int make_room(struct modprobe *mp, flux_error_t *e)
{
    struct modprobe_module **modules;

    if (mp->count >= MODPROBE_MAX)
        return util_errno(e, EOVERFLOW, "there are more than %d modules",
                          MODPROBE_MAX);
    modules = realloc(mp->modules, (mp->count + 1) * sizeof(*modules));
    if (!modules)
        return util_errno(e, ENOMEM, "out of memory");
    mp->modules = modules;
    return 0;
}

static int define(struct modprobe *mp, json_t *entry, flux_error_t *e)
{
    struct modprobe_module *m;

    if (make_room(mp, e) < 0)
        return -1;
    if (!(m = malloc(sizeof(*m))))
        return util_errno(e, ENOMEM, "out of memory");
    if (view(m, entry, e) < 0) {
        free(m);
        return -1;
    }
    forget(mp, m->name);
    mp->modules[mp->count++] = m;
    return 0;
}

static int define_all(struct modprobe *mp, json_t *modules, flux_error_t *e)
{
    flux_error_t why;
    json_t *entry;
    size_t i;

    if (!json_is_array(modules))
        return util_errno(e, EINVAL, "modules: expected an array of tables");
    json_array_foreach(modules, i, entry)
    {
        if (!json_is_object(entry))
            return util_errno(e, EINVAL,
                              "modules: expected an array of tables");
        if (define(mp, entry, &why) < 0)
            return util_error(e, "invalid modules entry: %s", why.text);
    }
    return 0;
}

struct modprobe_module *
modprobe_add_loaded(struct modprobe *mp, const char *name, flux_error_t *e)
{
    json_t *entry = json_pack("{s:s}", "name", name);
    int rc = entry ? define(mp, entry, e) : -1;

    json_decref(entry);
    if (rc < 0)
        return NULL;
    mp->modules[mp->count - 1]->loaded = true;
    return mp->modules[mp->count - 1];
}

/* ---- updates ---------------------------------------------------------------
 */

static int
update_entry(struct modprobe_module *m, json_t *update, flux_error_t *e)
{
    json_t *entry = json_copy(m->entry);
    struct modprobe_module changed;
    const char *name = json_string_value(json_object_get(update, "name"));
    int rc = -1;

    if (!entry || json_object_update(entry, update) < 0)
        util_errno(e, ENOMEM, "%s: out of memory", m->name);
    else if (name && strcmp(name, m->name) != 0)
        util_errno(e, EINVAL, "%s: the name cannot be changed", m->name);
    else
        rc = view(&changed, entry, e);
    json_decref(entry);
    if (rc < 0)
        return -1;
    json_decref(m->entry);
    *m = changed;
    return 0;
}

static int update_named(struct modprobe *mp,
                        const char *name,
                        json_t *update,
                        flux_error_t *e)
{
    struct modprobe_module *m = modprobe_named(mp, name);
    flux_error_t why;

    if (!m && !(m = modprobe_resolve(mp, name, e)))
        return -1;
    if (!json_is_object(update))
        return util_errno(e, EINVAL, "%s: expected a table", name);
    if (update_entry(m, update, &why) < 0)
        return util_error(e, "%s: %s", name, why.text);
    return 0;
}

static int
add_alternatives(struct modprobe *mp, json_t *alternatives, flux_error_t *e)
{
    const char *service;
    json_t *module;

    if (!json_is_object(alternatives))
        return util_errno(e, EINVAL, "alternatives: expected a table");
    json_object_foreach(alternatives, service, module)
    {
        if (!json_is_string(module))
            return util_errno(e, EINVAL, "alternatives.%s: expected a string",
                              service);
    }
    if (json_object_update(mp->alternatives, alternatives) < 0)
        return util_errno(e, ENOMEM, "out of memory");
    return 0;
}

int modprobe_update(struct modprobe *mp, json_t *updates, flux_error_t *e)
{
    const char *name;
    json_t *value;

    if (!json_is_object(updates))
        return util_errno(e, EINVAL, "modules: expected a table");
    json_object_foreach(updates, name, value)
    {
        int rc = strcmp(name, "alternatives") == 0
                     ? add_alternatives(mp, value, e)
                     : update_named(mp, name, value, e);

        if (rc < 0)
            return -1;
    }
    return 0;
}

int modprobe_add(struct modprobe *mp, json_t *document, flux_error_t *e)
{
    json_t *modules = json_object_get(document, "modules"), *updates;
    int rc;

    if (modules && define_all(mp, modules, e) < 0)
        return -1;
    if (!(updates = json_copy(document)))
        return util_errno(e, ENOMEM, "out of memory");
    json_object_del(updates, "modules");
    rc = modprobe_update(mp, updates, e);
    json_decref(updates);
    return rc;
}

/* ---- who stands for a service ----------------------------------------------
 */

bool modprobe_provides(const struct modprobe_module *m, const char *service)
{
    return strcmp(m->name, service) == 0 ||
           modprobe_contains(m->provides, service);
}

static int grade(const struct modprobe_module *m)
{
    return m->loaded ? 3 : m->usable ? 2 : m->enabled ? 1 : 0;
}

/* `b` was defined later. */
static bool is_better(const struct modprobe_module *b,
                      const struct modprobe_module *a)
{
    if (!a || grade(b) != grade(a))
        return !a || grade(b) > grade(a);
    return b->priority >= a->priority;
}

struct modprobe_module *modprobe_resolve(const struct modprobe *mp,
                                         const char *service,
                                         flux_error_t *e)
{
    struct modprobe_module *best = NULL;

    for (size_t i = 0; i < mp->count; i++)
        if (modprobe_provides(mp->modules[i], service) &&
            is_better(mp->modules[i], best))
            best = mp->modules[i];
    if (!best)
        util_errno(e, ENOENT, "no such task or module %s", service);
    return best;
}

int modprobe_disable(struct modprobe *mp, const char *service, flux_error_t *e)
{
    bool found = false;

    for (size_t i = 0; i < mp->count; i++)
        if (modprobe_provides(mp->modules[i], service)) {
            mp->modules[i]->disabled = 1;
            found = true;
        }
    if (!found)
        return util_errno(e, ENOENT, "no such module or task '%s'", service);
    return 0;
}

static bool share_a_service(const struct modprobe_module *a,
                            const struct modprobe_module *b)
{
    const char *service;

    for (size_t i = 0; (service = modprobe_nth(a->provides, i)); i++)
        if (modprobe_provides(b, service))
            return true;
    return modprobe_provides(b, a->name);
}

static void raise_above_others(struct modprobe *mp, struct modprobe_module *m)
{
    for (size_t i = 0; i < mp->count; i++)
        if (mp->modules[i] != m && share_a_service(m, mp->modules[i]) &&
            mp->modules[i]->priority >= m->priority)
            m->priority = mp->modules[i]->priority + 1;
}

int modprobe_set_alternative(struct modprobe *mp,
                             const char *service,
                             const char *module,
                             flux_error_t *e)
{
    struct modprobe_module *m = modprobe_named(mp, module);

    if (!modprobe_resolve(mp, service, NULL))
        return util_errno(e, ENOENT, "no such service %s", service);
    if (!m || !modprobe_provides(m, service))
        return util_errno(e, ENOENT, "no module %s provides %s", module,
                          service);
    raise_above_others(mp, m);
    return 0;
}

int modprobe_apply_alternatives(struct modprobe *mp, flux_error_t *e)
{
    const char *service;
    json_t *module;

    json_object_foreach(mp->alternatives, service, module)
    {
        if (modprobe_set_alternative(mp, service, json_string_value(module),
                                     e) < 0)
            return -1;
    }
    return 0;
}

/* ---- conditions
 * --------------------------------------------------------------
 */

enum condition { CONFIG, ATTR, ENV };

static bool
has(const struct modprobe_world *w, enum condition of, const char *name)
{
    if (of == CONFIG)
        return conf_find(w->config, name) != NULL;
    return of == ATTR ? w->has_attr(name, w->arg) : w->has_env(name, w->arg);
}

/* A name that begins with "!" is one that must not be there. */
static bool
all_hold(const struct modprobe_world *w, enum condition of, json_t *names)
{
    const char *name;

    for (size_t i = 0; (name = modprobe_nth(names, i)); i++) {
        bool unwanted = *name == '!';

        if (has(w, of, name + unwanted) == unwanted)
            return false;
    }
    return true;
}

static bool may_load(const struct modprobe_module *m,
                     const struct modprobe_world *w)
{
    return !m->disabled && has_rank(m->ranks, w->rank) > 0 &&
           all_hold(w, CONFIG, m->needs_config) &&
           all_hold(w, ATTR, m->needs_attrs) && all_hold(w, ENV, m->needs_env);
}

static bool has_usable(const struct modprobe *mp, const char *service)
{
    for (size_t i = 0; i < mp->count; i++)
        if (mp->modules[i]->usable &&
            modprobe_provides(mp->modules[i], service))
            return true;
    return false;
}

static bool needs_are_met(const struct modprobe *mp,
                          const struct modprobe_module *m)
{
    const char *need;

    for (size_t i = 0; (need = modprobe_nth(m->needs, i)); i++)
        if (!has_usable(mp, need))
            return false;
    return true;
}

/* One round: whether a module turned out not to be usable. */
static bool strike_one(struct modprobe *mp)
{
    for (size_t i = 0; i < mp->count; i++)
        if (mp->modules[i]->usable && !needs_are_met(mp, mp->modules[i])) {
            mp->modules[i]->usable = false;
            return true;
        }
    return false;
}

void modprobe_judge(struct modprobe *mp, const struct modprobe_world *world)
{
    for (size_t i = 0; i < mp->count; i++) {
        mp->modules[i]->enabled = may_load(mp->modules[i], world);
        mp->modules[i]->usable = mp->modules[i]->enabled;
    }
    while (strike_one(mp))
        ;
}
