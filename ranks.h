/* ranks.h - one question to many brokers, all at once
 *
 * For options such as --rank=IDSET and --all-ranks.
 */
#ifndef RANKS_H
#define RANKS_H

#include "cli.h"
#include "idset.h"
#include "json.h"

#define RANKS_OPTIONS                                                       \
    {'r', "rank", CLI_ARG, "IDSET", "Ask these broker ranks"},              \
    {                                                                       \
        'a', "all-ranks", CLI_NO_ARG, NULL, "Ask all ranks of the instance" \
    }

/* The ranks that the options name, a new set; NULL if neither is given.  Dies
 * if they make no sense.
 */
struct idset *ranks_parse(struct cli *p, flux_t *h);

/* Send a request without payload to each rank, then call `cb` with each
 * answer, by rising rank.  One that does not answer in time, or answers with
 * an error, is named on stderr; how many these were.
 */
typedef void (*ranks_answer_f)(uint32_t rank, json_t *answer, void *arg);
int ranks_ask(struct cli *p,
              flux_t *h,
              const struct idset *ranks,
              const char *topic,
              ranks_answer_f cb,
              void *arg);

#endif /* RANKS_H */
