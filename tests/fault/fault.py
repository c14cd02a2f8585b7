"""fault.py - calls of the system fail one after another; what then?

Usage: fault.py [-q] LIBRARY FLUX MODULES [CASE[:FUNCTION]...]

A case is an operation, such as loading a module.  For each function of the
library (fault.c) the operation is done again and again, while the first call
of that function fails, then the second, and so on until it succeeds without
any failure.  -q: only some of the numbers, more thinly the higher they are;
FAULT_FIRST and FAULT_LAST: from one to the other.

What must hold each time:
- the operation ends, within WAIT seconds, with an answer, with an error that
  has a text, or with the end of the connection;
- no process is ended by a signal;
- the instance goes on: a new client's ping is answered, and what was loaded
  can be removed.
"""
import json
import mmap
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import wire  # noqa: E402
from wire import EVENT, REQUEST, STREAMING, Client, Message, say  # noqa: E402

# As in fault.c.
FUNCTIONS = {"malloc": 1, "fork": 2, "socketpair": 3, "pipe": 4, "open": 5,
             "write": 6, "pthread_create": 7, "dlopen": 8, "socket": 9,
             "accept": 10, "read": 11, "poll": 12}
WAIT = float(os.environ.get("FAULT_WAIT", 5))
LAST = 20000  # an operation that makes more calls than that has no end
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE,
           signal.SIGILL)
wire.WAIT = WAIT


class Failed(Exception):
    """A promise that was not kept; the text says which."""


class Control:
    """The file through which calls are made to fail."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "control")
        with open(self.path, "wb") as f:
            f.write(bytes(4096))
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 4096)

    def arm(self, function, number):
        self.map[:12] = struct.pack("=iii", 0, number, 0)
        self.map[:4] = struct.pack("=i", function)

    def disarm(self):
        """How many calls have failed."""
        self.map[:4] = struct.pack("=i", 0)
        return struct.unpack("=iii", self.map[:12])[2]


class Instance:
    """A broker with the library, begun again when it has ended."""

    def __init__(self, setup, program):
        self.setup, self.program, self.broker = setup, program, None

    def environment(self):
        env = dict(os.environ)
        env.update(LD_PRELOAD=self.setup.library, FAULT_PROGRAM=self.program,
                   FAULT_CONTROL=self.setup.control.path,
                   PYTHONWARNINGS="ignore")
        return env

    def start(self):
        self.rundir = tempfile.mkdtemp(dir=self.setup.folder)
        self.log = open(os.path.join(self.rundir, "stderr"), "wb")
        self.broker = subprocess.Popen(
            [self.setup.flux + "-broker", "-Srundir=" + self.rundir,
             "-Sbroker.rc2_none=1", "-Sbroker.module-nopanic=1"],
            env=self.environment(), stdin=subprocess.DEVNULL,
            stdout=self.log, stderr=self.log)
        os.environ["FLUX_URI"] = "local://%s/local-0" % self.rundir
        wait_for(self.is_there, "the broker is not there")

    def is_there(self):
        try:
            Client().close()
            return True
        except OSError:
            return False

    def check(self):
        """It is alive and serves others."""
        status = self.broker.poll()
        if status is not None:
            self.broker = None
            raise Failed("the broker ended with status %d:\n%s"
                         % (status, self.last_words()))
        client = Client()
        if client.rpc("broker.ping", {}).a != 0:
            raise Failed("ping: the broker has no good answer")
        client.close()

    def last_words(self):
        with open(self.log.name, errors="replace") as f:
            return "the end of its stderr:\n" + f.read()[-2000:]

    def stop(self):
        if not self.broker:
            return
        self.broker.terminate()
        try:
            status = self.broker.wait(WAIT)
        except subprocess.TimeoutExpired:
            self.broker.kill()
            self.broker.wait()
            raise Failed("the broker does not end: " + self.last_words())
        finally:
            self.broker = None
        if -status in CRASHES:
            raise Failed("the broker ended with signal %d" % -status)


def wait_for(condition, what):
    limit = time.monotonic() + WAIT
    while not condition():
        if time.monotonic() > limit:
            raise Failed(what)
        time.sleep(0.005)


def told(response):
    """An answer, or an error that says something."""
    if response.a != 0 and not (os.strerror(response.a) or response.text()):
        raise Failed("an error without a text")
    return response.a == 0


# ---- operations in a running instance ---------------------------------------

def unload(name):
    """As often as it takes: the failure may have hit a part of it."""
    client = Client()

    def is_gone():
        answer = client.rpc("module.list", {})
        if name not in [m["name"] for m in answer.json()["mods"]]:
            return True
        client.rpc("module.remove", {"name": name})
        return False
    wait_for(is_gone, "%s cannot be removed" % name)
    client.close()


def load(setup, **more):
    client = Client()
    more["args"] = []
    more["path"] = os.path.join(setup.modules, more["path"])
    try:
        return (told(client.rpc("module.load", more))
                and told(client.rpc("module.remove", {"name": "hello"})))
    finally:
        client.close()


def do_connect(setup):
    Client().close()


def do_rpc(setup):
    client = Client()
    told(client.rpc("attr.get", {"name": "rank"}))
    told(client.rpc("broker.ping", {"pad": "x" * 9000}))
    client.close()


def do_thread(setup):
    load(setup, path="hello.so")


def do_process(setup):
    load(setup, path="hello.so", exec=True)


def do_python(setup):
    load(setup, path=os.path.join(setup.examples, "hello.py"))


def do_event(setup):
    client = Client()
    if (told(client.rpc("event.subscribe", {"topic": "oom"}))
            and told(client.rpc("event.publish", {"topic": "oom.a",
                                                  "flags": 0}))):
        while client.recv().kind != EVENT:
            pass
    client.close()


def do_trace(setup):
    client = Client()
    tag = client.request("module.trace", {"names": ["config"], "typemask": 15,
                                          "topic_glob": "*", "full": False},
                         flags=STREAMING)
    other = Client()
    told(other.rpc("config.get", None))
    told(client.answer(tag))
    other.close()
    client.close()


def do_config(setup):
    client = Client()
    told(client.rpc("config.load", {"a": {"b": [1, 2.5, "x"]}}))
    told(client.rpc("config.get", None))
    told(client.rpc("config.load", {}))
    client.close()


def do_exec(setup):
    client = Client()
    tag = client.request("rexec.exec", {
        "cmd": {"cwd": "/", "cmdline": ["echo", "hi"], "env": {}, "opts": {},
                "channels": []}, "flags": 3}, flags=STREAMING)
    while client.answer(tag).a == 0:
        pass
    client.close()


# ---- operations that are a process of their own -------------------------------

def run(setup, words, env):
    """A command that ends well, or says why not."""
    process = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, start_new_session=True)
    try:
        text = process.communicate(timeout=2 * WAIT)[1].decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise Failed("%s does not end" % " ".join(words[:3]))
    status = process.returncode
    if -status in CRASHES or status - 128 in CRASHES:
        raise Failed("signal %d: %s" % (-status, text[-600:]))
    if status != 0 and not text.strip():
        raise Failed("status %d without a word" % status)


def do_start(setup, env):
    rundir = tempfile.mkdtemp(dir=setup.folder)
    env.pop("FLUX_URI", None)
    run(setup, [setup.flux + "-broker", "-Srundir=" + rundir, "true"], env)
    shutil.rmtree(rundir, ignore_errors=True)


def do_list(setup, env):
    run(setup, [setup.flux, "module", "list"], env)


def do_ping(setup, env):
    run(setup, [setup.flux, "ping", "-c1", "broker"], env)


def do_publish(setup, env):
    run(setup, [setup.flux, "event", "pub", "a.b", "{}"], env)


def do_dmesg(setup, env):
    run(setup, [setup.flux, "dmesg"], env)


# name: function, which program's calls fail, module to be removed after
CASES = {
    "start": (do_start, "flux-broker", None),
    "connect": (do_connect, "flux-broker", None),
    "rpc": (do_rpc, "flux-broker", None),
    "event": (do_event, "flux-broker", None),
    "trace": (do_trace, "flux-broker", None),
    "config": (do_config, "flux-broker", None),
    "exec": (do_exec, "flux-broker", None),
    "thread": (do_thread, "flux-broker", "hello"),
    "process": (do_process, "flux-broker", "hello"),
    "loader": (do_process, "flux-module-exec", "hello"),
    "python": (do_python, "flux-broker", "hello"),
    "pyloader": (do_python, "flux-module-python-exec", "hello"),
    "list": (do_list, "flux", None),
    "ping": (do_ping, "flux", None),
    "publish": (do_publish, "flux", None),
    "dmesg": (do_dmesg, "flux", None),
}
COMMANDS = (do_start, do_list, do_ping, do_publish, do_dmesg)


class Setup:
    def __init__(self, library, flux, modules, folder):
        self.library, self.flux, self.modules = library, flux, modules
        self.examples = os.path.join(os.path.dirname(os.path.dirname(HERE)),
                                     "examples")
        self.folder, self.control = folder, Control(folder)


def attempt(setup, instance, case, function, number):
    """Whether a call has failed; Failed if that was not survived."""
    operation, _, module = CASES[case]
    if operation is not do_start and not instance.broker:
        instance.start()
    setup.control.arm(FUNCTIONS[function], number)
    try:
        if operation in COMMANDS:
            operation(setup, instance.environment())
        else:
            operation(setup)
    except TimeoutError:
        raise Failed("no answer; " + instance.last_words())
    except (EOFError, OSError):
        pass  # the connection was refused or ended: that is told
    finally:
        fired = setup.control.disarm()
    if instance.broker:
        instance.check()
        if module:
            unload(module)
    return fired


def numbers(thin):
    n = int(os.environ.get("FAULT_FIRST", 1))
    while n <= int(os.environ.get("FAULT_LAST", LAST)):
        yield n
        n += 1 + (n // 4 if thin else 0)


def survey(setup, case, function, thin):
    """Failures injected, and what went wrong."""
    instance = Instance(setup, CASES[case][1])
    injected, wrong = 0, []
    for number in numbers(thin):
        try:
            if not attempt(setup, instance, case, function, number):
                break
        except (Failed, OSError, EOFError) as e:
            wrong.append("%d: %s" % (number, str(e) or repr(e)))
        injected += 1
        if len(wrong) > 20:
            break
    try:
        instance.stop()
    except Failed as e:
        wrong.append(str(e))
    return injected, wrong


def chosen(words):
    for word in words or CASES:
        case, _, function = word.partition(":")
        for f in [function] if function else FUNCTIONS:
            yield case, f


def main(args):
    thin = args[0] == "-q"
    library, flux, modules = args[thin:thin + 3]
    total = 0
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(os.path.abspath(library), flux, modules, folder)
        for case, function in chosen(args[thin + 3:]):
            injected, wrong = survey(setup, case, function, thin)
            total += injected
            if injected or wrong:
                say(not wrong, "%s: %d failures of %s" %
                    (case, injected, function), "\n".join(wrong))
    print("# %d failures injected" % total)


main(sys.argv[1:])
