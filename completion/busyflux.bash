# busyflux.bash - completion for busyflux and its applets in bash
#
# What may be written is told by the program itself (busyflux --complete), so
# that it is always what that version understands.  Here is found what only a
# shell should look for: files, commands, and what a running instance has.

_busyflux_names() { # KIND: one a line
    local folder file
    case $1 in
    @loaded) flux module list -n -o '{name}' ;;
    @attribute) flux lsattr ;;
    @loadable)
        flux env printenv FLUX_MODULE_PATH | tr : '\n' |
            while read -r folder; do
                for file in "$folder"/*.so "$folder"/*.so.* "$folder"/*.py; do
                    [ -e "$file" ] || continue
                    file=${file##*/}
                    printf '%s\n' "${file%%.*}"
                done
            done
        ;;
    esac 2>/dev/null
}

_busyflux() {
    local program cur line word IFS=$'\n'
    program=$(type -P "${COMP_WORDS[0]}")
    program=${program%/*}/busyflux
    [ -x "$program" ] || program=busyflux
    cur=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    for line in $("$program" --complete "${COMP_WORDS[@]:0:COMP_CWORD+1}" \
        2>/dev/null); do
        [ "$cur" != "=" ] || cur=
        case $line in
        @file | @loadable)
            compopt -o filenames 2>/dev/null
            COMPREPLY+=($(compgen -f -- "$cur"))
            ;;&
        @dir)
            compopt -o filenames 2>/dev/null
            COMPREPLY+=($(compgen -d -- "$cur"))
            ;;
        @command) COMPREPLY+=($(compgen -c -- "$cur")) ;;
        @file) ;;
        @*)
            for word in $(_busyflux_names "$line"); do
                [ "${word#"$cur"}" = "$word" ] && [ -n "$cur" ] ||
                    COMPREPLY+=("$word")
            done
            ;;
        *=)
            compopt -o nospace 2>/dev/null
            COMPREPLY+=("$line")
            ;;
        *) COMPREPLY+=("$line") ;;
        esac
    done
}

complete -F _busyflux busyflux $(busyflux --list 2>/dev/null)
