"""flux.topics - topic strings and the patterns that select them

Topics are bytes inside the package, as they are on the wire, so that a
message finds its handler without being decoded; str outside of it.
Patterns are shell wildcards (`*`, `?`, `[…]`).  The common ones, no
wildcard at all and a `*` at the end, need no regular expression, and so the
fnmatch module is imported for the others alone.
"""

import errno


def encode_topic(topic):
    """The bytes of a topic given as str or bytes."""
    if isinstance(topic, bytes):
        return topic
    if isinstance(topic, str):
        return topic.encode("utf-8", "surrogateescape")
    if topic is None:
        raise OSError(errno.EINVAL, "Topic must not be None/NULL")
    raise TypeError("Topic must be a string, not %s" % type(topic))


def is_glob(pattern):
    return any(char in pattern for char in b"*?[")


def matcher(pattern):
    """A function that tells if topic bytes (or None) match; None if any do."""
    if pattern in (b"", b"*"):
        return None
    if not is_glob(pattern):
        return lambda topic: topic == pattern
    stem = pattern[:-1]
    if pattern.endswith(b"*") and not is_glob(stem):
        return lambda topic: topic is not None and topic.startswith(stem)
    from fnmatch import fnmatchcase

    return lambda topic: topic is not None and fnmatchcase(topic, pattern)
