"""trace_event.py - is a file in Chrome's trace-event format, and what is in it

    trace_event.py FILE        lines of TAP without numbers (run_tap in lib.sh)

Checked is what the format's description asks of each event that we write
("Trace Event Format", docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0):
the fields and their types by phase, the scopes of instants, metadata with
their arguments, flows with two ends that each lie in a span of their thread,
spans of a thread that do not overlap.  Then what the demonstration run of
trace_formats.t must have left in it.
"""
import json
import sys

from wire import same, say

NUMBER = (int, float)
COMMON = {"name": str, "ph": str, "pid": int, "tid": int}
FIELDS = {
    "X": {"cat": str, "ts": NUMBER, "dur": NUMBER, "args": dict},
    "I": {"cat": str, "ts": NUMBER, "s": str, "args": dict},
    "s": {"cat": str, "ts": NUMBER, "id": str, "args": dict},
    "f": {"cat": str, "ts": NUMBER, "id": str, "args": dict, "bp": str},
    "M": {"cat": str, "ts": NUMBER, "args": dict},
}
METADATA = {"process_name": ("name", str), "thread_name": ("name", str),
            "thread_sort_index": ("sort_index", int)}


def wrong_fields(event):
    wanted = dict(COMMON, **FIELDS.get(event.get("ph"), {"unknown phase": str}))
    return [k for k, kind in wanted.items()
            if not isinstance(event.get(k), kind)] + \
        [k for k in event if k not in wanted]


def overlaps(spans):
    by_thread = {}
    for e in spans:
        by_thread.setdefault((e["pid"], e["tid"]), []).append(
            (e["ts"], e["ts"] + e["dur"]))
    return [(k, a, b) for k, v in by_thread.items()
            for a, b in zip(sorted(v), sorted(v)[1:]) if a[1] > b[0]]


def holds(spans, end):
    return [e for e in spans if (e["pid"], e["tid"]) == (end["pid"], end["tid"])
            and e["ts"] <= end["ts"] <= e["ts"] + e["dur"]]


doc = json.load(open(sys.argv[1]))
events = doc["traceEvents"]
of = {ph: [e for e in events if e.get("ph") == ph] for ph in FIELDS}
same([(e, wrong_fields(e)) for e in events if wrong_fields(e)], [],
     "each event has the fields of its phase, of their types, and no other")
same(doc["displayTimeUnit"], "ms", "displayTimeUnit")
same([e for e in events if e.get("ts", 0) < 0 or e.get("dur", 0) < 0], [],
     "no time is negative")
same([e for e in of["I"] if e["s"] not in "gpt"], [], "scopes of instants")
same([e for e in of["M"] if e["name"] not in METADATA
      or not isinstance(e["args"].get(METADATA[e["name"]][0]),
                        METADATA[e["name"]][1])], [], "metadata")
same(overlaps(of["X"]), [], "spans of a thread do not overlap")

thread = {(e["pid"], e["tid"]): e["args"]["name"]
          for e in of["M"] if e["name"] == "thread_name"}
process = {e["pid"]: e["args"]["name"]
           for e in of["M"] if e["name"] == "process_name"}
same([e for e in events if e["ph"] != "M" and
      (e["tid"] and (e["pid"], e["tid"]) not in thread
       or e["pid"] not in process)], [], "each track has a name")
same(sorted(process.values()), ["clients", "modules"], "of modules or clients")

starts = {e["id"]: e for e in of["s"]}
ends = {e["id"]: e for e in of["f"]}
same(sorted(starts), sorted(ends), "each arrow has two ends")
same(len(starts), len(of["s"]), "and a number of its own")
same([i for i in starts if starts[i]["ts"] >= ends[i]["ts"]], [],
     "which are in order")
same([e for e in of["s"] + of["f"] if len(holds(of["X"], e)) != 1], [],
     "and each lie in a span")


def who(event):
    return thread[event["pid"], event["tid"]].split(" ")[0]


calls = {(who(starts[i]), who(ends[i]), holds(of["X"], ends[i])[0]["name"])
         for i in starts}
for call in (("relay", "testmod", "testmod.echo"),
             ("relay", "testmod", "testmod.nosuch"),
             ("client", "relay", "relay.ask"),
             ("client", "testmod", "testmod.echo")):
    say(call in calls, "an arrow from %s to %s: %s" % call, calls)
failed = {(who(e), e["name"], e["args"]["error"]) for e in of["X"]
          if "error" in e["args"]}
say(("testmod", "testmod.nosuch", "ENOSYS") in failed, "a failed span says so",
    failed)
say(any(e["args"].get("unanswered") and e["name"] == "testmod.wait"
        for e in of["X"]), "an unanswered one too")
say(any(who(e) == "relay" and e["cat"] == "event" and e["name"] == "some.event"
        for e in of["I"]), "an event is an instant")
say(any(name.startswith("testmod #") for name in thread.values()),
    "calls at the same time have lanes of their own")
