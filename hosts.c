/* hosts.c - which host a broker runs on, by the attribute `hostlist`
 *
 * The attribute names one host a rank, in the compact form of RFC 29.  It never
 * changes, so that each host is looked up once and its name is lent for as
 * long as the handle lives.
 */
#include "flux.h"
#include "hostlist.h"
#include "table.h"
#include "util.h"

#define HOSTS_AUX "flux::hosts"

static void destroy(void *arg)
{
    table_destroy(arg);
}

static struct table *names_of(flux_t *h)
{
    struct table *t = flux_aux_get(h, HOSTS_AUX);

    if (t || !(t = table_create(free)))
        return t;
    if (flux_aux_set(h, HOSTS_AUX, t, destroy) < 0) {
        table_destroy(t);
        return NULL;
    }
    return t;
}

static char *look_up(flux_t *h, struct table *names, uint32_t rank)
{
    const char *list = flux_attr_get(h, "hostlist");
    char *host = list ? hostlist_nth(list, rank) : NULL;

    if (host &&
        table_setn(names, (const char *)&rank, sizeof(rank), host) < 0) {
        free(host);
        return NULL;
    }
    return host;
}

static const char *host_of(flux_t *h, uint32_t rank)
{
    struct table *names = h ? names_of(h) : NULL;
    const char *host = NULL;

    if (names)
        host = table_getn(names, (const char *)&rank, sizeof(rank));
    if (names && !host)
        host = look_up(h, names, rank);
    return host ? host : "(null)";
}

const char *flux_get_hostbyrank(flux_t *h, uint32_t rank)
{
    switch (rank) {
    case FLUX_NODEID_ANY:
        return "any";
    case FLUX_NODEID_UPSTREAM:
        return "upstream";
    default:
        return host_of(h, rank);
    }
}

int flux_get_rankbyhost(flux_t *h, const char *host)
{
    const char *list;

    if (!h || !host) {
        errno = EINVAL;
        return -1;
    }
    list = flux_attr_get(h, "hostlist");
    return list ? hostlist_find(list, host) : -1;
}
