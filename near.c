/* near.c - the names that someone may have meant
 *
 * A word that is no command was mostly meant as one: cut short ("mod"), or
 * mistyped ("pign").  All known names are offered to a struct near, which
 * keeps the best of them, at most NEAR_MAX that are equally good, in the order
 * in which they came.
 *
 * A name that begins with the word is best.  Others count by their distance
 * in the sense of optimal string alignment: insertions, deletions, changes,
 * and swaps of two neighbours, each 1.  Half of the word's characters may be
 * wrong, and three at the most: what is farther away was not meant, and to
 * suggest it would only confuse.
 *
 * What always holds: all names kept have the same score; no name is kept
 * twice; without memory nothing is kept, which is no error.
 */
#include "near.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    NEAR_LENGTH = 64, /* longest word compared: command names are shorter */
    NEAR_WRONG = 3,   /* most characters that may be wrong */
};

/* Three rows of the table of distances between all beginnings of two words:
 * the current one and the two above it.
 */
struct rows {
    size_t row[3][NEAR_LENGTH + 1];
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void fill_row(struct rows *r, const char *a, const char *b, size_t i)
{
    size_t *now = r->row[i % 3];
    const size_t *up = r->row[(i + 2) % 3];
    const size_t *up2 = r->row[(i + 1) % 3];

    now[0] = i;
    for (size_t j = 1; b[j - 1]; j++) {
        size_t change = up[j - 1] + (a[i - 1] != b[j - 1]);

        now[j] = least(change, least(up[j], now[j - 1]) + 1);
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            now[j] = least(now[j], up2[j - 2] + 1);
    }
}

size_t near_distance(const char *a, const char *b)
{
    struct rows r;
    size_t rows = strlen(a), columns = strlen(b);

    if (rows > NEAR_LENGTH || columns > NEAR_LENGTH)
        return SIZE_MAX;
    for (size_t j = 0; j <= columns; j++)
        r.row[0][j] = j;
    for (size_t i = 1; i <= rows; i++)
        fill_row(&r, a, b, i);
    return r.row[rows % 3][columns];
}

void near_init(struct near *n, const char *word)
{
    memset(n, 0, sizeof(*n));
    n->word = word;
    n->score = least((strlen(word) + 1) / 2, NEAR_WRONG);
}

void near_release(struct near *n)
{
    while (n->count > 0)
        free(n->names[--n->count]);
}

static size_t score(const char *word, const char *name)
{
    if (*word && strncmp(word, name, strlen(word)) == 0)
        return 0;
    return near_distance(word, name);
}

static int known(const struct near *n, const char *name)
{
    for (int i = 0; i < n->count; i++)
        if (strcmp(n->names[i], name) == 0)
            return 1;
    return 0;
}

void near_offer(struct near *n, const char *name)
{
    size_t s = score(n->word, name);

    if (s > n->score || known(n, name))
        return;
    if (s < n->score)
        near_release(n);
    n->score = s;
    if (n->count < NEAR_MAX && (n->names[n->count] = strdup(name)))
        n->count++;
}
