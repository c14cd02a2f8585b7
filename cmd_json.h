/* cmd_json.h - what the commands' --json options have in common */
#ifndef CMD_JSON_H
#define CMD_JSON_H

#include "cli.h"
#include "json.h"

#define CMD_JSON_OPTION                                   \
    {                                                     \
        0, "json", CLI_NO_ARG, NULL, "Print a JSON value" \
    }

/* Print one value and a newline on stdout, or die. */
void cmd_json_print(struct cli *p, const json_t *value);

/* The answer to a request, or die saying why; it lives as long as the future.
 * `what` is the request's name, for the reason.
 */
json_t *cmd_json_get(struct cli *p, flux_future_t *f, const char *what);

#endif /* CMD_JSON_H */
