/* state.h - the broker's states, from load-builtins to exit (flux-broker(1)) */
#ifndef STATE_H
#define STATE_H

#include "attr.h"
#include "config.h"
#include "groups.h"
#include "module.h"
#include "overlay.h"

struct state_machine;

/* What the states drive; all of it outlives the machine. */
struct state_parts {
    flux_t *h;
    struct attr_set *attrs;
    struct module_set *modules;
    struct config *config;
    struct groups *groups;
    struct overlay *overlay;
    const struct topology *topology;
    uint32_t rank;
    char *const *command; /* the initial program's argv; NULL for none */
    /* Whether `flux modprobe rc1` (or rc3) would find anything to do, loaded
     * modules aside.
     */
    bool (*has_rc)(const char *rc);
};

struct state_machine *state_create(const struct state_parts *parts);
void state_destroy(struct state_machine *s);

/* Begin; the reactor is stopped when the state `exit` is reached.  -1 if this
 * broker cannot listen for its children.
 */
int state_start(struct state_machine *s, flux_error_t *e);
int state_exit_code(struct state_machine *s);

/* A fatal condition: end in order, with exit code 1. */
void state_panic(struct state_machine *s);

/* Serve state-machine.get on `h`. */
int state_serve(struct state_machine *s);

#endif /* STATE_H */
