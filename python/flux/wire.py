"""flux.wire - messages as bytes (RFC 3)

A frame is the magic 0xffee0012 in the sender's byte order, the length of
what follows (4 bytes, big endian), and the parts.  A part is its length (one
byte below 255; or 255 and 4 bytes, big endian) and its bytes.  The parts are
the routes and an empty one behind them (if flag ROUTE), the topic (if
TOPIC), the payload (if PAYLOAD), and the 20-byte header:

    8e 01 TYPE FLAGS userid rolemask A B

where A, B are, by type: request nodeid, matchtag; response errnum,
matchtag; event sequence, 0; control type, status.

Routes and topic are kept together, as they came, in `head`: a response
begins with the same bytes as its request.  Lengths are checked against what
is there before anything is cut out; rubbish is OSError with EPROTO.
"""

import struct

from flux.errors import protocol_error

MAGIC = struct.pack("=I", 0xFFEE0012)
# One frame: far above any payload in use, and the broker's own limit.
FRAME_SIZE_MAX = 1 << 30
NO_ROUTES = b"\0"

_FRAME = struct.Struct(">4sI")
_LONG = struct.Struct(">BI")
_HEADER = struct.Struct(">BBBBBIIII")
_HEADER_PART = bytes((20, 0x8E, 1))
_U32 = struct.Struct(">I")
_TYPES = (1, 2, 4, 8)

_TOPIC = 0x01
_PAYLOAD = 0x02
_ROUTE = 0x08


def part(data):
    """The bytes of one part."""
    size = len(data)
    if size < 255:
        return bytes((size,)) + data
    return _LONG.pack(255, size) + data


def encode(head, payload, kind, flags, userid, rolemask, a, b):
    """A whole frame.  head: head()'s or decode()'s; payload: bytes or None."""
    tail = _HEADER.pack(20, 0x8E, 1, kind, flags, userid, rolemask, a, b)
    if payload is None:
        return b"".join((MAGIC, _U32.pack(len(head) + 21), head, tail))
    size = len(payload)
    if size < 255:
        start = bytes((size,))
    else:
        start = _LONG.pack(255, size)
    size += len(head) + len(start) + 21
    if size > FRAME_SIZE_MAX:
        raise protocol_error("message is too large")
    return b"".join((MAGIC, _U32.pack(size), head, start, payload, tail))


def head(routes, topic):
    """The parts before the payload.

    routes: a list of bytes, the first pushed first, or None for no route
    stack; topic: bytes or None.
    """
    parts = []
    if routes is not None:
        parts.extend(part(route) for route in routes)
        parts.append(NO_ROUTES)
    if topic is not None:
        parts.append(part(topic))
    return b"".join(parts)


def decode(body):
    """What is in a frame behind its length.

    (head, topic, payload, type, flags, userid, rolemask, a, b), where topic
    and payload are None if there is none.
    """
    end = len(body) - 21
    if end < 0 or not body.startswith(_HEADER_PART, end):
        raise protocol_error("message without header")
    header = _HEADER.unpack_from(body, end)
    kind = header[3]
    flags = header[4]
    if kind not in _TYPES:
        raise protocol_error("message of unknown type")
    pos = _skip_routes(body, end) if flags & _ROUTE else 0
    topic = payload = None
    if flags & _TOPIC:
        start, pos = _span(body, pos, end)
        topic = body[start:pos]
    split = pos
    if flags & _PAYLOAD:
        start, pos = _span(body, pos, end)
        payload = body[start:pos]
    if pos != end:
        raise protocol_error("message with extra parts")
    return (body[:split], topic, payload) + header[3:]


def _span(body, pos, end):
    """Where the part at pos begins and ends."""
    size = body[pos]
    pos += 1
    if size == 255:
        if pos + 4 > end:
            raise protocol_error("part overruns its message")
        (size,) = _U32.unpack_from(body, pos)
        pos += 4
    if pos + size > end:
        raise protocol_error("part overruns its message")
    return pos, pos + size


def _skip_routes(body, end):
    pos = 0
    while pos < end:
        size = body[pos]
        if size == 255:
            raise protocol_error("route is too long")
        pos += size + 1
        if not size:
            return pos
    raise protocol_error("routes without end")


def routes(parts):
    """The list of routes, as bytes, at the begin of a head that has some."""
    found = []
    pos = 0
    while parts[pos]:
        start = pos + 1
        pos = start + parts[pos]
        found.append(parts[start:pos])
    return found


class Splitter:
    """Cuts a stream of bytes into frame bodies.

    What is there of a frame is held in pieces until it is whole, so that a
    large one is copied once, and memory follows what has arrived.
    """

    __slots__ = ("_pieces", "_have", "wanted")

    def __init__(self):
        self._pieces = []
        self._have = 0
        self.wanted = 0  # bytes missing from the frame that has begun

    def feed(self, data):
        """The bodies of the frames that data completes, in order."""
        if self._have:
            self._pieces.append(data)
            self._have += len(data)
            self.wanted -= len(data)
            if self.wanted > 0:
                return ()
            data = b"".join(self._pieces)
        return self._cut(data)

    def _cut(self, data):
        bodies = []
        pos = 0
        size = len(data)
        need = 8
        while size - pos >= 8:
            magic, length = _FRAME.unpack_from(data, pos)
            if magic != MAGIC or not 0 < length <= FRAME_SIZE_MAX:
                raise protocol_error("not a message frame")
            need = length + 8
            if size - pos < need:
                break
            pos += need
            bodies.append(data[pos - length : pos])
            need = 8
        self._keep(data[pos:], need)
        return bodies

    def _keep(self, rest, need):
        self._pieces = [rest]
        self._have = len(rest)
        self.wanted = need - len(rest) if rest else 0
