"""seeds.py - what fuzzing begins with, made of the recordings

Usage: seeds.py FOLDER; writes FOLDER/TARGET/NAME.

The frames are those that Flux's commands, modules and broker said to each
other (tests/wire/*.jsonl); the payloads in them are the JSON; configuration
and command lines are a few of each kind.  The ELF file is a small one for the
machine at hand, with all that is looked at.
"""
import glob
import json
import os
import re
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
REQUEST, FRAME, READ, HANG_UP, LOAD, END, WAIT = 0, 1, 3, 4, 5, 6, 7
STREAMING = 64         # instructions of fuzz_broker.c, and a flag
PREFIX = 8             # magic and length

TOML = [
    'a = 1\nb = "x\\u00e4"\n[t.u]\nc = [1, 2.5, true, {d = \'e\'}]\n',
    '[[m]]\nname = "x"\nafter = ["y"]\n[[m]]\nwhen = 1979-05-27T07:32:00Z\n',
    's = """\na\\\n   b"""\nl = \'\'\'c\'\'\'\nh = 0xdead_beef\nf = 1e-7\n',
    '"quoted key"."b" = 1_000\n# remark\ntime = 07:32:00.5\n',
]
FORMATS = ['{s:s s?i s:o !}', '{s:{s:I s:b} s:[s,i,f]}', '[iIbfFn]', '{s:s%}',
           '{s?s s?{s?o *}}', 'ss+n', '[{s:i}, [s*]]']
URIS = ["local:///run/flux/local", "loop://", "..", "../..", "/", "fd://x",
        "local://", "tcp://host:1", "./.."]
LINES = ["-v\n-vv\n--verbose=2\nname", "-nNAME\n--name\nx,y,,z\n--\n-f",
         "-Lnever\n--col\n--forc\n-\n--format={}", "-vfn3\n--help"]
TEXTS = ["\0000-3,7,9-9", "\0[1-5]", "\1a[0-3,7]b,c", "\1host[001-010]x",
         "\0021.5h", "\0020x10", "\3{name:<24} ?:{idle!F:>5.2f} {{}}",
         "\3+:{name:>5h}", "\4restart:3/1.5m", "\4panic", "\5kary:3",
         "\5binomial", "\5custom"]


def frames():
    for path in sorted(glob.glob(os.path.join(HERE, "../wire/*.jsonl"))):
        with open(path, encoding="utf-8") as f:
            for line in f:
                record = json.loads(line)
                if "hex" in record:
                    yield bytes.fromhex(record["hex"]), record["msg"]


def write(folder, target, number, data):
    path = os.path.join(folder, target)
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "seed%03d" % number), "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def write_all(folder, target, texts, prefix=""):
    for number, text in enumerate(texts):
        write(folder, target, number, prefix + text)


def instruction(frame, peer):
    body = frame[PREFIX:]
    return bytes([FRAME, peer]) + struct.pack(">H", len(body)) + body


def topics():
    """As fuzz_broker.c counts them."""
    with open(os.path.join(HERE, "fuzz_broker.c"), encoding="utf-8") as f:
        table = f.read().split("topics[] = {")[1].split("};")[0]
    return re.findall(r'"([^"]+)"', table)


def ask(peer, topic, payload, flags=0):
    text = json.dumps(payload).encode()
    return bytes([REQUEST, peer, flags, topics().index(topic), 1,
                  len(text)]) + text


def lives():
    """Modules that come and go, and what else takes more than one step."""
    runs = ask(4, "module.status", {"status": 1})
    ends = (ask(4, "module.status", {"status": 2})
            + ask(4, "module.status", {"status": 3, "errnum": 0}))
    loaded = bytes([LOAD, 0, 0, READ, 4]) + runs
    gone = bytes([HANG_UP, 4, END, 0, 0, 0])
    killed = bytes([HANG_UP, 4, END, 0, 0, 0x89])
    pinged = ask(1, "m0.ping", {"a": 1}) + bytes([READ, 4])
    remove = {"name": "m0"}
    command = {"cmd": {"cwd": "/", "cmdline": ["true"], "env": {"A": "b"},
                       "opts": {}, "channels": ["x"]}, "flags": 7}
    yield loaded + pinged + ask(0, "module.remove", remove) + ends + gone
    yield loaded + pinged + gone + bytes([READ, 1])
    yield (bytes([LOAD, 0, 4]) + runs + killed + bytes([WAIT, 0, 9, READ, 4])
           + runs + killed)
    yield bytes([LOAD, 1, 8, WAIT, 0, 9, WAIT, 0, 9, WAIT, 0, 9])
    yield (loaded + ask(0, "module.remove", dict(remove, hold=5)) + pinged
           + ends + gone + pinged + bytes([LOAD, 0, 16, READ, 4]) + runs)
    yield (loaded + ask(0, "module.remove", dict(remove, hold=5)) + pinged
           + bytes([WAIT, 0, 9, WAIT, 0, 9]))
    yield loaded + ask(0, "module.remove", remove) + bytes([WAIT, 0, 9]) * 4
    yield (loaded + ask(4, "service.add", {"service": "mine"})
           + ask(1, "mine.ping", {}) + ask(4, "event.subscribe", {"topic": ""}))
    yield (ask(2, "module.trace", {"typemask": 15, "topic_glob": "*", "names": [],
                                   "full": True}, STREAMING)
           + ask(0, "module.trace", {"typemask": 15, "topic_glob": "m0.*",
                                     "names": ["m0"], "full": True}, STREAMING)
           + loaded + ask(0, "module.info", {"name": "m0"}) + pinged
           + ask(0, "module.debug", {"name": "m0"}) + bytes([HANG_UP, 0]))
    yield (ask(0, "rexec.exec", command, STREAMING)
           + ask(0, "rexec.write", {"matchtag": 1, "io": {
               "stream": "stdin", "rank": "0", "data": "x", "eof": True}})
           + ask(0, "rexec.list", {}) + bytes([END, 0, 1, 3, READ, 0]))
    yield (ask(0, "groups.join", {"name": "a"})
           + ask(1, "groups.get", {"name": "a"}, STREAMING)
           + ask(3, "groups.update", {"name": "a", "join": True, "ranks": "1"})
           + ask(0, "groups.leave", {"name": "a"}))
    yield (ask(0, "overlay.monitor", {}, STREAMING)
           + ask(1, "overlay.health", {}) + bytes([HANG_UP, 3]))


def write_frames(folder):
    number = 0
    conversation = b""
    for frame, msg in frames():
        if len(frame) > 4000:
            continue
        number += 1
        write(folder, "message", number, frame[PREFIX:])
        write(folder, "frame", number, bytes([number % 256]) + frame)
        if isinstance(msg.get("payload"), (dict, list)):
            write(folder, "json", number, "\0\0" + json.dumps(msg["payload"]))
        conversation += instruction(frame, number % 4)
        if number % 8 == 0:
            write(folder, "broker", number, conversation)
            conversation = b""


def segment(kind, at, size):
    return struct.pack("=IIQQQQQQ", kind, 4, at, at, at, size, size, 1)


def elf_file():
    """64-bit: a name, a needed library, two symbols, one version of the library."""
    with open("/proc/self/exe", "rb") as f:
        own = f.read(20)
    strings = b"\0libx.so.1\0liby.so.2\0a\0b\0Y_1\0"
    name = {s: strings.index(s) for s in (b"libx", b"liby", b"a\0", b"b\0", b"Y_1")}
    at = 64 + 3 * 56  # behind the header and three segments
    dynamic, size = at, 10 * 16
    table = dynamic + size
    symbols = table + len(strings)
    hashes = symbols + 3 * 24
    needs = hashes + 16
    tags = [(14, name[b"libx"]), (1, name[b"liby"]), (5, table),
            (10, len(strings)), (6, symbols), (11, 24), (4, hashes),
            (0x6ffffffe, needs), (0x6fffffff, 1), (0, 0)]
    body = b"".join(struct.pack("=QQ", *tag) for tag in tags) + strings
    body += bytes(24) + struct.pack("=IBBHQQ", name[b"a\0"], 16, 0, 1, 64, 0)
    body += struct.pack("=IBBHQQ", name[b"b\0"], 32, 0, 0, 0, 0)
    body += struct.pack("=IIII", 1, 3, 0, 0)
    body += struct.pack("=HHIII", 1, 1, name[b"liby"], 16, 0)
    body += struct.pack("=IHHII", 1, 0, 2, name[b"Y_1"], 0)
    end = at + len(body)
    header = own[:16] + struct.pack("=HHIQQQIHHHHHH", 3, *struct.unpack(
        "=H", own[18:]), 1, 0, 64, 0, 0, 64, 56, 3, 0, 0, 0)
    return (header + segment(1, 0, end) + segment(2, dynamic, size)
            + segment(3, table, 4) + body)


def main(folder):
    write_frames(folder)
    write_all(folder, "toml", TOML)
    write_all(folder, "uri", URIS)
    write_all(folder, "option", LINES, "\0")
    write_all(folder, "text", TEXTS)
    write_all(folder, "format",
              [f + '\n{"a":1,"b":"x","c":[1,2],"d":{"a":1}}' for f in FORMATS],
              "\0")
    write_all(folder, "route", ["\7\3abc\0\1\7\1x\2\0", "\4\5hello\1\3"])
    write(folder, "elf", 0, elf_file())
    for number, topic in enumerate(topics()):
        write(folder, "broker", 500 + number, ask(0, topic, {}))
    for number, life in enumerate(lives()):
        write(folder, "broker", 600 + number, life)


main(sys.argv[1])
