/* fuzz_text.c - the small languages: idsets, hostlists, durations, formats
 *
 * Input: a byte that picks the reader, then a text for it.  What is read and
 * can be written is read again as the same.
 */
#include "buf.h"
#include "hostlist.h"
#include "idset.h"
#include "json.h"
#include "onfailure.h"
#include "rowfmt.h"
#include "topology.h"
#include "util.h"
#include "fuzz.h"

static void an_idset(const char *text)
{
    struct idset *s = idset_decode(text);
    char *written = s ? idset_encode(s, true) : NULL;
    struct idset *again = written ? idset_decode(written) : NULL;

    if (s)
        FUZZ_MUST(again && idset_count(s) == idset_count(again));
    idset_destroy(again);
    free(written);
    idset_destroy(s);
}

static void a_hostlist(const char *text)
{
    char *host = hostlist_nth(text, 3);

    if (host)
        FUZZ_MUST(hostlist_find(text, host) >= 0);
    free(host);
}

static void a_number(const char *text)
{
    int64_t i;
    uint32_t u;
    double d;

    util_parse_int64(text, 0, &i);
    util_parse_uint32(text, 10, &u);
    util_parse_double(text, &d);
    if (util_parse_duration(text, &d) == 0)
        FUZZ_MUST(d >= 0.);
}

static void a_row_format(const char *text)
{
    static const struct rowfmt_field fields[] = {
        {"name", "NAME", "a name"},
        {"idle", "IDLE", "seconds"},
        {NULL, NULL, NULL},
    };
    flux_error_t e = {""};
    struct rowfmt *f = rowfmt_create(text, fields, &e);
    json_t *rows = json_pack("[{s:s s:f}]", "name", "x\xc3\xa4", "idle", 1.5);
    struct buf b = {NULL, 0, 0, false};

    FUZZ_MUST(f || e.text[0]);
    if (f) {
        rowfmt_fit(f, rows);
        rowfmt_header(f, &b);
        rowfmt_row(f, json_array_get(rows, 0), &b);
    }
    buf_release(&b);
    json_decref(rows);
    rowfmt_destroy(f);
}

static void an_on_failure(const char *text)
{
    char written[ONFAILURE_TEXT_SIZE];
    struct onfailure o, again;
    flux_error_t e = {""};

    if (onfailure_parse(text, &o, &e) < 0) {
        FUZZ_MUST(e.text[0]);
        return;
    }
    onfailure_format(&o, written);
    FUZZ_MUST(onfailure_parse(written, &again, &e) == 0 &&
              o.action == again.action && o.times == again.times);
}

static void a_topology(const char *text)
{
    flux_error_t e = {""};
    struct topology *t = topology_create(text, 9, &e);

    FUZZ_MUST(t || e.text[0]);
    for (uint32_t rank = 1; t && rank < 9; rank++) {
        FUZZ_MUST(topology_parent(t, rank) < rank);
        FUZZ_MUST(topology_next_hop(t, rank, 0) == topology_parent(t, rank));
    }
    topology_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const char *text) = {
        an_idset, a_hostlist, a_number, a_row_format, an_on_failure, a_topology,
    };
    struct fuzz_input in = {data, size};
    unsigned reader = fuzz_byte(&in) % UTIL_ARRAY_SIZE(readers);
    char *text = fuzz_line(&in);

    readers[reader](text);
    free(text);
    return 0;
}
