/* sha1.h - SHA-1 (FIPS 180-4), to tell one module file from another */
#ifndef SHA1_H
#define SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_HEX_SIZE = 41 }; /* 40 digits and a NUL */

struct sha1 {
    uint32_t state[5];
    uint64_t size;
    unsigned char block[64];
};

void sha1_init(struct sha1 *s);
void sha1_update(struct sha1 *s, const void *data, size_t size);
void sha1_final(struct sha1 *s, char hex[SHA1_HEX_SIZE]);

/* Digest of what can be read from `fd` from its start to its end; the file
 * offset is left at the end.  -1 with errno on a read error.
 */
int sha1_fd(int fd, char hex[SHA1_HEX_SIZE]);

#endif /* SHA1_H */
