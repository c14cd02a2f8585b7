/* modprobe_session.h - what all subcommands of flux modprobe begin with */
#ifndef MODPROBE_SESSION_H
#define MODPROBE_SESSION_H

#include "cli.h"
#include "modprobe_run.h"

struct modprobe_session {
    struct cli *p;
    struct modprobe *mp;
    flux_t *h; /* NULL before modprobe_session_meet() */
    json_t *config;
    json_t *unknown;    /* names to disable that may be tasks */
    double force_after; /* as modprobe_run.h has it */
};

/* Each of these dies with a reason where it fails. */

/* Read the files, and no more. */
void modprobe_session_read(struct modprobe_session *s, struct cli *p);
/* Open the broker, make all changes, and judge.  With tasks, names in
 * FLUX_MODPROBE_DISABLE that nothing has go to `unknown`.
 */
void modprobe_session_meet(struct modprobe_session *s, bool with_tasks);
/* Both. */
void modprobe_session_begin(struct modprobe_session *s, struct cli *p);
void modprobe_session_end(struct modprobe_session *s);

/* Die with the text in `e` if rc is -1. */
void modprobe_session_check(struct modprobe_session *s,
                            int rc,
                            const flux_error_t *e);

/* Ask what is loaded, and add to the model what is not in it. */
void modprobe_session_mark_loaded(struct modprobe_session *s);

/* An empty set; all that are loaded. */
void modprobe_session_init_set(struct modprobe_session *s,
                               struct modprobe_set *set);
void modprobe_session_add_loaded(struct modprobe_session *s,
                                 struct modprobe_set *set);

/* Load or remove a set, or hand its plan to `instead`; the exit status. */
int modprobe_session_carry_out(
    struct modprobe_session *s,
    const struct modprobe_set *set,
    bool removing,
    void (*instead)(const struct modprobe_plan *plan));

#endif /* MODPROBE_SESSION_H */
