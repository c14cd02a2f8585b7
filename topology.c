/* topology.c - the tree in which the brokers of an instance hang
 *
 * A tree is the list of each rank's parent.  Rank 0 is the root, and a parent
 * always has a lower rank than its children; so every walk towards the root
 * ends, and one pass in falling order sums up what is below.
 */
#include "topology.h"

#include "util.h"

enum { SIZE_MAX_RANKS = 1 << 20 };

struct topology {
    uint32_t size;
    uint32_t *parent;
};

static uint32_t kary_parent(uint32_t rank, uint32_t k)
{
    return k == 0 ? 0 : (rank - 1) / k;
}

/* Without its lowest bit: 0 has 1, 2, 4, 8; 4 has 5, 6; 6 has 7. */
static uint32_t binomial_parent(uint32_t rank)
{
    return rank & (rank - 1);
}

static void fill_kary(struct topology *t, uint32_t k)
{
    uint32_t i;

    for (i = 1; i < t->size; i++)
        t->parent[i] = kary_parent(i, k);
}

static void fill_binomial(struct topology *t)
{
    uint32_t i;

    for (i = 1; i < t->size; i++)
        t->parent[i] = binomial_parent(i);
}

static int fill(struct topology *t, const char *uri, flux_error_t *e)
{
    uint32_t k;

    t->parent[0] = TOPOLOGY_NONE;
    if (strcmp(uri, "binomial") == 0)
        fill_binomial(t);
    else if (strcmp(uri, "custom") == 0)
        fill_kary(t, 0);
    else if (strncmp(uri, "kary:", 5) != 0)
        return util_errno(e, EINVAL, "unknown topology scheme '%s'", uri);
    else if (util_parse_uint32(uri + 5, 10, &k) < 0)
        return util_errno(e, EINVAL, "kary: '%s' is no fanout", uri + 5);
    else
        fill_kary(t, k);
    return 0;
}

struct topology *
topology_create(const char *uri, uint32_t size, flux_error_t *e)
{
    struct topology *t;

    if (size == 0 || size > SIZE_MAX_RANKS) {
        util_errno(e, EINVAL, "%u is no size for an instance", (unsigned)size);
        return NULL;
    }
    if (!(t = calloc(1, sizeof(*t))) ||
        !(t->parent = calloc(size, sizeof(*t->parent)))) {
        topology_destroy(t);
        util_error(e, "out of memory");
        return NULL;
    }
    t->size = size;
    if (fill(t, uri, e) < 0) {
        topology_destroy(t);
        return NULL;
    }
    return t;
}

void topology_destroy(struct topology *t)
{
    int saved_errno = errno;

    if (!t)
        return;
    free(t->parent);
    free(t);
    errno = saved_errno;
}

void topology_set_parent(struct topology *t, uint32_t rank, uint32_t parent)
{
    if (rank < t->size && parent < rank)
        t->parent[rank] = parent;
}

uint32_t topology_size(const struct topology *t)
{
    return t->size;
}

uint32_t topology_parent(const struct topology *t, uint32_t rank)
{
    return rank < t->size ? t->parent[rank] : TOPOLOGY_NONE;
}

uint32_t topology_level(const struct topology *t, uint32_t rank)
{
    uint32_t level = 0;

    while (rank < t->size && t->parent[rank] != TOPOLOGY_NONE) {
        rank = t->parent[rank];
        level++;
    }
    return level;
}

uint32_t topology_max_level(const struct topology *t)
{
    uint32_t i, level, max = 0;

    for (i = 0; i < t->size; i++)
        if ((level = topology_level(t, i)) > max)
            max = level;
    return max;
}

static bool is_below(const struct topology *t, uint32_t rank, uint32_t top)
{
    while (rank < t->size && rank > top)
        rank = t->parent[rank];
    return rank == top;
}

uint32_t topology_descendants(const struct topology *t, uint32_t rank)
{
    uint32_t i, count = 0;

    for (i = rank + 1; i < t->size; i++)
        count += is_below(t, i, rank);
    return count;
}

uint32_t
topology_next_child(const struct topology *t, uint32_t rank, uint32_t after)
{
    uint32_t i;

    for (i = after == TOPOLOGY_NONE ? rank + 1 : after + 1; i < t->size; i++)
        if (t->parent[i] == rank)
            return i;
    return TOPOLOGY_NONE;
}

uint32_t topology_next_hop(const struct topology *t, uint32_t from, uint32_t to)
{
    if (to >= t->size || from >= t->size || to == from)
        return TOPOLOGY_NONE;
    while (to > from && t->parent[to] != from)
        to = t->parent[to];
    return to > from ? to : t->parent[from];
}
