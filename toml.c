/* toml.c - a reader of TOML 1.0
 *
 * A recursive descent over the text, one function a production of the
 * grammar at toml.io/en/v1.0.0.  The result is built as JSON while reading.
 * Beside each object that a header or a dotted key made stands a `scope`,
 * which remembers how it was made, because that decides what may be added to
 * it later:
 *
 *   IMPLICIT  named only on the way to another: a header may still define it
 *   HEADER    defined by its [header]: complete with its section
 *   DOTTED    made by a dotted key: grows by dotted keys, never by a header
 *   ELEMENTS  an array of [[tables]]: `last` is the table that is open
 *
 * A key in an object that has no scope of its own is a plain value and is
 * closed; so are inline tables and arrays once their bracket is shut.
 *
 * What always holds: the text is valid UTF-8 before the first byte of it is
 * looked at, so that strings need no check of their own.  A NUL that is
 * always found at `end` stops every scan.  On failure `at` is where the
 * trouble is, and the line and column are reckoned from it then, not before.
 * Depth is bounded, as the stack is.
 */
#include "toml.h"

#include "buf.h"
#include "table.h"
#include "util.h"

/* Objects and arrays within each other, whether by keys or by brackets.  A
 * configuration needs less than ten; each takes some hundred bytes of stack.
 */
enum { DEPTH_MAX = 100 };
enum { KEY_SHOWN_MAX = 64 }; /* bytes of a key in an error text */

enum origin { IMPLICIT, HEADER, DOTTED, ELEMENTS };

struct scope {
    enum origin origin;
    json_t *json;          /* an object; of ELEMENTS an array; not owned */
    struct table *members; /* scopes by key; NULL while there are none */
    struct scope *last;    /* of ELEMENTS */
};

struct parser {
    const char *start;
    const char *end;
    const char *at;
    flux_error_t *error;
    struct buf key;  /* the part of a key read last */
    struct buf text; /* a string or number while it is read */
};

/* ---- errors ---- */

/* Columns count characters. */
static void position(const struct parser *p, int *line, int *column)
{
    *line = *column = 1;
    for (const char *s = p->start; s < p->at; s++) {
        if (*s == '\n') {
            ++*line;
            *column = 1;
        } else if ((*s & 0xc0) != 0x80) {
            ++*column;
        }
    }
}

static int fail(struct parser *p, const char *at, const char *what)
{
    int line, column;

    p->at = at;
    position(p, &line, &column);
    return util_errno(p->error, EINVAL, "line %d, column %d: %s", line, column,
                      what);
}

/* Bytes of the key that an error text has room for, in whole characters. */
static int key_shown(const struct parser *p)
{
    size_t n = p->key.size - 1;

    if (n > KEY_SHOWN_MAX)
        n = KEY_SHOWN_MAX;
    while (n > 0 && (p->key.data[n] & 0xc0) == 0x80)
        n--;
    return (int)n;
}

/* `what` is said of the key that was read last, which stands at `at`. */
static int fail_key(struct parser *p, const char *at, const char *what)
{
    int line, column;

    p->at = at;
    position(p, &line, &column);
    return util_errno(p->error, EINVAL, "line %d, column %d: %.*s %s", line,
                      column, key_shown(p), (const char *)p->key.data, what);
}

static int fail_memory(struct parser *p)
{
    return util_errno(p->error, ENOMEM, "out of memory");
}

static json_t *checked(struct parser *p, json_t *json)
{
    if (!json)
        fail_memory(p);
    return json;
}

/* ---- characters ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_bare(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '_' || c == '-';
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && c != '\t') || c == 0x7f;
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    return (c | 0x20) - 'a' + 10;
}

/* Length of the valid UTF-8 character at `s`, or 0 (RFC 3629). */
static size_t utf8_length(const unsigned char *s, size_t left)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

    if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4 || n > left)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

static int check_utf8(struct parser *p)
{
    const char *s = p->start;

    while (s < p->end) {
        size_t n = utf8_length((const unsigned char *)s, (size_t)(p->end - s));
        if (n == 0)
            return fail(p, s, "invalid UTF-8");
        s += n;
    }
    return 0;
}

static void add_utf8(struct buf *b, uint32_t c)
{
    if (c < 0x80) {
        buf_add_byte(b, (unsigned char)c);
        return;
    }
    if (c < 0x800) {
        buf_add_byte(b, (unsigned char)(0xc0 | c >> 6));
    } else if (c < 0x10000) {
        buf_add_byte(b, (unsigned char)(0xe0 | c >> 12));
        buf_add_byte(b, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
    } else {
        buf_add_byte(b, (unsigned char)(0xf0 | c >> 18));
        buf_add_byte(b, (unsigned char)(0x80 | (c >> 12 & 0x3f)));
        buf_add_byte(b, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
    }
    buf_add_byte(b, (unsigned char)(0x80 | (c & 0x3f)));
}

/* ---- blanks, comments, line ends ---- */

static void skip_blanks(struct parser *p)
{
    while (*p->at == ' ' || *p->at == '\t')
        p->at++;
}

static size_t newline_length(const char *s)
{
    if (*s == '\n')
        return 1;
    return s[0] == '\r' && s[1] == '\n' ? 2 : 0;
}

static int skip_comment(struct parser *p)
{
    if (*p->at != '#')
        return 0;
    while (p->at < p->end && newline_length(p->at) == 0) {
        if (is_control(*p->at))
            return fail(p, p->at, "control character in a comment");
        p->at++;
    }
    return 0;
}

/* Nothing but blanks and a comment up to the end of the line. */
static int finish_line(struct parser *p)
{
    skip_blanks(p);
    if (skip_comment(p) < 0)
        return -1;
    if (p->at == p->end)
        return 0;
    if (newline_length(p->at) == 0)
        return fail(p, p->at, "expected the end of the line");
    p->at += newline_length(p->at);
    return 0;
}

/* Blanks, comments and line ends, as between the values of an array. */
static int skip_lines(struct parser *p)
{
    for (;;) {
        skip_blanks(p);
        if (skip_comment(p) < 0)
            return -1;
        if (newline_length(p->at) == 0)
            return 0;
        p->at += newline_length(p->at);
    }
}

/* ---- strings ---- */

/* What has gathered in `text`, ended with a NUL; NULL if memory ran out. */
static const char *gathered(struct parser *p)
{
    buf_add_byte(&p->text, '\0');
    if (!p->text.failed)
        return (const char *)p->text.data;
    fail_memory(p);
    return NULL;
}

static int parse_code_point(struct parser *p, struct buf *out, int digits)
{
    const char *escape = p->at - 2;
    uint32_t c = 0;

    for (int i = 0; i < digits; i++) {
        if (!is_hex(*p->at))
            return fail(p, escape, "expected hexadecimal digits");
        c = c << 4 | (uint32_t)hex_value(*p->at++);
    }
    if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return fail(p, escape, "no such character");
    add_utf8(out, c);
    return 0;
}

/* After the backslash. */
static int parse_escape(struct parser *p, struct buf *out)
{
    static const char letters[] = "btnfr\"\\";
    static const char meanings[] = "\b\t\n\f\r\"\\";
    char c = *p->at++;
    const char *letter = c ? strchr(letters, c) : NULL;

    if (c == 'u' || c == 'U')
        return parse_code_point(p, out, c == 'u' ? 4 : 8);
    if (!letter)
        return fail(p, p->at - 2, "unknown escape");
    buf_add_byte(out, (unsigned char)meanings[letter - letters]);
    return 0;
}

static int parse_plain_char(struct parser *p, struct buf *out)
{
    if (p->at == p->end || newline_length(p->at) > 0)
        return fail(p, p->at, "the string is not closed");
    if (is_control(*p->at))
        return fail(p, p->at, "control character in a string");
    buf_add_byte(out, (unsigned char)*p->at++);
    return 0;
}

/* One line, in " (with escapes) or ' (without). */
static int parse_line_string(struct parser *p, struct buf *out)
{
    char quote = *p->at++;

    while (*p->at != quote) {
        int rc;
        if (quote == '"' && *p->at == '\\') {
            p->at++;
            rc = parse_escape(p, out);
        } else {
            rc = parse_plain_char(p, out);
        }
        if (rc < 0)
            return -1;
    }
    p->at++;
    return 0;
}

/* A backslash that ends a line swallows the white space that follows. */
static bool skip_line_end(struct parser *p)
{
    const char *s = p->at + 1;

    while (*s == ' ' || *s == '\t')
        s++;
    if (newline_length(s) == 0)
        return false;
    while (*s == ' ' || *s == '\t' || newline_length(s) > 0)
        s += newline_length(s) > 0 ? newline_length(s) : 1;
    p->at = s;
    return true;
}

static int parse_block_char(struct parser *p, struct buf *out, char quote)
{
    size_t newline = newline_length(p->at);

    if (newline > 0) {
        buf_add(out, p->at, newline);
        p->at += newline;
        return 0;
    }
    if (quote == '\'' || *p->at != '\\')
        return parse_plain_char(p, out);
    if (skip_line_end(p))
        return 0;
    p->at++;
    return parse_escape(p, out);
}

static size_t count_quotes(const char *s, char quote)
{
    size_t n = 0;

    while (s[n] == quote)
        n++;
    return n;
}

/* Three quotes open and close it; one or two more before those that close
 * are text.
 */
static int parse_block_string(struct parser *p, struct buf *out)
{
    char quote = *p->at;
    size_t quotes;

    p->at += 3;
    p->at += newline_length(p->at);
    while ((quotes = count_quotes(p->at, quote)) < 3) {
        buf_add(out, p->at, quotes);
        p->at += quotes;
        if (quotes == 0 && parse_block_char(p, out, quote) < 0)
            return -1;
    }
    if (quotes > 5)
        quotes = 5;
    buf_add(out, p->at, quotes - 3);
    p->at += quotes;
    return 0;
}

static json_t *parse_string(struct parser *p)
{
    const char *text;
    int rc;

    buf_reset(&p->text);
    if (count_quotes(p->at, *p->at) >= 3)
        rc = parse_block_string(p, &p->text);
    else
        rc = parse_line_string(p, &p->text);
    if (rc < 0 || !(text = gathered(p)))
        return NULL;
    return checked(p, json_stringn_nocheck(text, p->text.size - 1));
}

/* ---- numbers ---- */

/* The digits of `base` at *s, which underscores may divide, go to `out`.
 * False if there are none or an underscore is misplaced.
 */
static bool take_digits(const char **s, int base, struct buf *out)
{
    bool digit_before = false;

    for (;; ++*s) {
        bool digit = is_hex(**s) && hex_value(**s) < base;
        if (digit)
            buf_add_byte(out, (unsigned char)**s);
        else if (**s != '_' || !digit_before)
            return digit_before;
        digit_before = digit;
    }
}

static json_t *finish_integer(struct parser *p, const char *token, int base)
{
    const char *digits = gathered(p);
    int64_t value;

    if (!digits)
        return NULL;
    if (util_parse_int64(digits, base, &value) == 0)
        return checked(p, json_integer(value));
    fail(p, token, "the integer does not fit 64 bits");
    return NULL;
}

static json_t *finish_real(struct parser *p, const char *token)
{
    const char *digits = gathered(p);
    double value;

    if (!digits)
        return NULL;
    if (util_parse_double(digits, &value) == 0)
        return checked(p, json_real(value));
    fail(p, token, "the number is too large");
    return NULL;
}

/* `letter` is what follows the 0. */
static int base_of(char letter)
{
    switch (letter) {
    case 'x':
        return 16;
    case 'o':
        return 8;
    case 'b':
        return 2;
    default:
        return 0;
    }
}

static json_t *parse_based_integer(struct parser *p, int base)
{
    const char *token = p->at;

    p->at += 2;
    if (take_digits(&p->at, base, &p->text))
        return finish_integer(p, token, base);
    fail(p, token, "malformed number");
    return NULL;
}

static void take_sign(struct parser *p)
{
    if (*p->at == '-')
        buf_add_byte(&p->text, '-');
    if (*p->at == '-' || *p->at == '+')
        p->at++;
}

/* Digits that do not begin with a 0 of no use. */
static bool take_integer(struct parser *p)
{
    const char *digits = p->at;

    return take_digits(&p->at, 10, &p->text) &&
           (*digits != '0' || p->at == digits + 1);
}

/* Fraction and exponent, if they are there; false if malformed. */
static bool take_real_part(struct parser *p)
{
    if (*p->at == '.') {
        buf_add_byte(&p->text, '.');
        p->at++;
        if (!take_digits(&p->at, 10, &p->text))
            return false;
    }
    if (*p->at != 'e' && *p->at != 'E')
        return true;
    buf_add_byte(&p->text, 'e');
    p->at++;
    take_sign(p);
    return take_digits(&p->at, 10, &p->text);
}

static json_t *parse_decimal(struct parser *p)
{
    const char *token = p->at;
    const char *point;
    bool whole;

    take_sign(p);
    if (!is_digit(*p->at)) {
        fail(p, token, "expected a value (a string needs quotes)");
        return NULL;
    }
    whole = take_integer(p);
    point = p->at;
    if (!whole || !take_real_part(p)) {
        fail(p, token, "malformed number");
        return NULL;
    }
    return p->at > point ? finish_real(p, token) : finish_integer(p, token, 10);
}

static json_t *parse_number(struct parser *p)
{
    int base = *p->at == '0' ? base_of(p->at[1]) : 0;

    buf_reset(&p->text);
    return base ? parse_based_integer(p, base) : parse_decimal(p);
}

/* ---- dates and times ---- */

/* `count` digits at *s, which is moved past them; -1 if there are none. */
static int take_number(const char **s, int count)
{
    int n = 0;

    for (int i = 0; i < count; i++, ++*s) {
        if (!is_digit(**s))
            return -1;
        n = 10 * n + (**s - '0');
    }
    return n;
}

static bool take_char(const char **s, char c)
{
    if (**s != c)
        return false;
    ++*s;
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

static bool take_date(const char **s)
{
    int year = take_number(s, 4), month, day;

    if (year < 0 || !take_char(s, '-'))
        return false;
    month = take_number(s, 2);
    if (month < 1 || month > 12 || !take_char(s, '-'))
        return false;
    day = take_number(s, 2);
    return day >= 1 && day <= days_of(year, month);
}

static bool take_hour_minute(const char **s)
{
    int hour = take_number(s, 2), minute;

    if (hour < 0 || hour > 23 || !take_char(s, ':'))
        return false;
    minute = take_number(s, 2);
    return minute >= 0 && minute <= 59;
}

/* Second 60 is a leap second's. */
static bool take_time(const char **s)
{
    int second;

    if (!take_hour_minute(s) || !take_char(s, ':'))
        return false;
    second = take_number(s, 2);
    if (second < 0 || second > 60)
        return false;
    if (!take_char(s, '.'))
        return true;
    if (!is_digit(**s))
        return false;
    while (is_digit(**s))
        ++*s;
    return true;
}

static bool take_zone(const char **s)
{
    if (take_char(s, 'Z') || take_char(s, 'z'))
        return true;
    if (take_char(s, '+') || take_char(s, '-'))
        return take_hour_minute(s);
    return true;
}

/* A blank may stand for the T, if a time follows it. */
static bool is_date_divider(const char *s)
{
    return *s == 'T' || *s == 't' || (*s == ' ' && is_digit(s[1]));
}

static bool take_moment(const char **s)
{
    if ((*s)[2] == ':')
        return take_time(s);
    if (!take_date(s))
        return false;
    if (!is_date_divider(*s))
        return true;
    ++*s;
    return take_time(s) && take_zone(s);
}

static json_t *parse_moment(struct parser *p)
{
    const char *token = p->at;
    char *text;

    if (!take_moment(&p->at)) {
        fail(p, token, "malformed date or time");
        return NULL;
    }
    buf_reset(&p->text);
    buf_add(&p->text, token, (size_t)(p->at - token));
    if (!gathered(p))
        return NULL;
    text = (char *)p->text.data;
    if (strlen(text) > 10 && text[2] != ':')
        text[10] = 'T';
    if (strchr(text, 'z'))
        *strchr(text, 'z') = 'Z';
    return checked(p, json_string_nocheck(text));
}

static bool is_moment(const char *s)
{
    size_t digits = 0;

    while (digits < 5 && is_digit(s[digits]))
        digits++;
    return (digits == 4 && s[4] == '-') || (digits == 2 && s[2] == ':');
}

/* ---- scopes ---- */

static void scope_destroy(void *arg)
{
    struct scope *s = arg;

    if (!s)
        return;
    scope_destroy(s->last);
    table_destroy(s->members);
    free(s);
}

/* `json` is NULL if memory ran out before, and so is the result. */
static struct scope *
scope_create(struct parser *p, json_t *json, enum origin origin)
{
    struct scope *s = json ? calloc(1, sizeof(*s)) : NULL;

    if (!s) {
        fail_memory(p);
        return NULL;
    }
    s->json = json;
    s->origin = origin;
    return s;
}

static const char *key_data(const struct parser *p)
{
    return (const char *)p->key.data;
}

static size_t key_size(const struct parser *p)
{
    return p->key.size - 1; /* without its NUL */
}

static bool scope_has_key(const struct parser *p, const struct scope *s)
{
    return json_object_getn(s->json, key_data(p), key_size(p)) != NULL;
}

/* Put `value`, which is taken, under the key that was read last. */
static int
scope_set_value(struct parser *p, const struct scope *s, json_t *value)
{
    if (json_object_setn_new_nocheck(s->json, key_data(p), key_size(p),
                                     value) == 0)
        return 0;
    return fail_memory(p);
}

static struct scope *scope_find(const struct parser *p, const struct scope *s)
{
    if (!s->members)
        return NULL;
    return table_getn(s->members, key_data(p), key_size(p));
}

static int scope_link(struct parser *p, struct scope *s, struct scope *member)
{
    if (!s->members && !(s->members = table_create(scope_destroy)))
        return fail_memory(p);
    if (table_setn(s->members, key_data(p), key_size(p), member) < 0)
        return fail_memory(p);
    return 0;
}

/* A new member under the key that was read last. */
static struct scope *
scope_add(struct parser *p, struct scope *s, enum origin origin)
{
    json_t *json = origin == ELEMENTS ? json_array() : json_object();
    struct scope *member = scope_create(p, json, origin);

    if (!member) {
        json_decref(json);
        return NULL;
    }
    if (scope_set_value(p, s, json) < 0 || scope_link(p, s, member) < 0) {
        scope_destroy(member);
        return NULL;
    }
    return member;
}

/* One more table in an array of tables. */
static struct scope *scope_append(struct parser *p, struct scope *elements)
{
    json_t *json = json_object();
    struct scope *element = scope_create(p, json, HEADER);

    if (!element) {
        json_decref(json);
        return NULL;
    }
    if (json_array_append_new(elements->json, json) < 0) {
        scope_destroy(element);
        fail_memory(p);
        return NULL;
    }
    scope_destroy(elements->last);
    elements->last = element;
    return element;
}

/* ---- keys ---- */

static void take_bare_key(struct parser *p)
{
    const char *from = p->at;

    while (is_bare(*p->at))
        p->at++;
    buf_add(&p->key, from, (size_t)(p->at - from));
}

/* One part of a key to p->key, with a NUL behind it. */
static int parse_key_part(struct parser *p)
{
    buf_reset(&p->key);
    if (is_bare(*p->at))
        take_bare_key(p);
    else if (*p->at != '"' && *p->at != '\'')
        return fail(p, p->at, "expected a key");
    else if (parse_line_string(p, &p->key) < 0)
        return -1;
    buf_add_byte(&p->key, '\0');
    return p->key.failed ? fail_memory(p) : 0;
}

/* On the way of a header's key. */
static struct scope *
enter_header(struct parser *p, struct scope *s, const char *at)
{
    struct scope *member = scope_find(p, s);

    if (!member && !scope_has_key(p, s))
        return scope_add(p, s, IMPLICIT);
    if (member)
        return member->origin == ELEMENTS ? member->last : member;
    fail_key(p, at, "is not a table that can be extended");
    return NULL;
}

/* On the way of a dotted key. */
static struct scope *
enter_dotted(struct parser *p, struct scope *s, const char *at)
{
    struct scope *member = scope_find(p, s);

    if (!member && !scope_has_key(p, s))
        return scope_add(p, s, DOTTED);
    if (!member || member->origin == HEADER || member->origin == ELEMENTS) {
        fail_key(p, at, "is already defined and cannot be extended");
        return NULL;
    }
    member->origin = DOTTED;
    return member;
}

typedef struct scope *(*enter_f)(struct parser *, struct scope *, const char *);

/* Read a key from `s` on; its last part is left in p->key, and *at says
 * where that stands.  *depth grows by the parts before it.  Return the scope
 * that the key belongs to.
 */
static struct scope *parse_key(struct parser *p,
                               struct scope *s,
                               enter_f enter,
                               int *depth,
                               const char **at)
{
    while (s) {
        *at = p->at;
        if (parse_key_part(p) < 0)
            return NULL;
        skip_blanks(p);
        if (*p->at != '.')
            return s;
        if (++*depth > DEPTH_MAX) {
            fail(p, p->at, "too many tables within tables");
            return NULL;
        }
        p->at++;
        skip_blanks(p);
        s = enter(p, s, *at);
    }
    return NULL;
}

/* ---- values ---- */

static json_t *parse_value(struct parser *p, int depth);

/* A value may hold keys, which need a buffer of their own. */
static json_t *parse_pair_value(struct parser *p, int depth)
{
    struct buf key = p->key;
    json_t *value;

    p->key = (struct buf){0};
    value = parse_value(p, depth);
    buf_release(&p->key);
    p->key = key;
    return value;
}

static int parse_pair(struct parser *p, struct scope *s, int depth)
{
    const char *at;
    json_t *value;

    if (!(s = parse_key(p, s, enter_dotted, &depth, &at)))
        return -1;
    if (scope_has_key(p, s))
        return fail_key(p, at, "is already defined");
    if (*p->at != '=')
        return fail(p, p->at, "expected = after the key");
    p->at++;
    skip_blanks(p);
    if (!(value = parse_pair_value(p, depth)))
        return -1;
    return scope_set_value(p, s, value);
}

/* What separates two values: 1 if there is another, 0 at `close`. */
static int parse_separator(struct parser *p, char close)
{
    if (*p->at == ',') {
        p->at++;
        return 1;
    }
    if (*p->at == close)
        return 0;
    return fail(p, p->at,
                close == ']' ? "expected , or ] in the array"
                             : "expected , or } in the inline table");
}

static int parse_elements(struct parser *p, json_t *array, int depth)
{
    int more = 1;

    if (skip_lines(p) < 0)
        return -1;
    while (more > 0 && *p->at != ']') {
        json_t *value = parse_value(p, depth);
        if (!value)
            return -1;
        if (json_array_append_new(array, value) < 0)
            return fail_memory(p);
        if (skip_lines(p) < 0 || (more = parse_separator(p, ']')) < 0 ||
            skip_lines(p) < 0)
            return -1;
    }
    p->at++;
    return 0;
}

static json_t *parse_array(struct parser *p, int depth)
{
    json_t *array = checked(p, json_array());

    p->at++;
    if (array && parse_elements(p, array, depth) == 0)
        return array;
    json_decref(array);
    return NULL;
}

static int parse_members(struct parser *p, struct scope *s, int depth)
{
    int more = 1;

    skip_blanks(p);
    if (*p->at == '}')
        more = 0;
    while (more > 0) {
        skip_blanks(p);
        if (parse_pair(p, s, depth) < 0)
            return -1;
        skip_blanks(p);
        if ((more = parse_separator(p, '}')) < 0)
            return -1;
    }
    p->at++;
    return 0;
}

static json_t *parse_inline_table(struct parser *p, int depth)
{
    json_t *object = json_object();
    struct scope *s = scope_create(p, object, HEADER);
    int rc = -1;

    p->at++;
    if (s)
        rc = parse_members(p, s, depth);
    scope_destroy(s);
    if (rc == 0)
        return object;
    json_decref(object);
    return NULL;
}

static bool take_word(struct parser *p, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(p->at, word, n) != 0 || is_bare(p->at[n]))
        return false;
    p->at += n;
    return true;
}

static bool is_infinite(const char *s)
{
    if (*s == '+' || *s == '-')
        s++;
    return strncmp(s, "inf", 3) == 0 || strncmp(s, "nan", 3) == 0;
}

static json_t *parse_scalar(struct parser *p)
{
    if (*p->at == '"' || *p->at == '\'')
        return parse_string(p);
    if (take_word(p, "true"))
        return json_true();
    if (take_word(p, "false"))
        return json_false();
    if (is_moment(p->at))
        return parse_moment(p);
    if (is_infinite(p->at)) {
        fail(p, p->at, "inf and nan are not supported");
        return NULL;
    }
    return parse_number(p);
}

static json_t *parse_value(struct parser *p, int depth)
{
    if (*p->at != '[' && *p->at != '{')
        return parse_scalar(p);
    if (depth == DEPTH_MAX) {
        fail(p, p->at, "too many brackets within brackets");
        return NULL;
    }
    if (*p->at == '[')
        return parse_array(p, depth + 1);
    return parse_inline_table(p, depth + 1);
}

/* ---- the document ---- */

static struct scope *
define_table(struct parser *p, struct scope *s, const char *at)
{
    struct scope *member = scope_find(p, s);

    if (!member && !scope_has_key(p, s))
        return scope_add(p, s, HEADER);
    if (member && member->origin == IMPLICIT) {
        member->origin = HEADER;
        return member;
    }
    fail_key(p, at, "is already defined");
    return NULL;
}

static struct scope *
define_element(struct parser *p, struct scope *s, const char *at)
{
    struct scope *member = scope_find(p, s);

    if (!member && !scope_has_key(p, s))
        member = scope_add(p, s, ELEMENTS);
    else if (!member || member->origin != ELEMENTS) {
        fail_key(p, at, "is already defined, and not as an array of tables");
        return NULL;
    }
    return member ? scope_append(p, member) : NULL;
}

/* [key] or [[key]]: the scope that it opens, and how deep that is. */
static struct scope *
parse_header(struct parser *p, struct scope *root, int *depth)
{
    const char *at;
    bool element = p->at[1] == '[';
    struct scope *s;

    *depth = 1;
    p->at += element ? 2 : 1;
    skip_blanks(p);
    if (!(s = parse_key(p, root, enter_header, depth, &at)))
        return NULL;
    if (strncmp(p->at, "]]", element ? 2 : 1) != 0) {
        fail(p, p->at, element ? "expected ]]" : "expected ]");
        return NULL;
    }
    p->at += element ? 2 : 1;
    return element ? define_element(p, s, at) : define_table(p, s, at);
}

static int parse_document(struct parser *p, struct scope *root)
{
    struct scope *s = root;
    int depth = 0;

    for (;;) {
        if (skip_lines(p) < 0)
            return -1;
        if (p->at == p->end)
            return 0;
        if (*p->at == '[') {
            if (!(s = parse_header(p, root, &depth)))
                return -1;
        } else if (parse_pair(p, s, depth) < 0) {
            return -1;
        }
        if (finish_line(p) < 0)
            return -1;
    }
}

static json_t *parse_root(struct parser *p)
{
    json_t *object = json_object();
    struct scope *root = scope_create(p, object, HEADER);
    int rc = -1;

    if (root && check_utf8(p) == 0)
        rc = parse_document(p, root);
    scope_destroy(root);
    buf_release(&p->key);
    buf_release(&p->text);
    if (rc == 0)
        return object;
    json_decref(object);
    return NULL;
}

static size_t mark_length(const char *text, size_t size)
{
    return size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
}

json_t *toml_parse(const char *text, size_t size, flux_error_t *e)
{
    struct parser p = {.error = e};
    size_t mark = mark_length(text, size);
    char *copy;
    json_t *object;

    if (!(copy = malloc(size + 1))) {
        util_errno(e, ENOMEM, "out of memory");
        return NULL;
    }
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    p.start = p.at = copy + mark;
    p.end = copy + size;
    object = parse_root(&p);
    free(copy);
    return object;
}
