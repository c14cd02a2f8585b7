/* selfpipe.h - signals, told by bytes in pipes
 *
 * Who wants to know of signals takes a pipe and polls its descriptor; when
 * that is readable, the counts tell which signals have come since.  May be
 * used by many threads, each with a pipe of its own.
 */
#ifndef SELFPIPE_H
#define SELFPIPE_H

#include <stdbool.h>

/* The index of a pipe that is the caller's until released; -1 with errno,
 * EMFILE if there are too many.
 */
int selfpipe_acquire(void);
void selfpipe_release(int index); /* -1: nothing to release */
int selfpipe_fd(int index);
void selfpipe_drain(int index);

/* Whether there is such a signal and it can be caught. */
bool selfpipe_is_watchable(int signum);

/* From hold to drop the signal is caught, and let through to the thread that
 * holds it.  What it did before is put back with the last drop.
 */
void selfpipe_hold(int signum);
void selfpipe_drop(int signum);

/* How often it was caught; wraps around. */
unsigned int selfpipe_count(int signum);

#endif /* SELFPIPE_H */
