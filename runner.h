/* runner.h - a command that the broker runs: rc1, the initial program, rc3 */
#ifndef RUNNER_H
#define RUNNER_H

#include "flux.h"

struct runner;

/* `rc` is the exit code as a shell counts it (128 + signal). */
typedef void (*runner_done_f)(struct runner *r, int rc, void *arg);

enum {
    RUNNER_OWN_GROUP = 1, /* a process group of its own */
    RUNNER_NO_INPUT = 2,  /* stdin is /dev/null: what is there is another's */
    RUNNER_LOG = 4,       /* stdout is logged at level info, stderr at err */
};

/* Start `argv` (copied).  It dies when the broker does.  How it ended is
 * logged on `h` as "NAME: COMMAND Exited (rc=N) T", at level err if N is not 0.
 * One that was sent a signal and still ends with 0 is taken for failed.
 */
struct runner *runner_create(flux_t *h,
                             const char *name,
                             char *const argv[],
                             int flags,
                             runner_done_f done,
                             void *arg);
void runner_destroy(struct runner *r); /* kills it if it still runs */
int runner_kill(struct runner *r, int signum);

#endif /* RUNNER_H */
