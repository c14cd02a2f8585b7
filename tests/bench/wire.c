/* wire.c - a client's side of a broker's socket, with nothing but the bytes
 *
 * The benchmark's clients speak to every broker of the Flux protocol with
 * this code, so that what they cost is small and the same for each: frames
 * are made before the clock starts, and answers are counted, not decoded.
 *
 * A frame is an 8-byte prefix (magic in the sender's byte order, length in
 * big endian), then parts with a length in front of each: the delimiter of an
 * empty route stack, the topic with its NUL, the payload, and a 20-byte
 * header that says what the parts are (RFC 3).
 *
 * What always holds:
 * - Reads wait in poll(2) first, as a program with an event loop would.
 * - The last four bytes of a frame are its matchtag.
 */
#include "wire.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    PREFIX_SIZE = 8,
    HEADER_SIZE = 20,
    FLAG_TOPIC = 1,
    FLAG_PAYLOAD = 2,
    FLAG_ROUTE = 8,
    TYPE_REQUEST = 1,
    TYPE_EVENT = 4,
    BACKLOG = 64,
    ANSWER_MAX = 64 << 20, /* far above a list of a thousand modules */
};

#define MAGIC 0xffee0012u
#define NOBODY 0xffffffffu

/* ---- sockets ---------------------------------------------------------------
 */

static int socket_at(const char *path, struct sockaddr_un *sun)
{
    memset(sun, 0, sizeof(*sun));
    sun->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof(sun->sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(sun->sun_path, path, strlen(path));
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

int wire_listen(const char *path)
{
    struct sockaddr_un sun;
    int fd = socket_at(path, &sun);

    unlink(path);
    if (fd >= 0 && bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int wire_connect(const char *path)
{
    struct sockaddr_un sun;
    int fd = socket_at(path, &sun);

    if (fd >= 0 && connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int wire_open(const char *path)
{
    unsigned char welcome;
    int fd = wire_connect(path);

    if (fd < 0)
        return -1;
    if (wire_read(fd, &welcome, 1) == 0 && welcome == 0)
        return fd;
    close(fd);
    errno = EPERM;
    return -1;
}

int wire_write(int fd, const void *data, size_t n)
{
    const unsigned char *p = data;

    while (n > 0) {
        ssize_t done = write(fd, p, n);

        if (done < 0)
            return -1;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int wire_read(int fd, void *data, size_t n)
{
    unsigned char *p = data;
    struct pollfd pfd = {fd, POLLIN, 0};

    while (n > 0) {
        ssize_t done;

        if (poll(&pfd, 1, -1) < 0 || (done = read(fd, p, n)) < 0)
            return -1;
        if (done == 0) {
            errno = ECONNRESET;
            return -1;
        }
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

/* ---- frames ----------------------------------------------------------------
 */

static unsigned char *put_u32(unsigned char *p, uint32_t v)
{
    *p++ = (unsigned char)(v >> 24);
    *p++ = (unsigned char)(v >> 16);
    *p++ = (unsigned char)(v >> 8);
    *p++ = (unsigned char)v;
    return p;
}

static uint32_t get_u32(const unsigned char *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static unsigned char *put_part(unsigned char *p, const void *data, size_t n)
{
    if (n < 255) {
        *p++ = (unsigned char)n;
    } else {
        *p++ = 255;
        p = put_u32(p, (uint32_t)n);
    }
    if (n > 0)
        memcpy(p, data, n);
    return p + n;
}

static unsigned char *
put_header(unsigned char *p, int type, int flags, uint32_t a, uint32_t b)
{
    *p++ = HEADER_SIZE;
    *p++ = 0x8e;
    *p++ = 1;
    *p++ = (unsigned char)type;
    *p++ = (unsigned char)flags;
    p = put_u32(p, NOBODY);
    p = put_u32(p, 0);
    p = put_u32(p, a);
    return put_u32(p, b);
}

static size_t finish(unsigned char *out, unsigned char *end)
{
    uint32_t magic = MAGIC;

    memcpy(out, &magic, sizeof(magic));
    put_u32(out + sizeof(magic), (uint32_t)(end - out - PREFIX_SIZE));
    return (size_t)(end - out);
}

size_t wire_request(unsigned char *out,
                    const char *topic,
                    const void *payload,
                    size_t size,
                    uint32_t tag)
{
    int flags = FLAG_TOPIC | FLAG_ROUTE | (payload ? FLAG_PAYLOAD : 0);
    unsigned char *p = put_part(out + PREFIX_SIZE, NULL, 0);

    p = put_part(p, topic, strlen(topic) + 1);
    if (payload)
        p = put_part(p, payload, size);
    return finish(out, put_header(p, TYPE_REQUEST, flags, WIRE_ANY, tag));
}

size_t
wire_event(unsigned char *out, const char *topic, const void *data, size_t n)
{
    unsigned char *p = out + PREFIX_SIZE;

    p = put_part(p, topic, strlen(topic) + 1);
    p = put_part(p, data, n);
    return finish(out,
                  put_header(p, TYPE_EVENT, FLAG_TOPIC | FLAG_PAYLOAD, 0, 0));
}

unsigned char *wire_frame(int fd, size_t *n)
{
    unsigned char prefix[PREFIX_SIZE];
    unsigned char *data;

    if (wire_read(fd, prefix, sizeof(prefix)) < 0)
        return NULL;
    *n = get_u32(prefix + 4);
    if (*n < HEADER_SIZE || *n > ANSWER_MAX) {
        errno = EPROTO;
        return NULL;
    }
    data = malloc(*n);
    if (data && wire_read(fd, data, *n) == 0)
        return data;
    free(data);
    return NULL;
}

void wire_set_nodeid(unsigned char *request, size_t size, uint32_t nodeid)
{
    put_u32(request + size - 2 * sizeof(nodeid), nodeid);
}

long wire_ask(int fd, const unsigned char *request, size_t size)
{
    unsigned char *data;
    size_t n = 0;
    uint32_t errnum;

    if (wire_write(fd, request, size) < 0 || !(data = wire_frame(fd, &n)))
        return -1;
    errnum = get_u32(data + n - 2 * sizeof(errnum));
    free(data);
    if (errnum == 0)
        return (long)(n + PREFIX_SIZE);
    errno = (int)errnum;
    return -1;
}

long wire_call(int fd, const char *topic, const char *json)
{
    size_t size = json ? strlen(json) + 1 : 0;
    unsigned char *data = malloc(WIRE_ROOM + size);
    long answer;

    if (!data)
        return -1;
    answer = wire_ask(fd, data, wire_request(data, topic, json, size, 1));
    free(data);
    return answer;
}
