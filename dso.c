/* dso.c - shared objects that are mapped as modules
 *
 * A module may have been compiled here, naming no library, or for Flux, naming
 * libflux-core.so.2 and libjansson.so.4.  Either gets the functions that this
 * program exports, since the dynamic linker looks for a symbol in the program
 * first, whatever version it is asked for.  There is thus one copy of the
 * library's state in a process.
 *
 * What always holds:
 * - The two libraries that a module names are never looked for: before it is
 *   mapped, objects with their names are (soname.c), once in a process, unless
 *   something of that name is mapped already.  Where the system has no such
 *   thing the linker looks for them; build/lib has both.
 * - The file is read (elf_read.c) before the linker maps it.  What it lacks is
 *   told in one sentence, with all of the symbols that it misses.
 * - A symbol that we do not have may be another library's that the module
 *   names; so whether one is missing is the linker's to say, which binds all
 *   before it runs anything of the file, and which ones are is ours.
 * - The symbols of a module stay local to it, and all of them are bound when it
 *   is mapped, so that one that is missing is told to the one who loads and
 *   does not kill at the first call.  RTLD_DEEPBIND is not used, since it
 *   breaks sanitizers and preloaded libraries.
 */
#include "dso.h"

#include "util.h"

#ifdef BUSYFLUX_STATIC
bool dso_can_open(void)
{
    return false;
}

void *dso_open(const char *path, char **why)
{
    *why = util_asprintf("%s: this is a static program, which cannot load "
                         "shared objects; use a dynamic build of busyflux",
                         path);
    errno = ENOTSUP;
    return NULL;
}
#else
#include <dlfcn.h>
#include <inttypes.h>
#include <limits.h>
#include <unistd.h>

#include "buf.h"
#include "elf_read.h"
#include "json.h"
#include "soname.h"
#include "sys.h"

bool dso_can_open(void)
{
    return true;
}

/* ---- the libraries that we stand for ------------------------------------- */

static const struct library {
    const char *name;
    size_t stem; /* how much of it is not its version */
    const char *version;
    const char *interface;
} libraries[] = {
    {"libflux-core.so.2", sizeof("libflux-core.so.") - 1, NULL,
     "Flux " FLUX_CORE_VERSION_STRING},
    {"libjansson.so.4", sizeof("libjansson.so.") - 1, "libjansson.so.4",
     "jansson " JANSSON_VERSION},
};

enum { LIBRARIES = UTIL_ARRAY_SIZE(libraries) };

/* The one of the same name, whatever its version; NULL for others. */
static const struct library *find_library(const char *name)
{
    for (size_t i = 0; i < LIBRARIES; i++)
        if (strncmp(name, libraries[i].name, libraries[i].stem) == 0)
            return &libraries[i];
    return NULL;
}

static int memory_file(const struct library *l)
{
    struct buf b = {NULL, 0, 0, false};
    int fd = sys_memory_file(l->name);

    if (fd >= 0 && (soname_write(&b, l->name, l->version) < 0 || b.failed ||
                    write(fd, b.data, b.size) != (ssize_t)b.size)) {
        close(fd);
        fd = -1;
    }
    buf_release(&b);
    return fd;
}

/* The linker knows an object by the path that it was opened with.  So both
 * descriptors are open at the same time, and the paths differ.
 */
static void map_names(void)
{
    int fds[LIBRARIES];
    char path[64];

    for (size_t i = 0; i < LIBRARIES; i++)
        fds[i] = sys_dso_is_mapped(libraries[i].name)
                     ? -1
                     : memory_file(&libraries[i]);
    for (size_t i = 0; i < LIBRARIES; i++) {
        if (fds[i] < 0)
            continue;
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fds[i]);
        (void)dlopen(path, RTLD_LAZY | RTLD_LOCAL);
    }
    for (size_t i = 0; i < LIBRARIES; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* ---- a look at the file -------------------------------------------------- */

static bool is_ours(const char *name)
{
    return strncmp(name, "flux_", 5) == 0 || strncmp(name, "json_", 5) == 0;
}

/* "A", "A and B", "A, B and C": `left` are to come after this one. */
static void add_to_list(struct buf *b, size_t n, size_t left, const char *word)
{
    if (n > 0)
        buf_add_string(b, left > 0 ? ", " : " and ");
    buf_add_string(b, word);
}

static bool is_missing(void *program, const struct elf_symbol *s)
{
    return !s->defined && !s->weak && is_ours(s->name) &&
           !dlsym(program, s->name);
}

static bool
next_missing(const struct elf *f, void *program, size_t *at, const char **name)
{
    struct elf_symbol s;

    while (elf_next_symbol(f, at, &s))
        if (is_missing(program, &s)) {
            *name = s.name;
            return true;
        }
    return false;
}

static void list_missing(const struct elf *f, void *program, struct buf *b)
{
    size_t at = 0, n = 0, count = 0;
    const char *name;

    while (next_missing(f, program, &at, &name))
        count++;
    for (at = 0; next_missing(f, program, &at, &name); n++)
        add_to_list(b, n, count - n - 1, name);
}

/* The symbols of flux.h and json.h that the file needs and that we do not
 * have, as a list for people; NULL if there is none.
 */
static char *missing_symbols(const struct elf *f)
{
    void *program = dlopen(NULL, RTLD_LAZY);
    struct buf b = {NULL, 0, 0, false};

    if (!program)
        return NULL;
    list_missing(f, program, &b);
    dlclose(program);
    if (b.size > 0)
        return buf_steal_string(&b);
    buf_release(&b);
    return NULL;
}

static char *check_kind(const struct elf *f, const char *path)
{
    if (elf_is_shared_object(f))
        return NULL;
    return util_asprintf("%s: this ELF file is not a shared object", path);
}

static char *check_size(const struct elf *f, const char *path)
{
    if (elf_size(f) <= f->size)
        return NULL;
    return util_asprintf("%s: this ELF file is cut short: its contents go to "
                         "byte %" PRIu64 ", and it ends at byte %zu",
                         path, elf_size(f), f->size);
}

static char *check_libraries(const struct elf *f, const char *path)
{
    const struct library *l;
    const char *name;
    size_t at = 0;

    while ((name = elf_next_needed(f, &at)))
        if ((l = find_library(name)) && strcmp(name, l->name) != 0)
            return util_asprintf("%s: this module needs %s; here is %s (%s)",
                                 path, name, l->name, l->interface);
    return NULL;
}

static char *check_version(const struct elf_version *v, const char *path)
{
    const struct library *l = find_library(v->file);

    if (!l || v->weak || (l->version && strcmp(v->name, l->version) == 0))
        return NULL;
    return util_asprintf("%s: this module needs version %s of %s; %s here "
                         "(%s) has %s",
                         path, v->name, v->file, l->name, l->interface,
                         l->version ? l->version : "no versions");
}

static char *check_versions(const struct elf *f, const char *path)
{
    struct elf_version_walk at = {0, 0, 0, 0};
    struct elf_version v;
    char *why = NULL;

    while (!why && elf_next_version(f, &at, &v))
        why = check_version(&v, path);
    return why;
}

static char *check_main(const struct elf *f, const char *path)
{
    const char *soname = elf_soname(f);
    struct elf_symbol s;
    size_t at = 0;

    if (f->symbol_count == 0)
        return NULL; /* cut short, or something else for the linker to tell */
    while (elf_next_symbol(f, &at, &s))
        if (s.defined && strcmp(s.name, "mod_main") == 0)
            return NULL;
    if (soname && strncmp(soname, "lib", 3) == 0)
        return util_asprintf("%s: this is a library, %s: module does not "
                             "define mod_main()",
                             path, soname);
    return util_asprintf("%s: module does not define mod_main()", path);
}

/* Why no linker would take it for what it is, or NULL. */
static char *check(const struct elf *f, const char *path)
{
    static char *(*const checks[])(const struct elf *, const char *) = {
        check_kind, check_size, check_libraries, check_versions};
    char *why = NULL;

    for (size_t i = 0; !why && i < UTIL_ARRAY_SIZE(checks); i++)
        why = checks[i](f, path);
    return why;
}

static bool needs_names(const struct elf *f)
{
    const char *name;
    size_t at = 0;

    while ((name = elf_next_needed(f, &at)))
        if (find_library(name))
            return true;
    return false;
}

/* ---- mapping ------------------------------------------------------------- */

/* glibc says which version of it a symbol wants, but not which it has. */
static char *linker_text(const char *path, const char *text)
{
    char libc[64] = "";

#ifdef _CS_GNU_LIBC_VERSION
    if (strstr(text, "`GLIBC_"))
        confstr(_CS_GNU_LIBC_VERSION, libc, sizeof(libc));
#endif
    return util_asprintf("%s%s%s%s%s", strstr(text, path) ? "" : path,
                         strstr(text, path) ? "" : ": ", text,
                         *libc ? "; here is " : "", libc);
}

/* All that is missing, of which the linker has named one. */
static char *missing_text(const char *path, const char *missing)
{
    return util_asprintf("%s: this module needs %s, which the interface here "
                         "(%s, %s) does not have",
                         path, missing, libraries[0].interface,
                         libraries[1].interface);
}

/* There is no text where there was no memory for it. */
static const char *linker_error(void)
{
    const char *text = dlerror();

    return text ? text : "out of memory";
}

/* The linker's own words last until it is asked something else. */
static char *explain(const struct elf *f, const char *path)
{
    char *why = linker_text(path, linker_error());
    char *missing = missing_symbols(f);

    if (missing) {
        free(why);
        why = missing_text(path, missing);
    }
    free(missing);
    return why;
}

static void *map(const struct elf *f, const char *path, char **why)
{
    void *dso;

    if (needs_names(f))
        map_names();
    if (!(dso = dlopen(path, RTLD_NOW | RTLD_LOCAL))) {
        *why = explain(f, path);
        errno = ENOENT;
    }
    return dso;
}

static void *examine(const struct elf *f, const char *path, char **why)
{
    if ((*why = check(f, path))) {
        errno = ENOENT;
        return NULL;
    }
    if ((*why = check_main(f, path))) {
        errno = EINVAL;
        return NULL;
    }
    return map(f, path, why);
}

void *dso_open(const char *path, char **why)
{
    flux_error_t e;
    struct elf f;
    void *dso;

    *why = NULL;
    if (elf_open(&f, path, &e) < 0) {
        *why = util_asprintf("%s: %s", path, e.text);
        errno = ENOENT;
        return NULL;
    }
    dso = examine(&f, path, why);
    elf_close(&f);
    return dso;
}
#endif
