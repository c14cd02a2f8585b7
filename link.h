/* link.h - a peer at the other end of a socket
 *
 * Joins a conn to the reactor and the router.  What is queued for links
 * during one turn of the loop goes out before it polls again, with one
 * writev(2) a link.  A client whose queue grows past LINK_PAUSE, or that asks
 * a peer whose queue has, is not read from until it has drained, or, if it
 * takes nothing at all, for LINK_PATIENCE; any peer past LINK_LIMIT is cut off
 * and the log says so.
 */
#ifndef LINK_H
#define LINK_H

#include "conn.h"
#include "router.h"

enum {
    LINK_PAUSE = 1 << 20,  /* bytes: a window of 64 large answers */
    LINK_CROWD = 256,      /* requests to a module, of some 5 us each */
    LINK_LIMIT = 64 << 20, /* bytes: an event storm of many seconds */
};

/* Seconds that both a client and its broker may stand still, each waiting for
 * the other to read: longer than a busy machine keeps a client from running.
 */
#define LINK_PATIENCE 0.1

struct link;
struct link_set;

/* The links of one broker: its reactor and those that wait to be flushed.
 * `h` is where it logs.
 */
struct link_set *link_set_create(flux_t *h, struct router *router);
void link_set_destroy(struct link_set *s);
void link_set_flush(struct link_set *s);

/* Called once, from the loop and never from inside another call, when the
 * other end is gone (errnum: why, ECONNRESET at end of file).  The callee
 * destroys the link.
 */
typedef void (*link_closed_f)(struct link *l, int errnum, void *arg);

/* Takes `fd` and joins the router.  NULL with errno, fd still the caller's. */
struct link *link_create(struct link_set *s,
                         int fd,
                         enum peer_kind kind,
                         const char *name,
                         link_closed_f closed,
                         void *arg);
/* The same, under a UUID that is known (NULL: a new one). */
struct link *link_create_as(struct link_set *s,
                            int fd,
                            enum peer_kind kind,
                            const char *name,
                            const char *uuid,
                            link_closed_f closed,
                            void *arg);
void link_destroy(struct link *l); /* leaves the router first */
struct peer *link_peer(struct link *l);
struct conn *link_conn(struct link *l);
/* The other end is gone for certain: read what it has sent, and let `closed`
 * be called.
 */
void link_end(struct link *l);
/* Whose process is there, for the log line of one that is cut off. */
void link_set_owner(struct link *l, uid_t uid, pid_t pid);
/* The same of a peer; false if it is no link, or no one has told. */
bool link_peer_owner(const struct peer *p, uid_t *uid, pid_t *pid);

#endif /* LINK_H */
