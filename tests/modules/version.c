/* version.c - a module that is rebuilt with another text between two loads
 *
 * TEXT is given by the compiler's command line; `NAME.text` answers {text}.
 * A reload that still answers with the old text has not unmapped the file.
 * With FAIL defined it cannot be loaded.
 */
#include <errno.h>
#include <flux/core.h>

#ifndef TEXT
#define TEXT "first"
#endif

static void
text(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    (void)arg;
    flux_respond_pack(h, msg, "{s:s}", "text", TEXT);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "text", text, FLUX_ROLE_USER},
    FLUX_MSGHANDLER_TABLE_END,
};

int mod_main(flux_t *h, int argc, char **argv)
{
    flux_msg_handler_t **mh;
    int rc;

    (void)argc;
    (void)argv;
    if (flux_msg_handler_addvec_ex(h, flux_aux_get(h, "flux::name"), handlers,
                                   NULL, &mh) < 0)
        return -1;
#ifdef FAIL
    errno = EIO;
    rc = -1;
#else
    rc = flux_reactor_run(flux_get_reactor(h), 0);
#endif
    flux_msg_handler_delvec(mh);
    return rc;
}
