#!/usr/bin/env python3
"""garbler.py - a loader (broker to module: descriptor 3) that sends anything

Its module's path is a file of JSON that says what:

    {"claim": N}            N MiB of a message of 1 GiB, and no more
    {"skip": M, "count": N} N mutated messages, from the Mth on; those that are
                            none after all are left out (badframes.py)

Each mutated message is taken by the broker before the next is sent.  How many
there were, with the one that is being sent, is in PATH.done, be it that the
broker has had enough of it or not.  Then it says that it runs, one byte at a
time, which answers its load.
"""
import itertools
import json
import os
import socket
import sys

import wire
from badframes import GOOD, claimed, is_message, mutants, outlived


def send_mutants(peer, path, skip, count):
    """Whether the broker still listens."""
    note = os.open(path + ".done", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    todo = itertools.islice(mutants(skip + count), skip, None)
    for i, data in enumerate(todo):
        os.pwrite(note, b"%d" % (i + 1), 0)
        if is_message(data) and not outlived(peer, data):
            return False
    return True


def status(value):
    return wire.Message(wire.REQUEST, "module.status",
                        {"status": value, "errnum": 0}, wire.NORESPONSE,
                        a=wire.NODEID_ANY)


def wait_for_shutdown(peer):
    while not (peer.recv().topic or "").endswith(".shutdown"):
        pass


def run(peer):
    for byte in status(1).encode():
        peer.sock.sendall(bytes([byte]))
    wait_for_shutdown(peer)
    peer.send(status(3))


def main(path):
    with open(path) as f:
        todo = json.load(f)
    peer = wire.Client(sock=socket.socket(fileno=3))
    if "claim" in todo:
        for piece in claimed(todo["claim"]):
            peer.sock.sendall(piece)
        wait_for_shutdown(peer)
    elif (all(outlived(peer, data) for data in GOOD) and
          send_mutants(peer, path, **todo)):
        run(peer)


main(sys.argv[1])
