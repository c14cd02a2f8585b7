/* test_util.c - error texts, numbers, durations, files, the system's own
 *
 * Runs in its own process group of one; writes only to temporary files that
 * it has removed before it ends.
 */
#include <fcntl.h>
#include <locale.h>
#include <math.h>
#include <unistd.h>

#include "../sys.h"
#include "../util.h"
#include "tap.h"

static void error_texts(void)
{
    flux_error_t e;
    char text[400];

    errno = ENOENT;
    is_int(util_error(&e, "load %s: %d", "x", 7), -1, "util_error returns -1");
    is_int(errno, ENOENT, "and keeps errno");
    is_str(e.text, "load x: 7", "and formats");
    util_error(&e, "more: %s", e.text);
    is_str(e.text, "more: load x: 7", "its own text may be an argument");
    is_int(util_errno(&e, EPROTO, "x"), -1, "util_errno returns -1");
    is_int(errno, EPROTO, "and sets errno");
    is_int(util_error(NULL, "x"), -1, "without a place the text is dropped");

    memset(text, 'a', sizeof(text));
    memcpy(text + 158, "\xc3\xa9", 3);
    util_error(&e, "%s", text);
    is_int((long long)strlen(e.text), 158, "half a character is left out");
    memcpy(text + 157, "\xc3\xa9", 2);
    text[159] = 'z';
    util_error(&e, "%s", text);
    is_int((long long)strlen(e.text), 159, "a whole one stays");
    memcpy(text + 156, "\xf0\x9f\x98\x80", 5);
    util_error(&e, "%s", text);
    is_int((long long)strlen(e.text), 156, "three quarters are left out");
}

static void integers(void)
{
    int64_t n = 5;
    uint32_t u = 5;

    ok(util_parse_int64("-12", 10, &n) == 0 && n == -12, "-12");
    ok(util_parse_int64("0x1f", 0, &n) == 0 && n == 31, "0x1f");
    ok(util_parse_int64("9223372036854775807", 10, &n) == 0 && n == INT64_MAX,
       "the largest number");
    ok(util_parse_int64("9223372036854775808", 10, &n) == -1 && errno == ERANGE,
       "one more is ERANGE");
    ok(util_parse_int64("", 10, &n) == -1 && errno == EINVAL, "nothing");
    ok(util_parse_int64(" 1", 10, &n) == -1 && errno == EINVAL, "a blank");
    ok(util_parse_int64("1x", 10, &n) == -1 && errno == EINVAL, "rubbish");
    ok(util_parse_int64(NULL, 10, &n) == -1 && errno == EINVAL, "NULL");
    ok(util_parse_uint32("4294967295", 10, &u) == 0 && u == UINT32_MAX,
       "the largest uint32");
    ok(util_parse_uint32("4294967296", 10, &u) == -1 && errno == ERANGE,
       "one more is ERANGE");
    ok(util_parse_uint32("-1", 10, &u) == -1 && errno == ERANGE, "minus one");
    ok(u == UINT32_MAX && n == INT64_MAX, "a failure stores nothing");
}

static const struct {
    const char *text;
    double seconds; /* negative: EINVAL */
} durations[] = {
    {"2ms", 0.002},    {"0.1s", 0.1},
    {"30", 30},        {"1.2h", 4320},
    {"5m", 300},       {"0s", 0},
    {"5d", 432000},    {"inf", INFINITY},
    {"INF", INFINITY}, {"infinity", INFINITY},
    {"-1s", -1},       {"nan", -1},
    {"infs", -1},      {"1 s", -1},
    {"1sec", -1},      {"s", -1},
    {"", -1},          {"1M", -1},
};

static void reals(void)
{
    double d = 0;

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(durations); i++) {
        int rc = util_parse_duration(durations[i].text, &d);

        ok(durations[i].seconds < 0
               ? rc == -1 && errno == EINVAL
               : rc == 0 && !(d < durations[i].seconds * (1 - 1E-12)) &&
                     !(d > durations[i].seconds * (1 + 1E-12)),
           durations[i].text);
    }
    ok(util_parse_double("1.5", &d) == 0 && d > 1.4 && d < 1.6, "1.5");
    ok(util_parse_double("1,5", &d) == -1 && errno == EINVAL, "1,5");
    ok(util_parse_double("1e999", &d) == -1 && errno == ERANGE, "1e999");
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8"))
        ok(util_parse_double("1.5", &d) == 0, "1.5 in a locale with commas");
    setlocale(LC_NUMERIC, "C");
}

static void uuids(void)
{
    char a[UTIL_UUID_SIZE];
    char b[UTIL_UUID_SIZE];

    util_uuid(a);
    util_uuid(b);
    is_int((long long)strlen(a), 36, "a UUID has 36 characters");
    is_int((long long)strspn(a, "0123456789abcdef-"), 36, "in lower case");
    ok(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-', "dashes");
    ok(a[14] == '4' && strchr("89ab", a[19]), "version 4");
    ok(strcmp(a, b) != 0, "and another the next time");
}

static void files(void)
{
    char path[] = "/tmp/test_util.XXXXXX";
    char data[10000];
    size_t size = 0;
    int fd = mkstemp(path);
    char *s;

    memset(data, 'q', sizeof(data));
    is_int(util_write_all(fd, data, sizeof(data)), 0, "write a file");
    s = util_read_file(path, sizeof(data), &size);
    ok(s && size == sizeof(data) && s[size] == '\0', "read it");
    free(s);
    s = util_read_file(path, sizeof(data) - 1, &size);
    ok(!s && errno == EFBIG, "EFBIG if it is larger than the limit");
    s = util_read_file("/proc/self/status", 1 << 20, &size);
    ok(s && size > 0 && strlen(s) == size, "a file that tells no size");
    free(s);
    ok(!util_read_file("/", 100, &size) && errno == EISDIR, "a folder");
    ok(!util_read_file("/nope", 100, &size) && errno == ENOENT, "none");
    s = util_read_file("/dev/null", 0, NULL);
    is_str(s, "", "an empty one");
    free(s);
    is_int(util_set_cloexec(fd, true), 0, "set close-on-exec");
    is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "it is set");
    is_int(util_set_nonblock(fd, true), 0, "set non-blocking");
    ok(fcntl(fd, F_GETFL) & O_NONBLOCK, "it is set");
    util_set_nonblock(fd, false);
    ok(!(fcntl(fd, F_GETFL) & O_NONBLOCK), "and cleared");
    close(fd);
    unlink(path);
    is_int(util_write_all(fd, "x", 1), -1, "a bad descriptor fails");
}

static void system_calls(void)
{
    int fds[2];
    uid_t uid = 77;
    pid_t pid = 77;
    struct rusage ru;
    char *s = sys_executable();

    ok(s && s[0] == '/' && access(s, X_OK) == 0, "the path of this program");
    free(s);
    is_int(sys_socketpair(fds), 0, "a socket pair");
    ok(fcntl(fds[0], F_GETFD) == FD_CLOEXEC &&
           (fcntl(fds[1], F_GETFL) & O_NONBLOCK),
       "close-on-exec and non-blocking");
    is_int(sys_peer_cred(fds[0], &uid, &pid), 0, "its other end");
    ok(uid == getuid() && (pid == getpid() || pid == 0), "is this process");
    close(fds[0]);
    close(fds[1]);
    is_int(sys_rusage_thread(&ru), 0, "rusage of a thread");
    is_int(sys_accept(-1), -1, "accept fails without a socket");
    s = util_asprintf("%s-%d", "a", 5);
    is_str(s, "a-5", "util_asprintf");
    free(s);
    ok(util_monotime() > 0 && util_monotime() <= util_monotime(), "time");
}

int main(void)
{
    error_texts();
    integers();
    reals();
    uuids();
    files();
    system_calls();
    return done();
}
