/* muster.c - when enough brokers are online, and the parent's state
 *
 * Every broker that is ready to run joins the group broker.online (groups.c);
 * rank 0 watches it, and runs when enough have joined.  Every broker follows
 * the states of its parent (state-machine.monitor, a stream): it runs when
 * the parent runs and ends when the parent ends, so that the tree starts from
 * its leaves up and ends in the same order.
 *
 * What always holds: all of it are requests on the broker's own handle, so a
 * broker that is gone ends them; and enough is told once, even if some leave
 * the group later.
 */
#include "muster.h"

#include "groups.h"
#include "idset.h"
#include "serve.h"
#include "util.h"

struct muster {
    flux_t *h;
    uint32_t rank;
    uint32_t quorum;
    struct muster_callbacks callbacks;
    char *online; /* rank 0 */
    bool enough;
    int state; /* of this broker */
    flux_future_t *parent;
    flux_future_t *join;
    flux_future_t *watch;
    struct flux_msglist *monitors; /* of children */
};

/* ---- who is online ----------------------------------------------------- */

static size_t count_ids(const char *text)
{
    struct idset *set = idset_decode(text);
    size_t count = set ? idset_count(set) : 0;

    idset_destroy(set);
    return count;
}

static void online_cb(flux_future_t *f, void *arg)
{
    struct muster *m = arg;
    const char *members;

    if (flux_rpc_get_unpack(f, "{s:s}", "members", &members) < 0)
        return; /* groups is gone: the broker ends */
    free(m->online);
    m->online = strdup(members);
    if (!m->enough && count_ids(members) >= m->quorum) {
        m->enough = true;
        m->callbacks.quorum(m->callbacks.arg);
    }
    flux_future_reset(f);
}

static void joined_cb(flux_future_t *f, void *arg)
{
    struct muster *m = arg;

    if (flux_future_get(f, NULL) < 0)
        flux_log_error(m->h, "cannot join %s", GROUPS_ONLINE);
}

static int watch_online(struct muster *m)
{
    m->watch = flux_rpc_pack(m->h, "groups.get", 0, FLUX_RPC_STREAMING, "{s:s}",
                             "name", GROUPS_ONLINE);
    return m->watch ? flux_future_then(m->watch, -1., online_cb, m) : -1;
}

int muster_report(struct muster *m)
{
    if (m->rank == 0 && watch_online(m) < 0)
        return -1;
    m->join = flux_rpc_pack(m->h, "groups.join", FLUX_NODEID_ANY, 0, "{s:s}",
                            "name", GROUPS_ONLINE);
    return m->join ? flux_future_then(m->join, -1., joined_cb, m) : -1;
}

const char *muster_online(const struct muster *m)
{
    return m->online ? m->online : "";
}

/* ---- states ------------------------------------------------------------ */

static void parent_cb(flux_future_t *f, void *arg)
{
    struct muster *m = arg;
    int state;

    if (flux_rpc_get_unpack(f, "{s:i}", "state", &state) < 0)
        return; /* the overlay tells of a lost parent */
    flux_future_reset(f);
    m->callbacks.parent_state(state, m->callbacks.arg);
}

int muster_follow(struct muster *m)
{
    m->parent = flux_rpc(m->h, "state-machine.monitor", NULL,
                         FLUX_NODEID_UPSTREAM, FLUX_RPC_STREAMING);
    if (!m->parent)
        return -1;
    return flux_future_then(m->parent, -1., parent_cb, m);
}

void muster_tell(struct muster *m, int state)
{
    const flux_msg_t *msg;

    m->state = state;
    for (msg = flux_msglist_first(m->monitors); msg;
         msg = flux_msglist_next(m->monitors))
        flux_respond_pack(m->h, msg, "{s:i}", "state", state);
}

/* ---- service ------------------------------------------------------------- */

static void
monitor_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct muster *m = arg;

    (void)mh;
    flux_respond_pack(h, msg, "{s:i}", "state", m->state);
    if (flux_msg_is_streaming(msg) && flux_msglist_append(m->monitors, msg) < 0)
        flux_respond_error(h, msg, errno, NULL);
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct muster *m = arg;

    (void)h;
    (void)mh;
    flux_msglist_disconnect(m->monitors, msg);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "state-machine.monitor", monitor_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "state-machine.disconnect", disconnect_cb,
     FLUX_ROLE_ALL},
    FLUX_MSGHANDLER_TABLE_END,
};

struct muster *muster_create(flux_t *h,
                             uint32_t rank,
                             uint32_t quorum,
                             const struct muster_callbacks *callbacks)
{
    struct muster *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->h = h;
    m->rank = rank;
    m->quorum = quorum;
    m->callbacks = *callbacks;
    m->monitors = flux_msglist_create();
    if (!m->monitors || serve_handlers(h, handlers, m) < 0) {
        muster_destroy(m);
        return NULL;
    }
    return m;
}

void muster_destroy(struct muster *m)
{
    int saved_errno = errno;

    if (!m)
        return;
    flux_future_destroy(m->parent);
    flux_future_destroy(m->join);
    flux_future_destroy(m->watch);
    flux_msglist_destroy(m->monitors);
    free(m->online);
    free(m);
    errno = saved_errno;
}
