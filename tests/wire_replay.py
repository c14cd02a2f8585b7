"""wire_replay.py - recorded conversations with Flux, held again with us

tests/wire/client.jsonl is what Flux's own commands and its broker said to
each other.  Each request in it goes to the broker of FLUX_URI again, as the
very bytes, in the recorded order, on as many connections as there were; each
answer is compared with the recorded one, field by field.

What is set aside, and nothing else:
- values that are another's by nature: UUIDs, times, counters, pids, host
  names (the functions in ASIDE take them out of both answers);
- the owner's user id, which is root's in the recording;
- the path of the test module, rewritten in both directions (MODULE);
- the differences that are meant (MEANT), each with its reason.
Steps that need what a single broker has not (LEFT_OUT) are named, with the
reason, and are not sent.

Usage: wire_replay.py RECORDING MODULE.so
"""
import json
import os
import re
import sys

from wire import (EVENT, NODEID_ANY, RESPONSE, Client, Message, say)

RECORDED_MODULE = "/tmp/testmod.so"
KINDS = {"response": RESPONSE, "event": EVENT}
FLAGS = {1: "topic", 2: "payload", 4: "noresponse", 8: "route",
         16: "upstream", 32: "private", 64: "streaming"}

LEFT_OUT = [
    (r"--rank 2 ", "needs rank 2"),
    (r"nodeid=1", "needs rank 1"),
    (r"overlay\.topology", "needs several ranks"),
]
MEANT = [
    ("module.load", "EEXIST says which module is loaded, and from where",
     lambda msg: msg["errnum"] == 17 and msg.pop("text", None)),
]
TRACE_KEYS = {"timestamp", "prefix", "rank", "name", "type", "topic",
              "payload_size", "payload", "errnum", "errstr"}
MODULE_KEYS = {"name", "path", "idle", "status", "services", "sendqueue",
               "recvqueue"}


# ---- what is set aside ------------------------------------------------------

def keys_only(value):
    if isinstance(value, dict):
        return {k: keys_only(v) for k, v in value.items()}
    return type(value).__name__ if not isinstance(value, (int, float)) \
        else "number"


def modules(payload):
    """Those that a single broker has; their queues and idleness vary."""
    mods = [m for m in payload["mods"] if m["name"] not in
            ("overlay", "groups", "rexec")]
    for m in mods:
        for key in "idle", "sendqueue", "recvqueue":
            m[key] = keys_only(m[key])
        for key in set(m) - MODULE_KEYS:  # ours beside Flux's
            del m[key]
    return {"mods": sorted(mods, key=lambda m: m["name"])}


def ping(payload):
    payload["route"] = re.sub("[0-9a-f]{8}", "ID", payload["route"])
    return payload


def names(payload):
    """Of attributes: those that both have."""
    common = "rank size version rundir local-uri broker.pid hostlist log-level"
    return sorted(n for n in payload["names"] if n in common.split())


def attribute(payload):
    varies = re.fullmatch(r"vm(,vm)*|[0-9]+\.[0-9]+|[0-9]+", payload["value"])
    if varies or payload["value"] == os.uname().nodename:
        payload["value"] = "VALUE"
    return payload


def state(payload):
    payload["duration"] = keys_only(payload["duration"])
    return payload


def traced(payload):
    for key in set(payload) - TRACE_KEYS:  # ours beside Flux's
        del payload[key]
    payload["timestamp"] = keys_only(payload["timestamp"])
    if payload["payload"] and "route" in payload["payload"]:
        ping(payload["payload"])
        del payload["payload"]["userid"], payload["payload_size"]  # whose
    return payload


ASIDE = [
    (r"module\.list", modules), (r".*\.ping", ping), (r"attr\.list", names),
    (r".*\.(stats-get|rusage)", keys_only), (r"attr\.get", attribute),
    (r"event\.publish", keys_only), (r"state-machine\.get", state),
    (r"module\.trace", traced),
]


def scrub(msg):
    """A decoded answer without what varies."""
    for pattern, aside in ASIDE:
        if "payload" in msg and re.fullmatch(pattern, msg["topic"]):
            msg["payload"] = aside(msg["payload"])
            break
    for topic, _, meant in MEANT:
        if msg["topic"] == topic:
            meant(msg)
    msg["flags"] = sorted(f for f in msg["flags"]
                          if f != "payload" or "payload" in msg or
                          "text" in msg)
    return msg


# ---- messages of both sides in one form ----------------------------------------

def decoded(msg):
    form = {"type": {v: k for k, v in KINDS.items()}[msg.kind],
            "flags": [n for bit, n in FLAGS.items() if msg.flags & bit],
            "userid": msg.userid, "rolemask": msg.rolemask,
            "topic": msg.topic}
    if msg.kind == RESPONSE:
        form.update(errnum=msg.a, matchtag=msg.b, routes=msg.routes)
    if msg.payload is not None and isinstance(msg.json(), dict):
        form["payload"] = msg.json()
    elif msg.payload is not None:
        form["text"] = msg.payload.decode(errors="replace")
    return form


def recorded(msg, module):
    form = json.loads(json.dumps(msg).replace(RECORDED_MODULE, module))
    if "payload_raw" in form:
        form["text"] = form.pop("payload_raw")
    if form["userid"] == 0:
        form["userid"] = os.getuid()
    payload = form.get("payload")
    if isinstance(payload, dict) and payload.get("userid") == 0:
        payload["userid"] = os.getuid()
    if form["type"] == "event":  # a number, and the way it came
        for key in "sequence", "unused", "routes":
            form.pop(key, None)
    return form


# ---- a step ------------------------------------------------------------------------

class Step:
    def __init__(self, name):
        self.name = name
        self.frames = []
        self.connections = 0

    def left_out(self):
        for pattern, reason in LEFT_OUT:
            if re.search(pattern, self.name):
                return reason
        return None if self.frames else "nothing was sent"


def in_order(frames):
    """The recorder saw both directions apart: a request comes first."""
    first = frames[0]
    if first["dir"] == "b>c":
        return [f for f in frames if f["dir"] == "c>b"] + [
            f for f in frames if f["dir"] == "b>c"]
    return frames


class Replay:
    def __init__(self, step, module):
        self.step, self.module = step, module
        self.clients = [Client() for _ in range(step.connections)]
        self.sent = {}  # (topic, matchtag): by whom
        self.subscriber = self.clients[0]

    def sender(self, msg):
        """In steps with a watcher, the second connection acts."""
        watch = ("event.subscribe", "event.unsubscribe", "module.trace")
        return self.clients[0 if msg["topic"] in watch else -1]

    def send(self, frame):
        msg = frame["msg"]
        data = bytes.fromhex(frame["hex"])
        if RECORDED_MODULE.encode() in data:
            again = Message.decode(data[8:])
            again.payload = again.payload.replace(RECORDED_MODULE.encode(),
                                                  self.module.encode())
            data = again.encode()
        client = self.sender(msg)
        client.sock.sendall(data)
        self.sent[msg["topic"], msg.get("matchtag")] = client

    def receive(self, msg):
        if msg["type"] == "event":
            return self.subscriber.recv()
        return self.sent[msg["topic"], msg["matchtag"]].answer(msg["matchtag"])

    def is_last_trace(self, msg):
        """The tracer sees the other leave: it has to."""
        return msg["topic"] == "module.trace" and \
            msg["payload"]["topic"].endswith(".disconnect")

    def compare(self, frame):
        if self.is_last_trace(frame["msg"]):
            self.clients[-1].close()
        want = scrub(recorded(frame["msg"], self.module))
        got = scrub(decoded(self.receive(frame["msg"])))
        if got == want:
            return None
        return "got  %s\nwant %s" % (json.dumps(got, sort_keys=True),
                                     json.dumps(want, sort_keys=True))

    def run(self):
        why = []
        for frame in in_order(self.step.frames):
            if frame["dir"] == "c>b":
                self.send(frame)
            else:
                why.append(self.compare(frame))
        if not self.sent_only_events():
            return [w for w in why if w]
        return self.check_events()

    def sent_only_events(self):
        return all(f["dir"] == "c>b" for f in self.step.frames)

    def check_events(self):
        """No answer was recorded; the broker is still there, and hears."""
        answer = self.clients[0].rpc("broker.ping", {}, NODEID_ANY)
        return [] if answer.a == 0 else ["no answer after it"]

    def close(self):
        for client in self.clients:
            client.close()


class LogReplay(Replay):
    """flux dmesg: as many lines as there are, each in the recorded form."""
    LINE = re.compile(r"<[0-9]+>1 [0-9-]+T[0-9:.]+Z 0 [a-z-]+ [0-9]+ - - .*\0",
                      re.DOTALL)

    def run(self):
        self.send(self.step.frames[0])
        lines, answers = [], self.step.frames[1:]
        while True:
            got = decoded(self.receive(answers[-1]["msg"]))
            if got["errnum"]:
                break
            lines.append(got["text"])
        why = [] if got == recorded(answers[-1]["msg"], "") else [str(got)]
        why += [line for line in lines if not self.LINE.fullmatch(line)]
        for text in ("insmod config", "insmod testmod", "insmod two",
                     "hello world"):
            if not any(line.endswith(" - - " + text + "\0") for line in lines):
                why.append("no line '%s'" % text)
        return why


def read_steps(path):
    steps = []
    with open(path) as recording:
        for line in recording:
            frame = json.loads(line)
            if "step" in frame:
                steps.append(Step(frame["step"]))
            elif "raw" in frame:
                steps[-1].connections += 1
            else:
                steps[-1].frames.append(frame)
    return steps


def main(path, module):
    steps = read_steps(path)
    for step in steps:
        reason = step.left_out()
        if reason:
            print("# left out: %s: %s" % (step.name, reason))
            continue
        kind = LogReplay if step.name == "flux dmesg" else Replay
        step.connections = step.connections or 1
        replay = kind(step, module)
        try:
            why = replay.run()
        except (OSError, EOFError, KeyError, ValueError) as e:
            why = ["%s: %s" % (type(e).__name__, e)]
        replay.close()
        say(not why, step.name, "\n".join(why))
    for topic, reason, _ in MEANT:
        print("# meant: %s: %s" % (topic, reason))


main(*sys.argv[1:])
