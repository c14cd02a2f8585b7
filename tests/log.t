#!/bin/sh
# log.t - the broker's log: flux logger, flux dmesg, stderr, a file, a ring
. "${0%/*}/lib.sh"

STAMP='[A-Z][a-z][a-z] [0-9][0-9] [0-9:]*\.[0-9]\{6\} UTC 20[0-9][0-9]'
ISO='20[0-9-]*T[0-9:]*\.[0-9]\{6\}Z'

# flux logger does not wait for an answer: until the line is in the file.
logger() { # OPTIONS TEXT
    flux logger "$@"
    for _last; do :; done
    wait_until grep -qF -e "$_last" "$W/file"
}

start -Slog-filename="$W/file"

# ---- logger, dmesg -------------------------------------------------------------

logger "hello world"
has "flux logger" "logger.notice[0]: hello world" flux dmesg
line_fits() {
    flux dmesg --color=never | grep -q "^$ISO logger\.notice\[0\]: hello world\$"
}
ok "a line of flux dmesg" line_fits
logger --severity=debug --appname=app text
has "--severity, --appname" "app.debug[0]: text" flux dmesg
for level in emerg alert crit err warning notice info debug; do
    logger -s $level -n level "is $level"
    has "severity $level" "level.${level}[0]: is $level" flux dmesg
done
fails "an unknown severity" 1 "invalid severity" flux logger -s loud x
echo "from stdin" | flux logger
wait_until grep -q "from stdin" "$W/file"
has "without arguments stdin is logged" "]: from stdin" flux dmesg
printf 'l1\nl2\n' | flux logger -n lines
wait_until grep -q l2 "$W/file"
is "each line by itself" "lines.notice[0]: l1
lines.notice[0]: l2" sh -c 'flux dmesg -Lnever | sed -n "s/^[^ ]* \(lines.*\)/\1/p"'
ok "-C clears" flux dmesg -C
is "all of it" "" flux dmesg
logger again
has "-c prints" "again" flux dmesg -c
is "and clears" "" flux dmesg
hasnt "--color=never has no escapes" "$(printf '\033')" flux dmesg --color=never
logger red
has "--color=always has" "$(printf '\033')" flux dmesg --color=always
fails "another colour" 1 "Usage: flux-dmesg" flux dmesg --color=blue
human_fits() {
    flux dmesg -H --color=never | grep -q '^\[[A-Z][a-z][a-z][0-9 ]* [0-9:]*\] logger'
}
ok "-H prints a time for people" human_fits
fails "--delta without -H" 1 "--delta can only be used with --human" \
    flux dmesg --delta

follow() { # OPTIONS: prints until it has seen the last line
    flux dmesg --follow "$@" >"$W/follow" &
    follower=$!
    _brokers="$_brokers $follower"
}
flux dmesg -C
logger before
follow
wait_until grep -q before "$W/follow"
logger after
ok "--follow shows what was and what comes" \
    wait_until grep -q after "$W/follow"
kill $follower
follow --new
wait_until sh -c 'flux logger next; grep -q next "$0"' "$W/follow"
hasnt "--new shows only what comes" before cat "$W/follow"
kill $follower

# ---- stderr, file -------------------------------------------------------------------

logger -s err "an error"
logger -s warning "a warning"
file_fits() {
    grep -q "^$STAMP logger\.warning\[0\]: a warning\$" "$W/file"
}
ok "log-filename has all levels, dated" file_fits
stderr_fits() {
    grep -q "^$STAMP logger\.err\[0\]: an error\$" "$ERR"
}
ok "stderr has errors" stderr_fits
hasnt "and no warnings" "a warning" cat "$ERR"
flux setattr log-stderr-level 7
logger -s debug "a detail"
has "log-stderr-level may be raised at run time" "logger.debug[0]: a detail" \
    cat "$ERR"
flux setattr log-stderr-level -1
logger -s err "not shown"
hasnt "and lowered" "not shown" cat "$ERR"
logger -s crit "critical"
has "log-critical-level is always shown" "critical" cat "$ERR"
ok "stop" stop

start -Slog-stderr-mode=local -Slog-stderr-level=7 -Slog-filename="$W/file2"
flux logger -s err "an error"
wait_until grep -q "an error" "$W/file2"
is "log-stderr-mode=local: as journals want it" "<3>logger[0]: an error" \
    sed -n '/an error/p' "$ERR"
has "with each line's level" "<7>broker[0]: insmod config" cat "$ERR"
stop

# ---- levels, ring -------------------------------------------------------------------

start -Slog-level=4 -Slog-ring-size=3
for i in 1 2 3 4 5; do
    flux logger -s warning "w$i"
    flux logger -s notice "n$i"
done
flux logger -s err last
wait_until grep -q last "$ERR"
is "log-level and log-ring-size: the last three that fit" "w4 w5 last " \
    sh -c 'flux dmesg -Lnever | sed "s/.* //" | tr "\n" " "'
stop

for setting in log-level=9 log-level=x log-ring-size=0 log-ring-size=-1 \
    log-stderr-mode=loud log-syslog-enable=2; do
    fails "-S$setting is refused" 1 "flux-broker: ${setting%%=*}:" flux start "-S$setting" true
done
fails "a log file that cannot be made" 1 \
    "log-filename: cannot open '$W/none/log'" \
    flux start -Slog-filename="$W/none/log" true
if [ -e /dev/full ]; then
    ok "a full disk does not stop the broker" \
        flux start -Slog-filename=/dev/full flux logger hello
fi
hasnt "-o-v logs all to stderr" "x" \
    sh -c 'flux start -o-v true 2>&1 | grep -q "broker.debug" || echo x'

# ---- what is no log line --------------------------------------------------------------

start
cat >"$W/bad.py" <<'EOF'
from wire import NORESPONSE, STREAMING, Client, outcome, same

c = Client()
for line in (b"", b"\0", b"<", b"<40>", b"<99999999999999999999>1 t h a - - -",
             b"no priority", b"<40>1 t h a p m s\n\0\n", b"\xff" * 70000,
             b"<40>1 2026-11-23T00:44:37.594989Z 0 x 1 - - \xff\xfe"):
    c.request("log.append", line, flags=NORESPONSE)
same(outcome(c.rpc("log.dmesg", {"follow": False})), "EPROTO",
     "log.dmesg is a streaming request")
same(outcome(c.rpc("log.dmesg", {}, flags=STREAMING)), "EPROTO",
     "and says whether to follow")
tag = c.request("log.dmesg", {"follow": False}, flags=STREAMING)
msg = c.answer(tag)
while msg.a == 0:
    msg = c.answer(tag)
same(outcome(msg), "ENODATA", "after odd lines the log is still there")
EOF
run_tap python3 "$W/bad.py"
ok "the broker ends well" stop

# ---- who does not take all of it at once ------------------------------------------------

# 72 MB in the ring, more than a link may hold (link.h)
start -Slog-ring-size=1200
cat >"$W/slow.py" <<'EOF'
from wire import NORESPONSE, STREAMING, Client, outcome, same, say

HEAD = b"<40>1 2026-11-23T00:44:37.594989Z 0 slow 1 - - "


def is_numbered(lines):
    numbers = [int(line[len(HEAD):].split()[0]) for line in lines]
    return numbers == list(range(numbers[0], 1300))


writer, follower, reader = Client(), Client(), Client()
late = follower.request("log.dmesg", {"follow": True}, flags=STREAMING)
for i in range(1300):
    writer.request("log.append", HEAD + b"%d " % i + 60000 * b"x",
                   flags=NORESPONSE)
same(outcome(writer.rpc("log.stats-get")), "ok", "1300 long lines are taken")
tag = reader.request("log.dmesg", {"follow": False}, flags=STREAMING)
lines = []
msg = reader.answer(tag)
while msg.a == 0:
    lines.append(msg.payload)
    msg = reader.answer(tag)
same((len(lines), outcome(msg)), (1200, "ENODATA"), "the whole ring is read")
say(is_numbered(lines), "in order")
lost, mine = 0, []
while not mine or not mine[-1].startswith(HEAD + b"1299 "):
    line = follower.answer(late).payload
    if b"were lost to this reader" in line:
        lost = int(line.split(b"- - - ")[1].split()[0])
    elif line.startswith(HEAD):
        mine.append(line)
say(lost > 0 and lost + len(mine) == 1300,
    "who follows and did not read knows what it has missed",
    "%d lost, %d read" % (lost, len(mine)))
EOF
run_tap python3 "$W/slow.py"
stop

mkfifo "$W/stuck"
exec 8<>"$W/stuck"
RUNDIR=$W/stuck.d FLUX_URI=local://$W/stuck.d/local-0
mkdir "$RUNDIR"
flux start -Srundir="$RUNDIR" -Slog-stderr-level=7 \
    -Sbroker.rc2_none=1 2>"$W/stuck" 8<&- &
BROKER=$!
_brokers="$_brokers $BROKER"
export FLUX_URI
wait_until is_running
awk 'BEGIN { for (i = 0; i < 900; i++) printf "%0200d\n", i }' | flux logger
ok "nobody reads stderr: the broker goes on" timeout 10 flux ping -c 1 broker
cat <&8 >"$W/read" &
reader=$!
exec 8<&-
read_again() {
    flux logger "next"
    grep -q ": next" "$W/read"
}
ok "a reader sees what comes" wait_until read_again
has "and how many lines were lost" "log lines were lost" cat "$W/read"
kill $reader
ok "the broker ends" stop
finish
