/* dbus.h - a client, an echoing service and a controller of dbus-broker
 *
 * Functions return -1 with errno set on failure.
 */
#ifndef DBUS_H
#define DBUS_H

#include <stddef.h>

enum { DBUS_ROOM = 256 }; /* of a message without its data */

/* Start dbus-broker, listening at `path`, and stay as long as it does. */
int dbus_run(const char *path);

int dbus_open(const char *path); /* connected, with a name of its own */

/* Answer each call to `name` with the bytes that came: in a process of its
 * own, which ends with its connection.
 */
int dbus_start_echo(const char *path, const char *name);

/* Put a call of `name`, or a signal, with `n` bytes of data into `out`, which
 * has DBUS_ROOM + n; its size.
 */
size_t
dbus_call(unsigned char *out, const char *name, const void *data, size_t n);
size_t dbus_signal(unsigned char *out, const void *data, size_t n);

/* Have the signals of dbus_signal(). */
int dbus_subscribe(int fd);

/* Read the next message; its size. */
long dbus_skip(int fd);

/* Send a call and read its answer, in front of which nothing else may come;
 * the answer's size.
 */
long dbus_ask(int fd, const unsigned char *call, size_t size);

#endif /* DBUS_H */
