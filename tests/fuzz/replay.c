/* replay.c - gives files to a fuzz target, one after another, without a fuzzer
 *
 * Usage: replay_TARGET FILE...
 *
 * Linked with a target in place of libFuzzer, so that what a fuzzer found once
 * is tried in every `make check` and with any compiler.  A target ends the
 * process on a finding; the file's name, printed in front, then is the last
 * line on stderr.  The bytes lie in memory of their own size.
 */
#include "fuzz.h"

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    long end;

    if (!f || fseek(f, 0, SEEK_END) < 0 || (end = ftell(f)) < 0)
        return NULL;
    rewind(f);
    *size = (size_t)end;
    data = malloc(*size ? *size : 1);
    if (data && fread(data, 1, *size, f) != *size) {
        free(data);
        data = NULL;
    }
    fclose(f);
    return data;
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        size_t size;
        uint8_t *data = read_file(argv[i], &size);

        if (!data) {
            fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 1;
        }
        fprintf(stderr, "%s\n", argv[i]);
        LLVMFuzzerTestOneInput(data, size);
        free(data);
    }
    printf("%d inputs\n", argc - 1);
    return 0;
}
