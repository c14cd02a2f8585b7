#!/bin/sh
# reload.t - a module is reloaded and no request is lost
#
# Requests are numbered by build/tests/pipeline, which counts answers that are
# missing, doubled or out of order.  RELOAD_FACTOR multiplies the work (make
# check-reload).
. "${0%/*}/lib.sh"

MOD=$TMOD/testmod.so
FACTOR=${RELOAD_FACTOR:-1}
CLIENTS="1 2 3 4"

pipelines() { # COUNT: by each client, in the background
    for n in $CLIENTS; do
        "$B/tests/pipeline" testmod.echo "$1" 64 >"$W/client$n" 2>&1 &
        eval "client$n=$!"
    done
}
served() { # all clients, in order, without an error
    rc=0
    for n in $CLIENTS; do
        eval "wait \$client$n" || rc=1
        cat "$W/client$n"
    done
    return "$rc"
}
reload_often() { # TIMES, OPTIONS
    times=$1
    shift
    while [ "$times" -gt 0 ]; do
        flux module reload "$@" || return 1
        times=$((times - 1))
    done
}
# A loaded machine may serve the clients before the last reloads.
held() { # TIMES: so many reloads, and in a tenth of them requests waited
    flux dmesg | awk -v times="$1" '
        /requests were held/ { n++; waited += $4 > 0 }
        END { print n, "reloads,", waited, "with requests that waited"
              exit !(n >= times && waited >= times / 10) }'
}
status_is() { # NUMBER: of testmod
    flux rpc module.list | json \
        "[m['status'] for m in d['mods'] if m['name'] == 'testmod']" |
        grep -q "$1"
}

# ---- under load ----------------------------------------------------------------

start
flux module load "$MOD"
pipelines $((25000 * FACTOR))
ok "$((50 * FACTOR)) reloads of a thread module" \
    reload_often $((50 * FACTOR)) "$MOD"
ok "$((100000 * FACTOR)) requests of 4 clients meanwhile: each answered, once, in order" \
    served
ok "and requests waited in these reloads" held 50
ok "remove" flux module remove testmod
ok "stop" stop

start
flux module load --exec "$MOD"
pipelines $((10000 * FACTOR))
ok "$((10 * FACTOR)) reloads of a process module" \
    reload_often $((10 * FACTOR)) --exec "$MOD"
ok "$((40000 * FACTOR)) requests meanwhile" served
ok "which waited" held 10
flux module remove testmod
cat >"$W/testmod.py" <<'END'
def mod_main(h, *args):
    def echo(h, t, msg, arg):
        h.respond(msg, msg.payload)

    h.msg_watcher_create(echo, topic_glob="testmod.echo").start()
    h.reactor_run()
END
flux module load "$W/testmod.py"
pipelines $((1000 * FACTOR))
ok "a reload of a Python module" reload_often "$FACTOR" "$W/testmod.py"
ok "$((4000 * FACTOR)) requests meanwhile" served
flux module remove testmod

flux module load "$MOD"
pipelines 25000
ok "--no-hold" reload_often 10 --no-hold "$MOD"
fails "refuses requests between the two" 1 "" served
ok "remove" flux module remove testmod

# ---- step by step ------------------------------------------------------------------

cat >"$W/steps.py" <<'END'
import os
import subprocess
import time
from wire import *

MOD, W = sys.argv[1:]
c, d = Client(), Client()


def module(*words):
    return subprocess.Popen(("flux", "module") + words,
                            stderr=subprocess.PIPE, text=True)


def run(*words):
    p = module(*words)
    return p.communicate()[1], p.returncode


def until(condition):
    for _ in range(2000):
        if condition():
            return True
        time.sleep(0.005)
    return False


def entry():
    mods = d.rpc("module.list").json()["mods"]
    return [m for m in mods if m["name"] == "testmod"]


def held():
    return d.rpc("module.info", {"name": "testmod"}).json().get("held")


def starts():
    return until(lambda: [m for m in entry() if m["status"] == 0])


def silent(client):
    client.sock.settimeout(0.05)
    try:
        client.kept.append(client.recv())
        return False
    except OSError:
        return True
    finally:
        client.sock.settimeout(WAIT)


go = W + "/go"
run("load", MOD, "--service=extra")
p = module("reload", MOD, "--service=extra", "--late=" + go)
say(starts(), "a successor that takes its time")
tags = [c.request(t, {"i": i}) for i, t in enumerate(
    ["testmod.echo", "extra.echo", "testmod.echo", "testmod.args"])]
say(silent(c), "requests wait for it")
same(outcome(d.rpc("broker.ping", {})), "ok", "others are served")
same(sorted(entry()[0]["services"]), ["extra", "testmod"],
     "the services are listed as its own")
open(go, "w").close()
p.wait()
got = [c.recv() for _ in tags]
same([m.b for m in got], tags, "they are answered in order")
same([outcome(m) for m in got],
     ["ok", "ENOSYS Unknown service method 'extra.echo'", "ok", "ok"],
     "by it, also of its other services")
same(got[3].json()["args"], ["--service=extra", "--late=" + go],
     "which has its own arguments")
p.stderr.close()
os.unlink(go)

p = module("reload", MOD, "--late=" + go)
starts()
tag = c.request("extra.echo", {})
open(go, "w").close()
same(outcome(c.answer(tag)),
     "ENOSYS No service matching extra.echo is registered",
     "a service that the successor does not have")
p.communicate()
os.unlink(go)

p = module("reload", MOD, "--late=" + go, "--init-failure")
starts()
tag = c.request("testmod.echo", {})
open(go, "w").close()
same(outcome(c.answer(tag)), "EIO reload of testmod: Input/output error",
     "a successor that fails: the reason")
p.communicate()
os.unlink(go)
same(outcome(c.rpc("testmod.echo")),
     "ENOSYS No service matching testmod.echo is registered",
     "then there is no service")

run("load", MOD)
p = module("reload", "--load-timeout=0.2s", MOD, "--late=" + go)
starts()
tag = c.request("testmod.echo", {})
same(outcome(c.answer(tag)), "ETIMEDOUT reload of testmod: does not say that "
     "it runs, 0.2s after its start", "or does not come to run in time")
p.communicate()
until(lambda: not entry())

p = module("reload", MOD, "--force", "--late=" + go)
p.communicate()
same(p.returncode, 1, "options behind the module are the module's")
run("load", MOD)
p = module("reload", MOD, "--late=" + go)
starts()
big = {"x": "y" * 65000}
c.sock.settimeout(0.2)
sent = 0
try:
    while sent < 100:
        c.request("testmod.echo", big)
        sent += 1
except OSError:
    pass
c.sock.settimeout(WAIT)
say(16 <= sent < 100, "beyond 1 MiB a client is not read from", sent)
other = Client()
same(outcome(other.rpc("broker.ping", {})), "ok", "others are")
same(outcome(other.rpc("testmod.echo", {"x": "y" * (64 << 20)})),
     "ENOBUFS too many requests wait for a reload",
     "beyond 64 MiB requests are refused")
open(go, "w").close()
p.communicate()
same([c.recv().a for _ in range(sent)], [0] * sent,
     "then it is, and its requests are answered")
os.unlink(go)
c, other = other, None

d.rpc("module.debug", {"name": "testmod", "defer": True})
tags = [c.request("testmod.echo", {"i": i}) for i in range(3)]
same(outcome(d.rpc("broker.ping", {})), "ok", "deferred requests")
run("reload", MOD, "plain")
same([outcome(c.answer(t)) for t in tags], ["ok"] * 3,
     "are answered before the module is reloaded")

hanging = Client()
hanging.request("testmod.hang")
hanging.request("testmod.echo")
say(until(lambda: c.rpc("module.info", {"name": "testmod"}).json()["pending"]
          == 2), "a module that hangs")
p = module("reload", MOD, "plain")
say(until(lambda: held() == 0), "its reload waits")
tag = c.request("testmod.echo")
say(until(lambda: held() == 1) and silent(c), "and so do requests")
text = subprocess.check_output(("flux", "module", "status", "testmod"),
                               text=True)
say("reloading   1 requests wait for its successor" in text,
    "flux module status tells so", text)
p.kill()
p.communicate()
same(outcome(c.answer(tag)), "ECANCELED reload of testmod: given up",
     "until who asked is gone")
say(until(lambda: held() is None), "then its services are its own")
d.request("module.remove", {"name": "testmod", "hold": 0.2})
say(held() == 0, "a removal that holds requests")
tag = c.request("testmod.echo")
same(outcome(c.answer(tag)),
     "ETIMEDOUT reload of testmod: not done after 0.2s",
     "a hold ends when its time is over")
tag = c.request("testmod.echo")
p = module("remove", "--cancel", "testmod")
same(outcome(c.answer(tag)), "EHOSTUNREACH module disconnect",
     "and what comes then is the module's again")
same((p.communicate()[1], p.returncode), ("", 0), "which is cancelled")
END
cat >"$W/bad.so" </dev/null
start
run_tap python3 "$W/steps.py" "$MOD" "$W"
finish
