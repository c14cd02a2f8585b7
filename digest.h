/* digest.h - the SHA-1 of a file, made once as long as it does not change */
#ifndef DIGEST_H
#define DIGEST_H

#include "sha1.h"
#include "util.h"

struct digest_cache;

struct digest_cache *digest_cache_create(void);
void digest_cache_destroy(struct digest_cache *c);

/* Of a regular file, as text.  `c` may be NULL. */
int digest_of_file(struct digest_cache *c,
                   const char *path,
                   char digest[SHA1_HEX_SIZE],
                   flux_error_t *e);

#endif /* DIGEST_H */
