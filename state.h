/* state.h - the broker's states, from load-builtins to exit (flux-broker(1)) */
#ifndef STATE_H
#define STATE_H

#include "attr.h"
#include "module.h"

struct state_machine;

/* `command` is the initial program's argv (copied), NULL for none. */
struct state_machine *state_create(flux_t *h,
                                   struct attr_set *attrs,
                                   struct module_set *modules,
                                   char *const command[]);
void state_destroy(struct state_machine *s);

/* Begin; the reactor is stopped when the state `exit` is reached. */
void state_start(struct state_machine *s);
int state_exit_code(struct state_machine *s);

/* A fatal condition: end in order, with exit code 1. */
void state_panic(struct state_machine *s);

/* Serve state-machine.get on `h`. */
int state_serve(struct state_machine *s);

#endif /* STATE_H */
