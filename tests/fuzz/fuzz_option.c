/* fuzz_option.c - a command line
 *
 * Input: a word a line, against rows with options of each kind.  What is
 * accepted can be asked for; each free argument and each value lies in the
 * words that were given.
 */
#include "opt.h"
#include "fuzz.h"

enum { WORDS = 32 };

static const struct cli_option rows[] = {
    {'v', "verbose", CLI_LEVEL_ARG, "[N]", "Say more."},
    {'n', "name", CLI_ARG, "NAME", "A name."},
    {'L', "color", CLI_OPTIONAL_ARG, "[WHEN]", "In colour."},
    {'f', "force", CLI_NO_ARG, NULL, "Do it."},
    {0, "format", CLI_ARG, "FMT", "How."},
    CLI_OPTIONS_END,
};

static char program[] = "program";

static int words_of(struct fuzz_input *in, char *argv[WORDS + 2])
{
    int n = 0;

    argv[n++] = program;
    while (in->size > 0 && n <= WORDS)
        argv[n++] = fuzz_line(in);
    argv[n] = NULL;
    return n;
}

static int is_inside(const char *text, char *argv[], int n)
{
    if (*text == '\0')
        return 1;
    for (int i = 1; i < n; i++)
        if (text >= argv[i] && text <= argv[i] + strlen(argv[i]))
            return 1;
    return 0;
}

static void ask(const struct opt *o, char *argv[], int n)
{
    const char *value;
    char **list;

    for (const struct cli_option *row = rows; row->name; row++) {
        for (int i = 0; (value = opt_value(o, row->name, i)); i++)
            FUZZ_MUST(is_inside(value, argv, n));
        FUZZ_MUST(opt_count(o, row->name) >= 0);
        list = opt_list(o, row->name);
        FUZZ_MUST(list);
        free(list);
    }
    for (int i = 0; i < o->nargs; i++)
        FUZZ_MUST(is_inside(o->args[i], argv, n));
    FUZZ_MUST(o->args[o->nargs] == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *argv[WORDS + 2];
    flux_error_t e = {""};
    struct opt o;
    int stop = fuzz_byte(&in) & 1;
    int n = words_of(&in, argv);

    memset(&o, 0, sizeof(o));
    if (opt_parse(&o, rows, stop, argv, &e) == 0) {
        ask(&o, argv, n);
        opt_release(&o);
    } else
        FUZZ_MUST(e.text[0]);
    for (int i = 1; i < n; i++)
        free(argv[i]);
    return 0;
}
