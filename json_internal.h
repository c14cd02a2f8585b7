/* json_internal.h - what the json_*.c files share
 *
 * json.c         memory, counting and destruction, strings, numbers, errors
 * json_object.c  objects and arrays
 * json_copy.c    the walk over a tree; copies, equality, recursive update
 * json_load.c    reading text
 * json_dump.c    writing text
 * json_format.c  reading formats
 * json_pack.c    values from a format and arguments
 * json_unpack.c  and back
 *
 * Each struct below starts with the json_t that callers see.  Its type tells
 * which of them it is.
 */
#ifndef JSON_INTERNAL_H
#define JSON_INTERNAL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "plain.h"
#include "table.h"

struct json_object {
    json_t json;
    struct table members; /* of json_t, one reference each */
};

struct json_array {
    json_t json;
    size_t size;
    size_t capacity;
    json_t **items; /* from malloc(3) */
};

struct json_string {
    json_t json;
    size_t length;
    char *value; /* `own`, or of its own memory once it was set anew */
    char own[];
};

struct json_integer {
    json_t json;
    json_int_t value;
};

struct json_real {
    json_t json;
    double value;
};

#define JSON_OBJECT_OF(j) ((struct json_object *)(void *)(j))
#define JSON_ARRAY_OF(j) ((struct json_array *)(void *)(j))
#define JSON_STRING_OF(j) ((struct json_string *)(void *)(j))
#define JSON_INTEGER_OF(j) ((struct json_integer *)(void *)(j))
#define JSON_REAL_OF(j) ((struct json_real *)(void *)(j))

static inline bool json_is_container(const json_t *json)
{
    return json && (json->type == JSON_OBJECT || json->type == JSON_ARRAY);
}

/* Memory as json_set_alloc_funcs() has it. */
void *json_alloc(size_t size);
void json_release(void *data);
/* Whether memory from malloc(3) can be handed to callers. */
bool json_alloc_is_default(void);

/* Bytes of the valid UTF-8 sequence that `s` starts with, 0 if none. */
size_t json_utf8_length(const char *s, size_t n);
bool json_utf8_valid(const char *s, size_t n);

/* Start an error report.  A source that is too long keeps its end. */
void json_error_init(json_error_t *e, const char *source);
void json_error_set(json_error_t *e,
                    enum json_error_code code,
                    const char *fmt,
                    ...) JANSSON_ATTRS((format(printf, 3, 4)));
/* Count lines and columns up to `pos`. */
void json_error_place(json_error_t *e, const char *text, size_t pos);

/* ---- the walk (json_copy.c) -------------------------------------------- */

/* One container that is being visited.  What `peer` is depends on the walker;
 * the frame holds no reference.
 */
struct json_frame {
    const json_t *node;
    json_t *peer;
    struct table_entry **sorted; /* members in order of keys, or NULL */
    size_t pos;                  /* children seen, in table_next's terms */
};

/* The containers from the root to where the walk is.  An explicit stack: the
 * depth of a tree must not be what a thread's stack can bear.
 */
struct json_stack {
    struct json_frame *frames;
    size_t depth;
    size_t capacity;
    struct json_frame first[8]; /* `frames` while few are needed */
};

void json_stack_init(struct json_stack *s);
void json_stack_release(struct json_stack *s);
/* The new top, or NULL with ENOMEM, or ELOOP if `node` is being visited. */
struct json_frame *json_stack_push(struct json_stack *s, const json_t *node);
void json_stack_pop(struct json_stack *s);

/* The innermost; there must be one. */
static inline struct json_frame *json_stack_top(struct json_stack *s)
{
    return &s->frames[s->depth - 1];
}

/* The next child of a frame's node, or NULL; its key if it is an object. */
json_t *json_frame_next(struct json_frame *f, const char **key, size_t *len);

#endif /* JSON_INTERNAL_H */
