"""hostile.py - clients that mean harm, each followed by an innocent one

Everything here is sent by the owner, over the broker's socket, with nothing
but bytes.  A case ends when the broker has answered an innocent client's
ping; how the hostile connection ended is part of the case only where the
protocol says so (bytes that are no message end it, others do not).  At the
end the broker has as many descriptors as before, and little more memory.
"""
import os
import random
import socket
import struct

import wire
from badframes import BAD, frame, header
from wire import MAGIC, Client, Message, outcome, same, say

MEMORY_GROWTH = 4 << 20  # bytes: what allocators keep of the floods below
PIPELINED = 20000
random.seed(1)


def fds(pid):
    return len(os.listdir("/proc/%d/fd" % pid))


def memory(pid):
    with open("/proc/%d/statm" % pid) as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


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


def mutated(count):
    good = Message(wire.REQUEST, "attr.get", {"name": "rank"}, b=1).encode()
    c = Client()
    for _ in range(count):
        data = bytearray(good)
        for _ in range(random.randint(1, 4)):
            data[random.randrange(8, len(data))] = random.randrange(256)
        try:
            c.sock.send(bytes(data), socket.MSG_DONTWAIT)
        except BlockingIOError:
            c.close()
            c = Client()
        except (ConnectionResetError, BrokenPipeError):
            c.close()
            c = Client()
    c.close()
    innocent("%d mutated frames" % count)


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
    pid = int(owner.rpc("attr.get", {"name": "broker.pid"}).json()["value"])
    comers_and_goers(100)
    before = fds(pid), memory(pid)
    bad_bytes()
    useless_messages()
    slow_and_silent()
    mutated(10000)
    forgers()
    deaf()
    comers_and_goers(2000)
    for _ in range(100):
        owner.rpc("broker.ping", {})
    say(fds(pid) <= before[0], "descriptors are as before")
    if not os.environ.get("TEST_BUILD"):
        grown = memory(pid) - before[1]
        say(grown < MEMORY_GROWTH, "memory is as before", "%d more" % grown)


main()
