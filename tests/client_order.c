/* client_order.c - whether all ranks see the same events in the same order
 *
 *     client_order RUNDIR SIZE COUNT
 *
 * A client on each of SIZE ranks publishes its part of COUNT events, some
 * WINDOW of them ahead of what has come back to it, and takes all events.
 *
 * What must hold, and is printed as TAP:
 * - Every client gets every event once: the numbers that rank 0 gave them
 *   follow each other without a gap, from the first on.
 * - The events of one publisher come in the order in which it sent them.
 * - What all clients have seen, in order, has the same sum (FNV-1a).
 */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "util.h"

#define DEADLINE 60. /* seconds */

enum { WINDOW = 64 };

struct payload {
    uint32_t rank, number;
};

struct order;

struct client {
    struct order *o;
    flux_t *h;
    flux_msg_handler_t *handler;
    uint32_t rank;
    uint32_t sent, returned;
    uint32_t first, seq; /* of the first and of the last event that came */
    uint32_t seen;
    uint32_t *next; /* by publisher: the number that must come */
    uint64_t sum;
};

struct order {
    flux_reactor_t *r;
    uint32_t size, each, complete;
    struct client *clients;
    long gaps, swapped;
};

static void publish(struct client *c)
{
    struct payload p = {c->rank, c->sent++};
    flux_msg_t *msg = flux_event_encode_raw("order", &p, sizeof(p));

    if (!msg || flux_send(c->h, msg, 0) < 0) {
        perror("publish");
        exit(1);
    }
    flux_msg_destroy(msg);
}

static void fill_window(struct client *c)
{
    while (c->sent < c->o->each && c->sent - c->returned < WINDOW)
        publish(c);
}

static void add_to_sum(struct client *c, const void *data, size_t size)
{
    const unsigned char *p = data;

    while (size-- > 0)
        c->sum = (c->sum ^ *p++) * 0x100000001b3u;
}

static void check_event(struct client *c, uint32_t seq, const struct payload *p)
{
    if (c->seen++ == 0)
        c->first = seq;
    else if (seq != c->seq + 1)
        c->o->gaps++;
    c->seq = seq;
    if (p->number != c->next[p->rank]++)
        c->o->swapped++;
    add_to_sum(c, &seq, sizeof(seq));
    add_to_sum(c, p, sizeof(*p));
}

static void
event_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct client *c = arg;
    struct order *o = c->o;
    struct payload p;
    const void *data;
    size_t size;
    uint32_t seq;

    (void)h;
    (void)mh;
    if (flux_msg_get_payload(msg, &data, &size) < 0 || size != sizeof(p) ||
        flux_msg_get_seq(msg, &seq) < 0)
        return;
    memcpy(&p, data, sizeof(p));
    check_event(c, seq, &p);
    if (p.rank == c->rank) {
        c->returned++;
        fill_window(c);
    }
    if (c->seen == o->each * o->size && ++o->complete == o->size)
        flux_reactor_stop(o->r);
}

static int connect_client(struct order *o, const char *rundir, uint32_t rank)
{
    struct client *c = &o->clients[rank];
    struct flux_match match = FLUX_MATCH_EVENT;
    char uri[200];

    c->o = o;
    c->rank = rank;
    c->sum = 0xcbf29ce484222325u;
    match.topic_glob = "order";
    snprintf(uri, sizeof(uri), "local://%s/local-%u", rundir, (unsigned)rank);
    if (!(c->next = calloc(o->size, sizeof(*c->next))) ||
        !(c->h = flux_open(uri, 0)) || flux_set_reactor(c->h, o->r) < 0 ||
        flux_event_subscribe(c->h, "order") < 0 ||
        !(c->handler = flux_msg_handler_create(c->h, match, event_cb, c)))
        return -1;
    flux_msg_handler_start(c->handler);
    return 0;
}

static void
deadline_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)w;
    (void)revents;
    (void)arg;
    flux_reactor_stop(r);
}

static int run(struct order *o, const char *rundir)
{
    flux_watcher_t *deadline;
    uint32_t i;
    int rc;

    for (i = 0; i < o->size; i++)
        if (connect_client(o, rundir, i) < 0)
            return -1;
    for (i = 0; i < o->size; i++)
        fill_window(&o->clients[i]);
    deadline = flux_timer_watcher_create(o->r, DEADLINE, 0., deadline_cb, NULL);
    flux_watcher_start(deadline);
    rc = flux_reactor_run(o->r, 0);
    flux_watcher_destroy(deadline);
    return rc;
}

static void check_all(struct order *o)
{
    int unequal = 0;
    uint32_t i;

    for (i = 0; i < o->size; i++)
        unequal += o->clients[i].sum != o->clients[0].sum ||
                   o->clients[i].first != o->clients[0].first;
    is_int(o->complete, o->size, "every rank has got every event");
    is_int(o->gaps, 0, "numbered without a gap");
    is_int(o->swapped, 0, "those of each publisher in its order");
    is_int(unequal, 0, "all ranks have seen the same sequence");
}

static void release(struct order *o)
{
    uint32_t i;

    for (i = 0; i < o->size; i++) {
        flux_msg_handler_destroy(o->clients[i].handler);
        flux_close(o->clients[i].h);
        free(o->clients[i].next);
    }
    flux_reactor_destroy(o->r);
    free(o->clients);
}

int main(int argc, char *argv[])
{
    struct order o = {0};
    double begin = util_monotime();

    if (argc != 4)
        return 1;
    o.size = (uint32_t)atoi(argv[2]);
    o.each = (uint32_t)atoi(argv[3]) / o.size;
    o.clients = calloc(o.size, sizeof(*o.clients));
    o.r = flux_reactor_create(0);
    if (!o.clients || !o.r || run(&o, argv[1]) < 0) {
        perror("client_order");
        return 1;
    }
    printf("# %u events on %u ranks: %.2f s\n", (unsigned)(o.each * o.size),
           (unsigned)o.size, util_monotime() - begin);
    check_all(&o);
    release(&o);
    return done();
}
