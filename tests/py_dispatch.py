"""py_dispatch.py - which callback gets which message, in which order"""

import errno
import time

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

from flux.constants import (
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_REQUEST,
    FLUX_MSGTYPE_RESPONSE,
    FLUX_REACTOR_NOWAIT,
    FLUX_ROLE_USER,
    FLUX_RPC_STREAMING,
)


class Scene:
    """A handle whose watchers note who was called, and with what."""

    def __init__(self, peer=None):
        self.peer = peer or Peer()
        self.h = self.peer.handle
        self.seen = []

    def watch(self, name, topic, kind=FLUX_MSGTYPE_REQUEST, rolemask=None):
        def callback(_h, _watcher, msg, _args):
            self.seen.append((name, msg.topic))

        watcher = self.h.msg_watcher_create(
            callback, kind, topic, rolemask=rolemask
        )
        return watcher.start()

    def play(self, *msgs):
        """Send messages, dispatch them; the names that were called."""
        self.seen.clear()
        self.peer.send(*msgs)
        self.turn()
        return [name for name, _topic in self.seen]

    def turn(self):
        return self.h.reactor_run(flags=FLUX_REACTOR_NOWAIT)


def test_requests():
    scene = Scene()
    scene.watch("all", "*")
    scene.watch("glob", "a.*")
    scene.watch("odd", "a.[xy]?")
    scene.watch("exact", "a.b")
    newer = scene.watch("newer", "a.b")
    play = scene.play
    same(play(request("a.b")), ["newer"], "the newest exact topic")
    newer.stop()
    same(play(request("a.b")), ["exact"], "a stopped one is passed over")
    same(play(request("a.x1")), ["odd"], "the newest pattern")
    same(play(request("a.c")), ["glob"], "an older pattern")
    same(play(request("b")), ["all"], "*")
    same(play(request("a.b"), request("b"), request("a.c")),
         ["exact", "all", "glob"], "in order")  # fmt: skip
    newer.start()
    same(play(request("a.b")), ["newer"], "it can be started again")


def test_unwanted():
    scene = Scene()
    scene.watch("event", "a.b", FLUX_MSGTYPE_EVENT)
    same(scene.play(request("a.b"), event("x"), response("a.b")), [], "nobody")
    exc = raises(
        OSError, scene.peer.receive().decode, "a request", errno.ENOSYS
    )
    same(exc.strerror, "Unknown service method 'a.b'", "with a text")
    same(scene.peer.pending(), 0, "other messages are dropped")
    quiet = request("a.b")
    quiet.noresponse = True
    scene.play(quiet)
    same(scene.peer.pending(), 0, "and so is one without response")


def test_roles():
    scene = Scene()
    scene.watch("owner", "a.own")
    scene.watch("guest", "a.guest", rolemask=FLUX_ROLE_USER)
    scene.watch("event", "e", FLUX_MSGTYPE_EVENT)
    guest = FLUX_ROLE_USER
    same(
        scene.play(request("a.guest"), request("a.guest", rolemask=guest)),
        ["guest", "guest"],
        "owner and guests",
    )
    same(scene.play(request("a.own", rolemask=guest)), [], "not guests")
    exc = raises(OSError, scene.peer.receive().decode, "told", errno.EPERM)
    same(exc.strerror, "Request requires owner credentials", "why")
    strange = event("e")
    strange.rolemask = 0
    same(scene.play(strange, event("e")), ["event"], "nor roleless events")


def test_events():
    scene = Scene()
    for name, topic in (("a", "e.x"), ("b", "e.*"), ("c", "e.x"), ("d", "f")):
        scene.watch(name, topic, FLUX_MSGTYPE_EVENT)
    same(sorted(scene.play(event("e.x"))), ["a", "b", "c"], "all that match")
    same(sorted(scene.play(event("e.y"))), ["b"], "by pattern")


def test_responses():
    scene = Scene()
    scene.watch("any", "*", FLUX_MSGTYPE_RESPONSE)
    future = scene.h.rpc("a.b")
    same(
        scene.play(response("a.b", None, 1), response("a.b", None, 0)),
        ["any"],
        "what is no RPC's",
    )
    ok(future.is_ready(), "and what is")


def test_bad_payload():
    scene = Scene()
    scene.h.msg_watcher_create(
        lambda h, w, msg, a: h.respond(msg, msg.payload), topic_glob="a.b"
    ).start()
    bad = request("a.b")
    bad.payload_raw = b"[1]\0"
    scene.play(bad, request("a.b", {"x": 1}))
    exc = raises(
        OSError, scene.peer.receive().decode, "no object", errno.EPROTO
    )
    ok("not a JSON object" in exc.strerror, "and the sender is told why")
    same(scene.peer.receive().payload, {"x": 1}, "the next is served")


def test_sync_in_handler():
    scene = Scene(Answerer(echo))
    order = []

    def callback(h, _watcher, msg, _args):
        h.rpc("x.echo", {}).get()
        order.append(msg.topic)

    scene.h.msg_watcher_create(callback, topic_glob="r.*").start()
    scene.watch("e", "e.*", FLUX_MSGTYPE_EVENT)
    topics = ["r.%d" % n for n in range(20)]
    scene.play(*[request(topic) for topic in topics])
    while len(order) < 20:
        scene.turn()
    same(order, topics, "synchronous calls in handlers keep the order")


def test_continuation_order():
    scene = Scene()
    scene.watch("event", "e", FLUX_MSGTYPE_EVENT)
    first = scene.h.rpc("a.b")
    first.then(lambda f: scene.seen.append(("then", "")))
    sync = scene.h.rpc("a.c")
    scene.peer.send(event("e"), response("a.b", None, 1), event("e"))
    scene.peer.send(response("a.c", None, 2), event("e"))
    sync.get()
    same(scene.seen, [], "a synchronous call runs no callback")
    same(
        scene.play(),
        ["event", "then", "event", "event"],
        "then they come in the order of arrival",
    )


def test_get_of_a_continued():
    scene = Scene()
    future = scene.h.rpc("a.b")
    future.then(lambda f: scene.seen.append(("then", "")))
    other = scene.h.rpc("a.c")
    scene.peer.send(response("a.b", {"x": 1}, 1), response("a.c", None, 2))
    other.get()
    same(future.get(), {"x": 1}, "get() finds what has come for then()")
    same(scene.play(), ["then"], "and then() has its turn")


def test_stop_in_a_batch():
    scene = Scene()

    def callback(h, _watcher, msg, _args):
        scene.seen.append((msg.payload["n"], ""))
        h.reactor_stop()

    scene.h.msg_watcher_create(callback, topic_glob="a.b").start()
    msgs = [request("a.b", {"n": n}) for n in range(3)]
    same(scene.play(*msgs), [0], "stop leaves the rest")
    scene.turn()
    scene.h.reactor_run()
    same([n for n, _ in scene.seen], [0, 1, 2], "for the next runs")


def test_exception_in_a_batch():
    scene = Scene()

    def callback(h, _watcher, msg, _args):
        h.respond(msg)
        if msg.payload["n"] == 1:
            raise KeyError("one")
        scene.seen.append((msg.payload["n"], ""))

    scene.h.msg_watcher_create(callback, topic_glob="a.b").start()
    scene.peer.send(*[request("a.b", {"n": n}) for n in range(3)])
    raises(KeyError, scene.h.reactor_run, "an exception comes out")
    same([n for n, _ in scene.seen], [0], "what was before it is done")
    same(scene.peer.pending(), 2, "and was answered")
    scene.turn()
    same([n for n, _ in scene.seen], [0, 2], "and what is behind it not lost")


def test_batches():
    scene = Scene()
    writes = []
    class Counting(type(scene.h.channel)):
        __slots__ = ()

        def flush(self):
            writes.append(self.pending)
            super().flush()

    scene.h.channel.__class__ = Counting
    scene.h.msg_watcher_create(
        lambda h, w, msg, a: h.respond(msg), topic_glob="a.b"
    ).start()
    scene.play(*[request("a.b")] * 64)
    same(scene.peer.pending(), 64, "64 answers come")
    ok(len(writes) < 16, "in few writes: a batch waits 200 us at most")

    def slow(h, _watcher, msg, _args):
        time.sleep(0.002)
        h.respond(msg)

    scene.h.msg_watcher_create(slow, topic_glob="a.slow").start()
    del writes[:]
    scene.play(*[request("a.slow")] * 4)
    ok(len(writes) >= 4, "slow handlers' answers do not wait")


def test_slow_reader():
    scene = Scene()
    text = "x" * 100000
    scene.h.msg_watcher_create(
        lambda h, w, msg, a: h.respond(msg, {"x": text}), topic_glob="a.b"
    ).start()
    most = [0]

    def read_some(h, *_):
        most[0] = max(most[0], h.channel.pending)
        if scene.peer.pending() == 50:
            h.reactor_stop()

    scene.peer.send(*[request("a.b")] * 50)
    scene.h.timer_watcher_create(0.001, read_some, repeat=0.001).start()
    scene.h.reactor_run()
    ok(most[0] > 100000, "what a slow peer does not take is kept")
    same(scene.h.channel.pending, 0, "and written when it does")


def test_two_full_sockets():
    def flood(msg):
        return [event("e", {"x": "y" * 1000})] * 100 + echo(msg)

    peer = Answerer(flood)
    h = peer.handle
    futures = [h.rpc("x.echo", {"x": "z" * 20000}) for _ in range(50)]
    for future in futures:
        future.get()
    same(len(h.inbox), 5000, "both may send much at the same time")


def test_watcher_changes():
    scene = Scene()

    def callback(_h, watcher, msg, _args):
        scene.seen.append(("once", msg.topic))
        watcher.destroy()
        scene.watch("new", "a.b")

    scene.h.msg_watcher_create(callback, topic_glob="a.b").start()
    same(
        scene.play(request("a.b"), request("a.b")),
        ["once", "new"],
        "a callback may end itself and start others",
    )


def test_streaming_continuation():
    scene = Scene()
    got = []

    def callback(future):
        try:
            got.append(future.get()["n"])
            future.reset()
        except OSError as exc:
            got.append(exc.errno)

    rpc = scene.h.rpc("a.b", flags=FLUX_RPC_STREAMING)
    rpc.then(callback)
    msgs = [response("a.b", {"n": n}, streaming=True) for n in range(3)]
    msgs.append(response("a.b", None, 1, errno.ENODATA, streaming=True))
    scene.peer.send(*msgs)
    same(scene.h.reactor_run(), 0, "the reactor ends with the stream")
    same(got, [0, 1, 2, errno.ENODATA], "a call for each response")


def test_close_in_callback():
    scene = Scene()
    scene.watch("x", "x")
    scene.h.msg_watcher_create(
        lambda h, w, msg, a: h.close(), topic_glob="a.b"
    ).start()
    scene.peer.send(request("a.b"), request("x"))
    raises(OSError, scene.h.reactor_run, "the end", errno.ECONNRESET)
    scene = Scene()
    scene.watch("x", "x")
    scene.peer.sock.close()
    raises(OSError, scene.h.reactor_run, "end of file", errno.ECONNRESET)
    scene = Scene()
    scene.watch("x", "x")
    scene.peer.sock.sendall(b"\0" * 100)
    raises(OSError, scene.h.reactor_run, "rubbish", errno.EPROTO)


test_requests()
test_unwanted()
test_roles()
test_events()
test_responses()
test_bad_payload()
test_sync_in_handler()
test_continuation_order()
test_get_of_a_continued()
test_stop_in_a_batch()
test_exception_in_a_batch()
test_batches()
test_slow_reader()
test_two_full_sockets()
test_watcher_changes()
test_streaming_continuation()
test_close_in_callback()
done()
