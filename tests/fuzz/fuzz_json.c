/* fuzz_json.c - JSON read, written and read again
 *
 * Input: two bytes of flags, for reading and for writing, then a text.  What
 * was read must be equal to its copy and to itself after writing and reading.
 */
#include "json.h"
#include "fuzz.h"

enum {
    READ_FLAGS = JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK |
                 JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL,
    WRITE_FLAGS =
        JSON_COMPACT | JSON_ENSURE_ASCII | JSON_SORT_KEYS | JSON_ESCAPE_SLASH,
};

static void written_and_read(json_t *value, size_t flags)
{
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY);
    json_error_t e;
    json_t *again;

    FUZZ_MUST(text);
    again = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
    FUZZ_MUST(again && json_equal(value, again));
    json_decref(again);
    free(text);
}

static void copied(json_t *value)
{
    json_t *copy = json_deep_copy(value);

    FUZZ_MUST(copy && json_equal(value, copy));
    json_decref(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    size_t reading = fuzz_byte(&in) & READ_FLAGS;
    size_t writing = fuzz_byte(&in) & WRITE_FLAGS;
    json_error_t e;
    json_t *value = json_loadb((const char *)in.data, in.size, reading, &e);

    if (!value) {
        FUZZ_MUST(e.text[0] && e.position <= (int)in.size);
        return 0;
    }
    copied(value);
    written_and_read(value, writing);
    json_decref(value);
    return 0;
}
