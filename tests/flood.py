"""flood.py - how long others wait while one client sends all it can

A client of its own floods a module; an innocent one (innocent.py) calls the
broker meanwhile, or the same module.  Where SIEGE=full and the machine does
nothing else the 99th percentile is below 10 ms: a module's queue is full with
some hundred requests (link.h), of a few microseconds each.
"""
import os
import subprocess

import innocent
import wire

COUNT = innocent.full_size("20000", "1000000")  # seconds of it in full
WINDOW = "5000"


def flood(topic):
    done = subprocess.run((os.environ["B"] + "/tests/pipeline", "-s", "60", topic,
                           COUNT, WINDOW), stdout=subprocess.PIPE, text=True)
    wire.say(done.returncode == 0, topic + " is flooded, all is answered",
             done.stdout)


for asked in ("broker.ping", "testmod.ping"):
    with innocent.besieged("a flood, " + asked, asked):
        flood("testmod.echo")
with innocent.besieged("a flood of the broker, testmod.ping", "testmod.ping"):
    flood("broker.ping")
