#!/bin/sh
# ping.t - flux ping
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/testmod.so"

LINE='0!testmod\.ping pad=0 seq=0 time=[0-9]*\.[0-9]* ms ([0-9a-f]\{8\}![0-9a-f]\{8\}![0-9a-f]\{8\}![0-9a-f]\{8\})'
line_fits() {
    flux ping -c1 testmod | grep -q "^$LINE\$"
}
ok "a line: rank, topic, size, number, time, route" line_fits
is "the first line names the target" "flux-ping any!testmod" \
    sh -c 'flux ping -c1 testmod | head -1'
is "-c N" 3 sh -c 'flux ping -c 3 -i 0.001 testmod | grep -c seq='
is "numbers go up" "seq=0 seq=1 seq=2 " sh -c \
    'flux ping -c 3 -i 0.001 testmod | grep -o "seq=." | tr "\n" " "'
has "-p N" "pad=100 " flux ping -c 1 -p 100 testmod
has "--pad=100000" "pad=100000 " flux ping -c 1 --pad=100000 testmod
has "--pad=1.5k" "pad=1536 " flux ping -c 1 --pad=1.5k testmod
has "--pad=1M" "pad=1048576 " flux ping -c 1 --pad=1M testmod
fails "--pad=1x" 1 "invalid argument for option 'pad': 1x" \
    flux ping -c 1 --pad=1x testmod
has "-r all" "0!testmod.ping pad=0 seq=0" flux ping -c 1 -r all testmod
has "-u" "userid=$(id -u) rolemask=0x5" flux ping -c 1 -u testmod
is "--batch" 5 sh -c 'flux ping -c 5 -i 0 --batch testmod | grep -c seq='
has "-r 0" "0!testmod.ping" flux ping -c 1 -r 0 testmod
has "RANK!TARGET" "0!broker.ping" flux ping -c 1 '0!broker'
has "a rank alone is its broker" "0!broker.ping" flux ping -c 1 0
has "the host name too" "0!broker.ping" flux ping -c 1 "$(flux getattr hostlist)"
has "-r any" "flux-ping any!testmod" flux ping -c 1 -r any testmod
fails "a rank that is not there" 1 "No route to host" flux ping -c 1 -r 9 broker
fails "a service that is not there" 1 \
    "flux-ping: nosuch.ping: Function not implemented" flux ping -c 1 nosuch
fails "upstream of rank 0" 1 "No route to host" flux ping -c1 -r upstream broker
for wrong in "-c x" "-c -1" "-p x" "-p -1" "-i x" "-i -1" "-r x" "--batch" "--x"; do
    # shellcheck disable=SC2086 # several words
    fails "flux ping $wrong" 1 "Usage: flux-ping" flux ping $wrong testmod
done
fails "no target" 1 "Usage: flux-ping" flux ping
fails "two targets" 1 "Usage: flux-ping" flux ping -c1 a b
for name in config connector-local broker; do
    has "ping of $name" "0!$name.ping" flux ping -c1 $name
done
flux module remove testmod
ok "the broker ends well" stop
fails "no broker" 1 "flux-ping: flux_open: " flux ping -c1 broker
finish
