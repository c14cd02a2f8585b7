#!/bin/sh
# linked.t - modules and programs that are linked with the two libraries
#
# A module compiled for Flux names libflux-core.so.2 and libjansson.so.4 among
# its needs.  It gets the functions of the program that loads it, and nothing
# of those files is mapped: one process never has two copies of the state.  A
# file that cannot be a module is refused in one sentence that says why.
. "${0%/*}/lib.sh"

L=$B/lib

# ---- the libraries ---------------------------------------------------------------

# What counts lines (gcov) has names of its own everywhere.
exported() { # FILE
    nm -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' |
        grep -v ^__gcov_ | sort
}
of_program() { # PATTERN
    exported "$B/bin/busyflux" | grep -E "$1"
}
is "libflux-core.so.2 exports what the program does" "$(of_program '^flux_')" \
    exported "$L/libflux-core.so.2"
is "so does libjansson.so.4" "$(of_program '^(json|jansson)_')" \
    exported "$L/libjansson.so.4"
named() { # FILE
    readelf -dW "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'
}
is "the one has its name" libflux-core.so.2 named "$L/libflux-core.so"
is "and the other" libjansson.so.4 named "$L/libjansson.so"
versions() { # FILE
    nm -D --defined-only "$1" | sed -n 's/.*@//p' | sort -u
}
is "which is the version of its symbols, too" libjansson.so.4 \
    versions "$L/libjansson.so.4"
is "the first has none" "" versions "$L/libflux-core.so.2"

# ---- what is linked with them ------------------------------------------------------

linked() { # OPTIONS
    compile -I"$B/include" "$@" -L"$L" -lflux-core -ljansson
}
ok "a module" linked -shared -fPIC -Wl,--no-undefined -Wl,--no-as-needed \
    -o "$W/linked.so" "$here/modules/linked.c"
needs() { # FILE
    readelf -dW "$1" | grep -o 'lib[fj][a-z-]*\.so\.[0-9]'
}
is "has the same needs as one for Flux" \
    "$(printf 'libflux-core.so.2\nlibjansson.so.4')" needs "$W/linked.so"
ok "it wants no LD_LIBRARY_PATH" env -u LD_LIBRARY_PATH flux start \
    "flux module load $W/linked.so && flux module remove linked"
# What follows would find and map them, were it not for their names.
LD_LIBRARY_PATH=$L start
ok "is loaded" flux module load "$W/linked.so"
is "calls the program's functions" '{"flux":true,"json":true}' \
    flux rpc linked.whose
maps() { # PID
    grep -oE '[^ /]*(libflux-core|libjansson)[^ ]*' "/proc/$1/maps" |
        sed 's/^memfd://' | sort -u
}
is "and of its needs there are the names alone" \
    "$(printf 'libflux-core.so.2\nlibjansson.so.4')" maps "$BROKER"
size_of_maps() {
    grep -cE "libflux-core|libjansson" "/proc/$BROKER/maps"
}
is "a page each" 2 size_of_maps
ok "again" sh -c 'flux module reload linked && flux module remove linked &&
    flux module load "$0"' "$W/linked.so"
is "are they mapped once" 2 size_of_maps
flux module remove linked
ok "as a process" flux module load --exec "$W/linked.so"
is "it calls the loader's" '{"flux":true,"json":true}' flux rpc linked.whose
flux module remove linked
ok "stop" stop

cp "$B/bin/busyflux" "$W/alone"
ln -s alone "$W/flux"
ok "a file on its own is enough" env PATH="$W:$PATH" "$W/flux" start \
    sh -c 'flux module load "$0" && flux rpc linked.whose &&
        flux module remove linked' "$W/linked.so"

cat >"$W/client.c" <<'END'
#include <flux/core.h>
#include <jansson.h>
int main(void)
{
    flux_t *h = flux_open(NULL, 0);
    const char *rank = h ? flux_attr_get(h, "rank") : NULL;
    json_t *o = json_pack("{s:s*}", "rank", rank);
    int rc = json_dumpf(o, stdout, JSON_COMPACT);

    json_decref(o);
    flux_close(h);
    return rc < 0 || !rank;
}
END
ok "a program" linked -Wl,-rpath,"$L" -o "$W/client" "$W/client.c"
case ${TEST_BUILD:-} in
asan | tsan) skip "is a client" "its libraries want $TEST_BUILD's runtime first" ;;
*) is "is a client" '{"rank":"0"}' flux start "$W/client" ;;
esac

if command -v pkg-config >/dev/null; then
    PKG_CONFIG_PATH=$L/pkgconfig
    export PKG_CONFIG_PATH
    # shellcheck disable=SC2046 # words
    ok "with pkg-config's words" compile -shared -fPIC -Wl,--no-undefined \
        $(pkg-config --cflags flux-core jansson) -o "$W/linked.so" \
        "$here/modules/linked.c" $(pkg-config --libs flux-core jansson)
    is "version" 0.88.0 pkg-config --modversion flux-core
    ok "fluxmoddir" test -e \
        "$(pkg-config --variable=fluxmoddir flux-core)/hello.so"
else
    skip "pkg-config" "there is none"
fi

# ---- what is no module ---------------------------------------------------------------

start
patched() { # NAME OFFSET BYTE: the module with that byte, in octal
    cp "$W/linked.so" "$W/$1.so"
    printf %b "\\0$3" | dd of="$W/$1.so" bs=1 seek="$2" conv=notrunc 2>/dev/null
}
refused() { # NAME TEXT
    fails "$1" 1 "load $W/$1.so: $W/$1.so: $2" flux module load "$W/$1.so"
}
patched machine 18 267
refused machine "this ELF file is for aarch64, "
patched class 4 1
refused class "this ELF file is for $(uname -m | tr _ -), 32 bits, "
patched order 5 2
refused order "this ELF file is for another machine, 64 bits, big-endian; what"
patched kind 16 1
refused kind "this ELF file is not a shared object"
compile -shared -fPIC -Wl,-soname,libnone.so.1 -I"$B/include" \
    -o "$W/library.so" "$here/modules/nomain.c"
refused library "this is a library, libnone.so.1: module does not define mod_main()"

beginning() { # NAME BYTES: the module's first ones
    head -c "$2" "$W/linked.so" >"$W/$1.so"
}
beginning short 3000
refused short "this ELF file is cut short: its contents go to byte "
cut_anywhere() {
    for _n in 1 2 3 4 5; do
        beginning "cut$_n" $((_n * 2000))
        flux module load "$W/cut$_n.so" 2>/dev/null && return 1
    done
    flux getattr rank
}
is "wherever it is cut, the broker goes on" 0 cut_anywhere

stand_in() { # SONAME VERSION SYMBOL: a library for the linker, -lNAME
    printf 'int %s(void) { return 0; }\n' "$3" >"$W/in.c"
    printf '%s { global: *; };\n' "$2" >"$W/in.map"
    compile -shared -fPIC -nostdlib -Wl,-soname,"$1" \
        -Wl,--version-script="$W/in.map" -o "$W/libin.so" "$W/in.c"
}
user_of() { # NAME SYMBOL: a module that is linked with it
    printf 'int %s(void);\nint mod_main(void) { return %s(); }\n' "$2" "$2" \
        >"$W/$1.c"
    compile -shared -fPIC -Wl,--no-as-needed -o "$W/$1.so" "$W/$1.c" -L"$W" -lin
}
stand_in libjansson.so.4 libjansson.so.9 json_new_thing
user_of version json_new_thing
refused version "this module needs version libjansson.so.9 of libjansson.so.4; libjansson.so.4 here (jansson 2.14) has libjansson.so.4"
stand_in libflux-core.so.2 FLUX_9 flux_new_thing
user_of versions flux_new_thing
refused versions "this module needs version FLUX_9 of libflux-core.so.2; libflux-core.so.2 here (Flux 0.88.0) has no versions"
stand_in libflux-core.so.3 FLUX_9 flux_new_thing
user_of newer flux_new_thing
refused newer "this module needs libflux-core.so.3; here is libflux-core.so.2 (Flux 0.88.0)"

missing() { # COUNT
    seq "$1" | sed 's/.*/void flux_function_that_nobody_has_&(void);/'
    echo 'int mod_main(void) {'
    seq "$1" | sed 's/.*/flux_function_that_nobody_has_&();/'
    echo 'return 0; }'
}
missing 40 >"$W/missing.c"
compile -shared -fPIC -o "$W/missing.so" "$W/missing.c"
named_in_error() {
    flux module load "$@" "$W/missing.so" 2>&1 |
        grep -o 'flux_function_that_nobody_has_[0-9]*' | sort -u | wc -l
}
is "all that is missing is named" 40 named_in_error
is "by the loader of a process, too" 40 named_in_error --exec
printf 'int flux_other(void) { return 0; }\n' >"$W/other.c"
compile -shared -fPIC -Wl,-soname,libother.so -o "$W/libother.so" "$W/other.c"
printf 'int flux_other(void);\n%s\n' \
    'int mod_main(void) { return flux_other(); }' >"$W/has.c"
compile -shared -fPIC -Wl,-rpath,"$W" -o "$W/has.so" "$W/has.c" \
    "$W/libother.so"
ok "what another library has is not missing" flux module load "$W/has.so"
ok "an innocent client" flux ping -c1 -i0 broker
ok "stop" stop
finish
