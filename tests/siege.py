"""siege.py WILD HELLO - modules that misbehave, each among innocent clients

WILD is wild.so, which does on request what no module should; HELLO is served
all the while.  Each case is played with WILD in a thread and in a process, as
far as a broker can survive it, and ends with a ping of the innocent.  Prints
TAP for run_tap, and at the end how many cases were tried.
"""
import os
import sys
import time

import wire

WILD, HELLO, OTHER = sys.argv[1:4]
PENDING_MAX = 32768  # of router.c
PATIENCE = 9  # seconds: of a busy machine, and well below what is the default
tried = 0
client, other = wire.Client(), wire.Client()
until = other.until


def entry(name="wild"):
    return other.module(name)


def load(*args, **keys):
    request = dict({"path": WILD, "args": list(args), "on-failure": "log"},
                   **keys)
    return wire.outcome(client.rpc("module.load", request))


def remove(**keys):
    return client.rpc("module.remove", dict({"name": "wild"}, **keys))


def order(how, **keys):
    client.request("wild.do", dict({"how": how}, **keys), flags=wire.NORESPONSE)


def do(how, **keys):
    return wire.outcome(client.rpc("wild.do", dict({"how": how}, **keys)))


def innocent(name):
    global tried
    tried += 1
    c = wire.Client()
    start = time.monotonic()
    got = wire.outcome(c.rpc("hello.ping", {}))
    took = time.monotonic() - start
    wire.say(got == "ok" and took < PATIENCE, name + ": the innocent is served",
             "%s in %.3f s" % (got, took))
    c.close()


def lost_channel(how, kind, keys):
    name = "%s, %s" % (how, kind)
    wire.same(load(**keys), "ok", name + ": loaded")
    waiting = client.request("wild.do", {"how": how})
    wire.same(wire.outcome(client.answer(waiting)),
              "EHOSTUNREACH module disconnect", name + ": who waits is answered")
    wire.same(wire.outcome(client.rpc("module.info", {"name": "wild"}))[:6] in
              ("ok", "ENOENT"), True, name + ": it can be looked at")
    until(lambda: not entry(), name + ": still listed")
    innocent(name)


def check_lost_channels():
    for how in "close", "garbage", "cut":
        lost_channel(how, "thread", {})
        lost_channel(how, "process", {"exec": True})


def check_busy(kind, keys):
    name = "busy for ever, " + kind
    load(**keys)
    order("spin")
    got = remove(timeout=0.1)
    if kind == "thread":
        wire.same(wire.outcome(got), "ETIMEDOUT does not end in spite of cancel",
                  name + ": who removes is told")
        wire.same(entry()["status"], 1, name + ": it stays listed")
        wire.same(load(), "EEXIST module wild is already loaded from " + WILD,
                  name + ": and keeps its name")
    else:
        wire.same(got.json(), {"took": "SIGTERM"}, name + ": SIGTERM ends it")
    innocent(name)


def check_late(kind, keys):
    start = time.monotonic()
    got = load("silent", **dict(keys, **{"load-timeout": 0.1}))
    wire.same(got, "ETIMEDOUT does not say that it runs, 0.1s after its start",
              "silent, %s: the load fails" % kind)
    wire.say(time.monotonic() - start < PATIENCE, "silent, %s: in time" % kind)
    until(lambda: not entry(), "silent: still listed")
    innocent("silent, " + kind)


def check_late_and_deaf():
    """A thread that does not even hear that it is too late."""
    got = load("spin", **{"load-timeout": 0.1, "name": "spin"})
    wire.same(got, "ETIMEDOUT does not say that it runs, 0.1s after its start",
              "spinning in mod_main: the load fails")
    wire.same(entry("spin")["status"], 0, "spinning in mod_main: listed so")
    innocent("spinning in mod_main")


def check_second_answer(kind):
    """It is not taken for the answer to what the matchtag means next."""
    c, server = wire.Client(), wire.Client()
    server.rpc("service.add", {"service": "slow"})
    c.request("slow.a", {})
    asked = server.recv()
    server.respond(asked, {"n": 1})
    wire.same(c.recv().json(), {"n": 1}, kind + ": a first answer")
    c.matchtag = 0
    c.request("wild.do", {"how": "stray"})
    c.recv()
    server.respond(asked, {"n": 2})
    c.matchtag = 0
    c.request("hello.ping", {"n": 3})
    server.rpc("broker.ping", {})
    wire.same(c.recv().json()["n"], 3, kind + ": a late second one is dropped")
    c.close()
    server.close()


def check_answers(kind, keys):
    load(**keys)
    tag = client.request("wild.do", {"how": "twice"})
    wire.same(wire.outcome(client.answer(tag)), "ok", kind + ": one answer")
    wire.same(do("stray", n=100), "ok", kind + ": strays, then the answer")
    wire.same(wire.outcome(client.rpc("broker.ping", {})), "ok",
              kind + ": a ping behind them")
    wire.same([m.b for m in client.kept if m.b != tag], [],
              kind + ": of 100 answers to nothing none comes through")
    client.kept.clear()
    innocent("answers to nothing, " + kind)
    check_second_answer(kind)
    asked = client.request("wild.do", {"how": "nothing"})
    remove()
    wire.same(wire.outcome(client.answer(asked)),
              "EHOSTUNREACH module disconnect", kind + ": answering never")
    innocent("answering never, " + kind)


def check_removes_itself(kind, keys):
    load(**keys)
    wire.same(do("remove"), "ok", kind + ": removes itself")
    until(lambda: not entry(), kind + ": still listed")
    innocent("removing itself, " + kind)


def check_loads_others(kind, keys):
    got = load("load=" + OTHER, **keys)
    wire.same(got, "ok", kind + ": loads another in mod_main")
    until(lambda: (entry("testmod") or {}).get("status") == 1, "not running")
    client.rpc("module.remove", {"name": "testmod"})
    got = remove()
    wire.same(wire.outcome(got), "ok", kind + ": and is removed")
    got = load("load=" + WILD, **keys)
    wire.same(got.split()[0], "EEXIST", kind + ": itself it cannot load")
    until(lambda: not entry(), "still listed")
    innocent("loading others, " + kind)


def check_flood(kind, keys):
    listener = wire.Client()
    listener.rpc("event.subscribe", {"topic": "wild"})
    load(**keys)
    start = time.monotonic()
    tag = client.request("wild.do", {"how": "flood", "n": 20000})
    slowest = 0
    for _ in range(20):
        before = time.monotonic()
        other.rpc("hello.ping", {})
        slowest = max(slowest, time.monotonic() - before)
    wire.same(wire.outcome(client.answer(tag)), "ok", kind + ": floods")
    print("# %s: 20,000 events in %.2f s, slowest ping beside them %.4f s" %
          (kind, time.monotonic() - start, slowest))
    listener.close()
    remove()
    innocent("flooding, " + kind)


def check_meanwhile(kind, keys):
    """Removed while it loads, loaded while it goes."""
    for _ in range(20):
        # One write: the second load comes before the first can have ended.
        with client.at_once():
            loading = client.request("module.load", dict(
                {"path": WILD, "args": [], "on-failure": "log"}, **keys))
            removing = client.request("module.remove", {"name": "wild"})
            again = client.request("module.load", dict(
                {"path": WILD, "args": [], "on-failure": "log"}, **keys))
        answers = [wire.outcome(client.answer(t)).split()[0]
                   for t in (loading, removing, again)]
        if answers[1:] != ["ok", "EEXIST"]:
            wire.same(answers, ["?", "ok", "EEXIST"], kind + ": meanwhile")
    until(lambda: not entry(), "still listed")
    innocent("20 loads, removals and loads at once, " + kind)


def check_traffic():
    """All are removed under the feet of those who call them."""
    names = ["h%d" % i for i in range(8)]
    for i, name in enumerate(names):
        wire.same(load(path=HELLO, name=name, exec=i % 2 == 1), "ok",
                  name + " is loaded")
    callers = [wire.Client() for _ in names]
    tags = []
    for i, c in enumerate(callers):
        tags.append([c.request(names[i] + ".ping", {}) for _ in range(200)])
    gone = [client.request("module.remove", {"name": n}) for n in names]
    for i, c in enumerate(callers):
        for _ in range(50):
            tags[i].append(c.request(names[i] + ".ping", {}))
    counts = {}
    for i, c in enumerate(callers):
        for tag in tags[i]:
            word = wire.outcome(c.answer(tag)).split()[0]
            counts[word] = counts.get(word, 0) + 1
        c.close()
    wire.same([client.answer(t).a for t in gone], [0] * 8, "all are removed")
    wire.same(sum(counts.values()), 8 * 250, "2,000 requests, 2,000 answers")
    wire.say(set(counts) <= {"ok", "ENOSYS", "EHOSTUNREACH"}, "of these kinds",
             counts)
    print("# removed under traffic: %s" % counts)
    innocent("8 modules removed under traffic")


def check_builtin():
    """The connector is reloaded by one who comes through it."""
    name = "connector-local"
    answers = set()
    for _ in range(10):
        answers.add(client.rpc("module.remove", {"name": name}).a)
        answers.add(client.rpc("module.load", {"path": name, "args": []}).a)
    wire.same(answers, {0}, "the connector is reloaded by its own client")
    innocent("10 reloads of the connector")


def check_pending(kind, keys):
    """Requests that are never answered: as many as one client may have."""
    load(**keys)
    c = wire.Client()
    data = [wire.Message(wire.REQUEST, "wild.do", {"how": "nothing"},
                         a=wire.NODEID_ANY, b=i).encode()
            for i in range(1, PENDING_MAX + 2)]
    for i in range(0, len(data), 256):
        c.sock.sendall(b"".join(data[i:i + 256]))
    got = c.recv()
    wire.same((got.b, wire.outcome(got)), (PENDING_MAX + 1, "ENOBUFS too many "
              "requests that are not answered yet"), kind + ": one too many")
    wire.same(do("stray"), "ok", kind + ": another client is served by it")
    c.request("hello.ping", {})
    wire.same(c.recv().a, 105, kind + ": this one is refused elsewhere too")
    c.close()
    remove()
    innocent("%d requests without an answer, %s" % (PENDING_MAX, kind))


def run(check, *args):
    try:
        check(*args)
    except Exception as exc:
        wire.say(False, check.__name__, repr(exc))


def main():
    kinds = ("thread", {}), ("process", {"exec": True})
    run(check_lost_channels)
    for check in (check_late, check_answers, check_removes_itself,
                  check_loads_others, check_flood, check_meanwhile,
                  check_pending):
        for kind in kinds:
            run(check, *kind)
    run(check_traffic)
    run(check_builtin)
    run(check_late_and_deaf)
    run(check_busy, *kinds[1])
    run(check_busy, *kinds[0])
    print("# %d cases, each followed by an innocent ping" % tried)


main()
