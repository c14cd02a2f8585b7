/* dbus.c - a client, an echoing service and a controller of dbus-broker
 *
 * dbus-broker does not listen by itself: whoever starts it, which is systemd's
 * launcher as a rule, holds a connection to it, hands it the listening socket
 * and says who may do what.  Here that is the benchmark itself, and everyone
 * may do everything.  A call goes from the client to the bus, from there to a
 * process that sends the bytes back, and the same way again: what a call of a
 * process module is elsewhere.
 *
 * All of D-Bus that is needed is here: logging in as oneself, messages of a
 * few header fields, arrays of bytes.  Answers are not understood, only
 * measured: their first 16 bytes say how long they are.
 *
 * What always holds:
 * - Numbers are little-endian, whatever the machine is, as the first byte of
 *   each message says.
 * - A value lies at a multiple of its own size, counted from the message's
 *   begin, a structure at one of eight.
 */
#include "dbus.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire.h"

enum {
    FIXED = 16, /* bytes in front of the header fields */
    CALL = 1,
    REPLY = 2,
    SIGNAL = 4,
    PATH = 1, /* header fields */
    INTERFACE,
    MEMBER,
    ERROR_NAME,
    REPLY_SERIAL,
    DESTINATION,
    SENDER,
    SIGNATURE,
    UNIX_FDS,
    REPLY_ROOM = 1 << 20,
    MATCH_ROOM = 256,
    BACKLOG = 64,
};

#define BUS "org.freedesktop.DBus"
#define EVENT "bench.Event"

/* What an instance may do: one batch of rules for all users. */
#define RULES "bta(btbs)a(btssssuutt)a(btssssuutt)"
#define POLICY "(a(u(" RULES "))a(buu(" RULES "))a(ss)bs)"

struct message {
    unsigned char *data;
    size_t size;
};

/* ---- writing ---------------------------------------------------------------
 */

static void align(struct message *m, size_t to)
{
    while (m->size % to)
        m->data[m->size++] = 0;
}

static void put_byte(struct message *m, int c)
{
    m->data[m->size++] = (unsigned char)c;
}

static void set_u32(unsigned char *p, uint32_t v)
{
    int i;

    for (i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 |
           p[0];
}

static void put_u32(struct message *m, uint32_t v)
{
    align(m, 4);
    set_u32(m->data + m->size, v);
    m->size += 4;
}

static void put_u64(struct message *m, uint64_t v)
{
    align(m, 8);
    put_u32(m, (uint32_t)v);
    put_u32(m, (uint32_t)(v >> 32));
}

static void put_bytes(struct message *m, const void *data, size_t n)
{
    put_u32(m, (uint32_t)n);
    if (n > 0)
        memcpy(m->data + m->size, data, n);
    m->size += n;
}

static void put_string(struct message *m, const char *s)
{
    put_bytes(m, s, strlen(s));
    put_byte(m, 0);
}

static void put_signature(struct message *m, const char *s)
{
    put_byte(m, (int)strlen(s));
    memcpy(m->data + m->size, s, strlen(s) + 1);
    m->size += strlen(s) + 1;
}

/* An array of structures; where its length stands, for the end. */
static size_t begin_array(struct message *m)
{
    size_t length;

    put_u32(m, 0);
    length = m->size - 4;
    align(m, 8);
    return length;
}

static void end_array(struct message *m, size_t length)
{
    size_t begins = (length + 4 + 7) / 8 * 8;

    set_u32(m->data + length, (uint32_t)(m->size - begins));
}

static void begin_field(struct message *m, int code, const char *type)
{
    align(m, 8);
    put_byte(m, code);
    put_signature(m, type);
}

static void add_text(struct message *m, int code, const char *s)
{
    begin_field(m, code, code == PATH ? "o" : code == SIGNATURE ? "g" : "s");
    if (code == SIGNATURE)
        put_signature(m, s);
    else
        put_string(m, s);
}

static void add_number(struct message *m, int code, uint32_t v)
{
    begin_field(m, code, "u");
    put_u32(m, v);
}

/* The header's fixed part; then come fields, end_fields(), a body, finish(). */
static void begin(struct message *m, int type, uint32_t serial)
{
    m->size = 0;
    put_byte(m, 'l');
    put_byte(m, type);
    put_byte(m, 0);
    put_byte(m, 1);
    put_u32(m, 0);
    put_u32(m, serial);
    put_u32(m, 0);
}

static size_t end_fields(struct message *m)
{
    end_array(m, FIXED - 4);
    align(m, 8);
    return m->size;
}

static size_t finish(struct message *m, size_t body)
{
    set_u32(m->data + 4, (uint32_t)(m->size - body));
    return m->size;
}

/* ---- reading ---------------------------------------------------------------
 */

static size_t size_of(const unsigned char *m)
{
    return FIXED + (get_u32(m + 12) + 7) / 8 * 8 + get_u32(m + 4);
}

/* Where the value of the field at `*at` begins; `*at` goes behind it. */
static const unsigned char *next_field(const unsigned char *m, size_t *at)
{
    size_t value = (*at + 7) / 8 * 8 + 4;

    if (m[value - 2] == 'g') {
        *at = value + m[value] + 2;
        return m + value;
    }
    *at = value + 4;
    if (m[value - 2] != 'u')
        *at += get_u32(m + value) + 1;
    return m + value;
}

static const char *text_field(const unsigned char *m, int code)
{
    size_t end = FIXED + get_u32(m + 12);
    size_t at = FIXED;

    while (at < end) {
        int found = m[(at + 7) / 8 * 8];
        const unsigned char *value = next_field(m, &at);

        if (found == code)
            return (const char *)value + 4;
    }
    return "";
}

long dbus_skip(int fd)
{
    unsigned char head[FIXED];
    unsigned char *rest;
    size_t size;
    int rc;

    if (wire_read(fd, head, sizeof(head)) < 0)
        return -1;
    size = size_of(head);
    if (size > REPLY_ROOM || !(rest = malloc(size)))
        return -1;
    rc = wire_read(fd, rest, size - FIXED);
    free(rest);
    return rc < 0 ? -1 : (long)size;
}

/* What else the bus says may come in front of it. */
static int await_reply(int fd)
{
    unsigned char head[FIXED] = {0};
    unsigned char rest[MATCH_ROOM];

    while (head[1] != REPLY) {
        size_t size;

        if (wire_read(fd, head, sizeof(head)) < 0)
            return -1;
        size = size_of(head);
        if (size > sizeof(rest) || head[1] == CALL + REPLY) {
            errno = EPROTO;
            return -1;
        }
        if (wire_read(fd, rest, size - FIXED) < 0)
            return -1;
    }
    return 0;
}

long dbus_ask(int fd, const unsigned char *call, size_t size)
{
    return wire_write(fd, call, size) < 0 ? -1 : dbus_skip(fd);
}

/* ---- connections ------------------------------------------------------------
 */

static int read_line(int fd)
{
    char c = 0;

    while (c != '\n')
        if (wire_read(fd, &c, 1) < 0)
            return -1;
    return 0;
}

/* As whom the kernel says that we are, able to send descriptors. */
static int log_in(int fd)
{
    static const char text[] =
        "AUTH EXTERNAL\r\nDATA\r\nNEGOTIATE_UNIX_FD\r\nBEGIN\r\n";
    int lines = 3;

    if (wire_write(fd, "", 1) < 0 || wire_write(fd, text, sizeof(text) - 1) < 0)
        return -1;
    while (lines-- > 0)
        if (read_line(fd) < 0)
            return -1;
    return 0;
}

static size_t
begin_bus_call(struct message *m, const char *member, const char *signature)
{
    begin(m, CALL, 1);
    add_text(m, PATH, "/org/freedesktop/DBus");
    add_text(m, INTERFACE, BUS);
    add_text(m, MEMBER, member);
    add_text(m, DESTINATION, BUS);
    if (signature)
        add_text(m, SIGNATURE, signature);
    return end_fields(m);
}

static int call_bus(int fd, struct message *m, size_t body)
{
    finish(m, body);
    return wire_write(fd, m->data, m->size) < 0 ? -1 : await_reply(fd);
}

static int call_plain(int fd, const char *member)
{
    unsigned char data[DBUS_ROOM];
    struct message m = {data, 0};

    return call_bus(fd, &m, begin_bus_call(&m, member, NULL));
}

/* The bus tells a new one its name in a signal, in front of a second answer. */
static int say_hello(int fd)
{
    return call_plain(fd, "Hello") < 0 ? -1 : call_plain(fd, "GetId");
}

static int take_name(int fd, const char *name)
{
    unsigned char data[2 * DBUS_ROOM];
    struct message m = {data, 0};
    size_t body = begin_bus_call(&m, "RequestName", "su");

    put_string(&m, name);
    put_u32(&m, 0);
    return call_bus(fd, &m, body);
}

int dbus_subscribe(int fd)
{
    unsigned char data[2 * DBUS_ROOM];
    struct message m = {data, 0};
    size_t body = begin_bus_call(&m, "AddMatch", "s");

    put_string(&m, "type='signal',interface='" EVENT "'");
    return call_bus(fd, &m, body);
}

int dbus_open(const char *path)
{
    int fd = wire_connect(path);

    if (fd >= 0 && log_in(fd) == 0 && say_hello(fd) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

size_t
dbus_call(unsigned char *out, const char *name, const void *data, size_t n)
{
    struct message m = {out, 0};
    size_t body;

    begin(&m, CALL, 2);
    add_text(&m, PATH, "/");
    add_text(&m, MEMBER, "Echo");
    add_text(&m, DESTINATION, name);
    add_text(&m, SIGNATURE, "ay");
    body = end_fields(&m);
    put_bytes(&m, data, n);
    return finish(&m, body);
}

size_t dbus_signal(unsigned char *out, const void *data, size_t n)
{
    struct message m = {out, 0};
    size_t body;

    begin(&m, SIGNAL, 2);
    add_text(&m, PATH, "/");
    add_text(&m, INTERFACE, EVENT);
    add_text(&m, MEMBER, "Event");
    add_text(&m, SIGNATURE, "ay");
    body = end_fields(&m);
    put_bytes(&m, data, n);
    return finish(&m, body);
}

/* ---- the service ------------------------------------------------------------
 */

/* The same bytes to whom they came from. */
static size_t reply(unsigned char *out, const unsigned char *call)
{
    struct message m = {out, 0};
    size_t size = get_u32(call + 4);
    size_t body;

    begin(&m, REPLY, 2);
    add_number(&m, REPLY_SERIAL, get_u32(call + 8));
    add_text(&m, DESTINATION, text_field(call, SENDER));
    add_text(&m, SIGNATURE, "ay");
    body = end_fields(&m);
    memcpy(out + m.size, call + size_of(call) - size, size);
    m.size += size;
    return finish(&m, body);
}

/* Answer the whole calls among `n` bytes; how many bytes they are. */
static size_t answer(int fd, const unsigned char *in, size_t n)
{
    static unsigned char out[REPLY_ROOM];
    size_t at = 0, used = 0;

    while (n - at >= FIXED && size_of(in + at) <= n - at) {
        if (in[at + 1] == CALL)
            used += reply(out + used, in + at);
        at += size_of(in + at);
    }
    if (used > 0 && wire_write(fd, out, used) < 0)
        _exit(0);
    return at;
}

static void echo(int fd)
{
    static unsigned char in[REPLY_ROOM / 2];
    struct pollfd pfd = {fd, POLLIN, 0};
    size_t have = 0;

    while (poll(&pfd, 1, -1) > 0) {
        ssize_t n = read(fd, in + have, sizeof(in) - have);
        size_t done;

        if (n <= 0)
            return;
        have += (size_t)n;
        done = answer(fd, in, have);
        memmove(in, in + done, have -= done);
    }
}

int dbus_start_echo(const char *path, const char *name)
{
    int fd = dbus_open(path);
    pid_t pid = fd < 0 || take_name(fd, name) < 0 ? -1 : fork();

    if (pid == 0) {
        echo(fd);
        _exit(0);
    }
    if (fd >= 0)
        close(fd);
    return pid;
}

/* ---- the controller
 * ----------------------------------------------------------
 */

static void put_rule(struct message *m)
{
    int i;

    align(m, 8);
    put_u32(m, 1);
    put_u64(m, 1);
    for (i = 0; i < 4; i++)
        put_string(m, "");
    put_u32(m, 0);
    put_u32(m, 0);
    put_u64(m, 0);
    put_u64(m, UINT64_MAX);
}

/* To own any name, to send and to get anything. */
static void put_rules(struct message *m)
{
    size_t array;
    int i;

    put_u32(m, 1);
    put_u64(m, 1);
    array = begin_array(m);
    put_u32(m, 1);
    put_u64(m, 1);
    put_u32(m, 1);
    put_string(m, "");
    end_array(m, array);
    for (i = 0; i < 2; i++) {
        array = begin_array(m);
        put_rule(m);
        end_array(m, array);
    }
}

/* The same for every user; nothing by groups or labels. */
static void put_policy(struct message *m)
{
    size_t array;

    align(m, 8);
    array = begin_array(m);
    put_u32(m, UINT32_MAX);
    align(m, 8);
    put_rules(m);
    end_array(m, array);
    begin_array(m);
    begin_array(m);
    put_u32(m, 0);
    put_string(m, "session");
}

static size_t add_listener(unsigned char *out)
{
    struct message m = {out, 0};
    size_t body;

    begin(&m, CALL, 1);
    add_text(&m, PATH, "/org/bus1/DBus/Broker");
    add_text(&m, INTERFACE, "org.bus1.DBus.Broker");
    add_text(&m, MEMBER, "AddListener");
    add_text(&m, SIGNATURE, "ohv");
    add_number(&m, UNIX_FDS, 1);
    body = end_fields(&m);
    put_string(&m, "/org/bus1/DBus/Listener/0");
    put_u32(&m, 0);
    put_signature(&m, POLICY);
    put_policy(&m);
    return finish(&m, body);
}

static int send_with_fd(int to, const void *data, size_t n, int fd)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec iov = {(void *)data, n};
    struct msghdr mh = {0};

    memset(&control, 0, sizeof(control));
    control.head.cmsg_level = SOL_SOCKET;
    control.head.cmsg_type = SCM_RIGHTS;
    control.head.cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    mh.msg_iov = &iov;
    mh.msg_iovlen = 1;
    mh.msg_control = &control;
    mh.msg_controllen = sizeof(control);
    return sendmsg(to, &mh, 0) == (ssize_t)n ? 0 : -1;
}

/* It ends with our end of the connection, which must not be its own too. */
static pid_t start_broker(int controller, int ours)
{
    char number[16];
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    close(ours);
    snprintf(number, sizeof(number), "%d", controller);
    execlp("dbus-broker", "dbus-broker", "--controller", number, "--machine-id",
           "0123456789abcdef0123456789abcdef", "--max-bytes", "1073741824",
           "--max-fds", "4096", "--max-matches", "65536", "--max-objects",
           "65536", (char *)NULL);
    _exit(127);
}

/* Until the other side ends: it has nothing to say that matters. */
static void wait_for_end(int fd)
{
    char c[DBUS_ROOM];

    while (read(fd, c, sizeof(c)) > 0)
        ;
}

int dbus_run(const char *path)
{
    unsigned char data[8 * DBUS_ROOM];
    int listener = wire_listen(path);
    size_t n;
    int fds[2];

    if (listener < 0 || fcntl(listener, F_SETFL, O_NONBLOCK) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
        start_broker(fds[1], fds[0]) < 0)
        return -1;
    close(fds[1]);
    n = add_listener(data);
    if (log_in(fds[0]) < 0 || send_with_fd(fds[0], data, n, listener) < 0 ||
        await_reply(fds[0]) < 0)
        return -1;
    wait_for_end(fds[0]);
    return 0;
}
