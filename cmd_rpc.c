/* cmd_rpc.c - flux-rpc(1): send one request, print what is answered
 *
 *     flux rpc [-r RANK] [-s] [-n] [-R] TOPIC [JSON]
 *
 * The smallest client there can be, for trying out a service by hand and for
 * scripts: the request's payload is an argument, each response's payload is a
 * line of stdout.
 *
 * What always holds:
 * - Payloads are printed as they came, not read and written again, so the
 *   bytes are the service's own.
 * - A response without payload is an empty success and prints nothing.
 * - JSON that is none, or no object, is told before anything is sent; with
 *   --raw, payloads are any bytes: sent without a NUL, printed as they are.
 * - A streaming request goes on until the service ends it: with ENODATA,
 *   which is success, or with an error.
 * - A request that goes to many ranks goes to all of them at once; what they
 *   answer is printed by rank, each in front of it.
 * - An error is "flux-rpc: TOPIC: reason", the service's own words where it
 *   gave some, and status 1.
 */
#include "cli.h"

#include "json.h"
#include "ranks.h"

static void check_json(struct cli *p, const char *text)
{
    json_error_t e;
    json_t *json = json_loads(text, 0, &e);

    if (!json)
        cli_die(p, "invalid JSON: %s", e.text);
    if (!json_is_object(json))
        cli_die(p, "invalid JSON: a payload has to be an object");
    json_decref(json);
}

static flux_future_t *send_request(struct cli *p, flux_t *h, uint32_t rank)
{
    char **argv = cli_argv(p);
    int flags = 0;

    if (cli_count(p, "streaming"))
        flags |= FLUX_RPC_STREAMING;
    if (cli_count(p, "noresponse"))
        flags |= FLUX_RPC_NORESPONSE;
    if (!cli_count(p, "raw"))
        return flux_rpc(h, argv[0], argv[1], rank, flags);
    return flux_rpc_raw(h, argv[0], argv[1], argv[1] ? strlen(argv[1]) : 0,
                        rank, flags);
}

static int print_raw(flux_future_t *f)
{
    const void *data;
    size_t size;

    if (flux_rpc_get_raw(f, &data, &size) < 0)
        return -1;
    if (data && size > 0)
        fwrite(data, 1, size, stdout);
    return 0;
}

static int print_json(flux_future_t *f)
{
    const char *text;

    if (flux_rpc_get(f, &text) < 0)
        return -1;
    if (text)
        puts(text);
    return 0;
}

static int print_response(struct cli *p, flux_future_t *f)
{
    int rc = cli_count(p, "raw") ? print_raw(f) : print_json(f);

    fflush(stdout);
    return rc;
}

static void print_responses(struct cli *p, flux_future_t *f, const char *topic)
{
    bool streaming = cli_count(p, "streaming") > 0;

    while (print_response(p, f) == 0) {
        if (!streaming)
            return;
        flux_future_reset(f);
    }
    if (!streaming || errno != ENODATA)
        cli_die(p, "%s: %s", topic, future_strerror(f, errno));
}

/* ---- many ranks -----------------------------------------------------------
 */

static json_t *payload_for(uint32_t rank, void *arg)
{
    const char *text = arg;

    (void)rank;
    return text ? json_loads(text, 0, NULL) : NULL;
}

static int print_labelled(uint32_t rank, flux_future_t *f, void *arg)
{
    const char *text;

    (void)arg;
    if (flux_rpc_get(f, &text) < 0)
        return -1;
    if (text)
        printf("%u: %s\n", (unsigned)rank, text);
    return 0;
}

static int ask_ranks(struct cli *p, flux_t *h, struct idset *ranks)
{
    const struct ranks_call call = {.topic = cli_argv(p)[0],
                                    .what = cli_argv(p)[0],
                                    .waiting = "answers",
                                    .timeout = -1.,
                                    .payload = payload_for,
                                    .answer = print_labelled,
                                    .arg = cli_argv(p)[1]};
    int failed;

    if (cli_count(p, "streaming") || cli_count(p, "noresponse") ||
        cli_count(p, "raw"))
        cli_usage_die(p, "--streaming, --noresponse, --raw go to one rank");
    failed = ranks_call(p, h, ranks, &call);
    idset_destroy(ranks);
    flux_close(h);
    return failed > 0;
}

/* A set of more than one rank; NULL if it is one, or none in particular. */
static struct idset *many_ranks(struct cli *p, flux_t *h)
{
    const char *text = cli_get(p, "rank", "any");
    struct idset *ranks;

    if (strcmp(text, "any") == 0 || strcmp(text, "upstream") == 0)
        return NULL;
    ranks = ranks_parse(p, h);
    if (idset_count(ranks) > 1)
        return ranks;
    idset_destroy(ranks);
    return NULL;
}

static void check_options(struct cli *p)
{
    if (cli_count(p, "streaming") && cli_count(p, "noresponse"))
        cli_usage_die(p, "--streaming and --noresponse exclude each other");
    if (cli_argc(p) > 1 && !cli_count(p, "raw"))
        check_json(p, cli_argv(p)[1]);
}

static int run_rpc(struct cli *p)
{
    const char *topic = cli_argv(p)[0];
    struct idset *ranks;
    flux_future_t *f;
    flux_t *h;

    check_options(p);
    h = cli_open(p);
    if ((ranks = many_ranks(p, h)))
        return ask_ranks(p, h, ranks);
    if (!(f = send_request(p, h, cli_rank(p, "rank", FLUX_NODEID_ANY))))
        cli_die_errno(p, "%s", topic);
    if (!cli_count(p, "noresponse"))
        print_responses(p, f, topic);
    flux_future_destroy(f);
    flux_close(h);
    return 0;
}

static const struct cli_option options[] = {
    {'r', "rank", CLI_ARG, "RANK",
     "Send the request to this broker rank, or to each of a set"},
    {'s', "streaming", CLI_NO_ARG, NULL,
     "Print responses until the service ends the stream"},
    {'n', "noresponse", CLI_NO_ARG, NULL, "Do not ask for a response"},
    {'R', "raw", CLI_NO_ARG, NULL, "Payloads are bytes, not JSON"},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_rpc = {
    .name = "flux-rpc",
    .arguments = "[OPTIONS] TOPIC [JSON]",
    .summary = "Send a request and print each response",
    .options = options,
    .run = run_rpc,
    .min_args = 1,
    .max_args = 2,
};
