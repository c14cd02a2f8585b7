/* floor.h - what the machine alone costs: bare relays over UNIX sockets */
#ifndef FLOOR_H
#define FLOOR_H

#include <stddef.h>
#include <sys/types.h>

enum floor_shape {
    FLOOR_DIRECT,  /* client - server */
    FLOOR_THREAD,  /* client - relay - server, a thread of the relay */
    FLOOR_PROCESS, /* client - relay - server, a process */
};

/* A relay that has been started, and the client's ends of it. */
struct floor {
    pid_t pid;
    int fd;    /* of the client, or of the one who sends */
    int count; /* of `to` */
    int *to;   /* of those who receive */
};

enum { FLOOR_ANSWER = 50 }; /* bytes: about that of a small frame */

/* The server sends back all that it gets; or, if `taken` is not 0, a small
 * answer for each so many bytes.  0, or -1 with errno.
 */
int floor_start(struct floor *f, enum floor_shape shape, size_t taken);

/* A relay to `count` receivers: each message of `size` bytes is written to
 * each of them by itself, or, with size 0, all that was read in one write.
 */
int floor_start_fan(struct floor *f, int count, size_t size);

/* A server that accepts on a new socket at `path`, writes a byte, and reads
 * until the other side closes.
 */
int floor_start_accept(struct floor *f, const char *path);

void floor_stop(struct floor *f);

#endif /* FLOOR_H */
