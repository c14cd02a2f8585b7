/* applet.h - the table of all applets */
#ifndef APPLET_H
#define APPLET_H

#include "cli.h"

/* By full name, such as "flux-ping"; NULL if there is none. */
const struct cli_command *applet_find(const char *name);

/* i-th applet, in the order of their names, NULL past the last. */
const struct cli_command *applet_nth(int i);

#endif /* APPLET_H */
