/* test_rowfmt.c - rows of a table by a format
 *
 * Formats are tried on one row of each kind of value; mistakes in a format
 * are told before anything is printed.
 */
#include "rowfmt.h"

#include "tap.h"

static const struct rowfmt_field fields[] = {
    {"name", "Name", ""},  {"n", "N", ""},       {"real", "Real", ""},
    {"no", "Nothing", ""}, {"list", "List", ""}, {"wide", "Wide", ""},
    {NULL, NULL, NULL},
};

static json_t *make_row(void)
{
    return json_pack("{s:s s:i s:f s:n s:[i] s:s}", "name", "hello", "n", 255,
                     "real", 90.5, "no", "list", 1, "wide", "schön-雪");
}

static char *render(const char *format, bool header, flux_error_t *e)
{
    json_t *row = make_row(), *rows = json_pack("[O]", row);
    struct rowfmt *f = rowfmt_create(format, fields, e);
    int saved_errno = errno;
    struct buf b = {0};

    if (f) {
        rowfmt_fit(f, rows);
        if (header)
            rowfmt_header(f, &b);
        else
            rowfmt_row(f, row, &b);
        b.size--; /* the newline */
    }
    json_decref(rows);
    json_decref(row);
    rowfmt_destroy(f);
    errno = saved_errno;
    if (!f)
        return NULL;
    return buf_steal_string(&b);
}

static void row(const char *format, const char *want)
{
    char *got = render(format, false, NULL);

    is_str(got, want, format);
    free(got);
}

static void header(const char *format, const char *want)
{
    char *got = render(format, true, NULL);

    is_str(got, want, format);
    free(got);
}

static void refused(const char *format, const char *reason)
{
    flux_error_t e = {""};
    char *got;

    errno = 0;
    got = render(format, false, &e);
    ok(!got && errno == EINVAL, format);
    is_str(e.text, reason, reason);
    free(got);
}

int main(void)
{
    row("", "");
    row("x{name}y", "xhelloy");
    row("{{{name}}}", "{hello}");
    row("{name:<8}|", "hello   |");
    row("{name:>8}|", "   hello|");
    row("{name:^8}|", " hello  |");
    row("{name:*^9}|", "**hello**|");
    row("{name:雪<7}|", "hello雪雪|");
    row("{name:8}{n:5}|", "hello     255|");
    row("{n:05}", "00255");
    row("{n:<5}|", "255  |");
    row("{n:x} {n:d} {n:s}", "ff 255 255");
    row("{name:.2}", "he");
    row("{name:.4+}", "hel+");
    row("{name:.5+}", "hello");
    row("{wide:.5+}|{wide:>8}|", "schö+| schön-雪|");
    row("{real} {real:.2f} {real:f}", "90.5 90.50 90.500000");
    row("{n!F} {real!F:>8}", "4.25m 1.50833m");
    row("[{no}]{no:h}{no:>3h}", "[]-  -");
    row("{list}", "[1]");
    row("{name} ?:{no} ?:{n}", "hello 255");
    row("{name}+:{wide:>3}|", "helloschön-雪|");
    row("+:{n:>2.2} ?+:{no}", "255");
    row("{name:s}{name!s}", "hellohello");
    header("{name:<8} {n:>4} {real:.1f}", "Name        N Real");
    header("{name:.2} {n:05}", "Na     N");
    header("+:{no:h}|", "Nothing|");
    header("{name:*<8}|", "Name    |");
    refused("{nosuch}", "unknown field 'nosuch'");
    refused("{}", "unknown field ''");
    refused("{name", "expected '}' behind '{name'");
    refused("{name{n}}", "expected '}' behind '{name'");
    refused("name}", "single '}' in format");
    refused("{name:q}", "'name': not a format: 'q'");
    refused("{name:.}", "'name': not a format: '.'");
    refused("{name:99999}", "'name': not a format: '99999'");
    refused("{name!D}", "unknown conversion '!D'");
    return done();
}
