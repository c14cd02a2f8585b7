/* session.h - a client's connection to whatever a row is measured on */
#ifndef SESSION_H
#define SESSION_H

#include <stdint.h>

#include "exchange.h"
#include "floor.h"
#include "rows.h"

struct session {
    struct exchange x;
    struct floor floor;
    pid_t service; /* behind dbus-broker, else 0 */
};

/* Ready to exchange requests of `topic` with `size` bytes of JSON; the same
 * number of bytes through a floor of that shape, `ECHO` to redis, a call of a
 * process behind dbus-broker.
 */
int session_open(struct session *s,
                 const struct target *t,
                 const char *topic,
                 int size,
                 int shape);
/* The same with a broker's own request to one rank of it. */
int session_open_rank(struct session *s,
                      const struct target *t,
                      const char *topic,
                      int size,
                      uint32_t rank);
void session_close(struct session *s);

/* A sender and `count` receivers of an event, or of what is like it. */
struct session_fan {
    struct fan fan;
    struct floor floor;
};
int session_fan_open(struct session_fan *s, const struct target *t, int count);
void session_fan_close(struct session_fan *s);

#endif /* SESSION_H */
