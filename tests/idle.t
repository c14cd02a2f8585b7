#!/bin/sh
# idle.t - nothing wakes up while nothing happens
#
# The kernel counts how often each thread has given up the processor by
# itself: a thread that sleeps through does not count at all.  A second of
# watching is enough for any timer that a person would call polling.
. "${0%/*}/lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "a $TEST_BUILD build has threads of its own"

start
flux module load "$TMOD/testmod.so"
flux module load --name=two "$TMOD/testmod.so"
flux ping -c1 testmod >/dev/null

switches() { # each thread's count, one a line
    cat /proc/"$BROKER"/task/*/status | sed -n 's/^\(vol[a-z_]*:\)/\1/p'
}
threads() {
    [ "$(switches | wc -l)" -eq "$1" ]
}
ok "a broker and two modules: three threads" threads 3
settled() {
    switches >"$W/a"
    sleep 0.1
    switches >"$W/b"
    cmp -s "$W/a" "$W/b"
}
ok "they come to rest" wait_until settled
switches >"$W/before"
sleep 1
switches >"$W/after"
is "and sleep through the next second" "$(cat "$W/before")" cat "$W/after"
flux ping -c1 testmod >/dev/null
wakes_up() {
    switches >"$W/after"
    ! cmp -s "$W/before" "$W/after"
}
ok "a ping wakes them (or this test could not fail)" wakes_up
flux module remove testmod
flux module remove two
ok "the broker ends well" stop
finish
