#!/bin/sh
# hostile.t - bytes and clients that mean harm, and two signals in a row
. "${0%/*}/lib.sh"

start
run_tap python3 "$here/hostile.py"
ok "the broker ends in order" stop

fails "a second signal ends it at once" 1 "" flux start sh -c \
    'trap "" HUP; while kill -TERM $PPID; do :; done'
echo kept >"$W/victim"
fails "a file that is no socket is not replaced" 1 "Address already in use" \
    flux start -Slocal-uri="local://$W/victim" true
is "and is still there" kept cat "$W/victim"

finish
