#!/bin/sh
# stats.t - flux module stats and debug
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/testmod.so"

# ---- stats --------------------------------------------------------------------

has "stats: counters of messages" '"tx": {' flux module stats testmod
flux module stats --clear testmod
three_echoes() {
    flux rpc testmod.echo '{}' && flux rpc testmod.echo '{}' &&
        flux rpc testmod.echo '{}'
}
is "(three requests)" "{}
{}
{}" three_echoes
# Each echo comes with a disconnect; the clear's own comes after it.
is "-p picks one value" 8 flux module stats -p rx.request testmod
is "the ones sent" 5 flux module stats -p tx.response testmod
is "-s scales" 24 flux module stats -p rx.request -s 2 -t int testmod
is "-t double" 14 flux module stats -p rx.request -t double testmod
is "-t int" 16 flux module stats -p rx.request -t int testmod
ok "--clear" flux module stats --clear testmod
is "sets them to 0" 1 flux module stats -p tx.response testmod
has "--clear-all" "" flux module stats --clear-all testmod
is "too" 0 sh -c 'flux module stats --clear-all testmod
    flux module stats -p tx.response testmod'
flux event pub testmod.stats-clear
is "as does the event" 0 flux module stats -p tx.response testmod
has "-R: resource usage" '"maxrss"' flux module stats -R testmod
for who in self children thread; do
    has "--rusage=$who" '"utime"' flux module stats --rusage=$who testmod
done
is "-R with -p" number \
    sh -c 'flux module stats -R -p maxrss -t int testmod | grep -q "^[0-9]*$" &&
    echo number'
fails "--rusage=badopt" 1 "badopt is unsupported" \
    flux module stats --rusage=badopt testmod
fails "a path that is not there" 1 "\`tx.nosuch' not found in response" \
    flux module stats -p tx.nosuch testmod
fails "a type that is none" 1 "Invalid argument for option 'type': 'text'" \
    flux module stats -p rx.request -t text testmod
fails "a scale that is none" 1 "Invalid argument for option 'scale': 'x'" \
    flux module stats -p rx.request -s x testmod
fails "an unknown module" 1 "No service matching nosuch.stats-get is registered" \
    flux module stats nosuch
fails "no module" 1 "Usage: flux-module stats" flux module stats
for name in config connector-local broker; do
    ok "stats of $name" flux module stats $name
done
has "connector-local counts its clients" '"connects"' \
    flux module stats connector-local
has "log counts its lines" '"ring-used"' flux module stats log

# ---- debug -----------------------------------------------------------------------

is "debug: no flags at first" 0x0 flux module debug testmod
is "--setbit, decimal" 0x4 flux module debug --setbit 4 testmod
is "--set, hexadecimal" 0xff flux module debug --set 0xff testmod
is "--clearbit" 0xf0 flux module debug --clearbit 0x0f testmod
is "--setbit, octal" 0xf8 flux module debug --setbit 010 testmod
is "without options: as it is" 0xf8 flux module debug testmod
is "--clear" 0x0 flux module debug --clear testmod
fails "a mask that is none" 1 "Invalid argument for option" \
    flux module debug --set x testmod
fails "an unknown module" 1 "nosuch.debug: Function not implemented" \
    flux module debug nosuch
cat >"$W/debug.py" <<'EOF'
from wire import *

c = Client()
for payload in None, {}, {"op": "set"}, {"op": "nosuch", "flags": 1}, \
        {"op": 1, "flags": 1}, {"op": "set", "flags": "1"}:
    same(outcome(c.rpc("testmod.debug", payload)), "EPROTO",
         "debug with %r" % payload)
EOF
run_tap python3 "$W/debug.py"
flux module remove testmod
ok "the broker ends well" stop

# ---- all ranks ---------------------------------------------------------------

cat >"$W/all" <<'EOF'
sent() { # RANK
    flux rpc -r "$1" testmod.stats-get | json "d['tx']['response']"
}
json() {
    python3 -c 'import json, sys; print(eval(sys.argv[1], {"d": json.load(sys.stdin)}))' "$1"
}
flux exec -n flux module load "$TMOD/testmod.so"
for rank in 0 1 2; do
    flux rpc -r $rank testmod.echo '{}' >/dev/null
    [ "$(sent $rank)" -gt 0 ] || echo "rank $rank has sent nothing"
done
flux module stats --clear-all testmod
for rank in 0 1 2; do
    echo "$rank: $(sent $rank)"
done
EOF
is "--clear-all reaches the module on all ranks" "0: 0
1: 0
2: 0" flux start -s 3 -Stbon.topo=kary:1 sh "$W/all"
finish
