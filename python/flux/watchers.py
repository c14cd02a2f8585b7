"""flux.watchers - what a reactor watches: time, descriptors, signals

A watcher is created stopped.  start() and stop() may be called at any time,
also from its own callback, and more than once; `with` starts it at the
begin and destroys it at the end of the block.  While it is started its
reactor keeps it, so that the caller need not.  unref() makes a watcher one
that does not keep reactor_run() from returning.

Callbacks are called as callback(handle, watcher, revents, args); that of a
descriptor gets (handle, watcher, fd, revents, args), and that of a signal
the signal's number in place of revents.
"""

import errno

from flux.constants import FLUX_POLLIN
from flux.errors import error


class Watcher:
    __slots__ = (
        "flux_handle",
        "callback",
        "args",
        "active",
        "counted",
        "__weakref__",
    )

    def __init__(self, flux_handle, callback=None, args=None):
        self.flux_handle = flux_handle
        self.callback = callback
        self.args = args
        self.active = False
        self.counted = True

    def __enter__(self):
        return self.start()

    def __exit__(self, type_arg, value, _):
        self.destroy()

    @property
    def reactor(self):
        return self.flux_handle.get_reactor()

    def start(self):
        if not self.active:
            self._begin()
            self.active = True
            self.reactor.count(self.counted)
        return self

    def stop(self):
        if self.active:
            self.active = False
            self.reactor.count(-self.counted)
            self._end()
        return self

    def ref(self):
        self._set_counted(True)

    def unref(self):
        self._set_counted(False)

    def _set_counted(self, counted):
        if self.active:
            self.reactor.count(counted - self.counted)
        self.counted = counted

    def destroy(self):
        self.stop()

    def fire(self, revents=0):
        if self.callback is not None:
            self.callback(self.flux_handle, self, revents, self.args)


class TimerWatcher(Watcher):
    """Fires `after` seconds from its start, then every `repeat` if not 0."""

    __slots__ = ("after", "repeat", "due")

    def __init__(self, flux_handle, after, callback, repeat=0, args=None):
        if after < 0 or repeat < 0:
            raise error(errno.EINVAL)
        super().__init__(flux_handle, callback, args)
        self.after = float(after)
        self.repeat = float(repeat)
        self.due = None  # the reactor's key while it waits

    def _begin(self):
        self.reactor.add_timer(self, self.after)

    def _end(self):
        self.reactor.remove_timer(self)

    def reset(self, after=None, repeat=None):
        """Begin anew, with other times if given."""
        if after is not None:
            self.after = float(after)
        if repeat is not None:
            self.repeat = float(repeat)
        if self.active:
            self._end()
            self._begin()

    def fire(self, revents=0):
        if self.repeat:
            self.reactor.add_timer(self, self.repeat)
        else:
            self.active = False
            self.reactor.count(-self.counted)
        super().fire(revents)


class FDWatcher(Watcher):
    """Fires while the descriptor is ready: FLUX_POLLIN, FLUX_POLLOUT."""

    __slots__ = ("fd", "events")

    def __init__(self, flux_handle, fd_int, events, callback, args=None):
        super().__init__(flux_handle, callback, args)
        self.fd = fd_int
        self.events = FLUX_POLLIN if events is None else events

    def _begin(self):
        self.reactor.add_fd(self)

    def _end(self):
        self.reactor.remove_fd(self)

    def fire(self, revents=0):
        self.callback(self.flux_handle, self, self.fd, revents, self.args)


class _LoopWatcher(Watcher):
    """Fires once each turn of the loop, in the phase named by the class."""

    __slots__ = ()

    def _begin(self):
        self._phase().append(self)

    def _end(self):
        self._phase().remove(self)

    def _phase(self):
        return self.reactor.phases[type(self).__name__]


class PrepareWatcher(_LoopWatcher):
    """Fires before the reactor waits."""

    __slots__ = ()


class CheckWatcher(_LoopWatcher):
    """Fires after the reactor has waited, before what it waited for."""

    __slots__ = ()


class IdleWatcher(_LoopWatcher):
    """Fires when there is nothing else; the reactor then does not wait."""

    __slots__ = ()


class SignalWatcher(Watcher):
    """Fires after a signal.  Only the main thread may start one."""

    __slots__ = ("signum",)

    def __init__(self, flux_handle, signal_int, callback, args=None):
        if not 0 < signal_int < 65:
            raise OSError(errno.EINVAL, "invalid signal number")
        super().__init__(flux_handle, callback, args)
        self.signum = int(signal_int)

    def _begin(self):
        self.reactor.add_signal(self)

    def _end(self):
        self.reactor.remove_signal(self)

    def fire(self, revents=0):
        self.callback(self.flux_handle, self, self.signum, self.args)
