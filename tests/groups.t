#!/bin/sh
# groups.t - the builtin module groups: named sets of ranks
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

mkdir "$W/ranks"
flux start -s 4 -Stbon.topo=kary:1 --test-rundir="$W/ranks" \
    --test-exit-mode=leader -Sbroker.rc2_none=1 >"$W/err" 2>&1 &
BROKER=$! FLUX_URI=local://$W/ranks/local-0
_brokers="$_brokers $BROKER"
export FLUX_URI
wait_until is_running

members() { # NAME
    flux rpc groups.get "{\"name\": \"$1\"}"
}
subtree() { # RANK
    flux rpc -r "$1" groups.stats-get
}
is "broker.online has all ranks" '{"members":"0-3"}' members broker.online
is "each broker knows those below it" '{"subtree":{"broker.online":"2-3"}}' \
    subtree 2
is "a group that no one has joined is empty" '{"members":""}' members nosuch
is "and is not kept" '{"subtree":{"broker.online":"0-3"}}' subtree 0
fails "groups.get is for rank 0" 1 "this RPC is only available on rank 0" \
    flux rpc -r 1 groups.get '{"name": "a"}'
for op in join leave; do
    fails "groups.$op is for local clients" 1 \
        "groups.$op is restricted to the local broker" \
        flux rpc -r 1 groups.$op '{"name": "a"}'
    fails "groups.$op needs a name" 1 "Protocol error" flux rpc groups.$op '{}'
done
fails "a name that is too long" 1 "a group's name has at most 255 bytes" \
    flux rpc groups.join "{\"name\": \"$(printf '%0256d' 0)\"}"

cat >"$W/member.py" <<'EOF'
import os
import sys

from pytap import done, same
from flux.core.handle import Flux
from flux.constants import FLUX_RPC_STREAMING


def ask(h, topic, **kwargs):
    try:
        return h.rpc(topic, {"name": "a"}, **kwargs).get_str()
    except OSError as e:
        return str(e)


def connect(rank):
    return Flux(os.environ["FLUX_URI"].replace("local-0", "local-%d" % rank))


mine, other = Flux(), Flux()
watch = mine.rpc("groups.get", {"name": "a"}, nodeid=0, flags=FLUX_RPC_STREAMING)


def seen(want):
    same(watch.get()["members"], want, "a watcher sees '%s'" % want)
    watch.reset()


seen("")
same(ask(mine, "groups.join"), None, "join")
seen("0")
same(
    ask(other, "groups.join"),
    "[Errno 17] rank 0 is already a member of a",
    "a rank joins once",
)
third = connect(3)
ask(third, "groups.join")
seen("0,3")
first = connect(1)
ask(first, "groups.join")
seen("0-1,3")
same(ask(first, "groups.leave"), None, "leave")
seen("0,3")
same(
    ask(first, "groups.leave"),
    "[Errno 2] rank 1 is not a member of a",
    "who is no member cannot leave",
)
del third
seen("0")
third = connect(3)
ask(third, "groups.join")
seen("0,3")
print("joined", file=open(sys.argv[1], "w"))
seen("0")
done()
EOF
flux python "$W/member.py" "$W/joined" >"$W/member.out" 2>&1 &
_brokers="$_brokers $!"
wait_until test -s "$W/joined"
kill -KILL "$(flux exec -n -r 2 flux getattr broker.pid)"
wait $!
run_tap cat "$W/member.out"
is "ranks that are lost have left" '{"members":"0-1"}' members broker.online
is "no group is left behind" '{"subtree":{"broker.online":"0-1"}}' subtree 0
stop >/dev/null
finish
