#!/bin/sh
# modprobe.t - flux modprobe: modules that go together, rc1 and rc3, rc files
#
# All modules here are the same file under many names, on the search path of
# one folder, D, that each part fills anew.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

D=$W/modprobe
FLUX_MODPROBE_PATH=$D
FLUX_MODULE_PATH=$TMOD
export FLUX_MODPROBE_PATH FLUX_MODULE_PATH

fresh() {
    rm -rf "$D"
    mkdir -p "$D/modprobe.d" "$D/rc1.d" "$D/rc3.d"
}
toml() { # TEXT on stdin
    cat >"$D/modprobe.toml"
}
dropin() { # NAME, TEXT on stdin
    cat >"$D/modprobe.d/$1.toml"
}
rc() { # FILE, TEXT on stdin
    cat >"$D/$1"
}
loaded() { # the names of ours, in order of the alphabet, on one line
    flux module list | sed -n 's/^\([a-z-]*\) .*/\1/p' | grep -x -E \
        'alone|base|store|files|memory|top|extra' | sort | tr '\n' ' '
}
value() { # KEY MODULE
    flux modprobe show "$2" | json "d['$1']"
}
with() { # NAME=VALUE... CMD
    env "$@"
}

fresh
start

# ---- nothing described ---------------------------------------------------------

is "rc1 has nothing to do where nothing is described" "" flux modprobe rc1
is "nor has rc3" "" flux modprobe rc3
ok "and rc1 does not ask the broker" with FLUX_URI=local:///nowhere \
    flux modprobe rc1
fails "but the others know no module" 1 \
    "flux-modprobe: ERROR: no such task or module x" flux modprobe load x

# ---- what is read ----------------------------------------------------------------

graph() {
    toml <<-EOF
	[[modules]]
	name = "base"
	module = "testmod"
	[[modules]]
	name = "memory"
	module = "testmod"
	provides = ["store"]
	[[modules]]
	name = "files"
	module = "testmod"
	provides = ["store"]
	after = ["base"]
	requires = ["base"]
	[[modules]]
	name = "top"
	module = "testmod"
	requires = ["store", "base"]
	after = ["store"]
	[[modules]]
	name = "alone"
	module = "testmod"
	disabled = true
	args = ["x=1"]
	EOF
}
graph
is "the last of several alternatives stands for a service" files \
    value name store
is "-S picks another" memory \
    sh -c 'flux modprobe show -S store=memory store | grep -o memory | head -1'
fails "-S wants a value with =" 1 "--set-alternative: invalid value 'store'" \
    flux modprobe show -S store store
fails "-S wants a module that provides it" 1 "no module top provides store" \
    flux modprobe show -S store=top store
is "-D leaves the other one" memory \
    sh -c 'flux modprobe show -D files store | grep -o memory | head -1'
is "FLUX_MODPROBE_DISABLE does, too" memory \
    sh -c 'FLUX_MODPROBE_DISABLE=alone,files flux modprobe show store |
        grep -o memory | head -1'
fails "a name that there is not cannot be disabled" 1 \
    "no such module or task 'x'" flux modprobe show -D x store
dropin 10 <<-EOF
	alternatives.store = "memory"
	[top]
	priority = 7
EOF
is "alternatives are read" memory value name store
is "updates are read" 7 value priority top
echo 'top.priority = 8' | dropin 20
is "files are read in order of their names" 8 value priority top
config() {
    printf '[modules]\nalternatives.store = "files"\ntop.priority = 9\n' |
        flux config load
}
config
is "the broker's configuration has the last word" "files 9" \
    sh -c 'echo $(flux modprobe show store | grep -o files | head -1) \
        $(flux modprobe show top | grep -o "9")'
echo '{}' | flux config load
mkdir "$W/more"
printf '[[modules]]\nname = "extra"\n' >"$W/more/modprobe.toml"
ok "FLUX_MODPROBE_PATH_APPEND is read behind it" \
    with FLUX_MODPROBE_PATH_APPEND="$W/more" flux modprobe show extra
echo 'x = = 1' | dropin 30
fails "a syntax error names file, line and column" 1 \
    "modprobe.d/30.toml: line 1, column 5" flux modprobe show top
printf '[[modules]]\nname = "a"\nrank = "0"\n' | dropin 30
fails "so is a key that there is not" 1 \
    "30.toml: invalid modules entry: invalid config key rank" \
    flux modprobe show top
fresh
graph
is "requirements are printed as a tree" "top
├── store (files)
└── base" flux modprobe list-dependencies top
is "with -f wherever they are required" "top
├── store (files)
│   └── base
└── base" flux modprobe list-dependencies -f top

# ---- load and remove -------------------------------------------------------------

is "a dry run of load tells the order" "load base
load files
load top" flux modprobe load --dry-run top
ok "load" flux modprobe load top
is "loads all that is required" "base files top " loaded
has "and then has nothing to do" \
    "flux-modprobe: INFO: All modules and dependencies are already loaded" \
    flux modprobe load store
fails "what is in use is not removed" 1 \
    "flux-modprobe: ERROR: base still in use by files, top" \
    flux modprobe remove base
fails "nor is what is not loaded" 1 "module memory is not loaded" \
    flux modprobe remove memory
is "a dry run of remove tells the order" "remove top
remove files
remove base" flux modprobe remove --dry-run top
ok "remove" flux modprobe remove top
is "removes what nothing requires then" "" loaded
ok "a disabled module is loaded if it is named" flux modprobe load alone
flux module load --name extra testmod
ok "remove all" flux modprobe remove all
is "removes what is not described, too" "" loaded

cat >>"$D/modprobe.toml" <<-EOF
	[[modules]]
	name = "bad"
	module = "nowhere"
	[[modules]]
	name = "extra"
	after = ["bad"]
	requires = ["bad"]
EOF
fails "what cannot be loaded is told with the reason" 1 \
    "bad: [Errno 2] module not found in search path" flux modprobe load extra
is "and nothing is begun that waits for it" "" loaded
dropin 1 <<-EOF
	[[modules]]
	name = "one"
	requires = ["two"]
	after = ["two"]
	[[modules]]
	name = "two"
	after = ["one"]
EOF
fails "a cycle is named with its members" 1 \
    "flux-modprobe: ERROR: nodes are in a cycle: one, two, one" \
    flux modprobe load one

# ---- rc1 and rc3 ------------------------------------------------------------------

fresh
graph
ok "rc1" flux modprobe rc1
is "loads what is enabled and wins" "base files top " loaded
is "its dependencies are shown as JSON" \
    '{"base": [], "files": ["base"], "top": ["files"]}' \
    flux modprobe rc1 --show-deps
has "rc3 tells what it does" "completed base" flux modprobe rc3 -v
is "and removes all" "" loaded
mkdir -p "$W/x/rc1.d" "$W/x/rc3.d"
printf '#!/bin/sh\nflux module list | grep -o "^top"\n' >"$W/x/rc1.d/1"
printf '#!/bin/sh\nexit 3\n' >"$W/x/rc3.d/1"
echo 'not a program' >"$W/x/rc1.d/README"
chmod +x "$W/x/rc1.d/1" "$W/x/rc3.d/1"
is "programs of FLUX_RC_EXTRA come when all are loaded" top \
    with FLUX_RC_EXTRA="$W/x" flux modprobe rc1
fails "one that fails is told" 1 "rc3.d/1: exited with exit status 3" \
    with FLUX_RC_EXTRA="$W/x" flux modprobe rc3
is "but the modules are gone" "" loaded
printf '[[modules]]\nname = "top"\nmodule = "testmod"\nneeds-env = ["%s"]\n' \
    MODPROBE_TEST | toml
is "a condition that is not met" "" flux modprobe rc1 --dry-run
is "a condition that is" "load top" \
    with MODPROBE_TEST=1 flux modprobe rc1 --dry-run

states() { # COMMAND...: what modprobe had to do with the states
    flux start -Slog-filename="$W/log" "$@" >/dev/null
    sed -n 's/.*broker.info.0.: \(rc[13]-[a-z]*\): .*/\1/p' "$W/log" | xargs
    rm -f "$W/log"
}
graph
has "an instance begins with its modules" top flux start flux module list
is "and ends without a word" "" flux start true
is "flux modprobe rc1 and rc3 have run" "rc1-success rc3-success" states true
is "not so with -Sbroker.rc1_path= and rc3_path=" "rc1-none rc3-none" \
    states -Sbroker.rc1_path= -Sbroker.rc3_path= true
on_rank() { # RANK: has top, and memory only where it is asked for
    flux start -s 2 --conf=modules.memory.provides='[]' \
        --conf='modules.memory.ranks=">0"' \
        flux exec -n -r "$1" flux module list
}
hasnt "rank 0 loads what is for it" memory on_rank 0
has "and other ranks what is for them" memory on_rank 1
printf '[[modules]]\nname = "bad"\nmodule = "nowhere"\n' | dropin 1
fails "what is wrong with them is told" 1 "module not found in search path" \
    flux start true
echo 'x = = 1' | dropin 1
fails "so is what cannot be read" 1 "modprobe.d/1.toml: line 1, column 5" \
    flux start echo "not run"
hasnt "and no command is run" "not run" sh -c 'flux start echo "not run" || :'
fresh
is "where nothing is described, neither runs" "rc1-none rc3-none" states true
is "but what was loaded is removed" "rc1-none rc3-success" \
    states flux module load testmod
extra_states() {
    FLUX_RC_EXTRA=$W/x states true 2>/dev/null
}
is "FLUX_RC_EXTRA is reason enough" "rc1-fail rc3-fail" extra_states

# ---- the environment of the broker ---------------------------------------------------

call() { # METHOD JSON
    flux rpc "broker.$1" "$2"
}
is "a variable is set in the broker" \
    '{"env": {"MODPROBE_SET": "1"}}' sh -c \
    'flux rpc broker.setenv "{\"env\": {\"MODPROBE_SET\": \"1\"}}" &&
    flux rpc broker.getenv "{\"names\": [\"MODPROBE_SET\", \"NONE\"]}" |
    sed "s/:\([^ ]\)/: \1/g"'
fails "a name with = is none" 1 "Protocol error" \
    call setenv '{"env": {"A=B": "1"}}'
fails "a number is no value" 1 "Protocol error" call setenv '{"env": {"A": 1}}'
fails "a guest may not ask" 1 "Request requires owner credentials" \
    with FLUX_HANDLE_ROLEMASK=2 FLUX_HANDLE_USERID=1 \
    flux rpc broker.getenv '{"names": ["HOME"]}'

# ---- rc files ------------------------------------------------------------------------

if ! command -v python3 >/dev/null; then
    finish
fi

graph
rc a.py <<-EOF
	from flux.modprobe import task

	def setup(context):
	    context.load_modules(["top"])
	    context.setopt("top", "a  b")
	    print("setup", context.rank, context.getopts("top"))

	@task("last", after=["*"])
	def last(context):
	    context.bash("flux module list | grep -o ^top")

	@task("first", before=["*"])
	def first(context):
	    context.setenv("MODPROBE_RC", "seen")
	    print("first", context.getenv("MODPROBE_RC"))

	@task("never", needs_attrs=["!rank"])
	def never(context):
	    print("never")
EOF
is "tasks and modules are run in order" "setup 0 ['a', 'b']
first seen
top" flux modprobe run "$D/a.py"
is "what is loaded is left alone" "setup 0 ['a', 'b']
first seen
top" flux modprobe run "$D/a.py"
is "a task can be disabled" "setup 0 ['a', 'b']
top" with FLUX_MODPROBE_DISABLE=first flux modprobe run "$D/a.py"
fails "what is neither a task nor a module cannot" 1 \
    "no such module or task 'second'" \
    with FLUX_MODPROBE_DISABLE=second flux modprobe run "$D/a.py"
flux modprobe remove all
is "a dry run tells what would be run" "setup 0 ['a', 'b']
run first
load base
load files
load top a b
run last" flux modprobe run --dry-run "$D/a.py"
mv "$D/a.py" "$D/rc1.d/"
has "rc1 finds rc files" "first seen" flux modprobe rc1
is "and loads all modules as well" "base files top " loaded
rc rc3.d/z.py <<-EOF
	from flux.modprobe import task

	@task("before", before=["top"])
	def before(context):
	    context.bash("flux module list | grep -c ^top; true")

	@task("after", after=["top"])
	def after(context):
	    context.bash("flux module list | grep -c ^top; true")
EOF
is "in rc3 before and after are those of the removal" "1
0" flux modprobe rc3
is "all modules are gone" "" loaded
rc rc1.py <<-EOF
	def setup(context):
	    context.load_modules(["alone"])
	    context.enable("alone")
EOF
rm "$D"/rc1.d/*
is "an rc1.py says itself what is loaded" "load alone x=1" \
    flux modprobe rc1 --dry-run

wrong() { # NAME WANT, rc file on stdin
    rc wrong.py
    fails "$1" 1 "$2" flux modprobe run "$D/wrong.py"
}
wrong "a task that fails is named" "t: no luck" <<-EOF
	from flux.modprobe import task
	@task("t")
	def t(context):
	    raise RuntimeError("no luck")
EOF
wrong "a command that fails is told" "t: bash: exited with exit status 3" <<-EOF
	from flux.modprobe import task
	@task("t")
	def t(context):
	    context.bash("exit 3")
EOF
wrong "an error in an rc file has its place" "wrong.py:2: division by zero" <<-EOF
	def setup(context):
	    1 / 0
EOF
wrong "an argument that there is not" "t: unknown task argument rank" <<-EOF
	from flux.modprobe import task
	@task("t", rank="0")
	def t(context):
	    pass
EOF
wrong "a cycle of tasks" "nodes are in a cycle: a, b, a" <<-EOF
	from flux.modprobe import task
	@task("a", before=["b"])
	def a(context):
	    pass
	@task("b", before=["a"])
	def b(context):
	    pass
EOF
fails "a file that there is not" 1 "No such file or directory: '$D/none.py'" \
    flux modprobe run "$D/none.py"
is "tasks that wait for nothing run at the same time" "met" sh -c '
    mkfifo "$0/a" "$0/b"
    cat >"$0/p.py" <<-EOF
	from flux.modprobe import task
	@task("a")
	def a(context):
	    context.bash("echo x >$0/a; cat $0/b >/dev/null; echo met")
	@task("b")
	def b(context):
	    context.bash("cat $0/a >/dev/null; echo y >$0/b")
	EOF
    timeout 10 flux modprobe run "$0/p.py"' "$D"
ok "the instance ends well" stop
finish
