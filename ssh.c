/* ssh.c - a connection to a broker on another host, through ssh(1)
 *
 *     ssh [-p PORT] [USER@]HOST env PATH=... flux relay PATH
 *
 * with one end of a socketpair as its stdin and stdout.  The far end copies
 * bytes (cmd_relay.c, or Flux's own relay), so all that is said on the socket
 * there is said here, the welcome included.  Whose rights count over there is
 * ssh's business and the kernel's, not ours.
 *
 * FLUX_SSH is the program to run instead of ssh, FLUX_SSH_RCMD the command to
 * run instead of flux.  Without the latter flux is looked for where the far
 * broker put a link to itself (bin beside its socket), then in the folder of
 * this program, then in the system's.  LD_LIBRARY_PATH is handed on.
 *
 * What always holds:
 * - The far shell reads the command: each word but FLUX_SSH_RCMD is quoted if
 *   it has anything in it that a shell might take for more than a letter.
 * - A host that begins with "-" is refused, since ssh would take it for an
 *   option, and options can run programs.
 * - Nothing is sent before the welcome has come, so a shell that writes to its
 *   stdout on login is found out at once and not taken for a broker.
 * - The process gets the signals that its terminal sends, as ssh expects: it
 *   may ask for a password.
 */
#include "ssh.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dial.h"
#include "env.h"
#include "sys.h"
#include "util.h"

extern char **environ;

enum {
    WORDS_MAX = 10, /* of the longest command line, below */
    TEXT_MAX = 4096 /* of stderr; an error's text holds less */
};

struct words {
    char *word[WORDS_MAX + 1];
    int count;
    bool failed; /* out of memory */
};

struct address {
    char *host;       /* with the user; the port is cut off */
    const char *port; /* in `host`'s memory, or NULL */
    const char *path; /* in the caller's */
};

/* ---- address ------------------------------------------------------------ */

static int check_host(const struct address *a, flux_error_t *e)
{
    const char *at = strrchr(a->host, '@');
    uint32_t number;

    if (*(at ? at + 1 : a->host) == '\0')
        return util_errno(e, EINVAL, "ssh://%s: no host is named", a->path);
    if (*a->host == '-')
        return util_errno(e, EINVAL, "ssh://%s: a host cannot begin with '-'",
                          a->host);
    if (a->port && (util_parse_uint32(a->port, 10, &number) < 0 ||
                    number == 0 || number > UINT16_MAX))
        return util_errno(e, EINVAL, "ssh://%s: '%s' is no port", a->host,
                          a->port);
    return 0;
}

static int split(struct address *a, const char *text, flux_error_t *e)
{
    char *colon;

    a->host = NULL;
    a->port = NULL;
    if (!(a->path = strchr(text, '/')))
        return util_errno(e, EINVAL, "ssh://%s: no path of a socket", text);
    if (strchr(a->path, '?'))
        return util_errno(e, EINVAL, "ssh://%s: there are no options", text);
    if (!(a->host = strndup(text, (size_t)(a->path - text))))
        return util_error(e, "ssh: %s", strerror(errno));
    colon = strrchr(a->host, ':');
    if (colon) {
        a->port = colon + 1;
        *colon = '\0';
    }
    return check_host(a, e);
}

/* ---- command line ------------------------------------------------------- */

static void words_free(struct words *w)
{
    while (w->count > 0)
        free(w->word[--w->count]);
}

/* Takes `word`, which may be NULL. */
static void add(struct words *w, char *word)
{
    if (word)
        w->word[w->count++] = word;
    else
        w->failed = true;
}

static bool is_plain(const char *s)
{
    return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
                             "XYZ0123456789_./:=@%+,-")] == '\0';
}

static size_t count_quotes(const char *s)
{
    size_t n = 0;

    while ((s = strchr(s, '\'')))
        s++, n++;
    return n;
}

/* Takes `word` and returns it as a shell has to be given it. */
static char *quote(char *word)
{
    char *quoted, *out;

    if (!word || is_plain(word))
        return word;
    out = quoted = malloc(strlen(word) + 3 * count_quotes(word) + 3);
    if (quoted) {
        *out++ = '\'';
        for (const char *s = word; *s; s++)
            out += sprintf(out, *s == '\'' ? "'\\%c'" : "%c", *s);
        memcpy(out, "'", 2);
    }
    free(word);
    return quoted;
}

/* Where the far end may have flux. */
static char *remote_path(const char *socket)
{
    const char *slash = strrchr(socket, '/');
    char *bin = env_bin();
    char *path =
        util_asprintf("PATH=%.*s/bin:%s%s/bin:/usr/bin", (int)(slash - socket),
                      socket, bin ? bin : "", bin ? ":" : "");

    free(bin);
    return path;
}

static void add_environment(struct words *w, const char *socket)
{
    const char *libraries = getenv("LD_LIBRARY_PATH");

    if (!socket && !libraries)
        return;
    add(w, strdup("env"));
    if (socket)
        add(w, quote(remote_path(socket)));
    if (libraries)
        add(w, quote(util_asprintf("LD_LIBRARY_PATH=%s", libraries)));
}

static int make_words(struct words *w, const struct address *a)
{
    const char *ssh = getenv("FLUX_SSH");
    const char *flux = getenv("FLUX_SSH_RCMD");

    memset(w, 0, sizeof(*w));
    add(w, strdup(ssh ? ssh : "ssh"));
    if (a->port) {
        add(w, strdup("-p"));
        add(w, strdup(a->port));
    }
    add(w, strdup(a->host));
    add_environment(w, flux ? NULL : a->path);
    add(w, strdup(flux ? flux : "flux"));
    add(w, strdup("relay"));
    add(w, quote(strdup(a->path)));
    return w->failed ? util_fail(ENOMEM) : 0;
}

/* ---- process ------------------------------------------------------------ */

/* `err` < 0: as ours. */
static int set_descriptors(posix_spawn_file_actions_t *fa, int fd, int err)
{
    int rc = posix_spawn_file_actions_adddup2(fa, fd, STDIN_FILENO);

    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(fa, fd, STDOUT_FILENO);
    if (rc == 0 && err >= 0)
        rc = posix_spawn_file_actions_adddup2(fa, err, STDERR_FILENO);
    return rc;
}

/* Signals as in a fresh process. */
static int set_signals(posix_spawnattr_t *attr)
{
    sigset_t none, pipe;

    sigemptyset(&none);
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    posix_spawnattr_setsigmask(attr, &none);
    posix_spawnattr_setsigdefault(attr, &pipe);
    return posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
}

static int spawn(const struct words *w, int fd, int err, pid_t *pid)
{
    posix_spawn_file_actions_t fa;
    posix_spawnattr_t attr;
    int rc;

    if ((rc = posix_spawn_file_actions_init(&fa)) != 0)
        return util_fail(rc);
    if ((rc = posix_spawnattr_init(&attr)) == 0) {
        if ((rc = set_descriptors(&fa, fd, err)) == 0 &&
            (rc = set_signals(&attr)) == 0)
            rc = posix_spawnp(pid, w->word[0], &fa, &attr, w->word, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&fa);
    return rc ? util_fail(rc) : 0;
}

/* Returns this end of its stdin and stdout. */
static int start(const struct words *w, int err, pid_t *pid)
{
    int fds[2];
    int rc;

    if (sys_socketpair(fds) < 0)
        return -1;
    rc = util_set_nonblock(fds[1], false);
    if (rc == 0)
        rc = spawn(w, fds[1], err, pid);
    close(fds[1]);
    if (rc == 0)
        return fds[0];
    close(fds[0]);
    return -1;
}

/* ---- welcome ------------------------------------------------------------ */

/* What it wrote to stderr, without the last newline. */
static void read_text(FILE *err, char text[TEXT_MAX])
{
    size_t n;

    rewind(err);
    n = fread(text, 1, TEXT_MAX - 1, err);
    while (n > 0 && text[n - 1] == '\n')
        n--;
    text[n] = '\0';
}

/* Nothing of value is on its way any more. */
static int end_process(pid_t pid)
{
    int status = 0;

    kill(pid, SIGTERM);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

static int unclean(const char *host, flux_error_t *e)
{
    return util_errno(e, EPROTO,
                      "ssh %.40s: what came first is no broker's welcome\n"
                      "Hint: Check that shell init files do not write to "
                      "stdout when non-interactive.",
                      host);
}

static int no_welcome(const char *host, int status, flux_error_t *e)
{
    if (WIFEXITED(status))
        return util_errno(e, ECONNRESET,
                          "ssh %s: no welcome from a broker, exit status %d",
                          host, WEXITSTATUS(status));
    return util_errno(e, ECONNRESET, "ssh %s: no welcome from a broker", host);
}

static int
explain(const char *host, int answer, int status, FILE *err, flux_error_t *e)
{
    char text[TEXT_MAX] = "";

    if (err)
        read_text(err, text);
    if (answer > 0)
        return unclean(host, e);
    if (*text)
        return util_errno(e, ECONNRESET, "%s", text);
    return no_welcome(host, status, e);
}

static void show(FILE *err)
{
    char text[TEXT_MAX];

    read_text(err, text);
    if (*text)
        fprintf(stderr, "%s\n", text);
}

static int
await_welcome(int fd, pid_t pid, const char *host, FILE *err, flux_error_t *e)
{
    int answer = dial_welcome(fd);

    if (answer != 0) {
        close(fd);
        return explain(host, answer, end_process(pid), err, e);
    }
    if (err)
        show(err);
    return fd;
}

static int dial(const struct address *a, FILE *err, pid_t *pid, flux_error_t *e)
{
    struct words w;
    int fd = make_words(&w, a);

    if (fd == 0)
        fd = start(&w, err ? fileno(err) : -1, pid);
    if (fd < 0)
        util_error(e,
                   "ssh-connector: %s: %s\n"
                   "Hint: set FLUX_SSH in environment to override",
                   w.count > 0 ? w.word[0] : "ssh", strerror(errno));
    words_free(&w);
    return fd < 0 ? -1 : await_welcome(fd, *pid, a->host, err, e);
}

int ssh_dial(const char *address, bool quiet, pid_t *pid, flux_error_t *e)
{
    struct address a;
    FILE *err = NULL;
    int fd = split(&a, address, e);
    int saved;

    if (fd == 0) {
        /* A file, because no one reads a pipe while the connection lasts. */
        err = quiet ? tmpfile() : NULL;
        fd = dial(&a, err, pid, e);
    }
    saved = errno;
    if (err)
        fclose(err);
    free(a.host);
    errno = saved;
    return fd;
}
