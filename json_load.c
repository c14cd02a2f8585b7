/* json_load.c - reading JSON text
 *
 * Text comes as a block of memory, or piece by piece from a file, a
 * descriptor or a callback.  The reader works on one window of bytes.  For a
 * block the window is the block; otherwise it is a buffer that starts where
 * the text starts and grows when the lexer asks for a byte more.  The lexer
 * asks for no byte that it does not need, so that one JSON text after another
 * can be read from the same file or socket (JSON_DISABLE_EOF_CHECK).
 *
 * What always holds:
 * - The parser keeps the containers that are open in a json_stack, and does
 *   not recurse.  A container hangs in its parent from the moment it opens,
 *   so that dropping the root drops everything after an error.
 * - A token is data[token..pos).  A string without an escape is used where it
 *   stands; one with escapes is rewritten into `key` or `text`, which differ
 *   because a key is needed until its value is there.
 * - The first error is the one reported.  Line and column are counted then,
 *   and not before.
 * - No number depends on the locale: strtod() gets digits and an exponent,
 *   never a decimal point.
 *
 * Errors say what jansson's say, since people and scripts know those words.
 */
#include "json_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"

enum {
    LOAD_CHUNK = 1024,          /* what is asked of a source at once */
    LOAD_NEAR = 20,             /* a longer token is not quoted in an error */
    LOAD_EXPONENT = 1000000000, /* larger ones make no difference */
};

enum token {
    TOKEN_INVALID = -1,
    TOKEN_EOF = 0,
    /* '[' ']' '{' '}' ':' ',' stand for themselves */
    TOKEN_STRING = 256,
    TOKEN_INTEGER,
    TOKEN_REAL,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
};

struct slice {
    const char *data;
    size_t len;
};

struct reader {
    const char *data; /* the window */
    size_t pos;
    size_t size;
    size_t token; /* where the current one starts */

    size_t (*fill)(void *arg, char *to, size_t room); /* NULL: a block */
    void *arg;
    size_t chunk;
    struct buf window;

    size_t flags;
    json_error_t *error; /* never NULL */
    bool failed;
    struct json_stack stack;

    struct slice string; /* what a string token says */
    bool has_nul;        /* and whether it says \u0000 */
    json_int_t integer;
    double real;
    struct buf key;
    struct buf text;
};

/* ---- errors ------------------------------------------------------------ */

/* There is no token to speak of. */
static bool at_end(const struct reader *r)
{
    return r->pos == r->token || r->data[r->token] == '\0';
}

static void near_token(const struct reader *r, char *near, size_t size)
{
    size_t len = r->pos - r->token;

    near[0] = '\0';
    if (len <= LOAD_NEAR && !at_end(r))
        snprintf(near, size, " near '%.*s'", (int)len, r->data + r->token);
}

static int
fail(struct reader *r, enum json_error_code code, const char *fmt, ...)
    FLUX_PRINTF(3, 4);

static int
fail(struct reader *r, enum json_error_code code, const char *fmt, ...)
{
    char near[LOAD_NEAR + 10];
    char what[80];
    va_list ap;

    if (r->failed)
        return TOKEN_INVALID;
    r->failed = true;
    near_token(r, near, sizeof(near));
    va_start(ap, fmt);
    vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    json_error_place(r->error, r->data, r->pos);
    json_error_set(r->error, code, "%s%s", what, near);
    return TOKEN_INVALID;
}

static int fail_memory(struct reader *r)
{
    return fail(r, json_error_out_of_memory, "out of memory");
}

/* The current token is not what the grammar wants. */
static int fail_syntax(struct reader *r, const char *what)
{
    if (at_end(r))
        return fail(r, json_error_premature_end_of_input, "%s near end of file",
                    what);
    return fail(r, json_error_invalid_syntax, "%s", what);
}

/* ---- bytes ------------------------------------------------------------- */

static bool fetch(struct reader *r)
{
    char *to;
    size_t n;

    if (!r->fill)
        return false;
    if (!(to = buf_reserve(&r->window, r->chunk))) {
        fail_memory(r);
        return false;
    }
    r->data = (const char *)r->window.data;
    n = r->fill(r->arg, to, r->chunk);
    if (n == 0 || n > r->chunk) {
        r->fill = NULL;
        return false;
    }
    r->window.size += n;
    r->size = r->window.size;
    return true;
}

/* The next byte, which stays, or -1 at the end. */
static inline int peek(struct reader *r)
{
    if (r->pos == r->size && !fetch(r))
        return -1;
    return (unsigned char)r->data[r->pos];
}

static inline bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Step over one character beyond ASCII. */
static int skip_wide(struct reader *r)
{
    size_t len;

    while (!(len = json_utf8_length(r->data + r->pos, r->size - r->pos)) &&
           r->size - r->pos < 4 && fetch(r))
        ;
    if (len == 0)
        return fail(r, json_error_invalid_utf8, "unable to decode byte 0x%x",
                    (unsigned)(unsigned char)r->data[r->pos]);
    r->pos += len;
    return 0;
}

/* ---- strings ----------------------------------------------------------- */

static int hex_value(int c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int take(struct reader *r)
{
    int c = peek(r);

    if (c >= 0x80)
        return skip_wide(r) < 0 ? -1 : c;
    if (c >= 0)
        r->pos++;
    return c;
}

/* Step over an escape; what it stands for is seen to by unescape(). */
static int scan_escape(struct reader *r)
{
    int c;

    r->pos++;
    c = take(r);
    if (c == 'u') {
        for (int i = 0; i < 4; i++) {
            if (hex_value(take(r)) < 0)
                return fail(r, json_error_invalid_syntax, "invalid escape");
        }
        return 0;
    }
    if (c <= 0 || !strchr("\"\\/bfnrt", c))
        return fail(r, json_error_invalid_syntax, "invalid escape");
    return 0;
}

/* Step over what is not plain inside a string. */
static int scan_special(struct reader *r, int c, bool *escaped)
{
    if (c == '\\') {
        *escaped = true;
        return scan_escape(r);
    }
    if (c >= 0x80)
        return skip_wide(r);
    if (c == -1)
        return fail(r, json_error_premature_end_of_input,
                    "premature end of input");
    if (c == '\n')
        return fail(r, json_error_invalid_syntax, "unexpected newline");
    return fail(r, json_error_invalid_syntax, "control character 0x%x",
                (unsigned)c);
}

static unsigned read_hex4(const char *s)
{
    unsigned value = 0;

    for (int i = 0; i < 4; i++)
        value = value << 4 | (unsigned)hex_value((unsigned char)s[i]);
    return value;
}

static void add_utf8(struct buf *b, unsigned c)
{
    if (c < 0x80) {
        buf_add_byte(b, (unsigned char)c);
    } else if (c < 0x800) {
        buf_add_byte(b, (unsigned char)(0xc0 | c >> 6));
        buf_add_byte(b, (unsigned char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_add_byte(b, (unsigned char)(0xe0 | c >> 12));
        buf_add_byte(b, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
        buf_add_byte(b, (unsigned char)(0x80 | (c & 0x3f)));
    } else {
        buf_add_byte(b, (unsigned char)(0xf0 | c >> 18));
        buf_add_byte(b, (unsigned char)(0x80 | (c >> 12 & 0x3f)));
        buf_add_byte(b, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
        buf_add_byte(b, (unsigned char)(0x80 | (c & 0x3f)));
    }
}

/* The code point of the \u at s, and how many bytes of text it takes. */
static int
read_unicode(struct reader *r, const char *s, size_t *len, unsigned *c)
{
    unsigned high = read_hex4(s + 2);
    unsigned low;

    *c = high;
    *len = 6;
    if (high >= 0xdc00 && high <= 0xdfff)
        return fail(r, json_error_invalid_syntax, "invalid Unicode '\\u%04X'",
                    high);
    if (high < 0xd800 || high > 0xdfff)
        return 0;
    if (s[6] != '\\' || s[7] != 'u')
        return fail(r, json_error_invalid_syntax, "invalid Unicode '\\u%04X'",
                    high);
    low = read_hex4(s + 8);
    if (low < 0xdc00 || low > 0xdfff)
        return fail(r, json_error_invalid_syntax,
                    "invalid Unicode '\\u%04X\\u%04X'", high, low);
    *c = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    *len = 12;
    return 0;
}

static char simple_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* Rewrite one escape at s; the bytes it took, or 0. */
static size_t unescape_one(struct reader *r, const char *s, struct buf *to)
{
    size_t len = 2;
    unsigned c;

    if (s[1] != 'u') {
        buf_add_byte(to, (unsigned char)simple_escape(s[1]));
        return len;
    }
    if (read_unicode(r, s, &len, &c) < 0)
        return 0;
    if (c == 0)
        r->has_nul = true;
    add_utf8(to, c);
    return len;
}

/* The closing quote is behind `s`, so that looking ahead is safe. */
static int unescape(struct reader *r, struct slice s, struct buf *to)
{
    const char *end = s.data + s.len;
    const char *slash;
    size_t len;

    buf_reset(to);
    while ((slash = memchr(s.data, '\\', (size_t)(end - s.data)))) {
        buf_add(to, s.data, (size_t)(slash - s.data));
        if (!(len = unescape_one(r, slash, to)))
            return -1;
        s.data = slash + len;
    }
    buf_add(to, s.data, (size_t)(end - s.data));
    if (to->failed)
        return fail_memory(r);
    r->string.data = to->size ? (const char *)to->data : "";
    r->string.len = to->size;
    return 0;
}

static int lex_string(struct reader *r, struct buf *to)
{
    bool escaped = false;
    int c;

    r->pos++;
    r->has_nul = false;
    for (;;) {
        r->pos += plain_length(r->data + r->pos, r->size - r->pos);
        if (r->pos == r->size && fetch(r))
            continue;
        c = peek(r);
        if (c == '"')
            break;
        if (scan_special(r, c, &escaped) < 0)
            return TOKEN_INVALID;
    }
    r->pos++;
    r->string.data = r->data + r->token + 1;
    r->string.len = r->pos - r->token - 2;
    if (escaped && unescape(r, r->string, to) < 0)
        return TOKEN_INVALID;
    return TOKEN_STRING;
}

/* ---- numbers ----------------------------------------------------------- */

static bool scan_digits(struct reader *r)
{
    if (!is_digit(peek(r)))
        return false;
    while (is_digit(peek(r)))
        r->pos++;
    return true;
}

static bool scan_integer_part(struct reader *r)
{
    if (peek(r) == '-')
        r->pos++;
    if (peek(r) == '0') {
        r->pos++;
        return !is_digit(peek(r));
    }
    return scan_digits(r);
}

static bool scan_exponent(struct reader *r)
{
    r->pos++;
    if (peek(r) == '-' || peek(r) == '+')
        r->pos++;
    return scan_digits(r);
}

static int read_integer(struct reader *r)
{
    const char *s = r->data + r->token;
    const char *end = r->data + r->pos;
    bool negative = *s == '-';
    uint64_t limit = (uint64_t)INT64_MAX + negative;
    uint64_t value = 0;

    for (s += negative; s < end; s++) {
        uint64_t digit = (uint64_t)(*s - '0');

        if (value > (limit - digit) / 10)
            return fail(r, json_error_numeric_overflow,
                        negative ? "too big negative integer"
                                 : "too big integer");
        value = value * 10 + digit;
    }
    r->integer = (json_int_t)(negative ? 0 - value : value);
    return TOKEN_INTEGER;
}

static int64_t read_exponent(const char *s, const char *end)
{
    bool negative = *s == '-';
    int64_t value = 0;

    if (*s == '-' || *s == '+')
        s++;
    for (; s < end && value < LOAD_EXPONENT; s++)
        value = value * 10 + (*s - '0');
    return negative ? -value : value;
}

/* Write 12.5e3 as 125e2, which strtod reads alike in every locale. */
static void write_pointless(struct buf *to, const char *s, const char *end)
{
    int64_t exponent = 0;
    bool point = false;

    for (; s < end && *s != 'e' && *s != 'E'; s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        buf_add_byte(to, (unsigned char)*s);
        exponent -= point;
    }
    if (s < end)
        exponent += read_exponent(s + 1, end);
    buf_printf(to, "e%" PRId64, exponent);
    buf_add_byte(to, '\0');
}

static int read_real(struct reader *r)
{
    int saved = errno;

    buf_reset(&r->text);
    write_pointless(&r->text, r->data + r->token, r->data + r->pos);
    if (r->text.failed)
        return fail_memory(r);
    r->real = strtod((const char *)r->text.data, NULL);
    errno = saved;
    if (!isfinite(r->real))
        return fail(r, json_error_numeric_overflow, "real number overflow");
    return TOKEN_REAL;
}

static int lex_number(struct reader *r)
{
    bool real = (r->flags & JSON_DECODE_INT_AS_REAL) != 0;

    if (!scan_integer_part(r))
        return TOKEN_INVALID;
    if (peek(r) == '.') {
        real = true;
        r->pos++;
        if (!scan_digits(r))
            return TOKEN_INVALID;
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        real = true;
        if (!scan_exponent(r))
            return TOKEN_INVALID;
    }
    return real ? read_real(r) : read_integer(r);
}

/* ---- tokens ------------------------------------------------------------ */

static bool token_is(const struct reader *r, const char *word)
{
    size_t len = r->pos - r->token;

    return strlen(word) == len && !memcmp(r->data + r->token, word, len);
}

static int lex_word(struct reader *r)
{
    while (is_letter(peek(r)))
        r->pos++;
    if (token_is(r, "true"))
        return TOKEN_TRUE;
    if (token_is(r, "false"))
        return TOKEN_FALSE;
    if (token_is(r, "null"))
        return TOKEN_NULL;
    return TOKEN_INVALID;
}

static int lex_other(struct reader *r, int c)
{
    if (c >= 0x80)
        skip_wide(r);
    else
        r->pos++;
    return TOKEN_INVALID;
}

static int skip_blanks(struct reader *r)
{
    int c = peek(r);

    while (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
        r->pos++;
        c = peek(r);
    }
    return c;
}

/* Escaped strings are rewritten into `strings`. */
static int next_token(struct reader *r, struct buf *strings)
{
    int c = skip_blanks(r);

    r->token = r->pos;
    switch (c) {
    case -1:
        return TOKEN_EOF;
    case '"':
        return lex_string(r, strings);
    case '{':
    case '}':
    case '[':
    case ']':
    case ':':
    case ',':
        r->pos++;
        return c;
    default:
        if (is_digit(c) || c == '-')
            return lex_number(r);
        return is_letter(c) ? lex_word(r) : lex_other(r, c);
    }
}

/* ---- grammar ----------------------------------------------------------- */

static json_t *make_string(struct reader *r)
{
    if (r->has_nul && !(r->flags & JSON_ALLOW_NUL)) {
        fail(r, json_error_null_character,
             "\\u0000 is not allowed without JSON_ALLOW_NUL");
        return NULL;
    }
    return json_stringn_nocheck(r->string.data, r->string.len);
}

static json_t *make_value(struct reader *r, int token)
{
    switch (token) {
    case '{':
        return json_object();
    case '[':
        return json_array();
    case TOKEN_STRING:
        return make_string(r);
    case TOKEN_INTEGER:
        return json_integer(r->integer);
    case TOKEN_REAL:
        return json_real(r->real);
    case TOKEN_TRUE:
        return json_true();
    case TOKEN_FALSE:
        return json_false();
    case TOKEN_NULL:
        return json_null();
    case TOKEN_INVALID:
        fail_syntax(r, "invalid token");
        return NULL;
    default:
        fail_syntax(r, "unexpected token");
        return NULL;
    }
}

/* A value without its members.  A container becomes the top of the stack. */
static json_t *open_value(struct reader *r, int token)
{
    json_t *json;

    if (r->stack.depth >= JSON_PARSER_MAX_DEPTH) {
        fail(r, json_error_stack_overflow, "maximum parsing depth reached");
        return NULL;
    }
    if (!(json = make_value(r, token))) {
        fail_memory(r); /* unless something else was said before */
        return NULL;
    }
    if (json_is_container(json) && !json_stack_push(&r->stack, json)) {
        fail_memory(r);
        json_decref(json);
        return NULL;
    }
    return json;
}

static int array_step(struct reader *r, const json_t *array)
{
    int token = next_token(r, &r->text);
    json_t *parent = (json_t *)(uintptr_t)array;
    json_t *value;

    if (token == ']') {
        json_stack_pop(&r->stack);
        return 0;
    }
    if (json_array_size(array)) {
        if (token != ',')
            return fail_syntax(r, "']' expected");
        token = next_token(r, &r->text);
    }
    if (token == TOKEN_EOF)
        return fail_syntax(r, "']' expected");
    if (!(value = open_value(r, token)))
        return -1;
    if (json_array_append_new(parent, value) < 0)
        return fail_memory(r);
    return 0;
}

static int read_key(struct reader *r, const json_t *object, int token)
{
    if (token != TOKEN_STRING)
        return fail_syntax(r, "string or '}' expected");
    if (r->has_nul)
        return fail(r, json_error_null_byte_in_key,
                    "NUL byte in object key not supported");
    if ((r->flags & JSON_REJECT_DUPLICATES) &&
        json_object_getn(object, r->string.data, r->string.len))
        return fail(r, json_error_duplicate_key, "duplicate object key");
    return 0;
}

/* The key as an offset, since the window may move before it is used. */
struct key_place {
    bool in_window;
    size_t at;
    size_t len;
};

static struct key_place place_key(const struct reader *r)
{
    size_t at = r->token + 1;

    return (struct key_place){.in_window = r->string.data == r->data + at,
                              .at = at,
                              .len = r->string.len};
}

static const char *key_at(const struct reader *r, struct key_place place)
{
    if (place.in_window)
        return r->data + place.at;
    return place.len ? (const char *)r->key.data : "";
}

static int read_member(struct reader *r, const json_t *object)
{
    json_t *parent = (json_t *)(uintptr_t)object;
    struct key_place key = place_key(r);
    json_t *value;

    if (next_token(r, &r->text) != ':')
        return fail_syntax(r, "':' expected");
    if (!(value = open_value(r, next_token(r, &r->text))))
        return -1;
    if (json_object_setn_new_nocheck(parent, key_at(r, key), key.len, value) <
        0)
        return fail_memory(r);
    return 0;
}

static int object_step(struct reader *r, const json_t *object)
{
    int token = next_token(r, &r->key);

    if (token == '}') {
        json_stack_pop(&r->stack);
        return 0;
    }
    if (json_object_size(object)) {
        if (token != ',')
            return fail_syntax(r, "'}' expected");
        token = next_token(r, &r->key);
    }
    if (read_key(r, object, token) < 0)
        return -1;
    return read_member(r, object);
}

static int read_members(struct reader *r)
{
    const struct json_frame *f;
    int rc = 0;

    while (rc == 0 && r->stack.depth > 0) {
        f = json_stack_top(&r->stack);
        if (f->node->type == JSON_OBJECT)
            rc = object_step(r, f->node);
        else
            rc = array_step(r, f->node);
    }
    return rc;
}

static int read_end(struct reader *r)
{
    if (r->flags & JSON_DISABLE_EOF_CHECK)
        return 0;
    if (next_token(r, &r->text) == TOKEN_EOF)
        return 0;
    if (at_end(r))
        return fail(r, json_error_end_of_input_expected,
                    "end of file expected near end of file");
    return fail(r, json_error_end_of_input_expected, "end of file expected");
}

static json_t *read_text(struct reader *r)
{
    int token = next_token(r, &r->text);
    json_t *root;

    if (!(r->flags & JSON_DECODE_ANY) && token != '[' && token != '{') {
        fail_syntax(r, "'[' or '{' expected");
        return NULL;
    }
    if (!(root = open_value(r, token)))
        return NULL;
    if (read_members(r) < 0 || read_end(r) < 0 || r->failed) {
        json_decref(root);
        return NULL;
    }
    r->error->position = (int)r->pos;
    return root;
}

/* ---- sources ----------------------------------------------------------- */

static json_t *load(struct reader *r, const char *source, json_error_t *error)
{
    json_error_t ignored;
    json_t *json;

    r->error = error ? error : &ignored;
    json_error_init(r->error, source);
    json_stack_init(&r->stack);
    json = read_text(r);
    json_stack_release(&r->stack);
    buf_release(&r->key);
    buf_release(&r->text);
    return json;
}

static json_t *
load_from(struct reader *r, const char *source, json_error_t *error)
{
    json_t *json = load(r, source, error);

    buf_release(&r->window);
    return json;
}

static json_t *refuse(const char *source, json_error_t *error)
{
    if (error) {
        json_error_init(error, source);
        json_error_set(error, json_error_invalid_argument, "wrong arguments");
    }
    return NULL;
}

json_t *
json_loadb(const char *buffer, size_t buflen, size_t flags, json_error_t *error)
{
    struct reader r = {.data = buffer, .size = buflen, .flags = flags};

    if (!buffer)
        return refuse("<buffer>", error);
    return load(&r, "<buffer>", error);
}

json_t *json_loads(const char *input, size_t flags, json_error_t *error)
{
    struct reader r = {.data = input, .flags = flags};

    if (!input)
        return refuse("<string>", error);
    r.size = strlen(input);
    return load(&r, "<string>", error);
}

/* A line at most, so that what is typed is seen when it is. */
static size_t fill_from_file(void *arg, char *to, size_t room)
{
    size_t n = 0;
    int c = 0;

    while (n < room && c != '\n' && (c = getc(arg)) != EOF)
        to[n++] = (char)c;
    return n;
}

json_t *json_loadf(FILE *input, size_t flags, json_error_t *error)
{
    bool single = (flags & JSON_DISABLE_EOF_CHECK) != 0;
    const char *source = input == stdin ? "<stdin>" : "<stream>";
    struct reader r = {.fill = fill_from_file,
                       .arg = input,
                       .chunk = single ? 1 : LOAD_CHUNK,
                       .flags = flags};
    json_t *json;

    if (!input)
        return refuse(source, error);
    json = load(&r, source, error);
    if (single && r.pos < r.size)
        ungetc((unsigned char)r.data[r.pos], input);
    buf_release(&r.window);
    return json;
}

json_t *json_load_file(const char *path, size_t flags, json_error_t *error)
{
    json_error_t ignored;
    json_t *json;
    FILE *f;

    if (!path)
        return refuse("", error);
    if (!(f = fopen(path, "rb"))) {
        error = error ? error : &ignored;
        json_error_init(error, path);
        json_error_set(error, json_error_cannot_open_file,
                       "unable to open %s: %s", path, strerror(errno));
        return NULL;
    }
    json = json_loadf(f, flags, error);
    fclose(f);
    return json;
}

static size_t fill_from_fd(void *arg, char *to, size_t room)
{
    const int *fd = arg;
    ssize_t n;

    do
        n = read(*fd, to, room);
    while (n < 0 && errno == EINTR);
    return n > 0 ? (size_t)n : 0;
}

json_t *json_loadfd(int input, size_t flags, json_error_t *error)
{
    const char *source = input == STDIN_FILENO ? "<stdin>" : "<stream>";
    struct reader r = {.fill = fill_from_fd,
                       .arg = &input,
                       .chunk = flags & JSON_DISABLE_EOF_CHECK ? 1 : LOAD_CHUNK,
                       .flags = flags};

    if (input < 0)
        return refuse(source, error);
    return load_from(&r, source, error);
}

struct caller {
    json_load_callback_t callback;
    void *data;
};

static size_t fill_from_caller(void *arg, char *to, size_t room)
{
    const struct caller *c = arg;

    return c->callback(to, room, c->data);
}

json_t *json_load_callback(json_load_callback_t callback,
                           void *data,
                           size_t flags,
                           json_error_t *error)
{
    struct caller caller = {callback, data};
    struct reader r = {.fill = fill_from_caller,
                       .arg = &caller,
                       .chunk = LOAD_CHUNK,
                       .flags = flags};

    if (!callback)
        return refuse("<callback>", error);
    return load_from(&r, "<callback>", error);
}
