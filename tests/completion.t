#!/bin/sh
# completion.t - bash completion knows all that help texts tell
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

command -v bash >/dev/null || skip_all "no bash"

# What bash would offer for these words, the last of which is being written.
offers() { # WORD...
    bash -c '. "$0"
        COMP_WORDS=("$@")
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _busyflux
        printf "%s\n" "${COMPREPLY[@]}"' \
        "$top/completion/busyflux.bash" "$@" | sort
}
has_line() { # LINE WORD...
    _line=$1
    shift
    offers "$@" >"$W/offers"
    grep -qxF -e "$_line" "$W/offers"
}
nothing() {
    [ -z "$(offers "$@")" ]
}

# ---- commands and options -----------------------------------------------------------

is "flux mod: commands" "modprobe
module
module-exec
module-python-exec" offers flux mod
ok "busyflux: applets" has_line flux-ping busyflux flux-pi
ok "busyflux flux-module: its subcommands" has_line load busyflux flux-module lo
is "flux module re" "reload
remove" offers flux module re
is "flux-module: the same" "reload
remove" offers flux-module re
is "what is quiet stays quiet" "" offers flux module unl
is "--f: an option that needs an argument ends with =" "--format=" \
    offers flux module list --f
commands() { # all, each with its subcommands
    for applet in $(busyflux --list); do
        echo "$applet"
        "$applet" --help 2>&1 |
            sed -n "/subcommands:\$/,\$s/^   \\([a-z]*\\) .*/$applet \\1/p"
    done
}
all_offered() {
    commands | while read -r applet sub; do
        # shellcheck disable=SC2086
        "$applet" $sub --help 2>&1 | grep -oE '^  .{4}--[a-z0-9-]+' |
            grep -oE '[-]-[a-z0-9-]+' | sort -u >"$W/known"
        # shellcheck disable=SC2086
        busyflux --complete "$applet" $sub -- | grep -v ^@ | sed 's/=$//' | sort -u >"$W/known2"
        [ "$applet" = flux-start ] && sed -i '/^--$/d' "$W/known2"
        diff "$W/known" "$W/known2" >"$W/diff" || {
            echo "$applet $sub"
            cat "$W/diff"
        }
    done
}
is "each option that a help text has" "" all_offered
is "behind -- there are none" "" offers flux-module load -- --n
is "nor behind the module, which has its own" "" offers flux-module load x --n
is "an option's argument is not taken for the subcommand's" "load" \
    offers flux-module loa
is "choices of an option" "double
int" offers flux module stats --type = ""
is "those that begin so" "int" offers flux module stats --type = i
is "in the next word too" "int" offers flux module stats -t i
is "WHEN" "always
auto
never" offers flux dmesg --color = ""
mkdir "$W/files"
touch "$W/files/one" "$W/files/two"
is "files" "$W/files/one
$W/files/two" offers flux module load --loader = "$W/files/"
ok "programs" has_line printenv flux start printe
ok "a word that makes no sense" nothing flux nosuch x
ok "nothing at all" busyflux --complete

# ---- what an instance has -------------------------------------------------------------

ok "without an instance: nothing" nothing flux module remove te
mkdir "$W/modules"
cp "$TMOD/testmod.so" "$W/modules/loadable.so"
touch "$W/modules/script.py"
cd "$W/files" || exit 1
FLUX_MODULE_PATH=$W/modules start
FLUX_MODULE_PATH=$W/modules
export FLUX_MODULE_PATH
flux module load loadable
is "modules that are loaded" loadable offers flux module remove loada
is "of several" "loadable" offers flux module trace config loada
is "but one where there is one" "" offers flux module remove config loada
is "modules that may be loaded" "loadable" offers flux module load loadab
is "Python ones too" "script" offers flux module load scr
ok "and files" has_line one flux module load o
is "attributes" "log-stderr-level
log-stderr-mode" offers flux getattr log-std
flux module remove loadable
ok "the broker ends well" stop
finish
