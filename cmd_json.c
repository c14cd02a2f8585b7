/* cmd_json.c - what the commands' --json options have in common
 *
 * A value is one line of compact JSON, so that a program may read it line by
 * line as well as whole.  Keys are those of the protocol, in its order.
 * Numbers are printed so that they read back the same, text is UTF-8.
 *
 * These lines are an interface (flux-module(1) says so): keys may be added,
 * none is taken away or changes its meaning.
 */
#include "cmd_json.h"

void cmd_json_print(struct cli *p, const json_t *value)
{
    if (json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY) < 0)
        cli_die(p, "cannot print JSON");
    putchar('\n');
    fflush(stdout);
}

json_t *cmd_json_get(struct cli *p, flux_future_t *f, const char *what)
{
    json_t *answer;

    cli_wait(p, f, what);
    if (flux_rpc_get_unpack(f, "o", &answer) < 0)
        cli_die_errno(p, "%s", what);
    return answer;
}
