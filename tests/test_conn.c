/* test_conn.c - framed connections over a socket pair and a pipe
 *
 * One end is a conn, the other a descriptor that the test reads and writes
 * by hand, or a second conn.  All descriptors are non-blocking and all is in
 * one thread, so that nothing is waited for.
 */
#include <fcntl.h>
#include <unistd.h>

#include "../conn.h"
#include "../sys.h"
#include "../util.h"
#include "tap.h"

struct pair {
    struct conn *a;
    struct conn *b;
};

static void open_pair(struct pair *p)
{
    int fds[2];

    if (sys_socketpair(fds) < 0)
        abort();
    p->a = conn_create(fds[0]);
    p->b = conn_create(fds[1]);
}

static void close_pair(struct pair *p)
{
    conn_destroy(p->a);
    conn_destroy(p->b);
}

static flux_msg_t *message(uint32_t matchtag, size_t size)
{
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);
    unsigned char *data = malloc(size + 1);

    for (size_t i = 0; i < size; i++)
        data[i] = (unsigned char)(i * 7 + i / 251 + matchtag);
    flux_msg_set_topic(msg, "test.message");
    flux_msg_set_matchtag(msg, matchtag);
    flux_msg_set_payload(msg, data, size);
    free(data);
    return msg;
}

static bool same(const flux_msg_t *msg, uint32_t matchtag, size_t size)
{
    flux_msg_t *want = message(matchtag, size);
    bool yes = msg && msg->b == matchtag && msg->payload_size == size &&
               strcmp(msg->topic, "test.message") == 0 &&
               (size == 0 || memcmp(msg->payload, want->payload, size) == 0);

    flux_msg_destroy(want);
    return yes;
}

static bool next_is(struct conn *c, uint32_t matchtag, size_t size)
{
    flux_msg_t *msg = conn_next(c);
    bool yes = same(msg, matchtag, size);

    flux_msg_destroy(msg);
    return yes;
}

static void queue(struct conn *c, uint32_t matchtag, size_t size)
{
    flux_msg_t *msg = message(matchtag, size);

    if (conn_queue(c, msg) < 0)
        abort();
    flux_msg_destroy(msg);
}

static void there_and_back(void)
{
    struct conn_counters n;
    struct pair p;

    open_pair(&p);
    ok(conn_read(p.a) == 0, "nothing to read");
    ok(!conn_next(p.a) && errno == EAGAIN, "no message");
    is_int(conn_flush(p.a), 0, "nothing to write");
    for (uint32_t i = 0; i < 100; i++)
        queue(p.a, i, i);
    is_int((long long)conn_out_messages(p.a), 100, "a hundred queued");
    is_int(conn_flush(p.a), 0, "written");
    is_int((long long)(conn_out_messages(p.a) + conn_out_bytes(p.a)), 0,
           "all of them");
    is_int(conn_read(p.b), 1, "with one read");
    is_int((long long)conn_in_messages(p.b), 100, "all are there");
    ok(conn_ready(p.b), "ready");
    int good = 0;
    for (uint32_t i = 0; i < 100; i++)
        good += next_is(p.b, i, i);
    is_int(good, 100, "in order and whole");
    ok(!conn_ready(p.b) && !conn_next(p.b), "no more");
    conn_counters(p.a, &n);
    ok(n.messages_out == 100 && n.bytes_out > 5000, "counted on the way out");
    conn_counters(p.b, &n);
    ok(n.messages_in == 100 && n.bytes_in > 5000, "and on the way in");
    close_pair(&p);
}

static void byte_by_byte(void)
{
    struct pair p;
    struct buf b = {0};
    flux_msg_t *msg = message(3, 300);
    int early = 0;

    open_pair(&p);
    msg_encode_to(msg, &b);
    msg_encode_to(msg, &b);
    for (size_t i = 0; i < b.size; i++) {
        early += conn_ready(p.b) && i != b.size / 2;
        if (i == b.size / 2)
            ok(next_is(p.b, 3, 300), "the first frame");
        util_write_all(conn_fd(p.a), b.data + i, 1);
        conn_read(p.b);
    }
    is_int(early, 0, "nothing before it is whole");
    ok(next_is(p.b, 3, 300), "the second frame");
    buf_release(&b);
    flux_msg_destroy(msg);
    close_pair(&p);
}

/* Let `to` take what `from` has, until all is written and read. */
static int pump(struct conn *from, struct conn *to)
{
    int rc;
    int rounds = 0;

    do {
        rc = conn_flush(from);
        rounds++;
        while (conn_read(to) > 0)
            continue;
    } while (rc == 1);
    return rc < 0 ? -1 : rounds;
}

static void full_socket(void)
{
    struct pair p;
    int good = 0;

    open_pair(&p);
    for (uint32_t i = 0; i < 5000; i++)
        queue(p.a, i, 200);
    is_int(conn_flush(p.a), 1, "a full socket takes some of it");
    size_t left = conn_out_messages(p.a);
    while (conn_read(p.b) > 0)
        continue;
    is_int((long long)(left + conn_in_messages(p.b)), 5000,
           "what is not wholly written has not wholly arrived");
    ok(pump(p.a, p.b) > 1, "the rest goes later");
    for (uint32_t i = 0; i < 5000; i++)
        good += next_is(p.b, i, 200);
    is_int(good, 5000, "all arrive");
    is_int((long long)conn_out_messages(p.a), 0, "none is left");
    close_pair(&p);
}

static void large_payloads(void)
{
    static const size_t sizes[] = {4095, 4096,   5,      100000, 6, 3000000,
                                   0,    200000, 200000, 32768,  1};
    size_t count = sizeof(sizes) / sizeof(sizes[0]);
    struct conn_counters n;
    struct pair p;
    int good = 0;

    open_pair(&p);
    for (size_t i = 0; i < count; i++)
        queue(p.a, (uint32_t)i, sizes[i]);
    ok(pump(p.a, p.b) > 1, "in many writes");
    for (size_t i = 0; i < count; i++)
        good += next_is(p.b, (uint32_t)i, sizes[i]);
    is_int(good, (long long)count, "small and large ones in order");
    conn_counters(p.a, &n);
    is_int((long long)n.messages_out, (long long)count, "all counted");
    close_pair(&p);
}

static void shared_bodies(void)
{
    flux_msg_t *msg = message(1, 100000);
    struct pair p[20];
    int good = 0;

    for (int i = 0; i < 20; i++) {
        open_pair(&p[i]);
        conn_queue(p[i].a, msg);
    }
    is_int(msg->body->refs, 21, "twenty connections share one body");
    flux_msg_set_topic(msg, "other");
    ok(msg->body->refs == 1, "changing the message makes another");
    flux_msg_destroy(msg);
    for (int i = 0; i < 20; i++) {
        pump(p[i].a, p[i].b);
        good += next_is(p[i].b, 1, 100000);
        close_pair(&p[i]);
    }
    is_int(good, 20, "and all get what was sent");
    open_pair(&p[0]);
    queue(p[0].a, 1, 100000);
    close_pair(&p[0]);
    ok(true, "a queued body goes with its connection");
}

static void write_raw(struct conn *c, const void *data, size_t size)
{
    if (util_write_all(conn_fd(c), data, size) < 0)
        abort();
}

/* Some frames to two connections; the first of each is not copied. */
static void shared_frames(void)
{
    enum { COUNT = 3 };
    static const size_t sizes[COUNT] = {10, 20, 50000};
    struct conn_counters n;
    struct pair p, q;
    int good = 0;

    open_pair(&p);
    open_pair(&q);
    for (uint32_t i = 0; i < COUNT; i++) {
        flux_msg_t *msg = message(i, sizes[i]);
        struct msg_body *frame = msg_encode_frame(msg);

        ok(conn_queue_frame(p.a, frame) == 0 &&
               conn_queue_frame(q.a, frame) == 0,
           "a frame for two");
        is_int(frame->refs, i == 1 ? 1 : 3, "shared but for the second one");
        msg_body_decref(frame);
        flux_msg_destroy(msg);
    }
    queue(p.a, COUNT, 30);
    pump(p.a, p.b);
    pump(q.a, q.b);
    for (uint32_t i = 0; i < COUNT; i++)
        good += next_is(p.b, i, sizes[i]) + next_is(q.b, i, sizes[i]);
    is_int(good, 2 * COUNT, "the frames arrive");
    ok(next_is(p.b, COUNT, 30), "and what is queued behind them");
    conn_counters(p.a, &n);
    is_int((long long)n.messages_out, COUNT + 1, "all are counted");
    close_pair(&p);
    close_pair(&q);
}

static void garbage(void)
{
    static const unsigned char bad_magic[64] = "GET / HTTP/1.0\r\n\r\n";
    static const unsigned char huge[8] = {0x12, 0, 0xee, 0xff, 0xff, 255, 9, 9};
    static const unsigned char hollow[10] = {0x12, 0, 0xee, 0xff, 0, 0, 0, 2};
    const struct {
        const unsigned char *data;
        size_t size;
    } bad[] = {{bad_magic, 64}, {huge, 8}, {hollow, 10}};

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(bad); i++) {
        struct pair p;

        open_pair(&p);
        queue(p.a, 4, 10);
        conn_flush(p.a);
        write_raw(p.a, bad[i].data, bad[i].size);
        queue(p.a, 5, 10);
        conn_flush(p.a);
        is_int(conn_read(p.b), 1, "something came");
        ok(next_is(p.b, 4, 10), "the good message in front");
        ok(!conn_next(p.b) && errno == EPROTO, "then no message");
        ok(conn_read(p.b) < 0 && errno == EPROTO, "and nothing is read");
        close_pair(&p);
    }
}

static void claimed_length(void)
{
    static const uint32_t magic = MSG_FRAME_MAGIC;
    unsigned char claim[12] = {0, 0, 0, 0, 0x3f};
    struct pair p;

    memcpy(claim, &magic, sizeof(magic));
    open_pair(&p);
    write_raw(p.a, claim, sizeof(claim));
    ok(conn_read(p.b) == 1 && !conn_next(p.b) && errno == EAGAIN,
       "a frame of 1 GiB is begun");
    conn_destroy(p.a);
    ok(conn_read(p.b) < 0 && errno == ECONNRESET, "and never ends");
    conn_destroy(p.b);
}

static void end_of_file(void)
{
    struct pair p;

    open_pair(&p);
    queue(p.a, 1, 10);
    conn_flush(p.a);
    write_raw(p.a, "\x12", 1);
    conn_destroy(p.a);
    is_int(conn_read(p.b), 1, "what was sent comes");
    ok(conn_read(p.b) < 0 && errno == ECONNRESET, "then the end");
    ok(next_is(p.b, 1, 10), "the message is still there");
    queue(p.b, 1, 10);
    ok(conn_flush(p.b) < 0 && errno == EPIPE, "writing fails, and no signal");
    errno = ERANGE;
    conn_destroy(p.b);
    conn_destroy(NULL);
    is_int(errno, ERANGE, "destroy keeps errno");
}

static void pipes(void)
{
    struct pair p;
    int fds[2];

    if (pipe(fds) < 0)
        abort();
    util_set_nonblock(fds[0], true);
    util_set_nonblock(fds[1], true);
    p.b = conn_create(fds[0]);
    p.a = conn_create(fds[1]);
    for (uint32_t i = 0; i < 10; i++)
        queue(p.a, i, 50000);
    ok(pump(p.a, p.b) > 1, "a pipe is written");
    int good = 0;
    for (uint32_t i = 0; i < 10; i++)
        good += next_is(p.b, i, 50000);
    is_int(good, 10, "and read");
    close_pair(&p);
}

static void handshake(void)
{
    struct pair p;
    unsigned char c[2] = {9, 9};

    open_pair(&p);
    write_raw(p.a, "", 1);
    queue(p.a, 8, 0);
    conn_flush(p.a);
    is_int(read(conn_fd(p.b), c, 1), 1, "one byte by hand");
    ok(c[0] == 0 && conn_read(p.b) == 1 && next_is(p.b, 8, 0), "then frames");
    close_pair(&p);
}

int main(void)
{
    there_and_back();
    byte_by_byte();
    full_socket();
    large_payloads();
    shared_bodies();
    shared_frames();
    garbage();
    claimed_length();
    end_of_file();
    pipes();
    handshake();
    return done();
}
