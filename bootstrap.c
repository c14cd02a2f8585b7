/* bootstrap.c - the hosts that a configuration's table bootstrap names
 *
 * A cluster's configuration lists its hosts in the order of their ranks, and
 * may give each a parent in the tree of brokers.  One entry can name many
 * hosts in the form of RFC 29, and a later entry can name a host again, to
 * give it a parent.
 *
 * Here all brokers are on one machine, so what the table says of addresses and
 * certificates is not looked at beyond its type.  Its hosts and parents are
 * what `flux start --test-size=N --test-hosts=HOSTS` gives the brokers, so
 * that the tree of a cluster can be had, and its configuration be tried, at
 * home.  A table that means other brokers than these is an error.
 *
 * A host's parent is named before it, and so has a lower rank: every way up
 * the tree ends at rank 0.
 */
#include "bootstrap.h"

#include "hostlist.h"
#include "json.h"
#include "table.h"
#include "util.h"

enum { MAX_HOSTS = 1 << 20 }; /* as topology.c has it */

struct host {
    uint32_t rank;
    uint32_t parent;
};

struct bootstrap {
    struct table hosts; /* by name: struct host *, in the order of ranks */
};

static int fail(flux_error_t *e, size_t index, const char *what)
{
    return util_errno(e, EINVAL,
                      "Config file error [bootstrap]: hosts[%zu]: %s", index,
                      what);
}

static struct host *add_host(struct bootstrap *b, const char *name)
{
    struct host *h = table_get(&b->hosts, name);

    if (h || !(h = calloc(1, sizeof(*h))))
        return h;
    h->rank = (uint32_t)table_count(&b->hosts);
    if (h->rank < MAX_HOSTS && table_set(&b->hosts, name, h) == 0)
        return h;
    free(h);
    return NULL;
}

static int set_parent(struct bootstrap *b,
                      struct host *host,
                      const char *name,
                      const char *parent,
                      flux_error_t *e)
{
    const struct host *above = table_get(&b->hosts, parent);

    if (!above || above->rank >= host->rank)
        return util_errno(e, EINVAL,
                          "Config file error [bootstrap]: the parent '%s' of "
                          "'%s' is not a host named before it",
                          parent, name);
    host->parent = above->rank;
    return 0;
}

static int add_named(struct bootstrap *b,
                     const char *name,
                     const char *parent,
                     flux_error_t *e)
{
    struct host *host = add_host(b, name);

    if (!host)
        return util_error(e, "bootstrap: cannot add host '%s'", name);
    return parent ? set_parent(b, host, name, parent, e) : 0;
}

static int add_list(struct bootstrap *b,
                    size_t index,
                    const char *list,
                    const char *parent,
                    flux_error_t *e)
{
    char *name;
    unsigned i;

    for (i = 0; (name = hostlist_nth(list, i)); i++) {
        int rc = add_named(b, name, parent, e);

        free(name);
        if (rc < 0)
            return -1;
    }
    return errno == ENOENT && i > 0 ? 0 : fail(e, index, "no list of hosts");
}

static int
add_entry(struct bootstrap *b, size_t index, json_t *entry, flux_error_t *e)
{
    const char *list, *bind, *connect, *parent = NULL;
    json_error_t why;

    if (json_unpack_ex(entry, &why, 0, "{s:s s?s s?s s?s !}", "host", &list,
                       "bind", &bind, "connect", &connect, "parent",
                       &parent) < 0)
        return fail(e, index, why.text);
    return add_list(b, index, list, parent, e);
}

/* The array of hosts, or NULL where there is none; -1 for a wrong type. */
static int find_hosts(const flux_conf_t *conf, json_t **hosts, flux_error_t *e)
{
    const char *cert, *bind, *connect;
    int ipv6, port;
    flux_error_t why;

    *hosts = NULL;
    if (flux_conf_unpack(conf, &why, "{s?{s?b s?s s?i s?s s?s s?o}}",
                         "bootstrap", "enable_ipv6", &ipv6, "curve_cert", &cert,
                         "default_port", &port, "default_bind", &bind,
                         "default_connect", &connect, "hosts", hosts) < 0)
        return util_errno(e, EINVAL, "Config file error [bootstrap]: %s",
                          why.text);
    if (*hosts && !json_is_array(*hosts))
        return util_errno(e, EINVAL,
                          "Config file error [bootstrap]: hosts: expected an "
                          "array");
    return 0;
}

static int fill(struct bootstrap *b, const flux_conf_t *conf, flux_error_t *e)
{
    json_t *hosts;

    if (find_hosts(conf, &hosts, e) < 0)
        return -1;
    for (size_t i = 0; i < json_array_size(hosts); i++)
        if (add_entry(b, i, json_array_get(hosts, i), e) < 0)
            return -1;
    return 0;
}

struct bootstrap *bootstrap_create(const flux_conf_t *conf, flux_error_t *e)
{
    struct bootstrap *b = calloc(1, sizeof(*b));

    if (!b) {
        util_error(e, "out of memory");
        return NULL;
    }
    table_init(&b->hosts, free);
    if (fill(b, conf, e) == 0)
        return b;
    bootstrap_destroy(b);
    return NULL;
}

void bootstrap_destroy(struct bootstrap *b)
{
    int saved_errno = errno;

    if (!b)
        return;
    table_release(&b->hosts);
    free(b);
    errno = saved_errno;
}

uint32_t bootstrap_size(const struct bootstrap *b)
{
    return (uint32_t)table_count(&b->hosts);
}

int bootstrap_check(const struct bootstrap *b,
                    uint32_t rank,
                    uint32_t size,
                    const char *host,
                    flux_error_t *e)
{
    const struct host *own = table_get(&b->hosts, host);

    if (bootstrap_size(b) == 0)
        return 0;
    if (!own)
        return util_errno(e, EINVAL,
                          "Config file error [bootstrap]: no host is called "
                          "'%s'",
                          host);
    if (bootstrap_size(b) == size && own->rank == rank)
        return 0;
    return util_errno(e, EINVAL,
                      "Config file error [bootstrap]: '%s' is rank %u of %u, "
                      "this broker is rank %u of %u (flux start --test-size, "
                      "--test-hosts)",
                      host, (unsigned)own->rank, (unsigned)bootstrap_size(b),
                      (unsigned)rank, (unsigned)size);
}

void bootstrap_shape(const struct bootstrap *b, struct topology *t)
{
    const struct host *h;
    size_t pos = 0;

    while ((h = table_next(&b->hosts, &pos, NULL, NULL)))
        topology_set_parent(t, h->rank, h->parent);
}
