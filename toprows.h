/* toprows.h - what happened in modules between two answers of module.stats */
#ifndef TOPROWS_H
#define TOPROWS_H

#include "buf.h"
#include "modstats.h"

struct toprow {
    struct modstats now;
    double in, out;  /* messages per second */
    double p50, p99; /* seconds from request to response, 0: there was none */
    double cpu;      /* share of one CPU, -1: not known */
    double key;      /* what is sorted by, the greatest first */
    int direction;   /* 1, or -1 if the order is reversed */
};

struct toprows {
    json_t *answer; /* the names are its */
    struct toprow *rows;
    size_t count;
};

/* Take an answer of module.stats as the next one; -1 with EPROTO if it is
 * none, ENOMEM, and nothing has changed.  In the first one, and for a module
 * that is new, all since the module was loaded is what happened.
 */
int toprows_update(struct toprows *t, json_t *answer);
void toprows_release(struct toprows *t);

/* A column by the key that sorts by it, or by its name; -1: there is none. */
int toprows_column(char key);
int toprows_column_named(const char *name);
const char *toprows_column_name(int column);
void toprows_sort(struct toprows *t, int column, bool reverse);

/* Add a line without its newline. */
void toprows_header(struct buf *b);
void toprows_line(const struct toprow *row, struct buf *b);
/* The keys and what each sorts by. */
void toprows_keys(struct buf *b);

/* {time, rank, mods: [...]}, NULL without memory. */
json_t *toprows_json(const struct toprows *t);

#endif /* TOPROWS_H */
