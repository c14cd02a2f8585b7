/* overlay_health.h - how the subtrees below this broker are */
#ifndef OVERLAY_HEALTH_H
#define OVERLAY_HEALTH_H

#include "topology.h"

/* Of a subtree, as its parent sees it.  Numbers go over the wire between
 * brokers of one instance, and nowhere else.
 */
enum overlay_status {
    OVERLAY_FULL,     /* there, and so are all below it */
    OVERLAY_PARTIAL,  /* some below it are offline */
    OVERLAY_OFFLINE,  /* not there yet, or has left in order */
    OVERLAY_DEGRADED, /* some below it are lost */
    OVERLAY_LOST,     /* has gone without a word */
    OVERLAY_STATUS_COUNT,
};

struct overlay_health;

/* `changed` is called when the status of this broker's own subtree has. */
struct overlay_health *
overlay_health_create(const struct topology *t,
                      uint32_t rank,
                      void (*changed)(enum overlay_status own, void *arg),
                      void *arg);
void overlay_health_destroy(struct overlay_health *o);

enum overlay_status overlay_health_own(const struct overlay_health *o);
enum overlay_status overlay_health_child(const struct overlay_health *o,
                                         uint32_t rank);
/* `error` says why, in static memory; NULL: there is nothing to say. */
void overlay_health_set(struct overlay_health *o,
                        uint32_t rank,
                        enum overlay_status status,
                        const char *error);

/* The methods overlay.health and overlay.monitor: answer, and answer again
 * after each change if the request is streaming.
 */
void overlay_health_get(struct overlay_health *o,
                        flux_t *h,
                        const flux_msg_t *msg);
void overlay_health_monitor(struct overlay_health *o,
                            flux_t *h,
                            const flux_msg_t *msg);
/* A client has gone; NULL: forget all of them. */
void overlay_health_disconnect(struct overlay_health *o, const flux_msg_t *msg);

#endif /* OVERLAY_HEALTH_H */
