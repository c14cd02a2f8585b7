/* opt.c - the words of a command line, told apart
 *
 * The conventions are those of getopt_long: "-v", "-vf", "-n3", "-n 3",
 * "--name=3", "--name 3", a long name may be cut as long as it stays unique,
 * options may follow arguments, "--" ends them, "-" alone is an argument.  The
 * argument of an option that may go without one has to be in the same word:
 * "-L", "-Lnever", "-L=never", "--color=never".  Options that count, like -v,
 * take one behind a "=" only, so that "-vX" is "-v -X".
 *
 * What always holds:
 * - Nothing is printed and nothing exits in here, so that the rules can be
 *   tested; what is wrong is told in words that need only the program's name
 *   in front.
 * - Values and free arguments point into argv, which therefore has to live as
 *   long as the struct opt.
 * - `--help` is known without a row, unless a row of that name is there.
 * - The usage text is made of the same rows as the parser's knowledge, so that
 *   they cannot differ.  It has two columns: options, and their help, which is
 *   wrapped; an option too long for its column gets a line of its own.
 */
#include "opt.h"

#include <ctype.h>

#include <limits.h>

#include "util.h"

enum {
    OPT_COLUMN = 25, /* where help begins: the longest common option fits */
    OPT_WIDTH = 55,  /* of the help: 80 columns in all */
};

struct opt_value {
    const struct cli_option *row;
    const char *text;
};

struct scan {
    struct opt *o;
    const struct cli_option *rows;
    char **next; /* the word to come */
    bool stop;   /* the first argument ends the options */
    bool ended;  /* only arguments from here */
    flux_error_t *e;
};

static const struct cli_option no_rows[] = {CLI_OPTIONS_END};
static const struct cli_option help_row[] = {
    {'h', "help", CLI_NO_ARG, NULL, "Display this message."},
    CLI_OPTIONS_END,
};

static const struct cli_option *
find_exact(const struct cli_option *rows, const char *name, size_t len)
{
    for (; rows->name; rows++)
        if (strlen(rows->name) == len && strncmp(rows->name, name, len) == 0)
            return rows;
    return NULL;
}

static const struct cli_option *find_key(const struct cli_option *rows,
                                         char key)
{
    for (; rows->name; rows++)
        if (rows->key == key)
            return rows;
    return NULL;
}

/* Count the rows that begin with `name`; *found is the last of them. */
static int find_prefix(const struct cli_option *rows,
                       const char *name,
                       size_t len,
                       const struct cli_option **found)
{
    int count = 0;

    for (; rows->name; rows++) {
        if (strncmp(rows->name, name, len) != 0)
            continue;
        *found = rows;
        count++;
    }
    return count;
}

static const struct cli_option *extra_rows(const struct cli_option *rows)
{
    return find_exact(rows, "help", strlen("help")) ? no_rows : help_row;
}

static const struct cli_option *
find_long(struct scan *s, const char *name, size_t len)
{
    const struct cli_option *extra = extra_rows(s->rows);
    const struct cli_option *row = find_exact(s->rows, name, len);
    int count;

    if (!row)
        row = find_exact(extra, name, len);
    if (row)
        return row;
    count = find_prefix(s->rows, name, len, &row);
    count += find_prefix(extra, name, len, &row);
    if (count == 1)
        return row;
    util_errno(s->e, EINVAL,
               count ? "option '--%.*s' is ambiguous"
                     : "unrecognized option '--%.*s'",
               (int)len, name);
    return NULL;
}

static void
add_value(struct scan *s, const struct cli_option *row, const char *text)
{
    struct opt_value value = {row, text};

    if (row == help_row)
        s->o->help = true;
    else
        buf_add(&s->o->values, &value, sizeof(value));
}

/* `text` is what stands in the same word, or NULL; `shown` is the option as
 * it was written.
 */
static int add_option(struct scan *s,
                      const struct cli_option *row,
                      const char *text,
                      const char *shown)
{
    if (text && row->argument == CLI_NO_ARG)
        return util_errno(s->e, EINVAL, "option '%s' takes no argument", shown);
    if (!text && row->argument == CLI_ARG) {
        if (!*s->next)
            return util_errno(s->e, EINVAL, "'%s' missing argument", shown);
        text = *s->next++;
    }
    add_value(s, row, text ? text : "");
    return 0;
}

static int scan_long(struct scan *s, const char *word)
{
    size_t len = strcspn(word + 2, "=");
    const struct cli_option *row = find_long(s, word + 2, len);
    char shown[64]; /* any real name fits */

    if (!row)
        return -1;
    snprintf(shown, sizeof(shown), "--%s", row->name);
    return add_option(s, row, word[2 + len] ? word + 2 + len + 1 : NULL, shown);
}

/* 1: the word goes on, 0: it was used up, -1: an error. */
static int scan_key(struct scan *s, const char *at)
{
    const struct cli_option *row = find_key(s->rows, *at);
    const char shown[] = {'-', *at, '\0'};
    const char *text = at[1] ? at + 1 : NULL;

    if (!row)
        row = find_key(extra_rows(s->rows), *at);
    if (!row)
        return util_errno(s->e, EINVAL, "unrecognized option '%s'", shown);
    if (row->argument == CLI_NO_ARG ||
        (row->argument == CLI_LEVEL_ARG && at[1] != '=')) {
        add_value(s, row, "");
        return 1;
    }
    if (row->argument != CLI_ARG && text && *text == '=')
        text++;
    return add_option(s, row, text, shown);
}

static int scan_keys(struct scan *s, const char *word)
{
    int more = 1;

    for (const char *at = word + 1; *at && more > 0; at++)
        more = scan_key(s, at);
    return more < 0 ? -1 : 0;
}

/* "-" alone is an argument, and so is a negative number: no option is a
 * digit.
 */
static bool is_free_after_dash(const char *rest)
{
    return *rest == '\0' || isdigit((unsigned char)*rest);
}

static int scan_word(struct scan *s, char *word)
{
    if (s->ended || word[0] != '-' || is_free_after_dash(word + 1)) {
        s->o->args[s->o->nargs++] = word;
        s->ended = s->ended || s->stop;
        return 0;
    }
    if (strcmp(word, "--") == 0) {
        s->ended = true;
        return 0;
    }
    return word[1] == '-' ? scan_long(s, word) : scan_keys(s, word);
}

static int scan_words(struct scan *s)
{
    while (*s->next)
        if (scan_word(s, *s->next++) < 0)
            return -1;
    if (s->o->values.failed)
        return util_errno(s->e, ENOMEM, "out of memory");
    return 0;
}

int opt_parse(struct opt *o,
              const struct cli_option *rows,
              bool stop,
              char **argv,
              flux_error_t *e)
{
    struct scan s = {.o = o, .rows = rows ? rows : no_rows, .stop = stop};
    size_t words = 0;

    memset(o, 0, sizeof(*o));
    while (argv[words])
        words++;
    if (!(o->args = calloc(words + 1, sizeof(o->args[0]))))
        return util_errno(e, ENOMEM, "out of memory");
    s.e = e;
    s.next = words ? argv + 1 : argv;
    if (scan_words(&s) < 0) {
        opt_release(o);
        return -1;
    }
    return 0;
}

void opt_release(struct opt *o)
{
    int saved_errno = errno;

    buf_release(&o->values);
    free(o->args);
    o->args = NULL;
    o->nargs = 0;
    errno = saved_errno;
}

const char *opt_value(const struct opt *o, const char *name, int i)
{
    const struct opt_value *values = (const void *)o->values.data;
    size_t count = o->values.size / sizeof(values[0]);

    for (size_t n = 0; n < count; n++)
        if (strcmp(values[n].row->name, name) == 0 && i-- == 0)
            return values[n].text;
    return NULL;
}

int opt_count(const struct opt *o, const char *name)
{
    int count = 0;

    while (opt_value(o, name, count))
        count++;
    return count;
}

/* Room for the pieces of all values and for their characters. */
static void list_size(const struct opt *o,
                      const char *name,
                      size_t *pieces,
                      size_t *characters)
{
    const char *text;

    *pieces = *characters = 0;
    for (int i = 0; (text = opt_value(o, name, i)); i++) {
        *characters += strlen(text) + 1;
        for (*pieces += 1; *text; text++)
            *pieces += *text == ',';
    }
}

static char **list_add(char **list, char *text)
{
    while (*text) {
        size_t len = strcspn(text, ",");

        if (len > 0)
            *list++ = text;
        text += len;
        if (*text)
            *text++ = '\0';
    }
    return list;
}

char **opt_list(const struct opt *o, const char *name)
{
    size_t pieces, characters;
    char **list, **end, *store;
    const char *text;

    list_size(o, name, &pieces, &characters);
    list = malloc((pieces + 1) * sizeof(list[0]) + characters);
    if (!list)
        return NULL;
    end = list;
    store = (char *)(list + pieces + 1);
    for (int i = 0; (text = opt_value(o, name, i)); i++) {
        strcpy(store, text);
        end = list_add(end, store);
        store += strlen(text) + 1;
    }
    *end = NULL;
    return list;
}

/* How much of `text` goes on one line: up to its last blank that fits. */
static size_t line_length(const char *text)
{
    size_t len = OPT_WIDTH;

    if (strlen(text) <= OPT_WIDTH)
        return strlen(text);
    while (len > 0 && text[len] != ' ')
        len--;
    return len > 0 ? len : OPT_WIDTH;
}

static void print_help(FILE *f, const char *text, int column)
{
    do {
        size_t len = line_length(text);

        fprintf(f, "%*s%.*s\n", OPT_COLUMN - column, "", (int)len, text);
        text += len;
        text += strspn(text, " ");
        column = 0;
    } while (*text);
}

static void print_row(FILE *f, const struct cli_option *row)
{
    const char *argname = row->argname ? row->argname : "VALUE";
    int column;

    if (row->key)
        column = fprintf(f, "  -%c, --%s", row->key, row->name);
    else
        column = fprintf(f, "      --%s", row->name);
    if (row->argument != CLI_NO_ARG)
        column += fprintf(f, "=%s", argname);
    if (column >= OPT_COLUMN) {
        fputc('\n', f);
        column = 0;
    }
    print_help(f, row->help, column);
}

static void print_rows(FILE *f, const struct cli_option *rows)
{
    for (; rows->name; rows++)
        if (rows->help)
            print_row(f, rows);
}

void opt_usage(FILE *f, const struct cli_option *rows)
{
    rows = rows ? rows : no_rows;
    print_rows(f, extra_rows(rows));
    print_rows(f, rows);
}
