#!/bin/sh
# siege_bytes.t - bytes that are no message, from modules and from other ranks
# (from clients: hostile.t)
. "${0%/*}/lib.sh"

HELLO=$B/lib/flux/modules/hello.so

start -Sbroker.module-nopanic=1
flux module load "$HELLO"
run_tap python3 "$here/siege_bytes.py" module "$W"
flux module remove hello
ok "the broker ends in order" stop

# Rank 0 of three, two of which are played by the test, with few descriptors.
RUNDIR=$W/ranks FLUX_URI=local://$W/ranks/local-0
sh -c 'ulimit -n 64; exec "$@"' sh flux broker --rank=0 --size=3 \
    -Srundir="$RUNDIR" -Sbroker.quorum=1 -Sbroker.rc2_none=1 2>"$W/ranks.err" &
BROKER=$!
_brokers="$_brokers $BROKER"
export FLUX_URI
ok "rank 0 of three" wait_until is_running
flux module load "$HELLO"
run_tap python3 "$here/siege_bytes.py" rank "$RUNDIR/tbon-0" "$BROKER"
has "and that is logged" "30 of the 61 bytes of its greeting" cat "$W/ranks.err"
flux module remove hello
ok "the broker ends in order" stop
finish
