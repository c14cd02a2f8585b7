/* session.c - a client's connection to whatever a row is measured on
 *
 * Opening a session makes the request, does it once and learns from that how
 * long the answer is, so that from then on bytes need only be counted.  A
 * broker that refuses the request is found out here, with its errno.
 *
 * The floor gets frames of the same size as a broker.  Redis, which has no
 * modules, is asked to ECHO, and its PUBLISH stands for an event.  Behind
 * dbus-broker a process answers calls, and a signal stands for an event.
 *
 * What always holds:
 * - A payload of n bytes is a JSON object with one string, and its NUL.
 * - What has been opened is closed by the matching close, also after failure
 *   of an open, which closes for itself.
 */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dbus.h"
#include "wire.h"

enum {
    EVENT_SIZE = 16,
    REDIS_ROOM = 64,
};

#define EVENT_TOPIC "bench.event"
#define SERVICE "bench.Echo"

static char *make_json(int size)
{
    static const char open[] = "{\"pad\":\"";
    static const char close[] = "\"}";
    size_t n = (size_t)size;
    char *s = malloc(n);

    if (!s)
        return NULL;
    memset(s, 'x', n);
    memcpy(s, open, sizeof(open) - 1);
    memcpy(s + n - sizeof(close), close, sizeof(close));
    return s;
}

/* ---- calls
 * --------------------------------------------------------------------- */

/* To any rank, or to that one. */
static int ask_broker(struct exchange *x,
                      const struct target *t,
                      const char *topic,
                      const char *json,
                      uint32_t rank)
{
    unsigned char *frame = malloc(WIRE_ROOM + strlen(json) + 1);
    int fd = wire_open(t->socket);
    long answer = -1;
    size_t n;
    int rc = -1;

    if (frame && fd >= 0) {
        n = wire_request(frame, topic, json, strlen(json) + 1, 1);
        wire_set_nodeid(frame, n, rank);
        answer = wire_ask(fd, frame, n);
    }
    if (answer >= 0)
        rc = exchange_init(x, fd, frame, n, (size_t)answer, 1);
    else if (fd >= 0)
        close(fd);
    free(frame);
    return rc;
}

/* A service named `sink` answers with little. */
static size_t taken_by(const char *topic, size_t size)
{
    return strstr(topic, ".sink") ? size : 0;
}

static int
ask_floor(struct session *s, const char *topic, const char *json, int shape)
{
    unsigned char *frame = malloc(WIRE_ROOM + strlen(json) + 1);
    size_t n, taken;
    int rc;

    if (!frame)
        return -1;
    n = wire_request(frame, topic, json, strlen(json) + 1, 1);
    taken = taken_by(topic, n);
    rc = floor_start(&s->floor, shape, taken);
    if (rc == 0)
        rc = exchange_init(&s->x, s->floor.fd, frame, n,
                           taken ? FLOOR_ANSWER : n, 0);
    free(frame);
    return rc;
}

static int
ask_redis(struct exchange *x, const struct target *t, const char *json)
{
    size_t size = strlen(json);
    char *text = malloc(size + REDIS_ROOM);
    int fd = wire_connect(t->socket);
    int n, answer, rc;

    if (!text || fd < 0) {
        free(text);
        return -1;
    }
    n = snprintf(text, size + REDIS_ROOM, "*2\r\n$4\r\nECHO\r\n$%zu\r\n%s\r\n",
                 size, json);
    answer = snprintf(NULL, 0, "$%zu\r\n%s\r\n", size, json);
    rc = exchange_init(x, fd, text, (size_t)n, (size_t)answer, 0);
    free(text);
    return rc;
}

static void end_service(pid_t pid)
{
    int saved = errno;

    if (pid > 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    errno = saved;
}

static int ask_dbus(struct session *s, const struct target *t, const char *data)
{
    unsigned char *call = malloc(DBUS_ROOM + strlen(data) + 1);
    int fd = dbus_open(t->socket);
    long answer = -1;
    size_t n = 0;
    int rc = -1;

    s->service = dbus_start_echo(t->socket, SERVICE);
    if (call && fd >= 0 && s->service > 0) {
        n = dbus_call(call, SERVICE, data, strlen(data) + 1);
        answer = dbus_ask(fd, call, n);
    }
    if (answer >= 0)
        rc = exchange_init(&s->x, fd, call, n, (size_t)answer, 0);
    else {
        end_service(s->service);
        close(fd);
    }
    free(call);
    return rc;
}

int session_open(struct session *s,
                 const struct target *t,
                 const char *topic,
                 int size,
                 int shape)
{
    char *json = make_json(size);
    int rc = -1;

    memset(s, 0, sizeof(*s));
    s->floor.fd = -1;
    if (json && t->kind == KIND_FLOOR)
        rc = ask_floor(s, topic, json, shape);
    else if (json && t->kind == KIND_REDIS)
        rc = ask_redis(&s->x, t, json);
    else if (json && t->kind == KIND_DBUS)
        rc = ask_dbus(s, t, json);
    else if (json)
        rc = ask_broker(&s->x, t, topic, json, WIRE_ANY);
    free(json);
    return rc;
}

int session_open_rank(struct session *s,
                      const struct target *t,
                      const char *topic,
                      int size,
                      uint32_t rank)
{
    char *json = make_json(size);
    int rc;

    memset(s, 0, sizeof(*s));
    s->floor.fd = -1;
    rc = json ? ask_broker(&s->x, t, topic, json, rank) : -1;
    free(json);
    return rc;
}

void session_close(struct session *s)
{
    exchange_release(&s->x);
    end_service(s->service);
    s->floor.fd = -1;
    floor_stop(&s->floor);
}

/* ---- events
 * ---------------------------------------------------------------------- */

static int repeat(struct fan *f, const void *message, size_t size)
{
    int i;

    f->out_size = size;
    f->in_size = size;
    if (!(f->out = malloc(EXCHANGE_WINDOW * size)))
        return -1;
    for (i = 0; i < EXCHANGE_WINDOW; i++)
        memcpy(f->out + (size_t)i * size, message, size);
    return 0;
}

static int make_event(struct fan *f)
{
    unsigned char frame[WIRE_ROOM + EVENT_SIZE];
    char data[EVENT_SIZE];

    memset(data, 'x', sizeof(data));
    return repeat(f, frame, wire_event(frame, EVENT_TOPIC, data, sizeof(data)));
}

/* The first event shows how long it is when it arrives. */
static int learn_event(struct fan *f)
{
    int i;

    if (wire_write(f->from, f->out, f->out_size) < 0)
        return -1;
    for (i = 0; i < f->count; i++) {
        unsigned char *data = wire_frame(f->to[i], &f->in_size);

        if (!data)
            return -1;
        free(data);
    }
    f->in_size += 8;
    return 0;
}

static int fan_of_broker(struct fan *f, const struct target *t)
{
    int i;

    for (i = 0; i < f->count; i++) {
        f->to[i] = wire_open(t->socket);
        if (f->to[i] < 0 || wire_call(f->to[i], "event.subscribe",
                                      "{\"topic\":\"" EVENT_TOPIC "\"}") < 0)
            return -1;
    }
    f->from = wire_open(t->socket);
    return f->from < 0 || make_event(f) < 0 ? -1 : learn_event(f);
}

static int fan_of_floor(struct session_fan *s)
{
    struct fan *f = &s->fan;

    if (make_event(f) < 0 || floor_start_fan(&s->floor, f->count, 0) < 0)
        return -1;
    memcpy(f->to, s->floor.to, (size_t)f->count * sizeof(*f->to));
    f->from = s->floor.fd;
    return 0;
}

static int subscribe_redis(int fd)
{
    static const char text[] = "*2\r\n$9\r\nSUBSCRIBE\r\n$5\r\nbench\r\n";
    static const char answer[] =
        "*3\r\n$9\r\nsubscribe\r\n$5\r\nbench\r\n:1\r\n";
    char in[sizeof(answer)];

    if (fd < 0 || wire_write(fd, text, sizeof(text) - 1) < 0)
        return -1;
    return wire_read(fd, in, sizeof(answer) - 1);
}

static int fan_of_redis(struct fan *f, const struct target *t)
{
    static const char event[] =
        "*3\r\n$7\r\nPUBLISH\r\n$5\r\nbench\r\n$16\r\nxxxxxxxxxxxxxxxx\r\n";
    static const char arrives[] =
        "*3\r\n$7\r\nmessage\r\n$5\r\nbench\r\n$16\r\nxxxxxxxxxxxxxxxx\r\n";
    int i;

    for (i = 0; i < f->count; i++)
        if (subscribe_redis(f->to[i] = wire_connect(t->socket)) < 0)
            return -1;
    f->from = wire_connect(t->socket);
    if (f->from < 0 || repeat(f, event, sizeof(event) - 1) < 0)
        return -1;
    f->in_size = sizeof(arrives) - 1;
    return 0;
}

static int fan_of_dbus(struct fan *f, const struct target *t)
{
    unsigned char event[DBUS_ROOM + EVENT_SIZE];
    char data[EVENT_SIZE];
    long size = 0;
    int i;

    memset(data, 'x', sizeof(data));
    for (i = 0; i < f->count; i++)
        if ((f->to[i] = dbus_open(t->socket)) < 0 ||
            dbus_subscribe(f->to[i]) < 0)
            return -1;
    f->from = dbus_open(t->socket);
    if (f->from < 0 ||
        repeat(f, event, dbus_signal(event, data, sizeof(data))) < 0 ||
        wire_write(f->from, f->out, f->out_size) < 0)
        return -1;
    for (i = 0; i < f->count && size >= 0; i++)
        size = dbus_skip(f->to[i]);
    f->in_size = (size_t)size;
    return size < 0 ? -1 : 0;
}

int session_fan_open(struct session_fan *s, const struct target *t, int count)
{
    int rc, i;

    memset(s, 0, sizeof(*s));
    s->fan.from = -1;
    s->fan.count = count;
    if (!(s->fan.to = calloc((size_t)count, sizeof(*s->fan.to))))
        return -1;
    for (i = 0; i < count; i++)
        s->fan.to[i] = -1;
    if (t->kind == KIND_FLOOR)
        rc = fan_of_floor(s);
    else if (t->kind == KIND_REDIS)
        rc = fan_of_redis(&s->fan, t);
    else if (t->kind == KIND_DBUS)
        rc = fan_of_dbus(&s->fan, t);
    else
        rc = fan_of_broker(&s->fan, t);
    if (rc < 0)
        session_fan_close(s);
    return rc;
}

void session_fan_close(struct session_fan *s)
{
    int saved = errno;
    int i;

    if (s->floor.pid > 0) {
        floor_stop(&s->floor);
    } else {
        for (i = 0; i < s->fan.count; i++)
            close(s->fan.to[i]);
        close(s->fan.from);
    }
    free(s->fan.to);
    free(s->fan.out);
    errno = saved;
}
