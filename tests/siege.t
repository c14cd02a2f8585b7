#!/bin/sh
# siege.t - modules that misbehave in every way, and an end that comes in time
. "${0%/*}/lib.sh"

WILD=$TMOD/wild.so
HELLO=$B/lib/flux/modules/hello.so
# A thread that is busy for ever is never joined: no leak to look for.
ASAN_OPTIONS=${ASAN_OPTIONS:-}:handle_segv=0:detect_leaks=0
TSAN_OPTIONS=${TSAN_OPTIONS:-}:handle_segv=0
export ASAN_OPTIONS TSAN_OPTIONS

# ---- modules, among clients that must not feel it -----------------------------------

start -Sbroker.module-nopanic=1 -Sbroker.rc3-timeout=0.5s
flux module load "$HELLO"
run_tap python3 "$here/siege.py" "$WILD" "$HELLO" "$TMOD/testmod.so"
ok "the broker goes on" flux ping -c 1 hello
flux module remove hello
fails "and ends, though a thread is busy" 1 "'wild' was not properly" stop

# ---- a crash in a thread ------------------------------------------------------------------

crash() { # HOW, in a thread of a broker that has a command and a loader
    flux start sh -c "flux module load --exec '$HELLO' &&
        flux module load --name=culprit '$WILD' &&
        flux rpc culprit.do '{\"how\":\"$1\"}'; sleep 1000"
}
last_words() { # HOW STATUS WORDS
    case ${TEST_BUILD:-} in
    "" | coverage) ;;
    *)
        skip "$1 in a thread" "$TEST_BUILD says so itself"
        return
        ;;
    esac
    fails "$1 in a thread: the last words name the module" "$2" \
        "flux-broker: module culprit: $3" crash "$1"
}
last_words segv 139 "Segmentation fault"
last_words overflow 139 "Segmentation fault"
last_words abort 134 "Aborted"
last_words exit 1 "called exit(), which ends the broker"

# ---- a load has a deadline ------------------------------------------------------------

fails "a deadline that is none" 1 "neither a duration nor none: 'soon'" \
    flux start -Sbroker.module-load-timeout=soon true
ok "which what is built in has not" \
    flux start -Sbroker.module-load-timeout=0.000001s true
start -Sbroker.module-load-timeout=0.1s -Sbroker.module-nopanic=1
for how in "" --exec; do
    fails "a silent module is late ${how:-in a thread}" 1 \
        "does not say that it runs, 0.1s after its start" \
        flux module load $how "$WILD" silent
    ok "and gone" wait_until sh -c '! flux module list -n -o "{name}" | grep wild'
done
flux setattr broker.module-load-timeout none
fails "--load-timeout goes before the attribute" 1 "0.05s after its start" \
    flux module load --load-timeout=50ms --exec "$WILD" silent
fails "reload has it too" 1 "0.05s after its start" \
    flux module reload --force --load-timeout=50ms --exec "$WILD" silent
ok "the broker goes on" flux ping -c 1 broker
ok "and ends in order" stop

# ---- an end that comes in time -----------------------------------------------------------

timed() { # SECONDS STATUS CMD...: it takes less, and ends so
    _start=$(seconds) _most=$1 _status=$2
    shift 2
    "$@"
    [ $? -eq "$_status" ] && [ $(($(seconds) - _start)) -le "$_most" ]
}
hanging() { # WORDS: a module is loaded by them, told to spin, and left
    flux start -Sbroker.rc3_path="$W/rc3" -Sbroker.rc3-timeout=0.3s sh -c \
        "flux module load $* '$WILD' && flux rpc -n wild.do '{\"how\":\"spin\"}'" \
        >"$W/hung" 2>&1
}
printf '#!/bin/sh\nexec flux module remove wild\n' >"$W/rc3"
chmod +x "$W/rc3"
for how in "" --exec; do
    ok "an rc3 that waits for a hanging module is cut off ${how:-(thread)}" \
        timed 20 1 hanging $how
    has "the attribute is named ${how:-(thread)}" "broker.rc3-timeout=0.3s" \
        cat "$W/hung"
    has "and the module ${how:-(thread)}" "'wild' was not properly shut down" \
        cat "$W/hung"
done
# Long enough that rc3 gets to that half on a busy machine.
stopped() { # a process module that is stopped, and nothing else
    flux start -Sbroker.rc3-timeout=2s sh -c \
        "flux module load --exec '$WILD' && kill -STOP \
        \$(flux module list -n -o '{pid}' | grep -x '[1-9][0-9]*')" \
        2>"$W/stopped"
}
ok "a stopped process does not keep the broker" timed 20 1 stopped
has "rc3 ends it at half of its time" \
    "wild: did not end within 1s, and was made to" cat "$W/stopped"
mkdir "$W/modprobe"
printf '[[modules]]\nname = "%s"\nmodule = "%s"\nexec = %s\nrequires = %s\n' \
    low "$WILD" false '[]' spins "$WILD" true '["low"]' \
    >"$W/modprobe/modprobe.toml"
chained() { # a process that spins, and a module that it needs
    FLUX_MODPROBE_PATH=$W/modprobe flux start -Sbroker.rc3-timeout=2s \
        flux rpc -n spins.do '{"how":"spin"}' 2>&1 | tee "$W/chained"
}
has "also one that others wait for" "spins: did not end within 1s" chained
hasnt "which end then" "was not properly shut down" cat "$W/chained"
fails "an rc3 that hangs" 1 "state finalize has lasted longer than" \
    flux start -Sbroker.rc3_path='sleep 1000' -Sbroker.rc3-timeout=0.2s true
late_leaf() { # a broker below that is stopped: its parent does not wait
    flux start -s 2 -Sbroker.shutdown-timeout=0.3s --test-exit-timeout=1s \
        sh -c 'kill -STOP $(flux exec -r 1 flux getattr broker.pid)'
}
has "a child that hangs" "broker.shutdown-timeout=0.3s" late_leaf
finish
