#!/bin/sh
# wire.t - Flux's recorded requests get Flux's recorded answers from us
. "${0%/*}/lib.sh"

start
run_tap python3 "$here/wire_replay.py" "$here/wire/client.jsonl" \
    "$TMOD/testmod.so"
ok "and the broker ends well" stop
finish
