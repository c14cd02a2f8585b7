/* module_restart.c - modules that are loaded again when they fail
 *
 * A struct module_restart is the history of one module that is loaded with
 * on-failure restart.  It belongs to the module while that is there; when the
 * module fails it goes into the set's list `waiting`, with a timer that loads
 * the module again as it was loaded first, and belongs to the new one then.
 * One that cannot even be loaded again goes back into the list, as far as the
 * rule allows (onfailure.c).
 *
 * While it waits it is shown by module.list as a module that has exited, and
 * a removal by its name ends it.
 */
#include "module_info.h"

#include "util.h"

struct module_restart {
    struct list link; /* in set->waiting while the timer runs */
    struct module_set *set;
    json_t *request;
    const char *name; /* of the request */
    const char *path;
    struct onfailure rule;
    struct onfailure_history history;
    flux_watcher_t *timer;
};

void module_restart_destroy(struct module_restart *r)
{
    int saved_errno = errno;

    if (!r)
        return;
    list_remove(&r->link);
    flux_watcher_destroy(r->timer);
    json_decref(r->request);
    free(r);
    errno = saved_errno;
}

int module_restart_total(const struct module *m)
{
    return m->restart ? m->restart->history.total : 0;
}

/* Enter the next restart; false if there have been too many. */
static bool plan(struct module_restart *r)
{
    flux_reactor_t *reactor = flux_get_reactor(r->set->h);
    double delay =
        onfailure_delay(&r->rule, &r->history, flux_reactor_now(reactor));

    if (delay < 0) {
        flux_log(r->set->h, LOG_ERR, "%s: not restarted, after %d times in %gs",
                 r->name, r->rule.times, r->rule.seconds);
        return false;
    }
    flux_log(r->set->h, LOG_ERR, "%s: restart %d in %gs", r->name,
             r->history.total, delay);
    list_append(&r->set->waiting, &r->link);
    flux_timer_watcher_reset(r->timer, delay, 0);
    flux_watcher_start(r->timer);
    return true;
}

static void
restart_cb(flux_reactor_t *reactor, flux_watcher_t *w, int revents, void *arg)
{
    struct module_restart *r = arg;
    flux_error_t e = {""};
    struct module *m;

    (void)reactor;
    (void)revents;
    flux_watcher_stop(w);
    list_remove(&r->link);
    if ((m = module_load(r->set, r->request, &e, NULL))) {
        m->restart = r;
        return;
    }
    flux_log(r->set->h, LOG_ERR, "%s: %s", r->name,
             e.text[0] ? e.text : flux_strerror(errno));
    if (!plan(r))
        module_restart_destroy(r);
}

static struct module_restart *create(struct module *m)
{
    struct module_restart *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    list_init(&r->link);
    r->set = m->set;
    r->rule = m->on_failure;
    r->request = json_incref(m->request);
    r->name = json_string_value(json_object_get(r->request, "name"));
    r->path = json_string_value(json_object_get(r->request, "path"));
    r->timer = flux_timer_watcher_create(flux_get_reactor(m->set->h), 0, 0,
                                         restart_cb, r);
    if (!r->timer) {
        module_restart_destroy(r);
        return NULL;
    }
    return r;
}

bool module_restart_plan(struct module *m)
{
    if (m->on_failure.action != ONFAILURE_RESTART)
        return false;
    if (!m->restart && !(m->restart = create(m)))
        return false;
    if (!plan(m->restart))
        return false;
    m->restart = NULL;
    return true;
}

bool module_restart_forget(struct module_set *s, const char *name)
{
    struct list *l, *following;

    LIST_FOREACH(&s->waiting, l, following)
    {
        struct module_restart *r = LIST_ENTRY(l, struct module_restart, link);

        if (strcmp(r->name, name) == 0 || strcmp(r->path, name) == 0) {
            module_restart_destroy(r);
            return true;
        }
    }
    return false;
}

void module_restart_forget_all(struct module_set *s)
{
    while (!list_empty(&s->waiting))
        module_restart_destroy(
            LIST_ENTRY(s->waiting.next, struct module_restart, link));
}

static json_t *describe(struct module_restart *r)
{
    char rule[ONFAILURE_TEXT_SIZE];

    onfailure_format(&r->rule, rule);
    return json_pack("{s:s s:s s:i s:i s:[] s:i s:i s:O s:s s:i}", "name",
                     r->name, "path", r->path, "idle", 0, "status",
                     MODULE_EXITED, "services", "sendqueue", 0, "recvqueue", 0,
                     "args", json_object_get(r->request, "args"), "on-failure",
                     rule, "restarts", r->history.total);
}

void module_restart_list(struct module_set *s, json_t *mods)
{
    struct list *l, *following;

    LIST_FOREACH(&s->waiting, l, following)
    json_array_append_new(mods,
                          describe(LIST_ENTRY(l, struct module_restart, link)));
}

json_t *module_restart_find(struct module_set *s, const char *name)
{
    struct list *l, *following;
    json_t *failure = module_info_failure(s, name), *entry;

    LIST_FOREACH(&s->waiting, l, following)
    {
        struct module_restart *r = LIST_ENTRY(l, struct module_restart, link);

        if (strcmp(r->name, name) != 0 && strcmp(r->path, name) != 0)
            continue;
        if ((entry = describe(r)) && failure)
            json_object_set(entry, "failure", failure);
        return entry;
    }
    return NULL;
}
