"""soak.py SECONDS - everything at once, and each message accounted for

CLIENTS processes call modules in threads, in processes and in Python, and
publish and receive events, while modules are reloaded, removed, loaded and
killed under them.

Requests of a client are numbered.  Each gets one answer, its own, or one of
the errors that may come when a module goes; what one module answers a client
comes in the order of the requests.  Events of a client are numbered too: each
client sees all of all others, each once, in order, and none with a sequence
number below the one before it.  At the end the broker has what it had before
the first client came: descriptors, threads, children, and its memory but for
what allocators keep.

Prints a table and TAP for run_tap.
"""
import errno
import glob
import json
import multiprocessing
import os
import random
import re
import signal
import subprocess
import sys
import time

import wire
from wire import Client, outcome, same, say

SECONDS = float(sys.argv[1])
TESTMOD, PYTHON_MODULE = sys.argv[2:4]
CLIENTS = 10
WINDOW = 16  # requests in flight of one client
PATIENCE = 30.0  # seconds until what was sent must have come
MEMORY_GROWTH = 3 << 20
MODULES = {"thread1": {}, "thread2": {}, "process1": {"exec": True},
           "process2": {"exec": True}, "python": {"path": PYTHON_MODULE}}
ON_FAILURE = "restart:100/1"
MAY_FAIL = {errno.ENOSYS, errno.EHOSTUNREACH}
COUNTS = ("requests", "answers", "errors", "lost", "twice", "disordered",
          "published", "events", "events-lost", "events-disordered")


# ---- one client ------------------------------------------------------------


class Soaker:
    def __init__(self, number, until):
        self.number, self.until = number, until
        self.count = dict.fromkeys(COUNTS, 0)
        self.client = Client()
        self.client.sock.settimeout(PATIENCE)
        self.waiting = {}   # matchtag: module, number
        self.answered = {}  # module: the last number that it answered
        self.seen = {}      # publisher: the last number seen
        self.sequence = 0
        self.ended = set()  # publishers whose last event has come
        self.random = random.Random(number)

    def ask(self):
        module = self.random.choice(list(MODULES))
        self.count["requests"] += 1
        n = self.count["requests"]
        tag = self.client.request(module + ".ping", {"n": n})
        self.waiting[tag] = module, n

    def publish(self, last=False):
        self.count["published"] += 1
        self.client.publish("soak.%d" % self.number, json.dumps(
            {"n": self.count["published"], "last": last}).encode() + b"\0")

    def take_event(self, msg):
        publisher = msg.topic
        if msg.a <= self.sequence:
            self.count["events-disordered"] += 1
        self.sequence = msg.a
        payload = msg.json()
        want = self.seen.get(publisher, 0) + 1
        if payload["n"] > want:
            self.count["events-lost"] += payload["n"] - want
        elif payload["n"] < want:
            self.count["events-disordered"] += 1
        self.seen[publisher] = payload["n"]
        self.count["events"] += 1
        if payload["last"]:
            self.ended.add(publisher)

    def take_answer(self, msg):
        if msg.b not in self.waiting:
            self.count["twice"] += 1
            return
        module, n = self.waiting.pop(msg.b)
        if msg.a:
            self.count["errors" if msg.a in MAY_FAIL else "lost"] += 1
            return
        self.count["answers"] += 1
        if msg.json()["n"] != n or n <= self.answered.get(module, 0):
            self.count["disordered"] += 1
        self.answered[module] = n

    def take(self):
        msg = self.client.recv()
        if msg.kind == wire.EVENT:
            self.take_event(msg)
        else:
            self.take_answer(msg)

    def run(self, begin):
        self.client.rpc("event.subscribe", {"topic": "soak."})
        begin.wait()
        while time.monotonic() < self.until:
            while len(self.waiting) < WINDOW:
                self.ask()
            self.publish()
            while len(self.waiting) > WINDOW // 2:
                self.take()
        while self.waiting:
            self.take()
        self.publish(last=True)
        while len(self.ended) < CLIENTS:
            self.take()
        self.count["lost"] += len(self.waiting)
        self.client.close()
        return self.count


def soak(number, until, begin, results):
    soaker = Soaker(number, until)
    try:
        results.put(soaker.run(begin))
    except Exception as exc:
        soaker.count["lost"] += len(soaker.waiting) or 1
        soaker.count["failure"] = "client %d: %r" % (number, exc)
        results.put(soaker.count)


# ---- who disturbs --------------------------------------------------------------


class Disturber:
    def __init__(self):
        self.client = Client()
        self.done = {}

    def load(self, name):
        request = {"path": TESTMOD, "args": [], "name": name,
                   "on-failure": ON_FAILURE}
        request.update(MODULES[name])
        return self.client.rpc("module.load", request)

    def remove(self, name):
        return self.client.rpc("module.remove", {"name": name, "timeout": 5})

    def entry(self, name):
        return self.client.module(name) or {}

    def reload(self, name):
        self.remove(name)
        answer = outcome(self.load(name))
        if answer != "ok":
            say(False, "load of " + name, answer)

    def kill(self, name):
        pid = self.entry(name).get("pid")
        if not pid:
            return
        os.kill(pid, random.choice([signal.SIGKILL, signal.SIGSEGV,
                                    signal.SIGTERM]))
        while self.entry(name).get("pid") == pid:
            time.sleep(0.001)

    def hold(self, name):
        options = ["--exec"] if "process" in name else []
        done = subprocess.run(["flux", "module", "reload", "--on-failure=" +
                               ON_FAILURE] + options + [name],
                              stderr=subprocess.PIPE, check=False)
        if done.returncode:
            say(False, "flux module reload " + name, done.stderr.decode())

    def wait_for_all(self):
        end = time.monotonic() + PATIENCE
        for name in MODULES:
            while self.entry(name).get("status") != 1:
                if time.monotonic() > end:
                    raise TimeoutError("%s is not restarted: %s" % (name, self.entry(name)))
                time.sleep(0.01)

    def disturb(self, until):
        while time.monotonic() < until:
            name = random.choice(list(MODULES))
            way = random.choice([self.reload, self.hold] +
                                [self.kill] * ("thread" not in name))
            self.wait_for_all()
            way(name)
            word = way.__name__
            self.done[word] = self.done.get(word, 0) + 1
            time.sleep(0.05)
        self.wait_for_all()


# ---- before and after --------------------------------------------------------------


def children_of(pid):
    """Counted without ps, which a small system has not."""
    count = 0
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as f:
                count += int(f.read().rsplit(")", 1)[1].split()[1]) == pid
        except OSError:  # it has ended
            continue
    return count


def state(pid):
    with open("/proc/%d/status" % pid) as f:
        text = f.read()
    number = lambda key: int(re.search(key + r":\s*(\d+)", text).group(1))
    return {"descriptors": len(os.listdir("/proc/%d/fd" % pid)),
            "threads": number("Threads"),
            "children": children_of(pid),
            "memory": number("RssAnon") << 10}


def ping_p99():
    """Milliseconds, of a client in C."""
    out = subprocess.run(["flux", "ping", "-c", "1000", "-i", "0.002", "broker"],
                         stdout=subprocess.PIPE, check=False).stdout
    times = sorted(float(t) for t in re.findall(rb"time=([0-9.]+)", out))
    return times[len(times) * 99 // 100] if times else float("inf")


def play(seconds):
    until = time.monotonic() + seconds
    begin, results = multiprocessing.Barrier(CLIENTS), multiprocessing.Queue()
    soakers = [multiprocessing.Process(target=soak,
                                       args=(i, until, begin, results))
               for i in range(CLIENTS)]
    for s in soakers:
        s.start()
    disturber.disturb(until)
    counts = [results.get(timeout=2 * PATIENCE) for _ in soakers]
    for s in soakers:
        s.join()
    return counts


def all_loaded(there):
    for name in MODULES:
        answer = disturber.load(name) if there else disturber.remove(name)
        if answer.a:
            say(False, "%s of %s" % ("load" if there else "removal", name),
                outcome(answer))


def judge(counts, before, after):
    total = {key: sum(c[key] for c in counts) for key in COUNTS}
    for failure in [c["failure"] for c in counts if "failure" in c]:
        say(False, failure)
    print("# %g s, %d clients, modules %s" % (SECONDS, CLIENTS,
                                             " ".join(MODULES)))
    print("# disturbed: %s" % " ".join(
        "%s %d" % item for item in sorted(disturber.done.items())))
    for key in COUNTS:
        print("# %-18s %12d" % (key, total[key]))
    for key in before:
        print("# %-18s %12d before %12d after" % (key, before[key], after[key]))
    say(total["answers"] > 0 and total["events"] > 0, "there was traffic")
    same(total["answers"] + total["errors"], total["requests"],
         "each request has one answer or one error")
    for key in "lost", "twice", "disordered", "events-lost", "events-disordered":
        same(total[key], 0, "none " + key)
    same(total["events"], CLIENTS * total["published"],
         "each event reached each client, once")
    for key in "descriptors", "threads", "children":
        same(after[key], before[key], key + " as before")
    grown = after["memory"] - before["memory"]
    if os.environ.get("TEST_BUILD"):
        return
    say(grown < MEMORY_GROWTH, "memory as before", "%d bytes more" % grown)


disturber = Disturber()
PID = int(disturber.client.rpc("attr.get", {"name": "broker.pid"}).json()["value"])
all_loaded(True)
play(min(2, SECONDS / 5))  # what is made once is made now
all_loaded(False)
disturber.done.clear()
first = state(PID)
all_loaded(True)
numbers = play(SECONDS)
if SECONDS >= 60:
    print("# ping of a client in C behind it: p99 %.3f ms" % ping_p99())
all_loaded(False)
judge(numbers, first, state(PID))
