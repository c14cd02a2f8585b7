#!/bin/sh
# module.t - modules as threads: load, reload, remove, list, and how they fail
. "${0%/*}/lib.sh"

MOD=$TMOD/testmod.so

loaded() { # NAME
    flux module list | grep -q "^$1 "
}
field() { # NAME KEY: of module.list
    flux rpc module.list | json "[m['$2'] for m in d['mods'] if m['name'] == '$1'][0]"
}
argument_is() { # TEXT: of the module odd
    flux rpc odd.args | python3 -c 'import json, sys
sys.exit(json.load(sys.stdin)["args"] != [sys.argv[1]])' "$1"
}
loader_words() { # PATH: what dlopen has to say about it
    python3 -c 'import ctypes, sys
try:
    ctypes.CDLL(sys.argv[1], mode=2)
except OSError as e:
    print(e)' "$1"
}

start

# ---- load, list, remove -----------------------------------------------------------

ok "load by path" flux module load "$MOD" a b=c
has "it answers" '{"x":1}' flux rpc testmod.echo '{"x":1}'
is "with its arguments" '{"args":["a","b=c"]}' flux rpc testmod.args
is "columns of flux module list" \
    "Module                    Idle  S Sendq Recvq Service" \
    sh -c 'flux module list | head -1'
row_fits() {
    flux module list | grep -q '^testmod  *0  R     0     0 *$'
}
ok "a row" row_fits
long_row_fits() {
    flux module list -l | grep -q "^testmod .* R .* $MOD\$"
}
ok "list -l has the path" long_row_fits
has "builtin modules are in the list, with path builtin" \
    "connector-local" sh -c 'flux module list -l | grep "builtin$"'
is "digest is the file's SHA-1" "$(sha1sum <"$MOD" | cut -d' ' -f1)" \
    field testmod digest
is "and none for builtin modules" None field config digest
fails "a second load: which file it is loaded from" 1 \
    "flux-module: load $MOD: module testmod is already loaded from $MOD" \
    flux module load "$MOD"
ok "--name: the same file under another name" \
    flux module load --name=two "$MOD" c
is "has its own arguments" '{"args":["c"]}' flux rpc two.args
is "the first one keeps its own" '{"args":["a","b=c"]}' flux rpc testmod.args
ok "-n: a third" flux module load -n three "$MOD"
is "the thread has the module's name" two \
    sh -c 'flux rpc two.about | sed "s/.*\"thread\":\"\([^\"]*\).*/\1/"'
is "all signals but two and those of a crash are blocked in it" '"signals":24' \
    sh -c 'flux rpc two.about | grep -o "\"signals\":[0-9]*"'
has "attributes come with its welcome" '"rank":"0"' flux rpc two.about
ok "remove by name" flux module remove two
hasnt "it is gone" two flux module list
fails "and does not answer" 1 "No service matching two.echo is registered" \
    flux rpc two.echo
ok "unload is remove" flux module unload three
ok "remove by path" flux module remove "$MOD"
fails "remove of what is not loaded" 1 \
    "flux-module: remove testmod: No such file or directory; it is not loaded" \
    flux module remove testmod
ok "-f makes that no error" flux module remove -f testmod
fails "a module fails before it runs: its errno" 1 \
    "load $MOD: Input/output error" flux module load "$MOD" --init-failure
hasnt "it is not there" testmod flux module list
ok "one that ends well before it runs is loaded" flux module load "$MOD" --exit
hasnt "and gone" testmod flux module list
ok "flux_module_set_running: running before its reactor" sh -c '
    flux module load "$1" --set-running "$0" && flux module list |
    grep -q "^testmod .* R " && touch "$0"' "$W/go" "$MOD"
has "then it goes on" "{}" flux rpc testmod.echo '{}'
fails "a status that does not fit the state is refused" 1 "fit the state" \
    flux rpc testmod.report '{"status":0}'
fails "nor one that is none" 1 "fit the state" flux rpc testmod.report '{"status":9}'
ok "the module still answers" flux rpc testmod.echo '{}'
ok "and can be removed" flux module remove testmod

# ---- names and search ------------------------------------------------------------------

stop
mkdir "$W/a" "$W/b" "$W/rel"
cp "$MOD" "$W/a/found.so.1.2"
cp "$MOD" "$W/b/found.so"
cp "$MOD" "$W/b/second.so"
cp "$MOD" "$W/rel/relative.so"
cp "$MOD" "$W/rel/dots.a.so"
cd "$W" || exit 1
FLUX_MODULE_PATH=rel:$W/a:$W/b start
ok "by name, from FLUX_MODULE_PATH" flux module load found
is "the first folder wins, also with NAME.so.VERSION" "$W/a/found.so.1.2" \
    field found path
ok "further folders too" flux module load second
fails "a name that is nowhere" 1 \
    "flux-module: load nosuch: module not found in search path" \
    flux module load nosuch
fails "a relative folder is not searched" 1 "not found in search path" \
    flux module load relative
ok "a relative path is the person's" flux module load rel/relative.so
is "and made absolute" "$W/rel/relative.so" field relative path
ok "the name ends at the first dot" flux module load rel/dots.a.so
ok "so" loaded dots
fails "a relative path to nothing" 1 \
    "could not canonicalize module path 'rel/none.so': No such file" \
    flux module load rel/none.so
for name in found second relative dots; do
    flux module remove $name
done
cd / || exit 1
for odd in 'with blank' "it's" 'quo"te' 'schön-雪' 'back\slash' '$dollar'; do
    mkdir -p "$W/$odd"
    cp "$MOD" "$W/$odd/$odd.so"
    ok "a path with $odd" flux module load --name=odd "$W/$odd/$odd.so" "$odd"
    ok "its argument arrives as it is" argument_is "$odd"
    flux module remove odd
done
ok "mod_name: loaded under its name" flux module load "$TMOD/oldname.so"
flux module remove oldname
fails "not under another" 1 "mod_name oldname != name new" \
    flux module load --name=new "$TMOD/oldname.so"

# ---- what is no module ---------------------------------------------------------------------

head -c 100 "$MOD" >"$W/short.so"
echo "hello, this is no shared object, not even a short one" >"$W/text.so"
: >"$W/empty.so"
mkdir "$W/folder.so"
cp "$MOD" "$W/arch.so"
printf '\377\377' | dd of="$W/arch.so" bs=1 seek=18 conv=notrunc 2>/dev/null
is "short.so: the linker's own words" \
    "flux-module: load $W/short.so: $(loader_words "$W/short.so")" \
    flux module load "$W/short.so"
refused() { # FILE REASON
    is "$1" "flux-module: load $W/$1: $W/$1: $2" flux module load "$W/$1"
}
refused text.so "this is not an ELF file"
refused empty.so "this is not an ELF file"
refused folder.so "Is a directory"
fails "another machine" 1 "is for another machine, " \
    flux module load "$W/arch.so"
fails "an undefined symbol" 1 "needs flux_function_that_nobody_has, which" \
    flux module load "$TMOD/badsym.so"
fails "no mod_main" 1 "module does not define mod_main()" \
    flux module load "$TMOD/nomain.so"
fails "another suffix" 1 "could not determine loader from path suffix" \
    flux module load /etc/passwd
hasnt "none of them is in the list" so flux module list -l
ok "stop" stop
if is_root && cp "$MOD" "$W/unreadable.so"; then
    chmod 755 "$W"
    chmod 0 "$W/unreadable.so"
    fails "an unreadable file" 1 "Permission denied" as_other_user \
        env TMPDIR=/tmp "$B/bin/flux" start \
        "$B/bin/flux" module load "$W/unreadable.so"
fi

# ---- reload ------------------------------------------------------------------------------------

start
build() { # TEXT: written anew, not over what is mapped
    compile -shared -fPIC -I"$B/include" -DTEXT="\"$1\"" \
        -o "$W/version.so.new" "$here/modules/version.c" &&
        mv "$W/version.so.new" "$W/version.so"
}
build first
flux module load "$W/version.so"
is "a module" '{"text":"first"}' flux rpc version.text
build second
is "before the reload it is the old one" '{"text":"first"}' \
    flux rpc version.text
ok "reload" flux module reload "$W/version.so"
is "picks up the rebuilt file" '{"text":"second"}' flux rpc version.text
is "with its digest" "$(sha1sum <"$W/version.so" | cut -d' ' -f1)" \
    field version digest
flux module remove version
fails "reload of what is not loaded" 1 "No such file or directory" \
    flux module reload "$W/version.so"
ok "-f: loads it all the same" flux module reload -f "$W/version.so"
flux module load "$MOD" a 'b c'
ok "reload by name" flux module reload testmod
is "without arguments: those it had" '{"args":["a","b c"]}' \
    flux rpc testmod.args
ok "reload with arguments" flux module reload testmod d
is "has those" '{"args":["d"]}' flux rpc testmod.args
flux module load --name=two "$MOD" x
flux module load --name=other "$MOD" e
ok "reload by a name that is not the file's" flux module reload other
is "it keeps name and arguments" '{"args":["e"]}' flux rpc other.args
flux module remove other
ok "reload --name" flux module reload --name=two "$MOD"
is "that one" '{"args":["x"]}' flux rpc two.args
fails "reload of a path to nothing removes nothing" 1 "No such file" \
    flux module reload "$W/none.so"
flux module remove two
for name in config connector-local; do
    ok "a builtin module is reloaded like others: $name" \
        flux module reload $name
    has "and listed" "$name" flux module list
done
fails "but not as a process" 1 \
    "built-in modules cannot execute in a separate process" \
    flux module load --exec config
ok "a builtin module may be removed" flux module remove config
fails "then it does not answer" 1 "No service matching config.get" \
    flux config get
ok "and loaded again" flux module load config

# ---- what is left in the channel, deferral ---------------------------------------------------------

cat >"$W/left.py" <<'EOF'
from wire import *

c = Client()
tags = [c.request("testmod.stop")]
tags += [c.request("testmod.echo", {"i": i}) for i in range(50)]
answers = [outcome(c.answer(t)) for t in tags[1:]]
say(all(a.startswith("ENOSYS") for a in answers),
    "requests that are left in the channel get ENOSYS", set(answers))
EOF
run_tap python3 "$W/left.py"
ok "a module that stops by itself is gone" sh -c \
    '! flux module list | grep -q testmod'
flux module load "$MOD"
cat >"$W/defer.py" <<'EOF'
from wire import *

c, d = Client(), Client()
same(outcome(d.rpc("module.debug", {"name": "testmod", "defer": True})), "ok",
     "module.debug: defer")
tags = [c.request("testmod.echo", {"i": i}) for i in range(10)]
c.sock.settimeout(0.1)
try:
    c.recv()
    say(False, "deferred messages wait")
except OSError:
    say(True, "deferred messages wait")
c.sock.settimeout(WAIT)
same(outcome(d.rpc("broker.ping", {})), "ok", "others do not")
d.rpc("module.debug", {"name": "testmod", "defer": False})
same([c.recv().json()["i"] for _ in tags], list(range(10)),
     "and arrive in order when it ends")
same(outcome(d.rpc("module.debug", {"name": "nosuch", "defer": True})),
     "ENOENT", "module.debug of what is not loaded")
d.rpc("module.debug", {"name": "testmod", "defer": True})
load = {"x": "y" * (1 << 20)}
c.request("testmod.echo", {"first": 1})
for _ in range(17):
    d.request("testmod.echo", load)
same(c.recv().json(), {"first": 1}, "17 MiB that wait end the deferral")
EOF
run_tap python3 "$W/defer.py"

# ---- removal of a module that is in use ----------------------------------------

flux rpc testmod.wait >/dev/null 2>&1 &
waiting=$!
waits() { # COUNT: requests that testmod has not answered
    flux rpc module.info '{"name":"testmod"}' | grep -q "\"pending\":$1,"
}
ok "a request that is not answered" wait_until waits 1
fails "remove says who waits" 1 \
    "flux-module: remove testmod: client (pid $waiting, uid $(id -u)) waits for 1 answer; --force removes it all the same" \
    flux module remove testmod
ok "the module is still there" flux ping -c 1 testmod
ok "another removal does not mind" flux rpc module.remove '{"name":"testmod"}'
fails "who waited is told" 1 "" wait $waiting
flux module load "$MOD"
flux rpc testmod.wait >/dev/null 2>&1 &
waiting=$!
wait_until waits 1
ok "-f removes it" flux module remove -f testmod
fails "and who waited is told" 1 "" wait $waiting
ok "no one asks when the broker shuts down" flux start \
    -Sbroker.rc3_path="flux module remove testmod" sh -c \
    "flux module load '$MOD' && { setsid flux rpc testmod.wait >/dev/null 2>&1 & } &&
    until flux rpc module.info '{\"name\":\"testmod\"}' |
        grep -q '\"pending\":1'; do :; done"
flux module load "$MOD"

# ---- cancel ---------------------------------------------------------------------------------------------

flux module remove testmod
flux module remove version
ok "stop" stop
start
flux module load "$MOD"
flux rpc testmod.hang >/dev/null 2>&1 &
hanging=$!
ok "remove --cancel of a module that hangs" flux module remove --cancel testmod
hasnt "it is gone" testmod flux module list
fails "and the one who waited is told" 1 "" wait $hanging
ok "the broker lives" flux getattr rank
flux module load "$MOD"
ok "reload --cancel too" flux module reload --cancel "$MOD"
flux module remove testmod
ok "stop" stop

# ---- failure at run time, left at exit ---------------------------------------------------------------------

die='{"errnum":5}'
start
flux module load "$MOD"
flux rpc testmod.die "$die" >/dev/null 2>&1
fails "a failing module brings the broker down, with 1" 1 "" ended
has "and its name" "testmod module runtime failure" cat "$ERR"
has "and its errno" "testmod: Input/output error" cat "$ERR"
start -Sbroker.module-nopanic=0
flux module load "$MOD"
flux rpc testmod.die "$die" >/dev/null 2>&1
fails "nopanic=0 is as without" 1 "" ended
start -Sbroker.module-nopanic=1
flux module load "$MOD"
flux rpc testmod.die "$die" >/dev/null 2>&1
ok "nopanic=1: only logged" \
    wait_until sh -c '! flux module list | grep -q testmod'
has "with its name" "testmod module runtime failure" cat "$ERR"
ok "the broker lives" flux getattr rank
ok "and ends well" stop
fails "a failure in a command's instance: status 1, the command is hung up on" 1 \
    "runtime failure" flux start sh -c \
    'flux module load '"$MOD"'; flux rpc testmod.die '"'$die'"'; sleep 30'

start -Sbroker.rc3_path=
flux module load "$MOD"
before=$(seconds)
fails "a module left loaded at exit: status 1" 1 "" stop
has "and it is named" "broker module 'testmod' was not properly shut down" \
    cat "$ERR"
ok "at once" test $(($(seconds) - before)) -le 8

# ---- usage ---------------------------------------------------------------------------------------------------

for words in load reload remove "load --nosuch x" "remove a b" "list x" \
    "remove --cancel" "load -n"; do
    # shellcheck disable=SC2086 # several words
    fails "flux module $words" 1 "Usage: flux-module ${words%% *}" \
        flux module $words
done
fails "flux module" 1 "missing subcommand" flux module
fails "flux module lod" 1 "Unknown subcommand: lod" flux module lod
finish
