#!/bin/sh
# fuzz.t - what fuzzing has found stays mended
#
# Each target of tests/fuzz gets all of tests/corpus and what is made of the
# recordings, without a fuzzer.  `make fuzz` looks for more.
. "${0%/*}/lib.sh"

python3 "$here/fuzz/seeds.py" "$W/seeds"
mkdir "$W/cwd"
cd "$W/cwd" || exit 1

inputs() { # TARGET
    find "$W/seeds/$1" "$here/corpus/$1" -type f 2>/dev/null | sort
}

for source in "$here"/fuzz/fuzz_*.c; do
    target=${source##*/fuzz_}
    target=${target%.c}
    # shellcheck disable=SC2046 # names without blanks
    ok "$target: $(inputs "$target" | wc -l) inputs" timeout 60 \
        "$B/tests/fuzz/replay_$target" $(inputs "$target")
done
for folder in "$here"/corpus/*; do
    ok "there is a target for corpus ${folder##*/}" \
        test -e "$here/fuzz/fuzz_${folder##*/}.c"
done
is "nothing was left" "" ls -A "$W/cwd"
finish
