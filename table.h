/* table.h - a table of pointers under string keys, in order of insertion
 *
 * Few entries are searched in a row; many get a hash index whose seed is
 * random for each process, so that no sender of keys can make it slow.
 * Keys are bytes of a given length (they may hold NULs) and are copied, with
 * a NUL behind them.  Replacing a value keeps the entry's place in the order.
 * An entry may be removed while the table is walked; one that is added then
 * may be met or not, and may make the walk pass over others.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_entry {
    void *value;
    uint32_t slot; /* its place in the order */
    uint32_t hash; /* only where the table has an index */
    uint32_t len;  /* of the key */
    char key[];    /* and a NUL */
};

/* The fields are for table.c; the struct is here so that it can be a member.
 * All zeros (or table_init) make it empty; table_release ends it.
 */
struct table {
    void (*destroy)(void *value);
    struct table_entry **slots; /* in order; NULL where one was removed */
    uint32_t *index;            /* NULL, or hash index: slot + 1, 0 is free */
    uint32_t count;             /* entries */
    uint32_t used;              /* slots in use, removed ones included */
    uint32_t capacity;          /* slots, a power of two */
    uint32_t first;             /* no entry lies before this slot */
};

void table_init(struct table *t, void (*destroy)(void *value));
void table_release(struct table *t);
/* Forget all values, destroying none. */
void table_forget(struct table *t);

/* `destroy`, if not NULL, is called on each value that the table lets go. */
struct table *table_create(void (*destroy)(void *value));
void table_destroy(struct table *t);
void table_clear(struct table *t);

/* Set or replace.  0, or -1 with ENOMEM (value is then still the caller's). */
int table_set(struct table *t, const char *key, void *value);
int table_setn(struct table *t, const char *key, size_t len, void *value);

/* The value, which the table owns, or NULL. */
void *table_get(const struct table *t, const char *key);
void *table_getn(const struct table *t, const char *key, size_t len);

/* Remove and destroy; -1 with ENOENT where there is none. */
int table_remove(struct table *t, const char *key);
int table_removen(struct table *t, const char *key, size_t len);

/* Remove and hand the value to the caller; NULL where there is none. */
void *table_take(struct table *t, const char *key);

size_t table_count(const struct table *t);

/* The entry of a key, and the one behind it in the order (the first for a
 * NULL entry); NULL where there is none.  They stay where they are until they
 * are removed; a value may be replaced in place by who minds its ownership.
 */
struct table_entry *
table_find(const struct table *t, const char *key, size_t len);
struct table_entry *table_after(const struct table *t,
                                const struct table_entry *e);

/* Fix the seed of all tables of the process, if none has had an index yet. */
void table_seed(uint64_t seed);

/* Walk: start with *pos = 0, call until it returns NULL.  The result is the
 * value; *key (if not NULL) and *len (if not NULL) tell its key.
 */
void *
table_next(const struct table *t, size_t *pos, const char **key, size_t *len);

#endif /* TABLE_H */
