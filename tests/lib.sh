# shellcheck shell=sh
# lib.sh - what every *.t begins with: `. "${0%/*}/lib.sh"`
#
# A test is a name and a command.  Each helper below runs one command and
# prints one line of TAP; finish prints the plan, at the end.  The command may
# be a function of the script, a program, or `sh -c TEXT`.
#
#   ok NAME CMD...               it succeeds
#   is NAME WANT CMD...          its output, with stderr, is exactly WANT
#   has NAME WANT CMD...         its output contains WANT
#   hasnt NAME TEXT CMD...       it succeeds and TEXT is not in its output
#   fails NAME STATUS WANT CMD.. it ends with STATUS, its output contains WANT
#   skip NAME WHY                counted, not run
#   run_tap CMD...               a program's own lines of TAP are counted
#
#   start [OPTIONS]              a broker without a command, in the background;
#                                sets FLUX_URI, RUNDIR, BROKER, ERR (stderr);
#                                START_WITH (words) goes in front of its command
#   stop                         SIGTERM; returns its exit status
#   wait_until CMD...            until CMD succeeds, or DEADLINE seconds passed
#
# What always holds:
# - B is the build's folder, W a fresh one that goes away at the end, with the
#   brokers that are still there.  Nothing outside is written.
# - Nothing sleeps for a fixed time in the hope that something has happened.
# - The test's environment is that of a new shell: no variable of an instance
#   that the tests may be running in is seen.
# - Variables that begin with _ are this file's.
# - TEST_WRAP, such as --wrap=valgrind, is put before every broker that start
#   makes; TEST_BUILD=asan, ubsan, tsan or valgrind tells tests that measure
#   to skip.
set -u
here=$(cd "${0%/*}" && pwd)
here=${here%/issues}
top=${here%/*}
B=${B:-$top/build}
PATH=$B/bin:$PATH
TMOD=$B/tests/modules
PYTHONPATH=$here
PYTHONDONTWRITEBYTECODE=1
DEADLINE=${TEST_BUILD:+90}
DEADLINE=${DEADLINE:-20}
export B PATH TMOD PYTHONPATH PYTHONDONTWRITEBYTECODE
unset FLUX_URI FLUX_MODULE_PATH FLUX_MODULE_PATH_PREPEND FLUX_EXEC_PATH
unset FLUX_EXEC_PATH_PREPEND FLUX_CONF_DIR FLUX_HANDLE_USERID
unset FLUX_HANDLE_ROLEMASK FLUX_INSTANCE_LEVEL FLUX_RC_EXTRA
unset FLUX_MODPROBE_PATH FLUX_MODPROBE_PATH_APPEND FLUX_MODPROBE_DISABLE
LC_ALL=C.UTF-8
export LC_ALL

W=$(mktemp -d "${TMPDIR:-/tmp}/flux-test.XXXXXX") || exit 1
_count=0
_bad=0
_brokers=
ERR=/dev/null

# So that it is counted which lines they have run.
end_in_order() {
    for _pid in $_brokers; do
        kill -TERM "$_pid" 2>/dev/null
    done
    for _pid in $_brokers; do
        wait_until gone "$_pid"
    done
}

cleanup() {
    [ "${TEST_BUILD:-}" != coverage ] || end_in_order
    for _pid in $_brokers; do
        kill -KILL "$_pid" 2>/dev/null
    done
    rm -rf "$W"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# ---- one line of TAP ---------------------------------------------------------

result() { # STATUS NAME
    _count=$((_count + 1))
    if [ "$1" -eq 0 ]; then
        printf "ok %d - %s\n" $_count "$2"
    else
        _bad=$((_bad + 1))
        printf "not ok %d - %s\n" $_count "$2"
        sed 's/^/#   /' "$W/out" 2>/dev/null
    fi
}

skip() { # NAME WHY
    _count=$((_count + 1))
    echo "ok $_count - $1 # SKIP $2"
}

finish() {
    echo "1..$_count"
    [ "$_bad" -eq 0 ]
    exit
}

skip_all() { # WHY
    echo "1..0 # SKIP $1"
    exit 0
}

note() { # WANT: why the last one failed
    printf 'wanted: %s\n' "$1" >>"$W/out"
}

contains() { # TEXT: the output; all contain ""
    [ -z "$1" ] || grep -qF -e "$1" "$W/out"
}

ok() {
    _name=$1
    shift
    "$@" >"$W/out" 2>&1
    _rc=$?
    [ $_rc -eq 0 ] || note "status 0, not $_rc"
    result $_rc "$_name"
}

is() {
    _name=$1 _want=$2
    shift 2
    "$@" >"$W/out" 2>&1
    [ "$(cat "$W/out")" = "$_want" ]
    _rc=$?
    [ $_rc -eq 0 ] || note "$_want"
    result $_rc "$_name"
}

has() {
    _name=$1 _want=$2
    shift 2
    "$@" >"$W/out" 2>&1
    contains "$_want"
    _rc=$?
    [ $_rc -eq 0 ] || note "... $_want ..."
    result $_rc "$_name"
}

hasnt() {
    _name=$1 _text=$2
    shift 2
    if "$@" >"$W/out" 2>&1 && ! contains "$_text"; then
        result 0 "$_name"
    else
        note "no '$_text'"
        result 1 "$_name"
    fi
}

fails() {
    _name=$1 _status=$2 _want=$3
    shift 3
    "$@" >"$W/out" 2>&1
    _rc=$?
    if [ $_rc -eq "$_status" ] && contains "$_want"; then
        result 0 "$_name"
    else
        note "status $_status, not $_rc, and ... $_want ..."
        result 1 "$_name"
    fi
}

run_tap() {
    "$@" >"$W/tap" 2>"$W/out"
    _rc=$?
    while IFS= read -r _line; do
        case $_line in
        1..*) ;;
        "ok "*) result 0 "${_line#*- }" ;;
        "not ok "*) result 1 "${_line#*- }" ;;
        *) printf '%s\n' "$_line" ;;
        esac
    done <"$W/tap"
    [ $_rc -eq 0 ] || result $_rc "$* ended with status $_rc"
}

# ---- conditions ----------------------------------------------------------------

seconds() {
    cut -d. -f1 /proc/uptime
}

hundredths() { # of a second
    read -r _uptime _rest </proc/uptime
    echo "${_uptime%.*}${_uptime#*.}"
}

wait_until() {
    _limit=$(($(hundredths) + 100 * DEADLINE))
    until "$@" >/dev/null 2>&1; do
        [ "$(hundredths)" -lt $_limit ] || return 1
        sleep 0.02
    done
}

gone() { # PID
    ! kill -0 "$1" 2>/dev/null ||
        grep -q '^State:[[:space:]]*Z' "/proc/$1/status" 2>/dev/null
}

# The compiler that built what is tested; CC may be several words.
compile() {
    # shellcheck disable=SC2086
    ${CC:-cc} "$@"
}

is_root() {
    [ "$(id -u)" -eq 0 ]
}

# As nobody, in the same environment.
as_other_user() {
    setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

json() { # EXPRESSION: of `d`, the JSON value on stdin
    python3 -c 'import json, sys
d = json.load(sys.stdin)
print(eval(sys.argv[1]))' "$1"
}

# ---- instances --------------------------------------------------------------------

start() { # [OPTIONS]: flux start's
    RUNDIR=$W/run$_count
    while [ -e "$RUNDIR" ]; do
        RUNDIR=${RUNDIR}x
    done
    mkdir -m 755 "$RUNDIR"
    ERR=$RUNDIR.err
    FLUX_URI=local://$RUNDIR/local-0
    ${START_WITH:-} flux start ${TEST_WRAP:+"$TEST_WRAP"} -Srundir="$RUNDIR" \
        -Sbroker.rc2_none=1 "$@" >"$ERR" 2>&1 &
    BROKER=$!
    _brokers="$_brokers $BROKER"
    export FLUX_URI
    wait_until is_running
}

is_running() {
    gone "$BROKER" && return 0
    flux rpc state-machine.get 2>/dev/null | grep -q '"run"'
}

stop() {
    kill -TERM "$BROKER"
    ended
}

# The status with which the broker ends by itself.
ended() {
    if ! wait_until gone "$BROKER"; then
        kill -KILL "$BROKER"
        return 99
    fi
    wait "$BROKER" || {
        _rc=$?
        tail -40 "$ERR"
        return $_rc
    }
}
