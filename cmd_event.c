/* cmd_event.c - flux event: publish events, or print those that come
 *
 * `pub` sends an event frame and is done: the broker numbers and spreads it,
 * and nothing comes back.  With --synchronous it sends the request
 * event.publish instead, whose answer is the event's number; with --loopback
 * it subscribes first and waits for the event itself.
 *
 * `sub` prints events, one a line: the topic, a tab, the payload.
 *
 * What always holds:
 * - A payload of several words is joined with blanks.  It is sent with its
 *   NUL, as JSON is, or without, as bytes, with --raw.  What is in it is not
 *   looked at here: who receives it decides what it means.
 * - A payload that ends with a NUL is printed as the text that it is; of any
 *   other the bytes that are not printable ASCII show as ".".
 * - Each line is written out at once, so that it can be read through a pipe.
 */
#include <ctype.h>

#include "cli.h"
#include "util.h"

static char *join(struct cli *p, char **words)
{
    char *text = util_asprintf("%s", *words);

    while (text && *++words) {
        char *longer = util_asprintf("%s %s", text, *words);

        free(text);
        text = longer;
    }
    if (!text)
        cli_die_errno(p, "payload");
    return text;
}

/* What is to be published; payload is NULL where there is none. */
struct publication {
    const char *topic;
    char *payload;
    size_t size; /* of the payload, its NUL included unless it is raw */
    bool private;
};

static flux_msg_t *encode(const struct publication *pub)
{
    flux_msg_t *msg =
        flux_event_encode_raw(pub->topic, pub->payload, pub->size);

    if (msg && pub->private && flux_msg_set_private(msg) < 0) {
        flux_msg_destroy(msg);
        return NULL;
    }
    return msg;
}

static void send_event(struct cli *p, flux_t *h, const struct publication *pub)
{
    flux_msg_t *msg = encode(pub);

    if (!msg || flux_send(h, msg, 0) < 0)
        cli_die_errno(p, "%s", pub->topic);
    flux_msg_destroy(msg);
}

static int
publish_event(struct cli *p, flux_t *h, const struct publication *pub)
{
    int flags = pub->private ? FLUX_MSGFLAG_PRIVATE : 0, seq;
    flux_future_t *f =
        flux_event_publish_raw(h, pub->topic, flags, pub->payload, pub->size);

    cli_wait(p, f, "event.publish");
    if (flux_event_publish_get_seq(f, &seq) < 0)
        cli_die_errno(p, "event.publish");
    flux_future_destroy(f);
    return seq;
}

/* Is it the one that was published?  `seq` is -1 where it is not known. */
static bool is_loopback(const flux_msg_t *msg, const char *topic, int seq)
{
    const char *got_topic;
    uint32_t got_seq;

    if (flux_msg_get_topic(msg, &got_topic) < 0 ||
        flux_msg_get_seq(msg, &got_seq) < 0)
        return false;
    return strcmp(got_topic, topic) == 0 &&
           (seq < 0 || got_seq == (uint32_t)seq);
}

static flux_msg_t *receive_event(struct cli *p, flux_t *h)
{
    flux_msg_t *msg = flux_recv(h, FLUX_MATCH_EVENT, 0);

    if (!msg)
        cli_die_errno(p, "flux_recv");
    return msg;
}

static void await_event(struct cli *p, flux_t *h, const char *topic, int seq)
{
    bool arrived = false;

    while (!arrived) {
        flux_msg_t *msg = receive_event(p, h);

        arrived = is_loopback(msg, topic, seq);
        flux_msg_destroy(msg);
    }
}

static void subscribe(struct cli *p, flux_t *h, const char *topic)
{
    if (flux_event_subscribe(h, topic) < 0)
        cli_die_errno(p, "event.subscribe: %s", topic);
}

static void publish(struct cli *p, flux_t *h, const struct publication *pub)
{
    bool loopback = cli_count(p, "loopback") > 0;
    int seq = -1;

    if (loopback)
        subscribe(p, h, pub->topic);
    if (cli_count(p, "synchronous") > 0)
        seq = publish_event(p, h, pub);
    else
        send_event(p, h, pub);
    if (loopback)
        await_event(p, h, pub->topic, seq);
    if (seq >= 0)
        printf("seq=%d\n", seq);
}

static int run_pub(struct cli *p)
{
    struct publication pub = {.topic = cli_argv(p)[0]};
    flux_t *h;

    pub.private = cli_count(p, "private") > 0;
    if (cli_argc(p) > 1) {
        pub.payload = join(p, cli_argv(p) + 1);
        pub.size = strlen(pub.payload) + (cli_count(p, "raw") == 0);
    }
    h = cli_open(p);
    publish(p, h, &pub);
    flux_close(h);
    free(pub.payload);
    return 0;
}

static void print_printable(const char *data, size_t size)
{
    for (; size > 0; data++, size--)
        putchar(isprint((unsigned char)*data) ? *data : '.');
}

static void print_event(struct cli *p, const flux_msg_t *msg)
{
    const char *topic, *data;
    const void *payload;
    size_t size;

    if (flux_event_decode_raw(msg, &topic, &payload, &size) < 0)
        cli_die_errno(p, "event");
    data = payload;
    printf("%s\t", topic);
    if (size > 0 && data[size - 1] == '\0')
        fputs(data, stdout);
    else
        print_printable(data, size);
    putchar('\n');
    fflush(stdout);
}

static void for_each_topic(struct cli *p,
                           flux_t *h,
                           void (*call)(struct cli *, flux_t *, const char *))
{
    char **topics = cli_argv(p);

    if (!*topics)
        call(p, h, "");
    for (; *topics; topics++)
        call(p, h, *topics);
}

static void unsubscribe(struct cli *p, flux_t *h, const char *topic)
{
    if (flux_event_unsubscribe(h, topic) < 0)
        cli_die_errno(p, "event.unsubscribe: %s", topic);
}

static int run_sub(struct cli *p)
{
    int64_t count = cli_int(p, "count", 0);
    flux_t *h;

    if (count < 0)
        cli_usage_die(p, "count must be >= 0");
    h = cli_open(p);
    for_each_topic(p, h, subscribe);
    for (int64_t i = 0; count == 0 || i < count; i++) {
        flux_msg_t *msg = receive_event(p, h);

        print_event(p, msg);
        flux_msg_destroy(msg);
    }
    for_each_topic(p, h, unsubscribe);
    flux_close(h);
    return 0;
}

static const struct cli_option pub_options[] = {
    {'r', "raw", CLI_NO_ARG, NULL, "Interpret event payload as raw."},
    {'s', "synchronous", CLI_NO_ARG, NULL,
     "Wait for event sequence assignment before exiting."},
    {'l', "loopback", CLI_NO_ARG, NULL,
     "Wait for published event to be received before exiting."},
    {'p', "private", CLI_NO_ARG, NULL, "Set privacy flag on published event."},
    CLI_OPTIONS_END,
};

static const struct cli_option sub_options[] = {
    {'c', "count", CLI_ARG, "N", "Process N events then exit"},
    CLI_OPTIONS_END,
};

static const struct cli_command subcommands[] = {
    {
        .name = "pub",
        .arguments = "[OPTIONS] topic [payload]",
        .summary = "Publish an event",
        .options = pub_options,
        .run = run_pub,
        .stop_at_argument = true,
        .min_args = 1,
        .max_args = -1,
    },
    {
        .name = "sub",
        .arguments = "[OPTIONS] [topic...]",
        .summary = "Print events",
        .options = sub_options,
        .run = run_sub,
        .max_args = -1,
    },
    {.name = NULL},
};

const struct cli_command cmd_event = {
    .name = "flux-event",
    .arguments = "pub [OPTIONS] topic [payload]\n"
                 "   or: flux-event sub [OPTIONS] [topic...]",
    .summary = "Send and receive Flux events",
    .subcommands = subcommands,
};
