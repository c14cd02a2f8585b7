"""process_of.py - what the system says of the broker's process

broker_of(CLIENT) is the process of the broker that the client speaks to,
Process(PID) any other.  All numbers are bytes, seconds and counts, read from /proc.
"""
import os

UNITS = os.sysconf("SC_CLK_TCK")


class Process:
    def __init__(self, pid):
        self.pid = int(pid)

    def path(self, name):
        return "/proc/%d/%s" % (self.pid, name)

    def fds(self):
        return len(os.listdir(self.path("fd")))

    def status(self, key):
        with open(self.path("status")) as f:
            for line in f:
                if line.startswith(key + ":"):
                    return int(line.split()[1])
        raise KeyError(key)

    def memory(self):
        """What it has allocated; pages of its program come and go."""
        return self.status("RssAnon") << 10

    def peak(self):
        """The most memory since forget_peak()."""
        of_files = self.status("VmRSS") - self.status("RssAnon")
        return self.status("VmHWM") - of_files << 10

    def forget_peak(self):
        with open(self.path("clear_refs"), "w") as f:
            f.write("5")

    def exists(self):
        return os.path.exists(self.path("stat"))

    def _stat(self):
        """What follows its name (proc(5)): the state is the first."""
        with open(self.path("stat")) as stat:
            return stat.read().rsplit(")", 1)[1].split()

    def state(self):
        return self._stat()[0]

    def seconds_used(self):
        return sum(map(int, self._stat()[11:13])) / UNITS


def broker_of(client):
    answer = client.rpc("attr.get", {"name": "broker.pid"})
    return Process(answer.json()["value"])
