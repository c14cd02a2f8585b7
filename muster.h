/* muster.h - which brokers are online, and what state the parent is in */
#ifndef MUSTER_H
#define MUSTER_H

#include "flux.h"

struct muster;

struct muster_callbacks {
    void (*quorum)(void *arg);                  /* rank 0: enough are online */
    void (*parent_state)(int state, void *arg); /* it has entered `state` */
    void *arg;
};

/* `h` is the broker's own handle; state-machine.monitor, state-machine.online
 * and groups.get (of broker.online) are served on it.
 */
struct muster *muster_create(flux_t *h,
                             uint32_t rank,
                             uint32_t size,
                             uint32_t quorum,
                             const struct muster_callbacks *callbacks);
void muster_destroy(struct muster *m);

/* This broker is ready to run: counted on rank 0. */
int muster_report(struct muster *m);
/* Follow the parent's states from now on. */
int muster_follow(struct muster *m);
/* This broker has entered `state`: its children hear of it. */
void muster_tell(struct muster *m, int state);
/* Those online, as an idset; new memory. */
char *muster_online(const struct muster *m);

#endif /* MUSTER_H */
