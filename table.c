/* table.c - a table of pointers under string keys, in order of insertion
 *
 * JSON objects, a broker's services, a handle's attributes: nearly all tables
 * are small, many are made for one message and freed with it, and their order
 * is seen by people.  So a table is a row of entries in order, searched from
 * the front.  Past TABLE_ROW slots it gets a hash index beside the row.
 *
 * What always holds:
 * - An entry never moves in memory; its key is part of it.  `slot` says where
 *   in the row it is, so that a walk can go on from any entry.
 * - Removing leaves a hole (NULL) in the row.  A slot is not used again until
 *   the row is rebuilt, which only happens when an entry is added to a full
 *   row, or when the table becomes empty.  So a walk by slot number sees
 *   every entry once while entries are removed, and an index cell that names
 *   a hole is a tombstone without being written.
 * - The index, where there is one, has twice as many cells as the row has
 *   slots, and so always has a free one: a probe ends.
 * - A value is destroyed only after the table has let go of it, so that its
 *   destructor may use the table.
 *
 * The hash is SipHash-1-3 (Aumasson and Bernstein) with a random key made
 * once for each process, since keys come from clients.
 */
#include "table.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "sys.h"

enum {
    TABLE_FIRST = 4, /* slots of the first row */
    TABLE_ROW = 32,  /* a row up to this is searched without an index */
};
/* A row and its index are counted in 32 bits; keys too, to save memory. */
#define TABLE_MAX_SLOTS ((uint32_t)1 << 30)
#define TABLE_MAX_KEY ((size_t)UINT32_MAX - 1)

/* ---- hash -------------------------------------------------------------- */

struct sip {
    uint64_t v0, v1, v2, v3;
};

static struct {
    pthread_once_t once;
    uint64_t given;  /* by table_seed, or 0 */
    uint64_t key[2]; /* written once, then only read */
} hash_seed = {PTHREAD_ONCE_INIT, 0, {0, 0}};

static void make_hash_key(void)
{
    if (hash_seed.given)
        hash_seed.key[0] = hash_seed.given;
    else
        sys_random(hash_seed.key, sizeof(hash_seed.key));
}

void table_seed(uint64_t seed)
{
    hash_seed.given = seed;
    pthread_once(&hash_seed.once, make_hash_key);
}

static uint64_t rotate(uint64_t v, int n)
{
    return (v << n) | (v >> (64 - n));
}

static void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32) + s->v3;
    s->v2 += s->v1;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    s->v0 ^= word;
}

static uint64_t sip_hash(const uint64_t k[2], const char *data, size_t len)
{
    struct sip s = {k[0] ^ 0x736f6d6570736575u, k[1] ^ 0x646f72616e646f6du,
                    k[0] ^ 0x6c7967656e657261u, k[1] ^ 0x7465646279746573u};
    uint64_t word;
    size_t left = len;

    for (; left >= 8; left -= 8, data += 8) {
        memcpy(&word, data, 8);
        sip_word(&s, word);
    }
    word = 0;
    memcpy(&word, data, left);
    sip_word(&s, word ^ (uint64_t)len << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

static uint32_t hash_of(const char *key, size_t len)
{
    pthread_once(&hash_seed.once, make_hash_key);
    return (uint32_t)sip_hash(hash_seed.key, key, len);
}

/* ---- finding ----------------------------------------------------------- */

static int entry_is(const struct table_entry *e, const char *key, size_t len)
{
    return e && e->len == len && memcmp(e->key, key, len) == 0;
}

static struct table_entry *
find_in_row(const struct table *t, const char *key, size_t len)
{
    for (uint32_t i = t->first; i < t->used; i++) {
        if (entry_is(t->slots[i], key, len))
            return t->slots[i];
    }
    return NULL;
}

static struct table_entry *
find_in_index(const struct table *t, const char *key, size_t len)
{
    uint32_t mask = 2 * t->capacity - 1;
    uint32_t hash = hash_of(key, len);

    for (uint32_t i = hash & mask; t->index[i]; i = (i + 1) & mask) {
        struct table_entry *e = t->slots[t->index[i] - 1];

        if (e && e->hash == hash && entry_is(e, key, len))
            return e;
    }
    return NULL;
}

struct table_entry *
table_find(const struct table *t, const char *key, size_t len)
{
    if (t->index)
        return find_in_index(t, key, len);
    return find_in_row(t, key, len);
}

struct table_entry *table_after(const struct table *t,
                                const struct table_entry *e)
{
    uint32_t i = e ? e->slot + 1 : t->first;

    while (i < t->used && !t->slots[i])
        i++;
    return i < t->used ? t->slots[i] : NULL;
}

void *table_getn(const struct table *t, const char *key, size_t len)
{
    struct table_entry *e = table_find(t, key, len);

    return e ? e->value : NULL;
}

void *table_get(const struct table *t, const char *key)
{
    return table_getn(t, key, strlen(key));
}

size_t table_count(const struct table *t)
{
    return t->count;
}

void *
table_next(const struct table *t, size_t *pos, const char **key, size_t *len)
{
    size_t i = *pos < t->first ? t->first : *pos;

    while (i < t->used && !t->slots[i])
        i++;
    *pos = i + 1;
    if (i >= t->used)
        return NULL;
    if (key)
        *key = t->slots[i]->key;
    if (len)
        *len = t->slots[i]->len;
    return t->slots[i]->value;
}

/* ---- adding ------------------------------------------------------------ */

static void index_add(struct table *t, const struct table_entry *e)
{
    uint32_t mask = 2 * t->capacity - 1;
    uint32_t i = e->hash & mask;

    while (t->index[i])
        i = (i + 1) & mask;
    t->index[i] = e->slot + 1;
}

/* Full: twice the size if most slots hold entries, half if few do. */
static uint32_t next_capacity(const struct table *t)
{
    if (t->capacity == 0)
        return TABLE_FIRST;
    if (t->count > t->capacity / 4 * 3)
        return t->capacity * 2;
    if (t->count < t->capacity / 4)
        return t->capacity / 2;
    return t->capacity;
}

static void move_entries(struct table *from, struct table *to)
{
    int hashed = from->index != NULL;

    for (uint32_t i = from->first; i < from->used; i++) {
        struct table_entry *e = from->slots[i];

        if (!e)
            continue;
        if (to->index && !hashed)
            e->hash = hash_of(e->key, e->len);
        e->slot = to->used;
        to->slots[to->used++] = e;
        if (to->index)
            index_add(to, e);
    }
}

static int rebuild(struct table *t)
{
    struct table new = {.destroy = t->destroy, .count = t->count};

    new.capacity = next_capacity(t);
    if (new.capacity > TABLE_MAX_SLOTS) {
        errno = ENOMEM;
        return -1;
    }
    new.slots = malloc(new.capacity * sizeof(*new.slots));
    if (new.capacity > TABLE_ROW)
        new.index = calloc(2 * (size_t) new.capacity, sizeof(*new.index));
    if (!new.slots || (new.capacity > TABLE_ROW && !new.index)) {
        free(new.slots);
        free(new.index);
        return -1;
    }
    move_entries(t, &new);
    free(t->slots);
    free(t->index);
    *t = new;
    return 0;
}

static int add(struct table *t, const char *key, size_t len, void *value)
{
    struct table_entry *e;

    if (len > TABLE_MAX_KEY) {
        errno = ENOMEM;
        return -1;
    }
    if (t->used == t->capacity && rebuild(t) < 0)
        return -1;
    if (!(e = malloc(offsetof(struct table_entry, key) + len + 1)))
        return -1;
    memcpy(e->key, key, len);
    e->key[len] = '\0';
    e->len = (uint32_t)len;
    e->value = value;
    e->hash = t->index ? hash_of(key, len) : 0;
    e->slot = t->used++;
    t->slots[e->slot] = e;
    t->count++;
    if (t->index)
        index_add(t, e);
    return 0;
}

int table_setn(struct table *t, const char *key, size_t len, void *value)
{
    struct table_entry *e = table_find(t, key, len);
    void *old;

    if (!e)
        return add(t, key, len, value);
    old = e->value;
    e->value = value;
    if (t->destroy && old)
        t->destroy(old);
    return 0;
}

int table_set(struct table *t, const char *key, void *value)
{
    return table_setn(t, key, strlen(key), value);
}

/* ---- removing ---------------------------------------------------------- */

/* All slots are holes: they can be used anew. */
static void restart(struct table *t)
{
    free(t->index);
    t->index = NULL;
    if (t->capacity > TABLE_ROW) {
        free(t->slots);
        t->slots = NULL;
        t->capacity = 0;
    }
    t->used = t->first = 0;
}

static void *unlink_entry(struct table *t, struct table_entry *e)
{
    void *value = e->value;

    t->slots[e->slot] = NULL;
    while (t->first < t->used && !t->slots[t->first])
        t->first++;
    free(e);
    if (--t->count == 0)
        restart(t);
    return value;
}

int table_removen(struct table *t, const char *key, size_t len)
{
    struct table_entry *e = table_find(t, key, len);
    void *value;

    if (!e) {
        errno = ENOENT;
        return -1;
    }
    value = unlink_entry(t, e);
    if (t->destroy && value)
        t->destroy(value);
    return 0;
}

int table_remove(struct table *t, const char *key)
{
    return table_removen(t, key, strlen(key));
}

void *table_take(struct table *t, const char *key)
{
    struct table_entry *e = table_find(t, key, strlen(key));

    return e ? unlink_entry(t, e) : NULL;
}

/* ---- making and ending ------------------------------------------------- */

void table_init(struct table *t, void (*destroy)(void *value))
{
    *t = (struct table){.destroy = destroy};
}

struct table *table_create(void (*destroy)(void *value))
{
    struct table *t = malloc(sizeof(*t));

    if (t)
        table_init(t, destroy);
    return t;
}

static void free_entries(struct table *t)
{
    for (uint32_t i = t->first; i < t->used; i++) {
        struct table_entry *e = t->slots[i];

        if (e && t->destroy && e->value)
            t->destroy(e->value);
        free(e);
    }
    free(t->slots);
    free(t->index);
}

void table_clear(struct table *t)
{
    struct table old = *t;
    int saved = errno;

    table_init(t, old.destroy);
    free_entries(&old);
    errno = saved;
}

void table_forget(struct table *t)
{
    struct table old = *t;

    table_init(t, old.destroy);
    old.destroy = NULL;
    free_entries(&old);
}

void table_release(struct table *t)
{
    table_clear(t);
}

void table_destroy(struct table *t)
{
    int saved = errno;

    if (!t)
        return;
    table_clear(t);
    free(t);
    errno = saved;
}
