#!/bin/sh
# demo.sh - one screen of what there is: `make demo`
#
# Starts an instance and, as its initial program, shows modules being loaded
# (as a thread, as a process, from Python), listed, called, traced, reloaded
# after a change, and removed; then a module on the ranks of a larger instance.
# Each command is printed behind "$ " as one would type it, and what follows is
# its output.
# B is the build's folder, CC the compiler.
set -eu

B=${B:-build}
B=$(cd "$B" && pwd)
here=$(cd "${0%/*}" && pwd)
PATH=$B/bin:$PATH
CC=${CC:-cc}
export B PATH CC

show() { # COMMAND LINE
    printf '$ %s\n' "$1"
    sh -c "$1"
}

compile() {
    show "$CC -shared -fPIC -I$B/include -o hello.so hello.c"
}

# A tracer listens once it has printed something; what it printed before it has
# seen a call of "mark" and the caller's going is not the demonstration's.
trace_in_background() {
    printf '$ flux module trace hello &\n'
    flux module trace hello >>trace.out &
    tracer=$!
    until [ -s trace.out ]; do
        flux ping -c1 hello >ping.out
    done
    flux rpc hello.mark >ping.out 2>&1 || true
    until sed '1,/hello\.mark .*ENOSYS/d' trace.out | grep -q disconnect; do
        sleep 0.01
    done
    : >trace.out
}

end_of_trace() {
    until grep -q disconnect trace.out; do
        sleep 0.01
    done
    cat trace.out
}

if [ $# -eq 0 ]; then
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    cp "$here"/hello.* "$folder"
    cd "$folder"
    printf '$ flux start\n'
    flux start "$here/demo.sh" inside
    printf '$ flux start -s 4\n'
    flux start -s 4 "$here/demo.sh" ranks
    exit
fi

if [ "$1" = ranks ]; then
    show 'flux module load -r 1-3 ./hello.so'
    show "flux rpc -r 3 hello.greet '{\"name\":\"rank 3\"}'"
    show 'flux module list --all-ranks | grep hello'
    show 'flux module remove -r all -f hello'
    exit
fi

loaded=
compile
show 'flux module load ./hello.so greeting=Welcome'
show 'flux module load --exec --name=process ./hello.so'
if command -v python3 >/dev/null; then
    show 'flux module load --name=python ./hello.py greeting=Bonjour'
    loaded=python
fi
show 'flux module list'
show "flux rpc hello.greet '{\"name\":\"to Flux\"}'"
show "flux rpc process.greet '{\"name\":\"from a process\"}'"
[ -z "$loaded" ] || show "flux rpc python.greet '{\"name\":\"de Python\"}'"
show 'flux ping -c 1 hello'
trace_in_background
show "flux rpc hello.greet '{\"name\":\"tracer\"}'"
end_of_trace
kill "$tracer"
show "sed -i 's/\"%s %s\"/\"%s, dear %s!\"/' hello.c"
compile
show 'flux module reload ./hello.so'
show "flux rpc hello.greet '{\"name\":\"reader\"}'"
show 'flux module stats --parse rx.request hello'
for module in hello process $loaded; do
    show "flux module remove $module"
done
show "flux module list -n -o '{name}' | xargs"
