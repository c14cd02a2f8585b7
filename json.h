/* json.h - JSON values in memory, read and written; installed as jansson.h
 *
 * The interface is the one that jansson 2.14 publishes: names, types, flag
 * values and the layout of what callers see are the same, so that a module's
 * source compiles unchanged against either, and its compiled file runs with
 * either.  The manual at jansson.readthedocs.io gives the meaning of each
 * function; what is said here is what a reader of our sources needs.
 *
 * A value is counted.  Functions that return a new value hand one reference
 * to the caller.  A setter named _new takes the caller's reference, even when
 * it fails; one without _new takes none and holds its own.  Getters lend: the
 * container keeps the reference.  Counting is safe between threads, all else
 * is not.  true, false and null are never freed.
 *
 * Unless it says otherwise, a function returns 0 or a value on success, -1 or
 * NULL on failure, and treats a NULL or a value of another type as failure.
 * Strings are UTF-8 and are checked, except by those named _nocheck.  `len`
 * and `size` count bytes.  Objects keep the order in which keys were added.
 * The include guard is jansson's own, so that the two never meet.
 */
#ifndef JANSSON_H
#define JANSSON_H
#define JANSSON_CONFIG_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef __GNUC__
#pragma GCC visibility push(default)
#define JANSSON_ATTRS(x) __attribute__(x)
#else
#define JANSSON_ATTRS(x)
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ---- version and configuration ---------------------------------------- */

#define JANSSON_MAJOR_VERSION 2
#define JANSSON_MINOR_VERSION 14
#define JANSSON_MICRO_VERSION 0
#define JANSSON_VERSION "2.14"
#define JANSSON_VERSION_HEX                                         \
    ((JANSSON_MAJOR_VERSION << 16) | (JANSSON_MINOR_VERSION << 8) | \
     (JANSSON_MICRO_VERSION << 0))

#define JSON_INLINE inline
#define JSON_INTEGER_IS_LONG_LONG 1
#define JSON_HAVE_LOCALECONV 1
#ifdef __GNUC__
#define JSON_HAVE_ATOMIC_BUILTINS 1
#define JSON_HAVE_SYNC_BUILTINS 1
#define JANSSON_THREAD_SAFE_REFCOUNT 1
#else
#define JSON_HAVE_ATOMIC_BUILTINS 0
#define JSON_HAVE_SYNC_BUILTINS 0
#endif

/* Deeper input is refused, as it is by jansson.  */
#define JSON_PARSER_MAX_DEPTH 2048

const char *jansson_version_str(void);
/* Less than, equal to or greater than 0, as this version is to that one. */
int jansson_version_cmp(int major, int minor, int micro);

/* ---- types ------------------------------------------------------------- */

typedef enum {
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_STRING,
    JSON_INTEGER,
    JSON_REAL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NULL
} json_type;

typedef struct json_t {
    json_type type;
    volatile size_t refcount; /* (size_t)-1: never freed */
} json_t;

typedef long long json_int_t;
#define JSON_INTEGER_FORMAT "lld"

#define json_typeof(json) ((json)->type)
#define json_is_object(json) ((json) && json_typeof(json) == JSON_OBJECT)
#define json_is_array(json) ((json) && json_typeof(json) == JSON_ARRAY)
#define json_is_string(json) ((json) && json_typeof(json) == JSON_STRING)
#define json_is_integer(json) ((json) && json_typeof(json) == JSON_INTEGER)
#define json_is_real(json) ((json) && json_typeof(json) == JSON_REAL)
#define json_is_number(json) (json_is_integer(json) || json_is_real(json))
#define json_is_true(json) ((json) && json_typeof(json) == JSON_TRUE)
#define json_is_false(json) ((json) && json_typeof(json) == JSON_FALSE)
#define json_boolean_value json_is_true
#define json_is_boolean(json) (json_is_true(json) || json_is_false(json))
#define json_is_null(json) ((json) && json_typeof(json) == JSON_NULL)

/* ---- making, counting -------------------------------------------------- */

json_t *json_object(void);
json_t *json_array(void);
json_t *json_string(const char *value);
json_t *json_stringn(const char *value, size_t len);
json_t *json_string_nocheck(const char *value);
json_t *json_stringn_nocheck(const char *value, size_t len);
json_t *json_integer(json_int_t value);
json_t *json_real(double value); /* finite ones only */
json_t *json_true(void);
json_t *json_false(void);
#define json_boolean(val) ((val) ? json_true() : json_false())
json_t *json_null(void);

/* For the macros and functions of this header only. */
#ifdef __GNUC__
#define JSON_INTERNAL_INCREF(json) \
    __atomic_add_fetch(&(json)->refcount, 1, __ATOMIC_ACQUIRE)
#define JSON_INTERNAL_DECREF(json) \
    __atomic_sub_fetch(&(json)->refcount, 1, __ATOMIC_RELEASE)
#else
#define JSON_INTERNAL_INCREF(json) (++(json)->refcount)
#define JSON_INTERNAL_DECREF(json) (--(json)->refcount)
#endif
void json_delete(json_t *json);

static JSON_INLINE json_t *json_incref(json_t *json)
{
    if (json && json->refcount != (size_t)-1)
        JSON_INTERNAL_INCREF(json);
    return json;
}

static JSON_INLINE void json_decref(json_t *json)
{
    if (json && json->refcount != (size_t)-1 && JSON_INTERNAL_DECREF(json) == 0)
        json_delete(json);
}

#ifdef __GNUC__
static JSON_INLINE void json_decrefp(json_t **json)
{
    if (json) {
        json_decref(*json);
        *json = NULL;
    }
}
/* A variable that drops its reference at the end of its scope. */
#define json_auto_t json_t __attribute__((cleanup(json_decrefp)))
#endif

/* ---- errors ------------------------------------------------------------ */

#define JSON_ERROR_TEXT_LENGTH 160
#define JSON_ERROR_SOURCE_LENGTH 80

typedef struct json_error_t {
    int line;     /* from 1; -1: does not apply */
    int column;   /* in characters */
    int position; /* in bytes from the start of the input */
    char source[JSON_ERROR_SOURCE_LENGTH];
    char text[JSON_ERROR_TEXT_LENGTH]; /* the last byte holds the code */
} json_error_t;

enum json_error_code {
    json_error_unknown,
    json_error_out_of_memory,
    json_error_stack_overflow,
    json_error_cannot_open_file,
    json_error_invalid_argument,
    json_error_invalid_utf8,
    json_error_premature_end_of_input,
    json_error_end_of_input_expected,
    json_error_invalid_syntax,
    json_error_invalid_format,
    json_error_wrong_type,
    json_error_null_character,
    json_error_null_value,
    json_error_null_byte_in_key,
    json_error_duplicate_key,
    json_error_numeric_overflow,
    json_error_item_not_found,
    json_error_index_out_of_range
};

static JSON_INLINE enum json_error_code json_error_code(const json_error_t *e)
{
    return (enum json_error_code)e->text[JSON_ERROR_TEXT_LENGTH - 1];
}

/* ---- objects ----------------------------------------------------------- */

/* Seed of the hash of large objects; 0 asks for a random one, which is also
 * what is used when this is never called.  Only the first call counts.
 */
void json_object_seed(size_t seed);

size_t json_object_size(const json_t *object);
json_t *json_object_get(const json_t *object, const char *key)
    JANSSON_ATTRS((warn_unused_result));
json_t *json_object_getn(const json_t *object, const char *key, size_t len)
    JANSSON_ATTRS((warn_unused_result));
int json_object_set_new(json_t *object, const char *key, json_t *value);
int json_object_setn_new(json_t *object,
                         const char *key,
                         size_t len,
                         json_t *value);
int json_object_set_new_nocheck(json_t *object, const char *key, json_t *value);
int json_object_setn_new_nocheck(json_t *object,
                                 const char *key,
                                 size_t len,
                                 json_t *value);
int json_object_del(json_t *object, const char *key);
int json_object_deln(json_t *object, const char *key, size_t len);
int json_object_clear(json_t *object);
int json_object_update(json_t *object, json_t *other);
int json_object_update_existing(json_t *object, json_t *other);
int json_object_update_missing(json_t *object, json_t *other);
int json_object_update_recursive(json_t *object, json_t *other);

/* An iterator lives as long as its entry; replacing the value keeps both. */
void *json_object_iter(json_t *object);
void *json_object_iter_at(json_t *object, const char *key);
void *json_object_key_to_iter(const char *key); /* a key got from iter_key */
void *json_object_iter_next(json_t *object, void *iter);
const char *json_object_iter_key(void *iter);
size_t json_object_iter_key_len(void *iter);
json_t *json_object_iter_value(void *iter);
int json_object_iter_set_new(json_t *object, void *iter, json_t *value);

#define JSON_INTERNAL_KEY_AFTER(object, key) \
    json_object_iter_key(                    \
        json_object_iter_next((object), json_object_key_to_iter(key)))

#define json_object_foreach(object, key, value)                          \
    for (key = json_object_iter_key(json_object_iter(object));           \
         key &&                                                          \
         (value = json_object_iter_value(json_object_key_to_iter(key))); \
         key = JSON_INTERNAL_KEY_AFTER(object, key))

#define json_object_keylen_foreach(object, key, len, value)              \
    for (key = json_object_iter_key(json_object_iter(object)),           \
        len = json_object_iter_key_len(json_object_key_to_iter(key));    \
         key &&                                                          \
         (value = json_object_iter_value(json_object_key_to_iter(key))); \
         key = JSON_INTERNAL_KEY_AFTER(object, key),                     \
        len = json_object_iter_key_len(json_object_key_to_iter(key)))

/* The entry may be deleted in the body; `n` is a void pointer. */
#define json_object_foreach_safe(object, n, key, value)                  \
    for (key = json_object_iter_key(json_object_iter(object)),           \
        n = json_object_iter_next(object, json_object_key_to_iter(key)); \
         key &&                                                          \
         (value = json_object_iter_value(json_object_key_to_iter(key))); \
         key = json_object_iter_key(n),                                  \
        n = json_object_iter_next(object, json_object_key_to_iter(key)))

#define json_object_keylen_foreach_safe(object, n, key, len, value)        \
    for (key = json_object_iter_key(json_object_iter(object)),             \
        n = json_object_iter_next(object, json_object_key_to_iter(key)),   \
        len = json_object_iter_key_len(json_object_key_to_iter(key));      \
         key &&                                                            \
         (value = json_object_iter_value(json_object_key_to_iter(key)));   \
         key = json_object_iter_key(n), len = json_object_iter_key_len(n), \
        n = json_object_iter_next(object, json_object_key_to_iter(key)))

static JSON_INLINE int
json_object_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, json_incref(value));
}

static JSON_INLINE int
json_object_setn(json_t *object, const char *key, size_t len, json_t *value)
{
    return json_object_setn_new(object, key, len, json_incref(value));
}

static JSON_INLINE int
json_object_set_nocheck(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new_nocheck(object, key, json_incref(value));
}

static JSON_INLINE int json_object_setn_nocheck(json_t *object,
                                                const char *key,
                                                size_t len,
                                                json_t *value)
{
    return json_object_setn_new_nocheck(object, key, len, json_incref(value));
}

static JSON_INLINE int
json_object_iter_set(json_t *object, void *iter, json_t *value)
{
    return json_object_iter_set_new(object, iter, json_incref(value));
}

static JSON_INLINE int json_object_update_new(json_t *object, json_t *other)
{
    int rc = json_object_update(object, other);
    json_decref(other);
    return rc;
}

static JSON_INLINE int json_object_update_existing_new(json_t *object,
                                                       json_t *other)
{
    int rc = json_object_update_existing(object, other);
    json_decref(other);
    return rc;
}

static JSON_INLINE int json_object_update_missing_new(json_t *object,
                                                      json_t *other)
{
    int rc = json_object_update_missing(object, other);
    json_decref(other);
    return rc;
}

/* ---- arrays ------------------------------------------------------------ */

size_t json_array_size(const json_t *array);
json_t *json_array_get(const json_t *array, size_t index)
    JANSSON_ATTRS((warn_unused_result));
int json_array_set_new(json_t *array, size_t index, json_t *value);
int json_array_append_new(json_t *array, json_t *value);
int json_array_insert_new(json_t *array, size_t index, json_t *value);
int json_array_remove(json_t *array, size_t index);
int json_array_clear(json_t *array);
int json_array_extend(json_t *array, json_t *other);

#define json_array_foreach(array, index, value)             \
    for (index = 0; index < json_array_size(array) &&       \
                    (value = json_array_get(array, index)); \
         index++)

static JSON_INLINE int json_array_set(json_t *array, size_t ind, json_t *value)
{
    return json_array_set_new(array, ind, json_incref(value));
}

static JSON_INLINE int json_array_append(json_t *array, json_t *value)
{
    return json_array_append_new(array, json_incref(value));
}

static JSON_INLINE int
json_array_insert(json_t *array, size_t ind, json_t *value)
{
    return json_array_insert_new(array, ind, json_incref(value));
}

/* ---- strings and numbers ----------------------------------------------- */

/* "" never comes for another type: NULL does, and 0 for numbers. */
const char *json_string_value(const json_t *string);
size_t json_string_length(const json_t *string);
json_int_t json_integer_value(const json_t *integer);
double json_real_value(const json_t *real);
double json_number_value(const json_t *json);

int json_string_set(json_t *string, const char *value);
int json_string_setn(json_t *string, const char *value, size_t len);
int json_string_set_nocheck(json_t *string, const char *value);
int json_string_setn_nocheck(json_t *string, const char *value, size_t len);
int json_integer_set(json_t *integer, json_int_t value);
int json_real_set(json_t *real, double value);

/* A string made as by printf; NULL if the outcome is not UTF-8. */
json_t *json_sprintf(const char *fmt, ...)
    JANSSON_ATTRS((warn_unused_result, format(printf, 1, 2)));
json_t *json_vsprintf(const char *fmt, va_list ap)
    JANSSON_ATTRS((warn_unused_result, format(printf, 1, 0)));

/* ---- packing, comparing, copying --------------------------------------- */

#define JSON_VALIDATE_ONLY 0x1
#define JSON_STRICT 0x2

json_t *json_pack(const char *fmt, ...) JANSSON_ATTRS((warn_unused_result));
json_t *json_pack_ex(json_error_t *error, size_t flags, const char *fmt, ...)
    JANSSON_ATTRS((warn_unused_result));
json_t *
json_vpack_ex(json_error_t *error, size_t flags, const char *fmt, va_list ap)
    JANSSON_ATTRS((warn_unused_result));

int json_unpack(json_t *root, const char *fmt, ...);
int json_unpack_ex(
    json_t *root, json_error_t *error, size_t flags, const char *fmt, ...);
int json_vunpack_ex(json_t *root,
                    json_error_t *error,
                    size_t flags,
                    const char *fmt,
                    va_list ap);

int json_equal(const json_t *value1, const json_t *value2); /* 1 or 0 */
json_t *json_copy(json_t *value) JANSSON_ATTRS((warn_unused_result));
json_t *json_deep_copy(const json_t *value) JANSSON_ATTRS((warn_unused_result));

/* ---- reading ----------------------------------------------------------- */

#define JSON_REJECT_DUPLICATES 0x1
#define JSON_DISABLE_EOF_CHECK 0x2
#define JSON_DECODE_ANY 0x4
#define JSON_DECODE_INT_AS_REAL 0x8
#define JSON_ALLOW_NUL 0x10

/* Fill `buffer`; return the bytes put there, 0 at the end, (size_t)-1. */
typedef size_t (*json_load_callback_t)(void *buffer, size_t buflen, void *data);

json_t *json_loads(const char *input, size_t flags, json_error_t *error)
    JANSSON_ATTRS((warn_unused_result));
json_t *
json_loadb(const char *buffer, size_t buflen, size_t flags, json_error_t *error)
    JANSSON_ATTRS((warn_unused_result));
json_t *json_loadf(FILE *input, size_t flags, json_error_t *error)
    JANSSON_ATTRS((warn_unused_result));
json_t *json_loadfd(int input, size_t flags, json_error_t *error)
    JANSSON_ATTRS((warn_unused_result));
json_t *json_load_file(const char *path, size_t flags, json_error_t *error)
    JANSSON_ATTRS((warn_unused_result));
json_t *json_load_callback(json_load_callback_t callback,
                           void *data,
                           size_t flags,
                           json_error_t *error)
    JANSSON_ATTRS((warn_unused_result));

/* ---- writing ----------------------------------------------------------- */

#define JSON_MAX_INDENT 0x1F
#define JSON_INDENT(n) ((n)&JSON_MAX_INDENT)
#define JSON_COMPACT 0x20
#define JSON_ENSURE_ASCII 0x40
#define JSON_SORT_KEYS 0x80
#define JSON_PRESERVE_ORDER 0x100 /* always so */
#define JSON_ENCODE_ANY 0x200
#define JSON_ESCAPE_SLASH 0x400
#define JSON_REAL_PRECISION(n) (((n)&0x1F) << 11)
#define JSON_EMBED 0x10000

typedef int (*json_dump_callback_t)(const char *buffer,
                                    size_t size,
                                    void *data);

/* The caller frees the string. */
char *json_dumps(const json_t *json, size_t flags)
    JANSSON_ATTRS((warn_unused_result));
/* The size of the text, without a NUL, which may be more than `size`: then
 * what is in the buffer is of no use.  0: failed.
 */
size_t json_dumpb(const json_t *json, char *buffer, size_t size, size_t flags);
int json_dumpf(const json_t *json, FILE *output, size_t flags);
int json_dumpfd(const json_t *json, int output, size_t flags);
int json_dump_file(const json_t *json, const char *path, size_t flags);
int json_dump_callback(const json_t *json,
                       json_dump_callback_t callback,
                       void *data,
                       size_t flags);

/* ---- memory ------------------------------------------------------------ */

typedef void *(*json_malloc_t)(size_t);
typedef void (*json_free_t)(void *);

/* Before anything else of this header, if at all.  They serve values and the
 * strings handed to callers; tables and work space come from malloc(3).
 */
void json_set_alloc_funcs(json_malloc_t malloc_fn, json_free_t free_fn);
void json_get_alloc_funcs(json_malloc_t *malloc_fn, json_free_t *free_fn);

#ifdef __cplusplus
}
#endif

#ifdef __GNUC__
#pragma GCC visibility pop
#endif

#endif /* JANSSON_H */
