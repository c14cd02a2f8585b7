"""badframes.py - bytes that are no message, for whoever may send bytes

BAD is a list of names and bytes.  Each of them ends the connection that it
comes over, and nothing else.  `claimed` is the beginning of a frame of 1 GiB,
`mutants` are frames whose length is right and whose body may be anything, and
check_mutants sends them one by one.
"""
import os
import random
import struct

import wire
from wire import (CONTROL, EVENT, MAGIC, NODEID_ANY, PAYLOAD, REQUEST, RESPONSE,
                  ROUTE, TOPIC, Message)


def frame(body):
    return MAGIC + struct.pack(">I", len(body)) + body


def header(kind=REQUEST, flags=0, version=1, magic=0x8E):
    return b"\x14" + struct.pack(">4B4I", magic, version, kind, flags,
                                 0xFFFFFFFF, 0, 0xFFFFFFFF, 1)


BAD = [("garbage", random.Random(1).randbytes(5000))]
BAD += [("length %#x" % n, MAGIC + struct.pack(">I", n) + b"x")
        for n in (0, 1, 0xFFFFFFF7, 0xFFFFFFF8, 0xFFFFFFFF)]
BAD += [
    ("a wrong magic", frame(header(magic=0x8F))),
    ("a wrong version", frame(header(version=2))),
    ("a wrong type", frame(header(kind=3))),
    ("a part that overruns", frame(b"\xc8abc" + header(flags=TOPIC))),
    ("a long part that overruns",
     frame(b"\xff\xff\xff\xff\xff" + header(flags=PAYLOAD))),
    ("5,000 parts", frame(b"\1x" * 5000 + header(flags=TOPIC))),
    ("5,000 routes", frame(b"\1x" * 5000 + b"\0" + header(flags=ROUTE))),
    ("routes without end", frame(b"\1x" * 9 + header(flags=ROUTE))),
    ("a NUL in a topic", frame(b"\5a\0b\0\0" + header(flags=TOPIC))),
]

MIB = 1 << 20


def claimed(mib):
    """A frame of 1 GiB, of which so many MiB are there; piece by piece."""
    yield MAGIC + struct.pack(">I", 1 << 30)
    piece = b"\xff" * MIB
    for _ in range(mib):
        yield piece


def _routed(msg):
    msg.routes = ["a-client", "another"]
    return msg


GOOD = [msg.encode() for msg in (
    Message(REQUEST, "attr.get", {"name": "rank"}, a=NODEID_ANY, b=1),
    Message(REQUEST, "broker.ping", {"x": [1, 2.5, None, "y"]}, a=0, b=2),
    _routed(Message(REQUEST, "hello.ping", {}, a=NODEID_ANY, b=3)),
    _routed(Message(RESPONSE, "hello.ping", {}, b=3)),
    Message(EVENT, "an.event", os.urandom(300), a=1),
    Message(CONTROL, a=1, b=2))]


def mutants(count, seed=1):
    """Good frames with one to four bytes behind the prefix replaced."""
    rng = random.Random(seed)
    for _ in range(count):
        data = bytearray(rng.choice(GOOD))
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(8, len(data))] = rng.randrange(256)
        yield bytes(data)


def is_message(data):
    try:
        msg = Message.decode(data[8:])
        return (msg.kind in (REQUEST, RESPONSE, EVENT, CONTROL) and
                "\0" not in "".join([msg.topic or ""] + msg.routes) and
                msg.encode() == data)
    except (ValueError, IndexError, struct.error):
        return False


def outlived(peer, data):
    """Whether the peer still gets an answer behind those bytes."""
    try:
        peer.sock.sendall(data)
        peer.rpc("broker.ping", {}, nodeid=0)
        peer.kept.clear()
        return True
    except (EOFError, ConnectionResetError, BrokenPipeError):
        peer.close()
        return False


def send_mutants(connect, all_of_them):
    """Each is taken before the next is sent; how many ended a connection."""
    peer, ends = connect(), 0
    for data in all_of_them:
        if not outlived(peer, data):
            peer, ends = connect(), ends + 1
    peer.close()
    return ends


def check_mutants(connect, count, whose):
    ends = send_mutants(connect, mutants(count))
    print("# %d mutated frames of %s: %d connections ended" %
          (count, whose, ends))
    wire.say(0 < ends < count, "%d mutated frames of %s" % (count, whose))
