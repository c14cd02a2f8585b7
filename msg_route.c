/* msg_route.c - the route stack of a message (RFC 3)
 *
 * Each hop that a request takes pushes the identity of the one that it came
 * from, and each hop of the response removes one, so that it finds its way
 * back.  This happens to every message at every hop, so that the routes are
 * kept as they go over the wire, at the end of their buffer: a push writes
 * in front of them, a removal moves `start`, encoding copies the whole.
 *
 * "First" and "bottom" is what was pushed first, the sender of a request;
 * "last" and "top" what was pushed last, the next hop of a response.  On the
 * wire the last comes first.
 *
 * What always holds:
 * - A route has 1 to MSG_ROUTE_SIZE_MAX characters, none of them NUL, and
 *   there are at most MSG_ROUTES_MAX.
 * - Up to three UUIDs are in the message itself; `data` points there or into
 *   memory of its own.
 * - What flux_msg_route_first() and _last() return lasts until the routes
 *   change.
 * - Without flag `route` a message shows no routes.
 */
#include "msg.h"

enum {
    ROOM = 2 * 37,   /* for pushes onto routes that had to be allocated */
    SHORT_ROUTE = 8, /* characters in flux_msg_route_string() */
};

void msg_route_init(struct msg_routes *r)
{
    r->data = r->inline_data;
    r->start = r->capacity = sizeof(r->inline_data);
    r->count = 0;
}

void msg_route_release(struct msg_routes *r)
{
    if (r->data != r->inline_data)
        free(r->data);
    msg_route_init(r);
}

size_t msg_route_size(const struct msg_routes *r)
{
    return r->capacity - r->start;
}

/* Take over `count` routes in wire form; `r` is empty before. */
int msg_route_set(struct msg_routes *r,
                  const unsigned char *parts,
                  size_t size,
                  int count)
{
    if (size > r->capacity) {
        unsigned char *data = malloc(size + ROOM);

        if (!data)
            return -1;
        r->data = data;
        r->capacity = size + ROOM;
    }
    r->start = r->capacity - size;
    r->count = count;
    if (size > 0)
        memcpy(r->data + r->start, parts, size);
    return 0;
}

static bool has_routes(const flux_msg_t *msg)
{
    return (msg->flags & FLUX_MSGFLAG_ROUTE) != 0;
}

static int routes_check(const flux_msg_t *msg)
{
    if (msg && has_routes(msg))
        return 0;
    errno = msg ? EPROTO : EINVAL;
    return -1;
}

static void routes_changed(flux_msg_t *msg)
{
    free(msg->route_text);
    msg->route_text = NULL;
}

/* Make room in front of the routes. */
static int routes_grow(struct msg_routes *r, size_t need)
{
    size_t size = msg_route_size(r);
    size_t capacity = 2 * r->capacity + need;
    unsigned char *data = malloc(capacity);

    if (!data)
        return -1;
    memcpy(data + capacity - size, r->data + r->start, size);
    if (r->data != r->inline_data)
        free(r->data);
    r->data = data;
    r->capacity = capacity;
    r->start = capacity - size;
    return 0;
}

void flux_msg_route_enable(flux_msg_t *msg)
{
    if (msg)
        msg->flags |= FLUX_MSGFLAG_ROUTE;
}

void flux_msg_route_disable(flux_msg_t *msg)
{
    flux_msg_route_clear(msg);
    if (msg)
        msg->flags &= (uint8_t)~FLUX_MSGFLAG_ROUTE;
}

void flux_msg_route_clear(flux_msg_t *msg)
{
    if (!msg || !has_routes(msg))
        return;
    routes_changed(msg);
    msg_route_release(&msg->routes);
}

int flux_msg_route_push(flux_msg_t *msg, const char *id)
{
    size_t len = id ? strlen(id) : 0;
    struct msg_routes *r;

    if (routes_check(msg) < 0)
        return -1;
    r = &msg->routes;
    if (len == 0 || len > MSG_ROUTE_SIZE_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (r->count == MSG_ROUTES_MAX) {
        errno = ELOOP;
        return -1;
    }
    if (r->start < 1 + len && routes_grow(r, 1 + len) < 0)
        return -1;
    routes_changed(msg);
    r->start -= 1 + len;
    r->data[r->start] = (unsigned char)len;
    memcpy(r->data + r->start + 1, id, len);
    r->count++;
    return 0;
}

int flux_msg_route_delete_last(flux_msg_t *msg)
{
    struct msg_routes *r;

    if (routes_check(msg) < 0)
        return -1;
    r = &msg->routes;
    if (r->count > 0) {
        routes_changed(msg);
        r->start += 1 + (size_t)r->data[r->start];
        r->count--;
    }
    return 0;
}

int flux_msg_route_count(const flux_msg_t *msg)
{
    return routes_check(msg) < 0 ? -1 : msg->routes.count;
}

/* Where the route with that number starts (0: pushed last). */
static size_t route_offset(const struct msg_routes *r, int number)
{
    size_t at = r->start;

    while (number-- > 0)
        at += 1 + (size_t)r->data[at];
    return at;
}

bool msg_route_at(const flux_msg_t *msg,
                  int number,
                  const char **id,
                  size_t *len)
{
    const struct msg_routes *r = &msg->routes;
    size_t at;

    if (!has_routes(msg) || number < 0 || number >= r->count)
        return false;
    at = route_offset(r, number);
    *id = (const char *)r->data + at + 1;
    *len = r->data[at];
    return true;
}

bool msg_route_top(const flux_msg_t *msg, const char **id, size_t *len)
{
    return msg_route_at(msg, 0, id, len);
}

bool msg_route_bottom(const flux_msg_t *msg, const char **id, size_t *len)
{
    return msg_route_at(msg, msg->routes.count - 1, id, len);
}

/* The routes as strings one behind the other: the length byte of each gives
 * place to the NUL of the one in front of it.
 */
static char *routes_as_text(const struct msg_routes *r)
{
    const unsigned char *parts = r->data + r->start;
    size_t size = msg_route_size(r);
    char *text = malloc(size);

    if (!text)
        return NULL;
    memcpy(text, parts + 1, size - 1);
    for (size_t at = 0; at < size; at += 1 + (size_t)parts[at])
        text[at + parts[at]] = '\0';
    return text;
}

static const char *route_string(const flux_msg_t *msg, int number)
{
    flux_msg_t *m = (flux_msg_t *)msg;
    const struct msg_routes *r = &msg->routes;

    if (!has_routes(msg) || r->count == 0)
        return NULL;
    if (!m->route_text)
        m->route_text = routes_as_text(r);
    if (!m->route_text)
        return NULL;
    return m->route_text + (route_offset(r, number) - r->start);
}

const char *flux_msg_route_first(const flux_msg_t *msg)
{
    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    return route_string(msg, msg->routes.count - 1);
}

const char *flux_msg_route_last(const flux_msg_t *msg)
{
    if (!msg) {
        errno = EINVAL;
        return NULL;
    }
    return route_string(msg, 0);
}

char *flux_msg_route_string(const flux_msg_t *msg)
{
    struct buf b = {0};

    if (routes_check(msg) < 0)
        return NULL;
    for (int i = msg->routes.count - 1; i >= 0; i--) {
        const char *id = "";
        size_t len = 0;

        msg_route_at(msg, i, &id, &len);
        buf_add(&b, id, len < SHORT_ROUTE ? len : SHORT_ROUTE);
        if (i > 0)
            buf_add_byte(&b, '!');
    }
    return buf_steal_string(&b);
}

bool flux_msg_route_match_first(const flux_msg_t *msg1, const flux_msg_t *msg2)
{
    const char *id1;
    const char *id2;
    size_t len1;
    size_t len2;
    bool has1 = msg1 && msg_route_bottom(msg1, &id1, &len1);
    bool has2 = msg2 && msg_route_bottom(msg2, &id2, &len2);

    if (!has1 || !has2)
        return has1 == has2;
    return len1 == len2 && memcmp(id1, id2, len1) == 0;
}
