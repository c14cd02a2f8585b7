/* modprobe_rc.h - flux modprobe rc1, rc3 and run */
#ifndef MODPROBE_RC_H
#define MODPROBE_RC_H

#include "cli.h"

int modprobe_rc_run1(struct cli *p);
int modprobe_rc_run3(struct cli *p);
int modprobe_rc_run_file(struct cli *p);

#endif /* MODPROBE_RC_H */
