/* fuzz_route.c - a stack of routes against a simple one beside it
 *
 * Input: a program.  A byte says push (with so many bytes of name), pop,
 * clear, copy, or the way over the wire; after each step the message must have
 * the routes that an array of strings beside it has.
 */
#include "msg.h"
#include "fuzz.h"

struct model {
    char *ids[MSG_ROUTES_MAX];
    int count;
};

static void model_pop(struct model *m)
{
    if (m->count > 0)
        free(m->ids[--m->count]);
}

static void model_clear(struct model *m)
{
    while (m->count > 0)
        model_pop(m);
}

static void push(flux_msg_t *msg, struct model *m, struct fuzz_input *in)
{
    size_t n;
    const uint8_t *name = fuzz_bytes(in, fuzz_byte(in), &n);
    char *id = malloc(n + 1);

    FUZZ_MUST(id);
    if (n > 0)
        memcpy(id, name, n);
    id[n] = '\0';
    if (flux_msg_route_push(msg, id) == 0) {
        FUZZ_MUST(m->count < MSG_ROUTES_MAX);
        m->ids[m->count++] = id;
    } else
        free(id);
}

static flux_msg_t *over_the_wire(flux_msg_t *msg)
{
    size_t size = (size_t)flux_msg_encode_size(msg);
    unsigned char *frame = malloc(size);
    flux_msg_t *other;

    FUZZ_MUST(frame && flux_msg_encode(msg, frame, size) == 0);
    other = flux_msg_decode(frame, size);
    FUZZ_MUST(other);
    free(frame);
    flux_msg_destroy(msg);
    return other;
}

static flux_msg_t *copy(flux_msg_t *msg)
{
    flux_msg_t *other = flux_msg_copy(msg, false);

    FUZZ_MUST(other);
    flux_msg_destroy(msg);
    return other;
}

static flux_msg_t *step(flux_msg_t *msg, struct model *m, struct fuzz_input *in)
{
    switch (fuzz_byte(in) % 8) {
    case 0:
        FUZZ_MUST((flux_msg_route_delete_last(msg) == 0) || m->count == 0);
        model_pop(m);
        return msg;
    case 1:
        return over_the_wire(msg);
    case 2:
        return copy(msg);
    case 3:
        flux_msg_route_clear(msg);
        model_clear(m);
        return msg;
    default:
        push(msg, m, in);
        return msg;
    }
}

static void compare(const flux_msg_t *msg, const struct model *m)
{
    const char *first = flux_msg_route_first(msg);
    const char *last = flux_msg_route_last(msg);

    FUZZ_MUST(flux_msg_route_count(msg) == m->count);
    if (m->count == 0) {
        FUZZ_MUST(!first && !last);
        return;
    }
    FUZZ_MUST(first && strcmp(first, m->ids[0]) == 0);
    FUZZ_MUST(last && strcmp(last, m->ids[m->count - 1]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct model m = {{NULL}, 0};
    flux_msg_t *msg = flux_msg_create(FLUX_MSGTYPE_REQUEST);

    FUZZ_MUST(msg && flux_msg_set_topic(msg, "a.b") == 0);
    flux_msg_route_enable(msg);
    while (in.size > 0) {
        msg = step(msg, &m, &in);
        compare(msg, &m);
    }
    model_clear(&m);
    flux_msg_destroy(msg);
    return 0;
}
