"""py_modexec.py - a module's process, from the welcome to its end

The loader runs in a process of its own, with a socket pair for its channel;
the test is the broker.
"""

import errno
import os
import shutil
import socket
import subprocess
import sys
import tempfile

from pytap import HERE, done, event, ok, request, response, same

from flux.channel import Channel
from flux.handle import Flux

PACKAGE = os.path.join(HERE, "..", "python")
START = (
    "import sys; sys.path.insert(0, %r);"
    " from flux.modexec import main; main()" % PACKAGE
)
EPROTO = errno.EPROTO
FOLDER = tempfile.mkdtemp()
PYTHON = [
    sys.executable,
    "-I",
    "-S",
    "-X",
    "pycache_prefix=" + os.path.join(FOLDER, "cache"),
    "-c",
    START,
]

GOOD = """
from flux.brokermod import BrokerModule, event_handler, request_handler


class Good(BrokerModule):
    @request_handler("info")
    def info(self, msg):
        import os
        self.handle.respond(msg, {
            "args": list(self.args),
            "conf": self.handle.conf_get("a.b"),
            "rank": self.handle.get_rank(),
            "uri": os.environ.get("FLUX_MODULE_URI"),
            "comm": open("/proc/self/comm").read().strip(),
        })

    @request_handler("die")
    def die(self, msg):
        raise RuntimeError("as told")

    @request_handler("bad-value")
    def bad_value(self, msg):
        raise ValueError("while running")

    @event_handler("panic")
    def panic(self, msg):
        self.stop_error()
"""


class Loader:
    """A module's process and the broker's end of its channel."""

    def __init__(self, source, args=(), name="mod", environ=None):
        self.path = os.path.join(tempfile.mkdtemp(dir=FOLDER), name + ".py")
        with open(self.path, "w") as out:
            out.write(source)
        ours, theirs = socket.socketpair()
        os.set_inheritable(theirs.fileno(), True)
        env = dict(os.environ, FLUX_MODULE_URI="fd://%d" % theirs.fileno())
        env.update(environ or {})
        self.process = subprocess.Popen(
            PYTHON + [self.path],
            env=env,
            pass_fds=[theirs.fileno()],
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        theirs.close()
        ours.sendall(b"\0")
        ours.setblocking(False)
        self.broker = Flux(handle=Channel(ours.detach()))
        self._welcome(list(args), name)

    def _welcome(self, args, name):
        msg = request("welcome", {
            "args": args,
            "attrs": {"rank": "3"},
            "conf": {"a": {"b": 42}},
            "name": name,
            "uuid": "2d987e68-0000-0000-0000-000000000000",
        })  # fmt: skip
        self.broker.send(msg)

    def send(self, *msgs):
        for msg in msgs:
            self.broker.send(msg)

    def receive(self):
        """(topic, payload or errno) of the next message; None at the end."""
        try:
            msg = self.broker.recv()
        except ConnectionResetError:
            return None
        if msg.type == 1 and not msg.noresponse:
            reply = response(msg.topic, None, msg.matchtag)
            reply._parts = msg.parts
            self.broker.send(reply)
        if msg.type == 2 and msg.errnum:
            return msg.topic, msg.errnum
        return msg.topic, msg.payload

    def until_running(self):
        """The topics subscribed to on the way."""
        topics = []
        while True:
            topic, payload = self.receive()
            if topic == "module.status":
                return topics
            topics.append(payload["topic"])

    def ask(self, topic, payload=None, **fields):
        self.send(request(topic, payload, **fields))
        return self.receive()[1]

    def rest(self):
        """All the messages to the end."""
        found = []
        while not found or found[-1] is not None:
            found.append(self.receive())
        return found[:-1]

    def end(self):
        """Exit status and stderr."""
        _, text = self.process.communicate()
        return self.process.returncode, text


def ending(errnum):
    return [
        ("module.status", {"status": 2}),
        ("module.status", {"status": 3, "errnum": errnum}),
    ]


def test_life():
    loader = Loader(GOOD, ["x", "y=z"])
    topics = loader.until_running()
    same(topics, ["mod.stats-clear", "mod.panic"], "it subscribes, then runs")
    want = {"args": ["x", "y=z"], "conf": 42, "rank": 3, "uri": None}
    same(loader.ask("mod.info"), dict(want, comm="mod"), "it has its welcome")
    down = request("mod.shutdown")
    down.noresponse = True
    loader.send(down)
    same(loader.rest(), ending(0), "shutdown ends it in order")
    same(loader.end(), (0, ""), "and quietly")


def test_default_methods():
    loader = Loader(GOOD)
    loader.until_running()
    ask = loader.ask
    same(
        ask("mod.ping", {"seq": 1}),
        {
            "seq": 1,
            "route": "4b95b4a2!b3a4546e!2d987e68",
            "userid": 100,
            "rolemask": 1,
            "rank": 3,
        },
        "ping",
    )
    same(ask("mod.ping"), EPROTO, "ping without payload")
    stats = ask("mod.stats-get")
    same(
        stats,
        {
            "tx": {"request": 3, "response": 2, "event": 0, "control": 0},
            "rx": {"request": 4, "response": 2, "event": 0, "control": 0},
        },
        "stats-get",
    )
    same(ask("mod.stats-clear"), None, "stats-clear")
    same(ask("mod.stats-get")["rx"]["request"], 1, "counts anew")
    loader.send(event("mod.stats-clear"))
    ask("mod.ping", {})
    count = ask("mod.stats-get")["rx"]["request"]
    ok(count in (1, 2), "also after the event")
    fields = ask("mod.rusage", {"who": "children"})
    same(len(fields), 16, "rusage")
    same(ask("mod.rusage", {"who": "x"}), errno.EINVAL, "of nobody")
    test_debug_method(ask)
    same(ask("mod.config-reload", {"a": {"b": 1}}), None, "config-reload")
    same(ask("mod.info")["conf"], 1, "changes the configuration")
    same(ask("mod.config-update"), EPROTO, "config-update without one")
    same(ask("mod.stats-get", rolemask=2) != errno.EPERM, True, "for guests")
    for method in ("stats-clear", "debug", "shutdown", "config-reload"):
        got = ask("mod." + method, {}, rolemask=2)
        same(got, errno.EPERM, "not " + method)
    same(ask("mod.none"), errno.ENOSYS, "an unknown method")
    survive_bad_requests(loader)
    loader.process.kill()
    loader.end()


def survive_bad_requests(loader):
    def ask(topic, data):
        msg = request(topic)
        msg.payload_raw = data
        loader.send(msg)
        return loader.receive()[1]

    for data in (b"", b"x\0", b"[]\0", b'{"a":"\xff"}\0', b"{} {}\0"):
        same(ask("mod.ping", data), EPROTO, "ping with payload %r" % data)
    lone = b'{"a": "\\ud800"}\0'
    same(ask("mod.ping", lone)["a"], "\ud800", "with a lone surrogate")
    same(ask(b"mod.\xff", None), errno.ENOSYS, "a topic that is not UTF-8")
    lost = 0
    for depth in range(900, 1010):
        data = b'{"a":' + b"[" * depth + b"]" * depth + b"}\0"
        lost += not isinstance(ask("mod.ping", data), (int, dict))
    same(lost, 0, "pings near the limit of recursion are answered")


def test_debug_method(ask):
    for operation, flags, want in (
        ("setbit", 4, 4),
        ("set", 3, 3),
        ("clrbit", 1, 2),
        ("set", -1, -1),
        ("clr", 0, 0),
    ):
        got = ask("mod.debug", {"op": operation, "flags": flags})
        same(got, {"flags": want}, "debug %s %d" % (operation, flags))
    for bad in (None, {}, {"op": "set"}, {"op": "x", "flags": 1},
                {"op": "set", "flags": "1"}, {"op": [], "flags": 1},
                {"op": "set", "flags": 1 << 40}):  # fmt: skip
        same(ask("mod.debug", bad), EPROTO, "debug %r" % (bad,))


def test_failures_while_running():
    loader = Loader(GOOD)
    loader.until_running()
    loader.send(request("mod.die"))
    same(loader.rest(), ending(errno.ECONNRESET), "an exception in a handler")
    status, text = loader.end()
    ok(text.startswith("Traceback"), "prints its traceback")
    ok(text.endswith("RuntimeError: as told\n"), "to the end")
    ok('raise RuntimeError("as told")' in text, "with source lines")
    loader = Loader(GOOD)
    loader.until_running()
    loader.send(request("mod.bad-value"))
    loader.rest()
    ok("Traceback" in loader.end()[1], "so does a ValueError by now")
    loader = Loader(GOOD)
    loader.until_running()
    loader.send(event("mod.panic"))
    same(loader.rest(), ending(errno.ECONNRESET), "stop_error()")


def test_last_requests():
    loader = Loader(GOOD)
    loader.until_running()
    down = request("mod.shutdown")
    down.noresponse = True
    loader.send(down, request("mod.info"), event("mod.panic"))
    got = loader.rest()
    same(
        got,
        [
            ("module.status", {"status": 2}),
            ("mod.info", errno.ENOSYS),
            ("module.status", {"status": 3, "errnum": 0}),
        ],
        "what comes after shutdown is answered with ENOSYS",
    )


def fail_all(*sources):
    """For each: what it sent after subscribing; its exit status; stderr."""
    loaders = [Loader(source) for source in sources]
    for loader in loaders:
        first = loader.receive()
        found = [] if first is None else loader.rest()
        yield (found,) + loader.end()


def main_that(statement):
    return "import errno, os, sys\ndef mod_main(h, *args):\n    " + statement


def test_failures_before():
    runs = fail_all(
        main_that("raise ValueError('bad: x')"),
        main_that("raise OSError(17, 'there is one')"),
        main_that("raise OSError('no number')"),
        main_that("{}['key']"),
        main_that("return -1"),
        main_that("sys.exit(3)"),
        main_that("os.kill(os.getpid(), 9)"),
    )
    found, status, text = next(runs)
    same(found, ending(errno.EINVAL), "ValueError is EINVAL")
    same((status, text), (0, "mod.py: bad: x\n"), "and its message alone")
    found, status, text = next(runs)
    same(found, ending(errno.EEXIST), "OSError is its errno")
    same(text, "mod.py: [Errno 17] there is one\n", "and its text")
    found, status, text = next(runs)
    same(found, ending(errno.ECONNRESET), "without one, ECONNRESET")
    found, status, text = next(runs)
    same(found, ending(errno.ECONNRESET), "so is any other exception")
    ok(text.startswith("Traceback") and "modexec" not in text, "its traceback")
    found, status, text = next(runs)
    same(found, ending(0), "mod_main() may return at once")
    same(next(runs), ([], 3, ""), "sys.exit()")
    same(next(runs)[:2], ([], -9), "a signal")


def test_no_module():
    two = "from flux.brokermod import BrokerModule as M\nclass A(M): pass\n"
    cases = (
        ("two classes", two + "class B(M): pass\n", "define mod_main()"),
        ("no class", "x = 1\n", "BrokerModule subclass found"),
        ("bad syntax", "def x(:\n", "SyntaxError: invalid syntax"),
        ("an exception", "raise ValueError('top')\n", "ValueError: top"),
        ("a failing import", "import nonesuch\n", "'nonesuch'"),
    )
    runs = fail_all(*[source for _name, source, _want in cases])
    for (name, _source, want), (found, status, text) in zip(cases, runs):
        same((found, status), ([], 1), name)
        ok(text.endswith(want + "\n"), "says why")
        ok("modexec" not in text and "importer" not in text, "and only that")


def test_imports():
    names = "site", "json", "re", "socket", "traceback", "typing", "logging"
    loader = Loader(
        main_that(
            "h.reactor_run(); open(args[0], 'w').write(' '.join(sys.modules))"
        ),
        [os.path.join(FOLDER, "modules")],
    )
    loader.until_running()
    loader.ask("mod.ping", {})
    down = request("mod.shutdown")
    down.noresponse = True
    loader.send(down)
    loader.rest()
    loader.end()
    with open(os.path.join(FOLDER, "modules")) as modules:
        loaded = set(modules.read().split())
    same(sorted(loaded & set(names)), [], "nothing is imported without need")
    beside = os.listdir(os.path.dirname(loader.path))
    same(beside, ["mod.py"], "or written")
    with open(os.path.join(FOLDER, "beside.py"), "w") as out:
        out.write("x = 1\n")
    loader = Loader(
        main_that("import beside; h.reactor_run()"),
        environ={"PYTHONPATH": FOLDER},
    )
    loader.until_running()
    ok(True, "PYTHONPATH is heeded")
    loader.process.kill()


def test_lost_broker():
    loader = Loader(GOOD)
    loader.until_running()
    loader.broker.close()
    same(loader.end()[0], 1, "it ends when the broker is gone")


def test_usage():
    def run(args, environ):
        env = dict(os.environ, **environ)
        process = subprocess.Popen(
            PYTHON + args,
            env=env,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        _, text = process.communicate()
        return process.returncode, text.strip()

    name = "flux-module-python-exec: "
    usage = name + "Usage: flux-module-python-exec PATH"
    same(run([], {}), (1, usage), "no argument")
    same(run(["a", "b"], {}), (1, usage), "two arguments")
    same(run(["a"], {}), (1, name + "FLUX_MODULE_URI is not set"), "no URI")
    status, text = run(["a"], {"FLUX_MODULE_URI": "fd://999"})
    same(status, 1, "a bad URI")
    ok("flux_open: [Errno 9] Unable to connect to Flux" in text, "says why")


os.environ.pop("FLUX_MODULE_URI", None)
os.environ.pop("PYTHONPATH", None)
test_life()
test_default_methods()
test_failures_while_running()
test_last_requests()
test_failures_before()
test_no_module()
test_imports()
test_lost_broker()
test_usage()
shutil.rmtree(FOLDER)
done()
