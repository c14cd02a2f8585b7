"""siege_peers.py descriptors|crowd HELLO - clients in great number, or greedy

An innocent client's pings go on all the while (innocent.py), and each case ends
with one of another.  `descriptors` is for a broker that may have 64
descriptors, `crowd` for one with a few thousand.
"""
import errno
import os
import resource
import select
import signal
import subprocess
import sys
import time

import wire
from innocent import P99_QUIET, besieged, full_size, turns
from process_of import Process, broker_of
from wire import measured, outcome, same, say

HELLO = sys.argv[2]
PRESSURE = full_size(1, 60)  # seconds
GREEDY = 16 << 20  # bytes sent without reading
QUEUE_LIMIT = 64 << 20  # LINK_LIMIT of link.h
owner = wire.Client()
broker = broker_of(owner)


def innocent(name):
    c = wire.Client()
    same(outcome(c.rpc("hello.ping", {})), "ok", name + ": the innocent is served")
    c.close()


def load(name, **keys):
    return owner.rpc("module.load", dict({"path": HELLO, "args": [],
                                          "name": name}, **keys))


# ---- 64 descriptors ----------------------------------------------------------


def fill_with_clients():
    clients, why = [], None
    while not why:
        try:
            clients.append(wire.Client())
        except OSError as e:
            why = e.errno
    same(why, errno.EMFILE, "one too many is told so")
    say(len(clients) > 40, "%d clients are let in" % len(clients))
    return clients


def check_reserve():
    before = broker.fds()
    clients = fill_with_clients()
    same([outcome(c.rpc("hello.ping", {})) for c in clients],
         ["ok"] * len(clients), "all who are in are served")
    same(outcome(load("spare")), "ok", "a module can still be loaded")
    answers = []
    for i in range(8):
        answers.append(outcome(load("more%d" % i, exec=i % 2 == 1)))
    failed = [a for a in answers if a != "ok"]
    say(failed and all("Too many open files" in a or "EMFILE" in a
                       for a in failed),
        "a load that runs out is answered with the reason", answers)
    same(outcome(owner.rpc("hello.ping", {})), "ok", "and those in are served")
    for mod in owner.rpc("module.list").json()["mods"]:
        if mod["name"] == "spare" or mod["name"].startswith("more"):
            owner.rpc("module.remove", {"name": mod["name"]})
    for c in clients:
        c.close()
    owner.until(lambda: broker.fds() <= before, "descriptors are not free")
    same(broker.fds(), before, "it recovers: descriptors are as before")
    same(outcome(load("later", exec=True)), "ok", "and loads again")
    same(outcome(owner.rpc("module.remove", {"name": "later"})), "ok",
         "and removes")
    innocent("64 descriptors")


# ---- a crowd --------------------------------------------------------------------


def check_many_at_once():
    most = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 100)
    before = broker.fds()
    clients = [wire.Client() for _ in range(most)]
    for c in clients:
        c.request("hello.ping", {})
    got = {c.recv().a for c in clients}
    same(got, {0}, "%d clients at once are served" % most)
    for c in clients:
        c.close()
    owner.rpc("broker.ping", {})
    innocent("%d at once" % most)
    owner.until(lambda: broker.fds() <= before, "some have not gone")


def check_one_after_another(count):
    start, before = time.monotonic(), broker.memory()
    for _ in range(count):
        wire.Client().close()
    took = time.monotonic() - start
    innocent("%d one after another" % count)
    print("# %d connections in %.2f s, memory grown by %d bytes" %
          (count, took, broker.memory() - before))
    measured(broker.memory() - before < 1 << 20, "and memory is as it was")


def send_what_goes(c, data):
    sent = 0
    c.sock.setblocking(False)
    try:
        while sent < GREEDY:
            sent += c.sock.send(data)
    except BlockingIOError:
        pass
    return sent


def check_deaf_asker():
    """Its answers pile up until it is not read from any more."""
    c, before = wire.Client(), broker.memory()
    data = wire.Message(wire.REQUEST, "hello.ping", {"x": "y" * 1000},
                        a=wire.NODEID_ANY, b=1).encode() * 32
    sent = send_what_goes(c, data)
    for _ in range(20):
        innocent_quick()
        sent += send_what_goes(c, data)
    say(sent < GREEDY, "who does not read answers is not read from",
        "%d bytes taken" % sent)
    measured(broker.memory() - before < 8 << 20, "its answers stay within the cap",
             broker.memory() - before)
    innocent("%d bytes of requests, no answer read" % sent)
    c.close()


def check_late_reader(mib):
    """One that reads nothing before it has sent all, as Flux's clients may."""
    c = wire.Client()
    frame = wire.Message(wire.REQUEST, "hello.ping", {"x": "y" * 4000},
                         a=wire.NODEID_ANY, b=1).encode()
    count = (mib << 20) // len(frame)
    start = time.monotonic()
    c.sock.sendall(frame * count)
    took = time.monotonic() - start
    same([c.recv().a for _ in range(count)], [0] * count,
         "who reads late has all %d MiB of answers" % mib)
    print("# sent in %.2f s" % took)
    innocent("a late reader")
    c.close()


def innocent_quick():
    owner.rpc("hello.ping", {})


def cut_off_line():
    tag = owner.request("log.dmesg", {"follow": False}, flags=wire.STREAMING)
    found = []
    while True:
        msg = owner.answer(tag)
        if msg.a:
            return found
        if "cut off" in msg.text():
            found.append(msg.text())


def is_stuck(command):
    """It waits in a write, and has been there for a while."""
    before = command.seconds_used()
    for _ in range(50):
        innocent_quick()
    return command.seconds_used() == before and command.state() == "S"


def check_deaf_to_output():
    """It is the command that waits, however long; nothing is kept for it."""
    c, before = wire.Client(), broker.memory()
    broker.forget_peak()
    c.request("rexec.exec", {"flags": 3, "cmd": {
        "cmdline": ["yes"], "env": {"PATH": "/usr/bin:/bin"}, "cwd": "/",
        "opts": {}, "channels": []}}, flags=wire.STREAMING)
    command = Process(c.recv().json()["pid"])
    owner.until(lambda: is_stuck(command), "it writes on")
    grown = broker.peak() - before
    measured(grown < 4 << 20, "a command whose output nobody reads waits", grown)
    same([c.recv().json()["io"]["data"] for _ in range(50000)],
         ["y\n"] * 50000, "and goes on when it is read")
    c.close()
    owner.until(lambda: not command.exists(), "it has not ended")
    innocent("a deaf client's command")


def publish_until(publisher, count, size):
    for _ in range(count):
        publisher.publish("noise", b"x" * size)
    publisher.rpc("broker.ping", {})


def check_deaf_listener():
    """Events cannot wait: below the limit they are kept, above it is cut."""
    publisher, c = wire.Client(), wire.Client()
    c.rpc("event.subscribe", {"topic": "noise"})
    owner.rpc("log.clear")
    half, before = QUEUE_LIMIT >> 21, broker.memory()
    broker.forget_peak()
    publish_until(publisher, half, 1 << 20)
    same([c.recv().kind for _ in range(half)], [wire.EVENT] * half,
         "half of the limit is kept for one who reads late")
    publish_until(publisher, 2 * half + 2, 1 << 20)
    peak = broker.peak() - before
    try:
        while c.recv():
            pass
    except (EOFError, ConnectionResetError):
        say(True, "who is above it is cut off")
    lines = cut_off_line()
    same(len(lines), 1, "with one line in the log")
    want = "client (uid %d, pid %d) does not read: cut off with" % (
        os.getuid(), os.getpid())
    say(want in "".join(lines), "that names uid, pid and bytes", lines)
    measured(peak < QUEUE_LIMIT + (8 << 20), "memory stays within the cap",
             peak)
    print("# a deaf listener costs %d bytes at most" % peak)
    innocent("a deaf listener")
    publisher.close()


def check_streaming():
    """Disconnect at each point of a streaming call."""
    for point in range(40):
        c = wire.Client()
        c.request("log.dmesg", {"follow": True}, flags=wire.STREAMING)
        if point % 4 == 1:
            c.recv()
        elif point % 4 == 2:
            c.request("log.cancel", {"matchtag": 1}, flags=wire.NORESPONSE)
        elif point % 4 == 3:
            owner.rpc("log.append", b"<40>1 2026-11-23T00:44:37Z 0 t 1 - - x")
        c.close()
    innocent("40 streams cut at each point")


def check_one_service():
    a, b = wire.Client(), wire.Client()
    got = {outcome(x.rpc("service.add", {"service": "shared"}))[:6]
           for x in (a, b)}
    same(got, {"ok", "EEXIST"}, "of two who register one service, one has it")
    a.close()
    owner.until(lambda: b.rpc("service.add", {"service": "shared"}).a == 0,
                "the other cannot have it")
    tag = owner.request("shared.x", {})
    b.respond(b.recv(), {"from": "b"})
    same(owner.answer(tag).json(), {"from": "b"}, "then the other")
    b.close()
    innocent("two for one service")


def stopped_module():
    """The process of one that is asked and does not answer."""
    same(outcome(load("asleep", exec=True)), "ok", "a module is loaded")
    pid = owner.module("asleep")["pid"]
    os.kill(pid, signal.SIGSTOP)
    return pid


def deaf_listeners(seconds):
    """One after another, each until it is cut off; how many were."""
    end, count = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        c, hangup = wire.Client(), select.poll()
        c.rpc("event.subscribe", {"topic": ""})
        hangup.register(c.sock, 0)
        left = max(0, end - time.monotonic())
        count += len(hangup.poll(1000 * left))
        c.close()
    return count


def check_pressure(seconds):
    """A flood of events to the deaf, a stopped module, a greedy asker."""
    pid, before = stopped_module(), broker.memory()
    broker.forget_peak()
    owner.rpc("log.clear")
    asker, greedy = wire.Client(), wire.Client()
    sent = send_what_goes(asker, wire.Message(
        wire.REQUEST, "asleep.ping", {"x": "y" * 4000}, a=wire.NODEID_ANY,
        b=1).encode() * 16)
    send_what_goes(greedy, wire.Message(wire.REQUEST, "hello.ping", {},
                                        a=wire.NODEID_ANY, b=1).encode() * 64)
    flood = subprocess.Popen([sys.executable, __file__, "flood", HELLO])
    cut_off = deaf_listeners(seconds)
    flood.kill()
    flood.wait()
    peak = broker.peak() - before
    print("# %d s of events: %d deaf listeners cut off, %d bytes of memory" %
          (seconds, cut_off, peak))
    say(len(cut_off_line()) >= cut_off, "who is cut off is in the log")
    say(sent < GREEDY, "who asks a stopped module is not read from", sent)
    measured(peak < 2 * QUEUE_LIMIT, "memory within the caps", peak)
    os.kill(pid, signal.SIGCONT)
    for c in asker, greedy:
        c.close()
    same(outcome(owner.rpc("module.remove", {"name": "asleep"})), "ok",
         "woken, it can be removed")
    innocent("pressure")


def flood():
    """Events as fast as they are taken, until killed."""
    c = wire.Client()
    data = wire.Message(wire.EVENT, "noise", b"x" * 200).encode() * 64
    while True:
        c.sock.sendall(data)


# Milliseconds: 2,000 requests that came before are served before, 10 us each.
IN_LINE = {check_many_at_once: 25.0}


def crowd():
    cases = [("one after another", check_one_after_another, 10000),
             ("many at once", check_many_at_once),
             ("a deaf asker", check_deaf_asker),
             ("a late reader", check_late_reader, 6)]
    if not wire.BUILD:
        cases += [("a deaf listener", check_deaf_listener),
                  ("output", check_deaf_to_output),
                  ("pressure", check_pressure, PRESSURE),
                  ("streams", check_streaming),
                  ("two for one service", check_one_service)]
    for name, check, *args in cases:
        with besieged(name, promise=IN_LINE.get(check, P99_QUIET)):
            check(*args)


def main():
    if sys.argv[1] == "flood":
        flood()
    elif sys.argv[1] == "descriptors":
        check_reserve()
    else:
        crowd()
        if len(sys.argv) > 3:
            turns(sys.argv[3])


main()
