#!/bin/sh
# cancel_leak.t - a thread that is cancelled in the middle of something
#
# All that hung on its handle stayed for ever, some 13 KiB each time.  What it
# had put there itself must go: the broker is small behind 200 of each kind, and
# ends without a leak where a build looks for them.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

cat >"$W/cancel.py" <<'END'
import sys
import wire
from wire import EVENT, Client, measured, outcome, same

module, pid, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
NOISE = 1024  # KiB; what was lost came to two and a half times as much
client = Client()
client.rpc("event.subscribe", {"topic": "stuck"})


def memory():
    with open("/proc/%s/statm" % pid) as f:
        return int(f.read().split()[1]) * 4


def cancel(where):
    client.request("module.load", {"path": module, "args": [where]})
    while client.recv().kind != EVENT:
        pass
    return outcome(client.rpc("module.remove",
                              {"name": "stuck", "cancel": True}))


def growth(where, answers):
    before = memory()
    answers |= {cancel(where) for _ in range(count)}
    client.kept.clear()
    return memory() - before


for where in ("main", "handler", "rpc", "all", "then", "timer", "nested", "log",
              "send"):
    answers = {cancel(where) for _ in range(20 if count > 20 else 1)}
    # What is under way makes the broker larger, but not each time.
    grown = [growth(where, answers)]
    while grown[-1] >= NOISE and len(grown) < 4:
        grown.append(growth(where, answers))
    same(answers, {"ok"}, "cancelled in %s" % where)
    measured(grown[-1] < NOISE, "no memory is lost", "KiB: %s" % grown)
END

count=200
[ -z "${TEST_BUILD:-}" ] || count=3
start -Sbroker.module-nopanic=1
run_tap python3 "$W/cancel.py" "$TMOD/stuck.so" "$BROKER" \
    "$count"
ok "stop" stop
finish
