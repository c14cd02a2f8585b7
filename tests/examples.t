#!/bin/sh
# examples.t - the EXAMPLES of flux-module(1) run
#
# In their order, in one instance, in a folder with the module that they speak
# of.  One that goes on until it is stopped is stopped, after it had time to fail.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

examples() {
    sed -n '/^\.Sh EXAMPLES/,/^\.Sh SEE/s/^\$ //p' "$top/man/flux-module.1" |
        sed 's/\\e/\\/g'
}
run() { # EXAMPLE
    case $1 in
    *" trace "*)
        timeout 0.5 sh -c "$1"
        _status=$?
        [ "$_status" -eq 124 ] || return "$_status"
        ;;
    *) timeout 60 sh -c "$1" ;;
    esac
}

for tool in sha1sum cc; do
    command -v $tool >/dev/null || skip_all "no $tool"
done
start
mkdir "$W/folder"
cd "$W/folder" || exit 1
cp "$top/examples/hello.c" .
cp "$B/lib/flux/modules/hello.so" .
C_INCLUDE_PATH=$B/include
export C_INCLUDE_PATH
examples >"$W/examples"
ok "there are some" test "$(wc -l <"$W/examples")" -gt 10
while IFS= read -r example; do
    ok "$example" run "$example"
done <"$W/examples"
for name in hallo exact; do
    flux module remove $name
done
ok "the broker ends well" stop
finish
