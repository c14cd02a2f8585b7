/* modcheck.c - whether a file can be loaded, found out without loading it
 *
 * A shared object is mapped, which runs its constructors, and mod_main looked
 * for in it; a Python file is compiled, not run.  Both happen in a child
 * process, so that whatever comes of it comes of nothing else, and that the
 * file is not kept by the one who asks.  The child says on a pipe what is
 * wrong, and ends with status 0 if nothing is.
 *
 * A file for another loader, or one that this program could not map since it
 * is a static one, is held to be good: its loader will tell.
 */
#include "modcheck.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "buf.h"
#include "dso.h"
#include "modlife.h"
#include "modpath.h"
#include "sys.h"
#include "util.h"

enum {
    CHECK_SECONDS = 10, /* a constructor that hangs is no module's */
    TEXT_MAX = 64 << 10,
};

/* Without the traceback, which would be of this program's. */
static const char COMPILE[] =
    "import sys\n"
    "try:\n"
    "    compile(open(sys.argv[1], 'rb').read(), sys.argv[1], 'exec')\n"
    "except (OSError, SyntaxError, ValueError) as e:\n"
    "    sys.exit(str(e))\n";

/* ---- in the child ----------------------------------------------------------
 */

static void map(const char *path, const char *name)
{
    modlife_main_f mod_main;
    char *why;

    if (modlife_open(path, name, &mod_main, &why))
        _exit(0);
    fprintf(stderr, "%s\n", why ? why : strerror(errno));
    fflush(stderr);
    _exit(1);
}

static void compile(const char *path)
{
    char *exe = sys_executable();
    char *const argv[] = {(char *)"flux-python", (char *)"-c", (char *)COMPILE,
                          (char *)path, NULL};

    if (exe)
        execv(exe, argv);
    fprintf(stderr, "%s: %s\n", exe ? exe : "flux-python", strerror(errno));
    fflush(stderr);
    _exit(1);
}

static void check(const char *path, const char *name, int err)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    dup2(err, STDERR_FILENO);
    alarm(CHECK_SECONDS);
    if (strcmp(modpath_loader(path), MODPATH_PYTHON_EXEC) == 0)
        compile(path);
    else
        map(path, name);
}

/* ---- who asks --------------------------------------------------------------
 */

static bool can_tell(const char *path)
{
    const char *loader = modpath_loader(path);

    if (!loader)
        return false;
    return strcmp(loader, MODPATH_PYTHON_EXEC) == 0 ||
           (strcmp(loader, MODPATH_EXEC) == 0 && dso_can_open());
}

static void read_text(int fd, struct buf *b)
{
    char *space;
    ssize_t n;

    while (b->size < TEXT_MAX && (space = buf_reserve(b, 4096))) {
        do
            n = read(fd, space, 4096);
        while (n < 0 && errno == EINTR);
        if (n <= 0)
            return;
        b->size += (size_t)n;
    }
}

static char *take_text(struct buf *b, int status)
{
    while (b->size > 0 && b->data[b->size - 1] == '\n')
        b->size--;
    if (WIFSIGNALED(status))
        buf_printf(b, "%sits check was killed by %s", b->size ? "\n" : "",
                   strsignal(WTERMSIG(status)));
    else if (b->size == 0)
        buf_printf(b, "its check ended with status %d", WEXITSTATUS(status));
    return buf_steal_string(b);
}

static int await(pid_t pid, int fd, char **text)
{
    struct buf b = {0};
    int status = 0;

    read_text(fd, &b);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (status == 0) {
        buf_release(&b);
        return 0;
    }
    *text = take_text(&b, status);
    return -1;
}

int modcheck_file(const char *path, const char *name, char **text)
{
    int fds[2], rc;
    pid_t pid;

    *text = NULL;
    if (!can_tell(path))
        return 0;
    if (sys_pipe(fds) < 0 || (pid = fork()) < 0) {
        *text = util_asprintf("it cannot be checked: %s", strerror(errno));
        return -1;
    }
    if (pid == 0)
        check(path, name, fds[1]);
    close(fds[1]);
    rc = await(pid, fds[0], text);
    close(fds[0]);
    return rc;
}
