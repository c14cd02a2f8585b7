#!/bin/sh
# top.t - flux module top, in batches and on a terminal (py_top.py)
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/testmod.so"
flux module load --exec --name=proc "$TMOD/testmod.so"

# ---- batches --------------------------------------------------------------------

header="Module               S   In/s  Out/s  Queue Unansw    p50    p99   %CPU Memory"
tables() { # [OPTIONS]: how many
    flux module top -b "$@" | grep -cxF "$header"
}
is "-b -n 2: two tables" 2 tables -n 2 -d 10ms
is "each has all modules" "2 2" sh -c 'flux module top -b -n 2 -d 10ms >"$0"
    echo $(grep -c "^testmod  *R " "$0") $(grep -c "^proc  *R " "$0")' "$W/tables"
order() { # COLUMN: names in that order
    flux module top -b -n 1 -s "$1" | sed -n '3,$s/ .*//p'
}
sorted_by_name() {
    order name >"$W/order" && sort -c "$W/order"
}
ok "--sort=name" sorted_by_name
first_is() { # COLUMN NAME
    [ "$(order "$1" | head -1)" = "$2" ]
}
ok "--sort=memory: the only one that has its own" first_is memory proc
frame() { # EXPRESSION of the last line of --json
    flux module top --json -n 2 -d 10ms | tail -1 | json "$1"
}
is "--json: a line a table" 2 sh -c 'flux module top --json -n 2 -d 10ms | wc -l'
is "with all columns" \
    "['cpu', 'in', 'memory', 'name', 'out', 'p50', 'p99', 'pending', 'queue', 'status']" \
    frame "sorted(d['mods'][0])"
is "what is not known is null" None \
    frame "[m['memory'] for m in d['mods'] if m['name'] == 'testmod'][0]"

# A busy second: rates are messages per second, and a stopped module's requests
# are unanswered.
cat >"$W/busy.py" <<'EOF2'
import json, subprocess, sys
from wire import *

client = Client()
top = subprocess.Popen(["flux-module", "top", "--json", "-n", "4", "-d", "0.1"],
                       stdout=subprocess.PIPE, text=True)
frames = [json.loads(top.stdout.readline())]
sent = 0
while len(frames) < 4:
    before = len(frames)
    for i in range(50):
        client.rpc("testmod.echo", {})
    sent += 50
    import select
    if select.select([top.stdout], [], [], 0)[0]:
        frames.append(json.loads(top.stdout.readline()))
rows = [[m for m in f["mods"] if m["name"] == "testmod"][0] for f in frames]
say(rows[2]["in"] > 100 and rows[2]["out"] > 100, "rates are counted", rows)
say(0 < rows[2]["p50"] <= rows[2]["p99"] < 1, "and quantiles", rows)
seconds = frames[3]["time"] - frames[1]["time"]
total = (rows[2]["in"] + rows[3]["in"]) * seconds / 2
say(total <= sent * 1.2 + 100, "no more than there were", (total, sent))
EOF2
run_tap python3 "$W/busy.py"
pid=$(flux module status --json proc | json "d['pid']")
kill -STOP "$pid"
flux rpc proc.echo '{}' >/dev/null &
first=$!
flux rpc proc.echo '{}' >/dev/null &
second=$!
unanswered() {
    frame "[m['pending'] for m in d['mods'] if m['name'] == 'proc'][0]" |
        grep -qx 2
}
ok "a stopped module has unanswered requests" wait_until unanswered
ok "it is first by that" first_is unanswered proc
kill -CONT "$pid"
wait $first $second
fails "-n 0" 1 "--count: must be greater than 0" flux module top -b -n 0
fails "-d 0" 1 "--delay: must be greater than 0" flux module top -b -d 0
fails "an unknown column" 1 "there is no column 'nosuch'" flux module top -b -s nosuch
fails "no terminal" 1 "not on a terminal: --batch is needed" \
    sh -c 'flux module top </dev/null | cat; exit 1'
closed_pipe() { # ends quietly
    flux module top -b -d 10ms 2>"$W/err" | head -1 >/dev/null
    [ ! -s "$W/err" ]
}
ok "a reader that goes away" closed_pipe

# ---- a terminal ------------------------------------------------------------------

run_tap python3 "$here/py_top.py" "$BROKER"
finish
