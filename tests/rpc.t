#!/bin/sh
# rpc.t - flux rpc, and what a method says to payloads that are none
. "${0%/*}/lib.sh"

start
flux module load "$TMOD/testmod.so"

is "the answer's payload is a line" '{"a":[1,2,{"b":null}]}' \
    flux rpc testmod.echo '{"a":[1,2,{"b":null}]}'
is "a whole one" 1 sh -c "flux rpc testmod.echo '{}' | wc -l"
is "bytes as the service sent them" '{ "a" : 1.50 }' \
    flux rpc testmod.echo '{ "a" : 1.50 }'
is "no payload: no line" "" flux rpc module.status '{"status":0}'
is "UTF-8 stays" '{"ä":"雪"}' flux rpc testmod.echo '{"ä":"雪"}'
is "-r 0" '{}' flux rpc -r 0 testmod.echo '{}'
fails "an error: topic, and the service's words" 1 \
    "flux-rpc: nosuch.x: No service matching nosuch.x is registered" \
    flux rpc nosuch.x
fails "or the errno's" 1 "flux-rpc: attr.get: No such file or directory" \
    flux rpc attr.get '{"name":"nosuch"}'
fails "a rank that is not there" 1 "flux-rpc: broker.ping: No route to host" \
    flux rpc -r 3 broker.ping '{}'
fails "JSON that is none" 1 "flux-rpc: invalid JSON:" flux rpc testmod.echo '{'
fails "JSON that is no object" 1 "a payload has to be an object" \
    flux rpc testmod.echo '[1]'
is "-n does not wait" "" flux rpc -n testmod.wait
fails "-s: a stream, until it ends" 0 "insmod config" \
    flux rpc -s log.dmesg '{"follow":false}'
fails "-s and -n" 1 "exclude each other" flux rpc -s -n testmod.echo
fails "no topic" 1 "Usage: flux-rpc" flux rpc
fails "a rank that is none" 1 "Usage: flux-rpc" flux rpc -r x testmod.echo
fails "an option that is none" 1 "Usage: flux-rpc" flux rpc --x testmod.echo

cat >"$W/size.py" <<'EOF'
from wire import *

c = Client()
for size in (1, 254, 255, 256, 65535, 65536, 1 << 20, 5 << 20):
    payload = b'{"p":"' + b"x" * size + b'"}\0'
    answer = c.rpc("testmod.echo", payload)
    say(answer.payload == payload, "a payload of %d bytes comes back" % size)
for payload in b"x", b"\0", b"[]\0", b"{", b"\xff\xfe\0", b"{\0}\0", \
        b'{"name":"rank"}x\0', b'{"name":"rank"', b"3\0", b'"a"\0':
    for topic in ("attr.get", "event.subscribe", "service.add", "module.load",
                  "module.remove", "testmod.debug", "config.load"):
        same(outcome(c.rpc(topic, payload)).split()[0], "EPROTO",
             "%s with %r" % (topic, payload))
deep = b'{"name":' + b"[" * 100000 + b"]" * 100000 + b"}\0"
same(outcome(c.rpc("attr.get", deep)).split()[0], "EPROTO",
     "JSON of great depth")
same(outcome(c.rpc("broker.ping", {})), "ok", "the broker goes on")
EOF
run_tap python3 "$W/size.py"

# A frame that is none ends its connection, and only that.
cat >"$W/frames.py" <<'EOF'
from wire import *

good = Message(REQUEST, "broker.ping", {}, 0, NODEID_ANY, 1).encode()
other = Client()
FRAMES = {
    "a wrong magic": b"\0\0\0\0" + good[4:],
    "no magic of ours": b"GET / HTTP/1.0\r\n\r\n" * 10,
    "a length of 4 GB": good[:4] + b"\xff\xff\xff\xff" + good[8:],
    "a length of nothing": good[:4] + b"\0\0\0\0",
    "a part beyond the end": good[:4] + b"\0\0\0\x02\xfe\0",
    "a version of its own": good.replace(b"\x8e\x01", b"\x8e\x02"),
    "no header": good[:4] + b"\0\0\0\x03\x02ab",
}
for name, frame in FRAMES.items():
    client = Client()
    client.sock.sendall(frame)
    try:
        client.read(1)
        say(False, name + ": the connection ends")
    except (EOFError, ConnectionError):
        say(True, name + ": the connection ends")
    except OSError as e:
        say(False, name + ": the connection ends", e)
    same(outcome(other.rpc("broker.ping", {})), "ok", name + ": others go on")
client = Client()
for byte in good:
    client.sock.sendall(bytes([byte]))
same(outcome(client.answer(1)), "ok", "a frame byte by byte")
half = Client()
half.sock.sendall(good[:-5])
half.close()
same(outcome(other.rpc("broker.ping", {})), "ok", "half a frame, then nothing")
EOF
run_tap python3 "$W/frames.py"
flux module remove testmod
ok "the broker ends well" stop
finish
