"""flux.log - log lines as the broker takes them (RFC 5424)

<PRIORITY>1 TIME RANK APPNAME PROCID - - TEXT, where the priority's lower
three bits, which RFC 5424 has the severity in, are 0 and the severity is
above them: that is how Flux writes and reads these lines.
"""

import os
import sys
import time


def lines(level, rank, appname, text):
    """A request payload for each line of text."""
    if isinstance(text, str):
        text = text.encode("utf-8", "backslashreplace")
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    start = "<%d>1 %s.%06dZ %d %s %d - - " % (
        level << 3,
        stamp,
        int(now % 1 * 1e6),
        rank,
        appname or os.path.basename(sys.executable or "python"),
        os.getpid(),
    )
    return [start.encode() + line for line in text.rstrip(b"\n").split(b"\n")]
