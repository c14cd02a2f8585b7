/* cmd_config_set.c - flux config set, unset: change one value
 *
 *     set [--type=TYPE] NAME VALUE
 *     unset NAME
 *
 * The instance's configuration is fetched, changed here, and loaded again as a
 * whole, so every module is asked as with `load`.  Who changes it between the
 * two loses, as anyone does whose load comes first.
 *
 * What always holds: VALUE is read as TYPE says, and where that is not given,
 * as a value of the type that NAME has now; it is never guessed.
 */
#include "cmd_config.h"

#include "conf.h"
#include "util.h"

/* ---- values -------------------------------------------------------------- */

static const char *type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "real";
    case JSON_TRUE:
    case JSON_FALSE:
        return "boolean";
    case JSON_OBJECT:
        return "object";
    case JSON_ARRAY:
        return "array";
    default:
        return "null";
    }
}

static json_t *read_duration(const char *text)
{
    double seconds;

    return util_parse_duration(text, &seconds) == 0 ? json_string(text) : NULL;
}

static json_t *read_real(const char *text)
{
    double value;

    return util_parse_double(text, &value) == 0 ? json_real(value) : NULL;
}

/* What JSON knows under the same name. */
static json_t *read_json(const char *text, const char *type)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);

    if (value && strcmp(type_of(value), type) == 0)
        return value;
    json_decref(value);
    return NULL;
}

static bool is_type(const char *type)
{
    static const char *const types[] = {"string", "integer", "real", "boolean",
                                        "object", "array",   "fsd"};

    for (size_t i = 0; i < UTIL_ARRAY_SIZE(types); i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return false;
}

static json_t *read_value(struct cli *p, const char *text, const char *type)
{
    json_t *value;

    if (!is_type(type))
        cli_die(p, "Unknown type: %s", type);
    if (strcmp(type, "string") == 0)
        value = json_string(text);
    else if (strcmp(type, "fsd") == 0)
        value = read_duration(text);
    else if (strcmp(type, "real") == 0)
        value = read_real(text);
    else
        value = read_json(text, type);
    if (!value)
        cli_die(p, "'%s' is not of type %s", text, type);
    return value;
}

/* ---- set ----------------------------------------------------------------- */

static const char *wanted_type(struct cli *p, json_t *config, const char *name)
{
    const char *type = cli_get(p, "type", NULL);
    const json_t *now = type ? NULL : conf_find(config, name);

    if (!type && !now)
        cli_die(p, "%s is not set: its type is unknown, give --type", name);
    return type ? type : type_of(now);
}

/* Takes `config`; the new one. */
static json_t *
changed(struct cli *p, json_t *config, const char *name, json_t *value)
{
    flux_conf_t *conf = flux_conf_pack("o", config);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *pair = text ? util_asprintf("%s=%s", name, text) : NULL;
    flux_error_t e;
    json_t *o;

    if (!conf || !pair)
        cli_die_errno(p, "%s", name);
    if (flux_conf_update(conf, pair, &e) < 0 ||
        flux_conf_unpack(conf, &e, "O", &o) < 0)
        cli_die(p, "%s", e.text);
    flux_conf_decref(conf);
    json_decref(value);
    free(pair);
    free(text);
    return o;
}

int cmd_config_set(struct cli *p)
{
    const char *name = cli_argv(p)[0], *text = cli_argv(p)[1];
    flux_t *h = cli_open(p);
    json_t *config = cmd_config_live(p, h);
    json_t *value = read_value(p, text, wanted_type(p, config, name));

    cmd_config_load(p, h, changed(p, config, name, value));
    flux_close(h);
    return 0;
}

/* ---- unset ----------------------------------------------------------------
 */

/* The table that `name` stands in, or NULL; *key is its name there. */
static json_t *
find_table(struct cli *p, json_t *config, const char *name, const char **key)
{
    const char *dot = strrchr(name, '.');
    char *path = util_asprintf("%.*s", dot ? (int)(dot - name) : 0, name);
    json_t *table;

    if (!path)
        cli_die_errno(p, "%s", name);
    table = conf_find(config, path);
    free(path);
    *key = dot ? dot + 1 : name;
    return table;
}

int cmd_config_unset(struct cli *p)
{
    const char *name = cli_argv(p)[0], *key = NULL;
    flux_t *h = cli_open(p);
    json_t *config = cmd_config_live(p, h);
    json_t *table = find_table(p, config, name, &key);

    if (json_object_del(table, key) < 0)
        json_decref(config); /* is not set: as it should be */
    else
        cmd_config_load(p, h, config);
    flux_close(h);
    return 0;
}
