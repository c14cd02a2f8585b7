/* folder.h - a folder that a broker attribute names and the broker alone uses
 */
#ifndef FOLDER_H
#define FOLDER_H

#include "attr.h"

struct folder {
    const char *name; /* the attribute's; a constant */
    char *path;       /* NULL: closed */
    bool made;        /* by us */
    bool cleanup;     /* remove it at the end; first, whether it is fresh */
};

/* Make or take the folder `given`, or make a fresh one under TMPDIR if that is
 * NULL.
 */
int folder_open(struct folder *f,
                const char *name,
                const char *given,
                flux_error_t *e);
/* Set the attributes NAME and NAME-cleanup, the latter if it is not given. */
int folder_publish(struct folder *f, struct attr_set *attrs, flux_error_t *e);
/* Remove it if it is to be; for all zeros it does nothing. */
void folder_close(struct folder *f);

/* Remove a folder with all that is in it, as far as that can be done. */
void folder_remove(const char *path);

#endif /* FOLDER_H */
