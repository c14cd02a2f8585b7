/* tap.h - the few macros that a test program needs to speak TAP
 *
 * A program calls ok(), is_int() and is_str() and ends with
 * `return done();`, which prints the plan and is 1 if a test failed.
 */
#ifndef TAP_H
#define TAP_H

#include <stdio.h>
#include <string.h>

static int tap_count;
static int tap_failed;

static inline int tap_ok(int cond, const char *name, const char *file, int line)
{
    printf("%sok %d - %s\n", cond ? "" : "not ", ++tap_count, name);
    if (!cond) {
        tap_failed++;
        printf("# at %s:%d\n", file, line);
    }
    fflush(stdout);
    return cond;
}

static inline void tap_int(
    long long got, long long want, const char *name, const char *file, int line)
{
    if (!tap_ok(got == want, name, file, line))
        printf("# got %lld, want %lld\n", got, want);
}

static inline void tap_str(const char *got,
                           const char *want,
                           const char *name,
                           const char *file,
                           int line)
{
    if (!tap_ok(got && want ? strcmp(got, want) == 0 : got == want, name, file,
                line))
        printf("# got  %s\n# want %s\n", got ? got : "(null)",
               want ? want : "(null)");
}

static inline int done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed != 0;
}

#define ok(cond, name) tap_ok((cond) ? 1 : 0, name, __FILE__, __LINE__)
#define is_int(got, want, name) tap_int(got, want, name, __FILE__, __LINE__)
#define is_str(got, want, name) tap_str(got, want, name, __FILE__, __LINE__)

#endif /* TAP_H */
