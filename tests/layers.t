#!/bin/sh
# layers.t - who may include whom, whose names begin how, who keeps state
#
# A file includes headers of its own layer and of lower ones.  The table names
# each file's layer by pattern, the first that fits; a file that none fits
# fails the test, so that a new one is put somewhere on purpose.
. "${0%/*}/lib.sh"

layer() { # FILE
    case $1 in
    flux.h | json.h) echo 0 ;; # what is published: types for all
    util.* | sys.* | list.h | table.* | base64.* | selfpipe.*) echo 0 ;;
    buf.* | sha1.* | auxlist.* | env.* | near.* | latency.* | units.* | hostlist.*) echo 1 ;;
    topology.* | idset.*) echo 1 ;;
    json*.? | toml.* | msg*.? | reactor*.? | matchtag.*) echo 2 ;;
    conn.* | credopt.* | rowfmt.* | modstats.* | toprows.* | screen.* | prometheus.*) echo 3 ;;
    handle.* | dispatch*.? | stream.* | connect.* | loop.* | hwatch.*) echo 4 ;;
    future*.? | rpc.* | call.* | chain.* | composite.* | respond.*) echo 4 ;;
    client*.? | attribute.* | codec.* | conf.* | flog.* | method.*) echo 4 ;;
    modside.* | modlife.* | serve.*) echo 4 ;;
    router*.? | link.* | inproc.* | attr.*) echo 5 ;;
    module*.? | trace.* | tracerec.* | modpath.* | onfailure.* | spawn.* | tee.*) echo 6 ;;
    proc.* | command.*) echo 6 ;;
    rexec.* | muster.*) echo 7 ;;
    overlay.* | state.* | config.* | connector.* | log.* | rundir.* | runner.*) echo 7 ;;
    environ.* | muster.* | rexec.* | command.* | proc.*) echo 7 ;;
    cli.* | opt.* | term.* | ranks.* | applet.h | complete.*) echo 8 ;;
    tracefmt*.? | tracepair.*) echo 8 ;;
    broker.* | start*.? | cmd_*.? | loader_*.? | modprobe*.?) echo 8 ;;
    applet.c) echo 9 ;;
    *) return 1 ;;
    esac
}

check_includes() { # FILE
    sed -n 's/^#include "\(.*\)"/\1/p' "$1" | while read -r header; do
        [ "$(layer "$header")" -le "$(layer "$1")" ] ||
            echo "layer $(layer "$1") includes $header of layer $(layer "$header")"
    done
}

cd "$top" || exit 1
for file in *.[ch]; do
    ok "$file is in the table" layer "$file"
    is "$file includes no higher layer" "" check_includes "$file"
done
own_header_first() {
    for file in *.c; do
        header=${file%.c}.h
        first=$(sed -n 's/^#include ["<]\(.*\)[">]/\1/p' "$file" | head -1)
        case $first in
        "$header" | "${file%.c}_internal.h") ;;
        *) [ ! -e "$header" ] || echo "$file: $first" ;;
        esac
    done
}
is "a file includes its own header first" "" own_header_first

# Beyond POSIX is sys.c's alone, so that a port has one place to look at.
is "only sys.c asks for more than POSIX" sys.c \
    sh -c 'grep -lE "^#define _(GNU|DEFAULT|BSD)_SOURCE" *.[ch]'
is "only sys.c includes what is Linux's alone" "" sh -c \
    'grep -lE "^#include <(sys/(epoll|inotify|signalfd|timerfd|eventfd|prctl|syscall)|linux/.*)\.h>" *.[ch] |
    grep -vx sys.c'

# ---- names and state, as the compiler left them -------------------------------------

if [ -n "${TEST_BUILD:-}" ]; then
    skip "names" "a $TEST_BUILD build has names of its own"
    finish
fi

published() { # NAME
    case $1 in
    flux_* | json_* | jansson_* | main | cmd_*) return 0 ;;
    handle_*) return 0 ;; # handle.h is the header of several files
    *) return 1 ;;
    esac
}
check_names() { # FILE: foo_bar.c defines foo_bar_..., or foo_...
    base=${1%.c}
    nm -g --defined-only "$B/obj/$base.o" | awk '{print $3}' |
        while read -r symbol; do
            case $symbol in
            "${base}"_* | "${base%_*}"_* | "$base") ;;
            *) published "$symbol" || echo "$symbol" ;;
            esac
        done
}
for file in *.c; do
    is "$file: each name begins with the file's" "" check_names "$file"
done

# Variables that change.  One that is listed here has its reason beside it.
mutable() {
    for file in *.c; do
        readelf -SW "$B/obj/${file%.c}.o" |
            sed -n 's/^ *\[ *\([0-9]*\)\] \.\(t\{0,1\}data\|t\{0,1\}bss\) .*/\1/p' >"$W/sections"
        readelf -sW "$B/obj/${file%.c}.o" |
            awk 'NR == FNR {s[$1] = 1; next}
                 $4 ~ /OBJECT|TLS/ && $7 in s {print $8}' "$W/sections" - |
            sed "s/^/${file%.c} /"
    done
}
allowed() { # FILE NAME
    case "$1 $2" in
    "selfpipe "* | "reactor_signal "*) ;; # a signal comes with no argument
    "json the_"*) ;;         # true, false, null: counted, never changed
    "table hash_seed") ;;    # drawn once, so that no one can guess it
    "conf builtin_"*) ;;     # made once, since flux_conf_builtin_get() lends
    *) return 1 ;;
    esac
}
unexpected() {
    mutable | sed 's/\.[0-9]*$//' | while read -r file symbol; do
        allowed "$file" "$symbol" || echo "$file.c: $symbol"
    done
}
is "no mutable globals but those with a reason" "" unexpected
finish
