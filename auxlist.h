/* auxlist.h - what callers attach to a handle, a message, a future
 *
 * The rules are those of flux_aux_set(3): a NULL name stores a value that is
 * only ever destroyed; setting an existing name destroys the old value;
 * setting NULL removes.  Destructors run in reverse order of setting.
 */
#ifndef AUXLIST_H
#define AUXLIST_H

#include "flux.h"

struct auxlist {
    struct auxlist_item *head; /* newest first; zero-initialised is empty */
};

int auxlist_set(struct auxlist *l,
                const char *name,
                void *value,
                flux_free_f destroy);
void *auxlist_get(const struct auxlist *l, const char *name); /* or ENOENT */
void auxlist_clear(struct auxlist *l);

#endif /* AUXLIST_H */
