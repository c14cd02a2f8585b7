/* modprobe.h - which modules there are, and what each asks for
 *
 * The model behind flux-modprobe(1), without a broker: it is filled from
 * TOML (modprobe_path.h finds the files), asked for orders
 * (modprobe_order.h) and carried out (modprobe_run.h).
 */
#ifndef MODPROBE_H
#define MODPROBE_H

#include "flux.h"
#include "json.h"

/* More than any configuration has; a plan takes the square of it in bytes. */
enum { MODPROBE_MAX = 1024 };

/* One entry of `modules`.  What points into `entry` is NULL where it was not
 * given, unless it says otherwise; arrays hold nothing but strings.
 */
struct modprobe_module {
    json_t *entry;          /* as read, updates included */
    const char *name;       /* never NULL */
    const char *path;       /* the key "module"; never NULL */
    const char *ranks;      /* never NULL */
    const char *on_failure; /* for module.load, unread here */
    json_t *args, *provides, *requires, *needs, *before, *after;
    json_t *needs_config, *needs_attrs, *needs_env;
    json_t *wrap;
    json_int_t priority;
    int disabled, exec; /* bool */
    bool enabled;       /* modprobe_judge(): may be loaded on this rank */
    bool usable;        /* and all that it needs may be, too */
    bool loaded;        /* the caller says so */
};

struct modprobe {
    struct modprobe_module **modules; /* in the order of definition */
    size_t count;
    json_t *alternatives; /* service: module; not applied yet */
};

/* What conditions are measured against. */
struct modprobe_world {
    uint32_t rank;
    json_t *config; /* object */
    bool (*has_attr)(const char *name, void *arg);
    bool (*has_env)(const char *name, void *arg);
    void *arg;
};

struct modprobe *modprobe_create(void);
void modprobe_destroy(struct modprobe *mp);

/* Take a document of TOML: the array `modules`, the table `alternatives`, and
 * tables of updates for modules that are there.  -1 with a text in `e`; the
 * model may then have taken a part of it.
 */
int modprobe_add(struct modprobe *mp, json_t *document, flux_error_t *e);
/* The broker configuration's `modules`: as above without new modules. */
int modprobe_update(struct modprobe *mp, json_t *updates, flux_error_t *e);
/* A module of which nothing is known but that it is loaded. */
struct modprobe_module *
modprobe_add_loaded(struct modprobe *mp, const char *name, flux_error_t *e);

/* All that provide the service.  ENOENT if none does. */
int modprobe_disable(struct modprobe *mp, const char *service, flux_error_t *e);

/* Have `module` win for `service`, and for all else that it provides. */
int modprobe_set_alternative(struct modprobe *mp,
                             const char *service,
                             const char *module,
                             flux_error_t *e);
/* The same for the alternatives that were read. */
int modprobe_apply_alternatives(struct modprobe *mp, flux_error_t *e);

/* Fill in `enabled` and `usable`. */
void modprobe_judge(struct modprobe *mp, const struct modprobe_world *world);

/* Whether `service` is the module's name or among what it provides. */
bool modprobe_provides(const struct modprobe_module *m, const char *service);
struct modprobe_module *modprobe_named(const struct modprobe *mp,
                                       const char *name);
/* What stands for a service, by these in turn: is loaded, usable, enabled,
 * has the higher priority, was defined later.  NULL with ENOENT and the text
 * in `e` (which may be NULL) where nothing provides it.
 */
struct modprobe_module *modprobe_resolve(const struct modprobe *mp,
                                         const char *service,
                                         flux_error_t *e);

/* A new object with all keys, in the order that Flux shows them. */
json_t *modprobe_show(const struct modprobe_module *m);

/* i-th string of an array that may be NULL; NULL past the last. */
const char *modprobe_nth(json_t *array, size_t i);
bool modprobe_contains(json_t *array, const char *s);

#endif /* MODPROBE_H */
