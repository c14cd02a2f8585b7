/* crash.h - the last words of a broker that a module brings down */
#ifndef CRASH_H
#define CRASH_H

#include <signal.h>
#include <stddef.h>

enum { CRASH_STACK_SIZE = 16384 }; /* for the handler, which calls write(2) */

/* Have a crash, or a call of exit() in a module's thread, told on stderr.
 * Signals that someone else handles, such as a sanitizer, are left to that.
 */
void crash_report(void);

/* In a thread: crashes are told even when its stack has run out, from `stack`,
 * which lives as long as the thread.  A stack for signals that the thread has
 * already is kept: a sanitizer makes one and frees it when the thread ends.
 */
void crash_use_stack(void *stack, size_t size);

/* Take the signals of a crash out of `set`: blocked, they would kill without
 * a word.
 */
void crash_let_through(sigset_t *set);

#endif /* CRASH_H */
