/* soname.c - a shared object that is nothing but a name
 *
 * A module that was linked for Flux names libflux-core.so.2 and
 * libjansson.so.4 among its needs.  The functions themselves are those that
 * this program exports: the dynamic linker looks there before it looks into
 * any library.  What is left for the libraries is to be there, under these
 * names; and the second has to have the version that the symbols are asked
 * for with, or the linker refuses the module.
 *
 * So instead of files that could be missing, or of another state of the
 * sources, or Flux's own, which would come with a megabyte of functions that
 * no one calls, this program makes objects of one page that hold a dynamic
 * section with a SONAME, a symbol table whose only entry is the one that
 * stands for none, its hash table and, if asked for, a version definition.
 * glibc takes an object that is mapped for any need of its SONAME.
 *
 * The layout is that of the System V ABI, chapters 4 and 5, in this program's
 * class and byte order; what machine it is, with its flags, is copied from the
 * program's own header.  The version's records are those of the Linux Standard
 * Base.  Addresses are the places in the file.  The one segment is writable
 * since the linker of some machines puts addresses into the dynamic section;
 * and the stack is said not to be executable, for where nothing is said it
 * becomes so.
 */
#include "soname.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sys.h"
#include "util.h"

#if UINTPTR_MAX > 0xffffffff
typedef Elf64_Ehdr header_t;
typedef Elf64_Phdr segment_t;
typedef Elf64_Dyn entry_t;
typedef Elf64_Sym symbol_t;
typedef Elf64_Verdef definition_t;
typedef Elf64_Verdaux definition_name_t;
#else
typedef Elf32_Ehdr header_t;
typedef Elf32_Phdr segment_t;
typedef Elf32_Dyn entry_t;
typedef Elf32_Sym symbol_t;
typedef Elf32_Verdef definition_t;
typedef Elf32_Verdaux definition_name_t;
#endif

enum {
    SEGMENTS = 3,
    ENTRIES = 11,
    PAGE_LARGEST = 1 << 16, /* of any machine: what is aligned to it may be
                               mapped where pages are smaller */
    NAME_MAX_SIZE = 64,
    VERSION_INDEX = 2, /* 0 and 1 have meanings of their own */
};

/* The whole file, which is mapped as it is. */
struct image {
    header_t header;
    segment_t segments[SEGMENTS];
    entry_t dynamic[ENTRIES];
    symbol_t none; /* the table of symbols */
    struct definition {
        definition_t definition;
        definition_name_t name;
    } versions[2];    /* the file's own, and the one that is asked for */
    uint32_t hash[4]; /* one bucket, one symbol, both end at once */
    uint16_t symbol_versions[1];
    char strings[1 + NAME_MAX_SIZE + NAME_MAX_SIZE];
};

#define PLACE(field) offsetof(struct image, field)

enum { NAME_AT = 1, VERSION_AT = 1 + NAME_MAX_SIZE }; /* among the strings */

/* The hash function of the System V ABI. */
static uint32_t hash_of(const char *name)
{
    uint32_t hash = 0, high;

    for (; *name; name++) {
        hash = (hash << 4) + (unsigned char)*name;
        high = hash & 0xf0000000;
        hash = (hash ^ high >> 24) & ~high;
    }
    return hash;
}

static int copy_own_header(header_t *header)
{
    char *path = sys_executable();
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : read(fd, header, sizeof(*header));

    if (fd >= 0)
        close(fd);
    free(path);
    return n == (ssize_t)sizeof(*header) ? 0 : -1;
}

static int make_header(struct image *o)
{
    if (copy_own_header(&o->header) < 0)
        return -1;
    o->header.e_type = ET_DYN;
    o->header.e_entry = 0;
    o->header.e_phoff = PLACE(segments);
    o->header.e_phnum = SEGMENTS;
    o->header.e_shoff = 0;
    o->header.e_shnum = 0;
    o->header.e_shstrndx = 0;
    return 0;
}

static void make_segments(struct image *o)
{
    segment_t *whole = &o->segments[0], *dynamic = &o->segments[1];

    whole->p_type = PT_LOAD;
    whole->p_flags = PF_R | PF_W;
    whole->p_filesz = whole->p_memsz = sizeof(*o);
    whole->p_align = PAGE_LARGEST;
    dynamic->p_type = PT_DYNAMIC;
    dynamic->p_flags = PF_R | PF_W;
    dynamic->p_offset = dynamic->p_vaddr = PLACE(dynamic);
    dynamic->p_filesz = dynamic->p_memsz = sizeof(o->dynamic);
    dynamic->p_align = sizeof(void *);
    o->segments[2].p_type = PT_GNU_STACK;
    o->segments[2].p_flags = PF_R | PF_W;
}

static void make_dynamic(struct image *o, bool versioned)
{
    const struct {
        uint32_t tag;
        size_t value;
    } table[] = {
        {DT_SONAME, NAME_AT},
        {DT_HASH, PLACE(hash)},
        {DT_STRTAB, PLACE(strings)},
        {DT_STRSZ, sizeof(o->strings)},
        {DT_SYMTAB, PLACE(none)},
        {DT_SYMENT, sizeof(o->none)},
        {DT_VERSYM, PLACE(symbol_versions)},
        {DT_VERDEF, PLACE(versions)},
        {DT_VERDEFNUM, UTIL_ARRAY_SIZE(o->versions)},
    };
    size_t n = UTIL_ARRAY_SIZE(table) - (versioned ? 0 : 3);

    for (size_t i = 0; i < n; i++) {
        o->dynamic[i].d_tag = (int32_t)table[i].tag;
        o->dynamic[i].d_un.d_val = table[i].value;
    }
}

static void make_version(struct definition *d, int index, const char *name)
{
    d->definition.vd_version = VER_DEF_CURRENT;
    d->definition.vd_flags = index == 1 ? VER_FLG_BASE : 0;
    d->definition.vd_ndx = (uint16_t)index;
    d->definition.vd_cnt = 1;
    d->definition.vd_hash = hash_of(name);
    d->definition.vd_aux = offsetof(struct definition, name);
    d->definition.vd_next = index == 1 ? sizeof(*d) : 0;
    d->name.vda_name = index == 1 ? NAME_AT : VERSION_AT;
}

int soname_write(struct buf *b, const char *name, const char *version)
{
    struct image o;

    memset(&o, 0, sizeof(o));
    if (strlen(name) >= NAME_MAX_SIZE ||
        (version && strlen(version) >= NAME_MAX_SIZE)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (make_header(&o) < 0)
        return -1;
    strcpy(o.strings + NAME_AT, name);
    strcpy(o.strings + VERSION_AT, version ? version : "");
    o.hash[0] = o.hash[1] = 1;
    make_segments(&o);
    make_dynamic(&o, version);
    make_version(&o.versions[0], 1, name);
    make_version(&o.versions[1], VERSION_INDEX, o.strings + VERSION_AT);
    buf_add(b, &o, sizeof(o));
    return 0;
}
