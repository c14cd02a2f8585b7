/* test_modside.c - a module's life as its broker sees it
 *
 * The far end plays the broker.  What it will say is known beforehand, so it
 * says it all at once, and looks at the module's frames at the end.
 */
#include <stdlib.h>
#include <unistd.h>

#include "../handle.h"
#include "../sys.h"
#include "tap.h"

static flux_t *module;
static flux_t *broker;

static void open_channel(void)
{
    int fds[2];

    sys_socketpair(fds);
    module = handle_open_fd(fds[0], 0, false, NULL);
    broker = handle_open_fd(fds[1], 0, false, NULL);
}

static void close_channel(void)
{
    flux_close(module);
    flux_close(broker);
}

static void say(flux_msg_t *msg, uint32_t matchtag)
{
    flux_msg_set_matchtag(msg, matchtag);
    flux_msg_set_userid(msg, 0);
    flux_msg_set_rolemask(msg, FLUX_ROLE_OWNER);
    flux_send(broker, msg, 0);
    flux_msg_destroy(msg);
}

static void say_noresponse(const char *topic)
{
    flux_msg_t *msg = flux_request_encode(topic, NULL);

    flux_msg_set_noresponse(msg);
    say(msg, 0);
}

/* What the module said next, in one line. */
static const char *heard(void)
{
    static char line[300];
    flux_msg_t *msg = flux_recv(broker, FLUX_MATCH_ANY, FLUX_O_NONBLOCK);
    const char *topic = "?", *payload = NULL;
    int type = 0, errnum = 0;

    if (!msg)
        return "nothing";
    flux_msg_get_type(msg, &type);
    flux_msg_get_topic(msg, &topic);
    flux_msg_get_string(msg, &payload);
    flux_msg_get_errnum(msg, &errnum);
    snprintf(line, sizeof(line), "%s%s %s %d %s",
             type == FLUX_MSGTYPE_REQUEST ? "request" : "response",
             flux_msg_is_noresponse(msg) ? "!" : "", topic, errnum,
             payload ? payload : "");
    flux_msg_destroy(msg);
    return line;
}

static const char *welcome =
    "{\"args\":[\"x\",\"b c\"],\"attrs\":{\"rank\":\"0\",\"color\":\"red\"},"
    "\"conf\":{\"n\":7},\"name\":\"tm\",\"uuid\":\"01234567-89ab\"}";

static void test_initialize(void)
{
    char *args = NULL;
    flux_error_t e;
    int n = 0;

    open_channel();
    say(flux_request_encode("welcome", welcome), 0);
    is_int(flux_module_initialize(module, &args, &e), 0, "welcome is taken");
    is_str(args, "x b c", "arguments");
    is_str(flux_aux_get(module, "flux::name"), "tm", "name");
    is_str(flux_aux_get(module, "flux::uuid"), "01234567-89ab", "uuid");
    is_str(flux_attr_get(module, "color"), "red", "attributes are cached");
    flux_conf_unpack(flux_get_conf(module), NULL, "{s:i}", "n", &n);
    is_int(n, 7, "so is the config");
    is_str(heard(), "nothing", "and nothing is said to it");
    free(args);
    close_channel();
}

static void test_bad_welcome(void)
{
    char *args = NULL;
    flux_error_t e;

    open_channel();
    say(flux_request_encode("hello", welcome), 0);
    ok(flux_module_initialize(module, &args, &e) < 0 && errno == EPROTO,
       "another request first");
    is_str(e.text, "error decoding welcome message", "says so");
    say(flux_request_encode("welcome", "{\"args\":[1],\"attrs\":{},"
                                       "\"conf\":{},\"name\":\"a\","
                                       "\"uuid\":\"b\"}"),
        0);
    ok(flux_module_initialize(module, &args, &e) < 0 && errno == EPROTO,
       "an argument that is no string");
    say(flux_request_encode("welcome", "{\"args\":[],\"attrs\":{},"
                                       "\"conf\":{},\"name\":\"a\","
                                       "\"uuid\":\"b\"}"),
        0);
    args = (char *)"unset";
    ok(flux_module_initialize(module, &args, &e) == 0 && !args,
       "no arguments are NULL");
    flux_close(broker);
    ok(flux_module_initialize(module, &args, &e) < 0 && errno == ECONNRESET,
       "a broker that is gone");
    flux_close(module);
}

static void test_life(void)
{
    flux_error_t e;

    open_channel();
    say(flux_request_encode("welcome", welcome), 0);
    say(flux_request_encode("tm.ping", "{}"), 5);
    say_noresponse("tm.shutdown");
    say(flux_request_encode("tm.late", NULL), 6);
    say_noresponse("tm.later");
    say(flux_response_encode("module.status", NULL), 1);
    flux_module_initialize(module, NULL, &e);
    is_int(flux_module_register_handlers(module, &e), 0, "handlers");
    ok(flux_reactor_run(flux_get_reactor(module), 0) >= 0, "the reactor ends");
    is_int(flux_module_finalize(module, 3, &e), 0, "finalize");
    is_str(heard(), "request! event.subscribe 0 {\"topic\":\"tm.stats-clear\"}",
           "subscribes");
    is_str(heard(), "request! module.status 0 {\"status\":1}", "runs");
    is_str(heard(),
           "response tm.ping 0 {\"route\": \"!01234567\", \"userid\": 0, "
           "\"rolemask\": 1, \"rank\": 0}",
           "answers");
    is_str(heard(), "request module.status 0 {\"status\":2}", "finalizes");
    is_str(heard(), "response tm.late 38 ", "refuses what came too late");
    is_str(heard(), "request! module.status 0 {\"status\":3,\"errnum\":3}",
           "exits");
    is_str(heard(), "nothing", "and that is all");
    close_channel();
}

static void test_finalize_fails(void)
{
    flux_error_t e;

    open_channel();
    flux_close(broker);
    ok(flux_module_finalize(module, 0, &e) < 0, "finalize without a broker");
    ok(strstr(e.text, "FINALIZING"), "says which step failed");
    ok(flux_module_register_handlers(module, &e) < 0 && errno == EINVAL,
       "no handlers without a name");
    flux_close(module);
}

int main(void)
{
    test_initialize();
    test_bad_welcome();
    test_life();
    test_finalize_fails();
    return done();
}
