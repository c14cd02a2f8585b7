/* tracefmt.h - the forms in which flux module trace writes messages
 *
 * One table of functions a form: text for people, JSON for programs, and two
 * that show whole calls, for viewers.  cmd_trace.c chooses what is shown and
 * pairs responses with requests; a form only writes.
 */
#ifndef TRACEFMT_H
#define TRACEFMT_H

#include "flux.h"
#include "json.h"
#include "tracepair.h"

struct tracefmt_options {
    bool color, human, delta; /* text */
    bool full;                /* payloads and error texts */
    bool proto;               /* text: headers and routes */
    bool match;               /* latencies */
};

/* One message as the broker told it.  All strings are the broker's. */
struct tracefmt_record {
    const char *text; /* the whole of it, a JSON object, without a NUL */
    size_t text_size;
    double timestamp;
    const char *prefix, *name, *topic, *errstr;
    int type, errnum;
    int64_t size;
    json_t *payload;    /* NULL or JSON null where there is none to show */
    json_int_t dropped; /* > 0: this many messages are missing, no message */

    /* Told only by a broker that knows how to. */
    const char *uuid;    /* of the module */
    json_int_t matchtag; /* 0: none */
    json_int_t nodeid;   /* -1: none */
    json_int_t flags;
    json_int_t userid, rolemask;
    json_t *routes; /* array of strings; NULL: not told */

    /* The call that this message begins, goes on with or ends, or NULL.  It
     * ends with the callback that is under way.
     */
    struct tracepair_call *call;
    double latency; /* seconds since its request; < 0: not known */
    bool last;      /* no other response will come */
};

struct tracefmt {
    const char *name;
    bool wants_proto; /* asks the broker for all that it can tell */
    bool needs_calls; /* makes no sense without */
    bool passes_on;   /* needs nothing of a record but its text */
    bool whole;       /* has an end that must be written, also on a signal */

    void *(*open)(FILE *out, const struct tracefmt_options *o); /* state */
    int (*record)(void *state, const struct tracefmt_record *r);
    int (*dropped)(void *state, const struct tracefmt_record *r);
    /* A request that waits for a response, shown or not; and a call whose
     * response was not seen, or was not shown.  Either may be NULL.
     */
    int (*begin)(void *state, const struct tracefmt_record *r);
    void (*forget)(void *state, struct tracepair_call *c, bool answered);
    int (*close)(void *state); /* write the end, free the state */
};

extern const struct tracefmt tracefmt_text, tracefmt_json, tracefmt_perfetto,
    tracefmt_mermaid;

/* By its name, or NULL; all names with commas between, for a complaint. */
const struct tracefmt *tracefmt_find(const char *name);
#define TRACEFMT_NAMES "text, json, perfetto, mermaid"

/* "ENOENT", or "errno 999" where a number has no name here. */
const char *tracefmt_error(int errnum, char buf[32]);

/* One route by its number, pushed first is 0; NULL past the last. */
const char *tracefmt_route(const struct tracefmt_record *r, size_t i);

/* Who sent a request: its first route, or the module that has none yet. */
const char *tracefmt_sender(const struct tracefmt_record *r);

/* A name for a sender that no module's record has told of: "client 1a2b3c4d",
 * or "module 1a2b3c4d" if it came with a module's routes.
 */
void tracefmt_stranger(const struct tracefmt_record *r, char name[64]);

static inline bool tracefmt_is_rx(const struct tracefmt_record *r)
{
    return strcmp(r->prefix, "rx") == 0;
}

#endif /* TRACEFMT_H */
