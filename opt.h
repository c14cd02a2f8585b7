/* opt.h - the words of a command line, told apart; the inside of cli.h
 *
 * Rows are those of `struct cli_option`, ended by one without a name.
 */
#ifndef OPT_H
#define OPT_H

#include "buf.h"
#include "cli.h"

struct opt {
    struct buf values; /* of struct opt_value, in the order given */
    char **args;       /* free arguments, NULL-terminated; one allocation */
    int nargs;
    bool help; /* -h or --help was given, and the rows have none */
};

/* Read argv[1] and on, up to a NULL.  Options may stand among the arguments
 * up to a "--", or with `stop` up to the first argument.  -1 with EINVAL and
 * the reason in `e`, or ENOMEM; there is nothing to release then.
 */
int opt_parse(struct opt *o,
              const struct cli_option *rows,
              bool stop,
              char **argv,
              flux_error_t *e);
void opt_release(struct opt *o);

/* The i-th value of an option, in argv's memory: "" where it has none, NULL
 * past the last.
 */
const char *opt_value(const struct opt *o, const char *name, int i);
int opt_count(const struct opt *o, const char *name);

/* All values cut at commas, empty pieces left out; NULL-terminated, one
 * free() for all; NULL with ENOMEM.
 */
char **opt_list(const struct opt *o, const char *name);

/* One line or more for each row that has a help text, --help first. */
void opt_usage(FILE *f, const struct cli_option *rows);

#endif /* OPT_H */
