#!/bin/sh
# pymodule.t - Python modules and scripts, by the package in the program
. "${0%/*}/lib.sh"

unset PYTHONPATH FLUX_PYTHON
HELLO=$top/examples/hello.py
mkdir "$W/py"

write() { # NAME, text on stdin
    cat >"$W/py/$1.py"
}

load() { # NAME [ARGS]: of what was written
    file=$W/py/$1.py
    shift
    flux module load "$file" "$@"
}

comm_of() { # NAME
    pid=$(flux rpc module.list | json \
        "[m['pid'] for m in d['mods'] if m['name'] == '$1'][0]")
    cat "/proc/$pid/comm"
}

# ---- a module that works -------------------------------------------------------

start -Sbroker.module-nopanic=1
ok "load" flux module load "$HELLO" greeting=Hi
is "it answers" '{"greeting": "Hi x"}' flux rpc hello.greet '{"name":"x"}'
is "its process bears its name" hello comm_of hello
ok "ping" flux ping -c 1 hello
ok "stats" flux module stats hello
ok "debug" flux module debug --setbit 1 hello
has "status" "loader module-python-exec" flux module status hello
ok "reload" flux module reload "$HELLO"
ok "remove" flux module remove hello
ok "--exec changes nothing" flux module load --exec "$HELLO"
ok "remove" flux module remove hello
mkdir "$W/path" && cp "$HELLO" "$W/path/onlypy.py"
(
    FLUX_MODULE_PATH=$W/path
    export FLUX_MODULE_PATH
    flux start sh -c 'flux module load onlypy && flux ping -c 1 onlypy &&
        flux module remove onlypy'
) >"$W/out" 2>&1
result $? "by name, on FLUX_MODULE_PATH"

# ---- modules that do not -------------------------------------------------------

write raises <<'END'
def mod_main(h, *args):
    raise RuntimeError("as it was told to")
END
fails "an exception: its traceback reaches who asked" 1 \
    'raise RuntimeError("as it was told to")' load raises
fails "with the file and the line" 1 "raises.py\", line 2, in mod_main" load raises
write oserror <<'END'
def mod_main(h, *args):
    raise OSError(28, "nothing left")
END
fails "an OSError: its errno" 1 "No space left on device" load oserror
fails "and its text" 1 "nothing left" load oserror
write value <<'END'
def mod_main(h, *args):
    raise ValueError("what is " + args[0])
END
fails "a ValueError: its text" 1 "what is this" load value this
load value this 2>"$W/err"
fails "and no traceback" 1 "" grep -q Traceback "$W/err"
write syntax <<'END'
def mod_main(h, *args)
END
fails "a syntax error" 1 "SyntaxError" load syntax
write nothing <<'END'
x = 1
END
fails "neither mod_main nor a class" 1 "mod_main" load nothing
write quits <<'END'
import os
def mod_main(h, *args):
    os._exit(5)
END
fails "one that leaves" 1 \
    "loader (module-python-exec) exited with exit code 5" load quits
write later <<'END'
from flux.brokermod import BrokerModule, request_handler

class Later(BrokerModule):
    @request_handler("die")
    def die(self, msg):
        {}["later"]
END
ok "one that fails later" load later
fails "the request in it is answered" 1 "module disconnect" flux rpc later.die
ok "it is gone" wait_until sh -c '! flux module list | grep -q later'
has "its traceback is on stderr" "KeyError: 'later'" cat "$ERR"
has "its failure in the log" "later module runtime failure" flux dmesg
ok "--on-failure=restart" flux module load --on-failure=restart "$W/py/later.py"
flux rpc later.die 2>/dev/null
ok "restarted" wait_until flux ping -c 1 later
ok "remove" flux module remove later
is "nothing was written" "" find "$W/py" "$top/examples" -name '*.pyc'

# ---- imports --------------------------------------------------------------------

mkdir "$W/lib" && echo 'word = "imported"' >"$W/lib/ofmine.py"
write imports <<'END'
import json, ofmine, logging, subprocess

def mod_main(h, *args):
    raise ValueError(ofmine.word)
END
(
    PYTHONPATH=$W/lib
    export PYTHONPATH
    flux start sh -c "flux module load $W/py/imports.py" 2>"$W/err"
)
has "PYTHONPATH counts" imported cat "$W/err"

# ---- python ------------------------------------------------------------------------

is "flux python: the package is this program's" "$B/bin/busyflux/flux" \
    flux python -c 'import flux, os; print(os.path.dirname(flux.__file__))'
is "its arguments are python's own" "['-c', '-x', '--help']" \
    flux python -c 'import sys; print(sys.argv)' -x --help
is "a call" 0 flux python -c 'import flux; print(flux.Flux().get_rank())'
is "after eval \$(flux env): any python3" 0 sh -c \
    'eval "$(flux env)"; python3 -c "import flux; print(flux.Flux().get_rank())"'
write script <<'END'
import flux, traceback
try:
    flux.Flux("local:///nosuch")
except OSError:
    traceback.print_exc()
END
has "tracebacks show the package's own lines" "self.channel = " \
    flux python "$W/py/script.py"
printf '#!/bin/sh\necho another "$@"\n' >"$W/another" && chmod +x "$W/another"
is "FLUX_PYTHON, a path" "another -x" env FLUX_PYTHON="$W/another" \
    flux python -x
is "FLUX_PYTHON, a name" "another -x" \
    env PATH="$W:$PATH" FLUX_PYTHON=another flux python -x
fails "FLUX_PYTHON that is not there" 1 "nosuchpython was not found on PATH" \
    env FLUX_PYTHON=nosuchpython flux python
mkdir "$W/bare" && ln -s "$B/bin/busyflux" "$W/bare/flux"
fails "no python3" 1 "python3 was not found on PATH" \
    env PATH="$W/bare" flux python
(
    FLUX_PYTHON=nosuchpython
    export FLUX_PYTHON
    flux start flux module load "$HELLO" 2>"$W/err"
)
has "the load says so" "nosuchpython was not found on PATH" cat "$W/err"
if command -v strip >/dev/null; then
    cp "$B/bin/busyflux" "$W/bare/stripped" && strip "$W/bare/stripped"
    fails "a stripped program says what it lacks" 1 \
        "carries no Python package" "$W/bare/stripped" flux-python
else
    skip "a stripped program says what it lacks" "no strip"
fi
fails "the loader without FLUX_MODULE_URI" 1 "FLUX_MODULE_URI is not set" \
    flux module-python-exec "$HELLO"
fails "without a path" 1 "Usage: flux-module-python-exec" \
    flux module-python-exec
fails "with too much" 1 "Usage: flux-module-python-exec" \
    flux module-python-exec "$HELLO" x

for minor in 6 7 8 9 10 11 12 13 14; do
    python=$(command -v "python3.$minor") || continue
    "$python" -c '' 2>/dev/null || continue
    FLUX_PYTHON=$python flux start sh -c "flux module load '$HELLO' &&
        flux rpc hello.greet '{\"name\":\"x\"}' && flux module remove hello" \
        >"$W/out" 2>&1
    result $? "a module under Python 3.$minor"
done
ok "stop" stop
finish
