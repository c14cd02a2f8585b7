/* loader_py.c - flux-python(1), flux-module-python-exec(1): Python with `flux`
 *
 * The package `flux` is a zip archive at the end of this executable, so that
 * the executable's path, as an entry of sys.path, is all that Python needs to
 * import it.  Nothing is unpacked, and nothing is written.
 *
 *     flux python [ARGS...]           python3, with the package on PYTHONPATH
 *     flux-module-python-exec PATH    python3, isolated, on flux.modexec
 *
 * The loader starts the interpreter without site-packages and without what
 * PYTHON* variables say, which takes half as long; flux.modexec sees to it
 * that a module can import what an ordinary script can.
 *
 * Which python3: $FLUX_PYTHON, a path or a name on PATH; else `python3` on
 * PATH.  Where there is none, or this executable carries no package (strip(1)
 * takes it away), that is what is said.
 */
#include "cli.h"

#include <fcntl.h>
#include <unistd.h>

#include "env.h"
#include "sys.h"
#include "util.h"

/* What is run instead of a file: a script's folder is no place to import
 * from, and `python3 FOLDER` takes longer than this.
 */
/* The archive's end, before it the directory, whose size is in there, before
 * that the bundle (tools/mkzip.py).  An interpreter of another version than
 * that which compiled it imports from the archive.
 */
static const char START[] =
    "import sys\n"
    "from _frozen_importlib_external import MAGIC_NUMBER\n"
    "from marshal import loads\n"
    "exe = sys.argv.pop(1)\n"
    "def bundle():\n"
    "    with open(exe, 'rb') as f:\n"
    "        f.seek(-22, 2)\n"
    "        end = f.read()\n"
    "        f.seek(-30 - int.from_bytes(end[12:16], 'little'), 2)\n"
    "        size = int.from_bytes(f.read(8), 'little')\n"
    "        f.seek(-8 - size, 1)\n"
    "        return f.read(size)\n"
    "data = bundle()\n"
    "if data.startswith(MAGIC_NUMBER):\n"
    "    modules = loads(data[len(MAGIC_NUMBER):])\n"
    "    names = {}\n"
    "    exec(loads(modules['flux.bundle'][1]), names)\n"
    "    names['install'](modules, exe)\n"
    "else:\n"
    "    sys.path.insert(0, exe)\n"
    "from flux.modexec import main\n"
    "main()\n";

enum { ZIP_END_SIZE = 22 }; /* of a zip's last record, without a comment */

static bool has_package(const char *exe)
{
    char end[ZIP_END_SIZE];
    int fd = open(exe, O_RDONLY | O_CLOEXEC);
    bool found = false;

    if (fd < 0)
        return false;
    if (lseek(fd, -ZIP_END_SIZE, SEEK_END) >= 0 &&
        read(fd, end, sizeof(end)) == (ssize_t)sizeof(end))
        found = memcmp(end, "PK\5\6", 4) == 0;
    close(fd);
    return found;
}

static char *find_package(struct cli *p)
{
    char *exe = sys_executable();

    if (!exe)
        cli_die_errno(p, "cannot tell where this program is");
    if (!has_package(exe))
        cli_die(p,
                "%s carries no Python package: it was built without, or "
                "strip(1) took it away",
                exe);
    return exe;
}

static char *find_python(struct cli *p)
{
    const char *given = getenv("FLUX_PYTHON");
    const char *name = given && *given ? given : "python3";
    char *path =
        strchr(name, '/') ? strdup(name) : env_find(getenv("PATH"), name);

    if (!path)
        cli_die(p, "%s was not found on PATH; FLUX_PYTHON may name another",
                name);
    return path;
}

static void execute(struct cli *p, char *python, char **argv)
{
    execv(python, argv);
    cli_die_errno(p, "%s", python);
}

/* `head`, which ends with a NULL, then the arguments. */
static char **make_argv(struct cli *p, char *const head[])
{
    size_t n = 0;
    char **argv;

    while (head[n])
        n++;
    if (!(argv = calloc(n + (size_t)cli_argc(p) + 1, sizeof(*argv))))
        cli_die_errno(p, "arguments");
    memcpy(argv, head, n * sizeof(*argv));
    memcpy(argv + n, cli_argv(p), (size_t)cli_argc(p) * sizeof(*argv));
    return argv;
}

static int run_python(struct cli *p)
{
    char *python = find_python(p), *path = env_python_path();
    char *const head[] = {python, NULL};

    free(find_package(p));
    if (!path || setenv("PYTHONPATH", path, 1) < 0)
        cli_die_errno(p, "PYTHONPATH");
    execute(p, python, make_argv(p, head));
    return 1;
}

static int run_module(struct cli *p)
{
    char *exe = find_package(p), *python;

    if (!getenv("FLUX_MODULE_URI"))
        cli_die(p, "FLUX_MODULE_URI is not set");
    python = find_python(p);
    execute(p, python,
            make_argv(p, (char *const[]){python, (char *)"-I", (char *)"-S",
                                         (char *)"-B", (char *)"-c",
                                         (char *)START, exe, NULL}));
    return 1;
}

const struct cli_command cmd_python = {
    .name = "flux-python",
    .arguments = "[ARGS...]",
    .summary = "Run python3 with the package flux",
    .run = run_python,
    .max_args = -1,
    .raw = true,
};

const struct cli_command cmd_module_python_exec = {
    .name = "flux-module-python-exec",
    .arguments = "PATH",
    .summary = "Run a Python file as a module (a loader)",
    .run = run_module,
    .min_args = 1,
    .max_args = 1,
};
