/* relay.c - a module that asks another one
 *
 *     NAME.ask {topic, payload}   sends that request, and answers as it was
 *                                 answered, also with its error
 *     NAME.tell {topic}           publishes an event, then answers
 *
 * It is there for tests that must see a call pass from module to module.  A
 * request is kept by the future of the one that it led to; nothing waits.
 */
#include <flux/core.h>
#include <jansson.h>

static void answer(flux_future_t *f, void *arg)
{
    flux_t *h = flux_future_get_flux(f);
    const flux_msg_t *request = flux_future_aux_get(f, "request");
    const char *s;

    (void)arg;
    if (flux_rpc_get(f, &s) < 0)
        flux_respond_error(h, request, errno, flux_future_error_string(f));
    else
        flux_respond(h, request, s);
    flux_future_destroy(f);
}

static flux_future_t *ask_other(flux_t *h, const flux_msg_t *msg)
{
    const char *topic;
    json_t *payload;

    if (flux_request_unpack(msg, NULL, "{s:s s:o}", "topic", &topic, "payload",
                            &payload) < 0)
        return NULL;
    return flux_rpc_pack(h, topic, FLUX_NODEID_ANY, 0, "O", payload);
}

static void
ask(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    flux_future_t *f = ask_other(h, msg);

    (void)mh;
    (void)arg;
    if (!f || flux_future_then(f, -1., answer, NULL) < 0) {
        flux_respond_error(h, msg, errno, NULL);
        flux_future_destroy(f);
        return;
    }
    flux_future_aux_set(f, "request", (void *)flux_msg_incref(msg),
                        (flux_free_f)flux_msg_decref);
}

static void
tell(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *topic;
    flux_msg_t *event;

    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:s}", "topic", &topic) == 0 &&
        (event = flux_event_encode(topic, NULL))) {
        flux_send(h, event, 0);
        flux_msg_destroy(event);
    }
    flux_respond(h, msg, NULL);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "ask", ask, 0},
    {FLUX_MSGTYPE_REQUEST, "tell", tell, 0},
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
    rc = flux_reactor_run(flux_get_reactor(h), 0);
    flux_msg_handler_delvec(mh);
    return rc;
}
