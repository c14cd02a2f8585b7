#!/bin/sh
# module_ranks.t - flux module with --rank: one command, many brokers
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

MOD=$TMOD/testmod.so
RUNDIR=$W/run
mkdir "$RUNDIR"
flux start -s 3 --test-rundir="$RUNDIR" -Sbroker.rc2_none=1 >"$W/err" 2>&1 &
BROKER=$!
_brokers=$BROKER
FLUX_URI=local://$RUNDIR/local-0
export FLUX_URI
# shellcheck disable=SC2119 # no options
wait_until is_running

args_on() { # RANK
    flux rpc -r "$1" testmod.args
}

# ---- load, reload, remove --------------------------------------------------------

ok "load -r IDSET" flux module load -r 0,2 "$MOD" a
is "loads it there" "testmod 0,2" \
    sh -c "flux module list -a -o '{name} {ranks}' | grep testmod"
fails "--rank=all: a rank that fails is named" 1 \
    "load $MOD: rank 2: module testmod is already loaded from $MOD" \
    flux module load --rank=all "$MOD"
is "the others are done" '{"args":[]}' args_on 1
fails "a rank that is not there is named" 1 \
    "reload $MOD: rank 7: No route to host" flux module reload -r 1,7 "$MOD" b
is "the other one is done" '{"args":["b"]}' args_on 1
ok "reload on all: each with its own arguments" flux module reload -r 0-2 testmod
is "so it is" '{"args":["a"]}' args_on 0
is "there too" '{"args":["b"]}' args_on 1
fails "load where it is not found" 1 "rank 1: module not found in search path" \
    flux module load -r 0-2 nosuch
fails "remove" 1 "remove testmod: rank 7: No route to host" \
    flux module remove -r 1,7 testmod
fails "a rank where it is not loaded" 1 \
    "remove testmod: rank 1: No such file or directory" \
    flux module remove -r 0,1 testmod
ok "-f: no error" flux module remove -f -r 0-2 testmod
is "it is gone everywhere" "" sh -c 'flux module list -a | grep testmod || :'

# ---- reload --watch ----------------------------------------------------------------

change() { # TEXT: the same module, another digest
    cp "$MOD" "$W/new" && echo "$1" >>"$W/new" && mv "$W/new" "$W/testmod.so"
}
says() { # TEXT
    wait_until grep -qF "$1" "$W/log" || ! cat "$W/log"
}
change one
flux module load -r 0-2 "$W/testmod.so"
flux module reload --watch -r 0-2 "$W/testmod.so" >"$W/log" 2>&1 &
watcher=$!
says watching
change two
ok "--watch: reloaded" says "testmod: reloaded"
is "on all ranks" "testmod 0-2" \
    sh -c "flux module list -a -o '{name} {ranks}' | grep testmod"
is "the same file" "$(sha1sum <"$W/testmod.so" | cut -d' ' -f1)" \
    sh -c "flux module list -a -o '{name} {digest}' | sed -n 's/^testmod //p'"
kill $watcher
ok "it ends with status 0" wait $watcher
flux module remove -r 0-2 testmod

# ---- stats, debug, status ---------------------------------------------------------

flux module load -r all "$MOD"
is "stats: a line for each rank" "0: 0
2: 0" flux module stats -r 0,2 --parse=tx.event testmod
is "one rank is as without" 0 flux module stats -r 2 --parse=tx.event testmod
is "objects are one, by rank" "1,2" sh -c 'flux module stats -r 1,2 testmod |
    python3 -c "import json, sys; print(\",\".join(json.load(sys.stdin)))"'
is "stats --base" "0: 0
1: 0" flux module stats -r 0,1 --base --parse=restarts testmod
is "stats --prometheus: a label" "0 1 2" sh -c 'flux module stats -r all \
    --prometheus | grep "running{.*testmod" |
    sed "s/.*rank=.\([0-9]*\).*/\1/" | tr "\n" " " | sed "s/ $//"'
is "and one HELP for all" 1 sh -c \
    'flux module stats -r all --prometheus | grep -c "HELP flux_module_running "'
ok "stats --clear" flux module stats -r all --clear testmod
fails "a rank that does not answer" 1 "testmod.stats-get: rank 5: No route to host" \
    flux module stats -r 0,5 testmod
is "debug" "1: 0x4
2: 0x4" flux module debug -r 1-2 --setbit 4 testmod
is "debug --json" '{"0":{"flags":0},"1":{"flags":4}}' \
    flux module debug -r 0-1 --json testmod
is "status" "testmod on rank 0
testmod on rank 2" sh -c 'flux module status -r 0,2 testmod | grep "^testmod"'
is "status --json" "[1, 2]" sh -c 'flux module status -r 1,2 --json testmod |
    python3 -c "import json, sys; print([m[\"rank\"] for m in json.load(sys.stdin)])"'
is "status of one rank has none" None sh -c \
    'flux module status -r 1 --json testmod |
    python3 -c "import json, sys; print(json.load(sys.stdin).get(\"rank\"))"'
fails "status where it is not loaded" 1 "status: rank 1: nosuch is not loaded" \
    flux module status -r 1 nosuch
fails "status of a rank that is not there" 1 "status: rank 9: No route to host" \
    flux module status -r 0,9 testmod

# ---- patience, at a terminal ---------------------------------------------------------

cat >"$W/patience.py" <<'END'
import os
import pty
import subprocess
from wire import *

MOD, GO = sys.argv[1:]


def at_terminal(*words):
    mine, its = pty.openpty()
    p = subprocess.Popen(("flux", "module") + words, stderr=its)
    os.close(its)
    return p, mine


def line(fd):
    text = b""
    while not text.endswith(b"\n"):
        text += os.read(fd, 1)
    return text.decode().rstrip()


c = Client()
c.request("testmod.hang", nodeid=0)
load, told = at_terminal("load", "-n", "late", "-r", "1-2", MOD, "--late=" + GO)
quiet = subprocess.Popen(("flux", "module", "load", "-n", "other", MOD,
                          "--late=" + GO), stderr=subprocess.PIPE)
end, end_told = at_terminal("remove", "-f", "testmod")
same(line(told), "flux-module: load %s: waiting for the module on rank 1-2 to "
     "run" % MOD, "a load that takes its time: for what, and on which ranks")
same(line(end_told), "flux-module: remove testmod: waiting for the module to "
     "end; --timeout or --cancel would force it", "a removal likewise")
open(GO, "w").close()
same([load.wait(), quiet.wait()], [0, 0], "in the end they run")
same(quiet.stderr.read(), b"", "elsewhere nothing is told")
subprocess.call(("flux", "module", "remove", "--cancel", "testmod"))
same(end.wait(), 0, "and it ends")
END
run_tap python3 "$W/patience.py" "$MOD" "$W/go"
flux module remove -r 1-2 late
flux module remove other
flux module load "$MOD"

# ---- trace ---------------------------------------------------------------------------

traced() { # FORMAT: pings of two ranks, until there is enough
    flux module trace --count=20 -r 1,2 -T testmod.ping --format="$1" testmod \
        >"$W/trace" &
    tracer=$!
    until gone "$tracer"; do
        flux ping -c 1 -r 1 testmod >/dev/null
        flux ping -c 1 -r 2 testmod >/dev/null
    done
    wait "$tracer"
}
ok "trace of two ranks" traced json
is "JSON has the rank" "1 2" sh -c \
    'echo $(sed "s/.*\"rank\":\([-0-9]*\),.*/\1/" "$0/trace" | sort -u)' "$W"
ok "as text" traced text
is "the module's name has it" "testmod@1 testmod@2" sh -c \
    'echo $(cut -d" " -f2 "$0/trace" | sort -u)' "$W"
fails "trace of a rank that is not there" 1 \
    "module.trace: rank 8: No route to host" flux module trace --for=0.1s -r 0,8
for option in load reload remove stats debug status trace; do
    fails "$option: no idset" 1 "--rank: 'x' is not a set of ranks" \
        flux module $option -r x "$MOD"
done
flux module remove -r all testmod
ok "stop" stop
finish
