/* cmd_module.c - flux module: load, reload, remove and look into modules
 *
 * The table of its subcommands.  load, remove and reload are in cmd_load.c;
 * list, status, stats and debug, top and trace have files of their own.
 *
 * What they have in common: module.list and its like go to the nearest broker
 * unless --rank names others (ranks.c); what goes wrong is told on stderr with
 * the broker's own reason, and makes the status 1; and --json prints the
 * broker's own words (cmd_json.c).
 */
#include "cli.h"
#include "cmd_list.h"
#include "cmd_load.h"
#include "cmd_stats.h"
#include "cmd_status.h"
#include "cmd_top.h"
#include "cmd_trace.h"

#define REMOVE_ROW(word, text)                                          \
    {                                                                   \
        .name = word, .arguments = "[OPTIONS] module", .summary = text, \
        .options = cmd_load_remove_options, .run = cmd_load_remove_run, \
        .min_args = 1, .max_args = 1,                                   \
    }

static const struct cli_command subcommands[] = {
    {
        .name = "list",
        .arguments = "[OPTIONS]",
        .summary = "List loaded modules",
        .options = cmd_list_options,
        .run = cmd_list_run,
    },
    REMOVE_ROW("remove", "Unload module"),
    REMOVE_ROW("unload", NULL),
    {
        .name = "load",
        .arguments = "[OPTIONS] module [args...]",
        .summary = "Load module",
        .options = cmd_load_options,
        .run = cmd_load_run,
        .min_args = 1,
        .max_args = -1,
        .stop_at_argument = true,
    },
    {
        .name = "reload",
        .arguments = "[OPTIONS] module [args...]",
        .summary = "Reload module",
        .options = cmd_load_reload_options,
        .run = cmd_load_reload_run,
        .min_args = 1,
        .max_args = -1,
        .stop_at_argument = true,
    },
    {
        .name = "status",
        .arguments = "[OPTIONS] [module module...]",
        .summary = "Tell all that is known of modules",
        .options = cmd_status_options,
        .run = cmd_status_run,
        .max_args = -1,
    },
    {
        .name = "stats",
        .arguments = "[OPTIONS] module",
        .summary = "Display stats on module",
        .options = cmd_stats_options,
        .run = cmd_stats_run,
        .max_args = 1,
    },
    {
        .name = "top",
        .arguments = "[OPTIONS]",
        .summary = "Show what modules are doing",
        .options = cmd_top_options,
        .run = cmd_top_run,
    },
    {
        .name = "debug",
        .arguments = "[OPTIONS] module",
        .summary = "Get/set module debug flags",
        .options = cmd_stats_debug_options,
        .run = cmd_stats_debug,
        .min_args = 1,
        .max_args = 1,
    },
    {
        .name = "trace",
        .arguments = "[OPTIONS] [module module...]",
        .summary = "Trace module messages",
        .options = cmd_trace_options,
        .run = cmd_trace_run,
        .max_args = -1,
    },
    {.name = NULL},
};

const struct cli_command cmd_module = {
    .name = "flux-module",
    .arguments = "COMMAND [OPTIONS]",
    .summary = "Load, list, trace and remove broker modules",
    .subcommands = subcommands,
};
