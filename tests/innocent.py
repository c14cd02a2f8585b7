"""innocent.py - an innocent client, while others do harm

`with besieged(NAME):` has a client in C (client_innocent.c) call TOPIC all the
while that the block runs, and judges its waiting at the end.  How long that is
on a busy machine is the machine's doing: SIEGE=full, for a quiet one
(`make check-siege`), wants the 99th percentile below P99_QUIET, or below
MACHINE_TIMES of what a byte round a ring of processes takes meanwhile;
else only a client that is forgotten counts.

turns() is what holds on any machine: how much processor time the broker's
loop took at most before it looked at all its peers again (modules/turns.c).

FULL also tells what makes its cases larger: full_size(SMALL, FULL).
"""
import contextlib
import json
import os
import struct
import subprocess

import wire

FULL = os.environ.get("SIEGE") == "full"
P99_QUIET = 10.0    # ms: what the broker promises
P99_PARSING = 50.0  # ms: beside one who has it read JSON of 1 MiB
PINGS_LEAST = 100   # fewer have no 99th percentile
P99_BUSY = 2000.0   # ms: of a client that is not forgotten
MACHINE_TIMES = 3   # the ring's processes sleep more than a besieged broker
TURN_MOST = 100.0   # ms: an end of a peer with 64 MiB queued takes some ten
TOPIC = "hello.ping"


def full_size(small, full):
    return full if FULL else small


def start(topic):
    """Its first call has been answered when this returns."""
    pinger = subprocess.Popen([os.environ["B"] + "/tests/client_innocent",
                               topic], stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE)
    pinger.stdout.readline()
    return pinger


def bound(machine, promise):
    return max(promise, MACHINE_TIMES * machine) if FULL else P99_BUSY


def judge(name, got, promise):
    calls, machine = got["calls"], got["machine"]
    quantile = "p99" if got["count"] >= PINGS_LEAST else "median"
    print("# %s: %d pings, median %.3f ms, p99 %.3f ms, worst %.3f ms; "
          "a ring's p99 %.3f ms" % (name, got["count"], calls["median"],
                                    calls["p99"], calls["worst"],
                                    machine["p99"]))
    wire.measured(calls[quantile] < bound(machine[quantile], promise),
                  name + ": the innocent is served in time", got)


@contextlib.contextmanager
def besieged(name, topic=TOPIC, promise=P99_QUIET):
    pinger = start(topic)
    try:
        yield
    finally:
        out = pinger.communicate()[0]
    if pinger.returncode:
        wire.say(False, name + ": the innocent is served")
    else:
        judge(name, json.loads(out), promise)


def turns(path):
    with open(path, "rb") as f:
        count, longest, total = struct.unpack("=3Q", f.read())
    print("# %d turns of the loop, %.3f ms each, the longest %.3f ms" %
          (count, total / 1e6 / max(count, 1), longest / 1e6))
    wire.measured(count > 0 and longest < TURN_MOST * 1e6,
                  "no turn of the loop keeps all others waiting", longest)
