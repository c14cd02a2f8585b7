#!/bin/sh
# event.t - flux event pub and sub, order, prefixes, private events
. "${0%/*}/lib.sh"

start

subscriber() { # ARGS: in the background, until it has what it wants
    flux event sub "$@" >"$W/sub" 2>&1 &
    SUB=$!
    _brokers="$_brokers $SUB"
}
received() { # FORMAT-FREE: lines so far
    [ "$(wc -l <"$W/sub")" -ge "$1" ]
}

subscriber -c1 foo
wait_until sh -c 'flux event pub foo.bar; ! kill -0 '$SUB
ok "sub -c1 ends after one event" wait $SUB
is "and prints its topic" "foo.bar" sh -c 'sed "s/[[:space:]]*$//" "$0"' "$W/sub"
subscriber -c1 foo
wait_until sh -c 'flux event pub foo.json "{\"a\":1}"; ! kill -0 '$SUB
is "JSON payloads are printed" 'foo.json	{"a":1}' cat "$W/sub"
subscriber -c1 foo
wait_until sh -c 'flux event pub --raw foo.raw text; ! kill -0 '$SUB
is "raw ones too" 'foo.raw	text' cat "$W/sub"

subscriber -c1 foo
wait_until sh -c 'flux event pub foo.words "{" of text; ! kill -0 '$SUB
is "several words are one payload, which need not be JSON" \
    'foo.words	{ of text' cat "$W/sub"
fails "pub without a topic" 1 "Usage: flux-event pub" flux event pub
fails "no subcommand" 1 "missing subcommand" flux event
fails "a wrong one" 1 "Unknown subcommand: puub" flux event puub
fails "a count that is none" 1 "Usage: flux-event sub" flux event sub -c x foo
has "pub -s waits and prints the number" "seq=" flux event pub -s foo.sync
ok "pub --loopback waits for its own event" flux event pub --loopback foo.loop
ok "and with a private one" flux event pub --private --loopback foo.loop

cat >"$W/order.py" <<'EOF'
import base64
from wire import *

OTHER = dict(userid=4242, rolemask=USER)
pub, sub, narrow, guest, stranger = (
    Client(), Client(), Client(), Client(**OTHER),
    Client(userid=4243, rolemask=USER))
for client, topic in ((sub, "t"), (narrow, "t.x"), (guest, "t"),
                      (stranger, "t")):
    client.rpc("event.subscribe", {"topic": topic})

# order
for i in range(500):
    pub.publish("t.%d" % i, {"i": i})
got = [sub.recv() for _ in range(500)]
same([m.json()["i"] for m in got], list(range(500)), "events keep their order")
seqs = [m.a for m in got]
same(seqs, list(range(seqs[0], seqs[0] + 500)), "numbered without a gap")
for client in guest, stranger:
    for _ in range(500):
        client.recv()

# prefixes
pub.publish("t.y")
pub.publish("t.xyz")
same(narrow.recv().topic, "t.xyz", "a subscription is a prefix")
pub.publish("tt")
same([sub.recv().topic for _ in range(3)], ["t.y", "t.xyz", "tt"],
     "not a word of a topic")
sub.rpc("event.subscribe", {"topic": "t"})
pub.publish("t.once")
sub.rpc("event.unsubscribe", {"topic": "t"})
pub.publish("t.still")
same([sub.recv().topic for _ in range(2)], ["t.once", "t.still"],
     "subscribed twice: one copy each, and it counts")
sub.rpc("event.unsubscribe", {"topic": "t"})
same(outcome(sub.rpc("event.unsubscribe", {"topic": "t"})), "ENOENT",
     "what is not subscribed cannot be unsubscribed")
pub.publish("t.unseen")
sub.rpc("event.subscribe", {"topic": "t"})
pub.publish("t.seen")
same(sub.recv().topic, "t.seen", "unsubscribed: none")

# publish by request
answer = pub.rpc("event.publish", {"topic": "t.r", "flags": 0, "payload":
                 base64.b64encode(b"\0raw\xff").decode()})
msg = sub.recv()
same((msg.topic, msg.payload, msg.a), ("t.r", b"\0raw\xff",
     answer.json()["seq"]), "event.publish: topic, raw payload, number")
same((msg.userid, msg.rolemask & OWNER), (os.getuid(), OWNER),
     "an event carries its publisher's credentials")
for payload in (None, {}, {"topic": "t"}, {"topic": 1, "flags": 0},
                {"topic": "t", "flags": "0"}, {"topic": "t", "flags": 8},
                {"topic": "t", "flags": 0, "payload": "***"},
                {"topic": "t", "flags": 0, "payload": 1}, b"x"):
    same(outcome(pub.rpc("event.publish", payload)),
         "EPROTO error decoding event.publish request",
         "event.publish with %r" % payload)
for topic in "event.subscribe", "event.unsubscribe":
    same(outcome(pub.rpc(topic, {"topic": 1})),
         "EPROTO error decoding %s request" % topic, topic + " of a number")

# private
for client in guest, stranger:
    while client.recv().topic != "t.r":
        pass
pub.publish("t.private", flags=PRIVATE)
pub.publish("t.end1")
same(sub.recv().topic, "t.private", "a private event: the owner sees it")
same(guest.recv().topic, "t.private", "so does a client of the owner")
sub.recv(), guest.recv()
say(True, "(guests on sockets of their own: access.t)")
EOF
sed -i '/guests on sockets of their own/d' "$W/order.py"
run_tap python3 "$W/order.py"
ok "the broker ends well" stop
finish
