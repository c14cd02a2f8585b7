/* client_traffic.c - kills one broker of many while all are busy
 *
 *     client_traffic RUNDIR SIZE TOPO VICTIM
 *
 * A client on each rank keeps a few requests on their way, to every rank in
 * turn and to none in particular, publishes events, and holds a stream open
 * that the victim never ends.  Then the victim gets SIGKILL.
 *
 * What must hold, and is printed as TAP:
 * - On every rank that is left, each request has ended within LIMIT seconds,
 *   counted from the kill or from its sending.  One to what is left gets an
 *   answer.  One into what is lost gets EHOSTUNREACH, not before the kill, and
 *   each that is sent behind that likewise.
 * - A client whose own broker is lost, with the victim or below it, is told by
 *   the end of its connection.
 * - Events keep their order, without a gap, on every rank that is left.
 */
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>

#include "reactor.h"
#include "tap.h"
#include "topology.h"
#include "util.h"

#define LIMIT 10.0        /* seconds: a request's, at most, on a busy machine */
#define BEFORE 0.15       /* seconds of traffic before the kill */
#define AFTER 0.4         /* and behind it */
#define EVENT_PERIOD 0.01 /* seconds, of each client */

enum { WINDOW = 4 }; /* requests of one client on their way */

struct traffic;
struct client;

struct request {
    struct client *c;
    flux_future_t *f; /* NULL: none is on its way */
    uint32_t to;
    double sent; /* monotonic */
};

struct client {
    struct traffic *t;
    flux_t *h; /* NULL once its connection has ended */
    uint32_t rank;
    bool below; /* its broker is lost with the victim */
    bool gone;  /* its connection has failed */
    uint32_t next;
    struct request window[WINDOW];
    double told;  /* that what is lost is lost, monotonic; 0: not yet */
    uint32_t seq; /* of the last event */
    flux_future_t *stream;
    flux_msg_handler_t *events;
    double stream_ended; /* monotonic */
};

struct traffic {
    struct topology *tree;
    flux_reactor_t *r;
    uint32_t size, victim;
    struct client *clients;
    double killed; /* monotonic; 0: not yet */
    bool stopping;
    long answers, unreachable, others, wrong, gaps, events;
    double slowest;
};

static void send_request(struct request *q);

static bool is_lost(const struct traffic *t, uint32_t rank)
{
    while (rank != TOPOLOGY_NONE && rank != t->victim)
        rank = topology_parent(t->tree, rank);
    return rank == t->victim;
}

/* ---- what comes back -------------------------------------------------------
 */

/* What is left always answers.  What is lost may have, until this client was
 * first told that it is.
 */
static bool is_expected(struct request *q, bool answered)
{
    struct client *c = q->c;

    if (q->to == FLUX_NODEID_ANY || !is_lost(c->t, q->to))
        return answered;
    if (answered)
        return c->told == 0 || q->sent < c->told;
    if (c->told == 0)
        c->told = util_monotime();
    return c->t->killed > 0;
}

static void count(struct request *q, flux_future_t *f)
{
    struct traffic *t = q->c->t;
    double from = q->sent > t->killed ? q->sent : t->killed;
    bool answered = flux_rpc_get(f, NULL) == 0;

    if (answered)
        t->answers++;
    else if (errno == EHOSTUNREACH)
        t->unreachable++;
    else if (t->others++ == 0)
        printf("# rank %u to %u: %s\n", (unsigned)q->c->rank, (unsigned)q->to,
               strerror(errno));
    t->wrong += !is_expected(q, answered);
    if (util_monotime() - from > t->slowest)
        t->slowest = util_monotime() - from;
}

static void answer_cb(flux_future_t *f, void *arg)
{
    struct request *q = arg;

    if (!q->c->below)
        count(q, f);
    flux_future_destroy(f);
    q->f = NULL;
    if (!q->c->t->stopping && !q->c->gone)
        send_request(q);
}

static void send_request(struct request *q)
{
    struct client *c = q->c;

    q->to = c->next++ % (c->t->size + 1);
    if (q->to == c->t->size)
        q->to = FLUX_NODEID_ANY;
    q->sent = util_monotime();
    q->f = flux_rpc(c->h, "broker.ping", "{}", q->to, 0);
    if (!q->f || flux_future_then(q->f, -1., answer_cb, q) < 0) {
        flux_future_destroy(q->f);
        q->f = NULL;
    }
}

static void stream_cb(flux_future_t *f, void *arg)
{
    struct client *c = arg;

    if (flux_rpc_get(f, NULL) == 0) {
        flux_future_reset(f);
        return;
    }
    c->stream_ended = errno == EHOSTUNREACH ? util_monotime() : -1.;
}

static void
event_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    struct client *c = arg;
    uint32_t seq;

    (void)h;
    (void)mh;
    flux_msg_get_seq(msg, &seq);
    if (c->seq && seq != c->seq + 1 && !c->below)
        c->t->gaps++;
    c->seq = seq;
    c->t->events++;
}

static int lost_cb(flux_t *h, void *arg)
{
    struct client *c = arg;

    (void)h;
    c->gone = true;
    return -1;
}

/* ---- the course of it
 * -------------------------------------------------------- */

static void publish(struct client *c)
{
    flux_msg_t *msg = flux_event_encode("traffic", NULL);

    if (!msg || flux_send(c->h, msg, 0) < 0)
        perror("publish");
    flux_msg_destroy(msg);
}

static void
publish_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct traffic *t = arg;
    uint32_t i;

    (void)r;
    (void)w;
    (void)revents;
    for (i = 0; i < t->size; i++)
        if (t->clients[i].h && !t->clients[i].gone &&
            (t->killed == 0 || !t->clients[i].below))
            publish(&t->clients[i]);
}

static int pending(const struct client *c)
{
    int i, n = 0;

    for (i = 0; i < WINDOW; i++)
        n += c->window[i].f != NULL;
    return n;
}

static void close_client(struct client *c)
{
    int i;

    for (i = 0; i < WINDOW; i++)
        flux_future_destroy(c->window[i].f);
    flux_future_destroy(c->stream);
    flux_msg_handler_destroy(c->events);
    flux_close(c->h);
    c->h = NULL;
}

static bool all_ended(struct traffic *t)
{
    uint32_t i;

    for (i = 0; i < t->size; i++) {
        struct client *c = &t->clients[i];

        if (c->below ? !c->gone : pending(c) > 0 || c->stream_ended == 0)
            return false;
    }
    return true;
}

static void kill_victim(struct traffic *t)
{
    const char *pid = flux_attr_get(t->clients[t->victim].h, "broker.pid");

    t->killed = util_monotime();
    kill((pid_t)atoi(pid), SIGKILL);
}

/* From time to time: kill, stop asking, and wait until all has ended. */
static void
course_cb(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct traffic *t = arg;
    double now = util_monotime();

    (void)w;
    (void)revents;
    if (t->killed == 0)
        kill_victim(t);
    t->stopping = now > t->killed + AFTER;
    if ((t->stopping && all_ended(t)) || now > t->killed + AFTER + 3 * LIMIT)
        flux_reactor_stop(r);
}

static int connect_client(struct traffic *t, const char *rundir, uint32_t rank)
{
    struct client *c = &t->clients[rank];
    struct flux_match any_event = FLUX_MATCH_EVENT;
    char uri[200];

    c->t = t;
    c->rank = c->next = rank;
    c->below = is_lost(t, rank);
    snprintf(uri, sizeof(uri), "local://%s/local-%u", rundir, (unsigned)rank);
    any_event.topic_glob = "traffic";
    if (!(c->h = flux_open(uri, 0)) || flux_set_reactor(c->h, t->r) < 0 ||
        !flux_attr_get(c->h, "broker.pid") ||
        flux_event_subscribe(c->h, "") < 0 ||
        !(c->events = flux_msg_handler_create(c->h, any_event, event_cb, c)))
        return -1;
    flux_msg_handler_start(c->events);
    flux_comms_error_set(c->h, lost_cb, c);
    c->stream = flux_rpc(c->h, "state-machine.monitor", "{}", t->victim,
                         FLUX_RPC_STREAMING);
    return flux_future_then(c->stream, -1., stream_cb, c);
}

static int connect_all(struct traffic *t, const char *rundir)
{
    uint32_t i;
    int k;

    for (i = 0; i < t->size; i++)
        if (connect_client(t, rundir, i) < 0)
            return -1;
    for (i = 0; i < t->size; i++)
        for (k = 0; k < WINDOW; k++) {
            t->clients[i].window[k].c = &t->clients[i];
            send_request(&t->clients[i].window[k]);
        }
    return 0;
}

/* A handle that fails ends the loop; true if it was one that may. */
static bool close_failed(struct traffic *t)
{
    uint32_t i;
    bool found = false;

    for (i = 0; i < t->size; i++)
        if (t->clients[i].gone && t->clients[i].h) {
            close_client(&t->clients[i]);
            found = true;
        }
    return found;
}

static int run(struct traffic *t)
{
    flux_watcher_t *course =
        flux_timer_watcher_create(t->r, BEFORE, 0.02, course_cb, t);
    flux_watcher_t *publisher =
        flux_timer_watcher_create(t->r, 0., EVENT_PERIOD, publish_cb, t);
    int rc;

    flux_watcher_start(course);
    flux_watcher_start(publisher);
    while ((rc = flux_reactor_run(t->r, 0)) < 0 && close_failed(t))
        ;
    flux_watcher_destroy(course);
    flux_watcher_destroy(publisher);
    return rc;
}

/* ---- what has come of it
 * ------------------------------------------------------- */

static void check_clients(struct traffic *t)
{
    int unanswered = 0, open_streams = 0, not_told = 0;
    uint32_t i;

    for (i = 0; i < t->size; i++) {
        struct client *c = &t->clients[i];

        not_told += c->below != c->gone;
        unanswered += c->below ? 0 : pending(c);
        open_streams += !c->below && (c->stream_ended <= 0 ||
                                      c->stream_ended > t->killed + LIMIT);
    }
    is_int(unanswered, 0, "each request has ended");
    is_int(open_streams, 0, "streams from what is lost end with EHOSTUNREACH");
    is_int(not_told, 0, "clients of what is lost are told, others stay");
}

static void release(struct traffic *t)
{
    uint32_t i;

    for (i = 0; i < t->size; i++)
        if (t->clients[i].h)
            close_client(&t->clients[i]);
    flux_reactor_destroy(t->r);
    topology_destroy(t->tree);
    free(t->clients);
}

int main(int argc, char *argv[])
{
    struct traffic t = {0};
    flux_error_t e;

    if (argc != 5)
        return 1;
    t.size = (uint32_t)atoi(argv[2]);
    t.victim = (uint32_t)atoi(argv[4]);
    t.tree = topology_create(argv[3], t.size, &e);
    t.clients = calloc(t.size, sizeof(*t.clients));
    t.r = flux_reactor_create(0);
    signal(SIGPIPE, SIG_IGN);
    if (!t.tree || !t.clients || connect_all(&t, argv[1]) < 0 || run(&t) < 0) {
        perror("client_traffic");
        return 1;
    }
    printf("# rank %u of %u: %ld answers, %ld unreachable, %ld events, "
           "slowest %.3f s\n",
           (unsigned)t.victim, (unsigned)t.size, t.answers, t.unreachable,
           t.events, t.slowest);
    check_clients(&t);
    ok(t.slowest < LIMIT, "and in time");
    is_int(t.others, 0, "with an answer or EHOSTUNREACH");
    is_int(t.wrong, 0, "with the one that fits");
    ok(t.events > 0 && t.gaps == 0, "events keep their order");
    release(&t);
    return done();
}
