#!/bin/sh
# stats_base.t - what the broker counts for each module, and Prometheus' text
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/testmod.so"
flux module load --exec --name=proc "$TMOD/testmod.so"

base() { # PATH
    flux module stats --base -p "$1" testmod
}

# ---- --base ---------------------------------------------------------------------

has "--base is JSON" '"messages-max"' flux module stats --base testmod
before=$(base rx.request)
bytes=$(base rx.bytes)
answers=$(base latency.count)
for _ in 1 2 3; do
    flux rpc testmod.echo '{}' >/dev/null
done
is "requests, and each client's disconnect" $((before + 6)) base rx.request
is "answers" $((answers + 3)) base latency.count
ok "bytes" test "$(base rx.bytes)" -gt $((bytes + 6 * 60))
size_is_right() { # the same request twice: its payload is all that differs
    a=$(base rx.bytes)
    flux rpc testmod.echo '{}' >/dev/null
    b=$(base rx.bytes)
    flux rpc testmod.echo '{"x":"0123456789"}' >/dev/null
    [ $(($(base rx.bytes) - b - (b - a))) -eq 16 ]
}
ok "as many as there are on the wire" size_is_right
is "--base with -s" $(($(base rx.request) * 2)) \
    flux module stats --base -p rx.request -s 2 testmod
flux module stats -c testmod
ok "stats -c leaves them alone" test "$(base rx.request)" -gt 6
is "one line with --json" 1 sh -c 'flux module stats --base --json testmod | wc -l'
flux rpc testmod.wait '{}' >/dev/null 2>&1 &
asker=$!
pending_is() {
    [ "$(base pending)" -eq "$1" ]
}
ok "an unanswered request" wait_until pending_is 1
is "is not in the histogram" $((answers + 6)) base latency.count
kill $asker
ok "and not counted for ever" wait_until pending_is 0
cat >"$W/slow.py" <<'EOF2'
# A service that takes 50 ms, by the answerer's clock.
import sys, time
from wire import *

server, client = Client(), Client()
server.rpc("service.add", {"service": "slow"})
tag = client.request("testmod.wait", {})
client.close()
EOF2
python3 "$W/slow.py"
ok "a client that goes leaves nothing" wait_until pending_is 0
pid=$(flux module status --json proc | json "d['pid']")
kill -STOP "$pid"
flux rpc proc.echo '{}' >"$W/late" &
asker=$!
proc_waits() {
    [ "$(flux module stats --base -p pending proc)" -ge 1 ]
}
ok "a stopped process has a request" wait_until proc_waits
begin=$(date +%s%N)
wait_until sh -c "[ \$(((\$(date +%s%N) - $begin) / 1000000)) -ge 60 ]"
kill -CONT "$pid"
wait $asker
slow_is_seen() {
    flux module stats --base --json proc |
        json "d['latency']['sum'] >= 0.06 and sum(d['latency']['buckets'][16:]) >= 1"
}
is "what took 60 ms is in a bucket for it" True slow_is_seen
fails "a module that is not loaded" 1 "flux-module: nosuch: module is not loaded" \
    flux module stats --base nosuch
fails "--base with --clear" 1 "--clear does not go with --base" \
    flux module stats --base --clear testmod
fails "a path that is not there" 1 "\`tx.nosuch' not found" base tx.nosuch
for name in config connector-local; do
    ok "counted for $name too" flux module stats --base -p rx.request $name
done

# ---- Prometheus ---------------------------------------------------------------------

# The rules of `promtool check metrics`, and what the format itself demands.
cat >"$W/promtool.py" <<'EOF2'
import re, sys
from wire import say

SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)\{((?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\\n]|\\["\\n])*)"')
bad, helps, types, samples, current, closed = [], {}, {}, {}, None, set()
text = sys.stdin.read()
if not text.endswith("\n"):
    bad.append("no newline at the end")
for line in text.splitlines():
    word = line.split(" ", 3)
    if line.startswith("# "):
        kind, name, rest = word[1], word[2], word[3]
        if name != current:
            if name in closed:
                bad.append("not in one piece: " + name)
            closed.add(current)
            current = name
        known = helps if kind == "HELP" else types
        if name in known or (kind == "TYPE" and name in samples):
            bad.append("%s twice or late: %s" % (kind, name))
        known[name] = rest
        continue
    match = SAMPLE.match(line)
    if not match:
        bad.append("no sample: " + line)
        continue
    name, labels, value = match.group(1), dict(LABEL.findall(match.group(2))), float(match.group(3))
    base = re.sub("_(bucket|sum|count)$", "", name) if types.get(current) == "histogram" else name
    if base != current:
        bad.append("sample of %s below %s" % (name, current))
    samples.setdefault(base, []).append((name, labels, value))
for name in types:
    kind = types[name]
    if not helps.get(name):
        bad.append("no help: " + name)
    if (kind == "counter") != name.endswith("_total"):
        bad.append("counters, and they alone, end with _total: " + name)
    if re.search("_(count|sum|bucket|info)$", name):
        bad.append("a suffix that is reserved: " + name)
    if re.search("_(gauge|counter|histogram|summary)(_|$)", name):
        bad.append("a type in its name: " + name)
    if re.search("_(ms|us|ns|milliseconds|microseconds|minutes|hours|kb|kilobytes|mb|s|sec|b)(_total)?$", name):
        bad.append("not a base unit: " + name)
    if re.search("[A-Z]|:|[a-z][A-Z]", name):
        bad.append("not snake_case: " + name)
    if name.startswith("flux_module_module"):
        bad.append("stutters: " + name)
for name, kind in types.items():
    seen = set()
    for sample, labels, value in samples.get(name, []):
        key = (sample, tuple(sorted(labels.items())))
        if key in seen:
            bad.append("twice: %s" % (key,))
        seen.add(key)
        if kind == "counter" and value < 0:
            bad.append("negative: " + sample)
        if "le" in labels and not sample.endswith("_bucket"):
            bad.append("le outside of a bucket: " + sample)
    if kind != "histogram":
        continue
    rows = {}
    for sample, labels, value in samples[name]:
        rows.setdefault(labels["module"], []).append((sample, labels, value))
    for module, row in rows.items():
        buckets = [(float(l["le"].replace("+Inf", "inf")), v) for s, l, v in row if s.endswith("_bucket")]
        total = [v for s, l, v in row if s.endswith("_count")]
        if buckets != sorted(buckets) or [v for _, v in buckets] != sorted(v for _, v in buckets):
            bad.append("buckets do not rise: " + module)
        if buckets[-1][0] != float("inf") or [buckets[-1][1]] != total:
            bad.append("+Inf is not the count: " + module)
say(not bad, "--prometheus keeps to promtool's rules", "\n".join(bad))
want = {"config", "connector-local", "testmod", "proc"}
have = {l["module"] for _, l, _ in samples["flux_module_running"]}
say(want <= have, "it has all modules", have)
say(len(types) > 10 and set(types) == set(helps), "each metric has a type and a help")
def value(name, module, **more):
    for sample, labels, v in samples[name]:
        if labels["module"] == module and all(labels.get(k) == w for k, w in more.items()):
            return v
    return None
say(value("flux_module_received_messages_total", "testmod", type="request") > 6,
    "the numbers are those of the broker")
say(value("flux_module_request_duration_seconds", "proc", le="0.032768") + 1 <=
    value("flux_module_request_duration_seconds", "proc", le="+Inf"),
    "what took 60 ms is above 0.032768")
say(value("flux_module_resident_memory_bytes", "proc") > 100000 and
    value("flux_module_resident_memory_bytes", "testmod") is None,
    "what is not known is not there")
EOF2
promtool() {
    flux module stats --prometheus | python3 "$W/promtool.py"
}
run_tap promtool
comma=$(locale -a 2>/dev/null | grep -m1 -E '^(de|fr)_..\.utf8$')
no_commas() {
    LC_ALL=$comma flux module stats --prometheus | grep -v '^#' | grep -q ' [0-9]*,'
}
if [ -n "$comma" ]; then
    fails "no decimal commas" 1 "" no_commas
else
    skip "no decimal commas" "no locale that has them"
fi
fails "--prometheus with a module" 1 "stands alone" \
    flux module stats --prometheus testmod
fails "--prometheus with -p" 1 "--parse does not go with --prometheus" \
    flux module stats --prometheus -p x
fails "no module" 1 "missing argument" flux module stats
flux module remove proc
flux module remove testmod
ok "the broker ends well" stop
finish
