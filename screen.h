/* screen.h - the whole terminal for one program, and given back as it was */
#ifndef SCREEN_H
#define SCREEN_H

#include <stdbool.h>
#include <termios.h>

#include "buf.h"

struct screen {
    bool active;
    struct termios saved;
};

/* Take the terminal: its second screen, keys as they are pressed, without
 * echo; Ctrl-C and Ctrl-Z are signals still.  -1 with ENOTTY.
 */
int screen_enter(struct screen *s);
/* Give it back; may be called any number of times, keeps errno. */
void screen_leave(struct screen *s);

/* Size in characters, 24 x 80 where it cannot be told. */
void screen_size(int *rows, int *columns);

/* Show lines from the top, cut at the terminal's size; the one of number
 * `highlight` (from 0) reversed.
 */
void screen_show(const struct buf *text, int highlight);

#endif /* SCREEN_H */
