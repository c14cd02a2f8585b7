/* test_base64.c - the examples of RFC 4648, every byte there and back, refusals
 */
#include "../base64.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static const struct {
    const char *data;
    const char *text;
} examples[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
};

static bool decodes_to(const char *text, const void *data, size_t size)
{
    size_t n = 0;
    void *got = base64_decode(text, &n);
    bool same = got && n == size && memcmp(got, data, size) == 0;

    free(got);
    return same;
}

static void there_and_back(const void *data, size_t size, const char *name)
{
    char *text = base64_encode(data, size);

    ok(text && decodes_to(text, data, size), name);
    free(text);
}

static void test_examples(void)
{
    for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
        size_t size = strlen(examples[i].data);
        char *text = base64_encode(examples[i].data, size);

        is_str(text, examples[i].text, "an example is encoded");
        ok(decodes_to(examples[i].text, examples[i].data, size), "and decoded");
        free(text);
    }
}

static void test_every_byte(void)
{
    unsigned char all[257];

    for (size_t i = 0; i < sizeof(all); i++)
        all[i] = (unsigned char)i;
    there_and_back(all, 255, "all bytes, in whole groups");
    there_and_back(all, 256, "with one over");
    there_and_back(all, 257, "with two over");
}

static void test_refusals(void)
{
    static const char *const bad[] = {
        "Z",    "Zg",    "Zg=",  "Zg==Zg==", "Z===",
        "====", "Zm9v!", "Zm 9", "Zm9\xff"};
    size_t n;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        errno = 0;
        ok(!base64_decode(bad[i], &n) && errno == EINVAL, bad[i]);
    }
}

int main(void)
{
    test_examples();
    test_every_byte();
    test_refusals();
    return done();
}
