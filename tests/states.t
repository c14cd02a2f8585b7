#!/bin/sh
# states.t - the broker's way from join to exit: rc1, rc3, signals
. "${0%/*}/lib.sh"

script() { # NAME TEXT: a program that notes its name and state, then TEXT
    cat >"$W/$1" <<EOF
#!/bin/sh
echo "$1 \$(flux rpc state-machine.get | json 'd["state"]')" >>"$W/order"
$2
EOF
    chmod +x "$W/$1"
}
cat >"$W/json" <<'EOF'
#!/bin/sh
python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
EOF
chmod +x "$W/json"
PATH=$PATH:$W
script rc1 'exit 0'
script rc3 'exit 0'
script command 'exit 0'
script seven 'exit 7'
script five 'exit 5'

run() { # RC1 RC3 COMMAND
    rm -f "$W/order"
    flux start -Slog-filename="$W/log" \
        -Sbroker.rc1_path="$1" -Sbroker.rc3_path="$2" "$3"
}

order() {
    tr '\n' ',' <"$W/order"
}

# ---- rc1 and rc3 ----------------------------------------------------------------

ok "rc1, the command and rc3 run" run "$W/rc1" "$W/rc3" "$W/command"
is "in order, in their states" "rc1 init,command run,rc3 finalize," order
ok "empty paths are skipped" run "" "" "$W/command"
is "and the command runs" "command run," order
fails "a failing rc1 ends the start with its status" 7 "rc1.0" \
    run "$W/seven" "$W/rc3" "$W/command"
is "without the command, but with rc3" "seven init,rc3 finalize," order
fails "a failing rc3 gives its status" 7 "rc3.0" \
    run "$W/rc1" "$W/seven" "$W/command"
fails "the first failure is the status" 5 "" \
    run "" "$W/seven" "$W/five"
is "and rc3 runs all the same" "five run,seven finalize," order
fails "an rc1 that is not there" 127 "No such file" run "$W/none" "" true
rc1_writes() { # SHELL LINE: what is logged of it
    flux start -Sbroker.rc1_path="$1" flux dmesg 2>"$W/err" |
        sed -n 's/.*broker.\([a-z]*\).0.: rc1.0: /\1 /p' | grep -v 'Exited'
}
is "rc1_path may be a shell's line, whose output is logged" "info a b" \
    rc1_writes "echo a \$(echo b)"
sorted() {
    rc1_writes "$1" | sort
}
is "stdout at level info, stderr at err" "err oh
info a
info b" sorted 'echo a; echo oh >&2; printf b'
has "so that it can be seen on stderr" "broker.err[0]: rc1.0: oh" cat "$W/err"
lengths() {
    rc1_writes "$1" | awk '{ print length($2) }' | xargs
}
is "a long line is several entries" "1024 176" lengths 'printf %01200d 7'
is "what it leaves running is not waited for" "info a" \
    rc1_writes 'echo a; sleep 60 & echo $! >'"$W/left"
kill "$(cat "$W/left")" 2>/dev/null
is "stdout is the command's alone" "command" flux start \
    -Sbroker.rc1_path='echo rc1' -Sbroker.rc3_path='echo rc3' echo command

# ---- quorum -----------------------------------------------------------------------

for quorum in 0 3 x 0-1 ''; do
    fails "a quorum of '$quorum' is none of two brokers" 1 \
        "broker.quorum attribute: '$quorum' is not a number from 1 to 2" \
        flux start -s 2 -Sbroker.quorum="$quorum" true
done
cat >"$W/late" <<'EOF'
#!/bin/sh
[ "$(flux getattr rank)" -eq 0 ] && exit
until [ -e "${0%/*}/go" ]; do sleep 0.02; done
EOF
cat >"$W/early" <<'EOF'
#!/bin/sh
online() {
    flux rpc groups.get '{"name": "broker.online"}'
}
online
touch "${0%/*}/go"
until online | grep 0-1; do sleep 0.02; done
EOF
chmod +x "$W/late" "$W/early"
is "with a smaller one the command does not wait for all" '{"members":"0"}
{"members":"0-1"}' flux start -s 2 -Sbroker.quorum=1 \
    -Sbroker.rc1_path="$W/late" "$W/early"

# ---- order of ranks -----------------------------------------------------------------

cat >"$W/turn" <<'EOF'
#!/bin/sh
rank=$(flux getattr rank)
echo "$1 $rank" >>"${0%/*}/turns"
flux rpc "broker.ping" '{}' >/dev/null
echo "done $rank" >>"${0%/*}/turns"
EOF
chmod +x "$W/turn"
ok "three ranks in a row" flux start -s 3 -Stbon.topo=kary:1 \
    -Sbroker.rc1_path="$W/turn rc1" -Sbroker.rc3_path="$W/turn rc3" true
is "rc1 runs from the root down, rc3 from the leaves up" \
    "rc1 0 done 0 rc1 1 done 1 rc1 2 done 2 rc3 2 done 2 rc3 1 done 1 rc3 0 done 0" \
    xargs -a "$W/turns"
fails "where rc1 fails, no rank below begins" 7 "rc1.0" flux start -s 2 \
    -Sbroker.rc1_path="$W/seven" -Sbroker.rc3_path= true
is "so it ran once" "seven init" grep seven "$W/order"

# ---- transitions ------------------------------------------------------------------

transitions() {
    sed -n 's/.*broker.info.0.: \([a-z0-9-]*: [a-z-]*->[a-z-]*\) .*/\1/p' "$1"
}
rm -f "$W/log"
run "$W/rc1" "$W/rc3" "$W/command"
is "each transition is logged, with Flux's names" \
    "builtins-success: load-builtins->join
parent-none: join->config-sync
sync-none: config-sync->init
rc1-success: init->quorum
quorum-full: quorum->run
rc2-success: run->cleanup
cleanup-none: cleanup->shutdown
children-none: shutdown->finalize
rc3-success: finalize->goodbye
goodbye: goodbye->unload-builtins
builtins-done: unload-builtins->exit" transitions "$W/log"
is "flux dmesg shows them" "quorum-full: quorum->run" \
    sh -c 'flux start flux dmesg | sed -n "s/.*\(quorum-full: [^ ]*\).*/\1/p"'
has "with durations" "ms" sh -c 'flux start flux dmesg | grep quorum-full'
rm -f "$W/log"
run "$W/seven" "" true 2>/dev/null
has "a failed rc1 too" "rc1-fail: init->shutdown" transitions "$W/log"

# ---- signals ------------------------------------------------------------------------

# A start in the background whose command waits to be hung up on.
in_background() { # TEXT
    rm -f "$W/pid" "$W/order"
    flux start -Sbroker.rc3_path="$W/rc3" sh -c "$1
        echo \$\$ >$W/pid.new
        mv $W/pid.new $W/pid
        while :; do sleep 0.05; done" >"$W/err" 2>&1 &
    BROKER=$! ERR=$W/err
    _brokers="$_brokers $BROKER"
    wait_until test -s "$W/pid"
}

for signal in TERM INT HUP; do
    in_background 'trap "exit 9" HUP'
    kill -$signal "$BROKER"
    fails "SIG$signal: the command gets SIGHUP, its status counts" 9 "" ended
    is "SIG$signal: rc3 has run" "rc3 finalize," order
    ok "SIG$signal: the command is gone" gone "$(cat "$W/pid")"
done

in_background ':'
kill -TERM "$BROKER"
fails "a command that SIGHUP kills: 129" 129 "" ended

in_background "trap \"touch $W/hup\" HUP"
kill -TERM "$BROKER"
ok "a command may ignore the first signal" wait_until test -e "$W/hup"
kill -TERM "$BROKER"
fails "the second ends at once, with 1" 1 "" ended
ok "the command is killed" wait_until gone "$(cat "$W/pid")"
ok "and rc3 did not run" test ! -e "$W/order"

script slow "echo \$\$ >$W/rc1.pid; while :; do sleep 0.05; done"
flux start -Sbroker.rc1_path="$W/slow" "$W/command" >/dev/null 2>&1 &
BROKER=$!
wait_until test -s "$W/rc1.pid"
rm -f "$W/order"
kill -TERM "$BROKER"
fails "a signal in rc1 hangs up on it" 129 "" ended
ok "and the command never runs" test ! -e "$W/order"

start
ok "without a command, SIGTERM is the end" stop

finish
