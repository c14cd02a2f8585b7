/* command.c - what a client asks to be run (RFC 42, "Command Object")
 *
 * The strings and values of a command are those of the request, which is
 * kept for as long as they are needed; only what execve(2) takes is made new,
 * and freed once the command has been started.
 *
 * Channels are stdin, stdout, stderr and those that the client has named.  A
 * named one is a socket, and the descriptor of the command's end stands in the
 * command's environment under that name.
 *
 * What always holds:
 * - A command has a word, and all of its words, names and values are strings.
 * - The command finds the broker that runs it: FLUX_URI is never the client's.
 * - A client that gives no environment at all wants the broker's, as in Flux.
 * - What nobody is to be told goes to /dev/null.  A command in the background
 *   has no input, but all of its output is read, to be logged.
 */
#include "command.h"

#include "util.h"

/* Bits of `local_flags`. */
enum { LOCAL_FALLTHROUGH = 1, LOCAL_NO_GROUP = 2 };

extern char **environ;

enum {
    LIMIT_MAX = 4 << 20,     /* what an option may ask for */
    LIMIT_OUTPUT = 64 << 10, /* what a pipe holds */
    /* What RFC 42 wants at least.  All that is on its way to many ranks should
     * fit into one socket, so that a client which waits while it writes never
     * waits for a broker that waits for that client to read.
     */
    LIMIT_INPUT = 4096,
};

/* ---- channels ----------------------------------------------------------- */

int command_channels(const struct command *c)
{
    return PROC_STDIO + (int)json_array_size(c->channels);
}

const char *command_channel(const struct command *c, int stream)
{
    static const char *const stdio[] = {"stdin", "stdout", "stderr"};
    size_t i = (size_t)stream;

    if (i < PROC_STDIO)
        return stdio[i];
    return json_string_value(json_array_get(c->channels, i - PROC_STDIO));
}

int command_find_channel(const struct command *c, const char *name)
{
    for (int i = 0; i < command_channels(c); i++)
        if (strcmp(name, command_channel(c, i)) == 0)
            return i;
    return -1;
}

static const char *option(const struct command *c, int stream, const char *name)
{
    char key[128];

    snprintf(key, sizeof(key), "%s_%s", command_channel(c, stream), name);
    return json_string_value(json_object_get(c->opts, key));
}

size_t command_limit(const struct command *c, int stream)
{
    const char *text = option(c, stream, "BUFSIZE");
    uint32_t size;

    if (!text || util_parse_uint32(text, 10, &size) < 0 || size == 0)
        return stream == 0 ? LIMIT_INPUT : LIMIT_OUTPUT;
    return size < LIMIT_MAX ? size : LIMIT_MAX;
}

int command_ways(const struct command *c, int stream)
{
    static const int wanted[] = {0, COMMAND_STDOUT, COMMAND_STDERR,
                                 COMMAND_CHANNEL};
    int flag = wanted[stream < PROC_STDIO ? stream : PROC_STDIO], ways = 0;

    if (c->background)
        return stream == 0 ? 0 : PROC_OUTPUT;
    if (stream == 0 || stream >= PROC_STDIO)
        ways |= PROC_INPUT;
    if (c->flags & flag)
        ways |= PROC_OUTPUT;
    return ways;
}

static void describe(const struct command *c, struct proc_stream *streams)
{
    for (int i = 0; i < command_channels(c); i++) {
        const char *by_line = option(c, i, "LINE_BUFFER");

        streams[i].ways = command_ways(c, i);
        streams[i].raw = by_line && strcmp(by_line, "false") == 0;
        streams[i].limit = command_limit(c, i);
    }
}

/* ---- start -------------------------------------------------------------- */

/* Strings, each in memory of its own, as execve(2) takes them. */
struct strings {
    char **v;
    size_t count;
};

static void strings_release(struct strings *s)
{
    while (s->count > 0)
        free(s->v[--s->count]);
    free(s->v);
}

static int strings_init(struct strings *s, size_t limit)
{
    s->count = 0;
    return (s->v = calloc(limit + 1, sizeof(*s->v))) ? 0 : -1;
}

static int strings_add(struct strings *s, char *text)
{
    if (!text)
        return -1;
    s->v[s->count++] = text;
    return 0;
}

static int set(struct strings *s, const char *name, const char *value)
{
    return strings_add(s, util_asprintf("%s=%s", name, value));
}

static size_t count_variables(const struct command *c)
{
    size_t n = json_object_size(c->env);

    if (n == 0)
        while (environ[n])
            n++;
    return n;
}

static int copy_own_environment(struct strings *s)
{
    for (char **v = environ; *v; v++)
        if (strncmp(*v, "FLUX_URI=", 9) != 0 && strings_add(s, strdup(*v)) < 0)
            return -1;
    return 0;
}

static int copy_environment(const struct command *c, struct strings *s)
{
    const char *name;
    json_t *value;

    json_object_foreach(c->env, name, value)
    {
        if (strcmp(name, "FLUX_URI") != 0 &&
            set(s, name, json_string_value(value)) < 0)
            return -1;
    }
    return json_object_size(c->env) == 0 ? copy_own_environment(s) : 0;
}

static int
fill_environment(const struct command *c, const char *uri, struct strings *s)
{
    char number[16];

    if (copy_environment(c, s) < 0)
        return -1;
    for (int i = PROC_STDIO; i < command_channels(c); i++) {
        snprintf(number, sizeof(number), "%d", i);
        if (set(s, command_channel(c, i), number) < 0)
            return -1;
    }
    return set(s, "FLUX_URI", uri);
}

static int fill_words(const struct command *c, struct strings *s)
{
    json_t *word;
    size_t i;

    json_array_foreach(c->words, i, word)
    {
        if (strings_add(s, strdup(json_string_value(word))) < 0)
            return -1;
    }
    return 0;
}

struct proc *command_start(const struct command *c,
                           flux_reactor_t *r,
                           const char *uri,
                           const struct proc_ops *ops,
                           void *arg)
{
    size_t variables = count_variables(c) + json_array_size(c->channels);
    struct strings words = {NULL, 0}, environment = {NULL, 0};
    struct proc_stream streams[PROC_STREAMS_MAX];
    struct proc_spec spec = {NULL, NULL, c->folder, streams,
                             command_channels(c)};
    struct proc *p = NULL;

    describe(c, streams);
    if (strings_init(&words, json_array_size(c->words)) == 0 &&
        strings_init(&environment, variables + 1) == 0 &&
        fill_words(c, &words) == 0 &&
        fill_environment(c, uri, &environment) == 0) {
        spec.argv = words.v;
        spec.environment = environment.v;
        p = proc_create(r, &spec, ops, arg);
    }
    strings_release(&words);
    strings_release(&environment);
    return p;
}

/* ---- request ------------------------------------------------------------ */

static bool all_strings(json_t *array)
{
    json_t *value;
    size_t i;

    json_array_foreach(array, i, value)
    {
        if (!json_is_string(value))
            return false;
    }
    return json_is_array(array);
}

static bool all_values_strings(json_t *object)
{
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value)
    {
        if (!json_is_string(value))
            return false;
    }
    return json_is_object(object);
}

static int check_form(const struct command *c, flux_error_t *e)
{
    if (!all_strings(c->words) || !all_strings(c->channels) ||
        !all_values_strings(c->env) || !json_is_object(c->opts))
        return util_errno(e, EPROTO, "error parsing command string");
    if (json_array_size(c->words) == 0)
        return util_errno(e, EPROTO, "command string is empty");
    if (command_channels(c) > PROC_STREAMS_MAX)
        return util_errno(e, EINVAL, "more than %d channels",
                          PROC_STREAMS_MAX - PROC_STDIO);
    return 0;
}

static int check_flags(const struct command *c, int local, flux_error_t *e)
{
    if (local & (LOCAL_FALLTHROUGH | LOCAL_NO_GROUP))
        return util_errno(e, EINVAL, "flag is for local processes only");
    if (c->flags & COMMAND_WAITABLE)
        return util_errno(e, EINVAL, "a command cannot be waited for");
    if (c->background && c->flags & COMMAND_CREDIT)
        return util_errno(
            e, EINVAL, "write-credit flag is not allowed in background mode");
    if (c->label && !*c->label)
        return util_errno(e, EINVAL, "command label is empty");
    return 0;
}

int command_decode(struct command *c, const flux_msg_t *msg, flux_error_t *e)
{
    int local_flags = 0;

    memset(c, 0, sizeof(*c));
    if (flux_request_unpack(msg, NULL, "{s:{s?s s:o s:o s:o s:o s?s} s:i s?i}",
                            "cmd", "cwd", &c->folder, "cmdline", &c->words,
                            "env", &c->env, "opts", &c->opts, "channels",
                            &c->channels, "label", &c->label, "flags",
                            &c->flags, "local_flags", &local_flags) < 0)
        return util_errno(e, EPROTO, "invalid request payload: %s",
                          flux_msg_last_error(msg));
    c->background = !flux_msg_is_streaming(msg);
    if (check_form(c, e) < 0 || check_flags(c, local_flags, e) < 0)
        return -1;
    c->name = json_string_value(json_array_get(c->words, 0));
    c->msg = flux_msg_incref(msg);
    return 0;
}

void command_release(struct command *c)
{
    flux_msg_decref(c->msg);
    c->msg = NULL;
}
