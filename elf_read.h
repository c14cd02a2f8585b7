/* elf_read.h - what an ELF file says of itself, read without mapping it to run
 *
 * Offsets, sizes and values are those of the System V ABI, chapters 4 and 5,
 * and of the GNU symbol versions as the Linux Standard Base has them.
 */
#ifndef ELF_READ_H
#define ELF_READ_H

#include "flux.h"

struct elf {
    const unsigned char *data;
    size_t size;
    bool wide;      /* 64-bit */
    unsigned kind;  /* e_type */
    size_t headers; /* program headers: where, how long each, how many */
    size_t header_size;
    size_t header_count;
    size_t dynamic, dynamic_end;
    size_t strings, strings_end; /* the last byte is a NUL */
    size_t symbols, symbol_count;
    size_t needs, need_count; /* of versions; 0: none */
};

struct elf_symbol {
    const char *name;
    bool defined;
    bool weak;
};

struct elf_version {
    const char *file;
    const char *name;
    bool weak;
};

struct elf_version_walk {
    size_t need, needs_left;
    size_t version, versions_left;
};

/* Read `size` bytes, which must stay where they are, or a file, which is
 * mapped until elf_close().  -1 with ENOEXEC, or why the file cannot be read,
 * and a sentence about "this" file if it is none for this machine.
 */
int elf_read(struct elf *f, const void *data, size_t size, flux_error_t *e);
int elf_open(struct elf *f, const char *path, flux_error_t *e);
void elf_close(struct elf *f);

bool elf_is_shared_object(const struct elf *f);
/* Whether it asks for an interpreter, which is the dynamic linker. */
bool elf_has_interpreter(const struct elf *f);
/* Where the last of what is to be mapped ends.  Beyond f->size: the file is cut
 * short, and whoever maps and touches it is killed by SIGBUS.
 */
uint64_t elf_size(const struct elf *f);
const char *elf_soname(const struct elf *f); /* or NULL */

/* Walks.  The cursor starts as 0; NULL or false at the end.  What is lent
 * lives as long as the data.
 */
const char *elf_next_needed(const struct elf *f, size_t *at);
bool elf_next_symbol(const struct elf *f, size_t *at, struct elf_symbol *s);
bool elf_next_version(const struct elf *f,
                      struct elf_version_walk *at,
                      struct elf_version *v);

#endif /* ELF_READ_H */
