/* module_info.c - what can be told of modules, as JSON
 *
 * Three views of a module, each a JSON object:
 *
 *   entry   a line of module.list: Flux's own keys, then kind, digest, args,
 *           and what only a process, or one that may be restarted, has
 *   stats   what is counted and used: messages and bytes each way, the queue
 *           and its high-water marks, requests without an answer, the times
 *           from request to response, CPU and memory
 *   all     an entry with its stats, who uses it, what it listens to, how it
 *           was loaded, since when, and how it failed last
 *
 * Counters are the router's and the link's, so that they are there for each
 * module, whatever it does with its own; they count as the module sees it
 * (rx: what it got).  Nothing here is computed unless it is asked for.
 *
 * The last failure of a name outlives the module, since it is looked for when
 * the module is gone; MODULE_FAILURES_MAX names are kept, the oldest goes
 * first.
 */
#include "module_info.h"

#include "latency.h"
#include "sys.h"
#include "util.h"

/* ---- an entry ------------------------------------------------------------ */

static json_t *services_of(struct module *m)
{
    json_t *a = json_array();
    size_t pos = 0;
    const char *name;

    while (a && (name = router_service_next(m->peer, &pos)))
        json_array_append_new(a, json_string(name));
    return a;
}

static int idle_seconds(struct module *m)
{
    double now = flux_reactor_now(flux_get_reactor(m->set->h));

    return (int)(now - m->peer->last_sent);
}

/* How it was loaded, where that is not as usual. */
static void add_request(struct module *m, json_t *entry, const char *key)
{
    json_t *value = json_object_get(m->request, key);

    if (value)
        json_object_set(entry, key, value);
}

/* What only a process, or one that may be restarted, has. */
static void add_rare(struct module *m, json_t *entry)
{
    char rule[ONFAILURE_TEXT_SIZE];

    if (m->ops->pid && m->ops->pid(m) > 0)
        json_object_set_new(entry, "pid", json_integer(m->ops->pid(m)));
    if (m->loader)
        json_object_set_new(entry, "loader", json_string(m->loader));
    add_request(m, entry, "wrap");
    add_request(m, entry, "load-timeout");
    onfailure_format(&m->on_failure, rule);
    if (!rule[0])
        return;
    json_object_set_new(entry, "on-failure", json_string(rule));
    json_object_set_new(entry, "restarts",
                        json_integer(module_restart_total(m)));
}

json_t *module_info_entry(struct module *m)
{
    json_t *entry = json_pack(
        "{s:s s:s s:i s:i s:o s:i s:i s:s s:s? s:O}", "name", m->name, "path",
        m->path, "idle", idle_seconds(m), "status", (int)m->state, "services",
        services_of(m), "sendqueue", (int)m->ops->send_queue(m), "recvqueue", 0,
        "kind", m->ops->kind, "digest", m->digest[0] ? m->digest : NULL, "args",
        m->args);

    if (entry)
        add_rare(m, entry);
    return entry;
}

/* ---- stats ------------------------------------------------------------------
 */

static json_t *
counters_of(int request, int response, int event, int control, uint64_t bytes)
{
    return json_pack("{s:i s:i s:i s:i s:I}", "request", request, "response",
                     response, "event", event, "control", control, "bytes",
                     (json_int_t)bytes);
}

static json_t *received(const struct peer *p)
{
    const flux_msgcounters_t *c = &p->counters;

    return counters_of(c->request_rx, c->response_rx, c->event_rx,
                       c->control_rx, p->stats.bytes_rx);
}

static json_t *sent(const struct peer *p)
{
    const flux_msgcounters_t *c = &p->counters;

    return counters_of(c->request_tx, c->response_tx, c->event_tx,
                       c->control_tx, p->stats.bytes_tx);
}

static json_t *queue_of(struct module *m)
{
    const struct peer_stats *s = &m->peer->stats;

    return json_pack(
        "{s:I s:I s:I s:I}", "messages", (json_int_t)m->ops->send_queue(m),
        "bytes", (json_int_t)(m->ops->send_bytes ? m->ops->send_bytes(m) : 0),
        "messages-max", (json_int_t)s->queue_max, "bytes-max",
        (json_int_t)s->queue_bytes_max);
}

static int buckets_used(const struct latency *l)
{
    int used = LATENCY_BUCKETS;

    while (used > 0 && l->buckets[used - 1] == 0)
        used--;
    return used;
}

static json_t *latency_of(const struct peer *p)
{
    static const struct latency none;
    const struct latency *l = p->stats.latency ? p->stats.latency : &none;
    json_t *buckets = json_array();

    for (int i = 0; buckets && i < buckets_used(l); i++)
        json_array_append_new(buckets, json_integer((json_int_t)l->buckets[i]));
    return json_pack("{s:I s:f s:o}", "count", (json_int_t)l->count, "sum",
                     l->sum, "buckets", buckets);
}

static json_t *usage_of(struct module *m)
{
    struct sys_usage u = {-1, 0};
    json_t *usage = json_object();

    if (!m->ops->usage || m->ops->usage(m, &u) < 0)
        return usage;
    if (u.cpu >= 0)
        json_object_set_new(usage, "cpu", json_real(u.cpu));
    if (u.memory > 0)
        json_object_set_new(usage, "memory",
                            json_integer((json_int_t)u.memory));
    return usage;
}

json_t *module_info_stats(struct module *m)
{
    struct peer *p = m->peer;

    return json_pack("{s:s s:i s:f s:i s:o s:o s:o s:I s:I s:o s:o s:i}",
                     "name", m->name, "status", (int)m->state, "age",
                     flux_reactor_time() - m->since, "idle", idle_seconds(m),
                     "rx", received(p), "tx", sent(p), "queue", queue_of(m),
                     "pending", (json_int_t)router_pending(p), "pending-max",
                     (json_int_t)p->stats.pending_max, "latency", latency_of(p),
                     "usage", usage_of(m), "restarts", module_restart_total(m));
}

/* ---- all of it --------------------------------------------------------------
 */

static json_t *subscriptions_of(struct peer *p)
{
    json_t *topics = json_array();
    const char *topic = NULL;

    while (topics && (topic = router_subscription_next(p, topic)))
        json_array_append_new(topics, json_string(topic));
    return topics;
}

static json_t *new_user(struct peer *sender)
{
    uid_t uid;
    pid_t pid;
    json_t *user;

    if (!sender)
        return json_pack("{s:s s:n s:i}", "name", "broker", "uuid", "requests",
                         0);
    user = json_pack("{s:s s:s s:i}", "name", sender->name, "uuid",
                     sender->uuid, "requests", 0);
    if (user && sender->kind == PEER_CLIENT &&
        link_peer_owner(sender, &uid, &pid)) {
        json_object_set_new(user, "userid", json_integer(uid));
        json_object_set_new(user, "pid", json_integer(pid));
    }
    return user;
}

static void count_user(struct table *users, struct peer *sender)
{
    const char *key = sender ? sender->uuid : "";
    json_t *user = table_get(users, key);
    json_t *requests;

    if (!user &&
        (!(user = new_user(sender)) || table_set(users, key, user) < 0))
        return;
    requests = json_object_get(user, "requests");
    json_integer_set(requests, json_integer_value(requests) + 1);
}

static json_t *array_of(struct table *users)
{
    json_t *array = json_array(), *user;
    size_t pos = 0;

    while ((user = table_next(users, &pos, NULL, NULL)))
        json_array_append_new(array, user);
    return array;
}

json_t *module_info_users(struct module *m)
{
    struct table *users = table_create(NULL);
    const flux_msg_t *request = NULL;
    json_t *array;

    if (!users)
        return NULL;
    while ((request = router_pending_next(m->peer, request)))
        count_user(users, router_sender(m->set->router, request));
    array = array_of(users);
    table_destroy(users);
    return array;
}

/* Requests that wait while it is reloaded. */
static void add_held(struct module *m, json_t *all)
{
    long held = module_hold_count(m->set, m->name);

    if (held >= 0)
        json_object_set_new(all, "held", json_integer(held));
}

json_t *module_info_all(struct module *m)
{
    json_t *all = module_info_entry(m), *stats = module_info_stats(m);
    json_t *failure = module_info_failure(m->set, m->name);

    if (all && stats)
        json_object_update_missing(all, stats);
    if (all) {
        json_object_set_new(all, "uuid", json_string(m->peer->uuid));
        json_object_set_new(all, "since", json_real(m->since));
        json_object_set(all, "request", m->request);
        if (m->command)
            json_object_set(all, "command", m->command);
        json_object_set_new(all, "subscriptions", subscriptions_of(m->peer));
        json_object_set_new(all, "users", module_info_users(m));
        json_object_set_new(all, "deferring", json_boolean(m->peer->deferring));
        add_held(m, all);
        if (failure)
            json_object_set(all, "failure", failure);
    }
    json_decref(stats);
    return all;
}

/* ---- failures
 * ----------------------------------------------------------------
 */

static void decref_value(void *value)
{
    json_decref(value);
}

static void make_room(struct table *failures)
{
    const char *oldest;
    size_t pos = 0;

    if (table_count(failures) >= MODULE_FAILURES_MAX &&
        table_next(failures, &pos, &oldest, NULL))
        table_remove(failures, oldest);
}

/* A text of anyone's: not always UTF-8. */
static json_t *lossy_string(const char *text)
{
    json_t *value = json_string(text);
    char *copy;

    if (value || !text || !(copy = util_asprintf("%s", text)))
        return value;
    for (char *c = copy; *c; c++)
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    value = json_string(copy);
    free(copy);
    return value;
}

void module_info_failed(struct module *m, const char *reason)
{
    struct module_set *s = m->set;
    json_t *failure =
        json_pack("{s:f s:o s:i s:o*}", "time", flux_reactor_time(), "reason",
                  lossy_string(reason), "errnum", m->errnum, "lines",
                  lossy_string(m->last_words));

    if (!s->failures)
        s->failures = table_create(decref_value);
    if (!s->failures || !failure) {
        json_decref(failure);
        return;
    }
    table_remove(s->failures, m->name);
    make_room(s->failures);
    if (table_set(s->failures, m->name, failure) < 0)
        json_decref(failure);
}

json_t *module_info_failure(struct module_set *s, const char *name)
{
    return s->failures ? table_get(s->failures, name) : NULL;
}
