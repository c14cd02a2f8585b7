"""flux.channel - the connection to a broker: bytes in, bytes out

local://PATH is a UNIX socket; ssh://HOST/PATH the same on another host
(flux.ssh); fd://N a socket end that was inherited, which is how a module's
process gets its channel (RFC 5).  Each begins with one byte from the broker:
0, or the errno with which it turns us away.

The descriptor is non-blocking.  send() queues and, unless hold() is in
effect, writes; release() writes what was held in one go, so that the
answers to a batch of requests leave with one write.  What the socket does
not take stays queued, and `pending` says so: who runs a loop then waits for
POLLOUT, others call drain().  A peer that does not read at all would let
the queue grow: beyond QUEUE_SIZE_MAX send() waits for it, reading meanwhile
so that two full sockets cannot block each other.

The end of the connection is OSError with ECONNRESET.
"""

import errno
import os
from select import POLLIN, POLLOUT, poll

from flux.errors import error
from flux.wire import Splitter

READ_SIZE = 1 << 16
# One read of a frame of which more than READ_SIZE is missing.
LARGE_READ_SIZE = 1 << 20
# Answers held back this long are a batch that pays for one write.
BATCH_SIZE_MAX = 1 << 17
# Far more than a broker leaves unread that is alive.
QUEUE_SIZE_MAX = 1 << 26

# What poll() can be told, in seconds, with room to spare.
WAIT_MAX = 1000000

DEFAULT_URI = "local:///run/flux/local"


def connect(uri):
    """A Channel to the broker at uri.  OSError says why not."""
    scheme, found, address = uri.partition("://")
    try:
        opener = _OPENERS[scheme if found else ""]
    except KeyError:
        text = "Unable to find connector name '%s'" % scheme
        if not found:
            text = "'%s' is no address: local://PATH or ssh://HOST/PATH" % uri
        raise _connect_error(errno.ENOENT, text) from None
    return opener(address)


def _connect_error(errnum, text=None):
    text = text or os.strerror(errnum)
    return error(errnum, "Unable to connect to Flux: " + text)


def _open_local(path):
    import socket

    if not os.path.exists(path):
        raise _connect_error(
            errno.ENOENT, "broker socket %s was not found" % path
        )
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
    except OSError as exc:
        sock.close()
        raise _connect_error(exc.errno or errno.ENAMETOOLONG) from None
    return _greeted(sock.detach())


def _open_ssh(address):
    from flux.ssh import dial

    try:
        fd, process = dial(address)
    except OSError as exc:
        raise _connect_error(exc.errno, exc.strerror) from None
    os.set_blocking(fd, False)
    return Channel(fd, process)


def _open_fd(number):
    try:
        fd = int(number)
        os.set_inheritable(fd, False)
    except ValueError:
        raise _connect_error(errno.EINVAL) from None
    except OSError as exc:
        raise _connect_error(exc.errno) from None
    return _greeted(fd)


_OPENERS = {"local": _open_local, "ssh": _open_ssh, "fd": _open_fd}


def _greeted(fd):
    """The Channel, if the broker's first byte is a welcome."""
    try:
        os.set_blocking(fd, True)
        answer = os.read(fd, 1)
        if answer != b"\0":
            raise _connect_error(ord(answer) if answer else errno.ECONNRESET)
        os.set_blocking(fd, False)
    except BaseException:
        os.close(fd)
        raise
    return Channel(fd)


class Channel:
    """Frames in both directions over one non-blocking descriptor."""

    __slots__ = (
        "fd",
        "pending",
        "_splitter",
        "_out",
        "_held",
        "_early",
        "_broken",
        "_poll",
        "_process",
    )

    def __init__(self, fd, process=None):
        self.fd = fd
        self._process = process  # behind the descriptor, or None
        self.pending = 0  # bytes queued and not yet written
        self._splitter = Splitter()
        self._out = []
        self._held = 0
        self._early = []  # bodies read while waiting to write
        self._broken = False
        self._poll = poll()
        self._poll.register(fd, POLLIN)

    def __del__(self):
        self.close()

    def close(self):
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            if self._process:
                self._process.wait()

    def fail(self):
        """Neither read nor write any more: what came is no message."""
        self._broken = True

    def check(self):
        """OSError ECONNRESET if the connection is over."""
        if self._broken or self.fd < 0:
            raise error(errno.ECONNRESET)

    def send(self, frame):
        self.check()
        self._out.append(frame)
        self.pending += len(frame)
        if not self._held:
            self.drain()
        elif self.pending > BATCH_SIZE_MAX:
            self.flush()
            if self.pending > QUEUE_SIZE_MAX:
                self.drain()

    def hold(self):
        """Queue until release(); the two nest."""
        self._held += 1

    def release(self):
        self._held -= 1
        if self._out:
            self.flush()

    def flush(self):
        """Write what the socket takes."""
        out = self._out
        data = out[0] if len(out) == 1 else b"".join(out)
        try:
            count = os.write(self.fd, data)
        except BlockingIOError:
            count = 0
        except BrokenPipeError:
            raise error(errno.ECONNRESET) from None
        self.pending -= count
        self._out = [data[count:]] if self.pending else []

    def drain(self):
        """Write everything, waiting for the peer to take it."""
        while self._out:
            self.flush()
            if self._out:
                self._wait_writable()

    def _wait_writable(self):
        self._poll.modify(self.fd, POLLIN | POLLOUT)
        try:
            events = self._poll.poll()
            if events and events[0][1] & ~POLLOUT:
                self._early.extend(self._read())
        finally:
            self._poll.modify(self.fd, POLLIN)

    def receive(self, timeout=None):
        """Bodies of the frames that have arrived, in order.

        Waits up to timeout seconds (None: for ever) for something to read;
        an empty list means that the time passed, or that only part of a
        frame came.
        """
        if self._early:
            early, self._early = self._early, []
            return early
        self.check()
        if timeout is not None:
            timeout = min(max(0, timeout), WAIT_MAX) * 1000
        if not self._poll.poll(timeout):
            return ()
        return self._read()

    def receive_now(self):
        """As receive(), when the descriptor is known to be readable."""
        if self._early:
            return self.receive()
        return self._read()

    @property
    def backlog(self):
        """Whether receive() has something that a poll would not show."""
        return bool(self._early)

    def _read(self):
        self.check()
        size = READ_SIZE
        if self._splitter.wanted > size:
            size = min(self._splitter.wanted, LARGE_READ_SIZE)
        try:
            data = os.read(self.fd, size)
        except BlockingIOError:
            return ()
        if not data:
            raise error(errno.ECONNRESET)
        try:
            return self._splitter.feed(data)
        except OSError:
            self.fail()
            raise
