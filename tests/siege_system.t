#!/bin/sh
# siege_system.t - a system that fails: killed, full, closed, with odd clocks
. "${0%/*}/lib.sh"

HELLO=$B/lib/flux/modules/hello.so
LOADER=$here/loader40.py

# A second is promised; a busy machine is given more (make check-siege: not).
soon() { # CMD...
    _most=5
    [ "${SIEGE:-}" = full ] && _most=1
    DEADLINE=$_most wait_until "$@"
}

# ---- SIGKILL of the broker, at any moment -----------------------------------------------

# A command and a loader, each with a child in the background.
cat >"$W/command" <<'EOF'
#!/bin/sh
sleep 1000 &
echo "$$ $!" >"$1"
wait
EOF
cat >"$W/loader" <<EOF
#!/bin/sh
sleep 1000 &
echo "\$\$ \$!" >"$W/loader.pids"
exec "$LOADER" "\$@"
EOF
chmod +x "$W/command" "$W/loader"
all_gone() { # PIDS
    for pid in "$@"; do
        gone "$pid" || return 1
    done
}
mkdir "$W/kill"
FLUX_URI=local://$W/kill/local-0
export FLUX_URI
flux start -Srundir="$W/kill" "$W/command" "$W/command.pids" 2>"$W/err" &
broker=$!
_brokers="$_brokers $broker"
ok "a command with a child" wait_until test -s "$W/command.pids"
ok "a loader with a child" \
    flux module load --loader="$W/loader" --name=forty "$LOADER"
# shellcheck disable=SC2046  # several words
set -- $(cat "$W/command.pids" "$W/loader.pids")
_brokers="$_brokers $*"
kill -KILL $broker
ok "SIGKILL of the broker soon ends all four" soon all_gone "$@"
wait $broker 2>/dev/null
is "and the next start is clean" "$FLUX_URI" \
    flux start -Srundir="$W/kill" sh -c 'echo $FLUX_URI'

none_of_it() { # is there with the killed broker's environment
    ! grep -qsa "FLUX_URI=local://$W/moment" /proc/[0-9]*/environ
}
killed_after() { # SECONDS: the broker, while it starts, loads, runs and ends
    rm -rf "$W/moment" && mkdir "$W/moment"
    setsid -w sh -c 'flux start -Srundir="$0" -Sbroker.rc1_path="flux module \
        load --exec $1" sh -c "flux module load --name=t $1; flux ping -c 3 t" &
        sleep "$2"; kill -KILL $!; wait $!' \
        "$W/moment" "$HELLO" "$1" >/dev/null 2>&1
    soon none_of_it
}
for moment in 0 0.002 0.005 0.01 0.02 0.03 0.05 0.08; do
    ok "SIGKILL $moment s after its start leaves nothing" killed_after $moment
    ok "and the next start is clean" flux start -Srundir="$W/moment" true
done

# ---- standard descriptors ----------------------------------------------------------------

closed() { # CMD...: without stdin, stdout, stderr
    "$@" <&- >&- 2>&-
}
ok "a start without stdio" closed flux start true
fails "has the command's status" 3 "" closed flux start sh -c 'exit 3'
cat >"$W/work" <<EOF
flux module load --exec "$HELLO" && flux module load --name=t "$HELLO" &&
flux ping -c 1 hello >"$W/pings" && flux ping -c 1 t >>"$W/pings" &&
flux module remove t && flux module remove hello
EOF
ok "modules, in threads and in processes" closed flux start sh "$W/work"
is "which answer" 2 grep -c 'time=' "$W/pings"
fails "output that cannot be written is an error" 1 "" \
    closed flux start flux getattr rank
ok "nobody reads stderr" sh -c \
    '{ flux start -o-v sh "$0"; echo $? >"$1"; } 2>&1 | :' "$W/work" "$W/status"
is "that costs nothing" 0 cat "$W/status"

# ---- the log cannot be written ------------------------------------------------------------

if [ -c /dev/full ]; then
    ok "a log on a full disk" flux start -Slog-filename=/dev/full sh "$W/work"
else
    skip "a log on a full disk" "no /dev/full"
fi
mkfifo "$W/fifo"
exec 8<>"$W/fifo"
start -Slog-filename="$W/fifo" 8<&-
exec 8<&-
for i in 1 2 3; do
    flux logger -s err "lost $i"
done
is "the log's reader has gone: three lines are lost" "lost 1 lost 2 lost 3 " sh -c \
    'flux dmesg | sed -n "s/.*: lost/lost/p" | tr "\n" " "'
timeout 10 cat "$W/fifo" >"$W/read" &
reader=$!
has_come() {
    flux logger -s err "next"
    grep -q next "$W/read"
}
ok "a new one sees what comes" wait_until has_come
has "and how many lines were lost" "log lines were lost" cat "$W/read"
ok "stop" stop
kill $reader 2>/dev/null
wait $reader 2>/dev/null

# ---- folders --------------------------------------------------------------------------------

fails "a TMPDIR that cannot be written" 1 "cannot make a folder in '/proc'" \
    env TMPDIR=/proc flux start true
hidden() { # FOLDER OPTIONS CMD...: behind an empty file system of its own
    unshare -m sh -c 'mount -t tmpfs -o "$2" none "$1" && shift 2 && exec "$@"' \
        sh "$@"
}
mkdir "$W/sealed"
if hidden /proc ro true 2>/dev/null; then
    fails "a TMPDIR that is read-only" 1 "Read-only file system" \
        hidden "$W/sealed" ro env TMPDIR="$W/sealed" flux start true
else
    skip "a TMPDIR that is read-only" "needs root and its file systems"
fi
if [ -n "${TEST_BUILD:-}" ]; then
    skip "no /proc" "a $TEST_BUILD build looks at itself there"
elif hidden /proc ro true 2>/dev/null; then
    rm -f "$W/pings"
    ok "no /proc: modules, in threads and in processes" \
        hidden /proc ro flux start sh "$W/work"
    is "which answer" 2 grep -c 'time=' "$W/pings"
    is "nor on more ranks" 3 hidden /proc ro flux start -s 3 flux getattr size
else
    skip "no /proc" "needs root and its file systems"
fi
mkdir "$W/real"
ok "a link of one's own is no harm" sh -c \
    'ln -s "$0/real" "$0/link" && flux start -Srundir="$0/link" true' "$W"
if is_root; then
    ln -s "$W/real" "$W/planted"
    chown -h 65534 "$W/planted"
    fails "a link that another user has planted is refused" 1 \
        "is a link that belongs to user 65534" \
        flux start -Srundir="$W/planted" true
    cp "$B/bin/busyflux" "$W/setuid"
    chown 65534 "$W/setuid"
    chmod 4755 "$W/setuid"
    chmod 755 "$W"
    if [ "$("$W/setuid" --version 2>&1)" = "$(flux --version 2>&1)" ]; then
        skip "setuid" "the file system does not honour it"
    else
        fails "a setuid context is refused" 1 "must not run setuid" \
            "$W/setuid" --list
    fi
else
    skip "a planted link; setuid" "needs root"
fi
is "modes of run folder, socket and lock" "700 777 600" sh -c \
    'flux start sh -c "cd \$(flux getattr rundir) &&
        echo \$(stat -c %a . local-0 broker-0.lock)"'
cp "$HELLO" "$W/real/found.so"
fails "an empty element of FLUX_MODULE_PATH is not this folder" 1 "not found" \
    sh -c 'cd "$0" && FLUX_MODULE_PATH=: flux start flux module load found' \
    "$W/real"

# ---- processes cannot be made ---------------------------------------------------------------

if is_root && as_other_user "$B/bin/flux" -V >/dev/null 2>&1 &&
    command -v prlimit >/dev/null; then
    cat >"$W/full" <<EOF
flux module load --exec "$HELLO"
flux module load "$HELLO"
flux getattr rank
EOF
    mkdir -m 777 "$W/shared"
    chmod 755 "$W" "$W/full"
    full() { # with room for 1 to 6 processes of a user who has no others
        for room in 1 2 3 4 5 6; do
            (cd / && TMPDIR=$W/shared setpriv --reuid=54321 --regid=54321 \
                --clear-groups prlimit --nproc=$room flux start sh "$W/full")
        done
    }
    full >"$W/full.out" 2>&1
    for what in "rc2.0: cannot start sh" "cannot start loader (module-exec)" \
        "cannot create a thread"; do
        has "a full process table: $what" \
            "$what: Resource temporarily unavailable" cat "$W/full.out"
    done
    is "and nothing is left" "" ls "$W/shared"
else
    skip "a full process table" "needs root, prlimit, programs others may run"
fi

# ---- clocks, locales -------------------------------------------------------------------------

if [ -z "${TEST_BUILD:-}" ]; then
    export CLOCK=1
    ok "a clock that jumps an hour back and forth" env \
        LD_PRELOAD="$TMOD/clock.so" flux start -Slog-filename="$W/jumps" sh -c \
        "date; date; date; sh '$W/work' && flux module load --load-timeout=5 \
        '$HELLO' && flux module remove --timeout=5 hello && flux dmesg &&
        flux uptime && flux ping -c 3 -i 0.01 broker"
    unset CLOCK
    ok "it did jump" sh -c \
        'test "$(cut -c8-9 "$0" | sort -u | wc -l)" -gt 1' "$W/jumps"
else
    skip "a clock that jumps" "$TEST_BUILD"
fi
if localedef -i de_DE -f UTF-8 "$W/de_DE.UTF-8" 2>/dev/null; then
    comma() {
        env LOCPATH="$W" LC_ALL=de_DE.UTF-8 "$@"
    }
    is "the locale has decimal commas" "0,5" comma awk 'BEGIN { printf "%.1f", 0.5 }'
    printf '[x]\ny = 1.5\n' >"$W/c.toml"
    is "TOML and JSON have none" '{"x":{"y":1.5}}' \
        comma flux start -c "$W/c.toml" flux config get
    ok "durations neither" comma flux start -Sbroker.rc3-timeout=1.5s \
        flux ping -c 1 -i 0.01 broker
    if command -v python3 >/dev/null; then
        ok "nor does a module that sets the locale in the broker change that" \
            comma flux start -c "$W/c.toml" sh -c \
            'flux module load "$0" && flux config get | grep 1.5 &&
             flux rpc locale.ping "{\"x\":2.5}" | grep 2.5; rc=$?
             flux module remove locale; exit $rc' "$TMOD/locale.so"
    fi
else
    skip "decimal commas" "no localedef"
fi
finish
