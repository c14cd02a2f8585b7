#!/bin/sh
# siege_peers.t - clients in great number, greedy or deaf, and few descriptors
. "${0%/*}/lib.sh"

HELLO=$B/lib/flux/modules/hello.so

# ---- with 64 descriptors ---------------------------------------------------------------

few_start() {
    RUNDIR=$W/few ERR=$W/few.err FLUX_URI=local://$W/few/local-0
    sh -c 'ulimit -n 64; exec "$@"' sh flux start -Srundir="$RUNDIR" \
        -Sbroker.rc2_none=1 >"$ERR" 2>&1 &
    BROKER=$!
    _brokers="$_brokers $BROKER"
    export FLUX_URI
    wait_until is_running
}
few_start
flux module load "$HELLO"
run_tap python3 "$here/siege_peers.py" descriptors "$HELLO"
ok "flux ping" flux ping -c 1 hello
flux module remove hello
ok "the broker ends in order" stop

# ---- with many --------------------------------------------------------------------------

# shellcheck disable=SC3045  # where it is not there, fewer come
ulimit -n 4096 2>/dev/null
TURNS=
if [ -z "${TEST_BUILD:-}" ]; then
    TURNS=$W/turns
    START_WITH="env LD_PRELOAD=$TMOD/turns.so TURNS=$TURNS"
fi
start
flux module load "$HELLO"
run_tap python3 "$here/siege_peers.py" crowd "$HELLO" ${TURNS:+"$TURNS"}
flux module remove hello
ok "the broker ends in order" stop
finish
