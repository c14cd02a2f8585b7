/* fuzz_elf.c - a file that is to be loaded as a module
 *
 * Input: the file.  It is read, then asked for all that it says of itself, or
 * refused with a sentence.  Each name is empty or lies in the file, with a NUL
 * behind it, and each walk ends: symbols and libraries are no more than the
 * file has bytes, versions no more than the reader's two limits allow.
 */
#include "elf_read.h"
#include "fuzz.h"

enum { VERSIONS_MAX = 1024 * 1024 };

static void must_be_inside(const struct elf *f, const char *name)
{
    const unsigned char *at = (const unsigned char *)name;

    if (*name == '\0')
        return;
    FUZZ_MUST(at >= f->data && at < f->data + f->size);
    FUZZ_MUST(memchr(at, '\0', (size_t)(f->data + f->size - at)));
}

static void walk_symbols(const struct elf *f)
{
    struct elf_symbol s;
    size_t at = 0;

    for (size_t n = 0; elf_next_symbol(f, &at, &s); n++) {
        FUZZ_MUST(n < f->size);
        must_be_inside(f, s.name);
    }
}

static void walk_needed(const struct elf *f)
{
    const char *name;
    size_t at = 0;

    for (size_t n = 0; (name = elf_next_needed(f, &at)); n++) {
        FUZZ_MUST(n < f->size);
        must_be_inside(f, name);
    }
}

static void walk_versions(const struct elf *f)
{
    struct elf_version_walk at = {0, 0, 0, 0};
    struct elf_version v;

    for (size_t n = 0; elf_next_version(f, &at, &v); n++) {
        FUZZ_MUST(n < VERSIONS_MAX);
        must_be_inside(f, v.file);
        must_be_inside(f, v.name);
    }
}

/* In a block of just that size, so that a step beyond it is seen. */
static unsigned char *copy_of(const uint8_t *data, size_t size)
{
    unsigned char *copy = malloc(size + (size == 0));

    FUZZ_MUST(copy);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char *copy = copy_of(data, size);
    flux_error_t e = {""};
    struct elf f;
    const char *name;

    if (elf_read(&f, copy, size, &e) == 0) {
        walk_symbols(&f);
        walk_needed(&f);
        walk_versions(&f);
        if ((name = elf_soname(&f)))
            must_be_inside(&f, name);
        elf_has_interpreter(&f);
    } else {
        FUZZ_MUST(*e.text);
    }
    free(copy);
    return 0;
}
