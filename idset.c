/* idset.c - sets of ids, such as ranks, and their text form (RFC 22)
 *
 * A set is a row of bytes, a bit for each id, as long as its largest id needs.
 * Sets are of a size that fits the instances there are; so nothing here tries
 * to be cleverer than that.
 *
 * What always holds:
 * - `size` bytes are there, and all ids at or past 8 * size are not in the
 *   set.  It never passes IDSET_MAX / 8, whatever a text asks for.
 * - What idset_encode() gives, idset_decode() takes and finds the same set.
 * - A text is taken as a whole or not at all: blanks, leading zeros, signs,
 *   ids out of order or given twice, and one bracket without the other make
 *   it none.
 */
#include "idset.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"

enum { DIGITS_MAX = 7 }; /* of an id below IDSET_MAX */

struct idset {
    unsigned char *bits;
    size_t size; /* bytes */
};

struct idset *idset_create(void)
{
    return calloc(1, sizeof(struct idset));
}

void idset_destroy(struct idset *s)
{
    int saved_errno = errno;

    if (!s)
        return;
    free(s->bits);
    free(s);
    errno = saved_errno;
}

static int grow(struct idset *s, size_t size)
{
    unsigned char *bits;

    if (size <= s->size)
        return 0;
    if (size < 2 * s->size)
        size = 2 * s->size;
    if (!(bits = realloc(s->bits, size)))
        return -1;
    memset(bits + s->size, 0, size - s->size);
    s->bits = bits;
    s->size = size;
    return 0;
}

int idset_add(struct idset *s, uint32_t id)
{
    if (id >= IDSET_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (grow(s, id / 8 + 1) < 0)
        return -1;
    s->bits[id / 8] |= (unsigned char)(1U << id % 8);
    return 0;
}

void idset_remove(struct idset *s, uint32_t id)
{
    if (idset_has(s, id))
        s->bits[id / 8] &= (unsigned char)~(1U << id % 8);
}

bool idset_has(const struct idset *s, uint32_t id)
{
    return id / 8 < s->size && s->bits[id / 8] & (1U << id % 8);
}

uint32_t idset_next(const struct idset *s, uint32_t from)
{
    for (; from / 8 < s->size; from++)
        if (idset_has(s, from))
            return from;
    return IDSET_NONE;
}

size_t idset_count(const struct idset *s)
{
    size_t n = 0;

    for (uint32_t id = idset_next(s, 0); id != IDSET_NONE;
         id = idset_next(s, id + 1))
        n++;
    return n;
}

/* ---- text ---------------------------------------------------------------- */

static int parse_id(const char **text, uint32_t *id)
{
    size_t digits = strspn(*text, "0123456789");

    if (digits == 0 || digits > DIGITS_MAX || (digits > 1 && **text == '0'))
        return -1;
    *id = (uint32_t)strtoul(*text, NULL, 10);
    *text += digits;
    return 0;
}

/* "7" or "3-5", all of it at or above *least, which becomes the id after. */
static int parse_range(struct idset *s, const char **text, uint32_t *least)
{
    uint32_t first, last;

    if (parse_id(text, &first) < 0 || first < *least)
        return -1;
    last = first;
    if (**text == '-') {
        (*text)++;
        if (parse_id(text, &last) < 0 || last <= first)
            return -1;
    }
    for (uint32_t id = first; id <= last; id++)
        if (idset_add(s, id) < 0)
            return -1;
    *least = last + 1;
    return 0;
}

static int parse(struct idset *s, const char *text)
{
    bool open = *text == '[';
    const char *end = open ? "]" : "";
    uint32_t least = 0;

    text += open;
    if (strcmp(text, end) == 0)
        return 0;
    while (parse_range(s, &text, &least) == 0) {
        if (strcmp(text, end) == 0)
            return 0;
        if (*text++ != ',')
            return -1;
    }
    return -1;
}

struct idset *idset_decode(const char *text)
{
    struct idset *s = idset_create();

    if (!s || parse(s, text) == 0)
        return s;
    idset_destroy(s);
    errno = EINVAL;
    return NULL;
}

static uint32_t range_end(const struct idset *s, uint32_t id)
{
    while (idset_has(s, id + 1))
        id++;
    return id;
}

static void add_ranges(const struct idset *s, struct buf *b)
{
    const char *comma = "";
    uint32_t first, last;

    for (first = idset_next(s, 0); first != IDSET_NONE;
         first = idset_next(s, last + 1)) {
        last = range_end(s, first);
        buf_printf(b, "%s%u", comma, (unsigned)first);
        if (last > first)
            buf_printf(b, "-%u", (unsigned)last);
        comma = ",";
    }
}

char *idset_encode(const struct idset *s, bool brackets)
{
    struct buf b = {NULL, 0, 0, false};

    if (brackets)
        brackets = idset_count(s) > 1;
    if (brackets)
        buf_add_byte(&b, '[');
    add_ranges(s, &b);
    if (brackets)
        buf_add_byte(&b, ']');
    return buf_steal_string(&b);
}
