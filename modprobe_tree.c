/* modprobe_tree.c - flux modprobe list-dependencies: requirements as a tree
 *
 *     sched (sched-simple)
 *     ├── job-manager
 *     │   └── kvs
 *     └── resource
 *
 * A service is followed by what stands for it, in parentheses, if that has
 * another name.
 *
 * What always holds:
 * - Without --full each module is printed once, as near to the root as it can
 *   be: all children of a node are claimed before the first one's are.
 * - With --full it is printed wherever it is required, but never below
 *   itself, so that a circle of requirements ends.
 */
#include "modprobe_tree.h"

#include "modprobe_session.h"
#include "util.h"

/* Where one stands in the tree. */
struct branch {
    const struct branch *parent;
    const struct modprobe_module *m;
    const char *indent; /* of what is below it */
};

struct tree {
    struct modprobe_session *s;
    struct modprobe_set seen;
    bool full;
};

static bool is_above(const struct branch *b, const struct modprobe_module *m)
{
    while (b && b->m != m)
        b = b->parent;
    return b != NULL;
}

static struct modprobe_module *find(struct modprobe_session *s,
                                    const char *service)
{
    flux_error_t e;
    struct modprobe_module *m = modprobe_resolve(s->mp, service, &e);

    if (!m)
        modprobe_session_check(s, -1, &e);
    return m;
}

static void print_node(const char *service, const struct modprobe_module *m)
{
    if (strcmp(service, m->name) == 0)
        printf("%s\n", service);
    else
        printf("%s (%s)\n", service, m->name);
}

/* A child that is printed elsewhere, or stands above, is passed over. */
static bool claim(struct tree *t, const struct branch *b, const char *service)
{
    struct modprobe_module *m = find(t->s, service);

    if (is_above(b, m) || (!t->full && modprobe_order_has(&t->seen, m)))
        return false;
    modprobe_order_add(&t->seen, m);
    return true;
}

static void print_below(struct tree *t, const struct branch *b);

static void print_child(struct tree *t,
                        const struct branch *b,
                        const char *service,
                        bool last)
{
    struct branch child = {.parent = b, .m = find(t->s, service)};
    char *indent = util_asprintf("%s%s", b->indent, last ? "    " : "│   ");

    if (!indent)
        cli_die_errno(t->s->p, "%s", service);
    printf("%s%s", b->indent, last ? "└── " : "├── ");
    print_node(service, child.m);
    child.indent = indent;
    print_below(t, &child);
    free(indent);
}

/* All children are claimed before the first one's are, so that each stands
 * as near to the root as it can.
 */
static void print_below(struct tree *t, const struct branch *b)
{
    size_t all = json_array_size(b->m->requires), count = 0;
    const char **names = calloc(all + 1, sizeof(*names));

    if (!names)
        cli_die_errno(t->s->p, "%s", b->m->name);
    for (size_t i = 0; i < all; i++)
        if (claim(t, b, modprobe_nth(b->m->requires, i)))
            names[count++] = modprobe_nth(b->m->requires, i);
    for (size_t i = 0; i < count; i++)
        print_child(t, b, names[i], i + 1 == count);
    free(names);
}

int modprobe_tree_run(struct cli *p)
{
    struct modprobe_session s;
    struct tree t = {.s = &s, .full = cli_count(p, "full") > 0};
    struct branch root = {.indent = ""};
    const char *service = cli_argv(p)[0];

    modprobe_session_begin(&s, p);
    modprobe_session_init_set(&s, &t.seen);
    root.m = find(&s, service);
    modprobe_order_add(&t.seen, find(&s, service));
    print_node(service, root.m);
    print_below(&t, &root);
    modprobe_order_release(&t.seen);
    modprobe_session_end(&s);
    return 0;
}
