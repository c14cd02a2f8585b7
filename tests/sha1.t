#!/bin/sh
# sha1.t - flux module load --sha1: a file of another digest is refused
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

MOD=$TMOD/testmod.so
digest=$(sha1sum <"$MOD" | cut -d' ' -f1)
upper=$(echo "$digest" | tr a-f A-F)
other=$(echo x | sha1sum | cut -d' ' -f1)
mkdir "$W/path"
cp "$MOD" "$W/path/named.so"
FLUX_MODULE_PATH=$W/path start

ok "the file's own digest" flux module load --sha1="$digest" "$MOD"
flux module remove testmod
ok "in capitals" flux module load --sha1="$upper" "$MOD"
flux module remove testmod
fails "another one: which it has" 1 \
    "flux-module: load $MOD: refused, its SHA-1 is $digest" \
    flux module load --sha1="$other" "$MOD"
fails "as a process too" 1 "refused, its SHA-1 is $digest" \
    flux module load --exec --sha1="$other" "$MOD"
hasnt "nothing was loaded" testmod flux module list
fails "a name: the broker looks" 1 \
    "load named: $W/path/named.so: refused, its SHA-1 is $digest" \
    flux module load --sha1="$other" named
ok "a name with its digest" flux module load --sha1="$digest" named
flux module remove named
fails "the broker looks at a path itself" 1 \
    "$MOD: refused, its SHA-1 is $digest" \
    flux rpc module.load "{\"path\":\"$MOD\",\"args\":[],\"sha1\":\"$other\"}"
fails "a builtin module has none" 1 "built-in modules have no digest" \
    flux rpc module.load "{\"path\":\"config\",\"args\":[],\"sha1\":\"$other\"}"
for bad in "" 123 "${digest}0" "$(echo "$digest" | tr 0-9a-f g)"; do
    fails "--sha1='$bad'" 1 "--sha1: not 40 hexadecimal digits" \
        flux module load --sha1="$bad" "$MOD"
done
ok "the broker ends well" stop
finish
