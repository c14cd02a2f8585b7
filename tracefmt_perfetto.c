/* tracefmt_perfetto.c - flux module trace as a Chrome trace-event file
 *
 * For ui.perfetto.dev, chrome://tracing, speedscope and whatever else reads
 * the format (docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0).
 * A module is a thread of the process "modules", one who calls from outside a
 * thread of "clients".  A request with its response is a span ("X") on the
 * track of the module that serves it, from the moment that it was handed to
 * it; another on the track of the one who called; and an arrow ("s", "f") from
 * that to this.  Events, control messages and what belongs to no call are
 * instants ("I").  Metadata ("M") names the tracks.
 *
 * What always holds:
 * - Spans of one thread never overlap, as the format demands; each ends a
 *   nanosecond early, so that rounding cannot make them.  A module that
 *   serves several requests at a time has several threads of its name: lanes,
 *   of which a call takes the first that is free.
 * - Times are microseconds since the first message.
 * - An arrow is written behind the span that it is tied to, and only if both
 *   of its ends are known.  The called one begins a nanosecond after the
 *   caller at least, since viewers sort by time.
 * - A call that had no response when the trace ended, or when messages were
 *   lost, is a span to that moment, with `unanswered` among its arguments.
 * - The file ends as it must, if the command does not die by SIGKILL.
 */
#include "tracefmt.h"

#include "buf.h"
#include "table.h"

enum { PID_MODULES = 1, PID_CLIENTS = 2 };

enum { LANES_SHOWN = 1000 }; /* of one track, in the order of tracks */

struct lane {
    int tid;
    bool busy;
};

struct track {
    char name[64];
    int pid;
    int order;
    struct lane *lanes;
    int count;
};

struct span {
    struct track *track;
    int lane;
    int64_t start; /* nanoseconds since the first message */
    char *name;
    json_t *args;
    const char *category;
    json_int_t flow;    /* the arrow's number */
    bool arrow_out;     /* it begins here */
    bool arrow_in;      /* it ends here */
    struct span *outer; /* of a caller that is no module; owned */
    struct buf key;     /* in `asking`, or empty */
};

struct perfetto {
    FILE *out;
    struct tracefmt_options o;
    struct table *tracks; /* by UUID; owned */
    struct table *asking; /* spans of modules that call, by sender and tag */
    bool named_process[PID_CLIENTS + 1];
    double first;   /* timestamp, 0 before it has come */
    int64_t latest; /* nanoseconds since then */
    int tids;
    json_int_t flows;
    const char *separator;
};

/* ---- the file ------------------------------------------------------------ */

/* Takes `event`. */
static int put(struct perfetto *p, json_t *event)
{
    int rc = -1;

    if (event) {
        fputs(p->separator, p->out);
        rc = json_dumpf(event, p->out, JSON_COMPACT | JSON_REAL_PRECISION(15));
    }
    p->separator = ",\n";
    json_decref(event);
    return rc;
}

static double usec(int64_t ns)
{
    return (double)ns / 1e3;
}

static int
put_name(struct perfetto *p, const char *what, int pid, int tid, json_t *args)
{
    return put(p, json_pack("{s:s s:s s:s s:i s:i s:i s:o}", "name", what,
                            "cat", "__metadata", "ph", "M", "ts", 0, "pid", pid,
                            "tid", tid, "args", args));
}

static int put_process(struct perfetto *p, int pid)
{
    const char *name = pid == PID_MODULES ? "modules" : "clients";

    if (p->named_process[pid])
        return 0;
    p->named_process[pid] = true;
    return put_name(p, "process_name", pid, 0,
                    json_pack("{s:s}", "name", name));
}

static int put_thread(struct perfetto *p, const struct track *k, int lane)
{
    int tid = k->lanes[lane].tid;
    json_t *name = lane == 0 ? json_string(k->name)
                             : json_sprintf("%s #%d", k->name, lane + 1);

    if (put_name(p, "thread_name", k->pid, tid,
                 json_pack("{s:o}", "name", name)) < 0)
        return -1;
    return put_name(
        p, "thread_sort_index", k->pid, tid,
        json_pack("{s:i}", "sort_index", k->order * LANES_SHOWN + lane));
}

/* ---- tracks -----------------------------------------------------------------
 */

static void destroy_track(void *arg)
{
    struct track *k = arg;

    free(k->lanes);
    free(k);
}

static int add_lane(struct perfetto *p, struct track *k)
{
    size_t size = ((size_t)k->count + 1) * sizeof(k->lanes[0]);
    struct lane *lanes = realloc(k->lanes, size);

    if (!lanes)
        return -1;
    k->lanes = lanes;
    lanes[k->count].tid = ++p->tids;
    lanes[k->count].busy = false;
    return put_thread(p, k, k->count++);
}

static struct track *
add_track(struct perfetto *p, const char *uuid, const char *name, int pid)
{
    struct track *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    snprintf(k->name, sizeof(k->name), "%s", name);
    k->pid = pid;
    k->order = (int)table_count(p->tracks);
    if (put_process(p, pid) < 0 || add_lane(p, k) < 0 ||
        table_set(p->tracks, uuid, k) < 0) {
        destroy_track(k);
        return NULL;
    }
    return k;
}

static struct track *module_track(struct perfetto *p,
                                  const struct tracefmt_record *r)
{
    struct track *k = table_get(p->tracks, r->uuid);

    return k ? k : add_track(p, r->uuid, r->name, PID_MODULES);
}

static struct track *sender_track(struct perfetto *p,
                                  const struct tracefmt_record *r)
{
    const char *uuid = tracefmt_sender(r);
    struct track *k = table_get(p->tracks, uuid);
    char name[64];

    if (k)
        return k;
    tracefmt_stranger(r, name);
    return add_track(p, uuid, name, PID_CLIENTS);
}

/* Its number, or -1. */
static int take_lane(struct perfetto *p, struct track *k)
{
    int i = 0;

    while (i < k->count && k->lanes[i].busy)
        i++;
    if (i == k->count && add_lane(p, k) < 0)
        return -1;
    k->lanes[i].busy = true;
    return i;
}

/* ---- spans
 * ------------------------------------------------------------------- */

static void span_destroy(struct perfetto *p, struct span *s)
{
    if (!s)
        return;
    span_destroy(p, s->outer);
    s->track->lanes[s->lane].busy = false;
    if (s->key.size > 0 &&
        table_getn(p->asking, (char *)s->key.data, s->key.size) == s)
        table_removen(p->asking, (char *)s->key.data, s->key.size);
    buf_release(&s->key);
    json_decref(s->args);
    free(s->name);
    free(s);
}

static json_t *request_args(const struct tracefmt_record *r, bool full)
{
    json_t *args =
        json_pack("{s:I s:I s:I s:s s:I}", "matchtag", r->matchtag, "userid",
                  r->userid, "rolemask", r->rolemask, "sender",
                  tracefmt_sender(r), "request_size", (json_int_t)r->size);

    if (args && full && r->payload)
        json_object_set(args, "request", r->payload);
    return args;
}

static struct span *span_create(struct perfetto *p,
                                struct track *k,
                                const struct tracefmt_record *r,
                                const char *category)
{
    int lane = k ? take_lane(p, k) : -1;
    struct span *s = lane < 0 ? NULL : calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->track = k;
    s->lane = lane;
    s->start = p->latest;
    s->category = category;
    s->name = strdup(r->topic);
    s->args = request_args(r, p->o.full);
    if (s->name && s->args)
        return s;
    span_destroy(p, s);
    return NULL;
}

static json_t *span_event(const struct span *s, int64_t end)
{
    int64_t length = end - 1 - s->start;

    return json_pack("{s:s s:s s:s s:f s:f s:i s:i s:O}", "name", s->name,
                     "cat", s->category, "ph", "X", "ts", usec(s->start), "dur",
                     usec(length > 0 ? length : 0), "pid", s->track->pid, "tid",
                     s->track->lanes[s->lane].tid, "args", s->args);
}

static json_t *arrow_event(const struct span *s, bool out)
{
    json_t *o = json_pack("{s:s s:s s:s s:o s:f s:i s:i s:{}}", "name", "call",
                          "cat", "flow", "ph", out ? "s" : "f", "id",
                          json_sprintf("0x%llx", (long long)s->flow), "ts",
                          usec(s->start), "pid", s->track->pid, "tid",
                          s->track->lanes[s->lane].tid, "args");

    if (o && !out)
        json_object_set_new(o, "bp", json_string("e"));
    return o;
}

static int put_span(struct perfetto *p, const struct span *s, int64_t end)
{
    if (put(p, span_event(s, end)) < 0 ||
        (s->arrow_in && put(p, arrow_event(s, false)) < 0) ||
        (s->arrow_out && put(p, arrow_event(s, true)) < 0))
        return -1;
    return s->outer ? put_span(p, s->outer, end) : 0;
}

/* ---- calls
 * --------------------------------------------------------------------- */

static void asking_key(const struct tracefmt_record *r, struct buf *b)
{
    uint32_t matchtag = (uint32_t)r->matchtag;

    buf_add(b, &matchtag, sizeof(matchtag));
    buf_add_string(b, tracefmt_sender(r));
}

static struct span *begin_asking(struct perfetto *p,
                                 const struct tracefmt_record *r)
{
    struct span *s = span_create(p, module_track(p, r), r, "call");

    if (!s)
        return NULL;
    s->flow = ++p->flows;
    asking_key(r, &s->key);
    if (!s->key.failed &&
        table_setn(p->asking, (char *)s->key.data, s->key.size, s) == 0)
        return s;
    span_destroy(p, s);
    return NULL;
}

static struct span *asker_of(struct perfetto *p,
                             const struct tracefmt_record *r)
{
    struct buf key = {0};
    struct span *s = NULL;

    asking_key(r, &key);
    if (!key.failed)
        s = table_getn(p->asking, (char *)key.data, key.size);
    buf_release(&key);
    return s;
}

static struct span *begin_serving(struct perfetto *p,
                                  const struct tracefmt_record *r)
{
    struct span *asker = asker_of(p, r);
    struct span *s = span_create(p, module_track(p, r), r, "request");

    if (!s)
        return NULL;
    if (!asker) {
        asker = s->outer = span_create(p, sender_track(p, r), r, "call");
        if (asker)
            asker->flow = ++p->flows;
    }
    if (!asker) {
        span_destroy(p, s);
        return NULL;
    }
    s->flow = asker->flow;
    asker->arrow_out = s->arrow_in = true;
    if (s->start <= asker->start)
        s->start = asker->start + 1;
    return s;
}

/* The broker tells microseconds; a clock that was set back stands still. */
static void note_time(struct perfetto *p, const struct tracefmt_record *r)
{
    int64_t ns;

    if (p->first == 0.)
        p->first = r->timestamp;
    ns = (int64_t)((r->timestamp - p->first) * 1e6 + 0.5) * 1000;
    if (ns > p->latest)
        p->latest = ns;
}

static int perfetto_begin(void *state, const struct tracefmt_record *r)
{
    struct perfetto *p = state;

    note_time(p, r);
    r->call->data =
        tracefmt_is_rx(r) ? begin_serving(p, r) : begin_asking(p, r);
    return r->call->data ? 0 : -1;
}

static void perfetto_forget(void *state, struct tracepair_call *c, bool shown)
{
    struct perfetto *p = state;
    struct span *s = c->data;

    if (s && shown) {
        json_object_set_new(s->args, "unanswered", json_true());
        put_span(p, s, p->latest);
    }
    span_destroy(p, s);
    c->data = NULL;
}

/* ---- records
 * ---------------------------------------------------------------------- */

static int add_outcome(const struct perfetto *p,
                       json_t *args,
                       const struct tracefmt_record *r)
{
    char buf[32];

    json_object_set_new(args, "response_size", json_integer(r->size));
    if (p->o.full && r->payload)
        json_object_set(args, "response", r->payload);
    if (r->errnum == 0)
        return 0;
    if (*r->errstr)
        json_object_set_new(args, "errstr", json_string(r->errstr));
    return json_object_set_new(args, "error",
                               json_string(tracefmt_error(r->errnum, buf)));
}

static int finish_span(struct perfetto *p, const struct tracefmt_record *r)
{
    struct span *s = r->call->data;

    if (add_outcome(p, s->args, r) < 0)
        return -1;
    if (s->outer)
        json_object_update(s->outer->args, s->args);
    return put_span(p, s, p->latest);
}

static const char *type_name(int type)
{
    switch (type) {
    case FLUX_MSGTYPE_REQUEST:
        return "request";
    case FLUX_MSGTYPE_RESPONSE:
        return "response";
    case FLUX_MSGTYPE_EVENT:
        return "event";
    default:
        return "control";
    }
}

static int put_instant(struct perfetto *p, const struct tracefmt_record *r)
{
    struct span *s = r->call ? r->call->data : NULL;
    struct track *k = s ? s->track : module_track(p, r);
    json_t *args = json_pack("{s:s s:I}", "prefix", r->prefix, "size",
                             (json_int_t)r->size);

    if (!k || !args) {
        json_decref(args);
        return -1;
    }
    if (p->o.full && r->payload)
        json_object_set(args, "payload", r->payload);
    return put(p, json_pack("{s:s s:s s:s s:s s:f s:i s:i s:o}", "name",
                            r->topic, "cat", type_name(r->type), "ph", "I", "s",
                            "t", "ts", usec(p->latest), "pid", k->pid, "tid",
                            k->lanes[s ? s->lane : 0].tid, "args", args));
}

static int perfetto_record(void *state, const struct tracefmt_record *r)
{
    struct perfetto *p = state;

    note_time(p, r);
    if (r->call && r->type == FLUX_MSGTYPE_REQUEST)
        return 0;
    if (r->call && r->last)
        return finish_span(p, r);
    return put_instant(p, r);
}

static int perfetto_dropped(void *state, const struct tracefmt_record *r)
{
    struct perfetto *p = state;

    note_time(p, r);
    return put(p, json_pack("{s:s s:s s:s s:s s:f s:i s:i s:{s:I}}", "name",
                            "messages dropped", "cat", "dropped", "ph", "I",
                            "s", "g", "ts", usec(p->latest), "pid", PID_MODULES,
                            "tid", 0, "args", "dropped", r->dropped));
}

static int perfetto_close(void *state)
{
    struct perfetto *p = state;

    if (p->separator)
        fprintf(p->out,
                "\n],\"displayTimeUnit\":\"ms\","
                "\"otherData\":{\"begin\":\"%.6f\"}}\n",
                p->first);
    table_destroy(p->asking);
    table_destroy(p->tracks);
    free(p);
    return 0;
}

static void *perfetto_open(FILE *out, const struct tracefmt_options *o)
{
    struct perfetto *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->out = out;
    p->o = *o;
    p->tracks = table_create(destroy_track);
    p->asking = table_create(NULL);
    if (!p->tracks || !p->asking) {
        perfetto_close(p);
        return NULL;
    }
    p->separator = "";
    fputs("{\"traceEvents\":[\n", out);
    return p;
}

const struct tracefmt tracefmt_perfetto = {
    .name = "perfetto",
    .wants_proto = true,
    .needs_calls = true,
    .whole = true,
    .open = perfetto_open,
    .record = perfetto_record,
    .dropped = perfetto_dropped,
    .begin = perfetto_begin,
    .forget = perfetto_forget,
    .close = perfetto_close,
};
