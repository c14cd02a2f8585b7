/* json_format.h - the formats of json_pack() and json_unpack()
 *
 * A format is read character by character; blanks, commas and colons between
 * them mean nothing.  Each character may take arguments.
 */
#ifndef JSON_FORMAT_H
#define JSON_FORMAT_H

#include "json_internal.h"

struct json_format {
    const char *start;
    const char *at;    /* behind the current character */
    const char *token; /* the current character; at the end the NUL */
    size_t flags;
    json_error_t *error; /* never NULL */
    bool failed;         /* the first failure is the one that is reported */
    va_list ap;
};

/* 0, or -1 if there is no format to speak of.  `ap` is copied. */
int json_format_init(struct json_format *f,
                     const char *fmt,
                     size_t flags,
                     va_list ap,
                     json_error_t *error);
void json_format_end(struct json_format *f);

char json_format_next(struct json_format *f);       /* step to the next */
char json_format_peek(const struct json_format *f); /* the one behind */
bool json_format_accept(struct json_format *f, char c);

/* Report a failure at the current character; -1. */
int json_format_fail(struct json_format *f,
                     const char *source,
                     enum json_error_code code,
                     const char *fmt,
                     ...) JANSSON_ATTRS((format(printf, 4, 5)));
int json_format_unexpected(struct json_format *f);
int json_format_garbage(struct json_format *f); /* 0 if nothing follows */

#define JSON_FORMAT_FORMAT "<format>"
#define JSON_FORMAT_ARGS "<args>"
#define JSON_FORMAT_VALIDATION "<validation>"
#define JSON_FORMAT_INTERNAL "<internal>"

#endif /* JSON_FORMAT_H */
