/* hello.c - an example module: greets, and says so when asked to be loud
 *
 *   flux module load hello greeting=Hi
 *   flux rpc hello.greet '{"name":"world"}'
 *   flux event pub hello.shout
 */
#include <flux/core.h>
#include <jansson.h>

static const char *greeting = "hello";

static void
greet(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    const char *name;

    (void)mh;
    (void)arg;
    if (flux_request_unpack(msg, NULL, "{s:s}", "name", &name) < 0) {
        flux_respond_error(h, msg, errno, "hello.greet wants {\"name\": ...}");
        return;
    }
    json_t *text = json_sprintf("%s %s", greeting, name);
    flux_respond_pack(h, msg, "{s:o}", "greeting", text);
}

static void
shout(flux_t *h, flux_msg_handler_t *mh, const flux_msg_t *msg, void *arg)
{
    (void)mh;
    (void)msg;
    (void)arg;
    flux_log(h, LOG_NOTICE, "%s, all of you!", greeting);
}

static const struct flux_msg_handler_spec handlers[] = {
    {FLUX_MSGTYPE_REQUEST, "greet", greet, FLUX_ROLE_USER},
    {FLUX_MSGTYPE_EVENT, "shout", shout, 0},
    FLUX_MSGHANDLER_TABLE_END,
};

static int parse_args(flux_t *h, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "greeting=", 9) != 0 || !argv[i][9]) {
            flux_log(h, LOG_ERR, "expected greeting=WORD, not '%s'", argv[i]);
            errno = EINVAL;
            return -1;
        }
        greeting = argv[i] + 9;
    }
    return 0;
}

int mod_main(flux_t *h, int argc, char **argv)
{
    const char *name = flux_aux_get(h, "flux::name");
    flux_msg_handler_t **mh = NULL;
    int rc = -1;

    if (parse_args(h, argc, argv) == 0 &&
        flux_event_subscribe(h, "hello.shout") == 0 &&
        flux_msg_handler_addvec_ex(h, name, handlers, NULL, &mh) == 0)
        rc = flux_reactor_run(flux_get_reactor(h), 0);
    flux_msg_handler_delvec(mh);
    return rc;
}
