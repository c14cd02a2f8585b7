"""badframes.py - bytes that are no message, for whoever may send bytes

BAD is a list of names and bytes.  Each of them ends the connection that it
comes over, and nothing else.
"""
import random
import struct

from wire import MAGIC, PAYLOAD, REQUEST, ROUTE, TOPIC


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
