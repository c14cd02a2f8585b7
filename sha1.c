/* sha1.c - SHA-1 (FIPS 180-4), to tell one module file from another
 *
 * The broker keeps the digest of each module file as it was when it was
 * loaded, so that a person can see whether the file on disk is the one that
 * runs.  This is no use where someone could want to forge a file: SHA-1 is
 * broken for that, and short and everywhere for this.
 *
 * The message is taken in pieces of any length.  `size` counts its bytes so
 * far; the bytes that do not fill a block yet, size modulo 64 of them, stand
 * at the front of `block`.  Each whole block is mixed into the five words of
 * state and forgotten.  At the end one bit 1, zeros, and the length in bits
 * as a 64-bit big-endian number fill the last block up.
 *
 * sha1_init() again makes the object fit for the next message.
 */
#include "sha1.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 64, LENGTH_AT = 56, READ_SIZE = 16384 };

void sha1_init(struct sha1 *s)
{
    static const uint32_t start[5] = {0x67452301, 0xefcdab89, 0x98badcfe,
                                      0x10325476, 0xc3d2e1f0};

    memcpy(s->state, start, sizeof(start));
    s->size = 0;
}

static uint32_t rotate(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

/* Words 0 to 15 of the schedule are the block's; each later one takes the
 * place of that 16 before it.
 */
static void schedule_first(uint32_t w[16], const unsigned char *p)
{
    for (int i = 0; i < 16; i++, p += 4)
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
               (uint32_t)p[2] << 8 | p[3];
}

static inline uint32_t schedule(uint32_t w[16], int i)
{
    if (i >= 16)
        w[i & 15] = rotate(w[(i + 13) & 15] ^ w[(i + 8) & 15] ^
                               w[(i + 2) & 15] ^ w[i & 15],
                           1);
    return w[i & 15];
}

static inline uint32_t choose(int i, uint32_t b, uint32_t c, uint32_t d)
{
    if (i < 20)
        return (d ^ (b & (c ^ d))) + 0x5a827999;
    if (i < 40)
        return (b ^ c ^ d) + 0x6ed9eba1;
    if (i < 60)
        return ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
    return (b ^ c ^ d) + 0xca62c1d6;
}

/* Five rounds: the names move by one each time, not the words. */
#define ROUND(i, a, b, c, d, e) \
    (e += rotate(a, 5) + choose(i, b, c, d) + schedule(w, i), b = rotate(b, 30))
#define FIVE_ROUNDS(i)                                             \
    (ROUND(i, a, b, c, d, e), ROUND((i) + 1, e, a, b, c, d),       \
     ROUND((i) + 2, d, e, a, b, c), ROUND((i) + 3, c, d, e, a, b), \
     ROUND((i) + 4, b, c, d, e, a))
/* No loop: with numbers that the compiler knows it takes half the time. */
#define TWENTY_ROUNDS(i)                                          \
    (FIVE_ROUNDS(i), FIVE_ROUNDS((i) + 5), FIVE_ROUNDS((i) + 10), \
     FIVE_ROUNDS((i) + 15))

static void mix(uint32_t state[5], const unsigned char *block)
{
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4];
    uint32_t w[16];

    schedule_first(w, block);
    TWENTY_ROUNDS(0);
    TWENTY_ROUNDS(20);
    TWENTY_ROUNDS(40);
    TWENTY_ROUNDS(60);
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1_update(struct sha1 *s, const void *data, size_t size)
{
    const unsigned char *p = data;
    size_t used = s->size % BLOCK;

    s->size += size;
    if (used > 0 && size >= BLOCK - used) {
        memcpy(s->block + used, p, BLOCK - used);
        mix(s->state, s->block);
        p += BLOCK - used;
        size -= BLOCK - used;
        used = 0;
    }
    if (used == 0) {
        for (; size >= BLOCK; p += BLOCK, size -= BLOCK)
            mix(s->state, p);
    }
    if (size > 0)
        memcpy(s->block + used, p, size);
}

static void pad(struct sha1 *s)
{
    static const unsigned char zeros[BLOCK] = {0x80};
    uint64_t bits = s->size * 8;
    size_t used = s->size % BLOCK;
    unsigned char length[8];

    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(bits >> (56 - 8 * i));
    sha1_update(s, zeros,
                (used < LENGTH_AT ? LENGTH_AT : BLOCK + LENGTH_AT) - used);
    sha1_update(s, length, sizeof(length));
}

void sha1_final(struct sha1 *s, char hex[SHA1_HEX_SIZE])
{
    pad(s);
    for (int i = 0; i < 5; i++)
        snprintf(hex + 8 * i, 9, "%08lx", (unsigned long)s->state[i]);
}

int sha1_fd(int fd, char hex[SHA1_HEX_SIZE])
{
    unsigned char data[READ_SIZE];
    struct sha1 s;
    ssize_t n;

    if (lseek(fd, 0, SEEK_SET) < 0)
        return -1;
    sha1_init(&s);
    while ((n = read(fd, data, sizeof(data))) != 0) {
        if (n > 0)
            sha1_update(&s, data, (size_t)n);
        else if (errno != EINTR)
            return -1;
    }
    sha1_final(&s, hex);
    return 0;
}
