/* muster.c - which brokers are online, and what state the parent is in
 *
 * Every broker that is ready to run says so to rank 0 (state-machine.online);
 * when enough have, rank 0 runs.  Every broker follows the states of its
 * parent (state-machine.monitor, a stream): it runs when the parent runs and
 * ends when the parent ends, so that the tree starts from its leaves up and
 * ends in the same order.
 *
 * groups.get offers the set of brokers online under Flux's name for it,
 * broker.online.
 */
#include "muster.h"

#include "buf.h"
#include "serve.h"
#include "util.h"

struct muster {
    flux_t *h;
    uint32_t rank;
    uint32_t size;
    uint32_t quorum;
    struct muster_callbacks callbacks;
    bool *online; /* by rank; true for others on rank 0 only */
    uint32_t online_count;
    int state; /* of this broker */
    flux_future_t *parent;
    struct flux_msglist *monitors; /* of children */
    struct flux_msglist *watchers; /* of broker.online */
};

static void send_online(struct muster *m, const flux_msg_t *msg)
{
    char *members = muster_online(m);

    if (!members)
        flux_respond_error(m->h, msg, ENOMEM, NULL);
    else
        flux_respond_pack(m->h, msg, "{s:s}", "members", members);
    free(members);
}

static void count_in(struct muster *m, uint32_t rank)
{
    const flux_msg_t *msg;

    if (rank >= m->size || m->online[rank])
        return;
    m->online[rank] = true;
    m->online_count++;
    for (msg = flux_msglist_first(m->watchers); msg;
         msg = flux_msglist_next(m->watchers))
        send_online(m, msg);
    if (m->rank == 0 && m->online_count == m->quorum)
        m->callbacks.quorum(m->callbacks.arg);
}

int muster_report(struct muster *m)
{
    flux_future_t *f;

    count_in(m, m->rank);
    if (m->rank == 0)
        return 0;
    f = flux_rpc_pack(m->h, "state-machine.online", 0, FLUX_RPC_NORESPONSE,
                      "{s:i}", "rank", (int)m->rank);
    flux_future_destroy(f);
    return f ? 0 : -1;
}

static uint32_t end_of_run(const struct muster *m, uint32_t first)
{
    while (first + 1 < m->size && m->online[first + 1])
        first++;
    return first;
}

char *muster_online(const struct muster *m)
{
    struct buf b = {NULL, 0, 0, false};
    uint32_t i, last;

    for (i = 0; i < m->size; i++) {
        if (!m->online[i])
            continue;
        last = end_of_run(m, i);
        buf_printf(&b, last > i ? "%s%u-%u" : "%s%u", b.size ? "," : "",
                   (unsigned)i, (unsigned)last);
        i = last;
    }
    return buf_steal_string(&b);
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

static void online_cb(flux_t *h,
                      flux_msg_handler_t *mh,
                      const flux_msg_t *msg,
                      void *arg)
{
    int rank;

    (void)h;
    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:i}", "rank", &rank) == 0 && rank > 0)
        count_in(arg, (uint32_t)rank);
}

static void keep(struct flux_msglist *list, flux_t *h, const flux_msg_t *msg)
{
    if (flux_msglist_append(list, msg) < 0)
        flux_respond_error(h, msg, errno, NULL);
}

static void monitor_cb(flux_t *h,
                       flux_msg_handler_t *mh,
                       const flux_msg_t *msg,
                       void *arg)
{
    struct muster *m = arg;

    (void)mh;
    flux_respond_pack(h, msg, "{s:i}", "state", m->state);
    if (flux_msg_is_streaming(msg))
        keep(m->monitors, h, msg);
}

static void groups_cb(flux_t *h,
                      flux_msg_handler_t *mh,
                      const flux_msg_t *msg,
                      void *arg)
{
    struct muster *m = arg;
    const char *name;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s}", "name", &name) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    if (strcmp(name, "broker.online") != 0 || m->rank != 0) {
        flux_respond_error(h, msg, ENOENT, "only broker.online on rank 0");
        return;
    }
    send_online(m, msg);
    if (flux_msg_is_streaming(msg))
        keep(m->watchers, h, msg);
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
    flux_msglist_disconnect(m->watchers, msg);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "state-machine.online", online_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "state-machine.monitor", monitor_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "state-machine.disconnect", disconnect_cb,
     FLUX_ROLE_ALL},
    {FLUX_MSGTYPE_REQUEST, "groups.get", groups_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "groups.disconnect", disconnect_cb, FLUX_ROLE_ALL},
    FLUX_MSGHANDLER_TABLE_END,
};

struct muster *muster_create(flux_t *h,
                             uint32_t rank,
                             uint32_t size,
                             uint32_t quorum,
                             const struct muster_callbacks *callbacks)
{
    struct muster *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->h = h;
    m->rank = rank;
    m->size = size;
    m->quorum = quorum;
    m->callbacks = *callbacks;
    m->online = calloc(size, sizeof(*m->online));
    m->monitors = flux_msglist_create();
    m->watchers = flux_msglist_create();
    if (!m->online || !m->monitors || !m->watchers
        || serve_handlers(h, handlers, m) < 0) {
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
    flux_msglist_destroy(m->monitors);
    flux_msglist_destroy(m->watchers);
    free(m->online);
    free(m);
    errno = saved_errno;
}
