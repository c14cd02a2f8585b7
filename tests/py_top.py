"""py_top.py - flux module top on a terminal

A pseudo-terminal stands for the person's: keys are written to it, pictures
are read from it, and its mode is compared before and after.
"""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

from wire import WAIT, same, say

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"


class Top:
    def __init__(self, *options, rows=24, columns=80):
        self.master, self.slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(self.slave)
        self.output = b""
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
            for fd in 0, 1, 2:
                os.dup2(self.slave, fd)
            os.close(self.master)
            os.execvp("flux-module", ["flux-module", "top", *options])

    def resize(self, rows, columns):
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys):
        os.write(self.master, keys.encode())

    def read(self, timeout=0.05):
        ready = select.select([self.master], [], [], timeout)[0]
        if ready:
            self.output += os.read(self.master, 65536)
        return bool(ready)

    def pictures(self):
        """Whole ones, as lists of lines without their colours."""
        parts = self.output.split(b"\x1b[H")[1:]
        texts = [re.sub(rb"\x1b\[[0-9?]*[a-zA-Z]", b"", p) for p in parts
                 if p.endswith(b"\x1b[J") or b"\x1b[J" in p]
        return [t.decode().replace("\r", "").split("\n") for t in texts]

    def until(self, condition):
        """Read until condition(the last picture) holds."""
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            self.read()
            shown = self.pictures()
            if shown and len(shown[-1]) > 3 and condition(shown[-1]):
                return True
        return False

    def wait(self, options=0):
        deadline = time.monotonic() + WAIT
        while time.monotonic() < deadline:
            self.read(0.01)
            pid, status = os.waitpid(self.pid, options | os.WNOHANG)
            if pid:
                while self.read(0.02):
                    pass
                return status
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        return None

    def restored(self):
        return (termios.tcgetattr(self.slave) == self.before and
                self.output.count(ENTER) == self.output.count(LEAVE) > 0 and
                self.output.rfind(SHOW_CURSOR) > self.output.rfind(ENTER))

    def close(self):
        os.close(self.master)
        os.close(self.slave)


def names(picture):
    return [line.split()[0] for line in picture[3:] if line.strip()]


def has_modules(picture):
    return "testmod" in names(picture)


def test_quit():
    top = Top("-d", "50ms")
    say(top.until(has_modules), "a table is shown", top.output)
    raw = termios.tcgetattr(top.slave)
    say(not raw[3] & (termios.ICANON | termios.ECHO), "keys are not echoed")
    picture = top.pictures()[-1]
    say(picture[2].startswith("Module               S   In/s  Out/s"),
        "with a header", picture)
    say(b"\x1b[7mModule" in top.output, "which is reversed")
    count = len(top.pictures())
    say(top.until(lambda p: len(top.pictures()) > count + 2),
        "again and again")
    top.press("q")
    same(top.wait(), 0, "q quits, status 0")
    say(top.restored(), "the terminal is as it was", repr(top.output[-200:]))
    top.close()


def test_sort():
    top = Top("-d", "20s")
    top.until(has_modules)
    top.press("n")
    say(top.until(lambda p: "by name," in p[0] and
                  names(p) == sorted(names(p))), "n sorts by name")
    top.press("r")
    say(top.until(lambda p: "reversed" in p[0] and
                  names(p) == sorted(names(p), reverse=True)),
        "r reverses that")
    top.press("r")
    for key, name in (("c", "cpu"), ("m", "memory"), ("9", "p99"),
                      ("5", "p50"), ("u", "queue"), ("a", "unanswered"),
                      ("o", "out"), ("s", "state"), ("i", "in")):
        top.press(key)
        say(top.until(lambda p, name=name: "by %s," % name in p[0]),
            "%s sorts by %s" % (key, name))
    before = len(top.pictures())
    top.press("x")
    top.press(" ")
    say(top.until(lambda p: len(top.pictures()) > before),
        "a blank asks again, an unknown key does nothing")
    top.press("q")
    same(top.wait(), 0, "it lives on")
    top.close()


def test_resize():
    top = Top("-d", "20s", columns=80)
    top.until(has_modules)
    say(top.until(lambda p: max(map(len, p)) > 60), "wide on a wide terminal")
    top.resize(5, 30)
    os.kill(top.pid, signal.SIGWINCH)
    say(top.until(lambda p: max(map(len, p)) <= 30 and len(p) == 5),
        "narrow and low on one that became small", top.pictures()[-1])
    top.press("q")
    top.wait()
    say(top.restored(), "the terminal is as it was")
    top.close()


def test_signals():
    for name in "SIGTERM", "SIGINT", "SIGHUP":
        top = Top("-d", "20s")
        top.until(has_modules)
        number = getattr(signal, name)
        os.kill(top.pid, number)
        status = top.wait()
        say(status is not None and os.WIFSIGNALED(status) and
            os.WTERMSIG(status) == number, name + " ends it", status)
        say(top.restored(), "the terminal is as it was")
        top.close()
    top = Top("-d", "20s")
    top.until(has_modules)
    top.press("\x03")
    status = top.wait()
    say(status is not None and os.WIFSIGNALED(status), "Ctrl-C ends it")
    say(top.restored(), "the terminal is as it was")
    top.close()


def test_stop():
    top = Top("-d", "20s")
    top.until(has_modules)
    os.kill(top.pid, signal.SIGTSTP)
    status = top.wait(os.WUNTRACED)
    say(status is not None and os.WIFSTOPPED(status), "it can be stopped")
    say(top.restored(), "the terminal is as it was")
    top.output = ENTER
    os.kill(top.pid, signal.SIGCONT)
    say(top.until(has_modules), "and goes on with a table")
    top.press("q")
    same(top.wait(), 0, "then q quits")
    top.close()


def test_count():
    top = Top("-d", "20ms", "-n", "3")
    same(top.wait(), 0, "-n 3 ends by itself")
    same(len(top.pictures()), 3, "after three tables")
    say(top.restored(), "the terminal is as it was")
    top.close()


def test_broker_gone(broker):
    top = Top("-d", "50ms")
    top.until(has_modules)
    os.kill(broker, signal.SIGKILL)
    status = top.wait()
    same(status, 1 << 8, "the broker dies: status 1")
    say(top.restored(), "the terminal is as it was")
    say(b"flux-module: module.stats: " in top.output.split(LEAVE)[-1],
        "then the reason is told", repr(top.output[-200:]))
    top.close()


test_quit()
test_sort()
test_resize()
test_signals()
test_stop()
test_count()
test_broker_gone(int(sys.argv[1]))
