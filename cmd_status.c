/* cmd_status.c - flux module status: all that is known of modules
 *
 *     flux module status [OPTIONS] [NAME...]
 *
 * A block of lines a module: for each that is named, or for all in the
 * broker's order.  What there is to tell comes from module.info, which Flux's
 * broker does not have; there it is what module.list says.  A key that was
 * not sent is a line that is not printed, so that this works with any.
 *
 * What always holds:
 * - With --rank of many ranks each block tells its rank; one that does not
 *   answer is told of on stderr, and makes the status 1.
 * - A name that is not loaded is told, with its last failure if the broker
 *   remembers one, and makes the status 1, after the others were printed.
 * - --json prints the broker's own words: an object for one name, an array of
 *   them for none or many.
 */
#include "cmd_status.h"

#include "cmd_json.h"
#include "latency.h"
#include "modstats.h"
#include "ranks.h"
#include "term.h"
#include "units.h"
#include "util.h"

enum { LABEL_WIDTH = 11 };

/* ---- lines ------------------------------------------------------------------
 */

static const char *string(json_t *entry, const char *key)
{
    return json_string_value(json_object_get(entry, key));
}

static long long integer(json_t *entry, const char *key)
{
    return json_integer_value(json_object_get(entry, key));
}

static void label(const char *text)
{
    printf("  %-*s", LABEL_WIDTH, text);
}

static void print_string(const char *name, const char *value)
{
    if (!value)
        return;
    label(name);
    printf(" %s\n", value);
}

static void print_words(const char *name, json_t *array)
{
    size_t i;
    json_t *word;

    if (json_array_size(array) == 0)
        return;
    label(name);
    json_array_foreach(array, i, word) printf(" %s", json_string_value(word));
    putchar('\n');
}

static void print_stamp(double t)
{
    struct timespec ts = {.tv_sec = (time_t)t};
    char stamp[TERM_STAMP_SIZE];

    ts.tv_nsec = (long)((t - (double)ts.tv_sec) * 1e9);
    term_milli_stamp(ts, stamp);
    printf(" %s", stamp);
}

static void print_state(json_t *entry)
{
    static const char *const states[] = {"initializing", "running",
                                         "finalizing", "exited"};
    long long status = integer(entry, "status");

    if (status < 0 || status >= (long long)UTIL_ARRAY_SIZE(states))
        return;
    label("state");
    printf(" %s, idle for %llds%s\n", states[status], integer(entry, "idle"),
           json_is_true(json_object_get(entry, "deferring"))
               ? ", its messages are deferred"
               : "");
}

static void print_kind(json_t *entry)
{
    const char *kind = string(entry, "kind"), *loader = string(entry, "loader");

    if (!kind)
        return;
    label("runs as");
    if (loader)
        printf(" %s %lld, loader %s\n", kind, integer(entry, "pid"), loader);
    else
        printf(" %s\n", kind);
}

static void print_since(json_t *entry)
{
    json_t *since = json_object_get(entry, "since");
    char age[UNITS_SIZE];

    if (!since)
        return;
    label("loaded");
    print_stamp(json_number_value(since));
    printf(", %s ago\n",
           units_time(json_number_value(json_object_get(entry, "age")), age));
}

static void print_rule(json_t *entry)
{
    const char *rule = string(entry, "on-failure");
    long long times = integer(entry, "restarts");

    if (!rule)
        return;
    label("on failure");
    printf(" %s, %lld restart%s so far\n", rule, times, times == 1 ? "" : "s");
}

/* Text of many lines, below one another. */
static void print_lines(const char *text)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n");

        printf("  %*s %.*s\n", LABEL_WIDTH, "", (int)len, text);
        text += len + (text[len] == '\n');
    }
}

static void print_failure(json_t *failure)
{
    if (!failure)
        return;
    label("failed");
    print_stamp(json_number_value(json_object_get(failure, "time")));
    printf(": %s\n", string(failure, "reason"));
    print_lines(string(failure, "lines"));
}

/* ---- numbers ---------------------------------------------------------------
 */

static void print_flow(const char *name, const struct modstats_flow *f)
{
    char bytes[UNITS_SIZE];

    label(name);
    for (int i = 0; i < MODSTATS_TYPES; i++)
        printf("%s %lld %s%s", i ? "," : "", (long long)f->messages[i],
               modstats_type(i), f->messages[i] == 1 ? "" : "s");
    printf(", %s bytes\n", units_bytes((double)f->bytes, bytes));
}

static void print_queue(const struct modstats *s)
{
    char bytes[UNITS_SIZE], most[UNITS_SIZE];

    label("queued");
    printf(" %lld messages, %s bytes; at most %lld, %s bytes\n",
           (long long)s->queue, units_bytes((double)s->queue_bytes, bytes),
           (long long)s->queue_max,
           units_bytes((double)s->queue_bytes_max, most));
    label("unanswered");
    printf(" %lld requests; at most %lld\n", (long long)s->pending,
           (long long)s->pending_max);
}

static void print_held(json_t *entry)
{
    json_t *held = json_object_get(entry, "held");

    if (!held)
        return;
    label("reloading");
    printf(" %lld requests wait for its successor\n",
           (long long)json_integer_value(held));
}

static void print_latency(const struct latency *l)
{
    char half[UNITS_SIZE], most[UNITS_SIZE];

    if (l->count == 0)
        return;
    label("answers");
    printf(" %llu; half of them within %s, 99%% within %s\n",
           (unsigned long long)l->count,
           units_time(latency_quantile(l, 0.5), half),
           units_time(latency_quantile(l, 0.99), most));
}

static void print_usage_of(const struct modstats *s)
{
    char bytes[UNITS_SIZE];

    if (s->cpu < 0)
        return;
    label("used");
    printf(" %.3gs of CPU", s->cpu);
    if (s->memory > 0)
        printf(", %s of memory", units_bytes((double)s->memory, bytes));
    putchar('\n');
}

static void print_numbers(json_t *entry)
{
    struct modstats s;

    if (modstats_unpack(entry, &s) < 0) {
        label("queued");
        printf(" %lld to send, %lld received\n", integer(entry, "sendqueue"),
               integer(entry, "recvqueue"));
        return;
    }
    print_flow("received", &s.rx);
    print_flow("sent", &s.tx);
    print_queue(&s);
    print_latency(&s.latency);
    print_usage_of(&s);
}

static void print_users(json_t *users)
{
    size_t i;
    json_t *user;

    json_array_foreach(users, i, user)
    {
        label(i == 0 ? "used by" : "");
        printf(" %s", string(user, "name"));
        if (json_object_get(user, "pid"))
            printf(" (pid %lld, uid %lld)", integer(user, "pid"),
                   integer(user, "userid"));
        printf(": %lld request%s\n", integer(user, "requests"),
               integer(user, "requests") == 1 ? "" : "s");
    }
}

static void print_module(json_t *entry)
{
    json_t *rank = json_object_get(entry, "rank");

    printf("%s", string(entry, "name"));
    if (rank)
        printf(" on rank %lld", (long long)json_integer_value(rank));
    putchar('\n');
    print_state(entry);
    print_kind(entry);
    print_string("path", string(entry, "path"));
    print_string("sha1", string(entry, "digest"));
    print_words("arguments", json_object_get(entry, "args"));
    print_words("command", json_object_get(entry, "command"));
    print_since(entry);
    print_rule(entry);
    print_failure(json_object_get(entry, "failure"));
    print_words("services", json_object_get(entry, "services"));
    print_words("subscribed", json_object_get(entry, "subscriptions"));
    print_numbers(entry);
    print_held(entry);
    print_users(json_object_get(entry, "users"));
}

/* ---- asking ----------------------------------------------------------------
 */

static void complain(struct cli *p, uint32_t rank, const char *reason)
{
    if (rank == FLUX_NODEID_ANY)
        cli_warn(p, "status: %s", reason);
    else
        cli_warn(p, "status: rank %lu: %s", (unsigned long)rank, reason);
}

/* Wait for an answer, not for ever where it may come from far away. */
static json_t *get_answer(flux_future_t *f, uint32_t rank)
{
    json_t *answer = NULL;

    if (!f || (rank != FLUX_NODEID_ANY &&
               flux_future_wait_for(f, RANKS_PATIENCE) < 0))
        return NULL;
    flux_rpc_get_unpack(f, "O", &answer);
    return answer;
}

/* NULL after a complaint. */
static json_t *get_list(struct cli *p, flux_t *h, uint32_t rank)
{
    flux_future_t *f = flux_rpc(h, "module.list", NULL, rank, 0);
    json_t *answer = get_answer(f, rank), *mods = NULL;

    if (!answer)
        complain(p, rank, f ? future_strerror(f, errno) : flux_strerror(errno));
    else if (!(mods = json_incref(json_object_get(answer, "mods"))))
        complain(p, rank, flux_strerror(EPROTO));
    json_decref(answer);
    flux_future_destroy(f);
    return mods;
}

/* As a broker that has no module.info tells it; NULL after a complaint. */
static json_t *
find_in_list(struct cli *p, flux_t *h, uint32_t rank, const char *name)
{
    json_t *mods = get_list(p, h, rank), *entry, *found = NULL;
    char *text = util_asprintf("%s is not loaded", name);
    size_t i;

    json_array_foreach(mods, i, entry)
    {
        const char *own = string(entry, "name");

        if (own && strcmp(own, name) == 0)
            found = json_incref(entry);
    }
    if (mods && !found)
        complain(p, rank, text);
    free(text);
    json_decref(mods);
    return found;
}

/* NULL after a complaint. */
static json_t *
get_module(struct cli *p, flux_t *h, uint32_t rank, const char *name)
{
    flux_future_t *f =
        flux_rpc_pack(h, "module.info", rank, 0, "{s:s}", "name", name);
    json_t *entry = get_answer(f, rank);

    if (!entry && errno == ENOSYS)
        entry = find_in_list(p, h, rank, name);
    else if (!entry)
        complain(p, rank, f ? future_strerror(f, errno) : flux_strerror(errno));
    flux_future_destroy(f);
    return entry;
}

static json_t *get_named(struct cli *p, flux_t *h, uint32_t rank, int *status)
{
    json_t *modules = json_array(), *entry;

    for (char **name = cli_argv(p); *name; name++)
        if ((entry = get_module(p, h, rank, *name)))
            json_array_append_new(modules, entry);
        else
            *status = 1;
    return modules;
}

static json_t *get_all(struct cli *p, flux_t *h, uint32_t rank, int *status)
{
    json_t *mods = get_list(p, h, rank), *modules = json_array(), *listed;
    size_t i;

    if (!mods)
        *status = 1;
    json_array_foreach(mods, i, listed)
    {
        const char *name = string(listed, "name");
        json_t *entry = name ? get_module(p, h, rank, name) : NULL;

        if (entry)
            json_array_append_new(modules, entry);
    }
    json_decref(mods);
    return modules;
}

static void print_text(json_t *modules)
{
    size_t i;
    json_t *entry;

    json_array_foreach(modules, i, entry) print_module(entry);
}

static void print_json(struct cli *p, json_t *modules, bool one)
{
    if (!one)
        cmd_json_print(p, modules);
    else if (json_array_size(modules) == 1)
        cmd_json_print(p, json_array_get(modules, 0));
}

static json_t *get_of_rank(struct cli *p, flux_t *h, uint32_t rank, int *status)
{
    return cli_argc(p) > 0 ? get_named(p, h, rank, status)
                           : get_all(p, h, rank, status);
}

/* Each with its rank. */
static json_t *
get_of_ranks(struct cli *p, flux_t *h, const struct idset *ranks, int *status)
{
    json_t *all = json_array(), *some, *entry;
    uint32_t rank = idset_next(ranks, 0);
    size_t i;

    for (; rank != IDSET_NONE; rank = idset_next(ranks, rank + 1)) {
        some = get_of_rank(p, h, rank, status);
        json_array_foreach(some, i, entry)
            json_object_set_new(entry, "rank", json_integer(rank));
        json_array_extend(all, some);
        json_decref(some);
    }
    return all;
}

int cmd_status_run(struct cli *p)
{
    flux_t *h = cli_open(p);
    struct idset *ranks = ranks_parse(p, h);
    int status = 0;
    json_t *modules =
        ranks_count(ranks) > 1
            ? get_of_ranks(p, h, ranks, &status)
            : get_of_rank(p, h, ranks ? idset_next(ranks, 0) : FLUX_NODEID_ANY,
                          &status);

    if (cli_count(p, "json") > 0)
        print_json(p, modules, ranks_count(ranks) == 1 && cli_argc(p) == 1);
    else
        print_text(modules);
    json_decref(modules);
    idset_destroy(ranks);
    flux_close(h);
    return status;
}

const struct cli_option cmd_status_options[] = {
    RANKS_OPTION("Ask these broker ranks"),
    CMD_JSON_OPTION,
    CLI_OPTIONS_END,
};
