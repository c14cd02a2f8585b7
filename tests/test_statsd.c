/* test_statsd.c - what a statsd server gets, and where hosts are
 *
 * The server is a socket of this program.  The handle is a loop:// one whose
 * attributes are given.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../flux.h"
#include "tap.h"

static flux_t *h;
static int server;
static char got[2048];

static int open_server(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t size = sizeof(a);
    char where[64];

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server = socket(AF_INET, SOCK_DGRAM, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        getsockname(server, (struct sockaddr *)&a, &size) < 0)
        return -1;
    snprintf(where, sizeof(where), "127.0.0.1:%d", ntohs(a.sin_port));
    return setenv("FLUX_FRIPP_STATSD", where, 1);
}

/* The next datagram; one that was sent is there. */
static const char *take(void)
{
    ssize_t n = recv(server, got, sizeof(got) - 1, MSG_DONTWAIT);

    got[n > 0 ? n : 0] = '\0';
    return got;
}

static void came(flux_reactor_t *r, flux_watcher_t *w, int revents, void *arg)
{
    (void)w;
    (void)revents;
    (void)arg;
    flux_reactor_stop(r);
}

static const char *wait_for(void)
{
    flux_reactor_t *r = flux_get_reactor(h);
    flux_watcher_t *w =
        flux_fd_watcher_create(r, server, FLUX_POLLIN, came, NULL);

    flux_watcher_start(w);
    flux_reactor_run(r, 0);
    flux_watcher_destroy(w);
    return take();
}

static void test_period(void)
{
    flux_stats_set_period(h, 0.01);
    flux_stats_count(h, "c", 5);
    flux_stats_count(h, "c", 9);
    flux_stats_gauge_set(h, "g", -3);
    flux_stats_gauge_inc(h, "g", 2);
    flux_stats_gauge_inc(h, "n", -4);
    flux_stats_timing(h, "t", 0.25);
    flux_stats_gauge_set(h, NULL, 1);
    is_str(take(), "", "nothing is sent before the period is over");
    is_str(wait_for(),
           "flux.3.c:9|C\nflux.3.g:-1|g\nflux.3.n:-4|g\nflux.3.t:0.250000|ms",
           "then each metric, once, with its last value");
    flux_stats_count(h, "c", 9);
    flux_stats_gauge_set(h, "g", 7);
    is_str(wait_for(), "flux.3.g:7|g", "later what has changed");
}

static void test_large(void)
{
    char name[64];
    int lines = 0, packets = 0;

    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "a.metric.with.a.longer.name.%d", i);
        flux_stats_gauge_set(h, name, i);
    }
    for (const char *s = wait_for(); *s; s = take(), packets++) {
        ok(strlen(s) <= 1432, "a datagram is no longer than a frame");
        for (lines++; (s = strchr(s, '\n')); s++)
            lines++;
        s = got;
    }
    is_int(lines, 100, "all come");
    ok(packets > 1, "in several datagrams");
}

static void test_at_once(void)
{
    flux_stats_set_period(h, 0);
    flux_stats_count(h, "c", 9);
    is_str(take(), "flux.3.c:9|C", "without a period, at once");
    flux_stats_gauge_inc(h, "g", -2);
    is_str(take(), "flux.3.g:-2|g", "a step down is the server's to take");
    flux_stats_gauge_inc(h, "g", 2);
    is_str(take(), "flux.3.g:+2|g", "and up");
    flux_stats_set_prefix(h, "my%d", 1);
    errno = EXDEV;
    flux_stats_timing(h, "t", 1.5);
    is_int(errno, EXDEV, "errno is kept");
    is_str(take(), "my1.t:1.500000|ms", "with another prefix");
    flux_stats_set_prefix(h, "%0200d", 0);
    flux_stats_count(h, "c", 1);
    is_int(strcspn(take(), "."), 126, "which is cut");
}

static int captured;

static void capture(const char *buf, int len, void *arg)
{
    (void)arg;
    captured += strstr(buf, "FLUX_FRIPP_STATSD parse error: ") && len > 0;
}

/* A handle of its own, since it looks once. */
static void test_no_server(const char *where, int errors)
{
    flux_t *other = flux_open("loop://", 0);

    captured = 0;
    flux_log_set_redirect(other, capture, NULL);
    if (where)
        setenv("FLUX_FRIPP_STATSD", where, 1);
    else
        unsetenv("FLUX_FRIPP_STATSD");
    ok(!flux_stats_enabled(other, "c"), "no server: not enabled");
    flux_stats_count(other, "c", 1);
    flux_stats_gauge_inc(other, "c", 1);
    flux_stats_set_prefix(other, "x");
    is_int(captured, errors, "what is wrong is logged once");
    flux_close(other);
}

static void test_hosts(void)
{
    is_str(flux_get_hostbyrank(h, 0), "a0", "rank 0's host");
    is_str(flux_get_hostbyrank(h, 2), "b", "rank 2's");
    is_str(flux_get_hostbyrank(h, 0), "a0", "again");
    is_str(flux_get_hostbyrank(h, 3), "(null)", "a rank that there is not");
    is_str(flux_get_hostbyrank(h, FLUX_NODEID_ANY), "any", "any");
    is_str(flux_get_hostbyrank(h, FLUX_NODEID_UPSTREAM), "upstream",
           "upstream");
    is_str(flux_get_hostbyrank(NULL, 0), "(null)", "no handle");
    is_int(flux_get_rankbyhost(h, "b"), 2, "b is rank 2");
    errno = 0;
    ok(flux_get_rankbyhost(h, "c") == -1 && errno == ENOENT, "c is none");
    errno = 0;
    ok(flux_get_rankbyhost(h, NULL) == -1 && errno == EINVAL, "nor is NULL");
}

int main(void)
{
    if (open_server() < 0 || !(h = flux_open("loop://", 0)))
        return 1;
    flux_attr_set_cacheonly(h, "rank", "3");
    flux_attr_set_cacheonly(h, "hostlist", "a[0-1],b");
    ok(flux_stats_enabled(h, NULL), "enabled");
    ok(flux_stats_enabled(h, "c"), "whatever the metric");
    ok(!flux_stats_enabled(NULL, NULL), "not without a handle");
    test_period();
    test_large();
    test_at_once();
    flux_close(h);
    test_no_server(NULL, 0);
    test_no_server("localhost", 1);
    test_no_server("127.0.0.1:no-such-port", 1);
    h = flux_open("loop://", 0);
    flux_attr_set_cacheonly(h, "hostlist", "a[0-1],b");
    test_hosts();
    flux_close(h);
    close(server);
    return done();
}
