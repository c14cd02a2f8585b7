/* attr.h - broker attributes (RFC 3's attr service, flux-broker-attributes(7))
 *
 * The rules of each known name stand in one table in attr.c: whether it may
 * be set on the command line, whether while the broker runs, and whether its
 * value never changes, so that clients may cache it.
 */
#ifndef ATTR_H
#define ATTR_H

#include "flux.h"
#include "json.h"

struct attr_set;

struct attr_set *attr_create(void);
void attr_destroy(struct attr_set *s);

/* The broker's own hand: no rules apply.  A NULL value removes.  Default: if
 * it has no value.
 */
int attr_put(struct attr_set *s, const char *name, const char *value);
int attr_default(struct attr_set *s, const char *name, const char *value);
int attr_putf(struct attr_set *s, const char *name, const char *fmt, ...)
    FLUX_PRINTF(3, 4);
const char *attr_value(struct attr_set *s, const char *name); /* or NULL */

/* `NAME=VALUE` of the command line (a lone NAME is set to ""). */
int attr_command_line(struct attr_set *s, const char *arg, flux_error_t *e);

/* Called before an attribute whose name begins with `prefix` changes while
 * the broker runs; it can refuse with a text.
 */
typedef int (*attr_check_f)(const char *name,
                            const char *value,
                            void *arg,
                            flux_error_t *e);
void attr_watch(struct attr_set *s,
                const char *prefix,
                attr_check_f check,
                void *arg);

/* Seconds that an attribute which is a duration allows, 0: no limit. */
double attr_limit(struct attr_set *s, const char *name);

/* JSON text, an object of those whose values never change, for `welcome`; valid
 * until an attribute is set.
 */
const char *attr_cacheable(struct attr_set *s);

/* Serve attr.get, attr.set, attr.rm and attr.list on `h`. */
int attr_serve(struct attr_set *s, flux_t *h);

#endif /* ATTR_H */
