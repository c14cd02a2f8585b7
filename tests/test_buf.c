/* test_buf.c - the growable buffer, and what it does when there is no more
 *
 * Running out of memory is had by asking for more than there can be.
 */
#include "../buf.h"
#include "tap.h"

static void grows(void)
{
    struct buf b = {0};
    char *s;

    buf_add_string(&b, "ab");
    buf_add_byte(&b, 'c');
    buf_printf(&b, "%d-%s", 42, "x");
    buf_add(&b, NULL, 0);
    is_int((long long)b.size, 7, "seven bytes");
    s = buf_steal_string(&b);
    is_str(s, "abc42-x", "in order, with a NUL");
    free(s);
    ok(!b.data && b.size == 0 && b.capacity == 0, "stolen leaves it empty");

    buf_add_u32be(&b, 0x01020304);
    ok(b.size == 4 && memcmp(b.data, "\1\2\3\4", 4) == 0, "big endian");
    for (int i = 0; i < 1000; i++)
        buf_add_string(&b, "0123456789");
    ok(b.size == 10004 && b.capacity < 4 * b.size, "grows by doubling");
    buf_consume(&b, 4);
    ok(b.size == 10000 && memcmp(b.data, "0123", 4) == 0, "consume");
    buf_consume(&b, 0);
    is_int((long long)b.size, 10000, "consume nothing");
    buf_consume(&b, 20000);
    is_int((long long)b.size, 0, "consume more than there is");
    buf_release(&b);
    ok(!b.data && b.capacity == 0, "released");
    buf_release(&b);
    s = buf_steal_string(&b);
    is_str(s, "", "an empty one is an empty string");
    free(s);
}

static void reserves(void)
{
    struct buf b = {0};
    char *p = buf_reserve(&b, 5);

    ok(p && b.size == 0 && b.capacity >= 5, "reserve leaves the size");
    memcpy(p, "hello", 5);
    b.size += 5;
    ok(buf_reserve(&b, 0) == b.data + 5, "reserve nothing");
    buf_release(&b);
}

static void fails(void)
{
    struct buf b = {0};

    buf_add_string(&b, "ab");
    errno = 0;
    ok(!buf_reserve(&b, SIZE_MAX) && errno == ENOMEM, "a size that overflows");
    ok(b.failed && b.size == 2, "marks the buffer and keeps what there is");
    buf_add_string(&b, "c");
    buf_printf(&b, "%d", 1);
    ok(b.size == 2 && memcmp(b.data, "ab", 2) == 0, "nothing is added");
    buf_reset(&b);
    buf_add_byte(&b, 'x');
    ok(b.size == 1 && !b.failed, "reset forgets the failure");
    ok(!buf_reserve(&b, SIZE_MAX), "and the next one");
    errno = 0;
    ok(!buf_steal_string(&b) && errno == ENOMEM, "stealing then fails");
    ok(!b.data && !b.failed, "and leaves it empty and valid");
}

int main(void)
{
    grows();
    reserves();
    fails();
    return done();
}
