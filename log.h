/* log.h - the broker's log: ring, stderr, file, syslog (flux-broker(1)) */
#ifndef LOG_H
#define LOG_H

#include "attr.h"
#include "router.h"

struct log;

/* Reads and watches the log-* attributes of `attrs` (adding those that have
 * no value yet), and makes `h`, the broker's own handle, log here.
 */
struct log *log_create(flux_t *h,
                       struct router *router,
                       struct attr_set *attrs,
                       flux_error_t *e);
void log_destroy(struct log *l);

/* One RFC 5424 line, from this rank or another. */
void log_append(struct log *l, const char *line, size_t size);

/* Serve log.append, log.dmesg, log.clear and log.stats-get on `h`. */
int log_serve(struct log *l, flux_t *h);

#endif /* LOG_H */
