/* base64.h - base64 (RFC 4648) with padding, as in event.publish payloads */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>

/* New memory that the caller frees; NULL with ENOMEM or, for text that is no
 * base64, EINVAL.
 */
char *base64_encode(const void *data, size_t size);
void *base64_decode(const char *text, size_t *size); /* never NULL-sized 0 */

#endif /* BASE64_H */
