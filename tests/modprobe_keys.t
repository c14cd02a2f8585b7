#!/bin/sh
# modprobe_keys.t - each key of modprobe.toml, each method of a context
#
# What a key does is shown by a dry run of rc1, by the broker that rc1 has
# loaded modules into, or by both.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

D=$W/modprobe
mkdir "$D"
FLUX_MODPROBE_PATH=$D
FLUX_MODULE_PATH=$TMOD
export FLUX_MODPROBE_PATH FLUX_MODULE_PATH

mkdir "$W/ranks"
flux start -s 4 --conf=here.key=1 -Stest.here=1 --test-rundir="$W/ranks" \
    -Sbroker.rc1_path= -Sbroker.rc2_none=1 >"$W/err" 2>&1 &
BROKER=$! FLUX_URI=local://$W/ranks/local-0 ERR=$W/err
_brokers="$_brokers $BROKER"
export FLUX_URI
wait_until is_running

module() { # NAME LINE...
    printf '[[modules]]\nname = "%s"\nmodule = "testmod"\n' "$1"
    shift
    printf '%s\n' "$@"
}
toml() { # TEXT on stdin
    cat >"$D/modprobe.toml"
}
dry() { # the dry run of rc1 on one line
    flux modprobe rc1 --dry-run "$@" | tr '\n' ';'
}
on_ranks() { # those on which rc1 loads `m`
    flux exec -n -l flux modprobe rc1 --dry-run |
        sed -n 's/^\([0-9]*\): load m$/\1/p' | sort | tr -d '\n'
}

# ---- ranks -----------------------------------------------------------------------

for case in all:0123 0:0 1-2:12 '0,3:03' '[0-1,3]:013' '>0:123' '>2:3' \
    '<3:012' '<1:0' '>3:'; do
    module m "ranks = \"${case%:*}\"" | toml
    is "ranks = \"${case%:*}\"" "${case##*:}" on_ranks
done
for ranks in x '>x' '0-'; do
    module m "ranks = \"$ranks\"" | toml
    fails "ranks = \"$ranks\" is an error that names file and key" 1 \
        "$D/modprobe.toml: invalid modules entry: ranks: invalid idset: $ranks" \
        flux modprobe rc1
done

# ---- which of several ----------------------------------------------------------------

two() { # PRIORITY PRIORITY
    module a 'provides = ["s"]' "priority = $1"
    module b 'provides = ["s"]' "priority = $2"
}
two 100 100 | toml
is "of equal priority, the later stands for a service" 'load b;' dry
two 101 100 | toml
is "else the one of higher priority" 'load a;' dry
two -1 -2 | toml
is "which may be negative" 'load a;' dry
{
    two 101 100
    printf '[alternatives]\ns = "b"\n'
} | toml
is "alternatives goes before it" 'load b;' dry
two 101 100 | toml
is "also in the broker's configuration" 'load b;' sh -c '
    flux config set -t object modules "{\"alternatives\": {\"s\": \"b\"}}"
    flux modprobe rc1 --dry-run | tr "\n" ";"; flux config unset modules'
{
    two 101 100
    printf '[a]\ndisabled = true\n'
} | toml
is "one that is disabled does not stand for it" 'load b;' dry
ok "but is loaded if it is named" sh -c \
    'flux modprobe load a && flux module list | grep "^a " && flux module remove a'
{
    module a
    module a 'args = ["later"]'
} | toml
is "a later entry takes the place of one of its name" 'load a later;' dry

# ---- what goes together, what comes first ----------------------------------------------

{
    module a 'disabled = true'
    module b 'needs = ["a"]'
    module c 'needs = ["b"]'
    module d
} | toml
is "needs: without it, it is not loaded" 'load d;' dry
is "nor with FLUX_MODPROBE_DISABLE" '' \
    env FLUX_MODPROBE_DISABLE=d flux modprobe rc1 --dry-run
{
    module a 'after = ["b", "c"]'
    module b 'after = ["c"]'
    module c
    module d 'before = ["c"]'
    module e 'before = ["*"]'
    module f 'after = ["*"]'
} | toml
is "after, before, *" 'load e;load d;load c;load b;load a;load f;' dry
has "each waits for those alone" '"d": ["e"],' flux modprobe rc1 --show-deps
for case in 'needs-config:here.key:no.key' 'needs-attrs:test.here:test.not' \
    'needs-env:PATH:NO_SUCH'; do
    key=${case%%:*} not=${case##*:}
    there=${case#*:}
    there=${there%:*}
    {
        module a "$key = [\"$there\"]"
        module b "$key = [\"$not\"]"
        module c "$key = [\"!$not\", \"$there\"]"
        module d "$key = [\"!$there\"]"
    } | toml
    is "$key" 'load a;load c;' dry
done
flux rpc broker.setenv '{"env": {"ONLY_THERE": "1"}}'
module a 'needs-env = ["ONLY_THERE"]' | toml
is "needs-env: the broker's environment counts, too" 'load a;' dry

# ---- how it is loaded -------------------------------------------------------------------

cat >"$W/wrapper" <<'EOF'
#!/bin/sh
echo "$1" >"$WRAPPED"
shift
exec "$@"
EOF
chmod +x "$W/wrapper"
flux rpc broker.setenv "{\"env\": {\"WRAPPED\": \"$W/wrapped\"}}"
{
    module thread 'args = ["x y", "z"]'
    module process 'exec = true' 'on-failure = "restart"'
    module wrapped "wrap = [\"$W/wrapper\", \"word\"]"
} | toml
ok "rc1" flux modprobe rc1
is "args are words" '{"args":["x y","z"]}' flux rpc thread.args
status() { # NAME KEY
    flux module status --json "$1" | json "d.get('$2')"
}
has "exec: a process of its own" "module-exec" status process loader
has "on-failure" restart flux module status process
is "wrap: its loader runs behind the words" word cat "$W/wrapped"
is "--timing tells when each began and how long it took" 3 sh -c \
    'flux modprobe rc3 --timing | grep -cE "^ +[0-9.]+s +[0-9.]+s [a-z]+$"'
for case in 'exec = 1:exec: expected true or false' \
    'args = "x":args: expected an array of strings' \
    'args = [1]:args: expected an array of strings' \
    'priority = "1":priority: expected an integer' \
    'provides = {}:provides: expected an array of strings' \
    'foo = 1:invalid config key foo'; do
    module a "${case%%:*}" | toml
    fails "${case%%:*} is refused" 1 "modules entry: ${case#*:}" \
        flux modprobe show a
done
echo '[[modules]]' | toml
fails "a name must be there" 1 "Missing required config key 'name'" \
    flux modprobe rc1
printf '[x]\nargs = []\n' | toml
fails "updates are for what there is" 1 \
    "$D/modprobe.toml: no such task or module x" flux modprobe rc1
module a | toml
fails "also those of the broker's configuration" 1 \
    "config: modules: no such task or module x" sh -c \
    'flux config set -t object modules "{\"x\": {}}"
    flux modprobe rc1; status=$?; flux config unset modules; exit $status'

# ---- at the same time -----------------------------------------------------------------

# Each goes on when the other has begun to be loaded.
mkfifo "$W/one" "$W/two"
cat >"$W/meet" <<EOF
#!/bin/sh
[ \$1 = one ] && { echo x >$W/one; read -r x <$W/two; }
[ \$1 = two ] && { read -r x <$W/one; echo y >$W/two; }
shift
exec "\$@"
EOF
chmod +x "$W/meet"
{
    module one "wrap = [\"$W/meet\", \"one\"]"
    module two "wrap = [\"$W/meet\", \"two\"]"
} | toml
ok "modules that wait for nothing are loaded at the same time" \
    timeout 10 flux modprobe rc1
ok "rc3" flux modprobe rc3

# ---- the context of rc files -------------------------------------------------------------

if ! command -v python3 >/dev/null; then
    finish
fi
{
    two 101 100
    module off 'disabled = true'
    module old
} | toml
flux modprobe load old
cat >"$W/rc.py" <<'EOF'
from flux.modprobe import task


def setup(context):
    context.set_alternative("s", "b")
    context.load_modules(["s", "off"])
    context.enable("off")
    context.setopt("b", "first second")
    context.setopt("b", "third")
    context.setopt("a", "other", overwrite=True)
    print(context.getopts("b", also=["a"]), context.getopts("c", default="x y"))
    context.remove_modules(["old"])
    context.set("key", "value")


@task("look", before=["*"])
def look(context):
    print(context.rank, context.get("key"), context.get("none", 5))
    print(context.attr_get("size"), context.attr_get("no.such", "none"))
    print(context.conf_get("here.key"), context.conf_get("no.such", "none"))
    print(context.rpc("attr.get", {"name": "rank"}).get()["value"])
    print(context.handle.attr_get("rank"))
    context.setenv({"RC_SET": "1", "RC_UNSET": "2"})
    context.setenv("RC_UNSET", None)
    print(context.getenv("RC_SET"), context.getenv("RC_UNSET", "none"))
    context.print("only with -v")
    context.bash("echo $0 $RC_SET")


@task("needy", needs_config=["no.key"])
@task("elsewhere", ranks=">0")
def never(context):
    print("never")
EOF
is "a context has all that is told of it" "['first', 'second', 'third', 'other'] ['x', 'y']
0 value 5
4 none
1 none
0
0
1 none
bash 1" flux modprobe run "$W/rc.py"
is "what it was told to load is there, with its arguments" \
    '{"args":["first","second","third"]}' flux rpc b.args
listed() {
    flux module list | sed -n 's/^\([a-z]*\) .*/\1/p' |
        grep -x -E 'a|b|off|old' | sort | tr '\n' ' '
}
is "and no other, and what was to be removed is gone" "b off " listed
is "its variables are the broker's" '{"env":{"RC_SET":"1"}}' \
    flux rpc broker.getenv '{"names": ["RC_SET", "RC_UNSET"]}'
has "print is for -v" "only with -v" flux modprobe run -v "$W/rc.py"
flux modprobe remove all
ok "the instance ends well" stop
finish
