/* util.h - small things that every layer needs: error texts, numbers, uuids
 *
 * Nothing here allocates unless it says so, and nothing knows of Flux beyond
 * flux_error_t.
 */
#ifndef UTIL_H
#define UTIL_H

#include "flux.h"

#define UTIL_CONTAINER_OF(ptr, type, member) \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define UTIL_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum { UTIL_UUID_SIZE = 37 }; /* 36 characters and a NUL */

/* Fill `e`, if it is not NULL, with a text that is cut at its size, at a
 * whole UTF-8 character.  Return -1 with errno kept, so that a caller can
 * end with `return util_error(e, ...)`.
 */
int util_error(flux_error_t *e, const char *fmt, ...) FLUX_PRINTF(2, 3);

/* The same, and errno is set to `errnum`. */
int util_errno(flux_error_t *e, int errnum, const char *fmt, ...)
    FLUX_PRINTF(3, 4);

/* errno is set to `errnum`; returns -1. */
static inline int util_fail(int errnum)
{
    errno = errnum;
    return -1;
}

/* A new random (version 4) UUID in lower case text. */
void util_uuid(char uuid[UTIL_UUID_SIZE]);

/* The same where many are wanted: the system is asked for bytes of sixteen at
 * once.  All zeros at first.
 */
struct util_uuids {
    unsigned char bytes[256];
    size_t left;
};
void util_uuids_next(struct util_uuids *u, char uuid[UTIL_UUID_SIZE]);

/* Read all of `s` as a number.  `base` as for strtol (0: 0x and 0 prefixes).
 * Return 0, or -1 with errno EINVAL (no number, rubbish after it) or ERANGE.
 */
int util_parse_int64(const char *s, int base, int64_t *value);
int util_parse_uint32(const char *s, int base, uint32_t *value);
int util_parse_double(const char *s, double *value); /* "." in any locale */

/* Flux Standard Duration (RFC 23): "5s", "1.5m", "2h", "1d", "10ms", "inf",
 * a bare number is seconds.  Result in seconds.
 */
int util_parse_duration(const char *s, double *seconds);

enum { UTIL_DURATION_SIZE = 32 };
/* The largest unit that fits: "0s", "50ms", "1.5m", "infinity"; `text`. */
const char *util_format_duration(double seconds, char text[UTIL_DURATION_SIZE]);

/* Monotonic clock, seconds. */
double util_monotime(void);

/* printf into new memory that the caller frees; NULL with ENOMEM. */
char *util_asprintf(const char *fmt, ...) FLUX_PRINTF(1, 2);
char *util_vasprintf(const char *fmt, va_list ap);

/* Read a whole file, at most `limit` bytes, into new memory that the caller
 * frees, with a NUL added behind it.  EFBIG if it is larger.
 */
char *util_read_file(const char *path, size_t limit, size_t *size);

/* write(2) all of it, through EINTR and partial writes. */
int util_write_all(int fd, const void *data, size_t size);

int util_set_cloexec(int fd, bool on);
int util_set_nonblock(int fd, bool on);

/* connect(2), through EINTR. */
struct sockaddr_un;
int util_connect(int fd, const struct sockaddr_un *addr);

#endif /* UTIL_H */
