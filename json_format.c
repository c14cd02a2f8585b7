/* json_format.c - reading the formats of json_pack() and json_unpack()
 *
 * Both directions share the way through a format: the current character, a
 * look at the one behind it, and an error that names its place.  What a
 * character means is up to json_pack.c and json_unpack.c.
 *
 * What always holds:
 * - The end of the format is never passed: there, the current character is
 *   its NUL, however often the next one is asked for.
 * - Only the first failure is reported; later ones are its consequence.
 * - Line, column and position count from 1 and are those of the current
 *   character.  They are counted when a failure is reported.
 */
#include "json_format.h"

int json_format_init(struct json_format *f,
                     const char *fmt,
                     size_t flags,
                     va_list ap,
                     json_error_t *error)
{
    json_error_init(error, "");
    if (!fmt || !*fmt) {
        json_error_init(error, JSON_FORMAT_FORMAT);
        json_error_set(error, json_error_invalid_argument,
                       "NULL or empty format string");
        return -1;
    }
    f->start = f->at = f->token = fmt;
    f->flags = flags;
    f->error = error;
    f->failed = false;
    va_copy(f->ap, ap);
    return 0;
}

void json_format_end(struct json_format *f)
{
    va_end(f->ap);
}

static const char *skip_separators(const char *s)
{
    while (*s == ' ' || *s == '\t' || *s == '\n' || *s == ',' || *s == ':')
        s++;
    return s;
}

char json_format_next(struct json_format *f)
{
    f->token = skip_separators(f->at);
    f->at = *f->token ? f->token + 1 : f->token;
    return *f->token;
}

char json_format_peek(const struct json_format *f)
{
    return *skip_separators(f->at);
}

bool json_format_accept(struct json_format *f, char c)
{
    if (json_format_peek(f) != c)
        return false;
    json_format_next(f);
    return true;
}

int json_format_fail(struct json_format *f,
                     const char *source,
                     enum json_error_code code,
                     const char *fmt,
                     ...)
{
    char text[JSON_ERROR_TEXT_LENGTH];
    va_list ap;

    if (f->failed)
        return -1;
    f->failed = true;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    json_error_init(f->error, source);
    json_error_set(f->error, code, "%s", text);
    json_error_place(f->error, f->start, (size_t)(f->token - f->start));
    f->error->column++;
    f->error->position++;
    return -1;
}

int json_format_unexpected(struct json_format *f)
{
    if (!*f->token)
        return json_format_fail(f, JSON_FORMAT_FORMAT,
                                json_error_invalid_format,
                                "Unexpected end of format string");
    return json_format_fail(f, JSON_FORMAT_FORMAT, json_error_invalid_format,
                            "Unexpected format character '%c'", *f->token);
}

int json_format_garbage(struct json_format *f)
{
    if (!json_format_next(f))
        return 0;
    return json_format_fail(f, JSON_FORMAT_FORMAT, json_error_invalid_format,
                            "Garbage after format string");
}
