#!/bin/sh
# access.t - who may do what: every broker method and role; real other users
. "${0%/*}/lib.sh"

# ---- methods and roles -------------------------------------------------------------
# Each row of the table holds the answers to the owner, to a guest (role user),
# and to one with neither role (local alone).

start
flux module load "$TMOD/testmod.so"
cat >"$W/table.py" <<'EOF'
import glob
import os
import re
from wire import *

OWNER_ONLY = "EPERM Request requires owner credentials"
DENIED = "EPERM Request rejected due to insufficient privilege"

ROLES = {
    "owner": dict(),
    "guest": dict(userid=4242, rolemask=USER),
    "guest, local": dict(userid=4242, rolemask=USER | LOCAL),
    "local": dict(userid=4242, rolemask=LOCAL),
}
LOG = b"<40>1 2026-11-23T00:44:37.594989Z 0 test 1 - - text"
ALL, USERS, OWNERS = "all", "users", "owner"
STREAMS = "log.dmesg", "module.trace", "state-machine.monitor", "overlay.monitor"
WAITING = "overlay.monitor", "rexec.write"  # for something, or for ever
SILENT = "disconnect", "cancel", "trace-cancel", "update"  # never answered
NOBODY = "ENOSYS Unknown service method '%s'"

METHODS = [
    ("attr.get", {"name": "rank"}, ALL), ("attr.list", None, ALL),
    ("attr.set", {"name": "test.x", "value": "1"}, OWNERS),
    ("attr.rm", {"name": "test.x"}, OWNERS),
    ("config.get", None, USERS), ("config.load", {}, OWNERS),
    ("config.reload", None, OWNERS),
    ("connector-local.stats-get", None, OWNERS),
    ("connector-local.config-reload", {}, OWNERS),
    ("event.subscribe", {"topic": "x"}, ALL),
    ("event.unsubscribe", {"topic": "none"}, ALL),
    ("event.publish", {"topic": "x", "flags": 0}, USERS),
    ("groups.get", {"name": "broker.online"}, USERS),
    ("groups.join", {"name": "from-table"}, OWNERS),
    ("groups.leave", {"name": "from-table"}, OWNERS),
    ("groups.stats-get", None, USERS),
    ("log.append", LOG, OWNERS), ("log.clear", None, OWNERS),
    ("log.dmesg", {"follow": False}, OWNERS),
    ("log.stats-get", None, OWNERS),
    ("module.list", None, USERS),
    ("module.load", {"path": "nosuch", "args": []}, OWNERS),
    ("module.remove", {"name": "nosuch"}, OWNERS),
    ("module.status", {"status": 1}, OWNERS),
    ("module.debug", {"name": "nosuch"}, OWNERS),
    ("module.trace", {}, OWNERS),
    ("service.add", {"service": "from-table"}, OWNERS),
    ("service.remove", {"service": "none"}, ALL),
    ("state-machine.get", None, USERS),
    ("state-machine.monitor", None, USERS),
    ("broker.getenv", {"names": []}, OWNERS),
    ("broker.setenv", {"env": {}}, OWNERS),
    ("groups.get", {"name": "none"}, USERS),
    ("groups.join", {"name": "g"}, OWNERS),
    ("groups.leave", {"name": "g"}, OWNERS),
    ("groups.stats-get", None, USERS),
    ("module.info", {"name": "testmod"}, OWNERS),
    ("module.stats", {"name": "nosuch"}, USERS),
    ("module.gone", None, OWNERS),
    ("overlay.health", None, USERS), ("overlay.monitor", None, USERS),
    ("overlay.stats-get", None, USERS), ("overlay.disconnect-subtree", {}, OWNERS),
    ("overlay.topology", {"rank": 99}, USERS),
    ("rexec.exec", None, OWNERS), ("rexec.kill", None, OWNERS),
    ("rexec.list", None, OWNERS), ("rexec.write", None, OWNERS),
    ("testmod.echo", {}, USERS), ("testmod.args", None, USERS),
    ("testmod.departed", None, OWNERS),
]
for name in "broker", "config", "connector-local", "testmod":
    METHODS += [(name + ".ping", {}, USERS), (name + ".rusage", None, USERS),
                (name + ".stats-clear", None, OWNERS),
                (name + ".debug", {"op": "setbit", "flags": 0}, OWNERS)]
    if name != "connector-local":
        METHODS.append((name + ".stats-get", None, ALL))


def ask(role, topic, payload):
    client = Client(**ROLES[role])
    flags = STREAMING if topic in STREAMS else 0
    tag = client.request(topic, payload, flags=flags)
    if topic in WAITING:
        client.request(topic.split(".")[0] + ".ping", {})
    first = client.recv()
    answer = outcome(first) if first.b == tag else "waits"
    client.close()
    return re.sub(r"\d+\.\d+", "T", answer)


def wanted(role, whose, owner):
    if whose == OWNERS and role != "owner":
        return OWNER_ONLY
    if whose == USERS and role == "local":
        return DENIED
    return owner


named = set()
for name in glob.glob(os.environ["TOP"] + "/*.c"):
    with open(name) as source:
        named |= set(re.findall(r'\{FLUX_MSGTYPE_REQUEST,\s*"([a-z-]+\.[a-z.-]+)"',
                                source.read()))
missing = {t for t in named if t.split(".")[1] not in SILENT} - {
    m[0] for m in METHODS}
say(len(named) > 40 and not missing, "each method of each service is tried",
    missing)

for topic, payload, whose in METHODS:
    owner = ask("owner", topic, payload)
    say(not owner.startswith("EPERM"), "%s: the owner may" % topic, owner)
    for role in "guest", "guest, local", "local":
        got = ask(role, topic, payload)
        same(got, wanted(role, whose, owner), "%s: %s" % (topic, role))
for service in "attr broker event log module service state-machine".split():
    for role in ROLES:
        topic = service + ".nosuch"
        same(ask(role, topic, None), NOBODY % topic, "%s: %s" % (topic, role))

# a guest cannot answer for, or act as, another
listed = Client().rpc("module.list").json()["mods"]
say("from-table" not in str(listed), "services of clients went with them")
EOF
TOP=$top run_tap python3 "$W/table.py"

# ---- FLUX_HANDLE_ROLEMASK and _USERID: the owner plays a guest ----------------------

as_guest() {
    FLUX_HANDLE_ROLEMASK=2 FLUX_HANDLE_USERID=4242 "$@"
}
fails "a guest may not load" 1 \
    "flux-module: load x: Request requires owner credentials" \
    as_guest flux module load x
ok "but list" as_guest flux module list
has "and ping" "userid=4242 rolemask=0x2" \
    as_guest flux ping --userid -c 1 broker
fails "a rolemask that is no number" 1 "FLUX_HANDLE_ROLEMASK=x is not a number" \
    env FLUX_HANDLE_ROLEMASK=x flux module list
flux module remove testmod
ok "stop" stop

# ---- other users ------------------------------------------------------------------------

other() { # PROGRAM ARGS: as another user, who can reach the program and socket
    (cd / && as_other_user "$@")
}

if ! is_root; then
    skip "other users" "needs root"
    finish
fi
chmod 755 "$W"
mkdir "$W/bin"
cp "$B/bin/busyflux" "$W/bin/flux"
chmod -R a+rX "$W/bin"
FLUX=$W/bin/flux
if ! other "$FLUX" -V >/dev/null 2>&1; then
    skip "other users" "cannot run programs as one"
    finish
fi

start
fails "another user is refused" 1 "refused us: Operation not permitted" \
    other "$FLUX" getattr rank
ok "which the broker survives" flux getattr rank
ok "stop" stop

for conf in toml json; do
    if [ $conf = toml ]; then
        printf '[access]\nallow-guest-user = true\n' >"$W/access.toml"
    else
        echo '{"access": {"allow-guest-user": true}}' >"$W/access.json"
    fi
    start -c "$W/access.$conf"
    flux module load "$TMOD/testmod.so"
    has "allow-guest-user ($conf): another user comes in as guest" \
        "userid=65534 rolemask=0x6" other "$FLUX" ping --userid -c 1 broker
    fails "and may not do what owners may ($conf)" 1 \
        "Request requires owner credentials" \
        other "$FLUX" module remove testmod
    fails "not even by saying so ($conf)" 1 "Request requires owner" \
        other env FLUX_HANDLE_ROLEMASK=5 FLUX_HANDLE_USERID=0 \
        "$FLUX" module remove testmod
    has "nor be another ($conf)" "userid=65534 rolemask=0x6" \
        other env FLUX_HANDLE_ROLEMASK=5 FLUX_HANDLE_USERID=0 \
        "$FLUX" ping --userid -c 1 testmod
    if [ $conf = json ]; then
        other "$FLUX" event sub private >"$W/guest" 2>&1 &
        _brokers="$_brokers $!"
        wait_until sh -c 'flux event pub private.no; grep -q "" "$0"' "$W/guest"
        flux event pub --private private.secret
        flux event pub private.end
        wait_until grep -q private.end "$W/guest"
        hasnt "a guest does not see private events of others" secret \
            cat "$W/guest"
        other "$FLUX" event pub --private private.own
        ok "but its own" wait_until grep -q private.own "$W/guest"
    fi
    echo '{"access": {}}' | flux config load
    fails "config.load takes the permission away ($conf)" 1 \
        "Operation not permitted" other "$FLUX" getattr rank
    flux module remove testmod
    ok "stop ($conf)" stop
done

as_nobody_start() { # an instance of the other user's
    mkdir "$W/nobody"
    chown 65534:65534 "$W/nobody"
    BROKER=
    RUNDIR=$W/nobody FLUX_URI=local://$W/nobody/local-0
    (cd / && exec setpriv --reuid=65534 --regid=65534 --clear-groups "$FLUX" \
        start -Srundir="$W/nobody" -Sbroker.rc2_none=1 "$@") >"$W/err" 2>&1 &
    BROKER=$!
    _brokers="$_brokers $BROKER"
    export FLUX_URI
    wait_until test -S "$W/nobody/local-0"
}
as_nobody_start
fails "root is refused too" 1 "refused us: Operation not permitted" \
    flux getattr rank
stop
rm -rf "$W/nobody"
for conf in toml json; do
    if [ $conf = toml ]; then
        printf '[access]\nallow-root-owner = true\n' >"$W/access.toml"
    else
        echo '{"access": {"allow-root-owner": true}}' >"$W/access.json"
    fi
    chmod a+r "$W"/access.*
    as_nobody_start -c "$W/access.$conf"
    has "allow-root-owner ($conf): root is an owner" \
        "userid=0 rolemask=0x5" flux ping --userid -c 1 broker
    ok "who may do what owners may ($conf)" flux setattr test.x 1
    ok "stop ($conf)" stop
    rm -rf "$W/nobody"
done

for wrong in 'allow-guest-user = 1' 'allow-guests = true' \
    'allow-root-owner = "yes"'; do
    printf '[access]\n%s\n' "$wrong" >"$W/access.toml"
    fails "[access] $wrong is refused" 1 "" flux start -c "$W/access.toml" true
done
finish
