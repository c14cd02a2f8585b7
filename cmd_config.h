/* cmd_config.h - what the parts of flux config share */
#ifndef CMD_CONFIG_H
#define CMD_CONFIG_H

#include "cli.h"
#include "json.h"

/* The instance's configuration, which the caller owns. */
json_t *cmd_config_live(struct cli *p, flux_t *h);
/* Have the instance take `config`, which is taken here, too. */
void cmd_config_load(struct cli *p, flux_t *h, json_t *config);

int cmd_config_set(struct cli *p);
int cmd_config_unset(struct cli *p);

#endif /* CMD_CONFIG_H */
