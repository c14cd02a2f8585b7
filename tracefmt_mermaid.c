/* tracefmt_mermaid.c - flux module trace as a sequence diagram for mermaid
 *
 *     sequenceDiagram
 *         participant p1 as client 1a2b3c4d
 *         participant p2 as testmod
 *         p1->>p2: testmod.echo
 *         p2-->>p1: testmod.echo
 *
 * A solid line is a request, a dashed one a response; one that failed ends in
 * a cross and has the error's name, a request that wants no response ends in
 * an open arrow.  Events are notes.  With --match responses have their
 * latency.
 *
 * What always holds:
 * - A message between two traced modules is one arrow, although the broker
 *   tells of it twice: as it left the one and as it reached the other.  What
 *   left is held back until the next record shows whether it is that.
 * - A module is one participant, whatever its UUIDs; who is not traced is
 *   named by its UUID, or by the service that a request was meant for.
 * - Participants appear in the order in which they first take part.
 * - No text of a message can end its line or be taken for syntax.
 */
#include "tracefmt.h"

#include "table.h"
#include "util.h"

struct held {
    bool there;
    int type;
    int from, to; /* participants; -1: whoever is called `receiver` */
    json_int_t matchtag;
    char *sender, *topic, *receiver;
    char *arrow; /* and the text behind it */
};

struct mermaid {
    FILE *out;
    struct tracefmt_options o;
    struct table *by_name; /* participant number + 1, as a pointer */
    struct table *by_uuid; /* the same */
    int count;
    struct held held;
};

/* A semicolon ends a statement and a hash begins an entity; their wide forms
 * do neither.
 */
static void print_escaped(FILE *f, const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < ' ')
            fputc(' ', f);
        else if (*s == ';')
            fputs("\xef\xbc\x9b", f);
        else if (*s == '#')
            fputs("\xef\xbc\x83", f);
        else
            fputc(*s, f);
}

static int number_in(const struct table *t, const char *key)
{
    return (int)(intptr_t)table_get(t, key) - 1;
}

static int note_number(struct table *t, const char *key, int number)
{
    return table_set(t, key, (void *)(intptr_t)(number + 1));
}

static int add_participant(struct mermaid *m, const char *name)
{
    if (note_number(m->by_name, name, m->count) < 0)
        return -1;
    fprintf(m->out, "    participant p%d as ", m->count + 1);
    print_escaped(m->out, name);
    fputc('\n', m->out);
    return m->count++;
}

static int named(struct mermaid *m, const char *name)
{
    int number = number_in(m->by_name, name);

    return number >= 0 ? number : add_participant(m, name);
}

static int module_of(struct mermaid *m, const struct tracefmt_record *r)
{
    int number = named(m, r->name);

    if (number >= 0 && number_in(m->by_uuid, r->uuid) != number &&
        note_number(m->by_uuid, r->uuid, number) < 0)
        return -1;
    return number;
}

static int sender_of(struct mermaid *m, const struct tracefmt_record *r)
{
    int number = number_in(m->by_uuid, tracefmt_sender(r));
    char name[64];

    if (number >= 0)
        return number;
    tracefmt_stranger(r, name);
    return named(m, name);
}

static char *service_name(const struct tracefmt_record *r)
{
    return util_asprintf("%.*s", (int)strcspn(r->topic, "."), r->topic);
}

static int service_of(struct mermaid *m, const struct tracefmt_record *r)
{
    char *name = service_name(r);
    int number = name ? named(m, name) : -1;

    free(name);
    return number;
}

/* ---- arrows ------------------------------------------------------------ */

static void
print_arrow(FILE *f, const struct mermaid *m, const struct tracefmt_record *r)
{
    bool failed = r->errnum != 0;
    char buf[32];

    if (r->type == FLUX_MSGTYPE_RESPONSE)
        fputs(failed ? "--x" : "-->>", f);
    else
        fputs(r->flags & FLUX_MSGFLAG_NORESPONSE ? "-)" : "->>", f);
    fputs("%", f);
    print_escaped(f, *r->topic ? r->topic : "-");
    if (failed)
        fprintf(f, " %s", tracefmt_error(r->errnum, buf));
    if (m->o.match && r->latency >= 0)
        fprintf(f, " %.3fms", r->latency * 1e3);
}

/* "->>%text": the receiver goes where the % is. */
static char *make_arrow(const struct mermaid *m,
                        const struct tracefmt_record *r)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    print_arrow(f, m, r);
    if (fclose(f) == 0)
        return text;
    free(text);
    return NULL;
}

static void draw(struct mermaid *m, int from, int to, const char *arrow)
{
    int head = (int)strcspn(arrow, "%");

    fprintf(m->out, "    p%d%.*sp%d: %s\n", from + 1, head, arrow, to + 1,
            arrow + head + 1);
}

static int draw_record(struct mermaid *m,
                       const struct tracefmt_record *r,
                       int from,
                       int to)
{
    char *arrow = make_arrow(m, r);

    if (!arrow || from < 0 || to < 0) {
        free(arrow);
        return -1;
    }
    draw(m, from, to, arrow);
    free(arrow);
    return 0;
}

/* ---- what is held back -------------------------------------------------- */

static void drop_held(struct mermaid *m)
{
    free(m->held.sender);
    free(m->held.topic);
    free(m->held.receiver);
    free(m->held.arrow);
    memset(&m->held, 0, sizeof(m->held));
}

static void flush_held(struct mermaid *m)
{
    struct held *h = &m->held;

    if (h->there && h->to < 0)
        h->to = named(m, h->receiver);
    if (h->there && h->to >= 0)
        draw(m, h->from, h->to, h->arrow);
    drop_held(m);
}

/* Who will get it, as far as its sender's record tells. */
static char *receiver_name(const struct tracefmt_record *r)
{
    char name[64];

    if (r->type == FLUX_MSGTYPE_REQUEST)
        return service_name(r);
    tracefmt_stranger(r, name);
    return util_asprintf("%s", name);
}

static int hold(struct mermaid *m, const struct tracefmt_record *r)
{
    struct held *h = &m->held;

    h->from = module_of(m, r);
    h->to = -1;
    if (r->type == FLUX_MSGTYPE_RESPONSE)
        h->to = number_in(m->by_uuid, tracefmt_sender(r));
    h->type = r->type;
    h->matchtag = r->matchtag;
    h->sender = util_asprintf("%s", tracefmt_sender(r));
    h->topic = util_asprintf("%s", r->topic);
    h->receiver = receiver_name(r);
    h->arrow = make_arrow(m, r);
    h->there = h->from >= 0 && h->sender && h->topic && h->receiver && h->arrow;
    return h->there ? 0 : -1;
}

/* Does `r` show how what is held was received? */
static bool is_held(const struct mermaid *m, const struct tracefmt_record *r)
{
    const struct held *h = &m->held;

    return h->there && tracefmt_is_rx(r) && h->type == r->type &&
           h->matchtag == r->matchtag && strcmp(h->topic, r->topic) == 0 &&
           strcmp(h->sender, tracefmt_sender(r)) == 0;
}

/* ---- records ------------------------------------------------------------- */

static int received(struct mermaid *m, const struct tracefmt_record *r)
{
    int module = module_of(m, r);

    if (r->type == FLUX_MSGTYPE_REQUEST)
        return draw_record(m, r, sender_of(m, r), module);
    return draw_record(m, r, service_of(m, r), module);
}

static int noted(struct mermaid *m, const struct tracefmt_record *r)
{
    int module = module_of(m, r);

    if (module < 0)
        return -1;
    fprintf(m->out, "    Note over p%d: %s ", module + 1,
            tracefmt_is_rx(r) ? "gets" : "publishes");
    print_escaped(m->out, r->topic);
    fputc('\n', m->out);
    return 0;
}

static int mermaid_record(void *state, const struct tracefmt_record *r)
{
    struct mermaid *m = state;

    if (is_held(m, r)) {
        m->held.to = module_of(m, r);
        flush_held(m);
        return 0;
    }
    flush_held(m);
    if (r->type != FLUX_MSGTYPE_REQUEST && r->type != FLUX_MSGTYPE_RESPONSE)
        return noted(m, r);
    return tracefmt_is_rx(r) ? received(m, r) : hold(m, r);
}

static int mermaid_dropped(void *state, const struct tracefmt_record *r)
{
    struct mermaid *m = state;

    flush_held(m);
    if (m->count == 0)
        fprintf(m->out, "    %%%% %lld messages dropped\n",
                (long long)r->dropped);
    else
        fprintf(m->out, "    Note over p1,p%d: %lld messages dropped\n",
                m->count, (long long)r->dropped);
    return 0;
}

static int mermaid_close(void *state)
{
    struct mermaid *m = state;

    flush_held(m);
    table_destroy(m->by_name);
    table_destroy(m->by_uuid);
    free(m);
    return 0;
}

static void *mermaid_open(FILE *out, const struct tracefmt_options *o)
{
    struct mermaid *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->out = out;
    m->o = *o;
    m->by_name = table_create(NULL);
    m->by_uuid = table_create(NULL);
    if (!m->by_name || !m->by_uuid) {
        mermaid_close(m);
        return NULL;
    }
    fputs("sequenceDiagram\n", out);
    return m;
}

const struct tracefmt tracefmt_mermaid = {
    .name = "mermaid",
    .wants_proto = true,
    .needs_calls = true,
    .whole = true,
    .open = mermaid_open,
    .record = mermaid_record,
    .dropped = mermaid_dropped,
    .close = mermaid_close,
};
