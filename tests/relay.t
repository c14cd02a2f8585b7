#!/bin/sh
# relay.t - ssh:// addresses and flux-relay(1)
#
# A shell script stands for ssh: it notes its arguments and gives the command
# to a shell, as sshd does on the other host.
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

script() { # NAME: a program in $W with the text on stdin
    { echo '#!/bin/sh' && cat; } >"$W/$1"
    chmod +x "$W/$1"
}
script ssh <<'EOF'
printf '%s|' "$@" >"${0%/*}/args"
[ "$1" != -p ] || shift 2
shift
unset FLUX_URI
exec sh -c "$*"
EOF
FLUX_SSH=$W/ssh
export FLUX_SSH
unset FLUX_SSH_RCMD LD_LIBRARY_PATH

start
path=$RUNDIR/local-0
far() { # URI CMD...
    _uri=$1
    shift
    env FLUX_URI="$_uri" "$@"
}
args() {
    cat "$W/args"
}

# ---- the command line --------------------------------------------------------

is "a command runs through ssh" 1 far "ssh://far$path" flux getattr size
is "ssh is given the host and the relay to run" \
    "far|env|PATH=$RUNDIR/bin:$B/bin:/bin:/usr/bin|flux|relay|$path|" args
is "with a user and a port" 1 far "ssh://ada@far:2222$path" flux getattr size
has "these are given, too" "-p|2222|ada@far|env|PATH=" args
is "FLUX_SSH_RCMD is run in the place of flux" 1 \
    env FLUX_SSH_RCMD="env A=1 $B/bin/flux" FLUX_URI="ssh://far$path" \
    flux getattr size
is "as it is, with no PATH set for it" \
    "far|env A=1 $B/bin/flux|relay|$path|" args
ok "LD_LIBRARY_PATH is handed on" \
    env LD_LIBRARY_PATH="/x y" FLUX_URI="ssh://far$path" flux getattr size
has "quoted for the far shell" "|'LD_LIBRARY_PATH=/x y'|flux|relay" args
ln -s "$path" "$W/it's a socket"
is "so is a path with letters of the shell's" 1 \
    far "ssh://far$W/it's a socket" flux getattr size
is "the broker's own program is beside its socket" "$B/bin/busyflux" \
    readlink "$RUNDIR/bin/flux"

# ---- what goes through ----------------------------------------------------------

ok "messages larger than any buffer" \
    far "ssh://far$path" flux ping -c 5 -i 0 --pad=300000 broker
is "many small ones" 1001 sh -c "FLUX_URI=ssh://far$path \
    flux ping -c 1000 --batch -i 0 broker | wc -l"
ok "a message without an answer is sent before the connection ends" \
    far "ssh://far$path" flux logger over the wire
has "and has arrived" "over the wire" flux dmesg
is "a Python program" 0 far "ssh://far:22$path" flux python -c \
    'import flux; print(flux.Flux().attr_get("rank"))'
has "it gives ssh the same command" \
    "-p|22|far|env|PATH=$RUNDIR/bin:$B/bin:/bin:/usr/bin|flux|relay|$path|" args
is "what ssh says on its stderr is seen" "banner
1" env FLUX_SSH_RCMD="echo banner >&2; flux" FLUX_URI="ssh://far$path" \
    flux getattr size

# The events that a subscriber on the other host has got, as they come.
subscribe() {
    far "ssh://far$path" flux event sub over.ssh >"$W/events" 2>&1 &
    sub=$!
    wait_until event_came
}
event_came() {
    flux event pub over.ssh
    grep over.ssh "$W/events"
}
ok "events" subscribe

# ---- what does not work ----------------------------------------------------------

refused() { # NAME TEXT ADDRESS
    fails "$1" 1 "$2" far "ssh://$3" flux getattr size
}
refused "no path" "ssh://far: no path of a socket" far
refused "no host" "ssh:///x: no host is named" /x
refused "no host, but a user" "no host is named" ada@/x
refused "an option" "there are no options" "far/x?a=b"
refused "no number for a port" "ssh://far: '2x' is no port" far:2x/x
refused "a host that ssh would take for an option" \
    "ssh://-oProxyCommand=sh: a host cannot begin with '-'" \
    "-oProxyCommand=sh/x"
split='import flux.ssh, sys
for address in sys.argv[1:]:
    try:
        print(flux.ssh.command_line(address))
    except OSError as e:
        print(e.strerror.endswith(" is not ssh://[USER@]HOST[:PORT]/PATH"))'
is "Python refuses all of these" "True
True
True
True
True
True" flux python -c "$split" far /x ada@/x 'far/x?a=b' far:2x/x -oA=sh/x

is "a path alone is no address" \
    "flux-getattr: flux_open: '$path' is no address: local://PATH or ssh://HOST/PATH" \
    far "$path" flux getattr size

both_fail() { # NAME TEXT URI [VARIABLE=VALUE]
    _text=$2 _uri=$3
    set -- "$1" "${4:-A=1}"
    fails "$1" 1 "$_text" env "$2" FLUX_URI="$_uri" flux getattr size
    fails "$1, in Python" 1 "$_text" env "$2" FLUX_URI="$_uri" \
        flux python -c 'import flux; flux.Flux()'
}
both_fail "no socket there" "broker socket $W/none was not found" \
    "ssh://far$W/none"
both_fail "no ssh" "ssh-connector: $W/none: No such file or directory
Hint: set FLUX_SSH in environment to override" "ssh://far/x" \
    FLUX_SSH="$W/none"
both_fail "no flux there" "$W/none: not found" "ssh://far$path" \
    FLUX_SSH_RCMD="$W/none"
both_fail "a shell that greets on its stdout" \
    "Hint: Check that shell init files do not write to stdout" \
    "ssh://far$path" FLUX_SSH_RCMD="echo hello; flux"
script broken <<'EOF'
echo "Connection refused" >&2
exit 255
EOF
both_fail "a host that is not there" "Connection refused" "ssh://far$path" \
    FLUX_SSH="$W/broken"
fails "the status is told" 1 "ssh far: no welcome from a broker, exit status 255" \
    env FLUX_SSH="$W/broken" FLUX_URI="ssh://far$path" flux getattr size

# ---- flux-relay(1) ------------------------------------------------------------------

is "the relay's first byte is the welcome, and it ends with its input" \
    " 00" sh -c "flux relay '$path' </dev/null | od -An -tx1"
fails "a relay to no socket names its host" 1 \
    "flux-relay: $(uname -n): broker socket $W/none was not found" \
    flux relay "$W/none"
fails "a relay wants a path" 1 "missing argument" flux relay

survivor() {
    kill -TERM "$BROKER"
    wait "$sub"
    _rc=$?
    cat "$W/events"
    return "$_rc"
}
fails "a broker that is gone ends a command with a reason" 1 \
    "the broker at $path has closed the connection" survivor
ok "the broker has ended well" ended
fails "and its link is gone" 1 "" test -e "$RUNDIR/bin"
finish
