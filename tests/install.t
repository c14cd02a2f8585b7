#!/bin/sh
# install.t - make install DESTDIR= PREFIX=, used from there, and uninstall
. "${0%/*}/lib.sh"

DEST=$W/dest
P=$DEST/opt/flux

make_install() { # TARGET
    make -s -C "$top" B="$B" DESTDIR="$DEST" PREFIX=/opt/flux "$1"
}
ok "make install" make_install install
for name in $("$B/bin/busyflux" --list); do
    ok "$name" test -x "$P/bin/$name"
done
ok "its links do not lead out of it" sh -c \
    'for f in "$0"/bin/*; do [ "$(readlink -f "$f")" = "$0/bin/busyflux" ] ||
    exit 1; done' "$(readlink -f "$P")"
if command -v pkg-config >/dev/null; then
    packaged() { # OPTIONS: of pkg-config
        PKG_CONFIG_PATH=$P/lib/busyflux/pkgconfig pkg-config "$@"
    }
    ok "pkg-config knows where it is" \
        test -e "$(packaged --variable=includedir flux-core)/flux/core.h"
    # shellcheck disable=SC2046 # words
    ok "a module is linked with what is installed" \
        compile -shared -fPIC -Wl,--no-undefined -o "$W/linked.so" \
        "$here/modules/version.c" $(packaged --cflags --libs flux-core jansson)
fi
for page in "$top"/man/*.[1-9]; do
    [ -e "$page" ] || continue
    ok "manual page ${page##*/}" test -f \
        "$P/share/man/man${page##*.}/${page##*/}"
done

# ---- hardened against what an attacker makes of an error in memory ----------------

hardened() { # NAME TEXT OPTION: of readelf, and in what it prints
    if [ -n "${TEST_BUILD:-}" ]; then
        skip "$1" "a $TEST_BUILD build is not installed"
    else
        has "$1" "$2" readelf "$3" -W "$P/bin/busyflux"
    fi
}
hardened "it may be anywhere in memory" "DYN (Position-Independent Executable" -h
hardened "its tables are read-only once bound" GNU_RELRO -l
hardened "and bound at the start" "NOW PIE" -d
hardened "it looks after its stack" __stack_chk_fail --dyn-syms
case $(getconf GNU_LIBC_VERSION 2>/dev/null) in
glibc*) hardened "and where a text goes" __snprintf_chk --dyn-syms ;;
*) skip "and where a text goes" "a C library without FORTIFY" ;;
esac
if [ -z "${TEST_BUILD:-}" ]; then
    # shellcheck disable=SC2016 # the inner shell's
    ok "no part of it can be written and run" sh -c \
        '! readelf -lW "$0" | grep -E " (RWE|WE) "' "$P/bin/busyflux"
fi

# ---- used ------------------------------------------------------------------------

PATH=$P/bin:$PATH
is "an instance of what is installed" "$(readlink -f "$P")/lib/flux/modules" \
    flux start sh -c 'echo "$FLUX_MODULE_PATH"'
ok "a module compiled against what is installed" compile -shared -fPIC \
    -I"$P/include/busyflux" -o "$P/lib/flux/modules/version.so" "$here/modules/version.c"
is "is found by name" '{"text":"first"}' flux start sh -c \
    'flux module load version && flux rpc version.text
     flux module remove version'
rm "$P/lib/flux/modules/version.so"
mv "$P" "$W/moved"
is "it may be moved" 0 "$W/moved/bin/flux" start flux getattr rank
mv "$W/moved" "$P"
ok "make uninstall" make_install uninstall
is "leaves nothing but empty folders" "" find "$DEST" ! -type d
is "and of those none of our own" "" \
    find "$DEST" -name busyflux -o -path '*/lib/flux'
finish
