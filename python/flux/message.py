"""flux.message - one message, and the watcher that receives them

A Message that came over the wire keeps its parts as bytes and decodes what
is asked for, when it is asked for: the topic and payload of most messages
are looked at once or never.  `parts` are the bytes of routes and topic as
they came; a response is built from the request's.  Setting the topic of a
message discards them.

`payload` is a dict or None, decoded once and then the same dict each time;
PayloadError (a ValueError) if it is not one JSON object.

MessageWatcher calls back for messages of a type, topic and matchtag; the
handle dispatches (handle.py, dispatch.py).
"""

import errno

from flux import payload as json
from flux import wire
from flux.constants import (
    FLUX_MSGFLAG_NORESPONSE,
    FLUX_MSGFLAG_PAYLOAD,
    FLUX_MSGFLAG_PRIVATE,
    FLUX_MSGFLAG_ROUTE,
    FLUX_MSGFLAG_STREAMING,
    FLUX_MSGFLAG_TOPIC,
    FLUX_MSGTYPE_ANY,
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_REQUEST,
    FLUX_MSGTYPE_RESPONSE,
    FLUX_NODEID_ANY,
    FLUX_ROLE_NONE,
    FLUX_ROLE_OWNER,
    FLUX_USERID_UNKNOWN,
)
from flux.errors import error, protocol_error
from flux.topics import encode_topic, is_glob, matcher
from flux.watchers import Watcher

__all__ = ["Message", "MessageWatcher"]

_TYPE_NAMES = {1: "request", 2: "response", 4: "event", 8: "control"}


def msg_typestr(msg_type):
    return _TYPE_NAMES.get(msg_type, "unknown")


def encode_payload(payload):
    """The bytes of a payload given as dict, str, bytes or None."""
    return json.encode(payload)


def _flag(mask):
    def get(self):
        return bool(self.flags & mask)

    def put(self, value):
        self.flags = self.flags | mask if value else self.flags & ~mask

    return property(get, put)


def _first_word(kind):
    """The header's A (RFC 3), which only messages of one type have."""

    def get(self):
        if self.type != kind:
            raise protocol_error("not in a %s message" % self.type_str)
        return self._a

    def put(self, value):
        self._a = value

    return property(get, put)


class Message:
    """One request, response, event or control message."""

    __slots__ = (
        "type",
        "flags",
        "userid",
        "rolemask",
        "_a",
        "_b",
        "_parts",
        "_topic",
        "_data",
        "_payload",
        "__weakref__",
    )

    def __init__(self, type_id=FLUX_MSGTYPE_REQUEST, handle=None):
        self.type = type_id
        self.flags = FLUX_MSGFLAG_ROUTE
        self.userid = FLUX_USERID_UNKNOWN
        self.rolemask = FLUX_ROLE_NONE
        self._a = FLUX_NODEID_ANY if type_id == FLUX_MSGTYPE_REQUEST else 0
        self._b = 0
        self._parts = None
        self._topic = self._data = self._payload = None

    @classmethod
    def from_bytes(cls, body):
        """The message in a frame's body.  OSError EPROTO for rubbish."""
        self = cls.__new__(cls)
        (
            self._parts,
            self._topic,
            self._data,
            self.type,
            self.flags,
            self.userid,
            self.rolemask,
            self._a,
            self._b,
        ) = wire.decode(body)
        self._payload = None
        return self

    @classmethod
    def from_event_encode(cls, topic, payload=None):
        self = cls(FLUX_MSGTYPE_EVENT)
        self.topic = topic
        self.payload = payload
        return self

    def __bytes__(self):
        """The frame to send."""
        return wire.encode(
            self.parts,
            self._data,
            self.type,
            self.flags,
            self.userid,
            self.rolemask,
            self._a,
            self._b,
        )

    @property
    def parts(self):
        if self._parts is None:
            routes = [] if self.flags & FLUX_MSGFLAG_ROUTE else None
            self._parts = wire.head(routes, self._topic)
        return self._parts

    streaming = _flag(FLUX_MSGFLAG_STREAMING)
    private = _flag(FLUX_MSGFLAG_PRIVATE)
    noresponse = _flag(FLUX_MSGFLAG_NORESPONSE)

    nodeid = _first_word(FLUX_MSGTYPE_REQUEST)
    errnum = _first_word(FLUX_MSGTYPE_RESPONSE)
    seq = _first_word(FLUX_MSGTYPE_EVENT)

    @property
    def matchtag(self):
        if self.type not in (FLUX_MSGTYPE_REQUEST, FLUX_MSGTYPE_RESPONSE):
            raise protocol_error("not in a %s message" % self.type_str)
        return self._b

    @matchtag.setter
    def matchtag(self, tag):
        self._b = tag

    @property
    def type_str(self):
        return msg_typestr(self.type)

    @property
    def topic(self):
        if self._topic is None:
            raise error(errno.EPROTO)
        return self._topic.decode("utf-8", "surrogateescape")

    @topic.setter
    def topic(self, topic):
        self._topic = encode_topic(topic)
        self._parts = None
        self.flags |= FLUX_MSGFLAG_TOPIC

    @property
    def topic_bytes(self):
        """The topic as it came, None if there is none."""
        return self._topic

    @property
    def routes(self):
        """UUIDs of those it came through, the sender first."""
        if not self.flags & FLUX_MSGFLAG_ROUTE:
            return []
        found = wire.routes(self.parts)
        return [route.decode("ascii", "replace") for route in reversed(found)]

    @property
    def payload(self):
        if self._payload is None and self._data is not None:
            self._payload = json.decode(self._data)
        return self._payload

    @payload.setter
    def payload(self, payload):
        self.payload_raw = json.encode(payload)

    @property
    def payload_str(self):
        return json.decode_text(self._data)

    @payload_str.setter
    def payload_str(self, text):
        self.payload_raw = json.encode(text)

    @property
    def payload_raw(self):
        """The payload's bytes as they are on the wire, or None."""
        return self._data

    @payload_raw.setter
    def payload_raw(self, data):
        self._data = data
        self._payload = None
        if data is None:
            self.flags &= ~FLUX_MSGFLAG_PAYLOAD
        else:
            self.flags |= FLUX_MSGFLAG_PAYLOAD

    def decode(self):
        """(type, topic, payload_str); OSError for an error response."""
        failure = self.failure()
        if failure:
            raise failure
        return self.type, self.topic, self.payload_str

    def failure(self):
        """The OSError that an error response carries, or None."""
        if self.type != FLUX_MSGTYPE_RESPONSE or not self._a:
            return None
        text = None
        if self._data:
            text = self._data.rstrip(b"\0").decode("utf-8", "replace")
        return error(self._a, text)


class MessageWatcher(Watcher):
    """Calls callback(handle, watcher, msg, args) for matching messages."""

    __slots__ = ("type_mask", "topic", "match_tag", "rolemask", "_match")

    def __init__(
        self,
        flux_handle,
        type_mask,
        callback,
        topic_glob="*",
        match_tag=0,
        rolemask=None,
        args=None,
    ):
        super().__init__(flux_handle, callback, args)
        self.type_mask = type_mask or FLUX_MSGTYPE_ANY
        self.match_tag = match_tag
        self.rolemask = FLUX_ROLE_OWNER | (rolemask or 0)
        topic = encode_topic(topic_glob or "*")
        self.topic = None if is_glob(topic) else topic
        self._match = matcher(topic)

    def matches(self, msg):
        """Type, topic and matchtag; the sender's role is another matter."""
        if not msg.type & self.type_mask:
            return False
        if self.match_tag and msg.matchtag != self.match_tag:
            return False
        return self._match is None or self._match(msg.topic_bytes)

    def _begin(self):
        self.flux_handle.dispatcher.add(self)

    def _end(self):
        self.flux_handle.dispatcher.remove(self)
