/* test_elf_read.c - a good ELF file, cut short and changed in each place
 *
 * The good one is what soname.c makes, then this program's own file.  A reader
 * that looks beyond the data would do so here: each piece is in memory of its
 * own size, and the sanitizers and valgrind watch.
 */
#include "../elf_read.h"

#include <stdlib.h>

#include "../buf.h"
#include "../soname.h"
#include "../sys.h"
#include "tap.h"

/* All that can be asked of a file. */
static size_t walk(const struct elf *f)
{
    struct elf_version_walk at = {0, 0, 0, 0};
    struct elf_version v;
    struct elf_symbol s;
    size_t n = 0, i = 0, j = 0;
    const char *name;

    while (elf_next_symbol(f, &i, &s))
        n += strlen(s.name) + s.defined + s.weak;
    while ((name = elf_next_needed(f, &j)))
        n += strlen(name);
    while (elf_next_version(f, &at, &v))
        n += strlen(v.file) + strlen(v.name);
    name = elf_soname(f);
    return n + (name ? strlen(name) : 0) + elf_has_interpreter(f);
}

static int read_copy(const unsigned char *data, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);
    flux_error_t e;
    struct elf f;
    int rc;

    memcpy(copy, data, size);
    if ((rc = elf_read(&f, copy, size, &e)) == 0)
        walk(&f);
    free(copy);
    return rc;
}

static void test_soname(struct buf *b)
{
    flux_error_t e;
    struct elf f;
    size_t at = 0;

    is_int(soname_write(b, "libx.so.1", "X_1"), 0, "an object with a name");
    is_int(elf_read(&f, b->data, b->size, &e), 0, "is read");
    ok(elf_is_shared_object(&f), "as a shared object");
    ok(!elf_has_interpreter(&f), "not a program");
    is_str(elf_soname(&f), "libx.so.1", "with that name");
    ok(!elf_next_needed(&f, &at), "which needs nothing");
}

static void test_own_file(void)
{
    char *path = sys_executable();
    struct elf_symbol s;
    flux_error_t e;
    struct elf f;
    size_t at = 0, undefined = 0, weak = 0;
    const char *name;
    bool has_libc = false;

    is_int(elf_open(&f, path, &e), 0, "this program's file is read");
    while (elf_next_symbol(&f, &at, &s)) {
        undefined += !s.defined && strcmp(s.name, "malloc") == 0;
        weak += s.weak;
    }
    is_int(undefined, 1, "it leaves malloc() to others");
    ok(weak > 0, "and has weak symbols");
    for (at = 0; (name = elf_next_needed(&f, &at));)
        has_libc = has_libc || strstr(name, "libc.");
    ok(has_libc, "it needs a C library");
    ok(elf_has_interpreter(&f), "and a dynamic linker");
    ok(walk(&f) > 0, "all of it");
    elf_close(&f);
    free(path);
}

static void test_cut(const struct buf *b)
{
    size_t size, read = 0;

    for (size = 0; size < b->size; size++)
        read += read_copy(b->data, size) == 0;
    ok(read > 0 && read < b->size, "cut short at each byte");
}

static void test_changed(const struct buf *b)
{
    static const unsigned char values[] = {0, 1, 0x7f, 0x80, 0xff};
    size_t read = 0;

    for (size_t i = 0; i < b->size; i++) {
        unsigned char old = b->data[i];

        for (size_t j = 0; j < sizeof(values); j++) {
            b->data[i] = values[j];
            read += read_copy(b->data, b->size) == 0;
        }
        b->data[i] = old;
    }
    ok(read > b->size, "each byte changed");
}

static void test_refusals(void)
{
    flux_error_t e;
    struct elf f;

    is_int(elf_read(&f, "", 0, &e), -1, "nothing is no ELF file");
    is_str(e.text, "this is not an ELF file", "and told so");
    is_int(elf_open(&f, "/nonexistent", &e), -1,
           "nor a file that is not there");
    is_str(e.text, "No such file or directory", "and told so");
    is_int(elf_open(&f, "/", &e), -1, "nor a folder");
    is_int(elf_open(&f, "/dev/null", &e), -1, "nor a device");
}

int main(void)
{
    struct buf b = {NULL, 0, 0, false};

    test_soname(&b);
    test_own_file();
    test_cut(&b);
    test_changed(&b);
    test_refusals();
    buf_release(&b);
    return done();
}
