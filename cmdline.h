/* cmdline.h - a command to be run, as clients make it (flux_cmd_create) */
#ifndef CMDLINE_H
#define CMDLINE_H

#include "flux.h"
#include "json.h"

/* The command object of RFC 42, lent. */
json_t *cmdline_object(const flux_cmd_t *cmd);
size_t cmdline_words(const flux_cmd_t *cmd);

#endif /* CMDLINE_H */
