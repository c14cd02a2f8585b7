/* onfailure.h - what to do when a module fails at run time */
#ifndef ONFAILURE_H
#define ONFAILURE_H

#include "flux.h"

enum onfailure_action {
    ONFAILURE_DEFAULT, /* as broker.module-nopanic says */
    ONFAILURE_PANIC,
    ONFAILURE_LOG,
    ONFAILURE_RESTART,
};

enum {
    ONFAILURE_TIMES_MAX = 100, /* restarts that are remembered */
    ONFAILURE_TEXT_SIZE = 48,
};

struct onfailure {
    enum onfailure_action action;
    int times;      /* with RESTART: at most so many of them ... */
    double seconds; /* ... in so long */
};

/* "panic", "log", "restart", "restart:N", "restart:N/SECONDS" (a duration);
 * NULL is the default.  -1 with EINVAL and a text.
 */
int onfailure_parse(const char *text, struct onfailure *o, flux_error_t *e);
/* The same text again; "" for the default. */
void onfailure_format(const struct onfailure *o,
                      char text[ONFAILURE_TEXT_SIZE]);

/* The restarts of one module; all zero at first. */
struct onfailure_history {
    double when[ONFAILURE_TIMES_MAX];
    int count; /* of those in the window */
    int total;
};

/* Seconds from `now` to the next restart, which is entered in the history; or
 * -1 if there have been too many.
 */
double onfailure_delay(const struct onfailure *o,
                       struct onfailure_history *history,
                       double now);

#endif /* ONFAILURE_H */
