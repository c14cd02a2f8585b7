"""flux.lean - standard types, by the way that imports least

`collections` and `weakref` import several modules of which nothing is
needed here; the two types live in modules that are built in.
"""

try:
    from _collections import deque
    from _weakref import ref
except ImportError:
    from collections import deque
    from weakref import ref

__all__ = ["deque", "ref"]
