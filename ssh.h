/* ssh.h - a connection to a broker on another host, through ssh(1) */
#ifndef SSH_H
#define SSH_H

#include <sys/types.h>

#include "flux.h"

/* Run `ssh HOST flux relay PATH` for `address`, [USER@]HOST[:PORT]/PATH, and
 * return this end of its stdin and stdout, as dial_local() does.  `pid` is the
 * process to wait for when the descriptor is closed.
 *
 * What ssh and the far end write to stderr goes to ours.  If `quiet` it is
 * kept from there unless the connection is made, and is the error's text if
 * it is not.
 */
int ssh_dial(const char *address, bool quiet, pid_t *pid, flux_error_t *e);

#endif /* SSH_H */
