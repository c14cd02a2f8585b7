/* test_near.c - distances between words, and the suggestions made of them */
#include "../near.h"

#include <stdint.h>
#include <stdlib.h>

#include "tap.h"

static const char *suggestions(const char *word, const char *const *names)
{
    static char text[128];
    struct near n;

    near_init(&n, word);
    while (*names)
        near_offer(&n, *names++);
    text[0] = '\0';
    for (int i = 0; i < n.count; i++)
        sprintf(text + strlen(text), "%s ", n.names[i]);
    near_release(&n);
    return text;
}

static void test_distance(void)
{
    char longer[100];

    is_int(near_distance("", ""), 0, "nothing and nothing");
    is_int(near_distance("ping", "ping"), 0, "the same");
    is_int(near_distance("", "abc"), 3, "nothing and something");
    is_int(near_distance("abc", ""), 3, "something and nothing");
    is_int(near_distance("modole", "module"), 1, "a change");
    is_int(near_distance("dmsg", "dmesg"), 1, "one missing");
    is_int(near_distance("pinng", "ping"), 1, "one too many");
    is_int(near_distance("pign", "ping"), 1, "a swap");
    is_int(near_distance("kitten", "sitting"), 3, "several");
    memset(longer, 'a', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    ok(near_distance("a", longer) == SIZE_MAX, "too long to compare");
    ok(near_distance(longer, "a") == SIZE_MAX, "too long, the other way");
}

static void test_suggestions(void)
{
    const char *const names[] = {"dmesg", "module", "ping",  "ping",
                                 "env",   "event",  "start", NULL};
    const char *const alike[] = {"mama", "dada", "baba", "lala", NULL};
    const char *const begin[] = {"mee",        "awesome2.1",     "beef",
                                 "awesome1.1", "awesome1.23456", NULL};

    is_str(suggestions("dmsg", names), "dmesg ", "the nearest");
    is_str(suggestions("pign", names), "ping ", "no name twice");
    is_str(suggestions("mod", names), "module ", "the beginning of a name");
    is_str(suggestions("ev", names), "event ", "prefix before distance");
    is_str(suggestions("resouurrccee", names), "", "too far from all");
    is_str(suggestions("", names), "", "no word, no name");
    is_str(suggestions("fafa", alike), "mama dada baba ", "three at most");
    is_str(suggestions("bee", begin), "beef ", "prefix wins, later");
    is_str(suggestions("awesome1", begin), "awesome1.1 awesome1.23456 ",
           "all that begin with it");
}

int main(void)
{
    test_distance();
    test_suggestions();
    return done();
}
