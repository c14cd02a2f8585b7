/* echo.c - the module that the benchmark calls
 *
 *   NAME.echo     answers with the payload as it came, and never reads it
 *   NAME.sink     answers with no payload
 *   NAME.hold     is not answered, until
 *   NAME.release  has all that are held answered, the oldest first
 */
#include <flux/core.h>

static void
echo(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const void *data;
    size_t size;

    (void)mh;
    (void)arg;
    if (flux_request_decode_raw(msg, NULL, &data, &size) < 0)
        flux_respond_error(h, msg, errno, NULL);
    else
        flux_respond_raw(h, msg, data, size);
}

static void
sink(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    (void)arg;
    flux_respond(h, msg, NULL);
}

static void
hold(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    if (flux_msglist_append(arg, msg) < 0)
        flux_respond_error(h, msg, errno, NULL);
}

static void
release(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const flux_msg_t *held;

    (void)mh;
    while ((held = flux_msglist_pop(arg))) {
        flux_respond(h, held, NULL);
        flux_msg_decref(held);
    }
    flux_respond(h, msg, NULL);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "echo", echo, 0},
    {FLUX_MSGTYPE_REQUEST, "sink", sink, 0},
    {FLUX_MSGTYPE_REQUEST, "hold", hold, 0},
    {FLUX_MSGTYPE_REQUEST, "release", release, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

int mod_main(flux_t *h, int argc, char **argv)
{
    const char *name = flux_aux_get(h, "flux::name");
    struct flux_msglist *held = flux_msglist_create();
    flux_msg_handler_t **mh = NULL;
    int rc = -1;

    (void)argc;
    (void)argv;
    if (held && flux_msg_handler_addvec_ex(h, name, handlers, held, &mh) == 0)
        rc = flux_reactor_run(flux_get_reactor(h), 0);
    flux_msg_handler_delvec(mh);
    flux_msglist_destroy(held);
    return rc;
}
