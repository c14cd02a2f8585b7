"""fakebroker.py - a broker that says what a test wants to hear

    fakebroker.py SOCKET FILE [SHOW]

listens at SOCKET and answers requests as FILE says, a JSON object:

    {"TOPIC": {"RANK": ANSWER, ...}, ...}

RANK is the request's nodeid, "any" for none.  An ANSWER that is an object is
a response; a number is an error; null is silence.  A topic or rank that is
not there is error 38 or 113, as from a real broker.  FILE is read again for
each request, so that a test may change it.  With SHOW each request is a line
on stdout.  Ends with its stdin.
"""
import json
import os
import select
import socket
import sys

from wire import MAGIC, NODEID_ANY, NORESPONSE, REQUEST, RESPONSE, Message

ENOSYS, EHOSTUNREACH = 38, 113


def answer(path, msg):
    with open(path) as f:
        ranks = json.load(f).get(msg.topic)
    if ranks is None:
        return ENOSYS
    rank = "any" if msg.a == NODEID_ANY else str(msg.a)
    return ranks.get(rank, EHOSTUNREACH)


def respond(sock, msg, value):
    error = value if isinstance(value, int) else 0
    response = Message(RESPONSE, msg.topic, None if error else value, 0,
                       error, msg.b)
    response.routes = msg.routes
    sock.sendall(response.encode())


class Connection:
    def __init__(self, sock):
        self.sock, self.data = sock, b""
        sock.sendall(b"\0")

    def read(self, path):
        """False at the end."""
        more = self.sock.recv(65536)
        self.data += more
        while len(self.data) >= 8:
            assert self.data[:4] == MAGIC
            size = 8 + int.from_bytes(self.data[4:8], "big")
            if len(self.data) < size:
                break
            self.serve(path, Message.decode(self.data[8:size]))
            self.data = self.data[size:]
        return bool(more)

    def serve(self, path, msg):
        if msg.kind != REQUEST or msg.flags & NORESPONSE:
            return
        if len(sys.argv) > 3:
            print(msg.topic, msg.a, msg.text(), flush=True)
        value = answer(path, msg)
        if value is not None:
            respond(self.sock, msg, value)


def serve_one(connection, path):
    """False at the end: also when a client went without reading it all, and
    FILE is being written again already."""
    try:
        return connection.read(path)
    except (ConnectionResetError, BrokenPipeError, json.JSONDecodeError):
        return False


def main(where, path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(where + ".new")
    listener.listen(5)
    os.rename(where + ".new", where)
    connections = {}
    while True:
        ready = select.select([listener, sys.stdin, *connections], [], [])[0]
        for sock in ready:
            if sock is sys.stdin:
                return
            if sock is listener:
                new = listener.accept()[0]
                connections[new] = Connection(new)
            elif not serve_one(connections[sock], path):
                del connections[sock]
                sock.close()


main(*sys.argv[1:3])
