"""py_brokermod.py - the base class of modules, its logger, the entry point"""

import errno
import syslog
import types

from pytap import Answerer, done, echo, event, ok, raises, request, same

from flux.brokermod import (
    BrokerLogger,
    BrokerModule,
    event_handler,
    request_handler,
    resolve_entry_point,
)
from flux.constants import FLUX_MSGTYPE_EVENT, FLUX_MSGTYPE_REQUEST


class Base(BrokerModule):
    @request_handler("info")
    def info(self, msg):
        self.handle.respond(msg, {"name": self.name, "args": list(self.args)})

    @request_handler("replaced")
    def replaced(self, msg):
        self.handle.respond(msg, {"by": "base"})

    @event_handler("end", prefix=False)
    def end(self, _msg):
        self.stop()


class Derived(Base):
    @request_handler("open", allow_guest=True)
    def open_to_all(self, msg):
        self.handle.respond(msg)

    @request_handler("other.topic", prefix=False)
    def other(self, msg):
        self.handle.respond(msg)

    @request_handler("replaced")
    def replaced(self, msg):
        self.handle.respond(msg, {"by": "derived"})

    @event_handler("fail")
    def fail(self, _msg):
        self.stop_error()


def start(*args):
    peer = Answerer(echo)
    peer.handle.aux_set("flux::name", "mymod")
    module = Derived(peer.handle, *args)
    return peer, module


def answers(peer, module, *msgs):
    """Have the module answer; {topic: payload or errno}."""
    del peer.seen[:]
    peer.send(*msgs)
    peer.send(event("end"))
    module.run()
    module.handle.rpc("x.sync").get()
    found = {}
    for msg in peer.seen[:-1]:
        found[msg.topic] = msg.errnum or msg.payload
    return found


def test_marks():
    same(
        Derived.open_to_all._flux_handler,
        {
            "msgtype": FLUX_MSGTYPE_REQUEST,
            "topic": "open",
            "prefix": True,
            "allow_guest": True,
        },
        "how a request handler is marked",
    )
    same(
        Base.end._flux_handler,
        {"msgtype": FLUX_MSGTYPE_EVENT, "topic": "end", "prefix": False},
        "how an event handler is marked",
    )


def test_module():
    peer, module = start("a", "b=c")
    same((module.name, module.args), ("mymod", ("a", "b=c")), "name and args")
    topics = [msg.payload["topic"] for msg in peer.seen]
    same(topics, ["end", "mymod.fail"], "events are subscribed to")
    found = answers(
        peer,
        module,
        request("mymod.info"),
        request("other.topic"),
        request("mymod.replaced"),
        request("mymod.open", rolemask=2),
        request("mymod.none"),
    )
    want = {
        "mymod.info": {"name": "mymod", "args": ["a", "b=c"]},
        "other.topic": None,
        "mymod.replaced": {"by": "derived"},
        "mymod.open": None,
        "mymod.none": errno.ENOSYS,
    }
    same(found, want, "handlers, inherited, replaced and own")
    found = answers(peer, module, request("mymod.info", rolemask=2))
    same(found, {"mymod.info": errno.EPERM}, "are the owner's")


def test_stop_error():
    peer, module = start()
    peer.send(event("mymod.fail"))
    raises(OSError, module.run, "stop_error() fails run()", errno.ECONNRESET)


def test_debug():
    _peer, module = start()
    same(module.debug_test(1), False, "no debug flags")
    module.handle.aux_set("flux::debug_flags", 5)
    same(module.debug_test(4), True, "a debug flag")
    same(module.debug_test(4, clear=True), True, "is cleared")
    same(module.handle.aux_get("flux::debug_flags"), 1, "alone")


def test_set_running():
    peer, module = start()
    module.set_running()
    module.set_running()
    module.handle.rpc("x.sync").get()
    same(
        [(msg.payload, msg.noresponse) for msg in peer.seen[2:-1]],
        [({"status": 1}, True)],
        "set_running() reports once",
    )


def test_unnamed():
    same(Base(Answerer(echo).handle).name, "unknown", "no name")


class FakeHandle:
    def __init__(self):
        self.lines = []

    def log(self, level, text):
        self.lines.append((level, text))


def test_logger():
    h = FakeHandle()
    log = BrokerLogger(h)
    same(log.level, syslog.LOG_DEBUG, "all levels")
    for name in log.LEVEL_NAMES:
        getattr(log, name)(name)
    same(h.lines, [(n, name) for name, n in log.LEVEL_NAMES.items()], "each")
    log.level = "info"
    del h.lines[:]
    log.debug("x")
    log.info("y")
    log(syslog.LOG_ERR, "z")
    same(h.lines, [(6, "y"), (3, "z")], "no less urgent ones")
    same(log.level_name, "info", "its name")
    log.level = syslog.LOG_ERR
    same(log.level_name, "error", "by number")
    log.level = 99
    same(log.level_name, "99", "one without a name")
    for bad in ("verbose", [1], None):
        exc = raises(ValueError, lambda: setattr(log, "level", bad), "none")
        ok(str(bad) in str(exc), "is named")


def module_with(**names):
    module = types.ModuleType("m")
    vars(module).update(names)
    return module


def test_entry_point():
    def mod_main(_h, *_args):
        pass

    entry = resolve_entry_point(module_with(mod_main=mod_main, A=Base))
    ok(entry is mod_main, "mod_main() goes first")
    ran = []

    class Runs(BrokerModule):
        def __init__(self, h, *args):
            ran.append((h, args))

        def run(self):
            ran.append("run")

    only = module_with(Runs=Runs, Alias=Runs, BrokerModule=BrokerModule)
    resolve_entry_point(only)("h", 1, 2)
    same(ran, [("h", (1, 2)), "run"], "the only class, constructed and run")
    exc = raises(
        ValueError,
        lambda: resolve_entry_point(module_with(A=Base, B=Derived)),
        "two classes",
    )
    ok("multiple BrokerModule subclasses found (Base, Derived)" in str(exc),
       "are named")  # fmt: skip
    for bad in (module_with(), module_with(BrokerModule=BrokerModule)):
        exc = raises(ValueError, lambda: resolve_entry_point(bad), "nothing")
        same(str(exc), "no mod_main() or BrokerModule subclass found", "says")


test_marks()
test_module()
test_stop_error()
test_debug()
test_set_running()
test_unnamed()
test_logger()
test_entry_point()
done()
