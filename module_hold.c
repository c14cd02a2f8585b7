/* module_hold.c - requests for a module that is reloaded wait for it
 *
 * A reload is a removal and a load (cmd_module.c).  The removal may ask that
 * requests for the module's services are held (router_hold.c) from the moment
 * that it is told to end: what it was given before, it answers; what comes
 * later is for its successor, the next module of that name.
 *
 * The hold ends
 *
 *   when the successor runs        the requests are given to it
 *   when it cannot be loaded, or   they are answered with the reason, and
 *   fails before it runs           the error that the load has ended with
 *   after the time that was told   they are answered with ETIMEDOUT
 *   when who asked for it has      they are answered with ECANCELED, but for
 *   gone                           a successor that is about to run
 *
 * An owner that cannot be made to end keeps its services when the hold ends.
 */
#include "module_set.h"

#include "router_hold.h"
#include "util.h"

struct module_hold {
    struct list link; /* in set->holds */
    struct module_set *set;
    char *name;
    struct router_hold *requests;
    const flux_msg_t *asked; /* the removal */
    flux_watcher_t *timer;
    double seconds; /* at most */
    double since;
};

static struct module_hold *find(struct module_set *s, const char *name)
{
    struct list *l, *following;

    LIST_FOREACH(&s->holds, l, following)
    {
        struct module_hold *hold = LIST_ENTRY(l, struct module_hold, link);

        if (strcmp(hold->name, name) == 0)
            return hold;
    }
    return NULL;
}

static void hold_destroy(struct module_hold *hold)
{
    int saved_errno = errno;

    list_remove(&hold->link);
    flux_watcher_destroy(hold->timer);
    flux_msg_decref(hold->asked);
    free(hold->name);
    free(hold);
    errno = saved_errno;
}

static void end(struct module_hold *hold, int errnum, const char *why)
{
    flux_t *h = hold->set->h;
    double took = flux_reactor_now(flux_get_reactor(h)) - hold->since;
    char *text =
        errnum ? util_asprintf("reload of %s: %s", hold->name, why) : NULL;
    size_t count = router_hold_end(hold->requests, errnum, text);

    flux_log(h, LOG_DEBUG, "%s: %zu requests were held for %.3fs", hold->name,
             count, took);
    free(text);
    hold_destroy(hold);
}

static void
time_over(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct module_hold *hold = arg;
    char why[64];

    (void)r;
    (void)w;
    (void)revents;
    snprintf(why, sizeof(why), "not done after %gs", hold->seconds);
    flux_log(hold->set->h, LOG_ERR, "reload of %s: %s", hold->name, why);
    end(hold, ETIMEDOUT, why);
}

static struct module_hold *
hold_create(struct module *m, double seconds, const flux_msg_t *asked)
{
    flux_reactor_t *r = flux_get_reactor(m->set->h);
    struct module_hold *hold = calloc(1, sizeof(*hold));

    if (!hold)
        return NULL;
    list_init(&hold->link);
    hold->set = m->set;
    hold->asked = flux_msg_incref(asked);
    hold->since = flux_reactor_now(r);
    hold->name = strdup(m->name);
    hold->seconds = seconds;
    hold->timer = flux_timer_watcher_create(r, seconds, 0, time_over, hold);
    if (!hold->name || !hold->timer ||
        !(hold->requests = router_hold_begin(m->peer))) {
        hold_destroy(hold);
        return NULL;
    }
    return hold;
}

int module_hold_begin(struct module *m, double seconds, const flux_msg_t *asked)
{
    struct module_hold *hold;

    if (find(m->set, m->name) || !m->peer->router)
        return 0;
    if (!(hold = hold_create(m, seconds, asked)))
        return -1;
    flux_watcher_start(hold->timer);
    list_append(&m->set->holds, &hold->link);
    router_defer(m->peer, false); /* what was deferred was given to it */
    return 0;
}

long module_hold_count(struct module_set *s, const char *name)
{
    struct module_hold *hold = find(s, name);

    return hold ? (long)router_hold_count(hold->requests) : -1;
}

void module_hold_end(struct module_set *s,
                     const char *name,
                     int errnum,
                     const char *why)
{
    struct module_hold *hold = find(s, name);

    if (hold)
        end(hold, errnum, why);
}

void module_hold_end_all(struct module_set *s)
{
    while (!list_empty(&s->holds))
        end(LIST_ENTRY(s->holds.next, struct module_hold, link), ECANCELED,
            "the broker shuts down");
}

static bool is_successor_there(struct module_hold *hold)
{
    struct module *m = module_set_find(hold->set, hold->name);

    return m && m->awaited;
}

void module_hold_disconnect(struct module_set *s, const flux_msg_t *msg)
{
    struct list *l, *following;

    LIST_FOREACH(&s->holds, l, following)
    {
        struct module_hold *hold = LIST_ENTRY(l, struct module_hold, link);

        if (flux_disconnect_match(msg, hold->asked) &&
            !is_successor_there(hold))
            end(hold, ECANCELED, "given up");
    }
}
