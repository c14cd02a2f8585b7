/* method.c - the methods that every module answers
 *
 * NAME.ping          echoes the payload, and tells the way it came
 * NAME.stats-get     counts of messages
 * NAME.stats-clear   sets them to 0; also an event, for those who subscribe
 * NAME.rusage        getrusage(2) of the thread, or of who is asked for
 * NAME.debug         sets and tells the debug flags (RFC 5)
 * NAME.config-reload, NAME.config-update
 *                    replace what flux_get_conf() returns
 *
 * ping, stats-get and rusage are open to guests, the others to the owner.  A
 * module that registers a handler of its own for one of these topics after
 * this has it called instead, since the newest handler wins.
 *
 * Answers are those of Flux to the letter: keys in their order, the error
 * texts, and for ping even the blanks between JSON tokens, because its size
 * is shown by `flux module trace`.
 */
#include <sys/resource.h>

#include "handle.h"
#include "json.h"
#include "jsonplain.h"
#include "sys.h"

enum {
    SHORT_UUID = 8,  /* characters of one, as routes are shown */
    PING_ROOM = 180, /* what a ping's answer adds to three routes' */
};

static void respond_errno(flux_t *h, const flux_msg_t *msg)
{
    if (flux_respond_error(h, msg, errno, NULL) < 0)
        flux_log_error(h, "error responding to request");
}

/* ---- ping -----------------------------------------------------------------
 */

/* The routes of `msg` and ourselves behind them: "4b95b4a2!9b542065!2d987e68".
 */
static json_t *route_json(flux_t *h, const flux_msg_t *msg)
{
    const char *uuid = flux_aux_get(h, HANDLE_AUX_UUID);
    char *routes = flux_msg_route_string(msg);
    json_t *o = NULL;

    if (routes)
        o = json_sprintf("%s!%.*s", routes, SHORT_UUID,
                         uuid ? uuid : "xxxxxxxx");
    free(routes);
    return o;
}

static const char *const ping_members[] = {"\"route\"", "\"userid\"",
                                           "\"rolemask\"", "\"rank\"", NULL};

static void add_member(struct buf *b, const char *name, uint32_t value)
{
    buf_add_string(b, name);
    buf_add_decimal(b, value);
}

/* The way that `msg` came, as in route_json(); false if it needs escapes. */
static bool add_route(struct buf *b, flux_t *h, const flux_msg_t *msg)
{
    const char *uuid = flux_aux_get(h, HANDLE_AUX_UUID);
    char *routes = flux_msg_route_string(msg);
    bool plain = routes && jsonplain_string(routes);

    buf_add_string(b, "\"route\": \"");
    if (plain)
        buf_add_string(b, routes);
    buf_add_byte(b, '!');
    buf_add(b, uuid ? uuid : "xxxxxxxx", SHORT_UUID);
    free(routes);
    return plain;
}

/* The same as ping_answer() where the payload is plain, else NULL. */
static char *ping_plain(flux_t *h, const flux_msg_t *msg)
{
    struct buf b = {0};
    const char *s;
    uint32_t rank;

    if (flux_request_decode(msg, NULL, &s) < 0 || !s ||
        flux_get_rank(h, &rank) < 0)
        return NULL;
    buf_reserve(&b, strlen(s) + PING_ROOM);
    if (!jsonplain_begin(s, strlen(s), ping_members, &b) ||
        !add_route(&b, h, msg)) {
        buf_release(&b);
        return NULL;
    }
    add_member(&b, "\", \"userid\": ", msg->userid);
    add_member(&b, ", \"rolemask\": ", msg->rolemask);
    add_member(&b, ", \"rank\": ", rank);
    buf_add_byte(&b, '}');
    return buf_steal_string(&b);
}

/* What a ping is answered with, to be freed; NULL with errno. */
static char *ping_answer(flux_t *h, const flux_msg_t *msg)
{
    json_t *payload;
    json_t *o;
    uint32_t rank;
    char *s = NULL;

    if (flux_request_unpack(msg, NULL, "o", &payload) < 0 ||
        flux_get_rank(h, &rank) < 0)
        return NULL;
    errno = ENOMEM;
    if (!(o = json_copy(payload)))
        return NULL;
    if (json_object_set_new(o, "route", route_json(h, msg)) == 0 &&
        json_object_set_new(o, "userid", json_integer(msg->userid)) == 0 &&
        json_object_set_new(o, "rolemask", json_integer(msg->rolemask)) == 0 &&
        json_object_set_new(o, "rank", json_integer(rank)) == 0)
        s = json_dumps(o, 0);
    json_decref(o);
    return s;
}

static void
ping_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    char *s = ping_plain(h, msg);

    if (!s)
        s = ping_answer(h, msg);
    (void)mh;
    (void)arg;
    if (!s || flux_respond(h, msg, s) < 0)
        respond_errno(h, msg);
    free(s);
}

/* ---- counters and resource usage ------------------------------------------
 */

static void stats_get_cb(flux_t *h,
                         flux_msg_handler_t *mh,
                         const flux_msg_t *msg,
                         void *arg)
{
    flux_msgcounters_t c;

    (void)mh;
    (void)arg;
    flux_get_msgcounters(h, &c);
    if (flux_respond_pack(h, msg, "{s:{s:i s:i s:i s:i} s:{s:i s:i s:i s:i}}",
                          "tx", "request", c.request_tx, "response",
                          c.response_tx, "event", c.event_tx, "control",
                          c.control_tx, "rx", "request", c.request_rx,
                          "response", c.response_rx, "event", c.event_rx,
                          "control", c.control_rx) < 0)
        respond_errno(h, msg);
}

static void stats_clear_cb(flux_t *h,
                           flux_msg_handler_t *mh,
                           const flux_msg_t *msg,
                           void *arg)
{
    (void)mh;
    (void)arg;
    flux_clr_msgcounters(h);
    if (msg->type == FLUX_MSGTYPE_REQUEST && flux_respond(h, msg, NULL) < 0)
        respond_errno(h, msg);
}

static int get_rusage(const char *who, struct rusage *ru)
{
    if (strcmp(who, "self") == 0)
        return getrusage(RUSAGE_SELF, ru);
    if (strcmp(who, "children") == 0)
        return getrusage(RUSAGE_CHILDREN, ru);
    if (strcmp(who, "thread") == 0)
        return sys_rusage_thread(ru);
    errno = EINVAL;
    return -1;
}

static double seconds(struct timeval tv)
{
    return (double)tv.tv_sec + 1e-6 * (double)tv.tv_usec;
}

static int
respond_rusage(flux_t *h, const flux_msg_t *msg, const struct rusage *ru)
{
    return flux_respond_pack(
        h, msg,
        "{s:f s:f s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I s:I}",
        "utime", seconds(ru->ru_utime), "stime", seconds(ru->ru_stime),
        "maxrss", (json_int_t)ru->ru_maxrss, "ixrss", (json_int_t)ru->ru_ixrss,
        "idrss", (json_int_t)ru->ru_idrss, "isrss", (json_int_t)ru->ru_isrss,
        "minflt", (json_int_t)ru->ru_minflt, "majflt",
        (json_int_t)ru->ru_majflt, "nswap", (json_int_t)ru->ru_nswap, "inblock",
        (json_int_t)ru->ru_inblock, "oublock", (json_int_t)ru->ru_oublock,
        "msgsnd", (json_int_t)ru->ru_msgsnd, "msgrcv",
        (json_int_t)ru->ru_msgrcv, "nsignals", (json_int_t)ru->ru_nsignals,
        "nvcsw", (json_int_t)ru->ru_nvcsw, "nivcsw", (json_int_t)ru->ru_nivcsw);
}

static void
rusage_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *who = "thread";
    struct rusage ru;
    flux_error_t error;

    (void)mh;
    (void)arg;
    if (flux_msg_has_payload(msg) &&
        flux_request_unpack(msg, NULL, "{s?s}", "who", &who) < 0)
        who = "thread";
    if (get_rusage(who, &ru) < 0) {
        snprintf(error.text, sizeof(error.text), "%.100s is unsupported", who);
        flux_respond_error(h, msg, EINVAL, error.text);
        return;
    }
    if (respond_rusage(h, msg, &ru) < 0)
        respond_errno(h, msg);
}

/* ---- debug flags -----------------------------------------------------------
 */

static int *debug_flags(flux_t *h)
{
    int *flags = flux_aux_get(h, HANDLE_AUX_DEBUG_FLAGS);

    if (flags)
        return flags;
    if (!(flags = calloc(1, sizeof(*flags))))
        return NULL;
    if (flux_aux_set(h, HANDLE_AUX_DEBUG_FLAGS, flags, free) < 0) {
        free(flags);
        return NULL;
    }
    return flags;
}

/* -1 with EPROTO where there is no such `op`. */
static int change_flags(int *flags, const char *op, int operand)
{
    if (strcmp(op, "setbit") == 0)
        *flags |= operand;
    else if (strcmp(op, "clrbit") == 0)
        *flags &= ~operand;
    else if (strcmp(op, "set") == 0)
        *flags = operand;
    else if (strcmp(op, "clr") == 0)
        *flags = 0;
    else {
        errno = EPROTO;
        return -1;
    }
    return 0;
}

static void
debug_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *op;
    int operand;
    int *flags;

    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:s s:i}", "op", &op, "flags",
                            &operand) < 0 ||
        !(flags = debug_flags(h)) || change_flags(flags, op, operand) < 0 ||
        flux_respond_pack(h, msg, "{s:i}", "flags", *flags) < 0)
        respond_errno(h, msg);
}

/* ---- configuration ----------------------------------------------------------
 */

int flux_module_config_request_decode(const flux_msg_t *msg, flux_conf_t **conf)
{
    json_t *object;
    flux_conf_t *new_conf;

    if (flux_request_unpack(msg, NULL, "o", &object) < 0)
        return -1;
    if (!json_is_object(object)) {
        errno = EPROTO;
        return -1;
    }
    if (!(new_conf = flux_conf_pack("O", object)))
        return -1;
    if (conf)
        *conf = new_conf;
    else
        flux_conf_decref(new_conf);
    return 0;
}

static void
config_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_conf_t *conf;
    flux_error_t error;

    (void)mh;
    (void)arg;
    if (flux_module_config_request_decode(msg, &conf) < 0) {
        snprintf(error.text, sizeof(error.text),
                 "Failed to parse %.100s request", msg->topic);
        flux_respond_error(h, msg, errno, error.text);
        return;
    }
    if (flux_set_conf_new(h, conf) < 0) {
        flux_conf_decref(conf);
        respond_errno(h, msg);
    } else if (flux_respond(h, msg, NULL) < 0) {
        respond_errno(h, msg);
    }
}

static const struct flux_msg_handler_spec methods[] = {
    {FLUX_MSGTYPE_REQUEST, "ping", ping_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "stats-get", stats_get_cb, FLUX_ROLE_ALL},
    {FLUX_MSGTYPE_REQUEST, "stats-clear", stats_clear_cb, 0},
    {FLUX_MSGTYPE_EVENT, "stats-clear", stats_clear_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "rusage", rusage_cb, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_REQUEST, "debug", debug_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "config-reload", config_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "config-update", config_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

int flux_register_default_methods(flux_t *h,
                                  const char *service_name,
                                  flux_msg_handler_t **msg_handlers[])
{
    if (!service_name) {
        errno = EINVAL;
        return -1;
    }
    return flux_msg_handler_addvec_ex(h, service_name, methods, NULL,
                                      msg_handlers);
}
