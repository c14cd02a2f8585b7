/* cmd_list.c - flux module list: a line for each unique module
 *
 * Without --rank or --all-ranks the nearest broker is asked, and its modules
 * are shown as they come.  With one of them the lists of many brokers become
 * one: modules of the same name and digest are one line with the set of their
 * ranks; where a broker tells no digest, name and path decide.  Two builds of
 * one name are two lines, which is how a half-deployed module is found.
 *
 * What always holds:
 * - Of modules that become one, the least idle time, the longest queues and
 *   the state furthest from running are shown: what is in trouble anywhere is
 *   seen.  The rest is that of the lowest rank; what is one process's own
 *   (pid) is left out where the others differ.
 * - The table is made by a format (rowfmt.c), also the one that is always
 *   used; its columns are Flux's, and what is more stands between the
 *   services and the path, which stays the last.
 * - --json prints what the broker answered, with "ranks" added where many
 *   were asked.
 * - A rank that gives no list is told of on stderr, and makes the status 1.
 */
#include "cmd_list.h"

#include "cmd_json.h"
#include "ranks.h"
#include "rowfmt.h"
#include "table.h"
#include "util.h"

enum { IDLE_SHOWN = 99 /* seconds; "idle" says enough of more */ };

static const struct rowfmt_field fields[] = {
    {"name", "Module", "the module's name"},
    {"idle", "Idle", "seconds since it last sent a message"},
    {"idle_abbrev", "Idle", "the same, but \"idle\" above 99"},
    {"status", "Status", "initializing, running, finalizing, exited"},
    {"status_abbrev", "S", "I, R, F, E"},
    {"sendqueue", "Sendq", "messages on their way to the module"},
    {"recvqueue", "Recvq", "messages not yet taken from it"},
    {"ranks", "Ranks", "where it is loaded, with --rank or --all-ranks"},
    {"service", "Service", "services beside its name"},
    {"services", "Services", "all of its services"},
    {"digest", "Digest", "SHA-1 of its file"},
    {"path", "Path", "its file, or \"builtin\""},
    {"kind", "Kind", "builtin, thread, process"},
    {"pid", "Pid", "process id"},
    {"loader", "Loader", "what loaded it into its process"},
    {"args", "Args", "its arguments"},
    {"restarts", "Restarts", "how often it was restarted"},
    {"on-failure", "On-failure", "what its failure leads to"},
    {NULL, NULL, NULL},
};

static const struct {
    const char *name, *about, *format;
} formats[] = {
    {"default", "what is shown without options",
     "{name:<25.25} {idle_abbrev:>4}  {status_abbrev} {sendqueue:>5} "
     "{recvqueue:>5} ?+:{ranks:<5} {service}"},
    {"long", "what --long shows",
     "{name:<25.25} {idle_abbrev:>4}  {status_abbrev} {sendqueue:>5} "
     "{recvqueue:>5} ?+:{ranks:<5} {service:<8.8+} ?:{digest:<12.12} "
     "?+:{on-failure:<10} ?:{restarts:>8} "
     "{path}"},
    {"deploy", "which build is where",
     "{name:<25.25} +:{ranks:<5h} {digest:<40h} {path}"},
    {"process", "modules as processes",
     "{name:<25.25} {kind:<7} {pid:>7h} {restarts:>8h} {on-failure:<14h} "
     "{loader:h}"},
};

/* ---- many lists become one -------------------------------------------------
 */

struct unique {
    json_t *entry;
    struct idset *ranks;
};

struct collection {
    struct cli *p;
    struct table *modules; /* by name and digest: struct unique */
};

static void unique_destroy(void *arg)
{
    struct unique *u = arg;

    json_decref(u->entry);
    idset_destroy(u->ranks);
    free(u);
}

static const char *string_of(json_t *entry, const char *key)
{
    const char *value = json_string_value(json_object_get(entry, key));

    return value ? value : "";
}

static json_int_t integer_of(json_t *entry, const char *key)
{
    return json_integer_value(json_object_get(entry, key));
}

/* New memory; a name has no NUL in it, and neither has the rest. */
static char *identity(json_t *entry)
{
    const char *digest = string_of(entry, "digest");

    return util_asprintf("%s\n%s", string_of(entry, "name"),
                         *digest ? digest : string_of(entry, "path"));
}

static int trouble(json_int_t status)
{
    static const int order[] = {[0] = 1, [1] = 0, [2] = 2, [3] = 3};

    return status >= 0 && status <= 3 ? order[status] : 4;
}

static void take_over(json_t *into, json_t *from, const char *key, bool wanted)
{
    json_t *value = json_object_get(from, key);

    if (wanted && value)
        json_object_set(into, key, value);
}

static void drop_if_different(json_t *into, json_t *from, const char *key)
{
    if (!json_equal(json_object_get(into, key), json_object_get(from, key)))
        json_object_del(into, key);
}

static void merge(json_t *into, json_t *from)
{
    static const char *const greatest[] = {"sendqueue", "recvqueue",
                                           "restarts"};

    take_over(into, from, "idle",
              integer_of(from, "idle") < integer_of(into, "idle"));
    take_over(into, from, "status",
              trouble(integer_of(from, "status")) >
                  trouble(integer_of(into, "status")));
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(greatest); i++)
        take_over(into, from, greatest[i],
                  integer_of(from, greatest[i]) >
                      integer_of(into, greatest[i]));
    drop_if_different(into, from, "pid");
}

static struct unique *add_unique(struct collection *c, const char *key)
{
    struct unique *u = calloc(1, sizeof(*u));

    if (!u || !(u->ranks = idset_create()) || table_set(c->modules, key, u) < 0)
        cli_die_errno(c->p, "module.list");
    return u;
}

static void add_entry(struct collection *c, uint32_t rank, json_t *entry)
{
    char *key = identity(entry);
    struct unique *u = key ? table_get(c->modules, key) : NULL;

    if (!key)
        cli_die_errno(c->p, "module.list");
    if (!u)
        u = add_unique(c, key);
    free(key);
    if (u->entry)
        merge(u->entry, entry);
    else if (!(u->entry = json_copy(entry)))
        cli_die_errno(c->p, "module.list");
    if (idset_add(u->ranks, rank) < 0)
        cli_die_errno(c->p, "module.list");
}

static int add_list(uint32_t rank, flux_future_t *f, void *arg)
{
    json_t *mods, *entry;
    size_t i;

    if (flux_rpc_get_unpack(f, "{s:o}", "mods", &mods) < 0)
        return -1;
    json_array_foreach(mods, i, entry) add_entry(arg, rank, entry);
    return 0;
}

static json_t *finish_collection(struct collection *c)
{
    json_t *mods = json_array();
    size_t pos = 0;
    struct unique *u;

    while ((u = table_next(c->modules, &pos, NULL, NULL))) {
        char *ranks = idset_encode(u->ranks, false);

        json_object_set_new(u->entry, "ranks", json_string(ranks));
        json_array_append(mods, u->entry);
        free(ranks);
    }
    table_destroy(c->modules);
    return json_pack("{s:o}", "mods", mods);
}

/* {"mods":[...]}; *failed: of how many ranks there is no list. */
static json_t *
list_ranks(struct cli *p, flux_t *h, struct idset *ranks, int *failed)
{
    struct collection c = {p, table_create(unique_destroy)};
    const struct ranks_call call = {
        .topic = "module.list",
        .timeout = RANKS_PATIENCE,
        .answer = add_list,
        .arg = &c,
    };

    if (!c.modules)
        cli_die_errno(p, "module.list");
    *failed = ranks_call(p, h, ranks, &call);
    return finish_collection(&c);
}

static json_t *list_here(struct cli *p, flux_t *h)
{
    flux_future_t *f = flux_rpc(h, "module.list", NULL, FLUX_NODEID_ANY, 0);
    json_t *answer = json_incref(cmd_json_get(p, f, "module.list"));

    flux_future_destroy(f);
    return answer;
}

/* ---- rows ------------------------------------------------------------------
 */

/* The strings of an array but `except`, in new memory. */
static char *join(json_t *strings, const char *except, const char *between)
{
    struct buf b = {0};
    size_t i;
    json_t *value;

    json_array_foreach(strings, i, value)
    {
        const char *s = json_string_value(value);

        if (!s || (except && strcmp(s, except) == 0))
            continue;
        buf_printf(&b, "%s%s", b.size ? between : "", s);
    }
    return buf_steal_string(&b);
}

static void set_joined(json_t *row,
                       const char *key,
                       json_t *strings,
                       const char *except,
                       const char *between)
{
    char *text = join(strings, except, between);

    json_object_set_new(row, key, json_string(text ? text : ""));
    free(text);
}

static void set_status(json_t *row, json_int_t status)
{
    static const char *const words[] = {"initializing", "running", "finalizing",
                                        "exited"};
    bool known = status >= 0 && status < (json_int_t)UTIL_ARRAY_SIZE(words);

    json_object_set_new(row, "status",
                        json_string(known ? words[status] : "unknown"));
    json_object_set_new(row, "status_abbrev",
                        json_stringn(known ? &"IRFE"[status] : "?", 1));
}

static void set_idle(json_t *row, json_int_t idle)
{
    json_object_set_new(row, "idle_abbrev",
                        idle > IDLE_SHOWN ? json_string("idle")
                                          : json_integer(idle));
}

/* An entry of module.list as the formats have it. */
static json_t *make_row(struct cli *p, json_t *entry)
{
    json_t *row = json_copy(entry);
    json_t *services = json_object_get(entry, "services");

    if (!json_is_object(entry) ||
        !json_is_string(json_object_get(entry, "name")))
        cli_die(p, "module.list: %s", flux_strerror(EPROTO));
    if (!row)
        cli_die_errno(p, "module.list");
    set_idle(row, integer_of(entry, "idle"));
    set_status(row, integer_of(entry, "status"));
    set_joined(row, "service", services, string_of(entry, "name"), ",");
    set_joined(row, "services", services, NULL, ",");
    set_joined(row, "args", json_object_get(entry, "args"), NULL, " ");
    return row;
}

static json_t *make_rows(struct cli *p, json_t *list)
{
    json_t *mods = json_object_get(list, "mods"), *entry;
    json_t *rows = json_array();
    size_t i;

    if (!json_is_array(mods))
        cli_die(p, "module.list: %s", flux_strerror(EPROTO));
    json_array_foreach(mods, i, entry)
        json_array_append_new(rows, make_row(p, entry));
    return rows;
}

/* ---- printing ------------------------------------------------------------ */

static int print_formats(void)
{
    puts("Formats:");
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(formats); i++)
        printf("  %-14s %s\n", formats[i].name, formats[i].about);
    puts("Fields:");
    for (const struct rowfmt_field *f = fields; f->name; f++)
        printf("  %-14s %s\n", f->name, f->about);
    return 0;
}

static const char *find_format(const char *name)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return formats[i].format;
    return name;
}

static struct rowfmt *chosen_format(struct cli *p)
{
    const char *otherwise = cli_count(p, "long") > 0 ? "long" : "default";
    const char *name = cli_get(p, "format", otherwise);
    const char *format = find_format(name);
    flux_error_t e;
    struct rowfmt *f;

    if (!strchr(format, '{'))
        cli_usage_die(p, "--format: no such format %s; -o help lists them",
                      name);
    if (!(f = rowfmt_create(format, fields, &e)))
        cli_usage_die(p, "--format: %s", e.text);
    return f;
}

static void print_rows(struct cli *p, struct rowfmt *f, json_t *rows)
{
    struct buf b = {0};
    size_t i;
    json_t *row;

    rowfmt_fit(f, rows);
    if (cli_count(p, "no-header") == 0)
        rowfmt_header(f, &b);
    json_array_foreach(rows, i, row) rowfmt_row(f, row, &b);
    if (b.failed)
        cli_die(p, "out of memory");
    fwrite(b.data, 1, b.size, stdout);
    buf_release(&b);
}

/* A file has a digest, a part of the broker has none. */
static bool lacks_digests(json_t *list)
{
    json_t *entry;
    size_t i;

    json_array_foreach(json_object_get(list, "mods"), i, entry)
    {
        if (strcmp(string_of(entry, "path"), "builtin") != 0)
            return !json_object_get(entry, "digest");
    }
    return false;
}

/* Whether digests were asked for by name, and the broker tells none. */
static bool misses_digests(struct cli *p, json_t *list)
{
    if (!strstr(find_format(cli_get(p, "format", "")), "{digest") ||
        !lacks_digests(list))
        return false;
    cli_warn(p, "this broker has no digests");
    return true;
}

static void print_list(struct cli *p, struct rowfmt *f, json_t *list)
{
    json_t *rows = make_rows(p, list);

    if (cli_count(p, "json") > 0)
        cmd_json_print(p, list);
    else
        print_rows(p, f, rows);
    json_decref(rows);
}

static void check_options(struct cli *p)
{
    if (cli_count(p, "json") > 0 &&
        (cli_count(p, "format") > 0 || cli_count(p, "long") > 0))
        cli_usage_die(p, "--json goes with neither --format nor --long");
    if (cli_count(p, "format") > 0 && cli_count(p, "long") > 0)
        cli_usage_die(p, "--format and --long exclude each other");
}

int cmd_list_run(struct cli *p)
{
    struct idset *ranks;
    struct rowfmt *format;
    int failed = 0;
    json_t *list;
    flux_t *h;

    check_options(p);
    if (strcmp(cli_get(p, "format", ""), "help") == 0)
        return print_formats();
    format = chosen_format(p);
    h = cli_open(p);
    ranks = ranks_parse(p, h);
    list = ranks ? list_ranks(p, h, ranks, &failed) : list_here(p, h);
    print_list(p, format, list);
    if (misses_digests(p, list))
        failed++;
    json_decref(list);
    idset_destroy(ranks);
    rowfmt_destroy(format);
    flux_close(h);
    return failed > 0 ? 1 : 0;
}

const struct cli_option cmd_list_options[] = {
    {'l', "long", CLI_NO_ARG, NULL,
     "Include digest and full DSO path for each module"},
    {'o', "format", CLI_ARG, "FORMAT",
     "Specify output format using Python's string format syntax, or a format "
     "by its name (FORMAT 'help': list them)"},
    {'n', "no-header", CLI_NO_ARG, NULL, "Suppress printing of header line"},
    RANKS_OPTION("Ask these broker ranks"),
    RANKS_ALL_OPTION,
    CMD_JSON_OPTION,
    CLI_OPTIONS_END,
};
