"""flux.handle - a connection to a broker

Messages that arrive are sorted at once: a response whose RPC has no
continuation goes to its future, whoever waits for it; everything else goes
to `inbox`, in order, and stays there until the reactor dispatches it
(dispatch.py) or recv() takes it.  So synchronous calls work before, inside
and outside of the reactor, and neither lose nor reorder what others send
meanwhile.

A handle makes its reactor and dispatcher when they are first asked for; a
script that only makes synchronous calls has neither.  Handles are not
thread-safe, but each thread may have its own.

Errors are OSError with errno and a text.  The loss of the connection is
ECONNRESET, from whatever call notices it, reactor_run() included.

FLUX_HANDLE_USERID and FLUX_HANDLE_ROLEMASK, for tests, are the credentials
that messages are sent with; the broker lets only the owner choose them.
"""

import errno
import os
from time import monotonic

from flux import payload as json
from flux import watchers, wire
from flux.channel import DEFAULT_URI, connect
from flux.constants import (
    FLUX_MSGFLAG_NORESPONSE,
    FLUX_MSGFLAG_PAYLOAD,
    FLUX_MSGFLAG_ROUTE,
    FLUX_MSGFLAG_STREAMING,
    FLUX_MSGFLAG_TOPIC,
    FLUX_MSGTYPE_ANY,
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_REQUEST,
    FLUX_MSGTYPE_RESPONSE,
    FLUX_NODEID_ANY,
    FLUX_O_NONBLOCK,
    FLUX_REACTOR_ONCE,
    FLUX_ROLE_NONE,
    FLUX_USERID_UNKNOWN,
)
from flux.errors import error, protocol_error
from flux.lean import deque, ref
from flux.message import Message, MessageWatcher
from flux.rpc import RPC

_ECHOED_FLAGS = (
    FLUX_MSGFLAG_TOPIC | FLUX_MSGFLAG_ROUTE | FLUX_MSGFLAG_STREAMING
)
_REQUEST_FLAGS = FLUX_MSGFLAG_TOPIC | FLUX_MSGFLAG_ROUTE
# The bit of an attribute that never changes once it is set.
_ATTR_IMMUTABLE = 1


def _text(name):
    """A name given as str or bytes, as str."""
    if isinstance(name, bytes):
        return name.decode()
    if not isinstance(name, str):
        raise ValueError("expected a string, not %r" % (name,))
    return name


def _environment_number(name, default):
    text = os.environ.get(name)
    return int(text, 0) if text else default


class Flux:
    """A connection to the broker at url, $FLUX_URI if none is given."""

    def __init__(self, url=None, flags=0, handle=None):
        if isinstance(url, bytes):
            url = os.fsdecode(url)
        self.channel = handle or connect(
            url or os.environ.get("FLUX_URI") or DEFAULT_URI
        )
        self.flags = flags
        self.inbox = deque()
        self.tx = [0] * 9  # messages sent, by type
        self.rx = [0] * 9  # messages received, by type
        self.before_reactor = None  # called when the reactor is entered
        self._calls = {}  # matchtag: weak reference to its RPC
        self._tags = 0  # how many matchtags there are
        self._free_tags = []
        self._waiting = None  # the RPC that wait_response() waits for
        self._kept = set()  # futures that have a continuation
        self._reactor = None
        self._dispatcher = None
        self._attrs = {}
        self._aux = {}
        self._conf = None
        self._userid = _environment_number(
            "FLUX_HANDLE_USERID", FLUX_USERID_UNKNOWN
        )
        self._rolemask = _environment_number(
            "FLUX_HANDLE_ROLEMASK", FLUX_ROLE_NONE
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """End the connection; so does dropping the handle."""
        if self._dispatcher:
            self._dispatcher.close()
        self.channel.close()

    def aux_get(self, name):
        """What aux_set() or the module loader stored, or None."""
        return self._aux.get(name)

    def aux_set(self, name, value):
        self._aux[name] = value

    # ---- messages ------------------------------------------------------

    def send(self, message, flags=0):
        """Send a Message as it is."""
        self.tx[message.type] += 1
        self.channel.send(bytes(message))
        return 0

    def send_request(self, topic, data, nodeid, matchtag, flags):
        """topic: bytes; data: payload bytes or None; flags: of the message."""
        flags |= _REQUEST_FLAGS
        if data is not None:
            flags |= FLUX_MSGFLAG_PAYLOAD
        self.tx[FLUX_MSGTYPE_REQUEST] += 1
        self.channel.send(
            wire.encode(
                wire.head((), topic),
                data,
                FLUX_MSGTYPE_REQUEST,
                flags,
                self._userid,
                self._rolemask,
                nodeid,
                matchtag,
            )
        )

    def respond(self, msg, payload=None):
        """Answer a request; nothing is sent if it wants no response."""
        return self._respond(msg, 0, json.encode(payload))

    def respond_error(self, msg, errnum, errmsg=None):
        """Answer with an errno, EINVAL if 0, and a text if there is one."""
        return self._respond(msg, errnum or errno.EINVAL, json.encode(errmsg))

    def _respond(self, msg, errnum, data):
        if msg.type != FLUX_MSGTYPE_REQUEST:
            raise protocol_error("not a request")
        flags = msg.flags & _ECHOED_FLAGS
        if data is not None:
            flags |= FLUX_MSGFLAG_PAYLOAD
        if msg.flags & FLUX_MSGFLAG_NORESPONSE:
            return 0
        self.tx[FLUX_MSGTYPE_RESPONSE] += 1
        self.channel.send(
            wire.encode(
                msg.parts,
                data,
                FLUX_MSGTYPE_RESPONSE,
                flags,
                self._userid,
                self._rolemask,
                errnum,
                msg.matchtag,
            )
        )
        return 0

    def recv(
        self, type_mask=FLUX_MSGTYPE_ANY, match_tag=0, topic_glob=None, flags=0
    ):
        """The first message that matches; waits for it.

        With FLUX_O_NONBLOCK, here or in the handle, BlockingIOError if there
        is none.
        """
        wanted = MessageWatcher(self, type_mask, None, topic_glob, match_tag)
        nonblock = (flags | self.flags) & FLUX_O_NONBLOCK
        self.channel.drain()
        msg = self._take_out(wanted.matches)
        if msg is None:
            self.take_in(self.channel.receive(0 if nonblock else None))
            msg = self._take_out(wanted.matches)
        while msg is None and not nonblock:
            self.take_in(self.channel.receive())
            msg = self._take_out(wanted.matches)
        if msg is None:
            raise error(errno.EAGAIN)
        return msg

    def _take_out(self, matches):
        """Remove the first matching message from the inbox, or None."""
        for i, msg in enumerate(self.inbox):
            if matches(msg):
                del self.inbox[i]
                return msg
        return None

    def take_in(self, bodies):
        """Sort messages that have arrived."""
        for body in bodies:
            try:
                msg = Message.from_bytes(body)
            except OSError:
                self.channel.fail()
                raise
            self.rx[msg.type] += 1
            if msg.type != FLUX_MSGTYPE_RESPONSE or not self._claim_early(msg):
                self.inbox.append(msg)

    # ---- requests ------------------------------------------------------

    def rpc(self, topic, payload=None, nodeid=FLUX_NODEID_ANY, flags=0):
        """Send a request.  Returns the future of its response, an RPC."""
        return RPC(self, topic, payload, nodeid, flags)

    def expect(self, rpc):
        """A matchtag for a request whose responses go to rpc."""
        if self._free_tags:
            tag = self._free_tags.pop()
        else:
            self._tags += 1
            tag = self._tags
        self._calls[tag] = ref(rpc)
        return tag

    def claim(self, msg):
        """Give a response to its RPC.  False if it is that of none."""
        reference = self._calls.get(msg.matchtag)
        if reference is None:
            return False
        if msg.errnum or not msg.flags & FLUX_MSGFLAG_STREAMING:
            del self._calls[msg.matchtag]
            self._free_tags.append(msg.matchtag)
        rpc = reference()
        if rpc is not None:
            rpc.fulfill(msg, msg.failure())
        return True

    def _claim_early(self, msg):
        """As claim(), unless it is for a continuation: that has its turn."""
        reference = self._calls.get(msg.matchtag)
        if reference is None:
            return False
        rpc = reference()
        if rpc in self._kept and rpc is not self._waiting:
            return False
        return self.claim(msg)

    def wait_response(self, rpc, timeout):
        """Read until rpc is fulfilled or timeout (None: never) has passed."""
        self.channel.drain()
        if rpc in self._kept:
            self._claim_waiting(rpc)
        deadline = None if timeout is None else monotonic() + timeout
        self._waiting = rpc
        try:
            while not rpc.is_ready():
                left = None if deadline is None else deadline - monotonic()
                self.take_in(self.channel.receive(left))
                if left is not None and left <= 0:
                    break
        finally:
            self._waiting = None

    def _claim_waiting(self, rpc):
        def is_response(msg):
            return (
                msg.type == FLUX_MSGTYPE_RESPONSE
                and msg.matchtag == rpc.matchtag
            )

        msg = None if rpc.is_ready() else self._take_out(is_response)
        if msg is not None:
            self.claim(msg)

    # ---- futures with a continuation -----------------------------------

    def keep(self, future):
        """Keep a future, and the reactor going, until unkeep()."""
        self._kept.add(future)
        self.get_reactor().count(1)
        self.dispatcher.use(1)

    def unkeep(self, future):
        self._kept.remove(future)
        self.get_reactor().count(-1)
        self.dispatcher.use(-1)

    def call_soon(self, future):
        """Have the reactor call a kept future's continuation."""
        self.dispatcher.ready.append(future)

    # ---- events --------------------------------------------------------

    def event_create(self, topic, payload=None):
        return Message.from_event_encode(topic, payload)

    def event_send(self, topic, payload=None):
        """Publish an event, without waiting for it to be published."""
        msg = Message.from_event_encode(topic, payload)
        msg.userid = self._userid
        msg.rolemask = self._rolemask
        return self.send(msg)

    def event_recv(self, topic=None):
        return self.recv(FLUX_MSGTYPE_EVENT, topic_glob=topic)

    def event_subscribe(self, topic):
        """Have all events sent here whose topics start with topic."""
        self.rpc("event.subscribe", {"topic": _text(topic)}).get()
        return 0

    def event_unsubscribe(self, topic):
        self.rpc("event.unsubscribe", {"topic": _text(topic)}).get()
        return 0

    # ---- services, attributes, configuration, log ----------------------

    def service_register(self, name):
        """Returns a future: requests for NAME.* then come here."""
        return self.rpc("service.add", {"service": _text(name)})

    def service_unregister(self, name):
        return self.rpc("service.remove", {"service": _text(name)})

    def attr_get(self, attr_name):
        """The value, a str.  FileNotFoundError if there is none."""
        name = _text(attr_name)
        if name not in self._attrs:
            answer = self.rpc("attr.get", {"name": name}).get()
            if not answer["flags"] & _ATTR_IMMUTABLE:
                return answer["value"]
            self._attrs[name] = answer["value"]
        return self._attrs[name]

    def attr_set(self, attr, value):
        name = _text(attr)
        self.rpc("attr.set", {"name": name, "value": _text(value)}).get()

    def attr_remove(self, attr):
        self.rpc("attr.rm", {"name": _text(attr)}).get()

    def cache_attrs(self, attrs):
        """Remember the values of attributes that will not change."""
        self._attrs.update(attrs)

    def get_rank(self):
        return int(self.attr_get("rank"))

    def get_size(self):
        return int(self.attr_get("size"))

    def conf_get(self, key=None, default=None, update=False):
        """The configuration, or what is at the dotted key in it.

        It is asked for once, and again if update; a module always has the
        current one.
        """
        if self._conf is None or update:
            self._conf = self.rpc("config.get").get() or {}
        value = self._conf
        for name in key.split(".") if key else ():
            if not isinstance(value, dict) or name not in value:
                return default
            value = value[name]
        return value

    def conf_set(self, conf):
        """Have conf_get() use this dict."""
        self._conf = conf

    def log(self, level, fstring):
        """Log a text, given as str or bytes, at a syslog level."""
        from flux.log import lines

        appname = self.aux_get("flux::name")
        for line in lines(level, self.get_rank(), appname, fstring):
            self.send_request(b"log.append", line, FLUX_NODEID_ANY, 0, 0)

    # ---- reactor -------------------------------------------------------

    def get_reactor(self):
        if self._reactor is None:
            from flux.reactor import Reactor

            self._reactor = Reactor()
        return self._reactor

    @property
    def dispatcher(self):
        if self._dispatcher is None:
            from flux.dispatch import Dispatcher

            self._dispatcher = Dispatcher(
                self, self.get_reactor(), self.channel
            )
        return self._dispatcher

    def reactor_run(self, reactor=None, flags=0):
        """Call callbacks until one stops it, or nothing is left to wait for.

        Returns how much is still active, or -1 after reactor_stop_error().
        An exception in a callback comes out here.
        """
        if self.before_reactor:
            self.before_reactor()
        try:
            return (reactor or self.get_reactor()).run(flags)
        finally:
            self._drain_quietly()

    def _drain_quietly(self):
        try:
            self.channel.drain()
        except OSError:
            pass

    def run_until(self, is_done, timeout):
        """Run the reactor until is_done(), or `timeout` seconds (None)."""
        reactor = self.get_reactor()
        expired = []
        timer = None
        if timeout is not None:
            timer = self.timer_watcher_create(
                timeout, lambda *_: expired.append(True)
            ).start()
        try:
            while not is_done() and not expired:
                if not reactor.active:
                    raise error(errno.EDEADLK)
                reactor.run(FLUX_REACTOR_ONCE)
        finally:
            if timer:
                timer.destroy()

    def reactor_stop(self, reactor=None):
        (reactor or self.get_reactor()).stop()

    def reactor_stop_error(self, reactor=None):
        (reactor or self.get_reactor()).stop_error()

    def reactor_interrupt(self, reactor=None):
        """Have reactor_run() raise KeyboardInterrupt, as Ctrl-C does."""
        (reactor or self.get_reactor()).interrupt()

    def msg_watcher_create(
        self,
        callback,
        type_mask=FLUX_MSGTYPE_ANY,
        topic_glob="*",
        args=None,
        match_tag=0,
        rolemask=None,
    ):
        return MessageWatcher(
            self, type_mask, callback, topic_glob, match_tag, rolemask, args
        )

    def timer_watcher_create(self, after, callback, repeat=0.0, args=None):
        return watchers.TimerWatcher(self, after, callback, repeat, args)

    def fd_watcher_create(self, fd_int, callback, events=None, args=None):
        return watchers.FDWatcher(self, fd_int, events, callback, args)

    def signal_watcher_create(self, signum, callback, args=None):
        return watchers.SignalWatcher(self, signum, callback, args)

    def prepare_watcher_create(self, callback, args=None):
        return watchers.PrepareWatcher(self, callback, args)

    def check_watcher_create(self, callback, args=None):
        return watchers.CheckWatcher(self, callback, args)

    def idle_watcher_create(self, callback=None, args=None):
        return watchers.IdleWatcher(self, callback, args)
