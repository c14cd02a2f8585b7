"""flux.modsolver - which tasks take part, and what waits for what

The rules are those of flux-modprobe(1).  Names go in, names come out, as new
lists; nothing that is given is changed.

    requires    pulls others in, in whatever order they are then run
    needs       keeps a task out where none of the others meets the need
    before, after    who waits for whom among those that take part

A module that is removed stands at the same places the other way round: what
was loaded later goes first.
"""

from flux.modtasks import Module


class CycleError(ValueError):
    """Tasks that wait for each other."""

    def __init__(self, names):
        super().__init__("nodes are in a cycle: " + ", ".join(names))


class DependencySolver:
    def __init__(self, db, context):
        self.db = db
        self.context = context

    # ---- who takes part --------------------------------------------------

    def _can_run(self, task, asked):
        """Enabled, with all needs met, as far as those asked already go."""
        return task.enabled(self.context) and all(
            self._can_be_met(need, asked + (task.name,)) for need in task.needs
        )

    def _can_be_met(self, service, asked):
        return any(
            task.name in asked or self._can_run(task, asked)
            for task in self.db.alternatives(service)
        )

    def resolve_service(self, service, ignore_needs=False):
        """The task that stands for a service here, or would if it could."""
        usable = [
            task
            for task in self.db.alternatives(service)
            if task.enabled(self.context)
            and (ignore_needs or self._can_run(task, ()))
        ]
        return usable[-1] if usable else self.db.get(service)

    def solve_requirements(self, tasks, ignore_disabled=False):
        """Those named and all that they require, without the disabled."""
        found = []
        for service in tasks:
            self._require(service, ignore_disabled, found)
        return found

    def _require(self, service, ignore_disabled, found):
        task = self.resolve_service(service)
        if task.name in found:
            return
        if not ignore_disabled and not task.enabled(self.context):
            return
        found.append(task.name)
        for other in task.requires:
            self._require(other, ignore_disabled, found)

    def solve_needs(self, tasks):
        """Without those whose needs are not met by any of the rest."""
        rest = list(tasks)
        while True:
            kept = [name for name in rest if self._needs_met(name, rest)]
            if len(kept) == len(rest):
                return kept
            rest = kept

    def _needs_met(self, name, among):
        task = self.db.named(name)
        return task is None or all(
            self.db.has_enabled_provider(among, need) for need in task.needs
        )

    def default_modules(self):
        """All modules but those that lose against another alternative."""
        return [
            task.name
            for task in self.db
            if isinstance(task, Module) and self._is_chosen(task)
        ]

    def _is_chosen(self, module):
        return not module.provides or any(
            self.resolve_service(service) is module
            for service in module.provides
        )

    # ---- what waits for what ---------------------------------------------

    def _meant(self, tasks, service, key):
        """Names among the tasks that `service` in their list `key` means."""
        if service == "*":
            return [task.name for task in tasks if "*" not in getattr(task, key)]
        if service not in self.db:
            raise ValueError("no such task or module %s" % service)
        return [task.name for task in tasks if task.is_called(service)]

    def _members(self, names):
        return [self.db.named(name) or self.db.get(name) for name in names]

    def solve_execution_order(self, tasks, removing=()):
        """{name: names that have to be done before it}, without cycles.

        removing: names of modules among the tasks that are to be removed.
        """
        members = self._members(tasks)
        order = {task.name: [] for task in members}
        for task in members:
            backwards = task.name in removing
            for service in task.after:
                for name in self._meant(members, service, "after"):
                    self._add_edge(order, task.name, name, backwards)
            for service in task.before:
                for name in self._meant(members, service, "before"):
                    self._add_edge(order, name, task.name, backwards)
        check_cycles(order)
        return order

    @staticmethod
    def _add_edge(order, later, first, backwards):
        if backwards:
            later, first = first, later
        if later != first and first not in order[later]:
            order[later].append(first)

    # ---- removal ----------------------------------------------------------

    def get_requires(self, tasks):
        """{name: names among the tasks that it requires}."""
        members = self._members(tasks)
        return {
            task.name: [
                other.name
                for other in members
                if any(other.is_called(service) for service in task.requires)
            ]
            for task in members
        }

    def get_reverse_requires(self, tasks):
        """{name: set of names among the tasks that require it}."""
        users = {}
        for name, required in self.get_requires(tasks).items():
            for other in required:
                users.setdefault(other, set()).add(name)
        return users

    def solve_removal(self, deps, modules):
        """Those named, and those that only they require.

        deps: what get_requires() tells of all that are loaded.
        """
        gone = list(modules)
        for name in modules:
            users = [user for user in _users(deps, name) if user not in gone]
            if users:
                raise ValueError(
                    "%s still in use by %s" % (name, ", ".join(sorted(users)))
                )
        while True:
            unused = [name for name in deps if _is_left_over(deps, name, gone)]
            if not unused:
                return gone
            gone += unused


def _users(deps, name):
    return [user for user in deps if name in deps[user] and user != name]


def _is_left_over(deps, name, gone):
    users = _users(deps, name)
    return name not in gone and users and all(user in gone for user in users)


def waves(order):
    """Yield lists of names that have nothing left to wait for, till none is."""
    waiting = {name: set(before) for name, before in order.items()}
    while True:
        ready = [name for name in waiting if not waiting[name]]
        if not ready:
            break
        yield ready
        for name in ready:
            del waiting[name]
        for before in waiting.values():
            before.difference_update(ready)
    if waiting:
        raise CycleError(_find_cycle(waiting))


def check_cycles(order):
    for _ in waves(order):
        pass


def _find_cycle(waiting):
    """Walk from one that waits to one that it waits for, till one is met twice."""
    name = next(iter(waiting))
    path = []
    while name not in path:
        path.append(name)
        name = min(waiting[name])
    return path[path.index(name) :] + [name]
