/* muster.h - when enough brokers are online, and the parent's state */
#ifndef MUSTER_H
#define MUSTER_H

#include "flux.h"

struct muster;

struct muster_callbacks {
    void (*quorum)(void *arg);                  /* rank 0: enough are online */
    void (*parent_state)(int state, void *arg); /* it has entered `state` */
    void *arg;
};

/* `h` is the broker's own handle; state-machine.monitor is served on it. */
struct muster *muster_create(flux_t *h,
                             uint32_t rank,
                             uint32_t quorum,
                             const struct muster_callbacks *callbacks);
void muster_destroy(struct muster *m);

/* This broker is ready to run: it joins those that are online. */
int muster_report(struct muster *m);
/* Follow the parent's states from now on. */
int muster_follow(struct muster *m);
/* This broker has entered `state`: its children hear of it. */
void muster_tell(struct muster *m, int state);
/* Rank 0: those online, as an idset. */
const char *muster_online(const struct muster *m);

#endif /* MUSTER_H */
