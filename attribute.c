/* attribute.c - the broker's attributes, as modules and clients see them
 *
 * Attributes that the broker marks as never changing are kept with the handle,
 * so that rank and size cost one call in its life; a loader puts those it was
 * given there before the module starts, as the object that they came in.  The
 * value of any other attribute is
 * asked for each time, and is kept only so that the caller need not free it:
 * until the same attribute is asked for again.
 *
 * What always holds:
 * - A value of an attribute that never changes is valid as long as its handle.
 * - Only what never changes is listed by flux_attr_cache_first() and _next().
 * - A value that is set is sent to the broker, and not kept here; but for
 *   flux_attr_set_cacheonly(), which is never sent.
 */
#include "codec.h"
#include "handle.h"
#include "json.h"
#include "rpc.h"
#include "table.h"
#include "util.h"

#define ATTRIBUTE_AUX "flux::attr"

enum { ATTRIBUTE_CONSTANT = 1 }; /* flag of attr.get: never changes */

struct attr_cache {
    json_t *constant;     /* object of strings */
    struct table *latest; /* string under its name, of those that may change */
    void *cursor; /* in constant: what cache_next is to tell next, or NULL */
};

static void attr_cache_destroy(void *arg)
{
    struct attr_cache *c = arg;
    json_decref(c->constant);
    table_destroy(c->latest);
    free(c);
}

static struct attr_cache *attr_cache_create(flux_t *h)
{
    struct attr_cache *c = calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    if ((c->constant = json_object()) && (c->latest = table_create(free)) &&
        flux_aux_set(h, ATTRIBUTE_AUX, c, attr_cache_destroy) == 0)
        return c;
    attr_cache_destroy(c);
    return NULL;
}

static struct attr_cache *attr_cache_get(flux_t *h)
{
    struct attr_cache *c = flux_aux_get(h, ATTRIBUTE_AUX);
    return c ? c : attr_cache_create(h);
}

static const char *
attr_keep_constant(struct attr_cache *c, const char *name, const char *value)
{
    json_t *s = json_string_nocheck(value);
    if (json_object_set_new_nocheck(c->constant, name, s) == 0)
        return json_string_value(s);
    errno = ENOMEM;
    return NULL;
}

static const char *
attr_keep_latest(struct attr_cache *c, const char *name, const char *value)
{
    char *copy = strdup(value);
    if (copy && table_set(c->latest, name, copy) < 0) {
        free(copy);
        return NULL;
    }
    return copy;
}

static flux_future_t *
attr_call(flux_t *h, const char *topic, uint32_t nodeid, const char *fmt, ...)
{
    flux_msg_t *msg;
    va_list ap;
    va_start(ap, fmt);
    msg = codec_vpack(FLUX_MSGTYPE_REQUEST, topic, fmt, ap);
    va_end(ap);
    if (msg && flux_msg_set_nodeid(msg, nodeid) < 0) {
        flux_msg_destroy(msg);
        return NULL;
    }
    return rpc_start(h, msg, nodeid, 0);
}

static const char *
attr_fetch(flux_t *h, struct attr_cache *c, const char *name, uint32_t nodeid)
{
    flux_future_t *f;
    const char *value = NULL;
    int flags;
    if (!(f = attr_call(h, "attr.get", nodeid, "{s:s}", "name", name)))
        return NULL;
    if (flux_rpc_get_unpack(f, "{s:s s:i}", "value", &value, "flags", &flags) ==
        0)
        value = flags & ATTRIBUTE_CONSTANT ? attr_keep_constant(c, name, value)
                                           : attr_keep_latest(c, name, value);
    flux_future_destroy(f);
    return value;
}

static const char *attr_lookup(flux_t *h, const char *name, uint32_t nodeid)
{
    struct attr_cache *c;
    const char *value;
    if (!(c = attr_cache_get(h)))
        return NULL;
    if ((value = json_string_value(json_object_get(c->constant, name))))
        return value;
    return attr_fetch(h, c, name, nodeid);
}

const char *flux_attr_get(flux_t *h, const char *name)
{
    if (!h || !name) {
        errno = EINVAL;
        return NULL;
    }
    return attr_lookup(h, name, FLUX_NODEID_ANY);
}

int flux_attr_set_ex(flux_t *h,
                     const char *name,
                     const char *val,
                     bool force,
                     flux_error_t *errp)
{
    flux_future_t *f;
    if (!h || !name || !val)
        return util_errno(errp, EINVAL, "%s", flux_strerror(EINVAL));
    if (force)
        f = attr_call(h, "attr.set", FLUX_NODEID_ANY, "{s:s s:s s:b}", "name",
                      name, "value", val, "force", 1);
    else
        f = attr_call(h, "attr.set", FLUX_NODEID_ANY, "{s:s s:s}", "name", name,
                      "value", val);
    if (!f)
        return util_error(errp, "%s", flux_strerror(errno));
    return rpc_finish(f, errp);
}

int flux_attr_set(flux_t *h, const char *name, const char *val)
{
    return flux_attr_set_ex(h, name, val, false, NULL);
}

int flux_attr_set_cacheonly(flux_t *h, const char *name, const char *val)
{
    struct attr_cache *c;
    if (!h || !name)
        return util_fail(EINVAL);
    if (!(c = attr_cache_get(h)))
        return -1;
    if (val)
        return attr_keep_constant(c, name, val) ? 0 : -1;
    if (c->cursor && c->cursor == json_object_iter_at(c->constant, name))
        c->cursor = json_object_iter_next(c->constant, c->cursor);
    json_object_del(c->constant, name);
    return 0;
}

int handle_attrs_adopt(flux_t *h, json_t *attrs)
{
    struct attr_cache *c = attr_cache_get(h);
    const char *name;
    json_t *value;
    if (!c)
        return -1;
    json_object_foreach(attrs, name, value)
    {
        if (!json_is_string(value))
            return util_fail(EPROTO);
    }
    json_decref(c->constant);
    c->constant = json_incref(attrs);
    c->cursor = NULL;
    return 0;
}

const char *flux_attr_cache_next(flux_t *h)
{
    struct attr_cache *c = h ? flux_aux_get(h, ATTRIBUTE_AUX) : NULL;
    void *at = c ? c->cursor : NULL;
    if (!at)
        return NULL;
    c->cursor = json_object_iter_next(c->constant, at);
    return json_object_iter_key(at);
}

const char *flux_attr_cache_first(flux_t *h)
{
    struct attr_cache *c = h ? flux_aux_get(h, ATTRIBUTE_AUX) : NULL;
    if (c)
        c->cursor = json_object_iter(c->constant);
    return flux_attr_cache_next(h);
}

static int attr_get_uint32(flux_t *h, const char *name, uint32_t *value)
{
    const char *s;
    uint32_t n;
    if (!value)
        return util_fail(EINVAL);
    if (!(s = flux_attr_get(h, name)) || util_parse_uint32(s, 10, &n) < 0)
        return -1;
    *value = n;
    return 0;
}

int flux_get_rank(flux_t *h, uint32_t *rank)
{
    return attr_get_uint32(h, "rank", rank);
}

int flux_get_size(flux_t *h, uint32_t *size)
{
    return attr_get_uint32(h, "size", size);
}

int flux_get_instance_starttime(flux_t *h, double *starttime)
{
    const char *s;
    double value;
    if (!h || !starttime)
        return util_fail(EINVAL);
    if (!(s = attr_lookup(h, "broker.starttime", 0)) ||
        util_parse_double(s, &value) < 0)
        return -1;
    *starttime = value;
    return 0;
}
