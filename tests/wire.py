"""wire.py - Flux's frames, spoken from Python for the tests

A second reading of the protocol (RFC 3, RFC 5, RFC 6), written apart from the
one in C, so that the two check each other.  Message is one frame, Client a
connection to a broker's UNIX socket; nothing here knows what a broker does
with a message, and nothing is retried or hidden.

What always holds:
- A wait has a deadline: a broker that does not answer is an exception after
  WAIT seconds, never a test that hangs.  Sanitizers are given more of them.
- Client.recv() gives messages in the order of their arrival.  Client.rpc()
  keeps what is not its answer for later recv()s.
- say() prints one line of TAP without a number; the shell that runs the
  program counts (run_tap in lib.sh).  measured() is for time and memory,
  which a build with a sanitizer has its own of (TEST_BUILD in lib.sh).
"""
import contextlib
import errno
import json
import os
import socket
import struct
import sys
import time

MAGIC = struct.pack("=I", 0xFFEE0012)  # in the sender's own byte order
REQUEST, RESPONSE, EVENT, CONTROL = 1, 2, 4, 8
TOPIC, PAYLOAD, NORESPONSE, ROUTE = 0x01, 0x02, 0x04, 0x08
UPSTREAM, PRIVATE, STREAMING = 0x10, 0x20, 0x40
NODEID_ANY = USERID_UNKNOWN = 0xFFFFFFFF
OWNER, USER, LOCAL = 1, 2, 4
BUILD = os.environ.get("TEST_BUILD")
WAIT = 40.0 if BUILD else 10.0
SOON = 20.0  # seconds: see Client.until()
BYTES = "surrogateescape"  # no byte of a topic or route is lost


class Message:
    """One frame.  a, b: nodeid or errnum or sequence, and matchtag."""

    def __init__(self, kind, topic=None, payload=None, flags=0, a=0, b=0):
        self.kind, self.topic, self.flags = kind, topic, flags | ROUTE
        self.routes = []
        self.userid, self.rolemask = USERID_UNKNOWN, 0
        self.a, self.b = a, b
        if payload is not None and not isinstance(payload, bytes):
            payload = json.dumps(payload).encode() + b"\0"
        self.payload = payload

    def encode(self):
        flags = self.flags
        parts = [r.encode(errors=BYTES) for r in self.routes]
        if flags & ROUTE:
            parts.append(b"")
        if self.topic is not None:
            flags |= TOPIC
            parts.append(self.topic.encode(errors=BYTES))
        if self.payload is not None:
            flags |= PAYLOAD
            parts.append(self.payload)
        parts.append(struct.pack(">4B4I", 0x8E, 1, self.kind, flags,
                                 self.userid, self.rolemask, self.a, self.b))
        body = b"".join(_part(p) for p in parts)
        return MAGIC + struct.pack(">I", len(body)) + body

    @classmethod
    def decode(cls, body):
        parts = _split(body)
        magic, version, kind, flags, userid, rolemask, a, b = struct.unpack(
            ">4B4I", parts.pop())
        if (magic, version) != (0x8E, 1):
            raise ValueError("not a message of RFC 3, version 1")
        msg = cls(kind, flags=flags, a=a, b=b)
        msg.userid, msg.rolemask = userid, rolemask
        if flags & PAYLOAD:
            msg.payload = parts.pop()
        if flags & TOPIC:
            msg.topic = parts.pop().decode(errors=BYTES)
        if flags & ROUTE:
            if parts.pop() != b"":
                raise ValueError("no delimiter behind the routes")
            msg.routes = [p.decode(errors=BYTES) for p in parts]
        return msg

    def json(self):
        """The payload as a value, None if it is no JSON."""
        try:
            return json.loads((self.payload or b"").rstrip(b"\0").decode())
        except ValueError:
            return None

    def text(self):
        return (self.payload or b"").rstrip(b"\0").decode(errors="replace")


def _part(data):
    if len(data) < 255:
        return bytes([len(data)]) + data
    return b"\xff" + struct.pack(">I", len(data)) + data


def _split(body):
    parts, at = [], 0
    while at < len(body):
        size, at = body[at], at + 1
        if size == 255:
            size, = struct.unpack(">I", body[at:at + 4])
            at += 4
        parts.append(body[at:at + size])
        at += size
    return parts


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(WAIT)
    sock.connect(path)
    return sock


class Client:
    """`sock` is a connection that is there and has not been welcomed."""
    unsent = None  # bytes, while at_once() collects them

    def __init__(self, uri=None, userid=USERID_UNKNOWN, rolemask=0, sock=None):
        self.userid, self.rolemask = userid, rolemask
        self.matchtag, self.kept = 0, []
        self.sock = sock or connect((uri or os.environ["FLUX_URI"])[8:])
        welcome = self.sock.recv(1)
        if not welcome:
            raise EOFError("the broker closed the connection")
        if welcome != b"\0":
            raise OSError(welcome[0], os.strerror(welcome[0]))

    def close(self):
        self.sock.close()

    def read(self, size):
        data = b""
        while len(data) < size:
            more = self.sock.recv(size - len(data))
            if not more:
                raise EOFError("the broker closed the connection")
            data += more
        return data

    def send(self, msg):
        msg.userid, msg.rolemask = self.userid, self.rolemask
        if self.unsent is None:
            self.sock.sendall(msg.encode())
        else:
            self.unsent += msg.encode()

    @contextlib.contextmanager
    def at_once(self):
        """What is sent in this block leaves with one write, at its end."""
        self.unsent = b""
        try:
            yield
            self.sock.sendall(self.unsent)
        finally:
            self.unsent = None

    def _next(self):
        head = self.read(8)
        if head[:4] != MAGIC:
            raise ValueError("frame without its magic")
        return Message.decode(self.read(struct.unpack(">I", head[4:])[0]))

    def recv(self):
        return self.kept.pop(0) if self.kept else self._next()

    def request(self, topic, payload=None, nodeid=NODEID_ANY, flags=0):
        self.matchtag += 1
        tag = 0 if flags & NORESPONSE else self.matchtag
        self.send(Message(REQUEST, topic, payload, flags, nodeid, tag))
        return tag

    def answer(self, tag):
        for i, msg in enumerate(self.kept):
            if msg.kind == RESPONSE and msg.b == tag:
                return self.kept.pop(i)
        while True:
            msg = self._next()
            if msg.kind == RESPONSE and msg.b == tag:
                return msg
            self.kept.append(msg)

    def rpc(self, topic, payload=None, nodeid=NODEID_ANY, flags=0):
        return self.answer(self.request(topic, payload, nodeid, flags))

    def module(self, name):
        """Its entry in the list of modules, or None."""
        for mod in self.rpc("module.list").json()["mods"]:
            if mod["name"] == name:
                return mod
        return None

    def until(self, condition, what):
        """Ping the broker until it holds, for SOON seconds at most."""
        end = time.monotonic() + SOON
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError(what)
            self.rpc("broker.ping", {})

    def respond(self, request, payload=None, errnum=0):
        msg = Message(RESPONSE, request.topic, payload, 0, errnum, request.b)
        msg.routes = request.routes
        self.send(msg)

    def publish(self, topic, payload=None, flags=0):
        self.send(Message(EVENT, topic, payload, flags))


def outcome(response):
    """An answer in words: "ok", or the errno's name and the text."""
    if response.a == 0:
        return "ok"
    name = errno.errorcode.get(response.a, str(response.a))
    return (name + " " + response.text()).strip()


def say(good, name, why=""):
    print(("ok" if good else "not ok") + " - " + name)
    if not good and why:
        print("# " + str(why).replace("\n", "\n# "))
    sys.stdout.flush()


def measured(good, name, why=""):
    say(BUILD or good, name + (" # SKIP " + BUILD if BUILD else ""), why)


def same(got, want, name):
    say(got == want, name, "got  %r\nwant %r" % (got, want))
