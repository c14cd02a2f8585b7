"""flux.modtasks - what modprobe runs: tasks of rc files, and modules

A Task has a name, conditions under which it takes part, and its place among
the others; a Module is one whose work is a request to the broker.  A TaskDB
holds both by name and by the services that they provide.

The names and meaning of arguments are those of flux-modprobe(1).  Lists of
names are lists here, "*" in before or after stands for all others.

What always holds:
- A wrong argument is a ValueError that begins with the task's name, when the
  task is made, not when it is run.
- Conditions are asked of a context: rank, attr_get(), conf_get(), getenv().
- force_enabled, which TaskDB.enable() sets, outweighs all conditions, but not
  `needs`.
"""

_LISTS = (
    "provides",
    "requires",
    "needs",
    "before",
    "after",
    "needs_attrs",
    "needs_config",
    "needs_env",
)
DEFAULT_PRIORITY = 100


def _bad_idset(text):
    return ValueError("ranks: invalid idset: %s" % text)


def _number(text, of):
    if not text.isdigit():
        raise _bad_idset(of)
    return int(text)


def _range(text, of):
    first, dash, last = text.partition("-")
    low = _number(first, of)
    return low, _number(last, of) if dash else low


def parse_ranks(ranks):
    """A function that tells of a rank whether it is meant."""
    if ranks == "all":
        return lambda rank: True
    if not isinstance(ranks, str):
        raise _bad_idset(ranks)
    if ranks[:1] in ("<", ">"):
        limit = _number(ranks[1:], ranks)
        return lambda rank: rank < limit if ranks[0] == "<" else rank > limit
    if ranks.startswith("[") != ranks.endswith("]"):
        raise _bad_idset(ranks)
    ids = ranks[1:-1] if ranks.startswith("[") else ranks
    ranges = [_range(text, ranks) for text in ids.split(",") if ids]
    return lambda rank: any(low <= rank <= high for low, high in ranges)


def _holds(name, is_set):
    """A name that begins with "!" is one that must not be set."""
    if name.startswith("!"):
        return not is_set(name[1:])
    return is_set(name)


class Task:
    """One step, under a name; run(context) does it."""

    verb = "run"

    def __init__(
        self,
        name,
        function=None,
        ranks="all",
        priority=DEFAULT_PRIORITY,
        disabled=False,
        **lists
    ):
        self.name = name
        self.function = function
        self.ranks = ranks
        self.priority = priority
        self.disabled = disabled
        self.force_enabled = False
        self._is_meant = parse_ranks(ranks)
        for key in lists:
            if key not in _LISTS:
                raise ValueError("%s: unknown task argument %s" % (name, key))
        for key in _LISTS:
            setattr(self, key, self._list_of(key, lists.get(key)))
        self._check_star("before", "after")
        self._check_star("after", "before")

    def _list_of(self, key, value):
        names = [] if value is None else value
        if isinstance(names, str) or not all(
            isinstance(item, str) for item in names
        ):
            raise ValueError("%s: %s: not a list of names" % (self.name, key))
        return list(names)

    def _check_star(self, key, other):
        if "*" in getattr(self, key) and getattr(self, other):
            raise ValueError(
                "%s: cannot specify '%s=[\"*\"]' when '%s' is also set (%s=%s)"
                % (self.name, key, other, other, getattr(self, other))
            )

    @property
    def may_run(self):
        return self.force_enabled or not self.disabled

    def is_called(self, service):
        return service == self.name or service in self.provides

    def enabled(self, context):
        """Whether all conditions but `needs` hold."""
        if self.force_enabled:
            return True
        return (
            not self.disabled
            and self._is_meant(context.rank)
            and self._all_set(self.needs_attrs, context.attr_get)
            and self._all_set(self.needs_config, context.conf_get)
            and self._all_set(self.needs_env, context.getenv)
        )

    @staticmethod
    def _all_set(names, get):
        return all(_holds(name, lambda n: get(n) is not None) for name in names)

    def words(self, context):
        """What a dry run shows behind the verb."""
        return [self.name]

    def run(self, context):
        self.function(context)


class Module(Task):
    """A broker module, from an entry of modprobe.toml."""

    verb = "load"
    _own = ("module", "args", "exec", "on-failure", "wrap")

    def __init__(self, entry):
        if "name" not in entry:
            raise ValueError("Missing required config key 'name'")
        conf = dict(entry)
        own = {key: conf.pop(key) for key in self._own if key in conf}
        name = conf.pop("name")
        options = {key.replace("-", "_"): conf[key] for key in conf}
        for key in options:
            if key not in _LISTS + ("ranks", "priority", "disabled"):
                raise ValueError("invalid config key %s" % key)
        super().__init__(name, **options)
        self.module = own.get("module", name)
        self.args = list(own.get("args", ()))
        self.exec = own.get("exec", False)
        self.extra = {
            key: own[key] for key in ("on-failure", "wrap") if key in own
        }

    def arguments(self, context):
        if context.module_args_overwrite.get(self.name):
            return context.getopts(self.name)
        return self.args + context.getopts(self.name)

    def words(self, context):
        return [self.name] + self.arguments(context)

    def run(self, context):
        request = {
            "path": self.module,
            "args": self.arguments(context),
            "exec": self.exec,
        }
        if self.module != self.name:
            request["name"] = self.name
        request.update(self.extra)
        context.rpc("module.load", request).get()


class Removal(Task):
    """A loaded module that is to go; its place is that of the module."""

    verb = "remove"

    def __init__(self, module):
        super().__init__(module.name)
        self.module = module

    def run(self, context):
        context.rpc("module.remove", {"name": self.name}).get()


class TaskDB:
    """Tasks by name, in the order in which they were added."""

    def __init__(self):
        self._tasks = {}

    def __iter__(self):
        return iter(self._tasks.values())

    def __contains__(self, service):
        return any(task.is_called(service) for task in self)

    def __setitem__(self, name, task):
        """Add, or replace one of that name where it stands."""
        if name != task.name:
            raise ValueError(
                "key '%s' doesn't match task.name '%s'" % (name, task.name)
            )
        self._tasks[name] = task

    def add(self, task):
        """Add as the last one, whatever had that name."""
        self._tasks.pop(task.name, None)
        self._tasks[task.name] = task

    def named(self, name):
        return self._tasks.get(name)

    def alternatives(self, service):
        """All that are called so, the one that wins last."""
        found = [task for task in self if task.is_called(service)]
        return sorted(found, key=lambda task: task.priority)

    def get(self, service):
        """The one that wins; an enabled one if there is any."""
        found = self.alternatives(service)
        if not found:
            raise ValueError("no such task or module %s" % service)
        return ([task for task in found if task.may_run] or found)[-1]

    def set_alternative(self, service, name):
        """Have `name` win, also for all else that it provides."""
        found = self.alternatives(service)
        if not found:
            raise ValueError("no such service %s" % service)
        task = self.named(name)
        if task not in found:
            raise ValueError("no module %s provides %s" % (name, service))
        rivals = [
            other
            for called in [task.name] + task.provides
            for other in self.alternatives(called)
            if other is not task
        ]
        best = max((other.priority for other in rivals), default=task.priority)
        if rivals and best >= task.priority:
            task.priority = best + 1

    def disable(self, service):
        """All that are called so."""
        found = self.alternatives(service)
        if not found:
            raise ValueError("no such module or task '%s'" % service)
        for task in found:
            task.disabled = True

    def enable(self, service):
        """The one that wins, whatever its conditions say."""
        if service not in self:
            raise ValueError("no such module or task '%s'" % service)
        self.get(service).force_enabled = True

    def has_enabled_provider(self, names, service):
        """Whether one of the tasks in `names` is called so and not disabled."""
        return any(
            task is not None and task.is_called(service) and task.may_run
            for task in map(self.named, names)
        )


def task(*args, **options):
    """Decorator: make a function of an rc file a task.

    @task("name", ranks="0", after=["kvs"], ...)
    """
    if len(args) != 1 or not isinstance(args[0], str):
        raise ValueError('task missing required name argument: @task("name")')

    def register(function):
        tasks = function.__globals__.setdefault("__flux_tasks__", [])
        tasks.append(Task(args[0], function, **options))
        return function

    return register
