#!/bin/sh
# demo.t - make demo: on one screen, in time, and with the outputs that it is for
. "${0%/*}/lib.sh"

SECONDS_AT_MOST=10
LINES_AT_MOST=50

begin=$(seconds)
ok "make demo" sh -c '"$0/../examples/demo.sh" >"$1"' "$here" "$W/demo"
taken=$(($(seconds) - begin))
[ -n "${TEST_BUILD:-}" ] || ok "in time" test $taken -le $SECONDS_AT_MOST
ok "on one screen" test "$(wc -l <"$W/demo")" -le $LINES_AT_MOST
for text in '$ flux module load ./hello.so' '{"greeting":"Welcome to Flux"}' \
    '{"greeting":"hello from a process"}' '0!hello.ping pad=0 seq=0' \
    'hello rx > hello.greet [18]' 'hello tx < hello.greet [30] success' \
    '{"greeting":"Welcome, dear reader!"}' '$ flux module remove hello' \
    '$ flux start -s 4' '{"greeting":"hello, dear rank 3!"}' '0     0 1-3'; do
    has "it shows: $text" "$text" cat "$W/demo"
done
is "the last list has builtin modules alone" \
    "config overlay groups rexec connector-local" \
    sed -n '/| xargs$/{n;p;}' "$W/demo"
finish
