#!/bin/sh
# kill.t - SIGKILL for any broker of 16, while all of them are busy
#
# For each victim a fresh instance: client_traffic.c keeps all ranks busy,
# kills one and looks at what becomes of the requests.  Then the instance is
# ended, and nothing may be left of it: no process, no file; the status is what
# --test-exit-mode says.
#
#   KILL_VICTIMS  the ranks to kill, one after the other (`make check-kill`:
#                 all 16, by each of two trees)
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

# shellcheck disable=SC2154 # _count is from lib.sh
SIZE=16

start_many() { # OPTIONS: of flux start
    RUNDIR=$W/many$_count
    mkdir -m 755 "$RUNDIR"
    ERR=$RUNDIR.err
    FLUX_URI=local://$RUNDIR/local-0
    export FLUX_URI
    flux start -s $SIZE --test-rundir="$RUNDIR" --test-rundir-cleanup \
        --test-exit-timeout=10s -Stbon.topo="$TOPO" \
        -Sbroker.rc2_none=1 -Sbroker.rc1_path= -Sbroker.rc3_path= \
        "$@" >"$ERR" 2>&1 &
    BROKER=$!
    _brokers="$_brokers $BROKER"
    wait_until is_running
}

# What has an address of the instance in its environment belongs to it.
processes() {
    grep -la "FLUX_URI=local://$RUNDIR/" /proc/[0-9]*/environ 2>/dev/null
}

none_left() {
    [ ! -e "$RUNDIR" ] && [ -z "$(processes)" ]
}

exec_ended() { # it runs where the victim is
    [ -s "$W/exec.status" ]
}

ended_with() { # STATUS
    kill -TERM "$BROKER" 2>/dev/null
    wait_until gone "$BROKER"
    wait "$BROKER"
    _status=$?
    cat "$ERR"
    [ "$_status" -eq "$1" ]
}

kill_one() { # VICTIM MODE STATUS
    start_many --test-exit-mode="$2"
    FLUX_URI=local://$RUNDIR/local-$1 flux module load --exec \
        "$TMOD/testmod.so"
    rm -f "$W/exec.status" "$W/exec.out"
    (
        flux exec -n -r "$1" sh -c 'echo up; sleep 1000'
        echo $? >"$W/exec.status"
    ) >"$W/exec.out" 2>&1 &
    wait_until grep -q up "$W/exec.out"
    run_tap "$B/tests/client_traffic" "$RUNDIR" $SIZE "$TOPO" "$1"
    ok "$1: what ran there by flux exec has ended" wait_until exec_ended
    ok "$1: status $3 by mode $2" ended_with "$3"
    unset FLUX_URI
    ok "$1: nothing is left" wait_until none_left
}

for TOPO in ${KILL_TOPOS:-kary:2}; do
    for victim in ${KILL_VICTIMS:-15 5}; do
        kill_one "$victim" leader 0
    done
    kill_one 6 any 137
    kill_one 0 leader 137
done
finish
