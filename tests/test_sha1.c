/* test_sha1.c - SHA-1 against the examples of FIPS 180 and RFC 3174
 *
 * Also in pieces of each length, so that each way to fill a block is taken.
 */
#include <unistd.h>

#include "../sha1.h"
#include "tap.h"
#include <stdlib.h>

static const char million[] = "34aa973cd4c4daa4f61eeb2bdbad27316534016f";

static const struct {
    const char *text;
    const char *digest;
} vectors[] = {
    {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
     "84983e441c3bd26ebaae4aa1f95129e5e54670f1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
     "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     "a49b2446a02c645bf419f995b67091253a04a259"},
};

static void known(void)
{
    char hex[SHA1_HEX_SIZE];
    struct sha1 s;

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        sha1_init(&s);
        sha1_update(&s, vectors[i].text, strlen(vectors[i].text));
        sha1_final(&s, hex);
        is_str(hex, vectors[i].digest, "a known text");
    }
}

static void pieces(void)
{
    static char as[1000000];
    char hex[SHA1_HEX_SIZE];
    struct sha1 s;
    int bad = 0;

    memset(as, 'a', sizeof(as));
    for (size_t piece = 1; piece < 200; piece += piece < 5 ? 1 : 29) {
        sha1_init(&s);
        for (size_t at = 0; at < sizeof(as); at += piece)
            sha1_update(&s, as + at,
                        piece < sizeof(as) - at ? piece : sizeof(as) - at);
        sha1_final(&s, hex);
        bad += strcmp(hex, million) != 0;
    }
    is_int(bad, 0, "a million times a, in pieces");
}

static void descriptors(void)
{
    char path[] = "/tmp/test_sha1.XXXXXX";
    char hex[SHA1_HEX_SIZE] = "";
    int fd = mkstemp(path);

    ok(write(fd, "abc", 3) == 3 && sha1_fd(fd, hex) == 0, "a file");
    is_str(hex, vectors[1].digest, "read from its start");
    unlink(path);
    close(fd);
    is_int(sha1_fd(fd, hex), -1, "a closed one fails");
}

int main(void)
{
    known();
    pieces();
    descriptors();
    return done();
}
