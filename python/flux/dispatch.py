"""flux.dispatch - which watcher gets which message

What flux_msg_handler_create(3) says: a request goes to the watcher whose
topic is exactly its own, the last one created, else to the last one created
whose pattern matches; a response to its RPC, else like a request without
the preference for exact topics; an event to all that match.  A request that
nobody wants is answered with ENOSYS, one whose sender has none of the
watcher's roles with EPERM, one whose payload its handler could not read
with EPROTO.  Other messages that nobody wants are dropped.

A dispatcher is its handle's descriptor watcher in the reactor, as long as
there are message watchers or continuations.  One read brings many messages;
the answers of their handlers leave with one write, but none waits longer
than HOLD_TIME for the handlers behind it.  A callback that stops the
reactor, or raises, leaves the rest of the messages where they are, for the
next run.
"""

import errno
from time import monotonic

from flux.constants import (
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_REQUEST,
    FLUX_MSGTYPE_RESPONSE,
    FLUX_POLLIN,
    FLUX_POLLOUT,
)
from flux.errors import PayloadError

HOLD_TIME = 0.001


class Dispatcher:
    __slots__ = (
        "handle",
        "reactor",
        "channel",
        "fd",
        "events",
        "active",
        "users",
        "ready",
        "_exact",
        "_globs",
    )

    def __init__(self, handle, reactor, channel):
        self.handle = handle
        self.reactor = reactor
        self.channel = channel
        self.fd = channel.fd
        self.events = FLUX_POLLIN
        self.active = False
        self.users = 0  # watchers and continuations
        self.ready = []  # futures whose callbacks are to be called
        self._exact = {}  # topic: watchers, the newest last
        self._globs = []  # other watchers, the newest last
        reactor.backlog = self

    def use(self, change):
        """One more (1) or less (-1) needs the messages that come in."""
        self.users += change
        needed = self.users > 0 and self.channel.fd >= 0
        if needed == self.active:
            return
        self.active = needed
        if needed:
            self.reactor.add_fd(self)
        else:
            self.reactor.remove_fd(self)

    def close(self):
        """The descriptor is about to be closed."""
        if self.active:
            self.active = False
            self.reactor.remove_fd(self)

    def add(self, watcher):
        self._list_of(watcher).append(watcher)
        self.use(1)

    def remove(self, watcher):
        watchers = self._list_of(watcher)
        watchers.remove(watcher)
        if not watchers:
            self._exact.pop(watcher.topic, None)
        self.use(-1)

    def _list_of(self, watcher):
        if watcher.topic is None:
            return self._globs
        return self._exact.setdefault(watcher.topic, [])

    def has_backlog(self):
        if self.ready:
            return True
        if not self.active:
            return self.users > 0
        return bool(self.handle.inbox) or self.channel.backlog

    def fire(self, revents):
        """The descriptor is ready."""
        if revents & FLUX_POLLOUT:
            self.channel.flush()
        if revents & ~FLUX_POLLOUT:
            self.handle.take_in(self.channel.receive_now())
        self.run_backlog()

    def run_backlog(self):
        channel = self.channel
        inbox = self.handle.inbox
        channel.check()
        if channel.backlog:
            self.handle.take_in(channel.receive(0))
        channel.hold()
        began = monotonic()
        try:
            self._run_ready()
            while inbox and not self.reactor.stopping:
                self._deliver(inbox.popleft())
                self._run_ready()
                if channel.pending and monotonic() - began > HOLD_TIME:
                    channel.flush()
                    began = monotonic()
        finally:
            channel.release()
            self._watch_output()

    def _run_ready(self):
        while self.ready and not self.reactor.stopping:
            self.ready.pop(0).run_callback()

    def _watch_output(self):
        events = FLUX_POLLIN
        if self.channel.pending:
            events |= FLUX_POLLOUT
        if events != self.events:
            self.events = events
            if self.active:
                self.reactor.update_fd(self.fd)

    def _deliver(self, msg):
        if msg.type == FLUX_MSGTYPE_REQUEST:
            self._deliver_request(msg)
        elif msg.type == FLUX_MSGTYPE_EVENT:
            self._deliver_event(msg)
        elif not self.handle.claim(msg):
            self._deliver_other(msg)

    def _deliver_request(self, msg):
        watcher = self._find_exact(msg) or self._find_glob(msg)
        if watcher is None:
            text = "Unknown service method '%s'" % msg.topic
            self.handle.respond_error(msg, errno.ENOSYS, text)
        elif not msg.rolemask & watcher.rolemask:
            text = "Request requires owner credentials"
            self.handle.respond_error(msg, errno.EPERM, text)
        else:
            self._call(watcher, msg)

    def _find_exact(self, msg):
        for watcher in reversed(self._exact.get(msg.topic_bytes, ())):
            if watcher.matches(msg):
                return watcher
        return None

    def _find_glob(self, msg):
        for watcher in reversed(self._globs):
            if watcher.matches(msg):
                return watcher
        return None

    def _call(self, watcher, msg):
        try:
            watcher.fire(msg)
        except PayloadError as exc:
            if exc.data is None or exc.data is not msg.payload_raw:
                raise
            self.handle.respond_error(msg, errno.EPROTO, str(exc))

    def _deliver_event(self, msg):
        watchers = self._exact.get(msg.topic_bytes, []) + self._globs
        for watcher in watchers:
            wanted = watcher.active and watcher.matches(msg)
            if wanted and msg.rolemask & watcher.rolemask:
                watcher.fire(msg)

    def _deliver_other(self, msg):
        if msg.type == FLUX_MSGTYPE_RESPONSE:
            watcher = self._find_exact(msg) or self._find_glob(msg)
        else:
            watcher = self._find_glob(msg)
        if watcher is not None:
            watcher.fire(msg)
