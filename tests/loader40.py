#!/usr/bin/env python3
"""loader40.py PATH - a module loader that knows nothing but the wire (RFC 5)"""
import json, os, socket, struct
REQUEST, RESPONSE, TOPIC, PAYLOAD, NORESPONSE, ROUTE, NOBODY, ENOSYS = 1, 2, 1, 2, 4, 8, 2**32 - 1, 38
sock = socket.socket(fileno=int(os.environ["FLUX_MODULE_URI"][len("fd://"):]))
stream = sock.makefile("rb")

def part(data):
    return (bytes([len(data)]) if len(data) < 255 else struct.pack(">BI", 255, len(data))) + data

def send(kind, flags, a, b, head, payload=None):
    flags |= TOPIC | ROUTE | (0 if payload is None else PAYLOAD)
    body = head + (b"" if payload is None else part(payload))
    body += part(struct.pack(">4B4I", 142, 1, kind, flags, NOBODY, 0, a, b))
    sock.sendall(struct.pack("=I", 0xFFEE0012) + struct.pack(">I", len(body)) + body)

def receive():
    frame, parts = stream.read(struct.unpack(">4xI", stream.read(8))[0]), []
    while frame:
        size, at = (frame[0], 1) if frame[0] < 255 else (int.from_bytes(frame[1:5], "big"), 5)
        parts, frame = parts + [frame[at:at + size]], frame[at + size:]
    kind, flags, tag = struct.unpack(">2x2B12xI", parts.pop())
    payload = parts.pop() if flags & PAYLOAD else None
    return kind, flags, tag, parts[-1].decode(), payload, b"".join(map(part, parts))

def status(flags, tag, **keys):
    send(REQUEST, flags, NOBODY, tag, part(b"") + part(b"module.status"), json.dumps(keys).encode() + b"\0")

assert stream.read(1) == b"\0"
name = json.loads(receive()[4][:-1].decode())["name"]
status(NORESPONSE, 0, status=1)
topic = ""
while topic != name + ".shutdown":
    kind, flags, tag, topic, payload, head = receive()
    if kind == REQUEST and not flags & NORESPONSE:
        send(RESPONSE, 0, 0 if topic == name + ".ping" else ENOSYS, tag, head, payload)
status(0, 1, status=2)
while receive()[0] != RESPONSE:
    pass
status(NORESPONSE, 0, status=3, errnum=0)
