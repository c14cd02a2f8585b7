/* folder.c - a folder that a broker attribute names and the broker alone uses
 *
 * What `rundir` and `statedir` have in common.  A folder that is given is
 * used, and made if it is not there.  It must belong to the user, and no one
 * else may write to it: what lies in it is trusted.  Nor may another user's
 * link lead to it.  One with the sticky bit is taken for a /tmp, and a fresh
 * folder is made in it.
 *
 * The attribute NAME is set to its path, and NAME-cleanup to whether it is
 * removed at the end with all that is in it, which a value given before
 * decides, and else who calls here.
 *
 * Removal follows no link, and goes on past what cannot be removed.
 */
#include "folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util.h"

enum { DEPTH_MAX = 64 }; /* folders in folders that are removed */

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

void folder_remove(const char *path)
{
    remove_tree(AT_FDCWD, path, 0);
}

/* ---- making it ----------------------------------------------------------- */

static int make_fresh(struct folder *f, const char *parent, flux_error_t *e)
{
    if (!(f->path = util_asprintf("%s/flux-XXXXXX", parent)))
        return util_error(e, "out of memory");
    if (!mkdtemp(f->path))
        return util_error(e, "cannot make a folder in '%s': %s", parent,
                          strerror(errno));
    f->made = f->cleanup = true;
    return 0;
}

static int check_owner(const struct folder *f,
                       const char *path,
                       const struct stat *st,
                       flux_error_t *e)
{
    if (!S_ISDIR(st->st_mode))
        return util_errno(e, ENOTDIR, "%s '%s' is not a folder", f->name, path);
    if (st->st_uid != geteuid())
        return util_errno(e, EPERM, "%s '%s' belongs to user %u, not %u",
                          f->name, path, (unsigned)st->st_uid,
                          (unsigned)geteuid());
    if ((st->st_mode & S_IRWXU) != S_IRWXU)
        return util_errno(e, EPERM, "%s '%s' lacks mode 0700", f->name, path);
    if (st->st_mode & (S_IWGRP | S_IWOTH))
        return util_errno(e, EPERM, "%s '%s' can be written by others", f->name,
                          path);
    return 0;
}

/* Its owner could let it lead elsewhere at any time. */
static int check_link(const struct folder *f, const char *path, flux_error_t *e)
{
    struct stat st;

    if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode) ||
        st.st_uid == geteuid() || st.st_uid == 0)
        return 0;
    return util_errno(e, EPERM, "%s '%s' is a link that belongs to user %u",
                      f->name, path, (unsigned)st.st_uid);
}

static int take_given(struct folder *f, const char *path, flux_error_t *e)
{
    struct stat st;

    f->made = mkdir(path, S_IRWXU) == 0;
    if (!f->made && errno != EEXIST)
        return util_error(e, "cannot make %s '%s': %s", f->name, path,
                          strerror(errno));
    if (check_link(f, path, e) < 0)
        return -1;
    if (stat(path, &st) < 0)
        return util_error(e, "%s '%s': %s", f->name, path, strerror(errno));
    if (S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX))
        return make_fresh(f, path, e);
    if (check_owner(f, path, &st, e) < 0)
        return -1;
    f->path = strdup(path);
    return f->path ? 0 : util_error(e, "out of memory");
}

int folder_open(struct folder *f,
                const char *name,
                const char *given,
                flux_error_t *e)
{
    const char *tmpdir = getenv("TMPDIR");
    int rc;

    memset(f, 0, sizeof(*f));
    f->name = name;
    rc = given ? take_given(f, given, e)
               : make_fresh(f, tmpdir && *tmpdir ? tmpdir : "/tmp", e);
    if (rc < 0)
        folder_close(f);
    return rc;
}

int folder_publish(struct folder *f, struct attr_set *attrs, flux_error_t *e)
{
    char cleanup[64];
    const char *given;

    snprintf(cleanup, sizeof(cleanup), "%s-cleanup", f->name);
    if ((given = attr_value(attrs, cleanup)))
        f->cleanup = strcmp(given, "0") != 0;
    if (attr_put(attrs, f->name, f->path) < 0 ||
        attr_put(attrs, cleanup, f->cleanup ? "1" : "0") < 0)
        return util_error(e, "attribute %s: %s", f->name, strerror(errno));
    return 0;
}

void folder_close(struct folder *f)
{
    int saved_errno = errno;

    if (f->cleanup && f->path)
        folder_remove(f->path);
    free(f->path);
    f->path = NULL;
    errno = saved_errno;
}
