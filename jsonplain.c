/* jsonplain.c - plain JSON objects, without values being built
 *
 * A payload is put into the middle of another JSON text (tracerec.c) at some
 * hundred thousand times a second.  All that must be known of it is that it
 * is an object; to build its values for that costs ten times as much as to
 * look at its bytes once.  Likewise a ping is answered with the payload and
 * some members more; there the bytes are copied on the way, and only the
 * blanks between them changed to those of json_dumps().
 *
 * What always holds:
 * - What is accepted is JSON as of RFC 8259, and within the limits of json.h.
 * - What is copied would be written the same by json_dumps(): escapes, reals
 *   and a member that comes twice are not accepted then.
 * - What is unusual is not accepted, however good: text beyond ASCII, \u,
 *   exponents, numbers of many digits, deep nesting, line breaks.  The parser
 *   decides on those, so that there is one place that knows their rules.
 * - Nothing is read behind the end; recursion is bounded by DEPTH_MAX.
 */
#include "jsonplain.h"

#include <string.h>

#include "plain.h"

enum {
    DEPTH_MAX = 16,
    DIGITS_MAX = 18,  /* fit an integer, and are exact enough as a real */
    MEMBERS_MAX = 16, /* each new one is compared to all */
};

struct scan {
    const char *p, *end;
    struct buf *out;  /* NULL: look only */
    const char *from; /* what has been accepted and is not in `out` */
};

/* Names with their quotes, of one object that is copied. */
struct names {
    int count;
    struct {
        const char *data;
        size_t size;
    } name[MEMBERS_MAX];
};

static bool scan_value(struct scan *s, int depth);

static void copy(struct scan *s)
{
    buf_add(s->out, s->from, (size_t)(s->p - s->from));
    s->from = s->p;
}

static bool at_blank(const struct scan *s)
{
    return s->p < s->end && (*s->p == ' ' || *s->p == '\t');
}

static void skip_blanks(struct scan *s)
{
    if (!at_blank(s))
        return;
    if (s->out)
        copy(s);
    while (at_blank(s))
        s->p++;
    s->from = s->p;
}

static bool take(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool take_separator(struct scan *s, char c)
{
    if (!take(s, c))
        return false;
    if (s->out) {
        copy(s);
        buf_add_byte(s->out, ' ');
    }
    return true;
}

static bool take_word(struct scan *s, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(s->end - s->p) < len || memcmp(s->p, word, len) != 0)
        return false;
    s->p += len;
    return true;
}

static bool take_escape(struct scan *s)
{
    if (s->p == s->end || !*s->p || !strchr("\"\\/bfnrt", *s->p))
        return false;
    s->p++;
    return true;
}

static bool scan_string(struct scan *s)
{
    if (!take(s, '"'))
        return false;
    for (;;) {
        s->p += plain_length(s->p, (size_t)(s->end - s->p));
        if (s->out || !take(s, '\\'))
            return take(s, '"');
        if (!take_escape(s))
            return false;
    }
}

static bool scan_digits(struct scan *s)
{
    const char *begin = s->p;

    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return s->p > begin && s->p - begin <= DIGITS_MAX;
}

static bool scan_number(struct scan *s)
{
    bool negative = take(s, '-');
    const char *begin = s->p;

    if (!scan_digits(s) || (*begin == '0' && s->p - begin > 1))
        return false;
    if (s->out)
        return !(negative && *begin == '0') && !take(s, '.');
    return take(s, '.') ? scan_digits(s) : true;
}

static bool scan_array(struct scan *s, int depth)
{
    skip_blanks(s);
    if (take(s, ']'))
        return true;
    do
        if (!scan_value(s, depth))
            return false;
    while (take_separator(s, ','));
    return take(s, ']');
}

static bool add_name(struct names *n, const char *data, size_t size)
{
    for (int i = 0; i < n->count; i++)
        if (n->name[i].size == size && memcmp(n->name[i].data, data, size) == 0)
            return false;
    if (n->count == MEMBERS_MAX)
        return false;
    n->name[n->count].data = data;
    n->name[n->count++].size = size;
    return true;
}

static bool scan_member(struct scan *s, int depth, struct names *names)
{
    const char *name;

    skip_blanks(s);
    name = s->p;
    if (!scan_string(s) ||
        (s->out && !add_name(names, name, (size_t)(s->p - name))))
        return false;
    skip_blanks(s);
    return take_separator(s, ':') && scan_value(s, depth);
}

static bool scan_object(struct scan *s, int depth, struct names *names)
{
    skip_blanks(s);
    if (take(s, '}'))
        return true;
    do
        if (!scan_member(s, depth, names))
            return false;
    while (take_separator(s, ','));
    return take(s, '}');
}

static bool scan_inner(struct scan *s, int depth)
{
    struct names names;

    names.count = 0;
    if (depth > DEPTH_MAX)
        return false;
    if (take(s, '{'))
        return scan_object(s, depth, &names);
    if (take(s, '['))
        return scan_array(s, depth);
    if (s->p < s->end && *s->p == '"')
        return scan_string(s);
    return take_word(s, "true") || take_word(s, "false") ||
           take_word(s, "null") || scan_number(s);
}

static bool scan_value(struct scan *s, int depth)
{
    bool good;

    skip_blanks(s);
    good = scan_inner(s, depth + 1);
    skip_blanks(s);
    return good;
}

bool jsonplain_object(const char *text, size_t size)
{
    struct scan s = {text, text + size, NULL, text};

    return size > 0 && *text == '{' && scan_value(&s, 0) && s.p == s.end;
}

bool jsonplain_begin(const char *text,
                     size_t size,
                     const char *const *others,
                     struct buf *out)
{
    struct scan s = {text, text + size, out, text};
    struct names names;
    int before;

    for (names.count = 0; *others; others++)
        add_name(&names, *others, strlen(*others));
    before = names.count;
    if (!take(&s, '{') || !scan_object(&s, 1, &names) || s.p != s.end)
        return false;
    s.p--;
    copy(&s);
    if (names.count > before)
        buf_add(out, ", ", 2);
    return !out->failed;
}

bool jsonplain_string(const char *s)
{
    size_t size = strlen(s);

    return plain_length(s, size) == size;
}
