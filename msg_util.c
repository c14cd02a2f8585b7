/* msg_util.c - messages compared and shown
 *
 * A match is what a handler or a receiver waits for: a set of types, a
 * matchtag, a topic glob.  Comparing is on the path of each message that a
 * module gets, so that the globs in use ("*", "name.*", a plain name) are
 * decided without fnmatch(3).
 *
 * What always holds:
 * - A matchtag belongs to the end of the way: a response that still has
 *   routes is on its way to someone else and matches no tag.
 * - The glob "*" matches all messages, also those without a topic; others
 *   only match a topic, and may cross its dots.
 * - flux_msg_fprint() shows a message in two to six lines of one form, which
 *   is that of Flux's own trace output.  A payload that is text is shown as it
 *   is, another in hex, cut so that it fits on a line.
 */
#include "msg.h"

#include <fnmatch.h>

#include "util.h"

enum {
    HEX_SHOWN = 39, /* bytes that fit on a line */
    HEX_CUT = 37,   /* of a payload that does not, in front of "..." */
};

/* ---- match -------------------------------------------------------------- */

struct flux_match
flux_match_init(int typemask, uint32_t matchtag, const char *topic_glob)
{
    struct flux_match m = {typemask, matchtag, topic_glob};

    return m;
}

void flux_match_free(struct flux_match m)
{
    int saved = errno;

    free((char *)m.topic_glob);
    errno = saved;
}

int flux_match_asprintf(struct flux_match *m, const char *topic_glob_fmt, ...)
{
    va_list ap;
    char *glob;

    if (!m || !topic_glob_fmt) {
        errno = EINVAL;
        return -1;
    }
    va_start(ap, topic_glob_fmt);
    glob = util_vasprintf(topic_glob_fmt, ap);
    va_end(ap);
    if (!glob)
        return -1;
    m->topic_glob = glob;
    return 0;
}

bool flux_msg_cmp_matchtag(const flux_msg_t *msg, uint32_t matchtag)
{
    uint32_t tag;

    if (flux_msg_get_matchtag(msg, &tag) < 0)
        return false;
    if ((msg->flags & FLUX_MSGFLAG_ROUTE) && msg->routes.count > 0)
        return false;
    return tag == matchtag;
}

static bool topic_matches(const char *topic, const char *glob)
{
    const char *wild = strpbrk(glob, "*?[");
    size_t len = wild ? (size_t)(wild - glob) : 0;

    if (!wild)
        return strcmp(topic, glob) == 0;
    if (strcmp(wild, "*") == 0 && !memchr(glob, '\\', len))
        return strncmp(topic, glob, len) == 0;
    return fnmatch(glob, topic, 0) == 0;
}

bool flux_msg_cmp(const flux_msg_t *msg, struct flux_match match)
{
    if (!msg) {
        errno = EINVAL;
        return false;
    }
    if (match.typemask != 0 && (msg->type & match.typemask) == 0)
        return false;
    if (match.matchtag != FLUX_MATCHTAG_NONE &&
        !flux_msg_cmp_matchtag(msg, match.matchtag))
        return false;
    if (!match.topic_glob || !*match.topic_glob ||
        strcmp(match.topic_glob, "*") == 0)
        return true;
    return msg->topic && topic_matches(msg->topic, match.topic_glob);
}

/* ---- print -------------------------------------------------------------- */

static const struct {
    int type;
    const char *name;
    const char *mark; /* in front of each line */
} types[] = {
    {FLUX_MSGTYPE_REQUEST, "request", ">"},
    {FLUX_MSGTYPE_RESPONSE, "response", "<"},
    {FLUX_MSGTYPE_EVENT, "event", "e"},
    {FLUX_MSGTYPE_CONTROL, "control", "c"},
};

struct bit_name {
    uint32_t bit;
    const char *name;
};

static const struct bit_name flag_names[] = {
    {FLUX_MSGFLAG_TOPIC, "topic"},           {FLUX_MSGFLAG_PAYLOAD, "payload"},
    {FLUX_MSGFLAG_NORESPONSE, "noresponse"}, {FLUX_MSGFLAG_ROUTE, "route"},
    {FLUX_MSGFLAG_UPSTREAM, "upstream"},     {FLUX_MSGFLAG_PRIVATE, "private"},
    {FLUX_MSGFLAG_STREAMING, "streaming"},
};

static const struct bit_name role_names[] = {
    {FLUX_ROLE_OWNER, "owner"},
    {FLUX_ROLE_USER, "user"},
    {FLUX_ROLE_LOCAL, "local"},
    {FLUX_ROLE_ADMIN, "admin"},
};

const char *flux_msg_typestr(int type)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(types); i++) {
        if (type & types[i].type)
            return types[i].name;
    }
    return "unknown";
}

static const char *type_mark(int type)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(types); i++) {
        if (type == types[i].type)
            return types[i].mark;
    }
    return "?";
}

/* Names of the bits that are set, and the bits that have no name. */
static uint32_t
print_bits(FILE *f, uint32_t bits, const struct bit_name *names, size_t count)
{
    const char *comma = "";

    for (size_t i = 0; i < count; i++) {
        if (bits & names[i].bit) {
            fprintf(f, "%s%s", comma, names[i].name);
            comma = ",";
            bits &= ~names[i].bit;
        }
    }
    return bits;
}

static void print_userid(FILE *f, uint32_t userid)
{
    if (userid == FLUX_USERID_UNKNOWN)
        fprintf(f, " userid=unknown");
    else
        fprintf(f, " userid=%lu", (unsigned long)userid);
}

static void print_roles(FILE *f, uint32_t rolemask)
{
    uint32_t rest;

    fprintf(f, " rolemask=");
    if (rolemask == FLUX_ROLE_NONE || rolemask == FLUX_ROLE_ALL) {
        fprintf(f, rolemask ? "all" : "none");
        return;
    }
    rest = print_bits(f, rolemask, role_names, UTIL_ARRAY_SIZE(role_names));
    if (rest)
        fprintf(f, "%s0x%lx", rest == rolemask ? "" : ",", (unsigned long)rest);
}

static void print_words(FILE *f, const flux_msg_t *msg)
{
    unsigned long a = msg->a;
    unsigned long b = msg->b;

    if (msg->type == FLUX_MSGTYPE_EVENT)
        fprintf(f, " sequence=%lu", a);
    else if (msg->type == FLUX_MSGTYPE_CONTROL)
        fprintf(f, " type=%lu status=%lu", a, b);
    else if (msg->type == FLUX_MSGTYPE_RESPONSE)
        fprintf(f, " errnum=%lu matchtag=%lu", a, b);
    else if (msg->a == FLUX_NODEID_ANY)
        fprintf(f, " nodeid=any matchtag=%lu", b);
    else
        fprintf(f, " nodeid=%lu matchtag=%lu", a, b);
}

static void print_hex(FILE *f, const unsigned char *data, size_t size)
{
    size_t shown = size > HEX_SHOWN ? HEX_CUT : size;

    for (size_t i = 0; i < shown; i++)
        fprintf(f, "%02X", data[i]);
    if (shown < size)
        fprintf(f, "...");
}

static void print_payload(FILE *f, const flux_msg_t *msg)
{
    const char *s;

    if (flux_msg_get_string(msg, &s) == 0)
        fprintf(f, "%s", s);
    else
        print_hex(f, msg->payload, msg->payload_size);
}

static void print_routes(FILE *f, const flux_msg_t *msg, const char *mark)
{
    int saved = errno;
    char *routes = NULL;

    if (flux_msg_route_count(msg) > 0)
        routes = flux_msg_route_string(msg);
    if (routes)
        fprintf(f, "%s |%s|\n", mark, routes);
    free(routes);
    errno = saved;
}

void flux_msg_fprint_ts(FILE *f, const flux_msg_t *msg, double timestamp)
{
    const char *mark;

    if (!f || !msg)
        return;
    mark = type_mark(msg->type);
    fprintf(f, "--------------------------------------\n");
    if (timestamp >= 0)
        fprintf(f, "%s %.5f\n", mark, timestamp);
    if (msg->topic)
        fprintf(f, "%s %s\n", mark, msg->topic);
    fprintf(f, "%s flags=", mark);
    print_bits(f, msg->flags, flag_names, UTIL_ARRAY_SIZE(flag_names));
    print_userid(f, msg->userid);
    print_roles(f, msg->rolemask);
    print_words(f, msg);
    fprintf(f, "\n");
    print_routes(f, msg, mark);
    if (msg->payload) {
        fprintf(f, "%s ", mark);
        print_payload(f, msg);
        fprintf(f, "\n");
    }
}

void flux_msg_fprint(FILE *f, const flux_msg_t *msg)
{
    flux_msg_fprint_ts(f, msg, -1);
}
