/* ranks.c - one question to many brokers, all at once
 *
 * The requests go out together, and all of them are waited for at once: a
 * thousand ranks that are down cost a second, as one does.  Answers are given
 * to the caller in the order of ranks, not in that of their arrival, so that
 * output does not depend on the weather.
 *
 * No set of ranks stands for the nearest broker, so that a command with and
 * one without --rank take the same way; then no rank is named.
 *
 * What always holds:
 * - A rank without a good answer is named on stderr with the reason and
 *   counted; the others are not affected.
 * - Whoever waits at a terminal for longer than RANKS_PATIENCE is told for
 *   what, if the caller has a word for it, and for which ranks.
 */
#include "ranks.h"

#include <unistd.h>

#include "util.h"

struct question {
    struct cli *p;
    flux_t *h;
    const struct ranks_call *call;
    struct idset *ranks; /* or NULL */
    size_t count;
    uint32_t *rank; /* of each future */
    flux_future_t **futures;
    size_t left; /* without an answer */
};

static struct idset *all_ranks(struct cli *p, flux_t *h)
{
    struct idset *ranks = idset_create();
    uint32_t size;

    if (!ranks || flux_get_size(h, &size) < 0)
        cli_die_errno(p, "size");
    for (uint32_t rank = 0; rank < size; rank++)
        if (idset_add(ranks, rank) < 0)
            cli_die_errno(p, "%lu ranks", (unsigned long)size);
    return ranks;
}

struct idset *ranks_parse(struct cli *p, flux_t *h)
{
    const char *text = cli_get(p, "rank", NULL);
    bool all = cli_count(p, "all-ranks") > 0;
    struct idset *ranks;

    if (text && all)
        cli_usage_die(p, "--rank and --all-ranks exclude each other");
    if (all || (text && strcmp(text, "all") == 0))
        return all_ranks(p, h);
    if (!text)
        return NULL;
    if (!(ranks = idset_decode(text)))
        cli_usage_die(p, "--rank: '%s' is not a set of ranks", text);
    if (idset_count(ranks) == 0)
        cli_usage_die(p, "--rank: no rank given");
    return ranks;
}

size_t ranks_count(const struct idset *ranks)
{
    return ranks ? idset_count(ranks) : 1;
}

/* ---- requests --------------------------------------------------------------
 */

/* One that has ended, well or not. */
static void count_down(flux_future_t *f, void *arg)
{
    struct question *q = arg;

    if (--q->left == 0)
        flux_reactor_stop(flux_future_get_reactor(f));
}

static void ask(struct question *q, size_t i)
{
    const struct ranks_call *c = q->call;
    json_t *o = c->payload ? c->payload(q->rank[i], c->arg) : NULL;

    q->futures[i] = o ? flux_rpc_pack(q->h, c->topic, q->rank[i], 0, "o", o)
                      : flux_rpc(q->h, c->topic, NULL, q->rank[i], 0);
    if (!q->futures[i] ||
        flux_future_then(q->futures[i], c->timeout, count_down, q) < 0)
        cli_die_errno(q->p, "%s", c->topic);
}

static void ask_all(struct question *q)
{
    uint32_t rank = q->ranks ? idset_next(q->ranks, 0) : FLUX_NODEID_ANY;

    q->left = q->count = ranks_count(q->ranks);
    q->rank = calloc(q->count + 1, sizeof(*q->rank));
    q->futures = calloc(q->count + 1, sizeof(*q->futures));
    if (!q->rank || !q->futures)
        cli_die_errno(q->p, "%s", q->call->topic);
    for (size_t i = 0; i < q->count; i++) {
        q->rank[i] = rank;
        ask(q, i);
        rank = q->ranks ? idset_next(q->ranks, rank + 1) : rank;
    }
}

/* ---- patience --------------------------------------------------------------
 */

/* " rank 1,3", the ones without an answer; new memory. */
static char *name_slow(const struct question *q)
{
    struct idset *slow = idset_create();
    char *ids, *text;

    for (size_t i = 0; slow && i < q->count; i++)
        if (!flux_future_is_ready(q->futures[i]))
            idset_add(slow, q->rank[i]);
    ids = slow ? idset_encode(slow, false) : NULL;
    text = util_asprintf(" on rank %s", ids ? ids : "?");
    free(ids);
    idset_destroy(slow);
    return text;
}

static void
tell_waiter(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct question *q = arg;
    char *slow = q->ranks ? name_slow(q) : NULL;

    (void)r;
    (void)w;
    (void)revents;
    cli_warn(q->p, "%s%swaiting for the module%s to %s",
             q->call->what ? q->call->what : "", q->call->what ? ": " : "",
             slow ? slow : "", q->call->waiting);
    free(slow);
}

static void wait_for_all(struct question *q)
{
    flux_reactor_t *r = flux_get_reactor(q->h);
    flux_watcher_t *w = NULL;

    if (q->call->waiting && isatty(STDERR_FILENO))
        w = flux_timer_watcher_create(r, RANKS_PATIENCE, 0, tell_waiter, q);
    flux_watcher_start(w);
    if (q->left > 0 && flux_reactor_run(r, 0) < 0)
        cli_die_errno(q->p, "%s", q->call->topic);
    flux_watcher_destroy(w);
}

/* ---- answers ---------------------------------------------------------------
 */

static const char *
reason(const struct ranks_call *c, flux_future_t *f, int errnum)
{
    if (errnum == ETIMEDOUT && c->timeout >= 0)
        return "no answer within a second";
    return c->plain ? flux_strerror(errnum) : future_strerror(f, errnum);
}

static void complain(struct question *q, size_t i, int errnum)
{
    const struct ranks_call *c = q->call;
    const char *advice = c->advice ? c->advice(errnum) : NULL;
    char rank[32] = "";

    if (q->ranks)
        snprintf(rank, sizeof(rank), "rank %lu: ", (unsigned long)q->rank[i]);
    cli_warn(q->p, "%s%s%s%s%s", c->what ? c->what : "", c->what ? ": " : "",
             rank, reason(c, q->futures[i], errnum), advice ? advice : "");
    if (q->ranks)
        idset_remove(q->ranks, q->rank[i]);
}

static bool take_answer(struct question *q, size_t i)
{
    const struct ranks_call *c = q->call;
    flux_future_t *f = q->futures[i];
    int rc =
        c->answer ? c->answer(q->rank[i], f, c->arg) : flux_future_get(f, NULL);

    if (rc < 0)
        complain(q, i, errno);
    return rc == 0;
}

int ranks_call(struct cli *p,
               flux_t *h,
               struct idset *ranks,
               const struct ranks_call *call)
{
    struct question q = {.p = p, .h = h, .call = call, .ranks = ranks};
    int failed = 0;

    ask_all(&q);
    wait_for_all(&q);
    for (size_t i = 0; i < q.count; i++) {
        failed += !take_answer(&q, i);
        flux_future_destroy(q.futures[i]);
    }
    free(q.futures);
    free(q.rank);
    return failed;
}
