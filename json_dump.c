/* json_dump.c - writing JSON text
 *
 * All output is made in one buffer and handed over at the end, so that a
 * value that can not be written (a cycle, a string that is not UTF-8) leaves
 * nothing half-written behind.
 *
 * What always holds:
 * - Between two members stands ", " and behind a key ": "; JSON_COMPACT takes
 *   the blanks away, JSON_INDENT puts each member on its own line.
 * - A real number has a point or an exponent, so that it is read back as
 *   one, and by default the 17 digits that make it the same one.  The point
 *   is "." in every locale.
 * - The open containers are in a json_stack: no recursion, and a container
 *   inside itself is found there and refused.
 * - JSON_SORT_KEYS orders by the bytes of the keys.
 */
#include "json_internal.h"

#include <errno.h>
#include <string.h>

#include "buf.h"
#include "util.h"

enum {
    DUMP_PRECISION = 17,  /* digits that tell any two doubles apart */
    DUMP_REAL_SIZE = 128, /* 31 digits at most, a point of many bytes */
    DUMP_INTEGER_SIZE = 24,
};

struct dump {
    struct buf out;
    struct json_stack stack;
    size_t flags;
};

/* ---- strings ----------------------------------------------------------- */

static void write_u(struct buf *out, unsigned unit)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[6] = {'\\', 'u'};

    for (int i = 0; i < 4; i++)
        text[2 + i] = digits[unit >> (12 - 4 * i) & 0xf];
    buf_add(out, text, sizeof(text));
}

static unsigned decode_utf8(const char *s, size_t len)
{
    static const unsigned char lead_mask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned c = (unsigned char)s[0] & lead_mask[len];

    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)s[i] & 0x3f);
    return c;
}

static void write_ascii(struct buf *out, unsigned c)
{
    if (c < 0x10000) {
        write_u(out, c);
        return;
    }
    c -= 0x10000;
    write_u(out, 0xd800 | c >> 10);
    write_u(out, 0xdc00 | (c & 0x3ff));
}

static void write_escape(struct buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    const char *found = c ? strchr(from, c) : NULL;
    char text[2] = {'\\'};

    if (!found) {
        write_u(out, c);
        return;
    }
    text[1] = to[found - from];
    buf_add(out, text, sizeof(text));
}

/* The character at s, which is not plain; its bytes, or 0 if it is none. */
static size_t write_special(struct dump *d, const char *s, size_t n)
{
    size_t len = json_utf8_length(s, n);

    if (len == 1)
        write_escape(&d->out, (unsigned char)s[0]);
    else if (d->flags & JSON_ENSURE_ASCII)
        write_ascii(&d->out, decode_utf8(s, len));
    else
        buf_add(&d->out, s, len);
    return len;
}

static void write_plain(struct dump *d, const char *s, size_t n)
{
    const char *slash;

    while ((d->flags & JSON_ESCAPE_SLASH) && (slash = memchr(s, '/', n))) {
        buf_add(&d->out, s, (size_t)(slash - s));
        buf_add(&d->out, "\\/", 2);
        n -= (size_t)(slash + 1 - s);
        s = slash + 1;
    }
    buf_add(&d->out, s, n);
}

static int write_string(struct dump *d, const char *s, size_t n)
{
    size_t len;

    buf_add_byte(&d->out, '"');
    for (;; s += len, n -= len) {
        len = plain_length(s, n);
        write_plain(d, s, len);
        if (len == n)
            break;
        s += len;
        n -= len;
        if (!(len = write_special(d, s, n)))
            return -1;
    }
    buf_add_byte(&d->out, '"');
    return 0;
}

/* ---- numbers ----------------------------------------------------------- */

static void write_integer(struct buf *out, json_int_t value)
{
    char text[DUMP_INTEGER_SIZE];
    char *s = text + sizeof(text);
    unsigned long long rest = (unsigned long long)value;

    if (value < 0)
        rest = 0 - rest;
    do
        *--s = (char)('0' + rest % 10);
    while (rest /= 10);
    if (value < 0)
        *--s = '-';
    buf_add(out, s, (size_t)(text + sizeof(text) - s));
}

/* Whatever printf put between digits is the locale's point. */
static void write_mantissa(struct buf *out, const char **text)
{
    const char *s = *text;
    size_t len = strspn(s, "-0123456789");

    buf_add(out, s, len);
    s += len;
    len = strcspn(s, "0123456789e");
    if (len) {
        buf_add_byte(out, '.');
        s += len;
        len = strspn(s, "0123456789");
        buf_add(out, s, len);
        s += len;
    } else if (*s != 'e') {
        buf_add(out, ".0", 2);
    }
    *text = s;
}

/* "e+07" becomes "e7", "e-07" becomes "e-7". */
static void write_exponent(struct buf *out, const char *s)
{
    if (*s != 'e')
        return;
    buf_add_byte(out, 'e');
    if (s[1] == '-')
        buf_add_byte(out, '-');
    buf_add_string(out, s + 1 + strspn(s + 1, "+-0"));
}

static void write_real(struct dump *d, double value)
{
    int precision = (int)(d->flags >> 11 & 0x1f);
    char text[DUMP_REAL_SIZE];
    const char *s = text;

    snprintf(text, sizeof(text), "%.*g", precision ? precision : DUMP_PRECISION,
             value);
    write_mantissa(&d->out, &s);
    write_exponent(&d->out, s);
}

/* ---- containers -------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
    const struct table_entry *x = *(struct table_entry *const *)a;
    const struct table_entry *y = *(struct table_entry *const *)b;
    size_t shorter = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->key, y->key, shorter);

    if (order)
        return order;
    return (x->len > y->len) - (x->len < y->len);
}

static int sort_members(struct json_frame *f)
{
    const struct table *t = &JSON_OBJECT_OF(f->node)->members;
    size_t count = table_count(t);
    struct table_entry *e = NULL;

    if (!(f->sorted = malloc(count * sizeof(*f->sorted))))
        return -1;
    for (size_t i = 0; (e = table_after(t, e)); i++)
        f->sorted[i] = e;
    qsort(f->sorted, count, sizeof(*f->sorted), compare_keys);
    return 0;
}

static json_t *next_member(struct json_frame *f, const char **key, size_t *len)
{
    struct table_entry *e;

    if (!f->sorted)
        return json_frame_next(f, key, len);
    if (f->pos >= json_object_size(f->node))
        return NULL;
    e = f->sorted[f->pos++];
    *key = e->key;
    *len = e->len;
    return e->value;
}

static bool is_hidden(const struct dump *d, size_t depth)
{
    return depth == 0 && (d->flags & JSON_EMBED);
}

static void write_bracket(struct dump *d, char bracket)
{
    if (!is_hidden(d, d->stack.depth))
        buf_add_byte(&d->out, (unsigned char)bracket);
}

static void write_newline(struct dump *d)
{
    static const char blanks[JSON_MAX_INDENT + 1] =
        "                               ";
    size_t indent = JSON_INDENT(d->flags);

    if (!indent)
        return;
    buf_add_byte(&d->out, '\n');
    for (size_t i = 0; i < d->stack.depth; i++)
        buf_add(&d->out, blanks, indent);
}

static void write_comma(struct dump *d)
{
    buf_add_byte(&d->out, ',');
    if (!(d->flags & (JSON_COMPACT | JSON_MAX_INDENT)))
        buf_add_byte(&d->out, ' ');
}

static int write_key(struct dump *d, const char *key, size_t len)
{
    if (write_string(d, key, len) < 0)
        return -1;
    buf_add_byte(&d->out, ':');
    if (!(d->flags & JSON_COMPACT))
        buf_add_byte(&d->out, ' ');
    return 0;
}

static int open_container(struct dump *d, const json_t *json, size_t count)
{
    bool object = json->type == JSON_OBJECT;
    struct json_frame *f;

    write_bracket(d, object ? '{' : '[');
    if (!count) {
        write_bracket(d, object ? '}' : ']');
        return 0;
    }
    if (!(f = json_stack_push(&d->stack, json)))
        return -1;
    return object && (d->flags & JSON_SORT_KEYS) ? sort_members(f) : 0;
}

static void close_container(struct dump *d)
{
    bool object = json_stack_top(&d->stack)->node->type == JSON_OBJECT;

    json_stack_pop(&d->stack);
    write_newline(d);
    write_bracket(d, object ? '}' : ']');
}

static int write_value(struct dump *d, const json_t *json)
{
    switch (json->type) {
    case JSON_OBJECT:
        return open_container(d, json, json_object_size(json));
    case JSON_ARRAY:
        return open_container(d, json, json_array_size(json));
    case JSON_STRING:
        return write_string(d, json_string_value(json),
                            json_string_length(json));
    case JSON_INTEGER:
        write_integer(&d->out, json_integer_value(json));
        return 0;
    case JSON_REAL:
        write_real(d, json_real_value(json));
        return 0;
    case JSON_TRUE:
        buf_add(&d->out, "true", 4);
        return 0;
    case JSON_FALSE:
        buf_add(&d->out, "false", 5);
        return 0;
    case JSON_NULL:
        buf_add(&d->out, "null", 4);
        return 0;
    }
    return -1;
}

/* Write the next member of the innermost container, or its end. */
static int write_step(struct dump *d)
{
    struct json_frame *f = json_stack_top(&d->stack);
    bool first = f->pos == 0;
    const char *key = NULL;
    size_t len = 0;
    const json_t *child = next_member(f, &key, &len);

    if (!child) {
        close_container(d);
        return 0;
    }
    if (!first)
        write_comma(d);
    write_newline(d);
    if (key && write_key(d, key, len) < 0)
        return -1;
    return write_value(d, child);
}

/* ---- where to ---------------------------------------------------------- */

static int dump(struct buf *out, const json_t *json, size_t flags)
{
    struct dump d = {.flags = flags};
    int rc;

    if (!json || (!(flags & JSON_ENCODE_ANY) && !json_is_container(json)))
        return -1;
    json_stack_init(&d.stack);
    rc = write_value(&d, json);
    while (rc == 0 && d.stack.depth)
        rc = write_step(&d);
    json_stack_release(&d.stack);
    if (rc < 0 || d.out.failed) {
        buf_release(&d.out);
        return -1;
    }
    *out = d.out;
    return 0;
}

static char *hand_over(struct buf *out)
{
    char *text;

    if (json_alloc_is_default())
        return buf_steal_string(out);
    if (!(text = json_alloc(out->size + 1)))
        return NULL;
    if (out->size)
        memcpy(text, out->data, out->size);
    text[out->size] = '\0';
    return text;
}

char *json_dumps(const json_t *json, size_t flags)
{
    struct buf out;
    char *text;

    if (dump(&out, json, flags) < 0)
        return NULL;
    text = hand_over(&out);
    buf_release(&out);
    return text;
}

int json_dump_callback(const json_t *json,
                       json_dump_callback_t callback,
                       void *data,
                       size_t flags)
{
    struct buf out;
    int rc = 0;

    if (dump(&out, json, flags) < 0)
        return -1;
    if (out.size)
        rc = callback((const char *)out.data, out.size, data);
    buf_release(&out);
    return rc ? -1 : 0;
}

struct block {
    char *data;
    size_t size;   /* of the block */
    size_t wanted; /* of the text */
};

static int put_in_block(const char *text, size_t size, void *arg)
{
    struct block *b = arg;

    b->wanted = size;
    if (b->size)
        memcpy(b->data, text, size < b->size ? size : b->size);
    return 0;
}

size_t json_dumpb(const json_t *json, char *buffer, size_t size, size_t flags)
{
    struct block b = {buffer, size, 0};

    return json_dump_callback(json, put_in_block, &b, flags) < 0 ? 0 : b.wanted;
}

static int put_in_file(const char *text, size_t size, void *arg)
{
    return fwrite(text, 1, size, arg) == size ? 0 : -1;
}

int json_dumpf(const json_t *json, FILE *output, size_t flags)
{
    return json_dump_callback(json, put_in_file, output, flags);
}

static int put_in_fd(const char *text, size_t size, void *arg)
{
    const int *fd = arg;

    return util_write_all(*fd, text, size);
}

int json_dumpfd(const json_t *json, int output, size_t flags)
{
    return json_dump_callback(json, put_in_fd, &output, flags);
}

int json_dump_file(const json_t *json, const char *path, size_t flags)
{
    FILE *f = fopen(path, "w");
    int rc;

    if (!f)
        return -1;
    rc = json_dumpf(json, f, flags);
    return fclose(f) == 0 ? rc : -1;
}
