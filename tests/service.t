#!/bin/sh
# service.t - services of clients and modules, routes, disconnects
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/testmod.so" --service=extra

cat >"$W/service.py" <<'EOF'
import time
from wire import *


def until(condition, name):
    end = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > end:
            return say(False, name)
    say(True, name)


def departed():
    return asker.rpc("testmod.departed").json()["count"]


# ---- a client's service

server, asker = Client(), Client()
same(outcome(server.rpc("service.add", {"service": "mine"})), "ok",
     "a client registers a service")
tag = asker.request("mine.method", {"a": 1})
request = server.recv()
same((request.kind, request.topic, request.json()),
     (REQUEST, "mine.method", {"a": 1}), "requests for it arrive")
same((request.userid, request.rolemask), (os.getuid(), OWNER | LOCAL),
     "with the sender's credentials")
same(len(request.routes), 3, "and its route: client, connector, broker")
server.respond(request, {"b": 2})
answer = asker.answer(tag)
same((answer.a, answer.topic, answer.json(), answer.routes),
     (0, "mine.method", {"b": 2}, []), "its answer finds its way back")
tag = asker.request("mine.method")
server.respond(server.recv(), b"my words\0", errno.EPROTO)
same(outcome(asker.answer(tag)), "EPROTO my words", "an error too, with text")

# ---- names

same(outcome(asker.rpc("service.add", {"service": "mine"})).split()[0],
     "EEXIST", "a service is one client's")
same(outcome(server.rpc("service.add", {"service": "mine"})).split()[0],
     "EEXIST", "once")
for name in "broker", "attr", "event", "module", "config", "testmod", "extra":
    same(outcome(asker.rpc("service.add", {"service": name})).split()[0],
         "EEXIST", "%s is taken" % name)
for name in "", "a.b", ".":
    same(outcome(asker.rpc("service.add", {"service": name})).split()[0],
         "EINVAL", "%r is no name for a service" % name)
for payload in None, {}, {"service": 1}, {"service": None}:
    for topic in "service.add", "service.remove":
        same(outcome(asker.rpc(topic, payload)),
             "EPROTO error decoding %s request" % topic,
             "%s with %r" % (topic, payload))
same(outcome(asker.rpc("service.remove", {"service": "mine"})), "ENOENT",
     "no one removes what another has registered")
same(outcome(asker.rpc("service.remove", {"service": "broker"})), "ENOENT",
     "nor the broker's")
same(outcome(server.rpc("service.remove", {"service": "mine"})), "ok",
     "its owner removes it")
same(outcome(asker.rpc("mine.method")),
     "ENOSYS No service matching mine.method is registered", "gone")

# ---- the end of a server

server.rpc("service.add", {"service": "mine"})
tags = [asker.request("mine.method") for _ in range(3)]
for _ in tags:
    server.recv()
server.close()
same([outcome(asker.answer(t)) for t in tags],
     ["EHOSTUNREACH module disconnect"] * 3,
     "requests that wait in a client that ends are answered")
same(outcome(asker.rpc("mine.method")),
     "ENOSYS No service matching mine.method is registered",
     "and its service is gone")

# ---- disconnects that a module sees

before = departed()
one, two, silent = Client(), Client(), Client()
one.rpc("testmod.echo", {})
one.rpc("testmod.echo", {})
two.request("testmod.wait")
silent.rpc("attr.list")
one.close()
until(lambda: departed() == before + 1, "a client that asked: one disconnect")
two.close()
until(lambda: departed() == before + 2, "one with a request waiting: too")
silent.close()
Client().rpc("broker.ping", {})
asker.rpc("broker.ping", {})
same(departed(), before + 2, "one that never asked: none")

server = Client()
server.rpc("service.add", {"service": "mine"})
one = Client()
one.rpc("broker.ping", {})
tag = one.request("mine.method")
request = server.recv()
one.close()
notice = server.recv()
same((notice.topic, bool(notice.flags & NORESPONSE)),
     ("mine.disconnect", True), "a client's service hears of it as well")
same(sorted(notice.routes), sorted(request.routes), "with the route of the request")
server.respond(request, {})
same(outcome(asker.rpc("broker.ping", {})), "ok",
     "an answer for one who is gone is dropped")

# ---- where requests go

same(outcome(asker.rpc("extra.echo", {})),
     "ENOSYS Unknown service method 'extra.echo'",
     "a module's second service, a method that it does not have")
same(outcome(asker.rpc("nosuch.method")),
     "ENOSYS No service matching nosuch.method is registered", "no service")
same(outcome(asker.rpc("nosuch")),
     "ENOSYS No service matching nosuch is registered", "without a dot")
same(outcome(asker.rpc("broker.ping", {}, nodeid=0)), "ok", "rank 0")
same(outcome(asker.rpc("broker.ping", {}, nodeid=1)), "EHOSTUNREACH",
     "a rank that is not there")
same(outcome(asker.rpc("broker.ping", {}, nodeid=0, flags=UPSTREAM)),
     "EHOSTUNREACH", "nothing is upstream of rank 0")
asker.request("broker.ping", {}, flags=NORESPONSE)
same(asker.rpc("testmod.echo", {"n": 1}).json(), {"n": 1},
     "a request flagged noresponse gets none")
tag = asker.request("testmod.echo", {"s": 1}, flags=STREAMING)
same(bool(asker.answer(tag).flags & STREAMING), True,
     "an answer echoes the streaming flag")

# ---- 2,000 at a time, in order

tags = [asker.request("testmod.echo", {"i": i}) for i in range(2000)]
same([asker.recv().json()["i"] for _ in tags], list(range(2000)),
     "2,000 requests at a time are answered in order")
EOF
run_tap python3 "$W/service.py"

has "module list shows a module's other services" "extra" flux module list
flux module remove testmod
fails "which go with it" 1 "No service matching extra.x is registered" \
    flux rpc extra.x
fails "a module whose service is taken does not load" 1 "File exists" \
    flux module load "$TMOD/testmod.so" --service=broker
ok "the broker ends well" stop
finish
