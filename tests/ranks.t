#!/bin/sh
# ranks.t - many brokers: what they know of each other, and the ways between
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

at() { # RANK CMD...: as a client of that rank
    _rank=$1
    shift
    FLUX_URI=local://$RUNDIR/local-$_rank "$@"
}

# shellcheck disable=SC2154 # _count is from lib.sh
start_many() { # [OPTIONS]: flux start's; -s among them
    RUNDIR=$W/many$_count
    mkdir -m 755 "$RUNDIR"
    ERR=$RUNDIR.err
    FLUX_URI=local://$RUNDIR/local-0
    export FLUX_URI
    flux start --test-rundir="$RUNDIR" --test-exit-timeout=10s \
        --test-exit-mode=leader -Sbroker.rc2_none=1 -Sbroker.rc1_path= \
        -Sbroker.rc3_path= "$@" >"$ERR" 2>&1 &
    BROKER=$!
    _brokers="$_brokers $BROKER"
    wait_until is_running
}

# ---- what each broker is told ----------------------------------------------------

# Printed in one line, as printf gets them all at once.
# shellcheck disable=SC2016
facts='printf "%s %s %s %s %s %s %s\n" $(for a in rank size tbon.level \
    tbon.maxlevel tbon.descendants hostname hostlist; do
    flux getattr $a; done)'

places() { # TOPO SIZE: rank, level, maxlevel, descendants of each
    flux start -s "$2" -Stbon.topo="$1" -Sbroker.rc1_path= \
        -Sbroker.rc3_path= flux exec -n sh -c "$facts" |
        sort -n | cut -d' ' -f1,3-5
}
is "kary:2" "0 0 2 6
1 1 2 2
2 1 2 2
3 2 2 0
4 2 2 0
5 2 2 0
6 2 2 0" places kary:2 7
is "binomial" "0 0 3 7
1 1 3 0
2 1 3 1
3 2 3 0
4 1 3 3
5 2 3 0
6 2 3 1
7 3 3 0" places binomial 8
is "custom is flat" "0 0 1 3
1 1 1 0
2 1 1 0
3 1 1 0" places custom 4
is "kary:1 is a chain" "0 0 2 2
1 1 2 1
2 2 2 0" places kary:1 3
is "each has its rank, the size and its host" \
    "0 3 0 1 2 a1 a[1-2],b
1 3 1 1 0 a2 a[1-2],b
2 3 1 1 0 b a[1-2],b" sh -c 'flux start -s 3 --test-hosts="a[1-2],b" \
    -Sbroker.rc1_path= -Sbroker.rc3_path= flux exec -n sh -c "$1" | sort' - \
    "$facts"
fails "no such topology" 1 "tbon.topo: " flux start -s 2 -Stbon.topo=ring true
fails "too few hosts" 1 "names no host for rank 2" \
    flux start -s 3 --test-hosts=a,b true
fails "no such mode" 1 "must be 'any' or 'leader', not 'all'" \
    flux start -s 2 --test-exit-mode=all true
fails "nor to start" 1 "--test-start-mode must be 'all' or 'leader', not 'any'" \
    flux start -s 2 --test-start-mode=any true
fails "without a size" 1 "flux-start: --test-hosts only works with --test-size" \
    flux start --test-hosts=a true
is "one broker has its host, too" "a" \
    flux start -s 1 --test-hosts=a flux getattr hostlist
is "--test-start-mode=leader: the others do not come" "0 a: partial
├─ 1 b: offline
└─ 2 c: offline" flux start -s 3 --test-start-mode=leader --test-hosts=a,b,c \
    -Sbroker.quorum=1 flux overlay status
fails "no such folder" 1 "--test-rundir=/no/such" \
    flux start -s 2 --test-rundir=/no/such true
fails "a time that is none" 1 "test-exit-timeout" \
    flux start -s 2 --test-exit-timeout=soon true

# ---- rundir, exit status ----------------------------------------------------------

kept() {
    mkdir "$W/kept" && flux start -s 2 --test-rundir="$W/kept" true &&
        [ -d "$W/kept" ] && [ -z "$(find "$W/kept" -type s)" ]
}
ok "--test-rundir is kept, without sockets" kept
ok "--test-rundir-cleanup removes it" sh -c 'flux start -s 2 \
    --test-rundir="$1" --test-rundir-cleanup true && ! [ -e "$1" ]' - "$W/kept"
is "else it is one of its own, removed at the end" "" sh -c \
    'ls -d "$(flux start -s 2 flux getattr rundir)" 2>/dev/null'
fails "the status is the initial program's" 7 "" flux start -s 3 sh -c 'exit 7'

# One of the others is killed.  The leader goes on, and ends at the end of the
# initial program; a broker that hangs meanwhile is killed by the time given.
one_killed() { # MODE
    flux start -s 3 --test-exit-mode="$1" --test-exit-timeout=0.2s sh -c '
        kill -9 $(flux exec -n -r 1 flux getattr broker.pid)
        [ "$1" = any ] || exit 0
        exec sleep 1000' - "$1"
}
fails "mode any: the others are killed, the highest status counts" 137 \
    "have not exited in time" one_killed any
ok "mode leader: the leader's status counts" one_killed leader

# ---- joining ------------------------------------------------------------------------

# Children may be there long before their parents.
upside_down() {
    RUNDIR=$W/down
    mkdir "$RUNDIR"
    for rank in 3 2 1; do
        flux broker --rank="$rank" --size=4 -Srundir="$RUNDIR" \
            -Stbon.topo=kary:1 &
        _brokers="$_brokers $!"
        [ "$rank" = 3 ] || wait_until [ -S "$RUNDIR/tbon-$rank" ]
    done
    timeout 10 flux broker --rank=0 --size=4 -Srundir="$RUNDIR" \
        -Stbon.topo=kary:1 flux overlay status --no-pretty
}
is "the lowest first" "$(printf '%s: full\n' "0 $(hostname)" \
    "1 $(hostname)" "2 $(hostname)" "3 $(hostname)")" upside_down

# ---- routing: 0 - 1 - (3 - 7), 4; 0 - 2 - 5, 6 ------------------------------------------

start_many -s 8 -Stbon.topo=kary:2
pinged() { # [FROM] ARGS: the rank that answers
    _from=$1
    shift
    at "$_from" flux rpc "$@" | json 'd["rank"]'
}
is "to a rank, up and down the tree" "6" pinged 7 -r 6 broker.ping '{}'
is "to itself" "7" pinged 7 -r 7 broker.ping '{}'
has "a rank that does not exist: no route" \
    "flux-rpc: broker.ping: No route to host" flux rpc -r 8 broker.ping '{}'
is "any: the own broker, where it has the service" "7" \
    pinged 7 broker.ping '{}'
is "upstream: the parent's" "3" pinged 7 -r upstream broker.ping '{}'
fails "there is nothing above rank 0" 1 "No route to host" \
    flux rpc -r upstream broker.ping '{}'

ok "a module on another rank" at 1 flux module load "$TMOD/testmod.so"
is "any: the next above that has it" "1" pinged 7 testmod.ping '{}'
is "from rank 1 itself" "1" pinged 1 testmod.ping '{}'
has "not on the side" "No service matching testmod.ping is registered" \
    at 6 flux rpc testmod.ping '{}'
is "on the side by its rank" "1" pinged 6 -r 1 testmod.ping '{}'
has "no such service on that rank" \
    "No service matching testmod.ping is registered" \
    at 6 flux rpc -r 2 testmod.ping '{}'
ok "a nearer one" at 3 flux module load "$TMOD/testmod.so"
is "is asked first" "3" pinged 7 testmod.ping '{}'
is "upstream passes over the own one" "1" \
    pinged 3 -r upstream testmod.ping '{}'
ok "removed" at 3 flux module remove testmod
is "the one above is asked again" "1" pinged 7 testmod.ping '{}'
ok "and that" at 1 flux module remove testmod

cat >"$W/hops.py" <<'EOF'
import os
import sys
from wire import *

rundir = sys.argv[1]


def at(rank):
    os.environ["FLUX_URI"] = f"local://{rundir}/local-{rank}"
    return Client()


client = at(7)
reply = client.rpc("broker.ping", {}, nodeid=6)
same(reply.json()["route"].count("!"), 7,
     "a request notes client, connector and the six brokers on its way")
same(outcome(client.rpc("broker.ping", {}, nodeid=1000000)), "EHOSTUNREACH",
     "EHOSTUNREACH without a text")
far = at(6)
far.rpc("service.add", dict(service="far"))
tag = client.request("far.call", dict(n=1), nodeid=6)
got = far.recv()
same(got.topic, "far.call", "a client's service is reached from afar")
tag2 = client.request("far.call", dict(n=2), nodeid=6)
far.recv()
far.close()
same(sorted([outcome(client.answer(tag)), outcome(client.answer(tag2))]),
     ["EHOSTUNREACH module disconnect"] * 2,
     "who waits for it is answered when it goes")
service = at(5)
service.rpc("service.add", dict(service="dis"))
asker = at(7)
asker.request("dis.call", {}, nodeid=5)
service.recv()
asker.close()
same(service.recv().topic, "dis.disconnect",
     "a client that goes is told to the service on another rank")
EOF
run_tap python3 "$W/hops.py" "$RUNDIR"

# ---- events --------------------------------------------------------------------

run_tap "$B/tests/client_order" "$RUNDIR" 8 20000

# ---- commands for many ranks -------------------------------------------------

is "getattr -r" "1: 1
5: 5" flux getattr -r 1,5 rank
is "of one rank: the value alone" "3" flux getattr -r3 rank
is "of all, in JSON" "0 1 2 3 4 5 6 7" sh -c \
    'flux getattr -rall --json rank |
    python3 -c "import json, sys
print(*[a[\"value\"] for a in json.load(sys.stdin)])"'
fails "a rank that is not there is named, the others answer" 1 "7: 7
flux-getattr: rank: rank 8: No route to host" \
    sh -c 'flux getattr -r 7-8 rank 2>&1'
fails "no set of ranks" 1 "--rank: 'x' is not a set of ranks" \
    flux getattr -r x rank
rank_and_answer() { # RANKS
    flux rpc -r "$1" broker.ping '{"n":1}' |
        sed 's/: {.*"n": *1,.*"rank": */ /'
}
is "rpc -r" "2 2}
6 6}" rank_and_answer 2,6
fails "rpc -r: one that fails" 1 "rank 9: No route to host" \
    flux rpc -r 1,9 broker.ping '{}'
fails "rpc -r: streams are of one rank" 1 "go to one rank" \
    flux rpc -s -r 1,2 log.dmesg '{}'
pings() { # ARGS: who has answered, in order
    flux ping "$@" | sed -n 's/\(.*\)!\(.*\) pad.*seq=\([0-9]*\) .*/\1 \2 \3/p' |
        sort -k3n -k1n | tr '\n' ';'
}
is "ping -r" "0 broker.ping 0;4 broker.ping 0;0 broker.ping 1;4 broker.ping 1;" \
    pings -r 0,4 -c2 -i 0.01 broker
is "a set as the target" "2 broker.ping 0;3 broker.ping 0;" pings -c1 2-3
fails "ping -r: one that fails" 1 "flux-ping: 8!broker.ping: No route to host" \
    flux ping -r 7-8 -c1 broker
at 7 flux logger --severity=err "from seven"
at 7 flux logger --severity=info "for itself"
has "rank 0 has lines of other ranks" "logger.err[7]: from seven" flux dmesg
hasnt "as far as log-forward-level says" "for itself" flux dmesg
has "dmesg -r" "logger.info[7]: for itself" flux dmesg -r 7
has "dmesg -r all" "logger.info[7]: for itself" flux dmesg -r all
ok "dmesg -r -C" flux dmesg -r 5-7 -C
is "clears theirs" "" flux dmesg -r 5-7
has "but no other" "from seven" flux dmesg
fails "dmesg -r of none" 1 "log.dmesg: rank 8: No route to host" \
    flux dmesg -r 8
fails "dmesg -f follows one rank" 1 "--follow takes one rank only" \
    flux dmesg -f -r 1-2

# ---- brokers that go --------------------------------------------------------------

tree() { # ARGS: status of each, in one line
    flux overlay status --no-pretty "$@" | cut -d' ' -f1,3- | tr '\n' ';'
}
is "all are there" \
    "0 full;1 full;3 full;7 full;4 full;2 full;5 full;6 full;" tree
flux overlay status --timeout=10s --summary --wait=degraded >"$W/wait" &
WAITER=$!
(
    at 7 flux rpc -s -r 6 state-machine.monitor
    echo "status $?"
) >"$W/stream" 2>&1 &
_brokers="$_brokers $!"
wait_until grep -q state "$W/stream"
at 5 kill -TERM "$(at 5 flux getattr broker.pid)"
wait_until [ "$(tree --down | grep -c '5 offline')" = 1 ]
wait_until sh -c 'flux overlay status | grep -q "5.*offline"'
is "one that leaves in order is offline" \
    "0 partial;2 partial;5 offline administrative shutdown;" tree --down
kill -KILL "$(at 6 flux getattr broker.pid)"
ok "one that is killed is lost: who waits for that is told" wait "$WAITER"
is "in one word" "degraded" cat "$W/wait"
is "and its ancestors are degraded" \
    "0 degraded;2 degraded;5 offline administrative shutdown;6 lost lost \
connection;" tree --down
has "the log says so" "(rank 6) failed" at 2 flux dmesg
stream_ended() {
    wait_until grep -q status "$W/stream"
    tail -n2 "$W/stream"
}
is "what waited for it has ended" \
    "flux-rpc: state-machine.monitor: No route to host
status 1" stream_ended
has "it cannot be reached any more" "No route to host" \
    flux ping -c1 -r 6 broker
is "its sibling is there" "7" pinged 0 -r 7 broker.ping '{}'
at 1 kill -KILL "$(at 1 flux getattr broker.pid)"
ok "losing a parent ends the subtree" wait_until sh -c \
    '! [ -e "$0/local-3" ] && ! [ -e "$0/local-7" ]' "$RUNDIR"
has "with a word for each lost parent" \
    "lost the connection to the parent" grep 'crit.[34]' "$ERR"
has "and one of what is lost with it" \
    "(rank 1) failed and severed contact with 3 other nodes" cat "$ERR"
is "flux overlay errors" "administrative shutdown: 1
lost connection: 2
lost parent: 3" sh -c "flux overlay errors |
    sed 's/\\(.*\\): \\(.*\\)/\\2 \\1/' |
    awk '{ print \$1, \$2 \": \" gsub(/$(hostname)/, \"\") }' | sort"
is "ghosts are shown like the one in front of them" \
    "3 lost;7 lost;4 lost;" sh -c "flux overlay status --no-pretty |
    cut -d' ' -f1,3- | grep '^[347]' | tr '\n' ';'"
is "or not at all" "0" sh -c \
    "flux overlay status --no-ghost --no-pretty | grep -c '^[347]' || :"
ok "overlay disconnect" flux overlay disconnect 2
has "is an administrative matter" "2 $(hostname): lost administrative \
disconnect" flux overlay status --no-pretty
ok "ended in order" stop
finish
