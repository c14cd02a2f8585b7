# shellcheck shell=sh
# tour.sh - replay what a document shows of a terminal
#
# Sourced behind lib.sh, by the tests of README.md and of manual pages.  A tour
# is a text of commands, each behind "$ ", with their output below.  It is
# turned into two scripts: what is between "$ flux start" and "$ exit" runs in
# an instance, the rest outside.  Their transcript has to be the tour itself,
# but for what differs from run to run: times, routes, the build's folder and
# the folder that the tour is in.
#
#   tour_play TEXT FOLDER    run it in FOLDER; the transcript on stdout
#   tour_scrub FOLDER        stdin to stdout, without what differs
#
# What always holds:
# - A command in the background is waited for, until the broker has had its
#   first request; and what it writes to is waited for before it is killed.
# - A tour knows /home/ada/busyflux and /home/ada/tour; no other folder of a
#   user's is left in it.

tour_scripts() { # TEXT FOLDER
    awk -v outer="$2/outer.sh" -v inner="$2/inner.sh" '
    function emit(text) { print text > (inside ? inner : outer) }
    BEGIN { printf "" > inner; printf "" > outer }
    !/^\$ / { next }
    {
        cmd = shown = substr($0, 3)
        gsub(/\047/, "\047\\\047\047", shown)
        emit("echo \047$ " shown "\047")
    }
    cmd == "flux start" { emit("flux start sh " inner); inside = 1; next }
    cmd == "exit" { inside = 0; next }
    cmd == "kill %1" { emit("written trace.txt; kill $!; wait"); next }
    { emit(cmd) }
    cmd ~ /&$/ { emit("connected $!") }
    ' "$1"
}

# Until the last of what the broker sends to a client is in the file.
tour_helpers() {
    cat <<'EOF'
connected() {
    until flux rpc connector-local.stats-get |
        grep -q "\"pid\":$1,[^}]*\"rxcount\":[1-9]"; do :; done
}
written() {
    until grep -q 'disconnect' "$1"; do :; done
}
EOF
}

tour_play() { # TEXT FOLDER
    tour_scripts "$1" "$2"
    for script in outer inner; do
        {
            tour_helpers
            cat "$2/$script.sh"
            echo 'exit 0'
        } >"$2/$script.new"
        mv "$2/$script.new" "$2/$script.sh"
    done
    (cd "$2" && timeout $((5 * DEADLINE)) sh ./outer.sh 2>&1)
}

tour_scrub() { # FOLDER
    sed -E -e "s|$1|/home/ada/tour|g" -e "s|$B|/home/ada/busyflux/build|g" \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+/TIME/' \
        -e 's/time=[0-9.]+ ms/time=T ms/' \
        -e 's/\([0-9a-f]{8}(![0-9a-f]{8})+\)/(ROUTE)/'
}

# The lines of a transcript that belong to the command of that number.
tour_step() { # NUMBER
    awk -v n="$1" '/^\$ / { i++ } i == n'
}

tour_check() { # NAME TEXT FOLDER: a line of TAP for each command
    tour_play "$2" "$3" | tour_scrub "$3" >"$W/got"
    tour_scrub "$3" <"$2" >"$W/wanted"
    steps=$(grep -c '^\$ ' "$2")
    [ "$steps" -gt 0 ] || fails "$1 has commands" 0 . false
    i=0
    while [ $i -lt "$steps" ]; do
        i=$((i + 1))
        tour_step $i <"$W/wanted" >"$W/wanted.$i"
        tour_step $i <"$W/got" >"$W/got.$i"
        ok "$1: $(head -n 1 "$W/wanted.$i")" diff "$W/wanted.$i" "$W/got.$i"
    done
}
