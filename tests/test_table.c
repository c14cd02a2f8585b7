/* test_table.c - table.h: order, replacement, removal, growth, ownership
 *
 * The random test does the same to a table and to a plain row of entries,
 * and compares all that can be seen of both after each step.
 */
#include "../table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* ---- a plain row, in order of insertion -------------------------------- */

struct model {
    struct {
        char key[16];
        int *value;
    } row[200];
    size_t count;
};

static size_t model_find(const struct model *m, const char *key)
{
    size_t i = 0;

    while (i < m->count && strcmp(m->row[i].key, key) != 0)
        i++;
    return i;
}

static void model_set(struct model *m, const char *key, int *value)
{
    size_t i = model_find(m, key);

    if (i == m->count) {
        snprintf(m->row[i].key, sizeof(m->row[i].key), "%s", key);
        m->count++;
    }
    m->row[i].value = value;
}

static void model_remove(struct model *m, const char *key)
{
    size_t i = model_find(m, key);

    if (i == m->count)
        return;
    m->count--;
    memmove(&m->row[i], &m->row[i + 1], (m->count - i) * sizeof(m->row[0]));
}

static int same(const struct model *m, const struct table *t)
{
    const char *key;
    size_t len, pos = 0, i = 0;
    struct table_entry *e = NULL;
    int *value;

    while ((value = table_next(t, &pos, &key, &len))) {
        e = table_after(t, e);
        if (i >= m->count || strcmp(key, m->row[i].key) != 0 ||
            len != strlen(key) || value != m->row[i].value || e->key != key)
            return 0;
        i++;
    }
    return i == m->count && table_count(t) == i && !table_after(t, e);
}

static unsigned rnd(unsigned n)
{
    static unsigned long state = 1;

    state = state * 6364136223846793005ul + 1442695040888963407ul;
    return (unsigned)(state >> 33) % n;
}

static void test_random(unsigned keys)
{
    static int values[1000];
    struct model m = {.count = 0};
    struct table *t = table_create(NULL);
    int good = 1;
    char key[16];
    char name[64];

    for (int i = 0; i < 20000 && good; i++) {
        snprintf(key, sizeof(key), "key%u", rnd(keys));
        if (rnd(100) < 50 + (i / 1000 % 2 ? 10u : -10u)) {
            int *value = &values[rnd(1000)];

            model_set(&m, key, value);
            good = table_set(t, key, value) == 0;
        } else {
            int there = model_find(&m, key) < m.count;

            model_remove(&m, key);
            good = (table_remove(t, key) == 0) == there;
        }
        if (i % 16 == 0)
            good = good && same(&m, t);
        good = good &&
               (table_get(t, key) != NULL) == (model_find(&m, key) < m.count);
    }
    snprintf(name, sizeof(name), "random work with %u keys", keys);
    ok(good && same(&m, t), name);
    table_destroy(t);
}

/* ---- cases -------------------------------------------------------------- */

static int destroyed;

static void destroy(void *value)
{
    destroyed += *(int *)value;
}

static void test_ownership(void)
{
    int one = 1, ten = 10, hundred = 100;
    struct table *t = table_create(destroy);

    table_set(t, "a", &one);
    table_set(t, "b", &ten);
    table_set(t, "a", &hundred);
    is_int(destroyed, 1, "a replaced value is destroyed");
    is_int(table_remove(t, "b"), 0, "remove");
    is_int(destroyed, 11, "a removed value is destroyed");
    errno = 0;
    is_int(table_remove(t, "b"), -1, "what is gone can not be removed");
    is_int(errno, ENOENT, "... with ENOENT");
    table_set(t, "c", &one);
    ok(table_take(t, "c") == &one, "take");
    is_int(destroyed, 11, "a taken value is not destroyed");
    ok(table_take(t, "c") == NULL, "nothing to take");
    table_clear(t);
    is_int(destroyed, 111, "clear destroys");
    is_int((long long)table_count(t), 0, "and leaves nothing");
    table_set(t, "a", &one);
    table_forget(t);
    table_set(t, "b", &ten);
    errno = EBUSY;
    table_destroy(t);
    table_destroy(NULL);
    is_int(errno, EBUSY, "destroy keeps errno");
    is_int(destroyed, 121, "forget destroys nothing, destroy the rest");
}

static void test_keys(void)
{
    int a, b, c;
    struct table t;

    table_init(&t, NULL);
    table_setn(&t, "a\0b", 3, &a);
    table_setn(&t, "a\0c", 3, &b);
    table_setn(&t, "", 0, &c);
    ok(table_getn(&t, "a\0b", 3) == &a && table_getn(&t, "a\0c", 3) == &b,
       "keys may hold NULs");
    ok(table_get(&t, "") == &c, "and be empty");
    ok(table_get(&t, "a") == NULL, "a part of a key is another key");
    table_release(&t);
}

/* Remove every second entry of a large table while walking it. */
static void test_walk(void)
{
    static int values[1000];
    struct table *t = table_create(NULL);
    const char *key;
    char name[16];
    size_t pos = 0, seen = 0;

    for (size_t i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "%zu", i);
        table_set(t, name, &values[i]);
    }
    for (int *v; (v = table_next(t, &pos, &key, NULL)); seen++) {
        if ((v - values) % 2)
            table_remove(t, key);
    }
    is_int((long long)seen, 1000, "a walk that removes sees all");
    is_int((long long)table_count(t), 500, "and half are left");
    ok(table_get(t, "998") == &values[998], "the others are found");
    ok(table_get(t, "999") == NULL, "those removed are not");
    table_destroy(t);
}

/* First in, first out: neither time nor memory may grow. */
static void test_queue(void)
{
    struct table *t = table_create(NULL);
    struct table_entry *e;
    char name[16];
    int value;

    for (int i = 0; i < 100000; i++) {
        snprintf(name, sizeof(name), "%d", i);
        table_set(t, name, &value);
        if (i >= 100 && (e = table_after(t, NULL)))
            table_removen(t, e->key, e->len);
    }
    is_int((long long)table_count(t), 100, "a queue keeps its length");
    ok(t->capacity <= 256, "and its memory");
    table_destroy(t);
}

int main(void)
{
    test_ownership();
    test_keys();
    test_walk();
    test_queue();
    test_random(5);
    test_random(30);
    test_random(200);
    return done();
}
