#!/bin/sh
# siege_bytes.t - bytes that are no message, from modules and from other ranks
# (from clients: hostile.t)
. "${0%/*}/lib.sh"

HELLO=$B/lib/flux/modules/hello.so

# Rank 0 of three, two of which are played by the test, with few descriptors.
# Its siege waits for deadlines most of the time, and goes on behind the other.
mkdir "$W/ranks"
rank_uri=local://$W/ranks/local-0
sh -c 'ulimit -n 64; exec "$@"' sh flux broker --rank=0 --size=3 \
    -Srundir="$W/ranks" -Sbroker.quorum=1 -Sbroker.rc2_none=1 \
    2>"$W/ranks.err" &
rank_broker=$!
_brokers="$_brokers $rank_broker"
start -Sbroker.module-nopanic=1
uri=$FLUX_URI module_broker=$BROKER
FLUX_URI=$rank_uri BROKER=$rank_broker
ok "rank 0 of three" wait_until is_running
flux module load "$HELLO"
python3 "$here/siege_bytes.py" rank "$W/ranks/tbon-0" "$rank_broker" \
    >"$W/ranks.tap" 2>"$W/ranks.trace" &
ranks=$!

FLUX_URI=$uri BROKER=$module_broker
flux module load "$HELLO"
run_tap python3 "$here/siege_bytes.py" module "$W"
flux module remove hello
ok "the broker ends in order" stop

FLUX_URI=$rank_uri BROKER=$rank_broker ERR=$W/ranks.err
wait $ranks
run_tap sh -c 'cat "$0.tap"; cat "$0.trace" >&2; exit $1' "$W/ranks" $?
has "and that is logged" "30 of the 61 bytes of its greeting" cat "$W/ranks.err"
flux module remove hello
ok "the broker ends in order" stop
finish
