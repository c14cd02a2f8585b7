/* plain.c - how much of a text is plain, eight bytes at a time
 *
 * Most of a JSON text and of what a log line holds is ASCII that means itself
 * within a JSON string.  Readers and writers of JSON pass over it with this,
 * and look at what is left byte by byte.
 *
 * A word of eight bytes is looked at as a whole, with the usual sums that set
 * the top bit of each byte that is below a bound.  They may find a byte that
 * is none of these, behind one that is, and never miss one: where a word looks
 * special, its bytes decide.
 */
#include "plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EACH_BYTE(c) (UINT64_MAX / 0xff * (c))

static uint64_t byte_below(uint64_t word, unsigned c)
{
    return (word - EACH_BYTE(c)) & ~word & EACH_BYTE(0x80);
}

/* Not 0 where some byte of the word may have to be looked at. */
static uint64_t special_bytes(uint64_t word)
{
    return byte_below(word, 0x20) | byte_below(word ^ EACH_BYTE('"'), 1) |
           byte_below(word ^ EACH_BYTE('\\'), 1) | (word & EACH_BYTE(0x80));
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

size_t plain_length(const char *s, size_t n)
{
    size_t i = 0;
    uint64_t word;

    for (; n - i >= sizeof(word); i += sizeof(word)) {
        memcpy(&word, s + i, sizeof(word));
        if (special_bytes(word))
            break;
    }
    while (i < n && is_plain((unsigned char)s[i]))
        i++;
    return i;
}
