/* modstats.c - an entry of module.stats' answer, as numbers
 *
 * Read once, so that those who print, compare and sort need no JSON.  Keys
 * that a broker may leave out, since it cannot know them (CPU, memory), have a
 * value that says so.  More buckets than are known here are added to the last
 * one.
 */
#include "modstats.h"

#include <string.h>

static const char *const types[MODSTATS_TYPES] = {"request", "response",
                                                  "event", "control"};

const char *modstats_type(int type)
{
    return types[type];
}

json_int_t modstats_messages(const struct modstats_flow *f)
{
    json_int_t sum = 0;

    for (int i = 0; i < MODSTATS_TYPES; i++)
        sum += f->messages[i];
    return sum;
}

static void unpack_flow(json_t *from, struct modstats_flow *f)
{
    for (int i = 0; i < MODSTATS_TYPES; i++)
        f->messages[i] = json_integer_value(json_object_get(from, types[i]));
    f->bytes = json_integer_value(json_object_get(from, "bytes"));
}

static void unpack_buckets(json_t *buckets, struct latency *l)
{
    size_t i;
    json_t *value;

    json_array_foreach(buckets, i, value)
    {
        size_t at = i < LATENCY_BUCKETS ? i : LATENCY_BUCKETS - 1;
        uint64_t count = (uint64_t)json_integer_value(value);

        l->buckets[at] += count;
        l->count += count;
    }
}

static void unpack_usage(json_t *usage, struct modstats *s)
{
    json_t *cpu = json_object_get(usage, "cpu");

    s->cpu = json_is_number(cpu) ? json_number_value(cpu) : -1;
    s->memory = json_integer_value(json_object_get(usage, "memory"));
}

int modstats_unpack(json_t *entry, struct modstats *s)
{
    json_t *rx, *tx, *buckets, *usage;

    memset(s, 0, sizeof(*s));
    if (json_unpack(entry,
                    "{s:s s:i s:F s:I s:I s:o s:o s:{s:I s:I s:I s:I} s:I s:I "
                    "s:{s:F s:o} s:o}",
                    "name", &s->name, "status", &s->status, "age", &s->age,
                    "idle", &s->idle, "restarts", &s->restarts, "rx", &rx, "tx",
                    &tx, "queue", "messages", &s->queue, "bytes",
                    &s->queue_bytes, "messages-max", &s->queue_max, "bytes-max",
                    &s->queue_bytes_max, "pending", &s->pending, "pending-max",
                    &s->pending_max, "latency", "sum", &s->latency.sum,
                    "buckets", &buckets, "usage", &usage) < 0) {
        errno = EPROTO;
        return -1;
    }
    unpack_flow(rx, &s->rx);
    unpack_flow(tx, &s->tx);
    unpack_buckets(buckets, &s->latency);
    unpack_usage(usage, s);
    return 0;
}
