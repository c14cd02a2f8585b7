#!/bin/sh
# eintr.t - signals come at any moment: what they interrupt is made again
#
# A preloaded library (fault/fault.c) lets one call in three, or in two, of
# what a signal may interrupt fail with EINTR, in the broker, the commands, the
# loaders and the relay.  Each case is a script run by an instance of its own,
# and prints what it would print without.
#
#   EINTR_SEEDS   the pseudo-random orders to try (`make check-eintr`: 50)
#   EINTR_CASES   some of the cases
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "a $TEST_BUILD build has calls of its own"
FAULT=$B/tests/libfault.so
[ -e "$FAULT" ] || skip_all "a C library without __libc_malloc"
HELLO=$B/lib/flux/modules/hello.so
EXAMPLES=$top/examples
FLUX_MODULE_PATH=$TMOD
FLUX_MODPROBE_PATH=$W/probe
export HELLO EXAMPLES W FLUX_MODULE_PATH FLUX_MODPROBE_PATH

# Half of a command's time goes into being interrupted: a limit that only one
# that hangs will reach.
LIMIT=60

interrupted() { # RATE SEED CMD...
    rate=$1 seed=$2
    shift 2
    FAULT_EINTR=$rate FAULT_SEED=$seed LD_PRELOAD=$FAULT \
        FAULT_PROGRAM="flux flux-broker flux-module-exec flux-module-python-exec" \
        timeout -k 1 "$LIMIT" "$@"
}

# ---- what is done ---------------------------------------------------------------

script() { # NAME OPTIONS: of flux start; the script on stdin
    cases="${cases:-} $1"
    { echo 'set -e' && cat; } >"$W/$1"
    shift
    echo "$*" >"$W/${cases##* }.options"
}
wants() { # TEXT
    printf '%s' "$1" >"$W/${cases##* }.wants"
}

script modules <<'END'
flux module load "$HELLO"
flux module load --exec --name=other "$HELLO"
flux rpc hello.greet '{"name": "Ada"}'
flux event pub hello.shout
flux ping --count=2 --interval=0.01 other | grep -c time=
flux module reload hello
flux rpc hello.greet '{"name": "Bob"}'
flux module remove other
flux module remove hello
flux module list --json | grep -c hello || :
END
wants '{"greeting":"hello Ada"}
2
{"greeting":"hello Bob"}
0'

script python <<'END'
flux module load "$EXAMPLES/hello.py" greeting=Hi
flux rpc hello.greet '{"name": "Ada"}'
flux module reload "$EXAMPLES/hello.py"
flux ping --count=2 --interval=0.01 hello | grep -c time=
flux module remove hello
END
wants '{"greeting": "Hi Ada"}
2'

script ranks -s3 <<'END'
flux getattr size
flux exec -r all -l echo done | sort
echo told | flux exec -r 1-2 cat
flux exec -r 2 sh -c 'exit 3' 2>/dev/null || echo $?
flux module load -r all "$HELLO"
flux ping -r 2 --count=2 --interval=0.01 hello | grep -c time=
flux module list -a | grep -c '^hello.*0-2'
flux module remove -r all hello
END
wants '3
0: done
1: done
2: done
told
told
3
2
1'

# rc1 has loaded what is described, here and in all other cases.
script modprobe <<'END'
flux modprobe remove top
flux module list | grep -cE '^(base|top) ' || :
flux modprobe load top
flux module list | grep -cE '^(base|top) '
END
wants '0
2'

script trace <<'END'
flux module load "$HELLO"
: >"$W/lines.$$"
flux module trace --json --count=2 hello >>"$W/lines.$$" &
until [ "$(wc -l <"$W/lines.$$")" -ge 2 ]; do
    flux rpc hello.greet '{"name": "Ada"}' >/dev/null
done
wait $!
grep -c hello "$W/lines.$$"
flux dmesg >/dev/null
flux module stats --prometheus | grep -c '^# TYPE flux_module_running'
END
wants '2
1'

script watch <<'END'
build() {
    cp "$W/$1.so" "$W/version.$$.new"
    mv "$W/version.$$.new" "$W/version.so"
}
answer() {
    flux rpc version.text 2>&1
}
build one
flux module load "$W/version.so"
: >"$W/log.$$"
flux module reload --watch "$W/version.so" >>"$W/log.$$" 2>&1 &
watcher=$!
until grep -q watching "$W/log.$$"; do sleep 0.01; done
build two
until grep -q reloaded "$W/log.$$"; do sleep 0.01; done
answer
kill $watcher
wait $watcher
END
wants '{"text":"two"}'

script relay <<'END'
FLUX_SSH=$W/ssh FLUX_URI=ssh://far${FLUX_URI#local://}
export FLUX_SSH FLUX_URI
flux getattr size
flux ping --count=3 --interval=0 --pad=300000 broker | grep -c time=
END
wants '1
3'

script rc -Sbroker.rc1_path="$W/rc1" -Sbroker.rc3_path="$W/rc3" <<'END'
flux rpc hello.greet '{"name": "Ada"}'
flux module top -b -n 2 -d 0.01s | grep -c '^hello'
END
wants '{"greeting":"hello Ada"}
2'

printf '#!/bin/sh\nshift\nunset FLUX_URI\nexec sh -c "$*"\n' >"$W/ssh"
printf '#!/bin/sh\nexec flux module load "$HELLO"\n' >"$W/rc1"
printf '#!/bin/sh\nflux module remove hello\n' >"$W/rc3"
mkdir "$W/probe"
cat >"$W/probe/modprobe.toml" <<'END'
[[modules]]
name = "base"
module = "testmod"
[[modules]]
name = "top"
module = "testmod"
requires = ["base"]
END
chmod +x "$W/ssh" "$W/rc1" "$W/rc3"
for text in one two; do
    compile -shared -fPIC -I"$B/include" -DTEXT="\"$text\"" \
        -o "$W/$text.so" "$here/modules/version.c"
done

for seed in ${EINTR_SEEDS:-1}; do
    for case in ${EINTR_CASES:-$cases}; do
        rate=$((2 + (seed + ${#case}) % 2))
        # shellcheck disable=SC2046 # options are words
        is "$case: one call in $rate, order $seed" "$(cat "$W/$case.wants")" \
            interrupted "$rate" "$seed" flux start $(cat "$W/$case.options") \
            sh "$W/$case"
    done
done
finish
