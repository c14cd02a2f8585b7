#!/bin/sh
# layers.t - who may include whom, whose names begin how, who keeps state
#
# A file includes headers of its own layer and of lower ones.  The table names
# each file's layer by pattern, the first that fits; a file that none fits
# fails the test, so that a new one is put somewhere on purpose.
. "${0%/*}/lib.sh"

layer() { # FILE: sets LAYER
    case $1 in
    flux.h | json.h) LAYER=0 ;; # what is published: types for all
    util.* | sys.* | list.h | table.* | base64.* | plain.* | selfpipe.*) LAYER=0 ;;
    buf.* | sha1.* | digest.* | auxlist.* | env.* | near.* | latency.* | units.* | hostlist.* | sink.*) LAYER=1 ;;
    topology.* | idset.*) LAYER=1 ;;
    json*.? | toml.* | msg*.? | reactor*.? | matchtag.*) LAYER=2 ;;
    elf_read.* | soname.* | conn.* | credopt.* | rowfmt.* | modstats.* | toprows.* | screen.* | prometheus.*) LAYER=3 ;;
    handle.* | dispatch*.? | stream.* | connect.* | dial.* | ssh.* | loop.* | hwatch.*) LAYER=4 ;;
    future*.? | rpc.* | call.* | chain.* | composite.* | respond.*) LAYER=4 ;;
    client*.? | attribute.* | codec.* | conf.* | flog.* | method.* | hosts.* | statsd.* | cmdline.* | subprocess.*) LAYER=4 ;;
    modside.* | dso.* | modlife.* | serve.* | listener.*) LAYER=4 ;;
    router*.? | pending.* | link.* | inproc.* | attr.*) LAYER=5 ;;
    module*.? | trace.* | tracerec.* | modpath.* | onfailure.* | spawn.* | tee.* | guard.* | crash.*) LAYER=6 ;;
    overlay*.? | state.* | config.* | connector.* | log.* | folder.* | rundir.* | runner.* | tbon.* | bootstrap.*) LAYER=7 ;;
    access.*) LAYER=4 ;;
    groups.* | runlog.*) LAYER=7 ;;
    environ.* | muster.* | orphans.* | rexec.* | command.* | proc.*) LAYER=7 ;;
    cli.* | opt.* | term.* | ranks.* | applet.h | complete.*) LAYER=8 ;;
    tracefmt*.? | tracepair.* | modcheck.*) LAYER=8 ;;
    broker.* | start*.? | cmd_*.? | loader_*.? | modprobe*.?) LAYER=8 ;;
    applet.c) LAYER=9 ;;
    *) return 1 ;;
    esac
}

cd "$top" || exit 1

unplaced() {
    for file in *.[ch]; do
        layer "$file" || echo "$file"
    done
}
is "each file is in the table" "" unplaced

upward() {
    grep -H '^#include "' ./*.[ch] | sed 's/^\.\///; s/:#include "/ /; s/".*//' |
        while read -r file header; do
            layer "$file" || continue
            own=$LAYER
            layer "$header" || continue
            [ "$LAYER" -le "$own" ] ||
                echo "$file of layer $own includes $header of layer $LAYER"
        done
}
is "no file includes a higher layer" "" upward

own_header_first() {
    for file in *.c; do
        header=${file%.c}.h
        [ -e "$header" ] || continue
        first=$(sed -n 's/^#include ["<]\(.*\)[">]/\1/p; T; q' "$file")
        case $first in
        "$header" | "${file%.c}_internal.h") ;;
        *) echo "$file: $first" ;;
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
foreign_names() { # foo_bar.c defines foo_bar_..., or foo_...
    (cd "$B/obj" && nm -A -g --defined-only ./*.o) |
        sed 's/^\.\///; s/\.o:[0-9a-f]* [A-Za-z]//' |
        while read -r base symbol; do
            case $symbol in
            "${base}"_* | "${base%_*}"_* | "$base") ;;
            *) published "$symbol" || echo "$base.c: $symbol" ;;
            esac
        done
}
is "each name begins with its file's" "" foreign_names

# Variables that change.  One that is listed here has its reason beside it.
mutable() { # FILE NAME, of what lies in a section that can be written
    (cd "$B/obj" && readelf -SsW ./*.o) | awk '
        /^File:/ { file = $2; gsub(/^\.\/|\.o$/, "", file); split("", writable) }
        /^ *\[ *[0-9]+\] \.t?(data|bss) / {
            gsub(/[][]/, " "); writable[$1] = 1 }
        $4 ~ /OBJECT|TLS/ && $7 in writable { print file, $8 }'
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
