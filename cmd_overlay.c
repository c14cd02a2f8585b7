/* cmd_overlay.c - flux-overlay(1): the tree of brokers, as it is now
 *
 *     status       each broker's status, drawn as the tree that they hang in
 *     errors       what went wrong with those that are not there
 *     lookup       hosts of ranks, ranks of hosts
 *     parentof     the parent of a rank
 *     disconnect   cut a subtree off
 *
 * The shape of the tree is asked for once.  Then each broker that is there is
 * asked for the status of its own subtree and what it knows of its children.
 * Who cannot be reached for an answer is shown as its parent sees it, and what
 * is below such a one (a ghost) like it.
 *
 * What always holds: a broker that does not answer within --timeout is named
 * with the reason, and the rest of the tree is shown.
 */
#include "cli.h"
#include "hostlist.h"
#include "idset.h"
#include "json.h"
#include "term.h"
#include "util.h"

#define TERM_GRAY "\033[90m"
#define TERM_DEFAULT "\033[39m" /* colour alone, as after a status */

enum { INDENT_SIZE = 4096 }; /* of the deepest tree: kary:1 with 800 brokers */

/* What is known of one broker. */
struct view {
    uint32_t rank;
    const char *status;
    const char *error; /* or NULL */
    double since;      /* seconds in that status, -1: not known */
    double round_trip; /* seconds, -1: it was not asked */
    bool ghost;        /* behind one that is not there */
};

struct walk;
typedef void (*walk_f)(struct walk *w, const struct view *v);

struct walk {
    struct cli *p;
    flux_t *h;
    char *hosts;
    double timeout; /* -1: none */
    walk_f visit;
    bool show_ghosts;
    /* status */
    bool pretty, down, color;
    int verbose;
    struct idset *highlight; /* or NULL */
    char indent[INDENT_SIZE];
    const char *branch; /* drawn before this line, behind `indent` */
    /* errors */
    json_t *errors; /* hosts in an array by error text */
};

static void
walk_node(struct walk *w, json_t *node, const struct view *reported);

/* ---- questions -------------------------------------------------------------
 */

static char *host_of(const struct walk *w, uint32_t rank)
{
    return hostlist_nth(w->hosts, rank);
}

/* NULL with errno. */
static flux_future_t *ask_health(struct walk *w, uint32_t rank)
{
    flux_future_t *f = flux_rpc(w->h, "overlay.health", NULL, rank, 0);

    if (f && (flux_future_wait_for(f, w->timeout) < 0 ||
              flux_rpc_get(f, NULL) < 0)) {
        flux_future_destroy(f);
        return NULL;
    }
    return f;
}

/* The shape of the subtree at `rank`; a new reference.  Dies. */
static json_t *ask_tree(struct walk *w, uint32_t rank)
{
    flux_future_t *f = flux_rpc_pack(w->h, "overlay.topology", rank, 0, "{s:i}",
                                     "rank", (int)rank);
    json_t *tree;

    if (!f || flux_future_wait_for(f, w->timeout) < 0 ||
        flux_rpc_get_unpack(f, "o", &tree) < 0)
        cli_die(w->p, "%s", f ? future_strerror(f, errno) : strerror(errno));
    json_incref(tree);
    flux_future_destroy(f);
    return tree;
}

/* ---- the walk
 * ---------------------------------------------------------------- */

static bool is_there(const struct view *v)
{
    return !v->ghost && strcmp(v->status, "offline") != 0 &&
           strcmp(v->status, "lost") != 0;
}

static uint32_t node_rank(const json_t *node)
{
    return (uint32_t)json_integer_value(json_object_get(node, "rank"));
}

/* What the parent's answer has of this child. */
static struct view reported_child(json_t *answer, uint32_t rank)
{
    struct view v = {rank, "offline", NULL, -1., -1., false};
    json_t *child;
    size_t i;

    json_array_foreach(json_object_get(answer, "children"), i, child)
    {
        if (node_rank(child) == rank)
            json_unpack(child, "{s:s s:f s?s}", "status", &v.status, "duration",
                        &v.since, "error", &v.error);
    }
    return v;
}

/* With an answer, children are as it tells; without, ghosts of `parent`. */
static struct view
view_child(json_t *answer, const struct view *parent, uint32_t rank)
{
    struct view v = {rank, parent->status, NULL, -1., -1., true};

    return answer ? reported_child(answer, rank) : v;
}

static void walk_children(struct walk *w,
                          json_t *node,
                          json_t *answer,
                          const struct view *parent)
{
    json_t *children = json_object_get(node, "children"), *child;
    size_t i, count = json_array_size(children), depth = strlen(w->indent);
    bool is_last_itself = strcmp(w->branch, "└─ ") == 0;
    const char *below = *w->branch == '\0' ? ""
                        : is_last_itself   ? "   "
                                           : "│  ";

    if (depth + strlen(below) >= sizeof(w->indent))
        return;
    strcat(w->indent, below);
    json_array_foreach(children, i, child)
    {
        struct view v = view_child(answer, parent, node_rank(child));

        w->branch = i + 1 == count ? "└─ " : "├─ ";
        if (!v.ghost || w->show_ghosts)
            walk_node(w, child, &v);
    }
    w->indent[depth] = '\0';
}

static void walk_node(struct walk *w, json_t *node, const struct view *reported)
{
    struct view v = *reported;
    double begin = util_monotime();
    flux_future_t *f = is_there(&v) ? ask_health(w, v.rank) : NULL;
    const char *branch = w->branch;
    json_t *answer = NULL;

    if (is_there(&v) && !f)
        v.error = strerror(errno);
    if (f) {
        v.round_trip = util_monotime() - begin;
        if (flux_rpc_get_unpack(f, "o", &answer) == 0)
            json_unpack(answer, "{s:s s:f}", "status", &v.status, "duration",
                        &v.since);
    }
    w->visit(w, &v);
    w->branch = branch;
    walk_children(w, node, answer, &v);
    flux_future_destroy(f);
}

static void walk_tree(struct walk *w, uint32_t rank)
{
    const struct view top = {rank, "full", NULL, -1., -1., false};
    json_t *tree = ask_tree(w, rank);

    w->branch = "";
    walk_node(w, tree, &top);
    json_decref(tree);
}

static void open_walk(struct walk *w, struct cli *p, walk_f visit)
{
    const char *hosts;

    memset(w, 0, sizeof(*w));
    w->p = p;
    w->visit = visit;
    w->h = cli_open(p);
    w->show_ghosts = true;
    if (!(hosts = flux_attr_get(w->h, "hostlist")) ||
        !(w->hosts = strdup(hosts)))
        cli_die_errno(p, "hostlist");
}

static void close_walk(struct walk *w)
{
    idset_destroy(w->highlight);
    json_decref(w->errors);
    free(w->hosts);
    flux_close(w->h);
}

static double read_timeout(struct cli *p)
{
    double timeout = cli_duration(p, "timeout", 0.5);

    return timeout == 0. ? -1. : timeout;
}

/* ---- status -------------------------------------------------------------- */

static void print_duration(double t)
{
    if (t < 60.)
        printf(" for %gs", t);
    else if (t < 3600.)
        printf(" for %gm", t / 60.);
    else if (t < 86400.)
        printf(" for %gh", t / 3600.);
    else
        printf(" for %gd", t / 86400.);
}

static void print_name(const struct walk *w, uint32_t rank)
{
    char *host = host_of(w, rank);
    bool marked = w->highlight && idset_has(w->highlight, rank);

    if (marked)
        fputs(w->color ? TERM_BOLD_BLUE : "<<", stdout);
    printf("%u %s", (unsigned)rank, host ? host : "(unknown)");
    if (marked)
        fputs(w->color ? TERM_RESET : ">>", stdout);
    free(host);
}

static const char *status_color(const struct view *v)
{
    if (v->ghost)
        return TERM_GRAY;
    if (strcmp(v->status, "lost") == 0)
        return TERM_RED;
    return strcmp(v->status, "offline") == 0 ? TERM_YELLOW : NULL;
}

static void print_status(const struct walk *w, const struct view *v)
{
    const char *color = w->color ? status_color(v) : NULL;

    if (color)
        printf("%s%s" TERM_DEFAULT, color, v->status);
    else
        fputs(v->status, stdout);
}

static void print_details(const struct walk *w, const struct view *v)
{
    if (w->verbose > 0 && v->since >= 0)
        print_duration(v->since);
    if (v->error)
        printf(" %s", v->error);
    if (w->verbose > 1 && v->round_trip >= 0)
        printf(" (%.3f ms)", v->round_trip * 1000.);
}

static void print_view(struct walk *w, const struct view *v)
{
    bool silent = is_there(v) && v->round_trip < 0;

    if (w->down && !silent && strcmp(v->status, "full") == 0)
        return;
    if (w->pretty)
        printf("%s%s", w->indent, w->branch);
    print_name(w, v->rank);
    fputs(": ", stdout);
    if (silent)
        fputs(v->error, stdout); /* instead of what its parent believes */
    else {
        print_status(w, v);
        print_details(w, v);
    }
    putchar('\n');
}

/* Seconds that are left until `until`, -1 where there is no end. */
static double time_left(const struct walk *w, double until)
{
    double left = until - util_monotime();

    if (w->timeout < 0)
        return -1.;
    return left > 0 ? left : 0.;
}

/* A broker's status comes as a stream; go on when it is `wanted`. */
static void wait_for_status(struct walk *w, uint32_t rank, const char *wanted)
{
    flux_future_t *f =
        flux_rpc(w->h, "overlay.health", NULL, rank, FLUX_RPC_STREAMING);
    double until = util_monotime() + w->timeout;
    const char *status;

    if (!f)
        cli_die_errno(w->p, "overlay.health");
    while (true) {
        if (flux_future_wait_for(f, time_left(w, until)) < 0 ||
            flux_rpc_get_unpack(f, "{s:s}", "status", &status) < 0)
            cli_die(w->p, "%s", future_strerror(f, errno));
        if (strcmp(status, wanted) == 0)
            break;
        flux_future_reset(f);
    }
    flux_future_destroy(f);
}

static void check_status_word(struct cli *p, const char *word)
{
    static const char *const words[] = {"full", "partial", "offline",
                                        "degraded", "lost"};
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(words); i++)
        if (strcmp(word, words[i]) == 0)
            return;
    cli_die(p, "invalid --wait state");
}

static void show_summary(struct walk *w, uint32_t rank)
{
    flux_future_t *f = ask_health(w, rank);
    const char *status;

    if (!f || flux_rpc_get_unpack(f, "{s:s}", "status", &status) < 0)
        cli_die(w->p, "%s", strerror(errno));
    puts(status);
    flux_future_destroy(f);
}

/* ---- ranks and hosts
 * --------------------------------------------------------- */

static uint32_t instance_size(struct walk *w)
{
    uint32_t size;

    if (flux_get_size(w->h, &size) < 0)
        cli_die_errno(w->p, "size");
    return size;
}

static struct idset *new_set(struct cli *p)
{
    struct idset *set = idset_create();

    if (!set)
        cli_die_errno(p, "idset");
    return set;
}

/* Add the ranks of the hosts in `list`; dies for one that is unknown. */
static void add_hosts(struct walk *w, struct idset *set, const char *list)
{
    unsigned i;
    char *host;
    int rank;

    for (i = 0; (host = hostlist_nth(list, i)); i++) {
        if ((rank = hostlist_find(w->hosts, host)) < 0)
            cli_die(w->p, "host %s not found in host map", host);
        idset_add(set, (uint32_t)rank);
        free(host);
    }
    if (errno == EINVAL || i == 0)
        cli_die(w->p, "target must be a valid idset or hostlist: '%s'", list);
}

/* An idset or a hostlist as ranks, a new set.  Dies. */
static struct idset *parse_target(struct walk *w, const char *target)
{
    struct idset *set = idset_decode(target);
    uint32_t size = instance_size(w), beyond;

    if (set) {
        beyond = idset_next(set, size);
        if (beyond != IDSET_NONE)
            cli_die(w->p, "rank %u is not in host map", (unsigned)beyond);
        return set;
    }
    set = new_set(w->p);
    add_hosts(w, set, target);
    return set;
}

/* Add the ancestors of all members; false if `node` has none of them. */
static bool add_ancestors(struct idset *set, json_t *node)
{
    bool found = idset_has(set, node_rank(node));
    json_t *child;
    size_t i;

    json_array_foreach(json_object_get(node, "children"), i, child)
    {
        found |= add_ancestors(set, child);
    }
    if (found)
        idset_add(set, node_rank(node));
    return found;
}

static void read_highlight(struct walk *w, uint32_t rank)
{
    const char *target = cli_get(w->p, "highlight", NULL);
    json_t *tree;

    if (!target)
        return;
    w->highlight = parse_target(w, target);
    tree = ask_tree(w, rank);
    add_ancestors(w->highlight, tree);
    json_decref(tree);
}

static void open_status(struct walk *w, struct cli *p)
{
    const char *when = cli_get(p, "color", NULL);
    bool color;

    if (term_color(when, &color) < 0)
        cli_usage_die(p, "Invalid argument to --color: '%s'", when);
    open_walk(w, p, print_view);
    w->color = color;
    w->timeout = read_timeout(p);
    w->pretty = !cli_count(p, "no-pretty");
    w->show_ghosts = !cli_count(p, "no-ghost");
    w->down = cli_count(p, "down") > 0;
    w->verbose = cli_count(p, "verbose");
    if (*cli_get(p, "verbose", ""))
        w->verbose = (int)cli_int(p, "verbose", 0);
}

static int run_status(struct cli *p)
{
    uint32_t rank = cli_rank(p, "rank", 0);
    const char *wanted = cli_get(p, "wait", NULL);
    struct walk w;

    if (wanted)
        check_status_word(p, wanted);
    open_status(&w, p);
    if (wanted)
        wait_for_status(&w, rank, wanted);
    read_highlight(&w, rank);
    if (cli_count(p, "summary"))
        show_summary(&w, rank);
    else
        walk_tree(&w, rank);
    close_walk(&w);
    return 0;
}

/* ---- errors
 * ------------------------------------------------------------------ */

static void note_error(struct walk *w, const struct view *v)
{
    const char *error = v->ghost && !is_there(v) ? "lost parent" : v->error;
    char *host = host_of(w, v->rank);
    json_t *hosts = error ? json_object_get(w->errors, error) : NULL;

    if (error && strcmp(v->status, "full") == 0 && v->ghost)
        error = NULL;
    if (error && !hosts) {
        hosts = json_array();
        json_object_set_new(w->errors, error, hosts);
    }
    if (error)
        json_array_append_new(hosts, json_string(host ? host : "(unknown)"));
    free(host);
}

static void print_error(struct walk *w, const char *error, json_t *hosts)
{
    size_t i, count = json_array_size(hosts);
    char **names = calloc(count + 1, sizeof(*names));
    char *list = NULL;

    for (i = 0; names && i < count; i++)
        names[i] = (char *)json_string_value(json_array_get(hosts, i));
    if (!names || !(list = hostlist_encode(names, count)))
        cli_die_errno(w->p, "errors");
    printf("%s: %s\n", list, error);
    free(list);
    free(names);
}

static int run_errors(struct cli *p)
{
    struct walk w;
    const char *error;
    json_t *hosts;

    open_walk(&w, p, note_error);
    w.timeout = read_timeout(p);
    w.errors = json_object();
    walk_tree(&w, 0);
    json_object_foreach(w.errors, error, hosts)
    {
        print_error(&w, error, hosts);
    }
    close_walk(&w);
    return 0;
}

/* ---- lookup, parentof, disconnect
 * ----------------------------------------------- */

static void print_hosts(struct walk *w, const struct idset *ranks)
{
    char **names = calloc(idset_count(ranks) + 1, sizeof(*names));
    uint32_t r;
    size_t n = 0, i;
    char *list;

    for (r = idset_next(ranks, 0); names && r != IDSET_NONE;
         r = idset_next(ranks, r + 1))
        if (!(names[n++] = host_of(w, r)))
            cli_die(w->p, "rank %u is not in host map", (unsigned)r);
    if (!names || !(list = hostlist_encode(names, n)))
        cli_die_errno(w->p, "lookup");
    puts(list);
    for (i = 0; i < n; i++)
        free(names[i]);
    free(names);
    free(list);
}

static void print_ranks(struct walk *w, const struct idset *ranks)
{
    char *text = idset_encode(ranks, false);

    if (!text)
        cli_die_errno(w->p, "lookup");
    puts(text);
    free(text);
}

static int run_lookup(struct cli *p)
{
    const char *target = cli_argv(p)[0];
    struct idset *as_ranks = idset_decode(target), *ranks;
    struct walk w;

    open_walk(&w, p, NULL);
    ranks = parse_target(&w, target);
    if (as_ranks)
        print_hosts(&w, ranks);
    else
        print_ranks(&w, ranks);
    idset_destroy(as_ranks);
    idset_destroy(ranks);
    close_walk(&w);
    return 0;
}

/* The rank in whose list of children `wanted` is; -1 if there is none. */
static int find_parent(json_t *node, uint32_t wanted)
{
    json_t *child;
    int found;
    size_t i;

    json_array_foreach(json_object_get(node, "children"), i, child)
    {
        if (node_rank(child) == wanted)
            return (int)node_rank(node);
        if ((found = find_parent(child, wanted)) >= 0)
            return found;
    }
    return -1;
}

/* Dies if there is none. */
static uint32_t parent_of(struct walk *w, uint32_t rank)
{
    json_t *tree;
    int parent;

    if (rank >= instance_size(w))
        cli_die(w->p, "%u is not a valid rank in this instance",
                (unsigned)rank);
    tree = ask_tree(w, 0);
    if ((parent = find_parent(tree, rank)) < 0)
        cli_die(w->p, "%u has no parent", (unsigned)rank);
    json_decref(tree);
    return (uint32_t)parent;
}

static int run_parentof(struct cli *p)
{
    const char *text = cli_argv(p)[0];
    struct walk w;
    uint32_t rank;

    if (util_parse_uint32(text, 10, &rank) < 0)
        cli_usage_die(p, "'%s' is no rank", text);
    open_walk(&w, p, NULL);
    w.timeout = -1.;
    printf("%u\n", (unsigned)parent_of(&w, rank));
    close_walk(&w);
    return 0;
}

static uint32_t rank_or_host(struct walk *w, const char *target)
{
    uint32_t rank;
    int found;

    if (util_parse_uint32(target, 10, &rank) == 0)
        return rank;
    if ((found = hostlist_find(w->hosts, target)) < 0)
        cli_die(w->p, "TARGET must be a valid rank or hostname");
    return (uint32_t)found;
}

static int run_disconnect(struct cli *p)
{
    struct walk w;
    uint32_t rank, parent;
    flux_future_t *f;
    char *host, *below;

    open_walk(&w, p, NULL);
    w.timeout = -1.;
    rank = rank_or_host(&w, cli_argv(p)[0]);
    parent =
        cli_count(p, "parent") ? cli_rank(p, "parent", 0) : parent_of(&w, rank);
    host = host_of(&w, parent);
    below = host_of(&w, rank);
    cli_warn(p, "asking %s (rank %u) to disconnect child %s (rank %u)",
             host ? host : "(unknown)", (unsigned)parent,
             below ? below : "(unknown)", (unsigned)rank);
    f = flux_rpc_pack(w.h, "overlay.disconnect-subtree", parent, 0, "{s:i}",
                      "rank", (int)rank);
    cli_wait(p, f, "overlay.disconnect-subtree");
    flux_future_destroy(f);
    free(host);
    free(below);
    close_walk(&w);
    return 0;
}

/* ---- the table --------------------------------------------------------------
 */

#define TIMEOUT_OPTION                               \
    {                                                \
        't', "timeout", CLI_ARG, "FSD",              \
            "Wait that long for each (default 0.5s)" \
    }

static const struct cli_option status_options[] = {
    {'r', "rank", CLI_ARG, "RANK", "Show the subtree below RANK (default 0)"},
    {'v', "verbose", CLI_LEVEL_ARG, "[LEVEL]",
     "Show since when each has its status; 2: and its round trip"},
    TIMEOUT_OPTION,
    {0, "summary", CLI_NO_ARG, NULL, "Show only the status of the top"},
    {0, "down", CLI_NO_ARG, NULL, "Show only what is not full"},
    {0, "no-pretty", CLI_NO_ARG, NULL, "Draw no tree"},
    {0, "no-ghost", CLI_NO_ARG, NULL,
     "Do not show those behind one that is not there"},
    {'L', "color", CLI_OPTIONAL_ARG, "[WHEN]",
     "Colorize output: always, never, auto (default)"},
    {'H', "highlight", CLI_ARG, "TARGET",
     "Mark ranks or hosts and those above them"},
    {'w', "wait", CLI_ARG, "STATE",
     "Wait until the top is full, partial, degraded, offline or lost"},
    CLI_OPTIONS_END,
};

static const struct cli_option errors_options[] = {
    TIMEOUT_OPTION,
    CLI_OPTIONS_END,
};

static const struct cli_option disconnect_options[] = {
    {'r', "parent", CLI_ARG, "RANK",
     "Ask that rank (default: the parent of TARGET)"},
    CLI_OPTIONS_END,
};

static const struct cli_command subcommands[] = {
    {.name = "status",
     .arguments = "[OPTIONS]",
     .summary = "Show the tree of brokers and who is missing",
     .options = status_options,
     .run = run_status},
    {.name = "errors",
     .arguments = "[OPTIONS]",
     .summary = "Show what is wrong with those that are missing",
     .options = errors_options,
     .run = run_errors},
    {.name = "lookup",
     .arguments = "TARGET",
     .summary = "Print the hosts of ranks, or the ranks of hosts",
     .run = run_lookup,
     .min_args = 1,
     .max_args = 1},
    {.name = "parentof",
     .arguments = "RANK",
     .summary = "Print the parent of a rank",
     .run = run_parentof,
     .min_args = 1,
     .max_args = 1},
    {.name = "disconnect",
     .arguments = "[OPTIONS] TARGET",
     .summary = "Cut off the subtree at a rank or host",
     .options = disconnect_options,
     .run = run_disconnect,
     .min_args = 1,
     .max_args = 1},
    {.name = NULL},
};

const struct cli_command cmd_overlay = {
    .name = "flux-overlay",
    .arguments = "COMMAND [OPTIONS]",
    .summary = "Show the tree of brokers",
    .subcommands = subcommands,
};
