"""flux.future - a result that is there now or later

get() waits for the result and returns it; then() has a function called once
it is there, by the reactor, at most once for each result.  A future may be
fulfilled several times (a streaming RPC): what comes while a result is still
held is queued, and reset() makes room for the next.

Who calls then() need not keep the future: its handle does, until the
function has been called and has not reset it, or until stop().

A failed future's get() raises OSError.  Waiting outside of the reactor
leaves other messages that arrive in the handle, in order; waiting for a
future that no message fulfills (FutureExt) runs the handle's reactor.
"""

import errno

from flux.errors import error


class Future:
    __slots__ = (
        "_handle",
        "_ready",
        "_result",
        "_failure",
        "_queue",
        "_callback",
        "_timeout",
        "_timer",
        "_resets",
        "__weakref__",
    )

    def __init__(self, flux_handle=None):
        self._handle = flux_handle
        self._ready = False
        self._result = None
        self._failure = None  # OSError
        self._queue = None  # (result, failure) that came too early
        self._callback = None  # function, args, kwargs
        self._timeout = -1.0
        self._timer = None
        self._resets = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def get_flux(self):
        return self._handle

    def set_flux(self, flux_handle):
        self._handle = flux_handle

    def get_reactor(self):
        return self._handle.get_reactor()

    def is_ready(self):
        return self._ready

    def error_string(self):
        return self._failure.strerror if self._failure else None

    def fulfill(self, result=None, failure=None):
        if self._ready:
            if self._queue is None:
                self._queue = []
            self._queue.append((result, failure))
            return
        self._ready = True
        self._result = result
        self._failure = failure
        if self._callback:
            self._handle.call_soon(self)

    def fulfill_error(self, errnum=errno.ENOENT, errstr=None):
        self.fulfill(None, error(errnum, errstr))

    def reset(self):
        """Drop the result.  The next one may be there already."""
        self._resets += 1
        self._ready = False
        self._result = self._failure = None
        if self._queue:
            self.fulfill(*self._queue.pop(0))
        elif self._timer:
            self._timer.reset()

    def wait_for(self, timeout=-1.0):
        """Wait `timeout` seconds, for ever if negative.  TimeoutError."""
        if not self._ready:
            self._wait(None if timeout is None or timeout < 0 else timeout)
        if not self._ready:
            raise error(errno.ETIMEDOUT)
        return self

    def _wait(self, timeout):
        if self._handle is None:
            raise error(errno.EDEADLK)
        self._handle.run_until(self.is_ready, timeout)

    def _take(self):
        self.wait_for()
        if self._failure:
            raise OSError(*self._failure.args)
        return self._result

    def get(self):
        return self._take()

    def then(self, callback, *args, timeout=-1.0, **kwargs):
        """Have callback(self, *args, **kwargs) called for each result.

        timeout: seconds after which the future fails with ETIMEDOUT, anew
        after each reset(); none if negative.
        """
        if self._callback:
            raise error(errno.EEXIST)
        self._callback = (callback, args, kwargs)
        self._handle.keep(self)
        if self._ready:
            self._handle.call_soon(self)
        elif timeout is not None and timeout >= 0:
            self._start_timer(timeout)
        return self

    def _start_timer(self, timeout):
        self._timer = self._handle.timer_watcher_create(timeout, self._expire)
        self._timer.unref()
        self._timer.start()

    def _expire(self, *_):
        if not self._ready:
            self.fulfill_error(errno.ETIMEDOUT)

    def stop(self):
        """Have the callback not called again."""
        if self._callback:
            self._callback = None
            self._handle.unkeep(self)
        if self._timer:
            self._timer.destroy()
            self._timer = None

    def run_callback(self):
        """Called by the handle, for each call_soon()."""
        if not self._callback or not self._ready:
            return
        if self._timer:
            self._timer.stop()
        resets = self._resets
        callback, args, kwargs = self._callback
        try:
            callback(self, *args, **kwargs)
        finally:
            if self._resets == resets:
                self.stop()
            elif self._timer and not self._ready:
                self._timer.start()


class FutureExt(Future):
    """A future that init_cb(future, *args, **kw_args) sets out to fulfill.

    init_cb is called when somebody first waits for the future, or calls its
    then(); it, or what it starts, calls fulfill() or fulfill_error().
    """

    __slots__ = ("_init",)

    def __init__(self, init_cb, *args, flux_handle=None, **kw_args):
        super().__init__(flux_handle)
        self._init = (init_cb, args, kw_args)

    def _begin(self):
        if self._init:
            init_cb, args, kw_args = self._init
            self._init = None
            init_cb(self, *args, **kw_args)

    def wait_for(self, timeout=-1.0):
        self._begin()
        return super().wait_for(timeout)

    def then(self, callback, *args, timeout=-1.0, **kwargs):
        super().then(callback, *args, timeout=timeout, **kwargs)
        self._begin()
        return self
