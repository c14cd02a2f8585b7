/* modprobe_order.h - what is loaded or removed, and what waits for what */
#ifndef MODPROBE_ORDER_H
#define MODPROBE_ORDER_H

#include "modprobe.h"

/* Some modules of one model, each once.  As long as the model. */
struct modprobe_set {
    struct modprobe_module **items;
    size_t count;
};

/* Empty, with room for all modules of `mp`; -1 with ENOMEM. */
int modprobe_order_init(struct modprobe_set *set, const struct modprobe *mp);
void modprobe_order_release(struct modprobe_set *set);
void modprobe_order_add(struct modprobe_set *set, struct modprobe_module *m);
bool modprobe_order_has(const struct modprobe_set *set,
                        const struct modprobe_module *m);

/* Add what stands for `service` and all that it requires.  Modules that are
 * not enabled are left out, and what they require, unless `force`.
 */
int modprobe_order_require(const struct modprobe *mp,
                           struct modprobe_set *set,
                           const char *service,
                           bool force,
                           flux_error_t *e);

/* What starts with an instance when no rc1.py says otherwise: each module
 * that provides no service, each that stands for one, and what they require;
 * without those that need what is not among them.
 */
int modprobe_order_default(const struct modprobe *mp,
                           struct modprobe_set *set,
                           flux_error_t *e);

/* Leave out all that are loaded. */
void modprobe_order_drop_loaded(struct modprobe_set *set);

/* Add those among the loaded that nothing will require when `set`, all of
 * them loaded, is gone, and that something in it did.  -1 with EBUSY where
 * what stays requires what goes.
 */
int modprobe_order_unload(const struct modprobe *mp,
                          struct modprobe_set *set,
                          flux_error_t *e);

/* Who waits for whom: items[i] for items[j] if waits[i * count + j]. */
struct modprobe_plan {
    struct modprobe_module **items; /* of the set */
    size_t count;
    unsigned char *waits;
    size_t *pending; /* how many each waits for */
};

/* Loading follows `after` and `before`; a name there that nothing provides is
 * an error.  Removing goes the other way round, where such a name means
 * nothing.  A cycle is an error, ELOOP, that names its members.
 */
int modprobe_order_plan(const struct modprobe *mp,
                        const struct modprobe_set *set,
                        bool removing,
                        struct modprobe_plan *plan,
                        flux_error_t *e);
void modprobe_order_release_plan(struct modprobe_plan *plan);

#endif /* MODPROBE_ORDER_H */
