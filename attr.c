/* attr.c - broker attributes
 *
 * An attribute is a name and a text.  What may be done with a name is looked
 * up in the `rules` table, where a trailing "*" matches any rest; a name that
 * is not there is unknown, and no one can set it.  The broker itself sets
 * what it likes.
 *
 * The `test` names exist for test suites, as in Flux.
 */
#include "attr.h"

#include <math.h>

#include "serve.h"
#include "table.h"
#include "util.h"

enum {
    ATTR_READONLY = 1, /* not on the command line */
    ATTR_RUNTIME = 2,  /* while the broker runs */
    ATTR_CACHED = 4,   /* never changes: attr.get says flags 1 */
    ATTR_DURATION = 8, /* an FSD, or "none" */
};

static const struct attr_rule {
    const char *name;
    int flags;
} rules[] = {
    {"broker.boot-method", ATTR_CACHED},
    {"broker.config-timeout", ATTR_RUNTIME | ATTR_DURATION},
    {"broker.critical-ranks", ATTR_READONLY | ATTR_CACHED},
    {"broker.mapping", ATTR_READONLY | ATTR_CACHED},
    {"broker.module-load-timeout", ATTR_RUNTIME | ATTR_DURATION},
    {"broker.module-nopanic", ATTR_RUNTIME},
    {"broker.pid", ATTR_READONLY | ATTR_CACHED},
    {"broker.quorum", ATTR_CACHED},
    {"broker.rc1_path", 0},
    {"broker.rc2_none", 0},
    {"broker.rc2_pgrp", 0},
    {"broker.rc3_path", 0},
    {"broker.rc3-timeout", ATTR_RUNTIME | ATTR_DURATION},
    {"broker.shutdown-timeout", ATTR_RUNTIME | ATTR_DURATION},
    {"broker.starttime", ATTR_READONLY | ATTR_CACHED},
    {"broker.uuid", ATTR_READONLY | ATTR_CACHED},
    {"config.path", 0},
    {"content.backing-module", 0},
    {"content.dump", 0},
    {"content.hash", ATTR_CACHED},
    {"content.restore", 0},
    {"cron.directory", 0},
    {"hostlist", ATTR_CACHED},
    {"hostname", ATTR_CACHED},
    {"instance-level", ATTR_READONLY | ATTR_CACHED},
    {"jobid-path", ATTR_READONLY | ATTR_CACHED},
    {"local-uri", ATTR_CACHED},
    {"log-critical-level", ATTR_CACHED},
    {"log-filename", 0},
    {"log-forward-level", ATTR_CACHED},
    {"log-level", ATTR_CACHED},
    {"log-ring-size", ATTR_CACHED},
    {"log-stderr-level", ATTR_RUNTIME},
    {"log-stderr-mode", ATTR_CACHED},
    {"log-syslog-enable", ATTR_CACHED},
    {"log-syslog-level", ATTR_CACHED},
    {"parent-uri", ATTR_READONLY},
    {"rank", ATTR_READONLY | ATTR_CACHED},
    {"rundir", 0},
    {"rundir-cleanup", ATTR_CACHED},
    {"security.owner", ATTR_READONLY | ATTR_CACHED},
    {"size", ATTR_READONLY | ATTR_CACHED},
    {"statedir", 0},
    {"statedir-cleanup", ATTR_CACHED},
    {"tbon.child_rcvhwm", 0},
    {"tbon.connect_timeout", ATTR_DURATION},
    {"tbon.descendants", ATTR_READONLY},
    {"tbon.interface-hint", ATTR_RUNTIME},
    {"tbon.level", ATTR_READONLY},
    {"tbon.maxlevel", ATTR_READONLY},
    {"tbon.prefertcp", 0},
    {"tbon.tcp_user_timeout", ATTR_DURATION},
    {"tbon.topo", 0},
    {"tbon.torpid_max", ATTR_DURATION},
    {"tbon.torpid_min", ATTR_DURATION},
    {"tbon.zmq_io_threads", 0},
    {"tbon.zmqdebug", 0},
    {"test-nr.*", 0},
    {"test-ro.*", ATTR_READONLY},
    {"test.*", ATTR_RUNTIME},
    {"version", ATTR_READONLY},
};

static const struct {
    const char *name, *value;
} first_values[] = {
    {"broker.config-timeout", "30s"},
    {"broker.module-load-timeout", "30s"},
    {"broker.rc3-timeout", "60s"},
    {"broker.shutdown-timeout", "none"},
};

struct attr_watcher {
    const char *prefix;
    attr_check_f check;
    void *arg;
};

struct attr_set {
    struct table *values; /* by name: char * */
    char *cacheable;      /* made when asked for, NULL after a change */
    struct attr_watcher watchers[4];
    size_t watcher_count;
};

static const struct attr_rule *rule_find(const char *name)
{
    size_t i;

    for (i = 0; i < UTIL_ARRAY_SIZE(rules); i++) {
        const char *pattern = rules[i].name;
        size_t len = strlen(pattern);

        if (pattern[len - 1] == '*' ? strncmp(name, pattern, len - 1) == 0
                                    : strcmp(name, pattern) == 0)
            return &rules[i];
    }
    return NULL;
}

static int unknown(flux_error_t *e)
{
    return util_errno(e, ENOENT, "unknown attribute");
}

static int refuse(int errnum)
{
    errno = errnum;
    return -1;
}

static int put_first_values(struct attr_set *s)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(first_values); i++)
        if (attr_put(s, first_values[i].name, first_values[i].value) < 0)
            return -1;
    return 0;
}

struct attr_set *attr_create(void)
{
    struct attr_set *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    if (!(s->values = table_create(free)) || put_first_values(s) < 0) {
        attr_destroy(s);
        return NULL;
    }
    return s;
}

void attr_destroy(struct attr_set *s)
{
    int saved_errno = errno;

    if (!s)
        return;
    table_destroy(s->values);
    free(s->cacheable);
    free(s);
    errno = saved_errno;
}

static void forget_cacheable(struct attr_set *s)
{
    free(s->cacheable);
    s->cacheable = NULL;
}

int attr_put(struct attr_set *s, const char *name, const char *value)
{
    char *copy;

    forget_cacheable(s);
    if (!value)
        return table_remove(s->values, name);
    if (!(copy = strdup(value)))
        return -1;
    if (table_set(s->values, name, copy) < 0) {
        free(copy);
        return -1;
    }
    return 0;
}

int attr_default(struct attr_set *s, const char *name, const char *value)
{
    return attr_value(s, name) ? 0 : attr_put(s, name, value);
}

int attr_putf(struct attr_set *s, const char *name, const char *fmt, ...)
{
    va_list ap;
    char *value;
    int rc;

    va_start(ap, fmt);
    value = util_vasprintf(fmt, ap);
    va_end(ap);
    if (!value)
        return -1;
    rc = attr_put(s, name, value);
    free(value);
    return rc;
}

const char *attr_value(struct attr_set *s, const char *name)
{
    return table_get(s->values, name);
}

static int parse_limit(const char *value, double *seconds)
{
    *seconds = 0;
    if (strcmp(value, "none") == 0)
        return 0;
    return util_parse_duration(value, seconds);
}

/* Whether the name may have that value. */
static int
check_value(const struct attr_rule *rule, const char *value, flux_error_t *e)
{
    double seconds;

    if (!(rule->flags & ATTR_DURATION) || parse_limit(value, &seconds) == 0)
        return 0;
    return util_errno(e, EINVAL,
                      "Error parsing %s attribute: neither a duration nor "
                      "none: '%s'",
                      rule->name, value);
}

double attr_limit(struct attr_set *s, const char *name)
{
    const char *value = attr_value(s, name);
    double seconds = 0;

    if (!value || parse_limit(value, &seconds) < 0 || isinf(seconds))
        return 0;
    return seconds;
}

int attr_command_line(struct attr_set *s, const char *arg, flux_error_t *e)
{
    const char *equals = strchr(arg, '=');
    const char *value = equals ? equals + 1 : "";
    size_t len = equals ? (size_t)(equals - arg) : strlen(arg);
    char *name = util_asprintf("%.*s", (int)len, arg);
    const struct attr_rule *rule = name ? rule_find(name) : NULL;
    int rc = -1;

    if (!name)
        util_error(e, "out of memory");
    else if (!rule)
        util_errno(e, ENOENT, "%s: unknown attribute", name);
    else if (rule->flags & ATTR_READONLY)
        util_errno(e, EINVAL,
                   "%s: attribute may not be set on the command line", name);
    else if (check_value(rule, value, e) == 0)
        rc = attr_put(s, name, value);
    free(name);
    return rc;
}

void attr_watch(struct attr_set *s,
                const char *prefix,
                attr_check_f check,
                void *arg)
{
    if (s->watcher_count < UTIL_ARRAY_SIZE(s->watchers))
        s->watchers[s->watcher_count++] =
            (struct attr_watcher){prefix, check, arg};
}

static int ask_watchers(struct attr_set *s,
                        const char *name,
                        const char *value,
                        flux_error_t *e)
{
    size_t i;

    for (i = 0; i < s->watcher_count; i++) {
        struct attr_watcher *w = &s->watchers[i];

        if (strncmp(name, w->prefix, strlen(w->prefix)) == 0 &&
            w->check(name, value, w->arg, e) < 0)
            return -1;
    }
    return 0;
}

/* A first setting is always a new value; only a change needs RUNTIME. */
static int update(struct attr_set *s,
                  const char *name,
                  const char *value,
                  bool force,
                  flux_error_t *e)
{
    const struct attr_rule *rule = rule_find(name);
    int protected = ATTR_READONLY | ATTR_CACHED;

    if (!rule)
        return unknown(e);
    if (force && (rule->flags & protected))
        return refuse(EPERM);
    if (!force && !(rule->flags & ATTR_RUNTIME) && attr_value(s, name))
        return util_errno(e, EINVAL, "attribute may not be updated");
    if (check_value(rule, value, e) < 0 || ask_watchers(s, name, value, e) < 0)
        return -1;
    return attr_put(s, name, value);
}

static int erase(struct attr_set *s, const char *name)
{
    const struct attr_rule *rule = rule_find(name);

    if (rule && (rule->flags & (ATTR_READONLY | ATTR_CACHED)))
        return refuse(EPERM);
    forget_cacheable(s);
    table_remove(s->values, name);
    return 0;
}

static char *make_cacheable(struct attr_set *s)
{
    json_t *o = json_object();
    char *text;
    size_t pos = 0;
    const char *name, *value;

    while (o && (value = table_next(s->values, &pos, &name, NULL))) {
        const struct attr_rule *rule = rule_find(name);

        if (rule && (rule->flags & ATTR_CACHED))
            json_object_set_new(o, name, json_string(value));
    }
    text = json_dumps(o, JSON_COMPACT);
    json_decref(o);
    return text;
}

const char *attr_cacheable(struct attr_set *s)
{
    if (!s->cacheable && !(s->cacheable = make_cacheable(s)))
        errno = ENOMEM;
    return s->cacheable;
}

/* ---- service ------------------------------------------------------------ */

static void
get_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct attr_set *s = arg;
    const struct attr_rule *rule;
    const char *name, *value;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s}", "name", &name) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        return;
    }
    if (!(value = attr_value(s, name))) {
        flux_respond_error(h, msg, ENOENT, NULL);
        return;
    }
    rule = rule_find(name);
    flux_respond_pack(h, msg, "{s:s s:i}", "value", value, "flags",
                      rule && (rule->flags & ATTR_CACHED) ? 1 : 0);
}

static void
set_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name, *value;
    int force = 0;
    flux_error_t e = {""};

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s s:s s?b}", "name", &name, "value",
                            &value, "force", &force) < 0 ||
        update(arg, name, value, force, &e) < 0)
        flux_respond_error(h, msg, errno, e.text[0] ? e.text : NULL);
    else
        flux_respond(h, msg, NULL);
}

static void
rm_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name;

    (void)mh;
    if (flux_request_unpack(msg, NULL, "{s:s}", "name", &name) < 0 ||
        erase(arg, name) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else
        flux_respond(h, msg, NULL);
}

static void
list_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct attr_set *s = arg;
    json_t *names = json_array();
    size_t pos = 0;
    const char *name;

    (void)mh;
    while (names && table_next(s->values, &pos, &name, NULL))
        json_array_append_new(names, json_string(name));
    if (!names)
        flux_respond_error(h, msg, ENOMEM, NULL);
    else
        flux_respond_pack(h, msg, "{s:o}", "names", names);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "attr.get", get_cb, FLUX_ROLE_ALL},
    {FLUX_MSGTYPE_REQUEST, "attr.list", list_cb, FLUX_ROLE_ALL},
    {FLUX_MSGTYPE_REQUEST, "attr.set", set_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "attr.rm", rm_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

int attr_serve(struct attr_set *s, flux_t *h)
{
    return serve_handlers(h, handlers, s);
}
