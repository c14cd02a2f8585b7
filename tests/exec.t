#!/bin/sh
# exec.t - flux exec and the builtin module rexec
# shellcheck source=tests/lib.sh
. "${0%/*}/lib.sh"

start

# ---- output, status ------------------------------------------------------------

is "stdout" "out" flux exec -n echo out
is "stderr is stderr" "err" sh -c 'flux exec -n sh -c "echo err >&2" 2>&1 >/dev/null'
is "-l puts the rank before each line" "0: a
0: b
0: c" flux exec -n -l printf 'a\nb\nc'
is "the last line gets no newline" "c 2" sh -c \
    'echo "$(flux exec -n printf c) $(flux exec -n printf ab | wc -c)"'
fails "the status is the command's" 3 "0: Exit 3" flux exec -n sh -c 'exit 3'
fails "a signal is one as well" 137 "0: Killed" flux exec -n sh -c 'kill -9 $$'
hasnt "-q says nothing of it" "Exit" sh -c 'flux exec -q sh -c "exit 3" || :'
fails "no such command" 127 \
    "flux-exec: Error: rank 0: nosuch: error launching process: No such file or directory" \
    flux exec -n nosuch
fails "one that cannot be run" 126 "Permission denied" flux exec -n /dev/null
has "-v says what is done" "1 tasks complete with code 0" flux exec -nv true
head -c 300000 /dev/urandom >"$W/bytes"
ok "bytes come as they are" sh -c \
    'flux exec -n cat "$0/bytes" | cmp - "$0/bytes"' "$W"

# ---- where, for whom ---------------------------------------------------------------

is "-r takes brackets and all" "0 0" sh -c \
    'echo $(flux exec -r [0] flux getattr rank) $(flux exec -rall flux getattr rank)'
fails "a rank that is not there" 1 \
    "flux-exec: One or more invalid --ranks specified: 9" flux exec -r 9 true
fails "no idset" 1 "failed to decode idset 'x': Invalid argument" \
    flux exec -r x true
fails "-x leaves ranks out" 1 "No targets specified" flux exec -x 0 true
fails "-x needs an idset" 1 "error decoding --exclude idset" \
    flux exec -x y true
fails "a command is needed" 1 "Usage: flux-exec" flux exec
is "it runs in the folder of the caller" "/" sh -c 'cd / && flux exec -n pwd'
is "or in that of -d" "/" flux exec -n -d / pwd
has "or in /tmp, and says so" "Going to /tmp instead" \
    flux exec -n -d /no/such pwd
is "-d none: in the broker's" "$PWD" flux exec -n -d none pwd
is "the environment is the caller's" "x y" env FOO="x y" \
    flux exec -n printenv FOO
is "but for FLUX_URI" "$FLUX_URI" env FLUX_URI="local://$RUNDIR/./local-0" \
    flux exec -n printenv FLUX_URI

# ---- input ----------------------------------------------------------------------------

is "stdin goes there" "hello" sh -c 'echo hello | flux exec cat'
is "with -n there is none" "0" sh -c 'echo hello | flux exec -n wc -c'
seq 400000 >"$W/text"
ok "much of it, both ways" sh -c \
    'flux exec cat <"$0/text" | cmp - "$0/text"' "$W"
ok "bytes, too" sh -c 'flux exec cat <"$0/bytes" | cmp - "$0/bytes"' "$W"
ok "one that does not read it is not waited for" sh -c \
    'flux exec true <"$0/text"' "$W"
is "output that is not read waits" "y" sh -c 'flux exec yes | head -n1'

# Commands whose output never ends keep the broker's loop from ever being idle.
has_runs() { # COUNT
    [ "$(flux rpc rexec.list | json 'len(d["procs"])')" -eq "$1" ]
}
for _ in 1 2 3; do
    flux exec -n yes >/dev/null 2>&1 &
    BUSY="${BUSY:-} $!"
done
_brokers="$_brokers $BUSY"
wait_until has_runs 3
for _ in 1 2 3; do
    timeout 5 flux exec -n yes 2>/dev/null | head -n1 >/dev/null
done
ok "clients that go are seen by a busy broker" wait_until has_runs 3
# shellcheck disable=SC2086 # some process ids
kill $BUSY
ok "none is left" wait_until has_runs 0

# ---- signals, ends --------------------------------------------------------------------

background() { # ARGS: of flux exec
    wait_until has_runs 0
    flux exec -n "$@" >"$W/bg" 2>&1 &
    PID=$!
    _brokers="$_brokers $PID"
    wait_until grep -q ready "$W/bg"
}

signalled() { # SIGNAL
    kill -s "$1" "$PID"
    wait "$PID"
}

background sh -c 'echo ready; exec sleep 1000'
has "rexec.list" '"cmd":"sh","label":"","state":"R"' flux rpc rexec.list
fails "SIGTERM is sent on" 143 "" signalled TERM
ok "it has ended" wait_until has_runs 0
background sh -c 'trap "exit 5" INT; echo ready; while :; do sleep .01; done'
fails "SIGINT is, too" 5 "" signalled INT
background sh -c 'echo $$; sleep 1000 & echo ready; wait'
child=$(head -n1 "$W/bg")
kill -KILL "$PID"
ok "without its client a command is killed" wait_until gone "$child"
ok "and forgotten" wait_until has_runs 0

fails "rexec.kill of none" 1 "pid 1 does not belong to any subprocess" \
    flux rpc rexec.kill '{"pid": 1, "signum": 15}'
ok "the module can be removed" flux module remove rexec
fails "then there is no exec" 1 "No service matching rexec.exec" flux exec true
flux module load rexec
background sh -c 'echo ready; exec sleep 1000'
flux module remove -f rexec
fails "to remove it ends what it runs" 1 "" wait "$PID"
flux module load rexec

# ---- the protocol ------------------------------------------------------------------------

cat >"$W/rexec.py" <<'EOF'
from wire import *

client = Client()


def ask(flags, cmdline=("true",), **cmd):
    cmd = dict(dict(cmdline=cmdline, env={"PATH": "/bin:/usr/bin"}, opts={},
                    channels=[]), **cmd)
    return client.request("rexec.exec", dict(cmd=cmd, flags=flags),
                          flags=STREAMING)


def to_end(tag):
    """The responses, up to the error that ends them; and that."""
    got = []
    while True:
        msg = client.answer(tag)
        if msg.a:
            return got, msg
        got.append(msg.json())


def run(flags, cmdline, **cmd):
    got, msg = to_end(ask(flags, cmdline, **cmd))
    types = sorted(r["type"] for r in got if r["type"] != "output")
    io = [r["io"] for r in got if r["type"] == "output"]
    return types, io, outcome(msg)


def write(tag, **io):
    client.request("rexec.write",
                   dict(matchtag=tag, io=dict(dict(stream="stdin", rank="0"),
                                              **io)), flags=NORESPONSE)


def refused(want, name, flags=3, streaming=True, **cmd):
    base = dict(cmdline=["true"], env={}, opts={}, channels=[])
    payload = dict(cmd=dict(base, **cmd), flags=flags)
    answer = client.rpc("rexec.exec", payload,
                        flags=STREAMING if streaming else 0)
    same(outcome(answer), want, name)


types, io, end = run(3, ["sh", "-c", "echo a; printf '\\377' >&2; exit 3"])
same(types, ["finished", "started"], "started, finished")
same([i for i in io if i["stream"] == "stdout"],
     [dict(stream="stdout", rank="0", data="a\n"),
      dict(stream="stdout", rank="0", eof=True)], "output, and its end")
same([i for i in io if i["stream"] == "stderr"][0],
     dict(stream="stderr", rank="0", encoding="base64", data="/w=="),
     "what is no text is base64")
same(end, "ENODATA", "ENODATA ends it")
same(run(0, ["echo", "x"])[1], [], "output that is not asked for is not sent")
types, io, end = run(5, ["sh", "-c", "echo ch >&$CH; exec >&-"],
                     channels=["CH"])
same([i.get("data") for i in io if i["stream"] == "CH"], ["ch\n", None],
     "a channel is a stream as well")

tag = ask(3, ["sh", "-c", "kill -STOP $$; exit 4"])
got = [client.answer(tag).json()]
while got[-1]["type"] != "stopped":
    got.append(client.answer(tag).json())
pid = got[0]["pid"]
same(outcome(client.rpc("rexec.kill", dict(pid=pid, signum=18))), "ok",
     "a stop is told, and a signal sent")
got += to_end(tag)[0]
same([r["status"] for r in got if r["type"] == "finished"], [4 << 8],
     "the wait status is told")

tag = ask(9, ["sh", "-c", "read x; echo $x; exec cat >/dev/null"],
          opts={"stdin_BUFSIZE": "4096"})
credit = [client.answer(tag).json() for _ in range(2)][1]
same(credit, {"type": "add-credit", "channels": {"stdin": 4096}},
     "credit for what stdin_BUFSIZE says")
write(tag, data="hello\n")
got = [client.answer(tag).json() for _ in range(2)]
same(sorted(r["type"] for r in got), ["add-credit", "output"],
     "what was read is credited")
write(tag, data="eA==", encoding="base64")
write(tag, data="x" * 10000)
same(outcome(to_end(tag)[1]), "ENOSPC", "to write more than that ends it")

other = Client()
tag = ask(3, ["sh", "-c", "echo on; read x; echo $x"])
while client.answer(tag).json()["type"] != "output":
    pass
other.request("rexec.write", dict(matchtag=tag, io=dict(
    stream="stdin", rank="0", data="other\n")), flags=NORESPONSE)
write(tag, stream="none", data="none\n")
write(tag, data="mine\n")
same([r["io"]["data"] for r in to_end(tag)[0] if "data" in r.get("io", {})],
     ["mine\n"], "no other client can write, nor to what is not there")

tag = ask(3, ["sleep", "1000"], label="name")
client.answer(tag)
refused("EINVAL command label is not unique", "a label twice", label="name")
same(outcome(client.rpc("rexec.kill", dict(pid=-1, signum=15, label="name"))),
     "ok", "rexec.kill by label")
same(outcome(to_end(tag)[1]), "ENODATA", "has ended it")
refused("EINVAL command label is empty", "an empty label", label="")
refused("EPROTO command string is empty", "no words", cmdline=[])
refused("EPROTO error parsing command string", "a word that is none",
        cmdline=[1])
refused("EPROTO error parsing command string", "an environment likewise",
        env={"A": 1})
refused("EINVAL more than 13 channels", "too many channels",
        channels=["A"] * 14)
refused("EINVAL a command cannot be waited for", "waitable", flags=16,
        streaming=False)
refused("EINVAL write-credit flag is not allowed in background mode",
        "credit in the background", flags=8, streaming=False)
refused("ENOENT error launching process: No such file or directory",
        "no such command", cmdline=["no-such"])

answer = client.rpc("rexec.exec", dict(flags=0, cmd=dict(
    cmdline=["sh", "-c", "echo text; cat; exit 5"],
    env={"PATH": "/bin:/usr/bin"}, opts={}, channels=[])))
say(answer.json()["type"] == "started", "in the background")

guest = Client(userid=4242, rolemask=USER)
for topic in "exec", "write", "kill", "list":
    same(outcome(guest.rpc("rexec." + topic, {}))[:5], "EPERM",
         "rexec.%s is the owner's" % topic)
EOF
run_tap python3 "$W/rexec.py"
ok "output in the background goes to the log" \
    wait_until sh -c 'flux dmesg | grep -q "sh\[[0-9]*\]: text"'
ok "and so does the end" \
    wait_until sh -c 'flux dmesg | grep -q "sh\[[0-9]*\]: Exit 5"'
ok "nothing is left" wait_until has_runs 0
ok "--bg ends when the command runs" flux exec --bg --label=cat1 sh -c \
    'echo in the back; exec sleep 1000'
# shellcheck disable=SC2154 # W is from lib.sh
child=$(sed -n 's/^0: //p' "$W/out")
ok "and prints its process id" kill -0 "$child"
ok "it writes to the log" wait_until sh -c 'flux dmesg | grep -q "in the back"'
has "its label is that of the service" '"label":"cat1"' flux rpc rexec.list
fails "which no other has" 1 \
    "flux-exec: Error: rank 0: true: command label is not unique" \
    flux exec --bg --label=cat1 true
kill "$child"
ok "nothing is left" wait_until has_runs 0
fails "--bg of no such command" 1 \
    "rank 0: nosuch: error launching process: No such file or directory" \
    flux exec --bg nosuch
background sh -c 'echo $$; echo ready; exec sleep 1000'
child=$(head -n1 "$W/bg")
ok "the broker ends well" stop
ok "and its commands with it" wait_until gone "$child"

# ---- ranks -----------------------------------------------------------------------------------

start_ranks() { # COUNT
    RUNDIR=$W/ranks
    mkdir "$RUNDIR"
    FLUX_URI=local://$RUNDIR/local-0
    flux start -s "$1" --test-rundir="$RUNDIR" -Sbroker.rc2_none=1 \
        --test-exit-mode=leader \
        >"$W/ranks.err" 2>&1 &
    BROKER=$!
    _brokers="$_brokers $BROKER"
    wait_until is_running
}

start_ranks 4
is "all ranks by default" "0: 0 1: 1 2: 2 3: 3" sh -c \
    'echo $(flux exec -l flux getattr rank | sort)'
is "-r and -x" "1" flux exec -r 1-2 -x 2-3 flux getattr rank
fails "those that fail alike are one line" 3 "[0-3]: Exit 3" \
    flux exec -n sh -c 'exit 3'
fails "the others have their own" 3 "1: Exit 1
2: Exit 2
3: Exit 3" flux exec -n sh -c 'exit $(flux getattr rank)'
flux exec -l cat <"$W/text" >"$W/out4"
for rank in 0 1 2 3; do
    ok "rank $rank got stdin, and its lines are whole" sh -c \
        'sed -n "s/^$1: //p" "$0/out4" | cmp - "$0/text"' "$W" $rank
done
is "one that has ended does not stop the others" "3" sh -c \
    'flux exec sh -c "[ \$(flux getattr rank) = 0 ] || wc -l" <"$0/text" |
        grep -cx 400000' "$W"
is "rank 0 runs what another rank's client asks for" "0" \
    flux exec -r 1 flux exec -r 0 flux getattr rank
flux exec -n -r 1-3 sh -c 'echo ready; exec sleep 1000' >"$W/bg" 2>&1 &
PID=$!
_brokers="$_brokers $PID"
wait_until sh -c '[ $(wc -l <"$0") = 3 ]' "$W/bg"
kill -KILL "$(flux exec -r 3 sh -c 'echo $PPID')"
ok "a rank that is lost is told of" wait_until grep -q \
    'Error: rank 3: sh: No route to host' "$W/bg"
fails "and is no success" 143 "" signalled TERM
cat >"$W/deaf.py" <<'E2'
import select
import wire

OUTPUT = {"cmd": {"cmdline": ["cat", "/dev/zero"], "cwd": "/", "opts": {},
                  "env": {"PATH": "/usr/bin:/bin"}, "channels": []}, "flags": 3}
deaf, other = wire.Client(), wire.Client()
deaf.request("rexec.exec", OUTPUT, nodeid=1, flags=wire.STREAMING)
hangup = select.poll()
hangup.register(deaf.sock, 0)
wire.say(hangup.poll(20000), "who does not read another rank's output is cut off")
wire.same(other.rpc("broker.ping", {}, nodeid=1).a, 0, "that rank lives on")
other.until(lambda: other.rpc("rexec.list", nodeid=1).json()["procs"] == [],
            "the command has not ended")
wire.say(True, "and its command has ended")
E2
run_tap python3 "$W/deaf.py"
has "the log names the one who is deaf" "does not read: cut off with" \
    cat "$W/ranks.err"
flux rpc config.load '{"access": {"allow-guest-user": true}}'
fails "but not where guests are let in" 126 \
    "Remote rexec requests are not allowed on rank 0" \
    flux exec -r 1 flux exec -r 0 true
stop >/dev/null 2>&1
finish
