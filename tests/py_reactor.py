"""py_reactor.py - watchers and continuations"""

import errno
import os
import signal
import time

from pytap import Peer, done, ok, raises, response, same

from flux.constants import (
    FLUX_POLLIN,
    FLUX_POLLOUT,
    FLUX_REACTOR_NOWAIT,
    FLUX_REACTOR_ONCE,
)
from flux.future import Future, FutureExt


def test_nothing():
    h = Peer().handle
    same(h.reactor_run(), 0, "nothing to wait for")
    watcher = h.timer_watcher_create(1000, None).start()
    watcher.unref()
    same(h.reactor_run(), 0, "unref() is nothing to wait for")
    watcher.ref()
    same(h.reactor_run(flags=FLUX_REACTOR_NOWAIT), 1, "ref() is")
    watcher.destroy()
    watcher.destroy()
    same(h.reactor_run(), 0, "destroy() may be repeated")


def test_timers():
    h = Peer().handle
    order = []

    def note(_h, watcher, revents, args):
        order.append((args, revents))

    for after in (0.003, 0.001, 0.002, 0):
        h.timer_watcher_create(after, note, args=after).start()
    stopped = h.timer_watcher_create(0.001, note, args="stopped").start()
    stopped.stop()
    same(h.reactor_run(), 0, "timers that fired are over")
    same(order, [(0, 0), (0.001, 0), (0.002, 0), (0.003, 0)], "in order")
    raises(OSError, lambda: h.timer_watcher_create(-1, note), "no -1 s",
           errno.EINVAL)  # fmt: skip


def test_repeat():
    h = Peer().handle
    count = [0]

    def note(h, watcher, _revents, _args):
        count[0] += 1
        if count[0] == 5:
            watcher.stop()

    began = time.monotonic()
    h.timer_watcher_create(0, note, repeat=0.002).start()
    h.reactor_run()
    same(count[0], 5, "a timer repeats until it is stopped")
    ok(time.monotonic() - began >= 0.008, "and keeps its time")
    watcher = h.timer_watcher_create(1000, lambda h, *_: h.reactor_stop())
    watcher.start()
    watcher.reset(after=0.001)
    h.reactor_run()
    ok(True, "reset() changes the time")


def test_stops():
    h = Peer().handle

    def run(action):
        with h.timer_watcher_create(0, lambda *_: action()):
            return h.reactor_run()

    same(run(h.reactor_stop), 0, "stop: what is active")
    same(run(h.reactor_stop_error), -1, "stop_error: -1")
    raises(KeyboardInterrupt, lambda: run(h.reactor_interrupt), "interrupt")
    raises(ZeroDivisionError, lambda: run(lambda: 1 / 0), "an exception")
    same(run(lambda: h.reactor_stop(h.get_reactor())), 0, "by reactor")
    same(h.reactor_run(flags=FLUX_REACTOR_ONCE), 0, "it can be run again")


def test_descriptors():
    h = Peer().handle
    read_fd, write_fd = os.pipe()
    seen = []

    def readable(_h, _watcher, fd, revents, _args):
        seen.append((fd, revents, os.read(fd, 10)))
        h.reactor_stop()

    def writable(_h, watcher, fd, _revents, _args):
        os.write(fd, b"x")
        watcher.stop()

    reader = h.fd_watcher_create(read_fd, readable).start()
    h.fd_watcher_create(write_fd, writable, FLUX_POLLOUT).start()
    h.reactor_run()
    same(seen, [(read_fd, FLUX_POLLIN, b"x")], "readable, once written to")
    os.close(write_fd)
    h.reactor_run()
    same(seen[1], (read_fd, FLUX_POLLIN, b""), "end of file is readable")
    reader.stop()
    os.close(read_fd)
    one, other = os.pipe()
    both = [h.fd_watcher_create(one, readable).start() for _ in range(2)]
    os.write(other, b"abc")
    both[0].stop()
    h.reactor_run()
    same(len(seen), 3, "of two watchers of a descriptor, one remains")
    both[1].stop()
    same(h.get_reactor()._fds, {}, "nothing is left behind")


def test_phases():
    h = Peer().handle
    order = []

    def note(name):
        return lambda *_: order.append(name)

    def stop(h, watcher, _revents, _args):
        order.append("idle")
        if len(order) > 6:
            h.reactor_stop()

    h.prepare_watcher_create(note("prepare")).start()
    h.check_watcher_create(note("check")).start()
    idle = h.idle_watcher_create(stop).start()
    h.reactor_run()
    same(order, ["prepare", "check", "idle"] * 3, "prepare, check, idle")
    idle.stop()
    del order[:]
    h.timer_watcher_create(0, note("timer")).start()
    h.reactor_run(flags=FLUX_REACTOR_ONCE)
    same(order[:3], ["prepare", "check", "timer"], "check is before others")


def test_signals():
    h = Peer().handle
    seen = []

    def caught(h, _watcher, signum, args):
        seen.append((signum, args))
        if len(seen) == 2:
            h.reactor_stop()

    def send(*_):
        os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.getsignal(signal.SIGUSR1)
    with h.signal_watcher_create(signal.SIGUSR1, caught, "a"):
        send()  # not running yet
        h.timer_watcher_create(0.001, send).start()
        h.reactor_run()
    same(seen, [(signal.SIGUSR1, "a")] * 2, "before and in the reactor")
    same(signal.getsignal(signal.SIGUSR1), before, "the old handler is back")
    same(signal.set_wakeup_fd(-1), -1, "and so is the wakeup descriptor")
    for bad in (0, -1, 65, 500):
        raises(OSError, lambda: h.signal_watcher_create(bad, caught),
               "no signal %d" % bad, errno.EINVAL)  # fmt: skip


def test_two_handles():
    one, two = Peer().handle, Peer().handle
    order = []

    def inner(*_):
        order.append("inner")
        two.reactor_stop()

    def outer(*_):
        two.timer_watcher_create(0, inner).start()
        two.reactor_run()
        order.append("outer")
        one.reactor_stop()

    one.timer_watcher_create(0, outer).start()
    one.reactor_run()
    same(order, ["inner", "outer"], "each handle has its own reactor")


def test_then():
    peer = Peer()
    h = peer.handle
    seen = []
    h.rpc("a.b").then(lambda f, *args, **kw: seen.append((args, kw)), 1, b=2)
    h.rpc("a.c").then(lambda f, arg=None: seen.append(arg))
    h.rpc("a.d").then(lambda f, arg: seen.append(f.get()), arg="x")
    for tag in (1, 2, 3):
        peer.send(response("a", {"n": tag}, tag))
    same(h.reactor_run(), 0, "the reactor ends with the last one")
    same(seen, [((1,), {"b": 2}), None, {"n": 3}], "arguments")
    future = h.rpc("a.b")
    future.then(print)
    raises(OSError, lambda: future.then(print), "only one", errno.EEXIST)
    future.stop()
    same(h.reactor_run(), 0, "stop() is the end of it")
    peer.send(response("a.b", {"x": 1}, 1))
    late = h.rpc("a.b")
    peer.send(response("a.b", {"x": 1}, late.matchtag))
    late.wait_for()
    late.then(lambda f: seen.append(f.get()))
    h.reactor_run()
    same(seen[-1], {"x": 1}, "then() of one that is ready")


def test_then_timeout():
    peer = Peer()
    h = peer.handle
    seen = []

    def callback(future):
        try:
            seen.append(future.get())
        except OSError as exc:
            seen.append(exc.errno)
        if len(seen) < 3:
            future.reset()

    rpc = h.rpc("a.b")
    rpc.then(callback, timeout=0.001)
    h.reactor_run()
    same(seen, [errno.ETIMEDOUT] * 3, "time and again, after each reset")
    quick = h.rpc("a.b")
    peer.send(response("a.b", {}, quick.matchtag))
    quick.then(callback, timeout=1000)
    h.reactor_run()
    same(seen[3], {}, "in time")
    same(h.get_reactor()._timers, [], "no timer is left")


def test_exception_in_then():
    peer = Peer()
    h = peer.handle

    def fail(_future):
        raise KeyError("x")

    h.rpc("a.b").then(fail)
    peer.send(response("a.b"))
    raises(KeyError, h.reactor_run, "comes out of the reactor")
    same(h.reactor_run(), 0, "and the future is done with")


def test_futures():
    h = Peer().handle
    future = Future(h)
    future.fulfill("x")
    future.fulfill("y")
    same(future.get(), "x", "a result")
    future.reset()
    same(future.get(), "y", "and the next")
    future.reset()
    same(future.is_ready(), False, "and no more")
    future.fulfill_error(errno.EPERM, "no")
    exc = raises(OSError, future.get, "an error", errno.EPERM)
    same(exc.strerror, "no", "with text")
    raises(OSError, Future().get, "nobody to fulfill it", errno.EDEADLK)
    raises(OSError, Future(h).get, "nothing to wait for", errno.EDEADLK)


def test_extended_futures():
    peer = Peer()
    h = peer.handle

    def begin(future, result):
        h.timer_watcher_create(0, lambda *_: future.fulfill(result)).start()

    future = FutureExt(begin, "x", flux_handle=h)
    same(future.is_ready(), False, "begins when waited for")
    same(future.get(), "x", "and runs the reactor")
    seen = []
    FutureExt(begin, "y", flux_handle=h).then(lambda f: seen.append(f.get()))
    h.reactor_run()
    same(seen, ["y"], "then()")
    slow = FutureExt(lambda f: h.timer_watcher_create(9, print).start(),
                     flux_handle=h)  # fmt: skip
    raises(OSError, lambda: slow.wait_for(0.001), "time", errno.ETIMEDOUT)


test_nothing()
test_timers()
test_repeat()
test_stops()
test_descriptors()
test_phases()
test_signals()
test_two_handles()
test_then()
test_then_timeout()
test_exception_in_then()
test_futures()
test_extended_futures()
done()
