/* idset.h - sets of ids, such as ranks, and their text form (RFC 22)
 *
 * "0-3,7": ascending, each id once, ranges joined; brackets around all of it
 * are accepted.  The empty string is the empty set.
 */
#ifndef IDSET_H
#define IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDSET_NONE UINT32_MAX

enum {
    IDSET_MAX = 1 << 20, /* ids are below: more brokers than there ever were,
                            in 128 KiB */
};

struct idset;

struct idset *idset_create(void);
void idset_destroy(struct idset *s);

/* NULL with EINVAL for what is no idset or has an id that is too large. */
struct idset *idset_decode(const char *text);

/* New memory that the caller frees.  With `brackets` they are put around the
 * text of more than one id.
 */
char *idset_encode(const struct idset *s, bool brackets);

int idset_add(struct idset *s, uint32_t id); /* EINVAL if too large */
void idset_remove(struct idset *s, uint32_t id);
bool idset_has(const struct idset *s, uint32_t id);
size_t idset_count(const struct idset *s);

/* The least id that is `from` or larger, or IDSET_NONE.  All of them:
 * for (id = idset_next(s, 0); id != IDSET_NONE; id = idset_next(s, id + 1))
 */
uint32_t idset_next(const struct idset *s, uint32_t from);

#endif /* IDSET_H */
