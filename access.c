/* access.c - the configuration table access: who may connect
 *
 *     [access]
 *     allow-guest-user = true
 *     allow-root-owner = true
 *     roles.admin.users = ["name", ...]     for the tools of a site;
 *     roles.admin.groups = ["name", ...]    nothing here reads them
 *
 * as flux-config-access(5) has it.  A typing error in this table would let in
 * the wrong people or none, so a table with a key that is not known, or a
 * value of the wrong type, is refused whole, and the fault named by the path
 * of its key.
 */
#include "access.h"

#include "json.h"
#include "util.h"

static int wrong(const char *table, const char *key, flux_error_t *e)
{
    return util_errno(e, EINVAL, "%s.%s: unknown key", table, key);
}

static int check_names(const char *key, json_t *names, flux_error_t *e)
{
    size_t i, count = json_array_size(names);

    for (i = 0; i < count && json_is_string(json_array_get(names, i)); i++)
        ;
    if (json_is_array(names) && i == count)
        return 0;
    return util_errno(e, EINVAL,
                      "access.roles.admin.%s: expected an array of names", key);
}

static int check_admin(json_t *admin, flux_error_t *e)
{
    const char *key;
    json_t *value;

    if (!json_is_object(admin))
        return util_errno(e, EINVAL, "access.roles.admin: expected a table");
    json_object_foreach(admin, key, value)
    {
        if (strcmp(key, "users") != 0 && strcmp(key, "groups") != 0)
            return wrong("access.roles.admin", key, e);
        if (check_names(key, value, e) < 0)
            return -1;
    }
    return 0;
}

static int check_roles(json_t *roles, flux_error_t *e)
{
    const char *key;
    json_t *value;

    if (!json_is_object(roles))
        return util_errno(e, EINVAL, "access.roles: expected a table");
    json_object_foreach(roles, key, value)
    {
        if (strcmp(key, "admin") != 0)
            return wrong("access.roles", key, e);
        if (check_admin(value, e) < 0)
            return -1;
    }
    return 0;
}

static int
read_flag(const char *key, json_t *value, bool *flag, flux_error_t *e)
{
    if (!json_is_boolean(value))
        return util_errno(e, EINVAL, "access.%s: expected true or false", key);
    *flag = json_is_true(value);
    return 0;
}

static int
read_key(const char *key, json_t *value, struct access *access, flux_error_t *e)
{
    if (strcmp(key, "allow-guest-user") == 0)
        return read_flag(key, value, &access->allow_guest_user, e);
    if (strcmp(key, "allow-root-owner") == 0)
        return read_flag(key, value, &access->allow_root_owner, e);
    if (strcmp(key, "roles") == 0)
        return check_roles(value, e);
    return wrong("access", key, e);
}

int access_read(const flux_conf_t *conf, struct access *access, flux_error_t *e)
{
    json_t *table = NULL, *value;
    const char *key;

    *access = (struct access){false, false};
    if (conf && flux_conf_unpack(conf, e, "{s?o}", "access", &table) < 0)
        return -1;
    if (table && !json_is_object(table))
        return util_errno(e, EINVAL, "access: expected a table");
    json_object_foreach(table, key, value)
    {
        if (read_key(key, value, access, e) < 0)
            return -1;
    }
    return 0;
}
