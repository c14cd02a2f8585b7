/* start.h - the command line of a broker, as flux start builds it */
#ifndef START_H
#define START_H

#include "cli.h"

/* Words in memory of their own. */
struct start_line {
    char **words; /* NULL-terminated */
    int count;
    int broker; /* where flux-broker's own argv begins */
};

/* [WRAP...] flux-broker OPTIONS of the command line; `more` adds words. */
void start_line_begin(struct cli *p, struct start_line *l);
void start_line_add(struct cli *p,
                    struct start_line *l,
                    const char *prefix,
                    const char *word);
void start_line_add_command(struct cli *p, struct start_line *l);
void start_line_print(const struct start_line *l);
/* Run it: in this process, or by exec where there are words before it. */
int start_line_run(struct cli *p, struct start_line *l);
void start_line_release(struct start_line *l);

/* start_test.c: an instance of `size` brokers on this machine. */
int start_test(struct cli *p, uint32_t size, bool print);

#endif /* START_H */
