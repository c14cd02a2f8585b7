/* test_layout.c - sizes, offsets and values that compiled modules rely on
 *
 * A module's compiled file holds them: it fills these structs and passes these
 * numbers, to our program or to Flux's.  So they are written down here as the
 * published headers of Flux and jansson have them, and never taken from ours.
 *
 * That the table is right can be seen where Flux and jansson are installed:
 *
 *     cc -DPUBLISHED tests/test_layout.c $(pkg-config --cflags flux-core
 * jansson)
 *
 * Sizes are those of machines with 64-bit pointers; offsets are counted in
 * the sizes of what lies before, and hold on others, too.
 */
#include <stddef.h>

#ifdef PUBLISHED
#include <flux/core.h>
#include <jansson.h>
#else
#include "../flux.h"
#include "../json.h"
#endif
#include "tap.h"

struct fact {
    const char *name;
    long long is, want;
};

static const struct fact values[] = {
    {"FLUX_CONF_AUTO", FLUX_CONF_AUTO, 2},
    {"FLUX_CONF_INSTALLED", FLUX_CONF_INSTALLED, 0},
    {"FLUX_CONF_INTREE", FLUX_CONF_INTREE, 1},
    {"FLUX_EVENT_PRIVATE", FLUX_EVENT_PRIVATE, 1},
    {"FLUX_MATCHTAG_NONE", FLUX_MATCHTAG_NONE, 0},
    {"FLUX_MSGFLAG_NORESPONSE", FLUX_MSGFLAG_NORESPONSE, 4},
    {"FLUX_MSGFLAG_PAYLOAD", FLUX_MSGFLAG_PAYLOAD, 2},
    {"FLUX_MSGFLAG_PRIVATE", FLUX_MSGFLAG_PRIVATE, 32},
    {"FLUX_MSGFLAG_ROUTE", FLUX_MSGFLAG_ROUTE, 8},
    {"FLUX_MSGFLAG_STREAMING", FLUX_MSGFLAG_STREAMING, 64},
    {"FLUX_MSGFLAG_TOPIC", FLUX_MSGFLAG_TOPIC, 1},
    {"FLUX_MSGFLAG_UPSTREAM", FLUX_MSGFLAG_UPSTREAM, 16},
    {"FLUX_MSGFLAG_USER1", FLUX_MSGFLAG_USER1, 128},
    {"FLUX_MSGTYPE_ANY", FLUX_MSGTYPE_ANY, 15},
    {"FLUX_MSGTYPE_CONTROL", FLUX_MSGTYPE_CONTROL, 8},
    {"FLUX_MSGTYPE_EVENT", FLUX_MSGTYPE_EVENT, 4},
    {"FLUX_MSGTYPE_MASK", FLUX_MSGTYPE_MASK, 15},
    {"FLUX_MSGTYPE_REQUEST", FLUX_MSGTYPE_REQUEST, 1},
    {"FLUX_MSGTYPE_RESPONSE", FLUX_MSGTYPE_RESPONSE, 2},
    {"FLUX_NODEID_ANY", FLUX_NODEID_ANY, 0xffffffff},
    {"FLUX_NODEID_UPSTREAM", FLUX_NODEID_UPSTREAM, 0xfffffffe},
    {"FLUX_O_CLONE", FLUX_O_CLONE, 2},
    {"FLUX_O_MATCHDEBUG", FLUX_O_MATCHDEBUG, 8},
    {"FLUX_O_NONBLOCK", FLUX_O_NONBLOCK, 4},
    {"FLUX_O_NOREQUEUE", FLUX_O_NOREQUEUE, 64},
    {"FLUX_O_RPCTRACK", FLUX_O_RPCTRACK, 32},
    {"FLUX_O_TEST_NOSUB", FLUX_O_TEST_NOSUB, 16},
    {"FLUX_O_TRACE", FLUX_O_TRACE, 1},
    {"FLUX_POLLERR", FLUX_POLLERR, 4},
    {"FLUX_POLLIN", FLUX_POLLIN, 1},
    {"FLUX_POLLOUT", FLUX_POLLOUT, 2},
    {"FLUX_REACTOR_NOWAIT", FLUX_REACTOR_NOWAIT, 1},
    {"FLUX_REACTOR_ONCE", FLUX_REACTOR_ONCE, 2},
    {"FLUX_ROLE_ADMIN", FLUX_ROLE_ADMIN, 8},
    {"FLUX_ROLE_ALL", FLUX_ROLE_ALL, 0xffffffff},
    {"FLUX_ROLE_LOCAL", FLUX_ROLE_LOCAL, 4},
    {"FLUX_ROLE_NONE", FLUX_ROLE_NONE, 0},
    {"FLUX_ROLE_OWNER", FLUX_ROLE_OWNER, 1},
    {"FLUX_ROLE_PRIVILEGED", FLUX_ROLE_PRIVILEGED, 9},
    {"FLUX_ROLE_USER", FLUX_ROLE_USER, 2},
    {"FLUX_RPC_NORESPONSE", FLUX_RPC_NORESPONSE, 1},
    {"FLUX_RPC_STREAMING", FLUX_RPC_STREAMING, 2},
    {"FLUX_RQ_HEAD", FLUX_RQ_HEAD, 1},
    {"FLUX_RQ_TAIL", FLUX_RQ_TAIL, 2},
    {"FLUX_SUBPROCESS_EXITED", FLUX_SUBPROCESS_EXITED, 2},
    {"FLUX_SUBPROCESS_FAILED", FLUX_SUBPROCESS_FAILED, 3},
    {"FLUX_SUBPROCESS_FLAGS_FORK_EXEC", FLUX_SUBPROCESS_FLAGS_FORK_EXEC, 4},
    {"FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF", FLUX_SUBPROCESS_FLAGS_LOCAL_UNBUF, 8},
    {"FLUX_SUBPROCESS_FLAGS_NO_SETPGRP", FLUX_SUBPROCESS_FLAGS_NO_SETPGRP, 2},
    {"FLUX_SUBPROCESS_FLAGS_SIGN", FLUX_SUBPROCESS_FLAGS_SIGN, 32},
    {"FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH",
     FLUX_SUBPROCESS_FLAGS_STDIO_FALLTHROUGH, 1},
    {"FLUX_SUBPROCESS_FLAGS_WAITABLE", FLUX_SUBPROCESS_FLAGS_WAITABLE, 16},
    {"FLUX_SUBPROCESS_INIT", FLUX_SUBPROCESS_INIT, 0},
    {"FLUX_SUBPROCESS_RUNNING", FLUX_SUBPROCESS_RUNNING, 1},
    {"FLUX_SUBPROCESS_STOPPED", FLUX_SUBPROCESS_STOPPED, 4},
    {"FLUX_USERID_UNKNOWN", FLUX_USERID_UNKNOWN, 0xffffffff},
    {"JSON_OBJECT", JSON_OBJECT, 0},
    {"JSON_ARRAY", JSON_ARRAY, 1},
    {"JSON_STRING", JSON_STRING, 2},
    {"JSON_INTEGER", JSON_INTEGER, 3},
    {"JSON_REAL", JSON_REAL, 4},
    {"JSON_TRUE", JSON_TRUE, 5},
    {"JSON_FALSE", JSON_FALSE, 6},
    {"JSON_NULL", JSON_NULL, 7},
    {"JSON_MAX_INDENT", JSON_MAX_INDENT, 0x1f},
    {"JSON_COMPACT", JSON_COMPACT, 0x20},
    {"JSON_ENSURE_ASCII", JSON_ENSURE_ASCII, 0x40},
    {"JSON_SORT_KEYS", JSON_SORT_KEYS, 0x80},
    {"JSON_PRESERVE_ORDER", JSON_PRESERVE_ORDER, 0x100},
    {"JSON_ENCODE_ANY", JSON_ENCODE_ANY, 0x200},
    {"JSON_ESCAPE_SLASH", JSON_ESCAPE_SLASH, 0x400},
    {"JSON_EMBED", JSON_EMBED, 0x10000},
    {"JSON_INDENT(3)", JSON_INDENT(3), 3},
    {"JSON_REAL_PRECISION(17)", JSON_REAL_PRECISION(17), 0x8800},
    {"JSON_REJECT_DUPLICATES", JSON_REJECT_DUPLICATES, 1},
    {"JSON_DISABLE_EOF_CHECK", JSON_DISABLE_EOF_CHECK, 2},
    {"JSON_DECODE_ANY", JSON_DECODE_ANY, 4},
    {"JSON_DECODE_INT_AS_REAL", JSON_DECODE_INT_AS_REAL, 8},
    {"JSON_ALLOW_NUL", JSON_ALLOW_NUL, 16},
    {"JSON_VALIDATE_ONLY", JSON_VALIDATE_ONLY, 1},
    {"JSON_STRICT", JSON_STRICT, 2},
    {"JSON_ERROR_TEXT_LENGTH", JSON_ERROR_TEXT_LENGTH, 160},
    {"JSON_ERROR_SOURCE_LENGTH", JSON_ERROR_SOURCE_LENGTH, 80},
    {"json_error_unknown", json_error_unknown, 0},
    {"json_error_out_of_memory", json_error_out_of_memory, 1},
    {"json_error_stack_overflow", json_error_stack_overflow, 2},
    {"json_error_cannot_open_file", json_error_cannot_open_file, 3},
    {"json_error_invalid_argument", json_error_invalid_argument, 4},
    {"json_error_invalid_utf8", json_error_invalid_utf8, 5},
    {"json_error_premature_end_of_input", json_error_premature_end_of_input, 6},
    {"json_error_end_of_input_expected", json_error_end_of_input_expected, 7},
    {"json_error_invalid_syntax", json_error_invalid_syntax, 8},
    {"json_error_invalid_format", json_error_invalid_format, 9},
    {"json_error_wrong_type", json_error_wrong_type, 10},
    {"json_error_null_character", json_error_null_character, 11},
    {"json_error_null_value", json_error_null_value, 12},
    {"json_error_null_byte_in_key", json_error_null_byte_in_key, 13},
    {"json_error_duplicate_key", json_error_duplicate_key, 14},
    {"json_error_numeric_overflow", json_error_numeric_overflow, 15},
    {"json_error_item_not_found", json_error_item_not_found, 16},
    {"json_error_index_out_of_range", json_error_index_out_of_range, 17},
};

enum { WORD = sizeof(void *) };

#define OFFSET(type, member, want)                      \
    {                                                   \
#type "." #member, offsetof(type, member), want \
    }
#define SIZE(type, want)          \
    {                             \
#type, sizeof(type), want \
    }

typedef struct flux_msg_handler_spec spec;
typedef struct flux_match match;
typedef struct flux_msg_cred cred;
typedef struct flux_handle_ops handle_ops;

static const struct fact layout[] = {
    SIZE(flux_error_t, 160),
    SIZE(cred, 8),
    OFFSET(cred, userid, 0),
    OFFSET(cred, rolemask, 4),
    OFFSET(match, typemask, 0),
    OFFSET(match, matchtag, 4),
    OFFSET(match, topic_glob, 8),
    SIZE(match, 8 + WORD),
    OFFSET(spec, typemask, 0),
    OFFSET(spec, topic_glob, WORD),
    OFFSET(spec, cb, 2 * WORD),
    OFFSET(spec, rolemask, 3 * WORD),
    SIZE(spec, 4 * WORD),
    SIZE(flux_msgcounters_t, 32),
    OFFSET(flux_msgcounters_t, request_tx, 0),
    OFFSET(flux_msgcounters_t, request_rx, 4),
    OFFSET(flux_msgcounters_t, response_tx, 8),
    OFFSET(flux_msgcounters_t, response_rx, 12),
    OFFSET(flux_msgcounters_t, event_tx, 16),
    OFFSET(flux_msgcounters_t, event_rx, 20),
    OFFSET(flux_msgcounters_t, control_tx, 24),
    OFFSET(flux_msgcounters_t, control_rx, 28),
    OFFSET(handle_ops, setopt, 0),
    OFFSET(handle_ops, getopt, WORD),
    OFFSET(handle_ops, pollfd, 2 * WORD),
    OFFSET(handle_ops, pollevents, 3 * WORD),
    OFFSET(handle_ops, send, 4 * WORD),
    OFFSET(handle_ops, recv, 5 * WORD),
    OFFSET(handle_ops, reconnect, 6 * WORD),
    OFFSET(handle_ops, impl_destroy, 7 * WORD),
    OFFSET(handle_ops, send_new, 8 * WORD),
    SIZE(handle_ops, 13 * WORD),
    OFFSET(flux_subprocess_ops_t, on_completion, 0),
    OFFSET(flux_subprocess_ops_t, on_state_change, WORD),
    OFFSET(flux_subprocess_ops_t, on_channel_out, 2 * WORD),
    OFFSET(flux_subprocess_ops_t, on_stdout, 3 * WORD),
    OFFSET(flux_subprocess_ops_t, on_stderr, 4 * WORD),
    OFFSET(flux_subprocess_ops_t, on_credit, 5 * WORD),
    SIZE(flux_subprocess_ops_t, 6 * WORD),
    OFFSET(json_t, type, 0),
    OFFSET(json_t, refcount, WORD),
    SIZE(json_t, 2 * WORD),
    SIZE(json_int_t, 8),
    OFFSET(json_error_t, line, 0),
    OFFSET(json_error_t, column, 4),
    OFFSET(json_error_t, position, 8),
    OFFSET(json_error_t, source, 12),
    OFFSET(json_error_t, text, 92),
    SIZE(json_error_t, 252),
};

static void check(const struct fact *facts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        is_int(facts[i].is, facts[i].want, facts[i].name);
}

/* How structs are passed by value, and strings that are keys. */
static void test_conventions(void)
{
    const struct flux_match m = {7, 9, "a"};
    const struct flux_msg_handler_spec end = FLUX_MSGHANDLER_TABLE_END;

    ok(m.typemask == 7 && m.matchtag == 9, "a match is made in this order");
    ok(!end.typemask && !end.topic_glob && !end.cb, "a table's end is zeros");
    is_str(FLUX_OPT_TESTING_USERID, "flux::testing_userid", "an option");
    is_str(FLUX_OPT_TESTING_ROLEMASK, "flux::testing_rolemask", "an option");
    is_str(FLUX_OPT_ROUTER_NAME, "flux::router_name", "an option");
    is_str(FLUX_OPT_SEND_QUEUE_COUNT, "flux::send_queue_count", "an option");
    is_str(FLUX_OPT_RECV_QUEUE_COUNT, "flux::recv_queue_count", "an option");
    is_str(FLUX_OPT_POLLFD_EVENTS, "flux::pollfd_events", "an option");
}

int main(void)
{
    check(values, sizeof(values) / sizeof(values[0]));
    check(layout, sizeof(layout) / sizeof(layout[0]));
    test_conventions();
    return done();
}
