/* wire.h - a client's side of a broker's socket, with nothing but the bytes
 *
 * Functions return -1 with errno set on failure.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_ROOM = 128, /* of a frame without its payload, topic under 64 */
};

#define WIRE_ANY 0xffffffffu /* as a rank: any */

int wire_listen(const char *path);  /* a UNIX socket, made anew */
int wire_connect(const char *path); /* blocking */
int wire_open(const char *path);    /* and the welcome byte of a broker */

/* Put a frame into `out`, which has WIRE_ROOM + size bytes; its size.
 * An event frame has tag 0.
 */
size_t wire_request(unsigned char *out,
                    const char *topic,
                    const void *payload,
                    size_t size,
                    uint32_t tag);
size_t
wire_event(unsigned char *out, const char *topic, const void *data, size_t n);

int wire_write(int fd, const void *data, size_t n); /* all of it */
int wire_read(int fd, void *data, size_t n);        /* exactly that */

/* The next frame's content, which the caller frees; its size in *n. */
unsigned char *wire_frame(int fd, size_t *n);

/* Send a request to that rank. */
void wire_set_nodeid(unsigned char *request, size_t size, uint32_t nodeid);

/* One call with a request that is ready, or of a JSON text or NULL; fails with
 * the answer's errnum.  The size of the whole answering frame, for those who
 * go on by counting bytes.
 */
long wire_ask(int fd, const unsigned char *request, size_t size);
long wire_call(int fd, const char *topic, const char *json);

#endif /* WIRE_H */
