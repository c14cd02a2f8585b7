"""siege_bytes.py module FOLDER | rank SOCKET PID - bytes that are no message

`module`: a loader that says nothing but those bytes, for each of badframes.py,
and one that sends mutated messages, or a part of a very large one (garbler.py).
`rank`: the same from one who has greeted as a broker below, then what is well
formed but useless or forged, and greetings that are none, or that never end and
take all descriptors of the broker PID.  After each case an innocent client is
served, and one is all the while.
"""
import json
import os
import struct
import sys
import uuid

import wire
from badframes import BAD, MIB, check_mutants, claimed, frame, header
from innocent import besieged, full_size
from process_of import Process, broker_of
from wire import Client, Message, connect, outcome, same, say

LOADER = """#!/bin/sh
head -c 1 <&3 >/dev/null
cat "$1" >&3
exec sleep 1000
"""
GARBLER = os.path.dirname(os.path.abspath(__file__)) + "/garbler.py"
SENT = full_size(40, 400)  # MiB of a message of 1 GiB
MODULE_MUTANTS = full_size(1000, 100000)
RANK_MUTANTS = full_size(300, 100000)
MEMORY_GROWTH = 4 << 20
LOAD_TIMEOUT = 900  # seconds: for all of them
UUID = str(uuid.uuid4()).encode()
client = Client()


def innocent(name):
    c = wire.Client()
    same(outcome(c.rpc("hello.ping", {})), "ok", name + ": the innocent is served")
    c.close()


def write(path, data, mode):
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, mode)


def check_memory(broker, before, name):
    """Of one that has sent SENT MiB of 1 GiB and goes on no more."""
    client.until(lambda: broker.peak() - before >= SENT * MIB,
                 name + ": not all has come")
    innocent("%d MiB of 1 GiB from %s" % (SENT, name))
    grown = broker.peak() - before
    print("# %d MiB of 1 GiB from %s: memory grown by %d bytes" %
          (SENT, name, grown))
    wire.measured(grown < SENT * MIB + MEMORY_GROWTH,
                  "memory follows what has arrived from " + name, grown)


def check_given_back(broker, before, name):
    client.until(lambda: broker.memory() - before < MEMORY_GROWTH or wire.BUILD,
                 name + ": memory is not given back")
    innocent("what %s has sent is given back" % name)


# ---- modules -----------------------------------------------------------------


def load(path, loader, **keys):
    return client.request("module.load", dict(
        {"path": path, "args": [], "name": "bad", "loader": loader}, **keys))


def bad_modules(folder):
    loader, path = folder + "/shouter", folder + "/garbage.so"
    write(loader, LOADER.encode(), 0o755)
    for name, data in BAD:
        write(path, data, 0o644)
        got = outcome(client.answer(load(path, loader)))
        same(got, "EINVAL loader (%s) sent what is no message" % loader,
             name + " from a module ends it")
        innocent(name)


def garble(path, **keys):
    """What the garbler is told to do; a request, which a load answers."""
    write(path, json.dumps(keys).encode(), 0o644)
    return load(path, GARBLER, **{"load-timeout": LOAD_TIMEOUT})


def mutating_module(folder):
    """Where one of its messages is none after all, it goes on in another."""
    path, done, ends = folder + "/mutants.so", 0, 0
    client.sock.settimeout(LOAD_TIMEOUT)
    while done < MODULE_MUTANTS:
        got = outcome(client.answer(garble(path, skip=done,
                                           count=MODULE_MUTANTS - done)))
        with open(path + ".done") as f:
            done += int(f.read())
        if got == "ok":
            same(outcome(client.rpc("module.remove", {"name": "bad"})), "ok",
                 "a module that has sent %d mutated messages" % MODULE_MUTANTS)
        else:
            ends += 1
    client.sock.settimeout(wire.WAIT)
    print("# %d mutated messages of a module: %d ends" % (done, ends))
    innocent("a module's mutated messages")


def claiming_module(folder):
    broker = broker_of(client)
    before = broker.memory()
    broker.forget_peak()
    loading = garble(folder + "/claim.so", claim=SENT)
    check_memory(broker, before, "a module")
    client.rpc("module.remove", {"name": "bad"})
    say(client.answer(loading).a, "and its load has failed")
    check_given_back(broker, before, "a module")


def modules(folder):
    for name, siege in (("bad modules", bad_modules),
                        ("a mutating module", mutating_module),
                        ("a module's claim", claiming_module)):
        with besieged(name):
            siege(folder)


# ---- ranks -------------------------------------------------------------------


class Rank(Client):
    """A broker below, which speaks for a client of its own."""

    def send(self, msg):
        msg.routes = [UUID.decode()]
        super().send(msg)

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
        try:
            rank = Rank(userid=os.getuid(), rolemask=wire.OWNER, sock=sock)
            rank.read(36)
            return rank
        except (OSError, EOFError):
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


def bad_ranks(path):
    for name, data in BAD:
        rank = greet(path)
        rank.sock.sendall(data)
        say(is_over(rank.sock), name + " from a rank ends the connection")
        rank.close()
        innocent(name + " from a rank")


def useless(path):
    """Forged routes, answers to nothing, control messages: dropped."""
    rank = greet(path)
    forged = Message(wire.REQUEST, "hello.ping", {}, a=wire.NODEID_ANY, b=1)
    forged.routes = ["someone-else"]
    stray = Message(wire.RESPONSE, "hello.ping", {}, b=1)
    stray.routes = [UUID.decode()]
    for msg in (forged, stray, Message(wire.CONTROL, a=9, b=9),
                Message(wire.EVENT)):
        rank.sock.sendall(msg.encode())
    rank.sock.sendall(frame(header(flags=0x94)))
    same(rank.rpc("hello.ping", {"n": 7}, nodeid=0).json()["n"], 7,
         "the honest request is answered")
    same(rank.kept, [], "and nothing else")
    rank.close()
    innocent("useless messages of a rank")


def byte_by_byte(path):
    rank = greet(path)
    msg = Message(wire.REQUEST, "hello.ping", {}, a=0, b=3)
    msg.routes, msg.userid, msg.rolemask = [UUID.decode()], rank.userid, 5
    for byte in msg.encode():
        rank.sock.sendall(bytes([byte]))
    same(outcome(rank.answer(3)), "ok", "one byte at a time from a rank")
    rank.close()
    innocent("one byte at a time from a rank")


def claiming_rank(path):
    broker, rank = broker_of(client), greet(path)
    before = broker.memory()
    broker.forget_peak()
    for piece in claimed(SENT):
        rank.sock.sendall(piece)
    check_memory(broker, before, "a rank")
    rank.close()
    check_given_back(broker, before, "a rank")


def silent_crowd(path, pid):
    """More half greetings than the broker has descriptors."""
    broker, crowd = Process(pid), [connect(path) for _ in range(100)]
    for sock in crowd:
        sock.sendall(hello(1)[:30])
    before = broker.seconds_used()
    say(is_over(crowd[0]), "a greeting that never ends is given up")
    used = broker.seconds_used() - before
    wire.measured(used < 0.5, "without descriptors the broker does not spin",
                  used)
    same(outcome(client.rpc("hello.ping", {})), "ok", "who was there is served")
    for sock in crowd:
        sock.close()
    greet(path).close()
    innocent("100 half greetings, 64 descriptors")


def ranks(path, pid):
    for name, siege, *args in (
            ("bad greetings", bad_greetings), ("bad ranks", bad_ranks),
            ("useless messages", useless), ("byte by byte", byte_by_byte),
            ("a rank's claim", claiming_rank),
            ("a silent crowd", silent_crowd, pid)):
        with besieged(name):
            siege(path, *args)
    with besieged("a mutating rank"):
        check_mutants(lambda: greet(path), RANK_MUTANTS, "a rank")
        innocent("a rank's mutated frames")


if sys.argv[1] == "module":
    modules(sys.argv[2])
else:
    ranks(*sys.argv[2:4])
