#!/bin/sh
# status.t - flux module status: all that is known of a module
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

MOD=$TMOD/testmod.so
start
flux module load "$MOD" --service=extra
flux module load --exec --name=proc --on-failure=log "$MOD" one two

status() { # NAME LABEL: the line's rest
    flux module status "$1" | sed -n "s/^  $2  *//p"
}
value() { # NAME EXPRESSION of what --json has
    flux module status --json "$1" | json "$2"
}
ask() { # [ARGS]: a client that waits for an answer that does not come
    flux rpc testmod.wait '{}' >/dev/null 2>&1 &
    asker=$!
}
pending_is() { # N
    [ "$(value testmod "d['pending']")" -eq "$1" ]
}

# ---- what it is ------------------------------------------------------------------

is "its name is the first line" testmod \
    sh -c 'flux module status testmod | head -1'
has "state" "running, idle for 0s" status testmod state
is "a thread" thread status testmod 'runs as'
is "path" "$MOD" status testmod path
is "digest" "$(sha1sum <"$MOD" | cut -d' ' -f1)" status testmod sha1
is "arguments" "one two" status proc arguments
has "services" "extra" status testmod services
has "subscriptions" "testmod.stats-clear" status testmod subscribed
has "since when" "$(date +%Y-%m-%dT)" status testmod loaded
has "a process, with pid and loader" "loader module-exec" status proc 'runs as'
pid_is_right() {
    kill -0 "$(value proc "d['pid']")" &&
        grep -q flux-module-exec "/proc/$(value proc "d['pid']")/cmdline"
}
ok "its pid" pid_is_right
has "the command that started it" "flux-module-exec $MOD" status proc command
has "what its failure leads to" "log, 0 restarts so far" status proc 'on failure'
is "no such line where nothing was said" "" status testmod 'on failure'
is "how it was loaded" "$MOD True log" \
    value proc "'%s %s %s' % tuple(d['request'][k] for k in ('path', 'exec', 'on-failure'))"
is "memory of a process is known" True value proc "d['usage']['memory'] > 100000"
is "that of a thread is not" False value testmod "'memory' in d['usage']"
is "CPU is, of both" "True True" \
    value testmod "'%s %s' % ('cpu' in d['usage'], d['usage']['cpu'] >= 0)"
for name in config connector-local; do
    is "$name is builtin" builtin status $name 'runs as'
done

# ---- who uses it -------------------------------------------------------------------

is "no one at first" "[]" value testmod "d['users']"
ask
one=$asker
ask
ok "requests without an answer are counted" wait_until pending_is 2
users() {
    value testmod "sorted((u['name'], u['requests'], u['pid'] in ($one, $asker),
        u['userid'] == $(id -u)) for u in d['users'])"
}
is "clients with requests in it, by pid and uid" \
    "[('client', 1, True, True), ('client', 1, True, True)]" users
has "in the text too" "(pid $one, uid $(id -u)): 1 request" \
    flux module status testmod
kill $one $asker
ok "who goes away is forgotten" wait_until pending_is 0
is "the most that there were is not" 2 value testmod "d['pending-max']"
flux module load "$TMOD/relay.so"
flux rpc relay.ask '{"topic":"testmod.wait","payload":{}}' >/dev/null 2>&1 &
asker=$!
ok "a module asks another" wait_until pending_is 1
is "modules by name" "['relay']" value testmod "[u['name'] for u in d['users']]"
kill $asker
flux module remove -f testmod
flux module remove relay
flux module load "$MOD"
ok "it too is forgotten" pending_is 0

# ---- numbers -----------------------------------------------------------------------

requests() {
    value testmod "d['rx']['request']"
}
before=$(requests)
flux rpc testmod.echo '{"x":"0123456789"}' >/dev/null
# The echo and its client's disconnect.
is "requests are counted" $((before + 2)) requests
has "answers have a histogram" "half of them within" status testmod answers
is "that has all of them" True value testmod \
    "d['latency']['count'] == sum(d['latency']['buckets']) > 0"
flux module debug --help >/dev/null 2>&1
flux rpc module.debug '{"name":"testmod","defer":true}' >/dev/null
has "a module whose messages are deferred is named so" \
    "its messages are deferred" status testmod state
flux rpc module.debug '{"name":"testmod","defer":false}' >/dev/null

# ---- failures ------------------------------------------------------------------------

fails "one that is not loaded" 1 "flux-module: status: nosuch is not loaded" \
    flux module status nosuch
fails "the others are shown all the same" 1 "runs as     thread" \
    flux module status testmod nosuch
is "--json of many is an array" "['testmod', 'proc']" sh -c \
    'flux module status --json testmod proc | python3 -c "import json, sys
print([m[\"name\"] for m in json.load(sys.stdin)])"'
ok "without a name: all" sh -c '[ $(flux module status | grep -c "^[a-z]") -ge 4 ]'
flux module load --exec --name=die --on-failure=restart:3/60 "$TMOD/dying.so"
restarted() {
    [ "$(value die "d['restarts'], d['status']")" = "(1, 1)" ]
}
flux rpc die.die '{"how":"exit3"}' >/dev/null 2>&1
ok "one that failed and is back" wait_until restarted
has "its last failure" "loader (module-exec) exited with exit code 3" \
    status die failed
is "in JSON" 'loader (module-exec) exited with exit code 3' \
    value die "d['failure']['reason']"
flux module remove die
fails "what failed and is gone is remembered" 1 \
    "die is not loaded; it failed: loader (module-exec) exited with exit code 3" \
    flux module status die
flux module load --exec --name=lines "$TMOD/dying.so" lines 2>/dev/null
fails "with its last lines" 1 "line 30" flux module status lines

guest() {
    FLUX_HANDLE_USERID=9999 FLUX_HANDLE_ROLEMASK=0x2 "$@"
}
fails "not for guests" 1 "Request requires owner credentials" \
    guest flux module status testmod
ok "but the counters are" guest flux rpc module.stats
flux module remove testmod
flux module remove proc
ok "the broker ends well" stop

# ---- another broker ---------------------------------------------------------------------

cat >"$W/answers" <<'EOS'
{"module.list": {"any": {"mods": [{"name": "plain", "path": "/x/plain.so",
  "idle": 5, "status": 1, "services": ["plain"], "sendqueue": 3,
  "recvqueue": 4}]}}}
EOS
mkfifo "$W/hold"
python3 "$here/fakebroker.py" "$W/socket" "$W/answers" <"$W/hold" &
exec 9>"$W/hold"
wait_until test -S "$W/socket"
FLUX_URI=local://$W/socket
is "a broker without module.info: what its list has" "plain
  state       running, idle for 5s
  path        /x/plain.so
  services    plain
  queued      3 to send, 4 received" flux module status plain
fails "and what it has not" 1 "nosuch is not loaded" flux module status nosuch
is "its long list has no column for digests" \
    "Module                    Idle  S Sendq Recvq Service  Path
plain                        5  R     3     4          /x/plain.so" \
    flux module list -l
fails "digests that are asked for by name are missed" 1 \
    "flux-module: this broker has no digests" \
    flux module list -o '{name} {digest}'
hasnt "others are not" "no digests" flux module list -o '{name} {path}'
no_counters() { # OPTION COMMAND...: "WHAT: this broker has no counters"
    _what=$1
    shift
    fails "$_what" 1 "flux-module: $_what: this broker has no counters" \
        flux module "$@"
}
no_counters --base stats --base plain
no_counters --prometheus stats --prometheus
no_counters top top -b -n 1
no_option() { # OPTION=VALUE SUBCOMMAND...
    fails "$2 $1" 1 "flux-module: ${1%%=*}: this broker has no such option" \
        flux module "$2" "$1" plain
}
no_option --on-failure=log load
no_option --wrap=valgrind load
no_option --sha1=0123456789012345678901234567890123456789 load
no_option --on-failure=restart reload
no_option --timeout=1s remove
exec 9>&-
wait
finish
