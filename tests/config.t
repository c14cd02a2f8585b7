#!/bin/sh
# config.t - the configuration of an instance: who has it, who may refuse it
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

live() {
    flux exec -r all -l flux config get | sort
}
on_all() { # OBJECT
    for rank in 0 1 2; do
        echo "$rank: $1"
    done
}
load() { # TOML
    printf '%s\n' "$1" | flux config load
}

# ---- what is read at the start ------------------------------------------------------

conf() { # VALUE...
    for value; do
        set -- "$@" "--conf=$value"
        shift
    done
    flux start "$@" flux config get
}
echo 'a.b = 1' >"$W/a.toml"
echo '{"a": {"c": 2}}' >"$W/a.json"
is "--conf=KEY=VAL" '{"a":{"b":1,"s":"text"}}' conf a.b=1 a.s=text
is "--conf=inline JSON" '{"a":{"b":[1]}}' conf '{"a": {"b": [1]}}'
is "--conf=inline TOML" '{"a":{"b":1}}' conf '[a]
b = 1'
is "--conf=FILE" '{"a":{"b":1,"c":2}}' conf "$W/a.toml" "$W/a.json"
is "--conf is put over -c" '{"a":{"b":2}}' \
    flux start -c "$W/a.toml" --conf=a.b=2 flux config get
is "also by flux broker" '{"a":{"b":2}}' \
    flux broker -c "$W/a.toml" --conf=a.b=2 flux config get
fails "--conf of no file" 1 "config: --conf: nosuch: No such file" conf nosuch
fails "--conf of a key that is none" 1 "config: --conf: .a: invalid key" conf .a=1

mkdir "$W/conf.d"
echo 'x = 1' >"$W/conf.d/a.toml"
printf '[access]\nallow-guests = true\n' >"$W/conf.d/b.toml"
echo 'y = 1' >"$W/conf.d/c.toml"
fails "a fault in the table access: its file and key" 1 \
    "config: $W/conf.d/b.toml: access.allow-guests: unknown key" \
    flux start -c "$W/conf.d" true
fails "a wrong type likewise" 1 \
    "config: --conf: access.allow-guest-user: expected true or false" \
    conf access.allow-guest-user=1
for fault in 'roles.x={}:access.roles.x: unknown key' \
    'roles.admin=1:access.roles.admin: expected a table' \
    'roles.admin.users=[1]:access.roles.admin.users: expected an array' \
    'roles.admin.y=[]:access.roles.admin.y: unknown key' \
    'roles=1:access.roles: expected a table'; do
    fails "access.${fault%%:*} is refused" 1 "${fault#*:}" \
        conf "access.${fault%%:*}"
done
is "tbon.topo is taken from it" kary:2 \
    flux start --conf=tbon.topo=kary:2 flux getattr tbon.topo
is "but -S goes before it" kary:3 \
    flux start --conf=tbon.topo=kary:2 -Stbon.topo=kary:3 flux getattr tbon.topo
fails "a scheme that is none" 1 "unknown topology scheme" conf tbon.topo=x:1
is "tbon.connect_timeout likewise" "1m 2m" sh -c 'echo $(
    flux start --conf=tbon.connect_timeout=1m flux getattr tbon.connect_timeout
    flux start -Stbon.connect_timeout=2m flux getattr tbon.connect_timeout)'
fails "which is a duration" 1 \
    "tbon.connect_timeout attribute: neither a duration nor none: '1x'" \
    conf tbon.connect_timeout=1x
mkdir "$W/orphan"
fails "a parent that does not come is not waited for longer" 1 \
    "cannot connect to the parent: No such file" flux broker --rank=1 --size=2 \
    -Srundir="$W/orphan" -Stbon.connect_timeout=0.05s
fails "a topo that is no string" 1 \
    "Config file error [tbon]: topo: Expected string" conf tbon.topo=1
is "a duration is written in one form" "0s 1.5m 50ms" sh -c 'for t in 0 90s .05s; do
        flux start -Stbon.connect_timeout=$t flux getattr tbon.connect_timeout
    done | xargs'
all_tbon() {
    flux start "$@" sh -c 'for key in child_rcvhwm interface-hint prefertcp \
        tcp_user_timeout torpid_max torpid_min zmq_io_threads zmqdebug; do
        flux getattr tbon.$key
    done | xargs'
}
is "what is for other networks is there" "0 default-route 0 20s 30s 5s 1 0" \
    all_tbon
cat >"$W/tbon.json" <<'EOF'
{"tbon": {"child_rcvhwm": 2, "interface-hint": "eth0", "prefertcp": 1,
 "tcp_user_timeout": "60s", "torpid_max": "5s", "torpid_min": "2s",
 "zmq_io_threads": 4, "zmqdebug": 1}}
EOF
is "as the configuration says" "2 eth0 1 1m 5s 2s 4 1" all_tbon \
    -c "$W/tbon.json"
is "as the command line says" "2 eth0 1 3m 5s 2s 4 -1" all_tbon \
    -c "$W/tbon.json" -Stbon.tcp_user_timeout=3m -Stbon.zmqdebug=-1
is "but for the threads of other ranks than 0" "0: 4
1: 1" sh -c "flux start -s 2 -c '$W/tbon.json' \
    flux exec -r all -l flux getattr tbon.zmq_io_threads | sort"
for fault in 'zmqdebug=zz:value must be an integer' \
    'child_rcvhwm=1:must be 0 (unlimited) or >= 2' 'zmq_io_threads=0:must be >= 1'; do
    fails "tbon.${fault%%:*} is refused" 1 "tbon.${fault%%=*} ${fault#*:}" \
        flux start "-Stbon.${fault%%:*}" true
done
fails "a count that is none" 1 \
    "Config file error [tbon]: zmqdebug: Expected integer" conf tbon.zmqdebug=zz

# ---- the hosts of a cluster's configuration -----------------------------------------

cat >"$W/hosts.toml" <<'EOF'
[bootstrap]
curve_cert = "/nowhere"
default_port = 8050
[[bootstrap.hosts]]
host = "n[0-3]"
[[bootstrap.hosts]]
host = "n[2-3]"
parent = "n1"
bind = "tcp://eth0:%p"
EOF
cluster() { # HOSTS [OPTION...]
    hosts=$1
    shift
    flux start -s 4 --test-hosts="$hosts" -c "$W/hosts.toml" "$@" \
        flux exec -r all -l sh -c 'echo $(flux getattr tbon.topo) \
            $(flux getattr tbon.level) $(flux getattr tbon.descendants)' | sort
}
is "a table bootstrap gives the tree its shape" "0: custom 0 3
1: custom 1 2
2: custom 2 0
3: custom 2 0" cluster 'n[0-3]'
is "a tbon.topo of one's own goes before it" "0: kary:3 0 3
1: kary:3 1 0
2: kary:3 1 0
3: kary:3 1 0" cluster 'n[0-3]' -Stbon.topo=kary:3
fails "it must be about these hosts" 1 "no host is called 'm0'" \
    flux start -Shostname=m0 -c "$W/hosts.toml" true
fails "and about this rank and size" 1 "'n1' is rank 1 of 4, this broker is rank 0 of 1" \
    flux start -Shostname=n1 -c "$W/hosts.toml" true
is "a table without hosts makes the tree custom" custom \
    flux start --conf='{"bootstrap": {}}' flux getattr tbon.topo
for fault in '"hosts":42~hosts: expected an array' '"hosts":[42]~hosts[0]: Expected object' \
    '"hosts":[{"host":"a"},{}]~hosts[1]: ' '"hosts":[{"host":"a","b":1}]~hosts[0]: ' \
    '"hosts":[{"host":"a[0-2}"}]~hosts[0]: no list of hosts' \
    '"hosts":[{"host":""}]~hosts[0]: no list of hosts' \
    '"hosts":[{"host":"a","parent":"a"}]~the parent '"'a' of 'a' is not a host named" \
    '"hosts":[{"host":"a","parent":"b"},{"host":"b"}]~the parent '"'b' of 'a' is not" \
    '"curve_cert":1~Expected string'; do
    fails "bootstrap ${fault%%~*} is refused" 1 \
        "Config file error [bootstrap]: ${fault#*~}" \
        conf "{\"bootstrap\":{${fault%%~*}}}"
done

# ---- all ranks have what rank 0 has --------------------------------------------------

echo 'rank0 = true' >"$W/leader.toml"
cp "$W/leader.toml" "$W/live.toml"
start_ranks() { # SIZE OPTIONS
    mkdir "$W/ranks"
    size=$1
    shift
    flux start -s "$size" --test-rundir="$W/ranks" -Sbroker.rc2_none=1 "$@" \
        >"$W/ranks.err" 2>&1 &
    BROKER=$! FLUX_URI=local://$W/ranks/local-0 ERR=$W/ranks.err
    _brokers="$_brokers $BROKER"
    export FLUX_URI
    wait_until is_running
}
start_ranks 3 -Stbon.topo=kary:1 -c "$W/live.toml" --conf=more=1
is "followers start with the leader's" "$(on_all '{"rank0":true,"more":1}')" live
flux exec -r all flux module load "$TMOD/testmod.so"
load 'a = 1'
ok "config load replaces it on all ranks" wait_until sh -c \
    '[ "$(flux exec -r all flux config get | sort -u)" = "{\"a\":1}" ]'
has "and in their modules" '"conf":{"a":1}' flux rpc -r 2 testmod.about
is "config reload reads the files again" '{"rank0":true}' sh -c \
    'flux config reload && flux config get'
for command in reload "load $W/a.toml" 'set -t integer z 1'; do
    fails "config ${command%% *} is rank 0's" 1 \
        "configuration can only be changed on rank 0" \
        sh -c "flux exec -n -r 1 flux config $command"
done
ok "--follower-noop" flux exec -r 1 flux config reload --follower-noop

# ---- a module refuses ------------------------------------------------------------------

load 'n = 1'
fails "a refusal is the answer, with the module's name" 1 \
    "flux-config: load: error updating testmod: not this one" \
    load 'refuse.testmod = "not this one"'
is "and nothing has changed" '{"n":1}' flux config get
flux module remove -f testmod
load 'refuse.testmod = "not here"'
refusal_on_1() {
    flux dmesg | grep -c \
        'config.err\[1\]: parent update: error updating testmod: not here'
}
ok "a refusal of another rank is logged" wait_until sh -c \
    'flux dmesg | grep -q "config.err.2.: parent update: error updating testmod"'
is "on each that refused" 1 refusal_on_1
is "where the old one stays" "0: {\"refuse\":{\"testmod\":\"not here\"}}
1: {\"n\":1}
2: {\"n\":1}" live
load 'n = 2'
ok "the next one reaches them all" wait_until sh -c \
    '[ "$(flux exec -r 0-2 flux config get | sort -u)" = "{\"n\":2}" ]'

# ---- a module that does not answer, one that comes in between -----------------------------

flux module load "$TMOD/testmod.so"
flux setattr broker.config-timeout 0.05s
fails "one that does not answer is named in time" 1 \
    "flux-config: load: error updating testmod: no answer in time" \
    load 'ignore.testmod = 1'
is "and nothing has changed" '{"n":2}' flux config get
flux setattr broker.config-timeout 10s
load 'ignore.testmod = 1' &
loading=$!
wait_until sh -c 'flux module debug testmod >/dev/null &&
    flux module stats testmod | grep -q "\"request\": [4-9]"'
flux module load --name=late "$TMOD/testmod.so"
flux module remove -f testmod
wait $loading
is "one that is removed does not refuse" '{"ignore":{"testmod":1}}' \
    flux config get
ok "one that was loaded meanwhile is told" wait_until sh -c \
    'flux rpc late.about | grep -q "\"ignore\":{\"testmod\":1}"'
flux module remove late
flux module load "$TMOD/testmod.so"
flux setattr broker.config-timeout 0.05s
ok "the same again asks no one" load 'ignore.testmod = 1'
load 'm = 1'
flux exec -r 0-2 flux module remove -f testmod

# ---- streams -----------------------------------------------------------------------------

cat >"$W/stream.py" <<'EOF'
from flux.core.handle import Flux
from flux.constants import FLUX_RPC_STREAMING
h = Flux()
f = h.rpc("config.get", flags=FLUX_RPC_STREAMING)
for value in 1, 2:
    print(f.get_str(), flush=True)
    f.reset()
    Flux().rpc("config.load", {"s": value}).get()
print(f.get_str())
EOF
is "config.get may be a stream" '{"m":1}
{"s":1}
{"s":2}' flux python "$W/stream.py"

# ---- set, unset --------------------------------------------------------------------------

load 'i = 1'
set_to() { # WANT ARGS: of config set
    want=$1
    shift
    is "config set $*" "$want" sh -c 'flux config set "$@" && flux config get' \
        sh "$@"
}
set_to '{"i":7}' i 7
set_to '{"i":7,"t":{"s":"5"}}' -t string t.s 5
set_to '{"i":7,"t":{"s":"x y"}}' t.s 'x y'
set_to '{"i":7,"t":{"s":"x y"},"r":1.0}' -t real r 1
set_to '{"i":7,"t":{},"r":1.0}' -t object t '{}'
set_to '{"i":7,"t":{},"r":[1,2]}' --type=array r '[1, 2]'
set_to '{"i":true,"t":{},"r":[1,2]}' --type=boolean i true
set_to '{"i":"5m","t":{},"r":[1,2]}' --type=fsd i 5m
for wrong in 'integer:5x' 'integer:1.5' 'real:x' 'boolean:yes' 'array:{}' \
    'object:[]' 'fsd:5 miles'; do
    fails "'${wrong#*:}' is no ${wrong%%:*}" 1 \
        "'${wrong#*:}' is not of type ${wrong%%:*}" \
        flux config set -t "${wrong%%:*}" i "${wrong#*:}"
done
fails "a type that is none" 1 "Unknown type: any" flux config set -t any i 1
fails "a new one needs a type" 1 "new is not set: its type is unknown" \
    flux config set new 1
fails "below what is no table" 1 "r.x: a part of it is not a table" \
    flux config set -t integer r.x 1
is "config unset" '{"i":"5m","t":{}}' sh -c \
    'flux config unset r && flux config get'
is "also in a table" '{"t":{}}' sh -c 'flux config set -t string t.x 1 &&
    flux config unset t.x && flux config unset i && flux config get'
ok "and of what is not set" flux config unset no.such

# ---- builtin -------------------------------------------------------------------------------

is "config builtin" "flux modprobe rc1" flux config builtin rc1_path
is "of a folder" "$B/lib/flux/modules" flux config builtin module_path
fails "of what is none" 1 "nosuch is invalid" flux config builtin nosuch
all_builtins() {
    flux config builtin | while IFS='=' read -r name value; do
        [ "$value" = "$(flux config builtin --installed "$name")" ] || return 1
    done
}
ok "without a name: all of them" all_builtins
has "with their values" "confdir=$B/etc/flux" flux config builtin
fails "get -c system" 1 "$B/etc/flux/system/conf.d: No such file" \
    flux config get -c system

# ---- reload of the module ------------------------------------------------------------------

ok "config itself may be reloaded" flux exec -r all flux module reload config
load 'after = 1'
ok "and followers still follow" wait_until sh -c \
    'flux exec -r 2 flux config get | grep -q after'
ok "stop" stop
finish
