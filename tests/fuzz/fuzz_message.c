/* fuzz_message.c - one frame through all that reads a message
 *
 * Input: a frame.  What decodes is asked for everything that a message can be
 * asked for, is printed, and is packed anew; then a copy is taken apart and
 * changed, which must leave the first as it was.
 */
#include <fcntl.h>

#include "msg.h"
#include "fuzz.h"

static void ask_fields(const flux_msg_t *msg)
{
    struct flux_msg_cred cred;
    const void *data;
    const char *text;
    uint32_t number;
    size_t size;
    int a, b;

    flux_msg_get_type(msg, &a);
    flux_msg_get_nodeid(msg, &number);
    flux_msg_get_seq(msg, &number);
    flux_msg_get_matchtag(msg, &number);
    flux_msg_get_errnum(msg, &a);
    flux_msg_get_control(msg, &a, &b);
    flux_msg_get_cred(msg, &cred);
    FUZZ_MUST(flux_msg_get_topic(msg, &text) < 0 || strlen(text) < 1u << 30);
    FUZZ_MUST(flux_msg_get_string(msg, &text) < 0 || !text ||
              strlen(text) < 1u << 30);
    FUZZ_MUST(flux_msg_get_payload(msg, &data, &size) < 0 || data);
    FUZZ_MUST(msg_service_length(msg) <= msg->topic_size);
}

static void ask_decoders(const flux_msg_t *msg)
{
    const char *topic, *text;
    const void *data;
    size_t size;
    json_t *value = NULL;

    flux_request_decode(msg, &topic, &text);
    flux_request_decode_raw(msg, &topic, &data, &size);
    flux_response_decode(msg, &topic, &text);
    flux_response_decode_raw(msg, &topic, &data, &size);
    flux_response_decode_error(msg, &text);
    flux_event_decode(msg, &topic, &text);
    flux_event_decode_raw(msg, &topic, &data, &size);
    if (flux_msg_unpack(msg, "o", &value) == 0)
        FUZZ_MUST(value);
    FUZZ_MUST(flux_msg_last_error(msg));
}

static void ask_routes(const flux_msg_t *msg)
{
    int count = flux_msg_route_count(msg);
    char *text = flux_msg_route_string(msg);
    const char *first = flux_msg_route_first(msg);
    const char *last = flux_msg_route_last(msg);

    FUZZ_MUST(count <= MSG_ROUTES_MAX);
    if (count > 0)
        FUZZ_MUST(text && first && last);
    free(text);
}

static void print(const flux_msg_t *msg)
{
    static FILE *sink;

    if (!sink)
        sink = fopen("/dev/null", "w");
    FUZZ_MUST(sink);
    flux_msg_fprint(sink, msg);
}

static void change(flux_msg_t *msg)
{
    flux_msg_route_enable(msg);
    flux_msg_route_push(msg, "01234567-89ab-cdef-0123-456789abcdef");
    flux_msg_route_delete_last(msg);
    flux_msg_route_delete_last(msg);
    flux_msg_set_topic(msg, "another.topic");
    flux_msg_set_string(msg, "{\"a\":1}");
    flux_msg_pack(msg, "{s:i}", "b", 2);
    flux_msg_set_userid(msg, 7);
    flux_msg_route_clear(msg);
    flux_msg_set_payload(msg, NULL, 0);
}

static unsigned char *encode(const flux_msg_t *msg, size_t *size)
{
    unsigned char *frame;

    *size = (size_t)flux_msg_encode_size(msg);
    frame = malloc(*size);
    FUZZ_MUST(frame && flux_msg_encode(msg, frame, *size) == 0);
    return frame;
}

static void change_a_copy(const flux_msg_t *msg)
{
    size_t size, size_after;
    unsigned char *before = encode(msg, &size);
    flux_msg_t *copy = flux_msg_copy(msg, true);
    unsigned char *after;

    FUZZ_MUST(copy);
    change(copy);
    ask_fields(copy);
    flux_msg_destroy(copy);
    after = encode(msg, &size_after);
    FUZZ_MUST(size == size_after && memcmp(before, after, size) == 0);
    free(before);
    free(after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    flux_msg_t *msg = flux_msg_decode(data, size);

    if (!msg)
        return 0;
    ask_fields(msg);
    ask_decoders(msg);
    ask_routes(msg);
    print(msg);
    change_a_copy(msg);
    flux_msg_destroy(msg);
    return 0;
}
