/* near.h - the names that someone may have meant */
#ifndef NEAR_H
#define NEAR_H

#include <stddef.h>

enum { NEAR_MAX = 3 }; /* suggestions: more would not be read */

struct near {
    const char *word;
    size_t score; /* of all in `names`: 0 for names that begin with `word` */
    char *names[NEAR_MAX];
    int count;
};

/* `word` has to live as long as the struct near. */
void near_init(struct near *n, const char *word);
void near_release(struct near *n);

/* Keep `name` if none that was offered is nearer.  A name that was offered
 * before, or has too little in common with the word, is not kept.
 */
void near_offer(struct near *n, const char *name);

/* How many characters have to be put in, taken out, changed or swapped with
 * their neighbour to make one of the other; SIZE_MAX for very long words.
 */
size_t near_distance(const char *a, const char *b);

#endif /* NEAR_H */
