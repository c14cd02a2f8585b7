/* test_topology.c - trees of brokers: shape, walks, routes */
#include "tap.h"
#include "topology.h"

static void test_kary(void)
{
    struct topology *t = topology_create("kary:2", 7, NULL);

    ok(topology_parent(t, 0) == TOPOLOGY_NONE, "the root has no parent");
    is_int((int)topology_parent(t, 1), 0, "1 hangs on 0");
    is_int((int)topology_parent(t, 6), 2, "6 hangs on 2");
    is_int((int)topology_level(t, 6), 2, "6 is at level 2");
    is_int((int)topology_max_level(t), 2, "7 ranks of fanout 2: level 2");
    is_int((int)topology_descendants(t, 0), 6, "all are below 0");
    is_int((int)topology_descendants(t, 1), 2, "3 and 4 are below 1");
    is_int((int)topology_next_child(t, 1, TOPOLOGY_NONE), 3, "first child");
    is_int((int)topology_next_child(t, 1, 3), 4, "next child");
    ok(topology_next_child(t, 1, 4) == TOPOLOGY_NONE, "no child after");
    is_int((int)topology_next_hop(t, 0, 5), 2, "0 reaches 5 through 2");
    is_int((int)topology_next_hop(t, 3, 5), 1, "3 reaches 5 through 1");
    is_int((int)topology_next_hop(t, 1, 5), 0, "1 reaches 5 through 0");
    is_int((int)topology_next_hop(t, 2, 5), 5, "2 reaches 5 itself");
    ok(topology_next_hop(t, 2, 2) == TOPOLOGY_NONE, "no way to oneself");
    ok(topology_next_hop(t, 2, 9) == TOPOLOGY_NONE, "no way to nowhere");
    topology_destroy(t);
}

static void test_others(void)
{
    flux_error_t e;
    struct topology *t = topology_create("binomial", 13, NULL);

    is_int((int)topology_parent(t, 7), 6, "binomial: 7 hangs on 6");
    is_int((int)topology_parent(t, 12), 8, "binomial: 12 hangs on 8");
    topology_destroy(t);
    t = topology_create("custom", 5, NULL);
    is_int((int)topology_max_level(t), 1, "custom is flat");
    topology_destroy(t);
    t = topology_create("kary:0", 5, NULL);
    is_int((int)topology_parent(t, 4), 0, "kary:0 is flat");
    topology_destroy(t);
    ok(!topology_create("foo", 4, &e), "an unknown scheme is refused");
    is_str(e.text, "unknown topology scheme 'foo'", "and named");
    ok(!topology_create("kary:x", 4, &e), "a fanout that is none is refused");
    ok(!topology_create("kary:2", 0, &e), "size 0 is refused");
}

int main(void)
{
    test_kary();
    test_others();
    return done();
}
