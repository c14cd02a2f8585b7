#!/bin/sh
# third_signal.t - a signal that comes while the broker cleans up
#
# Its handlers were gone by then, so that the default action killed it: status
# 143, with its socket and run folder left behind (one end in 75).
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

mkdir "$W/tmp"
pelted() { # with signals from its own command, until it is gone
    TMPDIR=$W/tmp flux start sh -c \
        'trap "" HUP; while kill -TERM $PPID; do :; done' >"$W/err" 2>&1
}
often() { # the sum of what they end with
    sum=0
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        pelted
        sum=$((sum + $?))
    done
    echo "$sum"
}
is "ten ends under a stream of signals, each with status 1" 10 often
is "nothing is left behind" "" ls "$W/tmp"
finish
