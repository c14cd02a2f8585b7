#!/bin/sh
# process.t - modules in processes: loaders, deaths, force, restarts, orphans
. "${0%/*}/lib.sh"

DYING=$TMOD/dying.so
HELLO=$B/lib/flux/modules/hello.so
LOADER=$here/loader40.py
# Under sanitizers too, a signal that kills has to kill.
ASAN_OPTIONS=${ASAN_OPTIONS:-}:handle_segv=0
TSAN_OPTIONS=${TSAN_OPTIONS:-}:handle_segv=0
export ASAN_OPTIONS TSAN_OPTIONS

pid_of() { # NAME
    flux rpc module.list | json \
        "[m['pid'] for m in d['mods'] if m['name'] == '$1'][0]"
}

open_files() {
    find "/proc/$BROKER/fd" -type l | wc -l
}

kib() {
    sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$BROKER/status"
}

# ---- loaders -------------------------------------------------------------------

start -Sbroker.module-nopanic=1
ok "load --exec" flux module load --exec "$HELLO" greeting=Hi 'greeting=two words'
is "it answers; an argument with a blank is one" '{"greeting":"two words x"}' \
    flux rpc hello.greet '{"name":"x"}'
has "it is listed as a process" '"kind":"process"' flux rpc module.list
has "with its loader" "loader module-exec" flux module status hello
is "its process bears its name" hello cat "/proc/$(pid_of hello)/comm"
has "its environment is the instance's" "FLUX_URI=$FLUX_URI" \
    sh -c 'tr "\0" "\n" <"/proc/$0/environ"' "$(pid_of hello)"
ok "stats" flux module stats hello
ok "reload" flux module reload "$HELLO"
has "it stays a process" "loader module-exec" flux module status hello
is "with its arguments" '{"greeting":"two words x"}' \
    flux rpc hello.greet '{"name":"x"}'
ok "remove" flux module remove hello
ok "load as a thread" flux module load --on-failure=log --load-timeout=9s "$HELLO"
ok "reload --exec" flux module reload --exec "$HELLO"
is "what was said on failures and times stays" "log 9.0" sh -c \
    'flux module status --json hello | "$0" -c "import json, sys
r = json.load(sys.stdin)[\"request\"]
print(r[\"on-failure\"], r[\"load-timeout\"])"' python3
ok "remove" flux module remove hello
fails "a built-in module has no process" 1 \
    "built-in modules cannot execute in a separate process" \
    flux module load --exec config

ok "--loader=PATH, one that uses nothing of ours" \
    flux module load --loader="$LOADER" --name=foreign "$LOADER"
is "it answers" '{"x":1}' flux rpc foreign.ping '{"x":1}'
fails "and refuses" 1 "foreign.nosuch" flux rpc foreign.nosuch
ok "it obeys" flux module remove foreign
cd "$here" || exit 1
ok "--loader=./PATH" flux module load --loader=./loader40.py "$HELLO"
ok "reload" flux module reload "$HELLO"
has "has it again" "loader $here/./loader40.py" flux module status hello
ok "remove" flux module remove hello
mkdir "$W/exec" && cp "$LOADER" "$W/exec/flux-forty"
chmod +x "$W/exec/flux-forty"
fails "--loader=NAME: none of that name" 1 \
    "loader (forty): no flux-forty was found on FLUX_EXEC_PATH" \
    flux module load --loader=forty "$HELLO"
ok "--loader=module-exec" flux module load --loader=module-exec "$HELLO"
ok "remove" flux module remove hello
fails "--loader with a name instead of a path" 1 \
    "module loader may only be specified with module path" \
    flux module load --loader=module-exec hello
fails "--loader that is not there" 1 "loader (/nosuch): No such file" \
    flux module load --loader=/nosuch "$HELLO"
fails "--loader=false" 1 "loader (/bin/false) exited with exit code 1" \
    flux module load --loader="/bin/false" "$HELLO"
fails "--loader=true" 1 "exited without reporting its status" \
    flux module load --loader="/bin/true" "$HELLO"
printf '#!/nosuch/interpreter\n' >"$W/broken" && chmod +x "$W/broken"
fails "--loader that cannot be executed: why" 1 \
    "$W/broken: No such file or directory" \
    flux module load --loader="$W/broken" "$HELLO"
echo text >"$W/bad.so"
fails "the linker's words reach who asked" 1 "$W/bad.so: " \
    flux module load --exec "$W/bad.so"
fails "a suffix that names no loader" 1 \
    "could not determine loader from path suffix" \
    flux module load "$W/broken"
ok "--loader makes it loadable" \
    flux module load --loader="$LOADER" --name=any "$W/broken"
ok "remove" flux module remove any

# ---- wrap ------------------------------------------------------------------------

printf '#!/bin/sh\necho "$0 $*" >%s/wrapped\nshift\nexec "$@"\n' "$W" >"$W/wrap"
chmod +x "$W/wrap"
ok "--wrap, a path" flux module load --wrap="$W/wrap,--opt" "$HELLO"
has "the words stand before the loader" "$W/wrap --opt $B/bin/" cat "$W/wrapped"
has "and the module's path is last" "$HELLO" cat "$W/wrapped"
ok "remove" flux module remove hello
ok "--wrap, found on PATH" flux module load --wrap=env --wrap=X=1 "$HELLO"
has "all its words are used" "X=1" \
    sh -c 'tr "\0" "\n" <"/proc/$0/environ"' "$(pid_of hello)"
ok "reload" flux module reload "$HELLO"
has "keeps them" "X=1" \
    sh -c 'tr "\0" "\n" <"/proc/$0/environ"' "$(pid_of hello)"
ok "reload --wrap" flux module reload --wrap=env,X=2 "$HELLO"
has "with the new words" "X=2" \
    sh -c 'tr "\0" "\n" <"/proc/$0/environ"' "$(pid_of hello)"
ok "remove" flux module remove hello
fails "--wrap of what is not there" 1 "--wrap: nosuch: " \
    flux module load --wrap=nosuch "$HELLO"
if [ -z "${TEST_BUILD:-}" ] && command -v valgrind >/dev/null; then
    ok "--wrap=valgrind" flux module load \
        --wrap=valgrind,-q,--error-exitcode=9,--leak-check=full "$HELLO"
    ok "it answers" flux rpc hello.greet '{"name":"x"}'
    ok "no error, no leak" flux module remove hello
    hasnt "as the log has it too" "after the module had ended" flux dmesg
else
    skip "--wrap=valgrind" "no valgrind, or a sanitizer"
fi

# ---- deaths, force, restarts -------------------------------------------------------

ok "an innocent module" flux module load "$HELLO"
run_tap python3 "$here/process.py" "$DYING" hello
ok "the innocent one lives" flux module remove hello

if [ -n "${TEST_BUILD:-}" ]; then
    skip "a thread takes cancel" "what it has allocated is lost"
else
    flux module load "$DYING"
    flux rpc -n dying.die '{"how":"spin"}'
    is "a thread takes cancel" \
        "flux-module: remove dying: it was ended by cancel" \
        flux module remove --timeout=0.1 dying
fi
fails "--on-failure=nosuch" 1 "on-failure: 'nosuch' is none of panic" \
    flux module load --on-failure=nosuch "$HELLO"
ok "--on-failure=restart" flux module load --on-failure=restart:2/1m "$DYING"
has "list -l shows it" "restart:2/60" flux module list -l
has "status too" "restart:2/60, 0 restarts so far" flux module status dying
ok "remove" flux module remove dying
fails "status of what is not loaded" 1 "dying is not loaded" \
    flux module status dying
ok "stop" stop

# ---- panic ---------------------------------------------------------------------------

start
flux module load --exec "$DYING"
flux rpc -n dying.die '{"how":"segv"}'
fails "a death brings the broker down, with 1" 1 "" ended
has "and its reason" "loader (module-exec) killed by Segmentation fault" \
    cat "$ERR"
has "and its name" "dying module runtime failure" cat "$ERR"

start
flux module load --exec --on-failure=log "$DYING"
flux rpc -n dying.die '{"how":"segv"}'
ok "--on-failure=log" wait_until sh -c '! flux module list | grep -q dying'
ok "the broker lives" stop

start -Sbroker.module-nopanic=1
flux module load --exec --on-failure=panic "$DYING"
flux rpc -n dying.die '{"how":"segv"}'
fails "--on-failure=panic wins over nopanic" 1 "" ended

start -Sbroker.rc3_path=
flux module load --exec "$DYING"
fails "a module left loaded at exit: status 1" 1 "" stop
has "and it is named" "broker module 'dying' was not properly shut down" \
    cat "$ERR"

# ---- orphans ---------------------------------------------------------------------------

start
for how in spin stopped idle; do
    flux module load --exec --name=$how "$DYING"
done
flux module load --loader="$LOADER" --name=foreign "$LOADER"
flux rpc -n spin.die '{"how":"deaf"}'
kill -STOP "$(pid_of stopped)"
pids="$(pid_of spin) $(pid_of stopped) $(pid_of idle) $(pid_of foreign)"
kill -KILL "$BROKER"
DEADLINE=10
for pid in $pids; do
    ok "nothing outlives a broker that is killed" wait_until gone "$pid"
done
DEADLINE=20
wait "$BROKER" 2>/dev/null

# ---- test mode -------------------------------------------------------------------------

start
fails "module-exec without a path" 1 "Usage: flux-module-exec" flux module-exec
fails "with FLUX_MODULE_URI and a name" 1 \
    "FLUX_MODULE_URI and --name are incompatible" \
    env FLUX_MODULE_URI=fd://9 flux module-exec --name=x "$HELLO"
fails "with FLUX_MODULE_URI and arguments" 1 \
    "FLUX_MODULE_URI and free arguments are incompatible" \
    env FLUX_MODULE_URI=fd://9 flux module-exec "$HELLO" x
fails "a file that is not there" 1 "/nosuch.so: No such file or directory" \
    flux module-exec /nosuch.so
fails "a module that fails" 1 "module failed: Input/output error" \
    flux module-exec "$DYING" fail
flux module-exec --name=greeter "$HELLO" greeting=Ho 2>"$W/err" &
tested=$!
ok "test mode: a service" wait_until flux ping -c 1 greeter
has "it says so" "loading module in test mode" cat "$W/err"
is "with its arguments" '{"greeting":"Ho x"}' \
    flux rpc greeter.greet '{"name":"x"}'
fails "it is no module" 1 "" flux module remove greeter
flux rpc -n greeter.shutdown
ok "and ends well when it is asked to" wait $tested

# ---- cycles ----------------------------------------------------------------------------

cycle() { # COUNT
    python3 - "$HELLO" "$1" <<'END'
import sys
import wire
client = wire.Client()
for _ in range(int(sys.argv[2])):
    client.rpc("module.load", {"path": sys.argv[1], "args": [], "exec": True})
    answer = client.rpc("module.remove", {"name": "hello"})
    if answer.a:
        sys.exit(wire.outcome(answer))
END
}

ok "100 cycles of load and remove" cycle 100
files=$(open_files) memory=$(kib)
ok "1,000 more" cycle 1000
ok "as many descriptors as before" test "$(open_files)" -eq "$files"
if [ -n "${TEST_BUILD:-}" ]; then
    skip "and as much memory" "$TEST_BUILD"
else
    ok "and as much memory" test "$(kib)" -le $((memory + 256))
fi
ok "stop" stop
finish
