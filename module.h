/* module.h - modules as the broker sees them
 *
 * One struct a module, whatever it runs in: the broker's own loop (builtin),
 * a thread, a process.  What differs stands in one table of functions, struct
 * module_ops; the life that all share (wire.md, RFC 5) is driven by the
 * state x event table in module.c.
 */
#ifndef MODULE_H
#define MODULE_H

#include "attr.h"
#include "link.h"
#include "router.h"
#include "sha1.h"

enum module_state {
    MODULE_INIT = 0,
    MODULE_RUNNING = 1,
    MODULE_FINALIZING = 2,
    MODULE_EXITED = 3,
};

struct module;
struct module_set;

struct module_ops {
    const char *kind; /* "builtin", "thread" */
    /* Make the channel (m->peer) and what runs at its other end, which will
     * find `welcome` there.  The text of a failure goes to who asked.
     */
    int (*start)(struct module *m, flux_error_t *e);
    /* Force it to end.  Its channel closes when it has. */
    void (*cancel)(struct module *m);
    /* Its channel has closed: wait for the rest of it and let go.  Return the
     * errno of its end where it told none itself.
     */
    int (*join)(struct module *m);
    void (*destroy)(struct module *m); /* peer and impl; also after a failed
                                          start; may be called any time */
    size_t (*send_queue)(struct module *m); /* messages not yet taken by it */
};

struct module {
    struct list link;
    struct module_set *set;
    char *name;
    char *path;                 /* "builtin" if compiled in */
    char digest[SHA1_HEX_SIZE]; /* of the file as loaded, "" for builtin */
    json_t *args;               /* array of strings */
    const struct module_ops *ops;
    void *impl;        /* of the ops */
    struct peer *peer; /* set by ops->start */
    enum module_state state;
    bool ran;       /* was RUNNING once */
    bool removing;  /* someone asked it to end */
    int errnum;     /* as it told, or why it died */
    const flux_msg_t *load_request; /* not answered yet, or NULL */
    struct flux_msglist *remove_requests;
};

/* What is compiled into the broker. */
struct module_builtin {
    const char *name;
    void *(*create)(flux_t *h, void *arg, flux_error_t *e);
    void (*destroy)(void *ctx);
    void *arg;
};

/* Called when a module fails at run time and broker.module-nopanic is off. */
typedef void (*module_panic_f)(const char *name, void *arg);

/* `h` is the broker's own handle. */
struct module_set *module_set_create(flux_t *h,
                                     struct router *router,
                                     struct link_set *links,
                                     struct attr_set *attrs,
                                     module_panic_f panic,
                                     void *arg);
void module_set_destroy(struct module_set *s);
int module_set_add_builtin(struct module_set *s,
                           const struct module_builtin *b);
int module_set_load_builtins(struct module_set *s, flux_error_t *e);
/* Ask the builtin modules, last loaded first, to end. */
void module_set_unload_builtins(struct module_set *s);
/* Called after any module has changed its state or has gone. */
void module_set_on_change(struct module_set *s, void (*cb)(void *), void *arg);
/* How many builtin modules there are, and how many of them run. */
void module_set_count_builtins(struct module_set *s, int *there, int *running);
/* Name in the log what is still loaded and not builtin; how many. */
int module_set_report_leftover(struct module_set *s);
/* Walk: NULL starts, NULL ends. */
struct module *module_set_next(struct module_set *s, struct module *m);
struct module *module_set_find(struct module_set *s, const char *name);

/* Serve module.* on the broker's handle. */
int module_serve(struct module_set *s);

/* For the ops. */
void module_closed(struct module *m); /* the channel has ended */
flux_t *module_broker_handle(struct module *m);
struct router *module_router(struct module *m);
struct link_set *module_links(struct module *m);

extern const struct module_ops module_thread_ops;
extern const struct module_ops module_builtin_ops;
const struct module_builtin *module_builtin_find(struct module_set *s,
                                                 const char *name);

#endif /* MODULE_H */
