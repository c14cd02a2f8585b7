/* cmd_load.h - flux module load, remove and reload */
#ifndef CMD_LOAD_H
#define CMD_LOAD_H

#include "cli.h"
#include "idset.h"
#include "json.h"

extern const struct cli_option cmd_load_options[];
extern const struct cli_option cmd_load_remove_options[];
extern const struct cli_option cmd_load_reload_options[];

int cmd_load_run(struct cli *p);
int cmd_load_remove_run(struct cli *p);
int cmd_load_reload_run(struct cli *p);

/* ---- the steps of a reload, for cmd_watch.c ------------------------------ */

struct cmd_load {
    struct cli *p;
    flux_t *h;
    const char *module;  /* as the person named it */
    char *path;          /* or name: as the broker understands it */
    json_t *args;        /* as given */
    json_t *request;     /* module.load's payload but path and args */
    struct idset *ranks; /* where there was no failure; NULL: nearest broker */
    json_t *loaded;      /* by rank: what module.list said of the old one */
    bool force;          /* what is not loaded is no error */
    const char *from;    /* load this file in the place of the module's */
    bool hold_on;        /* requests, if it fails: another load will follow */
};

/* Each returns on how many ranks it has failed, after a complaint, and takes
 * these out of `ranks`.
 */
int cmd_load_find(struct cmd_load *l);   /* fill `loaded` */
int cmd_load_remove(struct cmd_load *l); /* requests wait from now on */
int cmd_load_load(struct cmd_load *l);

/* Whether there is a rank to go on with, where so many have failed. */
bool cmd_load_goes_on(const struct cmd_load *l, int failed);

/* The entry of what was found on `rank`; NULL if there is none. */
json_t *cmd_load_found(const struct cmd_load *l, uint32_t rank);

#endif /* CMD_LOAD_H */
