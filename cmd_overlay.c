/* cmd_overlay.c - flux-overlay(1): the tree of brokers, as it is now
 *
 * `status` asks the broker at the top of a subtree for its children and goes
 * down to each that is there; one that is not is shown as its parent says.
 */
#include "cli.h"
#include "hostlist.h"
#include "json.h"
#include "util.h"

struct show {
    struct cli *p;
    flux_t *h;
    const char *hosts;
    bool pretty;
    bool verbose;
    char indent[512]; /* drawn before a line of this depth */
};

/* ---- status ------------------------------------------------------------- */

static flux_future_t *ask_health(struct show *s, uint32_t rank)
{
    flux_future_t *f = flux_rpc(s->h, "overlay.health", NULL, rank, 0);

    if (!f || flux_future_wait_for(f, cli_duration(s->p, "timeout", 0.5)) < 0 ||
        flux_rpc_get(f, NULL) < 0) {
        cli_warn(s->p, "rank %u: %s", (unsigned)rank,
                 f ? future_strerror(f, errno) : strerror(errno));
        flux_future_destroy(f);
        return NULL;
    }
    return f;
}

static void print_line(struct show *s,
                       const char *branch,
                       uint32_t rank,
                       const char *status,
                       double duration)
{
    char *host = hostlist_nth(s->hosts, rank);

    printf("%s%s%u %s: %s", s->pretty ? s->indent : "", s->pretty ? branch : "",
           (unsigned)rank, host ? host : "(unknown)", status);
    if (s->verbose)
        printf(" for %gs", duration);
    putchar('\n');
    free(host);
}

static void show_subtree(struct show *s,
                         uint32_t rank,
                         const char *branch,
                         const char *below,
                         const char *reported,
                         double since);

static void show_children(struct show *s, json_t *children, const char *below)
{
    size_t i, count = json_array_size(children), depth = strlen(s->indent);
    json_t *child;

    if (depth + strlen(below) >= sizeof(s->indent))
        return;
    strcat(s->indent, below);
    json_array_foreach(children, i, child) {
        bool last = i + 1 == count;
        const char *status;
        double since;
        int rank;

        if (json_unpack(child, "{s:i s:s s:f}", "rank", &rank, "status", &status,
                        "duration", &since) == 0)
            show_subtree(s, (uint32_t)rank, last ? "└─ " : "├─ ",
                         last ? "   " : "│  ", status, since);
    }
    s->indent[depth] = '\0';
}

static void show_subtree(struct show *s,
                         uint32_t rank,
                         const char *branch,
                         const char *below,
                         const char *reported,
                         double since)
{
    bool there = strcmp(reported, "offline") != 0 &&
                 strcmp(reported, "lost") != 0;
    flux_future_t *f = there ? ask_health(s, rank) : NULL;
    const char *status = reported;
    json_t *children = NULL;

    if (f && flux_rpc_get_unpack(f, "{s:s s:f s:o}", "status", &status,
                                 "duration", &since, "children", &children) < 0)
        cli_warn(s->p, "rank %u: %s", (unsigned)rank, strerror(errno));
    print_line(s, branch, rank, status, since);
    if (children)
        show_children(s, children, below);
    flux_future_destroy(f);
}

static void show_summary(struct show *s, uint32_t rank)
{
    flux_future_t *f = ask_health(s, rank);
    const char *status;

    if (!f || flux_rpc_get_unpack(f, "{s:s}", "status", &status) < 0)
        exit(1);
    puts(status);
    flux_future_destroy(f);
}

static void open_show(struct show *s, struct cli *p)
{
    memset(s, 0, sizeof(*s));
    s->p = p;
    s->h = cli_open(p);
    if (!(s->hosts = flux_attr_get(s->h, "hostlist")))
        cli_die_errno(p, "hostlist");
}

static int run_status(struct cli *p)
{
    struct show s;
    uint32_t rank = cli_rank(p, "rank", 0);

    open_show(&s, p);
    s.pretty = !cli_count(p, "no-pretty");
    s.verbose = cli_count(p, "verbose") > 0;
    if (cli_count(p, "summary"))
        show_summary(&s, rank);
    else
        show_subtree(&s, rank, "", "", "full", 0.);
    flux_close(s.h);
    return 0;
}

/* ---- parentof, lookup ------------------------------------------------------ */

/* The rank in whose list of children `wanted` is; -1 if there is none. */
static int find_parent(json_t *tree, int wanted)
{
    json_t *children, *child;
    int rank, of_child, found;
    size_t i;

    if (json_unpack(tree, "{s:i s:o}", "rank", &rank, "children", &children) < 0)
        return -1;
    json_array_foreach(children, i, child) {
        if (json_unpack(child, "{s:i}", "rank", &of_child) == 0 &&
            of_child == wanted)
            return rank;
        if ((found = find_parent(child, wanted)) >= 0)
            return found;
    }
    return -1;
}

static int run_parentof(struct cli *p)
{
    const char *text = cli_argv(p)[0];
    flux_t *h = cli_open(p);
    flux_future_t *f;
    uint32_t rank, size;
    json_t *tree;
    int parent;

    if (util_parse_uint32(text, 10, &rank) < 0)
        cli_usage_die(p, "'%s' is no rank", text);
    if (flux_get_size(h, &size) < 0)
        cli_die_errno(p, "size");
    if (rank >= size)
        cli_die(p, "%u is not a valid rank in this instance", (unsigned)rank);
    f = flux_rpc_pack(h, "overlay.topology", 0, 0, "{s:i}", "rank", 0);
    cli_wait(p, f, "overlay.topology");
    if (flux_rpc_get_unpack(f, "o", &tree) < 0)
        cli_die_errno(p, "overlay.topology");
    if ((parent = find_parent(tree, (int)rank)) < 0)
        cli_die(p, "%u has no parent", (unsigned)rank);
    printf("%d\n", parent);
    flux_future_destroy(f);
    flux_close(h);
    return 0;
}

static int run_lookup(struct cli *p)
{
    const char *target = cli_argv(p)[0];
    struct show s;
    uint32_t rank;
    char *host;
    int found;

    open_show(&s, p);
    if (util_parse_uint32(target, 10, &rank) == 0) {
        if (!(host = hostlist_nth(s.hosts, rank)))
            cli_die(p, "%s is not a valid rank in this instance", target);
        puts(host);
        free(host);
    } else if ((found = hostlist_find(s.hosts, target)) < 0)
        cli_die(p, "host %s not found in host map", target);
    else
        printf("%d\n", found);
    flux_close(s.h);
    return 0;
}

static const struct cli_option status_options[] = {
    {'r', "rank", CLI_ARG, "RANK", "Show the subtree below RANK (default 0)"},
    {'v', "verbose", CLI_NO_ARG, NULL, "Show since when each has its status"},
    {'t', "timeout", CLI_ARG, "FSD", "Wait that long for each (default 0.5s)"},
    {0, "summary", CLI_NO_ARG, NULL, "Show only the status of the top"},
    {0, "no-pretty", CLI_NO_ARG, NULL, "Draw no tree"},
    CLI_OPTIONS_END,
};

static const struct cli_command subcommands[] = {
    {.name = "status",
     .arguments = "[OPTIONS]",
     .summary = "Show the tree of brokers and who is missing",
     .options = status_options,
     .run = run_status},
    {.name = "lookup",
     .arguments = "TARGET",
     .summary = "Print the host of a rank, or the first rank of a host",
     .run = run_lookup,
     .min_args = 1,
     .max_args = 1},
    {.name = "parentof",
     .arguments = "RANK",
     .summary = "Print the parent of a rank",
     .run = run_parentof,
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
