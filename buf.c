/* buf.c - a growable byte buffer with sticky failure
 *
 * Everything that composes bytes or text piece by piece does so in one of
 * these: frames, JSON output, log lines, tables.  The writer adds what it has
 * to add and looks at `failed` once, at the end; a lost piece can not be
 * overlooked, because buf_steal_string() then returns NULL.
 *
 * What always holds:
 * - size <= capacity; data is NULL exactly when capacity is 0.
 * - A buf of all zeros is empty and valid, and so is a released one.
 * - After a failure the bytes that were there stay as they were; nothing is
 *   added behind a gap.
 * - Capacities double, so that n additions cost O(n), and never wrap around:
 *   a sum is checked before it is made.
 */
#include "buf.h"

enum { BUF_FIRST = 64 }; /* the smallest allocation */

void buf_release(struct buf *b)
{
    int saved = errno;

    free(b->data);
    *b = (struct buf){0};
    errno = saved;
}

void buf_reset(struct buf *b)
{
    b->size = 0;
    b->failed = false;
}

static size_t doubled(size_t capacity, size_t need)
{
    size_t n = capacity ? capacity : BUF_FIRST;

    while (n < need && n <= SIZE_MAX / 2)
        n *= 2;
    return n < need ? need : n;
}

static int grow(struct buf *b, size_t need)
{
    size_t capacity = doubled(b->capacity, need);
    unsigned char *data = realloc(b->data, capacity);

    if (!data)
        return -1;
    b->data = data;
    b->capacity = capacity;
    return 0;
}

void *buf_reserve(struct buf *b, size_t n)
{
    if (!b->failed && n <= b->capacity - b->size && b->data)
        return b->data + b->size;
    if (b->failed || n > SIZE_MAX - b->size ||
        grow(b, n ? b->size + n : b->size + 1) < 0) {
        b->failed = true;
        errno = ENOMEM;
        return NULL;
    }
    return b->data + b->size;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
    void *p = n > 0 ? buf_reserve(b, n) : NULL;

    if (!p)
        return;
    memcpy(p, data, n);
    b->size += n;
}

void buf_add_byte(struct buf *b, unsigned char c)
{
    buf_add(b, &c, 1);
}

void buf_add_string(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_add_u32be(struct buf *b, uint32_t v)
{
    unsigned char bytes[4] = {(unsigned char)(v >> 24),
                              (unsigned char)(v >> 16), (unsigned char)(v >> 8),
                              (unsigned char)v};

    buf_add(b, bytes, sizeof(bytes));
}

void buf_add_decimal(struct buf *b, uint32_t v)
{
    char digits[10];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    buf_add(b, digits + at, sizeof(digits) - at);
}

/* Into the room that there is; the size that it would take, NUL included. */
static size_t try_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    size_t room = b->capacity - b->size;
    int n = vsnprintf(room ? (char *)b->data + b->size : NULL, room, fmt, ap);

    if (n < 0)
        b->failed = true;
    return (size_t)n + 1;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    size_t room = b->capacity - b->size;
    size_t size;
    va_list ap;

    if (b->failed)
        return;
    va_start(ap, fmt);
    size = try_vprintf(b, fmt, ap);
    va_end(ap);
    if (size > room && buf_reserve(b, size)) {
        va_start(ap, fmt);
        try_vprintf(b, fmt, ap);
        va_end(ap);
    }
    if (!b->failed)
        b->size += size - 1;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n >= b->size) {
        b->size = 0;
    } else if (n > 0) {
        memmove(b->data, b->data + n, b->size - n);
        b->size -= n;
    }
}

char *buf_steal_string(struct buf *b)
{
    char *s;

    buf_add_byte(b, '\0');
    if (b->failed) {
        buf_release(b);
        errno = ENOMEM;
        return NULL;
    }
    s = (char *)b->data;
    *b = (struct buf){0};
    return s;
}
