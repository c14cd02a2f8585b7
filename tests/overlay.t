#!/bin/sh
# overlay.t - flux overlay: names for ranks, marks and colours, what is refused
#
# Four ranks with hosts of their own; what becomes of lost ones is in ranks.t.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

RUNDIR=$W/four
mkdir -m 755 "$RUNDIR"
ERR=$RUNDIR.err
FLUX_URI=local://$RUNDIR/local-0
export FLUX_URI
flux start -s 4 --test-hosts="a[0-2],b" --test-rundir="$RUNDIR" \
    -Stbon.topo=kary:2 -Sbroker.rc2_none=1 -Sbroker.rc1_path= \
    -Sbroker.rc3_path= >"$ERR" 2>&1 &
BROKER=$!
_brokers="$_brokers $BROKER"
wait_until is_running

bytes() { # CMD...: escapes as \033
    "$@" | sed 's/\x1b/\\033/g'
}

# ---- names ------------------------------------------------------------------------

is "lookup: hosts of ranks" "a[0-1],b" flux overlay lookup 0-1,3
is "lookup: ranks of hosts" "1-3" flux overlay lookup "b,a[1-2]"
fails "no such host" 1 "host c not found in host map" flux overlay lookup a1,c
fails "no such rank" 1 "rank 4 is not in host map" flux overlay lookup 2-4
fails "neither" 1 "target must be a valid idset or hostlist: '[['" \
    flux overlay lookup "[["
is "parentof" 1 flux overlay parentof 3
fails "the first has none" 1 "0 has no parent" flux overlay parentof 0
fails "nor one that is not there" 1 "9 is not a valid rank in this instance" \
    flux overlay parentof 9
fails "parentof wants a number" 1 "'b' is no rank" flux overlay parentof b

# ---- status ------------------------------------------------------------------------

is "a rank is marked with those above it" "<<0 a0>>: full
<<1 a1>>: full
<<3 b>>: full
2 a2: full" flux overlay status --no-pretty --highlight=3
is "or a host, in colour" "$(printf '%s\n' '\033[01;34m0 a0\033[0m: full' \
    '1 a1: full' '3 b: full' '\033[01;34m2 a2\033[0m: full')" \
    bytes flux overlay status --no-pretty --color=always --highlight=a2
fails "no such host to mark" 1 "host c not found in host map" \
    flux overlay status --highlight=c
fails "no such rank to mark" 1 "rank 7 is not in host map" \
    flux overlay status --highlight=7
fails "no such colour" 1 "Invalid argument to --color: 'red'" \
    flux overlay status --color=red
fails "no such state" 1 "invalid --wait state" flux overlay status --wait=good
fails "no such top" 1 "No route to host" flux overlay status --rank=9
is "-v: since when, -vv: and how far" "1 a1: full for S (R ms)
3 b: full for S (R ms)" sh -c 'flux overlay status -vv --no-pretty --rank=1 |
    sed "s/[0-9.e-]*s (/S (/; s/[0-9.]* ms/R ms/"'
fails "nobody is cut off by a wrong name" 1 \
    "TARGET must be a valid rank or hostname" flux overlay disconnect c
FLUX_URI=local://$RUNDIR/local-1 flux rpc -s overlay.monitor >"$W/monitor" 2>&1 &
_brokers="$_brokers $!"
wait_until grep -q full "$W/monitor"
ok "who is gone" flux overlay disconnect b
ok "who watches its parent is told" wait_until grep -q \
    '"rank":3,"status":"lost"' "$W/monitor"
wait_until sh -c 'flux overlay status --down | grep -q "3 b: lost"'
is "is shown in red, its ancestors plain" "$(printf '%s\n' \
    '0 a0: degraded' '1 a1: degraded' '3 b: \033[31mlost\033[39m')" \
    sh -c 'flux overlay status --no-pretty --down --color=always |
    sed "s/\x1b/\\\\033/g; s/39m.*/39m/"'
finish
