/* cmd_uptime.c - flux-uptime(1): one line about the instance
 *
 *      02:31:26 run 2.4h,  owner root,  depth 0,  size 4
 *
 * The time of day; the local broker's state; how long the instance has been
 * up, or in any other state than run, how long the broker has been in it; the
 * owner; how many instances are around this one; the number of brokers.
 *
 * What always holds:
 * - Everything but the state comes from attributes, the start time from rank
 *   0's, as the others joined later.  The requests and their order are those
 *   of Flux's own command.
 * - A duration has two digits and the largest unit of which there is at least
 *   one, so that the line keeps its width.
 */
#include "cli.h"

#include <pwd.h>
#include <time.h>

#include "util.h"

struct uptime {
    const char *owner, *size, *level; /* in the handle's cache */
    char state[32];
    double duration; /* seconds */
};

static const char *get_attr(struct cli *p, flux_t *h, const char *name)
{
    const char *value = flux_attr_get(h, name);

    if (!value)
        cli_die_errno(p, "Error fetching %s attribute", name);
    return value;
}

static void get_state(struct cli *p, flux_t *h, struct uptime *up)
{
    flux_future_t *f =
        flux_rpc(h, "state-machine.get", NULL, FLUX_NODEID_ANY, 0);
    const char *state;

    cli_wait(p, f, "Error fetching broker state");
    if (flux_rpc_get_unpack(f, "{s:s s:f}", "state", &state, "duration",
                            &up->duration) < 0)
        cli_die_errno(p, "Error fetching broker state");
    snprintf(up->state, sizeof(up->state), "%s", state);
    flux_future_destroy(f);
}

static void get_run_time(struct cli *p, flux_t *h, struct uptime *up)
{
    flux_future_t *f =
        flux_rpc_pack(h, "attr.get", 0, 0, "{s:s}", "name", "broker.starttime");
    const char *text;
    double start;

    cli_wait(p, f, "Error fetching start time");
    if (flux_rpc_get_unpack(f, "{s:s}", "value", &text) < 0 ||
        util_parse_double(text, &start) < 0)
        cli_die_errno(p, "Error fetching start time");
    up->duration = flux_reactor_time() - start;
    flux_future_destroy(f);
}

static void print_duration(double seconds)
{
    static const struct {
        double size;
        const char *name;
    } units[] = {
        {86400, "d"}, {3600, "h"}, {60, "m"}, {0.1, "s"}, {0, "ms"},
    };
    size_t i = 0;
    double n;

    while (seconds < units[i].size)
        i++;
    n = units[i].size == 0 ? seconds * 1000
                           : seconds / (units[i].size < 1 ? 1 : units[i].size);
    printf(n < 100 ? "%.2g%s" : "%.0f%s", n, units[i].name);
}

static void print_owner(const char *owner)
{
    uint32_t uid;
    struct passwd *pw = NULL;

    if (util_parse_uint32(owner, 10, &uid) == 0)
        pw = getpwuid(uid);
    printf("%s", pw ? pw->pw_name : owner);
}

static void print_now(void)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[16];

    if (localtime_r(&now, &tm) &&
        strftime(text, sizeof(text), " %H:%M:%S", &tm) > 0)
        printf("%s", text);
}

static void print_uptime(const struct uptime *up)
{
    print_now();
    printf(" %s ", up->state);
    print_duration(up->duration < 0 ? 0 : up->duration);
    printf(",  owner ");
    print_owner(up->owner);
    printf(",  depth %s,  size %s\n", up->level, up->size);
}

static int run_uptime(struct cli *p)
{
    struct uptime up;
    flux_t *h = cli_open(p);

    up.owner = get_attr(p, h, "security.owner");
    up.size = get_attr(p, h, "size");
    up.level = get_attr(p, h, "instance-level");
    get_state(p, h, &up);
    if (strcmp(up.state, "run") == 0)
        get_run_time(p, h, &up);
    print_uptime(&up);
    flux_close(h);
    return 0;
}

const struct cli_command cmd_uptime = {
    .name = "flux-uptime",
    .arguments = "[OPTIONS]",
    .summary = "Show how long this Flux instance has been running",
    .run = run_uptime,
};
