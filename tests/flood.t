#!/bin/sh
# flood.t - a client that sends all it can does not keep others waiting
#
# A module's queue is full with some hundred requests (link.h), and whoever
# asks it then is not read from.  So that is how many are in front of one that
# another client sends.  The module is a process, which is stopped meanwhile.
# How long that takes flood.py says.
. "${0%/*}/lib.sh"

COUNT=20000

status_of() { # KEY: a number in the module's status
    flux module status --json testmod |
        sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" | head -n 1
}
is_full() {
    test "$(status_of messages-max)" -ge 256
}

start
flux module load --exec "$TMOD/testmod.so"
pid=$(status_of pid)
kill -STOP "$pid"
"$B/tests/pipeline" testmod.echo $COUNT $COUNT >"$W/flood" 2>&1 &
flooder=$!
wait_until is_full
ok "the broker answers meanwhile" flux ping --count=1 broker
max=$(status_of messages-max)
echo "# $max in the queue at most"
ok "a module's queue is bounded" test "${max:-99999}" -le 1500
kill -CONT "$pid"
ok "the flood is answered, in order" wait $flooder
flux module reload "$TMOD/testmod.so"
run_tap python3 "$here/flood.py"
stop
finish
