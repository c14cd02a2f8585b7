"""siege_bytes.py module FOLDER | rank SOCKET PID - bytes that are no message

`module`: a loader that says nothing but those bytes, for each of badframes.py.
`rank`: the same from one who has greeted as a broker below, then what is well
formed but useless or forged, and greetings that are none, or that never end and
take all descriptors of the broker PID.  After each case an innocent client is
served.
"""
import os
import socket
import struct
import sys
import uuid

import wire
from badframes import BAD, frame, header
from wire import Message, outcome, same, say

LOADER = """#!/usr/bin/env python3
import os, sys, time
os.read(3, 1)
os.write(3, open(sys.argv[1], "rb").read())
time.sleep(1000)
"""
CLAIM = wire.MAGIC + struct.pack(">I", 1 << 30)
UUID = str(uuid.uuid4()).encode()
client = wire.Client()


def innocent(name):
    c = wire.Client()
    same(outcome(c.rpc("hello.ping", {})), "ok", name + ": the innocent is served")
    c.close()


def write(path, data, mode):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


# ---- modules -----------------------------------------------------------------


def modules(folder):
    loader, path = folder + "/garbler", folder + "/garbage.so"
    write(loader, LOADER.encode(), 0o755)
    for name, data in BAD:
        write(path, data, 0o644)
        got = outcome(client.rpc("module.load", {
            "path": path, "args": [], "name": "bad", "loader": loader}))
        same(got, "EINVAL loader (%s) sent what is no message" % loader,
             name + " from a module ends it")
        innocent(name)
    write(path, CLAIM, 0o644)
    got = outcome(client.rpc("module.load", {
        "path": path, "args": [], "name": "bad", "loader": loader,
        "load-timeout": 0.3}))
    say(got.startswith("ETIMEDOUT"), "1 GiB claimed, then silence: too late", got)
    innocent("1 GiB claimed by a module")


# ---- ranks -------------------------------------------------------------------


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(wire.WAIT)
    sock.connect(path)
    return sock


def hello(rank, size=3, text=b"busyflux tbon 1\0"):
    return text + struct.pack(">II", rank, size) + UUID + b"\0"


def answer(sock):
    """The errno that it is greeted with, or None."""
    try:
        got = sock.recv(1)
        return got[0] if got else None
    except ConnectionResetError:
        return None


def greet(path):
    """As rank 1, once the last one of that name is gone."""
    while True:
        sock = connect(path)
        sock.sendall(hello(1))
        if answer(sock) == 0:
            sock.recv(36)
            return sock
        sock.close()
        client.rpc("broker.ping", {})


def is_over(sock):
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    return True


def bad_greetings(path):
    for name, data in (("garbage", os.urandom(5000)),
                       ("another protocol", hello(1, text=b"busyflux tbon 9\0")),
                       ("another size", hello(1, size=4)),
                       ("rank 0", hello(0)), ("rank 3 of 3", hello(3)),
                       ("rank 2^32-1", hello(0xFFFFFFFF))):
        sock = connect(path)
        sock.sendall(data)
        say(answer(sock) != 0, "a greeting of %s is refused" % name)
        sock.close()
        innocent("a greeting of " + name)
    silent = [connect(path) for _ in range(20)]
    for sock in silent:
        sock.sendall(hello(1)[:30])
    innocent("20 half greetings, then silence")
    for sock in silent:
        sock.close()


def useless(path):
    """Forged routes, answers to nothing, control messages: dropped."""
    sock = greet(path)
    forged = Message(wire.REQUEST, "hello.ping", {}, a=wire.NODEID_ANY, b=1)
    forged.routes = ["someone-else"]
    stray = Message(wire.RESPONSE, "hello.ping", {}, b=1)
    stray.routes = [UUID.decode()]
    for msg in (forged, stray, Message(wire.CONTROL, a=9, b=9),
                Message(wire.EVENT)):
        sock.sendall(msg.encode())
    sock.sendall(frame(header(flags=0x94)))
    honest = Message(wire.REQUEST, "hello.ping", {"n": 7}, a=0, b=2)
    honest.routes = [UUID.decode()]
    honest.userid, honest.rolemask = os.getuid(), wire.OWNER
    sock.sendall(honest.encode())
    data = b""
    while b'"n"' not in data:
        data += sock.recv(65536)
    say(data.count(b"hello.ping") == 1, "only the honest request is answered",
        data)
    sock.close()
    innocent("useless messages of a rank")


def seconds_used(pid):
    with open("/proc/%s/stat" % pid) as stat:
        ticks = stat.read().rsplit(")", 1)[1].split()[11:13]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def silent_crowd(path, pid):
    """More half greetings than the broker has descriptors."""
    crowd = [connect(path) for _ in range(100)]
    for sock in crowd:
        sock.sendall(hello(1)[:30])
    before = seconds_used(pid)
    say(is_over(crowd[0]), "a greeting that never ends is given up")
    used = seconds_used(pid) - before
    wire.measured(used < 0.5, "without descriptors the broker does not spin",
                  used)
    same(outcome(client.rpc("hello.ping", {})), "ok", "who was there is served")
    for sock in crowd:
        sock.close()
    greet(path).close()
    innocent("100 half greetings, 64 descriptors")


def ranks(path, pid):
    bad_greetings(path)
    for name, data in BAD:
        sock = greet(path)
        sock.sendall(data)
        say(is_over(sock), name + " from a rank ends the connection")
        sock.close()
        innocent(name + " from a rank")
    sock = greet(path)
    sock.sendall(CLAIM)
    innocent("1 GiB claimed by a rank")
    sock.close()
    useless(path)
    silent_crowd(path, pid)


if sys.argv[1] == "module":
    modules(sys.argv[2])
else:
    ranks(*sys.argv[2:4])
