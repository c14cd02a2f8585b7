/* ranks.c - one question to many brokers, all at once
 *
 * The requests go out together, and all of them are waited for at once: a
 * thousand ranks that are down cost a second, as one does.  Answers are given
 * to the caller in the order of ranks, not in that of their arrival, so that
 * output does not depend on the weather.
 *
 * What always holds:
 * - A rank without an answer is named on stderr with the reason and counted;
 *   the others are not affected.
 * - An answer that is no JSON object counts as none.
 */
#include "ranks.h"

#include "util.h"

/* For an answer from anywhere in the instance: a broker that is alive takes
 * milliseconds.
 */
static const double PATIENCE = 1;

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
    if (all)
        return all_ranks(p, h);
    if (!text)
        return NULL;
    if (!(ranks = idset_decode(text)))
        cli_usage_die(p, "--rank: '%s' is not a set of ranks", text);
    if (idset_count(ranks) == 0)
        cli_usage_die(p, "--rank: no rank given");
    return ranks;
}

/* One that has ended, well or not. */
static void count_down(flux_future_t *f, void *arg)
{
    size_t *left = arg;

    if (--*left == 0)
        flux_reactor_stop(flux_future_get_reactor(f));
}

static flux_future_t **send_all(struct cli *p,
                                flux_t *h,
                                const struct idset *ranks,
                                const char *topic,
                                size_t *left)
{
    flux_future_t **futures = calloc(*left, sizeof(*futures)), **f = futures;
    uint32_t rank = idset_next(ranks, 0);

    if (!futures)
        cli_die_errno(p, "%s", topic);
    for (; rank != IDSET_NONE; rank = idset_next(ranks, rank + 1), f++)
        if (!(*f = flux_rpc(h, topic, NULL, rank, 0)) ||
            flux_future_then(*f, PATIENCE, count_down, left) < 0)
            cli_die_errno(p, "%s", topic);
    return futures;
}

static const char *reason(flux_future_t *f)
{
    if (errno == ETIMEDOUT)
        return "no answer within a second";
    return future_strerror(f, errno);
}

/* Whether there is an answer; if not that is told. */
static bool take_answer(struct cli *p,
                        flux_future_t *f,
                        uint32_t rank,
                        ranks_answer_f cb,
                        void *arg)
{
    json_t *answer;

    if (flux_rpc_get_unpack(f, "o", &answer) < 0) {
        cli_warn(p, "rank %lu: %s", (unsigned long)rank, reason(f));
        return false;
    }
    cb(rank, answer, arg);
    return true;
}

int ranks_ask(struct cli *p,
              flux_t *h,
              const struct idset *ranks,
              const char *topic,
              ranks_answer_f cb,
              void *arg)
{
    size_t left = idset_count(ranks);
    flux_future_t **futures = send_all(p, h, ranks, topic, &left),
                  **f = futures;
    uint32_t rank = idset_next(ranks, 0);
    int failed = 0;

    if (flux_reactor_run(flux_get_reactor(h), 0) < 0)
        cli_die_errno(p, "%s", topic);
    for (; rank != IDSET_NONE; rank = idset_next(ranks, rank + 1), f++) {
        failed += !take_answer(p, *f, rank, cb, arg);
        flux_future_destroy(*f);
    }
    free(futures);
    return failed;
}
