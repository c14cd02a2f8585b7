"""flux.reactor - the event loop: one poll() a turn

A turn: prepare watchers; wait, not at all if something is at hand, else
until the next timer is due; check watchers; descriptors that are ready;
timers that are due, in the order of their times; idle watchers if none of
those fired; and messages that the handle has already read (`backlog`).

run() returns when a callback stops the reactor, or when nothing is active
any more: no started watcher that counts, and no continuation that waits.
It returns the number of what is active, or -1 after reactor_stop_error().
An exception in a callback ends the turn and comes out of run(); what was
ready and has not been called is still ready at the next run().

Any callback may start or stop any watcher, its own included: lists are
copied before they are walked, and who has been stopped since is passed over.
"""

from bisect import bisect_left, insort
from select import POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, poll
from time import monotonic

from flux.constants import (
    FLUX_POLLERR,
    FLUX_POLLIN,
    FLUX_POLLOUT,
    FLUX_REACTOR_NOWAIT,
    FLUX_REACTOR_ONCE,
)

# What poll() can be told, in seconds, with room to spare.
_WAIT_MAX = 1000000

_GOING = 0
_STOPPED = 1
_FAILED = 2
_INTERRUPTED = 3


def _to_poll(events):
    wanted = 0
    if events & FLUX_POLLIN:
        wanted |= POLLIN
    if events & FLUX_POLLOUT:
        wanted |= POLLOUT
    return wanted


def _from_poll(revents, wanted):
    ready = 0
    if revents & (POLLIN | POLLHUP):
        ready |= FLUX_POLLIN
    if revents & POLLOUT:
        ready |= FLUX_POLLOUT
    ready &= wanted
    if revents & (POLLERR | POLLNVAL):
        ready |= FLUX_POLLERR
    return ready


class Reactor:
    __slots__ = (
        "active",
        "depth",
        "phases",
        "backlog",
        "_state",
        "_poll",
        "_fds",
        "_timers",
        "_serial",
        "_signals",
        "_prepares",
        "_checks",
        "_idles",
        "__weakref__",
    )

    def __init__(self):
        self.active = 0
        self.depth = 0  # of nested run()
        self.backlog = None  # has_backlog(), run_backlog(), of the handle
        self._state = _GOING
        self._poll = poll()
        self._fds = {}  # fd: its watchers
        self._timers = []  # (due, serial, watcher), sorted
        self._serial = 0
        self._signals = None
        self._prepares, self._checks, self._idles = [], [], []
        self.phases = {
            "PrepareWatcher": self._prepares,
            "CheckWatcher": self._checks,
            "IdleWatcher": self._idles,
        }

    def count(self, change):
        """Something that keeps run() going begins (1) or ends (-1)."""
        self.active += change

    def stop(self):
        self._state = _STOPPED

    def stop_error(self):
        self._state = _FAILED

    def interrupt(self):
        """Make run() raise KeyboardInterrupt."""
        self._state = _INTERRUPTED

    @property
    def stopping(self):
        return self._state != _GOING

    def run(self, flags=0):
        outer, self._state = self._state, _GOING
        self.depth += 1
        try:
            while self.active > 0 or self._has_backlog():
                fired = self._turn(flags & FLUX_REACTOR_NOWAIT)
                if self._state or flags & FLUX_REACTOR_NOWAIT:
                    break
                if fired and flags & FLUX_REACTOR_ONCE:
                    break
            return self._result()
        finally:
            self._state = outer
            self.depth -= 1
            if self._signals and not self.depth:
                self._signals.disarm()

    def _result(self):
        if self._state == _INTERRUPTED:
            raise KeyboardInterrupt
        return -1 if self._state == _FAILED else self.active

    def _turn(self, nowait):
        """Whether anything fired."""
        if self._signals:
            self._signals.arm()
        if self._prepares:
            self._fire_all(self._prepares)
        ready = self._poll.poll(0 if nowait else self._patience())
        if self._checks:
            self._fire_all(self._checks)
        fired = False
        for fd, revents in ready:
            fired |= self._fire_fd(fd, revents)
        if self._timers:
            fired |= self._fire_timers()
        if self._has_backlog():
            self.backlog.run_backlog()
            fired = True
        if self._idles and not fired and not self._state:
            self._fire_all(self._idles)
        return fired

    def _patience(self):
        """For how long to wait: milliseconds, None for ever."""
        if self._state or self._idles or self._has_backlog():
            return 0
        if not self._timers:
            return None
        left = self._timers[0][0] - monotonic()
        return min(max(0.0, left), _WAIT_MAX) * 1000

    def _has_backlog(self):
        return self.backlog is not None and self.backlog.has_backlog()

    @staticmethod
    def _fire_all(watchers):
        for watcher in list(watchers):
            if watcher.active:
                watcher.fire()

    def add_fd(self, watcher):
        watchers = self._fds.setdefault(watcher.fd, [])
        watchers.append(watcher)
        self.update_fd(watcher.fd)

    def remove_fd(self, watcher):
        self._fds[watcher.fd].remove(watcher)
        self.update_fd(watcher.fd)

    def update_fd(self, fd):
        """Tell poll() what the watchers of fd wait for by now."""
        watchers = self._fds[fd]
        if not watchers:
            del self._fds[fd]
            self._poll.unregister(fd)
            return
        wanted = 0
        for watcher in watchers:
            wanted |= _to_poll(watcher.events)
        self._poll.register(fd, wanted)

    def _fire_fd(self, fd, revents):
        fired = False
        for watcher in tuple(self._fds.get(fd, ())):
            ready = _from_poll(revents, watcher.events)
            if ready and watcher.active:
                watcher.fire(ready)
                fired = True
        return fired

    def add_timer(self, watcher, after):
        self._serial += 1
        watcher.due = (monotonic() + after, self._serial, watcher)
        insort(self._timers, watcher.due)

    def remove_timer(self, watcher):
        if watcher.due is not None:
            del self._timers[bisect_left(self._timers, watcher.due)]
            watcher.due = None

    def _fire_timers(self):
        """Those that are due now; not those that they start."""
        now = monotonic()
        last = self._serial
        fired = False
        while self._timers and self._timers[0][0] <= now:
            watcher = self._timers[0][2]
            if watcher.due[1] > last:
                break
            self.remove_timer(watcher)
            watcher.fire()
            fired = True
        return fired

    def add_signal(self, watcher):
        if self._signals is None:
            from flux.signals import Signals

            self._signals = Signals(self)
        self._signals.add(watcher)

    def remove_signal(self, watcher):
        self._signals.remove(watcher)
