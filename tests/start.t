#!/bin/sh
# start.t - flux start: the initial program, its status, the run folder
. "${0%/*}/lib.sh"

# ---- exit status ----------------------------------------------------------------

fails "a command that succeeds: 0" 0 "" flux start true
fails "a command that fails: its status" 42 "" flux start sh -c 'exit 42'
fails "a command killed by a signal: 128 and the signal" 143 "" \
    flux start sh -c 'kill -TERM $$'
fails "SIGKILL likewise" 137 "" flux start sh -c 'kill -KILL $$'
fails "a program that is not there: 127" 127 "no-such-program: No such file" \
    flux start no-such-program
fails "one that cannot be run: 126" 126 "Permission denied" \
    flux start /etc/passwd
fails "the failure is logged with the command and its status" 3 \
    "rc2.0: sh -c exit 3 Exited (rc=3)" flux start sh -c 'exit 3'

# ---- words ------------------------------------------------------------------------

is "one word with blanks is the shell's" "2 words" \
    flux start 'set -- a b; echo $# words'
is "several words are one argv" "<a b> <\$c>" \
    flux start printf '<%s> <%s>' 'a b' "\$c"
is "an empty word stays" "[]" flux start printf '[%s]' ''
is "options behind the command are the command's" "-v --wrap" \
    flux start echo -v --wrap
is "no command: a shell" "shell ran" \
    sh -c 'echo "echo shell ran" | SHELL=/bin/sh flux start'

# ---- environment --------------------------------------------------------------------

is "FLUX_URI names a socket in the run folder" "yes" flux start sh -c \
    'd=$(flux getattr rundir); [ "$FLUX_URI" = "local://$d/local-0" ] &&
     [ -S "$d/local-0" ] && echo yes'
has "FLUX_MODULE_PATH has the modules built with this program" \
    "$B/lib/flux/modules" flux start sh -c 'echo "$FLUX_MODULE_PATH"'
is "FLUX_MODULE_PATH: _PREPEND, built in, then the given" yes \
    env FLUX_MODULE_PATH_PREPEND=/first FLUX_MODULE_PATH=/last flux start \
    sh -c 'case $FLUX_MODULE_PATH in /first:/*:/last) echo yes ;; esac'
is "FLUX_EXEC_PATH: _PREPEND, built in, then the given" yes \
    env FLUX_EXEC_PATH_PREPEND=/first FLUX_EXEC_PATH=/last flux start \
    sh -c 'case $FLUX_EXEC_PATH in /first:*/last) echo yes ;; esac'
is "an instance inside an instance knows its parent" yes flux start sh -c \
    'flux start sh -c "[ \$(flux getattr parent-uri) = $FLUX_URI ] && echo yes"'

# ---- options ---------------------------------------------------------------------------

is "-S sets an attribute" bar flux start -Stest.foo=bar flux getattr test.foo
is "--setattr=, the same" bar \
    flux start --setattr=test.foo=bar flux getattr test.foo
is "-o passes options to the broker" bar \
    flux start -o -Stest.foo=bar flux getattr test.foo
is "-o takes several, with commas" bar,baz flux start \
    -o -Stest.foo=bar,-Stest.bar=baz sh -c \
    'echo $(flux getattr test.foo),$(flux getattr test.bar)'
fails "an unknown attribute is refused" 1 "nosuch: unknown attribute" \
    flux start -Snosuch=1 true
fails "a read-only one too" 1 \
    "rank: attribute may not be set on the command line" \
    flux start -Srank=1 true
echo 'testing.key = "from toml"' >"$W/conf.toml"
echo '{"testing": {"key": "from json"}}' >"$W/conf.json"
is "-c reads TOML" 'from toml' \
    flux start -c "$W/conf.toml" flux config get testing.key
is "-c reads JSON" 'from json' \
    flux start -c "$W/conf.json" flux config get testing.key
mkdir "$W/confd"
cp "$W/conf.toml" "$W/confd/a.toml"
echo 'other.key = 1' >"$W/confd/b.toml"
is "-c takes a folder of files" '{"testing":{"key":"from toml"},"other":{"key":1}}' \
    flux start -c "$W/confd" flux config get
fails "-c of what is not there" 1 "$W/none.toml" \
    flux start -c "$W/none.toml" true
echo 'a = = 1' >"$W/bad.toml"
fails "-c of bad TOML names the file, line and column" 1 "bad.toml: line 1, column 5" \
    flux start -c "$W/bad.toml" true
has "-v prints the broker's command line" "flux-broker -Stest.a=b true" \
    flux start -v -Stest.a=b true
is "-v of two prints both, -X starts none" "2" sh -c \
    'flux start -s 2 -v -X true 2>&1 | grep -c "flux-broker --rank=[01] --size=2 "'
has "-v=1 too" "flux-broker" flux start --verbose=1 true
hasnt "-v=0 does not" "flux-broker" flux start --verbose=0 true
has "-X prints it" "flux-broker false" flux start -X false
ok "and runs nothing" flux start -X false
is "--wrap puts words before the broker" "wrapped" \
    flux start --wrap=env,X=wrapped sh -c 'echo $X'
fails "--wrap of a program that is not there" 1 "no-such-wrap" \
    flux start --wrap=no-such-wrap true
fails "an unknown option" 1 "Usage: flux-start" flux start --nosuch true
fails "a test size that is none" 1 "Usage: flux-start" flux start -s x true

# ---- the end of the broker ----------------------------------------------------------------

flux start sh -c 'echo $$ >"$0"; exec sleep 1000' "$W/pid" >/dev/null 2>&1 &
broker=$!
ok "the command runs" wait_until test -s "$W/pid"
_brokers="$broker $(cat "$W/pid")"
kill -KILL $broker
ok "when the broker is killed, its command dies" \
    wait_until gone "$(cat "$W/pid")"
wait $broker 2>/dev/null

# ---- run folder ------------------------------------------------------------------------------

is "a fresh run folder is for its owner alone" 700 \
    flux start sh -c 'stat -c %a "$(flux getattr rundir)"'
mkdir "$W/tmp"
is "it is made under TMPDIR" "$W/tmp" env TMPDIR="$W/tmp" \
    flux start sh -c 'dirname $(flux getattr rundir)'
is "and removed at the end" "" ls "$W/tmp"
fails "also when the command fails" 1 "" \
    env TMPDIR="$W/tmp" flux start sh -c 'touch $(flux getattr rundir)/x; exit 1'
is "with what was put there" "" ls "$W/tmp"
fails "a TMPDIR that is not there" 1 "$W/none" env TMPDIR="$W/none" flux start true
mkdir "$W/given"
is "-Srundir uses that one" "$W/given" \
    flux start -Srundir="$W/given" flux getattr rundir
ok "and keeps it" test -d "$W/given"
ok "but the socket is gone" test ! -e "$W/given/local-0"
is "a run folder that is not there is made" 700 \
    flux start -Srundir="$W/made" stat -c %a "$W/made"
ok "-Srundir-cleanup=1 removes a given one" \
    flux start -Srundir="$W/made" -Srundir-cleanup=1 true
ok "so" test ! -e "$W/made"
ok "-Srundir-cleanup=0 keeps a fresh one" \
    env TMPDIR="$W/tmp" flux start -Srundir-cleanup=0 true
ok "so" sh -c 'test -d "$0"/flux-*' "$W/tmp"
touch "$W/file"
fails "a file is no run folder" 1 "$W/file" flux start -Srundir="$W/file" true
mkdir -m 777 "$W/open"
chmod 777 "$W/open"
fails "nor a folder that others can write" 1 "can be written by others" \
    flux start -Srundir="$W/open" true
mkdir -m 500 "$W/lacking"
fails "nor one that its owner cannot" 1 "lacks mode 0700" \
    flux start -Srundir="$W/lacking" true
theirs=/usr
if is_root; then
    theirs=$W/theirs
    mkdir -m 700 "$theirs"
    chown 65534 "$theirs"
fi
fails "nor another user's" 1 "'$theirs' belongs to user $(stat -c %u "$theirs")" \
    flux start -Srundir="$theirs" true
long=$W/$(printf '%0120d' 0)
mkdir "$long"
fails "a path too long for a socket is an error that says so" 1 \
    "more than the 107" flux start -Srundir="$long" true

is "the folder of the state is in it" 700 flux start sh -c \
    'd=$(flux getattr statedir) && [ "$d" = "$(flux getattr rundir)/state" ] &&
    stat -c %a "$d"'
ok "one that is given is made" flux start -Sstatedir="$W/state" \
    test -d "$W/state"
ok "and removed" test ! -e "$W/state"
mkdir "$W/state"
ok "unless it was there" flux start -Sstatedir="$W/state" \
    sh -c 'touch "$(flux getattr statedir)/x"'
ok "so" test -e "$W/state/x"
fails "a file is none" 1 "statedir '$W/file' is not a folder" \
    flux start -Sstatedir="$W/file" true
is "only rank 0 has one" ENOENT flux start -s 2 flux exec -r 1 \
    sh -c 'flux getattr statedir 2>/dev/null || echo ENOENT'

start
fails "the run folder of a live broker is in use, by its pid" 1 \
    "$RUNDIR' is in use by the broker with pid $BROKER" \
    flux start -Srundir="$RUNDIR" true
ok "which goes on undisturbed" flux getattr rank
kill -KILL "$BROKER"
ok "a broker that was killed leaves its socket" \
    sh -c 'test -S "$0/local-0"' "$RUNDIR"
wait "$BROKER" 2>/dev/null
is "which the next one replaces" "$FLUX_URI" \
    flux start -Srundir="$RUNDIR" sh -c "echo \$FLUX_URI"

finish
