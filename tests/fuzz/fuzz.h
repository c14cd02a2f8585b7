/* fuzz.h - what a fuzz target offers, and what it may use
 *
 * A target is one file with the one function that libFuzzer and AFL++ call for
 * each input.  It never fails on an input that is merely wrong: it ends the
 * process (FUZZ_MUST) where the code under test broke a promise, and the
 * sanitizers end it where memory was touched that is not ours.  Each run leaves
 * nothing behind: no memory, no descriptor, no file.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MUST(condition)                                                   \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: broken promise: %s\n", __FILE__, __LINE__, \
                    #condition);                                               \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* The input, taken from the front piece by piece; 0 and "" past its end. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

static inline unsigned fuzz_byte(struct fuzz_input *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

/* At most `n` bytes; how many there were is in *got. */
static inline const uint8_t *
fuzz_bytes(struct fuzz_input *in, size_t n, size_t *got)
{
    const uint8_t *p = in->data;

    *got = n < in->size ? n : in->size;
    if (*got > 0)
        in->data += *got;
    in->size -= *got;
    return p;
}

/* The bytes up to a newline or the end, in new memory with a NUL behind: so
 * that a sanitizer sees a step beyond it.
 */
static inline char *fuzz_line(struct fuzz_input *in)
{
    const uint8_t *end = in->size ? memchr(in->data, '\n', in->size) : NULL;
    size_t n = end ? (size_t)(end - in->data) : in->size;
    char *line = malloc(n + 1);

    FUZZ_MUST(line);
    if (n > 0)
        memcpy(line, in->data, n);
    line[n] = '\0';
    in->data += n + (end != NULL);
    in->size -= n + (end != NULL);
    return line;
}

#endif /* FUZZ_H */
