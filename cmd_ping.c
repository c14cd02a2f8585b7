/* cmd_ping.c - flux ping: measure round trips to a service
 *
 * Every module and the broker itself answer SERVICE.ping with what they were
 * sent, the route that it took, and who they think sent it.  The request
 * carries the time of its sending, so that a response tells its own latency
 * and nothing has to be remembered here.
 *
 * TARGET is a service ("kvs"), a rank, a host of the instance, "any" or
 * "upstream" (then the service is "broker"), or both ("1!kvs").  With --rank
 * it is a service and nothing else.  A rank may be a set of them, "0-3,7" or
 * "all": then each request is one to each rank.
 *
 * What always holds:
 * - Requests go out at their own pace, without waiting for responses: every
 *   interval, or with interval 0 one for each turn of the loop, as long as
 *   not too many bytes are on their way.  With --batch all are sent before
 *   the first response is looked at.
 * - A line shows the rank that answered, not the one that was asked for.
 * - The first error ends the command, status 1; where many ranks are pinged,
 *   each error is told and the others go on.  With --count it ends when
 *   the last response is there, otherwise never.
 * - The first line says what is being pinged, before anything is sent.
 */
#include <time.h>

#include "cli.h"
#include "hostlist.h"
#include "idset.h"
#include "util.h"

/* With interval 0, bytes that may be on their way before one has to come
 * back: enough to keep a pipeline full, too little to be cut off for it.
 */
enum { FLIGHT_MAX = 4 * 1024 * 1024, FRAME_OVERHEAD = 256 };

/* The largest --pad: the text of a request has to fit one frame. */
#define PAD_MAX (1024.0 * 1024 * 1024)

struct target {
    struct ping *ping;
    uint32_t nodeid;
};

struct ping {
    struct cli *p;
    flux_t *h;
    flux_reactor_t *r;
    flux_watcher_t *pace;
    char *node; /* as it was named, "any" by default */
    char *service;
    char *topic;
    char *pad;
    struct target *targets;
    size_t target_count;
    bool is_host; /* `node` names a host */
    bool userid;  /* show userid and rolemask */
    double interval;
    int64_t count;    /* 0: no end */
    int64_t sent;     /* to each target */
    int64_t received; /* from all of them */
    bool failed;
};

static char *copy(struct cli *p, const char *text, size_t len)
{
    char *s = util_asprintf("%.*s", (int)len, text);

    if (!s)
        cli_die_errno(p, "%s", text);
    return s;
}

/* Rank of a host by the attribute `hostlist`, which an instance of one may
 * be without.
 */
static int find_host(struct ping *ping, const char *name)
{
    const char *list = flux_attr_get(ping->h, "hostlist");

    return list ? hostlist_find(list, name) : -1;
}

static struct target *add_targets(struct ping *ping, size_t count)
{
    ping->targets = calloc(count, sizeof(*ping->targets));
    if (!ping->targets)
        cli_die_errno(ping->p, "targets");
    ping->target_count = count;
    for (size_t i = 0; i < count; i++)
        ping->targets[i].ping = ping;
    return ping->targets;
}

static int set_node(struct ping *ping, uint32_t nodeid)
{
    add_targets(ping, 1)->nodeid = nodeid;
    return 0;
}

static int set_host(struct ping *ping, const char *name)
{
    int rank = find_host(ping, name);

    if (rank < 0)
        return -1;
    ping->is_host = true;
    return set_node(ping, (uint32_t)rank);
}

static int set_all(struct ping *ping)
{
    uint32_t size;

    if (flux_get_size(ping->h, &size) < 0)
        return -1;
    add_targets(ping, size);
    for (uint32_t i = 0; i < size; i++)
        ping->targets[i].nodeid = i;
    return 0;
}

static int set_many(struct ping *ping, const struct idset *ranks)
{
    struct target *t;
    uint32_t rank;

    if (idset_count(ranks) == 0)
        return -1;
    t = add_targets(ping, idset_count(ranks));
    for (rank = idset_next(ranks, 0); rank != IDSET_NONE;
         rank = idset_next(ranks, rank + 1))
        t++->nodeid = rank;
    return 0;
}

static int parse_node(struct ping *ping, const char *name)
{
    struct idset *ranks;
    int rc;

    if (strcmp(name, "any") == 0)
        return set_node(ping, FLUX_NODEID_ANY);
    if (strcmp(name, "upstream") == 0)
        return set_node(ping, FLUX_NODEID_UPSTREAM);
    if (strcmp(name, "all") == 0)
        return set_all(ping);
    if (!(ranks = idset_decode(name)))
        return set_host(ping, name);
    rc = set_many(ping, ranks);
    idset_destroy(ranks);
    return rc;
}

static void set_target(struct ping *ping, const char *node, const char *service)
{
    ping->node = copy(ping->p, node, strlen(node));
    ping->service = copy(ping->p, service, strlen(service));
}

static void split_target(struct ping *ping, const char *target, size_t len)
{
    ping->node = copy(ping->p, target, len);
    ping->service = copy(ping->p, target + len + 1, strlen(target + len + 1));
    if (parse_node(ping, ping->node) < 0)
        cli_usage_die(ping->p, "invalid nodeid/host: '%s'", ping->node);
}

static void parse_target(struct ping *ping)
{
    const char *target = cli_argv(ping->p)[0];
    const char *rank = cli_get(ping->p, "rank", NULL);
    size_t len = strcspn(target, "!");

    if (rank && target[len])
        cli_usage_die(ping->p,
                      "--rank and TARGET both try to specify a nodeid");
    if (target[len]) {
        split_target(ping, target, len);
        return;
    }
    if (rank) {
        if (parse_node(ping, rank) < 0)
            cli_usage_die(ping->p, "invalid nodeid/host: '%s'", rank);
        set_target(ping, rank, target);
    } else if (parse_node(ping, target) == 0)
        set_target(ping, target, "broker");
    else {
        set_node(ping, FLUX_NODEID_ANY);
        set_target(ping, "any", target);
    }
}

static double suffix_value(const char *suffix)
{
    if (strcmp(suffix, "") == 0)
        return 1;
    if (strcmp(suffix, "k") == 0 || strcmp(suffix, "K") == 0)
        return 1024;
    if (strcmp(suffix, "M") == 0)
        return 1024 * 1024;
    return strcmp(suffix, "G") == 0 ? 1024 * 1024 * 1024 : -1;
}

/* "10", "1.5k", "4M": a number of bytes, or -1. */
static double parse_size(const char *text)
{
    size_t len = strcspn(text, "kKMG");
    double factor = suffix_value(text + len), number = -1;
    char digits[32];

    if (len >= sizeof(digits) || factor < 0)
        return -1;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (util_parse_double(digits, &number) < 0 || !(number >= 0))
        return -1;
    number *= factor;
    return number < 1e15 ? (double)(int64_t)number : -1;
}

static char *make_pad(struct cli *p)
{
    const char *text = cli_get(p, "pad", "0");
    double size = parse_size(text);
    char *pad;

    if (size < 0 || size > PAD_MAX)
        cli_usage_die(p, "invalid argument for option 'pad': %s", text);
    if (!(pad = malloc((size_t)size + 1)))
        cli_die_errno(p, "pad");
    memset(pad, 'p', (size_t)size);
    pad[(size_t)size] = '\0';
    return pad;
}

static void check_options(struct ping *ping)
{
    ping->count = cli_int(ping->p, "count", 0);
    ping->interval = cli_duration(ping->p, "interval", 1.0);
    ping->userid = cli_count(ping->p, "userid") > 0;
    if (ping->count < 0)
        cli_usage_die(ping->p, "count must be >= 0");
    if (cli_count(ping->p, "batch") > 0 && ping->count == 0)
        cli_usage_die(ping->p, "--batch should only be used with --count");
}

static double elapsed_ms(int64_t sec, int64_t nsec)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - sec) * 1e3 +
           (double)(now.tv_nsec - nsec) / 1e6;
}

struct response {
    int64_t seq, sec, nsec;
    const char *route, *pad;
    int64_t userid, rolemask, rank;
};

static int decode_response(flux_future_t *f, struct response *r)
{
    return flux_rpc_get_unpack(
        f, "{s:I s:I s:I s:s s:s s:I s:I s:I}", "seq", &r->seq, "time.tv_sec",
        &r->sec, "time.tv_nsec", &r->nsec, "pad", &r->pad, "route", &r->route,
        "userid", &r->userid, "rolemask", &r->rolemask, "rank", &r->rank);
}

static void print_response(struct ping *ping, const struct response *r)
{
    printf("%lld!%s pad=%zu", (long long)r->rank, ping->topic, strlen(r->pad));
    if (ping->userid)
        printf(" userid=%lld rolemask=0x%llx", (long long)r->userid,
               (unsigned long long)r->rolemask);
    printf(" seq=%lld time=%0.3f ms (%s)\n", (long long)r->seq,
           elapsed_ms(r->sec, r->nsec), r->route);
    fflush(stdout);
}

static void fail(struct target *t)
{
    struct ping *ping = t->ping;

    if (t->nodeid == FLUX_NODEID_ANY)
        cli_die_errno(ping->p, "%s", ping->topic);
    if (ping->target_count == 1)
        cli_die_errno(ping->p, "%s!%s", ping->node, ping->topic);
    cli_warn(ping->p, "%u!%s: %s", (unsigned)t->nodeid, ping->topic,
             strerror(errno));
    ping->failed = true;
}

static int64_t in_flight(const struct ping *ping)
{
    return ping->sent * (int64_t)ping->target_count - ping->received;
}

static bool may_send(const struct ping *ping)
{
    int64_t size = (int64_t)strlen(ping->pad) + FRAME_OVERHEAD;

    if (ping->count > 0 && ping->sent == ping->count)
        return false;
    return ping->interval > 0 || in_flight(ping) == 0 ||
           in_flight(ping) * size <= FLIGHT_MAX;
}

static void receive(flux_future_t *f, void *arg)
{
    struct target *t = arg;
    struct ping *ping = t->ping;
    struct response r;

    if (decode_response(f, &r) < 0)
        fail(t);
    else
        print_response(ping, &r);
    flux_future_destroy(f);
    if (++ping->received == ping->count * (int64_t)ping->target_count)
        flux_reactor_stop(ping->r);
    else if (ping->pace && !flux_watcher_is_active(ping->pace) &&
             may_send(ping))
        flux_watcher_start(ping->pace);
}

static void send_to(struct target *t)
{
    struct ping *ping = t->ping;
    struct timespec now;
    flux_future_t *f;

    clock_gettime(CLOCK_MONOTONIC, &now);
    f = flux_rpc_pack(ping->h, ping->topic, t->nodeid, 0, "{s:I s:I s:I s:s}",
                      "seq", ping->sent, "time.tv_sec", (int64_t)now.tv_sec,
                      "time.tv_nsec", (int64_t)now.tv_nsec, "pad", ping->pad);
    if (!f || flux_future_then(f, -1, receive, t) < 0)
        cli_die_errno(ping->p, "%s", ping->topic);
}

static void send_one(struct ping *ping)
{
    for (size_t i = 0; i < ping->target_count; i++)
        send_to(&ping->targets[i]);
    ping->sent++;
}

static void
send_next(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    struct ping *ping = arg;

    (void)r;
    (void)revents;
    send_one(ping);
    if (!may_send(ping))
        flux_watcher_stop(w);
}

static void send_all(struct ping *ping)
{
    time_t whole = (time_t)ping->interval;
    struct timespec pause = {
        .tv_sec = whole,
        .tv_nsec = (long)((ping->interval - (double)whole) * 1e9),
    };

    while (ping->sent < ping->count) {
        send_one(ping);
        nanosleep(&pause, NULL);
    }
}

static void start_pace(struct ping *ping)
{
    if (ping->interval > 0)
        ping->pace = flux_timer_watcher_create(ping->r, 0, ping->interval,
                                               send_next, ping);
    else
        ping->pace = flux_idle_watcher_create(ping->r, send_next, ping);
    if (!ping->pace)
        cli_die_errno(ping->p, "timer");
    flux_watcher_start(ping->pace);
}

static void print_header(struct ping *ping)
{
    printf("flux-ping %s!%s", ping->node, ping->service);
    if (ping->is_host)
        printf(" (rank %u)", (unsigned)ping->targets[0].nodeid);
    putchar('\n');
    fflush(stdout);
}

static void release(struct ping *ping)
{
    flux_watcher_destroy(ping->pace);
    flux_close(ping->h);
    free(ping->targets);
    free(ping->node);
    free(ping->service);
    free(ping->topic);
    free(ping->pad);
}

static int run_ping(struct cli *p)
{
    struct ping ping = {.p = p};

    check_options(&ping);
    ping.pad = make_pad(p);
    ping.h = cli_open(p);
    ping.r = flux_get_reactor(ping.h);
    parse_target(&ping);
    if (!(ping.topic = util_asprintf("%s.ping", ping.service)))
        cli_die_errno(p, "%s", ping.service);
    print_header(&ping);
    if (cli_count(p, "batch") > 0)
        send_all(&ping);
    else
        start_pace(&ping);
    if (flux_reactor_run(ping.r, 0) < 0)
        cli_die_errno(p, "flux_reactor_run");
    release(&ping);
    return ping.failed;
}

static const struct cli_option options[] = {
    {'r', "rank", CLI_ARG, "RANK",
     "Find target on a specific broker rank, or on each of a set"},
    {'p', "pad", CLI_ARG, "N",
     "Include in the payload a string of length N bytes"},
    {'i', "interval", CLI_ARG, "N",
     "Specify the delay, in seconds, between successive requests"},
    {'c', "count", CLI_ARG, "N", "Specify the number of requests to send"},
    {'b', "batch", CLI_NO_ARG, NULL,
     "Begin processing responses after all requests are sent"},
    {'u', "userid", CLI_NO_ARG, NULL,
     "Include userid and rolemask in ping output"},
    CLI_OPTIONS_END,
};

const struct cli_command cmd_ping = {
    .name = "flux-ping",
    .arguments = "[OPTIONS] TARGET",
    .summary = "Send requests to a service and time the answers",
    .options = options,
    .run = run_ping,
    .min_args = 1,
    .max_args = 1,
};
