"""flux.modprobe - rc files in Python, and the modules around them

`flux modprobe run|rc1|rc3` comes here when there is an rc file to run.  It
has read all TOML, the configuration and its own options, and hands over one
JSON object by a file descriptor, main()'s argument:

    command     "run", "rc1" or "rc3"
    files       paths of rc files, in order
    modules     entries of modprobe.toml, updates and alternatives applied
    disable     names to disable that are no module's
    load, remove   true: all modules, no rc1.py or rc3.py says which
    scripts     programs to run last (rc3: first)
    verbose, dry_run, show_deps, timing

An rc file is Python that may define tasks and a function setup(context):

    from flux.modprobe import task

    def setup(context):
        context.load_modules(["kvs"])

    @task("fill", after=["kvs"], ranks="0")
    def fill(context):
        context.bash("flux kvs put a=1")

What always holds:
- All files are loaded, and each one's setup() is run, before the first task.
- A task or module is begun when all that it waits for is done; those that do
  not wait for each other run at the same time, each in a thread.  After a
  failure nothing more is begun, what runs is waited for, the status is 1.
- A failure is one line on stderr: what failed, and why.
"""

import os
import sys
from threading import local

from flux import payload as json
from flux.handle import Flux
from flux.modsolver import CycleError, DependencySolver, waves
from flux.modtasks import Module, Removal, Task, TaskDB, task

__all__ = [
    "Context",
    "CycleError",
    "DependencySolver",
    "Modprobe",
    "Module",
    "ModuleList",
    "Task",
    "TaskDB",
    "task",
]

# Tasks mostly wait for the broker; more threads would only wait together.
_THREADS_MAX = 16


def say(*words):
    """Print a line as a whole, whatever other threads print."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


class ModuleList:
    """Names of the modules that are loaded, but for the broker's own."""

    def __init__(self, handle):
        answer = handle.rpc("module.list").get()
        self._names = [
            entry["name"]
            for entry in answer["mods"]
            if entry["path"] != "builtin"
        ]

    def __iter__(self):
        return iter(self._names)

    def __len__(self):
        return len(self._names)


class Context:
    """What tasks and setup() are given; one for all of them."""

    def __init__(self, modprobe, verbose=False, dry_run=False):
        self.modprobe = modprobe
        self.verbose = verbose
        self.dry_run = dry_run
        self.module_args = {}
        self.module_args_overwrite = {}
        self._thread = local()
        self._data = {}
        self._broker_env = {}

    @property
    def handle(self):
        """This thread's own handle."""
        if not hasattr(self._thread, "handle"):
            self._thread.handle = Flux()
        return self._thread.handle

    @property
    def rank(self):
        return self.handle.get_rank()

    def print(self, *args):
        if self.verbose:
            say(*args)

    # ---- data, attributes, configuration, environment ----------------------

    def set(self, key, value):
        self._data[key] = value

    def get(self, key, default=None):
        return self._data.get(key, default)

    def attr_get(self, attr, default=None):
        try:
            return self.handle.attr_get(attr)
        except FileNotFoundError:
            return default

    def conf_get(self, key, default=None):
        return self.handle.conf_get(key, default)

    def rpc(self, topic, *args, **kwargs):
        return self.handle.rpc(topic, *args, **kwargs)

    def getenv(self, var, default=None):
        """From the local environment, else from the broker's."""
        if var in os.environ:
            return os.environ[var]
        if var not in self._broker_env:
            answer = self.rpc("broker.getenv", {"names": [var]}).get()
            self._broker_env[var] = answer["env"].get(var)
        value = self._broker_env[var]
        return default if value is None else value

    def setenv(self, name_or_env, value=None):
        """Here and in the broker; None unsets."""
        env = name_or_env
        if not isinstance(env, dict):
            env = {name_or_env: value}
        for name, text in env.items():
            if text is not None and not isinstance(text, str):
                raise ValueError("%s: value must be a string or None" % name)
        self.rpc("broker.setenv", {"env": env}).get()
        for name, text in env.items():
            self._broker_env.pop(name, None)
            if text is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = text

    # ---- modules ------------------------------------------------------------

    def setopt(self, module, options, overwrite=False):
        """Append options, separated by blanks, to a module's arguments."""
        if overwrite:
            self.module_args[module] = []
            self.module_args_overwrite[module] = True
        self.module_args.setdefault(module, []).extend(options.split())

    def getopts(self, name, default=None, also=None):
        """What setopt() has set, for other names in the list `also`, too."""
        options = list(self.module_args.get(name, ()))
        for other in also or ():
            options += self.module_args.get(other, ())
        if not options and default is not None:
            return default.split() if isinstance(default, str) else default
        return options

    def load_modules(self, modules):
        self.modprobe.load(modules)

    def remove_modules(self, modules=None):
        self.modprobe.remove(modules)

    def set_alternative(self, name, alternative):
        self.modprobe.db.set_alternative(name, alternative)

    def enable(self, name):
        self.modprobe.db.enable(name)

    # ---- commands ------------------------------------------------------------

    def bash(self, command):
        """Run `bash -c command`; RuntimeError if it fails."""
        from subprocess import call

        sys.stdout.flush()
        status = call(["bash", "-c", command])
        if status > 0:
            raise RuntimeError("bash: exited with exit status %d" % status)
        if status < 0:
            raise RuntimeError("bash: died by signal %d" % -status)


class RcFileError(Exception):
    """An rc file could not be loaded, or its setup() failed."""


class Modprobe:
    """All tasks and modules, and which of them take part."""

    def __init__(self, modules=(), verbose=False, dry_run=False):
        self.db = TaskDB()
        self.context = Context(self, verbose, dry_run)
        self.solver = DependencySolver(self.db, self.context)
        self.active = []  # names of tasks and of what they load
        self.removing = []
        for entry in modules:
            self.db.add(Module(entry))

    def load(self, names):
        for name in names:
            self.db.get(name)
        self.active += names

    def remove(self, names=None):
        """None means all that are loaded, described or not."""
        loaded = list(ModuleList(self.context.handle))
        if names is None:
            for name in loaded:
                if self.db.named(name) is None:
                    self.db.add(Module({"name": name}))
            names = loaded
        chosen = [self._find(name).name for name in names]
        self.removing += [
            name
            for name in chosen
            if name in loaded and name not in self.removing
        ]

    def _find(self, name):
        return self.db.named(name) or self.db.get(name)

    def add_task(self, found):
        self.db.add(found)
        self.active.append(found.name)

    # ---- rc files --------------------------------------------------------------

    def load_file(self, path):
        self.context.print("loading", path)
        scope = {"__name__": "rc", "__file__": path}
        try:
            with open(path, "rb") as source:
                exec(compile(source.read(), path, "exec"), scope)
            self._take(scope)
        except Exception as e:  # whatever an rc file may raise
            raise RcFileError("%s: %s" % (_place(path, e), e)) from e

    def _take(self, scope):
        for found in scope.get("__flux_tasks__", ()):
            self.add_task(found)
        if "setup" in scope:
            scope["setup"](self.context)

    # ---- what is run -------------------------------------------------------------

    def plan(self, loaded=()):
        """{name: names that have to be done before it}.

        loaded: modules that are there; what they are for is done.
        """
        names = self.solver.solve_requirements(self.active)
        names += [name for name in self.removing if name not in names]
        names = self.solver.solve_needs(names)
        names = [name for name in names if not self._is_done(name, loaded)]
        return self.solver.solve_execution_order(names, self.removing)

    def _is_done(self, name, loaded):
        return name in loaded and name not in self.removing

    def step(self, name):
        found = self._find(name)
        return Removal(found) if name in self.removing else found

    def pretend(self, order):
        for wave in waves(order):
            for name in wave:
                step = self.step(name)
                print(step.verb, *step.words(self.context))

    def perform(self, name):
        step = self.step(name)
        verb = "start" if step.verb == "run" else step.verb
        self.context.print(verb, *step.words(self.context))
        step.run(self.context)
        self.context.print("completed", name)


def _place(path, e):
    """path:LINE, the line in that file where an exception came from."""
    line = getattr(e, "lineno", None) if isinstance(e, SyntaxError) else None
    trace = e.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return path if line is None else "%s:%d" % (path, line)


class Runner:
    """Does a plan, with threads; failed tells how it ended."""

    def __init__(self, order, perform):
        from queue import Queue
        from time import monotonic

        self.now = monotonic
        self.perform = perform
        self.waiting = {name: set(before) for name, before in order.items()}
        self.todo = Queue()
        self.done = Queue()
        self.under_way = 0
        self.failed = False
        self.times = []  # (start, seconds, name)
        self.start = self.now()

    def run(self):
        from threading import Thread

        for _ in range(min(len(self.waiting), _THREADS_MAX)):
            Thread(target=self._work, daemon=True).start()
        self._begin_ready()
        while self.under_way:
            self._finish(*self.done.get())
            self._begin_ready()

    def _work(self):
        while True:
            name = self.todo.get()
            begun = self.now()
            failure = None
            try:
                self.perform(name)
            except BaseException as e:  # SystemExit in a task, too
                failure = e
            self.times.append((begun - self.start, self.now() - begun, name))
            self.done.put((name, failure))

    def _begin_ready(self):
        if self.failed:
            return
        for name in [n for n in self.waiting if not self.waiting[n]]:
            del self.waiting[name]
            self.under_way += 1
            self.todo.put(name)

    def _finish(self, name, failure):
        self.under_way -= 1
        if failure is not None:
            self.failed = True
            sys.stdout.flush()
            print("%s: %s" % (name, failure), file=sys.stderr)
        for before in self.waiting.values():
            before.discard(name)


def _script_task(command, scripts):
    """One task that runs them one after the other, when all modules are there."""

    def run_all(context):
        from shlex import quote

        for path in scripts:
            context.bash("exec " + quote(path))

    place = {"before" if command == "rc3" else "after": ["*"]}
    return Task("run-all-" + command, run_all, **place)


def _prepare(order):
    modprobe = Modprobe(order["modules"], order["verbose"], order["dry_run"])
    for path in order["files"]:
        modprobe.load_file(path)
    for name in order["disable"]:
        modprobe.db.disable(name)
    if order.get("load"):
        modprobe.load(modprobe.solver.default_modules())
    if order.get("remove"):
        modprobe.remove()
    if order.get("scripts"):
        modprobe.add_task(_script_task(order["command"], order["scripts"]))
    return modprobe


def _carry_out(order):
    modprobe = _prepare(order)
    adding = order["command"] == "run" and not order["dry_run"]
    loaded = ModuleList(modprobe.context.handle) if adding else ()
    plan = modprobe.plan(list(loaded))
    if order["show_deps"]:
        print(json.encode(plan).decode().rstrip("\0"))
        return 0
    if order["dry_run"]:
        modprobe.pretend(plan)
        return 0
    runner = Runner(plan, modprobe.perform)
    runner.run()
    if order["timing"]:
        for start, seconds, name in sorted(runner.times):
            print("%8.3fs %8.3fs %s" % (start, seconds, name))
    return 1 if runner.failed else 0


def _read_order(fd):
    import json as standard

    with os.fdopen(fd, encoding="utf-8") as file:
        return standard.load(file)


def main():
    try:
        status = _carry_out(_read_order(int(sys.argv[1])))
    except (RcFileError, OSError, ValueError) as e:
        sys.stdout.flush()
        print("flux-modprobe: ERROR: %s" % e, file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.exit(status)
