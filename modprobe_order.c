/* modprobe_order.c - what is loaded or removed, and what waits for what
 *
 * Two questions are kept apart, as modprobe.toml(5) keeps them: `requires`
 * says which modules go together, `after` and `before` which comes first.  A
 * set answers the first, a plan the second: a table of who waits for whom
 * among the members of a set, from which everything that waits for nothing
 * can be done at the same time.
 *
 * What always holds:
 * - A set is closed when it is planned: nothing is added later.
 * - `after = ["x"]` means all members that provide x, if several do.
 * - Removing is the same table, transposed.
 * - A plan has no cycle: it is tried out before it is handed out, and what
 *   could never have its turn is named.
 * - A module is in use while another one that stays requires a service that
 *   it provides.
 */
#include "modprobe_order.h"

#include "util.h"

/* ---- sets ------------------------------------------------------------------
 */

int modprobe_order_init(struct modprobe_set *set, const struct modprobe *mp)
{
    set->count = 0;
    set->items = calloc(mp->count + 1, sizeof(*set->items));
    return set->items ? 0 : -1;
}

void modprobe_order_release(struct modprobe_set *set)
{
    free(set->items);
    set->items = NULL;
    set->count = 0;
}

bool modprobe_order_has(const struct modprobe_set *set,
                        const struct modprobe_module *m)
{
    for (size_t i = 0; i < set->count; i++)
        if (set->items[i] == m)
            return true;
    return false;
}

void modprobe_order_add(struct modprobe_set *set, struct modprobe_module *m)
{
    if (!modprobe_order_has(set, m))
        set->items[set->count++] = m;
}

static void drop(struct modprobe_set *set, size_t i)
{
    set->count--;
    memmove(set->items + i, set->items + i + 1,
            (set->count - i) * sizeof(*set->items));
}

void modprobe_order_drop_loaded(struct modprobe_set *set)
{
    for (size_t i = set->count; i-- > 0;)
        if (set->items[i]->loaded)
            drop(set, i);
}

/* ---- what is loaded ---------------------------------------------------------
 */

int modprobe_order_require(const struct modprobe *mp,
                           struct modprobe_set *set,
                           const char *service,
                           bool force,
                           flux_error_t *e)
{
    struct modprobe_module *m = modprobe_resolve(mp, service, e);
    const char *other;

    if (!m)
        return -1;
    if (modprobe_order_has(set, m) || (!force && !m->enabled))
        return 0;
    modprobe_order_add(set, m);
    for (size_t i = 0; (other = modprobe_nth(m->requires, i)); i++)
        if (modprobe_order_require(mp, set, other, force, e) < 0)
            return -1;
    return 0;
}

static bool is_default(const struct modprobe *mp,
                       const struct modprobe_module *m)
{
    const char *service;

    for (size_t i = 0; (service = modprobe_nth(m->provides, i)); i++)
        if (modprobe_resolve(mp, service, NULL) == m)
            return true;
    return !modprobe_nth(m->provides, 0);
}

static bool has_service(const struct modprobe_set *set, const char *service)
{
    for (size_t i = 0; i < set->count; i++)
        if (modprobe_provides(set->items[i], service))
            return true;
    return false;
}

static bool lacks_a_need(const struct modprobe_set *set,
                         const struct modprobe_module *m)
{
    const char *need;

    for (size_t i = 0; (need = modprobe_nth(m->needs, i)); i++)
        if (!has_service(set, need))
            return true;
    return false;
}

/* Each that goes may be what another one needs: from the start again. */
static void drop_needy(struct modprobe_set *set)
{
    size_t i = 0;

    while (i < set->count) {
        if (lacks_a_need(set, set->items[i])) {
            drop(set, i);
            i = 0;
        } else {
            i++;
        }
    }
}

int modprobe_order_default(const struct modprobe *mp,
                           struct modprobe_set *set,
                           flux_error_t *e)
{
    for (size_t i = 0; i < mp->count; i++)
        if (is_default(mp, mp->modules[i]) &&
            modprobe_order_require(mp, set, mp->modules[i]->name, false, e) < 0)
            return -1;
    drop_needy(set);
    return 0;
}

/* ---- what is removed --------------------------------------------------------
 */

static bool requires(const struct modprobe_module *user,
                     const struct modprobe_module *m)
{
    const char *service;

    for (size_t i = 0; (service = modprobe_nth(user->requires, i)); i++)
        if (modprobe_provides(m, service))
            return true;
    return false;
}

static bool stays(const struct modprobe_set *set,
                  const struct modprobe_module *m)
{
    return m->loaded && !modprobe_order_has(set, m);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* "a, b" cut at the size of `e`. */
static void join(flux_error_t *e, const char **names, size_t count)
{
    flux_error_t sofar = {""};

    for (size_t i = 0; i < count; i++) {
        util_error(e, "%s%s%s", sofar.text, i ? ", " : "", names[i]);
        sofar = *e;
    }
}

/* Its users that stay, by name; the count, or -1. */
static int list_users(const struct modprobe *mp,
                      const struct modprobe_set *set,
                      const struct modprobe_module *m,
                      flux_error_t *users)
{
    const char **names = calloc(mp->count + 1, sizeof(*names));
    size_t count = 0;

    if (!names)
        return -1;
    for (size_t i = 0; i < mp->count; i++)
        if (mp->modules[i] != m && stays(set, mp->modules[i]) &&
            requires(mp->modules[i], m))
            names[count++] = mp->modules[i]->name;
    qsort(names, count, sizeof(*names), compare);
    join(users, names, count);
    free(names);
    return (int)count;
}

static int check_unused(const struct modprobe *mp,
                        const struct modprobe_set *set,
                        flux_error_t *e)
{
    flux_error_t users;

    for (size_t i = 0; i < set->count; i++) {
        int count = list_users(mp, set, set->items[i], &users);

        if (count < 0)
            return util_error(e, "out of memory");
        if (count > 0)
            return util_errno(e, EBUSY, "%s still in use by %s",
                              set->items[i]->name, users.text);
    }
    return 0;
}

static bool is_left_over(const struct modprobe *mp,
                         const struct modprobe_set *set,
                         const struct modprobe_module *m)
{
    bool was_required = false;

    for (size_t i = 0; i < mp->count; i++) {
        const struct modprobe_module *user = mp->modules[i];

        if (user == m || !user->loaded || !requires(user, m))
            continue;
        if (!modprobe_order_has(set, user))
            return false;
        was_required = true;
    }
    return was_required;
}

int modprobe_order_unload(const struct modprobe *mp,
                          struct modprobe_set *set,
                          flux_error_t *e)
{
    size_t before;

    if (check_unused(mp, set, e) < 0)
        return -1;
    do {
        before = set->count;
        for (size_t i = 0; i < mp->count; i++)
            if (stays(set, mp->modules[i]) &&
                is_left_over(mp, set, mp->modules[i]))
                modprobe_order_add(set, mp->modules[i]);
    } while (set->count > before);
    return 0;
}

/* ---- who waits for whom -----------------------------------------------------
 */

static void
add_edge(struct modprobe_plan *plan, size_t later, size_t first, bool removing)
{
    size_t i = removing ? first : later, j = removing ? later : first;

    if (i == j || plan->waits[i * plan->count + j])
        return;
    plan->waits[i * plan->count + j] = 1;
    plan->pending[i]++;
}

static bool is_any(const char *name)
{
    return strcmp(name, "*") == 0;
}

/* Whether items[j] is meant by `name` in the list `key` of another; "*" means
 * all but those that say the same.
 */
static bool
is_meant(const struct modprobe_module *m, const char *name, bool in_after)
{
    if (is_any(name))
        return !modprobe_contains(in_after ? m->after : m->before, "*");
    return modprobe_provides(m, name);
}

static void add_edges(struct modprobe_plan *plan,
                      size_t i,
                      const char *name,
                      bool in_after,
                      bool removing)
{
    for (size_t j = 0; j < plan->count; j++) {
        if (!is_meant(plan->items[j], name, in_after))
            continue;
        if (in_after)
            add_edge(plan, i, j, removing);
        else
            add_edge(plan, j, i, removing);
    }
}

static int add_list(const struct modprobe *mp,
                    struct modprobe_plan *plan,
                    size_t i,
                    bool in_after,
                    bool removing,
                    flux_error_t *e)
{
    json_t *names = in_after ? plan->items[i]->after : plan->items[i]->before;
    const char *name;

    for (size_t n = 0; (name = modprobe_nth(names, n)); n++) {
        if (!removing && !is_any(name) && !modprobe_resolve(mp, name, e))
            return -1;
        add_edges(plan, i, name, in_after, removing);
    }
    return 0;
}

/* Do all that waits for nothing, again and again; `pending` is what is then
 * still waited for.  Returns how many had their turn.
 */
static size_t
play(const struct modprobe_plan *plan, size_t *pending, size_t *queue)
{
    size_t done = 0, found = 0;

    for (size_t i = 0; i < plan->count; i++)
        if (pending[i] == 0)
            queue[found++] = i;
    for (; done < found; done++)
        for (size_t i = 0; i < plan->count; i++)
            if (plan->waits[i * plan->count + queue[done]] && --pending[i] == 0)
                queue[found++] = i;
    return done;
}

/* From any that waits: the first that it waits for and that waits, too. */
static size_t
blocker(const struct modprobe_plan *plan, const size_t *pending, size_t i)
{
    size_t j = 0;

    while (!(plan->waits[i * plan->count + j] && pending[j] > 0))
        j++;
    return j;
}

static int name_cycle(const struct modprobe_plan *plan,
                      const size_t *pending,
                      flux_error_t *e)
{
    const char **names = calloc(plan->count + 1, sizeof(*names));
    flux_error_t members;
    size_t start = 0, count = 0, i;

    if (!names)
        return util_errno(e, ENOMEM, "out of memory");
    while (pending[start] == 0)
        start++;
    for (size_t steps = 0; steps < plan->count; steps++)
        start = blocker(plan, pending, start); /* now it is in the cycle */
    i = start;
    do {
        names[count++] = plan->items[i]->name;
        i = blocker(plan, pending, i);
    } while (i != start);
    names[count++] = plan->items[start]->name;
    join(&members, names, count);
    free(names);
    return util_errno(e, ELOOP, "nodes are in a cycle: %s", members.text);
}

static int check_cycles(const struct modprobe_plan *plan, flux_error_t *e)
{
    size_t size = (plan->count + 1) * sizeof(size_t);
    size_t *pending = malloc(size), *queue = malloc(size);
    int rc = 0;

    if (!pending || !queue) {
        rc = util_errno(e, ENOMEM, "out of memory");
    } else {
        memcpy(pending, plan->pending, plan->count * sizeof(*pending));
        if (play(plan, pending, queue) < plan->count)
            rc = name_cycle(plan, pending, e);
    }
    free(pending);
    free(queue);
    return rc;
}

static int fill(const struct modprobe *mp,
                struct modprobe_plan *plan,
                bool removing,
                flux_error_t *e)
{
    for (size_t i = 0; i < plan->count; i++)
        if (add_list(mp, plan, i, true, removing, e) < 0 ||
            add_list(mp, plan, i, false, removing, e) < 0)
            return -1;
    return check_cycles(plan, e);
}

int modprobe_order_plan(const struct modprobe *mp,
                        const struct modprobe_set *set,
                        bool removing,
                        struct modprobe_plan *plan,
                        flux_error_t *e)
{
    plan->items = set->items;
    plan->count = set->count;
    plan->waits = calloc(set->count * set->count + 1, 1);
    plan->pending = calloc(set->count + 1, sizeof(*plan->pending));
    if (!plan->waits || !plan->pending)
        util_errno(e, ENOMEM, "out of memory");
    else if (fill(mp, plan, removing, e) == 0)
        return 0;
    modprobe_order_release_plan(plan);
    return -1;
}

void modprobe_order_release_plan(struct modprobe_plan *plan)
{
    int saved_errno = errno;

    free(plan->waits);
    free(plan->pending);
    plan->waits = NULL;
    plan->pending = NULL;
    errno = saved_errno;
}
