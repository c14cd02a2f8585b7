/* complete.c - what may come next on a command line, for shells
 *
 * `busyflux --complete WORD...` walks the words as the parser would, with the
 * same rows, and prints what the last one may become.  So a new option or
 * subcommand is completed from the moment that it works; completion/ has a
 * few lines of shell that ask and fill in what only a shell should look for:
 * files, modules, attributes.
 *
 * What always holds:
 * - What is printed begins with the word as far as it is written.
 * - A long option that needs an argument ends with "=".
 * - Options and subcommands that help texts keep quiet about are not printed,
 *   but are understood in front of the word.
 * - Shells cut "--name=value" at the "="; that is understood, and then only
 *   the value is printed.
 * - Nothing is asked of a broker, and no word is too odd: the worst is that
 *   nothing is printed.
 */
#include "complete.h"

#include "applet.h"
#include "util.h"

struct place {
    const struct cli_command *parent; /* of a subcommand, or NULL */
    const struct cli_command *command;
    const struct cli_option *option; /* whose argument comes, or NULL */
    int arguments;                   /* free ones that were passed */
    bool ended;                      /* by "--", or by an argument */
};

/* What free arguments are, where a shell can find them. */
static const struct {
    const char *applet, *subcommand; /* "" where there is none */
    const char *kind;
    int most; /* how many arguments are of that kind, -1: all */
} kinds[] = {
    {"flux-module", "load", "@loadable", 1},
    {"flux-module", "reload", "@loaded", 1},
    {"flux-module", "remove", "@loaded", 1},
    {"flux-module", "unload", "@loaded", 1},
    {"flux-module", "status", "@loaded", -1},
    {"flux-module", "stats", "@loaded", 1},
    {"flux-module", "debug", "@loaded", 1},
    {"flux-module", "trace", "@loaded", -1},
    {"flux-ping", "", "@loaded", 1},
    {"flux-getattr", "", "@attribute", 1},
    {"flux-setattr", "", "@attribute", 1},
    {"flux-module-exec", "", "@file", -1},
    {"flux-module-python-exec", "", "@file", -1},
    {"flux-python", "", "@file", -1},
    {"flux-relay", "", "@file", 1},
    {"flux-start", "", "@command", -1},
    {"flux-exec", "", "@command", -1},
    {"flux-env", "", "@command", -1},
};

/* ---- printing ---------------------------------------------------------------
 */

static bool begins(const char *text, const char *word)
{
    return strncmp(text, word, strlen(word)) == 0;
}

static void offer(const char *text, const char *word)
{
    if (begins(text, word))
        puts(text);
}

static void offer_options(const struct cli_option *row, const char *word)
{
    offer("--help", word);
    for (; row && row->name; row++) {
        char *text = util_asprintf("--%s%s", row->name,
                                   row->argument == CLI_ARG ? "=" : "");

        if (text && row->help && strcmp(row->name, "help") != 0)
            offer(text, word);
        free(text);
    }
}

static void offer_subcommands(const struct cli_command *sub, const char *word)
{
    for (; sub->name; sub++)
        if (sub->summary)
            offer(sub->name, word);
}

static void offer_applets(const char *word, size_t cut)
{
    const struct cli_command *applet;

    for (int i = 0; (applet = applet_nth(i)); i++)
        if (strlen(applet->name) > cut)
            offer(applet->name + cut, word);
}

/* A name of argument such as "always|never" is what may be written. */
static void offer_choices(const char *names, const char *word)
{
    while (*names) {
        size_t len = strcspn(names, "|[]");
        char *name = util_asprintf("%.*s", (int)len, names);

        if (name && *name)
            offer(name, word);
        free(name);
        names += len + (names[len] != '\0');
    }
}

static void offer_argument(const struct cli_option *row, const char *word)
{
    const char *name = row->argname ? row->argname : "";

    if (strcmp(name, "WHEN") == 0)
        offer_choices("always|never|auto", word);
    else if (strstr(name, "PATH") || strstr(name, "FILE") ||
             strstr(name, "CONFIG"))
        puts("@file");
    else if (strstr(name, "DIR"))
        puts("@dir");
    else if (strchr(name, '|'))
        offer_choices(name, word);
}

static void offer_free(const struct place *at)
{
    const char *applet = at->parent ? at->parent->name : at->command->name;
    const char *subcommand = at->parent ? at->command->name : "";

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(kinds); i++)
        if (strcmp(kinds[i].applet, applet) == 0 &&
            strcmp(kinds[i].subcommand, subcommand) == 0 &&
            (kinds[i].most < 0 || at->arguments < kinds[i].most))
            puts(kinds[i].kind);
}

/* ---- walking
 * ----------------------------------------------------------------- */

static bool is_front_end(const struct cli_command *command)
{
    return strcmp(command->name, "flux") == 0;
}

static const struct cli_option *find_option(const struct cli_option *row,
                                            const char *word)
{
    for (; row && row->name; row++) {
        if (word[1] == '-' && strcmp(word + 2, row->name) == 0)
            return row;
        if (word[1] == row->key && word[1] && word[2] == '\0')
            return row;
    }
    return NULL;
}

static const struct cli_command *find_below(const struct cli_command *command,
                                            const char *word)
{
    const struct cli_command *sub = command->subcommands, *found;
    char *name;

    if (is_front_end(command)) {
        name = util_asprintf("flux-%s", word);
        found = name ? applet_find(name) : NULL;
        free(name);
        return found;
    }
    while (sub && sub->name && strcmp(sub->name, word) != 0)
        sub++;
    return sub && sub->name ? sub : NULL;
}

static void pass_argument(struct place *at, const char *word)
{
    const struct cli_command *below =
        at->arguments == 0 ? find_below(at->command, word) : NULL;

    if (below) {
        at->parent = is_front_end(at->command) ? NULL : at->command;
        at->command = below;
        return;
    }
    at->arguments++;
    at->ended = at->ended || at->command->stop_at_argument;
}

/* The word behind "--name" is "=" where the shell has cut it there. */
static void pass(struct place *at, const char *word, const char *following)
{
    bool cut = strcmp(following, "=") == 0;
    const struct cli_option *row;

    if (at->option) {
        if (strcmp(word, "=") != 0)
            at->option = NULL;
    } else if (at->ended || word[0] != '-' || word[1] == '\0') {
        pass_argument(at, word);
    } else if (strcmp(word, "--") == 0) {
        at->ended = true;
    } else if ((row = find_option(at->command->options, word)) &&
               (row->argument == CLI_ARG ||
                (row->argument != CLI_NO_ARG && cut))) {
        at->option = row;
    }
}

static void offer_all(const struct place *at, const char *word)
{
    if (at->option)
        offer_argument(at->option, strcmp(word, "=") == 0 ? "" : word);
    else if (word[0] == '-' && !at->ended && !at->command->raw)
        offer_options(at->command->options, word);
    else if (at->arguments == 0 && is_front_end(at->command))
        offer_applets(word, strlen("flux-"));
    else if (at->arguments == 0 && at->command->subcommands)
        offer_subcommands(at->command->subcommands, word);
    else
        offer_free(at);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

void complete_print(char *const *words)
{
    struct place at = {.command = NULL};

    if (words[0] && strcmp(base_name(words[0]), "busyflux") == 0)
        words++;
    if (!words[0])
        return;
    if (!words[1] && !applet_find(base_name(words[0]))) {
        offer_applets(words[0], 0);
        return;
    }
    if (!(at.command = applet_find(base_name(words[0]))))
        return;
    if (!words[1])
        return;
    for (words++; words[1]; words++)
        pass(&at, words[0], words[1]);
    offer_all(&at, words[0]);
}
