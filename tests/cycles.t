#!/bin/sh
# cycles.t - 1,000 modules loaded and removed leave the broker as it was
. "${0%/*}/lib.sh"

CYCLES=1000
GROWTH=200 # kB: what an allocator may keep, one page in a few cycles at most
[ -z "${TEST_BUILD:-}" ] || CYCLES=50

entries() { # FOLDER
    find "$1" -mindepth 1 -maxdepth 1 | wc -l
}
state() { # of the broker: threads and descriptors, on one line
    echo "$(entries "/proc/$BROKER/task") $(entries "/proc/$BROKER/fd")"
}
memory() { # kB, but for the files' code, which leaves and comes back
    sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$BROKER/status"
}

cat >"$W/cycle.py" <<'EOF'
import sys
from wire import Client, outcome, same

c = Client()
answers = set()
for i in range(int(sys.argv[2])):
    answers.add(outcome(c.rpc("module.load",
                              {"path": sys.argv[1], "args": ["a"]})))
    answers.add(outcome(c.rpc("testmod.echo", {"i": i})))
    answers.add(outcome(c.rpc("module.remove", {"name": "testmod"})))
same(answers, {"ok"}, sys.argv[2] + " cycles")
EOF

start
code_has_left() { # 2,300 kB of it were there
    [ "$(sed -n 's/^RssFile:[[:space:]]*\([0-9]*\) kB/\1/p' \
        "/proc/$BROKER/status")" -lt 1900 ]
}
if [ -n "${TEST_BUILD:-}" ]; then
    skip "code of the start" "a $TEST_BUILD build has other code"
else
    ok "code that only the start needed leaves memory" wait_until code_has_left
fi
run_tap python3 "$W/cycle.py" "$TMOD/testmod.so" 50
is_single() {
    [ "$(entries "/proc/$BROKER/task")" -eq 1 ]
}
wait_until is_single
before=$(state)
rss=$(memory)
run_tap python3 "$W/cycle.py" "$TMOD/testmod.so" $CYCLES
is_as_before() {
    [ "$(state)" = "$before" ]
}
ok "threads and descriptors as before ($before)" wait_until is_as_before
grown=$(($(memory) - rss))
echo "# $rss kB, grown by $grown kB"
if [ -n "${TEST_BUILD:-}" ]; then
    skip "memory" "a $TEST_BUILD build keeps what was freed"
else
    ok "memory as before" test $grown -le $GROWTH
fi

# Clients, the same way.
cat >"$W/clients.py" <<'EOF'
import sys
from wire import Client, outcome, same

answers = set()
for i in range(int(sys.argv[1])):
    c = Client()
    c.rpc("event.subscribe", {"topic": "x"})
    c.rpc("service.add", {"service": "svc"})
    answers.add(outcome(c.rpc("broker.ping", {})))
    c.close()
    c = Client()
    answers.add(outcome(c.rpc("broker.ping", {})))
    c.close()
same(answers, {"ok"}, sys.argv[1] + " clients that come and go")
EOF
run_tap python3 "$W/clients.py" 50
rss=$(memory)
run_tap python3 "$W/clients.py" $CYCLES
ok "descriptors as before" wait_until is_as_before
grown=$(($(memory) - rss))
echo "# $rss kB, grown by $grown kB"
if [ -n "${TEST_BUILD:-}" ]; then
    skip "memory" "a $TEST_BUILD build keeps what was freed"
else
    ok "memory as before" test $grown -le $GROWTH
fi
ok "the broker ends well" stop
finish
