"""flux.signals - signals as events of a reactor

Python runs a signal's handler in the main thread, some time after it came;
that alone would not end a poll() that begins in between.  So the signal's
number is also written to a pipe by the interpreter itself
(signal.set_wakeup_fd), and the reactor polls the pipe.  The handler notes
the number, the pipe wakes, fire() calls the watchers.

There is one such descriptor in a process: a reactor sets it when it runs
and gives it back at the end, so that handles used in turn do not disturb
each other.  A signal's former handler is put back when its last watcher
stops.  Signals sent while the reactor does not run are noted and called
for when it does.
"""

import os
import signal

from flux.constants import FLUX_POLLIN


class Signals:
    """In a reactor's list of descriptors, this is one more watcher."""

    __slots__ = (
        "reactor",
        "fd",
        "events",
        "active",
        "_write_fd",
        "_outer",
        "_armed",
        "_watchers",
        "_former",
        "_caught",
    )

    def __init__(self, reactor):
        self.reactor = reactor
        self.fd, self._write_fd = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write_fd, False)
        self.events = FLUX_POLLIN
        self.active = True
        self._armed = False
        self._outer = -1  # the wakeup descriptor that was set before ours
        self._watchers = {}  # signum: list
        self._former = {}  # signum: handler
        self._caught = []
        reactor.add_fd(self)

    def __del__(self):
        os.close(self.fd)
        os.close(self._write_fd)

    def add(self, watcher):
        signum = watcher.signum
        if signum not in self._watchers:
            self._former[signum] = signal.signal(signum, self._catch)
            self._watchers[signum] = []
        self._watchers[signum].append(watcher)

    def remove(self, watcher):
        watchers = self._watchers[watcher.signum]
        watchers.remove(watcher)
        if not watchers:
            del self._watchers[watcher.signum]
            former = self._former.pop(watcher.signum)
            signal.signal(watcher.signum, former or signal.SIG_DFL)

    def arm(self):
        if self._watchers and not self._armed:
            self._outer = signal.set_wakeup_fd(self._write_fd)
            self._armed = True

    def disarm(self):
        if self._armed:
            signal.set_wakeup_fd(self._outer)
            self._armed = False

    def _catch(self, signum, _frame):
        self._caught.append(signum)
        if not self._armed:
            os.write(self._write_fd, b"\0")

    def fire(self, _revents=0):
        try:
            os.read(self.fd, 512)
        except BlockingIOError:
            pass
        caught, self._caught = self._caught, []
        for signum in caught:
            for watcher in tuple(self._watchers.get(signum, ())):
                if watcher.active:
                    watcher.fire()
