# shellcheck shell=sh
# helpers.sh - functions of the commands that tests/interop/run compares
#
# Each waits for what it wants to see instead of sleeping, since both programs
# take their time to start, and prints nothing that depends on when it came.

# What `flux module trace OPTIONS hello` shows of an event, once; what the
# module does then may come too late.
tracing() {
    flux module trace "$@" >"$WORK/trace" 2>&1 &
    _tracer=$!
    wait_for shouted "$WORK/trace"
    kill $_tracer
    wait $_tracer 2>/dev/null
    sed -E 's/^[0-9T:.-]+ //; s/^\[[^]]*\] +//; /log.append/d' \
        "$WORK/trace" | sort -u
}
shouted() { # FILE
    flux event pub hello.shout && grep -q hello.shout "$1"
}

# What `flux event sub OPTIONS TOPIC` prints of one event.
listening() {
    flux event sub --count=1 "$@" >"$WORK/events" 2>&1 &
    _listener=$!
    wait_for heard $_listener
    wait $_listener
    cat "$WORK/events"
}
heard() { # PID
    flux event pub a.b '{"x":1}' && ! kill -0 "$1" 2>/dev/null
}

# Wait for TEXT in the log.
logged() { # TEXT
    wait_for in_log "$1"
}
in_log() {
    flux dmesg | grep -qF "$1"
}

wait_for() { # CONDITION...
    for _try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        "$@" && return 0
        sleep 0.1
    done
    return 1
}
