"""requests.py - requests that no command would send, as owner and as guest

    requests.py NAME...

sends those whose service or whole topic is a NAME ("none": of no service;
"published": events, of which the frame that comes back is described).
Frames are made here (tests/wire.py), so that the answers are the broker's
alone.  One that does not answer within two seconds is said to.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from wire import EVENT, Client, outcome  # noqa: E402

GUEST, USER = 777, 2
BAD = os.environ["BAD"]

REQUESTS = [
    ("", None),
    ("x", None),
    ("none.x", None),
    ("module.load", None),
    ("module.load", {"args": []}),
    ("module.load", {"path": BAD + "/nosuch.so", "args": []}),
    ("module.load", {"path": BAD, "args": []}),
    ("module.load", {"path": BAD + "/text.so", "args": []}),
    ("module.load", {"path": BAD + "/library.so", "args": []}),
    ("module.load", {"path": BAD + "/undefined.so", "args": []}),
    ("module.load", {"path": BAD + "/fails.so", "args": []}),
    ("module.remove", {"name": "nosuch"}),
    ("module.remove", {}),
    ("module.debug", {"name": "nosuch"}),
    ("module.status", {"status": 1}),
    ("module.nosuch", {}),
    ("module.disconnect", {}),
    ("service.add", {"service": "foo"}),
    ("service.add", {"service": "foo"}),
    ("service.add", {"service": "broker"}),
    ("service.add", {"service": "a.b"}),
    ("service.add", {}),
    ("service.remove", {"service": "nosuch"}),
    ("service.remove", {"service": "broker"}),
    ("service.nosuch", {}),
    ("broker.ping", {}),
    ("broker.nosuch", {}),
    ("broker.disconnect", {}),
    ("attr.get", {"name": "nosuch"}),
    ("attr.get", {}),
    ("attr.set", {"name": "rank", "value": "3"}),
    ("attr.set", {"name": "rank"}),
    ("attr.nosuch", {}),
    ("event.subscribe", {}),
    ("event.unsubscribe", {"topic": "none"}),
    ("event.publish", {"topic": "a", "flags": 0}),
    ("event.publish", {}),
    ("log.clear", {}),
    ("log.nosuch", {}),
    ("config.get", {}),
    ("config.nosuch", {}),
    ("overlay.topology", {"rank": 0}),
    ("overlay.nosuch", {}),
    ("rexec.list", {}),
    ("rexec.exec", {}),
    ("rexec.nosuch", {}),
    ("state-machine.get", {}),
    ("state-machine.nosuch", {}),
    ("groups.get", {"name": "broker.online"}),
    ("groups.nosuch", {}),
    ("connector-local.nosuch", {}),
]


def ask(client, topic, payload):
    try:
        return client, outcome(client.rpc(topic, payload))
    except TimeoutError:
        return None, "no answer"
    except EOFError:
        return None, "the connection is ended"


def connect(guest):
    client = Client(None, GUEST, USER) if guest else Client()
    client.sock.settimeout(2)
    return client


def is_wanted(topic):
    service = topic.partition(".")[0]
    if topic == "module.load":
        return topic in sys.argv
    return (service if "." in topic else "none") in sys.argv


def next_event(client):
    while True:
        msg = client.recv()
        if msg.kind == EVENT:
            return msg


def publish():
    """By a frame, and by a request."""
    client = connect(False)
    client.rpc("event.subscribe", {"topic": "interop"})
    for how in "frame", "request":
        if how == "frame":
            client.publish("interop.x", {"a": 1})
        else:
            client.rpc("event.publish", {"topic": "interop.x", "flags": 0})
        event = next_event(client)
        print(how, event.topic, "flags 0x%x" % event.flags, event.payload,
              len(event.routes or []), "routes")


if "published" in sys.argv:
    publish()
for guest in False, True:
    client = connect(guest)
    for topic, payload in filter(lambda r: is_wanted(r[0]), REQUESTS):
        client, answer = ask(client or connect(guest), topic, payload)
        print("guest" if guest else "owner", topic or "(no topic)", payload,
              "->", answer)
