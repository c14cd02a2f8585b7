/* hostlist.h - hosts by rank, in the compact form of RFC 29 */
#ifndef HOSTLIST_H
#define HOSTLIST_H

#include <stddef.h>

/* Index of the first host of `list` that is called `host`, counted from 0.
 * -1 with ENOENT if there is none, with EINVAL if `list` is not in the form
 * of RFC 29 as far as it had to be read.
 */
int hostlist_find(const char *list, const char *host);

/* The host at `index` in new memory; NULL with ENOENT past the end, EINVAL. */
char *hostlist_nth(const char *list, unsigned index);

/* `count` hosts in compact form, in new memory: "a[1-3],b"; NULL with ENOMEM.
 * What follows each other in the list may be joined, nothing is sorted.
 */
char *hostlist_encode(char *const hosts[], size_t count);

#endif /* HOSTLIST_H */
