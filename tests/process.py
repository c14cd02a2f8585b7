"""process.py MODULE INNOCENT - how modules in processes end, seen by others

MODULE is dying.so, which ends in every way there is; INNOCENT a module that
has to be served all the while.  Prints TAP for run_tap.
"""
import os
import signal
import sys
import time

import wire

MODULE, INNOCENT = sys.argv[1:3]
WORDS = {
    "exit": "exited without reporting its status",
    "exit3": "exited with exit code 3",
    "segv": "killed by Segmentation fault",
    "kill": "killed by Killed",
    "abort": "killed by Aborted",
    "garbage": "sent what is no message",
    "close": "closed its channel: killed by Terminated",
    "fork": "exited with exit code 4",
}

client = wire.Client()
other = wire.Client()
until = other.until


def entry(name="dying"):
    return other.module(name)


def load(args=(), **keys):
    request = {"path": MODULE, "args": list(args), "exec": True}
    request.update({"on-failure": "log"}, **keys)
    return client.rpc("module.load", request)


def remove(**keys):
    return client.rpc("module.remove", dict(name="dying", **keys))


def log():
    sender = wire.Client()
    tag = sender.request("log.dmesg", {"follow": False}, flags=wire.STREAMING)
    text = ""
    while True:
        msg = sender.answer(tag)
        if msg.a:
            sender.close()
            return text
        text += msg.text()


def quick(start):
    return time.monotonic() - start < 1


def check_death(how):
    asked = wire.Client()
    wire.same(wire.outcome(load()), "ok", how + ": loaded")
    group = entry()["pid"]
    client.rpc("log.clear")
    waiting = client.request("dying.wait")
    start = time.monotonic()
    client.request("dying.die", {"how": how}, flags=wire.NORESPONSE)
    answer = client.answer(waiting)
    wire.same(wire.outcome(answer), "EHOSTUNREACH module disconnect",
              how + ": a request in it is answered")
    wire.say(quick(start), how + ": at once")
    wire.same(other.rpc(INNOCENT + ".ping", {"n": 1}).a, 0,
              how + ": others are served")
    until(lambda: not entry(), how + ": still listed")
    wire.same(wire.outcome(client.rpc("dying.wait")), "ENOSYS No service "
              "matching dying.wait is registered", how + ": the service is gone")
    text = log()
    wire.say("loader (module-exec) " + WORDS[how] in text,
             how + ": the log has the reason", text)
    try:
        os.killpg(group, signal.SIGKILL)
        wire.say(how == "fork", how + ": its group is gone")
    except ProcessLookupError:
        wire.say(how != "fork", how + ": its group is gone")
    asked.close()


def check_disconnects():
    server = wire.Client()
    server.rpc("service.add", {"service": "asked"})
    load()
    client.rpc("dying.ask", {"topic": "asked.something"})
    wire.same(server.recv().topic, "asked.something", "it asks a service")
    client.request("dying.die", {"how": "kill"}, flags=wire.NORESPONSE)
    wire.same(server.recv().topic, "asked.disconnect",
              "which hears of its death")
    until(lambda: not entry(), "still listed")
    server.close()


def check_load_errors():
    got = load(["exit0"])
    wire.same(wire.outcome(got), "EINVAL loader (module-exec) exited without "
              "reporting its status", "exit(0) in mod_main")
    got = load(["fail"])
    wire.same(wire.outcome(got), "EIO Input/output error\nthe disk is on fire",
              "mod_main fails: its errno and what it said")
    got = load(["lines"]).text().split("\n")
    wire.same(got, ["loader (module-exec) exited with exit code 1"] +
              ["line %d" % i for i in range(11, 31)],
              "the last 20 lines of stderr")
    wire.same(entry(), None, "none of them is listed")


def check_removal():
    load()
    client.request("dying.die", {"how": "spin"}, flags=wire.NORESPONSE)
    start = time.monotonic()
    got = remove(timeout=0.1)
    wire.same(got.json(), {"took": "SIGTERM"}, "a busy one takes SIGTERM")
    load()
    client.request("dying.die", {"how": "deaf"}, flags=wire.NORESPONSE)
    tag = client.request("module.remove", {"name": "dying", "timeout": 0.1})
    wire.same(other.rpc(INNOCENT + ".ping", {}).a, 0, "others are served")
    wire.same(client.answer(tag).json(), {"took": "SIGKILL"},
              "a deaf one SIGKILL")
    wire.say(time.monotonic() - start < 4, "in bounded time")
    load()
    os.kill(entry()["pid"], signal.SIGSTOP)
    wire.same(wire.outcome(remove(cancel=True)), "ok",
              "remove with cancel of a stopped one")
    load()
    os.kill(entry()["pid"], signal.SIGSTOP)
    wire.same(remove(timeout=0.1).json(), {"took": "SIGTERM"},
              "a stopped one is woken to hear SIGTERM")
    load()
    got = remove(timeout=5)
    wire.same((got.a, got.payload), (0, None), "one that obeys: no more said")


def check_removed_while_loading():
    loading = client.request("module.load", {
        "path": MODULE, "args": ["hang"], "exec": True})
    until(entry, "not listed")
    wire.same(entry()["status"], 0, "one that does not say that it runs")
    removing = client.request("module.remove", {"name": "dying", "cancel": True})
    wire.same(wire.outcome(client.answer(loading)),
              "ECANCELED removed before it ran", "removed: the load is answered")
    wire.same(client.answer(removing).a, 0, "and the removal")


def check_death_while_removed():
    load()
    client.request("dying.die", {"how": "spin"}, flags=wire.NORESPONSE)
    removing = client.request("module.remove", {"name": "dying"})
    until(lambda: entry(), "gone already")
    os.kill(entry()["pid"], signal.SIGSEGV)
    wire.say("loader (module-exec) killed by Segmentation fault" in
             client.answer(removing).text(), "death while it is removed is told")


def check_descriptors():
    load()
    wire.same(client.rpc("dying.fds").json()["fds"], [0, 1, 2, 3],
              "it has stdio, its channel, and no other descriptor")
    pid = entry()["pid"]
    wire.same(os.getpgid(pid), pid, "it has a process group of its own")
    remove()


def kill_if_there(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (TypeError, ProcessLookupError):
        pass
    return pid


def check_restart():
    rule = "restart:2/60"
    load(**{"on-failure": rule})
    for times in (1, 2):
        pid = entry()["pid"]
        os.kill(pid, signal.SIGKILL)
        until(lambda: (entry() or {}).get("pid", pid) != pid and
              entry()["status"] == 1, "not restarted")
        wire.same((entry()["on-failure"], entry()["restarts"]), (rule, times),
                  "restart %d" % times)
    os.kill(entry()["pid"], signal.SIGKILL)
    until(lambda: not entry(), "restarted too often")
    wire.say("not restarted" in log(), "no third one, and the log says so")
    load(**{"on-failure": "restart"})
    pids = set()
    while entry()["status"] != 3:
        pids.add(kill_if_there(entry().get("pid")))
    wire.say(pids - {None}, "one that waits to be restarted is listed as exited")
    wire.same(wire.outcome(remove()), "ok", "and can be removed")
    wire.same(entry(), None, "for good")


CHECKS = [check_load_errors, check_descriptors, check_disconnects,
          check_removal, check_removed_while_loading, check_death_while_removed,
          check_restart]

for word in WORDS:
    check_death(word)
for check in CHECKS:
    try:
        check()
    except Exception as exc:
        wire.say(False, check.__name__, repr(exc))
