/* module_set.h - the inside of a set of modules, for the module_*.c files
 *
 * module.c has the life of a module, module_load.c its beginning,
 * module_restart.c its second one, module_hold.c what happens between two,
 * module_serve.c the requests of module.*.
 */
#ifndef MODULE_SET_H
#define MODULE_SET_H

#include "digest.h"
#include "json.h"
#include "module.h"

struct module_set {
    flux_t *h;
    struct router *router;
    struct link_set *links;
    struct attr_set *attrs;
    struct list modules; /* in order of loading */
    struct list waiting; /* restarts that are to come */
    struct list holds;   /* of reloads that are under way */
    struct module_builtin builtins[8];
    size_t builtin_count;
    bool given_up; /* see module_set_give_up() */
    struct trace *trace;
    struct digest_cache *digests;
    struct table *failures; /* by module name: JSON, or NULL (module_info.c) */
    module_panic_f panic;
    void *panic_arg;
    void (*changed)(void *arg);
    void *changed_arg;
};

/* module.c */
void module_destroy(struct module *m);
void module_tell_change(struct module_set *s);
/* Put `status` of module.status into effect; -1 if it does not fit. */
int module_take_status(struct module *m, int status, int errnum);
struct module *module_set_find_path(struct module_set *s, const char *path);
/* The module that sent a request, or NULL. */
struct module *module_set_find_sender(struct module_set *s,
                                      const flux_msg_t *msg);
/* Ask it to end: by its own handler of NAME.shutdown, or by force. */
int module_shut_down(struct module *m);
void module_cancel(struct module *m);
int module_send_welcome(struct module *m);
/* From now on, m->load_limit seconds until it must run. */
int module_watch_load(struct module *m);
int module_make_farewell(struct module *m); /* once it has a peer */
/* All of it is over and was heard: answer those who wait, destroy it. */
void module_bury(struct module *m);

/* module_load.c */
/* `request` is the payload of module.load.  EPROTO if it is none.  `reason`, if
 * not NULL, is set to the text of a failure for which `e` has no room, in new
 * memory, or to NULL.
 */
struct module *module_load(struct module_set *s,
                           json_t *request,
                           flux_error_t *e,
                           char **reason);

/* module_hold.c */
/* Hold requests for the services of `m`, which is about to be told to end on
 * the request `asked`, until a module of its name runs, for so long at most.
 */
int module_hold_begin(struct module *m,
                      double seconds,
                      const flux_msg_t *asked);
/* Deliver them, or answer them with `errnum`, since `why`; if there are. */
void module_hold_end(struct module_set *s,
                     const char *name,
                     int errnum,
                     const char *why);
void module_hold_end_all(struct module_set *s);
/* How many requests wait; -1 if none would. */
long module_hold_count(struct module_set *s, const char *name);
/* module.disconnect: who asks no more. */
void module_hold_disconnect(struct module_set *s, const flux_msg_t *msg);

/* module_restart.c */
/* A module that has run, or is a restarted one, has failed: if it is to be
 * restarted take note of when, and return true.
 */
bool module_restart_plan(struct module *m);
/* Forget the restart of the module of that name or path, if one is to come;
 * whether one was.
 */
bool module_restart_forget(struct module_set *s, const char *name);
void module_restart_forget_all(struct module_set *s);
int module_restart_total(const struct module *m);
/* Add an entry for each that is to come. */
/* The same for one name or path; NULL if none is to come. */
json_t *module_restart_find(struct module_set *s, const char *name);
void module_restart_list(struct module_set *s, json_t *mods);
void module_restart_destroy(struct module_restart *r);

#endif /* MODULE_SET_H */
