#!/bin/sh
# bench.sh - starts the instances, runs the rows on them, stops them
#
#   bench.sh [--quick] [--unpinned] [--runs=N] [--rows=GLOB] [--json=FILE]
#
# B is the build's folder.  FLUX=/path/to/flux puts another broker of the
# same protocol beside ours; redis-server and dbus-broker are taken from PATH.
# Everything is on CPU 0, which gives the figures that count; --unpinned does
# it once more without, for information.
#
# --quick makes one short pass and checks the form of the result: each row has
# its line, and those that are the least that a broker can do have a figure.
# It says nothing about times.
#
# What always holds:
# - All instances of a pass are up together and are measured in turn, so that
#   they see the same machine.
# - An instance runs as long as its command, a sleep, does.
# - Nothing is left behind: the folder W and what was started in it go away.
# shellcheck disable=SC2016,SC2086,SC3045 # words on purpose; dash has ulimit -n
set -u
here=$(cd "${0%/*}" && pwd)
top=$(cd "$here/../.." && pwd)
B=${B:-$top/build}
case $B in /*) ;; *) B=$top/$B ;; esac
unset FLUX_URI FLUX_MODULE_PATH FLUX_EXEC_PATH FLUX_CONF_DIR
unset FLUX_CONNECTOR_PATH FLUX_INSTANCE_LEVEL PYTHONPATH
PYTHONDONTWRITEBYTECODE=1
LC_ALL=C
export PYTHONDONTWRITEBYTECODE LC_ALL

quick=
unpinned=
rows='*'
runs=7
json=
for arg; do
    case $arg in
    --quick) quick=yes ;;
    --unpinned) unpinned=yes ;;
    --runs=*) runs=${arg#*=} ;;
    --rows=*) rows=${arg#*=} ;;
    --json=*) json=${arg#*=} ;;
    *)
        echo "usage: bench.sh [--quick] [--unpinned] [--runs=N] [--rows=GLOB]" \
            "[--json=FILE]" >&2
        exit 2
        ;;
    esac
done

# Not a script that looks for the interpreter, as version managers have them.
FLUX_PYTHON=${FLUX_PYTHON:-$(python3 -c 'import sys; print(sys.executable)')}
export FLUX_PYTHON

W=$(mktemp -d "${TMPDIR:-/tmp}/flux-bench.XXXXXX") || exit 1
mkdir "$W/folder"
[ -z "$json" ] || : >"$json"
ulimit -n "$(ulimit -H -n)" 2>/dev/null

# ---- instances ---------------------------------------------------------------

script() { # FILE, its text from stdin
    { echo '#!/bin/sh' && cat; } >"$W/folder/$1"
    chmod +x "$W/folder/$1"
}

scripts() { # NAME PROGRAM
    for m in m1 m2 m3 m4; do
        echo "\"$2\" module load --name=$m '$W/folder/echo.so'"
    done | script "$1.rc1"
    for m in m1 m2 m3; do
        echo "\"$2\" module remove $m"
    done | script "$1.rc3-leave"
    { sed 1d "$W/folder/$1.rc3-leave" && echo "\"$2\" module remove m4"; } |
        script "$1.rc3"
}

start() { # NAME PROGRAM PIN...
    name=$1
    program=$2
    shift 2
    rm -f "$W/$name.up"
    "$@" "$program" start -Sbroker.rc1_path= -Sbroker.rc3_path= \
        -Sbroker.module-nopanic=1 sh -c \
        'echo "$$ $FLUX_URI" >"$0.new"; mv "$0.new" "$0.up"; exec sleep 9999' \
        "$W/$name" >"$W/$name.log" 2>&1 &
    pid=$!
    until [ -f "$W/$name.up" ] || ! kill -0 "$pid" 2>/dev/null; do
        sleep 0.05
    done
    if ! read -r holder uri <"$W/$name.up"; then
        echo "# $name did not start:" >&2
        cat "$W/$name.log" >&2
        return 1
    fi
    brokers="$brokers $pid"
    holders="$holders $holder"
    targets="$targets $name=${uri#local://},$program"
}

# What is beside the brokers of the protocol, where it is in PATH.
start_other() { # NAME PROGRAM COMMAND...
    name=$1
    command -v "$2" >/dev/null || return
    shift 2
    "$@" >"$W/$name.log" 2>&1 &
    pid=$!
    until [ -S "$W/$name" ] || ! kill -0 "$pid" 2>/dev/null; do
        sleep 0.05
    done
    others="$others $pid"
    [ -S "$W/$name" ] && targets="$targets $name=$W/$name"
}

gone() { # PID: within fifteen seconds, of which Flux may take ten
    tries=0
    while kill -0 "$1" 2>/dev/null; do
        tries=$((tries + 1))
        [ "$tries" -lt 150 ] || return 1
        sleep 0.1
    done
}

stop_all() {
    kill $holders $others 2>/dev/null
    for pid in $brokers; do
        if ! gone "$pid"; then
            echo "# the broker $pid had to be killed" >&2
            kill -KILL "$pid"
        fi
    done
    wait
    rm -f "$W/redis" "$W/dbus-broker"
    others=
    brokers=
    holders=
    targets=
}

cleanup() {
    [ -z "$brokers$others" ] || stop_all
    rm -rf "$W"
}
others=
brokers=
holders=
targets=
trap cleanup EXIT
trap 'exit 1' INT TERM HUP PIPE

# ---- one pass -----------------------------------------------------------------

pass() { # TITLE PIN OPTIONS...
    title=$1
    pin=$2
    shift 2
    start busyflux "$B/bin/flux" $pin || exit 1
    [ -z "${FLUX:-}" ] || start flux "$FLUX" $pin
    start_other redis redis-server $pin redis-server --port 0 \
        --unixsocket "$W/redis" --save '' --daemonize no
    start_other dbus-broker dbus-broker $pin "$B/bench/bench" --dbus \
        "$W/dbus-broker"
    echo "== $title"
    $pin "$B/bench/bench" "$@" --rows="$rows" ${json:+"--json=$json"} \
        "$W/folder" $targets
    status=$?
    stop_all
    return $status
}

# Each line of JSON is one row; the rows that any broker can fill have a figure.
check_form() { # FILE
    awk '
    !/^\{"row":"[a-z0-9-]+","unit":"[^"]*","pinned":true.*\}$/ {
        print "no row: " $0; bad = 1
    }
    / nan| inf/ { print "no number: " $0; bad = 1 }
    { split($0, part, "\""); seen[part[4]]++ }
    /"busyflux":\{"median":[0-9]/ { figure[part[4]]++ }
    END {
        n = split("rss pss threads fds thread-rss thread-fds call-broker " \
                  "call-thread pipe-broker pipe-thread 64k-sink 64k-ping " \
                  "events-1 events-10 events-100 event-100 connect " \
                  "load-thread start start-rc start-left list wakeups " \
                  "clients-1000 modules-500 list-500 subscribed-1000 " \
                  "pending-10000 answer-10000 ranks-64 flood-ping flood-echo " \
                  "flood-same", want, " ")
        for (i = 1; i <= n; i++)
            if (seen[want[i]] != 1 || !figure[want[i]]) {
                print "no figure: " want[i]; bad = 1
            }
        exit bad
    }' "$1"
}

cp "$B/bench/echo.so" "$here/echo.py" "$W/folder/"
scripts busyflux "$B/bin/flux"
[ -z "${FLUX:-}" ] || scripts flux "$FLUX"
echo "$(date -u +%Y-%m-%d), $(uname -sr) $(uname -m), $(sed -n \
    's/^model name[^:]*: *//p' /proc/cpuinfo | head -n 1), $(grep -c \
    '^processor' /proc/cpuinfo) CPUs; load $(cut -d' ' -f1-3 /proc/loadavg)"

if [ -n "$quick" ]; then
    json=${json:-$W/json}
    pass "one short pass, not for its figures" "$B/bench/bench --pin 0" \
        --runs=1 --divide=50 --limit=5 || exit 1
    check_form "$json" && echo "the form is right"
    exit
fi
pass "all on CPU 0" "$B/bench/bench --pin 0" "--runs=$runs" || exit 1
[ -n "$unpinned" ] || exit 0
pass "not pinned, for information" "" "--runs=$runs" --unpinned
