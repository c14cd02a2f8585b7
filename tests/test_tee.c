/* test_tee.c - what is passed on, and the last lines that are kept */
#include "tee.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "util.h"

struct rig {
    flux_reactor_t *r;
    struct tee *t;
    int in;  /* what is written here ... */
    int out; /* ... can be read here */
};

static void open_rig(struct rig *rig)
{
    int from[2], to[2];

    if (pipe(from) < 0 || pipe(to) < 0)
        exit(1);
    util_set_nonblock(from[0], true);
    util_set_nonblock(to[0], true);
    util_set_nonblock(to[1], true);
    rig->r = flux_reactor_create(0);
    rig->t = tee_create(rig->r, from[0], to[1]);
    rig->in = from[1];
    rig->out = to[0];
}

static void put(struct rig *rig, const char *text)
{
    util_write_all(rig->in, text, strlen(text));
    tee_drain(rig->t);
}

static void lines_are(struct rig *rig, const char *want, const char *name)
{
    char *got = tee_lines(rig->t);

    if (want)
        is_str(got ? got : "(none)", want, name);
    else
        ok(!got, name);
    free(got);
}

static void test_lines(struct rig *rig)
{
    char out[64];
    ssize_t n;

    lines_are(rig, NULL, "nothing at first");
    put(rig, "\n\n");
    lines_are(rig, NULL, "empty lines are nothing");
    put(rig, "a\nb");
    lines_are(rig, "\n\na\nb", "lines, the last one without its end");
    put(rig, "c\n");
    lines_are(rig, "\n\na\nbc", "which then comes");
    n = read(rig->out, out, sizeof(out));
    ok(n == 7 && memcmp(out, "\n\na\nbc\n", 7) == 0, "all was passed on");
}

static void test_last_lines(struct rig *rig)
{
    char line[16], want[256] = "";

    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof(line), "%d\n", i);
        put(rig, line);
        if (i >= 80)
            strcat(want, line);
    }
    want[strlen(want) - 1] = '\0';
    lines_are(rig, want, "the last twenty are kept");
}

static void test_long_lines(struct rig *rig)
{
    char *text = malloc(3 * TEE_BYTES);
    char *got;

    memset(text, 'x', 3 * TEE_BYTES);
    text[3 * TEE_BYTES - 1] = '\0';
    put(rig, text);
    got = tee_lines(rig->t);
    is_int((int)strlen(got), TEE_BYTES, "of one long line its end");
    free(got);
    put(rig, "\nlast");
    lines_are(rig, "last", "half a line in front of whole ones is dropped");
    util_write_all(rig->in, "\nA\0B\n", 5);
    tee_drain(rig->t);
    lines_are(rig, "last\nA?B", "a NUL is a question mark");
    free(text);
}

static void test_loop(struct rig *rig)
{
    util_write_all(rig->in, "in the loop\n", 12);
    flux_reactor_run(rig->r, FLUX_REACTOR_NOWAIT);
    lines_are(rig, "in the loop", "read in the loop");
    ok(flux_reactor_run(rig->r, 0) >= 0, "it does not keep the loop running");
    close(rig->in);
    flux_reactor_run(rig->r, FLUX_REACTOR_NOWAIT);
    flux_reactor_run(rig->r, FLUX_REACTOR_NOWAIT);
    lines_are(rig, "in the loop", "its end changes nothing");
}

static void with_rig(void (*test)(struct rig *rig))
{
    struct rig rig;

    open_rig(&rig);
    test(&rig);
    tee_destroy(rig.t);
    flux_reactor_destroy(rig.r);
}

int main(void)
{
    with_rig(test_lines);
    with_rig(test_last_lines);
    with_rig(test_long_lines);
    with_rig(test_loop);
    tee_destroy(NULL);
    return done();
}
