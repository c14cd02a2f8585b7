/* rundir.c - the folder of a broker's sockets
 *
 * Without the attribute `rundir`, a fresh folder that only the owner can
 * enter is made under TMPDIR and removed at exit.  With it, that folder is
 * used, made if it is not there, and kept.  A folder with the sticky bit is
 * taken for a /tmp: a fresh one is made in it.  The folder must belong to the
 * user, and no one else may write to it.
 *
 * Rank 0 puts a link bin/flux to its own program into it: with only the address
 * of a socket, `flux relay` is found beside it (ssh.c; Flux's connector, too).
 *
 * The file broker-RANK.lock in it is locked (fcntl) as long as the broker
 * lives.  The kernel lets go of it when the broker dies, however it dies; so a
 * socket that lies there without a lock is nobody's.
 */
#include "rundir.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys.h"
#include "util.h"

enum { DEPTH_MAX = 64 }; /* folders in folders that are removed */

struct rundir {
    char *path;
    int lock;   /* descriptor, or -1 */
    char *flux; /* the link that this broker made, or NULL */
    bool cleanup;
};

/* ---- removal ------------------------------------------------------------- */

static void remove_tree(int parent, const char *name, int depth)
{
    int fd =
        openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *d;

    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((d = readdir(dir))) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), d->d_name, 0) < 0 && depth < DEPTH_MAX)
            remove_tree(dirfd(dir), d->d_name, depth + 1);
    }
    closedir(dir);
    unlinkat(parent, name, AT_REMOVEDIR);
}

void rundir_remove(const char *path)
{
    remove_tree(AT_FDCWD, path, 0);
}

/* ---- making it --------------------------------------------------------------
 */

static int make_fresh(struct rundir *d, const char *parent, flux_error_t *e)
{
    if (!(d->path = util_asprintf("%s/flux-XXXXXX", parent)))
        return util_error(e, "out of memory");
    if (!mkdtemp(d->path))
        return util_error(e, "cannot make a folder in '%s': %s", parent,
                          strerror(errno));
    d->cleanup = true;
    return 0;
}

static int check_owner(const char *path, const struct stat *st, flux_error_t *e)
{
    if (!S_ISDIR(st->st_mode))
        return util_errno(e, ENOTDIR, "rundir '%s' is not a folder", path);
    if (st->st_uid != geteuid())
        return util_errno(e, EPERM, "rundir '%s' belongs to user %u, not %u",
                          path, (unsigned)st->st_uid, (unsigned)geteuid());
    if ((st->st_mode & S_IRWXU) != S_IRWXU)
        return util_errno(e, EPERM, "rundir '%s' lacks mode 0700", path);
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return util_errno(e, EPERM, "rundir '%s' can be written by others",
                          path);
    return 0;
}

static int take_given(struct rundir *d, const char *path, flux_error_t *e)
{
    struct stat st;

    if (mkdir(path, S_IRWXU) < 0 && errno != EEXIST)
        return util_error(e, "cannot make rundir '%s': %s", path,
                          strerror(errno));
    if (stat(path, &st) < 0)
        return util_error(e, "rundir '%s': %s", path, strerror(errno));
    if (S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX))
        return make_fresh(d, path, e);
    if (check_owner(path, &st, e) < 0)
        return -1;
    d->path = strdup(path);
    return d->path ? 0 : util_error(e, "out of memory");
}

static int make(struct rundir *d, const char *given, flux_error_t *e)
{
    const char *tmpdir = getenv("TMPDIR");

    if (given)
        return take_given(d, given, e);
    return make_fresh(d, tmpdir && *tmpdir ? tmpdir : "/tmp", e);
}

static int lock(struct rundir *d, uint32_t rank, flux_error_t *e)
{
    struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *name = util_asprintf("%s/broker-%u.lock", d->path, (unsigned)rank);

    if (name)
        d->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                       S_IRUSR | S_IWUSR);
    if (d->lock < 0) {
        util_error(e, "cannot open a lock in '%s': %s", d->path,
                   strerror(errno));
        free(name);
        return -1;
    }
    free(name);
    if (fcntl(d->lock, F_SETLK, &want) == 0)
        return 0;
    if (fcntl(d->lock, F_GETLK, &want) == 0 && want.l_type != F_UNLCK)
        return util_errno(e, EBUSY,
                          "rundir '%s' is in use by the broker with pid %d",
                          d->path, (int)want.l_pid);
    return util_error(e, "cannot lock rundir '%s': %s", d->path,
                      strerror(errno));
}

/* What a broker that was killed has left there may be of another build. */
static int make_link(struct rundir *d)
{
    char *bin = util_asprintf("%s/bin", d->path);
    char *exe = sys_executable();
    int rc = -1;

    d->flux = util_asprintf("%s/bin/flux", d->path);
    if (bin && exe && d->flux && (mkdir(bin, 0755) == 0 || errno == EEXIST)) {
        unlink(d->flux);
        rc = symlink(exe, d->flux);
    }
    free(exe);
    free(bin);
    return rc;
}

static void remove_link(struct rundir *d)
{
    if (!d->flux)
        return;
    unlink(d->flux);
    *strrchr(d->flux, '/') = '\0';
    rmdir(d->flux);
    free(d->flux);
}

static int fill(struct rundir *d, uint32_t rank, flux_error_t *e)
{
    if (lock(d, rank, e) < 0)
        return -1;
    if (rank == 0 && make_link(d) < 0)
        return util_error(e, "cannot make bin/flux in '%s': %s", d->path,
                          strerror(errno));
    return 0;
}

struct rundir *
rundir_create(struct attr_set *attrs, uint32_t rank, flux_error_t *e)
{
    struct rundir *d = calloc(1, sizeof(*d));
    const char *cleanup = attr_value(attrs, "rundir-cleanup");

    if (!d)
        return NULL;
    d->lock = -1;
    if (make(d, attr_value(attrs, "rundir"), e) < 0 || fill(d, rank, e) < 0) {
        int saved_errno = errno;

        d->cleanup = d->cleanup && saved_errno != EBUSY;
        rundir_destroy(d);
        errno = saved_errno;
        return NULL;
    }
    if (cleanup)
        d->cleanup = strcmp(cleanup, "0") != 0;
    attr_put(attrs, "rundir", d->path);
    attr_put(attrs, "rundir-cleanup", d->cleanup ? "1" : "0");
    return d;
}

const char *rundir_path(struct rundir *d)
{
    return d->path;
}

void rundir_destroy(struct rundir *d)
{
    int saved_errno = errno;

    if (!d)
        return;
    remove_link(d);
    if (d->cleanup && d->path)
        remove_tree(AT_FDCWD, d->path, 0);
    if (d->lock >= 0)
        close(d->lock);
    free(d->path);
    free(d);
    errno = saved_errno;
}
