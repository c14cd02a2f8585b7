/* tracefmt_json.c - flux module trace, a JSON object for each message
 *
 * What the broker sent is passed on as it is, a line each; it is not written
 * anew, so that no number changes and a reader at full rate keeps up.  With
 * --match a response gets one key more, `latency`, in seconds.  The record of
 * messages that were dropped is passed on like any other.
 *
 * What always holds:
 * - A line is a JSON object, and nothing but such lines is written.
 * - Lines leave when there is no other record to be had (cmd_trace.c), so
 *   that one that is there is seen at once.
 */
#include "tracefmt.h"

struct json_out {
    FILE *out;
};

/* An object that has line breaks between its parts, from another broker. */
static int write_anew(FILE *out, const struct tracefmt_record *r)
{
    json_t *o = json_loadb(r->text, r->text_size, 0, NULL);
    int rc = -1;

    if (o && (r->latency < 0 ||
              json_object_set_new(o, "latency", json_real(r->latency)) == 0))
        rc = json_dumpf(o, out, JSON_COMPACT);
    json_decref(o);
    return rc;
}

static int write_latency(FILE *out, const struct tracefmt_record *r)
{
    fwrite(r->text, 1, r->text_size - 1, out);
    return fprintf(out, ",\"latency\":%.6f}", r->latency);
}

static bool is_one_line(const struct tracefmt_record *r)
{
    return r->text_size > 0 && r->text[r->text_size - 1] == '}' &&
           !memchr(r->text, '\n', r->text_size);
}

static int write_text(FILE *out, const struct tracefmt_record *r)
{
    return fwrite(r->text, 1, r->text_size, out) == r->text_size ? 0 : -1;
}

static int json_record(void *state, const struct tracefmt_record *r)
{
    struct json_out *j = state;
    int rc;

    if (!is_one_line(r))
        rc = write_anew(j->out, r);
    else if (r->latency >= 0)
        rc = write_latency(j->out, r);
    else
        rc = write_text(j->out, r);
    return rc < 0 || putc('\n', j->out) == EOF ? -1 : 0;
}

static void *json_open(FILE *out, const struct tracefmt_options *o)
{
    struct json_out *j = calloc(1, sizeof(*j));

    (void)o;
    if (j)
        j->out = out;
    return j;
}

static int json_close(void *state)
{
    free(state);
    return 0;
}

const struct tracefmt tracefmt_json = {
    .name = "json",
    .wants_proto = true,
    .passes_on = true,
    .whole = true,
    .open = json_open,
    .record = json_record,
    .dropped = json_record,
    .close = json_close,
};
