/* rows.h - what is measured, and on what */
#ifndef ROWS_H
#define ROWS_H

#include <stdbool.h>
#include <sys/types.h>

enum kind { KIND_FLOOR, KIND_BROKER, KIND_REDIS, KIND_DBUS, KIND_COUNT };

/* Something that rows are measured on. */
struct target {
    enum kind kind;
    const char *name;
    const char *socket;  /* path, but of the floor */
    const char *program; /* `flux`, of a broker, or NULL */
    const char *folder;  /* with echo.so, echo.py and the rc scripts */
};

enum {
    ROW_PINNED = 1, /* not worth a figure without being pinned */
    ROW_ONCE = 2,   /* a state, not a time: measured once */
    ROW_MORE = 4,   /* more is better */
    ROW_FEW = 16,   /* takes seconds: three runs at most */
    /* of a broker that nothing has been done with yet */
    ROW_FIRST = 8 | ROW_ONCE | ROW_PINNED,
};

struct row;

/* One run.  Negative: cannot be had, errno says why.  `count` is what `row`
 * has, or less where a quick look is wanted.
 */
typedef double (*row_f)(const struct target *t,
                        const struct row *row,
                        int count);

struct row {
    const char *id;
    const char *title;
    const char *unit;
    row_f run[KIND_COUNT]; /* NULL: makes no sense there */
    int count;             /* of calls in one run */
    int flags;
    int n;             /* clients, modules, bytes: what the row is about */
    int shape;         /* of the floor, or of a module: see rows.c */
    const char *topic; /* that is called */
    double reach;      /* the figure to reach, 0 if there is none */
};

extern const struct row rows[]; /* ends with an id of NULL */

/* Load what the rows call into a broker, after those that want it empty. */
int rows_prepare(const struct target *t);

#endif /* ROWS_H */
