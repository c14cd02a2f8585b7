/* json_unpack.c - arguments from a JSON value, by a format
 *
 *   s  string (const char **, the value keeps it)   s%  and its length
 *   n  null    b boolean (int *)    i int *    I json_int_t *
 *   f  double *, a real     F  double *, a real or an integer
 *   o  value (json_t **, lent)      O  the same, reference added
 *   [ ] array    { } object: each member a key (s, given) and a value; s? is
 *   a key that need not be there.  Last in either: ! nothing may be left
 *   over, * something may (where JSON_STRICT asks for ! everywhere).
 *
 * What always holds:
 * - The first mismatch ends it.  Targets before it have been written.
 * - Below a key that is not there, the format is gone through all the same:
 *   its arguments are consumed, its targets left as they were.
 * - With JSON_VALIDATE_ONLY the only arguments are keys.
 *
 * The texts of mismatches are jansson's: modules send them to their clients.
 */
#include "json_format.h"

#include <string.h>

#include "buf.h"

static int unpack_value(struct json_format *f, json_t *json);

/* ---- mismatches -------------------------------------------------------- */

static const char *type_name(const json_t *json)
{
    static const char *const names[] = {
        [JSON_OBJECT] = "object", [JSON_ARRAY] = "array",
        [JSON_STRING] = "string", [JSON_INTEGER] = "integer",
        [JSON_REAL] = "real",     [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",   [JSON_NULL] = "null",
    };

    return names[json->type];
}

static int
fail_type(struct json_format *f, const char *expected, const json_t *json)
{
    return json_format_fail(f, JSON_FORMAT_VALIDATION, json_error_wrong_type,
                            "Expected %s, got %s", expected, type_name(json));
}

static int fail_null(struct json_format *f, const char *what)
{
    return json_format_fail(f, JSON_FORMAT_ARGS, json_error_null_value,
                            "NULL %s", what);
}

/* ---- scalars ----------------------------------------------------------- */

static bool has_targets(const struct json_format *f)
{
    return !(f->flags & JSON_VALIDATE_ONLY);
}

static int unpack_string(struct json_format *f, const json_t *json)
{
    bool sized = json_format_peek(f) == '%';
    const char **target = NULL;
    size_t *len = NULL;

    if (json && !json_is_string(json))
        return fail_type(f, "string", json);
    if (has_targets(f) && !(target = va_arg(f->ap, const char **)))
        return fail_null(f, "string argument");
    if (sized)
        json_format_next(f);
    if (has_targets(f) && sized && !(len = va_arg(f->ap, size_t *)))
        return fail_null(f, "string length argument");
    if (!has_targets(f) || !json)
        return 0;
    *target = json_string_value(json);
    if (len)
        *len = json_string_length(json);
    return 0;
}

static int unpack_integer(struct json_format *f, const json_t *json)
{
    bool wide = *f->token == 'I';
    void *target;

    if (json && !json_is_integer(json))
        return fail_type(f, "integer", json);
    if (!has_targets(f))
        return 0;
    if (wide)
        target = va_arg(f->ap, json_int_t *);
    else
        target = va_arg(f->ap, int *);
    if (json && wide)
        *(json_int_t *)target = json_integer_value(json);
    else if (json)
        *(int *)target = (int)json_integer_value(json);
    return 0;
}

static int unpack_boolean(struct json_format *f, const json_t *json)
{
    int *target;

    if (json && !json_is_boolean(json))
        return fail_type(f, "true or false", json);
    if (!has_targets(f))
        return 0;
    target = va_arg(f->ap, int *);
    if (json)
        *target = json_is_true(json);
    return 0;
}

static int unpack_real(struct json_format *f, const json_t *json)
{
    double *target;

    if (*f->token == 'f' && json && !json_is_real(json))
        return fail_type(f, "real", json);
    if (json && !json_is_number(json))
        return fail_type(f, "real or integer", json);
    if (!has_targets(f))
        return 0;
    target = va_arg(f->ap, double *);
    if (json)
        *target = json_number_value(json);
    return 0;
}

static int unpack_any(struct json_format *f, json_t *json)
{
    json_t **target;

    if (!has_targets(f))
        return 0;
    target = va_arg(f->ap, json_t **);
    if (json)
        *target = *f->token == 'O' ? json_incref(json) : json;
    return 0;
}

static int unpack_null(struct json_format *f, const json_t *json)
{
    if (json && !json_is_null(json))
        return fail_type(f, "null", json);
    return 0;
}

/* ---- containers -------------------------------------------------------- */

/* The current character is ! or *: only `close` may follow. */
static int end_mark(struct json_format *f, char close)
{
    char mark = *f->token;
    char c = json_format_next(f);

    if (c == close)
        return 0;
    if (c == '\0')
        return json_format_unexpected(f);
    return json_format_fail(f, JSON_FORMAT_FORMAT, json_error_invalid_format,
                            "Expected '%c' after '%c', got '%c'", close, mark,
                            c);
}

static bool is_mark(char c)
{
    return c == '!' || c == '*';
}

static bool is_strict(const struct json_format *f, char mark)
{
    return mark == '!' || (mark != '*' && (f->flags & JSON_STRICT));
}

static int unpack_item(struct json_format *f, json_t *array, size_t i)
{
    json_t *item = json_array_get(array, i);
    bool bracket = *f->token == '{' || *f->token == '[';

    if (!bracket && !strchr("sniIbfFoO", *f->token))
        return json_format_unexpected(f);
    if (array && !item)
        return json_format_fail(f, JSON_FORMAT_VALIDATION,
                                json_error_index_out_of_range,
                                "Array index %zu out of range", i);
    return unpack_value(f, item);
}

static int check_items_left(struct json_format *f, json_t *array, size_t seen)
{
    size_t size = json_array_size(array);

    if (!array || seen == size)
        return 0;
    return json_format_fail(f, JSON_FORMAT_VALIDATION,
                            json_error_end_of_input_expected,
                            "%zu array item(s) left unpacked", size - seen);
}

static int unpack_array(struct json_format *f, json_t *array)
{
    size_t seen = 0;
    char c;
    char mark = '\0';

    if (array && !json_is_array(array))
        return fail_type(f, "array", array);
    while ((c = json_format_next(f)) != ']') {
        if (c == '\0')
            return json_format_unexpected(f);
        if (is_mark(c)) {
            mark = c;
            if (end_mark(f, ']') < 0)
                return -1;
            break;
        }
        if (unpack_item(f, array, seen++) < 0)
            return -1;
    }
    return is_strict(f, mark) ? check_items_left(f, array, seen) : 0;
}

/* The mark before the end of the object whose first member is next. */
static char find_mark(const struct json_format *f)
{
    const char *s = f->at;
    char last = '\0';
    int depth = 0;

    for (; *s && (depth > 0 || *s != '}'); s++) {
        depth += (*s == '{' || *s == '[') - (*s == '}' || *s == ']');
        if (!strchr(" \t\n,:", *s))
            last = *s;
    }
    return is_mark(last) ? last : '\0';
}

/* Unpack a member; `seen` (if not NULL) gets its key. */
static int
unpack_member(struct json_format *f, json_t *object, struct table *seen)
{
    const char *key;
    bool optional;
    json_t *value;

    if (*f->token != 's')
        return json_format_fail(f, JSON_FORMAT_FORMAT,
                                json_error_invalid_format,
                                "Expected format 's', got '%c'", *f->token);
    if (!(key = va_arg(f->ap, const char *)))
        return fail_null(f, "object key");
    optional = json_format_accept(f, '?');
    json_format_next(f);
    value = json_object_get(object, key);
    if (object && !value && !optional)
        return json_format_fail(f, JSON_FORMAT_VALIDATION,
                                json_error_item_not_found,
                                "Object item not found: %s", key);
    if (value && seen && table_set(seen, key, value) < 0)
        return json_format_fail(f, JSON_FORMAT_INTERNAL,
                                json_error_out_of_memory, "Out of memory");
    return unpack_value(f, value);
}

static int fail_members_left(struct json_format *f,
                             json_t *object,
                             struct table *seen,
                             size_t left)
{
    struct buf names = {0};
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value)
    {
        if (table_get(seen, key))
            continue;
        if (names.size)
            buf_add_string(&names, ", ");
        buf_add_string(&names, key);
    }
    buf_add_byte(&names, '\0');
    json_format_fail(f, JSON_FORMAT_VALIDATION,
                     json_error_end_of_input_expected,
                     "%zu object item(s) left unpacked: %s", left,
                     names.failed ? "" : (const char *)names.data);
    buf_release(&names);
    return -1;
}

static int
unpack_members(struct json_format *f, json_t *object, struct table *seen)
{
    char c;

    while ((c = json_format_next(f)) != '}') {
        if (c == '\0')
            return json_format_unexpected(f);
        if (is_mark(c))
            return end_mark(f, '}');
        if (unpack_member(f, object, seen) < 0)
            return -1;
    }
    return 0;
}

static int unpack_strictly(struct json_format *f, json_t *object)
{
    struct table seen;
    size_t left;
    int rc;

    table_init(&seen, NULL);
    rc = unpack_members(f, object, &seen);
    left = json_object_size(object) - table_count(&seen);
    if (rc == 0 && left)
        rc = fail_members_left(f, object, &seen, left);
    table_release(&seen);
    return rc;
}

static int unpack_object(struct json_format *f, json_t *object)
{
    if (object && !json_is_object(object))
        return fail_type(f, "object", object);
    if (object && is_strict(f, find_mark(f)))
        return unpack_strictly(f, object);
    return unpack_members(f, object, NULL);
}

/* ---- values ------------------------------------------------------------ */

/* By the current character; `json` is NULL below a key that is not there. */
static int unpack_value(struct json_format *f, json_t *json)
{
    switch (*f->token) {
    case '{':
        return unpack_object(f, json);
    case '[':
        return unpack_array(f, json);
    case 's':
        return unpack_string(f, json);
    case 'i':
    case 'I':
        return unpack_integer(f, json);
    case 'b':
        return unpack_boolean(f, json);
    case 'f':
    case 'F':
        return unpack_real(f, json);
    case 'o':
    case 'O':
        return unpack_any(f, json);
    case 'n':
        return unpack_null(f, json);
    default:
        return json_format_unexpected(f);
    }
}

static int refuse_root(json_error_t *error)
{
    json_error_init(error, "<root>");
    json_error_set(error, json_error_null_value, "NULL root value");
    return -1;
}

int json_vunpack_ex(json_t *root,
                    json_error_t *error,
                    size_t flags,
                    const char *fmt,
                    va_list ap)
{
    struct json_format f;
    json_error_t ignored;
    int rc;

    error = error ? error : &ignored;
    if (!root)
        return refuse_root(error);
    if (json_format_init(&f, fmt, flags, ap, error) < 0)
        return -1;
    json_format_next(&f);
    rc = unpack_value(&f, root);
    if (rc == 0)
        rc = json_format_garbage(&f);
    json_format_end(&f);
    return rc;
}

int json_unpack_ex(
    json_t *root, json_error_t *error, size_t flags, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = json_vunpack_ex(root, error, flags, fmt, ap);
    va_end(ap);
    return rc;
}

int json_unpack(json_t *root, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = json_vunpack_ex(root, NULL, 0, fmt, ap);
    va_end(ap);
    return rc;
}
