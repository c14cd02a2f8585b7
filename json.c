/* json.c - JSON values: memory, counting, strings, numbers, errors
 *
 * A value is one block of memory that starts with the json_t which callers
 * see; a string's bytes are in the same block.  Only containers need more.
 *
 * What always holds:
 * - A value that someone can see has a count of at least 1, or of (size_t)-1:
 *   true, false and null, which exist once and are never freed.
 * - Strings and keys are UTF-8 unless a function named _nocheck was told
 *   otherwise.  The checks here are strict: no overlong form, no surrogate,
 *   nothing past U+10FFFF.
 * - Real numbers are finite.
 *
 * Destroying a container never recurses.  A container whose count fell to 0
 * waits in a list until those before it are done; the link is kept in the
 * count, of which a dead value has no more use.  So a tree of any depth goes
 * in constant stack.
 *
 * json_set_alloc_funcs() is the only mutable state of the JSON files; jansson
 * asks that it be called before anything else, and so do we.
 */
#include "json_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

/* A dead value's count holds a pointer (see bury). */
typedef char
    json_count_holds_pointer[sizeof(size_t) >= sizeof(void *) ? 1 : -1];

#define IMMORTAL ((size_t)-1)

/* ---- memory ------------------------------------------------------------ */

static struct {
    json_malloc_t alloc;
    json_free_t release;
} memory = {malloc, free};

void json_set_alloc_funcs(json_malloc_t malloc_fn, json_free_t free_fn)
{
    memory.alloc = malloc_fn;
    memory.release = free_fn;
}

void json_get_alloc_funcs(json_malloc_t *malloc_fn, json_free_t *free_fn)
{
    if (malloc_fn)
        *malloc_fn = memory.alloc;
    if (free_fn)
        *free_fn = memory.release;
}

void *json_alloc(size_t size)
{
    return memory.alloc(size);
}

void json_release(void *data)
{
    memory.release(data);
}

bool json_alloc_is_default(void)
{
    return memory.alloc == malloc && memory.release == free;
}

/* ---- destruction ------------------------------------------------------- */

static void link_dead(json_t **dead, json_t *json)
{
    json->refcount = (size_t)(uintptr_t)*dead;
    *dead = json;
}

static json_t *take_dead(json_t **dead)
{
    json_t *json = *dead;

    *dead = (json_t *)(void *)(uintptr_t)json->refcount;
    return json;
}

/* The counterpart of the release by each thread that had a reference: what they
 * did with the value is over before it is freed.
 */
static void see_last_uses(const json_t *json)
{
#ifdef __GNUC__
    (void)__atomic_load_n(&json->refcount, __ATOMIC_ACQUIRE);
#else
    (void)json;
#endif
}

static void bury(json_t **dead, json_t *json)
{
    see_last_uses(json);
    switch (json->type) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        link_dead(dead, json);
        break;
    case JSON_STRING:
        if (JSON_STRING_OF(json)->value != JSON_STRING_OF(json)->own)
            json_release(JSON_STRING_OF(json)->value);
        json_release(json);
        break;
    case JSON_INTEGER:
    case JSON_REAL:
        json_release(json);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
    case JSON_NULL:
        break;
    }
}

static void drop_child(json_t **dead, json_t *child)
{
    if (child->refcount != IMMORTAL && JSON_INTERNAL_DECREF(child) == 0)
        bury(dead, child);
}

static void free_object(json_t **dead, struct json_object *object)
{
    json_t *child;
    size_t pos = 0;

    while ((child = table_next(&object->members, &pos, NULL, NULL)))
        drop_child(dead, child);
    table_forget(&object->members);
    json_release(object);
}

static void free_array(json_t **dead, struct json_array *array)
{
    for (size_t i = 0; i < array->size; i++)
        drop_child(dead, array->items[i]);
    free(array->items);
    json_release(array);
}

void json_delete(json_t *json)
{
    json_t *dead = NULL;
    int saved = errno;

    if (!json)
        return;
    bury(&dead, json);
    while (dead) {
        json_t *next = take_dead(&dead);

        if (next->type == JSON_OBJECT)
            free_object(&dead, JSON_OBJECT_OF(next));
        else
            free_array(&dead, JSON_ARRAY_OF(next));
    }
    errno = saved;
}

/* ---- true, false, null ------------------------------------------------- */

json_t *json_true(void)
{
    static json_t the_true = {JSON_TRUE, IMMORTAL};

    return &the_true;
}

json_t *json_false(void)
{
    static json_t the_false = {JSON_FALSE, IMMORTAL};

    return &the_false;
}

json_t *json_null(void)
{
    static json_t the_null = {JSON_NULL, IMMORTAL};

    return &the_null;
}

/* ---- strings ----------------------------------------------------------- */

json_t *json_stringn_nocheck(const char *value, size_t len)
{
    struct json_string *s;

    if (!value || len >= SIZE_MAX - sizeof(*s))
        return NULL;
    if (!(s = json_alloc(sizeof(*s) + len + 1)))
        return NULL;
    s->json = (json_t){JSON_STRING, 1};
    s->length = len;
    s->value = s->own;
    memcpy(s->own, value, len);
    s->own[len] = '\0';
    return &s->json;
}

json_t *json_string_nocheck(const char *value)
{
    return value ? json_stringn_nocheck(value, strlen(value)) : NULL;
}

json_t *json_stringn(const char *value, size_t len)
{
    if (!value || !json_utf8_valid(value, len))
        return NULL;
    return json_stringn_nocheck(value, len);
}

json_t *json_string(const char *value)
{
    return value ? json_stringn(value, strlen(value)) : NULL;
}

const char *json_string_value(const json_t *string)
{
    return json_is_string(string) ? JSON_STRING_OF(string)->value : NULL;
}

size_t json_string_length(const json_t *string)
{
    return json_is_string(string) ? JSON_STRING_OF(string)->length : 0;
}

int json_string_setn_nocheck(json_t *string, const char *value, size_t len)
{
    struct json_string *s = JSON_STRING_OF(string);
    char *copy;

    if (!json_is_string(string) || !value || len == SIZE_MAX)
        return -1;
    if (!(copy = json_alloc(len + 1)))
        return -1;
    memcpy(copy, value, len);
    copy[len] = '\0';
    if (s->value != s->own)
        json_release(s->value);
    s->value = copy;
    s->length = len;
    return 0;
}

int json_string_set_nocheck(json_t *string, const char *value)
{
    return value ? json_string_setn_nocheck(string, value, strlen(value)) : -1;
}

int json_string_setn(json_t *string, const char *value, size_t len)
{
    if (!value || !json_utf8_valid(value, len))
        return -1;
    return json_string_setn_nocheck(string, value, len);
}

int json_string_set(json_t *string, const char *value)
{
    return value ? json_string_setn(string, value, strlen(value)) : -1;
}

json_t *json_vsprintf(const char *fmt, va_list ap)
{
    json_t *json = NULL;
    char *text;
    va_list again;
    int len;

    va_copy(again, ap);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (len < 0 || !(text = malloc((size_t)len + 1)))
        return NULL;
    if (vsnprintf(text, (size_t)len + 1, fmt, ap) == len)
        json = json_stringn(text, (size_t)len);
    free(text);
    return json;
}

json_t *json_sprintf(const char *fmt, ...)
{
    json_t *json;
    va_list ap;

    va_start(ap, fmt);
    json = json_vsprintf(fmt, ap);
    va_end(ap);
    return json;
}

/* ---- numbers ----------------------------------------------------------- */

json_t *json_integer(json_int_t value)
{
    struct json_integer *n = json_alloc(sizeof(*n));

    if (!n)
        return NULL;
    n->json = (json_t){JSON_INTEGER, 1};
    n->value = value;
    return &n->json;
}

json_int_t json_integer_value(const json_t *integer)
{
    return json_is_integer(integer) ? JSON_INTEGER_OF(integer)->value : 0;
}

int json_integer_set(json_t *integer, json_int_t value)
{
    if (!json_is_integer(integer))
        return -1;
    JSON_INTEGER_OF(integer)->value = value;
    return 0;
}

json_t *json_real(double value)
{
    struct json_real *n;

    if (!isfinite(value) || !(n = json_alloc(sizeof(*n))))
        return NULL;
    n->json = (json_t){JSON_REAL, 1};
    n->value = value;
    return &n->json;
}

double json_real_value(const json_t *real)
{
    return json_is_real(real) ? JSON_REAL_OF(real)->value : 0;
}

int json_real_set(json_t *real, double value)
{
    if (!json_is_real(real) || !isfinite(value))
        return -1;
    JSON_REAL_OF(real)->value = value;
    return 0;
}

double json_number_value(const json_t *json)
{
    if (json_is_integer(json))
        return (double)json_integer_value(json);
    return json_real_value(json);
}

/* ---- UTF-8 ------------------------------------------------------------- */

/* Sequence length by its first byte, and the range of the second byte that
 * keeps it from being overlong, a surrogate or past U+10FFFF.
 */
static size_t
utf8_lead(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    return c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

size_t json_utf8_length(const char *s, size_t n)
{
    const unsigned char *u = (const unsigned char *)s;
    unsigned char low, high;
    size_t len = n ? utf8_lead(u[0], &low, &high) : 0;

    if (len <= 1)
        return len;
    if (len > n || u[1] < low || u[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

bool json_utf8_valid(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n) {
        size_t len = plain_length(s + i, n - i);

        if (len == 0)
            len = json_utf8_length(s + i, n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

/* ---- errors ------------------------------------------------------------ */

static void set_source(json_error_t *e, const char *source)
{
    size_t len = strlen(source);

    if (len < sizeof(e->source)) {
        memcpy(e->source, source, len + 1);
        return;
    }
    memcpy(e->source, "...", 3);
    memcpy(e->source + 3, source + len - (sizeof(e->source) - 4),
           sizeof(e->source) - 3);
}

void json_error_init(json_error_t *e, const char *source)
{
    e->line = -1;
    e->column = -1;
    e->position = 0;
    e->text[0] = '\0';
    e->text[sizeof(e->text) - 1] = json_error_unknown;
    set_source(e, source);
}

void json_error_set(json_error_t *e,
                    enum json_error_code code,
                    const char *fmt,
                    ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text) - 1, fmt, ap);
    va_end(ap);
    e->text[sizeof(e->text) - 1] = (char)code;
}

void json_error_place(json_error_t *e, const char *text, size_t pos)
{
    e->line = 1;
    e->column = 0;
    e->position = (int)pos;
    for (size_t i = 0; i < pos; i++) {
        if (text[i] == '\n') {
            e->line++;
            e->column = 0;
        } else if (((unsigned char)text[i] & 0xc0) != 0x80) {
            e->column++;
        }
    }
}

/* ---- version ----------------------------------------------------------- */

const char *jansson_version_str(void)
{
    return JANSSON_VERSION;
}

int jansson_version_cmp(int major, int minor, int micro)
{
    if (major != JANSSON_MAJOR_VERSION)
        return JANSSON_MAJOR_VERSION - major;
    if (minor != JANSSON_MINOR_VERSION)
        return JANSSON_MINOR_VERSION - minor;
    return JANSSON_MICRO_VERSION - micro;
}
