"""compare.py - the outputs of the same commands, line by line

    compare.py WORK LIST KNOWN DETAILS

WORK/LIST.CLIENT-BROKER/N holds what the N-th command of LIST printed where
the commands were CLIENT's and the broker was BROKER's, each "flux" or "ours".
That of flux-flux is what is right, if it succeeded or failed as the list says.
The others must be the same but for what no two runs have in common: times,
ids, folders (scrub).  A row of the table for each case is printed, and each
difference that is not in KNOWN goes to DETAILS.

The status is 1 if there is such a difference.
"""
import difflib
import os
import re
import sys

OTHERS = "ours-flux", "flux-ours", "ours-ours"
SCRUB = [(re.compile(pattern), text) for pattern, text in [
    (r"\S*/(tmp/)?flux-[A-Za-z0-9]{6}\b", "RUNDIR"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z?", "TIME"),
    (r"\b[A-Z][a-z]{2} ?\d\d \d\d:\d\d:[\d.]+ UTC \d{4}", "TIME"),
    (r"\[[A-Z][a-z]{2}\d\d \d\d:\d\d\]", "[TIME]"),
    (r"\d\d:\d\d:\d\d", "TIME"),
    (r"time=[\d.]+ ms", "time=T ms"),
    (r"\brun [\d.]+[mshd]+", "run T"),
    (r"\b[0-9a-f]{8}\b(?=[!)])", "ID"),
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
    (r"pid=\d+", "pid=N"),
]]


def folders():
    """Names for the folders of the two programs."""
    for name in "FLUX_PREFIX", "BUILD":
        for folder in {os.environ[name], os.path.realpath(os.environ[name])}:
            yield re.compile(re.escape(folder) + r"(/libexec/flux/cmd|/bin)?"), name


def scrub(text):
    for pattern, name in SCRUB:
        text = pattern.sub(name, text)
    for pattern, name in FOLDERS:
        text = pattern.sub("PREFIX", text)
    return text.splitlines()


def read(path):
    with open(path, errors="replace") as f:
        return f.read()


def read_known(path):
    for line in read(path).splitlines():  # with COMMAND
        if line.count(" | ") >= 2 and not line.startswith("#"):
            where, command, reason = (p.strip() for p in line.split(" | ", 2))
            yield where, re.compile(command), reason


class Case:
    def __init__(self):
        self.passes, self.fails, self.reasons = 0, 0, {}

    def differs(self, reason):
        self.fails += 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1


def as_marked(mark, lines):
    return (lines[-1] == "status 0") == (mark == "$")


def main(work, name, known_path, details_path):
    known = list(read_known(known_path))
    cases, unknown, n = {}, 0, 1
    reference = os.path.join(work, name + ".flux-flux")
    with open(details_path, "a") as details:
        while os.path.exists(os.path.join(reference, "%d.is" % n)):
            mark, title, command = read(
                os.path.join(reference, "%d.is" % n)).splitlines()
            case = cases.setdefault(title, Case())
            want = scrub(read(os.path.join(reference, str(n))))
            if not as_marked(mark, want):
                case.differs("the command itself")
                unknown += 1
                print("%s %s\n  %s" % (mark, command, "\n  ".join(want)),
                      file=details)
            for where in OTHERS:
                path = os.path.join(work, "%s.%s" % (name, where), str(n))
                got = scrub(read(path)) if os.path.exists(path) else ["none"]
                if got == want:
                    case.passes += 1
                    continue
                reason = next((r for w, c, r in known
                               if w in ("*", where) and c.search(command)), None)
                case.differs(reason or "not known")
                if not reason:
                    unknown += 1
                    print("[%s] %s" % (where, command), file=details)
                    print("\n".join("  " + d for d in difflib.ndiff(want, got)
                                    if d[0] in "+-"), file=details)
            n += 1
    for title, case in cases.items():
        reasons = "; ".join("%s (%d)" % r for r in case.reasons.items())
        print("| %s | %d | %d | %s |" % (title, case.passes, case.fails,
                                         reasons))
    return 1 if unknown else 0


FOLDERS = list(folders())
sys.exit(main(*sys.argv[1:]))
