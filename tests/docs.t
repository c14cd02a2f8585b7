#!/bin/sh
# docs.t - what the manual pages say is so
#
# The module in writing-modules(7) compiles without a warning and does what is
# shown there.  Each command has a page, each option is in its page, and no
# page has an option that the command does not know.  Each attribute and each
# variable that is read has its place.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"
# shellcheck source=tests/tour.sh
. "${0%/*}/tour.sh"

# ---- the module --------------------------------------------------------------

# The text of the literal display that has a line like PATTERN.
display() { # PATTERN PAGE
    awk -v pattern="$1" '
    /^\.Bd -literal/ { text = ""; show = 1; next }
    /^\.Ed/ { if (text ~ pattern) { printf "%s", text; exit } show = 0 }
    show { text = text $0 "\n" }' "$top/man/$2" |
        sed -e 's/\\e/\\/g' -e 's/\\&//g'
}

# Without the lines that compile: pkg-config need not be there.
session() {
    display 'flux module load ./tally.so' writing-modules.7 |
        sed -e '/^\$ cc /d' -e '/^    /d'
}

mkdir "$W/tally"
display 'int mod_main' writing-modules.7 >"$W/tally/tally.c"
ok "the module of writing-modules(7) has a size to be read" \
    test "$(wc -l <"$W/tally/tally.c")" -lt 50
is "it compiles without a warning" "" \
    compile -Wall -shared -fPIC -I"$B/include" -o "$W/tally/tally.so" \
    "$W/tally/tally.c"
session >"$W/text"
tour_check "writing-modules(7)" "$W/text" "$W/tally"
if command -v pkg-config >/dev/null; then
    has "pkg-config finds the headers" "-I$B/" \
        env PKG_CONFIG_PATH="$B/lib/pkgconfig" pkg-config --cflags flux-core
else
    skip "pkg-config finds the headers" "no pkg-config"
fi

# ---- commands and options ------------------------------------------------------

subcommands() { # APPLET
    "$1" --help 2>&1 | sed -n '/subcommands:$/,$s/^   \([a-z0-9-]*\) .*/\1/p'
}

# The long options that the help text has, of a command and its subcommands.
options_known() { # APPLET
    {
        "$1" --help
        for sub in $(subcommands "$1"); do
            "$1" "$sub" --help
        done
    } 2>&1 | grep -oE '^  .{4}--[a-z-]+' | grep -oE '[-]-[a-z-]+' | sort -u
}

# Those that have an item of their own in the page.
options_told() { # PAGE
    grep -E '^\.It .*Fl -' "$top/man/$1.1" | grep -oE 'Fl -[a-z-]+' |
        sed 's/^Fl -/--/' | sort -u
}

same_options() { # APPLET
    options_known "$1" | grep -vx -e --help >"$W/known"
    options_told "$1" | grep -vx -e --help >"$W/told"
    diff "$W/known" "$W/told"
}

for applet in $(busyflux --list); do
    ok "$applet(1) is there" test -s "$top/man/$applet.1"
    ok "$applet(1) has the options of $applet --help" same_options "$applet"
done

# ---- names ------------------------------------------------------------------------

attributes_told() {
    grep '^\.It Va' "$top/man/flux-broker-attributes.7" |
        grep -oE '[a-z0-9_.-]{4,}' | sort -u
}

all_attributes_told() {
    flux start flux lsattr | grep -v '^test' >"$W/attributes"
    attributes_told >"$W/told"
    [ -s "$W/attributes" ] && ! grep -vxF -f "$W/told" "$W/attributes"
}

variables_told() {
    cd "$top" && cat ./*.c | grep -oE '"FLUX_(HANDLE_)?[A-Z_]+"' |
        tr -d '"' | sort -u |
        while read -r name; do
            grep -q "Ev $name\\b" man/flux-environment.7 ||
                grep -q "^\\.It Ev .* $name" man/flux-environment.7 ||
                echo "$name"
        done
}

ok "flux-broker-attributes(7) has all that lsattr lists" all_attributes_told
is "flux-environment(7) has all variables that are read" "" variables_told

# ---- keys of JSON -------------------------------------------------------------------

cat >"$W/keys.py" <<'END'
import json
import sys


def keys(value):
    for v in value if isinstance(value, list) else []:
        yield from keys(v)
    for k, v in value.items() if isinstance(value, dict) else []:
        yield k
        if k != "request" or not isinstance(v, dict):
            yield from keys(v)


for line in sys.stdin:
    print(*keys(json.loads(line)), sep="\n")
END
status_has() { # TEXT
    flux module status --json testmod | grep -qF -e "$1"
}
# Of a process that has failed once, was loaded again, and has been asked.
json_of_all() {
    flux module load --on-failure=restart --load-timeout=9s --wrap=env \
        "$TMOD/testmod.so"
    kill -KILL "$(flux module status --json testmod | json 'd["pid"]')"
    wait_until status_has '"failure"'
    flux module debug --json testmod
    flux rpc testmod.hang >/dev/null 2>&1 &
    _client=$!
    wait_until status_has '"userid"'
    flux module list --json
    flux module list -a --json
    flux module status --json
    flux module status -r all --json
    flux module stats --base --json testmod
    flux module top -b -n 1 --json
    kill "$_client"
    flux module remove --cancel testmod
}
keys_told() {
    sed -n '/^\.Sh JSON/,/^\.Sh OTHER/p' "$top/man/flux-module.1" |
        sed -n 's/^\.Ql //p' | tr -d ',;' | tr ' ' '\n' | sort -u
}
keys_not_told() {
    python3 "$W/keys.py" <"$W/json" | sort -u >"$W/keys"
    keys_told >"$W/told"
    [ -s "$W/keys" ] && grep -vxF -f "$W/told" "$W/keys"
}
if command -v python3 >/dev/null; then
    start -Sbroker.module-nopanic=1
    ok "--json of flux module" json_of_all
    cp "$W/out" "$W/json"
    is "flux-module(1) has all keys" "" keys_not_told
    ok "stop" stop
else
    skip "flux-module(1) has all keys" "no python3"
fi

# ---- form ---------------------------------------------------------------------------

lint() {
    cd "$top/man" && mandoc -Tlint -- *.[1-9]
}

if command -v mandoc >/dev/null; then
    is "mandoc has nothing to say" "" lint
else
    skip "mandoc has nothing to say" "no mandoc"
fi
finish
