"""flux.errors - exceptions, and the errors that C would tell with errno

Errors are OSError with errno and a text: the one that a service sent, else
the system's for that number.  Python maps some numbers to a subclass, e.g.
ETIMEDOUT to TimeoutError and ENOENT to FileNotFoundError.
"""

import errno
import os


class PayloadError(ValueError):
    """A message's payload is not the JSON object that was expected.

    A request handler may let it pass: the sender then gets EPROTO.
    """

    def __init__(self, text, data=None):
        super().__init__(text)
        self.data = data  # the payload's bytes


def error(errnum, text=None):
    """The OSError for errnum, with the system's text if none is given."""
    return OSError(errnum, text or _system_text(errnum))


def _system_text(errnum):
    try:
        return os.strerror(errnum)
    except (OverflowError, ValueError):
        return "Unknown error %d" % errnum


def protocol_error(text):
    return OSError(errno.EPROTO, text)
