/* credopt.c - the options FLUX_OPT_TESTING_USERID and _ROLEMASK
 *
 * With them a test sends as someone else.  A connector that allows it stamps
 * the credentials that it keeps on each message; a broker believes them only
 * of its owner.  That is the connector's matter and the broker's: here is
 * only which option is which field.
 *
 * What always holds:
 * - The value is a uint32_t, of exactly that size.
 * - Nothing is read or written where the option is not one of these.
 */
#include "credopt.h"

#include "util.h"

static uint32_t *field_of(struct flux_msg_cred *cred, const char *option)
{
    if (strcmp(option, FLUX_OPT_TESTING_USERID) == 0)
        return &cred->userid;
    if (strcmp(option, FLUX_OPT_TESTING_ROLEMASK) == 0)
        return &cred->rolemask;
    return NULL;
}

int credopt_set(struct flux_msg_cred *cred,
                const char *option,
                const void *val,
                size_t len)
{
    uint32_t *field = field_of(cred, option);

    if (!field || !val || len != sizeof(*field))
        return util_fail(EINVAL);
    memcpy(field, val, len);
    return 0;
}

int credopt_get(struct flux_msg_cred *cred,
                const char *option,
                void *val,
                size_t len)
{
    const uint32_t *field = field_of(cred, option);

    if (!field || !val || len != sizeof(*field))
        return util_fail(EINVAL);
    memcpy(val, field, len);
    return 0;
}
