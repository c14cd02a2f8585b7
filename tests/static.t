#!/bin/sh
# static.t - make static: one file, no dynamic section, all but loading a .so
. "${0%/*}/lib.sh"

[ -z "${TEST_BUILD:-}" ] || skip_all "of no use in a $TEST_BUILD build"

LIMIT=462848 # bytes, stripped: 452 KiB; a new feature is worth its place here

FLUX=$B/static/bin/flux
BUSY=$B/static/bin/busyflux
make -s -C "$top" B="$B" static >"$W/make" 2>&1 || {
    sed 's/^/# /' "$W/make"
    ok "make static" false
    finish
}
ok "make static" test -x "$BUSY"
strip -o "$W/stripped" "$BUSY" # also takes off the Python package behind it
size=$(stat -c %s "$W/stripped")
echo "# $size bytes"
if command -v musl-gcc >/dev/null; then
    ok "$LIMIT bytes or less" test "$size" -le $LIMIT
else
    skip "$LIMIT bytes or less" "the C library here is larger than that"
fi
hasnt "which is stripped" .symtab readelf -SW "$BUSY"
hasnt "no dynamic section" NEEDED readelf -d "$BUSY"
hasnt "no interpreter" INTERP readelf -lW "$BUSY"
is "the same applets" "$("$B/bin/busyflux" --list)" "$BUSY" --list
is "an instance" 0 "$FLUX" start "$FLUX" getattr rank
has "its builtin modules" connector-local "$FLUX" start "$FLUX" module list
has "a ping" "seq=0" "$FLUX" start "$FLUX" ping -c1 broker
is "a command's status" 9 sh -c '"$0" start sh -c "exit 9" 2>/dev/null; echo $?' "$FLUX"
mkdir "$W/alone"
cp "$BUSY" "$W/alone/flux"
fails "what it cannot do alone it says" 1 "static" env PATH=/usr/bin:/bin \
    "$W/alone/flux" start "$W/alone/flux" module load "$TMOD/testmod.so"
start
is "a static client of a dynamic broker" 0 "$FLUX" getattr rank
stop
finish
