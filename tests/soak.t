#!/bin/sh
# soak.t - a few seconds of everything at once; `make soak` for ten minutes
. "${0%/*}/lib.sh"

start -Sbroker.module-nopanic=1
run_tap python3 "$here/soak.py" "${SOAK_S:-3}" "$TMOD/testmod.so" \
    "$top/examples/hello.py"
ok "the broker ends in order" stop
finish
