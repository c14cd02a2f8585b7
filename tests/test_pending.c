/* test_pending.c - requests kept until they are answered
 *
 * They are found by who asked, by matchtag and by who that speaks for, and
 * walked in order, however many there are.
 */
#include "../pending.h"
#include "../util.h"
#include "tap.h"

static flux_msg_t *request(uint32_t matchtag, const char *sender)
{
    flux_msg_t *msg = flux_request_encode("a.b", "{}");

    flux_msg_set_matchtag(msg, matchtag);
    flux_msg_route_enable(msg);
    if (sender)
        flux_msg_route_push(msg, sender);
    return msg;
}

static struct pending *
add(struct pending_set *s, uint64_t asker, uint32_t tag, const char *sender)
{
    flux_msg_t *msg = request(tag, sender);
    struct pending *p = pending_add(s, asker, msg);

    flux_msg_destroy(msg);
    return p;
}

static struct pending *
find(struct pending_set *s, uint64_t asker, uint32_t tag, const char *sender)
{
    flux_msg_t *msg = request(tag, sender);
    struct pending *p = pending_find(s, asker, msg);

    flux_msg_destroy(msg);
    return p;
}

static void check_keys(struct pending_set *s)
{
    struct pending *one = add(s, 1, 7, "x");

    ok(find(s, 1, 7, "x") == one, "found");
    ok(!find(s, 2, 7, "x"), "not for another asker");
    ok(!find(s, 1, 8, "x"), "not for another matchtag");
    ok(!find(s, 1, 7, "y") && !find(s, 1, 7, NULL), "nor another sender");
    ok(add(s, 1, 7, "y") != one && s->count == 2, "one that it speaks for");
    is_str(one->request.topic, "a.b", "the request is kept");
    add(s, 1, 7, "x");
    is_int((long long)s->count, 2, "the same again takes its place");
    pending_remove(s, find(s, 1, 7, "x"));
    pending_remove(s, find(s, 1, 7, "y"));
    ok(s->count == 0 && !find(s, 1, 7, "x"), "removed");
}

static void check_many(struct pending_set *s)
{
    enum { COUNT = 5000 };
    struct list *l, *following;
    uint32_t next = 1;
    int missing = 0, disorder = 0;

    for (uint32_t i = 0; i < COUNT; i++)
        add(s, i % 3, i, NULL);
    for (uint32_t i = 0; i < COUNT; i += 2)
        pending_remove(s, find(s, i % 3, i, NULL));
    for (uint32_t i = 0; i < COUNT; i++)
        missing += (find(s, i % 3, i, NULL) != NULL) != (i % 2 == 1);
    is_int(missing, 0, "half of many are removed");
    LIST_FOREACH(&s->all, l, following)
    {
        disorder += LIST_ENTRY(l, struct pending, link)->request.b != next;
        next += 2;
    }
    is_int(disorder, 0, "the others are in order");
    pending_release(s);
    ok(s->count == 0 && list_empty(&s->all) && !s->buckets, "released");
}

int main(void)
{
    struct pending_pool *pool = pending_pool_create();
    struct pending_set s;

    pending_init(&s, pool);
    check_keys(&s);
    check_many(&s);
    ok(add(&s, 1, 1, "z") != NULL, "and used again");
    pending_release(&s);
    pending_pool_destroy(pool);
    return done();
}
