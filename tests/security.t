#!/bin/sh
# security.t - what SECURITY.md says is so: limits as in the code, tests that are
. "${0%/*}/lib.sh"

cat >"$W/limits.py" <<'E2'
import glob
import os
import re
import sys

from wire import say

UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
NUMBER = r"([0-9][0-9,.^]*)( [KMG]iB)?"


def rows(title):
    """Of the table below that title, without its two first lines."""
    with open("SECURITY.md") as f:
        section = f.read().split("\n## %s\n" % title)[1].split("\n## ")[0]
    lines = [l for l in section.splitlines() if l.startswith("|")]
    return [[cell.strip() for cell in l.strip("|").split("|")]
            for l in lines[2:]]


def numbers(text):
    for digits, unit in re.findall(NUMBER, text):
        value = eval(digits.replace(",", "").replace("^", "**"))
        yield value * UNITS.get(unit.strip(), 1)


def definitions():
    """Each name that has a number, with all the numbers that it has."""
    found = {}
    for path in glob.glob("*.[ch]"):
        with open(path) as f:
            text = f.read()
        for name, value in re.findall(
                r"(?:#define |\b)([A-Z][A-Z0-9_]+)(?: =|(?<=[A-Z]))\s+"
                r"\(?((?:\d[\d.]*|\d+U?)(?: (?:<<|\*) \d+)*)\b", text):
            found.setdefault(name, set()).add(eval(value))
    return found


def check_limit(what, text, names, found):
    wanted = list(numbers(text))
    for name, value in zip(names, wanted):
        say(value in found.get(name, ()), "%s is %s" % (name, value),
            "in the code: %s" % found.get(name))
    say(len(wanted) >= len(names), "%s: a number for each name" % what, wanted)


def check_limits():
    found = definitions()
    for what, text, names in rows("Limits"):
        names = [n.strip() for n in names.split(",")]
        if names[0].startswith("broker."):
            print("attribute %s %s" % (names[0], text), file=sys.stderr)
        else:
            check_limit(what, text, names, found)


def is_there(proof):
    if not proof.startswith("`"):
        return os.path.exists("tests/" + proof)
    target = proof.strip("`").split()[-1]
    with open("Makefile") as f:
        text = f.read()
    for path in glob.glob("tests/*/*.mk"):
        with open(path) as f:
            text += f.read()
    return re.search("^%s:" % target, text, re.M)


def check_threats():
    for threat, defence, shown in rows("Threats"):
        proofs = [p.strip() for p in shown.split(",")]
        say(defence and proofs and all(is_there(p) for p in proofs),
            "%s: %s" % (threat, shown))


check_limits()
check_threats()
E2
cd "$top" || exit 1
run_tap python3 "$W/limits.py"
sed -n 's/^attribute //p' "$W/out" >"$W/attributes"
ok "limits that are attributes" test -s "$W/attributes"
start
while read -r name value; do
    [ "$value" = none ] || value=${value}s
    is "$name is $value" "$value" flux getattr "$name"
done <"$W/attributes"
stop
finish
