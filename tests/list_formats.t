#!/bin/sh
# list_formats.t - flux module list for programs and for many ranks
#
# Lists of many ranks come from a broker that only pretends (fakebroker.py), so
# that any half-deployed and half-dead instance can be had.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

# ---- formats -------------------------------------------------------------------

start
flux module load "$TMOD/testmod.so" a b=c
digest=$(sha1sum <"$TMOD/testmod.so" | cut -d' ' -f1)
short=$(echo "$digest" | cut -c1-12)

row() { # FORMAT: of testmod
    flux module list -n -o "{name} $1" | sed -n 's/^testmod //p'
}
is "-o {digest}" "$digest" row '{digest}'
is "{path}" "$TMOD/testmod.so" row '{path}'
is "{status} and its letter" "running R" row '{status} {status_abbrev}'
is "{kind}, {args}, {services}" "thread|a b=c|testmod" \
    row '{kind}|{args}|{services}'
is "no {pid}, {restarts} or {loader} in a thread" "[]--" \
    row '[{pid}]{restarts:h}{loader:h}'
idle() { # on a busy machine it may be some seconds
    row '{idle:02}s' | sed 's/^[0-9][0-9]s$/00s/'
}
is "{idle} is a number" "00s" idle
is "the header has titles" "Module  |Path" \
    sh -c 'flux module list -o "{name:<8}|{path}" | head -1'
is "--no-header: none" "config" \
    sh -c 'flux module list --no-header -o "{name}" | head -1'
is "?: leaves an empty column out" "Module Kind" \
    sh -c 'flux module list -o "{name} ?:{pid} {kind}" | head -1'
is "a format by its name" "$(flux module list -l | head -1)" \
    sh -c 'flux module list -o long | head -1'
has "-o help: formats and fields" "status_abbrev  I, R, F, E" \
    flux module list -o help
fails "no format" 1 "--format: no such format nosuch; -o help lists them" \
    flux module list -o nosuch
fails "an unknown field" 1 "--format: unknown field 'nosuch'" \
    flux module list -o '{nosuch}'
fails "a brace too few" 1 "--format: expected '}' behind '{name'" \
    flux module list -o '{name'
long_row() {
    flux module list -l | grep '^testmod '
}
has "-l has the digest's first 12 digits, and the path last" \
    "$short $TMOD/testmod.so" long_row

# ---- JSON --------------------------------------------------------------------------

json_list() { # EXPRESSION of the list of modules
    flux module list --json | json "$1"
}
said() { # CMD...: its output without what a second changes
    "$@" | sed 's/"idle":[0-9]*/"idle":N/g'
}
is "--json is what the broker says" "$(said flux rpc module.list)" \
    said flux module list --json
is "with digests" "$digest" \
    json_list "[m['digest'] for m in d['mods'] if m['name'] == 'testmod'][0]"
fails "--json with --format" 1 "--json goes with neither" \
    flux module list --json -o '{name}'
is "debug --json" '{"flags":5}' flux module debug --json --set=5 testmod
is "getattr --json" '{"value":"0","flags":1}' flux getattr --json rank
fails "of one that is not there" 1 "flux-getattr: nosuch: " \
    flux getattr --json nosuch
is "stats --json is one line" 1 \
    sh -c 'flux module stats --json testmod | wc -l'
flux logger --appname=tester --severity=warning "with \"quotes\" and schön"
dmesg_line() {
    flux dmesg --json | json "[[m['severity'], m['appname'], m['hostname'],
        m['message']] for m in d if m['appname'] == 'tester'][0]"
}
is "dmesg --json is one array" "['warning', 'tester', '0', 'with \"quotes\" and schön']" \
    dmesg_line
is "dmesg --json of an empty log" "[]" \
    sh -c 'flux dmesg -C --json; flux dmesg --json'

# ---- ranks -----------------------------------------------------------------------------

is "-a: a Ranks column" \
    "Module                    Idle  S Sendq Recvq Ranks Service" \
    sh -c 'flux module list -a | head -1'
is "-o {ranks}" 0 sh -c 'flux module list -a -n -o "{ranks}" | sort -u'
fails "a rank that is not there is told of" 1 \
    "flux-module: rank 7: No route to host" flux module list -r 0,7
is "the others are shown" "testmod 0" \
    sh -c 'flux module list -r 0,7 -o "{name} {ranks}" 2>/dev/null | grep testmod'
fails "-r with what is no set" 1 "--rank: '3-1' is not a set of ranks" \
    flux module list -r 3-1
fails "-r with nothing" 1 "--rank: no rank given" flux module list -r ''
fails "-r and -a" 1 "exclude each other" flux module list -r 0 -a
flux module remove testmod
ok "the broker ends well" stop

# Ranks 0 to 4, and 7, of ten: 2 has another build of m and a module of its
# own, 3 does not answer, 4 knows no digests, and the others are not there.
cat >"$W/script.py" <<'EOS'
import json

def mod(name, digest="a" * 40, idle=50, status=1, queue=0, **more):
    m = dict(name=name, path="/x/" + name + ".so", idle=idle, status=status,
             services=[name], sendqueue=queue, recvqueue=0, digest=digest)
    m.update(more)
    return m

def mods(*m):
    return {"mods": list(m)}

old = mod("m", None, pid=6)
del old["digest"]
print(json.dumps({
    "attr.get": {"any": {"value": "10", "flags": 1}},
    "module.list": {
        "0": mods(mod("m", pid=7), mod("config", None)),
        "1": mods(mod("m", idle=3, pid=8), mod("config", None)),
        "2": mods(mod("m", "b" * 40), mod("extra"), mod("config", None)),
        "3": None,
        "4": mods(old, mod("config", None)),
        "7": mods(mod("m", status=2, queue=9, pid=7), mod("config", None)),
    }}))
EOS
python3 "$W/script.py" >"$W/answers"
mkfifo "$W/hold"
python3 "$here/fakebroker.py" "$W/socket" "$W/answers" <"$W/hold" &
exec 9>"$W/hold"
wait_until test -S "$W/socket"
FLUX_URI=local://$W/socket
export FLUX_URI

is "equal in name and digest is one line, the worst of each shown" \
    "Module                    Idle  S Sendq Recvq Ranks   Service
m                            3  F     9     0 0-1,7   
config                      50  R     0     0 0-2,4,7 
m                           50  R     0     0 2       
extra                       50  R     0     0 2       
m                           50  R     0     0 4       " \
    sh -c 'flux module list -r 0-4,7 2>/dev/null'
fails "a rank that does not answer is named, with the time" 1 \
    "flux-module: rank 3: no answer within a second" flux module list -r 0-3
is "what differs and is one process's own is left out" " -
 -
 -" \
    flux module list -r 0,1 -o '?:{pid} -'
all_ranks() {
    flux module list -a >"$W/list" 2>"$W/err"
    echo "$? $(grep -c 'No route' "$W/err") $(wc -l <"$W/list")"
}
is "-a asks as many ranks as there are" "1 4 6" all_ranks
short_wait() { # a thousand ranks that do not answer cost a second, as one does
    python3 - >"$W/answers" <<'EOS'
import json
print(json.dumps({"module.list": {str(n): None for n in range(1000)}}))
EOS
    before=$(date +%s%N)
    flux module list -r 0-999 2>"$W/err"
    [ $(($(date +%s%N) - before)) -lt 5000000000 ] &&
        [ "$(grep -c 'no answer' "$W/err")" -eq 1000 ]
}
ok "all of them are waited for at once" short_wait
ranks_json() {
    python3 "$W/script.py" >"$W/answers"
    flux module list --json -r 0,1,7 |
        json "[(m['name'], m['ranks'], m['idle']) for m in d['mods']]"
}
is "--json has the ranks" "[('m', '0-1,7', 3), ('config', '0-1,7', 50)]" \
    ranks_json
echo '{"module.list": {"any": {"mods": 1}}}' >"$W/answers"
fails "an answer that is no list" 1 "module.list: Protocol error" \
    flux module list
echo '{"module.list": {"any": {"mods": [1]}}}' >"$W/answers"
fails "a module that is none" 1 "module.list: Protocol error" flux module list
exec 9>&-
wait
finish
