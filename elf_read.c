/* elf_read.c - what an ELF file says of itself, read without mapping it to run
 *
 * A module's file is looked at before the dynamic linker gets it: whether it
 * is for this machine at all, which libraries and which of their versions it
 * needs, which symbols it defines and which it leaves to others.  The linker
 * knows all that too, but tells the first fault only, in words of its own,
 * and for some faults not before it has run the file's constructors.
 *
 * The file is taken for hostile.  What always holds:
 * - Every number and every string is read through number() and string(),
 *   which look no further than the data: a number outside of it is 0, a string
 *   "".  A garbled file thus has no symbols, or other ones, and nothing worse.
 * - The table of strings ends with a NUL, or counts as empty.
 * - Each walk goes forward only and ends with the data or at a limit below.
 * - A file of the other byte order is refused before any number but its
 *   machine is read, so that all others are read as they lie.
 *
 * What is dynamic is found by the program headers, as the linker does it: the
 * section headers may have been stripped.  There, addresses are given, which
 * the loadable segments turn into places in the file.  No table says how many
 * symbols there are; the hash table does, of either kind.
 *
 * The file is mapped.  Should someone cut it short meanwhile, reading it kills
 * the process; but so it does when the dynamic linker maps it next.
 */
#include "elf_read.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

enum {
    AT_CLASS = 4, /* in the header, the same in both classes */
    AT_ORDER = 5,
    AT_KIND = 16,
    AT_MACHINE = 18,
    HEADER_SIZE = 52, /* the smaller one's */

    CLASS_32 = 1,
    CLASS_64 = 2,
    ORDER_LITTLE = 1,
    ORDER_BIG = 2,

    KIND_SHARED = 3,

    SEGMENT_LOAD = 1,
    SEGMENT_DYNAMIC = 2,
    SEGMENT_INTERPRETER = 3,

    TAG_END = 0,
    TAG_NEEDED = 1,
    TAG_HASH = 4,
    TAG_STRINGS = 5,
    TAG_SYMBOLS = 6,
    TAG_STRINGS_SIZE = 10,
    TAG_SONAME = 14,
    TAG_GNU_HASH = 0x6ffffef5,
    TAG_NEEDS = 0x6ffffffe,
    TAG_NEED_COUNT = 0x6fffffff,

    BIND_WEAK = 2,
    NEED_SIZE = 16, /* of a needed file's record, and of a version's */
    NEED_WEAK = 2,

    /* A shared object has about ten segments, and needs some ten libraries
     * with up to some thirty versions each (glibc's).
     */
    SEGMENTS_MAX = 64,
    NEEDS_MAX = 1024,
    VERSIONS_MAX = 1024,
};

/* ---- numbers and strings ------------------------------------------------- */

static uint64_t number(const struct elf *f, size_t at, size_t size)
{
    uint16_t two;
    uint32_t four;
    uint64_t eight;

    if (at > f->size || f->size - at < size)
        return 0;
    switch (size) {
    case 1:
        return f->data[at];
    case 2:
        memcpy(&two, f->data + at, sizeof(two));
        return two;
    case 4:
        memcpy(&four, f->data + at, sizeof(four));
        return four;
    default:
        memcpy(&eight, f->data + at, sizeof(eight));
        return eight;
    }
}

/* A number as wide as an address. */
static uint64_t word(const struct elf *f, size_t at)
{
    return number(f, at, f->wide ? 8 : 4);
}

static const char *string(const struct elf *f, uint64_t at)
{
    if (at >= f->strings_end - f->strings)
        return "";
    return (const char *)f->data + f->strings + at;
}

/* ---- whether it is for this machine -------------------------------------- */

static int own_order(void)
{
    const uint16_t one = 1;
    unsigned char first;

    memcpy(&first, &one, 1);
    return first ? ORDER_LITTLE : ORDER_BIG;
}

static int own_class(void)
{
    return sizeof(void *) == 8 ? CLASS_64 : CLASS_32;
}

/* As the compiler says; 0 where it is not known, and then any will do. */
static unsigned own_machine(void)
{
#if defined(__x86_64__)
    return 62;
#elif defined(__i386__)
    return 3;
#elif defined(__aarch64__)
    return 183;
#elif defined(__arm__)
    return 40;
#elif defined(__powerpc64__)
    return 21;
#elif defined(__s390x__)
    return 22;
#elif defined(__riscv)
    return 243;
#elif defined(__loongarch__)
    return 258;
#else
    return 0;
#endif
}

static const struct {
    unsigned number;
    const char *name;
} machines[] = {
    {3, "i386"},    {8, "mips"},        {20, "ppc"},    {21, "ppc64"},
    {22, "s390"},   {40, "arm"},        {62, "x86-64"}, {183, "aarch64"},
    {243, "riscv"}, {258, "loongarch"},
};

static const char *machine_name(unsigned machine)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(machines); i++)
        if (machines[i].number == machine)
            return machines[i].name;
    return "another machine";
}

struct target {
    unsigned machine;
    int class, order;
};

static void target_text(const struct target *t, char *text, size_t size)
{
    snprintf(text, size, "%s, %d bits, %s-endian", machine_name(t->machine),
             t->class == CLASS_64 ? 64 : 32,
             t->order == ORDER_LITTLE ? "little" : "big");
}

static struct target target_of(const unsigned char *header)
{
    int order = header[AT_ORDER];
    unsigned low = header[AT_MACHINE + (order == ORDER_BIG)];
    unsigned high = header[AT_MACHINE + (order != ORDER_BIG)];
    struct target t = {high << 8 | low, header[AT_CLASS], order};

    return t;
}

static int check_target(const unsigned char *header, flux_error_t *e)
{
    struct target own = {own_machine(), own_class(), own_order()};
    struct target its = target_of(header);
    char want[48], have[48];

    if (!own.machine)
        own.machine = its.machine;
    if (its.machine == own.machine && its.class == own.class &&
        its.order == own.order)
        return 0;
    target_text(&own, want, sizeof(want));
    target_text(&its, have, sizeof(have));
    return util_errno(e, ENOEXEC,
                      "this ELF file is for %s; what runs here is %s", have,
                      want);
}

/* ---- where things are ---------------------------------------------------- */

struct segment {
    unsigned kind;
    uint64_t offset, address, size;
};

static struct segment segment_at(const struct elf *f, size_t i)
{
    size_t at = f->headers + i * f->header_size;
    struct segment s;

    s.kind = (unsigned)number(f, at, 4);
    s.offset = word(f, at + (f->wide ? 8 : 4));
    s.address = word(f, at + (f->wide ? 16 : 8));
    s.size = word(f, at + (f->wide ? 32 : 16));
    return s;
}

static bool find_segment(const struct elf *f, unsigned kind, struct segment *s)
{
    for (size_t i = 0; i < f->header_count; i++) {
        *s = segment_at(f, i);
        if (s->kind == kind)
            return true;
    }
    return false;
}

/* The place in the file of what is at an address; beyond its end if none. */
static size_t place_of(const struct elf *f, uint64_t address)
{
    for (size_t i = 0; i < f->header_count; i++) {
        struct segment s = segment_at(f, i);
        uint64_t into = address - s.address;

        if (s.kind == SEGMENT_LOAD && address >= s.address && into < s.size &&
            s.offset < f->size && into < f->size - s.offset)
            return (size_t)(s.offset + into);
    }
    return f->size;
}

uint64_t elf_size(const struct elf *f)
{
    uint64_t end = 0;

    for (size_t i = 0; i < f->header_count; i++) {
        struct segment s = segment_at(f, i);

        if (s.kind != SEGMENT_LOAD)
            continue;
        if (s.size > UINT64_MAX - s.offset)
            return UINT64_MAX;
        if (s.offset + s.size > end)
            end = s.offset + s.size;
    }
    return end;
}

/* The next entry with that tag from *at on, which moves behind it. */
static bool
next_entry(const struct elf *f, uint64_t tag, size_t *at, uint64_t *value)
{
    size_t half = f->wide ? 8 : 4;
    uint64_t its;

    if (*at == 0)
        *at = f->dynamic;
    while (*at < f->dynamic_end && (its = word(f, *at)) != TAG_END) {
        *value = word(f, *at + half);
        *at += 2 * half;
        if (its == tag)
            return true;
    }
    return false;
}

static uint64_t entry(const struct elf *f, uint64_t tag)
{
    uint64_t value;
    size_t at = 0;

    return next_entry(f, tag, &at, &value) ? value : 0;
}

/* Place of a table whose address has that tag; 0 if there is none. */
static size_t table(const struct elf *f, uint64_t tag)
{
    uint64_t address = entry(f, tag);
    size_t at = address ? place_of(f, address) : 0;

    return at < f->size ? at : 0;
}

static void find_dynamic(struct elf *f)
{
    struct segment s;

    f->dynamic = f->dynamic_end = 0;
    if (!find_segment(f, SEGMENT_DYNAMIC, &s) || s.offset >= f->size)
        return;
    f->dynamic = (size_t)s.offset;
    f->dynamic_end = f->size;
    if (s.size < f->size - f->dynamic)
        f->dynamic_end = f->dynamic + (size_t)s.size;
}

static void find_strings(struct elf *f)
{
    uint64_t size = entry(f, TAG_STRINGS_SIZE);

    f->strings = f->strings_end = table(f, TAG_STRINGS);
    if (f->strings && size > 0 && size <= f->size - f->strings &&
        f->data[f->strings + size - 1] == '\0')
        f->strings_end = f->strings + (size_t)size;
}

/* GNU's table: the last symbol is the end of the chain of the bucket with the
 * highest first symbol.  Those before `first` are not in it: they are what the
 * file does not define.
 */
static size_t count_by_gnu_hash(const struct elf *f, size_t at)
{
    uint64_t buckets = number(f, at, 4), first = number(f, at + 4, 4);
    uint64_t bloom = number(f, at + 8, 4), last = 0;
    uint64_t bucket = at + 16 + bloom * (f->wide ? 8 : 4), chain;

    if (bucket > f->size || buckets > (f->size - bucket) / 4)
        return 0;
    for (uint64_t i = 0; i < buckets; i++) {
        uint64_t symbol = number(f, (size_t)(bucket + 4 * i), 4);

        last = symbol > last ? symbol : last;
    }
    if (last < first)
        return (size_t)first;
    chain = bucket + 4 * buckets + 4 * (last - first);
    for (; chain < f->size && !(number(f, (size_t)chain, 4) & 1); chain += 4)
        last++;
    return (size_t)last + 1;
}

static size_t symbol_size(const struct elf *f)
{
    return f->wide ? 24 : 16;
}

static void find_symbols(struct elf *f)
{
    size_t hash = table(f, TAG_HASH), gnu = table(f, TAG_GNU_HASH), room;

    f->symbols = table(f, TAG_SYMBOLS);
    f->symbol_count = 0;
    if (!f->symbols)
        return;
    if (gnu)
        f->symbol_count = count_by_gnu_hash(f, gnu);
    else if (hash)
        f->symbol_count = (size_t)number(f, hash + 4, 4);
    room = (f->size - f->symbols) / symbol_size(f);
    if (f->symbol_count > room)
        f->symbol_count = room;
}

static void find_versions(struct elf *f)
{
    uint64_t count = entry(f, TAG_NEED_COUNT);

    f->needs = table(f, TAG_NEEDS);
    f->need_count = count < NEEDS_MAX ? (size_t)count : NEEDS_MAX;
    if (!f->needs)
        f->need_count = 0;
}

static void find_headers(struct elf *f)
{
    uint64_t at = word(f, f->wide ? 32 : 28);
    uint64_t count = number(f, f->wide ? 56 : 44, 2);

    f->kind = (unsigned)number(f, AT_KIND, 2);
    f->headers = at < f->size ? (size_t)at : f->size;
    f->header_size = (size_t)number(f, f->wide ? 54 : 42, 2);
    f->header_count = count < SEGMENTS_MAX ? (size_t)count : SEGMENTS_MAX;
}

/* ---- reading ------------------------------------------------------------- */

int elf_read(struct elf *f, const void *data, size_t size, flux_error_t *e)
{
    memset(f, 0, sizeof(*f));
    if (size < HEADER_SIZE || memcmp(data, "\177ELF", 4) != 0)
        return util_errno(e, ENOEXEC, "this is not an ELF file");
    if (check_target(data, e) < 0)
        return -1;
    f->data = data;
    f->size = size;
    f->wide = f->data[AT_CLASS] == CLASS_64;
    find_headers(f);
    find_dynamic(f);
    find_strings(f);
    find_symbols(f);
    find_versions(f);
    return 0;
}

static int map(int fd, const void **data, size_t *size)
{
    struct stat st;
    void *p;

    if (fstat(fd, &st) < 0)
        return -1;
    if (!S_ISREG(st.st_mode)) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    *data = NULL;
    *size = (size_t)st.st_size;
    if (*size == 0)
        return 0;
    if ((p = mmap(NULL, *size, PROT_READ, MAP_PRIVATE, fd, 0)) == MAP_FAILED)
        return -1;
    *data = p;
    return 0;
}

static int map_path(const char *path, const void **data, size_t *size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc, saved_errno;

    if (fd < 0)
        return -1;
    rc = map(fd, data, size);
    saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return rc;
}

int elf_open(struct elf *f, const char *path, flux_error_t *e)
{
    const void *data;
    size_t size;

    if (map_path(path, &data, &size) < 0)
        return util_error(e, "%s", strerror(errno));
    if (elf_read(f, data, size, e) == 0)
        return 0;
    f->data = data;
    f->size = size;
    elf_close(f);
    return -1;
}

void elf_close(struct elf *f)
{
    int saved_errno = errno;

    if (f->size > 0)
        munmap((void *)f->data, f->size);
    f->size = 0;
    errno = saved_errno;
}

bool elf_is_shared_object(const struct elf *f)
{
    return f->kind == KIND_SHARED;
}

bool elf_has_interpreter(const struct elf *f)
{
    struct segment s;

    return find_segment(f, SEGMENT_INTERPRETER, &s);
}

const char *elf_soname(const struct elf *f)
{
    uint64_t at = entry(f, TAG_SONAME);

    return at ? string(f, at) : NULL;
}

/* ---- walks --------------------------------------------------------------- */

const char *elf_next_needed(const struct elf *f, size_t *at)
{
    uint64_t value;

    return next_entry(f, TAG_NEEDED, at, &value) ? string(f, value) : NULL;
}

/* The first symbol stands for none. */
bool elf_next_symbol(const struct elf *f, size_t *at, struct elf_symbol *s)
{
    size_t place;

    if (++*at >= f->symbol_count)
        return false;
    place = f->symbols + *at * symbol_size(f);
    s->name = string(f, number(f, place, 4));
    s->weak = number(f, place + (f->wide ? 4 : 12), 1) >> 4 == BIND_WEAK;
    s->defined = number(f, place + (f->wide ? 6 : 14), 2) != 0;
    return true;
}

/* Where the next record is, by the number at `at`: always further on. */
static size_t follow(const struct elf *f, size_t record, size_t at)
{
    uint64_t step = number(f, at, 4);

    return step && step < f->size - record ? record + (size_t)step : f->size;
}

static bool next_need(const struct elf *f, struct elf_version_walk *at)
{
    size_t count;

    if (at->need == 0) {
        at->need = f->needs;
        at->needs_left = f->need_count;
    } else
        at->need = follow(f, at->need, at->need + 12);
    if (at->needs_left == 0 || at->need >= f->size)
        return false;
    at->needs_left--;
    count = (size_t)number(f, at->need + 2, 2);
    at->versions_left = count < VERSIONS_MAX ? count : VERSIONS_MAX;
    at->version = follow(f, at->need, at->need + 8);
    return true;
}

bool elf_next_version(const struct elf *f,
                      struct elf_version_walk *at,
                      struct elf_version *v)
{
    while (at->versions_left == 0 || at->version >= f->size)
        if (!next_need(f, at))
            return false;
    at->versions_left--;
    v->file = string(f, number(f, at->need + 4, 4));
    v->name = string(f, number(f, at->version + 8, 4));
    v->weak = number(f, at->version + 4, 2) & NEED_WEAK;
    at->version = follow(f, at->version, at->version + 12);
    return true;
}
