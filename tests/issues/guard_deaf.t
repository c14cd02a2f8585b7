#!/bin/sh
# guard_deaf.t - a guard that was not told of the end of a process group
#
# At the broker's end it killed the group, which was the broker's own: status
# 137 after a command that had succeeded.  One whose read failed took that for
# the broker's death, and killed what was still alive.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "a $TEST_BUILD build has calls of its own"
[ -e "$B/tests/libfault.so" ] || skip_all "no library that injects failures"

run_tap env TMPDIR="$W" timeout 60 python3 "$here/fault/fault.py" \
    "$B/tests/libfault.so" "$B/bin/flux" "$B/lib/flux/modules" \
    start:write start:read
finish
