/* base64.c - base64 (RFC 4648) with padding, as in event.publish payloads
 *
 * Event payloads travel in a JSON string when they are published by request
 * (RFC 3), so they are encoded as text.  Decoding is strict: the length is a
 * multiple of four, padding is only at the end, and nothing else occurs.
 */
#include "base64.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *base64_encode(const void *data, size_t size)
{
    const unsigned char *in = data;
    char *text, *out;
    size_t i;

    if (size > SIZE_MAX / 4 * 3 - 4 ||
        !(text = malloc((size + 2) / 3 * 4 + 1))) {
        errno = ENOMEM;
        return NULL;
    }
    out = text;
    for (i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t v = (uint32_t)in[i] << 16;

        if (left > 1)
            v |= (uint32_t)in[i + 1] << 8;
        if (left > 2)
            v |= in[i + 2];
        *out++ = digits[v >> 18];
        *out++ = digits[v >> 12 & 63];
        *out++ = left > 1 ? digits[v >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[v & 63] : '=';
    }
    *out = '\0';
    return text;
}

static int digit_value(char c)
{
    const char *p = c ? strchr(digits, c) : NULL;

    return p ? (int)(p - digits) : -1;
}

/* Four characters to `n` (1 to 3) bytes; -1 if they are none. */
static int decode_group(const char *text, unsigned char *out, int n)
{
    uint32_t v = 0;
    int i;

    for (i = 0; i < 4; i++) {
        int d = i <= n ? digit_value(text[i]) : (text[i] == '=' ? 0 : -1);

        if (d < 0)
            return -1;
        v = v << 6 | (uint32_t)d;
    }
    for (i = 0; i < n; i++)
        out[i] = (unsigned char)(v >> (16 - 8 * i));
    return 0;
}

static size_t decoded_size(const char *text, size_t length)
{
    size_t padding = 0;

    if (length > 0 && text[length - 1] == '=')
        padding = text[length - 2] == '=' ? 2 : 1;
    return length / 4 * 3 - padding;
}

void *base64_decode(const char *text, size_t *size)
{
    size_t length = strlen(text), done = 0;
    unsigned char *out;

    if (length % 4 != 0) {
        errno = EINVAL;
        return NULL;
    }
    *size = decoded_size(text, length);
    if (!(out = malloc(*size + 1)))
        return NULL;
    for (; done < *size; done += 3, text += 4) {
        size_t left = *size - done;

        if (decode_group(text, out + done, left < 3 ? (int)left : 3) < 0) {
            free(out);
            errno = EINVAL;
            return NULL;
        }
    }
    return out;
}
