/* rowfmt.h - rows of a table by a format such as "{name:<24} {idle:>5}"
 *
 * The formats are those of Flux's -o options (flux-jobs(1)): Python's format
 * strings with the names of fields in braces, of which
 *
 *     {name!C:[[FILL]ALIGN][0][WIDTH][.PRECISION][TYPE][h][+]}
 *
 * is here: ALIGN < > ^, TYPE s d x f, `h` for a hyphen where there is
 * nothing, `+` for a mark where something was cut off, conversions !s and !F
 * (a duration).  "?:" before a field leaves it out, with the text in front of
 * it, if it is empty in all rows; "+:" makes it as wide as its widest value;
 * "?+:" is both.  "{{" and "}}" are braces.
 */
#ifndef ROWFMT_H
#define ROWFMT_H

#include "buf.h"
#include "json.h"

struct rowfmt_field {
    const char *name;  /* in the format, and key of the rows */
    const char *title; /* in the header */
    const char *about; /* for a list of the fields */
};

struct rowfmt;

/* `fields` end with a NULL name, and live as long as the result.  EINVAL with
 * the reason, ENOMEM.
 */
struct rowfmt *rowfmt_create(const char *format,
                             const struct rowfmt_field *fields,
                             flux_error_t *e);
void rowfmt_destroy(struct rowfmt *f);

/* Look at all rows (objects in an array), for "?:" and "+:". */
void rowfmt_fit(struct rowfmt *f, json_t *rows);

/* Add a line, with its newline.  A field that a row does not have, or that is
 * null, is empty.
 */
void rowfmt_header(const struct rowfmt *f, struct buf *b);
void rowfmt_row(const struct rowfmt *f, json_t *row, struct buf *b);

#endif /* ROWFMT_H */
