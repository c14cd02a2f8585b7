#!/bin/sh
# trace_formats.t - flux module trace: what it shows beyond Flux's own lines
# shellcheck source=tests/lib.sh
# shellcheck disable=SC2086 # $OTHER is several words
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/testmod.so"
flux module load "$TMOD/relay.so"

# The tracer is known to watch once a failed request to config is in its
# output, and to have seen all once another is.  Of the first one it may have
# seen the response alone.
until_shown() { # TOPIC
    wait_until sh -c 'flux rpc "$1" >/dev/null 2>&1; grep -q "$1" "$2"' - \
        "$1" "$W/trace"
}

begin() { # OPTIONS
    flux module trace "$@" testmod relay config >"$W/trace" 2>"$W/trace.err" &
    tracer=$!
    until_shown config.begin
}

end() {
    until_shown config.end
    kill -TERM $tracer
    wait $tracer
}

cat >"$W/demo.py" <<'EOP'
from wire import *
c = Client()
c.rpc("testmod.echo", {"a": [1.10, "x"]})
c.rpc("relay.ask", {"topic": "testmod.echo", "payload": {"b": 2}})
c.rpc("relay.ask", {"topic": "testmod.nosuch", "payload": {}})
c.rpc("relay.ask", {"topic": "attr.get", "payload": {"name": "rank"}})
c.rpc("relay.tell", {"topic": "some.event"})
c.rpc("relay.tell", {"topic": "an;odd#event"})
for tag in [c.request("testmod.echo", {"i": i}) for i in range(5)]:
    c.answer(tag)
c.request("testmod.wait", {})
c.request("testmod.echo", flags=NORESPONSE)
c.rpc("testmod.echo", {})
EOP
demo() {
    python3 "$W/demo.py"
}

# ---- text --------------------------------------------------------------------

STAMP='^20[0-9-]*T[0-9:]*\.[0-9][0-9][0-9]'
shown() { # PATTERN
    grep -qE -e "$STAMP$MICRO $1\$" "$W/trace" || { cat "$W/trace"; false; }
}

MICRO=
begin
demo
kill_text() {
    until_shown config.end
    kill $tracer
}
kill_text
ok "a request as ever" shown 'testmod rx > testmod\.echo \[[0-9]+\]'
ok "a response as ever" shown 'testmod tx < testmod\.echo \[[0-9]+\] success'
ok "a failed one as ever" shown 'testmod tx < testmod\.nosuch \[[0-9]+\] ENOSYS'
ok "an event as ever" shown 'relay tx e some\.event \[0\]'

begin --proto
demo
kill_text
MICRO='[0-9]{3}'
ID='[0-9a-f]{8}'
ok "--proto: a request" shown \
    "testmod rx > testmod\.echo \[[0-9]+\] matchtag=1 nodeid=any flags=topic,payload,route userid=$(id -u) rolemask=owner,local routes=$ID,$ID,$ID"
ok "a response" shown \
    "testmod tx < testmod\.echo \[[0-9]+\] success matchtag=1 flags=topic,payload,route userid=$(id -u) rolemask=owner,local routes=$ID,$ID,$ID"
ok "a module's own request" shown \
    "relay tx > testmod\.echo \[[0-9]+\] matchtag=[0-9]+ nodeid=any flags=topic,payload,route userid=$(id -u) rolemask=owner,local"
ok "flag noresponse" shown \
    "testmod rx > testmod\.echo \[0\] matchtag=0 nodeid=any flags=topic,noresponse,route .*"
ok "an event" shown 'relay tx e some\.event \[0\] flags=topic.* userid=.*'

begin --match
demo
kill_text
MICRO=
MS='[0-9]+\.[0-9]{3}ms'
ok "--match: a response has its latency" shown \
    "testmod tx < testmod\.echo \[[0-9]+\] success $MS"
ok "on the side of the one who asked too" shown \
    "relay rx < testmod\.echo \[[0-9]+\] success $MS"
ok "also a failed one" shown "testmod tx < testmod\.nosuch \[[0-9]+\] ENOSYS $MS"
unmatched() {
    grep -E ' (tx|rx) < ' "$W/trace" | grep -vE -e "$MS\$" -e config.begin
}
fails "no response is without" 1 "" unmatched
ok "no request has one" shown 'testmod rx > testmod\.echo \[[0-9]+\]'

begin --match --type=response
demo
kill_text
hasnt "--match with --type=response shows no request" " > " cat "$W/trace"
fails "but knows of them" 1 "" unmatched

begin --errors
demo
kill_text
not_failed() {
    grep -vE ' < .* ENOSYS$' "$W/trace"
}
fails "--errors: only failed responses" 1 "" not_failed
ok "all of them" shown 'relay tx < relay\.ask \[[0-9]+\] ENOSYS'

# ---- count, time, rank ----------------------------------------------------------

flux module trace --count=3 testmod >"$W/trace" &
tracer=$!
ended_after_pings() {
    flux ping -c 1 testmod >/dev/null
    gone "$tracer"
}
ok "--count ends it" wait_until ended_after_pings
ok "with success" wait $tracer
is "after so many messages" 3 sh -c "wc -l <'$W/trace'"
is "--for ends it, with success" "" flux module trace --for=0.05s testmod
is "--for=0" "" flux module trace --for=0 --json testmod
is "--rank=0" "" flux module trace --for=0.05s --rank=0 testmod
fails "a rank that is not there" 1 "module.trace: rank 7: No route to host" \
    flux module trace --for=5s --rank=7

# ---- JSON --------------------------------------------------------------------------

begin --json
demo
ok "--json ends well on SIGTERM" end
cat >"$W/records.py" <<'EOP'
import json
import sys
from wire import *

records = [json.loads(line) for line in open(sys.argv[1])]
KEYS = ("timestamp prefix rank name type topic payload_size payload errnum "
        "errstr matchtag nodeid flags userid rolemask routes uuid").split()
same([r for r in records if list(r) != KEYS], [], "--json: the keys of a line")


def find(**wanted):
    return [r for r in records if all(r[k] == v for k, v in wanted.items())]


request = find(topic="testmod.echo", prefix="rx")[0]
response = find(topic="testmod.echo", prefix="tx", type=RESPONSE)[0]
same((request["payload"], response["payload"]),
     ({"a": [1.10, "x"]}, {"a": [1.10, "x"]}), "payloads")
same((request["matchtag"], request["nodeid"], response["nodeid"]),
     (1, NODEID_ANY, None), "matchtag and nodeid")
same((request["userid"], request["rolemask"]), (os.getuid(), OWNER | LOCAL),
     "userid and rolemask")
same(request["flags"], TOPIC | PAYLOAD | ROUTE, "flags")
same(len(request["routes"]), 3, "routes")
same(response["routes"], request["routes"], "the same in the response")
same(response["timestamp"] > request["timestamp"], True, "time")
asked = find(name="relay", topic="testmod.echo", type=REQUEST)[0]
same((asked["routes"], asked["prefix"]), ([], "tx"),
     "a module's own request has no routes yet")
served = [r for r in find(name="testmod", prefix="rx", type=REQUEST)
          if r["routes"][0] == asked["uuid"]]
same(served[0]["matchtag"], asked["matchtag"],
     "who gets it sees the module first")
event = find(type=EVENT)[0]
same((event["matchtag"], event["nodeid"]), (None, None), "an event has neither")
failed = find(topic="testmod.nosuch", prefix="tx", type=RESPONSE)[0]
same((failed["errnum"], failed["errstr"]),
     (errno.ENOSYS, "Unknown service method 'testmod.nosuch'"), "errors")
EOP
run_tap python3 "$W/records.py" "$W/trace"
micro() {
    grep -vE '^\{"timestamp":[0-9]{10}\.[0-9]{6},' "$W/trace"
}
fails "times to the microsecond" 1 "" micro
ok "payloads are passed on as they were written" grep -qF '{"a": [1.1, "x"]}' \
    "$W/trace"

begin --format=json --match
demo
end
latencies() {
    grep -v config.begin "$W/trace" |
        sed -e '1s/^/[/' -e '$!s/$/,/' -e '$s/$/]/' |
        json '[r["topic"] for r in d if (r["type"] == 2) != ("latency" in r)]'
}
is "--json --match: all responses have latencies, and nothing else" "[]" \
    latencies

begin --json --errors
demo
end
fails "--json --errors" 1 "" grep -vE '"type":2,.*"errnum":38,' "$W/trace"

first_line() {
    { flux module trace --json testmod 2>"$W/trace.err" & } | head -n 1
}
until_first() {
    first_line >"$W/first" &
    wait_until sh -c 'flux ping -c 1 testmod; [ -s "$0" ]' "$W/first"
}
ok "a reader that goes away" until_first
flux ping -c 2 -i 0.01 testmod >/dev/null
is "ends it without a word" "" cat "$W/trace.err"

# ---- viewers ----------------------------------------------------------------------

begin --format=perfetto
demo
ok "--format=perfetto ends well on SIGTERM" end
run_tap python3 "$here/trace_event.py" "$W/trace"

begin --format=perfetto --errors --full
demo
end
fine_spans() {
    grep '"ph":"X"' "$W/trace" | grep -v '"error":"ENOSYS"'
}
fails "with --errors only failed calls" 1 "" fine_spans
has "with --full requests and texts" '"errstr":"Unknown service method' \
    cat "$W/trace"

begin --format=mermaid
demo
ok "--format=mermaid ends well on SIGTERM" end
# With names for numbers, without what the clients' disconnects add.
diagram() {
    awk '/ participant / { name[$2] = $4; next }
    {
        for (p in name) {
            sub("^ *" p "-", name[p] "-")
            sub(">" p ":", ">" name[p] ":")
            sub("x" p ":", "x" name[p] ":")
        }
        print
    }' "$W/trace" | grep -v -e config -e disconnect -e '^client.*)' | head -n 14
}
is "a call between modules is one arrow" "sequenceDiagram
client->>testmod: testmod.echo
testmod-->>client: testmod.echo
client->>relay: relay.ask
relay->>testmod: testmod.echo
testmod-->>relay: testmod.echo
relay-->>client: relay.ask
client->>relay: relay.ask
relay->>testmod: testmod.nosuch
testmod--xrelay: testmod.nosuch ENOSYS
relay--xclient: relay.ask ENOSYS
client->>relay: relay.ask
relay->>attr: attr.get
attr-->>relay: attr.get" diagram
has "who is not traced is named by the service" "as attr" cat "$W/trace"
has "an event is a note" "publishes some.event" cat "$W/trace"
has "no text is taken for syntax" "publishes an；odd＃event" cat "$W/trace"
begin --format=mermaid --match
demo
end
ok "--match: latencies" grep -qE ": testmod\.echo $MS\$" "$W/trace"

# ---- usage --------------------------------------------------------------------------

fails "--count=0" 1 "at least 1" flux module trace --count=0
fails "--count=x" 1 "Usage:" flux module trace --count=x
fails "--for=x" 1 "Usage:" flux module trace --for=x
fails "--format=x" 1 "valid formats: text, json, perfetto, mermaid" \
    flux module trace --format=x
fails "two formats" 1 "exclude each other" \
    flux module trace --json --format=mermaid
fails "--human with JSON" 1 "cannot be used" flux module trace --json --human
fails "--full with mermaid" 1 "cannot be used" \
    flux module trace --format=mermaid --full

# ---- a reader that is too slow --------------------------------------------------------

cat >"$W/slow.py" <<'EOP'
import sys
from wire import *

COUNT, BALLAST = 6000, "x" * 4000


def memory():
    with open("/proc/%s/status" % sys.argv[1]) as f:
        return [int(l.split()[1]) for l in f if l.startswith("VmRSS")][0]


def watch(**more):
    c = Client()
    c.request("module.trace", dict(typemask=3, topic_glob="testmod.echo",
                                   names=[], full=True, **more), flags=STREAMING)
    return c


def records(c):
    while True:
        value = c.recv().json()
        yield from value.get("records", [value])


def drain(c, total):
    seen = dropped = 0
    while seen + dropped < total:
        r = next(c)
        if "dropped" in r:
            dropped += r["dropped"]
        else:
            seen += 1
    return seen, dropped


slow = [watch(), watch(proto=True), watch(proto=True, batch=True)]
for c in slow:
    c.rpc("broker.ping", {})
before = memory()
asker = Client()
for i in range(COUNT):
    asker.rpc("testmod.echo", {"i": i, "ballast": BALLAST})
grown = memory() - before
say(grown < 16 * 1024, "three who do not read cost less than 16 MB",
    "%d kB" % grown)
for i, name in enumerate(("plain", "proto", "batch")):
    c, total = slow[i], 2 * (COUNT + i)
    seen, dropped = drain(records(c), total)
    say(dropped > 0, "%s: a record says how many were dropped" % name)
    same(seen + dropped, total, "which are all that are missing")
    asker.rpc("testmod.echo", {"last": True})
    r = next(records(c))
    same(r["payload"], {"last": True}, "then it goes on")
EOP
broker_pid() {
    pgrep -P "$BROKER" 2>/dev/null | head -n 1
}
SERVER=$(broker_pid)
if [ "${TEST_BUILD:-}" ]; then
    skip "a reader that does not read" "memory means nothing in this build"
else
    run_tap python3 "$W/slow.py" "${SERVER:-$BROKER}"
fi

# ---- another broker ---------------------------------------------------------------------

# Tells what a real Flux tells.
cat >"$W/other.py" <<'EOP'
import socket
import sys
from wire import *

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(8)
RECORD = {"timestamp": 1795393478.5022578, "prefix": "rx", "rank": -1,
          "name": "mod", "type": 1, "topic": "mod.ping", "payload_size": 2,
          "payload": None, "errnum": 0, "errstr": ""}
while True:
    c = Client.__new__(Client)
    c.userid, c.rolemask, c.kept = USERID_UNKNOWN, 0, []
    c.sock = server.accept()[0]
    c.sock.sendall(b"\0")
    try:
        request = c.recv()
        for payload, errnum in ((RECORD, 0), (None, errno.ENODATA)):
            msg = Message(RESPONSE, request.topic, payload, STREAMING, errnum,
                          request.b)
            c.send(msg)
        c.read(1)
    except (EOFError, OSError):
        pass
EOP
python3 "$W/other.py" "$W/other" &
other=$!
wait_until test -S "$W/other"
OTHER="env FLUX_URI=local://$W/other TZ=UTC"
ALL="matchtag, nodeid, flags, userid, rolemask, routes, uuid"
is "a broker that tells less: lines" \
    "2026-11-23T00:24:38.502 mod rx > mod.ping [2]" $OTHER flux module trace
is "--json shows what there is, and tells what is not" \
    "flux-module: this broker does not tell $ALL
$(printf '{"timestamp": 1795393478.5022578, "prefix": "rx", "rank": -1, "name": "mod", "type": 1, "topic": "mod.ping", "payload_size": 2, "payload": null, "errnum": 0, "errstr": ""}')" \
    $OTHER flux module trace --json
has "--proto too" "this broker does not tell $ALL" \
    $OTHER flux module trace --proto
fails "--match cannot be had" 1 "--match: this broker does not tell $ALL" \
    $OTHER flux module trace --match
fails "nor can perfetto" 1 "--format=perfetto: this broker does not tell $ALL" \
    $OTHER flux module trace --format=perfetto
fails "nor mermaid" 1 "--format=mermaid: this broker does not tell $ALL" \
    $OTHER flux module trace --format=mermaid
kill $other

flux module remove relay
flux module remove testmod
ok "the broker ends well" stop
finish
