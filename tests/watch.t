#!/bin/sh
# watch.t - flux module reload --watch: a module follows its file
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

CC=${CC:-cc}

build() { # TEXT [FLAGS]: written anew, not over what is mapped
    # shellcheck disable=SC2086 # CC may be several words
    $CC -shared -fPIC -I"$B/include" -DTEXT="\"$1\"" ${2:-} \
        -o "$W/version.so.new" "$here/modules/version.c" &&
        mv "$W/version.so.new" "$W/version.so"
}
watch() { # OPTIONS MODULE: in the background
    flux module reload --watch "$@" >"$W/log" 2>&1 &
    watcher=$!
    wait_until grep -q watching "$W/log"
}
says() { # TEXT
    wait_until grep -qF "$1" "$W/log" || ! cat "$W/log"
}
digest() {
    sha1sum <"$W/version.so" | cut -c1-40
}
ends_on() { # SIGNAL: its status
    kill "-$1" "$watcher"
    wait "$watcher"
}

start -Sbroker.module-nopanic=1
build first
flux module load "$W/version.so"
ok "--watch" watch "$W/version.so"
has "says what it watches" "version: watching $W/version.so" cat "$W/log"
hasnt "what runs already is not loaded again" reloaded cat "$W/log"
build second
ok "a changed file is reloaded" says "version: reloaded, $(digest)"
is "so it is" '{"text":"second"}' flux rpc version.text
touch "$W/version.so"
echo "no module" >"$W/bad.so.new" && mv "$W/bad.so.new" "$W/version.so"
ok "a file that cannot be loaded is told" says "flux-module: reload $W/version.so: "
has "and changes nothing" "nothing is changed" cat "$W/log"
is "the old module stays" '{"text":"second"}' flux rpc version.text
build third -Dmod_main=mod_mine
ok "one without mod_main" says "mod_main"
is "likewise" '{"text":"second"}' flux rpc version.text
build fourth -DFAIL
ok "one whose mod_main fails" says "load $W/version.so: "
ok "is replaced by what ran before" says "what ran before is loaded again"
is "which answers" '{"text":"second"}' flux rpc version.text
has "under its own path" "$W/version.so" flux module list -l
build fifth
ok "and the watch goes on" says "version: reloaded, $(digest)"
is "with what works again" '{"text":"fifth"}' flux rpc version.text
is "each build was loaded once" 2 grep -c reloaded "$W/log"
rm "$W/version.so"
build sixth
ok "a file that was gone" says "version: reloaded, $(digest)"
ok "SIGTERM ends it with status 0" ends_on TERM
is "nothing is left behind" "" sh -c 'ls "$0" | grep watch || :' "$RUNDIR"
is "the module stays" '{"text":"sixth"}' flux rpc version.text

# ---- requests meanwhile, by name, as a process, in Python ---------------------------

calls() { # until there is a file; all must be answered
    until [ -e "$W/enough" ]; do
        "$B/tests/pipeline" testmod.echo 1000 16 || return 1
    done
}
change() { # the same module, another digest
    cp "$TMOD/testmod.so" "$W/new" && echo "$1" >>"$W/new" &&
        mv "$W/new" "$W/testmod.so"
}
flux module remove version
change one
flux module load --exec "$W/testmod.so"
flux module load --name=piped "$W/version.so"
piped() { # a reader who takes one line
    flux module reload --watch --name=piped "$W/version.so" >"$W/fifo" &
    watcher=$!
    head -n1 <"$W/fifo"
    build seventh
    wait "$watcher"
}
mkfifo "$W/fifo"
is "a reader who goes away ends it" "piped: watching $W/version.so" piped
is "after a reload" '{"text":"seventh"}' flux rpc piped.text
flux module remove piped
ok "by the module's name, as a process" watch --exec testmod
calls >"$W/calls" &
calls=$!
build "" -DFAIL
mv "$W/version.so" "$W/testmod.so"
ok "a build that does not come to run" says "what ran before is loaded again"
change two
ok "and one that does" says "testmod: reloaded"
: >"$W/enough"
ok "all requests meanwhile were answered" wait $calls
has "it is a process again" "testmod process" flux module list -n -o "{name} {kind}"
ok "SIGINT too ends it" ends_on INT
flux module remove testmod

cat >"$W/py.py" <<'END'
def mod_main(h, *args):
    h.reactor_run()
END
flux module load "$W/py.py"
ok "a Python module" watch "$W/py.py"
echo "def mod_main(h:" >"$W/py.py"
ok "a syntax error is told" says "line 1"
has "and changes nothing" "nothing is changed" cat "$W/log"
ok "the old module stays" flux ping -c 1 py
cat >"$W/py.py" <<'END'
def mod_main(h, *args):
    h.reactor_run()  # as before
END
ok "what is right again is loaded" says "py: reloaded"
ok "and ended" ends_on TERM
flux module remove py

fails "a module that is no file" 1 "reload config: there is no file to watch" \
    flux module reload --watch config
fails "one that is not loaded" 1 "flux-module: reload nosuch: it is not loaded" \
    flux module reload --watch nosuch
build last
fails "by its path likewise" 1 \
    "flux-module: reload $W/version.so: it is not loaded; --force loads it" \
    flux module reload --watch "$W/version.so"
ok "--force" watch --force "$W/version.so"
ok "loads it" says "version: reloaded, $(digest)"
ok "and goes on" ends_on TERM
ok "stop" stop
finish
