#!/bin/sh
# subprocess.t - commands that a module has its broker run (flux_rexec)
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/runs.so"

told() { # SCRIPT [KEY:VALUE]: what the module was told, then the status
    flux rpc runs.sh "{\"script\": \"$1\"${2:+, $2}}" |
        json '"%s status=%d" % (d["told"], d["status"])'
}
# Output and end race: each stream is in order, and so are the states.
of_kind() { # WORD SCRIPT
    told "$2" | tr ' ' '\n' | grep -- "$1" | xargs
}
is "states" "Running Exited" of_kind '^[A-Z]' "exit 3"
is "then the end, the code" "done(3,-1)" of_kind "^done" "exit 3"
is "and the status, as waitpid has it" "status=768" of_kind status "exit 3"
is "lines, an empty one, the end" "stdout=1a stdout=0 stdout=1b stdout=0" \
    of_kind stdout "printf 'a\\\\n\\\\nb\\\\n'"
is "what has no newline, then the end" "stdout=1a stdout=2bc stdout=0" \
    of_kind stdout "printf 'a\\\\nbc'"
is "the other stream" "stderr=1e stderr=0" of_kind stderr "echo e >&2"
is "bytes that are no text" "stdout=4??x? stdout=0" \
    of_kind stdout "printf '\\\\377\\\\376x\\\\303'"
is "folder and environment" "stdout=4/,42" of_kind "/," "echo \$PWD,\$X"
has "with none of its own, the broker's environment" \
    "'none $HOME $FLUX_URI'" \
    told 'echo ${X-none} $HOME $FLUX_URI' '"bare": true'
is "a signal sent before the start is known" "done(-1,15)" \
    sh -c 'flux rpc runs.sh "{\"script\": \"sleep 60\", \"signal\": 15}" |
        grep -o "done([-0-9,]*)"'
is "a service that there is not" \
    "Failed No service matching none.exec is registered status=38" \
    told true '"service": "none"'
ok "the module goes on" flux ping -c1 -i0 runs
flux module remove runs
ok "stop" stop
finish
