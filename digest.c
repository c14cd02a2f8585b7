/* digest.c - the SHA-1 of a file, made once as long as it does not change
 *
 * A module that is reloaded again and again has the same file most times, and
 * to read all of it takes longer than anything else that a load does.  So a
 * digest is kept with what stat(2) said of the file, and is good while that
 * is the same: device, inode, size, and the times of its last change, of
 * which no one but the system can set that of the inode.
 *
 * What always holds:
 * - A file that was changed shortly before it was read is read again, since
 *   the next change might come within the same tick of the system's clock.
 * - What is kept is bounded: when it has become too much, all is forgotten.
 */
#include "digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

enum {
    FILES_MAX = 256,
    QUIET = 2, /* seconds; file systems' clocks are finer than one */
};

struct digest_cache {
    struct table files; /* by path: struct known */
};

struct known {
    struct stat st;
    char digest[SHA1_HEX_SIZE];
};

struct digest_cache *digest_cache_create(void)
{
    struct digest_cache *c = malloc(sizeof(*c));

    if (c)
        table_init(&c->files, free);
    return c;
}

void digest_cache_destroy(struct digest_cache *c)
{
    if (!c)
        return;
    table_release(&c->files);
    free(c);
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_size == b->st_size && same_time(a->st_mtim, b->st_mtim) &&
           same_time(a->st_ctim, b->st_ctim);
}

static const struct known *find(struct digest_cache *c, const char *path)
{
    struct known *k = c ? table_get(&c->files, path) : NULL;
    struct stat st;

    return k && stat(path, &st) == 0 && same_file(&k->st, &st) ? k : NULL;
}

static void keep(struct digest_cache *c,
                 const char *path,
                 const struct stat *st,
                 const char *digest)
{
    struct known *k;

    if (!c || time(NULL) - st->st_ctim.tv_sec < QUIET ||
        !(k = malloc(sizeof(*k))))
        return;
    if (table_count(&c->files) == FILES_MAX)
        table_clear(&c->files);
    k->st = *st;
    memcpy(k->digest, digest, sizeof(k->digest));
    if (table_set(&c->files, path, k) < 0)
        free(k);
}

static int read_file(int fd, struct stat *st, char digest[SHA1_HEX_SIZE])
{
    if (fstat(fd, st) < 0)
        return -1;
    if (!S_ISREG(st->st_mode)) {
        errno = S_ISDIR(st->st_mode) ? EISDIR : EINVAL;
        return -1;
    }
    return sha1_fd(fd, digest);
}

int digest_of_file(struct digest_cache *c,
                   const char *path,
                   char digest[SHA1_HEX_SIZE],
                   flux_error_t *e)
{
    const struct known *k = find(c, path);
    struct stat st;
    int fd, rc, saved_errno;

    if (k) {
        memcpy(digest, k->digest, sizeof(k->digest));
        return 0;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    rc = fd < 0 ? -1 : read_file(fd, &st, digest);
    saved_errno = errno;
    if (fd >= 0)
        close(fd);
    errno = saved_errno;
    if (rc < 0)
        return util_error(e, "%s: %s", path, strerror(errno));
    keep(c, path, &st, digest);
    return 0;
}
