"""hostile.py - clients that mean harm, each followed by an innocent one

Everything here is sent by the owner, over the broker's socket, with nothing
but bytes.  A case ends when the broker has answered an innocent client's
ping; how the hostile connection ended is part of the case only where the
protocol says so (bytes that are no message end it, others do not).  At the
end the broker has as many descriptors as before, and little more memory.
"""
import struct

import wire
from badframes import BAD, check_mutants, claimed, frame, header
from innocent import P99_PARSING, besieged, full_size
from process_of import broker_of
from wire import BUILD, MAGIC, Client, Message, measured, outcome, same, say

MEMORY_GROWTH = 4 << 20  # bytes: what allocators keep of the floods below
SOCKET_ROOM = 2 << 20    # bytes that are still on their way
PIPELINED = 20000
MUTANTS = full_size(3000, 100000)
SENT = full_size(40, 400)  # MiB
TOPIC = "broker.ping"


def innocent(name):
    c = Client()
    same(outcome(c.rpc("broker.ping", {})), "ok", name)
    c.close()


def ends(name, data):
    """Bytes that are no message end the connection."""
    c = Client()
    try:
        c.sock.sendall(data)
        say(c.sock.recv(1) == b"", name + " ends the connection")
    except (ConnectionResetError, BrokenPipeError):
        say(True, name + " ends the connection")
    c.close()
    innocent(name)


def stays(name, data):
    """What is well formed but useless is dropped, and the client stays."""
    c = Client()
    c.sock.sendall(data)
    same(outcome(c.rpc("broker.ping", {})), "ok", name + " is dropped")
    c.close()
    innocent(name)


def bad_bytes():
    for name, data in BAD:
        ends(name, data)


def useless_messages():
    stays("a response to nobody", Message(wire.RESPONSE, "a.b", {}).encode())
    stays("a control message", Message(wire.CONTROL, a=7, b=7).encode())
    stays("an event without a topic", Message(wire.EVENT).encode())
    stays("a request without a topic", frame(header(flags=0x94)))
    c = Client()
    for topic in "\x01\x1b[2J", "x" * 65536, "", ".", "broker.", ".ping":
        got = c.rpc(topic, {})
        same(got.a, 38, "topic %.9r is answered" % topic)
    deep = b'{"a":' * 10000 + b"1" + b"}" * 10000 + b"\0"
    same(c.rpc("attr.get", deep).a, 71, "JSON 10,000 deep is EPROTO")
    same(c.rpc("attr.get", b"\xff\xfe\0").a, 71, "broken UTF-8 is EPROTO")
    c.close()
    innocent("useless messages")


def slow_and_silent():
    c, other = Client(), Client()
    other.sock.sendall(MAGIC + struct.pack(">I", 1 << 30))
    for i in Message(wire.REQUEST, "broker.ping", {}, b=9).encode():
        c.sock.sendall(bytes([i]))
    same(outcome(c.answer(9)), "ok", "one byte at a time")
    innocent("1 GiB claimed, then silence")
    c.close()
    other.close()


def one_that_sends(mib, broker):
    """Memory follows what has arrived of a frame, not what it claims."""
    c = Client()
    before = broker.memory()
    broker.forget_peak()
    for piece in claimed(mib):
        c.sock.sendall(piece)
    innocent("1 GiB claimed, %d MiB of it sent" % mib)
    grown = broker.peak() - before
    print("# %d MiB of 1 GiB: memory grown by %d bytes" % (mib, grown))
    measured(mib << 20 <= grown + SOCKET_ROOM and
             grown < (mib << 20) + MEMORY_GROWTH,
             "memory follows what has arrived", grown)
    c.close()
    owner = Client()
    owner.until(lambda: BUILD or broker.memory() - before < MEMORY_GROWTH,
                "memory that is not given back")
    owner.close()
    innocent("which is given back")


def odd_json():
    """To who wants a string, and to who takes any object."""
    c = Client()
    long = b"1" * (1 << 20)
    for name, value in (("an integer of 1 MiB", long),
                        ("a fraction of 1 MiB", b"0." + long),
                        ("an exponent of 1 MiB", b"1e" + long),
                        ("a negative one", b"1e-" + long),
                        ("a string of 1 MiB", b'"' + long + b'"')):
        say(c.rpc("attr.get", b'{"name":' + value + b"}\0").a in (2, 71),
            name + " is no attribute")
        say(c.rpc("broker.ping", b'{"a":' + value + b"}\0").a in (0, 71),
            name + " is sent back, or is no JSON")
        innocent(name)
    twice = c.rpc("attr.get", b'{"name":"rank","name":"size"}\0')
    same(twice.json()["value"], "1", "of two equal keys the last counts")
    c.close()
    innocent("two equal keys")


def forgers():
    """Routes that a client made up are no one's but its own."""
    server, victim, forger = Client(), Client(), Client()
    server.rpc("service.add", {"service": "slow"})
    tag = victim.request("slow.ask", {})
    asked = server.recv()
    for topic, flags in (("slow.disconnect", wire.NORESPONSE),
                         ("event.subscribe", 0)):
        msg = Message(wire.REQUEST, topic, {"topic": "forged"}, flags, b=5,
                      a=wire.NODEID_ANY)
        msg.routes = [asked.routes[-1]]
        forger.send(msg)
    same(outcome(forger.rpc("broker.ping", {})), "ok", "the forger is served")
    server.recv()
    server.respond(asked, {"n": 1})
    same(outcome(victim.answer(tag)), "ok", "a forged disconnect costs nothing")
    forger.publish("forged.event")
    same(outcome(victim.rpc("broker.ping", {})), "ok", "ping of the victim")
    same(victim.kept, [], "a forged subscription is not the victim's")
    stolen = Message(wire.RESPONSE, "slow.ask", {}, b=tag)
    stolen.routes = asked.routes
    forger.send(stolen)
    forger.rpc("broker.ping", {})
    victim.rpc("broker.ping", {})
    same(victim.kept, [], "a response from one who was not asked is dropped")
    for c in server, victim, forger:
        c.close()
    innocent("forgers")


def deaf():
    """Those who never read: answers, events, the log, a trace."""
    flooder = Client()
    flooder.sock.setblocking(False)
    data = Message(wire.REQUEST, "attr.list", {}, b=1).encode() * 64
    try:
        for _ in range(PIPELINED // 64):
            flooder.sock.send(data)
    except BlockingIOError:
        pass
    innocent("one that pipelines and never reads")
    listener = Client()
    listener.rpc("event.subscribe", {"topic": ""})
    listener.request("log.dmesg", {"follow": True}, flags=wire.STREAMING)
    listener.request("module.trace", {"typemask": 15, "topic_glob": "*",
                                      "names": [], "full": True},
                     flags=wire.STREAMING)
    publisher = Client()
    for _ in range(90):
        publisher.publish("noise", b"x" * (1 << 20))
    same(outcome(publisher.rpc("connector-local.ping", {})), "ok",
         "the publisher is served")
    innocent("one that never reads events")
    publisher.close()
    listener.close()
    flooder.close()


def comers_and_goers(count):
    for i in range(count):
        c = Client()
        if i % 4 == 1:
            c.request("log.dmesg", {"follow": True}, flags=wire.STREAMING)
        elif i % 4 == 2:
            c.sock.sendall(b"\x12\0")
        elif i % 4 == 3:
            c.request("event.subscribe", {"topic": "a"})
        c.close()
    innocent("%d connections that come and go" % count)


def main():
    owner = Client()
    broker = broker_of(owner)
    comers_and_goers(100)
    before = broker.fds(), broker.memory()
    for name, siege, *args in (
            ("bad bytes", bad_bytes), ("useless messages", useless_messages),
            ("odd JSON", odd_json), ("the slow and the silent", slow_and_silent),
            ("a claim", one_that_sends, SENT, broker),
            ("mutants", check_mutants, Client, MUTANTS, "a client"),
            ("forgers", forgers), ("the deaf", deaf),
            ("comers and goers", comers_and_goers, 2000)):
        with besieged(name, TOPIC, P99_PARSING):
            siege(*args)
    owner.until(lambda: broker.fds() <= before[0], "descriptors left open")
    say(True, "descriptors are as before")
    grown = broker.memory() - before[1]
    measured(grown < MEMORY_GROWTH, "memory is as before", "%d more" % grown)


main()
