/* hostlist.c - hosts by rank, in the compact form of RFC 29
 *
 * A Flux instance names its hosts in rank order in one string, such as
 * "login,node[001-128,200]-ib0": expressions separated by commas, each with
 * at most one bracketed list of numbers and ranges.  People name a host where
 * a rank is wanted, so the questions are which rank that is, and which host a
 * rank has.
 *
 * The list is never expanded: an expression is compared with the host by its
 * prefix and suffix, and what is left in the middle is looked for among the
 * ranges.  A list of a million hosts therefore costs no memory, and "[0-9999
 * 99999]" is as cheap as "[0-1]".
 *
 * What always holds:
 * - The width of the first number in a bracket, if that begins with a zero,
 *   is the width of all numbers in it (RFC 29): "n[08-10]" has n08, n09, n10,
 *   but no n8.
 * - Numbers are at most NUMBER_DIGITS long, so that they fit an int64_t and
 *   sums of range sizes do as well; a longer one makes the list invalid.
 * - A range that runs backwards makes the list invalid.
 */
#include "hostlist.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "util.h"

enum { NUMBER_DIGITS = 15 };

struct expression {
    const char *prefix, *ids, *suffix; /* ids is NULL where no bracket is */
    size_t prefix_len, ids_len, suffix_len;
};

struct search {
    const char *number; /* what the host has where the bracket is */
    size_t len;         /* of it */
    int64_t index;      /* of the next host of the list */
};

/* Split the expression at `s`; return what follows its comma, or NULL. */
static const char *split(const char *s, struct expression *e)
{
    memset(e, 0, sizeof(*e));
    e->prefix = s;
    e->prefix_len = strcspn(s, "[],");
    s += e->prefix_len;
    if (*s == '[') {
        e->ids = s + 1;
        e->ids_len = strcspn(e->ids, "[]");
        s = e->ids + e->ids_len;
        if (*s++ != ']')
            return NULL;
        e->suffix = s;
        e->suffix_len = strcspn(s, "[],");
        s += e->suffix_len;
    }
    if (*s == ',')
        return s + 1;
    return *s ? NULL : s;
}

static const char *parse_number(const char *s, const char *end, int64_t *value)
{
    const char *start = s;

    *value = 0;
    while (s < end && *s >= '0' && *s <= '9' && s - start < NUMBER_DIGITS)
        *value = *value * 10 + (*s++ - '0');
    return s > start ? s : NULL;
}

/* Read "5" or "11-13"; return what follows its comma, or NULL. */
static const char *
parse_range(const char *s, const char *end, int64_t *low, int64_t *high)
{
    if (!(s = parse_number(s, end, low)))
        return NULL;
    *high = *low;
    if (s < end && *s == '-')
        s = parse_number(s + 1, end, high);
    if (!s || *high < *low)
        return NULL;
    if (s < end && *s == ',')
        return s + 1;
    return s == end ? s : NULL;
}

static int bracket_width(const struct expression *e)
{
    size_t digits = strspn(e->ids, "0123456789");

    return *e->ids == '0' ? (int)digits : 1;
}

/* Is `number` written as a bracket of that width would write it? */
static bool is_written_as(const struct search *s, int64_t value, int width)
{
    char text[NUMBER_DIGITS + 8];

    if (width > NUMBER_DIGITS)
        return false;
    snprintf(text, sizeof(text), "%0*lld", width, (long long)value);
    return strlen(text) == s->len && memcmp(text, s->number, s->len) == 0;
}

/* 1 found at s->index, 0 not found (and s->index is past it), -1 invalid. */
static int search_bracket(const struct expression *e, struct search *s)
{
    const char *at = e->ids, *end = e->ids + e->ids_len;
    int width = bracket_width(e);
    int64_t wanted = -1, low, high;

    if (s->number && parse_number(s->number, s->number + s->len, &wanted))
        wanted = is_written_as(s, wanted, width) ? wanted : -1;
    while (at < end) {
        if (!(at = parse_range(at, end, &low, &high)))
            return -1;
        if (wanted >= low && wanted <= high) {
            s->index += wanted - low;
            return 1;
        }
        s->index += high - low + 1;
    }
    return 0;
}

static void
set_number(const struct expression *e, const char *host, struct search *s)
{
    size_t len = strlen(host), around = e->prefix_len + e->suffix_len;

    s->number = NULL;
    if (len <= around || strncmp(host, e->prefix, e->prefix_len) != 0)
        return;
    if (strncmp(host + len - e->suffix_len, e->suffix, e->suffix_len) != 0)
        return;
    s->number = host + e->prefix_len;
    s->len = len - around;
}

static int search_expression(const struct expression *e,
                             const char *host,
                             struct search *s)
{
    if (e->ids) {
        set_number(e, host, s);
        return search_bracket(e, s);
    }
    if (e->prefix_len == 0)
        return 0;
    if (strlen(host) == e->prefix_len &&
        memcmp(host, e->prefix, e->prefix_len) == 0)
        return 1;
    s->index++;
    return 0;
}

int hostlist_find(const char *list, const char *host)
{
    struct search s = {0};
    struct expression e;
    int found = 0;

    while (found == 0 && *list) {
        if (!(list = split(list, &e)))
            found = -1;
        else
            found = search_expression(&e, host, &s);
    }
    if (found == 1 && s.index <= INT_MAX)
        return (int)s.index;
    errno = found < 0 ? EINVAL : ENOENT;
    return -1;
}

/* The number at `*index` of a bracket, or how many it has off *index: 1 found,
 * 0 not in here, -1 invalid.
 */
static int number_at(const struct expression *e, int64_t *index, int64_t *value)
{
    const char *at = e->ids, *end = e->ids + e->ids_len;
    int64_t low, high;

    while (at < end) {
        if (!(at = parse_range(at, end, &low, &high)))
            return -1;
        if (*index <= high - low) {
            *value = low + *index;
            return 1;
        }
        *index -= high - low + 1;
    }
    return 0;
}

/* 1 and *host (NULL if memory ran out), 0 not in here, -1 invalid. */
static int host_at(const struct expression *e, int64_t *index, char **host)
{
    int64_t value;
    int rc;

    if (!e->ids) {
        if (e->prefix_len == 0 || (*index)-- > 0)
            return 0;
        *host = util_asprintf("%.*s", (int)e->prefix_len, e->prefix);
        return 1;
    }
    if ((rc = number_at(e, index, &value)) == 1)
        *host = util_asprintf("%.*s%0*lld%.*s", (int)e->prefix_len, e->prefix,
                              bracket_width(e), (long long)value,
                              (int)e->suffix_len, e->suffix);
    return rc;
}

char *hostlist_nth(const char *list, unsigned index)
{
    struct expression e;
    int64_t left = index;
    char *host = NULL;
    int found = 0;

    while (found == 0 && *list) {
        if (!(list = split(list, &e)))
            found = -1;
        else
            found = host_at(&e, &left, &host);
    }
    if (found != 1)
        errno = found < 0 ? EINVAL : ENOENT;
    return host;
}

/* ---- making one -----------------------------------------------------------
 */

/* A host as a prefix and the number at its end. */
struct numbered {
    const char *name;
    size_t prefix_len;
    size_t digits; /* 0: it has no number */
    int64_t value;
};

static struct numbered take_number(const char *name)
{
    size_t len = strlen(name), at = len;
    struct numbered n = {name, len, 0, 0};

    while (at > 0 && len - at < NUMBER_DIGITS && name[at - 1] >= '0' &&
           name[at - 1] <= '9')
        at--;
    n.prefix_len = at;
    n.digits = len - at;
    parse_number(name + at, name + len, &n.value);
    return n;
}

/* Whether both can stand in one bracket: "08" and "10" can, "8" and "08"
 * cannot, nor can "08" and "100".
 */
static bool goes_with(const struct numbered *a, const struct numbered *b)
{
    bool padded =
        a->name[a->prefix_len] == '0' || b->name[b->prefix_len] == '0';

    return a->digits > 0 && b->digits > 0 && a->prefix_len == b->prefix_len &&
           memcmp(a->name, b->name, a->prefix_len) == 0 &&
           (!padded || a->digits == b->digits);
}

/* Ranges of the `count` hosts from `hosts` on, which go with each other. */
static void add_ranges(struct buf *b, char *const hosts[], size_t count)
{
    size_t i = 0;

    while (i < count) {
        struct numbered first = take_number(hosts[i]), last = first, next;
        size_t k = i + 1;

        for (; k < count; k++, last = next) {
            next = take_number(hosts[k]);
            if (next.value != last.value + 1)
                break;
        }
        buf_printf(b, "%s%s", i ? "," : "", first.name + first.prefix_len);
        if (k > i + 1)
            buf_printf(b, "-%s", last.name + last.prefix_len);
        i = k;
    }
}

static size_t count_group(char *const hosts[], size_t count)
{
    struct numbered first = take_number(hosts[0]);
    size_t n = 1;

    while (n < count) {
        struct numbered next = take_number(hosts[n]);

        if (!goes_with(&first, &next))
            break;
        n++;
    }
    return n;
}

char *hostlist_encode(char *const hosts[], size_t count)
{
    struct buf b = {NULL, 0, 0, false};
    size_t i, n;

    buf_printf(&b, "%s", "");
    for (i = 0; i < count; i += n) {
        struct numbered first = take_number(hosts[i]);

        n = count_group(hosts + i, count - i);
        if (i > 0)
            buf_printf(&b, ",");
        if (n == 1) {
            buf_printf(&b, "%s", hosts[i]);
            continue;
        }
        buf_printf(&b, "%.*s[", (int)first.prefix_len, first.name);
        add_ranges(&b, hosts + i, n);
        buf_printf(&b, "]");
    }
    return buf_steal_string(&b);
}
