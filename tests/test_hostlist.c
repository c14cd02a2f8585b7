/* test_hostlist.c - ranks of hosts in lists of RFC 29's form
 *
 * The lists of the RFC's own test vectors, expanded there, are looked up here
 * host by host; then what must not be found, and lists that are none.
 */
#include "../hostlist.h"

#include <errno.h>

#include "tap.h"

struct lookup {
    const char *list, *host;
    int index;
};

static const struct lookup lookups[] = {
    {"vm", "vm", 0},
    {"vm,vm", "vm", 0},
    {"foox,fooy,fooz", "fooz", 2},
    {"[1-3,5-6]", "1", 0},
    {"[1-3,5-6]", "5", 3},
    {"foo[1-5]", "foo5", 4},
    {"foo[0-4]-eth2", "foo3-eth2", 3},
    {"[00-02]", "01", 1},
    {"[00-2]", "02", 2},
    {"n[005,4,11-13]", "n004", 1},
    {"n[005,4,11-13]", "n012", 3},
    {"foo[1,1,2,1]", "foo2", 2},
    {"a,b[0-9],c[10-12]x,d", "c11x", 12},
    {"a,b[0-9],c[10-12]x,d", "d", 14},
    {"n[5,1-3]", "n2", 2},
    {"n[0-999999999999],m", "n123", 123},
};

static const struct lookup misses[] = {
    {"", "a", ENOENT},
    {"a,b", "", ENOENT},
    {"foo[1-5]", "foo6", ENOENT},
    {"foo[1-5]", "foo", ENOENT},
    {"foo[1-5]", "foo01", ENOENT},
    {"foo[01-05]", "foo1", ENOENT},
    {"foo[1-5]", "fooo1", ENOENT},
    {"foo[0-4]-eth2", "foo3-eth3", ENOENT},
    {"foo[0-4]-eth2", "-eth2", ENOENT},
    {"n[1-3]", "n99999999999999999999", ENOENT},
    {"n[0-4294967296],m", "m", ENOENT},
    {"foo[1-5", "foo1", EINVAL},
    {"foo1-5]", "foo1", EINVAL},
    {"foo[a]", "foo1", EINVAL},
    {"foo[5-1]", "foo1", EINVAL},
    {"foo[1-]", "foo2", EINVAL},
    {"foo[1;2]", "foo2", EINVAL},
    {"foo[1][2]", "foo12", EINVAL},
    {"foo[9999999999999999]", "foo1", EINVAL},
};

int main(void)
{
    char name[96];

    for (size_t i = 0; i < sizeof(lookups) / sizeof(lookups[0]); i++) {
        const struct lookup *l = &lookups[i];

        snprintf(name, sizeof(name), "%s in %s", l->host, l->list);
        is_int(hostlist_find(l->list, l->host), l->index, name);
    }
    for (size_t i = 0; i < sizeof(misses) / sizeof(misses[0]); i++) {
        const struct lookup *l = &misses[i];

        errno = 0;
        snprintf(name, sizeof(name), "'%s' is not in '%s'", l->host, l->list);
        ok(hostlist_find(l->list, l->host) == -1 && errno == l->index, name);
    }
    return done();
}
