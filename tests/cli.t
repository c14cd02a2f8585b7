#!/bin/sh
# cli.t - one program under many names: applets, flux COMMAND, usage errors
. "${0%/*}/lib.sh"

BUSY=$B/bin/busyflux

# ---- applets ----------------------------------------------------------------------

mkdir "$W/bin"
cp "$BUSY" "$W/bin/busyflux"
for name in flux flux-version flux-ping flux-start; do
    ok "busyflux --list has $name" sh -c '"$1" --list | grep -qx "$0"' $name "$BUSY"
done
is "--list is sorted and without doubles" "" \
    sh -c '"$0" --list | LC_ALL=C sort | uniq -d' "$BUSY"
has "by argv[0]" "libflux-core" "$B/bin/flux-version"
has "as an argument" "libflux-core" "$BUSY" flux-version
has "without flux-" "libflux-core" "$BUSY" version
has "through flux" "libflux-core" flux version
ln -s "$BUSY" "$W/lsattr"
fails "a name without flux- will do" 1 "Usage: flux-lsattr" "$W/lsattr" x
has "under another name it is busyflux" "flux-ping" sh -c \
    'cp "$0" "$1/other" && "$1/other" --list' "$BUSY" "$W"
fails "an applet that is none" 1 "\`nosuch' is not an applet" "$BUSY" nosuch
for words in "" -h --help; do
    # shellcheck disable=SC2086 # a word or none
    has "busyflux $words tells what it is" "Usage: busyflux APPLET" "$BUSY" $words
    # shellcheck disable=SC2086
    hasnt "and what each applet is" "(null)" "$BUSY" $words
done
has "busyflux -V" "busyflux " "$BUSY" -V
fails "an option that is none" 1 "Usage: busyflux" "$BUSY" --nosuch

ok "--install makes links" "$W/bin/busyflux" --install "$W/bin"
same_file() {
    [ "$(stat -Lc %i "$1")" = "$(stat -Lc %i "$2")" ]
}
for name in $("$BUSY" --list); do
    ok "hard link: $name" same_file "$W/bin/$name" "$W/bin/busyflux"
done
ok "again: nothing to do" "$W/bin/busyflux" --install "$W/bin"
mkdir "$W/soft"
ok "--install -s makes symbolic links" "$BUSY" --install -s "$W/soft"
for name in $("$BUSY" --list); do
    ok "symbolic link: $name" test "$(readlink -f "$W/soft/$name")" = \
        "$(readlink -f "$BUSY")"
done
is "beside the program they are relative" busyflux readlink "$B/bin/flux"
rm "$W/soft/flux-ping"
echo mine >"$W/soft/flux-ping"
fails "a file of another is left alone, and named" 1 "$W/soft/flux-ping" \
    "$BUSY" --install -s "$W/soft"
is "so" mine cat "$W/soft/flux-ping"
fails "a folder that is not there" 1 "$W/none" "$BUSY" --install "$W/none"
fails "no folder" 1 "needs a folder" "$BUSY" --install

# ---- flux COMMAND ------------------------------------------------------------------

mkdir "$W/cmd" "$W/path"
printf '#!/bin/sh\necho "cmd $*"\n' >"$W/cmd/flux-mine"
printf '#!/bin/sh\necho "path $*"\n' >"$W/path/flux-mine"
printf '#!/bin/sh\necho stray\n' >"$W/path/flux-version"
printf '#!/bin/sh\nexit 7\n' >"$W/path/flux-seven"
mkdir "$W/more"
cp "$W/cmd/flux-mine" "$W/more/flux-run"
cat >"$W/more/flux-python-one.py" <<-'EOF'
import sys, flux
if sys.argv[1] == "5":
    sys.exit(5)
print(sys.argv[1:], hasattr(flux, "Flux"))
EOF
chmod +x "$W"/cmd/* "$W"/path/* "$W"/more/*
is "a program flux-COMMAND on FLUX_EXEC_PATH" "cmd a b c" \
    env FLUX_EXEC_PATH="$W/cmd" PATH="$W/path:$PATH" flux mine a 'b c'
is "else on PATH" "path -v --x" env PATH="$W/path:$PATH" flux mine -v --x
fails "its status" 7 "" env PATH="$W/path:$PATH" flux seven
has "an applet wins over a program" libflux-core \
    env PATH="$W/path:$PATH" "$B/bin/flux" version
is "a COMMAND with a slash is a path" "cmd x" flux "$W/cmd/flux-mine" x
fails "an unknown command" 1 "flux: \`modul' is not a flux command" flux modul
fails "with the nearest name" 1 "module" flux modul
fails "also of programs" 1 "	mine" \
    env FLUX_EXEC_PATH="$W/cmd" flux mien
for command in "run:jobs" "job:jobs" "kvs:the key-value store"; do
    fails "a command of Flux that is not here: ${command%%:*}" 1 \
        "flux: \`${command%%:*}' is a command of Flux that busyflux does not have: it needs ${command#*:}" \
        flux "${command%%:*}"
done
is "unless there is one" "cmd x" env FLUX_EXEC_PATH="$W/more" flux run x
if command -v python3 >/dev/null; then
    is "flux-COMMAND.py is run with our package" "['a', '--b'] True" \
        env FLUX_EXEC_PATH="$W/more" flux python-one a --b
    fails "its status" 5 "" env FLUX_EXEC_PATH="$W/more" flux python-one 5
    fails "it is among the nearest names" 1 "	python-one" \
        env FLUX_EXEC_PATH="$W/more" flux python-ore
else
    skip "flux-COMMAND.py" "no python3"
fi
fails "none near: none named" 1 "See 'flux --help'" flux zzzzzzzzzz
fails "flux alone" 1 "Usage: flux [OPTIONS] COMMAND" flux
for words in --help help; do
    has "flux $words lists the commands" "getattr" flux $words
    hasnt "each with what it does" "(null)" flux $words
done
printf '#!/bin/sh\necho "man $*"\n' >"$W/path/man"
chmod +x "$W/path/man"
for page in "ping:flux-ping" "flux-ping:flux-ping" "environment:flux-environment" \
    "writing-modules:writing-modules" "nosuch:flux-nosuch"; do
    is "flux help ${page%%:*}" "man ${page#*:}" \
        env PATH="$W/path:$PATH" flux help "${page%%:*}"
done
fails "flux help without man" 1 "no man(1) to show the page writing-modules" \
    env PATH="$B/bin" flux help writing-modules
has "prints the options of a command" "Usage: flux-ping" env PATH="$B/bin" flux help ping
has "flux -V" "libflux-core" flux -V
fails "an option that is none" 1 "unrecognized option '--nosuch'" \
    flux --nosuch version
is "flux env sets up the environment" yes sh -c \
    'eval "$(flux env)"; case $FLUX_MODULE_PATH in */lib/flux/modules) echo yes ;; esac'
is "flux env CMD runs it in that" "$B/lib/flux/modules" \
    flux env sh -c 'echo "$FLUX_MODULE_PATH"'
is "its values may hold anything" "a \"b\" \$c \`d\` \\e" sh -c \
    'FLUX_MODULE_PATH="a \"b\" \$c \`d\` \\e"; export FLUX_MODULE_PATH
     eval "$(flux env)"; printf "%s" "${FLUX_MODULE_PATH#*modules:}"'
is "no folder is twice in a path" 1 sh -c 'flux env flux env flux env sh -c \
    "echo \$FLUX_MODULE_PATH" | tr : "\n" | sort | uniq -c | sort -rn |
    head -1 | awk "{print \$1}"'
has "flux version in an instance names it" "FLUX_URI:" flux start flux version
has "flux -v shows the search" "sub-command search path" flux -v version

# ---- usage errors, the same everywhere ----------------------------------------------

for name in $("$BUSY" --list); do
    [ "$name" != flux-python ] || continue # python3's own options
    fails "$name --nosuch: the reason" 1 "unrecognized option '--nosuch'" \
        "$BUSY" "$name" --nosuch
    fails "$name --nosuch: the usage line" 1 "Usage: $name" \
        "$BUSY" "$name" --nosuch
    fails "$name -%: the reason" 1 "%" "$BUSY" "$name" -%
    has "$name --help" "Usage: $name" "$BUSY" "$name" --help
done
fails "usage errors go to stderr" 1 "" sh -c \
    'flux ping --nosuch 2>/dev/null | grep . && exit 0; exit 1'
if [ -e /dev/full ]; then
    fails "a full disk is an error" 1 "write error" \
        sh -c 'flux version >/dev/full'
fi
ok "a closed pipe is quiet" sh -c \
    '[ -z "$( (flux lsattr --help; "$0" --list) 2>&1 >/dev/null | true)" ]' "$BUSY"
fails "no instance: which socket was not there" 1 \
    "broker socket /nosuch was not found" \
    env FLUX_URI=local:///nosuch flux getattr rank
fails "a URI that is none" 1 "Unable to find connector name 'foo'" \
    env FLUX_URI=foo://bar flux getattr rank

# ---- config, uptime ---------------------------------------------------------------------

printf '[a]\nb = "text"\nn = 3\nt = "5m"\n' >"$W/c.toml"
start -c "$W/c.toml"
is "config get" '{"a":{"b":"text","n":3,"t":"5m"}}' flux config get
is "of one key" text flux config get a.b
is "of a number" 3 flux config get --type=integer a.n
is "of a duration" 300.000000 flux config get --type=fsd-real a.t
fails "of another type" 1 "does not have the requested type" \
    flux config get --type=integer a.b
fails "of a key that is not set" 1 "nosuch" flux config get nosuch
is "--default" 7 flux config get --default=7 nosuch
fails "a type that is none" 1 "Unknown type: x" flux config get --type=x a.b
is "config load from stdin" '{"x":1}' sh -c \
    'echo "{\"x\":1}" | flux config load && flux config get'
fails "of what is none" 1 "" sh -c 'echo "x = = 1" | flux config load'
is "which changes nothing" '{"x":1}' flux config get
is "config reload reads the files again" text sh -c \
    'flux config reload && flux config get a.b'
echo "broken = [" >"$W/c.toml"
fails "a broken file is an error" 1 "c.toml" flux config reload
is "and changes nothing" text flux config get a.b
uptime_fits() {
    flux uptime | grep -q "^ [0-9:]* run [0-9.]*[a-z]*,  owner [^,]*,  depth 0,  size 1\$"
}
ok "flux uptime" uptime_fits
ok "stop" stop
finish
