/* command.h - what a client asks to be run (RFC 42, "Command Object") */
#ifndef COMMAND_H
#define COMMAND_H

#include "json.h"
#include "proc.h"

/* `flags` of an exec request. */
enum {
    COMMAND_STDOUT = 1,
    COMMAND_STDERR = 2,
    COMMAND_CHANNEL = 4,
    COMMAND_CREDIT = 8,
    COMMAND_WAITABLE = 16,
};

struct command {
    const flux_msg_t *msg; /* the request, whose all else here is */
    bool background;       /* its client does not stay to hear of it */
    int flags;
    const char *name;  /* its first word */
    const char *label; /* or NULL */
    const char *folder;
    json_t *words, *env, *opts, *channels;
};

/* Fill `c`, which need not be released if that fails: EPROTO or EINVAL, and
 * the reason in `e`.
 */
int command_decode(struct command *c, const flux_msg_t *msg, flux_error_t *e);
void command_release(struct command *c);

/* As proc_create(); `uri` is that of the broker. */
struct proc *command_start(const struct command *c,
                           flux_reactor_t *r,
                           const char *uri,
                           const struct proc_ops *ops,
                           void *arg);

/* Channels by number, as streams of the proc, and by name (-1: none). */
int command_channels(const struct command *c);
const char *command_channel(const struct command *c, int stream);
int command_find_channel(const struct command *c, const char *name);
int command_ways(const struct command *c, int stream); /* PROC_INPUT … */
size_t command_limit(const struct command *c, int stream);

#endif /* COMMAND_H */
