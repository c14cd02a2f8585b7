/* fuzz_toml.c - a configuration file
 *
 * Input: a document.  It becomes an object that can be written as JSON, or an
 * error that says a line and a column which are there.
 */
#include "toml.h"
#include "fuzz.h"

static void must_be_placed(const flux_error_t *e, const uint8_t *data, size_t n)
{
    unsigned line = 0, column = 0, lines = 1;

    for (size_t i = 0; i < n; i++)
        lines += data[i] == '\n';
    FUZZ_MUST(sscanf(e->text, "line %u, column %u", &line, &column) == 2);
    FUZZ_MUST(line >= 1 && line <= lines && column >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    flux_error_t e = {""};
    json_t *table = toml_parse((const char *)data, size, &e);
    char *text;

    if (!table) {
        must_be_placed(&e, data, size);
        return 0;
    }
    FUZZ_MUST(json_is_object(table));
    text = json_dumps(table, 0);
    FUZZ_MUST(text);
    free(text);
    json_decref(table);
    return 0;
}
