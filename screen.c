/* screen.c - the whole terminal for one program, and given back as it was
 *
 * Plain ANSI (ECMA-48) sequences and xterm's alternate screen, which every
 * terminal in use has; one that has not shows the lines all the same.  A
 * picture is written at once, each line erased up to its end and what is below
 * erased too, so that nothing flickers.
 *
 * What always holds:
 * - What screen_enter() changes is undone by screen_leave(): the mode of the
 *   terminal, its screen, the cursor.
 * - No line is wider than the terminal, and no picture higher, so that nothing
 *   scrolls.  Widths count characters, not bytes.
 */
#include "screen.h"

#include <unistd.h>

#include "sys.h"
#include "util.h"

#define ENTER "\033[?1049h\033[?25l\033[H"
#define LEAVE "\033[?25h\033[?1049l"
#define ERASE_LINE "\033[K"
#define ERASE_BELOW "\033[J"
#define HOME "\033[H"
#define REVERSE "\033[7m"
#define PLAIN "\033[0m"

static void put(const char *s)
{
    util_write_all(STDOUT_FILENO, s, strlen(s));
}

int screen_enter(struct screen *s)
{
    struct termios raw;

    if (tcgetattr(STDIN_FILENO, &s->saved) < 0 || !isatty(STDOUT_FILENO))
        return -1;
    raw = s->saved;
    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
        return -1;
    s->active = true;
    put(ENTER);
    return 0;
}

void screen_leave(struct screen *s)
{
    int saved_errno = errno;

    if (s->active) {
        put(LEAVE);
        tcsetattr(STDIN_FILENO, TCSADRAIN, &s->saved);
    }
    s->active = false;
    errno = saved_errno;
}

void screen_size(int *rows, int *columns)
{
    if (sys_terminal_size(STDOUT_FILENO, rows, columns) == 0 && *rows > 0 &&
        *columns > 0)
        return;
    *rows = 24;
    *columns = 80;
}

/* Bytes of the first n characters of a line. */
static size_t cut(const char *line, size_t len, int n)
{
    size_t at = 0;

    while (at < len && (n > 0 || ((unsigned char)line[at] & 0xc0) == 0x80)) {
        at++;
        n -= at < len && ((unsigned char)line[at] & 0xc0) != 0x80;
    }
    return at;
}

static void
add_line(struct buf *b, const char *line, size_t len, int columns, bool reverse)
{
    buf_add_string(b, reverse ? REVERSE : "");
    buf_add(b, line, cut(line, len, columns));
    buf_add_string(b, reverse ? PLAIN : "");
    buf_add_string(b, ERASE_LINE);
}

void screen_show(const struct buf *text, int highlight)
{
    const char *line = (const char *)text->data;
    const char *end = line + text->size;
    struct buf b = {0};
    int rows, columns;

    screen_size(&rows, &columns);
    buf_add_string(&b, HOME);
    for (int row = 0; row < rows && line < end; row++) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t len = (size_t)((newline ? newline : end) - line);

        if (row > 0)
            buf_add_string(&b, "\r\n");
        add_line(&b, line, len, columns, row == highlight);
        line += len + 1;
    }
    buf_add_string(&b, ERASE_BELOW);
    if (!b.failed)
        util_write_all(STDOUT_FILENO, b.data, b.size);
    buf_release(&b);
}
