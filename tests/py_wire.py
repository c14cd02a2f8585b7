"""py_wire.py - frames: the recorded ones, rubbish, pieces"""

import json
import os
import random
import sys

from pytap import HERE, BROKER, SENDER, done, ok, raises, request, same

from flux import wire
from flux.message import Message
from flux.wire import Splitter

EPROTO = 71


def recorded():
    for name in ("client.jsonl", "module.jsonl"):
        with open(os.path.join(HERE, "wire", name)) as lines:
            for line in lines:
                row = json.loads(line)
                if "hex" in row:
                    yield name, bytes.fromhex(row["hex"]), row.get("msg", {})


def split(data):
    return list(Splitter().feed(data))


def looks_right(msg, told):
    pairs = [
        (msg.type_str, told["type"]),
        (msg.userid, told["userid"]),
        (msg.rolemask, told["rolemask"]),
    ]
    if "topic" in told:
        pairs.append((msg.topic, told["topic"]))
    if "routes" in told:
        pairs.append((list(reversed(msg.routes)), told["routes"]))
    if isinstance(told.get("payload"), dict):
        pairs.append((msg.payload, told["payload"]))
    for name in ("errnum", "matchtag", "nodeid"):
        if name in told:
            pairs.append((getattr(msg, name), told[name]))
    return all(got == want for got, want in pairs)


def rebuilt(msg):
    """The same message, from its fields."""
    copy = Message(msg.type)
    copy.flags = msg.flags
    copy.userid, copy.rolemask = msg.userid, msg.rolemask
    copy._a, copy._b = msg._a, msg._b
    copy._topic, copy._data = msg.topic_bytes, msg.payload_raw
    hops = [hop.encode() for hop in reversed(msg.routes)]
    copy._parts = wire.head(hops if msg.flags & 8 else None, msg.topic_bytes)
    return copy


def test_recorded():
    count = bad = 0
    for name, frame, told in recorded():
        bodies = split(frame)
        msg = Message.from_bytes(bodies[0])
        good = bytes(msg) == frame and bytes(rebuilt(msg)) == frame
        good = good and (not told or looks_right(msg, told))
        count += 1
        if not good:
            bad += 1
            print("# %s: %s" % (name, told))
    ok(count > 100, "there are recorded frames: %d" % count)
    same(bad, 0, "each decodes as told and encodes to the same bytes")


def test_pieces():
    frames = [bytes(request("a.b", {"n": n})) for n in range(3)]
    frames.append(bytes(request("a.big", {"x": "y" * 100000})))
    stream = b"".join(frames)
    want = [frame[8:] for frame in frames]
    for size in (1, 7, 4096, len(stream)):
        splitter = Splitter()
        got = []
        for pos in range(0, len(stream), size):
            got.extend(splitter.feed(stream[pos : pos + size]))
        ok(got == want, "frames come whole from pieces of %d" % size)
    splitter = Splitter()
    splitter.feed(frames[3][:1000])
    same(
        splitter.wanted, len(frames[3]) - 1000, "it knows how much is missing"
    )


def test_bad_frames():
    good = bytes(request("a.b"))
    length = (len(good) - 8).to_bytes(4, "big")
    cases = {
        "wrong magic": b"\0" + good[1:],
        "length 0": good[:4] + b"\0\0\0\0" + good[8:],
        "length 2^32 - 1": good[:4] + b"\xff" * 4 + good[8:],
        "1 GiB and a byte": good[:4] + b"\x40\0\0\1" + good[8:],
    }
    for name, data in cases.items():
        raises(OSError, lambda: split(data), "frame: " + name, EPROTO)
    same(split(good[:4] + length + good[8:]), [good[8:]], "(and a good one)")


def test_bad_bodies():
    good = bytes(request("a.b", {"x": 1}))[8:]
    cases = {
        "empty": b"",
        "too short": good[-20:],
        "no header magic": good[:-20] + b"\x8f" + good[-19:],
        "wrong version": good[:-19] + b"\2" + good[-18:],
        "unknown type": good[:-18] + b"\3" + good[-17:],
        "route overruns": b"\xfe" + good[1:],
        "long route": b"\xff" + good[1:],
        "routes without end": b"\1x" * 40 + good[-21:],
        "an extra part": good[:-21] + b"\0" + good[-21:],
    }
    for name, body in cases.items():
        raises(OSError, lambda: wire.decode(body), "body: " + name, EPROTO)


def test_mutations():
    chance = random.Random(1)
    base = bytes(request("a.b", {"x": [1, 2, {"y": "z" * 300}]}))[8:]
    odd = 0
    for _ in range(8000):
        body = bytearray(base)
        for _ in range(chance.randint(1, 4)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        del body[: chance.choice((0, 0, 0, 1, 50))]
        try:
            msg = Message.from_bytes(bytes(body))
            msg.routes, msg.type_str, bytes(msg)
            msg.payload
        except (OSError, ValueError):
            pass
        except Exception as exc:
            print("# %r" % exc)
            odd += 1
    same(odd, 0, "8,000 mutated messages decode or are refused")


def test_long_parts():
    for size in (0, 1, 254, 255, 256, 70000):
        msg = request("t" * 300)
        msg.payload_raw = b"p" * size
        copy = Message.from_bytes(bytes(msg)[8:])
        ok(
            copy.payload_raw == b"p" * size and copy.topic == "t" * 300,
            "a payload of %d bytes" % size,
        )
    same(
        Message.from_bytes(bytes(request("x"))[8:]).routes,
        [SENDER.decode(), BROKER.decode()],
        "routes begin with the sender",
    )


if sys.byteorder == "little":
    test_recorded()
test_pieces()
test_bad_frames()
test_bad_bodies()
test_mutations()
test_long_parts()
done()
