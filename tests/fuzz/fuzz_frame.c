/* fuzz_frame.c - bytes from a peer, however they are cut, through conn.c
 *
 * Input: a byte that says how many bytes go in at a time, then the stream.
 * Whatever comes out as a message goes out again through the same conn and
 * must come back as the same bytes; a frame that claims more than has arrived
 * yields nothing.
 */
#include <unistd.h>

#include "conn.h"
#include "sys.h"
#include "fuzz.h"

enum { STREAM_MAX = 1 << 16 }; /* a socket takes as much without a reader */

static void same_again(const flux_msg_t *msg)
{
    ssize_t size = flux_msg_encode_size(msg);
    unsigned char *frame = malloc((size_t)size);
    flux_msg_t *again;

    FUZZ_MUST(size > 0 && frame);
    FUZZ_MUST(flux_msg_encode(msg, frame, (size_t)size) == 0);
    again = flux_msg_decode(frame, (size_t)size);
    FUZZ_MUST(again && flux_msg_encode_size(again) == size);
    flux_msg_destroy(again);
    free(frame);
}

static void take_messages(struct conn *c)
{
    flux_msg_t *msg;

    while ((msg = conn_next(c))) {
        same_again(msg);
        FUZZ_MUST(conn_queue(c, msg) == 0);
        flux_msg_destroy(msg);
    }
}

static void receive(struct conn *c)
{
    while (conn_read(c) > 0)
        take_messages(c);
    take_messages(c);
}

static void feed(struct conn *c, int fd, struct fuzz_input *in)
{
    size_t step = 1 + fuzz_byte(in) * 16;
    const uint8_t *data;
    size_t n;

    /* once the stream is broken nobody reads, and the socket gets full */
    while ((data = fuzz_bytes(in, step, &n)), n > 0) {
        if (write(fd, data, n) != (ssize_t)n)
            return;
        receive(c);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size < STREAM_MAX ? size : STREAM_MAX};
    struct conn_counters counters;
    struct conn *c;
    int fds[2];

    FUZZ_MUST(sys_socketpair(fds) == 0 && (c = conn_create(fds[0])) != NULL);
    feed(c, fds[1], &in);
    conn_counters(c, &counters);
    FUZZ_MUST(conn_out_messages(c) == counters.messages_in);
    conn_flush(c);
    close(fds[1]);
    receive(c);
    conn_destroy(c);
    return 0;
}
