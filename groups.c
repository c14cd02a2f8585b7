/* groups.c - named sets of ranks (the builtin module groups)
 *
 *     groups.join, groups.leave {name}   this rank, for a local client
 *     groups.get {name}                  the members, on rank 0; may stream
 *     groups.update {name, join, set}    from a child: ranks of its subtree
 *
 * Each broker knows the members in its own subtree and tells its parent what
 * changes there; so rank 0 knows all of them, and a broker that loses a child
 * knows who is lost with it.  A rank is a member for the client that joined:
 * when that one leaves or disconnects, so does the rank.
 *
 * The broker's own group, broker.online, has the ranks that are ready to run.
 *
 * What always holds: a group is kept while it has members or someone watches
 * it, and no longer, so that clients cannot fill the broker with names; a
 * watcher gets each set once, in the order of the changes.
 */
#include "groups.h"

#include "idset.h"
#include "table.h"
#include "util.h"

enum {
    GROUPS_MAX = 4096, /* a group for each job of a large machine */
    NAME_MAX_BYTES = 255,
};

struct group {
    char *name;
    struct idset *members; /* in this subtree */
    flux_msg_t *joined;    /* the local client's request, or NULL */
    struct flux_msglist *watchers;
};

struct groups {
    flux_t *h; /* of the builtin module */
    const struct overlay *overlay;
    const struct topology *topology;
    uint32_t rank;
    struct table all; /* struct group by name */
    flux_msg_handler_t **handlers;
};

/* ---- one group ----------------------------------------------------------- */

static void group_destroy(void *arg)
{
    struct group *group = arg;

    if (!group)
        return;
    flux_msg_decref(group->joined);
    flux_msglist_destroy(group->watchers);
    idset_destroy(group->members);
    free(group->name);
    free(group);
}

static struct group *group_create(const char *name)
{
    struct group *group = calloc(1, sizeof(*group));

    if (!group)
        return NULL;
    group->name = strdup(name);
    group->members = idset_create();
    group->watchers = flux_msglist_create();
    if (group->name && group->members && group->watchers)
        return group;
    group_destroy(group);
    errno = ENOMEM;
    return NULL;
}

static struct group *make(struct groups *g, const char *name, flux_error_t *e)
{
    struct group *group = table_get(&g->all, name);

    if (group)
        return group;
    if (strlen(name) > NAME_MAX_BYTES) {
        util_errno(e, EINVAL, "a group's name has at most %d bytes",
                   NAME_MAX_BYTES);
        return NULL;
    }
    if (table_count(&g->all) >= GROUPS_MAX) {
        util_errno(e, ENOSPC, "there are %d groups already", GROUPS_MAX);
        return NULL;
    }
    if (!(group = group_create(name)) || table_set(&g->all, name, group) < 0) {
        group_destroy(group);
        util_errno(e, ENOMEM, "out of memory");
        return NULL;
    }
    return group;
}

static void forget_if_unused(struct groups *g, struct group *group)
{
    if (idset_count(group->members) == 0 && !group->joined &&
        flux_msglist_count(group->watchers) == 0)
        table_remove(&g->all, group->name);
}

/* ---- changes ------------------------------------------------------------- */

static void
send_members(struct groups *g, const struct group *group, const flux_msg_t *msg)
{
    char *members = group ? idset_encode(group->members, false) : strdup("");

    if (!members)
        flux_respond_error(g->h, msg, ENOMEM, NULL);
    else
        flux_respond_pack(g->h, msg, "{s:s}", "members", members);
    free(members);
}

static void tell_watchers(struct groups *g, const struct group *group)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first(group->watchers); msg;
         msg = flux_msglist_next(group->watchers))
        send_members(g, group, msg);
}

static void tell_parent(struct groups *g,
                        const struct group *group,
                        bool join,
                        const struct idset *ranks)
{
    char *set = idset_encode(ranks, false);
    flux_future_t *f =
        flux_rpc_pack(g->h, "groups.update", FLUX_NODEID_UPSTREAM,
                      FLUX_RPC_NORESPONSE, "{s:s s:b s:s}", "name", group->name,
                      "join", join, "set", set ? set : "");

    if (!set || !f)
        flux_log_error(g->h, "%s: cannot tell the parent", group->name);
    flux_future_destroy(f);
    free(set);
}

/* Let `ranks` join or leave; the group may be gone then. */
static void change(struct groups *g,
                   struct group *group,
                   bool join,
                   const struct idset *ranks)
{
    bool changed = false;
    uint32_t id;

    for (id = idset_next(ranks, 0); id != IDSET_NONE;
         id = idset_next(ranks, id + 1)) {
        if (idset_has(group->members, id) == join)
            continue;
        changed = true;
        if (!join)
            idset_remove(group->members, id);
        else if (idset_add(group->members, id) < 0)
            flux_log_error(g->h, "%s: rank %u", group->name, (unsigned)id);
    }
    if (changed && g->rank == 0)
        tell_watchers(g, group);
    else if (changed)
        tell_parent(g, group, join, ranks);
    forget_if_unused(g, group);
}

static void change_own(struct groups *g, struct group *group, bool join)
{
    struct idset *own = idset_create();

    if (!own || idset_add(own, g->rank) < 0)
        flux_log_error(g->h, "%s: rank %u", group->name, (unsigned)g->rank);
    else
        change(g, group, join, own);
    idset_destroy(own);
}

static void leave(struct groups *g, struct group *group)
{
    flux_msg_decref(group->joined);
    group->joined = NULL;
    change_own(g, group, false);
}

/* ---- a child that is lost --------------------------------------------------
 */

static bool is_lost(const struct groups *g, uint32_t rank)
{
    uint32_t hop = topology_next_hop(g->topology, g->rank, rank);

    return rank != g->rank && !overlay_has_child(g->overlay, hop);
}

static struct idset *lost_members(const struct groups *g,
                                  const struct group *group)
{
    struct idset *lost = idset_create();
    uint32_t id;

    for (id = idset_next(group->members, 0); lost && id != IDSET_NONE;
         id = idset_next(group->members, id + 1))
        if (is_lost(g, id))
            idset_add(lost, id);
    return lost;
}

void groups_drop_lost(struct groups *g)
{
    struct group *group;
    size_t pos = 0;

    while (g->h && (group = table_next(&g->all, &pos, NULL, NULL))) {
        struct idset *lost = lost_members(g, group);

        if (lost)
            change(g, group, false, lost);
        idset_destroy(lost);
    }
}

/* ---- service ----------------------------------------------------------------
 */

/* The name in a request that only a client of this broker may send; NULL and
 * answered otherwise.
 */
static const char *local_name(flux_t *h, const flux_msg_t *msg)
{
    const char *name, *topic = "groups";
    flux_error_t e;

    if (flux_request_unpack(msg, &topic, "{s:s}", "name", &name) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        return NULL;
    }
    if (flux_msg_is_local(msg))
        return name;
    util_error(&e, "%s is restricted to the local broker", topic);
    flux_respond_error(h, msg, EPROTO, e.text);
    return NULL;
}

static void refuse(struct groups *g,
                   const flux_msg_t *msg,
                   int errnum,
                   const char *is,
                   const char *name)
{
    flux_error_t e;

    util_error(&e, "rank %u %s %s", (unsigned)g->rank, is, name);
    flux_respond_error(g->h, msg, errnum, e.text);
}

static void
join_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct groups *g = arg;
    const char *name = local_name(h, msg);
    struct group *group;
    flux_error_t e;

    (void)mh;
    if (!name)
        return;
    if (!(group = make(g, name, &e)))
        flux_respond_error(h, msg, errno, e.text);
    else if (group->joined)
        refuse(g, msg, EEXIST, "is already a member of", name);
    else {
        group->joined = (flux_msg_t *)flux_msg_incref(msg);
        change_own(g, group, true);
        flux_respond(h, msg, NULL);
    }
}

static void
leave_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct groups *g = arg;
    const char *name = local_name(h, msg);
    struct group *group;

    (void)mh;
    if (!name)
        return;
    group = table_get(&g->all, name);
    if (!group || !group->joined) {
        refuse(g, msg, ENOENT, "is not a member of", name);
        return;
    }
    leave(g, group);
    flux_respond(h, msg, NULL);
}

static void
update_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct groups *g = arg;
    struct idset *ranks = NULL;
    struct group *group;
    const char *name, *set;
    flux_error_t e;
    int join;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s s:b s:s}", "name", &name, "join",
                            &join, "set", &set) < 0 ||
        !(ranks = idset_decode(set)))
        flux_log_error(h, "error decoding groups.update request");
    else if (!(group = make(g, name, &e)))
        flux_log(h, LOG_ERR, "groups.update: %s: %s", name, e.text);
    else
        change(g, group, join, ranks);
    idset_destroy(ranks);
}

static void watch(struct groups *g, const char *name, const flux_msg_t *msg)
{
    flux_error_t e;
    struct group *group = make(g, name, &e);

    if (!group)
        flux_respond_error(g->h, msg, errno, e.text);
    else if (flux_msglist_append(group->watchers, msg) < 0)
        flux_respond_error(g->h, msg, errno, NULL);
    else
        send_members(g, group, msg);
}

static void
get_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct groups *g = arg;
    const char *name;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s}", "name", &name) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else if (g->rank != 0)
        flux_respond_error(h, msg, EPROTO,
                           "this RPC is only available on rank 0");
    else if (flux_msg_is_streaming(msg))
        watch(g, name, msg);
    else
        send_members(g, table_get(&g->all, name), msg);
}

static void disconnect_cb(flux_t *h,
                          flux_msg_handler_t *mh,
                          const flux_msg_t *msg,
                          void *arg)
{
    struct groups *g = arg;
    struct group *group;
    size_t pos = 0;

    (void)h;
    (void)mh;
    while ((group = table_next(&g->all, &pos, NULL, NULL))) {
        flux_msglist_disconnect(group->watchers, msg);
        if (group->joined && flux_disconnect_match(group->joined, msg))
            leave(g, group);
        else
            forget_if_unused(g, group);
    }
}

static json_t *describe(const struct groups *g)
{
    json_t *subtree = json_object();
    const struct group *group;
    size_t pos = 0;

    while ((group = table_next(&g->all, &pos, NULL, NULL))) {
        char *members = idset_encode(group->members, false);

        json_object_set_new(subtree, group->name,
                            json_string(members ? members : ""));
        free(members);
    }
    return subtree;
}

static void
stats_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    if (flux_respond_pack(h, msg, "{s:o}", "subtree", describe(arg)) < 0)
        flux_respond_error(h, msg, errno, NULL);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "groups.join", join_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "groups.leave", leave_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "groups.update", update_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "groups.get", get_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "groups.stats-get", stats_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "groups.disconnect", disconnect_cb, FLUX_ROLE_ALL},
    FLUX_MSGHANDLER_TABLE_END,
};

static void *begin(flux_t *h, void *arg, flux_error_t *e)
{
    struct groups *g = arg;

    if (flux_msg_handler_addvec(h, handlers, g, &g->handlers) < 0) {
        util_error(e, "groups: %s", strerror(errno));
        return NULL;
    }
    g->h = h;
    return g;
}

static void end_watch(struct groups *g, struct group *group)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop(group->watchers))) {
        flux_respond_error(g->h, msg, ENOSYS, NULL);
        flux_msg_decref(msg);
    }
}

static void end(void *arg)
{
    struct groups *g = arg;
    struct group *group;
    size_t pos = 0;

    while ((group = table_next(&g->all, &pos, NULL, NULL)))
        end_watch(g, group);
    flux_msg_handler_delvec(g->handlers);
    g->handlers = NULL;
    g->h = NULL;
}

struct module_builtin groups_builtin(struct groups *g)
{
    return (struct module_builtin){"groups", begin, end, g};
}

struct groups *groups_create(const struct overlay *overlay,
                             const struct topology *topology,
                             uint32_t rank)
{
    struct groups *g = calloc(1, sizeof(*g));

    if (!g)
        return NULL;
    g->overlay = overlay;
    g->topology = topology;
    g->rank = rank;
    table_init(&g->all, group_destroy);
    return g;
}

void groups_destroy(struct groups *g)
{
    int saved_errno = errno;

    if (!g)
        return;
    table_release(&g->all);
    free(g);
    errno = saved_errno;
}
