"""flux.brokermod - the base class of modules

    class Hello(BrokerModule):
        @request_handler("greet")
        def greet(self, msg):
            self.handle.respond(msg, {"greeting": "hello"})

A file with one such class, and no mod_main(), is a module: the loader calls
Hello(h, *args).run().  Handlers are methods, inherited ones too; a
subclass's method of the same name replaces its parent's.  Their topics have
the name under which the module was loaded in front, unless prefix=False.

BrokerLogger is the object behind self.log: a method for each syslog level,
and a level of its own beyond which nothing is sent.
"""

import errno
import syslog

from flux.constants import (
    FLUX_MODSTATE_RUNNING,
    FLUX_MSGTYPE_EVENT,
    FLUX_MSGTYPE_REQUEST,
    FLUX_ROLE_OWNER,
    FLUX_ROLE_USER,
    FLUX_RPC_NORESPONSE,
)
from flux.errors import error


def request_handler(topic, prefix=True, allow_guest=False):
    """Make a method the handler of requests for NAME.topic.

    allow_guest: also of those that users other than the owner send.
    """

    def mark(method):
        method._flux_handler = {
            "msgtype": FLUX_MSGTYPE_REQUEST,
            "topic": topic,
            "prefix": prefix,
            "allow_guest": allow_guest,
        }
        return method

    return mark


def event_handler(topic, prefix=True):
    """Make a method the handler of events NAME.topic, and subscribe to it."""

    def mark(method):
        method._flux_handler = {
            "msgtype": FLUX_MSGTYPE_EVENT,
            "topic": topic,
            "prefix": prefix,
        }
        return method

    return mark


class BrokerLogger:
    """Sends texts to the broker's log."""

    LEVEL_NAMES = {
        "emerg": syslog.LOG_EMERG,
        "alert": syslog.LOG_ALERT,
        "critical": syslog.LOG_CRIT,
        "error": syslog.LOG_ERR,
        "warning": syslog.LOG_WARNING,
        "notice": syslog.LOG_NOTICE,
        "info": syslog.LOG_INFO,
        "debug": syslog.LOG_DEBUG,
    }

    def __init__(self, h):
        self._h = h
        self._level = syslog.LOG_DEBUG

    @property
    def level(self):
        """The least urgent level that is sent; set as number or name."""
        return self._level

    @level.setter
    def level(self, value):
        if isinstance(value, str) and value in self.LEVEL_NAMES:
            value = self.LEVEL_NAMES[value]
        if not isinstance(value, int):
            raise ValueError("unknown log level: %r" % (value,))
        self._level = value

    @property
    def level_name(self):
        for name, level in self.LEVEL_NAMES.items():
            if level == self._level:
                return name
        return str(self._level)

    def __call__(self, level, msg):
        if level <= self._level:
            self._h.log(level, msg)

    def debug(self, msg):
        self(syslog.LOG_DEBUG, msg)

    def info(self, msg):
        self(syslog.LOG_INFO, msg)

    def notice(self, msg):
        self(syslog.LOG_NOTICE, msg)

    def warning(self, msg):
        self(syslog.LOG_WARNING, msg)

    def error(self, msg):
        self(syslog.LOG_ERR, msg)

    def critical(self, msg):
        self(syslog.LOG_CRIT, msg)

    def alert(self, msg):
        self(syslog.LOG_ALERT, msg)

    def emerg(self, msg):
        self(syslog.LOG_EMERG, msg)


def _handlers_of(cls):
    """{method name: how it was marked}, parents' methods first."""
    found = {}
    for parent in reversed(cls.__mro__):
        for name, value in vars(parent).items():
            found.pop(name, None)
            if hasattr(value, "_flux_handler"):
                found[name] = value._flux_handler
    return found


def set_running(h):
    """Tell the broker that the module has started, if not yet told."""
    if h.aux_get("flux::running"):
        return
    h.aux_set("flux::running", True)
    status = {"status": FLUX_MODSTATE_RUNNING}
    h.rpc("module.status", status, flags=FLUX_RPC_NORESPONSE)


class BrokerModule:
    """A module: subclass it, and mark methods as handlers."""

    def __init__(self, h, *args):
        self._h = h
        self._args = args
        self._name = h.aux_get("flux::name") or "unknown"
        self._failed = False
        self.log = BrokerLogger(h)
        self._register_handlers()

    @property
    def handle(self):
        """The connection to the broker, a flux.Flux."""
        return self._h

    @property
    def name(self):
        """The name under which the module was loaded."""
        return self._name

    @property
    def args(self):
        """The arguments of `flux module load`, a tuple of str."""
        return self._args

    def set_running(self):
        """Have the load succeed now, before run()."""
        set_running(self._h)

    def debug_test(self, flag, clear=False):
        """Whether a bit that `flux module debug` sets is set."""
        flags = self._h.aux_get("flux::debug_flags") or 0
        if clear:
            self._h.aux_set("flux::debug_flags", flags & ~flag)
        return bool(flags & flag)

    def stop(self):
        """Have run() return."""
        self._h.reactor_stop()

    def stop_error(self):
        """Have run() raise OSError, so that the module ends as failed."""
        self._failed = True
        self._h.reactor_stop_error()

    def run(self):
        """Call handlers until the module is removed or stops itself."""
        if self._h.reactor_run() < 0 or self._failed:
            raise error(errno.ECONNRESET)

    def _register_handlers(self):
        for method, how in _handlers_of(type(self)).items():
            topic = how["topic"]
            if how["prefix"]:
                topic = "%s.%s" % (self._name, topic)
            self._register(getattr(self, method), topic, how)

    def _register(self, method, topic, how):
        rolemask = None
        if how.get("allow_guest"):
            rolemask = FLUX_ROLE_OWNER | FLUX_ROLE_USER

        def callback(_handle, _watcher, msg, _args):
            method(msg)

        if how["msgtype"] == FLUX_MSGTYPE_EVENT:
            self._h.event_subscribe(topic)
        self._h.msg_watcher_create(
            callback, how["msgtype"], topic, rolemask=rolemask
        ).start()


def _is_module_class(value):
    return (
        isinstance(value, type)
        and issubclass(value, BrokerModule)
        and value is not BrokerModule
    )


def resolve_entry_point(mod):
    """The function to call, as entry(h, *args), for an imported module.

    Its mod_main(); or, if it has exactly one BrokerModule subclass, that
    class's constructor and run().  ValueError if it has neither, or several.
    """
    if hasattr(mod, "mod_main"):
        return mod.mod_main
    classes = []
    for value in vars(mod).values():
        if _is_module_class(value) and value not in classes:
            classes.append(value)
    if not classes:
        raise ValueError("no mod_main() or BrokerModule subclass found")
    if len(classes) > 1:
        names = ", ".join(cls.__name__ for cls in classes)
        raise ValueError(
            "multiple BrokerModule subclasses found (%s); define mod_main()"
            % names
        )
    return lambda h, *args: classes[0](h, *args).run()
