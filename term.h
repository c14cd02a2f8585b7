/* term.h - what people read: colours and time stamps on their terminal
 *
 * Nothing here fails for lack of memory, and nothing depends on the locale
 * but the names of the months.
 */
#ifndef TERM_H
#define TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define TERM_PLAIN ""
#define TERM_BOLD "\033[1m"
#define TERM_REVERSE "\033[7m"
#define TERM_RED "\033[31m"
#define TERM_GREEN "\033[32m"
#define TERM_YELLOW "\033[33m"
#define TERM_BLUE "\033[34m"
#define TERM_CYAN "\033[36m"
#define TERM_BOLD_BLUE "\033[01;34m"
#define TERM_RESET "\033[0m"

enum { TERM_STAMP_SIZE = 64 };

/* Tell whether stdout gets colours.  `when` is --color's value: "always" or
 * "" (the option without a value), "never", "auto", or NULL where it was not
 * given, which is "never" if NO_COLOR is set and not empty, else "auto".
 * -1 with EINVAL for another word.
 */
int term_color(const char *when, bool *on);

/* Write `text` on stdout, in `style` if `color` is on. */
void term_print(bool color, const char *style, const char *text);

/* Read an RFC 5424 time stamp in UTC, "2026-11-23T02:43:26.5Z".  -1 with
 * EINVAL if it is not in that form.
 */
int term_parse_stamp(const char *text, struct timespec *t);

/* The same stamp as local time, its fraction kept digit by digit:
 * "2026-11-23T08:13:26.5+05:30", or with "Z" where there is no offset.
 */
int term_local_stamp(const char *text, char stamp[TERM_STAMP_SIZE]);

/* Local time to the millisecond: "2026-11-23T02:43:26.659". */
void term_milli_stamp(struct timespec t, char stamp[TERM_STAMP_SIZE]);
/* To the microsecond. */
void term_micro_stamp(struct timespec t, char stamp[TERM_STAMP_SIZE]);

/* Stamps for a sequence of lines: the first of each minute is shown as
 * "[Nov23 02:46]", the others by their distance, "[ +36.144858]".  Zeroed,
 * or with the two options set, it is ready.
 */
struct term_clock {
    bool delta;       /* distance from the line before */
    bool from_minute; /* distance from the minute shown, not from its line */
    bool started;
    struct tm shown;      /* of the last "[Nov23 02:46]" */
    struct timespec base; /* distances count from here */
};

/* Return true if the stamp is an absolute one. */
bool term_clock_stamp(struct term_clock *c,
                      struct timespec t,
                      char stamp[TERM_STAMP_SIZE]);

#endif /* TERM_H */
