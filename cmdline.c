/* cmdline.c - a command to be run, as clients make it (flux_cmd_create)
 *
 * Words, environment and folder are kept as the command object of RFC 42 that
 * is sent to the broker that runs it: there is nothing else to be done with
 * them here.  What the object says in addition, options and channels, is
 * empty; its users are modules that start plain commands.
 */
#include "cmdline.h"

#include "util.h"

struct flux_command {
    json_t *object;
    json_t *words, *env; /* of the object */
};

static int inval(void)
{
    errno = EINVAL;
    return -1;
}

static int out_of_memory(void)
{
    errno = ENOMEM;
    return -1;
}

static int set_variable(json_t *env, const char *variable)
{
    const char *equals = strchr(variable, '=');

    if (!equals || equals == variable)
        return 0; /* what is no variable is not passed on */
    return json_object_setn_new(env, variable, (size_t)(equals - variable),
                                json_string(equals + 1));
}

static int fill(flux_cmd_t *cmd, int argc, char *argv[], char **env)
{
    for (int i = 0; i < argc; i++)
        if (flux_cmd_argv_append(cmd, argv[i]) < 0)
            return -1;
    for (; env && *env; env++)
        if (set_variable(cmd->env, *env) < 0)
            return out_of_memory();
    return 0;
}

flux_cmd_t *flux_cmd_create(int argc, char *argv[], char **env)
{
    flux_cmd_t *cmd;

    if (argc < 0 || (argc > 0 && !argv)) {
        errno = EINVAL;
        return NULL;
    }
    if (!(cmd = calloc(1, sizeof(*cmd))))
        return NULL;
    cmd->words = json_array();
    cmd->env = json_object();
    cmd->object = json_pack("{s:o s:o s:{} s:[]}", "cmdline", cmd->words, "env",
                            cmd->env, "opts", "channels");
    if (cmd->object && fill(cmd, argc, argv, env) == 0)
        return cmd;
    if (!cmd->object)
        errno = ENOMEM;
    flux_cmd_destroy(cmd);
    return NULL;
}

void flux_cmd_destroy(flux_cmd_t *cmd)
{
    int saved_errno = errno;

    if (!cmd)
        return;
    json_decref(cmd->object);
    free(cmd);
    errno = saved_errno;
}

int flux_cmd_argv_append(flux_cmd_t *cmd, const char *arg)
{
    if (!cmd || !arg)
        return inval();
    if (json_array_append_new(cmd->words, json_string(arg)) < 0)
        return out_of_memory();
    return 0;
}

int flux_cmd_setenvf(
    flux_cmd_t *cmd, int overwrite, const char *name, const char *fmt, ...)
{
    char *value;
    va_list ap;
    int rc;

    if (!cmd || !name || !*name || !fmt)
        return inval();
    if (!overwrite && json_object_get(cmd->env, name)) {
        errno = EEXIST;
        return -1;
    }
    va_start(ap, fmt);
    value = util_vasprintf(fmt, ap);
    va_end(ap);
    rc = value ? json_object_set_new(cmd->env, name, json_string(value)) : -1;
    free(value);
    return rc < 0 ? out_of_memory() : 0;
}

int flux_cmd_setcwd(flux_cmd_t *cmd, const char *cwd)
{
    if (!cmd || !cwd)
        return inval();
    if (json_object_set_new(cmd->object, "cwd", json_string(cwd)) < 0)
        return out_of_memory();
    return 0;
}

json_t *cmdline_object(const flux_cmd_t *cmd)
{
    return cmd->object;
}

size_t cmdline_words(const flux_cmd_t *cmd)
{
    return json_array_size(cmd->words);
}
