#!/bin/sh
# interop.t - the comparison that tests/interop/run makes, without a Flux
#
# What two programs printed is written here; that the comparison finds what
# differs, and only that, and that what is missing is named.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

run=$here/interop/run
fails "it wants a Flux and its source" 1 "usage: $run FLUX_PREFIX" "$run"
fails "no Flux there" 1 \
    "$W/none/bin/flux is not there: FLUX_PREFIX is not where Flux is installed" \
    "$run" "$W/none" "$W"
fails "no source there" 1 "$W/t/sharness.sh is not there: FLUX_SOURCE is not" \
    "$run" "$B" "$W"
mkdir "$W/t" && touch "$W/t/sharness.sh"
fails "no such part" 1 "usage: " "$run" "$B" "$W" nosuch
fails "not built" 1 "$W/none/bin/flux is not there: run make first" \
    env B="$W/none" "$run" "$B" "$W"

FLUX_PREFIX=/opt/flux
BUILD=/opt/ours
export FLUX_PREFIX BUILD

printed() { # WHERE N TEXT STATUS
    mkdir -p "$W/list.$1"
    printf '%s\nstatus %d\n' "$3" "$4" >"$W/list.$1/$2"
}
command() { # N MARK COMMAND
    printf '%s\na case\n%s\n' "$2" "$3" >"$W/list.flux-flux/$1.is"
}
for where in flux-flux ours-flux flux-ours ours-ours; do
    printed $where 1 "time=1.$((${#where} % 7)) ms ($(date +%N | cut -c1-8)!)" 0
    printed $where 2 "same" 1
    printed $where 3 "same but for ${where#*-}" 0
done
command 1 '$' 'flux ping'
command 2 '!' 'flux nosuch'
command 3 '$' 'flux differs'
compare() { # KNOWN
    echo "$1" >"$W/known"
    rm -f "$W/details"
    python3 "$here/interop/compare.py" "$W" list "$W/known" "$W/details"
}
is "what is known has its reason" \
    "| a case | 7 | 2 | it says who it is (2) |" \
    compare '* | flux d[a-z]*rs$ | it says who it is'
fails "what is not known fails" 1 "| a case | 7 | 2 | not known (2) |" \
    compare 'ours-flux | flux differs | elsewhere'
has "and is shown" "[flux-ours] flux differs
  - same but for flux
  + same but for ours" cat "$W/details"
printed flux-flux 2 "same" 0
fails "a command that does not do what it is marked with" 1 \
    "the command itself (1)" compare '* | flux | known'
finish
