/* json_object.c - JSON objects and arrays
 *
 * An object is a table (table.h) of values: members keep the order in which
 * they were added, and setting a key again keeps its place.  An array is a
 * row of values that doubles when it is full.
 *
 * What always holds:
 * - A container has one reference to each of its values, and none is NULL.
 * - A container is never its own direct member.  Longer cycles are not looked
 *   for here: the functions that walk a tree refuse them.
 * - A setter named _new has taken the caller's reference when it returns,
 *   also when it failed.
 * - A replaced or removed value is let go of last, when the container is
 *   whole again.
 *
 * An iterator is the table's entry.  Entries do not move, and a key is part
 * of its entry, so that json_object_key_to_iter() is a subtraction.
 */
#include "json_internal.h"

#include <string.h>

enum { ARRAY_FIRST = 4 };

static struct table *members_of(const json_t *json)
{
    return json_is_object(json) ? &JSON_OBJECT_OF(json)->members : NULL;
}

static struct json_array *array_of(const json_t *json)
{
    return json_is_array(json) ? JSON_ARRAY_OF(json) : NULL;
}

/* ---- objects ----------------------------------------------------------- */

static void drop_value(void *value)
{
    json_decref(value);
}

json_t *json_object(void)
{
    struct json_object *object = json_alloc(sizeof(*object));

    if (!object)
        return NULL;
    object->json = (json_t){JSON_OBJECT, 1};
    table_init(&object->members, drop_value);
    return &object->json;
}

void json_object_seed(size_t seed)
{
    table_seed(seed);
}

size_t json_object_size(const json_t *object)
{
    struct table *t = members_of(object);

    return t ? table_count(t) : 0;
}

json_t *json_object_getn(const json_t *object, const char *key, size_t len)
{
    struct table *t = members_of(object);

    return t && key ? table_getn(t, key, len) : NULL;
}

json_t *json_object_get(const json_t *object, const char *key)
{
    return key ? json_object_getn(object, key, strlen(key)) : NULL;
}

int json_object_setn_new_nocheck(json_t *object,
                                 const char *key,
                                 size_t len,
                                 json_t *value)
{
    struct table *t = members_of(object);

    if (!t || !key || !value || value == object ||
        table_setn(t, key, len, value) < 0) {
        json_decref(value);
        return -1;
    }
    return 0;
}

int json_object_set_new_nocheck(json_t *object, const char *key, json_t *value)
{
    return json_object_setn_new_nocheck(object, key, key ? strlen(key) : 0,
                                        value);
}

int json_object_setn_new(json_t *object,
                         const char *key,
                         size_t len,
                         json_t *value)
{
    if (key && !json_utf8_valid(key, len)) {
        json_decref(value);
        return -1;
    }
    return json_object_setn_new_nocheck(object, key, len, value);
}

int json_object_set_new(json_t *object, const char *key, json_t *value)
{
    return json_object_setn_new(object, key, key ? strlen(key) : 0, value);
}

int json_object_deln(json_t *object, const char *key, size_t len)
{
    struct table *t = members_of(object);

    return t && key ? table_removen(t, key, len) : -1;
}

int json_object_del(json_t *object, const char *key)
{
    return key ? json_object_deln(object, key, strlen(key)) : -1;
}

int json_object_clear(json_t *object)
{
    struct table *t = members_of(object);

    if (!t)
        return -1;
    table_clear(t);
    return 0;
}

/* ---- update ------------------------------------------------------------ */

enum update { UPDATE_ALL, UPDATE_EXISTING, UPDATE_MISSING };

static bool
is_wanted(const json_t *object, const char *key, size_t len, enum update what)
{
    if (what == UPDATE_ALL)
        return true;
    return (json_object_getn(object, key, len) != NULL) ==
           (what == UPDATE_EXISTING);
}

static int update(json_t *object, json_t *other, enum update what)
{
    struct table *t = members_of(other);
    const char *key;
    json_t *value;
    size_t pos = 0;
    size_t len;

    if (!json_is_object(object) || !t)
        return -1;
    while ((value = table_next(t, &pos, &key, &len))) {
        if (is_wanted(object, key, len, what) &&
            json_object_setn_nocheck(object, key, len, value) < 0)
            return -1;
    }
    return 0;
}

int json_object_update(json_t *object, json_t *other)
{
    return update(object, other, UPDATE_ALL);
}

int json_object_update_existing(json_t *object, json_t *other)
{
    return update(object, other, UPDATE_EXISTING);
}

int json_object_update_missing(json_t *object, json_t *other)
{
    return update(object, other, UPDATE_MISSING);
}

/* ---- iterators --------------------------------------------------------- */

void *json_object_iter(json_t *object)
{
    struct table *t = members_of(object);

    return t ? table_after(t, NULL) : NULL;
}

void *json_object_iter_at(json_t *object, const char *key)
{
    struct table *t = members_of(object);

    return t && key ? table_find(t, key, strlen(key)) : NULL;
}

void *json_object_iter_next(json_t *object, void *iter)
{
    struct table *t = members_of(object);

    return t && iter ? table_after(t, iter) : NULL;
}

void *json_object_key_to_iter(const char *key)
{
    if (!key)
        return NULL;
    return (void *)(uintptr_t)(key - offsetof(struct table_entry, key));
}

const char *json_object_iter_key(void *iter)
{
    return iter ? ((struct table_entry *)iter)->key : NULL;
}

size_t json_object_iter_key_len(void *iter)
{
    return iter ? ((struct table_entry *)iter)->len : 0;
}

json_t *json_object_iter_value(void *iter)
{
    return iter ? ((struct table_entry *)iter)->value : NULL;
}

int json_object_iter_set_new(json_t *object, void *iter, json_t *value)
{
    struct table_entry *e = iter;
    json_t *old;

    if (!json_is_object(object) || !e || !value || value == object) {
        json_decref(value);
        return -1;
    }
    old = e->value;
    e->value = value;
    json_decref(old);
    return 0;
}

/* ---- arrays ------------------------------------------------------------ */

json_t *json_array(void)
{
    struct json_array *array = json_alloc(sizeof(*array));

    if (!array)
        return NULL;
    *array = (struct json_array){.json = {JSON_ARRAY, 1}};
    return &array->json;
}

size_t json_array_size(const json_t *array)
{
    struct json_array *a = array_of(array);

    return a ? a->size : 0;
}

json_t *json_array_get(const json_t *array, size_t at)
{
    struct json_array *a = array_of(array);

    return a && at < a->size ? a->items[at] : NULL;
}

static int array_grow(struct json_array *a, size_t more)
{
    size_t capacity = a->capacity ? a->capacity : ARRAY_FIRST;
    json_t **items;

    if (more <= a->capacity - a->size)
        return 0;
    if (more > SIZE_MAX / sizeof(*items) / 4 - a->size)
        return -1;
    while (capacity < a->size + more)
        capacity *= 2;
    if (!(items = realloc(a->items, capacity * sizeof(*items))))
        return -1;
    a->items = items;
    a->capacity = capacity;
    return 0;
}

int json_array_set_new(json_t *array, size_t at, json_t *value)
{
    struct json_array *a = array_of(array);
    json_t *old;

    if (!a || !value || value == array || at >= a->size) {
        json_decref(value);
        return -1;
    }
    old = a->items[at];
    a->items[at] = value;
    json_decref(old);
    return 0;
}

int json_array_insert_new(json_t *array, size_t at, json_t *value)
{
    struct json_array *a = array_of(array);

    if (!a || !value || value == array || at > a->size ||
        array_grow(a, 1) < 0) {
        json_decref(value);
        return -1;
    }
    memmove(a->items + at + 1, a->items + at,
            (a->size - at) * sizeof(*a->items));
    a->items[at] = value;
    a->size++;
    return 0;
}

int json_array_append_new(json_t *array, json_t *value)
{
    return json_array_insert_new(array, json_array_size(array), value);
}

int json_array_remove(json_t *array, size_t at)
{
    struct json_array *a = array_of(array);
    json_t *old;

    if (!a || at >= a->size)
        return -1;
    old = a->items[at];
    a->size--;
    memmove(a->items + at, a->items + at + 1,
            (a->size - at) * sizeof(*a->items));
    json_decref(old);
    return 0;
}

int json_array_clear(json_t *array)
{
    struct json_array *a = array_of(array);
    struct json_array old;

    if (!a)
        return -1;
    old = *a;
    a->size = a->capacity = 0;
    a->items = NULL;
    for (size_t i = 0; i < old.size; i++)
        json_decref(old.items[i]);
    free(old.items);
    return 0;
}

int json_array_extend(json_t *array, json_t *other)
{
    struct json_array *a = array_of(array);
    struct json_array *b = array_of(other);
    size_t n;

    if (!a || !b || array_grow(a, b->size) < 0)
        return -1;
    n = b->size;
    for (size_t i = 0; i < n; i++)
        a->items[a->size++] = json_incref(b->items[i]);
    return 0;
}
