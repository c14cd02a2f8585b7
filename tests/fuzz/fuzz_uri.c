/* fuzz_uri.c - what flux_open() makes of a URI
 *
 * Input: a URI.  FLUX_URI is loop://, so that ".." has somewhere to begin.
 * Left out: fd:// with a number that is in use here, and ssh://, which would
 * run a program.
 */
#include "flux.h"
#include "fuzz.h"

static int is_harmless(const char *uri)
{
    if (strncmp(uri, "ssh://", 6) == 0)
        return 0;
    return strncmp(uri, "fd://", 5) != 0 || strtol(uri + 5, NULL, 10) > 1 << 20;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    char *uri = fuzz_line(&in);
    flux_error_t e = {""};
    flux_t *h;

    setenv("FLUX_URI", "loop://", 1);
    if (is_harmless(uri)) {
        h = flux_open_ex(uri, 0, &e);
        FUZZ_MUST(h || e.text[0]);
        flux_close(h);
    }
    free(uri);
    return 0;
}
