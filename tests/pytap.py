"""pytap.py - what the Python tests share: TAP, and a broker to talk to

ok() and same() print a test each; raises() is a test that a function fails;
done() prints the plan and ends the program.

Peer is the broker's end of a socket pair whose other end is a handle: it
sends and receives messages as they are told, in the same thread, so that
each test says what arrives, and when.  Answerer is one in a thread of its
own, for synchronous calls: it answers each request with what its function
returns.
"""

import os
import socket
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "python"))
sys.dont_write_bytecode = True

from flux.channel import Channel  # noqa: E402
from flux.constants import (  # noqa: E402
    FLUX_MSGFLAG_STREAMING,
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_REQUEST,
    FLUX_MSGTYPE_RESPONSE,
    FLUX_ROLE_OWNER,
)
from flux.handle import Flux  # noqa: E402
from flux.message import Message  # noqa: E402
from flux.wire import Splitter, head  # noqa: E402

_RESULTS = []
SENDER = b"4b95b4a2-07e1-4f6d-99bc-462d8b1cd803"
BROKER = b"b3a4546e-8c47-47ac-97c2-b6abe9968678"


def ok(condition, name):
    _RESULTS.append(bool(condition))
    print("%sok %d - %s" % ("" if condition else "not ", len(_RESULTS), name))
    sys.stdout.flush()


def same(got, want, name):
    ok(got == want, name)
    if got != want:
        print("# got  %r\n# want %r" % (got, want))


def raises(kind, function, name, errnum=None):
    """Returns the exception."""
    try:
        function()
    except kind as exc:
        same(getattr(exc, "errno", None), errnum, name)
        return exc
    ok(False, name)
    return None


def done():
    print("1..%d" % len(_RESULTS))
    sys.stdout.flush()
    os._exit(0 if all(_RESULTS) else 1)


def request(topic, payload=None, matchtag=1, rolemask=FLUX_ROLE_OWNER):
    msg = Message(FLUX_MSGTYPE_REQUEST)
    msg.topic = topic
    msg.payload = payload
    msg.matchtag = matchtag
    msg.rolemask = rolemask
    msg.userid = 100
    msg._parts = head([BROKER, SENDER], msg.topic_bytes)
    return msg


def response(topic, payload=None, matchtag=1, errnum=0, streaming=False):
    msg = Message(FLUX_MSGTYPE_RESPONSE)
    msg.topic = topic
    msg.payload = payload
    msg.matchtag = matchtag
    msg.errnum = errnum
    msg.rolemask = FLUX_ROLE_OWNER
    msg.streaming = streaming
    return msg


def event(topic, payload=None, seq=1):
    msg = Message(FLUX_MSGTYPE_EVENT)
    msg.topic = topic
    msg.payload = payload
    msg.seq = seq
    msg.rolemask = FLUX_ROLE_OWNER
    return msg


class Peer:
    def __init__(self):
        self.sock, other = socket.socketpair()
        other.setblocking(False)
        self.handle = Flux(handle=Channel(other.detach()))
        self._splitter = Splitter()
        self._got = []

    def send(self, *msgs):
        self.sock.sendall(b"".join(bytes(msg) for msg in msgs))

    def receive(self):
        """The next message from the handle; None when it has closed."""
        while not self._got:
            data = self.sock.recv(65536)
            if not data:
                return None
            bodies = self._splitter.feed(data)
            self._got = [Message.from_bytes(body) for body in bodies]
        return self._got.pop(0)

    def pending(self):
        """How many messages have come that were not received."""
        self.sock.setblocking(False)
        try:
            data = self.sock.recv(1 << 20)
            bodies = self._splitter.feed(data)
            self._got += [Message.from_bytes(body) for body in bodies]
        except BlockingIOError:
            pass
        finally:
            self.sock.setblocking(True)
        return len(self._got)


class Answerer(Peer):
    """answer(request) returns the messages to send."""

    def __init__(self, answer):
        super().__init__()
        self.seen = []
        self._answer = answer
        self._thread = threading.Thread(target=self._serve)
        self._thread.daemon = True
        self._thread.start()

    def _serve(self):
        while True:
            msg = self.receive()
            if msg is None:
                return
            self.seen.append(msg)
            self.send(*self._answer(msg))


def echo(msg):
    """An answer: the request's payload, to what wants a response."""
    if msg.type != FLUX_MSGTYPE_REQUEST or msg.noresponse:
        return []
    streaming = bool(msg.flags & FLUX_MSGFLAG_STREAMING)
    return [
        response(
            msg.topic, msg.payload, msg.matchtag, streaming=streaming
        )
    ]
