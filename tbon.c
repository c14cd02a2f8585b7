/* tbon.c - the settings of the tree of brokers, attributes tbon.*
 *
 * A setting comes from the command line, from the table tbon of the
 * configuration (flux-config-tbon(5)) or from the table below, in this order.
 * It is checked and written in one form, so that "0" reads "0s", and is then
 * an attribute.
 *
 * Here the links between brokers are UNIX sockets of one machine, so only
 * `topo` and `connect_timeout` have an effect.  The others are about ZeroMQ,
 * TCP and peers that fall silent without closing, which cannot be here.  They
 * are taken and shown all the same: a configuration, a script or a test that
 * was made for a cluster starts here as it is, and what is wrong in it is told
 * before it gets there.
 *
 * An attribute's rules for the command line stand in attr.c, that of its
 * being a duration, too.
 */
#include "tbon.h"

#include "util.h"

enum {
    VALUE_SIZE = 256, /* of a text, far above any */
    NAME_SIZE = 64,
};

enum kind { TEXT, DURATION, NUMBER };

static const struct setting {
    const char *key;
    enum kind kind;
    const char *value; /* the default */
    const char *rule;  /* what a NUMBER must be, NULL: any */
    int64_t least;     /* by that rule */
    int64_t except;    /* by that rule, too */
    bool leader_only;  /* other ranks have the default */
} settings[] = {
    {"child_rcvhwm", NUMBER, "0", "0 (unlimited) or >= 2", 0, 1, false},
    {"connect_timeout", DURATION, "30s", NULL, 0, 0, false},
    {"interface-hint", TEXT, "default-route", NULL, 0, 0, false},
    {"prefertcp", NUMBER, "0", NULL, 0, 0, false},
    {"tcp_user_timeout", DURATION, "20s", NULL, 0, 0, false},
    {"topo", TEXT, "kary:32", NULL, 0, 0, false},
    {"torpid_max", DURATION, "30s", NULL, 0, 0, false},
    {"torpid_min", DURATION, "5s", NULL, 0, 0, false},
    {"zmq_io_threads", NUMBER, "1", ">= 1", 1, 0, true},
    {"zmqdebug", NUMBER, "0", NULL, 0, 0, false},
};

/* A tree that is written down host by host is not computed. */
static const char *default_of(const struct setting *s, const flux_conf_t *conf)
{
    json_t *hosts;

    if (strcmp(s->key, "topo") == 0 &&
        flux_conf_unpack(conf, NULL, "{s:o}", "bootstrap", &hosts) == 0)
        return "custom";
    return s->value;
}

static int config_error(const char *key, const char *why, flux_error_t *e)
{
    return util_errno(e, EINVAL, "Config file error [tbon]: %s: %s", key, why);
}

/* The configuration's value, or the default, as text. */
static int configured(const struct setting *s,
                      const flux_conf_t *conf,
                      char text[VALUE_SIZE],
                      flux_error_t *e)
{
    const char *value = default_of(s, conf);
    char number[UTIL_DURATION_SIZE];
    flux_error_t why;
    int rc, n;

    if (s->kind != NUMBER)
        rc = flux_conf_unpack(conf, &why, "{s?{s?s}}", "tbon", s->key, &value);
    else {
        n = atoi(value);
        rc = flux_conf_unpack(conf, &why, "{s?{s?i}}", "tbon", s->key, &n);
        snprintf(number, sizeof(number), "%d", n);
        value = number;
    }
    if (rc < 0)
        return config_error(s->key, why.text, e);
    if (snprintf(text, VALUE_SIZE, "%s", value) >= VALUE_SIZE)
        return config_error(s->key, "too long", e);
    return 0;
}

static int
check_number(const struct setting *s, const char *value, flux_error_t *e)
{
    int64_t n;

    if (util_parse_int64(value, 10, &n) < 0)
        return util_errno(e, EINVAL,
                          "tbon.%s value must be an integer, not '%s'", s->key,
                          value);
    if (s->rule && (n < s->least || n == s->except))
        return util_errno(e, EINVAL, "tbon.%s must be %s, not %s", s->key,
                          s->rule, value);
    return 0;
}

/* Check an attribute that is there, and write it in the form that all have. */
static int settle(const struct setting *s,
                  struct attr_set *attrs,
                  const char *name,
                  flux_error_t *e)
{
    const char *value = attr_value(attrs, name);
    char text[UTIL_DURATION_SIZE];
    double seconds;

    if (s->kind == NUMBER)
        return check_number(s, value, e);
    if (s->kind == TEXT || util_parse_duration(value, &seconds) < 0)
        return 0;
    return attr_put(attrs, name, util_format_duration(seconds, text));
}

static int take(const struct setting *s,
                struct attr_set *attrs,
                const flux_conf_t *conf,
                flux_error_t *e)
{
    char name[NAME_SIZE], value[VALUE_SIZE], line[NAME_SIZE + VALUE_SIZE];

    snprintf(name, sizeof(name), "tbon.%s", s->key);
    if (!attr_value(attrs, name)) {
        if (configured(s, conf, value, e) < 0)
            return -1;
        snprintf(line, sizeof(line), "%s=%s", name, value);
        if (attr_command_line(attrs, line, e) < 0)
            return -1;
    }
    return settle(s, attrs, name, e);
}

int tbon_take(struct attr_set *attrs,
              const flux_conf_t *conf,
              uint32_t rank,
              flux_error_t *e)
{
    char name[NAME_SIZE];

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(settings); i++) {
        const struct setting *s = &settings[i];

        if (take(s, attrs, conf, e) < 0)
            return -1;
        snprintf(name, sizeof(name), "tbon.%s", s->key);
        if (s->leader_only && rank > 0 && attr_put(attrs, name, s->value) < 0)
            return util_error(e, "%s: %s", name, strerror(errno));
    }
    return 0;
}
