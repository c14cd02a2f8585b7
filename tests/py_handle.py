"""py_handle.py - synchronous calls, futures, recv, errors, the connection"""

import errno
import gc
import os
import socket

from pytap import (
    Answerer,
    Peer,
    done,
    echo,
    event,
    ok,
    raises,
    request,
    response,
    same,
)

import flux
from flux.constants import (
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_REQUEST,
    FLUX_O_NONBLOCK,
    FLUX_RPC_NORESPONSE,
    FLUX_RPC_STREAMING,
)
from flux.errors import PayloadError
from flux.message import Message


def test_rpc():
    peer = Answerer(echo)
    h = peer.handle
    same(h.rpc("x.echo", {"a": 1}).get(), {"a": 1}, "rpc().get()")
    same(h.rpc(b"x.echo").get(), None, "no payload is None")
    same(h.rpc("x.echo", {"a": 1}).get_str(), '{"a": 1}', "get_str()")
    sent = peer.seen[0]
    same(sent.topic, "x.echo", "the request has its topic")
    same(sent.matchtag, 1, "and matchtag 1")
    same(sent.nodeid, 0xFFFFFFFF, "and is for any node")
    same(sent.routes, [], "and an empty route stack")
    same(peer.seen[2].matchtag, 1, "a matchtag is used again")
    futures = [h.rpc("x.echo", {"n": n}) for n in range(100)]
    got = [future.get()["n"] for future in reversed(futures)]
    same(got, list(range(99, -1, -1)), "100 at a time, in any order")
    future = h.rpc("x.echo", {}, nodeid=3)
    future.get()
    same(peer.seen[-1].nodeid, 3, "nodeid")
    same(future.get(), {}, "get() may be repeated")


def test_bad_arguments():
    h = Peer().handle
    raises(OSError, lambda: h.rpc(None), "no topic", errno.EINVAL)
    raises(TypeError, lambda: h.rpc(1), "a topic that is none")
    raises(TypeError, lambda: h.rpc("a.b", [1]), "a payload that is none")
    raises(OverflowError, lambda: h.rpc("a.b", nodeid=-1), "a negative rank")
    raises(ValueError, lambda: h.attr_set("a", 1), "a value that is no str")
    raises(ValueError, lambda: h.attr_get(1), "a name that is no str")
    same(h._calls, {}, "none of them left anything behind")


def test_errors():
    def refuse(msg):
        text = "what a pity" if msg.topic == "x.text" else None
        return [response(msg.topic, text, msg.matchtag, errno.ENOENT)]

    h = Answerer(refuse).handle
    future = h.rpc("x.text")
    exc = raises(OSError, future.get, "an error response", errno.ENOENT)
    ok(isinstance(exc, FileNotFoundError), "is the subclass for its errno")
    same(str(exc), "[Errno 2] what a pity", "and has its text")
    same(future.error_string(), "what a pity", "error_string()")
    exc = raises(OSError, h.rpc("x.y").get, "without text", errno.ENOENT)
    same(exc.strerror, os.strerror(2), "it has the system's")
    ok(h.rpc("x.y").wait_for() is not None, "wait_for() tells no error")
    peer = Peer()
    future = peer.handle.rpc("a.b")
    peer.send(response("a.b", None, 1, 0xFFFFFFFF))
    exc = raises(OSError, future.get, "no errno at all", 0xFFFFFFFF)
    same(exc.strerror, "Unknown error 4294967295", "is told as it is")


def test_bad_response():
    peer = Peer()
    future = peer.handle.rpc("a.b")
    reply = response("a.b")
    reply.payload_raw = b"{]\0"
    peer.send(reply)
    raises(PayloadError, future.get, "a response that is no JSON")


def test_waiting():
    peer = Peer()
    h = peer.handle
    future = h.rpc("a.b")
    same(future.is_ready(), False, "not ready")
    raises(OSError, lambda: future.wait_for(0), "at once", errno.ETIMEDOUT)
    raises(OSError, lambda: future.wait_for(0.01), "later", errno.ETIMEDOUT)
    peer.send(response("a.b", {"x": 1}))
    ok(future.wait_for(5) is future, "wait_for() returns the future")
    same(future.is_ready(), True, "ready")
    same(future.get(), {"x": 1}, "and has the result")


def test_order():
    peer = Peer()
    h = peer.handle
    future = h.rpc("a.b")
    peer.send(
        event("e.1"),
        request("r.2"),
        response("a.b"),
        event("e.3"),
        event("e.4"),
    )
    future.get()
    got = [h.recv().topic for _ in range(4)]
    same(got, ["e.1", "r.2", "e.3", "e.4"], "what came meanwhile is in order")
    peer.send(event("e.1"), request("r.2"), event("f.3"))
    same(h.event_recv("f.*").topic, "f.3", "recv by topic")
    same(h.recv(FLUX_MSGTYPE_REQUEST).topic, "r.2", "recv by type")
    same(h.event_recv().topic, "e.1", "the rest is still there")
    raises(
        OSError,
        lambda: h.recv(flags=FLUX_O_NONBLOCK),
        "recv without waiting",
        errno.EAGAIN,
    )


def test_streaming():
    peer = Peer()
    h = peer.handle
    future = h.rpc("a.b", flags=FLUX_RPC_STREAMING)
    same(peer.receive().streaming, True, "the request is streaming")
    for n in range(3):
        peer.send(response("a.b", {"n": n}, streaming=True))
    got = []
    for _ in range(3):
        got.append(future.get()["n"])
        future.reset()
    same(got, [0, 1, 2], "each response, by reset()")
    peer.send(response("a.b", None, 1, errno.ENODATA, streaming=True))
    raises(OSError, future.get, "the end", errno.ENODATA)
    same(h._calls, {}, "the matchtag is free again")


def test_noresponse():
    peer = Peer()
    future = peer.handle.rpc("a.b", flags=FLUX_RPC_NORESPONSE)
    same(future.is_ready(), True, "nothing to wait for")
    raises(OSError, future.get, "nothing to get", errno.EINVAL)
    sent = peer.receive()
    same((sent.noresponse, sent.matchtag), (True, 0), "no matchtag was used")


def test_dropped_future():
    peer = Peer()
    h = peer.handle
    h.rpc("a.b")
    h.rpc("a.b", flags=FLUX_RPC_STREAMING)
    gc.collect()
    future = h.rpc("a.c")
    same(future.matchtag, 3, "their matchtags are not used again")
    peer.send(
        response("a.b", {"lost": 1}, 1),
        response("a.b", {}, 2, streaming=True),
        response("a.b", None, 2, errno.ENODATA, streaming=True),
        response("a.c", {"x": 1}, 3),
    )
    same(future.get(), {"x": 1}, "dropped futures' responses go nowhere")
    same(sorted(h._free_tags), [1, 2, 3], "until they have ended")
    same(len(h.inbox), 0, "and nothing of them stays")


def test_cancel():
    peer = Peer()
    future = peer.handle.rpc("svc.watch", flags=FLUX_RPC_STREAMING)
    peer.receive()
    future.cancel()
    sent = peer.receive()
    same(sent.topic, "svc.cancel", "cancel() asks the service")
    same(sent.payload, {"matchtag": 1}, "by matchtag")


def test_respond():
    peer = Peer()
    h = peer.handle
    msg = request("a.b", {"x": 1}, matchtag=7)
    msg.streaming = True
    peer.send(msg)
    got = h.recv()
    same(h.respond(got, {"y": 2}), 0, "respond()")
    answer = peer.receive()
    same(answer.parts, msg.parts, "routes and topic are the request's")
    same(answer.matchtag, 7, "and so is the matchtag")
    same((answer.payload, answer.errnum), ({"y": 2}, 0), "the payload is ours")
    same(answer.streaming, True, "the streaming flag is echoed")
    h.respond_error(got, errno.EPERM, "no")
    exc = raises(OSError, peer.receive().decode, "an error", errno.EPERM)
    same(exc.strerror, "no", "with text")
    h.respond_error(got, 0)
    raises(OSError, peer.receive().decode, "errno 0 is", errno.EINVAL)
    msg.noresponse = True
    peer.send(msg)
    h.respond(h.recv(), {})
    same(peer.pending(), 0, "nothing goes to who wants no response")
    raises(OSError, lambda: h.respond(event("e")), "an event", errno.EPROTO)


def test_events():
    peer = Answerer(echo)
    h = peer.handle
    same(h.event_subscribe("a"), 0, "subscribe")
    same(h.event_unsubscribe(b"a"), 0, "unsubscribe")
    same(peer.seen[0].payload, {"topic": "a"}, "names the topic")
    same(h.event_send("a.b", {"x": 1}), 0, "send")
    h.rpc("x.sync").get()
    sent = peer.seen[2]
    same(
        (sent.type, sent.topic, sent.payload, sent.seq),
        (FLUX_MSGTYPE_EVENT, "a.b", {"x": 1}, 0),
        "an event without a number",
    )


def test_attributes():
    values = {"rank": ("3", 1), "size": ("4", 1), "mood": ("good", 0)}

    def answer(msg):
        name = msg.payload["name"] if msg.payload else None
        if name not in values:
            return [response(msg.topic, None, msg.matchtag, errno.ENOENT)]
        value, flags = values[name]
        reply = {"value": value, "flags": flags}
        return [response(msg.topic, reply, msg.matchtag)]

    peer = Answerer(answer)
    h = peer.handle
    same((h.get_rank(), h.get_size()), (3, 4), "rank and size")
    same((h.get_rank(), h.attr_get("rank")), (3, "3"), "as number and text")
    same(len(peer.seen), 2, "each is asked for once")
    h.attr_get("mood")
    values["mood"] = ("bad", 0)
    same(h.attr_get("mood"), "bad", "one that changes is asked for again")
    raises(OSError, lambda: h.attr_get("x"), "one there is not", errno.ENOENT)


def test_conf():
    conf = {"a": {"b": {"c": 42}, "list": [1]}}
    peer = Answerer(lambda msg: [response(msg.topic, conf, msg.matchtag)])
    h = peer.handle
    same(h.conf_get(), conf, "all of it")
    same(h.conf_get("a.b.c"), 42, "a dotted key")
    same(h.conf_get("a.x.c"), None, "one there is not")
    same(h.conf_get("a.b.c.d", default=1), 1, "one beyond a value")
    same(len(peer.seen), 1, "it was asked for once")
    h.conf_get(update=True)
    same(len(peer.seen), 2, "and again when told so")


def test_log():
    peer = Peer()
    h = peer.handle
    h.cache_attrs({"rank": "3"})
    h.log(6, "one\ntwo\n")
    h.aux_set("flux::name", "mod")
    h.log(2, b"three")
    lines = [peer.receive() for _ in range(3)]
    same({msg.topic for msg in lines}, {"log.append"}, "log.append")
    texts = [msg.payload_raw.decode().split(" ") for msg in lines]
    same([text[0] for text in texts], ["<48>1", "<48>1", "<16>1"], "levels")
    same([text[-1] for text in texts], ["one", "two", "three"], "a line each")
    same([text[2] for text in texts], ["3"] * 3, "the rank")
    same(texts[2][3], "mod", "the module's name")
    same(len(texts[0][1]), len("2026-11-23T00:39:27.660728Z"), "the time")


def test_lost_connection():
    peer = Peer()
    future = peer.handle.rpc("a.b")
    peer.sock.close()
    raises(OSError, future.get, "end of file", errno.ECONNRESET)
    raises(
        OSError,
        lambda: peer.handle.rpc("a.b").get(),
        "then every call",
        errno.ECONNRESET,
    )
    peer = Peer()
    peer.sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
    raises(OSError, peer.handle.recv, "rubbish", errno.EPROTO)
    raises(OSError, peer.handle.recv, "ends it", errno.ECONNRESET)
    peer = Peer()
    peer.handle.close()
    raises(OSError, peer.handle.recv, "closed", errno.ECONNRESET)
    same(peer.receive(), None, "close() closes")
    peer = Peer()
    del peer.handle
    same(peer.receive(), None, "so does dropping the handle")


def test_large_messages():
    peer = Answerer(echo)
    text = "x" * 5000000
    got = peer.handle.rpc("x.echo", {"text": text}).get()
    ok(got["text"] == text, "5 MB there and back")


def listen(greeting):
    path = "/tmp/py_handle.%d" % os.getpid()
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(1)
    try:
        client = socket.socket(socket.AF_UNIX)
        client.close()
        import threading

        def serve():
            peer = server.accept()[0]
            peer.sendall(greeting)
            peer.recv(1)

        thread = threading.Thread(target=serve)
        thread.daemon = True
        thread.start()
        return flux.Flux("local://" + path)
    finally:
        os.unlink(path)
        server.close()


def test_connect():
    with listen(b"\0") as h:
        ok(h.channel.fd >= 0, "welcome")
    same(h.channel.fd, -1, "`with` closes at its end")
    exc = raises(OSError, lambda: listen(b"\1"), "turned away", errno.EPERM)
    ok("Unable to connect to Flux: " in str(exc), "and says so")
    exc = raises(OSError, lambda: flux.Flux("local:///no"), "no socket", 2)
    same(
        exc.strerror,
        "Unable to connect to Flux: broker socket /no was not found",
        "it names the path",
    )
    raises(OSError, lambda: flux.Flux("tcp://x"), "no such connector", 2)
    raises(OSError, lambda: flux.Flux("fd://999"), "no such fd", errno.EBADF)
    raises(OSError, lambda: flux.Flux("fd://x"), "no number", errno.EINVAL)
    raises(
        OSError,
        lambda: flux.Flux("local:///" + "x/../" * 50),
        "a path that is too long",
        2,
    )
    os.environ["FLUX_URI"] = "local:///nowhere"
    exc = raises(OSError, flux.Flux, "FLUX_URI is the default", 2)
    ok("/nowhere" in exc.strerror, "and named")


def test_message():
    msg = Message()
    same(msg.type, FLUX_MSGTYPE_REQUEST, "a request by default")
    same(msg.type_str, "request", "and named so")
    same((msg.payload, msg.payload_str), (None, None), "no payload")
    raises(OSError, lambda: msg.topic, "no topic", errno.EPROTO)
    raises(OSError, lambda: msg.errnum, "no errnum", errno.EPROTO)
    msg.topic = "a.b"
    msg.payload_str = '{"a":1}'
    same(msg.payload, {"a": 1}, "payload_str sets the payload")
    same(msg.decode(), (1, "a.b", '{"a":1}'), "decode()")
    msg.payload = None
    same(msg.flags & 2, 0, "no payload, no flag")
    msg.streaming = msg.private = True
    same((msg.streaming, msg.private), (True, True), "flags")
    same(msg.noresponse, False, "each by itself")
    made = Message.from_event_encode("e.x", {"a": 1})
    same((made.type_str, made.payload), ("event", {"a": 1}), "an event")


test_rpc()
test_bad_arguments()
test_errors()
test_bad_response()
test_waiting()
test_order()
test_streaming()
test_noresponse()
test_dropped_future()
test_cancel()
test_respond()
test_events()
test_attributes()
test_conf()
test_log()
test_lost_connection()
test_large_messages()
test_connect()
test_message()
done()
