/* environ.c - broker.getenv and broker.setenv: the broker's environment
 *
 *     broker.getenv {names[]}         -> {env: {NAME: value, ...}}
 *     broker.setenv {env: {NAME: value or null, ...}}
 *
 * rc1 may find less in its own environment than the broker was given, and
 * what it sets there ends with it; these two reach the environment that the
 * broker hands to the initial program and to rc3.
 *
 * What always holds:
 * - A name that is not set is not in the answer.
 * - A request is checked as a whole before anything is set: a name that is
 *   empty or has a "=" in it, or a value that is neither a string nor null,
 *   is EPROTO, and nothing has changed.
 * - Module threads share this environment.  As with any setenv(3), one that
 *   reads a variable at that moment may see the old value or the new one, and
 *   must not keep the pointer; rc1, the only one to write, runs early.
 */
#include "environ.h"

#include "json.h"
#include "serve.h"

static void respond_errno(flux_t *h, const flux_msg_t *msg)
{
    if (flux_respond_error(h, msg, errno, NULL) < 0)
        flux_log_error(h, "error responding to request");
}

static int add_value(json_t *env, const char *name)
{
    const char *value = name ? getenv(name) : NULL;

    if (!name) {
        errno = EPROTO;
        return -1;
    }
    return value ? json_object_set_new(env, name, json_string(value)) : 0;
}

static int collect(json_t *env, json_t *names)
{
    size_t i;
    json_t *name;

    json_array_foreach(names, i, name)
    {
        if (add_value(env, json_string_value(name)) < 0)
            return -1;
    }
    return 0;
}

static void
getenv_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *names, *env = json_object();

    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:o}", "names", &names) < 0 ||
        collect(env, names) < 0)
        respond_errno(h, msg);
    else if (flux_respond_pack(h, msg, "{s:O}", "env", env) < 0)
        flux_log_error(h, "error responding to request");
    json_decref(env);
}

static int check(json_t *env)
{
    const char *name;
    json_t *value;

    json_object_foreach(env, name, value)
    {
        if (*name == '\0' || strchr(name, '=') ||
            !(json_is_string(value) || json_is_null(value))) {
            errno = EPROTO;
            return -1;
        }
    }
    return 0;
}

static int apply(json_t *env)
{
    const char *name;
    json_t *value;

    json_object_foreach(env, name, value)
    {
        int rc = json_is_null(value)
                     ? unsetenv(name)
                     : setenv(name, json_string_value(value), 1);

        if (rc < 0)
            return -1;
    }
    return 0;
}

static void
setenv_cb(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    json_t *env;

    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:o}", "env", &env) < 0 ||
        check(env) < 0 || apply(env) < 0)
        respond_errno(h, msg);
    else if (flux_respond(h, msg, NULL) < 0)
        flux_log_error(h, "error responding to request");
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "broker.getenv", getenv_cb, 0},
    {FLUX_MSGTYPE_REQUEST, "broker.setenv", setenv_cb, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

int environ_serve(flux_t *h)
{
    return serve_handlers(h, handlers, NULL);
}
