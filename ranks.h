/* ranks.h - one question to many brokers, all at once
 *
 * For options such as --rank=IDSET and --all-ranks.
 */
#ifndef RANKS_H
#define RANKS_H

#include "cli.h"
#include "idset.h"
#include "json.h"

/* Seconds for an answer from anywhere in the instance: a broker that is alive
 * takes milliseconds.
 */
#define RANKS_PATIENCE 1.

#define RANKS_ALL_OPTION                                                    \
    {                                                                       \
        'a', "all-ranks", CLI_NO_ARG, NULL, "Ask all ranks of the instance" \
    }
#define RANKS_OPTION(text)                  \
    {                                       \
        'r', "rank", CLI_ARG, "IDSET", text \
    }

/* The ranks that the options name, a new set; NULL if neither is given.  Dies
 * if they make no sense.  --rank may be an idset, or `all`.
 */
struct idset *ranks_parse(struct cli *p, flux_t *h);

struct ranks_call {
    const char *topic;
    const char *what; /* begins a complaint, as in "load hello"; or NULL */
    /* What an answer that takes its time is waited for, told at a terminal;
     * NULL: nothing is told.
     */
    const char *waiting;
    double timeout; /* seconds; < 0: none */
    bool plain;     /* reasons in the words of errno, not the answer's */
    /* The request's payload, which is taken; NULL where there is none. */
    json_t *(*payload)(uint32_t rank, void *arg);
    /* An answer is there; -1 with errno if it is a bad one, or an error.
     * NULL: any but an error will do.
     */
    int (*answer)(uint32_t rank, flux_future_t *f, void *arg);
    /* What is to be said behind the reason; or NULL. */
    const char *(*advice)(int errnum);
    void *arg;
};

/* Send a request to each rank, wait for all, and call `answer` by rising rank.
 * Those without a good answer are named on stderr and taken out of the set;
 * how many these were.  `ranks` NULL is the nearest broker, FLUX_NODEID_ANY.
 */
int ranks_call(struct cli *p,
               flux_t *h,
               struct idset *ranks,
               const struct ranks_call *call);

/* How many are asked. */
size_t ranks_count(const struct idset *ranks);

#endif /* RANKS_H */
