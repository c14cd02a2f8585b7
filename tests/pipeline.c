/* pipeline.c - a client that numbers its requests and counts the answers
 *
 *     pipeline [-s SECONDS] TOPIC COUNT WINDOW
 *
 * sends COUNT requests of TOPIC, which answers with what it was sent, and
 * waits for no answer before WINDOW of them are under way.  Each request has
 * its number as payload and as matchtag, so that each answer tells which
 * request it is for, whoever has answered it.
 *
 * One line tells how many were answered, how many with an error, in a wrong
 * place (none is lost, twice there or overtaken where this is 0), with a
 * payload that is not that of the request, and how long it took.  Status 0 if
 * all were answered in order, none with an error.  No answer for SECONDS (10)
 * is an error too.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flux.h"
#include "util.h"

struct tally {
    long answered, errors, misplaced, wrong;
    char first[160]; /* error, or "" */
};

static void die(const char *what)
{
    fprintf(stderr, "pipeline: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void send_request(flux_t *h, const char *topic, long i)
{
    char payload[32];
    flux_msg_t *msg;

    snprintf(payload, sizeof(payload), "{\"i\":%ld}", i);
    if (!(msg = flux_request_encode(topic, payload)) ||
        flux_msg_set_matchtag(msg, (uint32_t)i) < 0 || flux_send(h, msg, 0) < 0)
        die("send");
    flux_msg_destroy(msg);
}

static void note_error(struct tally *t, const flux_msg_t *msg, int errnum)
{
    const char *text = NULL;

    if (t->errors++ > 0)
        return;
    if (flux_msg_get_string(msg, &text) < 0 || !text)
        text = strerror(errnum);
    snprintf(t->first, sizeof(t->first), ": %s", text);
}

static void count(struct tally *t, const flux_msg_t *msg, long expected)
{
    const char *got = NULL;
    unsigned long number = 0;
    uint32_t matchtag = 0;
    int errnum = 0;

    t->answered++;
    flux_msg_get_matchtag(msg, &matchtag);
    flux_msg_get_errnum(msg, &errnum);
    t->misplaced += matchtag != (uint32_t)expected;
    if (errnum)
        note_error(t, msg, errnum);
    else if (flux_msg_get_string(msg, &got) < 0 || !got ||
             sscanf(got, "{\"i\": %lu}", &number) != 1 || number != matchtag)
        t->wrong++;
}

static bool wait_for_answer(flux_t *h, int seconds)
{
    struct pollfd pfd = {.fd = flux_pollfd(h), .events = POLLIN};

    while (!(flux_pollevents(h) & FLUX_POLLIN))
        if (poll(&pfd, 1, seconds * 1000) <= 0)
            return false;
    return true;
}

static void exchange(flux_t *h,
                     const char *topic,
                     long total,
                     long window,
                     int seconds,
                     struct tally *t)
{
    flux_msg_t *msg;
    long sent = 0;

    while (t->answered < total) {
        while (sent < total && sent - t->answered < window)
            send_request(h, topic, ++sent);
        if (!wait_for_answer(h, seconds))
            return;
        if (!(msg = flux_recv(h, FLUX_MATCH_RESPONSE, 0)))
            die("receive");
        count(t, msg, t->answered + 1);
        flux_msg_destroy(msg);
    }
}

int main(int argc, char **argv)
{
    struct tally t = {.answered = 0};
    int seconds = 10, option;
    double begin = flux_reactor_time();
    flux_t *h;

    while ((option = getopt(argc, argv, "s:")) == 's')
        seconds = atoi(optarg);
    if (option != -1 || argc - optind != 3) {
        fprintf(stderr, "Usage: pipeline [-s SECONDS] TOPIC COUNT WINDOW\n");
        return 1;
    }
    if (!(h = flux_open(NULL, 0)))
        die("open");
    exchange(h, argv[optind], atol(argv[optind + 1]), atol(argv[optind + 2]),
             seconds, &t);
    printf("%ld answered, %ld errors, %ld misplaced, %ld wrong, %.3fs%s\n",
           t.answered, t.errors, t.misplaced, t.wrong,
           flux_reactor_time() - begin, t.first);
    flux_close(h);
    return t.answered == atol(argv[optind + 1]) && t.errors == 0 &&
                   t.misplaced == 0 && t.wrong == 0
               ? 0
               : 1;
}
