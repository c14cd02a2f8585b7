#!/bin/sh
# attribute_memory.t - a broker that has no memory for one of its attributes
#
# It went on without, and crashed where the hostname or the list of hosts was
# needed.  A failure that hits the rc scripts' attributes went unseen.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "a $TEST_BUILD build has an allocator of its own"
[ -e "$B/tests/libfault.so" ] || skip_all "no library that injects failures"

for from in 16 80; do # what is allocated when the attributes are set
    run_tap env TMPDIR="$W" FAULT_FIRST=$from FAULT_LAST=$((from + 10)) \
        timeout 60 python3 "$here/fault/fault.py" "$B/tests/libfault.so" \
        "$B/bin/flux" "$B/lib/flux/modules" start:malloc
done
finish
