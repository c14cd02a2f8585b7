/* modprobe_run.h - carry out a plan: load or remove modules, side by side */
#ifndef MODPROBE_RUN_H
#define MODPROBE_RUN_H

#include "modprobe_order.h"

struct modprobe_how {
    bool removing;
    bool dry_run; /* say what would be done, do nothing; `h` may be NULL */
    bool verbose; /* say what is begun and what is done */
    double force_after; /* removing: seconds until it is forced, 0: never */
    bool timing; /* at the end, say when each began and how long it took */
    FILE *out;
};

/* Modules that wait for nothing are asked for at once, the others as soon as
 * all that they wait for is done.  After a failure nothing more is begun, but
 * what was begun is waited for.  Each failure is told on stderr as
 * "NAME: [Errno N] the broker's reason", a module that was forced in words.
 * -1 if there was one.
 */
int modprobe_run(flux_t *h,
                 const struct modprobe_plan *plan,
                 const struct modprobe_how *how);

#endif /* MODPROBE_RUN_H */
