/* json_copy.c - the walk over a tree of values; copy, equality, merge
 *
 * Values come from clients, and a program may build trees of any depth, or
 * by mistake one that contains itself.  So everything that goes through a
 * tree does it with the explicit stack of this file, in loops, and never by
 * recursion: memory runs out with an error, a thread's stack does not.
 *
 * What always holds:
 * - The stack is the path from the root to the container being visited.  A
 *   container that is pushed while it is on the path closes a cycle: ELOOP.
 * - json_frame_next() goes on where it was, even if members are removed or
 *   replaced meanwhile.
 * - Up to eight levels cost no memory beyond the caller's frame.
 *
 * The path is searched in full at each push.  It is short in all real data,
 * and 2048 at most in what was parsed.
 */
#include "json_internal.h"

#include <errno.h>
#include <string.h>

/* ---- the walk ---------------------------------------------------------- */

void json_stack_init(struct json_stack *s)
{
    s->frames = s->first;
    s->depth = 0;
    s->capacity = sizeof(s->first) / sizeof(s->first[0]);
}

void json_stack_pop(struct json_stack *s)
{
    free(s->frames[--s->depth].sorted);
}

void json_stack_release(struct json_stack *s)
{
    int saved = errno;

    while (s->depth)
        json_stack_pop(s);
    if (s->frames != s->first)
        free(s->frames);
    errno = saved;
}

static int stack_grow(struct json_stack *s)
{
    bool first = s->frames == s->first;
    size_t capacity = s->capacity * 2;
    struct json_frame *frames;

    if (capacity > SIZE_MAX / sizeof(*frames)) {
        errno = ENOMEM;
        return -1;
    }
    frames = realloc(first ? NULL : s->frames, capacity * sizeof(*frames));
    if (!frames)
        return -1;
    if (first)
        memcpy(frames, s->first, sizeof(s->first));
    s->frames = frames;
    s->capacity = capacity;
    return 0;
}

struct json_frame *json_stack_push(struct json_stack *s, const json_t *node)
{
    struct json_frame *f;

    for (size_t i = 0; i < s->depth; i++) {
        if (s->frames[i].node == node) {
            errno = ELOOP;
            return NULL;
        }
    }
    if (s->depth == s->capacity && stack_grow(s) < 0)
        return NULL;
    f = &s->frames[s->depth++];
    *f = (struct json_frame){.node = node};
    return f;
}

json_t *json_frame_next(struct json_frame *f, const char **key, size_t *len)
{
    if (f->node->type == JSON_OBJECT)
        return table_next(&JSON_OBJECT_OF(f->node)->members, &f->pos, key, len);
    return json_array_get(f->node, f->pos++);
}

/* ---- copy -------------------------------------------------------------- */

static json_t *copy_scalar(const json_t *json)
{
    switch (json->type) {
    case JSON_STRING:
        return json_stringn_nocheck(json_string_value(json),
                                    json_string_length(json));
    case JSON_INTEGER:
        return json_integer(json_integer_value(json));
    case JSON_REAL:
        return json_real(json_real_value(json));
    case JSON_TRUE:
        return json_true();
    case JSON_FALSE:
        return json_false();
    default:
        return json_null();
    }
}

static json_t *container_like(const json_t *json)
{
    return json->type == JSON_OBJECT ? json_object() : json_array();
}

static int attach(json_t *to, const char *key, size_t len, json_t *value)
{
    if (to->type == JSON_OBJECT)
        return json_object_setn_new_nocheck(to, key, len, value);
    return json_array_append_new(to, value);
}

json_t *json_copy(json_t *json)
{
    json_t *copy;
    int rc;

    if (!json)
        return NULL;
    if (!json_is_container(json))
        return copy_scalar(json);
    if (!(copy = container_like(json)))
        return NULL;
    if (json->type == JSON_OBJECT)
        rc = json_object_update(copy, json);
    else
        rc = json_array_extend(copy, json);
    if (rc < 0) {
        json_decref(copy);
        return NULL;
    }
    return copy;
}

/* Copy the next child of the top frame, or leave the frame. */
static int deep_copy_step(struct json_stack *s)
{
    struct json_frame *f = json_stack_top(s);
    json_t *peer = f->peer;
    const char *key = NULL;
    size_t len = 0;
    json_t *child = json_frame_next(f, &key, &len);
    json_t *copy;

    if (!child) {
        json_stack_pop(s);
        return 0;
    }
    if (!json_is_container(child))
        return attach(peer, key, len, copy_scalar(child));
    if (!(copy = container_like(child)) || attach(peer, key, len, copy) < 0)
        return -1;
    if (!(f = json_stack_push(s, child)))
        return -1;
    f->peer = copy;
    return 0;
}

json_t *json_deep_copy(const json_t *json)
{
    struct json_stack s;
    struct json_frame *f;
    json_t *copy;

    if (!json)
        return NULL;
    if (!json_is_container(json))
        return copy_scalar(json);
    json_stack_init(&s);
    f = json_stack_push(&s, json);
    if (!(copy = f->peer = container_like(json)))
        return NULL;
    while (copy && s.depth) {
        if (deep_copy_step(&s) < 0) {
            json_decref(copy);
            copy = NULL;
        }
    }
    json_stack_release(&s);
    return copy;
}

/* ---- equality ---------------------------------------------------------- */

static bool strings_equal(const json_t *a, const json_t *b)
{
    size_t len = json_string_length(a);

    return len == json_string_length(b) &&
           memcmp(json_string_value(a), json_string_value(b), len) == 0;
}

/* Containers are equal here if they have as many members. */
static bool surfaces_equal(const json_t *a, const json_t *b)
{
    if (!a || !b || a->type != b->type)
        return false;
    switch (a->type) {
    case JSON_OBJECT:
        return json_object_size(a) == json_object_size(b);
    case JSON_ARRAY:
        return json_array_size(a) == json_array_size(b);
    case JSON_STRING:
        return strings_equal(a, b);
    case JSON_INTEGER:
        return json_integer_value(a) == json_integer_value(b);
    case JSON_REAL:
        return json_real_value(a) == json_real_value(b);
    default:
        return true;
    }
}

static json_t *counterpart(struct json_frame *f, const char *key, size_t len)
{
    if (f->peer->type == JSON_OBJECT)
        return json_object_getn(f->peer, key, len);
    return json_array_get(f->peer, f->pos - 1);
}

static bool equal_push(struct json_stack *s, const json_t *a, json_t *b)
{
    struct json_frame *f;

    if (a == b)
        return true;
    if (!surfaces_equal(a, b))
        return false;
    if (!json_is_container(a))
        return true;
    if (!(f = json_stack_push(s, a)))
        return false;
    f->peer = b;
    return true;
}

static bool equal_step(struct json_stack *s)
{
    struct json_frame *f = json_stack_top(s);
    const char *key = NULL;
    size_t len = 0;
    json_t *child = json_frame_next(f, &key, &len);

    if (child)
        return equal_push(s, child, counterpart(f, key, len));
    json_stack_pop(s);
    return true;
}

int json_equal(const json_t *value1, const json_t *value2)
{
    struct json_stack s;
    bool equal;

    if (!value1 || !value2)
        return 0;
    json_stack_init(&s);
    equal = equal_push(&s, value1, (json_t *)(uintptr_t)value2);
    while (equal && s.depth)
        equal = equal_step(&s);
    json_stack_release(&s);
    return equal;
}

/* ---- recursive update -------------------------------------------------- */

static int update_step(struct json_stack *s)
{
    struct json_frame *f = json_stack_top(s);
    const char *key = NULL;
    size_t len = 0;
    json_t *theirs = json_frame_next(f, &key, &len);
    json_t *ours;

    if (!theirs) {
        json_stack_pop(s);
        return 0;
    }
    ours = json_object_getn(f->peer, key, len);
    if (!json_is_object(ours) || !json_is_object(theirs))
        return json_object_setn_nocheck(f->peer, key, len, theirs);
    if (!(f = json_stack_push(s, theirs)))
        return -1;
    f->peer = ours;
    return 0;
}

int json_object_update_recursive(json_t *object, json_t *other)
{
    struct json_stack s;
    int rc = 0;

    if (!json_is_object(object) || !json_is_object(other))
        return -1;
    json_stack_init(&s);
    json_stack_push(&s, other)->peer = object;
    while (rc == 0 && s.depth)
        rc = update_step(&s);
    json_stack_release(&s);
    return rc;
}
