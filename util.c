/* util.c - small things that every layer needs: error texts, numbers, uuids
 *
 * What always holds:
 * - No function here keeps state, so that all may be called from any thread.
 * - The number readers want the whole string: no blank in front, nothing
 *   behind.  They read the C locale's notation whatever locale a module has
 *   set, by switching the calling thread's locale for the one conversion.
 * - An error text is composed aside before it is stored, so that the old text
 *   of the same flux_error_t may be an argument ("load: %s", e->text).  Cut
 *   at its size, it still is UTF-8 if its pieces were: a character that does
 *   not fit is left out as a whole.
 * - Functions that fail in a way their caller may want to tell keep errno as
 *   the failing call left it.
 */
#include "util.h"

#include <ctype.h>
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "sys.h"

enum {
    UTIL_READ_CHUNK = 4096, /* where the size of a file is not known */
    UTIL_SHORT_TEXT = 256,  /* most are: written once, not measured first */
    UUID_BYTES = 16,
};

/* Length of `s` without a multibyte character whose end is missing. */
static size_t utf8_whole(const char *s, size_t len)
{
    size_t lead = len;
    size_t want = 1;

    while (lead > 0 && len - lead < 4 && ((unsigned char)s[lead - 1] >> 6) == 2)
        lead--;
    if (lead == 0)
        return len;
    if ((unsigned char)s[lead - 1] >= 0xf0)
        want = 4;
    else if ((unsigned char)s[lead - 1] >= 0xe0)
        want = 3;
    else if ((unsigned char)s[lead - 1] >= 0xc0)
        want = 2;
    return len - (lead - 1) < want ? lead - 1 : len;
}

static void FLUX_PRINTF(2, 0)
    error_vset(flux_error_t *e, const char *fmt, va_list ap)
{
    char text[sizeof(e->text)];
    int n;

    if (!e)
        return;
    n = vsnprintf(text, sizeof(text), fmt, ap);
    if (n < 0)
        text[0] = '\0';
    else if ((size_t)n >= sizeof(text))
        text[utf8_whole(text, sizeof(text) - 1)] = '\0';
    strcpy(e->text, text);
}

int util_error(flux_error_t *e, const char *fmt, ...)
{
    int saved = errno;
    va_list ap;

    va_start(ap, fmt);
    error_vset(e, fmt, ap);
    va_end(ap);
    errno = saved;
    return -1;
}

int util_errno(flux_error_t *e, int errnum, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    error_vset(e, fmt, ap);
    va_end(ap);
    errno = errnum;
    return -1;
}

static void format_uuid(unsigned char r[UUID_BYTES], char *p)
{
    static const char digits[] = "0123456789abcdef";

    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = digits[r[i] >> 4];
        *p++ = digits[r[i] & 15];
    }
    *p = '\0';
}

void util_uuid(char uuid[UTIL_UUID_SIZE])
{
    unsigned char r[UUID_BYTES];

    sys_random(r, sizeof(r));
    format_uuid(r, uuid);
}

void util_uuids_next(struct util_uuids *u, char uuid[UTIL_UUID_SIZE])
{
    if (u->left < UUID_BYTES) {
        sys_random(u->bytes, sizeof(u->bytes));
        u->left = sizeof(u->bytes);
    }
    u->left -= UUID_BYTES;
    format_uuid(u->bytes + u->left, uuid);
}

static bool starts_a_number(const char *s)
{
    return s && *s && !isspace((unsigned char)*s);
}

const char *flux_strerror(int errnum)
{
    return strerror(errnum);
}

int util_parse_int64(const char *s, int base, int64_t *value)
{
    long long n;
    char *end;

    if (!starts_a_number(s))
        return util_fail(EINVAL);
    errno = 0;
    n = strtoll(s, &end, base);
    if (end == s || *end)
        return util_fail(EINVAL);
    if (errno == ERANGE || n < INT64_MIN || n > INT64_MAX)
        return util_fail(ERANGE);
    *value = n;
    return 0;
}

int util_parse_uint32(const char *s, int base, uint32_t *value)
{
    int64_t n;

    if (util_parse_int64(s, base, &n) < 0)
        return -1;
    if (n < 0 || n > UINT32_MAX)
        return util_fail(ERANGE);
    *value = (uint32_t)n;
    return 0;
}

/* strtod(3) as it is in the C locale; `*end` is `s` if there is no number. */
static int c_strtod(const char *s, double *value, char **end)
{
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t old;

    if (c == (locale_t)0)
        return -1;
    old = uselocale(c);
    errno = 0;
    *value = strtod(s, end);
    uselocale(old);
    freelocale(c);
    return errno == ERANGE && isinf(*value) ? -1 : 0;
}

/* The number at the beginning of `s`; `*end` is what follows. */
static int read_double(const char *s, double *value, char **end)
{
    if (!starts_a_number(s))
        return util_fail(EINVAL);
    if (c_strtod(s, value, end) < 0)
        return -1;
    return *end == s ? util_fail(EINVAL) : 0;
}

int util_parse_double(const char *s, double *value)
{
    double n;
    char *end;

    if (read_double(s, &n, &end) < 0)
        return -1;
    if (*end)
        return util_fail(EINVAL);
    *value = n;
    return 0;
}

static const struct {
    const char *suffix;
    double seconds;
} duration_units[] = {{"", 1},   {"ms", 1E-3}, {"s", 1},
                      {"m", 60}, {"h", 3600},  {"d", 86400}};

int util_parse_duration(const char *s, double *seconds)
{
    double n;
    char *end;

    if (read_double(s, &n, &end) < 0)
        return -1;
    if (isnan(n) || n < 0 || (isinf(n) && *end))
        return util_fail(EINVAL);
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(duration_units); i++) {
        if (strcmp(end, duration_units[i].suffix) == 0) {
            *seconds = n * duration_units[i].seconds;
            return 0;
        }
    }
    return util_fail(EINVAL);
}

const char *util_format_duration(double seconds, char text[UTIL_DURATION_SIZE])
{
    if (isinf(seconds))
        snprintf(text, UTIL_DURATION_SIZE, "infinity");
    else if (seconds > 0 && seconds < 1)
        snprintf(text, UTIL_DURATION_SIZE, "%gms", seconds * 1E3);
    else if (seconds < 60)
        snprintf(text, UTIL_DURATION_SIZE, "%gs", seconds);
    else if (seconds < 3600)
        snprintf(text, UTIL_DURATION_SIZE, "%gm", seconds / 60);
    else if (seconds < 86400)
        snprintf(text, UTIL_DURATION_SIZE, "%gh", seconds / 3600);
    else
        snprintf(text, UTIL_DURATION_SIZE, "%gd", seconds / 86400);
    return text;
}

double util_monotime(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1E-9;
}

char *util_vasprintf(const char *fmt, va_list ap)
{
    char text[UTIL_SHORT_TEXT];
    va_list again;
    char *s;
    int n;

    va_copy(again, ap);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    s = n < 0 ? NULL : malloc((size_t)n + 1);
    if (s && (size_t)n < sizeof(text))
        memcpy(s, text, (size_t)n + 1);
    else if (s)
        vsnprintf(s, (size_t)n + 1, fmt, again);
    va_end(again);
    if (!s)
        errno = ENOMEM;
    return s;
}

char *util_asprintf(const char *fmt, ...)
{
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = util_vasprintf(fmt, ap);
    va_end(ap);
    return s;
}

/* read(2) until `size` bytes or the end of the file; the count, or -1. */
static ssize_t read_full(int fd, char *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = read(fd, data + done, size - done);

        if (n == 0)
            break;
        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0)
            done += (size_t)n;
    }
    return (ssize_t)done;
}

static size_t first_capacity(int fd, size_t limit)
{
    struct stat st;
    size_t want = UTIL_READ_CHUNK;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
        want = (uintmax_t)st.st_size < limit ? (size_t)st.st_size + 1 : limit;
    return (want < limit ? want : limit) + 1;
}

static size_t next_capacity(size_t capacity, size_t limit)
{
    return capacity > limit / 2 ? limit + 1 : capacity * 2;
}

/* All of `fd`.  One byte of the memory stays free for the NUL, and the one
 * in front of it is only ever filled if there is more than `limit`.
 */
static char *read_fd(int fd, size_t limit, size_t *size)
{
    size_t capacity = first_capacity(fd, limit);
    size_t used = 0;
    char *data = NULL;

    for (;;) {
        char *grown = realloc(data, capacity + 1);
        ssize_t n = grown ? read_full(fd, grown + used, capacity - used) : -1;

        data = grown ? grown : data;
        if (n < 0)
            break;
        used += (size_t)n;
        if (used > limit) {
            errno = EFBIG;
            break;
        }
        if (used < capacity) {
            data[used] = '\0';
            *size = used;
            return data;
        }
        capacity = next_capacity(capacity, limit);
    }
    free(data);
    return NULL;
}

char *util_read_file(const char *path, size_t limit, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t ignored;
    char *data;
    int saved;

    if (fd < 0)
        return NULL;
    data = read_fd(fd, limit < SIZE_MAX / 4 ? limit : SIZE_MAX / 4,
                   size ? size : &ignored);
    saved = errno;
    close(fd);
    errno = saved;
    return data;
}

int util_write_all(int fd, const void *data, size_t size)
{
    const char *p = data;

    while (size > 0) {
        ssize_t n = write(fd, p, size);

        if (n < 0 && errno != EINTR)
            return -1;
        if (n > 0) {
            p += n;
            size -= (size_t)n;
        }
    }
    return 0;
}

static int change_flag(int fd, int get, int set, int flag, bool on)
{
    int flags = fcntl(fd, get);

    if (flags < 0)
        return -1;
    return fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0 ? -1 : 0;
}

int util_set_cloexec(int fd, bool on)
{
    return change_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

int util_set_nonblock(int fd, bool on)
{
    return change_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int util_connect(int fd, const struct sockaddr_un *addr)
{
    int rc;

    do
        rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
    while (rc < 0 && errno == EINTR);
    return rc;
}
