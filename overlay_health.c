/* overlay_health.c - how the subtrees below this broker are
 *
 * A broker knows its children: those that it waits for are offline; one that
 * is connected has told what its own subtree is like; one that left in order
 * is offline again, one that went without a word is lost.  From these follows
 * the status of its own subtree, which it tells its parent in turn, so that
 * rank 0 sees in one word what the whole tree is like, and whoever wants to
 * know which broker it is goes down to where the words begin to differ.
 *
 * The status words and the answers' keys are those of Flux (flux-overlay(1)).
 *
 * What always holds: `own` fits the children's; whoever has a stream open has
 * been sent the last change.
 */
#include "overlay_health.h"

#include "json.h"
#include "util.h"

static const char *const words[OVERLAY_STATUS_COUNT] = {
    [OVERLAY_FULL] = "full",       [OVERLAY_PARTIAL] = "partial",
    [OVERLAY_OFFLINE] = "offline", [OVERLAY_DEGRADED] = "degraded",
    [OVERLAY_LOST] = "lost",
};

struct child {
    uint32_t rank;
    enum overlay_status status;
    double since;      /* monotonic */
    const char *error; /* why it is as it is, or NULL */
};

struct overlay_health {
    uint32_t rank;
    struct child *children;
    size_t count;
    enum overlay_status own;
    double since; /* monotonic: when `own` has changed */
    void (*changed)(enum overlay_status own, void *arg);
    void *arg;
    flux_t *h; /* of the streams */
    struct flux_msglist *watchers, *monitors;
};

/* ---- children ------------------------------------------------------------ */

static struct child *find(const struct overlay_health *o, uint32_t rank)
{
    size_t i;

    for (i = 0; i < o->count; i++)
        if (o->children[i].rank == rank)
            return &o->children[i];
    return NULL;
}

static enum overlay_status join_status(const struct overlay_health *o)
{
    enum overlay_status own = OVERLAY_FULL;
    size_t i;

    for (i = 0; i < o->count; i++) {
        enum overlay_status s = o->children[i].status;

        if (s == OVERLAY_DEGRADED || s == OVERLAY_LOST)
            return OVERLAY_DEGRADED;
        if (s != OVERLAY_FULL)
            own = OVERLAY_PARTIAL;
    }
    return own;
}

static json_t *describe_child(const struct child *c, double now)
{
    json_t *child = json_pack("{s:i s:s s:f}", "rank", (int)c->rank, "status",
                              words[c->status], "duration", now - c->since);

    if (child && c->error)
        json_object_set_new(child, "error", json_string(c->error));
    return child;
}

static json_t *describe(const struct overlay_health *o)
{
    json_t *children = json_array();
    double now = util_monotime();
    size_t i;

    for (i = 0; i < o->count; i++)
        json_array_append_new(children, describe_child(&o->children[i], now));
    return json_pack("{s:i s:s s:f s:o}", "rank", (int)o->rank, "status",
                     words[o->own], "duration", now - o->since, "children",
                     children);
}

/* ---- who wants to know ----------------------------------------------------
 */

/* Takes `answer`, which is no object if memory ran out. */
static void respond(flux_t *h, const flux_msg_t *msg, json_t *answer)
{
    if (!answer)
        flux_respond_error(h, msg, ENOMEM, NULL);
    else
        flux_respond_pack(h, msg, "o", answer);
}

static void keep(struct overlay_health *o,
                 struct flux_msglist *list,
                 flux_t *h,
                 const flux_msg_t *msg)
{
    o->h = h;
    if (flux_msg_is_streaming(msg) && flux_msglist_append(list, msg) < 0)
        flux_respond_error(h, msg, errno, NULL);
}

static json_t *describe_change(const struct child *c)
{
    return json_pack("{s:i s:s s:b}", "rank", (int)c->rank, "status",
                     words[c->status], "torpid", 0);
}

static void tell(struct overlay_health *o, const struct child *c)
{
    const flux_msg_t *msg;

    for (msg = flux_msglist_first(o->watchers); msg;
         msg = flux_msglist_next(o->watchers))
        respond(o->h, msg, describe(o));
    for (msg = flux_msglist_first(o->monitors); msg;
         msg = flux_msglist_next(o->monitors))
        respond(o->h, msg, describe_change(c));
}

void overlay_health_get(struct overlay_health *o,
                        flux_t *h,
                        const flux_msg_t *msg)
{
    respond(h, msg, describe(o));
    keep(o, o->watchers, h, msg);
}

void overlay_health_monitor(struct overlay_health *o,
                            flux_t *h,
                            const flux_msg_t *msg)
{
    size_t i;

    if (!flux_msg_is_streaming(msg)) {
        flux_respond_error(h, msg, EPROTO, NULL);
        return;
    }
    for (i = 0; i < o->count; i++)
        respond(h, msg, describe_change(&o->children[i]));
    keep(o, o->monitors, h, msg);
}

static void empty(struct flux_msglist *list)
{
    const flux_msg_t *msg;

    while ((msg = flux_msglist_pop(list)))
        flux_msg_decref(msg);
}

void overlay_health_disconnect(struct overlay_health *o, const flux_msg_t *msg)
{
    if (msg) {
        flux_msglist_disconnect(o->watchers, msg);
        flux_msglist_disconnect(o->monitors, msg);
        return;
    }
    empty(o->watchers);
    empty(o->monitors);
}

/* ---- changes ---------------------------------------------------------------
 */

enum overlay_status overlay_health_own(const struct overlay_health *o)
{
    return o->own;
}

enum overlay_status overlay_health_child(const struct overlay_health *o,
                                         uint32_t rank)
{
    const struct child *c = find(o, rank);

    return c ? c->status : OVERLAY_OFFLINE;
}

void overlay_health_set(struct overlay_health *o,
                        uint32_t rank,
                        enum overlay_status status,
                        const char *error)
{
    struct child *c = find(o, rank);
    enum overlay_status before = o->own;

    if (!c || c->status == status)
        return;
    c->status = status;
    c->error = error;
    c->since = util_monotime();
    o->own = join_status(o);
    if (o->own != before)
        o->since = c->since;
    tell(o, c);
    if (o->own != before)
        o->changed(o->own, o->arg);
}

/* ---- life ------------------------------------------------------------------
 */

static size_t count_children(const struct topology *t, uint32_t rank)
{
    uint32_t child = TOPOLOGY_NONE;
    size_t count = 0;

    while ((child = topology_next_child(t, rank, child)) != TOPOLOGY_NONE)
        count++;
    return count;
}

static int add_children(struct overlay_health *o, const struct topology *t)
{
    size_t count = count_children(t, o->rank);
    uint32_t child = TOPOLOGY_NONE;

    if (count > 0 && !(o->children = calloc(count, sizeof(*o->children))))
        return -1;
    while (o->count < count) {
        struct child *c = &o->children[o->count++];

        child = topology_next_child(t, o->rank, child);
        c->rank = child;
        c->status = OVERLAY_OFFLINE;
        c->since = o->since;
    }
    return 0;
}

struct overlay_health *
overlay_health_create(const struct topology *t,
                      uint32_t rank,
                      void (*changed)(enum overlay_status own, void *arg),
                      void *arg)
{
    struct overlay_health *o = calloc(1, sizeof(*o));

    if (!o)
        return NULL;
    o->rank = rank;
    o->changed = changed;
    o->arg = arg;
    o->since = util_monotime();
    o->watchers = flux_msglist_create();
    o->monitors = flux_msglist_create();
    if (!o->watchers || !o->monitors || add_children(o, t) < 0) {
        overlay_health_destroy(o);
        return NULL;
    }
    o->own = join_status(o);
    return o;
}

void overlay_health_destroy(struct overlay_health *o)
{
    int saved_errno = errno;

    if (!o)
        return;
    flux_msglist_destroy(o->watchers);
    flux_msglist_destroy(o->monitors);
    free(o->children);
    free(o);
    errno = saved_errno;
}
