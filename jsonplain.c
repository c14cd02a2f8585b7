/* jsonplain.c - is a text surely a JSON object, told without reading it in
 *
 * A payload is put into the middle of another JSON text (tracerec.c) at some
 * hundred thousand times a second.  All that must be known of it is that it
 * is an object; to build its values for that costs ten times as much as to
 * look at its bytes once.
 *
 * What always holds:
 * - What is accepted is JSON as of RFC 8259, and within the limits of json.h.
 * - What is unusual is not accepted, however good: text beyond ASCII, \u,
 *   exponents, numbers of many digits, deep nesting, line breaks.  The parser
 *   decides on those, so that there is one place that knows their rules.
 * - Nothing is read behind the end; recursion is bounded by DEPTH_MAX.
 */
#include "jsonplain.h"

#include <string.h>

#include "json_internal.h"

enum {
    DEPTH_MAX = 16,
    DIGITS_MAX = 18, /* fit an integer, and are exact enough as a real */
};

struct scan {
    const char *p, *end;
};

static bool scan_value(struct scan *s, int depth);

static void skip_blanks(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t'))
        s->p++;
}

static bool take(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
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
        s->p += json_plain_length(s->p, (size_t)(s->end - s->p));
        if (!take(s, '\\'))
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
    const char *begin;

    take(s, '-');
    begin = s->p;
    if (!scan_digits(s) || (*begin == '0' && s->p - begin > 1))
        return false;
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
    while (take(s, ','));
    return take(s, ']');
}

static bool scan_member(struct scan *s, int depth)
{
    skip_blanks(s);
    if (!scan_string(s))
        return false;
    skip_blanks(s);
    return take(s, ':') && scan_value(s, depth);
}

static bool scan_object(struct scan *s, int depth)
{
    skip_blanks(s);
    if (take(s, '}'))
        return true;
    do
        if (!scan_member(s, depth))
            return false;
    while (take(s, ','));
    return take(s, '}');
}

static bool scan_inner(struct scan *s, int depth)
{
    if (depth > DEPTH_MAX)
        return false;
    if (take(s, '{'))
        return scan_object(s, depth);
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
    struct scan s = {text, text + size};

    return size > 0 && *text == '{' && scan_value(&s, 0) && s.p == s.end;
}
