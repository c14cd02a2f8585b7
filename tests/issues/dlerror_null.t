#!/bin/sh
# dlerror_null.t - a load for which the dynamic linker has no memory
#
# dlerror(3) then has no text either, and the broker was gone with a SIGSEGV.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "a $TEST_BUILD build has an allocator of its own"
[ -e "$B/tests/libfault.so" ] || skip_all "no library that injects failures"

run_tap env TMPDIR="$W" timeout 60 python3 "$here/fault/fault.py" -q \
    "$B/tests/libfault.so" "$B/bin/flux" "$B/lib/flux/modules" thread:malloc
finish
