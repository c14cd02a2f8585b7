#!/bin/sh
# trace.t - flux module trace: lines, filters, colours, and who may be traced
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/testmod.so"
flux module load --name=other "$TMOD/testmod.so"

# Trace in the background; it listens when it has shown a first ping.
trace() { # OPTIONS AND MODULES
    flux module trace "$@" >"$W/trace" 2>&1 &
    TRACER=$!
    _brokers="$_brokers $TRACER"
    wait_until sh -c 'flux ping -c1 testmod; flux ping -c 1 other
        flux ping -c 1 config
        flux event pub testmod.stats-clear; [ -s "$0" ]' "$W/trace"
}
# What comes between two marks, without times, is in $W/lines.
traced() { # CMD...
    flux rpc testmod.mark >/dev/null 2>&1
    "$@" >/dev/null 2>&1
    flux rpc testmod.end >/dev/null 2>&1
    wait_until grep -q 'testmod\.end .*ENOSYS' "$W/trace"
    sed -n '/testmod\.mark/,/testmod\.end/{
        /testmod\.mark/d; /testmod\.end/d; /disconnect/d
        s/^[^ ]* //; p; }' "$W/trace" >"$W/lines"
    kill $TRACER
    wait $TRACER 2>/dev/null
}

trace testmod
traced flux rpc testmod.echo '{"a":1}'
is "a request and its response, as the module sees them" \
    "testmod rx > testmod.echo [8]
testmod tx < testmod.echo [8] success" cat "$W/lines"
time_fits() {
    grep -q '^20[0-9-]*T[0-9:]*\.[0-9][0-9][0-9] testmod ' "$W/trace"
}
ok "each line has a time, to the millisecond" time_fits

trace testmod
traced flux rpc testmod.nosuch
is "an error is named" "testmod rx > testmod.nosuch [0]
testmod tx < testmod.nosuch [40] ENOSYS" cat "$W/lines"
trace testmod
traced flux event pub testmod.stats-clear
is "an event" "testmod rx e testmod.stats-clear [0]" cat "$W/lines"
trace testmod
traced flux rpc other.echo '{}'
is "modules that were not named are not shown" "" cat "$W/lines"
trace testmod other
traced flux rpc other.echo '{}'
is "several names" "other rx > other.echo [3]
other tx < other.echo [3] success" cat "$W/lines"
trace
traced flux config get
is "no name: all, builtin ones too" "config rx > config.get [0]
config tx < config.get [3] success" cat "$W/lines"

trace --full testmod
traced flux rpc testmod.echo '{"a":1}'
has "--full shows payloads" '"a"' cat "$W/lines"
wait_for_lines() { # OPTIONS: until a line came; then a request
    flux module trace "$@" >"$W/trace" 2>&1 &
    TRACER=$!
    _brokers="$_brokers $TRACER"
    wait_until sh -c 'flux rpc testmod.echo {}; flux ping -c1 testmod
        flux event pub testmod.stats-clear; [ "$(wc -l <"$0")" -ge 4 ]' \
        "$W/trace"
    kill $TRACER
    wait $TRACER 2>/dev/null
}
wait_for_lines -T 'testmod.e*' testmod
hasnt "-T GLOB: only those topics" ping cat "$W/trace"
has "and those" testmod.echo cat "$W/trace"
wait_for_lines -t request testmod
hasnt "-t request: no responses" " < " cat "$W/trace"
hasnt "and no events" " e " cat "$W/trace"
wait_for_lines --type=response,event testmod
hasnt "-t response,event: no requests" " > " cat "$W/trace"
has "but events" " e " cat "$W/trace"
wait_for_lines -Lalways testmod
has "-L always: colours" "$(printf '\033')" cat "$W/trace"
wait_for_lines -Lnever testmod
hasnt "-L never: none" "$(printf '\033')" cat "$W/trace"
wait_for_lines -H testmod
human_fits() {
    grep -q '^\[[A-Z][a-z][a-z][0-9]* [0-9:]*\]  testmod ' "$W/trace"
}
ok "-H: a time for people" human_fits
wait_for_lines -H -d testmod
delta_fits() {
    grep -q '^\[ *+[0-9]*\.[0-9]\{6\}\]  testmod ' "$W/trace"
}
ok "-d: what has passed" delta_fits

fails "-d without -H" 1 "--delta can only be used with --human" \
    flux module trace -d testmod
fails "a type that is none" 1 \
    "valid types: request, response, event, control" \
    flux module trace -t requst testmod
fails "a colour that is none" 1 "Invalid argument to --color: 'x'" \
    flux module trace -Lx testmod
fails "an unknown option" 1 "Usage: flux-module trace" flux module trace --x

# A module that is not there yet is traced once it is.
flux module remove other
flux module trace other >"$W/trace" 2>&1 &
TRACER=$!
_brokers="$_brokers $TRACER"
wait_until sh -c 'flux module load --name=other "$1"; flux ping -c1 other
    flux module remove other; grep -q other.ping "$0"' "$W/trace" "$TMOD/testmod.so"
has "a module loaded later is traced too" "other rx > other.ping" cat "$W/trace"
kill $TRACER

cat >"$W/many.py" <<'EOF'
from wire import *

quiet, slow = Client(), Client()
slow.request("module.trace", {"typemask": 15, "topic_glob": "*",
             "names": ["testmod"], "full": True}, flags=STREAMING)
for i in range(3000):
    answer = quiet.rpc("testmod.echo", {"i": i, "pad": "x" * 100})
same(answer.json()["i"], 2999, "a tracer that does not read stops no one")
slow.close()
same(outcome(quiet.rpc("testmod.echo", {})), "ok", "nor one that leaves")
for payload in None, {}, {"typemask": "1"}, b"x":
    client = Client()
    same(outcome(client.rpc("module.trace", payload, flags=STREAMING)),
         "EPROTO", "module.trace with %r" % payload)
same(outcome(Client().rpc("module.trace", {"typemask": 15, "topic_glob": "*",
     "names": [], "full": False})), "EPROTO", "a trace is a stream")
EOF
run_tap python3 "$W/many.py"
flux module remove testmod
ok "the broker ends well" stop
finish
