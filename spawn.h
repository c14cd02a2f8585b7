/* spawn.h - start a program as the loader of a module */
#ifndef SPAWN_H
#define SPAWN_H

#include <sys/types.h>

/* The descriptor that the program finds its channel on. */
enum { SPAWN_CHANNEL = 3 };

/* Signals as a fresh process has them: default actions, none blocked.  For
 * use between fork and exec.
 */
void spawn_reset_signals(void);

/* Start argv[0], a path, with `environment`, in a process group of its own,
 * with stdin and stdout as they are, `err` as stderr, `channel` as descriptor
 * SPAWN_CHANNEL, and no other.  It is killed when the calling thread's
 * process dies.  A program that cannot be executed says so on its stderr and
 * exits with 126.  -1 with errno if there can be no process.
 */
pid_t spawn_start(char *const argv[],
                  char *const environment[],
                  int channel,
                  int err);

#endif /* SPAWN_H */
