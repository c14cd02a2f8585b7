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
#include "onfailure.h"
#include "router.h"
#include "sha1.h"
#include "sys.h"

enum module_state {
    MODULE_INIT = 0,
    MODULE_RUNNING = 1,
    MODULE_FINALIZING = 2,
    MODULE_EXITED = 3,
};

struct module;
struct module_set;
struct module_restart;

struct module_ops {
    const char *kind; /* "builtin", "thread", "process" */
    /* Make the channel (m->peer) and what runs at its other end, which will
     * find `welcome` there.  The text of a failure goes to who asked; one for
     * which flux_error_t has no room is in m->reason.
     */
    int (*start)(struct module *m, flux_error_t *e);
    /* Behind start(), once `welcome` is there, so that the other end need not
     * wait for it; NULL where start() has done it all.
     */
    int (*run)(struct module *m, flux_error_t *e);
    /* Force it to end, at once and whatever it does.  Its channel closes when
     * it has.  The word for what was done: "SIGKILL", "cancel".
     */
    const char *(*cancel)(struct module *m);
    /* The next step to force it to end, mildest first, or NULL if all have
     * been taken.  Set *again to the seconds after which the next is due, 0
     * for as long as a last step may take.
     */
    const char *(*force)(struct module *m, double *again);
    /* All of it is over: let go of it.  Return the errno of its end where it
     * told none itself, 0 if that is as it should be; and set m->reason, if
     * it is not set, to what is to be said.
     */
    int (*join)(struct module *m);
    void (*destroy)(struct module *m); /* peer and impl; also after a failed
                                          start; may be called any time */
    size_t (*send_queue)(struct module *m); /* messages not yet taken by it */
    size_t (*send_bytes)(struct module *m); /* NULL: they have no size */
    /* What it has used so far, as far as that can be told; NULL: it cannot. */
    int (*usage)(struct module *m, struct sys_usage *u);
    pid_t (*pid)(struct module *m); /* 0 once it has ended; NULL in a thread */
    /* The end of its own stderr so far, in new memory; NULL: there is none. */
    char *(*words)(struct module *m);
};

struct module {
    struct list link;
    struct module_set *set;
    char *name;
    char *path;                 /* "builtin" if compiled in */
    char *file;                 /* that is loaded: another only if asked for */
    char digest[SHA1_HEX_SIZE]; /* of the file as loaded, "" for builtin */
    json_t *args;               /* array of strings */
    const struct module_ops *ops;
    char *loader;      /* for people; NULL if it runs in the broker */
    json_t *command;   /* words that start its process, or NULL */
    void *impl;        /* of the ops */
    struct peer *peer; /* set by ops->start */
    double since;      /* wall clock, when it was loaded */
    enum module_state state;
    bool ran;          /* was RUNNING once */
    bool removing;     /* someone asked it to end */
    bool awaited;      /* requests are held for it (module_hold.c) */
    bool hold_on;      /* these are for another one, if it fails */
    bool over;         /* its channel and what ran at the other end are gone */
    bool late;         /* did not say in time that it runs */
    int errnum;        /* as it told, or why it died */
    double load_limit; /* seconds until it must run, 0: none */
    flux_watcher_t *load_timer;  /* to that moment, while it is INIT */
    flux_watcher_t *force_timer; /* to the next step, while it runs */
    double force_at;             /* reactor time of that, 0: never */
    const char *took;            /* the last step that was taken, or NULL */
    char *reason;         /* why it died without a word of its own, or NULL */
    char *last_words;     /* the end of its stderr, or NULL */
    flux_msg_t *farewell; /* to be sent when it is over, see module.c */
    const flux_msg_t *load_request; /* not answered yet, or NULL */
    struct flux_msglist *remove_requests;
    json_t *request; /* module.load's payload, path and name resolved */
    struct onfailure on_failure;
    struct module_restart *restart; /* the restarts it has had, or NULL */
};

/* What is compiled into the broker. */
struct module_builtin {
    const char *name;
    void *(*create)(flux_t *h, void *arg, flux_error_t *e);
    void (*destroy)(void *ctx);
    void *arg;
};

/* Called when a module fails at run time and nothing says otherwise. */
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
/* The broker shuts down: from now on who waits for a module is no reason to
 * keep it.
 */
void module_set_give_up(struct module_set *s);
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
void module_closed(struct module *m); /* all of it is over */
/* Take the next step to force it to end in so many seconds, or sooner if that
 * was asked for before.
 */
void module_force_after(struct module *m, double seconds);
flux_t *module_broker_handle(struct module *m);
struct router *module_router(struct module *m);
struct link_set *module_links(struct module *m);

extern const struct module_ops module_thread_ops;
extern const struct module_ops module_process_ops;
extern const struct module_ops module_builtin_ops;
const struct module_builtin *module_builtin_find(struct module_set *s,
                                                 const char *name);

#endif /* MODULE_H */
