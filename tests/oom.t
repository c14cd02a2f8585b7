#!/bin/sh
# oom.t - memory, descriptors and threads run out
#
# `make check-oom` tries all operations, and each call in turn; here are some.
# Failures are injected by a preloaded library (fault/fault.c).
. "${0%/*}/lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "a $TEST_BUILD build has an allocator of its own"
FAULT=$B/tests/libfault.so
[ -e "$FAULT" ] || skip_all "a C library without __libc_malloc"

# ---- one call after another fails ------------------------------------------------

run_tap env TMPDIR="$W" timeout 60 python3 "$here/fault/fault.py" -q "$FAULT" \
    "$B/bin/flux" "$B/lib/flux/modules" connect rpc:malloc rpc:poll event:malloc \
    thread list:malloc start:open
finish
