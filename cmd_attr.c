/* cmd_attr.c - flux getattr, setattr, lsattr: the broker's attributes
 *
 * An attribute is a name with a text value, local to one broker; see
 * flux-broker-attributes(7).  Each of the three commands is one question and
 * one answer on stdout, without decoration, so that $(flux getattr NAME) is
 * the value.
 *
 * What always holds:
 * - A value that is refused is told in the broker's own words ("attribute may
 *   not be updated"), one that is not there in those of errno.
 * - lsattr sorts by name: the broker lists its attributes in no order.  With
 *   --values it asks for each of them; one without a value is shown as "-".
 * - getattr --json prints the broker's answer as it is: value and flags.
 * - getattr --rank names the rank in front of each value where it asks for
 *   more than one, and as a key in each answer.
 * - Nothing is cached from one run to the next.
 */
#include "cli.h"
#include "cmd_json.h"
#include "ranks.h"

static int print_json(struct cli *p, flux_t *h, const char *name)
{
    flux_future_t *f =
        flux_rpc_pack(h, "attr.get", FLUX_NODEID_ANY, 0, "{s:s}", "name", name);

    cmd_json_print(p, cmd_json_get(p, f, name));
    flux_future_destroy(f);
    flux_close(h);
    return 0;
}

struct question {
    const char *name;
    bool labelled;
    json_t *answers; /* with --json; else NULL */
};

static json_t *question_payload(uint32_t rank, void *arg)
{
    const struct question *q = arg;

    (void)rank;
    return json_pack("{s:s}", "name", q->name);
}

static int print_answer(uint32_t rank, flux_future_t *f, void *arg)
{
    struct question *q = arg;
    const char *value;
    json_t *answer;

    if (flux_rpc_get_unpack(f, "o", &answer) < 0 ||
        json_unpack(answer, "{s:s}", "value", &value) < 0)
        return -1;
    if (q->answers) {
        json_object_set_new(answer, "rank", json_integer(rank));
        json_array_append(q->answers, answer);
    } else if (q->labelled)
        printf("%u: %s\n", (unsigned)rank, value);
    else
        puts(value);
    return 0;
}

/* How many ranks have not answered. */
static int ask_ranks(struct cli *p, flux_t *h, struct idset *ranks)
{
    struct question q = {cli_argv(p)[0], ranks_count(ranks) > 1, NULL};
    const struct ranks_call call = {.topic = "attr.get",
                                    .what = q.name,
                                    .timeout = RANKS_PATIENCE,
                                    .payload = question_payload,
                                    .answer = print_answer,
                                    .arg = &q};
    int failed;

    if (cli_count(p, "json") > 0)
        q.answers = json_array();
    failed = ranks_call(p, h, ranks, &call);
    if (q.answers)
        cmd_json_print(p, q.answers);
    json_decref(q.answers);
    return failed;
}

static int run_getattr(struct cli *p)
{
    const char *name = cli_argv(p)[0];
    flux_t *h = cli_open(p);
    struct idset *ranks = ranks_parse(p, h);
    const char *value;

    if (ranks) {
        int failed = ask_ranks(p, h, ranks);

        idset_destroy(ranks);
        flux_close(h);
        return failed > 0;
    }
    if (cli_count(p, "json") > 0)
        return print_json(p, h, name);
    if (!(value = flux_attr_get(h, name)))
        cli_die_errno(p, "%s", name);
    puts(value);
    flux_close(h);
    return 0;
}

static int run_setattr(struct cli *p)
{
    const char *name = cli_argv(p)[0], *value = cli_argv(p)[1];
    bool force = cli_count(p, "force") > 0;
    flux_t *h = cli_open(p);
    flux_error_t e = {""};

    if (flux_attr_set_ex(h, name, value, force, &e) < 0)
        cli_die(p, "%s: %s", name, *e.text ? e.text : flux_strerror(errno));
    flux_close(h);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The strings of `array`, sorted, in new memory; they belong to `array`. */
static const char **sorted_strings(json_t *array)
{
    size_t count = json_array_size(array);
    const char **names = calloc(count + 1, sizeof(names[0]));

    if (!names)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(array, i));

        names[i] = name ? name : "";
    }
    qsort(names, count, sizeof(names[0]), compare_names);
    return names;
}

static void print_value(flux_t *h, const char *name)
{
    const char *value = flux_attr_get(h, name);

    printf("%-39s %s\n", name, value ? value : "-");
}

static int run_lsattr(struct cli *p)
{
    flux_t *h = cli_open(p);
    flux_future_t *f = flux_rpc(h, "attr.list", NULL, FLUX_NODEID_ANY, 0);
    const char **names = NULL;
    json_t *array;

    cli_wait(p, f, "attr.list");
    if (flux_rpc_get_unpack(f, "{s:o}", "names", &array) < 0 ||
        !(names = sorted_strings(array)))
        cli_die_errno(p, "attr.list");
    for (size_t i = 0; names[i]; i++)
        if (cli_count(p, "values") > 0)
            print_value(h, names[i]);
        else
            puts(names[i]);
    free(names);
    flux_future_destroy(f);
    flux_close(h);
    return 0;
}

static const struct cli_option getattr_options[] = {
    RANKS_OPTION("Get it from these broker ranks"),
    CMD_JSON_OPTION,
    CLI_OPTIONS_END,
};

static const struct cli_option setattr_options[] = {
    {'f', "force", CLI_NO_ARG, NULL,
     "force update of attribute that doesn't support runtime changes"},
    CLI_OPTIONS_END,
};

static const struct cli_option lsattr_options[] = {
    {'v', "values", CLI_NO_ARG, NULL, "List values with attributes"},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_getattr = {
    .name = "flux-getattr",
    .arguments = "name",
    .summary = "Get broker attribute",
    .options = getattr_options,
    .run = run_getattr,
    .min_args = 1,
    .max_args = 1,
};

const struct cli_command cmd_setattr = {
    .name = "flux-setattr",
    .arguments = "name value",
    .summary = "Set broker attribute",
    .options = setattr_options,
    .run = run_setattr,
    .min_args = 2,
    .max_args = 2,
};

const struct cli_command cmd_lsattr = {
    .name = "flux-lsattr",
    .arguments = "[-v]",
    .summary = "List broker attributes",
    .options = lsattr_options,
    .run = run_lsattr,
};
