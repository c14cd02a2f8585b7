/* fuzz_format.c - formats of json_pack() and json_unpack()
 *
 * Input: a line of flags and format, then a JSON text to unpack.  A format
 * says itself how many arguments it takes and of which types, which no fuzzer
 * can supply; so there are enough of them, and each fits wherever it is put:
 *
 *   unpack: cells of sixteen bytes, for a value to be written to, and, as keys,
 *           strings that end with the cell;
 *   pack:   the value `true`, which is never freed, and read as a string is
 *           the one byte of its type.  Formats with # and %, where the caller
 *           promises a length, are left out.
 */
#include "json.h"
#include "fuzz.h"

enum { ARGUMENTS = 64 }; /* a format's length: no character takes two */

struct cells {
    union {
        char text[16];
        double number;
        void *pointer;
    } cell[ARGUMENTS];
};

/* Calls FN(..., 64 times ARG(i)). */
#define EIGHT(ARG, n)                                                   \
    ARG(n), ARG(n + 1), ARG(n + 2), ARG(n + 3), ARG(n + 4), ARG(n + 5), \
        ARG(n + 6), ARG(n + 7)
#define SIXTY_FOUR(ARG)                                           \
    EIGHT(ARG, 0), EIGHT(ARG, 8), EIGHT(ARG, 16), EIGHT(ARG, 24), \
        EIGHT(ARG, 32), EIGHT(ARG, 40), EIGHT(ARG, 48), EIGHT(ARG, 56)
#define CELL(i) (void *)&cells.cell[i]
#define TRUE(i) (void *)json_true()

static void unpack(json_t *value, size_t flags, const char *format)
{
    struct cells cells;
    json_error_t e = {0};
    int i;

    memset(&cells, 0, sizeof(cells));
    for (i = 0; i < ARGUMENTS; i++)
        cells.cell[i].text[0] = (char)('a' + i % 4);
    if (json_unpack_ex(value, &e, flags, format, SIXTY_FOUR(CELL)) < 0)
        FUZZ_MUST(e.text[0]);
    json_unpack_ex(value, &e, flags | JSON_VALIDATE_ONLY, format,
                   SIXTY_FOUR(CELL));
}

static void pack(const char *format)
{
    json_error_t e = {0};
    json_t *value;

    if (strpbrk(format, "#%"))
        return;
    value = json_pack_ex(&e, 0, format, SIXTY_FOUR(TRUE));
    FUZZ_MUST(value || e.text[0] || strpbrk(format, "?*"));
    json_decref(value);
}

/* The references that a format with O took must be given back: it is not
 * known which, so such formats are left to the other tests.
 */
static int is_supported(const char *format)
{
    return strlen(format) < ARGUMENTS / 2 && !strchr(format, 'O');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    size_t flags = fuzz_byte(&in) & JSON_STRICT;
    char *format = fuzz_line(&in);
    json_t *value = json_loadb((const char *)in.data, in.size,
                               JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

    if (is_supported(format)) {
        if (value)
            unpack(value, flags, format);
        pack(format);
    }
    json_decref(value);
    free(format);
    return 0;
}
