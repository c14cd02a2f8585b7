/* test_opt.c - the option parser: forms, order, errors, usage text */
#include "../opt.h"
#include "tap.h"

static const struct cli_option rows[] = {
    {'v', "verbose", CLI_OPTIONAL_ARG, "[LEVEL]", "Say more"},
    {'c', "count", CLI_ARG, "N", "How many"},
    {'b', "batch", CLI_NO_ARG, NULL, "All at once"},
    {0, "color", CLI_OPTIONAL_ARG, "WHEN", "Colour"},
    {'q', "quiet", CLI_LEVEL_ARG, "[LEVEL]", "Say less"},
    {0, "secret", CLI_NO_ARG, NULL, NULL},
    {0, "long-enough-to-need-a-line-of-its-own", CLI_ARG, NULL,
     "words that go on and on until they do not fit on one line any more"},
    CLI_OPTIONS_END,
};

enum { WORDS_MAX = 8 };

/* The words of `line`, cut at blanks, are the command line. */
static char *words[WORDS_MAX + 2];
static char store[128];

static int parse(struct opt *o, const char *line, bool stop, flux_error_t *e)
{
    int n = 0;

    strcpy(store, line);
    words[n++] = (char *)"prog";
    for (char *w = strtok(store, " "); w; w = strtok(NULL, " "))
        words[n++] = w;
    words[n] = NULL;
    e->text[0] = '\0';
    return opt_parse(o, rows, stop, words, e);
}

/* What came of it, as one text. */
static const char *outcome(const char *line, bool stop)
{
    static char text[256];
    struct opt o;
    flux_error_t e;
    const char *value;

    if (parse(&o, line, stop, &e) < 0) {
        snprintf(text, sizeof(text), "error: %s", e.text);
        return text;
    }
    strcpy(text, o.help ? "help;" : "");
    for (const struct cli_option *row = rows; row->name; row++)
        for (int i = 0; (value = opt_value(&o, row->name, i)); i++)
            sprintf(text + strlen(text), "%s=%s;", row->name, value);
    for (int i = 0; i < o.nargs; i++)
        sprintf(text + strlen(text), "<%s>", o.args[i]);
    opt_release(&o);
    return text;
}

static void test_forms(void)
{
    is_str(outcome("", false), "", "nothing gives nothing");
    is_str(outcome("a b", false), "<a><b>", "arguments");
    is_str(outcome("-c 3 x", false), "count=3;<x>", "-c 3");
    is_str(outcome("-c3", false), "count=3;", "-c3");
    is_str(outcome("--count=3 --count 4", false), "count=3;count=4;",
           "--count=3, --count 4");
    is_str(outcome("--count= x", false), "count=;<x>", "--count= is empty");
    is_str(outcome("-c -5", false), "count=-5;",
           "a value may look like an option");
    is_str(outcome("-bc7 x", false), "count=7;batch=;<x>", "a cluster");
    is_str(outcome("-v x", false), "verbose=;<x>",
           "an optional value is not the next word");
    is_str(outcome("-v3 -v=4 --verbose=5 --verbose", false),
           "verbose=3;verbose=4;verbose=5;verbose=;", "forms of optional");
    is_str(outcome("-qqb -q=2 --quiet=3 --quiet x", false),
           "batch=;quiet=;quiet=;quiet=2;quiet=3;quiet=;<x>",
           "forms of a level");
    is_str(outcome("-c=4", false), "count==4;",
           "a required value takes the = as its own");
    is_str(outcome("--ba --cou 3", false), "count=3;batch=;",
           "long names may be cut");
    is_str(outcome("--secret", false), "secret=;", "hidden options work");
    is_str(outcome("-h --help --he", false), "help;", "help needs no row");
}

static void test_order(void)
{
    is_str(outcome("a -b b -c3", false), "count=3;batch=;<a><b>",
           "options among arguments");
    is_str(outcome("-b a -c3", true), "batch=;<a><-c3>",
           "options end at the first argument");
    is_str(outcome("-b -- -c3 --", false), "batch=;<-c3><-->",
           "-- ends options, once");
    is_str(outcome("- -b", false), "batch=;<->", "- is an argument");
}

static void test_errors(void)
{
    is_str(outcome("--bogus", false), "error: unrecognized option '--bogus'",
           "unknown long option");
    is_str(outcome("--bogus=3", false), "error: unrecognized option '--bogus'",
           "unknown long option with a value");
    is_str(outcome("-bZ", false), "error: unrecognized option '-Z'",
           "unknown short option");
    is_str(outcome("--count", false), "error: '--count' missing argument",
           "missing value of a long option");
    is_str(outcome("-c", false), "error: '-c' missing argument",
           "missing value of a short option");
    is_str(outcome("--batch=3", false),
           "error: option '--batch' takes no argument", "needless value");
    is_str(outcome("--co", false), "error: option '--co' is ambiguous",
           "a name cut too short");
}

static void test_no_rows(void)
{
    char *argv[] = {(char *)"prog", (char *)"-h", NULL};
    struct opt o;
    flux_error_t e;

    ok(opt_parse(&o, NULL, false, argv, &e) == 0 && o.help, "no rows: -h");
    opt_release(&o);
    argv[1] = (char *)"-x";
    ok(opt_parse(&o, NULL, false, argv, &e) < 0 && errno == EINVAL,
       "no rows: -x");
    opt_release(&o);
    argv[0] = NULL;
    ok(opt_parse(&o, NULL, false, argv, &e) == 0 && o.nargs == 0,
       "not even a name");
    opt_release(&o);
}

static void test_list(void)
{
    struct opt o;
    flux_error_t e;
    char **list;

    parse(&o, "-c a,b --count=,c,, -c d", false, &e);
    list = opt_list(&o, "count");
    ok(list && list[0] && list[1] && list[2] && list[3] && !list[4],
       "four pieces");
    is_str(list[0], "a", "first piece");
    is_str(list[2], "c", "piece between empty ones");
    is_str(list[3], "d", "last piece");
    free(list);
    list = opt_list(&o, "batch");
    ok(list && !list[0], "no value: an empty list");
    free(list);
    is_int(opt_count(&o, "count"), 3, "count of values");
    opt_release(&o);
}

static void test_usage(void)
{
    char text[1024] = "";
    FILE *f = tmpfile();

    opt_usage(f, rows);
    rewind(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    is_str(text,
           "  -h, --help             Display this message.\n"
           "  -v, --verbose=[LEVEL]  Say more\n"
           "  -c, --count=N          How many\n"
           "  -b, --batch            All at once\n"
           "      --color=WHEN       Colour\n"
           "  -q, --quiet=[LEVEL]    Say less\n"
           "      --long-enough-to-need-a-line-of-its-own=VALUE\n"
           "                         words that go on and on until they do not"
           " fit on one\n"
           "                         line any more\n",
           "usage text");
}

int main(void)
{
    test_forms();
    test_order();
    test_errors();
    test_no_rows();
    test_list();
    test_usage();
    return done();
}
