/* modprobe_tree.h - flux modprobe list-dependencies */
#ifndef MODPROBE_TREE_H
#define MODPROBE_TREE_H

#include "cli.h"

int modprobe_tree_run(struct cli *p);

#endif /* MODPROBE_TREE_H */
