#!/bin/sh
# noresponse_leak.t - requests that want no answer, to who would answer a lot
#
# What a handler passed to flux_respond_pack() for "o" was never given back when
# no response was wanted: any client could make the broker grow without end.
# shellcheck source=tests/lib.sh
. "${0%/*}/../lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "a $TEST_BUILD build keeps what was freed"

REQUESTS=10000
GROWTH=2048 # KiB; it was 26 MiB

resident() {
    awk '/^VmRSS:/ { print $2 }' "/proc/$pid/status"
}
ask() { # HOW MANY
    python3 -c 'import sys
from wire import *
c = Client()
for _ in range(int(sys.argv[1])):
    c.send(Message(REQUEST, "attr.list", {}, flags=NORESPONSE))
c.rpc("broker.ping", {})' "$1"
}
grown() {
    test "$(($(resident) - before))" -lt "$GROWTH"
}

start
pid=$(flux getattr broker.pid)
ask 1000
before=$(resident)
ok "$REQUESTS requests without response" ask $REQUESTS
echo "# $(($(resident) - before)) KiB"
ok "leave the broker as it was" grown
stop
finish
