/* rundir.c - the folder of a broker's sockets, and that of its state
 *
 * Without the attribute `rundir`, a fresh folder that only the owner can
 * enter is made under TMPDIR and removed at exit.  With it, that folder is
 * used, made if it is not there, and kept (folder.c).
 *
 * Modules of rank 0 keep what is to outlive the instance in the folder of the
 * attribute `statedir`.  Where none is given, one in the run folder takes its
 * place.  It is removed at exit if it was made here.
 *
 * Rank 0 puts a link bin/flux to its own program into it: with only the address
 * of a socket, `flux relay` is found beside it (ssh.c; Flux's connector, too).
 *
 * The file broker-RANK.lock in it is locked (fcntl) as long as the broker
 * lives.  The kernel lets go of it when the broker dies, however it dies; so a
 * socket that lies there without a lock is nobody's.
 */
#include "rundir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "sys.h"
#include "util.h"

struct rundir {
    struct folder folder;
    struct folder state; /* rank 0's `statedir` */
    int lock;            /* descriptor, or -1 */
    char *flux;          /* the link that this broker made, or NULL */
};

static int lock(struct rundir *d, uint32_t rank, flux_error_t *e)
{
    struct flock want = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char *name =
        util_asprintf("%s/broker-%u.lock", d->folder.path, (unsigned)rank);

    if (name)
        d->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                       S_IRUSR | S_IWUSR);
    if (d->lock < 0) {
        util_error(e, "cannot open a lock in '%s': %s", d->folder.path,
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
                          d->folder.path, (int)want.l_pid);
    return util_error(e, "cannot lock rundir '%s': %s", d->folder.path,
                      strerror(errno));
}

/* What a broker that was killed has left there may be of another build. */
static int make_link(struct rundir *d)
{
    char *bin = util_asprintf("%s/bin", d->folder.path);
    char *exe = sys_executable();
    int rc = -1;

    d->flux = util_asprintf("%s/bin/flux", d->folder.path);
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
        return util_error(e, "cannot make bin/flux in '%s': %s", d->folder.path,
                          strerror(errno));
    return 0;
}

/* In the run folder, unless the attribute says where.  What is made for this
 * broker goes with it.
 */
static int open_state(struct rundir *d, struct attr_set *attrs, flux_error_t *e)
{
    const char *given = attr_value(attrs, "statedir");
    char *own = given ? NULL : util_asprintf("%s/state", d->folder.path);
    int rc = folder_open(&d->state, "statedir", given ? given : own, e);

    free(own);
    if (rc < 0)
        return -1;
    d->state.cleanup = d->state.made;
    return folder_publish(&d->state, attrs, e);
}

static int open_all(struct rundir *d,
                    struct attr_set *attrs,
                    uint32_t rank,
                    flux_error_t *e)
{
    if (folder_open(&d->folder, "rundir", attr_value(attrs, "rundir"), e) < 0)
        return -1;
    if (fill(d, rank, e) < 0) {
        d->folder.cleanup = d->folder.cleanup && errno != EBUSY;
        return -1;
    }
    if (folder_publish(&d->folder, attrs, e) < 0)
        return -1;
    return rank == 0 ? open_state(d, attrs, e) : 0;
}

struct rundir *
rundir_create(struct attr_set *attrs, uint32_t rank, flux_error_t *e)
{
    struct rundir *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->lock = -1;
    if (open_all(d, attrs, rank, e) < 0) {
        rundir_destroy(d);
        return NULL;
    }
    return d;
}

const char *rundir_path(struct rundir *d)
{
    return d->folder.path;
}

void rundir_destroy(struct rundir *d)
{
    int saved_errno = errno;

    if (!d)
        return;
    remove_link(d);
    folder_close(&d->state);
    folder_close(&d->folder);
    if (d->lock >= 0)
        close(d->lock);
    free(d);
    errno = saved_errno;
}
