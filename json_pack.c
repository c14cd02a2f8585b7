/* json_pack.c - a JSON value from a format and arguments
 *
 *   s  string (const char *)      s? s*  NULL gives null, or is left out
 *   s# s%  and its length (int, size_t)     +  one more piece of the same
 *   n null   b boolean (int)   i int   I json_int_t   f double
 *   o  value, reference taken     O  value, reference added    (? and * too)
 *   [ ] array    { } object: each member a key, as for s, and a value
 *
 * What always holds:
 * - The reference of every `o` is taken, whether packing succeeds or not: a
 *   failure is remembered and the rest of the format is still gone through,
 *   so that a caller who passes new values need not look after them.  Only a
 *   format that is wrong itself, so that it is not known which arguments
 *   follow, ends this.
 * - A value that is left out (*) is not a failure; at the top there is then
 *   no value, and no error either.
 * - Strings and keys are checked to be UTF-8.
 *
 * Formats are the program's own text, not a client's, so the depth of the
 * recursion here is the program's own choice.
 */
#include "json_format.h"

#include <errno.h>
#include <string.h>

#include "buf.h"

/* A string argument: `data` is the caller's, or that of `pieces`. */
struct text {
    const char *data;
    size_t len;
    struct buf pieces;
};

static json_t *pack_value(struct json_format *f);

static json_t *fail(struct json_format *f,
                    enum json_error_code code,
                    const char *prefix,
                    const char *what)
{
    json_format_fail(f, JSON_FORMAT_ARGS, code, "%s%s", prefix, what);
    return NULL;
}

static json_t *fail_memory(struct json_format *f)
{
    json_format_fail(f, JSON_FORMAT_INTERNAL, json_error_out_of_memory,
                     "Out of memory");
    return NULL;
}

/* ---- strings ----------------------------------------------------------- */

/* One pointer and its length; a NULL is skipped and is a failure. */
static void
read_piece(struct json_format *f, const char *what, const char **s, size_t *len)
{
    int n;

    *s = va_arg(f->ap, const char *);
    *len = 0;
    if (json_format_accept(f, '#')) {
        n = va_arg(f->ap, int);
        if (n < 0)
            fail(f, json_error_invalid_argument, "Negative length of ", what);
        *len = n < 0 ? 0 : (size_t)n;
    } else if (json_format_accept(f, '%')) {
        *len = va_arg(f->ap, size_t);
    } else if (*s) {
        *len = strlen(*s);
    }
    if (!*s)
        fail(f, json_error_null_value, "NULL ", what);
}

static void add_piece(struct json_format *f, struct text *t, const char *what)
{
    const char *s;
    size_t len;

    read_piece(f, what, &s, &len);
    if (f->failed)
        return;
    buf_add(&t->pieces, s, len);
    t->data = t->pieces.data ? (const char *)t->pieces.data : "";
    t->len = t->pieces.size;
}

/* Text for `what`, to be released; false if f failed, now or before. */
static bool read_text(struct json_format *f, struct text *t, const char *what)
{
    *t = (struct text){0};
    read_piece(f, what, &t->data, &t->len);
    if (json_format_peek(f) == '+' && !f->failed)
        buf_add(&t->pieces, t->data, t->len);
    while (json_format_accept(f, '+'))
        add_piece(f, t, what);
    if (t->pieces.failed)
        fail_memory(f);
    if (!f->failed && !json_utf8_valid(t->data, t->len))
        fail(f, json_error_invalid_utf8, "Invalid UTF-8 ", what);
    return !f->failed;
}

static json_t *pack_text(struct json_format *f)
{
    struct text t;
    json_t *json = NULL;

    if (read_text(f, &t, "string") &&
        !(json = json_stringn_nocheck(t.data, t.len)))
        fail_memory(f);
    buf_release(&t.pieces);
    return json;
}

/* What a NULL stands for where `suffix` says that there may be one. */
static json_t *nothing(char suffix)
{
    return suffix == '?' ? json_null() : NULL;
}

static json_t *pack_optional_string(struct json_format *f, char suffix)
{
    const char *s = va_arg(f->ap, const char *);
    char next = json_format_peek(f);
    json_t *json;

    if (next == '#' || next == '%' || next == '+') {
        json_format_fail(f, JSON_FORMAT_FORMAT, json_error_invalid_format,
                         "Cannot use '%c' on optional strings", next);
        f->at += strlen(f->at);
        return NULL;
    }
    if (!s)
        return nothing(suffix);
    if (!json_utf8_valid(s, strlen(s)))
        return fail(f, json_error_invalid_utf8, "Invalid UTF-8 ", "string");
    if (!(json = json_string_nocheck(s)))
        return fail_memory(f);
    return json;
}

static char accept_suffix(struct json_format *f)
{
    if (json_format_accept(f, '?'))
        return '?';
    return json_format_accept(f, '*') ? '*' : '\0';
}

static json_t *pack_string(struct json_format *f)
{
    char suffix = accept_suffix(f);

    return suffix ? pack_optional_string(f, suffix) : pack_text(f);
}

/* ---- containers -------------------------------------------------------- */

/* Step to the next member; false at the closing character or the end. */
static bool next_member(struct json_format *f, char close)
{
    char c = json_format_next(f);

    if (c == '\0')
        json_format_unexpected(f);
    return c != '\0' && c != close;
}

static json_t *close_container(struct json_format *f, json_t *json)
{
    if (!json)
        return fail_memory(f);
    if (!f->failed)
        return json;
    json_decref(json);
    return NULL;
}

static json_t *pack_array(struct json_format *f)
{
    json_t *array = json_array();
    json_t *value;

    while (next_member(f, ']')) {
        value = pack_value(f);
        if (value && array && json_array_append_new(array, value) < 0)
            fail_memory(f);
        if (!array)
            json_decref(value);
    }
    return close_container(f, array);
}

static void pack_member(struct json_format *f, json_t *object)
{
    struct text key;
    bool good = read_text(f, &key, "object key");
    json_t *value;

    json_format_next(f);
    value = pack_value(f);
    if (!good || !object)
        json_decref(value);
    else if (value &&
             json_object_setn_new_nocheck(object, key.data, key.len, value) < 0)
        fail_memory(f);
    buf_release(&key.pieces);
}

static json_t *pack_object(struct json_format *f)
{
    json_t *object = json_object();

    while (next_member(f, '}')) {
        if (*f->token != 's') {
            json_format_fail(f, JSON_FORMAT_FORMAT, json_error_invalid_format,
                             "Expected format 's', got '%c'", *f->token);
            f->at += strlen(f->at);
            break;
        }
        pack_member(f, object);
    }
    return close_container(f, object);
}

/* ---- values ------------------------------------------------------------ */

static json_t *pack_integer(struct json_format *f, json_int_t value)
{
    json_t *json = json_integer(value);

    return json ? json : fail_memory(f);
}

static json_t *pack_real(struct json_format *f)
{
    json_t *json;

    errno = 0;
    json = json_real(va_arg(f->ap, double));
    if (!json && errno == ENOMEM)
        return fail_memory(f);
    if (!json)
        return fail(f, json_error_numeric_overflow,
                    "Invalid floating point value", "");
    return json;
}

static json_t *pack_given(struct json_format *f, bool steal)
{
    json_t *json = va_arg(f->ap, json_t *);
    char suffix = accept_suffix(f);

    if (json)
        return steal ? json : json_incref(json);
    if (suffix)
        return nothing(suffix);
    return fail(f, json_error_null_value, "NULL object", "");
}

/* The value of the current character; NULL if it failed or is left out. */
static json_t *pack_value(struct json_format *f)
{
    switch (*f->token) {
    case '{':
        return pack_object(f);
    case '[':
        return pack_array(f);
    case 's':
        return pack_string(f);
    case 'n':
        return json_null();
    case 'b':
        return json_boolean(va_arg(f->ap, int));
    case 'i':
        return pack_integer(f, va_arg(f->ap, int));
    case 'I':
        return pack_integer(f, va_arg(f->ap, json_int_t));
    case 'f':
        return pack_real(f);
    case 'O':
    case 'o':
        return pack_given(f, *f->token == 'o');
    default:
        json_format_unexpected(f);
        return NULL;
    }
}

json_t *
json_vpack_ex(json_error_t *error, size_t flags, const char *fmt, va_list ap)
{
    struct json_format f;
    json_error_t ignored;
    json_t *json;

    if (json_format_init(&f, fmt, flags, ap, error ? error : &ignored) < 0)
        return NULL;
    json_format_next(&f);
    json = pack_value(&f);
    if (!f.failed)
        json_format_garbage(&f);
    if (f.failed) {
        json_decref(json);
        json = NULL;
    }
    json_format_end(&f);
    return json;
}

json_t *json_pack_ex(json_error_t *error, size_t flags, const char *fmt, ...)
{
    json_t *json;
    va_list ap;

    va_start(ap, fmt);
    json = json_vpack_ex(error, flags, fmt, ap);
    va_end(ap);
    return json;
}

json_t *json_pack(const char *fmt, ...)
{
    json_t *json;
    va_list ap;

    va_start(ap, fmt);
    json = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    return json;
}
