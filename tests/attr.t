#!/bin/sh
# attr.t - broker attributes: names, values, flags, what may be set and when
. "${0%/*}/lib.sh"

start -Stest.given=yes

# ---- get ---------------------------------------------------------------------

is "rank" 0 flux getattr rank
is "size" 1 flux getattr size
is "broker.pid is true" "$BROKER" flux getattr broker.pid
is "local-uri is true" "$FLUX_URI" flux getattr local-uri
is "rundir is true" "$RUNDIR" flux getattr rundir
is "security.owner is true" "$(id -u)" flux getattr security.owner
is "hostname is true" "$(uname -n)" flux getattr hostname
is "version" "$(flux version | sed -n 's/^libflux-core:[[:space:]]*//p')" \
    flux getattr version
fails "an unknown one" 1 "flux-getattr: nosuch: No such file or directory" \
    flux getattr nosuch
ok "a test attribute given at the start" test "$(flux getattr test.given)" = yes
fails "no name" 1 "Usage: flux-getattr name" flux getattr
fails "two names" 1 "unexpected argument: b" flux getattr a b

# ---- list ------------------------------------------------------------------------

list_is_sorted() {
    flux lsattr >"$W/list" && LC_ALL=C sort -c "$W/list"
}
ok "flux lsattr is sorted" list_is_sorted
hasnt "and has names alone" " " flux lsattr
has "flux lsattr -v has values" \
    "rank                                    0" flux lsattr -v
has "--values too" "test.given                              yes" \
    flux lsattr --values
fails "it takes no arguments" 1 "Usage: flux-lsattr" flux lsattr x

# ---- set ---------------------------------------------------------------------------

ok "a runtime attribute may be set" flux setattr test.given no
is "and has the new value" no flux getattr test.given
ok "a new name of the test kind too" flux setattr test.new 1
fails "an unknown one is refused" 1 "flux-setattr: foo: unknown attribute" \
    flux setattr foo bar
fails "a read-only one too" 1 "rank: attribute may not be updated" \
    flux setattr rank 3
fails "log-stderr-level wants a level" 1 "invalid level" \
    flux setattr log-stderr-level nine
fails "in its range" 1 "invalid level" flux setattr log-stderr-level 8
ok "then it takes it" flux setattr log-stderr-level 5
is "and keeps it" 5 flux getattr log-stderr-level
ok "what has no value may be given one" flux setattr content.hash sha1
fails "but not another" 1 "content.hash: attribute may not be updated" \
    flux setattr content.hash sha256
fails "no value" 1 "Usage: flux-setattr" flux setattr test.x
fails "--force does not touch what never changes" 1 \
    "size: Operation not permitted" flux setattr --force size 2

# ---- on the wire: every name, its flags, what a set says ---------------------------

cat >"$W/table.py" <<'EOF'
from wire import Client, outcome, say, same

CACHED = """broker.boot-method broker.critical-ranks broker.mapping broker.pid
    broker.quorum broker.starttime broker.uuid hostlist hostname
    instance-level jobid-path local-uri log-critical-level log-forward-level
    log-level log-ring-size log-stderr-mode log-syslog-enable
    log-syslog-level rank rundir-cleanup security.owner size
    statedir-cleanup""".split()
FIXED = """broker.rc1_path broker.rc2_none broker.rc3_path rundir statedir
    tbon.descendants tbon.level tbon.maxlevel version""".split()
REFUSED = "EINVAL attribute may not be updated"

c = Client()
names = c.rpc("attr.list").json()["names"]
missing = set(CACHED + FIXED) - set(names)
say(not missing, "every name of a single broker is there", missing)
for name in CACHED + FIXED:
    flags = c.rpc("attr.get", {"name": name}).json()["flags"]
    got = outcome(c.rpc("attr.set", {"name": name, "value": "7"}))
    same((flags, got), (int(name in CACHED), REFUSED), name)
same(outcome(c.rpc("attr.rm", {"name": "test.new"})), "ok",
     "a test attribute may be removed")
same(outcome(c.rpc("attr.get", {"name": "test.new"})), "ENOENT", "and is gone")
same(outcome(c.rpc("attr.rm", {"name": "rank"})),
     "EPERM", "what never changes cannot be removed")
for topic in "attr.get", "attr.set", "attr.rm":
    for payload in None, {}, {"name": 3}, b"{\0", b"[]\0", b"\xff\xfe\0":
        same(outcome(c.rpc(topic, payload)), "EPROTO",
             "%s with payload %r" % (topic, payload))
EOF
run_tap python3 "$W/table.py"
ok "the broker ends well" stop
finish
