"""flux.modmethods - the requests that every module answers (RFC 5)

ping, stats-get, stats-clear (request and event), rusage, debug, shutdown,
config-reload and config-update.  They are registered before the module's
own handlers, so that a module's own handler for one of these topics wins.
A request whose payload does not have what it must have is EPROTO.
"""

import errno

from flux.constants import (
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_REQUEST,
    FLUX_ROLE_USER,
)

_TYPE_NAMES = ((1, "request"), (2, "response"), (4, "event"), (8, "control"))
# In the order of struct rusage (getrusage(2)).
_RUSAGE_FIELDS = (
    "utime stime maxrss ixrss idrss isrss minflt majflt nswap inblock"
    " oublock msgsnd msgrcv nsignals nvcsw nivcsw"
).split()
# Debug flags are a C int in a payload.
_INT_MAX = (1 << 31) - 1


def register(h, name):
    """Subscribe to what is needed, and start the handlers."""
    h.event_subscribe(name + ".stats-clear")
    _add(h, _stats_clear_event, FLUX_MSGTYPE_EVENT, name + ".stats-clear")
    for method, (callback, rolemask) in _METHODS.items():
        topic = "%s.%s" % (name, method)
        _add(h, callback, FLUX_MSGTYPE_REQUEST, topic, rolemask)


def _add(h, callback, msgtype, topic, rolemask=None):
    h.msg_watcher_create(callback, msgtype, topic, rolemask=rolemask).start()


def _ping(h, _watcher, msg, _args):
    payload = msg.payload
    if payload is None:
        h.respond_error(msg, errno.EPROTO)
        return
    hops = msg.routes + [h.aux_get("flux::uuid")]
    payload["route"] = "!".join(hop[:8] for hop in hops)
    payload["userid"] = msg.userid
    payload["rolemask"] = msg.rolemask
    payload["rank"] = h.get_rank()
    try:
        h.respond(msg, payload)
    except RecursionError:
        h.respond_error(msg, errno.EPROTO)


def _counts(counters):
    return {name: counters[kind] for kind, name in _TYPE_NAMES}


def _stats_get(h, _watcher, msg, _args):
    h.respond(msg, {"tx": _counts(h.tx), "rx": _counts(h.rx)})


def _stats_clear(h, _watcher, msg, _args):
    _stats_clear_event(h)
    h.respond(msg)


def _stats_clear_event(h, *_):
    h.tx[:] = h.rx[:] = [0] * len(h.tx)


def _rusage(h, _watcher, msg, _args):
    import resource

    who = (msg.payload or {}).get("who", "self")
    if not isinstance(who, str):
        who = "self"
    number = getattr(resource, "RUSAGE_" + who.upper(), None)
    if number is None or who not in ("self", "children", "thread"):
        h.respond_error(msg, errno.EINVAL, who + " is unsupported")
        return
    h.respond(msg, dict(zip(_RUSAGE_FIELDS, resource.getrusage(number))))


def _debug(h, _watcher, msg, _args):
    payload = msg.payload or {}
    change = payload.get("flags")
    operation = _DEBUG_OPERATIONS.get(str(payload.get("op")))
    if operation is None or type(change) is not int or abs(change) > _INT_MAX:
        h.respond_error(msg, errno.EPROTO)
        return
    flags = operation(h.aux_get("flux::debug_flags") or 0, change)
    h.aux_set("flux::debug_flags", flags)
    h.respond(msg, {"flags": flags})


_DEBUG_OPERATIONS = {
    "setbit": lambda flags, change: flags | change,
    "clrbit": lambda flags, change: flags & ~change,
    "set": lambda _flags, change: change,
    "clr": lambda _flags, _change: 0,
}


def _shutdown(h, _watcher, _msg, _args):
    h.reactor_stop()


def _config(h, _watcher, msg, _args):
    if msg.payload is None:
        text = "Failed to parse %s request" % msg.topic
        h.respond_error(msg, errno.EPROTO, text)
        return
    h.conf_set(msg.payload)
    h.respond(msg)


_METHODS = {
    "ping": (_ping, FLUX_ROLE_USER),
    "stats-get": (_stats_get, FLUX_ROLE_USER),
    "stats-clear": (_stats_clear, None),
    "rusage": (_rusage, FLUX_ROLE_USER),
    "debug": (_debug, None),
    "shutdown": (_shutdown, None),
    "config-reload": (_config, None),
    "config-update": (_config, None),
}
