#!/bin/sh
# oom.t - memory, descriptors and threads run out; signals come at any moment
#
# `make check-oom` tries all operations, and each call in turn; here are some.
# Failures are injected by a preloaded library (fault/fault.c).
. "${0%/*}/lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "a $TEST_BUILD build has an allocator of its own"
FAULT=$B/tests/libfault.so
[ -e "$FAULT" ] || skip_all "a C library without __libc_malloc"

# ---- one call after another fails ------------------------------------------------

run_tap env TMPDIR="$W" timeout 60 python3 "$here/fault/fault.py" -q "$FAULT" \
    "$B/bin/flux" "$B/lib/flux/modules" connect rpc:malloc event:malloc \
    thread list:malloc start:open

# ---- one call in three is interrupted ---------------------------------------------

interrupted() { # CMD...
    FAULT_EINTR=3 FAULT_PROGRAM="flux flux-broker flux-module-exec" \
        LD_PRELOAD=$FAULT timeout -k 1 20 "$@"
}
cat >"$W/work" <<'E2'
flux module load "$B/lib/flux/modules/hello.so" &&
    flux module load --exec --name=other "$B/lib/flux/modules/hello.so" &&
    flux rpc hello.greet '{"name": "Ada"}' &&
    flux event pub hello.shout &&
    flux ping --count=2 --interval=0.01 other >/dev/null &&
    flux exec -r 0 echo done &&
    flux module remove other &&
    flux module remove hello
E2
for i in 1 2 3; do
    is "EINTR anywhere changes nothing, $i" \
        "$(printf '{"greeting":"hello Ada"}\ndone')" \
        interrupted flux start sh "$W/work"
done
is "nor in an instance of three" 3 \
    interrupted flux start -s3 flux getattr size
finish
