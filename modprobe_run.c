/* modprobe_run.c - carry out a plan: load or remove modules, side by side
 *
 * Each module is a request to the broker, module.load or module.remove, whose
 * answer comes when the module runs or is gone.  As many are under way at
 * the same time as the plan allows: a start takes as long as its longest
 * chain, not as long as all modules together.
 *
 * What always holds:
 * - A module is begun once, and only when nothing that it waits for is left.
 * - Nothing is begun after the first failure; the function returns when the
 *   last request is answered, so that no answer is lost, and no module is
 *   left half loaded by our going away.
 * - A dry run takes the same way, but for the request.
 */
#include "modprobe_run.h"

#include "future.h"
#include "reactor.h"
#include "util.h"

struct run {
    flux_t *h;
    const struct modprobe_plan *plan;
    const struct modprobe_how *how;
    struct item *items;
    size_t *queue; /* dry run: what was begun, in order */
    size_t begun;
    size_t under_way;
    double t0;
    bool failed;
    bool forced; /* a module has used up its time */
};

struct item {
    struct run *run;
    size_t pending; /* how many it still waits for */
    bool started;
    flux_future_t *f;
    double start, end; /* seconds since t0 */
};

static const char *name_of(const struct item *item)
{
    return item->run->plan->items[item - item->run->items]->name;
}

static void print_line(const struct item *item)
{
    const struct modprobe_module *m =
        item->run->plan->items[item - item->run->items];
    FILE *out = item->run->how->out;
    const char *arg;

    fprintf(out, "%s %s", item->run->how->removing ? "remove" : "load",
            m->name);
    for (size_t i = 0;
         !item->run->how->removing && (arg = modprobe_nth(m->args, i)); i++)
        fprintf(out, " %s", arg);
    fputc('\n', out);
}

/* ---- requests --------------------------------------------------------------
 */

static int set_optional(json_t *o, const struct modprobe_module *m)
{
    if (strcmp(m->name, m->path) != 0 &&
        json_object_set_new(o, "name", json_string(m->name)) < 0)
        return -1;
    if (m->on_failure &&
        json_object_set_new(o, "on-failure", json_string(m->on_failure)) < 0)
        return -1;
    return m->wrap ? json_object_set(o, "wrap", m->wrap) : 0;
}

static flux_future_t *request_load(flux_t *h, const struct modprobe_module *m)
{
    json_t *args = m->args ? json_incref(m->args) : json_array();
    json_t *o = json_pack("{s:s s:o s:b}", "path", m->path, "args", args,
                          "exec", m->exec);
    flux_future_t *f = NULL;

    errno = ENOMEM;
    if (o && set_optional(o, m) == 0)
        f = flux_rpc_pack(h, "module.load", FLUX_NODEID_ANY, 0, "O", o);
    json_decref(o);
    return f;
}

static flux_future_t *request_remove(struct run *run, const char *name)
{
    double force_after = run->how->force_after;

    if (force_after > 0)
        return flux_rpc_pack(run->h, "module.remove", FLUX_NODEID_ANY, 0,
                             "{s:s s:f}", "name", name, "timeout", force_after);
    return flux_rpc_pack(run->h, "module.remove", FLUX_NODEID_ANY, 0, "{s:s}",
                         "name", name);
}

static flux_future_t *request(struct run *run, const struct modprobe_module *m)
{
    return run->how->removing ? request_remove(run, m->name)
                              : request_load(run->h, m);
}

/* ---- turns -----------------------------------------------------------------
 */

static void fail(struct item *item, const char *why)
{
    fprintf(stderr, "%s: [Errno %d] %s\n", name_of(item), errno, why);
    item->run->failed = true;
}

static bool was_forced(const struct item *item)
{
    double most = item->run->how->force_after;

    return most > 0 && item->end - item->start >= most;
}

/* What a forced one had to write down may be lost, but those it needs can go:
 * that is told, and ends nothing.
 */
static void succeed(struct item *item)
{
    struct run *run = item->run;
    char text[UTIL_DURATION_SIZE];

    if (was_forced(item)) {
        util_format_duration(run->how->force_after, text);
        fprintf(stderr, "%s: did not end within %s, and was made to\n",
                name_of(item), text);
        run->forced = true;
    } else if (run->how->verbose)
        fprintf(run->how->out, "completed %s\n", name_of(item));
}

static void begin_ready(struct run *run);

static void release_waiting(struct run *run, size_t done)
{
    const struct modprobe_plan *plan = run->plan;

    for (size_t i = 0; i < plan->count; i++)
        if (plan->waits[i * plan->count + done])
            run->items[i].pending--;
}

static void finish(flux_future_t *f, void *arg)
{
    struct item *item = arg;
    struct run *run = item->run;

    item->end = util_monotime() - run->t0;
    run->under_way--;
    if (flux_future_get(f, NULL) < 0)
        fail(item, future_strerror(f, errno));
    else
        succeed(item);
    release_waiting(run, (size_t)(item - run->items));
    begin_ready(run);
    if (run->under_way == 0)
        flux_reactor_stop(flux_get_reactor(run->h));
}

static void begin(struct run *run, size_t i)
{
    struct item *item = &run->items[i];

    item->started = true;
    item->start = util_monotime() - run->t0;
    run->queue[run->begun++] = i;
    if (run->how->verbose || run->how->dry_run)
        print_line(item);
    if (run->how->dry_run)
        return;
    item->f = request(run, run->plan->items[i]);
    if (!item->f || flux_future_then(item->f, -1., finish, item) < 0)
        fail(item, flux_strerror(errno));
    else
        run->under_way++;
}

static void begin_ready(struct run *run)
{
    for (size_t i = 0; i < run->plan->count && !run->failed; i++)
        if (!run->items[i].started && run->items[i].pending == 0)
            begin(run, i);
}

static void pretend(struct run *run)
{
    begin_ready(run);
    for (size_t done = 0; done < run->begun; done++) {
        release_waiting(run, run->queue[done]);
        if (done + 1 == run->begun)
            begin_ready(run);
    }
}

/* ---- all of it -------------------------------------------------------------
 */

static int setup(struct run *run)
{
    size_t count = run->plan->count;

    run->items = calloc(count + 1, sizeof(*run->items));
    run->queue = calloc(count + 1, sizeof(*run->queue));
    if (!run->items || !run->queue)
        return -1;
    for (size_t i = 0; i < count; i++) {
        run->items[i].run = run;
        run->items[i].pending = run->plan->pending[i];
    }
    run->t0 = util_monotime();
    return 0;
}

static void release(struct run *run)
{
    for (size_t i = 0; run->items && i < run->plan->count; i++)
        flux_future_destroy(run->items[i].f);
    free(run->items);
    free(run->queue);
}

static void print_times(const struct run *run)
{
    for (size_t n = 0; n < run->begun; n++) {
        const struct item *item = &run->items[run->queue[n]];

        fprintf(run->how->out, "%8.3fs %8.3fs %s\n", item->start,
                item->end - item->start, name_of(item));
    }
}

static int carry_out(struct run *run)
{
    begin_ready(run);
    if (run->under_way > 0 &&
        flux_reactor_run(flux_get_reactor(run->h), 0) < 0) {
        fprintf(stderr, "reactor: %s\n", flux_strerror(errno));
        run->failed = true;
    }
    if (run->how->timing)
        print_times(run);
    return run->failed || run->forced ? -1 : 0;
}

int modprobe_run(flux_t *h,
                 const struct modprobe_plan *plan,
                 const struct modprobe_how *how)
{
    struct run run = {.h = h, .plan = plan, .how = how};
    int rc = setup(&run);

    if (rc < 0)
        fprintf(stderr, "out of memory\n");
    else if (how->dry_run)
        pretend(&run);
    else
        rc = carry_out(&run);
    release(&run);
    return rc;
}
