/* rowfmt.c - rows of a table by a format such as "{name:<24} {idle:>5}"
 *
 * A format is cut once into pieces: each is the text before a field, and the
 * field with how to show it; the text behind the last field is a piece without
 * a field.  A row is made by going through the pieces.  The header is a row of
 * titles, as wide as the columns.
 *
 * What always holds:
 * - A format with a mistake is refused as a whole, with the place named,
 *   before anything is printed.
 * - Widths count characters, not bytes: what is cut off is cut at a whole
 *   UTF-8 character.
 * - Strings lean to the left and numbers to the right, unless it is said
 *   otherwise, and a title leans as it is said, or to the left.
 * - A value that does not fit its type is shown as text: a table is for
 *   people, and a row that is missing helps no one.
 * - WIDTH is bounded, so that no format makes a line of gigabytes.
 */
#include "rowfmt.h"

#include <ctype.h>

#include "util.h"

enum {
    WIDTH_MAX = 4096, /* no terminal is wider */
    REAL_DIGITS = 6,  /* of a real number, as printf has it */
    FILL_SIZE = 5,    /* a UTF-8 character and a NUL */
};

struct style {
    char fill[FILL_SIZE];
    char align; /* '<' '>' '^', 0: by the kind of value */
    int width;
    int precision; /* -1: none */
    char type;     /* 's' 'd' 'x' 'f', 0: none */
    bool hyphen;
    bool mark; /* a '+' where something was cut off */
};

struct piece {
    char *before;
    const struct rowfmt_field *field; /* NULL in the last piece */
    struct style style;
    char conversion;    /* 'F', or 0 */
    bool drop_if_empty; /* "?:" */
    bool fit;           /* "+:" */
    bool dropped;
};

struct rowfmt {
    struct buf pieces; /* of struct piece */
};

static size_t count_pieces(const struct rowfmt *f)
{
    return f->pieces.size / sizeof(struct piece);
}

static struct piece *nth_piece(const struct rowfmt *f, size_t i)
{
    return (struct piece *)(void *)f->pieces.data + i;
}

/* ---- UTF-8 --------------------------------------------------------------- */

static bool is_start(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static size_t count_characters(const char *s)
{
    size_t n = 0;

    for (; *s; s++)
        n += is_start(*s);
    return n;
}

/* Bytes of the first n characters. */
static size_t size_of_characters(const char *s, size_t n)
{
    const char *at = s;

    while (*at && (n > 0 || !is_start(*at)))
        n -= is_start(*at++);
    return (size_t)(at - s);
}

/* ---- reading a format ------------------------------------------------------
 */

static bool is_align(char c)
{
    return c == '<' || c == '>' || c == '^';
}

static const char *read_align(const char *at, struct style *s)
{
    size_t len = size_of_characters(at, 1);

    strcpy(s->fill, " ");
    if (len > 0 && len < FILL_SIZE && is_align(at[len])) {
        memcpy(s->fill, at, len);
        s->fill[len] = '\0';
        at += len;
    }
    if (is_align(*at))
        s->align = *at++;
    if (*at == '0') {
        strcpy(s->fill, "0");
        s->align = s->align ? s->align : '>';
    }
    return at;
}

/* NULL if it is out of bounds. */
static const char *read_number(const char *at, int *number)
{
    for (*number = 0; isdigit((unsigned char)*at); at++)
        if ((*number = *number * 10 + (*at - '0')) > WIDTH_MAX)
            return NULL;
    return at;
}

static const char *read_precision(const char *at, int *precision)
{
    *precision = -1;
    if (*at != '.')
        return at;
    if (!isdigit((unsigned char)at[1]))
        return NULL;
    return read_number(at + 1, precision);
}

/* All of `text` is what stands behind the colon. */
static int read_style(const char *text, struct style *s)
{
    const char *at = read_align(text, s);

    if (!(at = read_number(at, &s->width)) ||
        !(at = read_precision(at, &s->precision)))
        return -1;
    if (*at && strchr("sdxf", *at))
        s->type = *at++;
    if (*at == 'h') {
        s->hyphen = true;
        at++;
    }
    if (*at == '+') {
        s->mark = true;
        at++;
    }
    return *at ? -1 : 0;
}

static const struct rowfmt_field *find_field(const struct rowfmt_field *fields,
                                             const char *name)
{
    while (fields->name && strcmp(fields->name, name) != 0)
        fields++;
    return fields->name ? fields : NULL;
}

/* `text`, which is cut in pieces here, is what stands between braces. */
static int read_field(struct piece *p,
                      char *text,
                      const struct rowfmt_field *fields,
                      flux_error_t *e)
{
    char *colon = strchr(text, ':'), *bang;

    if (colon)
        *colon++ = '\0';
    if ((bang = strchr(text, '!')))
        *bang++ = '\0';
    if (bang && strcmp(bang, "s") != 0 && strcmp(bang, "F") != 0)
        return util_errno(e, EINVAL, "unknown conversion '!%s'", bang);
    p->conversion = bang && *bang == 'F' ? 'F' : 0;
    if (!(p->field = find_field(fields, text)))
        return util_errno(e, EINVAL, "unknown field '%s'", text);
    if (read_style(colon ? colon : "", &p->style) < 0)
        return util_errno(e, EINVAL, "'%s': not a format: '%s'", text, colon);
    return 0;
}

/* Take "?:", "+:" or "?+:" off the end of the text before a field. */
static void take_prefix(struct piece *p, struct buf *before)
{
    const char *end;
    bool drop, fit;

    if (before->size < 2)
        return;
    end = (const char *)before->data + before->size;
    if (end[-1] != ':')
        return;
    fit = end[-2] == '+';
    drop = fit ? before->size > 2 && end[-3] == '?' : end[-2] == '?';
    if (!fit && !drop)
        return;
    p->fit = fit;
    p->drop_if_empty = drop;
    before->size -= (size_t)1 + fit + drop;
}

static int add_piece(struct rowfmt *f, struct piece *p, struct buf *before)
{
    if (p->field)
        take_prefix(p, before);
    if ((p->before = buf_steal_string(before)))
        buf_add(&f->pieces, p, sizeof(*p));
    if (p->before && !f->pieces.failed)
        return 0;
    free(p->before);
    errno = ENOMEM;
    return -1;
}

/* Behind an opening brace.  Returns where the format goes on, or NULL. */
static const char *add_field(struct rowfmt *f,
                             const char *at,
                             struct buf *before,
                             const struct rowfmt_field *fields,
                             flux_error_t *e)
{
    size_t len = strcspn(at, "{}");
    struct piece p = {.style.precision = -1};
    char *text;
    int rc;

    if (at[len] != '}') {
        util_errno(e, EINVAL, "expected '}' behind '{%.*s'", (int)len, at);
        return NULL;
    }
    if (!(text = util_asprintf("%.*s", (int)len, at)))
        return NULL;
    rc = read_field(&p, text, fields, e);
    free(text);
    if (rc < 0 || add_piece(f, &p, before) < 0)
        return NULL;
    return at + len + 1;
}

static int read_format(struct rowfmt *f,
                       const char *at,
                       struct buf *before,
                       const struct rowfmt_field *fields,
                       flux_error_t *e)
{
    struct piece last = {.before = NULL};

    while (at && *at) {
        if ((*at == '{' || *at == '}') && at[1] == *at) {
            buf_add_byte(before, (unsigned char)*at);
            at += 2;
        } else if (*at == '{') {
            at = add_field(f, at + 1, before, fields, e);
        } else if (*at == '}') {
            return util_errno(e, EINVAL, "single '}' in format");
        } else {
            buf_add_byte(before, (unsigned char)*at++);
        }
    }
    return at ? add_piece(f, &last, before) : -1;
}

void rowfmt_destroy(struct rowfmt *f)
{
    int saved_errno = errno;

    if (!f)
        return;
    for (size_t i = 0; i < count_pieces(f); i++)
        free(nth_piece(f, i)->before);
    buf_release(&f->pieces);
    free(f);
    errno = saved_errno;
}

struct rowfmt *rowfmt_create(const char *format,
                             const struct rowfmt_field *fields,
                             flux_error_t *e)
{
    struct rowfmt *f = calloc(1, sizeof(*f));
    struct buf before = {0};
    int rc;

    if (!f) {
        util_error(e, "out of memory");
        return NULL;
    }
    rc = read_format(f, format, &before, fields, e);
    buf_release(&before);
    if (rc == 0)
        return f;
    rowfmt_destroy(f);
    return NULL;
}

/* ---- one value -------------------------------------------------------------
 */

static void add_duration(struct buf *b, double seconds)
{
    char text[UTIL_DURATION_SIZE];

    buf_printf(b, "%s", util_format_duration(seconds, text));
}

static void add_number(struct buf *b, const struct piece *p, json_t *value)
{
    int precision = p->style.precision < 0 ? REAL_DIGITS : p->style.precision;
    json_int_t integer = json_integer_value(value);

    if (p->conversion == 'F')
        add_duration(b, json_number_value(value));
    else if (p->style.type == 'f')
        buf_printf(b, "%.*f", precision, json_number_value(value));
    else if (json_is_real(value))
        buf_printf(b, "%g", json_real_value(value));
    else if (p->style.type == 'x')
        buf_printf(b, "%llx", (unsigned long long)integer);
    else
        buf_printf(b, "%lld", (long long)integer);
}

static void add_value(struct buf *b, const struct piece *p, json_t *value)
{
    char *text;

    if (!value || json_is_null(value))
        return;
    if (json_is_string(value))
        buf_add_string(b, json_string_value(value));
    else if (json_is_number(value))
        add_number(b, p, value);
    else if ((text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY))) {
        buf_add_string(b, text);
        free(text);
    }
}

/* The value as text before it is cut or filled; NULL without memory. */
static char *text_of(const struct piece *p, json_t *value)
{
    struct buf b = {0};

    add_value(&b, p, value);
    if (b.size == 0 && p->style.hyphen)
        buf_add_byte(&b, '-');
    return buf_steal_string(&b);
}

static void add_fill(struct buf *b, const char *fill, size_t n)
{
    while (n-- > 0)
        buf_add_string(b, fill);
}

static void add_aligned(struct buf *b,
                        const struct style *s,
                        char align,
                        const char *text,
                        size_t n)
{
    size_t size = size_of_characters(text, n);
    size_t missing = (size_t)s->width > n ? (size_t)s->width - n : 0;
    size_t left = align == '>' ? missing : align == '^' ? missing / 2 : 0;

    add_fill(b, s->fill, left);
    buf_add(b, text, size);
    add_fill(b, s->fill, missing - left);
}

static void
add_cell(struct buf *b, const struct style *s, char align, const char *text)
{
    size_t n = count_characters(text), limit = (size_t)s->precision;
    char *cut;

    if (s->type == 'f' || s->precision < 0 || n <= limit) {
        add_aligned(b, s, align, text, n);
        return;
    }
    if (!s->mark || limit == 0) {
        add_aligned(b, s, align, text, limit);
        return;
    }
    if (!(cut = util_asprintf("%.*s+", (int)size_of_characters(text, limit - 1),
                              text)))
        return;
    add_aligned(b, s, align, cut, limit);
    free(cut);
}

/* ---- rows ------------------------------------------------------------------
 */

static bool is_empty(json_t *value)
{
    if (json_is_string(value))
        return json_string_length(value) == 0;
    if (json_is_array(value))
        return json_array_size(value) == 0;
    return !value || json_is_null(value) ||
           (json_is_number(value) && json_number_value(value) == 0);
}

static void widen(struct piece *p, size_t n)
{
    int width = n > WIDTH_MAX ? WIDTH_MAX : (int)n;

    if (p->style.width < width)
        p->style.width = width;
    if (p->style.precision >= 0 && p->style.precision < width)
        p->style.precision = width;
}

static void fit_piece(struct piece *p, json_t *rows)
{
    bool empty = true;
    size_t i;
    json_t *row;

    if (p->fit)
        widen(p, count_characters(p->field->title));
    json_array_foreach(rows, i, row)
    {
        json_t *value = json_object_get(row, p->field->name);
        char *text = p->fit ? text_of(p, value) : NULL;

        if (text)
            widen(p, count_characters(text));
        free(text);
        empty = empty && is_empty(value);
    }
    p->dropped = p->drop_if_empty && empty;
}

void rowfmt_fit(struct rowfmt *f, json_t *rows)
{
    for (size_t i = 0; i < count_pieces(f); i++)
        if (nth_piece(f, i)->field)
            fit_piece(nth_piece(f, i), rows);
}

static void add_title(struct buf *b, const struct piece *p)
{
    struct style s = p->style;

    strcpy(s.fill, " ");
    s.mark = false;
    add_cell(b, &s, s.align, p->field->title);
}

static void add_field_of(struct buf *b, const struct piece *p, json_t *row)
{
    json_t *value = json_object_get(row, p->field->name);
    char *text = text_of(p, value);
    char align = p->style.align;

    if (!align && json_is_number(value))
        align = '>';
    if (text)
        add_cell(b, &p->style, align, text);
    free(text);
}

static void add_line(const struct rowfmt *f, json_t *row, struct buf *b)
{
    for (size_t i = 0; i < count_pieces(f); i++) {
        const struct piece *p = nth_piece(f, i);

        if (p->dropped)
            continue;
        buf_add_string(b, p->before);
        if (p->field && row)
            add_field_of(b, p, row);
        else if (p->field)
            add_title(b, p);
    }
    buf_add_byte(b, '\n');
}

void rowfmt_header(const struct rowfmt *f, struct buf *b)
{
    add_line(f, NULL, b);
}

void rowfmt_row(const struct rowfmt *f, json_t *row, struct buf *b)
{
    add_line(f, row, b);
}
