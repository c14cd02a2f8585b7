/* applet.c - one program under many names: table of applets, main
 *
 * The name by which the program is called, without its folder, picks the
 * applet; a link for each makes them look like programs of their own.  The
 * "flux-" may be left out of it: Flux's flux(1) calls programs so.  Under
 * any other name the first argument picks it ("busyflux flux-ping x"; the
 * "flux-" may be left out), so that a single file without links is enough:
 *
 *     busyflux                        what it is, its version, its applets
 *     busyflux --list                 the names, one a line
 *     busyflux --install [-s] DIR     a hard (-s: symbolic) link for each
 *     busyflux APPLET [ARGS...]
 *
 * What always holds:
 * - A new applet is one row here and nothing else in this file.
 * - --install never replaces what is there: a file of that name that is not
 *   this program is left alone, named, and makes the status 1.
 * - What an applet printed has reached its reader, or the status is 1: a full
 *   disk does not pass for success.
 */
#include "applet.h"

#include <fcntl.h>
#include <unistd.h>

#include "complete.h"
#include "env.h"
#include "sys.h"
#include "util.h"

static const struct cli_command *const applets[] = {
    &cmd_flux,    &cmd_broker,      &cmd_config,
    &cmd_dmesg,   &cmd_env,         &cmd_event,
    &cmd_exec,    &cmd_getattr,     &cmd_help,
    &cmd_logger,  &cmd_lsattr,      &cmd_modprobe,
    &cmd_module,  &cmd_module_exec, &cmd_module_python_exec,
    &cmd_overlay, &cmd_ping,        &cmd_python,
    &cmd_relay,   &cmd_rpc,         &cmd_setattr,
    &cmd_start,   &cmd_uptime,      &cmd_version,
};

const struct cli_command *applet_nth(int i)
{
    return i < (int)UTIL_ARRAY_SIZE(applets) ? applets[i] : NULL;
}

const struct cli_command *applet_find(const char *name)
{
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(applets); i++)
        if (strcmp(applets[i]->name, name) == 0)
            return applets[i];
    return NULL;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static int print_names(struct cli *p)
{
    (void)p;
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(applets); i++)
        puts(applets[i]->name);
    return 0;
}

static int print_about(struct cli *p)
{
    (void)p;
    puts("busyflux " BUSYFLUX_VERSION
         ": Flux's broker and module interface in one small program\n"
         "\n"
         "Usage: busyflux APPLET [ARGS...]\n"
         "   or: busyflux --list\n"
         "   or: busyflux --install [-s] DIR\n"
         "   or: APPLET [ARGS...], by a link of that name\n"
         "\n"
         "Applets:");
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(applets); i++)
        printf("   %-15s %s\n", applets[i]->name, applets[i]->summary);
    return 0;
}

/* Where a symbolic link in `folder` should point. */
static const char *link_target(const char *exe, const char *folder)
{
    char *bin = env_bin();
    bool beside = bin && env_same_file(bin, folder);

    free(bin);
    return beside ? base_name(exe) : exe;
}

static int
make_link(const char *exe, const char *target, const char *path, bool symbolic)
{
    int rc = symbolic ? symlink(target, path) : link(exe, path);

    if (rc < 0 && errno == EEXIST && env_same_file(exe, path))
        return 0;
    return rc;
}

static int install_one(struct cli *p,
                       const char *exe,
                       const char *folder,
                       const char *name)
{
    const char *target = link_target(exe, folder);
    char *path = util_asprintf("%s/%s", folder, name);
    int rc = -1;

    if (path)
        rc = make_link(exe, target, path, cli_count(p, "symbolic") > 0);
    if (rc < 0)
        cli_warn(p, "%s/%s: %s", folder, name, flux_strerror(errno));
    free(path);
    return rc;
}

static int install(struct cli *p)
{
    const char *folder = cli_argv(p)[0];
    char *exe = sys_executable();
    int status = 0;

    if (!folder)
        cli_usage_die(p, "--install needs a folder");
    if (!exe)
        cli_die_errno(p, "cannot tell where this program is");
    for (size_t i = 0; i < UTIL_ARRAY_SIZE(applets); i++)
        if (install_one(p, exe, folder, applets[i]->name) < 0)
            status = 1;
    free(exe);
    return status;
}

static const struct cli_command *find_loosely(const char *name)
{
    const struct cli_command *applet = applet_find(name);
    char *full;

    if (applet || !(full = util_asprintf("flux-%s", name)))
        return applet;
    applet = applet_find(full);
    free(full);
    return applet;
}

static int run_named(struct cli *p)
{
    char **argv = cli_argv(p);
    const struct cli_command *applet = find_loosely(argv[0]);

    if (!applet)
        cli_die(p, "`%s' is not an applet.  See 'busyflux --list'", argv[0]);
    return cli_run(applet, cli_argc(p), argv);
}

static int run_busyflux(struct cli *p)
{
    if (cli_count(p, "list"))
        return print_names(p);
    if (cli_count(p, "install"))
        return install(p);
    if (cli_count(p, "complete")) {
        complete_print(cli_argv(p));
        return 0;
    }
    if (cli_count(p, "version"))
        return puts("busyflux " BUSYFLUX_VERSION) < 0;
    if (cli_argc(p) == 0 || cli_count(p, "help"))
        return print_about(p);
    return run_named(p);
}

static const struct cli_option options[] = {
    {'h', "help", CLI_NO_ARG, NULL, "Tell what this is"},
    {'V', "version", CLI_NO_ARG, NULL, "Print the version"},
    {'l', "list", CLI_NO_ARG, NULL, "Print the names of all applets"},
    {'i', "install", CLI_NO_ARG, NULL, "Make links for all applets in DIR"},
    {'s', "symbolic", CLI_NO_ARG, NULL, "With --install: symbolic links"},
    {0, "complete", CLI_NO_ARG, NULL, NULL}, /* for completion/ */
    CLI_OPTIONS_END,
};

static const struct cli_command busyflux = {
    .name = "busyflux",
    .arguments = "[--list | --install [-s] DIR | APPLET [ARGS...]]",
    .options = options,
    .run = run_busyflux,
    .max_args = -1,
    .stop_at_argument = true,
};

static int finish(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    if (errno != EPIPE)
        fprintf(stderr, "write error: %s\n", flux_strerror(errno));
    return status ? status : 1;
}

/* So that no socket gets the number of one that was closed by the caller.
 * What stands there fails as a closed one would: 0 cannot be read, 1 and 2
 * cannot be written.
 */
static int fill_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return -1;
    return 0;
}

/* Nothing in here is made for a caller who must not do what we may: its
 * environment names libraries, programs and sockets.
 */
static bool is_privileged(void)
{
    return geteuid() != getuid() || getegid() != getgid();
}

int main(int argc, char **argv)
{
    const struct cli_command *named =
        argc > 0 ? find_loosely(base_name(argv[0])) : NULL;

    if (fill_standard_descriptors() < 0)
        return 1;
    if (is_privileged()) {
        fprintf(stderr, "busyflux: refused: it must not run setuid or "
                        "setgid\n");
        return 1;
    }
    return finish(cli_run(named ? named : &busyflux, argc, argv));
}
